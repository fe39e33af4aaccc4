#include "cpu/far_transfer.h"

#include "cpu/test_machine.h"

namespace gnomon {
namespace {

constexpr u32 kTarget = 0x12345;

struct JumpCase {
    unsigned cpl;
    u16 selector;
    u32 offset;
    bool allowed;
    Vector vector = Vector::GP;
    u32 error = 0;
    u16 cs = 0;
    u32 eip = 0;
};

class FarJump : public testing::TestWithParam<JumpCase> {};

TEST_P(FarJump, FollowsTheManual) {
    const JumpCase c = GetParam();
    TestMachine m;
    m.enter_protected(c.cpl);
    const u16 cs = m.cs();
    const Outcome outcome = far_jump(m.cpu, c.selector, c.offset, 4);
    if (c.allowed) {
        EXPECT_EQ(outcome, Outcome::Jump);
        EXPECT_EQ(m.cs(), c.cs);
        EXPECT_EQ(m.rip(), c.eip);
        EXPECT_EQ(m.cpu.cpl(), c.cpl);
    } else {
        EXPECT_EQ(outcome, Outcome::Fault);
        EXPECT_TRUE(fault_is(m.cpu, c.vector, c.error));
        EXPECT_EQ(m.cs(), cs);
        EXPECT_EQ(m.rip(), TestMachine::kCodeBase);
    }
}

INSTANTIATE_TEST_SUITE_P(
    Cases, FarJump,
    testing::Values(
        JumpCase{0, sel::kCode, kTarget, true, {}, 0, sel::kCode, kTarget},
        JumpCase{3, user(sel::kUserCode), kTarget, true, {}, 0, user(sel::kUserCode), kTarget},
        JumpCase{
            3, sel::kUserCode, kTarget, true, {}, 0, user(sel::kUserCode), kTarget},  // RPL 0 is allowed,
                                                                                      // becomes CPL
        JumpCase{3, sel::kConforming, kTarget, true, {}, 0, user(sel::kConforming), kTarget},
        JumpCase{0, sel::kCode16, 0xffff, true, {}, 0, sel::kCode16, 0xffff},
        JumpCase{0, 0, kTarget, false, Vector::GP, 0}, JumpCase{0, 3, kTarget, false, Vector::GP, 0},
        JumpCase{0, sel::kBeyond, kTarget, false, Vector::GP, sel::kBeyond},
        JumpCase{0, sel::kData, kTarget, false, Vector::GP, sel::kData},
        JumpCase{0, sel::kLdt, kTarget, false, Vector::GP, sel::kLdt},
        JumpCase{0, sel::kUserCode, kTarget, false, Vector::GP, sel::kUserCode},  // DPL > CPL
        JumpCase{0, sel::kUserConforming, kTarget, false, Vector::GP, sel::kUserConforming},
        JumpCase{0, sel::kCode | 3, kTarget, false, Vector::GP, sel::kCode},  // RPL > CPL
        JumpCase{3, user(sel::kCode), kTarget, false, Vector::GP, sel::kCode},
        JumpCase{0, sel::kAbsentCode, kTarget, false, Vector::NP, sel::kAbsentCode},
        JumpCase{0, sel::kSmallCode, 0x100, false, Vector::GP, 0},  // limit
        // Call gates.
        JumpCase{0, sel::kGate32, kTarget, true, {}, 0, sel::kCode, TestMachine::kHandler},
        JumpCase{0, sel::kGate16, kTarget, true, {}, 0, sel::kCode, 0x1234},  // only 16 bits of offset
        JumpCase{3, sel::kGate32, kTarget, false, Vector::GP, sel::kCode},    // no change of level by JMP
        JumpCase{0, sel::kAbsentGate, kTarget, false, Vector::NP, sel::kAbsentGate},
        JumpCase{0, sel::kGateToNothing, kTarget, false, Vector::GP, 0},
        JumpCase{0, sel::kGateToData, kTarget, false, Vector::GP, sel::kData},
        // Tasks.
        JumpCase{3, sel::kTssB, kTarget, false, Vector::GP, sel::kTssB},  // DPL
        JumpCase{0, sel::kTssA, kTarget, false, Vector::GP, sel::kTssA},  // busy
        JumpCase{0, sel::kAbsentTss, kTarget, false, Vector::NP, sel::kAbsentTss},
        JumpCase{0, sel::kShortTss, kTarget, false, Vector::TS, sel::kShortTss}));

TEST(FarCall, SameLevelPushesTheReturnAddress) {
    TestMachine m;
    m.enter_protected();
    m.code({0x9a, 0x45, 0x23, 0x01, 0x00, 0x08, 0x00});
    m.run();
    EXPECT_EQ(m.rip(), kTarget);
    EXPECT_EQ(m.gpr(reg::SP), TestMachine::kStack - 8);
    EXPECT_EQ(m.stack32(0), TestMachine::kCodeBase + 7);
    EXPECT_EQ(m.stack32(1), sel::kCode);
}

TEST(FarCall, GateToInnerLevelSwitchesTheStackAndCopiesParameters) {
    TestMachine m;
    m.enter_protected(3);
    m.poke32(TestMachine::kUserStack, 0x11111111);
    m.poke32(TestMachine::kUserStack + 4, 0x22222222);
    m.code({0x9a, 0, 0, 0, 0, sel::kGate32, 0x00});
    m.run();
    EXPECT_EQ(m.cs(), sel::kCode);
    EXPECT_EQ(m.cpu.cpl(), 0u);
    EXPECT_EQ(m.rip(), TestMachine::kHandler);
    EXPECT_EQ(m.cpu.segment(Seg::SS).selector, sel::kData);
    EXPECT_EQ(m.gpr(reg::SP), TestMachine::kInnerStack - 24);
    const u32 expected[] = {TestMachine::kCodeBase + 7, user(sel::kUserCode), 0x11111111, 0x22222222,
                            TestMachine::kUserStack,    user(sel::kUserData)};
    for (unsigned i = 0; i < 6; i++) EXPECT_EQ(m.stack32(i), expected[i]) << i;

    // RETF 8 goes back and releases the parameters on both stacks; DS of level 0 is dropped.
    m.code({0xca, 8, 0});
    ASSERT_TRUE(load_segment(m.cpu, Seg::DS, sel::kData));
    m.run();
    EXPECT_EQ(m.cs(), user(sel::kUserCode));
    EXPECT_EQ(m.rip(), TestMachine::kCodeBase + 7);
    EXPECT_EQ(m.gpr(reg::SP), TestMachine::kUserStack + 8);
    EXPECT_EQ(m.cpu.segment(Seg::DS).selector, 0);
    EXPECT_EQ(m.cpu.segment(Seg::ES).selector, user(sel::kUserData));
}

TEST(FarCall, Gate286PushesWords) {
    TestMachine m;
    m.enter_protected(3);
    m.poke16(TestMachine::kUserStack, 0xabcd);
    m.code({0x9a, 0, 0, 0, 0, sel::kGate16, 0x00});
    m.run();
    EXPECT_EQ(m.rip(), 0x1234u);
    EXPECT_EQ(m.gpr(reg::SP), TestMachine::kInnerStack - 10);
    const u32 expected[] = {(TestMachine::kCodeBase + 7) & 0xffff, user(sel::kUserCode), 0xabcd,
                            TestMachine::kUserStack & 0xffff, user(sel::kUserData)};
    for (unsigned i = 0; i < 5; i++) EXPECT_EQ(m.peek16(m.gpr(reg::SP) + 2 * i), expected[i]) << i;
}

struct InnerStackCase {
    u16 selector;
    u32 tss_limit;
    Vector vector;
    u32 error;
};
class InnerStackFault : public testing::TestWithParam<InnerStackCase> {};

TEST_P(InnerStackFault, LeavesTheCallerAsItWas) {
    const InnerStackCase c = GetParam();
    TestMachine m;
    m.enter_protected(3);
    m.poke16(TestMachine::kTssABase + 8, c.selector);
    m.cpu.state.tr.limit = c.tss_limit;
    EXPECT_EQ(far_call(m.cpu, sel::kGate32, 0, 4), Outcome::Fault);
    EXPECT_TRUE(fault_is(m.cpu, c.vector, c.error));
    EXPECT_EQ(m.gpr(reg::SP), TestMachine::kUserStack);
    EXPECT_EQ(m.cpu.cpl(), 3u);
}

INSTANTIATE_TEST_SUITE_P(Cases, InnerStackFault,
                         testing::Values(InnerStackCase{sel::kData, 8, Vector::TS, sel::kTssA},
                                         InnerStackCase{0, 0x67, Vector::TS, 0},
                                         InnerStackCase{sel::kBeyond, 0x67, Vector::TS, sel::kBeyond},
                                         InnerStackCase{sel::kData | 3, 0x67, Vector::TS, sel::kData},
                                         InnerStackCase{sel::kUserData, 0x67, Vector::TS, sel::kUserData},
                                         InnerStackCase{sel::kReadOnly, 0x67, Vector::TS, sel::kReadOnly},
                                         InnerStackCase{sel::kAbsentData, 0x67, Vector::SS,
                                                        sel::kAbsentData}));

TEST(FarCall, InnerStackWithoutRoomIsStackFaultWithItsSelector) {
    TestMachine m;
    m.enter_protected(3);
    m.poke16(TestMachine::kTssABase + 8, sel::kExpandDown);
    m.poke32(TestMachine::kTssABase + 4, 0x1008);
    EXPECT_EQ(far_call(m.cpu, sel::kGate32, 0, 4), Outcome::Fault);
    EXPECT_TRUE(fault_is(m.cpu, Vector::SS, sel::kExpandDown));
    EXPECT_EQ(m.gpr(reg::SP), TestMachine::kUserStack);
}

TEST(FarReturn, RealModePopsWordsAndReleases) {
    TestMachine m;
    m.enter_real();
    m.poke16(0x31000, 0x5678);
    m.poke16(0x31002, 0x1234);
    m.code({0xca, 6, 0});
    m.run();
    EXPECT_EQ(m.cs(), 0x1234);
    EXPECT_EQ(m.rip(), 0x5678u);
    EXPECT_EQ(m.cpu.get<u16>(reg::SP), 0x100a);
}

struct ReturnCase {
    u16 cs;
    u32 eip;
    u16 ss;
    Vector vector;
    u32 error;
};
class FarReturnFault : public testing::TestWithParam<ReturnCase> {};

TEST_P(FarReturnFault, LeavesTheStackPointer) {
    const ReturnCase c = GetParam();
    TestMachine m;
    m.enter_protected();
    const u32 frame[] = {c.eip, c.cs, TestMachine::kUserStack, c.ss};
    for (unsigned i = 0; i < 4; i++) m.poke32(TestMachine::kStack + 4 * i, frame[i]);
    EXPECT_EQ(far_return(m.cpu, 4, 0), Outcome::Fault);
    EXPECT_TRUE(fault_is(m.cpu, c.vector, c.error));
    EXPECT_EQ(m.gpr(reg::SP), TestMachine::kStack);
    EXPECT_EQ(m.cs(), sel::kCode);
}

INSTANTIATE_TEST_SUITE_P(
    Cases, FarReturnFault,
    testing::Values(ReturnCase{0, 0, 0, Vector::GP, 0},
                    ReturnCase{sel::kBeyond, 0, 0, Vector::GP, sel::kBeyond},
                    ReturnCase{sel::kData, 0, 0, Vector::GP, sel::kData},
                    ReturnCase{sel::kUserCode, 0, 0, Vector::GP, sel::kUserCode},  // RPL 0, DPL 3
                    ReturnCase{sel::kCode | 1, 0, 0, Vector::GP, sel::kCode},
                    ReturnCase{sel::kAbsentCode, 0, 0, Vector::NP, sel::kAbsentCode},
                    ReturnCase{sel::kSmallCode, 0x100, 0, Vector::GP, 0},
                    ReturnCase{user(sel::kUserCode), 0, 0, Vector::GP, 0},  // null SS
                    ReturnCase{user(sel::kUserCode), 0, sel::kUserData, Vector::GP, sel::kUserData},
                    ReturnCase{user(sel::kUserCode), 0, user(sel::kData), Vector::GP, sel::kData},
                    ReturnCase{user(sel::kUserCode), 0, user(sel::kBeyond), Vector::GP, sel::kBeyond}));

TEST(FarReturn, ToAnInnerLevelIsRefused) {
    TestMachine m;
    m.enter_protected(3);
    const u32 frame[] = {0x4000, sel::kCode, TestMachine::kStack, sel::kData};
    for (unsigned i = 0; i < 4; i++) m.poke32(TestMachine::kUserStack + 4 * i, frame[i]);
    EXPECT_EQ(far_return(m.cpu, 4, 0), Outcome::Fault);
    EXPECT_TRUE(fault_is(m.cpu, Vector::GP, sel::kCode));
    EXPECT_EQ(m.cpu.cpl(), 3u);
}

TEST(Iret, ToUserLoadsFlagsByThePrivilegeOfTheCaller) {
    TestMachine m;
    m.enter_protected();
    const u32 frame[] = {0x4000, user(sel::kUserCode), 0x3202, TestMachine::kUserStack, user(sel::kUserData)};
    for (unsigned i = 0; i < 5; i++) m.poke32(TestMachine::kStack + 4 * i, frame[i]);
    m.code({0xcf});
    m.run();
    EXPECT_EQ(m.cpu.cpl(), 3u);
    EXPECT_EQ(m.rip(), 0x4000u);
    EXPECT_EQ(m.cpu.eflags(), 0x3202u);
    EXPECT_EQ(m.gpr(reg::SP), TestMachine::kUserStack);

    // At level 3 with IOPL 0 an IRET changes neither IF nor IOPL.
    m.cpu.set_eflags(0x202);
    const u32 again[] = {0x5000, user(sel::kUserCode), 0x3cd5 & ~0x200u};
    for (unsigned i = 0; i < 3; i++) m.poke32(TestMachine::kUserStack + 4 * i, again[i]);
    EXPECT_EQ(interrupt_return(m.cpu, 4), Outcome::Jump);
    EXPECT_EQ(m.cpu.eflags(), 0x0ed7u);
}

TEST(Iret, EntersVirtual8086Mode) {
    TestMachine m;
    m.enter_protected();
    const u32 frame[] = {0x0100, 0x1000, flag::VM | 0x3202, 0xfff0, 0x5000, 0x6000, 0x7000, 0x8000, 0x9000};
    for (unsigned i = 0; i < 9; i++) m.poke32(TestMachine::kStack + 4 * i, frame[i]);
    m.code({0xcf});
    m.run();
    EXPECT_TRUE(m.cpu.v86());
    EXPECT_EQ(m.cpu.cpl(), 3u);
    EXPECT_EQ(m.cpu.segment(Seg::CS).base, 0x10000u);
    EXPECT_EQ(m.cpu.segment(Seg::SS).base, 0x50000u);
    EXPECT_EQ(m.cpu.segment(Seg::ES).selector, 0x6000);
    EXPECT_EQ(m.cpu.segment(Seg::DS).selector, 0x7000);
    EXPECT_EQ(m.cpu.segment(Seg::FS).selector, 0x8000);
    EXPECT_EQ(m.cpu.segment(Seg::GS).selector, 0x9000);
    EXPECT_EQ(m.gpr(reg::SP), 0xfff0u);
    EXPECT_EQ(m.rip(), 0x100u);
}

TEST(Iret, InVirtual8086ModeNeedsIopl3) {
    TestMachine m;
    m.enter_v86(0);
    EXPECT_EQ(interrupt_return(m.cpu, 2), Outcome::Fault);
    EXPECT_TRUE(fault_is(m.cpu, Vector::GP, 0));
    m.enter_v86(3);
    m.poke16(0x51000, 0x10);
    m.poke16(0x51002, 0x2000);
    m.poke16(0x51004, 0x0ed7);  // IOPL 0 in the image: kept at 3
    EXPECT_EQ(interrupt_return(m.cpu, 2), Outcome::Jump);
    EXPECT_EQ(m.cs(), 0x2000);
    EXPECT_EQ(m.cpu.iopl(), 3u);
    EXPECT_TRUE(m.cpu.v86());
}

TEST(Iret, UnblocksNmi) {
    TestMachine m;
    m.enter_real();
    m.cpu.state.nmi_blocked = true;
    EXPECT_EQ(interrupt_return(m.cpu, 2), Outcome::Jump);
    EXPECT_FALSE(m.cpu.state.nmi_blocked);
}

}  // namespace
}  // namespace gnomon
