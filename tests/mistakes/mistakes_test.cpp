// Each guest of this folder makes one mistake; `explain` must name it.
#include "debugger/console/console_fixture.h"

namespace gnomon {
namespace {

std::string program(const std::string& name) { return std::string(GNOMON_MISTAKES) + "/" + name + ".bin"; }

/// The line that names the likely cause, after the guest has shut the processor down.
std::string cause_of(const std::string& name) {
    ConsoleFixture guest(program(name));
    const std::string stop = guest("c");
    EXPECT_TRUE(stop.starts_with("Stopped: triple fault (processor 0, ")) << stop;
    const std::string report = guest("explain");
    constexpr std::string_view kMark = "  Likely cause: ";
    const size_t at = report.find(kMark);
    if (at == report.npos) return report;
    const size_t start = at + kMark.size();
    return report.substr(start, report.find('\n', start) - start);
}

TEST(Mistakes, BadGdt) {
    EXPECT_EQ(cause_of("bad_gdt"), "");
}
TEST(Mistakes, MissingGate) {
    EXPECT_EQ(cause_of("missing_gate"), "");
}
TEST(Mistakes, StackOverflowIntoThePageTables) {
    EXPECT_EQ(cause_of("stack_overflow"), "");
}
TEST(Mistakes, PagingWithoutAnIdentityMap) {
    EXPECT_EQ(cause_of("no_identity_map"), "");
}
TEST(Mistakes, WrongFarJump) {
    EXPECT_EQ(cause_of("wrong_far_jump"), "");
}
TEST(Mistakes, PicNotRemapped) {
    EXPECT_EQ(cause_of("pic_not_remapped"), "");
}
TEST(Mistakes, ReservedBitInAPageTableEntry) {
    EXPECT_EQ(cause_of("reserved_bit"), "");
}

TEST(Mistakes, MissingEndOfInterrupt) {
    ConsoleFixture guest(program("missing_eoi"));
    EXPECT_TRUE(guest("c").starts_with("Stopped: interrupted by the user"));
    EXPECT_EQ(guest("explain"), "");
}

}  // namespace
}  // namespace gnomon
