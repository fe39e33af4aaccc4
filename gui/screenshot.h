// Screens as files: PNG (PNG specification, 2nd edition) or PPM for pictures, UTF-8 text for text modes.
#pragma once

#include <string>
#include <vector>

#include "devices/vga/screen.h"
#include "support/result.h"

namespace gnomon {

/// The picture as an 8-bit RGB PNG; pixels that are not square are declared by a pHYs chunk.
[[nodiscard]] std::vector<u8> encode_png(const Frame& frame);
Result<void> write_png(const std::string& path, const Frame& frame);
/// As a binary portable pixmap (Netpbm's ppm(5)).
Result<void> write_ppm(const std::string& path, const Frame& frame);
/// One line of UTF-8 a row.
Result<void> write_screen_text(const std::string& path, const TextScreen& screen);

}  // namespace gnomon
