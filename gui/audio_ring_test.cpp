// The ring between the machine and the host's sound card, with the two clocks apart.
#include "gui/audio_ring.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>
#include <thread>

namespace gnomon {
namespace {

constexpr u32 kRate = 48'000;

/// A machine and a sound card with a clock each, and what the card got.
struct Clocks {
    AudioRing ring{kRate};
    std::vector<StereoFrame> heard;
    double machine_time = 0, card_time = 0;
    u64 written = 0;

    /// Runs for so many seconds; the machine's clock is faster by this factor.
    void run(double seconds, double machine_speed, bool machine_runs = true) {
        const double end = card_time + seconds;
        while (card_time < end) {
            card_time += 512.0 / kRate;
            machine_time += 512.0 / kRate * machine_speed;
            // The machine mixes 5 ms at a time.
            while (machine_runs && static_cast<double>(written + 240) / kRate <= machine_time) write();
            std::vector<StereoFrame> out(512);
            ring.read(out);
            heard.insert(heard.end(), out.begin(), out.end());
        }
    }
    void write() {
        std::vector<StereoFrame> frames(240);
        for (StereoFrame& frame : frames) {
            const double phase = 2 * std::numbers::pi * 440 * static_cast<double>(written++) / kRate;
            frame.left = static_cast<i16>(std::lround(20'000 * std::sin(phase)));
            frame.right = static_cast<i16>(-frame.left);
        }
        ring.write(frames);
    }
    /// The largest difference of neighbours: 1152 for that sine, more where there is a gap.
    [[nodiscard]] int largest_step(size_t first) const {
        int largest = 0;
        for (size_t i = first + 1; i < heard.size(); i++)
            largest = std::max(largest, std::abs(heard[i].left - heard[i - 1].left));
        return largest;
    }
};

TEST(AudioRing, PassesASineWithoutAGapThoughTheClocksDiffer) {
    for (const double speed : {0.998, 0.9999, 1.0, 1.0001, 1.002}) {
        Clocks clocks;
        clocks.run(15, speed);
        EXPECT_EQ(clocks.ring.underruns(), 0u) << speed;
        EXPECT_LT(clocks.largest_step(kRate), 1'170) << speed;
        EXPECT_GT(clocks.largest_step(kRate), 1'100) << speed;
        EXPECT_LT(clocks.ring.available(), 3 * clocks.ring.target()) << speed;
    }
}

TEST(AudioRing, BeginsWhenItsTargetIsReached) {
    Clocks clocks;
    clocks.run(0.05, 1);
    for (const StereoFrame& frame : clocks.heard) EXPECT_EQ(frame, StereoFrame{});
    clocks.run(0.05, 1);
    EXPECT_NE(clocks.heard.back(), StereoFrame{});
}

TEST(AudioRing, FadesOutWhenTheMachineStopsAndGoesOnWithIt) {
    Clocks clocks;
    clocks.run(1, 1);
    clocks.run(1, 1, false);
    EXPECT_EQ(clocks.ring.underruns(), 1u);
    EXPECT_EQ(clocks.heard.back(), StereoFrame{});
    EXPECT_LT(clocks.largest_step(kRate / 2), 1'170) << "no click at its end";
    clocks.written = static_cast<u64>(clocks.machine_time * kRate);
    const size_t again = clocks.heard.size() + 10'000;
    clocks.run(2, 1);
    EXPECT_EQ(clocks.ring.underruns(), 1u);
    EXPECT_LT(clocks.largest_step(again), 1'170);
    EXPECT_GT(clocks.largest_step(again), 1'100);
}

TEST(AudioRing, LosesWhatDoesNotFitInsteadOfWaiting) {
    AudioRing ring(kRate);
    ring.write(std::vector<StereoFrame>(10 * kRate, StereoFrame{1'000, 1'000}));
    EXPECT_EQ(ring.available(), kRate * 4 / 10);
    std::vector<StereoFrame> out(512);
    ring.read(out);
    EXPECT_EQ(out.back(), (StereoFrame{1'000, 1'000}));
}

TEST(AudioRing, TwoThreadsShareItWithoutALock) {
    AudioRing ring(kRate);
    std::thread machine([&ring] {
        for (unsigned i = 0; i < 20'000; i++)
            ring.write(std::vector<StereoFrame>(64, StereoFrame{500, -500}));
    });
    std::vector<StereoFrame> out(64);
    for (unsigned i = 0; i < 20'000; i++) {
        ring.read(out);
        for (const StereoFrame& frame : out) {
            EXPECT_GE(frame.left, 0);
            EXPECT_LE(frame.left, 500);
            EXPECT_EQ(frame.right, -frame.left);
        }
    }
    machine.join();
}

}  // namespace
}  // namespace gnomon
