// ACPI fixed hardware: where it appears, its events and SCI, the timer, soft-off, the empty SMBus.
#include "devices/power/piix4_pm.h"

#include <gtest/gtest.h>

#include "devices/device_fuzz.h"
#include "devices/snapshot_check.h"

namespace gnomon {
namespace {

constexpr u16 kBase = 0x600;
constexpr u16 kSmbus = 0x700;
constexpr PortRange kPorts[] = {{0xb2, 2}, {0xafe0, 4}, {kBase, 64}, {kSmbus, 16}};

struct Piix4PmTest : testing::Test {
    DeviceBench bench;
    PciBus bus;
    LineProbe sci;
    unsigned power_offs = 0;
    std::unique_ptr<Piix4Pm> pm = *Piix4Pm::create(bench.ports, bus, bench.scheduler, bench.log,
                                                   {sci.line(), [this] { power_offs++; }});

    void SetUp() override {
        pm->config_write(0x40, 4, kBase | 1);
        pm->config_write(0x80, 1, 1);
        pm->config_write(0x90, 4, kSmbus | 1);
        pm->config_write(0xd2, 1, 0x09);
        pm->config_write(0x04, 2, 1);
    }
    void enable_acpi() { bench.out8(0xb2, 0xf1); }
};

TEST_F(Piix4PmTest, RegistersAppearWhereTheBaseIsOnceEnabled) {
    EXPECT_EQ(bench.in16(kBase + 4), 0u);
    pm->config_write(0x80, 1, 0);
    EXPECT_EQ(bench.in16(kBase + 4), 0xffffu);
    pm->config_write(0x80, 1, 1);
    pm->config_write(0x41, 1, 0xb0);
    EXPECT_EQ(pm->config_read(0x40, 4), 0xb001u);
    EXPECT_EQ(bench.in16(kBase + 4), 0xffffu);
    EXPECT_EQ(bench.in16(0xb004), 0u);
    EXPECT_EQ(pm->config_read(0, 4), 0x71138086u);
    EXPECT_EQ(pm->config_read(0x3d, 1), 1u);
}

TEST_F(Piix4PmTest, BaseOverOtherPortsStaysUnmapped) {
    pm->config_write(0x40, 2, 0xafc0);
    EXPECT_EQ(bench.in16(0xafc4), 0xffffu);
    EXPECT_EQ(bench.in16(0xafe0), 0u);
    pm->config_write(0x40, 2, kBase);
    EXPECT_EQ(bench.in16(kBase + 4), 0u);
}

TEST_F(Piix4PmTest, CommandPortSwitchesAcpiOnAndOff) {
    enable_acpi();
    EXPECT_EQ(bench.in16(kBase + 4), 1u);
    EXPECT_EQ(bench.in8(0xb2), 0xf1);
    bench.out8(0xb2, 0xf0);
    EXPECT_EQ(bench.in16(kBase + 4), 0u);
    bench.out8(0xb3, 0x42);
    EXPECT_EQ(bench.in8(0xb3), 0x42);
}

TEST_F(Piix4PmTest, PowerButtonInterruptsWhenEnabled) {
    EXPECT_FALSE(pm->press_power_button());
    EXPECT_EQ(bench.in16(kBase), 0x0100u);
    EXPECT_FALSE(sci.level());
    bench.out16(kBase, 0x0100);
    enable_acpi();
    bench.out16(kBase + 2, 0x0100);
    EXPECT_FALSE(sci.level());
    EXPECT_TRUE(pm->press_power_button());
    EXPECT_TRUE(sci.level());
    bench.out16(kBase, 0x0100);
    EXPECT_FALSE(sci.level());
    EXPECT_EQ(bench.in16(kBase), 0u);
}

TEST_F(Piix4PmTest, NothingInterruptsBeforeAcpiOwnsTheHardware) {
    bench.out16(kBase + 2, 0x0101);
    EXPECT_FALSE(pm->press_power_button());
    bench.advance(VirtualClock::kSecond * 3);
    EXPECT_EQ(bench.in16(kBase), 0x0101u);
    EXPECT_FALSE(sci.level());
    enable_acpi();
    EXPECT_TRUE(sci.level());
    pm->reset();
    EXPECT_FALSE(sci.level());
    EXPECT_EQ(pm->config_read(0x40, 4), 1u);
}

TEST_F(Piix4PmTest, RtcAlarmSetsItsStatus) {
    enable_acpi();
    bench.out16(kBase + 2, 0x0400);
    pm->rtc_alarm();
    EXPECT_EQ(bench.in16(kBase), 0x0400u);
    EXPECT_TRUE(sci.level());
}

TEST_F(Piix4PmTest, TimerCountsAt3579545Hertz) {
    EXPECT_EQ(bench.in32(kBase + 8), 0u);
    bench.advance(VirtualClock::kSecond);
    EXPECT_EQ(bench.in32(kBase + 8), 3579545u);
    bench.advance(VirtualClock::kSecond * 9);
    EXPECT_EQ(bench.in32(kBase + 8), 35795450u & 0xffffff);
    EXPECT_EQ(bench.in16(kBase + 9), 35795450u >> 8 & 0xffff);
    bench.out32(kBase + 8, 0);
    EXPECT_EQ(bench.in32(kBase + 8), 35795450u & 0xffffff);
}

TEST_F(Piix4PmTest, TimerOverflowInterruptsEvery2To23Ticks) {
    enable_acpi();
    bench.out16(kBase + 2, 1);
    const u64 first = VirtualClock::ticks_to_ns(1 << 23, Piix4Pm::kTimerHertz);
    advance_to(bench.scheduler, first - 1);
    EXPECT_EQ(bench.in16(kBase), 0u);
    EXPECT_FALSE(sci.level());
    advance_to(bench.scheduler, first);
    EXPECT_TRUE(sci.level());
    EXPECT_EQ(bench.in16(kBase), 1u);
    advance_to(bench.scheduler, 2 * first + 5);
    bench.out16(kBase, 1);
    EXPECT_FALSE(sci.level());
    advance_to(bench.scheduler, 3 * first - 5);
    EXPECT_EQ(sci.rises[0], 1u);
    advance_to(bench.scheduler, 3 * first);
    EXPECT_EQ(sci.rises[0], 2u);
}

TEST_F(Piix4PmTest, TimerWithoutItsInterruptNeedsNoEvents) {
    EXPECT_EQ(bench.scheduler.next_deadline(), Scheduler::kNever);
    bench.advance(VirtualClock::kSecond * 3);
    EXPECT_EQ(bench.in16(kBase), 1u);
}

TEST_F(Piix4PmTest, SleepTypeZeroIsSoftOff) {
    bench.out16(kBase + 4, 0x2000);
    EXPECT_EQ(power_offs, 1u);
    EXPECT_EQ(bench.in16(kBase + 4), 0u);
    bench.out16(kBase + 4, 4 << 10);
    EXPECT_EQ(bench.in16(kBase + 4), 0x1000u);
    bench.out16(kBase + 4, 1 << 13 | 4 << 10);
    EXPECT_EQ(bench.in16(kBase), 0x8000u);
    bench.out16(kBase, 0x8000);
    bench.out16(kBase + 4, 1 << 13 | 1 << 10);
    EXPECT_EQ(bench.in16(kBase), 0u);
    EXPECT_EQ(power_offs, 1u);
}

TEST_F(Piix4PmTest, GeneralPurposeEventsInterrupt) {
    enable_acpi();
    bench.out16(0xafe2, 0x0200);
    pm->raise_event(1);
    EXPECT_FALSE(sci.level());
    pm->raise_event(9);
    EXPECT_TRUE(sci.level());
    EXPECT_EQ(bench.in32(0xafe0), 0x02000202u);
    bench.out16(0xafe0, 0x0200);
    EXPECT_FALSE(sci.level());
}

TEST_F(Piix4PmTest, SmbusHasNoSlaves) {
    for (unsigned address = 0; address < 128; address++) {
        bench.out8(kSmbus + 4, static_cast<u8>(address << 1));
        bench.out8(kSmbus + 2, 0x48);
        EXPECT_EQ(bench.in8(kSmbus), 0x04);
        bench.out8(kSmbus, 0x1e);
        EXPECT_EQ(bench.in8(kSmbus), 0);
    }
    EXPECT_FALSE(sci.level());
    bench.out8(kSmbus + 2, 0x49);
    EXPECT_TRUE(sci.level());
    bench.out8(kSmbus, 0x04);
    EXPECT_FALSE(sci.level());
}

TEST_F(Piix4PmTest, SnapshotRoundTrip) {
    enable_acpi();
    bench.out16(kBase + 2, 0x0101);
    bench.advance(VirtualClock::kSecond);
    pm->press_power_button();
    expect_snapshot_round_trip(bench.scheduler, *pm, [this] {
        bench.advance(VirtualClock::kSecond * 2);
        bench.out16(kBase, 0x0100);
        pm->config_write(0x40, 2, 0xb000);
    });
    EXPECT_EQ(bench.in16(0xb004), 1u);
}

TEST_F(Piix4PmTest, RandomAccesses) {
    fuzz_ports(bench, kPorts, {.between = [this](u64 random) {
                   if (random % 64 == 0) pm->press_power_button();
               }});
    fuzz_config(bench, *pm);
}

}  // namespace
}  // namespace gnomon
