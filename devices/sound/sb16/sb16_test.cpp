// The Sound Blaster 16 as a card: its mixer, MPU-401, settings, and snapshots.
#include "devices/sound/sb16/sb16.h"

#include "devices/snapshot_check.h"
#include "devices/sound/sb16/sb16_bench.h"
#include "devices/state_damage.h"

namespace gnomon {
namespace {

TEST(Ct1745, HasItsVolumesAfterAResetAndKeepsItsSettings) {
    Sb16Bench bench({.irq = 7, .dma = 3, .dma16 = 6});
    bench.mix(0x30, 0x08);
    bench.mix(0x3c, 0x00);
    bench.mix(0x00, 0xff);
    EXPECT_EQ(bench.mix(0x30), 0xc0);
    EXPECT_EQ(bench.mix(0x36), 0x00);
    EXPECT_EQ(bench.mix(0x3c), 0x1f);
    EXPECT_EQ(bench.mix(0x44), 0x80);
    EXPECT_EQ(bench.mix(0x80), 0xf4);
    EXPECT_EQ(bench.mix(0x81), 0x48);
}

TEST(Ct1745, TheOlderMixersRegistersAreTheHighBitsOfItsOwn) {
    Sb16Bench bench;
    bench.mix(0x22, 0xa5);
    EXPECT_EQ(bench.mix(0x30), 0xa8);
    EXPECT_EQ(bench.mix(0x31), 0x58);
    EXPECT_EQ(bench.mix(0x22), 0xa5);
    bench.mix(0x04, 0xff);
    EXPECT_EQ(bench.mix(0x32), 0xf8);
    bench.mix(0x0a, 0x07);
    EXPECT_EQ(bench.mix(0x3a), 0xf8);
    EXPECT_EQ(bench.mix(0x0a), 0x07);
}

TEST(Ct1745, SelectsInterruptAndChannels) {
    Sb16Bench bench;
    bench.dsp({0xf2});
    EXPECT_TRUE(bench.irqs.level(5));
    bench.mix(0x80, 0x08);
    EXPECT_FALSE(bench.irqs.level(5));
    EXPECT_TRUE(bench.irqs.level(10));
    bench.mix(0x81, 0x88);
    bench.program(3, 0x3000, 1, 0x44);
    bench.dsp({0xe2, 0x00});
    EXPECT_EQ(bench.memory.bytes[0x3000], 0x40);
}

TEST(Ct1745, VolumesAreInStepsOfTwoDecibelsFromTheAmplifiersLimitOn) {
    Ct1745 mixer(5, 1, 5);
    EXPECT_EQ(mixer.voice().left, 13'076) << "-14 dB after a reset";
    mixer.select(0x30);
    mixer.write(0xf8);
    EXPECT_EQ(mixer.voice().left, 65'536);
    EXPECT_EQ(mixer.voice().right, 13'076);
    mixer.select(0x32);
    mixer.write(0x50);  // 10: -42 dB and the amplifier's 14
    EXPECT_EQ(mixer.voice().left, 2'609);
}

TEST(Mpu401, AcknowledgesResetAndUartModeAndRaisesTheInterrupt) {
    Sb16Bench bench;
    EXPECT_EQ(bench.in8(0x331), 0xbf);
    bench.out8(0x331, 0xff);
    EXPECT_EQ(bench.in8(0x331), 0x3f);
    EXPECT_EQ(bench.mix(0x82), 0x04);
    EXPECT_TRUE(bench.irqs.level(5));
    EXPECT_EQ(bench.in8(0x330), 0xfe);
    EXPECT_FALSE(bench.irqs.level(5));
    bench.out8(0x331, 0x3f);
    EXPECT_EQ(bench.in8(0x330), 0xfe);
    bench.out8(0x330, 0x90);
    bench.out8(0x331, 0xff);
    EXPECT_EQ(bench.in8(0x331), 0xbf) << "no answer on leaving UART mode";
}

TEST(Sb16, ImpossibleSettingsAreErrors) {
    const auto error = [](Sb16::Config config) {
        DeviceBench bench;
        DmaMemory memory(16);
        const auto dma = std::move(*IsaDma::create(bench.ports, memory));
        SoundMixer mixer(bench.scheduler, nullptr);
        Sb16::Wires wires;
        wires.dma = dma.get();
        wires.mixer = &mixer;
        auto card = Sb16::create(bench.ports, bench.scheduler, bench.log, wires, config);
        return card ? std::string() : card.error().message;
    };
    EXPECT_EQ(error({.port = 0x230}),
              "port 0x230 is not possible; accepted are 0x220, 0x240, 0x260 and 0x280");
    EXPECT_EQ(error({.irq = 3}), "IRQ 3 is not possible; accepted are 2, 5, 7 and 10");
    EXPECT_EQ(error({.dma = 2}), "DMA channel 2 is not possible for 8-bit samples; accepted are 0, 1 and 3");
    EXPECT_EQ(error({.dma16 = 3}),
              "DMA channel 3 is not possible for 16-bit samples; accepted are 5, 6, 7 and 1");
    EXPECT_EQ(error({.port = 0x240, .irq = 10, .dma = 3, .dma16 = 7}), "");
}

TEST(Sb16, WithoutAListenerNothingIsScheduledUnlessATransferRuns) {
    Sb16Bench bench({}, false);
    EXPECT_EQ(bench.scheduler.next_deadline(), Scheduler::kNever);
    bench.program(1, 0x2000, 100, 0x48);
    bench.dsp({0x40, 156, 0x14, 99, 0});
    bench.advance(10'000'000);
    EXPECT_EQ(bench.irqs.rises[5], 1u);
    EXPECT_EQ(bench.scheduler.next_deadline(), Scheduler::kNever);
}

void play_something(Sb16Bench& bench) {
    bench.program(1, 0x2000, 3000, 0x58);
    bench.dsp({0x40, 156, 0x48, 0xe7, 0x03, 0x7d});
    for (const auto& [index, value] : {std::pair<u8, u8>{0x20, 0x61},
                                       {0x23, 0xe1},
                                       {0x43, 0x05},
                                       {0x60, 0x84},
                                       {0x63, 0x73},
                                       {0x80, 0x44},
                                       {0x83, 0x35},
                                       {0xa0, 0x44},
                                       {0xb0, 0x32}}) {
        bench.out8(0x388, index);
        bench.out8(0x389, value);
    }
    bench.out8(0x388, 2);
    bench.out8(0x389, 0x30);
    bench.out8(0x388, 4);
    bench.out8(0x389, 0x01);
}

TEST(Sb16, ASnapshotInTheMiddleOfATransferGoesOn) {
    Sb16Bench bench;
    for (size_t i = 0; i < 3000; i++) bench.memory.bytes[0x2000 + i] = static_cast<u8>(i * 7 ^ i >> 4);
    play_something(bench);
    bench.advance(33'333'333);
    StatePart* const parts[] = {bench.card.get(), bench.dma.get()};
    expect_snapshot_round_trip(bench.scheduler, parts, [&] {
        bench.advance(200'000'000);
        bench.in8(kBase + 0xe);
        bench.in8(0x388);
        bench.advance(200'000'000);
    });
}

TEST(Sb16, RandomAccessesDoNoHarm) {
    for (const u64 seed : {1, 2, 3}) {
        Sb16Bench bench;
        const PortRange ranges[] = {{kBase, 16}, {kBase + 0xc, 1}, {0x388, 4},
                                    {0x330, 2},  {0, 16},          {0xc0, 32}};
        fuzz_ports(bench, ranges, {.seed = seed});
    }
}

TEST(Sb16, DamagedSnapshotsDoNoHarm) {
    Sb16Bench bench;
    play_something(bench);
    bench.advance(20'000'000);
    const unsigned accepted = load_damaged_states(*bench.card, 400, [&](u64 seed) {
        const PortRange ranges[] = {{kBase, 16}, {0x388, 4}, {0x330, 2}};
        fuzz_ports(bench, ranges, {.seed = seed, .steps = 50});
    });
    EXPECT_GT(accepted, 50u);
}

}  // namespace
}  // namespace gnomon
