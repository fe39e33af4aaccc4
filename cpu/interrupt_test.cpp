#include "cpu/interrupt.h"

#include "cpu/shutdown_report.h"
#include "cpu/test_machine.h"

namespace gnomon {
namespace {

constexpr u32 handler(unsigned vector) { return TestMachine::kHandler + vector * 16; }

TEST(Interrupt, RealModePushesFlagsAndGoesThroughTheVectorTable) {
    TestMachine m;
    m.enter_real();
    m.cpu.set_eflags(0x302 | flag::CF);
    m.poke16(0x21 * 4, 0x0123);
    m.poke16(0x21 * 4 + 2, 0x4567);
    m.cpu.state.idtr = {0, 0x3ff};
    m.cpu.set_eflags(0x203);
    m.code({0xcd, 0x21});
    m.run();
    EXPECT_EQ(m.cs(), 0x4567);
    EXPECT_EQ(m.rip(), 0x0123u);
    EXPECT_EQ(m.cpu.eflags(), 0x003u);
    EXPECT_EQ(m.stack16(0), 2u);
    EXPECT_EQ(m.stack16(1), 0x1000u);
    EXPECT_EQ(m.stack16(2), 0x203u);
}

TEST(Interrupt, RealModeChecksTheLimitOfTheIdt) {
    TestMachine m;
    m.enter_real();
    m.cpu.state.idtr = {0, 0x21 * 4 + 2};
    EXPECT_FALSE(m.cpu.try_deliver(EventKind::SoftInterrupt, {Vector{0x21}, false, 0, 0}));
    EXPECT_EQ(m.cpu.fault.vector, Vector::GP);
}

TEST(Interrupt, FaultOfALaterStretchOfRepneScasRestoresTheFlagsBeforeTheFirst) {
    TestMachine m;
    m.enter_real();
    m.poke16(13 * 4, 0x0123);
    m.poke16(13 * 4 + 2, 0x4567);
    m.cpu.state.idtr = {0, 0x3ff};
    constexpr u32 kFlags = 0x2 | flag::CF | flag::ZF | flag::OF;
    m.cpu.set_eflags(kFlags);
    m.cpu.put<u32>(reg::AX, 0x80);
    m.cpu.put<u32>(reg::DI, 0x10000 - 10);
    m.cpu.put<u32>(reg::CX, 16384 + 3);    // a chance for interrupts after three elements
    m.code({0x67, 0xf2, 0xae});
    m.run(1);
    EXPECT_EQ(m.gpr(reg::CX), 16384u);
    EXPECT_EQ(m.cpu.eflags(), kFlags);
    m.run(1);
    EXPECT_EQ(m.rip(), 0x0123u);
    EXPECT_EQ(m.gpr(reg::DI), 0x10000u);
    EXPECT_EQ(m.stack16(2), kFlags);
}

TEST(Interrupt, FaultInUserCodePushesErrorCodeAndResumeFlag) {
    TestMachine m;
    m.enter_protected(3);
    m.cpu.set_eflags(0x202);
    m.code({0xfa});  // CLI at IOPL 0
    m.run();
    EXPECT_EQ(m.rip(), handler(13));
    EXPECT_EQ(m.cpu.cpl(), 0u);
    EXPECT_EQ(m.gpr(reg::SP), TestMachine::kInnerStack - 24);
    const u32 expected[] = {0,
                            TestMachine::kCodeBase,
                            user(sel::kUserCode),
                            0x202 | flag::RF,
                            TestMachine::kUserStack,
                            user(sel::kUserData)};
    for (unsigned i = 0; i < 6; i++) EXPECT_EQ(m.stack32(i), expected[i]) << i;
    EXPECT_EQ(m.cpu.eflags(), 0x2u);
}

TEST(Interrupt, TrapGateLeavesInterruptsEnabled) {
    TestMachine m;
    m.enter_protected();
    m.set_gate(0x30, sel::kCode, handler(0x30), 0x8f);
    m.cpu.set_eflags(0x202 | flag::NT);
    m.code({0xcd, 0x30});
    m.run();
    EXPECT_EQ(m.cpu.eflags(), 0x202u);
    EXPECT_EQ(m.stack32(2), 0x202u | flag::NT);
}

TEST(Interrupt, Gate286PushesWordsAndUses16BitsOfOffset) {
    TestMachine m;
    m.enter_protected();
    m.poke64(TestMachine::kIdt + 0x30 * 8, make_gate(sel::kCode, 0x9999'4321, 0x86));
    m.code({0xcd, 0x30});
    m.run();
    EXPECT_EQ(m.rip(), 0x4321u);
    EXPECT_EQ(m.gpr(reg::SP), TestMachine::kStack - 6);
    EXPECT_EQ(m.peek16(m.gpr(reg::SP)), (TestMachine::kCodeBase + 2) & 0xffff);
}

TEST(Interrupt, BreakpointSavesTheFollowingInstructionAndChecksTheGate) {
    TestMachine m;
    m.enter_protected(3);
    m.set_gate(3, sel::kCode, handler(3), 0xee);
    m.code({0xcc});
    m.run();
    EXPECT_EQ(m.rip(), handler(3));
    EXPECT_EQ(m.stack32(0), TestMachine::kCodeBase + 1);
}

TEST(Interrupt, Int1IgnoresTheLevelOfTheGate) {
    TestMachine m;
    m.enter_protected(3);
    m.code({0xf1});
    m.run();
    EXPECT_EQ(m.rip(), handler(1));
    EXPECT_EQ(m.stack32(0), TestMachine::kCodeBase + 1);
    EXPECT_EQ(m.cpu.state.dr[6], dr6::kFixed);
}

TEST(Interrupt, IntoIsTakenOnOverflowOnly) {
    TestMachine m;
    m.enter_protected();
    m.code({0xce, 0xce});
    m.cpu.set_eflags(2);
    m.run();
    EXPECT_EQ(m.rip(), TestMachine::kCodeBase + 1);
    m.cpu.set_eflags(2 | flag::OF);
    m.run();
    EXPECT_EQ(m.rip(), handler(4));
}

struct GateCase {
    unsigned cpl;
    EventKind kind;
    u64 gate;
    Vector vector;
    u32 error;
};
class GateFault : public testing::TestWithParam<GateCase> {};

TEST_P(GateFault, HasTheManualsErrorCode) {
    const GateCase c = GetParam();
    TestMachine m;
    m.enter_protected(c.cpl);
    m.poke64(TestMachine::kIdt + 0x20 * 8, c.gate);
    const u64 sp = m.gpr(reg::SP);
    EXPECT_FALSE(m.cpu.try_deliver(c.kind, {Vector{0x20}, false, 0, 0}));
    EXPECT_TRUE(fault_is(m.cpu, c.vector, c.error));
    EXPECT_EQ(m.rip(), TestMachine::kCodeBase);
    EXPECT_EQ(m.gpr(reg::SP), sp);
}

constexpr u32 kIdtError = 0x20 * 8 + 2;
constexpr auto kSoft = EventKind::SoftInterrupt;
constexpr auto kExternal = EventKind::External;
INSTANTIATE_TEST_SUITE_P(
    Cases, GateFault,
    testing::Values(
        GateCase{0, kSoft, 0, Vector::GP, kIdtError}, GateCase{0, kExternal, 0, Vector::GP, kIdtError | 1},
        GateCase{0, kSoft, make_gate(sel::kCode, 0, 0x8c), Vector::GP, kIdtError},  // a call gate
        GateCase{3, kSoft, make_gate(sel::kCode, 0, 0x8e), Vector::GP, kIdtError},  // DPL 0
        GateCase{0, kSoft, make_gate(sel::kCode, 0, 0x0e), Vector::NP, kIdtError},
        GateCase{0, kExternal, make_gate(sel::kCode, 0, 0x0e), Vector::NP, kIdtError | 1},
        GateCase{0, kSoft, make_gate(0, 0, 0x8e), Vector::GP, 0},
        GateCase{0, kExternal, make_gate(0, 0, 0x8e), Vector::GP, 1},
        GateCase{0, kSoft, make_gate(sel::kBeyond, 0, 0x8e), Vector::GP, sel::kBeyond},
        GateCase{0, kSoft, make_gate(sel::kData, 0, 0x8e), Vector::GP, sel::kData},
        GateCase{0, kSoft, make_gate(user(sel::kUserCode), 0, 0x8e), Vector::GP, sel::kUserCode},  // outward
        GateCase{0, kExternal, make_gate(sel::kAbsentCode, 0, 0x8e), Vector::NP, sel::kAbsentCode | 1},
        GateCase{0, kSoft, make_gate(sel::kSmallCode, 0x100, 0x8e), Vector::GP, 0},
        GateCase{0, kSoft, make_gate(4, 0, 0x85), Vector::GP, 4},                    // TSS in the LDT
        GateCase{0, kSoft, make_gate(sel::kTssA, 0, 0x85), Vector::GP, sel::kTssA},  // busy
        GateCase{0, kSoft, make_gate(sel::kAbsentTss, 0, 0x85), Vector::NP, sel::kAbsentTss},
        GateCase{0, kSoft, make_gate(sel::kShortTss, 0, 0x85), Vector::TS, sel::kShortTss}));

TEST(Interrupt, BeyondTheIdtIsGeneralProtection) {
    TestMachine m;
    m.enter_protected();
    EXPECT_FALSE(m.cpu.try_deliver(kSoft, {Vector{0x40}, false, 0, 0}));
    EXPECT_TRUE(fault_is(m.cpu, Vector::GP, 0x40 * 8 + 2));
}

TEST(Interrupt, FromVirtual8086ModeSavesAndClearsTheDataSegments) {
    TestMachine m;
    m.enter_v86(0);
    m.code({0xcd, 0x21});  // INT n at IOPL 0
    m.run();
    EXPECT_FALSE(m.cpu.v86());
    EXPECT_EQ(m.rip(), handler(13));
    const u32 expected[] = {0,      0,      0x1000, flag::VM | flag::RF | 2, 0x1000, 0x5000, 0x5000,
                            0x5000, 0x5000, 0x5000};
    for (unsigned i = 0; i < 10; i++) EXPECT_EQ(m.stack32(i), expected[i]) << i;
    for (const Seg seg : {Seg::DS, Seg::ES, Seg::FS, Seg::GS}) EXPECT_EQ(m.cpu.segment(seg).selector, 0);
    m.cpu.put<u32>(reg::SP, m.gpr(reg::SP) + 4);
    m.code({0xcf});
    m.run();
    EXPECT_TRUE(m.cpu.v86());
    EXPECT_EQ(m.rip(), 0u);
    EXPECT_EQ(m.cpu.segment(Seg::GS).base, 0x50000u);
}

TEST(Interrupt, FromVirtual8086ModeToAnotherLevelThanZeroIsRefused) {
    TestMachine m;
    m.enter_v86(3);
    m.set_gate(0x20, sel::kConforming, 0x100, 0xee);
    EXPECT_FALSE(m.cpu.try_deliver(kSoft, {Vector{0x20}, false, 0, 0}));
    EXPECT_TRUE(fault_is(m.cpu, Vector::GP, sel::kConforming));
}

TEST(Interrupt, VmeRedirectsToTheProgramsOwnHandler) {
    TestMachine m;
    m.enter_v86(0);
    m.cpu.state.cr4 |= cr4::VME;
    m.poke16(TestMachine::kTssABase + 0x66, 0x88);
    m.poke8(TestMachine::kTssABase + 0x68 + 4, 0);  // vectors 20–27 go to the program
    m.poke16(0x21 * 4, 0x0200);
    m.poke16(0x21 * 4 + 2, 0x3000);
    m.cpu.set_eflags(m.cpu.eflags() | flag::VIF);
    m.code({0xcd, 0x21});
    m.run();
    EXPECT_TRUE(m.cpu.v86());
    EXPECT_EQ(m.cs(), 0x3000);
    EXPECT_EQ(m.rip(), 0x200u);
    EXPECT_EQ(m.cpu.eflags() & flag::VIF, 0u);
    EXPECT_EQ(m.peek16(0x50000 + 0x0ffe), flag::IF | flag::IOPL | 2u);  // VIF seen as IF, IOPL as 3
    // A vector whose bit is set goes to the monitor.
    m.cpu.state.rip = 0x210;
    m.code({0xcd, 0x28});
    m.run();
    EXPECT_EQ(m.rip(), handler(13));
}

TEST(Interrupt, NmiBlocksNmiUntilIret) {
    TestMachine m;
    m.enter_protected();
    m.code({0x90, 0x90});
    m.poke8(handler(2), 0xcf);
    m.cpu.set_line(static_cast<unsigned>(CpuPin::Nmi), true);
    m.cpu.set_line(static_cast<unsigned>(CpuPin::Nmi), false);
    EXPECT_TRUE(m.cpu.deliver(EventKind::Nmi, {Vector::NMI, false, 0, 0}));
    EXPECT_TRUE(m.cpu.state.nmi_blocked);
    EXPECT_FALSE(m.cpu.event_waiting());
    EXPECT_EQ(m.rip(), handler(2));
}

TEST(DoubleFault, ContributoryAfterContributory) {
    TestMachine m;
    m.enter_protected();
    m.poke64(TestMachine::kIdt + 13 * 8, 0);
    EXPECT_TRUE(m.cpu.deliver(EventKind::Exception, {Vector::GP, true, 0, 0}));
    EXPECT_EQ(m.rip(), handler(8));
    EXPECT_EQ(m.stack32(0), 0u);
    EXPECT_EQ(m.stack32(1), TestMachine::kCodeBase);
}

TEST(DoubleFault, BenignThenContributoryIsServedInTurn) {
    TestMachine m;
    m.enter_protected();
    m.poke64(TestMachine::kIdt + 6 * 8, 0);
    EXPECT_TRUE(m.cpu.deliver(EventKind::Exception, {Vector::UD, false, 0, 0}));
    EXPECT_EQ(m.rip(), handler(13));
    EXPECT_EQ(m.stack32(0), 6u * 8 + 2 + 1);
}

TEST(DoubleFault, PageFaultThenContributory) {
    TestMachine m;
    m.enter_protected();
    m.poke64(TestMachine::kIdt + 14 * 8, 0);
    EXPECT_TRUE(m.cpu.deliver(EventKind::Exception, {Vector::PF, true, 2, 0xdeadb000}));
    EXPECT_EQ(m.rip(), handler(8));
    EXPECT_EQ(m.cpu.state.cr2, 0xdeadb000u);
}

TEST(DoubleFault, ContributoryThenPageFaultIsServedInTurn) {
    TestMachine m;
    m.enter_protected();
    constexpr u32 kDirectory = 0x100000;
    constexpr u32 kTable = 0x101000;
    m.poke32(kDirectory, kTable | 3);
    for (u32 i = 0; i < 512; i++) m.poke32(kTable + 4 * i, i << 12 | 3);
    m.poke32(kTable + 4 * 2, 0);  // the page of the IDT
    m.cpu.state.cr3 = kDirectory;
    m.cpu.state.cr0 |= cr0::PG;
    m.cpu.update_paging(true);
    EXPECT_FALSE(m.cpu.deliver(EventKind::Exception, {Vector::GP, true, 0, 0}));
    // #GP, then #PF for the IDT (in turn), then #PF again: #DF, then shutdown.
    EXPECT_EQ(m.cpu.state.activity, Activity::Shutdown);
    EXPECT_EQ(m.cpu.state.cr2, TestMachine::kIdt + 8u * 8);
}

TEST(DoubleFault, TripleFaultTellsTheWholeChain) {
    TestMachine m;
    m.enter_protected();
    m.cpu.state.idtr.limit = 0;
    m.code({0x0f, 0x0b});
    EXPECT_EQ(m.cpu.run(10), StopReason::Shutdown);
    const ShutdownReport& report = m.cpu.shutdown_report();
    ASSERT_EQ(report.count, 3u);
    EXPECT_EQ(report.chain[0].fault.vector, Vector::UD);
    EXPECT_EQ(report.chain[1].fault.vector, Vector::GP);
    EXPECT_EQ(report.chain[1].fault.error, 6u * 8 + 3);
    EXPECT_EQ(report.chain[2].fault.vector, Vector::DF);
    EXPECT_EQ(report.before.rip, TestMachine::kCodeBase);
    const std::string text = print_shutdown_report(m.cpu);
    EXPECT_NE(text.find("1. #UD at 0008:00010000"), std::string::npos) << text;
    EXPECT_NE(text.find("2. #GP at 0008:00010000, error code 0x0033 (IDT vector 0x06, external)"),
              std::string::npos)
        << text;
    EXPECT_NE(text.find("at 0008:00010000: 0f 0b"), std::string::npos) << text;
}

TEST(Interrupt, ExternalInterruptWakesAHaltedProcessor) {
    TestMachine m;
    m.enter_protected();
    m.pic.vector = 0x30;
    m.code({0xfb, 0xf4});
    EXPECT_EQ(m.cpu.run(10), StopReason::Halted);
    m.cpu.set_line(static_cast<unsigned>(CpuPin::Intr), true);
    m.cpu.run(1);
    EXPECT_EQ(m.cs(), sel::kCode);
    EXPECT_EQ(m.stack32(0), TestMachine::kCodeBase + 2);
    EXPECT_EQ(m.cpu.state.activity, Activity::Active);
}

TEST(Interrupt, StiHoldsInterruptsOffForOneInstruction) {
    TestMachine m;
    m.enter_protected();
    m.pic.vector = 0x30;
    m.code({0xfb, 0x40, 0x40});  // STI; INC EAX; INC EAX
    m.cpu.set_line(static_cast<unsigned>(CpuPin::Intr), true);
    m.poke8(handler(0x30), 0xf4);
    m.cpu.run(10);
    EXPECT_EQ(m.gpr(reg::AX), 1u);
    EXPECT_EQ(m.stack32(0), TestMachine::kCodeBase + 2);
}

}  // namespace
}  // namespace gnomon
