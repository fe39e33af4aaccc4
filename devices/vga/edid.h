// What the monitor says about itself. VESA Enhanced EDID Standard 1.4 (the block is of version 1.3).
#pragma once

#include <array>

#include "support/types.h"

namespace gnomon {

using Edid = std::array<u8, 128>;

/// A flat monitor of 16:10 that shows up to 2560x1600; preferred is 1024x768 at 60 Hz.
[[nodiscard]] Edid make_edid();

}  // namespace gnomon
