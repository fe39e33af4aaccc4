// Recognising what a file is by its content, so that an image of another program is refused by name and not
// shown to the guest as garbage.
#pragma once

#include <span>
#include <string_view>

#include "support/types.h"

namespace gnomon {

/// `head` is the start of the file (at least 64 KiB if it has them), `tail` its last 512 bytes.
/// Returns the name of a format that is not raw ("qcow2"), empty for a raw image.
[[nodiscard]] std::string_view foreign_format(std::span<const u8> head, std::span<const u8> tail);

/// ISO 9660 or UDF: a volume descriptor "CD001" or "BEA01" in sector 16 of 2048 bytes.
[[nodiscard]] bool is_iso(std::span<const u8> head);

}  // namespace gnomon
