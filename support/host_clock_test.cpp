// Guest time in realtime mode, on a host whose clocks the test sets.
#include <gtest/gtest.h>

#include "support/clock.h"

namespace gnomon {
namespace {

constexpr u64 kMicro = 1'000, kMilli = 1'000'000;

struct HostTimes {
    u64 monotonic = 5'000'000'000;
    u64 thread = 70'000'000;
};

class FakeHost final : public HostClock {
  public:
    explicit FakeHost(const HostTimes& times) : times_(times) {}
    [[nodiscard]] u64 monotonic_ns() const override { return times_.monotonic; }
    [[nodiscard]] u64 thread_ns() const override { return times_.thread; }

  private:
    const HostTimes& times_;
};

class RealtimeClock : public testing::Test {
  protected:
    RealtimeClock() { clock.resume(); }
    void run(u64 ns) {
        host.monotonic += ns;
        host.thread += ns;
    }
    void wait(u64 ns) { host.monotonic += ns; }
    /// Runs for so long, reading the clock every 50 us, and says what the longest step was that the guest
    /// saw.
    u64 longest_step(u64 ns) {
        u64 longest = 0;
        for (u64 passed = 0; passed < ns; passed += 50 * kMicro) {
            const u64 before = clock.now();
            run(50 * kMicro);
            longest = std::max(longest, clock.now() - before);
        }
        return longest;
    }

    HostTimes host;
    VirtualClock clock{ClockMode::Realtime, 1, std::make_unique<FakeHost>(host)};
};

TEST_F(RealtimeClock, IsTheHostsWhileTheEmulatorRuns) {
    for (unsigned i = 1; i <= 100; i++) {
        run(i * 100 * kMicro);
        EXPECT_EQ(clock.now(), u64{i} * (i + 1) / 2 * 100 * kMicro);
    }
}

TEST_F(RealtimeClock, DoesNotLeapWhereTheHostRanOthers) {
    run(kMilli);
    const u64 before = clock.now();
    wait(15 * kMilli);
    run(10 * kMicro);
    EXPECT_EQ(clock.now() - before, 10 * kMicro);
}

TEST_F(RealtimeClock, MakesUpWhatItLostInSmallSteps) {
    run(kMilli);
    ASSERT_EQ(clock.now(), kMilli);
    wait(10 * kMilli);
    // At first 1.5 times as fast: 10 ms to make up, in 20 ms.
    EXPECT_EQ(longest_step(100 * kMilli), 75 * kMicro);
    const u64 behind = 111 * kMilli - clock.now();
    EXPECT_LT(behind, 70 * kMicro);  // 10 ms * e^-5
    EXPECT_GT(behind, 60 * kMicro);
    longest_step(200 * kMilli);
    EXPECT_LE(311 * kMilli - clock.now(), kMicro);
}

TEST_F(RealtimeClock, KeepsUpWithAHostThatLetsItRunHalfOfTheTime) {
    u64 most = 0;
    for (unsigned i = 0; i < 10'000; i++) {
        run(3 * kMilli);
        wait(3 * kMilli);
        const u64 behind = (i + 1) * 6 * kMilli - clock.now();
        most = std::max(most, behind);
    }
    // After a minute as near as after a second.
    EXPECT_LT(most, 25 * kMilli);
}

TEST_F(RealtimeClock, ReadAllTheTimeItStillMakesUp) {
    run(kMilli);
    wait(10 * kMilli);
    for (unsigned i = 0; i < 1'000'000; i++) {
        run(30);
        ASSERT_LE(clock.now(), host.monotonic);
    }
    const u64 behind = 11 * kMilli + 30 * kMilli - clock.now();
    EXPECT_NEAR(static_cast<double>(behind), 10e6 * 0.2231, 5000);  // e^-1.5
}

TEST_F(RealtimeClock, WhatTheEmulatorDoesForOthersIsNotTheGuests) {
    run(kMilli);
    const u64 before = clock.now();
    run(8 * kMilli);  // draws a picture
    clock.exclude();
    EXPECT_EQ(clock.now(), before);
}

TEST_F(RealtimeClock, LeapsWhereTheGuestSleeps) {
    run(kMilli);
    EXPECT_EQ(clock.now(), kMilli);
    wait(50 * kMilli);
    clock.catch_up();
    EXPECT_EQ(clock.now(), 51 * kMilli);
}

TEST_F(RealtimeClock, StandsStillInAPause) {
    run(kMilli);
    clock.pause();
    run(kMilli);
    EXPECT_EQ(clock.now(), kMilli);
    clock.resume();
    run(kMilli);
    EXPECT_EQ(clock.now(), 2 * kMilli);
}

TEST_F(RealtimeClock, GoesOnFromASnapshot) {
    VirtualClock::State state;
    state.skipped_ns = 7 * VirtualClock::kSecond;
    clock.set_state(state);
    run(kMilli);
    EXPECT_EQ(clock.now(), 7 * VirtualClock::kSecond + kMilli);
}

}  // namespace
}  // namespace gnomon
