// The counter modes against the waveforms of the datasheet, pulse by pulse, and against a model that counts
// one pulse at a time.
#include "devices/pit/pit_channel.h"

#include <gtest/gtest.h>

#include <random>
#include <string>

namespace gnomon {
namespace {

struct PitChannelTest : testing::Test {
    PitChannel channel;
    u64 tick = 0;

    void SetUp() override { channel.reset(true); }
    void control(unsigned mode, unsigned access = 1, bool bcd = false) {
        channel.write_control(static_cast<u8>(access << 4 | mode << 1 | bcd), tick);
    }
    void write(u8 value) { channel.write(value, tick); }
    void gate(bool level) { channel.set_gate(level, tick); }
    /// OUT after each of the next pulses: "-" high, "_" low.
    std::string wave(unsigned pulses) {
        std::string text;
        for (unsigned i = 0; i < pulses; i++) {
            channel.run_to(++tick);
            text += channel.out() ? '-' : '_';
        }
        return text;
    }
    unsigned counter() { return channel.read(tick); }
    u8 status() {
        channel.latch_status(tick);
        return channel.read(tick);
    }
};

TEST_F(PitChannelTest, Mode0RisesNPlusOnePulsesAfterTheWrite) {
    control(0);
    EXPECT_FALSE(channel.out());
    EXPECT_EQ(wave(3), "___");
    write(4);
    EXPECT_EQ(wave(7), "____---");
    EXPECT_EQ(counter(), 0xfeu);
    write(2);
    EXPECT_FALSE(channel.out());
    EXPECT_EQ(wave(3), "__-");
}

TEST_F(PitChannelTest, AReadRightAfterTheWriteShowsTheNewCount) {
    control(0);
    write(0x20);
    wave(7);
    write(0x80);    // no pulse passes: a processor that is faster than any bus
    EXPECT_EQ(counter(), 0x80u);
    EXPECT_EQ(status() & 0x40, 0x40) << "the pulse itself is still to come";
    EXPECT_EQ(wave(1), "_");
    EXPECT_EQ(counter(), 0x80u);
    control(3);
    write(9);
    EXPECT_EQ(counter(), 8u);
    wave(1);
    EXPECT_EQ(counter(), 8u);
}

TEST_F(PitChannelTest, Mode0GateStopsTheCount) {
    control(0);
    write(3);
    EXPECT_EQ(wave(2), "__");
    EXPECT_EQ(counter(), 2u);
    gate(false);
    EXPECT_EQ(wave(5), "_____");
    EXPECT_EQ(counter(), 2u);
    gate(true);
    EXPECT_EQ(wave(3), "_--");
}

TEST_F(PitChannelTest, Mode0FirstOfTwoBytesStopsTheCount) {
    control(0, 3);
    write(3);
    write(0);
    EXPECT_EQ(wave(5), "___--");
    write(1);
    EXPECT_EQ(wave(5), "_____");
    write(0);
    EXPECT_EQ(wave(3), "_--");
}

TEST_F(PitChannelTest, Mode1IsARetriggerableOneShot) {
    gate(false);
    control(1);
    write(3);
    EXPECT_EQ(wave(3), "---");
    gate(true);
    EXPECT_EQ(wave(5), "___--");
    gate(false);
    gate(true);
    EXPECT_EQ(wave(2), "__");
    gate(false);
    gate(true);
    EXPECT_EQ(wave(5), "___--");
}

TEST_F(PitChannelTest, Mode2IsLowForOnePulseOfEachPeriod) {
    control(2);
    write(3);
    EXPECT_EQ(wave(10), "--_--_--_-");
    write(5);  // takes effect with the next period
    EXPECT_EQ(wave(9), "-_----_--");
    gate(false);
    EXPECT_EQ(wave(4), "----");
    gate(true);
    EXPECT_EQ(wave(7), "----_--");
}

TEST_F(PitChannelTest, Mode3SplitsEvenAndOddCounts) {
    control(3);
    write(4);
    EXPECT_EQ(wave(9), "--__--__-");
    control(3);
    write(5);
    EXPECT_EQ(wave(11), "---__---__-");
    control(3);
    write(5);
    unsigned seen[6];
    for (unsigned& value : seen) {
        wave(1);
        value = counter();
    }
    EXPECT_EQ(std::vector<unsigned>(seen, seen + 6), (std::vector<unsigned>{4, 2, 0, 4, 2, 4}));
}

TEST_F(PitChannelTest, Mode3TakesANewCountAtTheEndOfTheHalf) {
    control(3);
    write(8);
    EXPECT_EQ(wave(2), "--");
    write(4);
    EXPECT_EQ(wave(9), "--__--__-");
}

TEST_F(PitChannelTest, Mode4StrobesOnce) {
    control(4);
    write(3);
    EXPECT_EQ(wave(8), "---_----");
    write(2);
    EXPECT_EQ(wave(5), "--_--");
    write(2);
    EXPECT_EQ(wave(3), "--_");
    gate(false);
    EXPECT_EQ(wave(2), "--");
}

TEST_F(PitChannelTest, Mode5StrobesAfterItsTrigger) {
    gate(false);
    control(5);
    write(3);
    EXPECT_EQ(wave(6), "------");
    gate(true);
    EXPECT_EQ(wave(6), "---_--");
    gate(false);
    gate(true);
    EXPECT_EQ(wave(2), "--");
    gate(false);
    gate(true);
    EXPECT_EQ(wave(6), "---_--");
}

TEST_F(PitChannelTest, ZeroMeansTheFullCount) {
    control(2, 3);
    write(0);
    write(0);
    EXPECT_EQ(channel.next_change(), tick + 1);
    wave(1);
    EXPECT_EQ(counter() | counter() << 8, 0u);
    EXPECT_EQ(channel.next_rise_or_long_fall(), tick + 65536);
    control(2, 3, true);
    write(0);
    write(0);
    wave(2);
    EXPECT_EQ(channel.next_rise_or_long_fall(), tick + 9999);
    EXPECT_EQ(counter() | counter() << 8, 0x9999u);
}

TEST_F(PitChannelTest, BcdCountsInDecimal) {
    control(0, 1, true);
    write(0x12);
    wave(1 + 3);
    EXPECT_EQ(counter(), 0x09u);
    EXPECT_EQ(wave(9), "________-");
    wave(1);
    EXPECT_EQ(counter(), 0x99u);
}

TEST_F(PitChannelTest, LatchHoldsUntilReadAndIgnoresASecondLatch) {
    control(2, 3);
    write(0x34);
    write(0x12);
    wave(5);
    channel.latch_count(tick);
    wave(7);
    channel.latch_count(tick);
    EXPECT_EQ(counter(), 0x30u);
    wave(3);
    EXPECT_EQ(counter(), 0x12u);
    EXPECT_EQ(counter(), 0x1234u - 14u - 0x1200u);
}

TEST_F(PitChannelTest, StatusComesBeforeTheLatchedCount) {
    control(3, 3);
    EXPECT_EQ(status(), 0x80 | 0x40 | 0x36);
    write(100);
    write(0);
    EXPECT_EQ(status(), 0x80 | 0x40 | 0x36);
    wave(1);
    EXPECT_EQ(status(), 0x80 | 0x36);
    wave(50);
    channel.latch_status(tick);
    channel.latch_count(tick);
    EXPECT_EQ(channel.read(tick), 0x36);
    EXPECT_EQ(channel.read(tick), 100);
    EXPECT_EQ(channel.read(tick), 0);
    write(80);
    write(0);
    EXPECT_EQ(status(), 0x40 | 0x36);
}

TEST_F(PitChannelTest, StatusShowsTheModeBitsAsWritten) {
    control(7, 2);
    EXPECT_EQ(status() & 0x3f, 0x2e);
}

TEST_F(PitChannelTest, EdgesAreReportedAtTheirPulse) {
    std::string edges;
    channel.on_edge([&](u64 at, bool level) { edges += std::to_string(at) + (level ? "+ " : "- "); }, true);
    control(3);
    write(6);
    channel.run_to(11);
    EXPECT_EQ(edges, "4- 7+ 10- ");
}

TEST_F(PitChannelTest, NextChangeIsWhereTheOutputChanges) {
    std::mt19937_64 random(7);
    for (unsigned round = 0; round < 3000; round++) {
        control(static_cast<unsigned>(random() % 8));
        write(static_cast<u8>(random() % 12));
        if (random() % 3 == 0) gate(random() % 2);
        for (unsigned i = 0; i < 6; i++) {
            channel.run_to(tick += random() % 9);
            const u64 next = channel.next_change();
            PitChannel copy = channel;
            const bool before = copy.out();
            for (u64 at = tick + 1; at <= tick + 40 && at < next; at++) {
                copy.run_to(at);
                ASSERT_EQ(copy.out(), before) << "mode " << channel.mode();
            }
        }
    }
}

/// The counting element and OUT, each pulse by the words of the datasheet. Counts of one byte, binary.
struct PulseModel {
    unsigned mode = 0;
    bool gate = true;
    bool out = true;
    bool written = false;    // the count register has a count
    bool fresh = false;      // … that has not been loaded
    bool load_next = false;  // the next pulse loads
    bool counting = false;
    bool pending = false;  // OUT still has to change at the end of the count
    u32 count = 0;
    u32 element = 0;
    bool odd = false;

    void control(unsigned new_mode) {
        const bool level = gate;
        *this = {};
        gate = level;
        mode = new_mode;
        out = mode != 0;
    }
    void write(u32 value) {
        count = value ? value : 0x10000;
        if ((mode == 2 || mode == 3) && count == 1) count = 2;
        if (mode == 0) out = counting = pending = false;
        if (mode == 0 || mode == 4 || ((mode == 2 || mode == 3) && !written)) load_next = true;
        written = fresh = true;
    }
    void set_gate(bool level) {
        const bool rise = level && !gate;
        gate = level;
        if (mode == 0 || mode == 4) return;
        if (rise && written) load_next = true;
        if (!level && (mode == 2 || mode == 3)) out = true;
    }
    void load() {
        element = count;
        odd = count & 1;
        if (mode == 3) element &= ~u32{1};
        fresh = false;
    }
    void pulse() {
        if (load_next) {
            load_next = false;
            counting = pending = true;
            load();
            if (mode == 1) out = false;
            if (mode >= 2) out = true;
            return;
        }
        const bool strobing = mode >= 4 && !out;
        if (strobing) out = true;
        if (!counting || (!gate && mode != 1 && mode != 5)) return;
        if (mode == 2) {
            if (element == 1) {
                load();
                out = true;
            } else if (--element == 1) {
                out = false;
            }
        } else if (mode == 3) {
            // An odd count waits one more pulse at zero while OUT is high.
            const bool expires = odd && out ? element == 0 : element == 2;
            if (expires) {
                out = !out;
                load();
            } else {
                element -= 2;
            }
        } else {
            element = (element - 1) & 0xffff;
            if (element == 0 && pending) {
                pending = false;
                out = mode < 2;
            }
        }
    }
};

TEST_F(PitChannelTest, BehavesAsTheDatasheetSaysPulseByPulse) {
    std::mt19937_64 random(11);
    PulseModel model;
    for (unsigned round = 0; round < 6000; round++) {
        const unsigned mode = static_cast<unsigned>(random() % 6);
        control(mode);
        model.control(mode);
        for (unsigned i = 0; i < 6; i++) {
            if (random() % 3 == 0) {
                const bool level = random() % 2;
                gate(level);
                model.set_gate(level);
            }
            if (i == 0 || random() % 4 == 0) {
                const u8 count = static_cast<u8>(random() % 14);
                write(count);
                model.write(count);
            }
            for (u64 pulses = random() % 30; pulses > 0; pulses--) {
                channel.run_to(++tick);
                model.pulse();
                ASSERT_EQ(channel.out(), model.out) << "mode " << mode << " round " << round;
                if (model.counting) {
                    ASSERT_EQ(counter(), model.element & 0xff) << "mode " << mode << " round " << round;
                }
                if (model.written) {
                    ASSERT_EQ(status() & 0x40, model.fresh ? 0x40 : 0) << "mode " << mode;
                }
            }
        }
    }
}

TEST_F(PitChannelTest, LongStepsEqualSinglePulses) {
    std::mt19937_64 random(3);
    for (unsigned round = 0; round < 4000; round++) {
        control(static_cast<unsigned>(random() % 8), 1, random() % 4 == 0);
        write(static_cast<u8>(random() % 20));
        for (unsigned i = 0; i < 5; i++) {
            if (random() % 4 == 0) gate(random() % 2);
            if (random() % 5 == 0) write(static_cast<u8>(random() % 20));
            PitChannel single = channel;
            const u64 end = tick + random() % 300;
            while (tick < end) single.run_to(++tick);
            channel.run_to(end);
            ASSERT_EQ(diff_state(save_value(single.state()), save_value(channel.state())), "")
                << "mode " << channel.mode() << " round " << round;
        }
    }
}

}  // namespace
}  // namespace gnomon
