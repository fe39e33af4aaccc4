// The clock: calendar and formats, update cycles, the three interrupts, CMOS memory.
#include "devices/rtc/rtc.h"

#include <gtest/gtest.h>

#include "devices/device_fuzz.h"
#include "devices/rtc/calendar.h"
#include "devices/snapshot_check.h"

namespace gnomon {
namespace {

constexpr PortRange kPorts[] = {{0x70, 4}};
constexpr u64 kSecond = VirtualClock::kSecond;
constexpr u64 kMicrosecond = 1000;

struct RtcTest : testing::Test {
    DeviceBench bench;
    LineProbe lines;
    unsigned alarms = 0;
    std::unique_ptr<Rtc> rtc =
        *Rtc::create(bench.ports, bench.scheduler, {lines.line(0), lines.line(1), [this] { alarms++; }});

    u8 read(u8 index) {
        bench.out8(0x70, index);
        return bench.in8(0x71);
    }
    void write(u8 index, u8 value) {
        bench.out8(0x70, index);
        bench.out8(0x71, value);
    }
    /// "century year-month-day weekday hour:minute:second" in the registers' own form.
    std::string now() {
        return fmt::format("{:02x}{:02x}-{:02x}-{:02x} {} {:02x}:{:02x}:{:02x}", read(0x32), read(9), read(8),
                           read(7), read(6), read(4), read(2), read(0));
    }
};

TEST_F(RtcTest, StartsAtTheDefaultTimeAndCountsSeconds) {
    EXPECT_EQ(now(), "2026-01-01 5 00:00:00");
    bench.advance(kSecond - 1);
    EXPECT_EQ(now(), "2026-01-01 5 00:00:00");
    bench.advance(1);
    EXPECT_EQ(now(), "2026-01-01 5 00:00:01");
    bench.advance(86'400 * kSecond);
    EXPECT_EQ(now(), "2026-01-02 6 00:00:01");
    EXPECT_EQ(read(0x0d), 0x80);
}

TEST_F(RtcTest, CalendarCarriesIntoCenturyAndKnowsLeapYears) {
    rtc->set_time(951'782'399);  // 2000-02-28 23:59:59
    bench.advance(kSecond);
    EXPECT_EQ(now(), "2000-02-29 3 00:00:00");
    rtc->set_time(4'102'444'799);  // 2099-12-31 23:59:59
    bench.advance(kSecond);
    EXPECT_EQ(now(), "2100-01-01 6 00:00:00");
    rtc->set_time(4'107'542'399);  // 2100-02-28 23:59:59
    bench.advance(kSecond);
    EXPECT_EQ(now(), "2100-03-01 2 00:00:00");
    rtc->set_time(-1);
    EXPECT_EQ(now(), "1969-12-31 4 23:59:59");
}

TEST_F(RtcTest, FractionOfTheInitialTimeIsKept) {
    rtc->set_time(0, 700'000'000);
    bench.advance(300'000'000 - 1);
    EXPECT_EQ(read(0), 0);
    bench.advance(1);
    EXPECT_EQ(read(0), 1);
}

TEST_F(RtcTest, TwelveHoursAndBinaryAreAsProgrammed) {
    write(0x0b, 0x00);  // BCD, 12 hours
    write(4, 0x12);
    write(2, 0x59);
    write(0, 0x59);
    bench.advance(kSecond);
    EXPECT_EQ(read(4), 0x01);
    write(4, 0x11);
    write(2, 0x59);
    write(0, 0x59);
    bench.advance(kSecond);
    EXPECT_EQ(read(4), 0x92);
    write(0x0b, 0x06);  // binary, 24 hours
    write(4, 22);
    write(2, 59);
    write(0, 59);
    write(7, 30);
    write(8, 11);
    bench.advance(kSecond);
    EXPECT_EQ(read(4), 23);
    bench.advance(3600 * kSecond);
    EXPECT_EQ(read(4), 0);
    EXPECT_EQ(read(7), 1);
    EXPECT_EQ(read(8), 12);
}

TEST(RtcFormat, HoursRoundTripInEveryFormat) {
    for (const bool binary : {false, true})
        for (const bool hours24 : {false, true})
            for (unsigned hour = 0; hour < 24; hour++) {
                const RtcFormat format{binary, hours24};
                EXPECT_EQ(format.decode_hour(format.encode_hour(hour)), hour);
            }
    EXPECT_EQ((RtcFormat{false, false}.encode_hour(0)), 0x12);
    EXPECT_EQ((RtcFormat{false, false}.encode_hour(12)), 0x92);
    EXPECT_FALSE(RtcFormat{}.decode(0x1a).has_value());
}

TEST_F(RtcTest, UpdateInProgressPrecedesTheChange) {
    advance_to(bench.scheduler, kSecond - 2229 * kMicrosecond);
    EXPECT_EQ(read(0x0a), 0x26);
    advance_to(bench.scheduler, kSecond - 2228 * kMicrosecond);
    EXPECT_EQ(read(0x0a), 0xa6);
    advance_to(bench.scheduler, kSecond - 1);
    EXPECT_EQ(read(0x0a), 0xa6);
    EXPECT_EQ(read(0), 0);
    advance_to(bench.scheduler, kSecond);
    EXPECT_EQ(read(0x0a), 0x26);
    EXPECT_EQ(read(0), 1);
}

TEST_F(RtcTest, SetStopsUpdatesAndClearsTheirInterrupt) {
    write(0x0b, 0x92);
    EXPECT_EQ(read(0x0b), 0x82);
    bench.advance(5 * kSecond - 1000);
    EXPECT_EQ(read(0x0a), 0x26);
    EXPECT_EQ(read(0), 0);
    write(0x0b, 0x02);
    bench.advance(1000);
    EXPECT_EQ(read(0), 1);
}

TEST_F(RtcTest, DividerResetRestartsHalfASecondBeforeAnUpdate) {
    bench.advance(300'000'000);
    write(0x0a, 0x76);
    bench.advance(5 * kSecond);
    EXPECT_EQ(read(0), 0);
    write(0x0a, 0x26);
    bench.advance(kSecond / 2 - 1);
    EXPECT_EQ(read(0), 0);
    bench.advance(1);
    EXPECT_EQ(read(0), 1);
    bench.advance(kSecond);
    EXPECT_EQ(read(0), 2);
}

TEST_F(RtcTest, UpdateInterruptHoldsTheLineUntilRegisterCIsRead) {
    write(0x0b, 0x12);
    bench.advance(kSecond - 1);
    EXPECT_FALSE(lines.level(0));
    bench.advance(1);
    EXPECT_TRUE(lines.level(0));
    bench.advance(3 * kSecond);
    EXPECT_EQ(lines.rises[0], 1u);
    EXPECT_EQ(read(0x0c) & 0x90, 0x90);
    EXPECT_FALSE(lines.level(0));
    EXPECT_EQ(read(0x0c), 0);
    bench.advance(kSecond);
    EXPECT_EQ(lines.rises[0], 2u);
}

TEST_F(RtcTest, PeriodicInterruptHasTheSelectedRate) {
    const std::pair<u8, unsigned> rates[] = {{1, 256}, {2, 128}, {3, 8192}, {6, 1024}, {10, 64}, {15, 2}};
    for (const auto& [rate, hertz] : rates) {
        write(0x0a, 0x20 | rate);
        write(0x0b, 0x42);
        read(0x0c);
        const u64 start = bench.clock.now();
        unsigned count = 0;
        while (bench.clock.now() < start + kSecond) {
            advance_to(bench.scheduler, std::min(bench.scheduler.next_deadline(), start + kSecond));
            if (lines.level(0)) {
                count++;
                EXPECT_EQ(read(0x0c) & 0xc0, 0xc0);
            }
        }
        EXPECT_EQ(count, hertz) << "rate " << int{rate};
        write(0x0b, 0x02);
    }
    write(0x0a, 0x20);
    write(0x0b, 0x42);
    bench.advance(kSecond);
    EXPECT_FALSE(lines.level(0));
}

TEST_F(RtcTest, FlagsAreSetWithoutTheirInterrupts) {
    EXPECT_EQ(bench.scheduler.next_deadline(), Scheduler::kNever);
    write(1, 0xff);
    write(3, 0xff);
    write(5, 0xff);
    bench.advance(kSecond);
    EXPECT_EQ(read(0x0c), 0x70);
    EXPECT_EQ(read(0x0c), 0);
    EXPECT_FALSE(lines.level(0));
    EXPECT_EQ(alarms, 0u);
}

TEST_F(RtcTest, AlarmComparesOrIgnoresEachField) {
    write(1, 0x05);
    write(3, 0x01);
    write(5, 0x00);
    write(0x0b, 0x22);
    advance_to(bench.scheduler, 65 * kSecond - 1);
    EXPECT_FALSE(lines.level(0));
    advance_to(bench.scheduler, 65 * kSecond);
    EXPECT_TRUE(lines.level(0));
    EXPECT_EQ(read(0x0c) & 0xa0, 0xa0);
    EXPECT_EQ(alarms, 1u);
    write(5, 0xc0);
    write(3, 0xff);
    advance_to(bench.scheduler, 125 * kSecond - 1);
    EXPECT_FALSE(lines.level(0));
    advance_to(bench.scheduler, 125 * kSecond);
    EXPECT_TRUE(lines.level(0));
    write(1, 0x61);  // never comes
    read(0x0c);
    bench.advance(3600 * kSecond);
    EXPECT_FALSE(lines.level(0));
    EXPECT_EQ(alarms, 2u);
}

TEST_F(RtcTest, MemoryIsKeptOverResetAndInterruptsAreNot) {
    rtc->set_cmos(0x10, 0x44);
    rtc->set_cmos(0x2d, 0xff);
    rtc->set_cmos(0xfe, 0x77);
    rtc->update_checksum();
    EXPECT_EQ(read(0x2e), 0x01);
    EXPECT_EQ(read(0x2f), 0x43);
    write(0x0b, 0x52);
    bench.advance(kSecond);
    EXPECT_TRUE(lines.level(0));
    rtc->reset();
    EXPECT_FALSE(lines.level(0));
    EXPECT_EQ(read(0x0b), 0x02);
    EXPECT_EQ(read(0x10), 0x44);
    EXPECT_EQ(read(0), 1);
    bench.out8(0x72, 0xfe);
    EXPECT_EQ(bench.in8(0x72), 0x7e);
    EXPECT_EQ(bench.in8(0x73), 0x77);
    bench.out8(0x73, 0x88);
    EXPECT_EQ(rtc->cmos(0xfe), 0x88);
    EXPECT_EQ(read(0x7e), 0);
}

TEST_F(RtcTest, Bit7OfTheIndexMasksNmi) {
    bench.out8(0x70, 0x8f);
    EXPECT_TRUE(lines.level(1));
    bench.out8(0x71, 0x05);
    EXPECT_EQ(rtc->cmos(0x0f), 0x05);
    EXPECT_EQ(bench.in8(0x70), 0xff);
    bench.out8(0x70, 0x0f);
    EXPECT_FALSE(lines.level(1));
}

TEST_F(RtcTest, SnapshotRoundTrip) {
    write(0x0a, 0x2a);
    write(0x0b, 0x52);
    bench.advance(1'234'567'890);
    read(0x0c);
    expect_snapshot_round_trip(bench.scheduler, *rtc, [this] {
        bench.advance(7'777'777'777);
        read(0x0c);
        bench.advance(1'000'000'000);
    });
}

TEST_F(RtcTest, RandomAccesses) {
    fuzz_ports(bench, kPorts, {.steps = 60'000, .longest_pause_ns = 20'000'000});
}

}  // namespace
}  // namespace gnomon
