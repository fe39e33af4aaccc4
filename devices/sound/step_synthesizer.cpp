// The step's filter kernel and the running sum.
#include "devices/sound/step_synthesizer.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

namespace gnomon {
namespace {

constexpr unsigned kShift = 15;
/// Passes up to this part of half the sample rate.
constexpr double kPassBand = 0.9;
/// A high-pass of a few hertz, as the coupling capacitor of an output is: levels at rest go to zero.
constexpr unsigned kCouplingShift = 11;

double windowed_sinc(double x) {
    constexpr double kHalf = (StepSynthesizer::kTaps - 1) / 2.0;
    if (std::abs(x) >= kHalf) return 0;
    const double turn = std::numbers::pi * x;
    const double sinc = x == 0 ? kPassBand : std::sin(kPassBand * turn) / turn;
    const double window = 0.42 + 0.5 * std::cos(turn / kHalf) + 0.08 * std::cos(2 * turn / kHalf);
    return sinc * window;
}

/// What the filtered step rises by from x - 1 to x.
double rise(double x) {
    constexpr unsigned kParts = 8;
    double sum = 0;
    for (unsigned i = 0; i < kParts; i++) sum += windowed_sinc(x - (i + 0.5) / kParts);
    return sum / kParts;
}

i16 clip(i64 value) { return static_cast<i16>(std::clamp<i64>(value, -32768, 32767)); }

}  // namespace

StepSynthesizer::StepSynthesizer() : kernel_(size_t{kPhases} * kTaps), differences_(kCapacity) {
    for (unsigned phase = 0; phase < kPhases; phase++) {
        std::array<double, kTaps> taps;
        double sum = 0;
        for (unsigned i = 0; i < kTaps; i++) {
            taps[i] = rise(i + 1.0 - kDelay - phase / double{kPhases});
            sum += taps[i];
        }
        // The sum must be exact, or steps up and down would leave something behind.
        i32* const row = &kernel_[size_t{phase} * kTaps];
        i32 rest = 1 << kShift;
        for (unsigned i = 0; i < kTaps; i++) {
            row[i] = static_cast<i32>(std::lround(taps[i] / sum * (1 << kShift)));
            rest -= row[i];
        }
        row[kDelay - 1] += rest;
    }
}

void StepSynthesizer::add(u64 position, i32 left, i32 right) {
    if (left == 0 && right == 0) return;
    u64 sample = position / kPhases;
    unsigned phase = static_cast<unsigned>(position % kPhases);
    const u64 farthest = next_ + kCapacity - kTaps;
    if (sample < next_ || sample > farthest) {
        sample = sample < next_ ? next_ : farthest;
        phase = 0;
    }
    const i32* const row = &kernel_[size_t{phase} * kTaps];
    for (unsigned i = 0; i < kTaps; i++) {
        Sums& sums = differences_[(sample + i) % kCapacity];
        sums.left += i64{row[i]} * left;
        sums.right += i64{row[i]} * right;
    }
}

StereoFrame StepSynthesizer::take() {
    settle();
    next_++;
    const auto couple = [](i64 level, i64& average) {
        const i64 passed = level - average;
        average += passed >> kCouplingShift;
        // Rounds to nearest, so that silence is zero.
        return clip((passed + (i64{1} << (kShift - 1))) >> kShift);
    };
    return {couple(level_.left, average_.left), couple(level_.right, average_.right)};
}

void StepSynthesizer::settle() {
    Sums& sums = differences_[next_ % kCapacity];
    level_.left += sums.left;
    level_.right += sums.right;
    sums = {};
}

void StepSynthesizer::restart() {
    for (u64 i = 0; i < kCapacity; i++, next_++) settle();
    next_ = 0;
}

}  // namespace gnomon
