// Draws the alphanumeric modes of the VGA and reads their characters. IBM PS/2 Hardware Interface Technical
// Reference, "Video Subsystem", "Alphanumeric Modes" and "Attribute Controller".
#pragma once

#include "devices/vga/frame_update.h"
#include "devices/vga/scan_lines.h"
#include "devices/vga/vga_state.h"
#include "devices/vga/video_memory.h"

namespace gnomon {

struct BlinkPhase {
    bool cursor_on = true;
    bool characters_on = true;
};

/// Draws the characters; `update` has the size of the picture.
void render_text(const VgaState& state, const VideoMemory& memory, BlinkPhase blink, ScanWalk& walk,
                 FrameUpdate& update);
void read_text(const VgaState& state, const VideoMemory& memory, TextScreen& screen);

}  // namespace gnomon
