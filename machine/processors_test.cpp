// Several processors: INIT and startup, interprocessor interrupts, code that another processor changes, determinism.
#include "machine/machine_fixture.h"

namespace gnomon {
namespace {

std::vector<u8> floppy(const char* boot_sector) {
    std::ifstream file(boot_sector, std::ios::binary);
    std::vector<u8> image((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
    EXPECT_EQ(image.size(), 512u);
    image.resize(1474560);
    return image;
}

std::vector<u8> processors_floppy(u8 others) {
    std::vector<u8> image = floppy(GNOMON_PROCESSORS_SECTOR);
    image[508] = others;
    return image;
}

Config with_processors(u64 count) {
    Config config;
    config.cpu.count = count;
    return config;
}

TEST(Processors, StartWithInitAndStartupAndTakeInterprocessorInterrupts) {
    for (const u8 count : {2, 4, 8}) {
        TestMachine m(processors_floppy(static_cast<u8>(count - 1)), with_processors(count));
        const u8 value = static_cast<u8>((count - 1) << 4 | (count - 1));
        EXPECT_EQ(m.run().status, (value << 1 | 1) & 0xff) << unsigned{count};
        EXPECT_EQ(m.machine->cpus().size(), count);
        EXPECT_TRUE(m.messages.empty()) << m.messages.front();
    }
}

TEST(Processors, TwoRunsAreTheSame) {
    u64 instructions = 0;
    u64 time = 0;
    u32 checksum = 0;
    for (unsigned run = 0; run < 2; run++) {
        TestMachine m(processors_floppy(1), with_processors(2));
        EXPECT_EQ(m.run().status, 0x23);
        if (run == 0) {
            instructions = m.machine->clock().instructions();
            time = m.machine->clock().now();
            checksum = m.ram_checksum();
            continue;
        }
        EXPECT_EQ(m.machine->clock().instructions(), instructions);
        EXPECT_EQ(m.machine->clock().now(), time);
        EXPECT_EQ(m.ram_checksum(), checksum);
    }
}

TEST(Processors, TheQuantumChangesTheTurnsButNotTheResult) {
    for (const u64 quantum : {100u, 1000u, 100'000u}) {
        Config config = with_processors(3);
        config.cpu.quantum = quantum;
        TestMachine m(processors_floppy(2), config);
        EXPECT_EQ(m.run().status, 0x45) << quantum;
    }
}

TEST(Processors, ThoseThatSleepCostNothing) {
    TestMachine one(Action::Loop);
    TestMachine many(Action::Loop, 0, with_processors(16));
    one.run(50'000'000);
    many.run(50'000'000);
    // The same instructions in nearly the same guest time: only the firmware's start of the others differs.
    EXPECT_EQ(many.machine->active_cpus(), 1u);
    EXPECT_EQ(many.machine->clock().instructions(), one.machine->clock().instructions());
    EXPECT_NEAR(static_cast<double>(many.machine->clock().now()), static_cast<double>(one.machine->clock().now()), 2e6);
}

TEST(Processors, ShareGuestTime) {
    VirtualClock clock(ClockMode::Deterministic, VirtualClock::kSecond);
    clock.share_among(4);
    for (unsigned i = 0; i < 4; i++) clock.retire(1001);
    EXPECT_EQ(clock.instructions(), 4004u);
    EXPECT_EQ(clock.now(), 1001u);
    EXPECT_EQ(clock.instructions_until(1010), 36u);
    clock.retire(3);
    EXPECT_EQ(clock.instructions_until(1010), 33u);
    clock.retire(33);
    EXPECT_EQ(clock.now(), 1010u);
}

TEST(Processors, OneInMwaitCostsNothingAndWakesAtAStoreOfAnother) {
    TestMachine m(floppy(GNOMON_MWAIT_SECTOR), with_processors(2));
    EXPECT_EQ(m.run().status, 1 << 1 | 1);    // it came out of MWAIT once
    // Two million instructions of the delay, and the guest time of one processor, not of two.
    const u64 instructions = m.machine->clock().instructions();
    const u64 time = m.machine->clock().now() * m.machine->config().clock.ips / VirtualClock::kSecond;
    EXPECT_GT(instructions, 2'000'000u);
    EXPECT_LT(instructions, 4'000'000u);
    EXPECT_GT(time, instructions * 9 / 10);
}

TEST(Processors, StateOfEveryProcessorAndItsApicIsInSnapshots) {
    TestMachine m(processors_floppy(2), with_processors(3));
    const std::string text = m.machine->fingerprint();
    for (const char* part : {"part cpu0\n", "part cpu2\n", "part apic0\n", "part apic2\n", "part ioapic\n", "part hpet\n"})
        EXPECT_NE(text.find(part), text.npos) << part;
    EXPECT_NE(text.find("cpu.count = 3\n"), text.npos);
}

TEST(Processors, OldModelsHaveNoApic) {
    Config config;
    config.cpu.model = "486";
    TestMachine m(Action::PowerOff, 0, config);
    EXPECT_EQ(m.machine->ioapic(), nullptr);
    EXPECT_EQ(m.machine->hpet(), nullptr);
    EXPECT_EQ(m.run().status, 0);
}

}  // namespace
}  // namespace gnomon
