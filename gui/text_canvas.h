// Text in a picture of our own: characters of 8x16 pixels, for the menu and the status line of a window.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "support/types.h"

namespace gnomon {

/// 256 glyphs of 16 bytes, code page 437, the leftmost pixel in bit 7.
extern const std::array<u8, 4096> kOverlayFont;

class TextCanvas {
  public:
    static constexpr u32 kCellWidth = 8;
    static constexpr u32 kCellHeight = 16;

    TextCanvas(u32 columns, u32 rows, u32 background);

    /// Writes UTF-8 from that place on, cut at the right border; what code page 437 lacks becomes '?'.
    /// Returns the column behind it.
    u32 write(u32 row, u32 column, std::string_view utf8, u32 foreground, u32 background);
    void fill_row(u32 row, u32 colour);

    [[nodiscard]] u32 columns() const { return columns_; }
    [[nodiscard]] u32 rows() const { return rows_; }
    [[nodiscard]] u32 width() const { return columns_ * kCellWidth; }
    [[nodiscard]] u32 height() const { return rows_ * kCellHeight; }
    /// 0x00RRGGBB, rows from the top.
    [[nodiscard]] const std::vector<u32>& pixels() const { return pixels_; }
    /// The characters of a row, as they were written (code page 437 as Latin bytes); for tests.
    [[nodiscard]] std::string_view text(u32 row) const {
        return std::string_view(text_).substr(size_t{row} * columns_, columns_);
    }

  private:
    void put(u32 row, u32 column, u8 character, u32 foreground, u32 background);

    u32 columns_;
    u32 rows_;
    std::vector<u32> pixels_;
    std::string text_;
};

}  // namespace gnomon
