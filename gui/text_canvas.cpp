// Drawing of characters.
#include "gui/text_canvas.h"

#include <algorithm>

#include "devices/vga/code_page_437.h"

namespace gnomon {
namespace {

/// Takes one character off the front; malformed bytes count as one each.
char32_t take_utf8(std::string_view& text) {
    const auto first = static_cast<u8>(text[0]);
    const size_t length = first < 0x80 ? 1 : first < 0xc0 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    if (length <= 1 || text.size() < length) {
        text.remove_prefix(1);
        return first < 0x80 ? first : U'?';
    }
    char32_t value = first & (0x7fu >> length);
    for (size_t i = 1; i < length; i++) value = value << 6 | (static_cast<u8>(text[i]) & 0x3f);
    text.remove_prefix(length);
    return value;
}

u8 code_page_character(char32_t character) {
    if (character >= 0x20 && character < 0x7f) return static_cast<u8>(character);
    const auto* found = std::ranges::find(kCodePage437, character);
    return found == std::end(kCodePage437) ? '?' : static_cast<u8>(found - std::begin(kCodePage437));
}

}  // namespace

TextCanvas::TextCanvas(u32 columns, u32 rows, u32 background)
    : columns_(columns),
      rows_(rows),
      pixels_(size_t{columns} * rows * kCellWidth * kCellHeight, background),
      text_(size_t{columns} * rows, ' ') {}

void TextCanvas::put(u32 row, u32 column, u8 character, u32 foreground, u32 background) {
    text_[size_t{row} * columns_ + column] = static_cast<char>(character);
    for (u32 y = 0; y < kCellHeight; y++) {
        const u8 bits = kOverlayFont[character * kCellHeight + y];
        u32* pixel = &pixels_[(size_t{row} * kCellHeight + y) * width() + size_t{column} * kCellWidth];
        for (u32 x = 0; x < kCellWidth; x++) pixel[x] = bits >> (7 - x) & 1 ? foreground : background;
    }
}

u32 TextCanvas::write(u32 row, u32 column, std::string_view utf8, u32 foreground, u32 background) {
    if (row >= rows_) return column;
    while (!utf8.empty() && column < columns_)
        put(row, column++, code_page_character(take_utf8(utf8)), foreground, background);
    return column;
}

void TextCanvas::fill_row(u32 row, u32 colour) {
    for (u32 column = 0; column < columns_; column++) put(row, column, ' ', colour, colour);
}

}  // namespace gnomon
