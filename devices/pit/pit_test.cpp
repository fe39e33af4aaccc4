// The timer on its ports: interrupts at exact times, read-back, port 61h.
#include "devices/pit/pit.h"

#include <gtest/gtest.h>

#include "devices/device_fuzz.h"
#include "devices/pit/port61.h"
#include "devices/snapshot_check.h"

namespace gnomon {
namespace {

constexpr PortRange kPorts[] = {{0x40, 4}, {0x61, 1}};

struct PitTest : testing::Test {
    DeviceBench bench;
    LineProbe lines;
    std::unique_ptr<Pit> pit = *Pit::create(bench.ports, bench.scheduler, lines.line(0));
    std::unique_ptr<Port61> port61 = *Port61::create(bench.ports, *pit, lines.line(1));

    void program(unsigned channel, u8 mode, u16 count) {
        bench.out8(0x43, static_cast<u8>(channel << 6 | 0x30 | mode << 1));
        bench.out8(static_cast<u16>(0x40 + channel), static_cast<u8>(count));
        bench.out8(static_cast<u16>(0x40 + channel), static_cast<u8>(count >> 8));
    }
};

TEST_F(PitTest, Mode2InterruptsWithoutLosingAFraction) {
    program(0, 2, 11932);
    bench.advance(VirtualClock::kSecond * 10);
    EXPECT_EQ(lines.rises[0], 1 + (11'931'820u - 1) / 11932);
}

TEST_F(PitTest, Mode3InterruptsOncePerPeriod) {
    program(0, 3, 0);
    bench.advance(VirtualClock::kSecond * 100);
    EXPECT_EQ(lines.rises[0], 1 + (119'318'200u - 1) / 65536);
}

TEST_F(PitTest, OneShotRaisesTheLineAtItsPulse) {
    program(0, 0, 1000);
    EXPECT_FALSE(lines.level(0));
    const u64 due = VirtualClock::ticks_to_ns(1001, Pit::kHertz);
    advance_to(bench.scheduler, due - 1);
    EXPECT_FALSE(lines.level(0));
    advance_to(bench.scheduler, due);
    EXPECT_TRUE(lines.level(0));
    EXPECT_EQ(bench.scheduler.next_deadline(), Scheduler::kNever);
}

TEST_F(PitTest, SoftwareStrobeGivesOneEdge) {
    program(0, 4, 1000);
    bench.advance(VirtualClock::kSecond);
    EXPECT_EQ(lines.rises[0], 2u);  // OUT goes high with the control word is the first
    program(0, 4, 1000);
    bench.advance(VirtualClock::kSecond);
    EXPECT_EQ(lines.rises[0], 3u);
}

TEST_F(PitTest, CountersNobodyListensToNeedNoEvents) {
    program(1, 2, 18);
    program(2, 3, 1000);
    EXPECT_EQ(bench.scheduler.next_deadline(), Scheduler::kNever);
}

TEST_F(PitTest, ReadBackLatchesCountAndStatusOfSeveralCounters) {
    program(0, 2, 0x1234);
    program(2, 3, 0x2000);
    bench.out8(0x61, 1);
    bench.advance(VirtualClock::ticks_to_ns(11, Pit::kHertz));
    bench.out8(0x43, 0xc0 | 0x0a);
    EXPECT_EQ(bench.in8(0x40), 0xb4);
    EXPECT_EQ(bench.in8(0x40), 0x2a);
    EXPECT_EQ(bench.in8(0x40), 0x12);
    EXPECT_EQ(bench.in8(0x42), 0xb6);
    EXPECT_EQ(bench.in8(0x42), 0xec);
    EXPECT_EQ(bench.in8(0x42), 0x1f);
}

TEST_F(PitTest, ControlPortCannotBeRead) { EXPECT_EQ(bench.in8(0x43), 0xff); }

TEST_F(PitTest, Port61ShowsGateToneAndRefresh) {
    bench.out8(0x61, 0xf0);
    EXPECT_EQ(bench.in8(0x61) & 0xcf, 0);
    program(2, 0, 100);
    bench.advance(VirtualClock::kSecond);
    EXPECT_EQ(bench.in8(0x61) & 0x2f, 0);
    bench.out8(0x61, 1);
    bench.advance(VirtualClock::ticks_to_ns(102, Pit::kHertz));
    EXPECT_EQ(bench.in8(0x61) & 0x2f, 0x21);

    unsigned toggles = 0;
    u8 last = bench.in8(0x61) & 0x10;
    for (unsigned us = 0; us < 15085; us++) {
        bench.advance(1000);
        const u8 now = bench.in8(0x61) & 0x10;
        toggles += now != last;
        last = now;
    }
    EXPECT_EQ(toggles, 1000u);
}

TEST_F(PitTest, SpeakerIsReportedWithTheTimeOfEachEdge) {
    std::vector<std::pair<u64, bool>> edges;
    port61->on_speaker([&](u64 at_ns, bool level) { edges.emplace_back(at_ns, level); });
    bench.out8(0x61, 3);
    ASSERT_EQ(edges.size(), 1u);
    EXPECT_TRUE(edges[0].second);
    edges.clear();
    program(2, 3, 1000);
    bench.advance(VirtualClock::ticks_to_ns(1600, Pit::kHertz));
    pit->run_tone();
    ASSERT_EQ(edges.size(), 3u);
    for (unsigned i = 0; i < 3; i++) {
        EXPECT_EQ(edges[i].first, VirtualClock::ticks_to_ns(1 + 500 * (i + 1), Pit::kHertz));
        EXPECT_EQ(edges[i].second, i % 2 == 1);
    }
    bench.advance(VirtualClock::ticks_to_ns(500, Pit::kHertz));
    bench.out8(0x61, 1);
    EXPECT_EQ(edges.size(), 5u);
    EXPECT_FALSE(edges[4].second);
    EXPECT_EQ(edges[4].first, pit->tick_ns());
}

TEST_F(PitTest, NmiComesFromEnabledSourcesUnlessMasked) {
    const Line io_check = port61->input(Port61::Pin::IoCheck);
    bench.out8(0x61, 0x0c);
    io_check.pulse();
    EXPECT_EQ(bench.in8(0x61) & 0xc0, 0);
    EXPECT_FALSE(lines.level(1));
    bench.out8(0x61, 0);
    port61->input(Port61::Pin::NmiMask).raise();
    io_check.pulse();
    EXPECT_EQ(bench.in8(0x61) & 0xc0, 0x40);
    EXPECT_FALSE(lines.level(1));
    port61->input(Port61::Pin::NmiMask).lower();
    EXPECT_TRUE(lines.level(1));
    bench.out8(0x61, 0x08);
    EXPECT_FALSE(lines.level(1));
    port61->input(Port61::Pin::SystemError).pulse();
    EXPECT_EQ(bench.in8(0x61) & 0xc0, 0x80);
}

TEST_F(PitTest, SnapshotRoundTrip) {
    program(0, 2, 1000);
    program(2, 3, 777);
    bench.out8(0x61, 3);
    bench.advance(1'234'567);
    bench.out8(0x43, 0x00);
    bench.in8(0x40);
    StatePart* const parts[] = {pit.get(), port61.get()};
    expect_snapshot_round_trip(bench.scheduler, parts, [this] {
        bench.advance(5'000'001);
        bench.in8(0x40);
        bench.out8(0x42, 1);
    });
}

TEST_F(PitTest, RandomAccesses) {
    fuzz_ports(bench, kPorts, {.longest_pause_ns = 200'000});
    u64 last = 0;
    port61->on_speaker([&](u64 at_ns, bool) {
        EXPECT_GE(at_ns, last);
        last = at_ns;
    });
    fuzz_ports(bench, kPorts, {.seed = 2, .longest_pause_ns = 200'000});
}

}  // namespace
}  // namespace gnomon
