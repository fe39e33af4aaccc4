// Band-limited sound from steps: levels that change at exact times become samples of any rate without
// aliasing. Each step adds the impulse response of a low-pass filter, shifted by the fraction of a sample, to
// a buffer of differences; the sum over the buffer is the signal.
#pragma once

#include <vector>

#include "devices/sound/audio_sink.h"

namespace gnomon {

/// Integer arithmetic throughout: the samples depend on the steps alone, not on how they are read or on the
/// host.
class StepSynthesizer {
  public:
    StepSynthesizer();

    static constexpr unsigned kPhases = 256;  ///< positions of a step within a sample
    static constexpr unsigned kTaps = 24;     ///< samples that a step takes to settle
    static constexpr unsigned kDelay = kTaps / 2;
    static constexpr u64 kCapacity = u64{1} << 15;

    struct Sums {
        i64 left = 0, right = 0;
    };

    /// Both channels change by this much at `position`, in kPhases-ths of a sample since the start. A
    /// position before next() counts as next(), one too far ahead as the farthest that the buffer holds.
    void add(u64 position, i32 left, i32 right);
    /// The next sample: the sum of all steps so far, which lags by kDelay samples.
    StereoFrame take();
    /// The number of the sample that take() gives next.
    [[nodiscard]] u64 next() const { return next_; }
    /// Sample number 0 comes next; levels continue where they are.
    void restart();

  private:
    void settle();

    std::vector<i32> kernel_;  ///< kPhases rows of kTaps, each with the sum 1 << kShift
    std::vector<Sums> differences_;
    u64 next_ = 0;
    Sums level_;    ///< of the signal, scaled by 1 << kShift
    Sums average_;  ///< what the output's coupling capacitor has charged to
};

}  // namespace gnomon
