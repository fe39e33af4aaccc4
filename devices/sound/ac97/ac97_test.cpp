// The AC '97 controller: configuration, codec, buffer lists to the sample, interrupts.
#include "devices/sound/ac97/ac97.h"

#include <gtest/gtest.h>

#include "devices/device_fuzz.h"
#include "devices/snapshot_check.h"
#include "devices/sound/sound_probe.h"
#include "devices/state_damage.h"

namespace gnomon {
namespace {

constexpr u16 kCodec = 0x1000;
constexpr u16 kMaster = 0x1400;
constexpr u16 kOut = kMaster + 0x10;
constexpr u32 kList = 0x8000;
constexpr u64 kMillisecond = 1'000'000;

struct Ac97Bench : DeviceBench {
    DmaMemory memory{0x40000};
    SoundProbe probe{48'000};
    SoundMixer mixer{scheduler, &probe};
    PciBus pci;
    LineProbe interrupt;
    std::unique_ptr<Ac97> card =
        std::move(*Ac97::create(pci, ports, scheduler, log, {interrupt.line(), &memory, &mixer}));

    Ac97Bench() {
        card->config_write(0x10, 4, kCodec);
        card->config_write(0x14, 4, kMaster);
        card->config_write(0x04, 2, 5);
        out32(kMaster + 0x2c, 2);
    }
    void descriptor(unsigned index, u32 address, u16 samples, u16 control) {
        u8* at = &memory.bytes[kList + 8 * index];
        for (unsigned i = 0; i < 4; i++) at[i] = static_cast<u8>(address >> 8 * i);
        const u32 word = u32{control} << 16 | samples;
        for (unsigned i = 0; i < 4; i++) at[4 + i] = static_cast<u8>(word >> 8 * i);
    }
    void play(u8 last, u8 control = 0x1d) {
        out32(kOut, kList);
        out8(kOut + 5, last);
        out8(kOut + 0xb, control);
    }
};

TEST(Ac97, IsAnIntel82801AA) {
    Ac97Bench bench;
    EXPECT_EQ(bench.card->config_read(0x00, 4), 0x24158086u);
    EXPECT_EQ(bench.card->config_read(0x0a, 2), 0x0401u);
    EXPECT_EQ(bench.card->config_read(0x3d, 1), 1u);
    bench.card->config_write(0x10, 4, ~0u);
    EXPECT_EQ(bench.card->config_read(0x10, 4), 0xffffff01u);
    bench.card->config_write(0x14, 4, ~0u);
    EXPECT_EQ(bench.card->config_read(0x14, 4), 0xffffffc1u);
}

TEST(Ac97Codec, HasItsRegistersAfterAReset) {
    Ac97Bench bench;
    EXPECT_EQ(bench.in16(kCodec + 0x02), 0x8000);
    EXPECT_EQ(bench.in16(kCodec + 0x18), 0x8808);
    EXPECT_EQ(bench.in16(kCodec + 0x26), 0x000f);
    EXPECT_EQ(bench.in32(kCodec + 0x7c), 0x76008384u);
    bench.out16(kCodec + 0x02, 0x0808);
    bench.out16(kCodec + 0x00, 0x1234);
    EXPECT_EQ(bench.in16(kCodec + 0x02), 0x8000);
}

TEST(Ac97Codec, ASixthVolumeBitMeansTheSoftestOfFiveBits) {
    Ac97Bench bench;
    bench.out16(kCodec + 0x02, 0x2020);
    EXPECT_EQ(bench.in16(kCodec + 0x02), 0x1f1f);
}

TEST(Ac97Codec, RatesChangeOnlyWithVariableRatesOn) {
    Ac97Bench bench;
    EXPECT_EQ(bench.in16(kCodec + 0x28) & 1, 1);
    bench.out16(kCodec + 0x2c, 22'050);
    EXPECT_EQ(bench.in16(kCodec + 0x2c), 48'000);
    bench.out16(kCodec + 0x2a, 1);
    bench.out16(kCodec + 0x2c, 22'050);
    EXPECT_EQ(bench.in16(kCodec + 0x2c), 22'050);
    bench.out16(kCodec + 0x2c, 100);
    EXPECT_EQ(bench.in16(kCodec + 0x2c), 8'000) << "the nearest possible";
    bench.out16(kCodec + 0x2a, 0);
    EXPECT_EQ(bench.in16(kCodec + 0x2c), 48'000);
}

TEST(Ac97Codec, PartsThatArePoweredDownAreNotReady) {
    Ac97Bench bench;
    bench.out16(kCodec + 0x26, 0x0300);
    EXPECT_EQ(bench.in16(kCodec + 0x26), 0x030c);
}

TEST(Ac97Codec, GainsFollowMuteAndVolumes) {
    Ac97Codec codec;
    EXPECT_EQ(codec.output_gain().left, 0);
    codec.write(0x02, 0x0004);
    codec.write(0x18, 0x0808);
    EXPECT_EQ(codec.output_gain().left, 65'536);
    EXPECT_EQ(codec.output_gain().right, 32'846) << "-6 dB";
    codec.write(0x18, 0x8808);
    EXPECT_EQ(codec.output_gain().right, 0);
}

TEST(Ac97, TheCodecIsReadyOutOfColdReset) {
    Ac97Bench bench;
    EXPECT_EQ(bench.in32(kMaster + 0x30), 0x100u);
    bench.out32(kMaster + 0x2c, 6);
    EXPECT_EQ(bench.in32(kMaster + 0x2c), 2u) << "the warm reset is over";
    bench.out16(kCodec + 0x02, 0x0000);
    bench.out32(kMaster + 0x2c, 0);
    EXPECT_EQ(bench.in32(kMaster + 0x30), 0u);
    EXPECT_EQ(bench.in16(kCodec + 0x02), 0x8000);
}

TEST(Ac97, TheSemaphoreIsTakenByReadingAndGivenBackByACodecAccess) {
    Ac97Bench bench;
    EXPECT_EQ(bench.in8(kMaster + 0x34), 0);
    EXPECT_EQ(bench.in8(kMaster + 0x34), 1);
    bench.in16(kCodec + 0x02);
    EXPECT_EQ(bench.in8(kMaster + 0x34), 0);
}

TEST(Ac97, BuffersEndWithTheirInterruptsExactlyOnTime) {
    Ac97Bench bench;
    bench.descriptor(0, 0x10000, 960, 0x8000);  // 10 ms at 48 kHz
    bench.descriptor(1, 0x11000, 1920, 0x0000);
    bench.descriptor(2, 0x12000, 960, 0x8000);
    bench.play(2);
    EXPECT_EQ(bench.in8(kOut + 4), 0);
    EXPECT_EQ(bench.in8(kOut + 0xa), 1);
    bench.advance(10 * kMillisecond - 1);
    EXPECT_FALSE(bench.interrupt.level());
    bench.advance(1);
    EXPECT_TRUE(bench.interrupt.level());
    EXPECT_EQ(bench.in32(kMaster + 0x30), 0x140u);
    EXPECT_EQ(bench.in16(kOut + 6), 0x08);
    EXPECT_EQ(bench.in8(kOut + 4), 1);
    bench.out16(kOut + 6, 0x08);
    EXPECT_FALSE(bench.interrupt.level());
    bench.advance(20 * kMillisecond);
    EXPECT_FALSE(bench.interrupt.level()) << "no IOC";
    bench.advance(10 * kMillisecond);
    EXPECT_EQ(bench.in16(kOut + 6), 0x0f) << "halted at the last buffer";
    EXPECT_EQ(bench.in8(kOut + 4), 2);
    EXPECT_EQ(bench.in16(kOut + 8), 0);
    bench.out16(kOut + 6, 0x1c);
    EXPECT_FALSE(bench.interrupt.level());
}

TEST(Ac97, ThePositionIsExactAtEachAccess) {
    Ac97Bench bench;
    bench.descriptor(0, 0x10000, 9600, 0);
    bench.play(0);
    bench.advance(1'234'567);  // 59.26 frames
    EXPECT_EQ(bench.in16(kOut + 8), 9600 - 2 * 59);
    bench.advance(20'833);
    EXPECT_EQ(bench.in16(kOut + 8), 9600 - 2 * 60);
}

TEST(Ac97, ANewLastBufferLetsAListGoOn) {
    Ac97Bench bench;
    for (unsigned i = 0; i < 3; i++) bench.descriptor(i, 0x10000, 960, 0x8000);
    bench.play(0);
    bench.advance(50 * kMillisecond);
    EXPECT_EQ(bench.in16(kOut + 6) & 3, 3);
    bench.out16(kOut + 6, 0x1c);
    bench.out8(kOut + 5, 1);
    EXPECT_EQ(bench.in8(kOut + 4), 1);
    bench.advance(10 * kMillisecond);
    EXPECT_EQ(bench.in16(kOut + 6), 0x0f);
}

TEST(Ac97, TheListIsACircle) {
    Ac97Bench bench;
    for (unsigned i = 0; i < 32; i++) bench.descriptor(i, 0x10000, 96, 0x8000);  // 1 ms each
    bench.play(31);
    for (unsigned i = 0; i < 100; i++) {
        bench.advance(kMillisecond);
        EXPECT_EQ(bench.in8(kOut + 4), (i + 1) % 32);
        bench.out16(kOut + 6, 0x08);
        bench.out8(kOut + 5, static_cast<u8>((bench.in8(kOut + 4) + 31) % 32));
    }
    EXPECT_EQ(bench.interrupt.rises[0], 100u);
}

TEST(Ac97, StopsWhereItIsAndGoesOnThereOrStartsOverAfterItsReset) {
    Ac97Bench bench;
    bench.descriptor(0, 0x10000, 9600, 0);
    bench.play(0);
    bench.advance(10 * kMillisecond);
    bench.out8(kOut + 0xb, 0);
    EXPECT_EQ(bench.in16(kOut + 6) & 1, 1);
    bench.advance(10 * kMillisecond);
    EXPECT_EQ(bench.in16(kOut + 8), 9600 - 960);
    bench.out8(kOut + 0xb, 1);
    bench.advance(10 * kMillisecond);
    EXPECT_EQ(bench.in16(kOut + 8), 9600 - 1920);
    bench.out8(kOut + 0xb, 2);
    EXPECT_EQ(bench.in32(kOut), kList) << "no reset while it runs";
    bench.out8(kOut + 0xb, 0);
    bench.out8(kOut + 0xb, 2);
    EXPECT_EQ(bench.in32(kOut), 0u);
    EXPECT_EQ(bench.in16(kOut + 6), 1);
    EXPECT_EQ(bench.in8(kOut + 0xb), 0);
}

TEST(Ac97, EmptyBuffersArePassed) {
    Ac97Bench bench;
    for (unsigned i = 0; i < 32; i++) bench.descriptor(i, 0x10000, 0, 0x8000);
    bench.play(5);
    bench.advance(kMillisecond);
    EXPECT_EQ(bench.in8(kOut + 4), 5);
    EXPECT_EQ(bench.in16(kOut + 6) & 1, 1);
}

TEST(Ac97, RecordsSilence) {
    Ac97Bench bench;
    bench.memory.bytes.assign(bench.memory.bytes.size(), 0x11);
    bench.descriptor(0, 0x10000, 96, 0x8000);
    for (const unsigned index : {0u, 2u}) {
        const u16 base = static_cast<u16>(kMaster + 0x10 * index);
        bench.memory.bytes[0x10000] = 0x11;
        bench.out32(base, kList);
        bench.out8(base + 5, 0);
        bench.out8(base + 0xb, 0x11);
        bench.advance((index == 2 ? 2 : 1) * kMillisecond);  // the microphone is mono
        EXPECT_EQ(bench.in32(kMaster + 0x30), 0x100u | 0x20u << index);
        EXPECT_EQ(bench.memory.bytes[0x10000], 0);
        EXPECT_EQ(bench.memory.bytes[0x10000 + 192], 0x11);
        bench.out16(base + 6, 0x1c);
    }
}

TEST(Ac97, WithoutBusMasteringNothingMoves) {
    Ac97Bench bench;
    bench.card->config_write(0x04, 2, 1);
    bench.descriptor(0, 0x10000, 96, 0x8000);
    bench.play(0);
    bench.advance(100 * kMillisecond);
    EXPECT_FALSE(bench.interrupt.level());
    bench.card->config_write(0x04, 2, 5);
    bench.advance(3 * kMillisecond);
    EXPECT_TRUE(bench.interrupt.level());
}

TEST(Ac97, PlaysAtTheCodecsRateAndVolume) {
    Ac97Bench bench;
    bench.out16(kCodec + 0x02, 0x0000);
    bench.out16(kCodec + 0x18, 0x0c08);  // left 6 dB softer
    bench.out16(kCodec + 0x2a, 1);
    bench.out16(kCodec + 0x2c, 22'050);
    for (unsigned i = 0; i < 8000; i++) {
        const i16 sample = i / 15 % 2 ? 8'000 : -8'000;
        for (unsigned side = 0; side < 2; side++) {
            bench.memory.bytes[0x10000 + 4 * i + 2 * side] = static_cast<u8>(sample);
            bench.memory.bytes[0x10001 + 4 * i + 2 * side] = static_cast<u8>(sample >> 8);
        }
    }
    bench.descriptor(0, 0x10000, 16'000, 0);
    bench.play(0);
    bench.advance(360 * kMillisecond);
    bench.mixer.flush();
    for (const auto& [side, loud] :
         {std::pair{&StereoFrame::left, 4'010.0}, {&StereoFrame::right, 8'000.0}}) {
        const Tone tone = measure_tone(bench.probe.frames, 48'000, 4'800, 16'000, side);
        EXPECT_NEAR(tone.hertz, 735, 0.1);
        EXPECT_LT(tone.jitter, 0.01);
        EXPECT_NEAR(tone.rms, loud, loud * 0.02);
    }
    bench.advance(200 * kMillisecond);
    bench.mixer.flush();
    EXPECT_NEAR(bench.probe.frames.back().left, 0, 5) << "silence after the last buffer";
}

TEST(Ac97, ASnapshotInTheMiddleOfABufferGoesOn) {
    Ac97Bench bench;
    for (unsigned i = 0; i < 32; i++) bench.descriptor(i, 0x10000 + 0x1000 * i, 1500, 0x8000);
    bench.out16(kCodec + 0x02, 0x0000);
    bench.play(31);
    bench.advance(33'333'333);
    expect_snapshot_round_trip(bench.scheduler, *bench.card, [&] {
        bench.advance(50 * kMillisecond);
        bench.in16(kOut + 8);
        bench.out16(kOut + 6, 0x1c);
        bench.advance(50 * kMillisecond);
    });
}

TEST(Ac97, RandomAccessesDoNoHarm) {
    for (const u64 seed : {1, 2, 3}) {
        Ac97Bench bench;
        const PortRange ranges[] = {{kCodec, 256}, {kMaster, 64}, {kOut, 16}};
        fuzz_ports(bench, ranges, {.seed = seed});
        fuzz_config(bench, *bench.card, {.seed = seed});
    }
}

TEST(Ac97, DamagedSnapshotsDoNoHarm) {
    Ac97Bench bench;
    for (unsigned i = 0; i < 32; i++) bench.descriptor(i, 0x10000 + 0x1000 * i, 1500, 0x8000);
    bench.play(31);
    bench.advance(20 * kMillisecond);
    const unsigned accepted = load_damaged_states(*bench.card, 400, [&](u64 seed) {
        const PortRange ranges[] = {{kCodec, 256}, {kMaster, 64}};
        fuzz_ports(bench, ranges, {.seed = seed, .steps = 50});
    });
    EXPECT_GT(accepted, 50u);
}

}  // namespace
}  // namespace gnomon
