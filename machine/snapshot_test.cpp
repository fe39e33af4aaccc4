// Snapshots: a run from one goes on as the run that was not interrupted; a damaged one changes nothing.
#include "machine/snapshot.h"

#include "machine/machine_fixture.h"

namespace gnomon {
namespace {

constexpr u64 kMidway = 30'000'000;

TEST(Snapshot, LoadedMachineGoesOnLikeTheUninterruptedOne) {
    TestMachine whole(Action::Work, 5);
    EXPECT_EQ(whole.run().status, 11);
    const u64 total = whole.machine->clock().instructions();
    for (const u64 percent : {10, 50, 90, 99}) {
        TestMachine first(Action::Work, 5);
        ASSERT_EQ(first.run(total * percent / 100).status, 4);
        const std::vector<u8> snapshot = save_machine(*first.machine);
        TestMachine second(Action::Work, 5);
        second.run(1234);
        const Result<void> loaded = load_machine(*second.machine, snapshot);
        ASSERT_TRUE(loaded.ok()) << loaded.error().message;
        EXPECT_EQ(save_machine(*second.machine), snapshot);
        EXPECT_EQ(second.run().status, 11);
        EXPECT_EQ(second.machine->clock().instructions(), whole.machine->clock().instructions());
        EXPECT_EQ(second.machine->clock().now(), whole.machine->clock().now());
        EXPECT_EQ(first.serial + second.serial, whole.serial);
        EXPECT_EQ(second.ram_checksum(), whole.ram_checksum());
    }
}

TEST(Snapshot, EveryTruncationAndFlippedBitIsRefusedWithoutAChange) {
    TestMachine m(Action::Work, 5);
    m.run(kMidway);
    const std::vector<u8> snapshot = save_machine(*m.machine);
    m.run(kMidway);
    const std::vector<u8> before = save_machine(*m.machine);
    // All of the header and the end, and samples of what lies between.
    const auto sampled = [&](size_t at) { return at < 64 || at + 64 > snapshot.size() || at % 997 == 0; };
    for (size_t size = 0; size < snapshot.size(); size++) {
        if (!sampled(size)) continue;
        EXPECT_FALSE(load_machine(*m.machine, std::span(snapshot).first(size)).ok()) << size;
        std::vector<u8> damaged = snapshot;
        damaged[size] ^= static_cast<u8>(1 << size % 8);
        EXPECT_FALSE(load_machine(*m.machine, damaged).ok()) << size;
    }
    std::vector<u8> longer = snapshot;
    longer.push_back(0);
    EXPECT_FALSE(load_machine(*m.machine, longer).ok());
    EXPECT_EQ(save_machine(*m.machine), before);
}

TEST(Snapshot, AnotherMachineIsRefusedWithTheDifference) {
    TestMachine m(Action::Work);
    const std::vector<u8> snapshot = save_machine(*m.machine);
    Config config;
    config.cpu.model = "486";
    TestMachine other(Action::Work, 0, config);
    const Result<void> loaded = load_machine(*other.machine, snapshot);
    ASSERT_FALSE(loaded.ok());
    EXPECT_EQ(loaded.error().message,
              "it belongs to another machine: 'cpu.model = max' there, 'cpu.model = 486' here");
    Config chips;
    chips.firmware.power_on = PowerOnChoice::Bochs;
    TestMachine as_in_bochs(Action::Work, 0, chips);
    const Result<void> refused = load_machine(*as_in_bochs.machine, snapshot);
    ASSERT_FALSE(refused.ok());
    EXPECT_TRUE(refused.error().message.ends_with("'firmware.power_on = bochs' here")) << refused.error().message;
}

TEST(Snapshot, WhatIsNoSnapshotIsRefused) {
    TestMachine m(Action::Work);
    const std::vector<u8> text(1000, 'x');
    EXPECT_EQ(load_machine(*m.machine, text).error().message, "is no saved machine");
    EXPECT_EQ(load_machine(*m.machine, {}).error().message, "is no saved machine");
}

TEST(Snapshot, OverlayOfADiskIsPartOfIt) {
    const ScratchFile disk(std::vector<u8>(8 << 20, 0));
    Config config;
    config.disk[0].file = disk.path();
    config.boot.snapshot = true;
    TestMachine m(Action::Work, 0, config);
    bool found = false;
    for (const StatePart* part : m.machine->parts()) found |= part->state_name() == "medium.disk.0";
    EXPECT_TRUE(found);
}

}  // namespace
}  // namespace gnomon
