// The commands about symbols against a guest of ours: one transcript, and all of them are in it.
#include <set>

#include "debugger/console/console_fixture.h"
#include "debugger/symbols/commands.h"

namespace gnomon {
namespace {

const std::string kPrograms = GNOMON_SYMBOL_PROGRAMS;
const std::string kTranscript = GNOMON_SYMBOL_TRANSCRIPT;

TEST(SymbolCommands, PrintExactly) {
    ConsoleFixture guest(kPrograms + "/calls.bin");
    Symbols symbols;
    guest.debugger().set_symbols(&symbols);
    guest.console().add_commands(symbol_commands());
    // As a user in the folder of the programs.
    const std::filesystem::path before = std::filesystem::current_path();
    std::filesystem::current_path(kPrograms);
    play_transcript(guest, kTranscript, kPrograms + "//");
    std::filesystem::current_path(before);
    std::ifstream saved("/tmp/gnomon-test.map");
    const std::string text((std::istreambuf_iterator<char>(saved)), {});
    EXPECT_EQ(text, "0000000000007c93 T outer\n0000000000007c9d T inner\n0000000000007cac T handler\n"
                    "0000000000007cd0 t gdt_pointer\n0000000000007cd6 t idt_pointer\n");
    std::filesystem::remove("/tmp/gnomon-test.map");
    guest.debugger().set_symbols(nullptr);
}

TEST(SymbolCommands, CoverageIsBySourceLines) {
    ConsoleFixture guest(kPrograms + "/calls.bin");
    Symbols symbols;
    guest.debugger().set_symbols(&symbols);
    guest.console().add_commands(symbol_commands());
    const std::string output = kPrograms + "/coverage.info";
    guest("ldsym " + kPrograms + "/calls.elf");
    guest("until handler");
    guest("coverage on");
    guest("s 3");
    // Line 76 is the padding behind RET.
    EXPECT_EQ(guest("coverage missed"), kPrograms + "//calls.asm:73\n" + kPrograms + "//calls.asm:74\n" + kPrograms + "//calls.asm:76\n");
    EXPECT_EQ(guest("coverage write " + output), "3 instructions covered, written to " + output + "\n");
    std::ifstream saved(output);
    EXPECT_EQ(std::string((std::istreambuf_iterator<char>(saved)), {}),
              "TN:gnomon\nSF:" + kPrograms + "//calls.asm\nDA:70,1\nDA:71,1\nDA:72,1\nDA:73,0\nDA:74,0\nDA:76,0\nLH:3\nLF:6\nend_of_record\n");
    guest.debugger().set_symbols(nullptr);
}

TEST(SymbolCommands, AreAllInTheTranscript) {
    std::set<std::string> used;
    std::ifstream file(kTranscript);
    for (std::string line; std::getline(file, line);)
        if (line.starts_with("> ")) used.insert(line.substr(2, line.find(' ', 2) - 2));
    for (const Command& command : symbol_commands()) {
        EXPECT_TRUE(used.contains(std::string(command.names))) << command.names << " is in no transcript";
        EXPECT_FALSE(command.help.empty() || command.example.empty()) << command.names;
    }
}

TEST(SymbolCommands, SayThatThereAreNoSymbolsWhereTheProgramHasNone) {
    ConsoleFixture guest(kPrograms + "/calls.bin");
    guest.console().add_commands(symbol_commands());
    EXPECT_EQ(guest("sym"), "sym: this debugger has no symbols\n");
}

}  // namespace
}  // namespace gnomon
