// Tests of ORC tables, found in an image built by hand.
#include "debugger/symbols/orc.h"

#include <gtest/gtest.h>

#include <cstring>

namespace gnomon {
namespace {

constexpr u64 kText = 0xffffffff81000000;  ///< linear, of what lies at kTextPlace in memory
constexpr u64 kTextPlace = 0x200000, kTable = 0x300000;
constexpr unsigned kFunctions = 1500, kFunctionBytes = 64;

/// Eight megabytes of memory: at 2 MiB code, at 3 MiB its tables.
struct Kernel {
    std::vector<u8> memory = std::vector<u8>(u64{8} << 20);

    template<class T>
    void put(u64 at, T value) {
        std::memcpy(memory.data() + at, &value, sizeof value);
    }
    /// By function: the caller's SP is `sp`+offset, its BP `bp`, the type as the kernel numbers it.
    void describe(unsigned function, u8 sp, i16 sp_offset, u8 bp, i16 bp_offset, u8 type) {
        const u64 at = kTable + kFunctions * 4 + function * 6;
        put(at, sp_offset);
        put(at + 2, bp_offset);
        put<u8>(at + 4, static_cast<u8>(sp | bp << 4));
        put(at + 5, type);
    }
    explicit Kernel(u8 call) {
        for (unsigned n = 0; n < kFunctions; n++) {
            put<i32>(kTable + n * 4, static_cast<i32>(kTextPlace + n * kFunctionBytes) - static_cast<i32>(kTable + n * 4));
            describe(n, 5, 8, 0, 0, call);
        }
        // What follows must not be taken for entries.
        std::memset(memory.data() + kTable + kFunctions * 10, 0xee, 64);
    }
    [[nodiscard]] MemoryReader physical() {
        return [this](u64 address, std::span<u8> out) {
            if (address > memory.size() || out.size() > memory.size() - address) return false;
            std::memcpy(out.data(), memory.data() + address, out.size());
            return true;
        };
    }
    /// Code and stacks are mapped from kText on.
    [[nodiscard]] MemoryReader linear() {
        return [read = physical()](u64 address, std::span<u8> out) {
            return address >= kText && read(address - kText + kTextPlace, out);
        };
    }
    [[nodiscard]] std::unique_ptr<OrcTable> find() {
        return OrcTable::find(physical(), 0x280000, memory.size(), kText, {address(1), address(700), address(1499)});
    }
    static u64 address(unsigned function) { return kText + function * kFunctionBytes; }
};

constexpr u64 kStack = kText + 0x400000;

TEST(Orc, TablesAreFoundInMemory) {
    Kernel kernel(0);
    const auto table = kernel.find();
    ASSERT_TRUE(table);
    EXPECT_EQ(table->size(), kFunctions);
}

TEST(Orc, TablesThatKnowNoneOfTheFunctionsAreNotTaken) {
    Kernel kernel(0);
    EXPECT_FALSE(OrcTable::find(kernel.physical(), 0x280000, kernel.memory.size(), kText, {kText + 1, kText + 2, kText + 3}));
    std::memset(kernel.memory.data() + kTable + 400, 0, 4 * 1000);
    EXPECT_FALSE(kernel.find());
}

/// The types are numbered from 0 (calls) up to Linux 6.4, from 2 since.
class OrcByVersion : public testing::TestWithParam<u8> {};
INSTANTIATE_TEST_SUITE_P(Linux, OrcByVersion, testing::Values(0, 2), [](const auto& test) { return test.param ? "Since65" : "Before65"; });

TEST_P(OrcByVersion, CallsReturnToTheWordBelowTheFrame) {
    Kernel kernel(GetParam());
    kernel.describe(5, 5, 32, 1, -16, GetParam());
    const auto table = kernel.find();
    ASSERT_TRUE(table);
    kernel.put(0x600000 + 16, u64{0x1234});                    // RBP, saved at CFA-16
    kernel.put(0x600000 + 24, Kernel::address(7) + 9);         // return address
    FrameRegisters registers;
    registers.pc = Kernel::address(5) + 3;
    registers.gpr[4] = kStack;
    const auto caller = table->unwind(registers, registers.pc, kernel.linear());
    ASSERT_TRUE(caller);
    EXPECT_EQ(caller->registers.pc, Kernel::address(7) + 9);
    EXPECT_EQ(caller->registers.gpr[4], kStack + 32);
    EXPECT_EQ(caller->registers.gpr[5], 0x1234u);
    EXPECT_EQ(caller->cfa, kStack + 32);
    EXPECT_FALSE(caller->interrupted);
}

TEST_P(OrcByVersion, InterruptsRestoreAllRegisters) {
    Kernel kernel(GetParam());
    kernel.describe(6, 5, 8, 0, 0, static_cast<u8>(GetParam() + 1));
    const auto table = kernel.find();
    ASSERT_TRUE(table);
    for (unsigned i = 0; i < 21; i++) kernel.put(0x600008 + i * 8, u64{0x100} + i);
    kernel.put(0x600008 + 16 * 8, Kernel::address(9) + 1);
    kernel.put(0x600008 + 17 * 8, u64{0x10});
    kernel.put(0x600008 + 19 * 8, kStack + 0x500);
    FrameRegisters registers;
    registers.pc = Kernel::address(6) + 3;
    registers.gpr[4] = kStack;
    const auto caller = table->unwind(registers, registers.pc, kernel.linear());
    ASSERT_TRUE(caller);
    EXPECT_TRUE(caller->interrupted);
    EXPECT_EQ(caller->code_selector, 0x10);
    EXPECT_EQ(caller->registers.pc, Kernel::address(9) + 1);
    EXPECT_EQ(caller->registers.gpr[4], kStack + 0x500);
    EXPECT_EQ(caller->registers.gpr[5], 0x104u);   // RBP
    EXPECT_EQ(caller->registers.gpr[13], 0x102u);
    EXPECT_EQ(caller->registers.gpr[0], 0x10au);   // RAX
}

TEST_P(OrcByVersion, PartialFramesHoldWhatTheProcessorPushed) {
    Kernel kernel(GetParam());
    kernel.describe(6, 5, 16, 0, 0, static_cast<u8>(GetParam() + 2));
    const auto table = kernel.find();
    ASSERT_TRUE(table);
    kernel.put(0x600010, Kernel::address(9) + 1);
    kernel.put(0x600018, u64{0x10});
    kernel.put(0x600028, kStack + 0x700);
    FrameRegisters registers;
    registers.pc = Kernel::address(6);
    registers.gpr[4] = kStack;
    registers.gpr[5] = 77;
    const auto caller = table->unwind(registers, registers.pc, kernel.linear());
    ASSERT_TRUE(caller);
    EXPECT_EQ(caller->registers.pc, Kernel::address(9) + 1);
    EXPECT_EQ(caller->registers.gpr[4], kStack + 0x700);
    EXPECT_EQ(caller->registers.gpr[5], 77u);
}

TEST(Orc, FollowsAPointerToAnotherStack) {
    Kernel kernel(0);
    kernel.describe(8, 9, 8, 0, 0, 0);  // SP indirect, as on an interrupt's stack
    const auto table = kernel.find();
    ASSERT_TRUE(table);
    kernel.put(0x600000, kStack - 0x1000);
    kernel.put(0x600000 - 0x1000, Kernel::address(9) + 5);
    FrameRegisters registers;
    registers.pc = Kernel::address(8) + 3;
    registers.gpr[4] = kStack;
    const auto caller = table->unwind(registers, registers.pc, kernel.linear());
    ASSERT_TRUE(caller);
    EXPECT_EQ(caller->registers.pc, Kernel::address(9) + 5);
    EXPECT_EQ(caller->registers.gpr[4], kStack - 0x1000 + 8);
}

TEST(Orc, TellsTheEndOfAStackFromCodeThatItDoesNotKnow) {
    Kernel kernel(0);
    kernel.describe(8, 0, 0, 0, 0, 4);
    kernel.describe(9, 0, 0, 0, 0, 0);
    const auto table = kernel.find();
    ASSERT_TRUE(table);
    FrameRegisters registers;
    registers.gpr[4] = kStack;
    const auto end = table->unwind(registers, Kernel::address(8), kernel.linear());
    ASSERT_TRUE(end);
    EXPECT_TRUE(end->none);
    EXPECT_FALSE(table->unwind(registers, Kernel::address(9), kernel.linear()));
    EXPECT_FALSE(table->unwind(registers, kText - 1, kernel.linear()));
}

}  // namespace
}  // namespace gnomon
