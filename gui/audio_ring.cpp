// Reading at a speed that follows the filling.
#include "gui/audio_ring.h"

#include <algorithm>
#include <cmath>

namespace gnomon {
namespace {

constexpr double kFastest = 0.005;   ///< of the speed: an eighth of a semitone, which nobody hears
constexpr double kSmoothing = 0.02;  ///< of the fill, at each read
constexpr u32 kTargetMs = 60;
constexpr u32 kRingMs = 400;

double between(double a, double b, double part) { return a + (b - a) * part; }

}  // namespace

AudioRing::AudioRing(u32 rate)
    : frames_(size_t{rate} * kRingMs / 1000),
      target_(size_t{rate} * kTargetMs / 1000),
      fill_(double(target_)) {}

void AudioRing::write(std::span<const StereoFrame> frames) {
    const size_t written = written_.load(std::memory_order_relaxed);
    const size_t space = frames_.size() - (written - taken_.load(std::memory_order_acquire));
    const size_t count = std::min(space, frames.size());
    for (size_t i = 0; i < count; i++) frames_[(written + i) % frames_.size()] = frames[i];
    written_.store(written + count, std::memory_order_release);
}

void AudioRing::read(std::span<StereoFrame> out) {
    const size_t written = written_.load(std::memory_order_acquire);
    size_t taken = taken_.load(std::memory_order_relaxed);
    if (filling_ && written - taken >= target_) {
        filling_ = false;
        fill_ = static_cast<double>(target_);
    }
    fill_ += (static_cast<double>(written - taken) - fill_) * kSmoothing;
    const double off = (fill_ - static_cast<double>(target_)) / static_cast<double>(target_);
    const double speed = 1 + std::clamp(off * kFastest, -kFastest, kFastest);
    for (StereoFrame& frame : out) {
        if (!filling_ && written - taken < 2) {
            filling_ = true;
            underruns_.fetch_add(1, std::memory_order_relaxed);
        }
        if (filling_) {
            last_.left = static_cast<i16>(last_.left * 63 / 64);
            last_.right = static_cast<i16>(last_.right * 63 / 64);
            frame = last_;
            continue;
        }
        const StereoFrame a = at(taken), b = at(taken + 1);
        frame.left = static_cast<i16>(std::lround(between(a.left, b.left, position_)));
        frame.right = static_cast<i16>(std::lround(between(a.right, b.right, position_)));
        last_ = frame;
        position_ += speed;
        const double whole = std::floor(position_);
        taken += static_cast<size_t>(whole);
        position_ -= whole;
        taken = std::min(taken, written - 1);
    }
    taken_.store(taken, std::memory_order_release);
}

}  // namespace gnomon
