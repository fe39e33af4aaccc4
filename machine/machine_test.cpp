// Whole machines: a boot sector from power-on to each way of ending, resets, determinism, two at a time.
#include <chrono>

#include "machine/machine_fixture.h"

namespace gnomon {
namespace {

constexpr std::string_view kHello = "Hello from the boot sector\r\n";

TEST(Machine, PowersOffWithStatus0) {
    TestMachine m(Action::PowerOff);
    EXPECT_EQ(m.run().status, 0);
    EXPECT_EQ(m.serial, kHello);
    const std::vector<std::string> screen = m.machine->vga().text_screen();
    EXPECT_NE(std::find(screen.begin(), screen.end(), "Hello from the boot sector"), screen.end());
    EXPECT_TRUE(m.messages.empty()) << m.messages.front();
}

TEST(Machine, ExitPortGivesOddStatus) {
    for (const u8 value : {0, 1, 42, 127}) {
        TestMachine m(Action::Exit, value);
        EXPECT_EQ(m.run().status, value << 1 | 1);
        EXPECT_EQ(m.serial, kHello);
    }
}

TEST(Machine, InstructionLimitGivesStatus4AtExactlyThatInstruction) {
    TestMachine m(Action::Loop);
    const RunEnd end = m.run(123'456'789);
    EXPECT_EQ(end.status, 4);
    EXPECT_EQ(end.reason, "the limit of 123456789 instructions is reached");
    EXPECT_EQ(m.machine->clock().instructions(), 123'456'789u);
}

TEST(Machine, TripleFaultIsReportedAndGivesStatus6) {
    TestMachine m(Action::TripleFault);
    EXPECT_EQ(m.run().status, 6);
    EXPECT_NE(m.report.find("Triple fault in real mode"), m.report.npos) << m.report;
    EXPECT_NE(m.report.find("IDTR base 00000000  limit 0000"), m.report.npos) << m.report;
}

TEST(Machine, TripleFaultIsReportedAlsoWhenTheMachineGoesOn) {
    TestMachine m(Action::TripleFault);
    EXPECT_EQ(m.run(400'000'000, true).status, 4);
    EXPECT_NE(m.report.find("Triple fault in real mode"), m.report.npos);
    EXPECT_GE(m.serial.size(), 2 * kHello.size());
}

TEST(Machine, HaltForGoodGivesStatus8) {
    TestMachine m(Action::Halt);
    const RunEnd end = m.run();
    EXPECT_EQ(end.status, 8);
    EXPECT_NE(end.reason.find("halted for good at 0000:"), end.reason.npos) << end.reason;
}

TEST(Machine, BootsAgainAfterEveryKindOfReset) {
    for (const Action action : {Action::ResetByKeyboard, Action::ResetByChipset}) {
        TestMachine m(action, 9);
        EXPECT_EQ(m.run().status, 19);
        EXPECT_EQ(m.serial, std::string(kHello) + std::string(kHello));
    }
}

TEST(Machine, SameInputGivesTheSameRun) {
    TestMachine a(Action::Work, 3);
    TestMachine b(Action::Work, 3);
    EXPECT_EQ(a.run().status, 7);
    EXPECT_EQ(b.run().status, 7);
    EXPECT_EQ(a.serial.size(), kHello.size() + 40);
    EXPECT_EQ(a.serial, b.serial);
    EXPECT_EQ(a.machine->clock().instructions(), b.machine->clock().instructions());
    EXPECT_EQ(a.machine->clock().now(), b.machine->clock().now());
    EXPECT_EQ(a.ram_checksum(), b.ram_checksum());
}

TEST(Machine, RunInPiecesIsTheSameRun) {
    TestMachine whole(Action::Work, 3);
    TestMachine pieces(Action::Work, 3);
    whole.run();
    while (pieces.run(1'000'003).status == 4) {
    }
    EXPECT_EQ(pieces.serial, whole.serial);
    EXPECT_EQ(pieces.machine->clock().instructions(), whole.machine->clock().instructions());
    EXPECT_EQ(pieces.ram_checksum(), whole.ram_checksum());
}

TEST(Machine, TwoRunSideBySide) {
    TestMachine alone(Action::Work, 1);
    alone.run();
    TestMachine a(Action::Work, 1);
    TestMachine b(Action::Work, 2);
    RunEnd end_a{4, {}};
    RunEnd end_b{4, {}};
    while (end_a.status == 4 || end_b.status == 4) {
        if (end_a.status == 4) end_a = a.run(2'000'000);
        if (end_b.status == 4) end_b = b.run(3'000'000);
    }
    EXPECT_EQ(end_a.status, 3);
    EXPECT_EQ(end_b.status, 5);
    EXPECT_EQ(a.serial, alone.serial);
    EXPECT_EQ(b.serial, alone.serial);
    EXPECT_EQ(a.machine->clock().instructions(), alone.machine->clock().instructions());
    EXPECT_EQ(a.ram_checksum(), alone.ram_checksum());
}

TEST(Machine, TypesTextForTheGuest) {
    Config config;
    config.input.type = "a";
    config.input.type_after = 1;
    TestMachine m(Action::Exit, 0, config);
    EXPECT_EQ(m.run().status, 1);
}

TEST(Machine, StartsQuickly) {
    const auto start = std::chrono::steady_clock::now();
    TestMachine m(Action::PowerOff);
    const std::chrono::duration<double, std::milli> elapsed = std::chrono::steady_clock::now() - start;
    std::ifstream status("/proc/self/statm");
    u64 pages = 0;
    u64 resident = 0;
    status >> pages >> resident;
    fmt::print("a machine is made in {:.1f} ms; {} MiB resident\n", elapsed.count(), resident * 4096 >> 20);
}

TEST(Machine, ConfigurationErrorsNameTheKey) {
    const auto message = [](const Config& config) {
        const Result<std::unique_ptr<Machine>> made = Machine::create(config, {});
        return made ? std::string("no error") : made.error().message;
    };
    Config config;
    config.cpu.count = 2;
    config.cpu.model = "486";
    EXPECT_EQ(message(config), "cpu.count: 2 processors need a model with a local APIC, which '486' has not; accepted is 1");
    config = {};
    config.disk[1].file = "/dev/null";
    config.cdrom[1].present = true;
    EXPECT_EQ(message(config),
              "disk.1.file and cdrom.1.file are the same drive (ide.primary.slave); give one of them another "
              "number");
    config = {};
    config.boot.append = "quiet";
    EXPECT_EQ(message(config), "boot.append: needs boot.kernel");
    config = {};
    config.rtc.start = "tomorrow";
    EXPECT_EQ(message(config),
              "rtc.start: 'tomorrow' is no date; accepted are now, 2026-01-31 and 2026-01-31T12:00:00");
    config = {};
    config.firmware.bios = "/nonexistent";
    EXPECT_EQ(message(config), "firmware.bios: /nonexistent: No such file or directory");
}

}  // namespace
}  // namespace gnomon
