// Tests of backtraces on stacks built by hand.
#include "debugger/symbols/unwinder.h"

#include <gtest/gtest.h>

#include <cstring>
#include <map>

#include "debugger/symbols/test_file.h"

namespace gnomon {
namespace {

/// A megabyte of memory with a GDT at 0x800: 08 is 32-bit code, 10 16-bit code with base 0x20000, 18 64-bit
/// code.
struct Guest {
    std::vector<u8> bytes = std::vector<u8>(1u << 20);
    Symbols symbols;
    UnwindStart start;

    explicit Guest(std::string_view map) {
        const TestFile file(map);
        EXPECT_TRUE(symbols.load(file.path()).ok());
        put<u64>(0x808, 0x00cf9a000000ffff);
        put<u64>(0x810, 0x00009a020000ffff);
        put<u64>(0x818, 0x00af9a000000ffff);
        put<u64>(0x820, 0x00cffa000000ffff);
        start.gdt_base = 0x800;
        start.gdt_limit = 0x27;
        start.code_selector = 8;
    }
    template<class T>
    void put(u64 at, T value) {
        std::memcpy(bytes.data() + at, &value, sizeof value);
    }
    void words(u64 at, std::initializer_list<u32> values) {
        for (const u32 value : values) {
            put(at, value);
            at += 4;
        }
    }
    /// PUSH EBP; MOV EBP, ESP
    void framed_procedure(u64 at) { put<u32>(at, 0x90e58955); }
    std::vector<StackFrame> unwind() {
        return unwind_stack(symbols, start, [this](u64 address, std::span<u8> out) {
            if (address > bytes.size() || out.size() > bytes.size() - address) return false;
            std::memcpy(out.data(), bytes.data() + address, out.size());
            return true;
        });
    }
    std::string text() { return print_frames(symbols, unwind()); }
};

TEST(Unwinder, FollowsFramePointers) {
    Guest guest("1000 T main\n2000 T work\n3000 T leaf\n");
    for (const u64 at : {0x1000u, 0x2000u, 0x3000u}) guest.framed_procedure(at);
    guest.start.registers.pc = 0x3010;
    guest.start.registers.gpr[4] = 0x8000;
    guest.start.registers.gpr[5] = 0x8008;
    guest.words(0x8008, {0x8020, 0x2025});
    guest.words(0x8020, {0x8040, 0x1033});
    guest.words(0x8040, {0, 0});
    EXPECT_EQ(guest.text(),
              "#0  0x00003010 in leaf+0x10\n#1  0x00002025 in work+0x25\n"
              "#2  0x00001033 in main+0x33\n");
}

TEST(Unwinder, KnowsThatThePrologueHasNotRun) {
    Guest guest("1000 T main\n2000 T work\n3000 T leaf\n");
    for (const u64 at : {0x1000u, 0x2000u, 0x3000u}) guest.framed_procedure(at);
    guest.words(0x8020, {0x2025, 0});
    guest.words(0x8040, {0, 0x1033});
    guest.start.registers.gpr[5] = 0x8040;
    // At the first instruction the return address is on top of the stack …
    guest.start.registers.pc = 0x3000;
    guest.start.registers.gpr[4] = 0x8020;
    const std::string callers = "#1  0x00002025 in work+0x25\n#2  0x00001033 in main+0x33\n";
    EXPECT_EQ(guest.text(), "#0  0x00003000 in leaf+0x0\n" + callers);
    // … after PUSH EBP below the saved one.
    guest.start.registers.pc = 0x3001;
    guest.start.registers.gpr[4] = 0x801c;
    EXPECT_EQ(guest.text(), "#0  0x00003001 in leaf+0x1\n" + callers);
}

TEST(Unwinder, GoesThroughAnInterruptThatCameBetweenTwoFrames) {
    Guest guest("1000 T main\n2000 T work\n3000 T isr_stub\n4000 T handler\n");
    for (const u64 at : {0x1000u, 0x2000u, 0x4000u}) guest.framed_procedure(at);
    guest.put<u8>(0x3000, 0x60);  // PUSHA; CALL handler
    guest.start.registers.pc = 0x4010;
    guest.start.registers.gpr[4] = 0x7fd0;
    guest.start.registers.gpr[5] = 0x7fd0;
    guest.words(0x7fd0, {0x8030, 0x3006});               // handler: saved EBP of work, into the stub
    guest.words(0x7fd8, {1, 2, 3, 4, 0x8030, 6, 7, 8});  // PUSHA
    guest.words(0x7ff8, {0x2020, 8, 0x202});             // EIP, CS, EFLAGS
    guest.words(0x8030, {0, 0x1044});
    EXPECT_EQ(guest.text(),
              "#0  0x00004010 in handler+0x10\n#1  0x00003006 in isr_stub+0x6\n"
              "#2  0x00002020 in work+0x20  [interrupted here]\n#3  0x00001044 in main+0x44\n");
}

TEST(Unwinder, GoesBackIntoVirtual8086Mode) {
    Guest guest("3000 T isr_stub\n4000 T handler\n");
    guest.framed_procedure(0x4000);
    guest.put<u8>(0x3000, 0x60);
    guest.start.registers.pc = 0x4010;
    guest.start.registers.gpr[4] = 0x7f00;
    guest.start.registers.gpr[5] = 0x7f00;
    guest.words(0x7f00, {0x123, 0x3006});
    guest.words(0x7f08, {0, 0, 0, 0, 0, 0, 0, 0});
    // EIP, CS, EFLAGS with VM, ESP, SS, ES, DS, FS, GS.
    guest.words(0x7f28, {0x0123, 0x5000, 0x23202, 0xfffe, 0x6000, 0, 0, 0, 0});
    const auto frames = guest.unwind();
    ASSERT_GE(frames.size(), 3u);
    EXPECT_EQ(frames[2].pc, 0x50123u);
    EXPECT_EQ(frames[2].bits, 16u);
    EXPECT_EQ(frames[2].found, StackFrame::Found::Interrupted);
}

TEST(Unwinder, GoesFromA64BitHandlerBackIntoCompatibilityMode) {
    Guest guest("2000 T work32\n3000 T isr_stub\n4000 T handler\n");
    guest.put<u32>(0x4000, 0xe5894855);  // PUSH RBP; MOV RBP, RSP
    guest.put<u8>(0x3000, 0x50);
    guest.start.bits = 64;
    guest.start.code_selector = 0x18;
    guest.start.registers.pc = 0x4010;
    guest.start.registers.gpr[4] = 0x7f00;
    guest.start.registers.gpr[5] = 0x7f00;
    guest.put<u64>(0x7f00, 0x9000);
    guest.put<u64>(0x7f08, 0x3006);
    guest.put<u64>(0x7f10, 0x1234);
    guest.put<u64>(0x7f18, 0x2030);  // RIP, CS, RFLAGS, RSP, SS
    guest.put<u64>(0x7f20, 0x23);
    guest.put<u64>(0x7f28, 0x246);
    guest.put<u64>(0x7f30, 0x9100);
    guest.put<u64>(0x7f38, 0x2b);
    const auto frames = guest.unwind();
    ASSERT_GE(frames.size(), 3u);
    EXPECT_EQ(frames[2].pc, 0x2030u);
    EXPECT_EQ(frames[2].bits, 32u);
    EXPECT_EQ(frames[2].registers.gpr[4], 0x9100u);
    EXPECT_EQ(frames[2].found, StackFrame::Found::Interrupted);
}

TEST(Unwinder, FollowsFramePointersOf16BitCode) {
    Guest guest("10000 T main\n10100 T work\n");
    guest.put<u32>(0x10100, 0x90e58955);
    guest.put<u32>(0x10000, 0x90e58955);
    guest.start.bits = 16;
    guest.start.protected_mode = false;
    guest.start.code_selector = 0x1000;
    guest.start.stack_base = 0x30000;
    guest.start.registers.pc = 0x10110;
    guest.start.registers.gpr[4] = 0xff00;
    guest.start.registers.gpr[5] = 0xff04;
    guest.put<u16>(0x3ff04, 0xff20);
    guest.put<u16>(0x3ff06, 0x0044);
    EXPECT_EQ(guest.text(), "#0  0x00010110 in work+0x10\n#1  0x00010044 in main+0x44\n");
}

TEST(Unwinder, MarksGuessesWhereThereIsNothingBetter) {
    Guest guest("2000 T caller\n3000 T lost\n");
    guest.put<u8>(0x3000, 0x90);
    guest.put<u8>(0x2020, 0xe8);  // CALL, 5 bytes
    guest.start.registers.pc = 0x3010;
    guest.start.registers.gpr[4] = 0x8000;
    guest.start.registers.gpr[5] = 0x10;
    guest.words(0x8000, {1, 0x2001, 0x2025, 5});
    EXPECT_EQ(guest.text(), "#0  0x00003010 in lost+0x10\n#1  0x00002025 in caller+0x25  [?]\n");
}

}  // namespace
}  // namespace gnomon
