#include "cpu/system_instructions.h"

#include "cpu/cpuid.h"
#include "cpu/decode.h"
#include "cpu/test_machine.h"

namespace gnomon {
namespace {

constexpr u32 handler(unsigned vector) { return TestMachine::kHandler + vector * 16; }

/// What one instruction does at a privilege level: it ends at `rip` (the handler of a fault, or behind it).
struct PrivilegeCase {
    const char* name;
    std::vector<u8> bytes;
    unsigned faults_at_user;  ///< vector, or 0 if it is allowed
};
class Privilege : public testing::TestWithParam<PrivilegeCase> {};

TEST_P(Privilege, IsCheckedAtLevel3) {
    const PrivilegeCase& c = GetParam();
    TestMachine m;
    m.enter_protected(3);
    u32 at = TestMachine::kCodeBase;
    for (const u8 b : c.bytes) m.poke8(at++, b);
    m.cpu.put<u32>(reg::BX, 0x5000);
    m.run();
    EXPECT_EQ(m.rip(),
              c.faults_at_user ? handler(c.faults_at_user) : TestMachine::kCodeBase + c.bytes.size());
}

INSTANTIATE_TEST_SUITE_P(
    Cases, Privilege,
    testing::Values(
        PrivilegeCase{"HLT", {0xf4}, 13}, PrivilegeCase{"CLI", {0xfa}, 13}, PrivilegeCase{"STI", {0xfb}, 13},
        PrivilegeCase{"CLTS", {0x0f, 0x06}, 13}, PrivilegeCase{"INVD", {0x0f, 0x08}, 13},
        PrivilegeCase{"WBINVD", {0x0f, 0x09}, 13}, PrivilegeCase{"MOV_from_CR0", {0x0f, 0x20, 0xc0}, 13},
        PrivilegeCase{"MOV_to_CR3", {0x0f, 0x22, 0xd8}, 13},
        PrivilegeCase{"MOV_from_CR1", {0x0f, 0x20, 0xc8}, 6},
        PrivilegeCase{"MOV_from_DR0", {0x0f, 0x21, 0xc0}, 13}, PrivilegeCase{"LGDT", {0x0f, 0x01, 0x13}, 13},
        PrivilegeCase{"LIDT", {0x0f, 0x01, 0x1b}, 13}, PrivilegeCase{"LMSW", {0x0f, 0x01, 0xf0}, 13},
        PrivilegeCase{"INVLPG", {0x0f, 0x01, 0x3b}, 13},
        PrivilegeCase{"INVLPG_register", {0x0f, 0x01, 0xf8}, 6},
        PrivilegeCase{"LLDT", {0x0f, 0x00, 0xd0}, 13}, PrivilegeCase{"LTR", {0x0f, 0x00, 0xd8}, 13},
        PrivilegeCase{"RDMSR", {0x0f, 0x32}, 13}, PrivilegeCase{"WRMSR", {0x0f, 0x30}, 13},
        PrivilegeCase{"RDPMC", {0x0f, 0x33}, 13}, PrivilegeCase{"SYSEXIT", {0x0f, 0x35}, 13},
        PrivilegeCase{"RSM", {0x0f, 0xaa}, 6}, PrivilegeCase{"UD2", {0x0f, 0x0b}, 6},
        PrivilegeCase{"MOV_to_CS", {0x8e, 0xc8}, 6}, PrivilegeCase{"MOV_from_S6", {0x8c, 0xf0}, 6},
        PrivilegeCase{"SGDT", {0x0f, 0x01, 0x03}, 0}, PrivilegeCase{"SIDT", {0x0f, 0x01, 0x0b}, 0},
        PrivilegeCase{"SMSW", {0x0f, 0x01, 0xe0}, 0}, PrivilegeCase{"SLDT", {0x0f, 0x00, 0xc0}, 0},
        PrivilegeCase{"STR", {0x0f, 0x00, 0xc8}, 0}, PrivilegeCase{"RDTSC", {0x0f, 0x31}, 0},
        PrivilegeCase{"CPUID", {0x0f, 0xa2}, 0}, PrivilegeCase{"PUSHF", {0x9c}, 0},
        PrivilegeCase{"IN", {0xec}, 13}, PrivilegeCase{"OUT", {0xe6, 0x80}, 13},
        PrivilegeCase{"INSB", {0x6c}, 13}, PrivilegeCase{"OUTSB", {0x6e}, 13}),
    [](const auto& tested) { return tested.param.name; });

TEST(System, RdpmcReadsTheCountersOfTheModelAndRefusesOthers) {
    const auto readable = [](const char* name, u32 counter, unsigned cpl = 0) {
        TestMachine m(*find_model(name));
        m.cpu.state.cr4 |= cpl != 0 ? cr4::PCE : 0;
        m.enter_protected(cpl);
        m.cpu.put<u32>(reg::CX, counter);
        m.cpu.put<u32>(reg::AX, 1);
        m.cpu.put<u32>(reg::DX, 1);
        m.code({0x0f, 0x33});
        m.run();
        if (m.rip() == handler(13)) return false;
        EXPECT_EQ(m.rip(), TestMachine::kCodeBase + 2);
        EXPECT_EQ(m.gpr(reg::AX), 0u);
        EXPECT_EQ(m.gpr(reg::DX), 0u);
        return true;
    };
    for (const char* two : {"pentium-mmx", "ppro", "p3"}) {
        EXPECT_TRUE(readable(two, 1)) << two;
        EXPECT_TRUE(readable(two, 1, 3)) << two;
        EXPECT_FALSE(readable(two, 2)) << two;
    }
    for (const CpuModel& model : cpu_models()) {
        if (!model.features.has(Feature::LongMode)) continue;
        TestMachine m(model);
        EXPECT_EQ(cpuid_leaf(m.cpu, 0xa, 0), CpuidResult{}) << model.name;
        EXPECT_EQ(readable(std::string(model.name).c_str(), 0), model.vendor == kVendorAmd) << model.name;
        EXPECT_FALSE(readable(std::string(model.name).c_str(), 4)) << model.name;
        EXPECT_FALSE(readable(std::string(model.name).c_str(), 0x4000'0000)) << model.name << ": fixed counters";
    }
}

TEST(System, ProtectedModeInstructionsAreUndefinedInRealAndVirtual8086Mode) {
    for (const std::vector<u8>& bytes :
         {std::vector<u8>{0x0f, 0x00, 0xc0}, {0x0f, 0x00, 0xd8}, {0x0f, 0x02, 0xc0}, {0x63, 0xc0}}) {
        TestMachine m;
        m.enter_v86(3);
        for (u32 i = 0; i < bytes.size(); i++) m.poke8(0x10000 + i, bytes[i]);
        m.run();
        EXPECT_EQ(m.rip(), handler(6));
    }
}

TEST(System, Cr0RefusesPagingWithoutProtectionAndNotWriteThroughWithCache) {
    TestMachine m;
    m.enter_protected();
    m.code({0x0f, 0x22, 0xc0});
    for (const u32 bad : {0x80000010u, 0x20000011u}) {
        m.cpu.state.rip = TestMachine::kCodeBase;
        m.cpu.put<u32>(reg::AX, bad);
        m.run();
        EXPECT_EQ(m.rip(), handler(13)) << bad;
        EXPECT_EQ(m.cpu.state.cr0 & cr0::PG, 0u);
    }
    m.cpu.state.rip = TestMachine::kCodeBase;
    m.cpu.put<u32>(reg::AX, 0x0);
    m.run();
    EXPECT_EQ(m.cpu.state.cr0, cr0::ET);
    EXPECT_TRUE(m.cpu.real_mode());
}

TEST(System, Cr4RefusesWhatTheModelLacks) {
    TestMachine m(*find_model("pentium"));
    m.enter_protected();
    m.code({0x0f, 0x22, 0xe0});
    m.cpu.put<u32>(reg::AX, cr4::PAE);
    m.run();
    EXPECT_EQ(m.rip(), handler(13));
    TestMachine old(*find_model("486"));
    old.enter_protected();
    old.code({0x0f, 0x20, 0xe0});
    old.run();
    EXPECT_EQ(old.rip(), handler(6));
}

TEST(System, PaePdptesAreLoadedAndTheirReservedBitsChecked) {
    TestMachine m;
    m.enter_protected();
    constexpr u32 kTable = 0x100020;
    m.cpu.state.cr4 = cr4::PAE;
    m.cpu.state.cr3 = kTable;
    m.poke64(kTable, 0x101001);
    m.poke64(kTable + 8, 0x1e6);              // not present: anything goes
    m.poke64(kTable + 16, u64{1} << m.cpu.model().physical_bits | 1);  // beyond MAXPHYADDR
    m.poke64(0x101000, 0x83);                 // 2 MiB at 0
    m.code({0x0f, 0x22, 0xc0});
    m.cpu.put<u32>(reg::AX, 0x80000011);
    m.run();
    EXPECT_EQ(m.rip(), handler(13));
    m.poke64(kTable + 16, 0);
    m.cpu.state.rip = TestMachine::kCodeBase;
    m.run();
    EXPECT_EQ(m.rip(), TestMachine::kCodeBase + 3);
    EXPECT_EQ(m.cpu.state.pdpte[0], 0x101001u);
}

TEST(System, LmswSetsButDoesNotClearProtectionEnable) {
    TestMachine m;
    m.enter_protected();
    m.code({0x0f, 0x01, 0xf0});
    m.cpu.put<u32>(reg::AX, 0xa);
    m.run();
    EXPECT_EQ(m.cpu.state.cr0 & 0xf, 0xbu);
    EXPECT_NE(m.cpu.mode_key & mode::kFpuTrap, 0u);
}

TEST(System, LgdtTakes24BitsOfBaseWithA16BitOperand) {
    TestMachine m;
    m.enter_protected();
    m.poke16(0x5000, 0x1234);
    m.poke32(0x5002, 0x89abcdef);
    m.cpu.put<u32>(reg::BX, 0x5000);
    m.code({0x66, 0x0f, 0x01, 0x1b, 0x0f, 0x01, 0x1b, 0x66, 0x0f, 0x01, 0x4b, 0x10});
    m.run();
    EXPECT_EQ(m.cpu.state.idtr.base, 0xabcdefu);
    m.run();
    EXPECT_EQ(m.cpu.state.idtr.base, 0x89abcdefu);
    EXPECT_EQ(m.cpu.state.idtr.limit, 0x1234u);
    m.run();
    EXPECT_EQ(m.peek16(0x5010), 0x1234u);
    EXPECT_EQ(m.peek32(0x5012), 0x89abcdefu);
}

TEST(System, LtrMarksTheTssBusyAndRefusesABusyOne) {
    TestMachine m;
    m.enter_protected();
    m.code({0x0f, 0x00, 0xd8});
    const std::pair<u16, unsigned> cases[] = {
        {sel::kTssA, 13}, {0, 13}, {4, 13}, {sel::kData, 13}, {sel::kAbsentTss, 11}, {sel::kTssB, 0}};
    for (const auto& [selector, vector] : cases) {
        m.cpu.state.rip = TestMachine::kCodeBase;
        m.cpu.put<u32>(reg::AX, selector);
        m.run();
        EXPECT_EQ(m.rip(), vector ? handler(vector) : TestMachine::kCodeBase + 3) << selector;
        if (vector) {
            EXPECT_EQ(m.stack32(0), selector_error(selector));
        }
    }
    EXPECT_EQ(m.peek8(TestMachine::kGdt + sel::kTssB + 5), 0x8bu);
    EXPECT_EQ(m.cpu.state.tr.base, TestMachine::kTssBBase);
}

TEST(System, LldtNullMakesTheLdtUnusable) {
    TestMachine m;
    m.enter_protected();
    m.code({0x0f, 0x00, 0xd0});
    m.cpu.put<u32>(reg::AX, sel::kLdt);
    m.run();
    m.poke64(TestMachine::kLdtBase + 8, make_descriptor(0, 0xfffff, 0x93, TestMachine::kBigPages));
    EXPECT_TRUE(load_segment(m.cpu, Seg::ES, 0xc));
    EXPECT_FALSE(load_segment(m.cpu, Seg::ES, 0x24));
    EXPECT_TRUE(fault_is(m.cpu, Vector::GP, 0x24));
    m.cpu.state.rip = TestMachine::kCodeBase;
    m.cpu.put<u32>(reg::AX, 0);
    m.run();
    EXPECT_FALSE(load_segment(m.cpu, Seg::ES, 0xc));
    EXPECT_TRUE(fault_is(m.cpu, Vector::GP, 0xc));
}

struct InspectCase {
    u8 opcode;  ///< second byte, with ModRM EAX,EBX; 00 means 0F 00 /4 or /5
    u8 modrm;
    unsigned cpl;
    u16 selector;
    bool zf;
    u32 result;
};
class Inspect : public testing::TestWithParam<InspectCase> {};

TEST_P(Inspect, SetsZeroFlagAndResult) {
    const InspectCase c = GetParam();
    TestMachine m;
    m.enter_protected(c.cpl);
    m.cpu.put<u32>(reg::AX, 0x5a5a5a5a);
    m.cpu.put<u32>(reg::BX, c.selector);
    m.cpu.set_eflags(2 | flag::CF | (c.zf ? 0 : flag::ZF));
    m.code({0x0f, c.opcode, c.modrm});
    m.run();
    EXPECT_EQ(m.rip(), TestMachine::kCodeBase + 3);
    EXPECT_EQ((m.cpu.eflags() & flag::ZF) != 0, c.zf);
    EXPECT_TRUE(m.cpu.eflags() & flag::CF);
    EXPECT_EQ(m.gpr(reg::AX), c.zf && c.opcode ? c.result : 0x5a5a5a5a);
}

INSTANTIATE_TEST_SUITE_P(Cases, Inspect,
                         testing::Values(InspectCase{0x02, 0xc3, 0, sel::kCode, true, 0x00c09b00},
                                         InspectCase{0x02, 0xc3, 0, sel::kGate32, true, 0x0000ec00},
                                         InspectCase{0x02, 0xc3, 0, 0, false, 0},
                                         InspectCase{0x02, 0xc3, 0, sel::kBeyond, false, 0},
                                         InspectCase{0x02, 0xc3, 3, sel::kData, false, 0},
                                         InspectCase{0x02, 0xc3, 3, sel::kConforming, true, 0x00c09f00},
                                         InspectCase{0x02, 0xc3, 0, sel::kData | 3, false, 0},
                                         InspectCase{0x02, 0xc3, 0, sel::kAbsentData, true, 0x00c01300},
                                         InspectCase{0x03, 0xc3, 0, sel::kCode, true, 0xffffffff},
                                         InspectCase{0x03, 0xc3, 0, sel::kTssB, true, 0x67},
                                         InspectCase{0x03, 0xc3, 0, sel::kGate32, false, 0},
                                         InspectCase{0x03, 0xc3, 0, sel::kTaskGate, false, 0},
                                         InspectCase{0x00, 0xe3, 0, sel::kCode, true, 0},
                                         InspectCase{0x00, 0xe3, 0, sel::kExecuteOnly, false, 0},
                                         InspectCase{0x00, 0xe3, 0, sel::kTssA, false, 0},
                                         InspectCase{0x00, 0xe3, 3, sel::kData, false, 0},
                                         InspectCase{0x00, 0xeb, 0, sel::kData, true, 0},
                                         InspectCase{0x00, 0xeb, 0, sel::kReadOnly, false, 0},
                                         InspectCase{0x00, 0xeb, 0, sel::kCode, false, 0},
                                         InspectCase{0x00, 0xeb, 3, sel::kUserData, true, 0}));

TEST(System, ArplRaisesTheRpl) {
    TestMachine m;
    m.enter_protected();
    m.code({0x63, 0xd8, 0x63, 0xd8});  // ARPL AX, BX
    m.cpu.put<u32>(reg::AX, 0xffff0010);
    m.cpu.put<u32>(reg::BX, 0x0003);
    m.run();
    EXPECT_EQ(m.gpr(reg::AX), 0xffff0013u);
    EXPECT_TRUE(m.cpu.eflags() & flag::ZF);
    m.run();
    EXPECT_FALSE(m.cpu.eflags() & flag::ZF);
}

TEST(System, SysenterAndSysexitMakeFlatSegments) {
    TestMachine m;
    m.enter_protected(3);
    m.cpu.set_eflags(0x202);
    m.cpu.state.msr.sysenter_cs = 0x08;
    m.cpu.state.msr.sysenter_esp = 0x12340;
    m.cpu.state.msr.sysenter_eip = TestMachine::kHandler;
    m.poke8(TestMachine::kHandler, 0x0f);
    m.poke8(TestMachine::kHandler + 1, 0x35);
    m.code({0x0f, 0x34});
    m.run();
    EXPECT_EQ(m.cs(), 0x08);
    EXPECT_EQ(m.cpu.segment(Seg::SS).selector, 0x10);
    EXPECT_EQ(m.cpu.cpl(), 0u);
    EXPECT_EQ(m.gpr(reg::SP), 0x12340u);
    EXPECT_EQ(m.cpu.eflags(), 2u);
    m.cpu.put<u32>(reg::CX, 0x50000);
    m.cpu.put<u32>(reg::DX, 0x15000);
    m.run();
    EXPECT_EQ(m.cs(), 0x1b);
    EXPECT_EQ(m.cpu.segment(Seg::SS).selector, 0x23);
    EXPECT_EQ(m.rip(), 0x15000u);
    EXPECT_EQ(m.gpr(reg::SP), 0x50000u);
    EXPECT_EQ(m.cpu.cpl(), 3u);
}

TEST(System, SysenterWithoutSegmentIsGeneralProtection) {
    TestMachine m;
    m.enter_protected(3);
    m.cpu.state.msr.sysenter_cs = 3;
    m.code({0x0f, 0x34});
    m.run();
    EXPECT_EQ(m.rip(), handler(13));
}

TEST(System, PopSsFaultRestoresTheStackPointer) {
    TestMachine m;
    m.enter_protected();
    m.poke32(TestMachine::kStack, sel::kReadOnly);
    m.code({0x17});
    m.run();
    EXPECT_EQ(m.rip(), handler(13));
    EXPECT_EQ(m.gpr(reg::SP), TestMachine::kStack - 16);
}

TEST(System, LssLoadsBothOrNothing) {
    TestMachine m;
    m.enter_protected();
    m.poke32(0x5000, 0x77777);
    m.poke16(0x5004, sel::kUserData);
    m.cpu.put<u32>(reg::BX, 0x5000);
    m.code({0x0f, 0xb2, 0x23});
    m.run();
    EXPECT_EQ(m.rip(), handler(13));
    EXPECT_EQ(m.gpr(reg::SP), TestMachine::kStack - 16);
    m.poke16(0x5004, sel::kData);
    m.cpu.state.rip = TestMachine::kCodeBase;
    m.run();
    EXPECT_EQ(m.gpr(reg::SP), 0x77777u);
}

TEST(Flags, PopfRespectsIoplAndLevel) {
    TestMachine m;
    m.enter_protected(3);
    m.poke32(TestMachine::kUserStack, 0x00247fd7 | flag::VM);
    m.code({0x9d});
    m.cpu.set_eflags(0x002);
    m.run();
    // Neither IF nor IOPL, VM, RF; TF, NT, DF, AC, ID and the arithmetic flags change.
    EXPECT_EQ(m.cpu.eflags(), 0x00244dd7u);
    m.enter_protected(3);
    m.cpu.set_eflags(0x3002);
    m.poke32(TestMachine::kUserStack, 0x0200);
    m.run();
    EXPECT_EQ(m.cpu.eflags(), 0x3202u);
}

TEST(Flags, BitsThatTellTheGenerationsApart) {
    const std::pair<const char*, u32> cases[] = {
        {"386", 0}, {"486", flag::AC}, {"pentium", flag::AC | flag::ID}};
    for (const auto& [name, settable] : cases) {
        TestMachine m(*find_model(name));
        m.enter_protected();
        m.poke32(TestMachine::kStack, flag::AC | flag::ID);
        m.code({0x9d});
        m.run();
        EXPECT_EQ(m.cpu.eflags() & (flag::AC | flag::ID), settable) << name;
    }
}

TEST(Flags, VirtualInterruptFlag) {
    TestMachine m;
    m.enter_v86(0);
    m.code({0xfb, 0x9c, 0xfa, 0x9d});  // STI, PUSHF, CLI, POPF
    m.run();
    EXPECT_EQ(m.rip(), handler(13));  // without VME
    m.enter_v86(0);
    m.cpu.state.cr4 |= cr4::VME;
    m.run();
    EXPECT_TRUE(m.cpu.eflags() & flag::VIF);
    EXPECT_FALSE(m.cpu.eflags() & flag::IF);
    m.run();
    EXPECT_EQ(m.stack16(0), flag::IF | flag::IOPL | 2u);
    m.run();
    EXPECT_FALSE(m.cpu.eflags() & flag::VIF);
    m.run();
    EXPECT_TRUE(m.cpu.eflags() & flag::VIF);
    EXPECT_EQ(m.cpu.iopl(), 0u);
    // With an interrupt pending for the 8086 program STI faults.
    m.enter_v86(0);
    m.cpu.set_eflags(m.cpu.eflags() | flag::VIP);
    m.run();
    EXPECT_EQ(m.rip(), handler(13));
}

TEST(Flags, ProtectedModeVirtualInterrupts) {
    TestMachine m;
    m.enter_protected(3);
    m.cpu.state.cr4 |= cr4::PVI;
    m.code({0xfb, 0xfa});
    m.run();
    EXPECT_TRUE(m.cpu.eflags() & flag::VIF);
    m.run();
    EXPECT_FALSE(m.cpu.eflags() & flag::VIF);
}

TEST(PortIo, PermissionBitMapDecides) {
    TestMachine m;
    m.enter_protected(3);
    m.poke8(TestMachine::kTssABase + 0x68 + 0x60 / 8, 0xfe);  // port 60 only
    m.code({0xe4, 0x60, 0xe5, 0x60});
    m.run();
    EXPECT_EQ(m.gpr(reg::AX) & 0xff, 0x44u);
    ASSERT_EQ(m.ports.log.size(), 1u);
    m.run();  // four ports, three of them forbidden
    EXPECT_EQ(m.rip(), handler(13));
    EXPECT_EQ(m.ports.log.size(), 1u);
    // A map that ends before the port's second byte.
    m.enter_protected(3);
    m.cpu.state.tr.limit = 0x68 + 0x60 / 8;
    m.run();
    EXPECT_EQ(m.rip(), handler(13));
}

TEST(PortIo, RepInsStoresAndCounts) {
    TestMachine m;
    m.enter_protected();
    m.cpu.put<u32>(reg::CX, 3);
    m.cpu.put<u32>(reg::DI, 0x5000);
    m.cpu.put<u32>(reg::DX, 0x1f0);
    m.code({0xf3, 0x66, 0x6d});
    m.run();
    EXPECT_EQ(m.rip(), TestMachine::kCodeBase + 3);
    EXPECT_EQ(m.gpr(reg::CX), 0u);
    EXPECT_EQ(m.gpr(reg::DI), 0x5006u);
    EXPECT_EQ(m.peek16(0x5002), 0x3345u);
    EXPECT_EQ(m.ports.log.size(), 3u);
    EXPECT_EQ(m.ports.log[0], (RecordingPorts::Access{0x1f0, 2, 0, false}));
}

TEST(PortIo, RepInsFaultsBeforeTheDeviceIsReadWithExactRegisters) {
    TestMachine m;
    m.enter_protected();
    m.poke64(TestMachine::kGdt + sel::kData16, make_descriptor(0x5000, 0xf, 0x93));
    ASSERT_TRUE(load_segment(m.cpu, Seg::ES, sel::kData16));
    m.cpu.put<u32>(reg::CX, 10);
    m.cpu.put<u32>(reg::DI, 8);
    m.code({0xf3, 0x6d});
    m.run();
    EXPECT_EQ(m.rip(), handler(13));
    EXPECT_EQ(m.gpr(reg::CX), 8u);
    EXPECT_EQ(m.gpr(reg::DI), 0x10u);
    EXPECT_EQ(m.ports.log.size(), 2u);
    EXPECT_EQ(m.stack32(1), TestMachine::kCodeBase);
}

TEST(PortIo, OutsHonoursDirectionAndSegmentOverride) {
    TestMachine m;
    m.enter_real();
    m.cpu.set_eflags(2 | flag::DF);
    set_real_segment(m.cpu, Seg::FS, 0x6000);
    m.poke8(0x60010, 0xaa);
    m.poke8(0x6000f, 0xbb);
    m.cpu.put<u32>(reg::CX, 2);
    m.cpu.put<u32>(reg::SI, 0x10);
    m.cpu.put<u32>(reg::DX, 0xe9);
    m.code({0x64, 0xf3, 0x6e});
    m.run();
    ASSERT_EQ(m.ports.log.size(), 2u);
    EXPECT_EQ(m.ports.log[0].value, 0xaau);
    EXPECT_EQ(m.ports.log[1].value, 0xbbu);
    EXPECT_EQ(m.gpr(reg::SI), 0xeu);
}

TEST(PortIo, RepInsYieldsToAnInterruptBetweenElements) {
    TestMachine m;
    m.enter_protected();
    m.cpu.set_eflags(0x202);
    m.pic.vector = 0x30;
    m.cpu.put<u32>(reg::CX, 5000);
    m.cpu.put<u32>(reg::DI, 0x80000);
    m.code({0xf3, 0x6c});
    struct Raise final : PortSpace {
        Cpu* cpu = nullptr;
        unsigned reads = 0;
        u32 port_read(u16, unsigned) override {
            if (++reads == 7) cpu->set_line(static_cast<unsigned>(CpuPin::Intr), true);
            return reads;
        }
        void port_write(u16, unsigned, u32) override {}
    } ports;
    Cpu cpu(default_model(), *m.map, ports, m.clock, m.pic, m.log, Mmu::Shadow::Off);
    ports.cpu = &cpu;
    cpu.set_architectural_state(m.cpu.architectural_state());
    cpu.run(2);
    EXPECT_EQ(ports.reads, 7u);
    EXPECT_EQ(cpu.get<u32>(reg::CX), 4993u);
    EXPECT_EQ(cpu.segment(Seg::CS).selector, sel::kCode);
    EXPECT_EQ(m.peek32(cpu.get<u32>(reg::SP)), TestMachine::kCodeBase);  // back to the instruction
}

}  // namespace
}  // namespace gnomon
