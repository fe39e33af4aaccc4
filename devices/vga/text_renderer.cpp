// The character generator: walks the scan lines as the CRTC's counters do.
#include "devices/vga/text_renderer.h"

#include <algorithm>

namespace gnomon {
namespace {

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
    return !state.graphics_mode() && !state.dispi.enabled() && !state.blank();
}

bool underlined(const VgaState& state, u8 attribute) {
    return (attribute & 0x77) == 0x01 && (state.crtc[0x14] & 0x1f) <= state.last_row_scan();
}

class TextRenderer {
  public:
    TextRenderer(const VgaState& state, const VideoMemory& memory, BlinkPhase blink)
        : state_(state),
          memory_(memory),
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
        const unsigned shift = panning(state_, line);
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
    void draw_character(const ScanLine& line, unsigned counter, bool cursor, u32* out) const {
        const u32 address = state_.display_address(counter, line.row_scan);
        const u8 character = memory_.plane_byte(address, 0);
        const u8 attribute = memory_.plane_byte(address, 1);
        const u32 font = attribute & 0x08 ? fonts_.second : fonts_.plain;
        u32 bits = u32{memory_.plane_byte((font + character * 32u + line.row_scan) & 0xffff, 2)} << 1;
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
    const VideoMemory& memory_;
    BlinkPhase blink_;
    Fonts fonts_;
    std::array<u32, 16> colours_;
    unsigned dots_;
    bool line_graphics_;
    std::vector<u32> line_;
};

}  // namespace

void render_text(const VgaState& state, const VideoMemory& memory, BlinkPhase blink, ScanWalk& walk, FrameUpdate& update) {
    // Characters and fonts share their pages, so that a change says little about where.
    constexpr u64 kPlanes = 0x40000;
    if (!update.wants(memory.stamp(0, kPlanes))) return walk.advance_to(update.end(), state);
    TextRenderer renderer(state, memory, blink);
    for (; walk.line().y < update.end(); walk.advance(state)) {
        renderer.draw(walk.line(), update.line());
        update.finish(walk.line().y);
    }
}

void read_text(const VgaState& state, const VideoMemory& memory, TextScreen& screen) {
    screen = TextScreen{};
    screen.graphics = !shows_text(state);
    if (screen.graphics) return;
    const std::array<u32, 16> colours = state.attribute_colours();
    std::copy(colours.begin(), colours.end(), screen.palette);
    const Fonts fonts(state);
    screen.columns = state.columns();
    bool cursor_found = false;
    for (ScanWalk walk(state); walk.line().y < state.displayed_lines(); walk.advance(state)) {
        const ScanLine& line = walk.line();
        if (!line.new_row) continue;
        for (unsigned column = 0; column < screen.columns; column++) {
            const u32 address = state.display_address(counter_at(state, line, column), line.row_scan);
            const u8 attribute = memory.plane_byte(address, 1);
            TextCell cell;
            cell.character = memory.plane_byte(address, 0);
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
    }
}

}  // namespace gnomon
