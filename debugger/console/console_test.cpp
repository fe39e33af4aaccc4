// The console against guests of ours: transcripts in transcripts/, and what has no place in one.
#include <gmock/gmock.h>

#include <set>

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

TEST(Console, EveryCommandIsInATranscriptAndHasAnExample) {
    std::set<std::string> used;
    for (const auto& entry : std::filesystem::directory_iterator(kTranscripts)) {
        std::ifstream file(entry.path());
        for (std::string line; std::getline(file, line);)
            if (line.starts_with("> ")) used.insert(line.substr(2, line.find_first_of(" /", 2) - 2));
    }
    ConsoleFixture guest(kSession);
    for (const Command* command : guest.console().commands()) {
        EXPECT_FALSE(command->help.empty() || command->example.empty()) << command->names;
        bool found = false;
        for (const std::string& name : used) found |= guest.console().find(name) == command;
        EXPECT_TRUE(found || command->names.starts_with("q ")) << command->names << " is in no transcript";
    }
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
    EXPECT_EQ(guest("b 0x7c00 +"), "b: \"+\" is not understood; usage: b [ADDRESS] [if EXPRESSION]\n");
    EXPECT_EQ(guest("calc 1 + "), "calc: expression \"1 +\", column 4: a number, register, symbol or \"[\" is expected\n");
    EXPECT_EQ(guest("calc 5 / 0"), "calc: division by zero\n");
    EXPECT_EQ(guest("calc nowhere"), "calc: \"nowhere\" is neither a register nor a known symbol\n");
    EXPECT_EQ(guest("d 7"), "d: there is no breakpoint 7\n");
    EXPECT_EQ(guest("watch z 0x1000"), "watch: r, w, rw or x is expected, not \"z\"\n");
    EXPECT_EQ(guest("set al = 0x100"), "set: 0x100 does not fit into the 8 bits of al\n");
    EXPECT_EQ(guest("set tr = 8"), "set: tr cannot be changed\n");
    EXPECT_EQ(guest("source /nowhere/at.all"), "source: /nowhere/at.all: cannot be opened\n");
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

TEST(Debugger, RunsTheSameWithAndWithoutIt) {
    // Stepping, breakpoints and watches must not change what the guest does, nor when.
    ConsoleFixture plain(kSession);
    plain("sba 3000000");
    plain("c");
    ConsoleFixture busy(kSession);
    busy("b 0xf0000 if 0");
    busy("watch rw 0x400 0x100 if 0");
    busy("sba 3000000");
    busy("c");
    EXPECT_EQ(plain.machine().clock().instructions(), 3'000'000u);
    EXPECT_EQ(busy.machine().clock().instructions(), 3'000'000u);
    EXPECT_EQ(encode_state(save_value(plain.machine().cpu().architectural_state())),
              encode_state(save_value(busy.machine().cpu().architectural_state())));
    EXPECT_EQ(0, std::memcmp(plain.machine().memory().ram(), busy.machine().memory().ram(), plain.machine().memory().ram_size()));
}

}  // namespace
}  // namespace gnomon
