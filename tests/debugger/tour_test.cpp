// Plays the sessions of docs/debugging.md: blocks of "```console", each with a machine of its own. With
// GNOMON_UPDATE_TRANSCRIPTS in the environment the page is written anew.
#include "debugger/console/console_fixture.h"
#include "debugger/symbols/commands.h"

namespace gnomon {
namespace {

const std::string kPrograms = GNOMON_TOUR_PROGRAMS;

/// One block: its commands with what they print.
std::string play(const std::vector<std::string>& commands) {
    ConsoleFixture guest(kPrograms + "/kernel.bin");
    Symbols symbols;
    guest.debugger().set_symbols(&symbols);
    guest.console().add_commands(symbol_commands());
    std::string text;
    std::optional<u64> start;
    for (const std::string& command : commands) text += "> " + command + "\n" + from_start(guest(command), start);
    guest.debugger().set_symbols(nullptr);
    for (size_t found = 0; (found = text.find(kPrograms + "//")) != text.npos;) text.erase(found, kPrograms.size() + 2);
    return text;
}

TEST(Tour, ShowsWhatTheConsolePrints) {
    std::ifstream page(GNOMON_TOUR);
    ASSERT_TRUE(page);
    const std::filesystem::path before = std::filesystem::current_path();
    std::filesystem::current_path(kPrograms);
    std::string text;
    std::string wanted;
    unsigned blocks = 0;
    for (std::string line; std::getline(page, line);) {
        wanted += line + "\n";
        text += line + "\n";
        if (line != "```console") continue;
        std::vector<std::string> commands;
        for (; std::getline(page, line) && line != "```"; wanted += line + "\n")
            if (line.starts_with("> ")) commands.push_back(line.substr(2));
        wanted += "```\n";
        text += play(commands) + "```\n";
        blocks++;
    }
    std::filesystem::current_path(before);
    EXPECT_GE(blocks, 6u);
    if (std::getenv("GNOMON_UPDATE_TRANSCRIPTS"))
        std::ofstream(GNOMON_TOUR) << text;
    else
        EXPECT_EQ(text, wanted);
}

}  // namespace
}  // namespace gnomon
