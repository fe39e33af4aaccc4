// The ring between the machine's thread, which puts frames in and never waits, and the host's sound system,
// which takes them out at the speed of its sound card: never quite that of the machine's clock.
#pragma once

#include <atomic>
#include <span>
#include <vector>

#include "devices/sound/audio_sink.h"

namespace gnomon {

/// One thread writes, one reads.
class AudioRing {
  public:
    explicit AudioRing(u32 rate);

    /// Takes what fits; the rest is lost.
    void write(std::span<const StereoFrame> frames);
    /// Fills `out`. The reading speed follows the amount in the ring, by at most half a percent, so that it
    /// stays near its target. When the ring runs dry the last level fades out, and reading goes on when the
    /// target is reached again.
    void read(std::span<StereoFrame> out);

    [[nodiscard]] size_t target() const { return target_; }
    [[nodiscard]] size_t available() const {
        return written_.load(std::memory_order_acquire) - taken_.load(std::memory_order_acquire);
    }
    /// How often the ring ran dry.
    [[nodiscard]] u64 underruns() const { return underruns_.load(std::memory_order_relaxed); }

  private:
    [[nodiscard]] StereoFrame at(size_t index) const { return frames_[index % frames_.size()]; }

    std::vector<StereoFrame> frames_;
    size_t target_;
    std::atomic<size_t> written_{0};
    std::atomic<size_t> taken_{0};
    std::atomic<u64> underruns_{0};
    // The reader's own.
    double position_ = 0;  ///< between the frame at taken_ and the next
    double fill_;          ///< of the ring, smoothed
    StereoFrame last_;
    bool filling_ = true;
};

}  // namespace gnomon
