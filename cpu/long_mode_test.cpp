// Entering and leaving IA-32e mode, far transfers, returns, event delivery and system calls in it.
// SDM Vol. 3, "IA-32e Mode", "64-Bit Mode Stack Frame"; Vol. 2, "Operation" of each.
#include "cpu/long_mode_machine.h"
#include "cpu/msr.h"
#include "cpu/system_instructions.h"

namespace gnomon {
namespace {

constexpr u64 kNotCanonical = u64{1} << 47;

TEST(ModeSwitch, PagingWithLmeNeedsPaeAndACodeSegmentThatIsNotLong) {
    LongMachine m;
    m.enter_protected();
    ASSERT_TRUE(write_efer(m.cpu, efer::LME));
    EXPECT_FALSE(write_cr0(m.cpu, m.cpu.state.cr0 | cr0::PG));
    EXPECT_TRUE(fault_is(m.cpu, Vector::GP, 0));
    ASSERT_TRUE(write_cr4(m.cpu, cr4::PAE));
    ASSERT_TRUE(write_cr3(m.cpu, LongMachine::kPml4));
    m.cpu.segment(Seg::CS).attributes |= attribute::kLong;
    EXPECT_FALSE(write_cr0(m.cpu, m.cpu.state.cr0 | cr0::PG));
    m.cpu.segment(Seg::CS).attributes &= static_cast<u16>(~attribute::kLong);
    m.cpu.state.tr.attributes = 0x83;  // a 16-bit TSS
    EXPECT_FALSE(write_cr0(m.cpu, m.cpu.state.cr0 | cr0::PG));
    m.cpu.state.tr.attributes = 0x8b;
    EXPECT_TRUE(write_cr0(m.cpu, m.cpu.state.cr0 | cr0::PG));
    EXPECT_EQ(m.cpu.state.msr.efer, efer::LME | efer::LMA);
}

TEST(ModeSwitch, WhatIa32eModeForbidsToChange) {
    LongMachine m;
    m.enter_long();
    const u64 cr4 = m.cpu.state.cr4;
    EXPECT_FALSE(write_cr4(m.cpu, cr4 & ~cr4::PAE));
    EXPECT_TRUE(fault_is(m.cpu, Vector::GP, 0));
    EXPECT_FALSE(write_cr4(m.cpu, cr4 | cr4::LA57));
    EXPECT_FALSE(write_efer(m.cpu, efer::SCE));
    EXPECT_TRUE(write_efer(m.cpu, efer::LME | efer::SCE));
    EXPECT_EQ(m.cpu.state.msr.efer, efer::LME | efer::SCE | efer::LMA) << "LMA is not written";
    EXPECT_FALSE(write_cr0(m.cpu, m.cpu.state.cr0 & ~cr0::PG)) << "from 64-bit mode";
    EXPECT_FALSE(write_cr0(m.cpu, m.cpu.state.cr0 | u64{1} << 32));
    EXPECT_FALSE(write_cr3(m.cpu, u64{1} << 40)) << "beyond MAXPHYADDR";
    EXPECT_FALSE(write_cr8(m.cpu, 16));
}

TEST(ModeSwitch, CompatibilityModeMayLeave) {
    LongMachine m;
    m.enter_long(0, true);
    ASSERT_TRUE(write_cr0(m.cpu, m.cpu.state.cr0 & ~cr0::PG));
    EXPECT_EQ(m.cpu.state.msr.efer & (efer::LMA | efer::LME), efer::LME);
}

TEST(ModeSwitch, PcidsNeedIa32eModeAndPcidZero) {
    LongMachine m;
    m.enter_protected();
    EXPECT_FALSE(write_cr4(m.cpu, cr4::PCIDE));
    m.enter_long();
    ASSERT_TRUE(write_cr3(m.cpu, LongMachine::kPml4 | 8));
    EXPECT_FALSE(write_cr4(m.cpu, m.cpu.state.cr4 | cr4::PCIDE));
    ASSERT_TRUE(write_cr3(m.cpu, LongMachine::kPml4));
    ASSERT_TRUE(write_cr4(m.cpu, m.cpu.state.cr4 | cr4::PCIDE));
    ASSERT_TRUE(write_cr3(m.cpu, LongMachine::kPml4 | 0x123 | u64{1} << 63));
    EXPECT_EQ(m.cpu.state.cr3, LongMachine::kPml4 | 0x123u) << "bit 63 is not kept";
    m.enter_long(0, true);
}

TEST(Efer, RefusesWhatTheModelLacks) {
    LongMachine m;
    EXPECT_FALSE(write_efer(m.cpu, efer::SVME));
    EXPECT_FALSE(write_efer(m.cpu, efer::FFXSR));
    EXPECT_FALSE(write_efer(m.cpu, 2));
    EXPECT_TRUE(write_efer(m.cpu, efer::SCE | efer::LME | efer::NXE));
    LongMachine amd(LongMachine::amd());
    EXPECT_TRUE(write_efer(amd.cpu, efer::FFXSR));
}

TEST(LongDelivery, PushesFiveSlotsOfEightOnAnAlignedStack) {
    LongMachine m;
    m.enter_long();
    m.cpu.state.gpr[reg::SP] = TestMachine::kStack + 11;
    m.cpu.set_eflags(0x202);
    ASSERT_TRUE(m.cpu.try_deliver(EventKind::Exception, {Vector::GP, true, 0x1234, 0}));
    EXPECT_EQ(m.rsp(), TestMachine::kStack - 48u);
    EXPECT_EQ(m.stack64(0), 0x1234u);
    EXPECT_EQ(m.stack64(1), TestMachine::kCodeBase);
    EXPECT_EQ(m.stack64(2), sel64::kCode);
    EXPECT_EQ(m.stack64(3), 0x10202u);
    EXPECT_EQ(m.stack64(4), TestMachine::kStack + 11u);
    EXPECT_EQ(m.stack64(5), sel::kData);
    EXPECT_EQ(m.rip(), TestMachine::kHandler + 13 * 16u);
    EXPECT_EQ(m.cpu.segment(Seg::SS).selector, sel::kData) << "the stack segment stays at the same level";
    EXPECT_FALSE(m.cpu.eflags() & flag::IF);
}

TEST(LongDelivery, AnInnerLevelGetsRspFromTheTssAndANullSs) {
    LongMachine m;
    m.enter_long(3);
    ASSERT_TRUE(m.cpu.try_deliver(EventKind::External, {static_cast<Vector>(0x30), false, 0, 0}));
    EXPECT_EQ(m.cpu.cpl(), 0u);
    EXPECT_EQ(m.rsp(), LongMachine::kRsp0 - 40u);
    EXPECT_EQ(m.cpu.segment(Seg::SS).selector, 0u);
    EXPECT_EQ(m.stack64(1), user(sel64::kUserCode));
    EXPECT_EQ(m.stack64(4), user(sel::kUserData));
}

TEST(LongDelivery, FromCompatibilityModeToo) {
    LongMachine m;
    m.enter_long(3, true);
    ASSERT_TRUE(m.cpu.try_deliver(EventKind::External, {static_cast<Vector>(0x30), false, 0, 0}));
    EXPECT_TRUE(m.cpu.in_64bit_mode());
    EXPECT_EQ(m.stack64(1), user(sel::kUserCode));
    EXPECT_EQ(m.stack64(3), TestMachine::kUserStack);
}

TEST(LongDelivery, TheInterruptStackTableAppliesAtEveryLevel) {
    LongMachine m;
    m.enter_long();
    m.set_gate64(0x30, sel64::kCode, TestMachine::kHandler, 0x8f, 1);
    m.cpu.set_eflags(0x202);
    ASSERT_TRUE(m.cpu.try_deliver(EventKind::External, {static_cast<Vector>(0x30), false, 0, 0}));
    EXPECT_EQ(m.rsp(), (LongMachine::kIst1 & ~15u) - 40u);
    EXPECT_EQ(m.stack64(3), TestMachine::kStack);
    EXPECT_TRUE(m.cpu.eflags() & flag::IF) << "a trap gate";
    m.set_gate64(0x31, sel64::kCode, TestMachine::kHandler, 0x8e, 3);
    ASSERT_TRUE(m.cpu.try_deliver(EventKind::External, {static_cast<Vector>(0x31), false, 0, 0}));
    EXPECT_EQ(m.rsp(), LongMachine::kIst3 - 40u);
}

TEST(LongDelivery, BadGatesGiveTheErrorCodesOfTheManual) {
    struct Case {
        u16 selector;
        u64 offset;
        u8 access;
        Vector vector;
        u32 error;
    };
    constexpr u32 kIdtError = 0x30 * 8 + 2;
    const Case cases[] = {
        {sel64::kCode, 0, 0x85, Vector::GP, kIdtError},  // a task gate
        {sel64::kCode, 0, 0x86, Vector::GP, kIdtError},  // a 16-bit gate
        {sel64::kCode, 0, 0x0e, Vector::NP, kIdtError},  // absent
        {0, 0, 0x8e, Vector::GP, 0},                     // null
        {sel::kCode, 0, 0x8e, Vector::GP, sel::kCode},   // to compatibility mode
        {sel64::kReservedCode, 0, 0x8e, Vector::GP, sel64::kReservedCode},
        {sel::kData, 0, 0x8e, Vector::GP, sel::kData},
        {sel64::kUserCode, 0, 0x8e, Vector::GP, sel64::kUserCode},  // an outer level
        {sel64::kCode, kNotCanonical, 0x8e, Vector::GP, 0},
    };
    for (const Case& c : cases) {
        LongMachine m;
        m.enter_long();
        m.set_gate64(0x30, c.selector, c.offset, c.access);
        EXPECT_FALSE(m.cpu.try_deliver(EventKind::SoftInterrupt, {static_cast<Vector>(0x30), false, 0, 0}));
        EXPECT_TRUE(fault_is(m.cpu, c.vector, c.error)) << c.selector << ' ' << int{c.access};
        EXPECT_EQ(m.rsp(), TestMachine::kStack) << "nothing committed";
    }
}

TEST(LongDelivery, AVectorBeyondTheTableIsGpWithExtFromOutside) {
    LongMachine m;
    m.enter_long();
    m.cpu.state.idtr.limit = 0x30 * 16 + 14;
    EXPECT_FALSE(m.cpu.try_deliver(EventKind::External, {static_cast<Vector>(0x30), false, 0, 0}));
    EXPECT_TRUE(fault_is(m.cpu, Vector::GP, 0x30 * 8 + 3));
}

TEST(LongDelivery, AStackThatIsNotCanonicalIsSs) {
    LongMachine m;
    m.enter_long(3);
    m.poke64(LongMachine::kTss + 4, kNotCanonical);
    EXPECT_FALSE(m.cpu.try_deliver(EventKind::External, {static_cast<Vector>(0x30), false, 0, 0}));
    EXPECT_TRUE(fault_is(m.cpu, Vector::SS, 1));
    m.cpu.state.tr.limit = 10;
    EXPECT_FALSE(m.cpu.try_deliver(EventKind::External, {static_cast<Vector>(0x30), false, 0, 0}));
    EXPECT_TRUE(fault_is(m.cpu, Vector::TS, sel64::kTss | 1));
}

void push_iret_frame(LongMachine& m, u64 rip, u16 cs, u64 flags, u64 rsp, u16 ss) {
    m.push64(ss);
    m.push64(rsp);
    m.push64(flags);
    m.push64(cs);
    m.push64(rip);
}

TEST(LongIret, PopsTheStackAlsoAtTheSameLevel) {
    LongMachine m;
    m.enter_long();
    push_iret_frame(m, 0x12345, sel64::kCode, 0x246, 0x31231, sel::kData);
    ASSERT_EQ(interrupt_return(m.cpu, 8), Outcome::Jump);
    EXPECT_EQ(m.rip(), 0x12345u);
    EXPECT_EQ(m.rsp(), 0x31231u);
    EXPECT_EQ(m.cpu.eflags(), 0x246u);
}

TEST(LongIret, ANullSsIsRightFor64BitCodeBelowLevel3Only) {
    struct Case {
        u16 cs, ss;
        bool good;
    };
    for (const Case& c :
         {Case{sel64::kCode, 0, true}, Case{sel::kCode, 0, false}, Case{user(sel64::kUserCode), 3, false},
          Case{user(sel64::kUserCode), user(sel::kUserData), true}}) {
        LongMachine m;
        m.enter_long();
        push_iret_frame(m, 0x12345, c.cs, 0x202, 0x31230, c.ss);
        EXPECT_EQ(interrupt_return(m.cpu, 8), c.good ? Outcome::Jump : Outcome::Fault) << c.cs << ' ' << c.ss;
        if (!c.good) EXPECT_TRUE(fault_is(m.cpu, Vector::GP, 0));
    }
}

TEST(LongIret, GoesToCompatibilityMode) {
    LongMachine m;
    m.enter_long();
    push_iret_frame(m, 0x12345, user(sel::kUserCode), 0x202, 0x1'0003'1230, user(sel::kUserData));
    ASSERT_EQ(interrupt_return(m.cpu, 8), Outcome::Jump);
    EXPECT_FALSE(m.cpu.in_64bit_mode());
    EXPECT_EQ(m.cpu.cpl(), 3u);
    EXPECT_EQ(m.rsp(), 0x31230u);
}

TEST(LongIret, FaultsOnNestedTaskAndOnATargetThatIsNotCanonical) {
    LongMachine m;
    m.enter_long();
    push_iret_frame(m, kNotCanonical, sel64::kCode, 0x202, 0x31230, sel::kData);
    EXPECT_EQ(interrupt_return(m.cpu, 8), Outcome::Fault);
    EXPECT_TRUE(fault_is(m.cpu, Vector::GP, 0));
    m.poke64(static_cast<u32>(m.rsp()), 0x1000);
    m.cpu.set_eflags(0x202 | flag::NT);
    EXPECT_EQ(interrupt_return(m.cpu, 8), Outcome::Fault);
    EXPECT_TRUE(fault_is(m.cpu, Vector::GP, 0));
}

TEST(LongIret, KeepsTheBasesOfNullSegments) {
    LongMachine m;
    m.enter_long();
    ASSERT_TRUE(load_segment(m.cpu, Seg::GS, 0));
    ASSERT_TRUE(write_msr(m.cpu, 0xc0000101, 0xffff'8000'1234'5678));
    push_iret_frame(m, 0x12345, user(sel64::kUserCode), 0x202, 0x31230, user(sel::kUserData));
    ASSERT_EQ(interrupt_return(m.cpu, 8), Outcome::Jump);
    EXPECT_EQ(m.cpu.segment(Seg::GS).base, 0xffff'8000'1234'5678u);
    EXPECT_EQ(m.cpu.segment(Seg::DS).selector, 0u) << "a segment of level 0 became null";
}

TEST(LongFarTransfer, GoesBetween64BitAndCompatibilityMode) {
    LongMachine m;
    m.enter_long();
    ASSERT_EQ(far_jump(m.cpu, sel::kCode, 0x1234, 4), Outcome::Jump);
    EXPECT_FALSE(m.cpu.in_64bit_mode());
    ASSERT_EQ(far_jump(m.cpu, sel64::kCode, 0x2345, 4), Outcome::Jump);
    EXPECT_TRUE(m.cpu.in_64bit_mode());
    EXPECT_EQ(m.rip(), 0x2345u);
    EXPECT_EQ(far_jump(m.cpu, sel64::kCode, kNotCanonical, 8), Outcome::Fault);
    EXPECT_TRUE(fault_is(m.cpu, Vector::GP, 0));
    EXPECT_EQ(far_jump(m.cpu, sel64::kReservedCode, 0, 8), Outcome::Fault);
    EXPECT_TRUE(fault_is(m.cpu, Vector::GP, sel64::kReservedCode));
}

TEST(LongFarTransfer, ACallPushesSlotsOfTheOperandSize) {
    LongMachine m;
    m.enter_long();
    m.cpu.next_rip = 0x11223344;
    ASSERT_EQ(far_call(m.cpu, sel64::kCode, 0x2000, 8), Outcome::Jump);
    EXPECT_EQ(m.rsp(), TestMachine::kStack - 16u);
    EXPECT_EQ(m.stack64(0), 0x11223344u);
    EXPECT_EQ(m.stack64(1), sel64::kCode);
    ASSERT_EQ(far_return(m.cpu, 8, 0), Outcome::Jump);
    EXPECT_EQ(m.rip(), 0x11223344u);
    EXPECT_EQ(m.rsp(), TestMachine::kStack);
}

TEST(LongFarTransfer, AGateLeadsInwardsOnRspOfTheTssWithoutParameters) {
    for (const bool compatibility : {false, true}) {
        LongMachine m;
        m.enter_long(3, compatibility);
        m.cpu.next_rip = 0x10005;
        ASSERT_EQ(far_call(m.cpu, sel64::kInnerGate, 0, 4), Outcome::Jump);
        EXPECT_EQ(m.rip(), 0xffff'ffff'ffe0'1000u);
        EXPECT_EQ(m.cpu.cpl(), 0u);
        EXPECT_EQ(m.cpu.segment(Seg::SS).selector, 0u);
        EXPECT_EQ(m.rsp(), LongMachine::kRsp0 - 32u);
        EXPECT_EQ(m.stack64(0), 0x10005u);
        EXPECT_EQ(m.stack64(2), TestMachine::kUserStack);
        EXPECT_EQ(m.stack64(3), user(sel::kUserData));
        ASSERT_EQ(far_return(m.cpu, 8, 0), Outcome::Jump);
        EXPECT_EQ(m.cpu.cpl(), 3u);
        EXPECT_EQ(m.cpu.in_64bit_mode(), !compatibility);
        EXPECT_EQ(m.rsp(), TestMachine::kUserStack);
    }
}

TEST(LongFarTransfer, OldDescriptorTypesAndBrokenGatesAreGp) {
    LongMachine m;
    m.enter_long();
    for (const u16 selector :
         {sel::kGate16, sel::kTaskGate, sel::kTssB, sel::kTss16, sel64::kBadUpper, sel64::kTss}) {
        EXPECT_EQ(far_jump(m.cpu, selector, 0, 4), Outcome::Fault);
        EXPECT_TRUE(fault_is(m.cpu, Vector::GP, selector));
    }
    EXPECT_EQ(far_call(m.cpu, sel64::kGateToCompat, 0, 4), Outcome::Fault);
    EXPECT_TRUE(fault_is(m.cpu, Vector::GP, sel::kCode));
    // The second half lies beyond the table.
    m.cpu.state.gdtr.limit = sel64::kGate + 14;
    EXPECT_EQ(far_call(m.cpu, sel64::kGate, 0, 4), Outcome::Fault);
    EXPECT_TRUE(fault_is(m.cpu, Vector::GP, sel64::kGate));
}

TEST(LongSegments, MovSsTakesANullSelectorOfTheCurrentLevelBelow3) {
    LongMachine m;
    m.enter_long();
    EXPECT_TRUE(load_segment(m.cpu, Seg::SS, 0));
    EXPECT_FALSE(load_segment(m.cpu, Seg::SS, 1));
    EXPECT_TRUE(fault_is(m.cpu, Vector::GP, 0));
    m.enter_long(3);
    EXPECT_FALSE(load_segment(m.cpu, Seg::SS, 3));
    m.enter_long(0, true);
    EXPECT_FALSE(load_segment(m.cpu, Seg::SS, 0));
}

TEST(LongSegments, OnlyAmdKeepsTheBaseOfANullSegment) {
    for (const CpuModel* model : {&LongMachine::intel(), &LongMachine::amd()}) {
        LongMachine m(*model);
        m.enter_long();
        m.cpu.segment(Seg::FS).base = 0x1234;
        ASSERT_TRUE(load_segment(m.cpu, Seg::FS, 0));
        EXPECT_EQ(m.cpu.segment(Seg::FS).base, model->vendor == kVendorAmd ? 0x1234u : 0u);
    }
}

/// MOV-like operand: a register.
Instruction register_operand(unsigned number, u8 prefixes = prefix::kOperand32) {
    Instruction insn{};
    insn.rm = static_cast<u8>(number * 8);
    insn.reg = static_cast<u8>(reg::DX * 8);
    insn.prefix = prefixes;
    return insn;
}

TEST(LongTables, LtrAndLldtReadSixteenBytes) {
    LongMachine m;
    m.enter_long();
    m.poke64(TestMachine::kGdt + sel64::kTss, make_descriptor(LongMachine::kTss, 0x67, 0x89));
    m.cpu.put<u16>(reg::AX, sel64::kHighTss);
    ASSERT_EQ(ltr(m.cpu, register_operand(reg::AX)), Outcome::Next);
    EXPECT_EQ(m.cpu.state.tr.base, LongMachine::kHigh + LongMachine::kTss);
    EXPECT_EQ(m.peek8(TestMachine::kGdt + sel64::kHighTss + 5), 0x8bu) << "busy";
    for (const u16 selector : {sel64::kTss16, sel64::kBrokenTss, sel64::kGate}) {
        m.cpu.put<u16>(reg::AX, selector);
        EXPECT_EQ(ltr(m.cpu, register_operand(reg::AX)), Outcome::Fault);
        EXPECT_TRUE(fault_is(m.cpu, Vector::GP, selector));
    }
    m.cpu.put<u16>(reg::AX, sel64::kLdt);
    ASSERT_EQ(lldt(m.cpu, register_operand(reg::AX)), Outcome::Next);
    EXPECT_EQ(m.cpu.state.ldtr.base, TestMachine::kLdtBase);
}

TEST(LongTables, LarAndLslKnowTheTypesOfIa32eMode) {
    LongMachine m;
    m.enter_long();
    const auto zero_flag_of = [&](auto execute, u16 selector) {
        m.cpu.put<u16>(reg::AX, selector);
        EXPECT_EQ(execute(m.cpu, register_operand(reg::AX)), Outcome::Next);
        return (m.cpu.eflags() & flag::ZF) != 0;
    };
    EXPECT_TRUE(zero_flag_of(lar, sel64::kTss));
    EXPECT_EQ(m.gpr(reg::DX), 0x8900u);
    EXPECT_TRUE(zero_flag_of(lsl, sel64::kTss));
    EXPECT_EQ(m.gpr(reg::DX), 0x67u);
    EXPECT_TRUE(zero_flag_of(lar, sel64::kGate));
    EXPECT_TRUE(zero_flag_of(lar, sel64::kLdt));
    for (const u16 selector : {sel64::kTss16, sel::kGate16, sel::kTaskGate, sel64::kBadUpper})
        EXPECT_FALSE(zero_flag_of(lar, selector)) << selector;
    EXPECT_FALSE(zero_flag_of(lsl, sel64::kGate));
    EXPECT_TRUE(zero_flag_of(lar, sel64::kCode));
    EXPECT_EQ(m.gpr(reg::DX), 0xa09b00u);
}

TEST(SystemCall, SyscallAndSysretOfIntel) {
    LongMachine m;
    m.enter_long(3);
    MsrState& msr = m.cpu.state.msr;
    msr.star = u64{0x0013} << 48 | u64{sel::kCode} << 32;
    msr.lstar = 0xffff'ffff'8100'0000;
    msr.syscall_mask = flag::IF | flag::DF | flag::TF;
    m.cpu.next_rip = 0x10002;
    m.cpu.set_eflags(0x246);
    ASSERT_EQ(syscall(m.cpu, {}), Outcome::Jump);
    EXPECT_EQ(m.cpu.state.gpr[reg::CX], 0x10002u);
    EXPECT_EQ(m.cpu.state.gpr[11], 0x246u);
    EXPECT_EQ(m.cpu.eflags(), 0x46u);
    EXPECT_EQ(m.rip(), 0xffff'ffff'8100'0000u);
    EXPECT_EQ(m.cs(), sel::kCode);
    EXPECT_EQ(m.cpu.segment(Seg::SS).selector, sel::kCode + 8);
    EXPECT_EQ(m.cpu.cpl(), 0u);
    EXPECT_TRUE(m.cpu.in_64bit_mode());

    ASSERT_EQ(sysret(m.cpu, register_operand(0, prefix::kOperand64)), Outcome::Jump);
    EXPECT_EQ(m.cs(), 0x13 + 16);
    EXPECT_EQ(m.cpu.segment(Seg::SS).selector, 0x1b);
    EXPECT_EQ(m.cpu.cpl(), 3u);
    EXPECT_EQ(m.cpu.eflags(), 0x246u);
    EXPECT_EQ(m.rip(), 0x10002u);
}

TEST(SystemCall, SysretToCompatibilityModeAndItsFaults) {
    LongMachine m;
    m.enter_long();
    m.cpu.state.msr.star = u64{0x0013} << 48;
    m.cpu.state.gpr[reg::CX] = kNotCanonical | 0x8000;
    m.cpu.state.gpr[11] = 0x202;
    EXPECT_EQ(sysret(m.cpu, register_operand(0, prefix::kOperand64)), Outcome::Fault);
    EXPECT_TRUE(fault_is(m.cpu, Vector::GP, 0));
    EXPECT_EQ(m.cpu.cpl(), 0u);
    ASSERT_EQ(sysret(m.cpu, register_operand(0)), Outcome::Jump);
    EXPECT_FALSE(m.cpu.in_64bit_mode());
    EXPECT_EQ(m.rip(), 0x8000u);
    EXPECT_EQ(m.cs(), 0x13);
    EXPECT_EQ(sysret(m.cpu, register_operand(0)), Outcome::Fault) << "at level 3, in compatibility mode";
    EXPECT_EQ(m.cpu.fault.vector, Vector::UD);
}

TEST(SystemCall, VendorsDifferOutside64BitMode) {
    LongMachine intel;
    intel.enter_long(3, true);
    EXPECT_EQ(syscall(intel.cpu, {}), Outcome::Fault);
    EXPECT_EQ(intel.cpu.fault.vector, Vector::UD);
    LongMachine amd(LongMachine::amd());
    amd.enter_long(3, true);
    amd.cpu.state.msr.cstar = 0x7777;
    ASSERT_EQ(syscall(amd.cpu, {}), Outcome::Jump);
    EXPECT_EQ(amd.rip(), 0x7777u);
    EXPECT_TRUE(amd.cpu.in_64bit_mode());
    amd.cpu.state.msr.sysenter_cs = sel::kCode;
    EXPECT_EQ(sysenter(amd.cpu, {}), Outcome::Fault);
    EXPECT_EQ(amd.cpu.fault.vector, Vector::UD);
}

TEST(SystemCall, NeedsSce) {
    LongMachine m;
    m.enter_long(3);
    m.cpu.state.msr.efer &= ~efer::SCE;
    EXPECT_EQ(syscall(m.cpu, {}), Outcome::Fault);
    EXPECT_EQ(m.cpu.fault.vector, Vector::UD);
}

TEST(SystemCall, SysenterAndSysexitUseWholeRegisters) {
    LongMachine m;
    m.enter_long(3);
    ASSERT_TRUE(write_msr(m.cpu, 0x174, sel::kCode));
    ASSERT_TRUE(write_msr(m.cpu, 0x175, 0xffff'8000'0000'1000));
    ASSERT_TRUE(write_msr(m.cpu, 0x176, 0xffff'8000'0000'2000));
    EXPECT_FALSE(write_msr(m.cpu, 0x176, u64{1} << 60));
    ASSERT_EQ(sysenter(m.cpu, {}), Outcome::Jump);
    EXPECT_EQ(m.rip(), 0xffff'8000'0000'2000u);
    EXPECT_EQ(m.rsp(), 0xffff'8000'0000'1000u);
    EXPECT_TRUE(m.cpu.in_64bit_mode());
    m.cpu.state.gpr[reg::DX] = 0x1'2345'6789;
    m.cpu.state.gpr[reg::CX] = 0x1'0000'0000;
    ASSERT_EQ(sysexit(m.cpu, register_operand(0, prefix::kOperand64)), Outcome::Jump);
    EXPECT_EQ(m.rip(), 0x1'2345'6789u);
    EXPECT_EQ(m.cs(), sel::kCode + 32 + 3);
    EXPECT_EQ(m.cpu.segment(Seg::SS).selector, sel::kCode + 40 + 3);
    EXPECT_TRUE(m.cpu.in_64bit_mode());
}

TEST(SegmentBases, SwapgsAndTheMsrs) {
    LongMachine m;
    m.enter_long();
    ASSERT_TRUE(write_msr(m.cpu, 0xc0000101, 0x1111));
    ASSERT_TRUE(write_msr(m.cpu, 0xc0000102, 0xffff'8000'0000'2222));
    ASSERT_EQ(swapgs(m.cpu, {}), Outcome::Next);
    EXPECT_EQ(m.cpu.segment(Seg::GS).base, 0xffff'8000'0000'2222u);
    EXPECT_EQ(m.cpu.state.msr.kernel_gs_base, 0x1111u);
    EXPECT_FALSE(write_msr(m.cpu, 0xc0000100, u64{1} << 60));
}

TEST(SegmentBases, TheInstructionsNeedCr4) {
    LongMachine m;
    m.enter_long(3);
    EXPECT_EQ(read_base<Seg::FS>(m.cpu, register_operand(reg::AX)), Outcome::Fault);
    EXPECT_EQ(m.cpu.fault.vector, Vector::UD);
    m.cpu.state.cr4 |= cr4::FSGSBASE;
    m.cpu.state.gpr[reg::AX] = 0x1234'5678'9abc;
    ASSERT_EQ(write_base<Seg::FS>(m.cpu, register_operand(reg::AX, prefix::kOperand64)), Outcome::Next);
    ASSERT_EQ(read_base<Seg::FS>(m.cpu, register_operand(reg::AX)), Outcome::Next);
    EXPECT_EQ(m.cpu.state.gpr[reg::AX], 0x5678'9abcu);
    m.cpu.state.gpr[reg::AX] = kNotCanonical;
    EXPECT_EQ(write_base<Seg::FS>(m.cpu, register_operand(reg::AX, prefix::kOperand64)), Outcome::Fault);
    EXPECT_TRUE(fault_is(m.cpu, Vector::GP, 0));
}

}  // namespace
}  // namespace gnomon
