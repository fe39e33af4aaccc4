// The OPL3: tables, envelopes against the manual's times, timers, connections, drums, and what is heard.
#include "devices/sound/opl3/opl3.h"

#include <gtest/gtest.h>

#include <cmath>

#include "devices/device_bench.h"
#include "devices/sound/sound_probe.h"

namespace gnomon {
namespace {

constexpr double kSampleRate = 14'318'180 / 288.0;
constexpr u64 kMillisecond = 1'000'000;

struct OplBench : DeviceBench {
    SoundProbe probe{48'000};
    SoundMixer mixer{scheduler, &probe};
    Opl3 opl{clock, mixer};

    void write(u16 index, u8 value) {
        opl.select(index >> 8, static_cast<u8>(index));
        opl.write(value);
    }
    /// A sine that is there at once and stays. `offset` is that of the operator's registers.
    void set_sine(u16 offset, u8 level = 0) {
        write(0x20 + offset, 0x21);
        write(0x40 + offset, level);
        write(0x60 + offset, 0xf0);
        write(0x80 + offset, 0x0f);
        write(0xe0 + offset, 0);
    }
    void key(u16 channel, u16 frequency, u8 block, bool down = true) {
        write(0xa0 + channel, static_cast<u8>(frequency));
        write(0xb0 + channel, static_cast<u8>(down << 5 | block << 2 | frequency >> 8));
    }
    /// Plays on and forgets what was before.
    std::vector<StereoFrame>& listen(u64 ms) {
        mixer.flush();
        probe.frames.clear();
        advance(ms * kMillisecond);
        mixer.flush();
        return probe.frames;
    }
    double loudness(u64 ms = 100, i16 StereoFrame::*side = &StereoFrame::left) {
        listen(20);
        const std::vector<StereoFrame>& frames = listen(ms);
        return measure_tone(frames, 48'000, 0, frames.size(), side).rms;
    }
};

TEST(OplTables, HaveTheChipsValues) {
    const OplTables tables;
    EXPECT_EQ(tables.wave(0, 0x0ff, 0), 4084);
    EXPECT_EQ(tables.wave(0, 0x100, 0), 4084);
    EXPECT_EQ(tables.wave(0, 0x2ff, 0), -4085) << "ones' complement";
    EXPECT_EQ(tables.wave(0, 0x000, 0), 12);
    EXPECT_EQ(tables.wave(0, 0x055, 0), 2048) << "the sine of 30 degrees";
    EXPECT_EQ(tables.wave(0, 0x0ff, 32), 2042) << "6 dB";
    EXPECT_EQ(tables.wave(0, 0x0ff, kOplSilence), 0);
}

TEST(OplTables, HaveEightWaveforms) {
    const OplTables tables;
    struct Case {
        u8 waveform;
        std::array<i32, 4> at;  ///< phases 80h, 180h, 280h, 380h
    };
    const i32 s = tables.wave(0, 0x080, 0);  // 45 degrees
    EXPECT_NEAR(s, 4084 * std::sqrt(0.5), 12);
    const i32 f = tables.wave(0, 0x180, 0);
    const Case cases[] = {{0, {s, f, ~s, ~f}},
                          {1, {s, f, 0, 0}},
                          {2, {s, f, s, f}},
                          {3, {s, 0, s, 0}},
                          {4, {4084, ~4084, 0, 0}},
                          {5, {4084, 4084, 0, 0}},
                          {6, {4084, 4084, ~4084, ~4084}}};
    for (const Case& c : cases)
        for (unsigned i = 0; i < 4; i++)
            EXPECT_EQ(tables.wave(c.waveform, 0x080 + 0x100 * i, 0), c.at[i]) << int{c.waveform} << " " << i;
    // The last one halves every 32 steps, and comes back the same way below zero.
    EXPECT_EQ(tables.wave(7, 0, 0), 4084);
    EXPECT_EQ(tables.wave(7, 0x20, 0), 2042);
    EXPECT_EQ(tables.wave(7, 0x40, 0), 1021);
    EXPECT_EQ(tables.wave(7, 0x3ff, 0), ~4084);
    EXPECT_EQ(tables.wave(7, 0x3df, 0), ~2042);
}

/// Milliseconds until the level of operator 0 satisfies the condition.
template<class F>
double time_until(OplBench& bench, F reached) {
    const u64 start = bench.clock.now();
    for (unsigned i = 0; i < 4'000'000 && !reached(bench.opl.state().operators[0]); i++) {
        bench.advance(20'115);
        bench.opl.catch_up();
    }
    return static_cast<double>(bench.clock.now() - start) / kMillisecond;
}

TEST(Opl3, AttackAndDecayTakeTheManualsTimes) {
    // Milliseconds for rates 15 … 6; without key scaling.
    struct Case {
        u8 rate;
        double attack, decay;
    };
    for (const Case& c : {Case{14, 0.38, 4.8}, Case{13, 0.70, 9.6}, Case{12, 1.4, 19.2},
                          Case{10, 5.52, 76.72}, Case{8, 22.08, 306.88}, Case{6, 88.32, 1227.52}}) {
        OplBench bench;
        bench.write(0x20, 0x01);
        bench.write(0x60, static_cast<u8>(c.rate << 4 | c.rate));
        bench.write(0x80, 0xf0);
        bench.key(0, 0x100, 0);
        EXPECT_NEAR(time_until(bench, [](const auto& op) { return op.stage == OplStage::Decay; }), c.attack,
                    c.attack * 0.15 + 0.1)
            << int{c.rate};
        // The manual's time is for 96 dB; the sustain level ends it at 93.
        EXPECT_NEAR(time_until(bench, [](const auto& op) { return op.stage != OplStage::Decay; }), c.decay,
                    c.decay * 0.1)
            << int{c.rate};
    }
}

TEST(Opl3, AKeyAtTheHighestRateSoundsAtOnceAndReleasesWhenItGoesUp) {
    OplBench bench;
    bench.set_sine(0);
    bench.write(0x80, 0x04);
    bench.key(0, 0x200, 4);
    EXPECT_EQ(bench.opl.state().operators[0].level, 0);
    bench.listen(50);
    EXPECT_EQ(bench.opl.state().operators[0].stage, OplStage::Sustain);
    EXPECT_EQ(bench.opl.state().operators[0].level, 0);
    bench.key(0, 0x200, 4, false);
    EXPECT_EQ(bench.opl.state().operators[0].stage, OplStage::Release);
    bench.listen(100);
    EXPECT_GT(bench.opl.state().operators[0].level, 5);
}

TEST(Opl3, WithoutTheSustainBitANoteDiesAwayUnderItsKey) {
    OplBench bench;
    bench.set_sine(3);
    bench.write(0x23, 0x01);
    bench.write(0x83, 0x0a);
    bench.write(0xc0, 1);
    bench.write(0x40, 0x3f);
    bench.key(0, 0x200, 4);
    bench.listen(2'000);
    EXPECT_EQ(bench.opl.state().operators[3].level, kOplSilence);
}

TEST(Opl3, KeyScalingMakesHighNotesFasterAndSofter) {
    // The manual's table of 3 dB an octave ends at 21 dB; the other settings are half and twice of that.
    OplBench bench;
    struct Case {
        u8 setting;
        double decibels;
    };
    bench.set_sine(0);
    bench.set_sine(3, 0x3f);
    bench.write(0xc0, 1);
    bench.key(0, 0x3ff, 7);
    bench.write(0x20, 0x20);  // half the frequency: 3.1 kHz still
    const double full = bench.loudness();
    for (const Case& c : {Case{1, 21}, Case{2, 10.5}, Case{3, 42}}) {
        bench.write(0x40, static_cast<u8>(c.setting << 6));
        EXPECT_NEAR(20 * std::log10(full / bench.loudness()), c.decibels, c.decibels * 0.025)
            << int{c.setting};
    }
}

TEST(Opl3, ANoteHasItsFrequencyAndLevel) {
    OplBench bench;
    bench.set_sine(3);
    bench.write(0x40, 0x3f);
    bench.write(0xc0, 1);
    bench.key(0, 580, 4);
    bench.listen(50);
    const std::vector<StereoFrame>& frames = bench.listen(1'000);
    const Tone tone = measure_tone(frames, 48'000, 0, frames.size());
    EXPECT_NEAR(tone.hertz, 580 * kSampleRate / 65'536, 0.02);
    EXPECT_LT(tone.jitter, 0.005);
    EXPECT_NEAR(tone.rms, 4084 / std::sqrt(2), 20);
    bench.write(0x43, 8);  // 6 dB
    EXPECT_NEAR(bench.loudness(), 4084 / std::sqrt(2) / 2, 20);
}

TEST(Opl3, MultiplesChangeTheFrequency) {
    OplBench bench;
    bench.set_sine(3);
    bench.write(0x40, 0x3f);
    bench.write(0xc0, 1);
    bench.key(0, 290, 4);
    constexpr std::array<double, 16> kMultiples = {0.5, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 10, 12, 12, 15, 15};
    for (unsigned i = 0; i < 16; i++) {
        bench.write(0x23, static_cast<u8>(0x20 | i));
        bench.listen(20);
        const std::vector<StereoFrame>& frames = bench.listen(300);
        EXPECT_NEAR(measure_tone(frames, 48'000, 0, frames.size()).hertz / (290 * kSampleRate / 65'536),
                    kMultiples[i], 0.02)
            << i;
    }
}

TEST(Opl3, TremoloAndVibratoHaveTheirDepths) {
    OplBench bench;
    bench.set_sine(3);
    bench.write(0x40, 0x3f);
    bench.write(0xc0, 1);
    bench.key(0, 512, 5);
    struct Depth {
        double decibels = 0, cents = 0;
    };
    const auto depth = [&](u8 flags, u8 deep) {
        bench.write(0x23, static_cast<u8>(flags | 0x21));
        bench.write(0xbd, deep);
        bench.listen(20);
        double softest = 1e9, loudest = 0, lowest = 1e9, highest = 0;
        for (unsigned i = 0; i < 60; i++) {
            const std::vector<StereoFrame> frames = bench.listen(10);
            const Tone tone = measure_tone(frames, 48'000, 0, frames.size());
            softest = std::min(softest, tone.rms);
            loudest = std::max(loudest, tone.rms);
            lowest = std::min(lowest, tone.hertz);
            highest = std::max(highest, tone.hertz);
        }
        return Depth{20 * std::log10(loudest / softest), 1200 * std::log2(highest / lowest)};
    };
    EXPECT_NEAR(depth(0x80, 0x00).decibels, 1.1, 0.25);
    EXPECT_NEAR(depth(0x80, 0x80).decibels, 4.8, 0.35);
    EXPECT_NEAR(depth(0x40, 0x00).cents, 14, 3) << "7 up and 7 down";
    EXPECT_NEAR(depth(0x40, 0x40).cents, 28, 4);
    EXPECT_LT(depth(0x00, 0xc0).cents, 3);
}

TEST(Opl3, FourOperatorsAreConnectedInFourWays) {
    // For both connection bits, lower channel first, which of the operators are heard.
    struct Case {
        u8 lower, upper;
        std::array<bool, 4> heard;
    };
    constexpr std::array<u16, 4> kOffsets = {0x00, 0x03, 0x08, 0x0b};
    for (const Case& c : {Case{0, 0, {false, false, false, true}}, Case{0, 1, {false, true, false, true}},
                          Case{1, 0, {true, false, false, true}}, Case{1, 1, {true, false, true, true}}})
        for (unsigned alone = 0; alone < 4; alone++) {
            OplBench bench;
            bench.write(0x105, 1);
            bench.write(0x104, 1);
            for (unsigned i = 0; i < 4; i++) bench.set_sine(kOffsets[i], i == alone ? 0 : 0x3f);
            bench.write(0xc0, 0x30 | c.lower);
            bench.write(0xc3, 0x30 | c.upper);
            bench.key(0, 0x240, 4);
            EXPECT_EQ(bench.loudness(50) > 1'000, c.heard[alone])
                << int{c.lower} << int{c.upper} << " operator " << alone + 1;
        }
}

TEST(Opl3, ModulationMakesOvertones) {
    OplBench bench;
    bench.set_sine(0, 0x3f);
    bench.set_sine(3);
    bench.key(0, 0x240, 4);
    const auto edges = [&] {
        bench.listen(20);
        const std::vector<StereoFrame>& frames = bench.listen(100);
        double sum = 0;
        for (size_t i = 1; i < frames.size(); i++) sum += std::abs(frames[i].left - frames[i - 1].left);
        return sum;
    };
    const double plain = edges();
    bench.write(0x40, 0x08);
    EXPECT_GT(edges(), 3 * plain);
    bench.write(0x40, 0x3f);
    EXPECT_NEAR(edges(), plain, plain * 0.01);
    bench.write(0x40, 0x10);
    const double without = edges();
    bench.write(0xc0, 0x0e);  // feedback 7
    EXPECT_GT(edges(), 1.2 * without);
}

TEST(Opl3, DrumsSoundByTheirBits) {
    constexpr std::array<u16, 5> kOffsets = {0x11, 0x15, 0x12, 0x14, 0x13};  // hat, cymbal, tom, snare, bass
    for (unsigned drum = 0; drum < 5; drum++) {
        OplBench bench;
        bench.set_sine(kOffsets[drum]);
        bench.key(6, 0x200, 2, false);
        bench.key(7, 0x200, 2, false);
        bench.key(8, 0x200, 4, false);
        bench.write(0xbd, 0x20);
        EXPECT_EQ(bench.loudness(20), 0) << drum;
        bench.write(0xbd, static_cast<u8>(0x20 | 1 << drum));
        EXPECT_GT(bench.loudness(50), 1'500) << drum;
        bench.write(0xbd, 0x20);
        bench.listen(50);
        for (const OplOperatorState& op : bench.opl.state().operators)
            EXPECT_EQ(op.stage, OplStage::Off) << drum;
    }
}

TEST(Opl3, SidesAreSwitchedInTheNewModeAlone) {
    OplBench bench;
    bench.set_sine(3);
    bench.write(0x40, 0x3f);
    bench.write(0xc0, 0x01);
    bench.key(0, 0x240, 4);
    EXPECT_GT(bench.loudness(50, &StereoFrame::left), 2'000);
    EXPECT_GT(bench.loudness(50, &StereoFrame::right), 2'000);
    bench.write(0x105, 1);
    bench.listen(100);
    EXPECT_LT(bench.loudness(50, &StereoFrame::left), 50);
    bench.write(0xc0, 0x21);
    EXPECT_LT(bench.loudness(50, &StereoFrame::left), 50);
    EXPECT_GT(bench.loudness(50, &StereoFrame::right), 2'000);
}

TEST(Opl3, AsAnOpl2TheSecondBankIsTheFirst) {
    OplBench bench;
    bench.write(0x140, 0x3f);
    EXPECT_EQ(bench.opl.state().registers[0x040], 0x3f);
    EXPECT_EQ(bench.opl.state().registers[0x140], 0x00);
    bench.write(0x105, 1);
    bench.write(0x140, 0x2a);
    EXPECT_EQ(bench.opl.state().registers[0x140], 0x2a);
}

TEST(Opl3, TimersCountEightyAndThreeHundredTwentyMicroseconds) {
    OplBench bench;
    bench.write(0x02, 0xff);
    bench.write(0x03, 0xfe);
    bench.write(0x04, 0x03);
    // 1152 and 2 · 4608 periods of the chip's clock.
    bench.advance(80'457);
    EXPECT_EQ(bench.opl.read_status(), 0x00);
    bench.advance(3);
    EXPECT_EQ(bench.opl.read_status(), 0xc0);
    bench.write(0x04, 0x80);
    EXPECT_EQ(bench.opl.read_status(), 0x00);
    bench.advance(80'460);
    EXPECT_EQ(bench.opl.read_status(), 0xc0) << "it goes on";
    bench.advance(643'657 - 160'920 - 10);
    EXPECT_EQ(bench.opl.read_status(), 0xc0);
    bench.advance(20);
    EXPECT_EQ(bench.opl.read_status(), 0xe0);
}

TEST(Opl3, AMaskedTimerSetsNoFlag) {
    OplBench bench;
    bench.write(0x02, 0xff);
    bench.write(0x04, 0x41);
    bench.advance(kMillisecond);
    EXPECT_EQ(bench.opl.read_status(), 0x00);
    bench.write(0x04, 0x01);
    bench.advance(kMillisecond);
    EXPECT_EQ(bench.opl.read_status(), 0xc0);
}

TEST(Opl3, IsIdleWhenNothingSounds) {
    OplBench bench;
    bench.set_sine(3);
    bench.key(0, 0x240, 4);
    bench.listen(10);
    bench.key(0, 0x240, 4, false);
    bench.listen(100);
    for (const OplOperatorState& op : bench.opl.state().operators) EXPECT_EQ(op.stage, OplStage::Off);
    const u64 cycles = bench.opl.state().cycles;
    bench.listen(100);
    EXPECT_NEAR(static_cast<double>(bench.opl.state().cycles - cycles), kSampleRate / 10, 2)
        << "tremolo and vibrato go on";
}

}  // namespace
}  // namespace gnomon
