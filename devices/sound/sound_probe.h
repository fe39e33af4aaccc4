// Listening to what the mixer makes: a sink that keeps it, and the measurement of tones. For tests only.
#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

#include "devices/sound/audio_sink.h"

namespace gnomon {

struct SoundProbe final : AudioSink {
    std::vector<StereoFrame> frames;

    explicit SoundProbe(u32 rate) : rate_(rate) {}
    [[nodiscard]] u32 rate() const override { return rate_; }
    void play(std::span<const StereoFrame> more) override {
        frames.insert(frames.end(), more.begin(), more.end());
    }

  private:
    u32 rate_;
};

struct Tone {
    double hertz = 0;   ///< from the first to the last rising zero crossing
    double jitter = 1;  ///< the worst deviation of one period from the mean, as a part of it: gaps, clicks
    double rms = 0;
    unsigned periods = 0;
};

/// The tone of `frames[first … last)`, which has to be one that crosses zero upwards once a period.
inline Tone measure_tone(std::span<const StereoFrame> frames, u32 rate, size_t first, size_t last,
                         i16 StereoFrame::*side = &StereoFrame::left) {
    Tone tone;
    std::vector<double> crossings;
    double squares = 0;
    // Crossings count once the signal was clearly below zero: noise around zero does not.
    double lowest = 0;
    double peak = 0;
    for (size_t i = first; i < last && i < frames.size(); i++)
        peak = std::max(peak, std::abs(double{1} * (frames[i].*side)));
    for (size_t i = first; i + 1 < last && i + 1 < frames.size(); i++) {
        const double now = frames[i].*side;
        const double then = frames[i + 1].*side;
        squares += now * now;
        lowest = std::min(lowest, now);
        if (now < 0 && then >= 0 && lowest < -peak / 4) {
            crossings.push_back(static_cast<double>(i) + now / (now - then));
            lowest = 0;
        }
    }
    tone.rms = std::sqrt(squares / static_cast<double>(last - first));
    if (crossings.size() < 3) return tone;
    tone.periods = static_cast<unsigned>(crossings.size() - 1);
    const double mean = (crossings.back() - crossings.front()) / tone.periods;
    tone.hertz = rate / mean;
    tone.jitter = 0;
    for (size_t i = 0; i < tone.periods; i++)
        tone.jitter = std::max(tone.jitter, std::abs((crossings[i + 1] - crossings[i]) / mean - 1));
    return tone;
}

}  // namespace gnomon
