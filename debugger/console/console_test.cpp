// The console against guests of ours: transcripts in transcripts/, and what has no place in one.
#include <gmock/gmock.h>
#include <zlib.h>

#include <set>
#include <tuple>

#include "debugger/console/console_fixture.h"
#include "debugger/expression.h"

namespace gnomon {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

const std::string kSession = GNOMON_TEST_PROGRAMS "/session.bin";
const std::string kTranscripts = GNOMON_TRANSCRIPTS;

TEST(Console, PlaysAClassicBochsSession) {
    ConsoleFixture guest(kSession);
    play_transcript(guest, kTranscripts + "/session.txt");
}

TEST(Console, BreakpointCommandsPrintWhatTheyDo) {
    ConsoleFixture guest(kSession);
    play_transcript(guest, kTranscripts + "/breakpoints.txt");
}

TEST(Console, EventsStopWhereTheyHappen) {
    ConsoleFixture guest(kSession);
    play_transcript(guest, kTranscripts + "/events.txt");
}

TEST(Console, MemoryAndRegisterCommandsPrintExactly) {
    ConsoleFixture guest(kSession);
    play_transcript(guest, kTranscripts + "/memory.txt");
}

TEST(Console, TablesAndDevicesPrintExactly) {
    ConsoleFixture guest(kSession);
    play_transcript(guest, kTranscripts + "/info.txt");
}

TEST(Console, TracesPrintExactly) {
    const std::string folder = "/tmp/";
    std::ofstream(folder + "gnomon-test.script") << "# A comment.\ncalc 2; calc 3\n";
    ConsoleFixture guest(kSession);
    play_transcript(guest, kTranscripts + "/trace.txt");
    for (const char* name : {"gnomon-test.trace", "gnomon-test.info", "gnomon-test.mem", "gnomon-test.log", "gnomon-test.script"})
        std::filesystem::remove(folder + name);
}

TEST(Console, TasksTablesAndErrorCodesPrintExactly) {
    ConsoleFixture guest(std::string(GNOMON_TEST_PROGRAMS) + "/tasks.bin");
    play_transcript(guest, kTranscripts + "/tasks.txt");
}

TEST(Console, LongModePrintsExactly) {
    ConsoleFixture guest(std::string(GNOMON_TEST_PROGRAMS) + "/long_mode.bin");
    play_transcript(guest, kTranscripts + "/long_mode.txt");
}

TEST(Console, ProcessorsAreChosenAndSteppedOneByOne) {
    Config config;
    config.cpu.count = 2;
    ConsoleFixture guest(GNOMON_PROCESSORS_SECTOR, config);
    play_transcript(guest, kTranscripts + "/processors.txt");
}

TEST(Console, DevicesPrintWhatTheyHold) {
    ConsoleFixture guest(kSession);
    play_transcript(guest, kTranscripts + "/devices.txt");
}

/// The commands of all transcripts.
std::vector<std::string> transcript_lines() {
    std::vector<std::string> lines;
    for (const auto& entry : std::filesystem::directory_iterator(kTranscripts)) {
        std::ifstream file(entry.path());
        for (std::string line; std::getline(file, line);) {
            if (line.starts_with("> ")) lines.push_back(line.substr(2));
            if (line.starts_with(">/")) lines.push_back(line.substr(line.find("/ ", 2) + 2));
        }
    }
    return lines;
}

TEST(Console, EveryCommandIsInATranscriptAndHasAnExample) {
    std::set<std::string> used;
    for (const std::string& line : transcript_lines()) used.insert(line.substr(0, line.find_first_of(" /")));
    ConsoleFixture guest(kSession);
    for (const Command* command : guest.console().commands()) {
        EXPECT_FALSE(command->help.empty() || command->example.empty()) << command->names;
        bool found = false;
        for (const std::string& name : used) found |= guest.console().find(name) == command;
        EXPECT_TRUE(found) << command->names << " is in no transcript";
    }
}

TEST(Console, EveryKindOfInfoCatchShowAndTraceIsInATranscript) {
    const std::vector<std::string> lines = transcript_lines();
    const auto expect_played = [&](const std::string& beginning) {
        const bool found = std::any_of(lines.begin(), lines.end(), [&](const std::string& line) {
            return line == beginning || line.starts_with(beginning + " ");
        });
        EXPECT_TRUE(found) << beginning << " is in no transcript";
    };
    ConsoleFixture guest(kSession);
    std::istringstream kinds(guest("info"));
    for (std::string line; std::getline(kinds, line);) expect_played(line.substr(0, line.find(' ', 5)));
    for (const char* event : {"int", "mode", "cr", "msr", "port", "task", "triple", "pagetable", "magic", "branch"}) {
        expect_played(std::string("catch ") + event);
        expect_played(std::string("show ") + event);
    }
    for (const char* kind : {"branches", "ports", "interrupts", "memory", "instructions", "registers"})
        expect_played(std::string("trace ") + kind);
    for (const char* filter : {"address", "level", "bits", "cpu", "off"}) expect_played(std::string("trace-filter ") + filter);
}

TEST(Console, QuitFinishes) {
    ConsoleFixture guest(kSession);
    EXPECT_FALSE(guest.console().finished());
    EXPECT_EQ(guest("q"), "");
    EXPECT_TRUE(guest.console().finished());
}

TEST(Console, MistakesOfTheUserNameTheirPlace) {
    ConsoleFixture guest(kSession);
    EXPECT_EQ(guest("frobnicate"), "there is no command \"frobnicate\"; \"help\" lists them\n");
    EXPECT_EQ(guest("b 0x7c00 +"), "b: expression \"0x7c00 +\", column 9: a number, register, symbol or \"[\" is expected\n");
    EXPECT_THAT(guest("ptime now"), HasSubstr("ptime: \"now\" is not understood; usage: ptime \n"));
    EXPECT_EQ(guest("calc 1 + "), "calc: expression \"1 +\", column 4: a number, register, symbol or \"[\" is expected\n");
    EXPECT_EQ(guest("calc 5 / 0"), "calc: division by zero\n");
    EXPECT_EQ(guest("calc nowhere"), "calc: \"nowhere\" is neither a register nor a known symbol\n");
    EXPECT_EQ(guest("d 7"), "d: there is no breakpoint 7\n");
    EXPECT_EQ(guest("watch z 0x1000"), "watch: r, w, rw or x is expected, not \"z\"\n");
    EXPECT_EQ(guest("set al = 0x100"), "set: 0x100 does not fit into the 8 bits of al\n");
    EXPECT_EQ(guest("set tr = 8"), "set: tr cannot be changed\n");
    EXPECT_EQ(guest("source /nowhere/at.all"), "source: /nowhere/at.all: No such file or directory\n");
    EXPECT_EQ(guest("source /"), "source: /: Is a directory\n");
    EXPECT_EQ(guest("x /4k 0"), "x: \"k\" in the format is not one of m x d u o t c s i (how) b h w g (1, 2, 4, 8 bytes)\n");
}

TEST(Console, CompletesCommandsAndTheirWords) {
    ConsoleFixture guest(kSession);
    EXPECT_THAT(guest.console().completions("bp"), ElementsAre("bpd", "bpe"));
    EXPECT_THAT(guest.console().completions("info g"), ElementsAre("gdt"));
    EXPECT_THAT(guest.console().completions("info device pi"), ElementsAre("pic", "piix3", "pit"));
    EXPECT_THAT(guest.console().completions("help unw"), ElementsAre("unwatch"));
    EXPECT_THAT(guest.console().completions("zz"), ElementsAre());
}

TEST(Expression, FollowsTheRulesOfC) {
    ConsoleFixture guest(kSession);
    const auto value = [&](std::string_view text) {
        const Result<u64> result = evaluate(text, guest.debugger());
        EXPECT_TRUE(result.ok()) << text << ": " << (result ? "" : result.error().message);
        return result ? *result : 0xdead;
    };
    EXPECT_EQ(value("1 + 2 * 3"), 7u);
    EXPECT_EQ(value("(1 + 2) * 3"), 9u);
    EXPECT_EQ(value("1 << 4 | 0b11"), 19u);
    EXPECT_EQ(value("10 - 3 - 2"), 5u);
    EXPECT_EQ(value("0x10 >= 16 && 'A' == 65"), 1u);
    EXPECT_EQ(value("1 < 2 == 1"), 1u);
    EXPECT_EQ(value("-1"), ~u64{0});
    EXPECT_EQ(value("~0 >> 60"), 15u);
    EXPECT_EQ(value("!5 || 7 % 4 == 3"), 1u);
    EXPECT_EQ(value("(u8) 0x1ff"), 0xffu);
    EXPECT_EQ(value("(s8) 0x80"), 0xffffffffffffff80u);
    EXPECT_EQ(value("(s16) 0x7fff"), 0x7fffu);
    EXPECT_EQ(value("0 && 1 / 0"), 0u);
    EXPECT_EQ(value("0x1234:0x10"), 0x12350u);
    EXPECT_EQ(value("cs:ip"), 0xfffffff0u);
    EXPECT_EQ(value("phys word [0xffffe]"), value("word [0xffffe]"));
    EXPECT_EQ(value("phys byte [0xffff0]"), 0xeau);
}

/// What the guest has become at its last instruction when it was run under these commands.
struct GuestState {
    u64 instructions;
    std::string processor;
    std::vector<u8> ram;
};

GuestState run_under(std::initializer_list<std::string_view> commands) {
    ConsoleFixture guest(kSession);
    guest("tbreak 0x7c00");
    guest("c");
    const u64 start = guest.machine().clock().instructions();
    for (const std::string_view command : commands) guest(command);
    guest("tbreak 0x7cf4");
    const std::string stop = guest("c");
    EXPECT_THAT(stop, HasSubstr("0008:00007cf4: hlt"));
    Machine& machine = guest.machine();
    return {machine.clock().instructions() - start, print_state(save_value(machine.cpu().architectural_state())),
            {machine.memory().ram(), machine.memory().ram() + machine.memory().ram_size()}};
}

/// Breakpoints and watchpoints must not change what the guest does, nor when.
void expect_same(std::initializer_list<std::string_view> commands) {
    const GuestState plain = run_under({});
    const GuestState busy = run_under(commands);
    EXPECT_EQ(plain.instructions, 3135u);
    EXPECT_EQ(busy.instructions, plain.instructions);
    EXPECT_EQ(plain.processor, busy.processor);
    EXPECT_TRUE(plain.ram == busy.ram);
}

TEST(Debugger, RunsTheSameWithBreakpoints) {
    expect_same({"b 0x7c56 if 0", "pb 0x7c9c if 0", "vb 8:0x7cda if 0"});
}
TEST(Debugger, RunsTheSameWithWatchpoints) { expect_same({"watch rw 0x7d24 4 if 0", "watch p w 0x8000 0x2000 if 0"}); }
TEST(Debugger, RunsTheSameWithRepetitionsInWatchedPages) {
    const auto run = [](std::initializer_list<std::string_view> commands) {
        ConsoleFixture guest(std::string(GNOMON_TEST_PROGRAMS) + "/repeat.bin");
        guest("tbreak 0x7c00");
        guest("c");
        const u64 start = guest.machine().clock().instructions();
        for (const std::string_view command : commands) guest(command);
        guest("tbreak 0x7c9a");
        EXPECT_THAT(guest("c"), HasSubstr("0008:00007c9a: hlt"));
        Machine& machine = guest.machine();
        return std::tuple(machine.clock().instructions() - start, print_state(save_value(machine.cpu().architectural_state())),
                          crc32_z(0, machine.memory().ram(), machine.memory().ram_size()));
    };
    const auto plain = run({});
    // 37 others, and every repetition once and once more for each multiple of 16384 that its count passes on the way to 0:
    // 4, 14, 14, 1, 20, 3 and 3.
    EXPECT_EQ(std::get<0>(plain), 96u);
    const auto expect_the_same = [&](std::initializer_list<std::string_view> commands) {
        const auto busy = run(commands);
        EXPECT_EQ(std::get<0>(busy), std::get<0>(plain)) << *commands.begin();
        EXPECT_TRUE(busy == plain) << *commands.begin();
    };
    expect_the_same({"watch w 0x180000 0x1000 if 0"});
    expect_the_same({"watch rw 0x100000 0x200000 if 0"});
    expect_the_same({"watch continue", "watch w 0x1b0000 2"});
    expect_the_same({"watch w 0x180200", "c"});
    expect_the_same({"s 30"});
}

TEST(Debugger, RunsTheSameStepByStep) { expect_same({"catch branch if 0", "s 100", "n 20"}); }
TEST(Debugger, RunsTheSameWithEvents) {
    expect_same({"catch int if 0", "catch port 0 0x10000 if 0", "catch cr if 0", "catch mode if 0"});
}

}  // namespace
}  // namespace gnomon
