// Where the beam is: frame timing from the CRTC's totals and the selected dot clock, as a pure function of
// time.
#pragma once

#include "devices/vga/vga_state.h"

namespace gnomon {

class VgaTiming {
  public:
    explicit VgaTiming(const VgaState& state);

    struct Position {
        u64 frame;   ///< frames since the origin
        u32 line;    ///< scan line in the frame, from the first displayed one
        u32 column;  ///< character clock in the line, from the first displayed one
    };
    [[nodiscard]] Position at(u64 ns_since_origin) const;
    [[nodiscard]] bool in_vertical_retrace(const Position& position) const;
    [[nodiscard]] bool displaying(const Position& position) const;
    /// How many vertical retraces began from the origin up to this time.
    [[nodiscard]] u64 retraces_begun(u64 ns_since_origin) const;

    [[nodiscard]] u64 dot_hz() const { return dot_hz_; }
    [[nodiscard]] u64 dots_per_frame() const { return u64{dots_per_line_} * lines_; }
    bool operator==(const VgaTiming&) const = default;

  private:
    u64 dot_hz_;
    u32 dots_per_character_;
    u32 dots_per_line_;
    u32 lines_;
    u32 columns_shown_;
    u32 lines_shown_;
    u32 retrace_start_;
    u32 retrace_lines_;
    bool retraces_;
};

}  // namespace gnomon
