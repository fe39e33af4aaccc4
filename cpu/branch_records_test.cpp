// Last branch records and the single-step trap on branches. SDM Vol. 3, "Last Branch, Interrupt, and
// Exception Recording (P6 Family Processors)".
#include "cpu/debug_registers.h"
#include "cpu/msr.h"
#include "cpu/test_machine.h"

namespace gnomon {
namespace {

constexpr u32 kDebugControl = 0x1d9, kFirstRecord = 0x1db, kCode = TestMachine::kCodeBase,
              kDebugHandler = TestMachine::kHandler + 16;

class BranchRecords : public testing::Test {
  protected:
    void start(std::initializer_list<u8> bytes, u64 control, u32 flags = 2) {
        m.enter_protected();
        m.code(bytes);
        ASSERT_TRUE(write_msr(m.cpu, kDebugControl, control));
        m.cpu.set_eflags(flags);
        m.cpu.update_mode();
    }
    std::array<u64, 4> records() {
        std::array<u64, 4> all{};
        for (u32 n = 0; n < 4; n++) EXPECT_TRUE(read_msr(m.cpu, kFirstRecord + n, all[n]));
        return all;
    }
    TestMachine m;
};

TEST_F(BranchRecords, HoldTheLastBranchThatWasTaken) {
    start({0x90, 0xeb, 0x02, 0x90, 0x90, 0x31, 0xc0, 0x75, 0x10, 0x74, 0x00, 0x40},
          1);  // JMP +2; XOR EAX, EAX; JNZ +16
    m.run(4);
    EXPECT_EQ(records(), (std::array<u64, 4>{kCode + 1, kCode + 5, 0, 0}));
}

TEST_F(BranchRecords, AreNotWrittenWithoutLbr) {
    start({0xeb, 0x00, 0x90}, 0);
    m.run(2);
    EXPECT_EQ(records(), (std::array<u64, 4>{}));
}

TEST_F(BranchRecords, AnExceptionKeepsTheBranchBeforeIt) {
    start({0xeb, 0x02, 0x90, 0x90, 0x0f, 0x0b}, 1);  // JMP +2; UD2
    m.run(2);
    EXPECT_EQ(m.rip(), TestMachine::kHandler + 6 * 16);
    EXPECT_EQ(records(), (std::array<u64, 4>{kCode + 4, TestMachine::kHandler + 6 * 16, kCode, kCode + 4}));
}

TEST_F(BranchRecords, ADebugExceptionEndsTheRecording) {
    start({0xeb, 0x00, 0x90}, 3, 2 | flag::TF);
    m.run();
    EXPECT_EQ(m.rip(), kDebugHandler);
    u64 control = 1;
    ASSERT_TRUE(read_msr(m.cpu, kDebugControl, control));
    EXPECT_EQ(control, 0u);
}

TEST_F(BranchRecords, WithBtfTheTrapComesAfterBranchesOnly) {
    start({0x40, 0x40, 0x75, 0x01, 0x90, 0x40}, 2, 2 | flag::TF);  // INC EAX twice; JNZ +1
    m.cpu.put<u32>(reg::AX, 0);
    m.run(3);
    EXPECT_EQ(m.rip(), kDebugHandler);
    EXPECT_EQ(m.gpr(reg::AX), 2u);
    EXPECT_EQ(m.stack32(0), kCode + 5u);
    EXPECT_EQ(m.cpu.state.dr[6] & dr6::kStatus, dr6::BS);
}

TEST_F(BranchRecords, WithBtfABranchNotTakenDoesNotTrap) {
    start({0x31, 0xc0, 0x75, 0x10, 0x40, 0xeb, 0x00}, 2, 2 | flag::TF);  // XOR EAX, EAX; JNZ; INC EAX; JMP +0
    m.run(3);
    EXPECT_EQ(m.rip(), kCode + 5u);
    m.run();
    EXPECT_EQ(m.rip(), kDebugHandler);
}

TEST(PerformanceCounters, UserCodeNeedsPceToReadThem) {
    TestMachine m(*find_model("p3"));
    m.enter_protected(3);
    m.code({0x0f, 0x33, 0x0f, 0x33});
    m.cpu.put<u32>(reg::CX, 0);
    m.cpu.put<u32>(reg::AX, 7);
    m.cpu.state.cr4 |= cr4::PCE;
    m.run();
    EXPECT_EQ(m.rip(), kCode + 2u);
    EXPECT_EQ(m.gpr(reg::AX), 0u);
    m.cpu.state.cr4 &= ~cr4::PCE;
    m.run();
    EXPECT_EQ(m.rip(), TestMachine::kHandler + 13 * 16);
}

TEST(VirtualInterrupts, AreDueAtTheBeginningOfAnInstruction) {
    TestMachine m;
    m.enter_protected();
    m.cpu.state.cr4 |= cr4::VME;
    // IRETD to 1000:0020 in virtual-8086 mode with VIF and VIP set.
    const u32 frame[] = {0x20, 0x1000, flag::VM | flag::VIF | flag::VIP | 2, 0x1000, 0x3000, 0x5000, 0x5000,
                         0,    0};
    m.cpu.put<u32>(reg::SP, TestMachine::kStack);
    for (u32 n = 0; n < std::size(frame); n++) m.poke32(TestMachine::kStack + 4 * n, frame[n]);
    m.code({0xcf});
    m.poke8(0x10020, 0x40);
    m.run(2);
    EXPECT_EQ(m.rip(), TestMachine::kHandler + 13 * 16);
    EXPECT_EQ(m.stack32(0), 0u);
    EXPECT_EQ(m.stack32(1), 0x20u);  // the instruction has not begun
    EXPECT_EQ(m.stack32(2), 0x1000u);
    EXPECT_EQ(m.stack32(3) & (flag::VIF | flag::VIP | flag::VM), flag::VIF | flag::VIP | flag::VM);
}

TEST(VirtualInterrupts, DoNotConcernAProgramOfIopl3) {
    TestMachine m;
    m.enter_v86(3);
    m.cpu.state.cr4 |= cr4::VME;
    m.cpu.set_eflags(m.cpu.eflags() | flag::VIF | flag::VIP);
    m.cpu.update_mode();
    m.code({0x40});
    m.run();
    EXPECT_EQ(m.rip(), 1u);
}

}  // namespace
}  // namespace gnomon
