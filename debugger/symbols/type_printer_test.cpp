// Tests of types, values and source lines on a program compiled with debugging information for both ABIs.
#include <gtest/gtest.h>

#include <cstring>
#include <fstream>

#include "debugger/symbols/unwinder.h"
#include "debugger/symbols/value_expression.h"

namespace gnomon {
namespace {

/// The sample program, loaded at its own addresses by its program headers as the tests need them: data only.
struct Program {
    Symbols symbols;
    std::vector<u8> file;

    explicit Program(const char* path) {
        const auto loaded = symbols.load(path);
        EXPECT_TRUE(loaded.ok()) << (loaded ? "" : loaded.error().message);
        std::ifstream stream(path, std::ios::binary);
        file.assign(std::istreambuf_iterator<char>(stream), {});
    }
    template<class T>
    T get(u64 at) const {
        T value{};
        std::memcpy(&value, file.data() + at, sizeof value);
        return value;
    }
    /// ELF program headers: file offset, virtual address, size in the file.
    bool read(u64 address, std::span<u8> out) const {
        const bool wide = file[4] == 2;
        const u64 table = wide ? get<u64>(32) : get<u32>(28);
        const unsigned entry = get<u16>(wide ? 54 : 42);
        const unsigned count = get<u16>(wide ? 56 : 44);
        for (unsigned i = 0; i < count; i++) {
            const u64 at = table + u64{i} * entry;
            if (get<u32>(at) != 1) continue;
            const u64 offset = wide ? get<u64>(at + 8) : get<u32>(at + 4);
            const u64 base = wide ? get<u64>(at + 16) : get<u32>(at + 8);
            const u64 size = wide ? get<u64>(at + 32) : get<u32>(at + 16);
            if (address < base || address + out.size() > base + size) continue;
            std::memcpy(out.data(), file.data() + offset + (address - base), out.size());
            return true;
        }
        return false;
    }
    MemoryReader reader() const {
        return [this](u64 address, std::span<u8> out) { return read(address, out); };
    }
    std::string print(std::string_view expression) const {
        const auto text = print_expression(symbols, expression, reader());
        return text ? *text : "error: " + text.error().message;
    }
    std::string type(std::string_view name) const {
        const auto text = print_type(symbols, name);
        return text ? *text : "error: " + text.error().message;
    }
};

unsigned line_with(std::string_view words) {
    std::ifstream source(GNOMON_SAMPLE_SOURCE);
    std::string line;
    for (unsigned number = 1; std::getline(source, line); number++)
        if (line.find(words) != line.npos) return number;
    ADD_FAILURE() << words;
    return 0;
}

class SampleProgram : public testing::TestWithParam<const char*> {
  protected:
    Program program{GetParam()};
};
INSTANTIATE_TEST_SUITE_P(BothAbis, SampleProgram, testing::Values(GNOMON_SAMPLE32, GNOMON_SAMPLE64),
                         [](const auto& info) { return info.index == 0 ? "I386" : "Amd64"; });

TEST_P(SampleProgram, PrintsValuesByTheirTypes) {
    EXPECT_EQ(program.print("idle_task.pid"), "idle_task.pid = 1");
    EXPECT_EQ(program.print("current->name"), "current->name = \"idle\"");
    EXPECT_EQ(program.print("current->name[1]"), "current->name[1] = 100 'd'");
    EXPECT_EQ(program.print("(*current).state"), "(*current).state = RUNNING");
    EXPECT_EQ(program.print("current->priority"), "current->priority = 9");
    EXPECT_EQ(program.print("current->code"), "current->code = -2");
    EXPECT_EQ(program.print("current->half[0]"), "current->half[0] = 65534");
    EXPECT_EQ(program.print("grid"), "grid = {{1, 2, 3}, {4, 5, 6}}");
    const std::string name = program.print("banner");
    EXPECT_TRUE(name.ends_with(" \"ready\\n\"")) << name;
}

TEST_P(SampleProgram, PrintsAStructureWithItsMembers) {
    const std::string text = program.print("*current");
    EXPECT_EQ(text.substr(0, text.find("deadline")),
              "*current = {\n  pid = 1\n  name = \"idle\"\n  state = RUNNING\n  next = 0x0\n  ready = 0\n"
              "  priority = 9\n  {\n    code = -2\n    half = {65534, 65535}\n  }\n  ");
}

TEST_P(SampleProgram, CastsNumbersToPointers) {
    const u64 address = *program.symbols.address_of("idle_task");
    EXPECT_EQ(program.print(fmt::format("((struct task *){:#x})->deadline", address)),
              fmt::format("((struct task *){:#x})->deadline = 77.5", address));
    EXPECT_EQ(program.print("&idle_task"),
              fmt::format("&idle_task = (struct task *) {:#x} <idle_task>", address));
}

TEST_P(SampleProgram, SaysWhatIsWrongWithAnExpression) {
    EXPECT_EQ(program.print("nobody"), "error: no variable \"nobody\"");
    EXPECT_EQ(program.print("idle_task.size"), "error: struct task has no member \"size\"");
    EXPECT_EQ(program.print("idle_task.pid.x"), "error: word_t is no structure");
    EXPECT_EQ(program.print("grid +"), "error: \"+\" is not understood");
    EXPECT_EQ(
        program.print("*(struct task *)0x10"), "*(struct task *)0x10 = {\n" + [] {
            std::string lines;
            for (const char* member : {"pid", "name", "state", "next", "ready", "priority"})
                lines += fmt::format("  {} = <not mapped>\n", member);
            return lines +
                   "  {\n    code = <not mapped>\n    half = {<not mapped>, <not mapped>}\n  }\n"
                   "  deadline = <not mapped>\n  run = <not mapped>\n}";
        }());
}

TEST_P(SampleProgram, FindsLinesOfAddressesAndAddressesOfLines) {
    for (const auto& [words, function] :
         {std::pair{"// leaf-line", "leaf"}, std::pair{"// middle-line", "middle"}}) {
        const unsigned line = line_with(words);
        const std::vector<u64> addresses = program.symbols.addresses_of_line("sample.c", line);
        ASSERT_FALSE(addresses.empty());
        EXPECT_EQ(program.symbols.symbol_at(addresses[0])->name, function);
        const auto back = program.symbols.line_at(addresses[0]);
        ASSERT_TRUE(back);
        EXPECT_EQ(back->line, line);
        EXPECT_EQ(back->file, GNOMON_SAMPLE_SOURCE);
        EXPECT_EQ(*program.symbols.address_of_location(fmt::format("sample.c:{}", line)), addresses[0]);
    }
    EXPECT_TRUE(program.symbols.addresses_of_line("ample.c", 1).empty());
}

TEST_P(SampleProgram, ListsItsSource) {
    const unsigned line = line_with("// leaf-line");
    const auto text = program.symbols.list_source(GNOMON_SAMPLE_SOURCE, line, line + 1, line);
    ASSERT_TRUE(text.ok());
    EXPECT_EQ(*text,
              fmt::format("->{:5}      return x * grid[1][2];  // leaf-line\n  {:5}  }}\n", line, line + 1));
}

TEST_P(SampleProgram, UnwindsByCallFrameInformation) {
    // Within leaf, behind its prologue: a stack as middle and _start leave it. Frame pointers are not used.
    const bool wide = program.file[4] == 2;
    const u64 slot = wide ? 8 : 4;
    const u64 leaf = *program.symbols.address_of("leaf");
    const u64 middle = *program.symbols.address_of("middle");
    std::map<u64, u64> stack;
    UnwindStart start;
    start.bits = wide ? 64 : 32;
    start.registers.pc = leaf;  // nothing pushed yet
    start.registers.gpr[4] = 0x8000;
    // The call instruction of middle: E8 with the distance to leaf.
    u64 call = 0;
    for (u64 at = middle; at < middle + 200 && call == 0; at++) {
        std::array<u8, 5> code{};
        i32 distance = 0;
        if (!program.read(at, code)) break;
        std::memcpy(&distance, code.data() + 1, 4);
        if (code[0] == 0xe8 && at + 5 + static_cast<u64>(static_cast<i64>(distance)) == leaf) call = at + 5;
    }
    ASSERT_NE(call, 0u);
    stack[0x8000] = call;
    const auto frames = unwind_stack(program.symbols, start, [&](u64 address, std::span<u8> out) {
        if (address < 0x7000 || address >= 0x9000) return program.read(address, out);
        std::memset(out.data(), 0, out.size());
        if (const auto word = stack.find(address); word != stack.end() && out.size() == slot)
            std::memcpy(out.data(), &word->second, slot);
        return true;
    });
    ASSERT_GE(frames.size(), 2u);
    EXPECT_EQ(frames[1].pc, call);
    EXPECT_EQ(frames[1].found, StackFrame::Found::CallFrameInformation);
    EXPECT_EQ(frames[1].frame, 0x8000 + slot);
    EXPECT_EQ(frames[1].registers.gpr[4], 0x8000 + slot);
    EXPECT_EQ(program.symbols.line_at(frames[1].lookup())->line, line_with("// middle-line"));
}

TEST(TypePrinter, PrintsTheLayoutOfAStructure) {
    const Program program(GNOMON_SAMPLE32);
    EXPECT_EQ(program.type("struct task"),
              "struct task {  // 40 bytes\n"
              "    word_t pid;                               // 0x0\n"
              "    char name[8];                             // 0x4\n"
              "    enum state state;                         // 0xc\n"
              "    struct task *next;                        // 0x10\n"
              "    unsigned int ready : 1;                   // 0x14, bit 0\n"
              "    unsigned int priority : 4;                // 0x14, bit 1\n"
              "    union {…};                                // 0x18\n"
              "    double deadline;                          // 0x1c\n"
              "    int (*run)(struct task *, char);          // 0x24\n"
              "};\n");
    EXPECT_EQ(program.type("state"), "enum state {\n    IDLE = 0,\n    RUNNING = 5,\n};\n");
    EXPECT_EQ(program.type("word_t"), "typedef unsigned int word_t\n");
    EXPECT_EQ(program.type("current"), "struct task *current;\nstruct task *\n");
    EXPECT_EQ(program.type("nothing"),
              "error: no type or variable \"nothing\" (types come from files with debugging information)");
}

}  // namespace
}  // namespace gnomon
