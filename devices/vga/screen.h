// What a display adapter shows, detached from the adapter: a picture, or the characters of a text mode.
// Values that can be handed from the thread that owns the guest to a front end.
#pragma once

#include <string>
#include <vector>

#include "support/types.h"

namespace gnomon {

/// A picture of the active display area, one u32 0x00RRGGBB a pixel, rows from the top without padding. The
/// pixels of VGA modes are not square: the whole picture is meant to fill a 4:3 area when `pixel_aspect` is
/// zero, otherwise a pixel is `pixel_aspect` / 1000 times as wide as high.
///
/// The adapter draws into a frame that holds an earlier picture only what changed since, and says which lines
/// that were: [first_changed, end_changed), all of them where the size changed. `source` and `stamp` are the
/// adapter's note of what the frame holds; whoever paints into the pixels clears `source`.
struct Frame {
    u32 width = 0;
    u32 height = 0;
    u32 pixel_aspect = 0;
    std::vector<u32> pixels;
    u32 first_changed = 0;
    u32 end_changed = 0;
    const void* source = nullptr;
    u64 stamp = 0;

    void resize(u32 new_width, u32 new_height) {
        width = new_width;
        height = new_height;
        pixels.resize(size_t{new_width} * new_height);
    }
    /// The same picture.
    bool operator==(const Frame& other) const {
        return width == other.width && height == other.height && pixel_aspect == other.pixel_aspect &&
               pixels == other.pixels;
    }
};

struct PictureSize {
    u32 width;
    u32 height;
    u32 pixel_aspect;  ///< as Frame::pixel_aspect
    bool operator==(const PictureSize&) const = default;
};

/// One character position. Colours are attribute values (0-15), resolved by TextScreen::palette.
struct TextCell {
    u16 character = ' ';  ///< code page 437; bit 8 set: from the second character set of a 512-character font
    u8 foreground = 7;
    u8 background = 0;
    bool blink = false;
    bool underline = false;
    bool operator==(const TextCell&) const = default;
};

struct TextScreen {
    bool graphics = false;  ///< a graphics mode (or a blank screen) is active: no cells
    u32 columns = 0;
    u32 rows = 0;
    std::vector<TextCell> cells;  ///< rows * columns, from the top left
    u32 palette[16] = {};         ///< 0x00RRGGBB of each attribute value
    bool cursor_visible =
        false;  ///< a cursor is enabled and within the screen, in whatever phase of its blinking
    u32 cursor_column = 0;
    u32 cursor_row = 0;

    [[nodiscard]] const TextCell& at(u32 row, u32 column) const {
        return cells[size_t{row} * columns + column];
    }
    /// The rows as UTF-8 without trailing blanks; in a graphics mode one line that says so.
    [[nodiscard]] std::vector<std::string> lines() const;
    bool operator==(const TextScreen&) const = default;
};

}  // namespace gnomon
