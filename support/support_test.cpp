// Clock, scheduler, state visitor and log.
#include <gtest/gtest.h>

#include "support/log.h"
#include "support/scheduler.h"
#include "support/state.h"

namespace gnomon {
namespace {

struct Inner {
    u16 word = 0x1234;
    std::array<u8, 3> bytes{1, 2, 3};
    template <class V>
    constexpr void fields(V& v) {
        v("word", word);
        v("bytes", bytes);
    }
};

struct Outer {
    bool flag = true;
    i32 number = -5;
    std::array<Inner, 2> inner{};
    std::vector<u32> list;
    GuestPhys address{0x1000};
    template <class V>
    constexpr void fields(V& v) {
        v("flag", flag);
        v("number", number);
        v("inner", inner);
        v("list", list);
        v("address", address);
    }
};
static_assert(every_field_listed<Inner>());
static_assert(every_field_listed<Outer>());

struct Forgetful {
    u8 listed = 0;
    u8 forgotten = 0;
    template <class V>
    constexpr void fields(V& v) {
        v("listed", listed);
    }
};
static_assert(!every_field_listed<Forgetful>());

TEST(State, RoundTripsThroughItsBinaryForm) {
    Outer before;
    before.list = {7, 8, 9};
    before.inner[1].word = 0xbeef;
    const Result<StateNode> node = decode_state(encode_state(save_value(before)));
    ASSERT_TRUE(node.ok());
    Outer after{};
    after.number = 3;
    ASSERT_TRUE(load_value(*node, after).ok());
    EXPECT_EQ(after.number, -5);
    EXPECT_EQ(after.inner[1].word, 0xbeef);
    EXPECT_EQ(after.list, (std::vector<u32>{7, 8, 9}));
    EXPECT_EQ(diff_state(save_value(before), save_value(after)), "");
}

TEST(State, DifferencesAreNamed) {
    Outer a;
    Outer b;
    b.inner[1].word = 1;
    EXPECT_EQ(diff_state(save_value(a), save_value(b), "part"), "part.inner[1].word: 0x1234 -> 0x1\n");
}

TEST(State, MissingAndMalformedFieldsAreNamed) {
    StateNode node = save_value(Outer{});
    node.map.pop_back();
    Outer out;
    EXPECT_EQ(load_value(node, out).error().message, "field 'address' is missing");
    node = save_value(Outer{});
    node.map[2].second.list[1].map[0].second.integer = 0x10000;
    EXPECT_EQ(load_value(node, out).error().message, "inner: [1]: word: the number 0x10000 does not fit");
}

TEST(State, EveryTruncationOfTheBinaryFormIsAnError) {
    const std::vector<u8> bytes = encode_state(save_value(Outer{}));
    for (size_t length = 0; length < bytes.size(); length++)
        EXPECT_FALSE(decode_state(std::span(bytes).first(length)).ok()) << length;
}

TEST(Clock, DeterministicTimeIsInstructionsAtTheRate) {
    VirtualClock clock(ClockMode::Deterministic, 3);
    clock.retire(1);
    EXPECT_EQ(clock.now(), 333'333'333u);
    EXPECT_EQ(clock.instructions_until(VirtualClock::kSecond), 2u);
    clock.retire(2);
    EXPECT_EQ(clock.now(), VirtualClock::kSecond);
    EXPECT_EQ(clock.instructions_until(VirtualClock::kSecond), 0u);
    clock.skip_to(5 * VirtualClock::kSecond);
    EXPECT_EQ(clock.now(), 5 * VirtualClock::kSecond);
}

TEST(Clock, TicksConvertBothWaysWithoutLoss) {
    for (const u64 ticks : {0ull, 1ull, 1193182ull, 123456789ull}) {
        const u64 ns = VirtualClock::ticks_to_ns(ticks, 1193182);
        EXPECT_EQ(VirtualClock::ns_to_ticks(ns, 1193182), ticks);
        if (ns) {
            EXPECT_EQ(VirtualClock::ns_to_ticks(ns - 1, 1193182), ticks - 1);
        }
    }
}

TEST(Scheduler, RunsInOrderOfTimeThenSequence) {
    VirtualClock clock(ClockMode::Deterministic, VirtualClock::kSecond);
    Scheduler scheduler(clock);
    std::string order;
    const auto a = scheduler.add_event("a", [&](const Scheduler::Due&) { order += 'a'; });
    const auto b = scheduler.add_event("b", [&](const Scheduler::Due& due) { order += due.argument == 7 ? 'b' : '?'; });
    const auto c = scheduler.add_event("c", [&](const Scheduler::Due& due) { order += due.late_ns == 5 ? 'c' : '?'; });
    scheduler.schedule(b, 10, 7);
    scheduler.schedule(a, 10);
    scheduler.schedule(c, 5);
    EXPECT_EQ(scheduler.next_deadline(), 5u);
    clock.retire(10);
    scheduler.run_due();
    EXPECT_EQ(order, "cba");
    EXPECT_EQ(scheduler.next_deadline(), Scheduler::kNever);
}

TEST(Scheduler, TellsWhenTheDeadlineMovesEarlierAndSavesItsQueue) {
    VirtualClock clock(ClockMode::Deterministic, VirtualClock::kSecond);
    Scheduler scheduler(clock);
    int fired = 0;
    int earlier = 0;
    const auto event = scheduler.add_event("e", [&](const Scheduler::Due&) { fired++; });
    scheduler.on_earlier_deadline([&] { earlier++; });
    scheduler.schedule(event, 100, 1);
    EXPECT_EQ(earlier, 1);
    scheduler.schedule(event, 200, 1);
    EXPECT_EQ(earlier, 1);
    EXPECT_EQ(scheduler.next_deadline(), 200u);
    const StateNode saved = scheduler.save_state();
    scheduler.cancel(event);
    EXPECT_EQ(scheduler.next_deadline(), Scheduler::kNever);
    Result<StatePart::Install> install = scheduler.load_state(saved);
    ASSERT_TRUE(install.ok());
    (*install)();
    EXPECT_EQ(scheduler.due_at(event), 200u);
    clock.retire(200);
    scheduler.run_due();
    EXPECT_EQ(fired, 1);
}

TEST(Log, LevelsArePerPartAndGuestEventsAreWrittenOnce) {
    std::vector<std::string> lines;
    Log log([&](LogLevel, std::string_view part, std::string_view text) { lines.push_back(fmt::format("{}: {}", part, text)); });
    ASSERT_TRUE(log.configure("ide=debug,info").ok());
    log.debug("ide", "{}", 1);
    log.debug("pit", "{}", 2);
    for (int i = 0; i < 5; i++) log.guest("pit", "bad mode", "mode {}", i);
    log.write_guest_counts();
    EXPECT_EQ(lines, (std::vector<std::string>{"ide: 1", "pit: mode 0", "pit: bad mode: 5 times"}));
    EXPECT_EQ(log.configure("loud").error().message, "log level 'loud' is not one of error, warning, info, debug, trace");
}

}  // namespace
}  // namespace gnomon
