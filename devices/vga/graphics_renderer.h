// Draws the VGA's graphics modes: planar, CGA layouts, 256 colours. IBM PS/2 Hardware Interface Technical
// Reference, "Video Subsystem", "Graphics Modes" and "Attribute Controller".
#pragma once

#include "devices/vga/frame_update.h"
#include "devices/vga/scan_lines.h"
#include "devices/vga/video_memory.h"

namespace gnomon {

/// `blink_on`: the half of the blinking period in which attributes are as stored.
void render_graphics(const VgaState& state, const VideoMemory& memory, bool blink_on, ScanWalk& walk,
                     FrameUpdate& update);

}  // namespace gnomon
