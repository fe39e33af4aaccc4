// Cells to dots to colours, a scan line at a time.
#include "devices/vga/graphics_renderer.h"

#include "devices/vga/plane_dots.h"

namespace gnomon {
namespace {

constexpr u64 kPlanes = 0x40000;  ///< bytes of the four planes

class GraphicsRenderer {
  public:
    GraphicsRenderer(const VgaState& state, const VideoMemory& memory, bool blink_on)
        : state_(state),
          memory_(memory),
          joined_(state.attribute[0x10] & 0x40),
          halves_(state.half_dot_clock()),
          colours_(state.attribute_colours()) {
        if (joined_) wide_colours_ = state.dac_colours();
        // Blinking turns the upper bit over, also where its plane is not enabled: so mode Fh blinks.
        // Attribute Mode Control Register, bit 3.
        if (state.blink_enabled() && !blink_on)
            for (unsigned i = 0; i < 16; i++)
                colours_[i] = state.dac_colour(state.palette_to_dac((i & state.attribute[0x12]) ^ 8));
        dots_.resize((size_t{state.columns()} + 1) * 8);
    }

    [[nodiscard]] u64 newest(const ScanLine& line) const {
        const u32 first = address(line, 0);
        const u32 last = address(line, state_.columns());
        if (last < first) return memory_.stamp(0, kPlanes);
        return memory_.stamp(u64{first} * 4, (u64{last} - first + 1) * 4);
    }

    /// The same dots as another line's: its second scan, say.
    [[nodiscard]] bool same(const ScanLine& a, const ScanLine& b) const {
        return a.row_start == b.row_start && a.panned == b.panned &&
               ((state_.crtc[0x17] & 3) == 3 || a.row_scan == b.row_scan);
    }

    void draw(const ScanLine& line, u32* out) {
        const unsigned columns = state_.columns();
        const unsigned shift = panning(state_, line);
        u32* dots = shift != 0 || halves_ ? dots_.data() : out;
        // One cell more than is shown, for panning to bring in.
        u32* at = dots;
        for (unsigned column = 0; column < columns + (shift ? 1 : 0); column++, at += 8)
            draw_cell(memory_.cell(address(line, column)), at);
        const size_t width = size_t{columns} * 8;
        dots += shift;
        if (halves_)
            for (size_t i = 0; i < width; i++) out[2 * i] = out[2 * i + 1] = dots[i];
        else if (dots != out)
            std::copy_n(dots, width, out);
    }

  private:
    [[nodiscard]] u32 address(const ScanLine& line, unsigned column) const {
        return state_.display_address(counter_at(state_, line, column), line.row_scan);
    }

    void draw_cell(u32 cell, u32* out) const {
        const u8 shift_mode = state_.graphics[5] & 0x60;
        if ((shift_mode & 0x40) && joined_) {
            for (unsigned pixel = 0; pixel < 4; pixel++)
                out[2 * pixel] = out[2 * pixel + 1] = wide_colours_[cell >> 8 * pixel & 0xff];
            return;
        }
        const u64 dots = shift_mode & 0x40   ? nibble_dots(cell)
                         : shift_mode & 0x20 ? paired_dots(cell)
                                             : planar_dots(cell);
        if (joined_) {
            for (unsigned pixel = 0; pixel < 4; pixel++) {
                const u64 pair = dots >> 16 * pixel;
                out[2 * pixel] = out[2 * pixel + 1] = wide_colours_[(pair & 15) << 4 | (pair >> 8 & 15)];
            }
            return;
        }
        for (unsigned dot = 0; dot < 8; dot++) out[dot] = colours_[dots >> 8 * dot & 15];
    }

    const VgaState& state_;
    const VideoMemory& memory_;
    bool joined_;  ///< the attribute controller joins two dots to a pixel of eight bits
    bool halves_;
    std::array<u32, 16> colours_;
    std::array<u32, 256> wide_colours_{};
    std::vector<u32> dots_;
};

}  // namespace

void render_graphics(const VgaState& state, const VideoMemory& memory, bool blink_on, ScanWalk& walk, FrameUpdate& update) {
    GraphicsRenderer renderer(state, memory, blink_on);
    ScanLine drawn{};
    bool holds_drawn = false;  // update.line() shows `drawn`
    for (; walk.line().y < update.end(); walk.advance(state)) {
        const ScanLine& line = walk.line();
        if (!update.wants(renderer.newest(line))) continue;
        if (!holds_drawn || !renderer.same(line, drawn)) renderer.draw(line, update.line());
        drawn = line;
        holds_drawn = true;
        update.finish(line.y);
    }
}

}  // namespace gnomon
