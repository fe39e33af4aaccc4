// Tests of the symbol table and of symbols as text.
#include <gtest/gtest.h>

#include "debugger/symbols/symbol_text.h"
#include "debugger/symbols/symbols.h"
#include "debugger/symbols/test_file.h"

namespace gnomon {
namespace {

std::vector<Symbol> parse(std::string_view text) {
    Result<std::vector<Symbol>> symbols = parse_symbol_text(text);
    EXPECT_TRUE(symbols.ok()) << (symbols ? "" : symbols.error().message);
    return symbols ? *symbols : std::vector<Symbol>();
}

TEST(SymbolText, ReadsTheOutputOfNmWithAndWithoutSizes) {
    const auto symbols = parse(
        "c1000000 T _text\n         U printk\n\n# comment\n"
        "c1000040 00000020 t helper\r\n0x7c00 start\n");
    ASSERT_EQ(symbols.size(), 3u);
    EXPECT_EQ(symbols[0].address, 0xc1000000u);
    EXPECT_EQ(symbols[0].kind, 'T');
    EXPECT_EQ(symbols[0].name, "_text");
    EXPECT_EQ(symbols[1].size, 0x20u);
    EXPECT_EQ(symbols[1].kind, 't');
    EXPECT_EQ(symbols[1].name, "helper");
    EXPECT_EQ(symbols[2].address, 0x7c00u);
    EXPECT_EQ(symbols[2].name, "start");
}

TEST(SymbolText, TakesAModuleNameOfKallsymsAsNoPartOfTheSymbol) {
    const auto symbols = parse("ffffffffc0000000 t probe\t[e1000]\n");
    ASSERT_EQ(symbols.size(), 1u);
    EXPECT_EQ(symbols[0].name, "probe");
}

TEST(SymbolText, NamesTheLineThatIsNoSymbol) {
    const auto symbols = parse_symbol_text("1000 T a\nhello world\n");
    ASSERT_FALSE(symbols.ok());
    EXPECT_EQ(symbols.error().message,
              "line 2: \"hello world\" is no symbol; expected ADDRESS [SIZE] [KIND] NAME");
}

TEST(SymbolTable, FindsTheSymbolThatCoversAnAddress) {
    const SymbolTable table({{0x1000, 0x10, 'T', "first"},
                             {0x1100, 0, 'T', "label"},
                             {0x1200, 0x100, 'T', "outer"},
                             {0x1210, 4, 't', "inner"},
                             {0x1280, 0, 'A', "number"}});
    EXPECT_EQ(table.covering(0xfff), nullptr);
    EXPECT_EQ(table.covering(0x100f)->name, "first");
    EXPECT_EQ(table.covering(0x1010), nullptr);
    EXPECT_EQ(table.covering(0x11ff)->name, "label");
    EXPECT_EQ(table.covering(0x1213)->name, "inner");
    EXPECT_EQ(table.covering(0x1214)->name, "outer");
    EXPECT_EQ(table.covering(0x1290)->name, "outer");
    EXPECT_EQ(table.covering(0x1300), nullptr);
}

TEST(SymbolTable, PrefersGlobalNamesAtOneAddressAndForOneName) {
    const SymbolTable table({{0x10, 0, 'T', "global"},
                             {0x10, 0, 't', "local"},
                             {0x20, 0, 't', "twice"},
                             {0x30, 0, 'T', "twice"}});
    EXPECT_EQ(table.covering(0x14)->name, "global");
    EXPECT_EQ(table.named("twice")->address, 0x30u);
    EXPECT_EQ(table.named("never"), nullptr);
}

TEST(SymbolPattern, KnowsStarAndQuestionMark) {
    EXPECT_TRUE(matches_pattern("sys_*", "sys_read"));
    EXPECT_TRUE(matches_pattern("*read*", "sys_read"));
    EXPECT_TRUE(matches_pattern("s?s_read", "sys_read"));
    EXPECT_FALSE(matches_pattern("sys_", "sys_read"));
    EXPECT_TRUE(matches_pattern("*", ""));
}

TEST(Symbols, MoveByTheirOffset) {
    const TestFile file("1000 T _text\n1040 T middle\n");
    Symbols symbols;
    const auto loaded = symbols.load_spec(file.path() + "@0x100000");
    ASSERT_TRUE(loaded.ok());
    EXPECT_EQ(*loaded, file.path() + ": 2 symbols, moved by 0x100000");
    EXPECT_EQ(symbols.address_of("middle"), 0x101040u);
    EXPECT_EQ(symbols.describe_address(0x101044), "middle+0x4");
    EXPECT_EQ(symbols.describe_address(0x1044), "");
    EXPECT_EQ(symbols.procedure_start(0x101044), 0x101040u);
    EXPECT_TRUE(symbols.set_offset(file.path(), u64{0} - 0x1000));
    EXPECT_EQ(symbols.describe_address(0x48), "middle+0x8");
    EXPECT_TRUE(symbols.unload(file.path()));
    EXPECT_EQ(symbols.describe(), "no symbols are loaded\n");
}

TEST(Symbols, SayWhatIsWrongWithAFile) {
    Symbols symbols;
    EXPECT_EQ(symbols.load("/nowhere/at/all").error().message, "/nowhere/at/all: cannot be read");
    const TestFile file("junk\n");
    EXPECT_EQ(symbols.load(file.path()).error().message,
              file.path() + ": line 1: \"junk\" is no symbol; expected ADDRESS [SIZE] [KIND] NAME");
    const TestFile good("10 T a\n");
    EXPECT_EQ(symbols.load_spec(good.path() + "@x").error().message,
              "\"x\" is no offset; expected PATH@OFFSET, as kernel.elf@0x100000");
}

TEST(Symbols, ListThoseThatMatchByAddress) {
    const TestFile file("30 T sys_b\n20 T sys_a\n10 T other\n");
    Symbols symbols;
    ASSERT_TRUE(symbols.load(file.path()).ok());
    const auto found = symbols.matching("sys_*");
    ASSERT_EQ(found.size(), 2u);
    EXPECT_EQ(found[0].name, "sys_a");
    EXPECT_EQ(found[1].address, 0x30u);
}

}  // namespace
}  // namespace gnomon
