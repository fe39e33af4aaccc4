// Pixel formats as in the VESA VBE 3.0 standard, "Direct Color Fields": blue in the lowest bits.
#include "devices/vga/dispi_renderer.h"

#include <array>

#include "devices/vga/plane_dots.h"

namespace gnomon {
namespace {

constexpr u32 widen5(u32 five) { return five << 3 | five >> 2; }
constexpr u32 widen6(u32 six) { return six << 2 | six >> 4; }

u32 load16(const u8* from, bool big) {
    return big ? u32{from[0]} << 8 | from[1] : u32{from[1]} << 8 | from[0];
}

void draw_15(const u8* from, u32 width, bool big, u32* out) {
    for (u32 x = 0; x < width; x++) {
        const u32 v = load16(from + size_t{x} * 2, big);
        out[x] = widen5(v >> 10 & 31) << 16 | widen5(v >> 5 & 31) << 8 | widen5(v & 31);
    }
}

void draw_16(const u8* from, u32 width, bool big, u32* out) {
    for (u32 x = 0; x < width; x++) {
        const u32 v = load16(from + size_t{x} * 2, big);
        out[x] = widen5(v >> 11) << 16 | widen6(v >> 5 & 63) << 8 | widen5(v & 31);
    }
}

void draw_24(const u8* from, u32 width, u32* out) {
    for (u32 x = 0; x < width; x++, from += 3) out[x] = u32{from[2]} << 16 | u32{from[1]} << 8 | from[0];
}

void draw_32(const u8* from, u32 width, bool big, u32* out) {
    if (big)
        for (u32 x = 0; x < width; x++, from += 4) out[x] = u32{from[1]} << 16 | u32{from[2]} << 8 | from[3];
    else
        for (u32 x = 0; x < width; x++, from += 4) out[x] = u32{from[2]} << 16 | u32{from[1]} << 8 | from[0];
}

void draw_planar(const u8* from, u32 width, const std::array<u32, 16>& colours, u32* out) {
    for (u32 x = 0; x < width; x += 8, from += 4) {
        const u64 dots = planar_dots(from[0] | u32{from[1]} << 8 | u32{from[2]} << 16 | u32{from[3]} << 24);
        for (unsigned dot = 0; dot < 8; dot++) out[x + dot] = colours[dots >> 8 * dot & 15];
    }
}

}  // namespace

void render_dispi(const VgaState& state, const VideoMemory& memory, FrameUpdate& update) {
    const DispiState& dispi = state.dispi;
    const u32 width = update.width();
    const std::array<u32, 256> palette = dispi.bpp == 8 ? state.dac_colours() : std::array<u32, 256>{};
    const std::array<u32, 16> colours = dispi.planar() ? state.attribute_colours() : std::array<u32, 16>{};
    const u64 bytes = dispi.bytes_for(width);
    for (u32 y = update.first(); y < update.end(); y++) {
        const u64 at = dispi.start() + u64{y} * dispi.pitch();
        if (at + bytes > memory.size() || !update.wants(memory.stamp(at, bytes))) continue;
        const u8* from = memory.bytes() + at;
        u32* out = update.line();
        switch (dispi.bpp) {
            case 4: draw_planar(from, width, colours, out); break;
            case 8:
                for (u32 x = 0; x < width; x++) out[x] = palette[from[x]];
                break;
            case 15: draw_15(from, width, dispi.big_endian, out); break;
            case 16: draw_16(from, width, dispi.big_endian, out); break;
            case 24: draw_24(from, width, out); break;
            default: draw_32(from, width, dispi.big_endian, out); break;
        }
        update.finish(y);
    }
}

PictureSize picture_size(const VgaState& state) {
    if (state.dispi.enabled()) {
        // Modes of 320x200 and 640x400 fill the screen of their time; the others have square pixels.
        const bool old = state.dispi.width <= 640 && state.dispi.width * 10 == state.dispi.height * 16;
        return {state.dispi.width, state.dispi.height, old ? 0u : 1000u};
    }
    if (!state.running()) return {720, 400, 0};  // no signal: a dark screen of the usual size
    const unsigned dots = state.graphics_mode() ? 8 : state.dots_per_character();
    return {state.columns() * dots << (state.half_dot_clock() ? 1 : 0), state.displayed_lines(), 0};
}

}  // namespace gnomon
