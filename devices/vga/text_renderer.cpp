// The character generator: walks the scan lines as the CRTC's counters do.
#include "devices/vga/text_renderer.h"

#include <algorithm>

namespace gnomon {
namespace {

struct ScanLine {
    unsigned y;
    unsigned row_start;  ///< address counter at the first character
    unsigned row_scan;   ///< line of the character
    bool new_row;        ///< first line of this row of characters that is seen
    bool panned;         ///< panning applies
};

/// Calls visit(ScanLine) for every displayed line: start address, preset row scan, double scanning, split
/// screen.
template<class Visitor>
void for_each_line(const VgaState& state, Visitor visit) {
    const unsigned lines = state.displayed_lines();
    const bool pan_after_split = !(state.attribute[0x10] & 0x20);
    unsigned row_start = state.start_address();
    unsigned row_scan = state.crtc[8] & 0x1f;
    bool new_row = true;
    bool panned = true;
    bool repeated = false;
    for (unsigned y = 0; y < lines; y++) {
        visit(ScanLine{y, row_start, row_scan, new_row, panned});
        new_row = false;
        const unsigned counter = state.lines_doubled() ? y >> 1 : y;
        const bool counter_moves = !state.lines_doubled() || (y & 1);
        if (counter_moves && counter == state.line_compare()) {
            row_start = 0;
            row_scan = 0;
            repeated = false;
            new_row = true;
            panned = pan_after_split;
            continue;
        }
        if (state.lines_doubled() && !counter_moves) continue;
        if (state.double_scan()) {
            repeated = !repeated;
            if (repeated) continue;
        }
        if (row_scan == state.last_row_scan()) {
            row_scan = 0;
            row_start = (row_start + state.row_pitch()) & 0xffff;
            new_row = true;
        } else {
            row_scan = (row_scan + 1) & 0x1f;
        }
    }
}

/// The address counter at `column` of a line, byte panning included.
unsigned counter_at(const VgaState& state, const ScanLine& line, unsigned column) {
    unsigned step = column;
    if (state.crtc[0x14] & 0x20)
        step >>= 2;
    else if (state.crtc[0x17] & 0x08)
        step >>= 1;
    return (line.row_start + (line.panned ? state.crtc[8] >> 5 & 3 : 0) + step) & 0xffff;
}

/// Plane 2 address of the character set that a select value (bits 0 and 1, bit 2 from 4 or 5) names.
constexpr u32 font_base(unsigned select) { return (select & 3) * 0x4000 + (select & 4 ? 0x2000 : 0); }

struct Fonts {
    u32 plain;   ///< attribute bit 3 clear
    u32 second;  ///< attribute bit 3 set

    explicit Fonts(const VgaState& state) {
        const unsigned map = state.sequencer[3];
        plain = font_base((map & 3) | (map >> 2 & 4));
        second = font_base((map >> 2 & 3) | (map >> 3 & 4));
    }
    [[nodiscard]] bool two() const { return plain != second; }
};

/// Column of the cursor in a line, or none.
unsigned cursor_column(const VgaState& state, const ScanLine& line) {
    for (unsigned column = 0; column < state.columns(); column++)
        if (counter_at(state, line, column) == state.cursor_address())
            return column + (state.crtc[0x0b] >> 5 & 3);
    return ~0u;
}

bool shows_text(const VgaState& state) {
    return !state.graphics_mode() && state.running() && !state.screen_off() && state.palette_enabled();
}

bool underlined(const VgaState& state, u8 attribute) {
    return (attribute & 0x77) == 0x01 && (state.crtc[0x14] & 0x1f) <= state.last_row_scan();
}

class TextRenderer {
  public:
    TextRenderer(const VgaState& state, BlinkPhase blink)
        : state_(state),
          blink_(blink),
          fonts_(state),
          colours_(state.attribute_colours()),
          dots_(state.dots_per_character()) {
        line_graphics_ = state.attribute[0x10] & 0x04;
        line_.resize((size_t{state.columns()} + 1) * dots_);
    }

    void draw(const ScanLine& line, u32* out) {
        const unsigned columns = state_.columns();
        unsigned cursor = ~0u;
        if (blink_.cursor_on && state_.cursor_enabled() && line.row_scan >= (state_.crtc[0x0a] & 0x1fu) &&
            line.row_scan <= (state_.crtc[0x0b] & 0x1fu))
            cursor = cursor_column(state_, line);
        const unsigned shift = line.panned ? panning() : 0;
        u32* dots = line_.data();
        // One character more than is shown, for panning to bring in.
        for (unsigned column = 0; column < columns + (shift ? 1 : 0); column++, dots += dots_)
            draw_character(line, counter_at(state_, line, column), column == cursor, dots);
        const u32* from = line_.data() + shift;
        const size_t width = size_t{columns} * dots_;
        if (!state_.half_dot_clock()) {
            std::copy_n(from, width, out);
            return;
        }
        for (size_t i = 0; i < width; i++) out[2 * i] = out[2 * i + 1] = from[i];
    }

  private:
    /// Dots that the picture moves left. With 9 dots, 8 is none and 0 is one.
    [[nodiscard]] unsigned panning() const {
        const unsigned value = state_.attribute[0x13];
        if (dots_ == 9) return value >= 8 ? 0 : value + 1;
        return value & 7;
    }

    void draw_character(const ScanLine& line, unsigned counter, bool cursor, u32* out) const {
        const u32 address = state_.display_address(counter, line.row_scan);
        const u8 character = state_.plane_byte(address, 0);
        const u8 attribute = state_.plane_byte(address, 1);
        const u32 font = attribute & 0x08 ? fonts_.second : fonts_.plain;
        u32 bits = u32{state_.plane_byte((font + character * 32u + line.row_scan) & 0xffff, 2)} << 1;
        // The ninth dot repeats the eighth for the horizontal line characters.
        if (line_graphics_ && character >= 0xc0 && character <= 0xdf) bits |= bits >> 1 & 1;
        if (line.row_scan == (state_.crtc[0x14] & 0x1fu) && underlined(state_, attribute)) bits = 0x1ff;
        if (state_.blink_enabled() && (attribute & 0x80) && !blink_.characters_on) bits = 0;
        if (cursor) bits = 0x1ff;
        const u32 fore = colours_[attribute & 0x0f];
        const u32 back = colours_[attribute >> 4 & (state_.blink_enabled() ? 0x07 : 0x0f)];
        for (unsigned dot = 0; dot < dots_; dot++) out[dot] = bits >> (8 - dot) & 1 ? fore : back;
    }

    const VgaState& state_;
    BlinkPhase blink_;
    Fonts fonts_;
    std::array<u32, 16> colours_;
    unsigned dots_;
    bool line_graphics_;
    std::vector<u32> line_;
};

}  // namespace

void render_text(const VgaState& state, BlinkPhase blink, Frame& frame) {
    if (!state.running()) {  // no signal: a dark screen of the usual size
        frame.resize(720, 400);
        std::fill(frame.pixels.begin(), frame.pixels.end(), 0);
        return;
    }
    const unsigned wide = state.half_dot_clock() ? 2 : 1;
    const unsigned dots = state.graphics_mode() ? 8 : state.dots_per_character();
    frame.resize(state.columns() * dots * wide, state.displayed_lines());
    frame.pixel_aspect = 0;
    if (!shows_text(state)) {
        // Without the palette the attribute controller puts out the overscan colour.
        const bool overscan = !state.screen_off() && !state.palette_enabled();
        std::fill(frame.pixels.begin(), frame.pixels.end(),
                  overscan ? state.dac_colour(state.attribute[0x11]) : 0);
        return;
    }
    TextRenderer renderer(state, blink);
    for_each_line(state, [&](const ScanLine& line) {
        renderer.draw(line, &frame.pixels[size_t{line.y} * frame.width]);
    });
}

void read_text(const VgaState& state, TextScreen& screen) {
    screen = TextScreen{};
    screen.graphics = !shows_text(state);
    if (screen.graphics) return;
    const std::array<u32, 16> colours = state.attribute_colours();
    std::copy(colours.begin(), colours.end(), screen.palette);
    const Fonts fonts(state);
    screen.columns = state.columns();
    bool cursor_found = false;
    for_each_line(state, [&](const ScanLine& line) {
        if (!line.new_row) return;
        for (unsigned column = 0; column < screen.columns; column++) {
            const u32 address = state.display_address(counter_at(state, line, column), line.row_scan);
            const u8 attribute = state.plane_byte(address, 1);
            TextCell cell;
            cell.character = state.plane_byte(address, 0);
            if (fonts.two() && (attribute & 0x08)) cell.character |= 0x100;
            cell.foreground = attribute & 0x0f;
            cell.background = attribute >> 4 & (state.blink_enabled() ? 0x07 : 0x0f);
            cell.blink = state.blink_enabled() && (attribute & 0x80);
            cell.underline = underlined(state, attribute);
            screen.cells.push_back(cell);
        }
        const unsigned cursor = cursor_found ? ~0u : cursor_column(state, line);
        if (cursor != ~0u) {
            cursor_found = true;
            screen.cursor_column = cursor;
            screen.cursor_row = screen.rows;
            screen.cursor_visible = state.cursor_enabled() && cursor < screen.columns &&
                                    (state.crtc[0x0a] & 0x1fu) <= state.last_row_scan();
        }
        screen.rows++;
    });
}

}  // namespace gnomon
