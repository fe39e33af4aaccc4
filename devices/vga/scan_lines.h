// The CRTC's walk over the displayed scan lines: start address, preset row scan, double scanning, split
// screen. IBM PS/2 Hardware Interface Technical Reference, "Video Subsystem", "CRT Controller".
#pragma once

#include "devices/vga/vga_state.h"

namespace gnomon {

struct ScanLine {
    unsigned y;
    unsigned row_start;  ///< address counter at the first character
    unsigned row_scan;   ///< line of the character
    bool new_row;        ///< first line of this row of characters that is seen
    bool panned;         ///< panning applies
};

/// The CRTC's counters on their way down a frame. Registers may change on the way: each line is left by those
/// that it was shown with, as the counters advance when its display ends.
class ScanWalk {
  public:
    /// At the first line.
    explicit ScanWalk(const VgaState& state)
        : line_{.y = 0,
                .row_start = state.start_address(),
                .row_scan = state.crtc[8] & 0x1fu,
                .new_row = true,
                .panned = true} {}

    [[nodiscard]] const ScanLine& line() const { return line_; }

    /// To the next line.
    void advance(const VgaState& state) {
        const unsigned y = line_.y++;
        line_.new_row = false;
        const unsigned counter = state.lines_doubled() ? y >> 1 : y;
        const bool counter_moves = !state.lines_doubled() || (y & 1);
        if (counter_moves && counter == state.line_compare()) {
            line_.row_start = 0;
            line_.row_scan = 0;
            line_.new_row = true;
            line_.panned = !(state.attribute[0x10] & 0x20);
            repeated_ = false;
            return;
        }
        if (!counter_moves) return;
        repeated_ = state.double_scan() && !repeated_;
        if (repeated_) return;
        if (line_.row_scan == state.last_row_scan()) {
            line_.row_scan = 0;
            line_.row_start = (line_.row_start + state.row_pitch()) & 0xffff;
            line_.new_row = true;
        } else {
            line_.row_scan = (line_.row_scan + 1) & 0x1f;
        }
    }
    /// Past lines that are not drawn.
    void advance_to(unsigned y, const VgaState& state) {
        while (line_.y < y) advance(state);
    }

  private:
    ScanLine line_;
    bool repeated_ = false;  ///< double scanning: the line has been shown twice when it ends
};

/// The address counter at `column` of a line, byte panning included.
inline unsigned counter_at(const VgaState& state, const ScanLine& line, unsigned column) {
    unsigned step = column;
    if (state.crtc[0x14] & 0x20)
        step >>= 2;
    else if (state.crtc[0x17] & 0x08)
        step >>= 1;
    return (line.row_start + (line.panned ? state.crtc[8] >> 5 & 3 : 0) + step) & 0xffff;
}

/// Dots that the picture moves left in a line. With 9 dots a character, 8 is none and 0 is one.
inline unsigned panning(const VgaState& state, const ScanLine& line) {
    if (!line.panned) return 0;
    const unsigned value = state.attribute[0x13];
    if (!state.graphics_mode() && state.dots_per_character() == 9) return value >= 8 ? 0 : value + 1;
    return value & 7;
}

}  // namespace gnomon
