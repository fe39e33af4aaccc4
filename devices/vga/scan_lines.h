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

/// Calls visit(ScanLine) for every displayed line.
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
