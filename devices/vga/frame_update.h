// Bringing a frame up to date line by line, noting which lines really changed.
#pragma once

#include <algorithm>
#include <cstring>

#include "devices/vga/screen.h"
#include "devices/vga/vga_state.h"

namespace gnomon {

/// Of the active display area, in dots and scan lines as the monitor gets them: 720x400 for the usual text
/// modes, 640x400 for mode 13h, whose pixels are two dots wide and two lines high. 720x400 without a signal.
[[nodiscard]] PictureSize picture_size(const VgaState& state);

class FrameUpdate {
  public:
    /// `everything`: the frame's old content is of no use.
    FrameUpdate(Frame& frame, const PictureSize& size, bool everything)
        : frame_(frame),
          everything_(everything || frame.width != size.width || frame.height != size.height),
          since_(frame.stamp) {
        const bool resized = frame.width != size.width || frame.height != size.height ||
                             frame.pixel_aspect != size.pixel_aspect || !frame.source;
        frame.resize(size.width, size.height);
        frame.pixel_aspect = size.pixel_aspect;
        frame.first_changed = 0;
        frame.end_changed = resized ? size.height : 0;
        end_ = size.height;
        // Drawing may put a character more than is shown.
        line_.resize(size_t{size.width} + 32);
    }
    FrameUpdate(const FrameUpdate&) = delete;
    FrameUpdate& operator=(const FrameUpdate&) = delete;

    /// Lines outside of [first, end) are left alone from here on.
    void limit(u32 first, u32 end) {
        first_ = first;
        end_ = std::min(end, frame_.height);
    }
    [[nodiscard]] u32 first() const { return first_; }
    [[nodiscard]] u32 end() const { return end_; }

    /// Whether what has this stamp must be drawn again.
    [[nodiscard]] bool wants(u64 stamp) const { return everything_ || stamp > since_; }
    /// Where to draw a line; keeps its content from call to call.
    [[nodiscard]] u32* line() { return line_.data(); }
    /// line() is what scan line `y` shows. Lines come in ascending order.
    void finish(u32 y) {
        u32* to = frame_.pixels.data() + size_t{y} * frame_.width;
        const size_t bytes = size_t{frame_.width} * sizeof(u32);
        if (std::memcmp(to, line_.data(), bytes) == 0) return;
        std::memcpy(to, line_.data(), bytes);
        if (frame_.first_changed == frame_.end_changed) frame_.first_changed = y;
        frame_.end_changed = std::max(frame_.end_changed, y + 1);
    }
    void fill(u32 colour) {
        std::fill(line_.begin(), line_.end(), colour);
        for (u32 y = first_; y < end_; y++) finish(y);
    }
    [[nodiscard]] u32 width() const { return frame_.width; }
    [[nodiscard]] u32 height() const { return frame_.height; }

  private:
    Frame& frame_;
    bool everything_;
    u64 since_;
    u32 first_ = 0;
    u32 end_ = 0;
    std::vector<u32> line_;
};

}  // namespace gnomon
