// What programs change while the beam is in the picture: palettes, panning or modes from some scan line on.
// The states of the registers that a frame was drawn with, by scan lines.
#pragma once

#include <span>
#include <vector>

#include "devices/vga/vga_state.h"

namespace gnomon {

class RasterLog {
  public:
    /// Scan lines up to `end` (not included), from the end of the band before.
    struct Band {
        u32 end;
        VgaState state;
    };

    /// The start address is about to change, which counts from the next frame on.
    void enter(const VgaState& state, u64 frame);
    /// Registers are about to change; `line` is the first that shows it, `lines` how many there are.
    void note(const VgaState& state, u64 frame, u32 line, u32 lines);
    /// The bands of frame `now` - 1, the last one whose picture is over; none if nothing changed within it.
    [[nodiscard]] std::span<const Band> last_frame(const VgaState& state, u64 now);
    [[nodiscard]] bool empty() const { return current_.empty() && done_.empty(); }
    void clear();

  private:
    static constexpr size_t kMostBands = 1024;
    static constexpr u64 kNone = ~u64{0};
    static constexpr u32 kToTheEnd = ~u32{0};

    void finish(const VgaState& state);

    u64 frame_ = kNone;
    std::vector<Band> current_;
    bool finished_ = false;  ///< the picture of the frame is over
    std::array<u8, 2> start_{};
    u64 done_frame_ = kNone;
    std::vector<Band> done_;
};

}  // namespace gnomon
