#include "cpu/task.h"

#include "cpu/test_machine.h"

namespace gnomon {
namespace {

constexpr u32 kBusyByteA = TestMachine::kGdt + sel::kTssA + 5;
constexpr u32 kBusyByteB = TestMachine::kGdt + sel::kTssB + 5;

TEST(Task, JumpSavesTheOldTaskAndLoadsTheNew) {
    TestMachine m;
    m.enter_protected();
    m.cpu.put<u32>(reg::AX, 0xaaaa5555);
    m.cpu.set_eflags(0x246);
    m.cpu.state.dr[7] |= 0x3;
    m.code({0xea, 0, 0, 0, 0, sel::kTssB, 0});
    m.run();
    EXPECT_EQ(m.rip(), TestMachine::kTaskCode);
    EXPECT_EQ(m.gpr(reg::AX), 0xb0000000u);
    EXPECT_EQ(m.gpr(reg::DI), 0xb0000007u);
    EXPECT_EQ(m.gpr(reg::SP), TestMachine::kTaskStack);
    EXPECT_EQ(m.cpu.eflags(), 0x202u);
    EXPECT_EQ(m.cpu.segment(Seg::DS).selector, sel::kReadOnly);
    EXPECT_EQ(m.cpu.segment(Seg::FS).selector, 0);
    EXPECT_EQ(m.cpu.state.tr.selector, sel::kTssB);
    EXPECT_TRUE(m.cpu.state.cr0 & cr0::TS);
    EXPECT_EQ(m.cpu.state.dr[7] & 0xff, 2u);  // the local enable is gone, the global one stays
    EXPECT_EQ(m.peek8(kBusyByteA), 0x89u);
    EXPECT_EQ(m.peek8(kBusyByteB), 0x8bu);
    EXPECT_EQ(m.peek32(TestMachine::kTssABase + 0x20), TestMachine::kCodeBase + 7);
    EXPECT_EQ(m.peek32(TestMachine::kTssABase + 0x24), 0x246u);
    EXPECT_EQ(m.peek32(TestMachine::kTssABase + 0x28), 0xaaaa5555u);
    EXPECT_EQ(m.peek16(TestMachine::kTssABase + 0x4c), sel::kCode);
}

TEST(Task, CallNestsAndIretReturns) {
    TestMachine m;
    m.enter_protected();
    m.code({0x9a, 0, 0, 0, 0, sel::kTaskGate, 0});
    m.run();
    EXPECT_EQ(m.rip(), TestMachine::kTaskCode);
    EXPECT_TRUE(m.cpu.eflags() & flag::NT);
    EXPECT_EQ(m.peek16(TestMachine::kTssBBase), sel::kTssA);
    EXPECT_EQ(m.peek8(kBusyByteA), 0x8bu);
    EXPECT_EQ(m.peek8(kBusyByteB), 0x8bu);

    m.code({0xcf, 0x90});
    m.run();
    EXPECT_EQ(m.rip(), TestMachine::kCodeBase + 7);
    EXPECT_EQ(m.cpu.state.tr.selector, sel::kTssA);
    EXPECT_FALSE(m.cpu.eflags() & flag::NT);
    EXPECT_EQ(m.peek8(kBusyByteB), 0x89u);
    EXPECT_EQ(m.peek32(TestMachine::kTssBBase + 0x20), TestMachine::kTaskCode + 1);
    EXPECT_EQ(m.peek32(TestMachine::kTssBBase + 0x24) & flag::NT, 0u);
}

TEST(Task, TaskGateInTheIdtPushesTheErrorCodeOnTheNewStack) {
    TestMachine m;
    m.enter_protected();
    m.poke64(TestMachine::kIdt + 13 * 8, make_gate(sel::kTssB, 0, 0x85));
    m.code({0x8e, 0xd8});  // MOV DS, AX
    m.cpu.put<u32>(reg::AX, sel::kBeyond);
    m.run();
    EXPECT_EQ(m.rip(), TestMachine::kTaskCode);
    EXPECT_EQ(m.gpr(reg::SP), TestMachine::kTaskStack - 4);
    EXPECT_EQ(m.stack32(0), sel::kBeyond);
    EXPECT_EQ(m.peek32(TestMachine::kTssABase + 0x20), TestMachine::kCodeBase);
    EXPECT_TRUE(m.peek32(TestMachine::kTssABase + 0x24) & flag::RF);
}

TEST(Task, Tss16LoadsWordsAndNullsFsAndGs) {
    TestMachine m;
    m.enter_protected();
    m.poke16(TestMachine::kTss16Base + 0x0e, 0x1234);
    m.poke16(TestMachine::kTss16Base + 0x10, 0x0002);
    for (u32 i = 0; i < 8; i++) m.poke16(TestMachine::kTss16Base + 0x12 + 2 * i, static_cast<u16>(0x100 + i));
    const u16 selectors[] = {sel::kData, sel::kCode16, sel::kData16, sel::kData};
    for (u32 i = 0; i < 4; i++) m.poke16(TestMachine::kTss16Base + 0x22 + 2 * i, selectors[i]);
    m.poke16(TestMachine::kTss16Base + 0x2a, sel::kLdt);
    m.code({0xea, 0, 0, 0, 0, sel::kTss16, 0});
    m.run();
    EXPECT_EQ(m.rip(), 0x1234u);
    EXPECT_EQ(m.cs(), sel::kCode16);
    EXPECT_EQ(m.gpr(reg::AX), 0xffff0100u);
    EXPECT_EQ(m.cpu.get<u16>(reg::SP), 0x104);
    EXPECT_EQ(m.cpu.segment(Seg::FS).selector, 0);
    EXPECT_EQ(m.cpu.state.ldtr.base, TestMachine::kLdtBase);
}

TEST(Task, SwitchesTheAddressSpaceAndTheLdt) {
    TestMachine m;
    m.enter_protected();
    constexpr u32 kDirectory = 0x100000;
    constexpr u32 kTable = 0x101000;
    for (const u32 directory : {kDirectory, kDirectory + 0x2000}) m.poke32(directory, kTable | 3);
    for (u32 i = 0; i < 512; i++) m.poke32(kTable + 4 * i, i << 12 | 3);
    m.cpu.state.cr3 = kDirectory;
    m.cpu.state.cr0 |= cr0::PG;
    m.cpu.update_paging(true);
    m.poke32(TestMachine::kTssBBase + 0x1c, kDirectory + 0x2000);
    m.poke16(TestMachine::kTssBBase + 0x60, sel::kLdt);
    m.poke64(TestMachine::kLdtBase + 8, make_descriptor(0x5000, 0xfff, 0x93));
    m.poke16(TestMachine::kTssBBase + 0x54, 0xc);  // DS from the new LDT
    EXPECT_EQ(far_jump(m.cpu, sel::kTssB, 0, 4), Outcome::Jump);
    EXPECT_EQ(m.cpu.state.cr3, kDirectory + 0x2000);
    EXPECT_EQ(m.cpu.mmu().paging().cr3, kDirectory + 0x2000);
    EXPECT_EQ(m.cpu.segment(Seg::DS).base, 0x5000u);
}

TEST(Task, DebugTrapBitRaisesDebugExceptionInTheNewTask) {
    TestMachine m;
    m.enter_protected();
    m.poke16(TestMachine::kTssBBase + 0x64, 1);
    m.code({0xea, 0, 0, 0, 0, sel::kTssB, 0});
    m.run(2);
    EXPECT_EQ(m.cpu.state.dr[6] & dr6::kStatus, dr6::BT);
    EXPECT_EQ(m.stack32(0), TestMachine::kTaskCode);
}

struct NewTaskCase {
    u32 offset;  ///< of the selector or register in the TSS
    u32 value;
    Vector vector;
    u32 error;
};
class NewTaskFault : public testing::TestWithParam<NewTaskCase> {};

TEST_P(NewTaskFault, ArisesInTheNewTask) {
    const NewTaskCase c = GetParam();
    TestMachine m;
    m.enter_protected();
    m.poke32(TestMachine::kTssBBase + c.offset, c.value);
    EXPECT_EQ(far_jump(m.cpu, sel::kTssB, 0, 4), Outcome::Fault);
    EXPECT_TRUE(fault_is(m.cpu, c.vector, c.error));
    EXPECT_EQ(m.cpu.state.tr.selector, sel::kTssB);
    EXPECT_EQ(m.rip(), c.offset == 0x20 ? c.value : TestMachine::kTaskCode);
    EXPECT_EQ(m.peek8(kBusyByteA), 0x89u);
}

constexpr u32 kEs = 0x48, kCs = 0x4c, kSs = 0x50, kDs = 0x54, kLdt = 0x60, kEip = 0x20;
INSTANTIATE_TEST_SUITE_P(Cases, NewTaskFault,
                         testing::Values(NewTaskCase{kLdt, 4, Vector::TS, 4},
                                         NewTaskCase{kLdt, sel::kBeyond, Vector::TS, sel::kBeyond},
                                         NewTaskCase{kLdt, sel::kData, Vector::TS, sel::kData},
                                         NewTaskCase{kCs, 0, Vector::TS, 0},
                                         NewTaskCase{kCs, sel::kBeyond, Vector::TS, sel::kBeyond},
                                         NewTaskCase{kCs, sel::kData, Vector::TS, sel::kData},
                                         NewTaskCase{kCs, sel::kUserCode, Vector::TS, sel::kUserCode},
                                         NewTaskCase{kCs, sel::kAbsentCode, Vector::NP, sel::kAbsentCode},
                                         NewTaskCase{kSs, 0, Vector::TS, 0},
                                         NewTaskCase{kSs, sel::kData | 3, Vector::TS, sel::kData},
                                         NewTaskCase{kSs, sel::kReadOnly, Vector::TS, sel::kReadOnly},
                                         NewTaskCase{kSs, user(sel::kUserData), Vector::TS, sel::kUserData},
                                         NewTaskCase{kSs, sel::kAbsentData, Vector::SS, sel::kAbsentData},
                                         NewTaskCase{kDs, sel::kExecuteOnly, Vector::TS, sel::kExecuteOnly},
                                         NewTaskCase{kEs, sel::kAbsentData, Vector::NP, sel::kAbsentData},
                                         NewTaskCase{kEs, sel::kTssA, Vector::TS, sel::kTssA},
                                         NewTaskCase{kCs, sel::kSmallCode, Vector::GP, 0}));

TEST(Task, IretWithABadBackLinkIsInvalidTss) {
    for (const u16 link : {u16{0}, u16{4}, sel::kBeyond, sel::kTssB, sel::kData}) {
        TestMachine m;
        m.enter_protected();
        m.cpu.set_eflags(2 | flag::NT);
        m.poke16(TestMachine::kTssABase, link);
        EXPECT_EQ(interrupt_return(m.cpu, 4), Outcome::Fault);
        EXPECT_TRUE(fault_is(m.cpu, Vector::TS, link)) << link;
        EXPECT_EQ(m.rip(), TestMachine::kCodeBase);
    }
}

TEST(Task, SwitchToVirtual8086Task) {
    TestMachine m;
    m.enter_protected();
    m.poke32(TestMachine::kTssBBase + 0x24, flag::VM | 0x202);
    m.poke32(TestMachine::kTssBBase + kEip, 0x100);
    const u16 selectors[] = {0x1111, 0x2222, 0x3333, 0x4444, 0x5555, 0x6666};
    for (u32 i = 0; i < 6; i++) m.poke32(TestMachine::kTssBBase + 0x48 + 4 * i, selectors[i]);
    EXPECT_EQ(far_jump(m.cpu, sel::kTssB, 0, 4), Outcome::Jump);
    EXPECT_TRUE(m.cpu.v86());
    EXPECT_EQ(m.cpu.cpl(), 3u);
    EXPECT_EQ(m.cpu.segment(Seg::GS).base, 0x66660u);
    EXPECT_EQ(m.rip(), 0x100u);
}

}  // namespace
}  // namespace gnomon
