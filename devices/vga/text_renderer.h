// Draws the alphanumeric modes of the VGA and reads their characters. IBM PS/2 Hardware Interface Technical
// Reference, "Video Subsystem", "Alphanumeric Modes" and "Attribute Controller".
#pragma once

#include "devices/vga/screen.h"
#include "devices/vga/vga_state.h"

namespace gnomon {

struct BlinkPhase {
    bool cursor_on = true;
    bool characters_on = true;
};

/// Draws the active display area into `frame`: 720x400 for the usual modes, also those of 40 columns, whose
/// dots are twice as wide. Modes that are not text, and a switched-off screen, are black.
void render_text(const VgaState& state, BlinkPhase blink, Frame& frame);
void read_text(const VgaState& state, TextScreen& screen);

}  // namespace gnomon
