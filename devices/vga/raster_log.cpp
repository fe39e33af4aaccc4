// Bands of a frame, from changes and the places of the beam.
#include "devices/vga/raster_log.h"

namespace gnomon {

void RasterLog::clear() {
    current_.clear();
    done_.clear();
    finished_ = false;
    frame_ = done_frame_ = kNone;
}

/// The rest of the picture looks like `state`. The CRTC takes the start address at the vertical retrace: what
/// was written later is not part of this frame.
void RasterLog::finish(const VgaState& state) {
    if (finished_ || current_.empty()) return;
    finished_ = true;
    current_.push_back({kToTheEnd, state});
    for (Band& band : current_) {
        band.state.crtc[0x0c] = start_[0];
        band.state.crtc[0x0d] = start_[1];
    }
}

void RasterLog::enter(const VgaState& state, u64 frame) {
    if (frame == frame_) return;
    finish(state);
    done_.clear();
    if (!current_.empty()) {
        done_.swap(current_);
        done_frame_ = frame_;
    }
    finished_ = false;
    frame_ = frame;
    start_ = {state.crtc[0x0c], state.crtc[0x0d]};
}

void RasterLog::note(const VgaState& state, u64 frame, u32 line, u32 lines) {
    enter(state, frame);
    if (finished_) return;
    if (line >= lines) {
        finish(state);
        finished_ = true;  // also without bands: what comes now belongs to the next picture
        return;
    }
    if (line == 0 || current_.size() >= kMostBands || (!current_.empty() && current_.back().end >= line))
        return;
    current_.push_back({line, state});
}

std::span<const RasterLog::Band> RasterLog::last_frame(const VgaState& state, u64 now) {
    if (now == frame_ + 1) {
        finish(state);
        return current_;
    }
    if (now == frame_ && now == done_frame_ + 1) return done_;
    if (now > frame_ + 1 || now > done_frame_ + 1) done_.clear();
    if (now > frame_ + 1) current_.clear();
    return {};
}

}  // namespace gnomon
