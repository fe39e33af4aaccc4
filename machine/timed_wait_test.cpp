// TPAUSE in a whole machine: the scheduler wakes the processor, in both modes of the clock, and after a
// snapshot.
#include "cpu/monitor_unit.h"
#include "machine/machine_fixture.h"
#include "machine/snapshot.h"

namespace gnomon {
namespace {

// Exit codes of test_programs/timed_wait.asm.
constexpr int kInTime = 1 << 1 | 1, kLate = 2 << 1 | 1;
/// What the firmware executes until the program begins, and some more: a loop of a second would be 200
/// million.
constexpr u64 kFewInstructions = 6'500'000;

std::vector<u8> wait_floppy() {
    std::ifstream file(GNOMON_TIMED_WAIT_SECTOR, std::ios::binary);
    std::vector<u8> image((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
    EXPECT_EQ(image.size(), 512u);
    image.resize(1474560);
    return image;
}

/// Stops at the instruction at which the wait begins.
void run_into_wait(TestMachine& m) {
    TestMachine whole(wait_floppy(), {});
    whole.run();
    constexpr u64 kBehindTheWait = 20;  // at least as many as the program has there
    m.run(whole.machine->clock().instructions() - kBehindTheWait);
    for (u64 i = 0; i < kBehindTheWait && !m.machine->cpu().monitor_unit().waits(); i++) m.run(1);
    ASSERT_TRUE(m.machine->cpu().monitor_unit().waits());
}

TEST(TimedWait, TakesItsTimeAndNoInstructions) {
    TestMachine m(wait_floppy(), {});
    EXPECT_EQ(m.run().status, kInTime);
    EXPECT_GE(m.machine->clock().now(), VirtualClock::kSecond);
    EXPECT_LT(m.machine->clock().instructions(), kFewInstructions);
}

TEST(TimedWait, SleepsInRealTimeToo) {
    Config config;
    config.clock.mode = ClockChoice::Realtime;
    TestMachine m(wait_floppy(), config);
    const int status = m.run().status;
    EXPECT_TRUE(status == kInTime || status == kLate) << status << ": too early";
    EXPECT_GE(m.machine->clock().now(), VirtualClock::kSecond);
}

TEST(TimedWait, GoesOnFromASnapshot) {
    TestMachine first(wait_floppy(), {});
    run_into_wait(first);
    const std::vector<u8> snapshot = save_machine(*first.machine);
    TestMachine second(wait_floppy(), {});
    const Result<void> loaded = load_machine(*second.machine, snapshot);
    ASSERT_TRUE(loaded.ok()) << loaded.error().message;
    EXPECT_TRUE(second.machine->cpu().monitor_unit().waits());
    EXPECT_EQ(second.machine->cpu().monitor_unit().timing().deadline_ns,
              first.machine->cpu().monitor_unit().timing().deadline_ns);
    for (TestMachine* m : {&first, &second}) EXPECT_EQ(m->run().status, kInTime);
    EXPECT_EQ(first.machine->clock().now(), second.machine->clock().now());
    EXPECT_EQ(first.machine->clock().instructions(), second.machine->clock().instructions());
}

TEST(TimedWait, IsInTheListOfParts) {
    Config config;
    config.cpu.count = 2;
    TestMachine m(wait_floppy(), config);
    const std::string text = m.machine->fingerprint();
    for (const char* part : {"part monitor0\n", "part monitor1\n"})
        EXPECT_NE(text.find(part), text.npos) << part;
}

}  // namespace
}  // namespace gnomon
