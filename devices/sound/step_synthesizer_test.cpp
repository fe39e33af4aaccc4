// Steps against the signals that they stand for.
#include "devices/sound/step_synthesizer.h"

#include <gtest/gtest.h>

#include <cmath>
#include <complex>
#include <numbers>

namespace gnomon {
namespace {

constexpr double kTurn = 2 * std::numbers::pi;

/// Amplitude of the component with `cycles` a sample.
double amplitude(const std::vector<double>& samples, double cycles) {
    std::complex<double> sum = 0;
    for (size_t i = 0; i < samples.size(); i++) {
        const double window = 1 - std::cos(kTurn * (i + 0.5) / samples.size());
        sum += samples[i] * window * std::polar(1.0, -kTurn * cycles * i);
    }
    return 2 * std::abs(sum) / samples.size();
}

std::vector<double> square_wave(double period, i32 height, unsigned samples) {
    StepSynthesizer synthesizer;
    std::vector<double> out;
    double edge = 100;
    bool high = false;
    for (unsigned i = 0; i < samples + 1000; i++) {
        while (edge < i + 1) {
            high = !high;
            synthesizer.add(static_cast<u64>(edge * StepSynthesizer::kPhases), high ? height : -height, 0);
            edge += period / 2;
        }
        const StereoFrame frame = synthesizer.take();
        if (i >= 1000) out.push_back(frame.left);
    }
    return out;
}

TEST(StepSynthesizer, ASquareWaveHasItsHarmonicsAndNoAliases) {
    const double period = 48'000 / 3'100.0;
    const std::vector<double> samples = square_wave(period, 10'000, 16'384);
    // A square wave from 0 to 10000: harmonic n has the amplitude 2 · 10000 / (π n).
    EXPECT_NEAR(amplitude(samples, 1 / period), 20'000 / std::numbers::pi, 40);
    EXPECT_NEAR(amplitude(samples, 3 / period), 20'000 / std::numbers::pi / 3, 40);
    EXPECT_NEAR(amplitude(samples, 5 / period), 20'000 / std::numbers::pi / 5, 60);
    EXPECT_LT(amplitude(samples, 2 / period), 10);
    // The ninth harmonic, 27.9 kHz, would fold to 20.1 kHz, the eleventh to 13.9 kHz, the thirteenth to 7.7
    // kHz.
    EXPECT_LT(amplitude(samples, 13'900 / 48'000.0), 15);
    EXPECT_LT(amplitude(samples, 7'700 / 48'000.0), 15);
}

TEST(StepSynthesizer, StepsUpAndDownLeaveExactSilence) {
    StepSynthesizer synthesizer;
    for (unsigned i = 0; i < 1000; i++) {
        synthesizer.add(i * 37, 12'345, -777);
        synthesizer.add(i * 37 + 20, -12'345, 777);
    }
    for (unsigned i = 0; i < 100'000; i++) synthesizer.take();
    for (unsigned i = 0; i < 100; i++) EXPECT_EQ(synthesizer.take(), StereoFrame{});
}

TEST(StepSynthesizer, HowSamplesAreTakenDoesNotMatter) {
    StepSynthesizer together, apart;
    std::vector<StereoFrame> first, second;
    const auto step = [](StepSynthesizer& s, unsigned i) {
        s.add(u64{i} * 700, i % 2 ? 9'000 : -9'000, static_cast<i32>(i * 11 % 500));
    };
    for (unsigned i = 0; i < 290; i++) step(together, i);
    while (together.next() < 800) first.push_back(together.take());
    for (unsigned i = 0; i < 290; i++) {
        while (apart.next() < u64{i} * 700 / 256) second.push_back(apart.take());
        step(apart, i);
    }
    while (apart.next() < 800) second.push_back(apart.take());
    EXPECT_EQ(first, second);
}

TEST(StepSynthesizer, LevelsBeyondTheRangeAreCut) {
    StepSynthesizer synthesizer;
    synthesizer.add(0, 100'000, -100'000);
    for (unsigned i = 0; i < 2 * StepSynthesizer::kTaps; i++) synthesizer.take();
    EXPECT_EQ(synthesizer.take(), (StereoFrame{32'767, -32'768}));
}

TEST(StepSynthesizer, PositionsOutsideOfTheBufferAreMovedIntoIt) {
    StepSynthesizer synthesizer;
    for (unsigned i = 0; i < 100; i++) synthesizer.take();
    synthesizer.add(0, 5'000, 0);
    synthesizer.add(~u64{0}, 0, 5'000);
    for (unsigned i = 0; i < StepSynthesizer::kTaps; i++) synthesizer.take();
    EXPECT_NEAR(synthesizer.take().left, 5'000, 100);
    for (u64 i = 0; i < StepSynthesizer::kCapacity; i++) synthesizer.take();
    EXPECT_GT(synthesizer.take().right, 0);
}

}  // namespace
}  // namespace gnomon
