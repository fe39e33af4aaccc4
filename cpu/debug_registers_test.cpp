#include "cpu/debug_registers.h"

#include "cpu/decode.h"
#include "cpu/test_machine.h"

namespace gnomon {
namespace {

constexpr u32 kDebugHandler = TestMachine::kHandler + 16;

u32 status(const TestMachine& m) { return static_cast<u32>(m.cpu.state.dr[6]) & dr6::kStatus; }

void arm(TestMachine& m, unsigned n, u32 address, unsigned condition, unsigned length) {
    m.cpu.state.dr[n] = address;
    m.cpu.state.dr[7] |= 2u << 2 * n | u64{condition | length << 2} << (16 + 4 * n);
    m.cpu.update_mode();
}

TEST(Debug, SingleStepTrapsAfterEachInstruction) {
    TestMachine m;
    m.enter_protected();
    m.code({0x40, 0x40});
    m.cpu.set_eflags(2 | flag::TF);
    m.cpu.update_mode();
    m.run();
    EXPECT_EQ(m.rip(), kDebugHandler);
    EXPECT_EQ(status(m), dr6::BS);
    EXPECT_EQ(m.gpr(reg::AX), 1u);
    EXPECT_EQ(m.stack32(0), TestMachine::kCodeBase + 1);
    EXPECT_EQ(m.stack32(2), 2u | flag::TF);
    EXPECT_EQ(m.cpu.eflags() & flag::TF, 0u);
}

TEST(Debug, PopfThatSetsTfTrapsAfterTheNextInstruction) {
    TestMachine m;
    m.enter_protected();
    m.poke32(TestMachine::kStack, flag::TF | 2);
    m.code({0x9d, 0x40, 0x40});
    m.run(2);
    EXPECT_EQ(m.rip(), kDebugHandler);
    EXPECT_EQ(m.stack32(0), TestMachine::kCodeBase + 2);
}

TEST(Debug, SteppingIntoASoftwareInterruptLosesTheTrap) {
    TestMachine m;
    m.enter_protected();
    m.code({0xcd, 0x30});
    m.cpu.set_eflags(2 | flag::TF);
    m.cpu.update_mode();
    m.run();
    EXPECT_EQ(m.rip(), TestMachine::kHandler + 0x30 * 16);
    EXPECT_EQ(m.cpu.state.pending_debug, 0u);
}

TEST(Debug, MovSsHoldsTheTrapUntilTheNextInstructionIsDone) {
    TestMachine m;
    m.enter_protected();
    m.code({0x8e, 0xd0, 0x40, 0x40});
    m.cpu.put<u32>(reg::AX, sel::kData);
    m.cpu.set_eflags(2 | flag::TF);
    m.cpu.update_mode();
    m.run();
    EXPECT_EQ(m.rip(), TestMachine::kCodeBase + 2);
    m.run();
    EXPECT_EQ(m.rip(), kDebugHandler);
    EXPECT_EQ(m.stack32(0), TestMachine::kCodeBase + 3);
}

TEST(Debug, InstructionBreakpointFaultsOnceAndRfStepsOver) {
    TestMachine m;
    m.enter_protected();
    m.code({0x40, 0x40});
    m.poke8(kDebugHandler, 0xcf);
    arm(m, 1, TestMachine::kCodeBase + 1, 0, 0);
    m.run();
    EXPECT_EQ(m.rip(), TestMachine::kCodeBase + 1);
    m.run();
    EXPECT_EQ(m.rip(), kDebugHandler);
    EXPECT_EQ(status(m), 2u);
    EXPECT_EQ(m.stack32(0), TestMachine::kCodeBase + 1);
    m.poke32(m.gpr(reg::SP) + 8, 2 | flag::RF);
    m.run(2);
    EXPECT_EQ(m.rip(), TestMachine::kCodeBase + 2);
    EXPECT_EQ(m.gpr(reg::AX), 2u);
    EXPECT_EQ(m.cpu.eflags() & flag::RF, 0u);
}

struct DataCase {
    unsigned condition;
    unsigned length;
    u32 address;
    std::vector<u8> code;
    bool hits;
};
class DataBreakpoint : public testing::TestWithParam<DataCase> {};

TEST_P(DataBreakpoint, TrapsAfterTheAccess) {
    const DataCase& c = GetParam();
    TestMachine m;
    m.enter_protected();
    u32 at = TestMachine::kCodeBase;
    for (const u8 b : c.code) m.poke8(at++, b);
    m.cpu.put<u32>(reg::BX, 0x5000);
    arm(m, 0, c.address, c.condition, c.length);
    m.run();
    EXPECT_EQ(m.rip() == kDebugHandler, c.hits);
    EXPECT_EQ(status(m), c.hits ? 1u : 0u);
    if (c.hits) {
        EXPECT_EQ(m.stack32(0), TestMachine::kCodeBase + c.code.size());
    }
}

INSTANTIATE_TEST_SUITE_P(
    Cases, DataBreakpoint,
    testing::Values(DataCase{1, 3, 0x5000, {0x89, 0x03}, true},   // MOV [EBX], EAX
                    DataCase{1, 3, 0x5000, {0x8b, 0x03}, false},  // a read, write wanted
                    DataCase{3, 3, 0x5000, {0x8b, 0x03}, true},
                    DataCase{1, 0, 0x5003, {0x89, 0x03}, true},  // last byte of four
                    DataCase{1, 0, 0x5004, {0x89, 0x03}, false},
                    DataCase{1, 3, 0x5003, {0x88, 0x03}, true},  // DR0 is aligned to its length
                    DataCase{1, 1, TestMachine::kStack - 4, {0x50}, true},
                    DataCase{1, 3, 0x5000, {0x01, 0x03}, true}));  // ADD [EBX], EAX

TEST(Debug, PortBreakpointNeedsDebugExtensions) {
    for (const bool extensions : {false, true}) {
        TestMachine m;
        m.enter_protected();
        if (extensions) m.cpu.state.cr4 |= cr4::DE;
        m.code({0xe6, 0x80});
        arm(m, 2, 0x80, 2, 0);
        m.run();
        EXPECT_EQ(m.rip() == kDebugHandler, extensions);
        EXPECT_EQ(m.ports.log.size(), 1u);
    }
}

TEST(Debug, GeneralDetectFaultsAndClearsItself) {
    TestMachine m;
    m.enter_protected();
    m.code({0x0f, 0x21, 0xc0});
    m.cpu.state.dr[7] |= dr7::GD;
    m.run();
    EXPECT_EQ(m.rip(), kDebugHandler);
    EXPECT_EQ(status(m), dr6::BD);
    EXPECT_EQ(m.stack32(0), TestMachine::kCodeBase);
    EXPECT_EQ(m.cpu.state.dr[7] & dr7::GD, 0u);
}

TEST(Debug, Dr4IsDr6UnlessDebugExtensionsAreOn) {
    TestMachine m;
    m.enter_protected();
    m.code({0x0f, 0x23, 0xe0, 0x0f, 0x21, 0xf3, 0x0f, 0x21, 0xe3});  // MOV DR4,EAX; MOV EBX,DR6; MOV EBX,DR4
    m.cpu.put<u32>(reg::AX, 0xffffffff);
    m.run(2);
    EXPECT_EQ(m.gpr(reg::BX), 0xffffeffful);
    m.cpu.state.cr4 |= cr4::DE;
    m.run();
    EXPECT_EQ(m.rip(), TestMachine::kHandler + 6 * 16);
}

TEST(Debug, AlignmentCheckOfUserAccesses) {
    TestMachine m;
    m.enter_protected(3);
    m.cpu.state.cr0 |= cr0::AM;
    m.cpu.set_eflags(2 | flag::AC);
    m.cpu.update_mode();
    m.cpu.put<u32>(reg::BX, 0x5001);
    m.code({0x8a, 0x03, 0x8b, 0x03});
    m.run();
    EXPECT_EQ(m.rip(), TestMachine::kCodeBase + 2);
    m.run();
    EXPECT_EQ(m.rip(), TestMachine::kHandler + 17 * 16);
    EXPECT_EQ(m.stack32(0), 0u);
}

}  // namespace
}  // namespace gnomon
