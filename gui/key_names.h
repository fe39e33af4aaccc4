// Names of keys as test scripts know them: QEMU's key codes ("ret", "ctrl", "kp_enter"), and chords of them.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "devices/keyboard/keys.h"
#include "support/result.h"

namespace gnomon {

/// "a", "1", "ret", "ctrl", "f12" …; nothing if there is no such key.
[[nodiscard]] std::optional<Key> key_by_name(std::string_view name);
/// A key number as QEMU's: the make code of scan code set 1, 80h added for those with the prefix E0h.
[[nodiscard]] std::optional<Key> key_by_number(unsigned number);
/// Names joined by '-': "ctrl-alt-delete". The error names the first unknown one.
[[nodiscard]] Result<std::vector<Key>> parse_chord(std::string_view chord);

}  // namespace gnomon
