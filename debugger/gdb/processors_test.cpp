// Processors as threads: lists, registers of each, steps of one, breakpoints that another one hits. The guest is the
// boot sector of machine/test_programs/processors.asm.
#include <set>

#include "debugger/gdb/session_fixture.h"

namespace gnomon::gdb {
namespace {

/// Where the processors that are started continue, and where the first waits for them.
constexpr std::string_view kOther = "7cb1", kWait = "7c4b";

std::vector<u8> floppy(u8 others) {
    std::ifstream file(GNOMON_PROCESSORS_SECTOR, std::ios::binary);
    std::vector<u8> image((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
    EXPECT_EQ(image.size(), 512u);
    image.resize(1474560);
    image[508] = others;
    return image;
}

struct Guest : SessionFixture {
    explicit Guest(u8 count) : SessionFixture(floppy(static_cast<u8>(count - 1)), config(count)) {}
    static Config config(u64 count) {
        Config config;
        config.cpu.count = count;
        return config;
    }
    /// Until processor `thread` (as GDB numbers it) is about to execute its first instruction in the boot sector.
    void start_other(std::string_view thread) {
        EXPECT_EQ(ask(fmt::format("Z0,{},1", kOther)), "OK");
        EXPECT_EQ(move("vCont;c"), fmt::format("T05thread:{};", thread));
    }
    u64 ip(unsigned processor) { return debugger.cpu(processor).state.rip; }
};

TEST(GdbProcessors, AreThreadsFromTheStart) {
    Guest two(2);
    EXPECT_EQ(two.ask("qfThreadInfo"), "m1,2");
    EXPECT_EQ(two.ask("qsThreadInfo"), "l");
    EXPECT_EQ(two.ask("T2"), "OK");
    EXPECT_EQ(two.ask("T3"), "E03");
    EXPECT_EQ(two.ask("Hg2"), "OK");
    EXPECT_EQ(two.ask("Hg3"), "E03");
    EXPECT_EQ(two.ask("Hc2"), "OK");
    EXPECT_EQ(two.ask("Hc3"), "E03");
    Guest four(4);
    EXPECT_EQ(four.ask("qfThreadInfo"), "m1,2,3,4");
    EXPECT_EQ(four.read_all("threads:read:"),
              "<?xml version=\"1.0\"?><threads><thread id=\"1\" core=\"0\" name=\"CPU 0\">real mode</thread>"
              "<thread id=\"2\" core=\"1\" name=\"CPU 1\">real mode, waits for a startup message</thread>"
              "<thread id=\"3\" core=\"2\" name=\"CPU 2\">real mode, waits for a startup message</thread>"
              "<thread id=\"4\" core=\"3\" name=\"CPU 3\">real mode, waits for a startup message</thread></threads>");
}

TEST(GdbProcessors, HitBreakpointsUnderTheirOwnNames) {
    Guest guest(4);
    EXPECT_EQ(guest.ask(fmt::format("Z0,{},1", kOther)), "OK");
    std::set<std::string> seen;
    for (unsigned n = 0; n < 3; n++) {
        seen.insert(guest.move("vCont;c"));
        // The one that stopped is the chosen one now, as GDB takes it.
        EXPECT_EQ(guest.read_register("eip"), "b17c0000");
    }
    EXPECT_EQ(seen, (std::set<std::string>{"T05thread:2;", "T05thread:3;", "T05thread:4;"}));
}

TEST(GdbProcessors, HaveRegistersOfTheirOwn) {
    Guest guest(2);
    guest.start_other("2");
    EXPECT_EQ(guest.ask("qC"), "QC2");
    EXPECT_EQ(guest.read_register("eip"), "b17c0000");
    EXPECT_EQ(guest.read_register("esp"), "006f0000");
    EXPECT_EQ(guest.ask("Hg1"), "OK");
    EXPECT_EQ(guest.read_register("esp"), "00700000");
    EXPECT_EQ(guest.ask("qC"), "QC1");
    // A write reaches the chosen one alone.
    const size_t edx = guest.registers().number_of("edx");
    EXPECT_EQ(guest.ask(fmt::format("P{:x}=44332211", edx)), "OK");
    EXPECT_EQ(guest.debugger.cpu(0).state.gpr[reg::DX], 0x11223344u);
    EXPECT_NE(guest.debugger.cpu(1).state.gpr[reg::DX], 0x11223344u);
}

TEST(GdbProcessors, StepOneWhileTheOthersStand) {
    Guest guest(2);
    guest.start_other("2");
    const CpuState before = guest.debugger.registers(0);
    // CALL big_segments; PUSH DS; LGDT; MOV EAX, CR0 …
    EXPECT_EQ(guest.move("vCont;s:2"), "T05thread:2;");
    EXPECT_EQ(guest.ip(1), 0x7c7au);
    for (unsigned n = 0; n < 3; n++) EXPECT_EQ(guest.move("vCont;s:2"), "T05thread:2;");
    EXPECT_EQ(guest.ip(1), 0x7c83u);
    EXPECT_TRUE(save_value(guest.debugger.registers(0)) == save_value(before));
    // … and the other one, with this one standing.
    const CpuState other = guest.debugger.registers(1);
    EXPECT_EQ(guest.move("vCont;s:1"), "T05thread:1;");
    EXPECT_NE(guest.ip(0), before.rip);
    EXPECT_TRUE(save_value(guest.debugger.registers(1)) == save_value(other));
}

TEST(GdbProcessors, StepOneWhileTheOthersRun) {
    Guest guest(2);
    guest.start_other("2");
    const u64 start = guest.guest.machine->clock().instructions();
    EXPECT_EQ(guest.move("vCont;s:1;c"), "T05thread:1;");
    EXPECT_EQ(guest.ask("Hg1"), "OK");
    const u64 ip = guest.ip(0);
    EXPECT_TRUE(ip >= 0x7c4b && ip <= 0x7c54) << ip;
    // The second had its turn first: it has gone on, too.
    EXPECT_NE(guest.ip(1), 0x7cb1u);
    EXPECT_GT(guest.guest.machine->clock().instructions(), start + 1);
}

TEST(GdbProcessors, StepTheOneOfHc) {
    Guest guest(2);
    guest.start_other("2");
    EXPECT_EQ(guest.ask("Hc2"), "OK");
    EXPECT_EQ(guest.move("s"), "T05thread:2;");
    EXPECT_EQ(guest.ip(1), 0x7c7au);
}

TEST(GdbProcessors, StopWithTheThreadThatWroteToAWatchpoint) {
    Guest guest(2);
    guest.start_other("2");
    EXPECT_EQ(guest.ask(fmt::format("z0,{},1", kOther)), "OK");
    // LOCK INC of `ready`, by the second.
    EXPECT_EQ(guest.ask("Z2,7004,2"), "OK");
    EXPECT_EQ(guest.move("vCont;c"), "T05thread:2;watch:7004;");
    EXPECT_EQ(guest.ask("m7004,2"), "0100");
    EXPECT_EQ(guest.ask("z2,7004,2"), "OK");
    // The first sees it and goes on: both end up behind their breakpoints.
    EXPECT_EQ(guest.ask("Z0,7c62,1"), "OK");
    EXPECT_EQ(guest.move("vCont;c"), "T05thread:1;");
    EXPECT_EQ(guest.read_register("eip"), "627c0000");
    EXPECT_EQ(guest.ask(fmt::format("z0,{},1", kWait)), "OK");
}

TEST(GdbProcessors, TakeTheSameTurnsWhetherSomebodyLooksOrNot) {
    const auto run = [](bool busy) {
        Guest guest(3);
        EXPECT_EQ(guest.ask("Z0,7c00,1"), "OK");
        EXPECT_EQ(guest.move("vCont;c"), "T05thread:1;");
        EXPECT_EQ(guest.ask("z0,7c00,1"), "OK");
        if (busy) {
            EXPECT_EQ(guest.ask(fmt::format("Z0,{},1", kOther)), "OK");
            EXPECT_EQ(guest.ask("Z2,7004,2"), "OK");
            for (unsigned n = 0; n < 4; n++) guest.move("vCont;c");
            // Another one may run into the watchpoint meanwhile.
            for (unsigned n = 0; n < 6; n++) EXPECT_TRUE(guest.move("vCont;s:1;c").starts_with("T05thread:"));
            EXPECT_EQ(guest.ask(fmt::format("z0,{},1", kOther)), "OK");
            EXPECT_EQ(guest.ask("z2,7004,2"), "OK");
        }
        EXPECT_EQ(guest.move("vCont;c"), "W45");
        return std::pair(guest.guest.machine->clock().instructions(), guest.guest.machine->clock().now());
    };
    EXPECT_EQ(run(false), run(true));
}

}  // namespace
}  // namespace gnomon::gdb
