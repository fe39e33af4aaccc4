// The mixer and the PC speaker with a hand-turned clock.
#include "devices/sound/sound_mixer.h"

#include <gtest/gtest.h>

#include <cmath>

#include "devices/device_bench.h"
#include "devices/sound/pc_speaker.h"
#include "devices/sound/sound_probe.h"

namespace gnomon {
namespace {

TEST(SoundMixer, MakesAsManySamplesAsGuestTimeHas) {
    DeviceBench bench;
    SoundProbe probe(44'100);
    SoundMixer mixer(bench.scheduler, &probe);
    bench.advance(1'000'000'000);
    mixer.flush();
    EXPECT_EQ(probe.frames.size(), 44'100u);
    bench.advance(500'000'000);
    mixer.flush();
    EXPECT_EQ(probe.frames.size(), 66'150u);
}

TEST(SoundMixer, WithoutASinkNothingIsScheduled) {
    DeviceBench bench;
    SoundMixer mixer(bench.scheduler, nullptr);
    const SoundChannel channel = mixer.add_channel();
    EXPECT_FALSE(channel.active());
    channel.set(5, 100, 100);
    mixer.flush();
    EXPECT_EQ(bench.scheduler.next_deadline(), Scheduler::kNever);
}

TEST(SoundMixer, ChannelsAddUpAtTheirTimes) {
    DeviceBench bench;
    SoundProbe probe(48'000);
    SoundMixer mixer(bench.scheduler, &probe);
    const SoundChannel one = mixer.add_channel();
    const SoundChannel other = mixer.add_channel();
    one.set(10'000'000, 4'000, 0);
    other.set(10'000'000, 3'000, -1'000);
    bench.advance(50'000'000);
    EXPECT_EQ(probe.frames.at(480), StereoFrame{});
    EXPECT_NEAR(probe.frames.at(480 + StepSynthesizer::kTaps).left, 7'000, 60);
    EXPECT_NEAR(probe.frames.at(480 + StepSynthesizer::kTaps).right, -1'000, 20);
}

TEST(SoundMixer, MutedItGivesSilenceOfTheSameLengthAndNoClick) {
    DeviceBench bench;
    SoundProbe probe(48'000);
    SoundMixer mixer(bench.scheduler, &probe);
    const SoundChannel channel = mixer.add_channel();
    const auto play = [&] {
        for (unsigned i = 0; i < 100; i++) {
            channel.set(bench.clock.now(), i % 2 ? 8'000 : -8'000, 0);
            bench.advance(1'000'000);
        }
        mixer.flush();
    };
    play();
    mixer.set_muted(true);
    play();
    mixer.set_muted(false);
    play();
    ASSERT_EQ(probe.frames.size(), 14'400u);
    const auto loudest = [&](size_t first, size_t last) {
        int most = 0;
        for (size_t i = first; i < last; i++) most = std::max(most, std::abs(int{probe.frames[i].left}));
        return most;
    };
    EXPECT_GT(loudest(4'000, 4'800), 7'000);
    EXPECT_EQ(loudest(5'100, 9'600), 0);
    EXPECT_GT(loudest(10'000, 14'400), 7'000);
    for (size_t i = 4'900; i < 5'100; i++)
        EXPECT_LT(std::abs(probe.frames[i].left - probe.frames[i - 1].left), 12'000) << i;
}

TEST(SoundMixer, GoesOnAfterTimeHasJumped) {
    DeviceBench bench;
    SoundProbe probe(48'000);
    SoundMixer mixer(bench.scheduler, &probe);
    bench.advance(100'000'000);
    mixer.flush();
    VirtualClock::State state = bench.clock.state();
    state.skipped_ns = 5'000'000'000;
    bench.clock.set_state(state);
    mixer.restart();
    bench.advance(100'000'000);
    mixer.flush();
    EXPECT_EQ(probe.frames.size(), 9'600u);
}

struct SpeakerBench : DeviceBench {
    SoundProbe probe{48'000};
    SoundMixer mixer{scheduler, &probe};
    std::unique_ptr<Pit> pit = std::move(*Pit::create(ports, scheduler, Line()));
    std::unique_ptr<Port61> port61 = std::move(*Port61::create(ports, *pit, Line()));
    PcSpeaker speaker{mixer, *pit, *port61};

    void tone(u16 count) {
        out8(0x43, 0xb6);
        out8(0x42, static_cast<u8>(count));
        out8(0x42, static_cast<u8>(count >> 8));
    }
};

TEST(PcSpeaker, SoundsTheFrequencyOfItsCounter) {
    SpeakerBench bench;
    bench.tone(1193);
    bench.out8(0x61, 3);
    bench.advance(1'000'000'000);
    bench.mixer.flush();
    const Tone tone = measure_tone(bench.probe.frames, 48'000, 4'800, 48'000);
    EXPECT_NEAR(tone.hertz, 1193182.0 / 1193, 0.05);
    EXPECT_LT(tone.jitter, 0.01);
    EXPECT_NEAR(tone.rms, PcSpeaker::kLevel / 2, 150);
}

TEST(PcSpeaker, IsSilentWhileItsEnableBitIsClear) {
    SpeakerBench bench;
    bench.tone(1193);
    bench.out8(0x61, 1);
    bench.advance(100'000'000);
    bench.mixer.flush();
    for (const StereoFrame& frame : bench.probe.frames) EXPECT_EQ(frame, StereoFrame{});
}

TEST(PcSpeaker, FollowsTheEnableBitWhenProgramsToggleItThemselves) {
    SpeakerBench bench;
    bench.out8(0x43, 0xb0);  // mode 0 with no count: OUT is low; with one it goes high and stays
    bench.out8(0x42, 1);
    bench.out8(0x42, 0);
    bench.out8(0x61, 1);
    for (unsigned i = 0; i < 1000; i++) {
        bench.out8(0x61, i % 2 ? 1 : 3);
        bench.advance(500'000);
    }
    bench.mixer.flush();
    const Tone tone = measure_tone(bench.probe.frames, 48'000, 4'800, 23'000);
    EXPECT_NEAR(tone.hertz, 1000, 0.1);
    EXPECT_LT(tone.jitter, 0.01);
}

}  // namespace
}  // namespace gnomon
