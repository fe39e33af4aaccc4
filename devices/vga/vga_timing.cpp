// Frame timing. A line is CRTC register 0 + 5 characters, a frame register 6 + 2 lines.
#include "devices/vga/vga_timing.h"

#include "support/clock.h"

namespace gnomon {

VgaTiming::VgaTiming(const VgaState& state) {
    // Clock selects 2 and 3 name a clock of the feature connector, where nothing is plugged in; a set that
    // waits for retraces must not wait for ever, so that they run from the second oscillator.
    dot_hz_ = (state.misc_output & 0x0c) == 0 ? 25'175'000 : 28'322'000;
    dots_per_character_ = state.dots_per_character() << (state.half_dot_clock() ? 1 : 0);
    dots_per_line_ = (state.crtc[0] + 5u) * dots_per_character_;
    const unsigned doubled = state.lines_doubled() ? 1 : 0;
    lines_ = state.vertical_total() << doubled;
    columns_shown_ = state.columns();
    lines_shown_ = state.displayed_lines();
    retrace_start_ = state.vertical_retrace_start() << doubled;
    // The retrace ends when the low four bits of the counter match.
    const unsigned length = (state.crtc[0x11] - state.vertical_retrace_start()) & 0x0f;
    retrace_lines_ = (length ? length : 16) << doubled;
    retraces_ = (state.crtc[0x17] & 0x80) && retrace_start_ < lines_;
}

VgaTiming::Position VgaTiming::at(u64 ns_since_origin) const {
    const u64 dots = VirtualClock::ns_to_ticks(ns_since_origin, dot_hz_);
    const u64 frame = dots / dots_per_frame();
    const u32 in_frame = static_cast<u32>(dots % dots_per_frame());
    return {frame, in_frame / dots_per_line_, in_frame % dots_per_line_ / dots_per_character_};
}

bool VgaTiming::in_vertical_retrace(const Position& position) const {
    // A retrace programmed close to the end of the frame runs on into the next one.
    const u32 since = (position.line + lines_ - retrace_start_) % lines_;
    return retraces_ && since < retrace_lines_;
}

bool VgaTiming::displaying(const Position& position) const {
    return position.line < lines_shown_ && position.column < columns_shown_;
}

u64 VgaTiming::retraces_begun(u64 ns_since_origin) const {
    if (!retraces_) return 0;
    const u64 dots = VirtualClock::ns_to_ticks(ns_since_origin, dot_hz_);
    return (dots + dots_per_frame() - u64{retrace_start_} * dots_per_line_) / dots_per_frame();
}

}  // namespace gnomon
