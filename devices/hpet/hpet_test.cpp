// The HPET: counter, one-shot and periodic comparators, legacy replacement, level and message interrupts.
#include "devices/hpet/hpet.h"

#include <gtest/gtest.h>

#include "devices/device_bench.h"
#include "devices/snapshot_check.h"

namespace gnomon {
namespace {

struct RecordingBus final : InterruptBus {
    std::vector<InterruptMessage> sent;
    bool send(const InterruptMessage& message) override {
        sent.push_back(message);
        return true;
    }
};

struct HpetTest : testing::Test {
    DeviceBench bench;
    LineProbe lines;  // 0: IRQ 0, 8: IRQ 8, 20-23 the routes
    RecordingBus bus;
    std::unique_ptr<Hpet> hpet;

    void SetUp() override {
        Hpet::Wires wires;
        wires.irq0 = lines.line(0);
        wires.irq8 = lines.line(8);
        for (auto& routes : wires.routes)
            for (unsigned i = 0; i < Hpet::kRoutes; i++) routes[i] = lines.line(20 + i);
        wires.messages = &bus;
        hpet = std::make_unique<Hpet>(bench.scheduler, wires);
    }
    u64 read(u64 offset) { return hpet->mmio_read(offset, 8); }
    void write(u64 offset, u64 value) { hpet->mmio_write(offset, 8, value); }
    void write32(u64 offset, u32 value) { hpet->mmio_write(offset, 4, value); }
};

TEST_F(HpetTest, CapabilitiesSayThreeComparatorsOf64BitsAnd10Nanoseconds) {
    EXPECT_EQ(read(0), 0x009896808086a201u);
    EXPECT_EQ(hpet->mmio_read(4, 4), 10'000'000u);
    for (u64 timer : {0x100, 0x120, 0x140}) EXPECT_EQ(read(timer), 0x00f0000000008030u);
}

TEST_F(HpetTest, TheCounterRunsOnlyWhileEnabled) {
    bench.advance(1000);
    EXPECT_EQ(read(0xf0), 0u);
    write(0xf0, 7);
    write(0x10, 1);
    bench.advance(1000);
    EXPECT_EQ(read(0xf0), 107u);
    EXPECT_EQ(hpet->mmio_read(0xf0, 4), 107u);
    write(0x10, 0);
    bench.advance(1000);
    EXPECT_EQ(read(0xf0), 107u);
}

TEST_F(HpetTest, OneShotComparatorRaisesItsRoute) {
    write(0x10, 1);
    write(0x140, 4 | 21 << 9);
    write(0x148, 50);
    bench.advance(499);
    EXPECT_FALSE(lines.level(21));
    bench.advance(1);
    EXPECT_TRUE(lines.level(21));
    bench.advance(1'000'000);
    EXPECT_EQ(lines.rises[21], 1u);
}

TEST_F(HpetTest, PeriodicComparatorAccumulates) {
    write(0x10, 1);
    write(0x100, 4 | 8 | 0x40 | 20 << 9);
    write(0x108, 100);  // the next match and, as written in periodic mode, the period
    bench.advance(10'000);
    EXPECT_EQ(lines.rises[20], 10u);
    EXPECT_EQ(read(0x108), 1100u);
    write(0x108, 200);  // a new period only
    EXPECT_EQ(read(0x108), 1100u);
    bench.advance(3'000);
    EXPECT_EQ(lines.rises[20], 12u);
}

TEST_F(HpetTest, PeriodicComparatorTakesTwo32BitStores) {
    write32(0x10, 1);
    write32(0x100, 4 | 8 | 0x40 | 1 << 8 | 20 << 9);
    write32(0x108, 500);
    write32(0x108, 100);
    EXPECT_EQ(read(0x108), 500u);
    bench.advance(6'999);
    EXPECT_EQ(lines.rises[20], 2u);
}

TEST_F(HpetTest, LegacyReplacementTakesThePlaceOfPitAndRtc) {
    hpet->input(Hpet::kPitInput).raise();
    EXPECT_TRUE(lines.level(0));
    write(0x100, 4);
    write(0x120, 4);
    write(0x108, 10);
    write(0x128, 20);
    write(0x10, 3);
    EXPECT_FALSE(lines.level(0));
    hpet->input(Hpet::kRtcInput).raise();
    EXPECT_FALSE(lines.level(8));
    bench.advance(100);
    EXPECT_TRUE(lines.level(0));
    EXPECT_FALSE(lines.level(8));
    bench.advance(100);
    EXPECT_TRUE(lines.level(8));
    write(0x10, 0);
    EXPECT_TRUE(lines.level(0) && lines.level(8));  // the PIT's and the RTC's levels again
    hpet->input(Hpet::kPitInput).lower();
    EXPECT_FALSE(lines.level(0));
}

TEST_F(HpetTest, LevelInterruptsLastUntilTheStatusBitIsCleared) {
    write(0x10, 1);
    write(0x120, 2 | 4 | 22 << 9);
    write(0x128, 10);
    bench.advance(200);
    EXPECT_TRUE(lines.level(22));
    EXPECT_EQ(read(0x20), 2u);
    write(0x20, 1);
    EXPECT_TRUE(lines.level(22));
    write(0x20, 2);
    EXPECT_FALSE(lines.level(22));
    EXPECT_EQ(read(0x20), 0u);
}

TEST_F(HpetTest, MessagesGoToTheBus) {
    write(0x10, 1);
    write(0x150, 0xfee0300000000042);
    write(0x140, 4 | 1 << 14);
    write(0x148, 10);
    bench.advance(100);
    ASSERT_EQ(bus.sent.size(), 1u);
    EXPECT_EQ(bus.sent[0], (InterruptMessage{3, false, DeliveryMode::Fixed, 0x42, false, true}));
}

TEST_F(HpetTest, A32BitComparatorMatchesAgainWhenTheCounterWraps) {
    write(0xf0, 0xfffffff0);
    write(0x10, 1);
    write(0x100, 4 | 1 << 8 | 20 << 9);
    write(0x108, 4);
    bench.advance(0x14 * 10);
    EXPECT_EQ(lines.rises[20], 1u);
    bench.advance((u64{1} << 32) * 10);
    EXPECT_EQ(lines.rises[20], 2u);
}

TEST_F(HpetTest, SnapshotRoundTrip) {
    write(0x10, 3);
    write(0x100, 4 | 8 | 0x40);
    write(0x108, 100);
    expect_snapshot_round_trip(bench.scheduler, *hpet, [&] { bench.advance(12'345); });
}

}  // namespace
}  // namespace gnomon
