// The parts of a machine that log, and the check of what log.level says about them.
#pragma once

#include <span>
#include <string_view>

#include "support/result.h"

namespace gnomon {

/// In the order of the alphabet.
[[nodiscard]] std::span<const std::string_view> log_parts();
/// Refuses what names no level, or a part that there is not; Log::configure() takes any part.
[[nodiscard]] Result<void> check_log_levels(std::string_view text);

}  // namespace gnomon
