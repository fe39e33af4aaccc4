// Draws the modes of the Bochs display interface: packed pixels of 8 to 32 bits, and 16 colours in planes.
#pragma once

#include "devices/vga/frame_update.h"
#include "devices/vga/video_memory.h"

namespace gnomon {

void render_dispi(const VgaState& state, const VideoMemory& memory, FrameUpdate& update);

}  // namespace gnomon
