#include "cpu/model.h"

#include "cpu/cpuid.h"
#include "cpu/msr.h"
#include "cpu/test_machine.h"

namespace gnomon {
namespace {

TEST(Model, SignaturesAreThoseOfTheRealParts) {
    const std::pair<const char*, u32> cases[] = {
        {"386", 0x308},         {"486", 0x415},      {"486dx4", 0x483}, {"pentium", 0x52c},
        {"pentium-mmx", 0x543}, {"ppro", 0x619},     {"p2", 0x652},     {"p3", 0x68a},
        {"p4", 0xf29},          {"core2-32", 0x6f6}, {"max", 0x106ca},
        {"core2duo", 0x6f6},    {"nehalem", 0x106a5}, {"sandy-bridge", 0x206a7}, {"haswell", 0x306c3},
        {"skylake-server", 0x50654}, {"ice-lake-server", 0x606a6}, {"zen2", 0x830f10}};
    for (const auto& [name, signature] : cases) {
        ASSERT_NE(find_model(name), nullptr) << name;
        EXPECT_EQ(find_model(name)->signature(), signature) << name;
    }
}

TEST(Model, FeaturesCanBeAddedAndTakenAway) {
    const Result<CpuModel> model = parse_model("p3,+sse2,-pae");
    ASSERT_TRUE(model.ok());
    EXPECT_TRUE(model->features.has(Feature::SSE2));
    EXPECT_FALSE(model->features.has(Feature::PAE));
    EXPECT_TRUE(model->features.has(Feature::SSE));
}

TEST(Model, ErrorsSuggestWhatWasMeant) {
    const std::pair<const char*, const char*> cases[] = {
        {"pentum", "did you mean 'pentium'?"},
        {"p3,+ssee2", "did you mean 'sse2'?"},
        {"p3,sse2", "features are written +name or -name"},
        {"p3,+ds", "'ds' is not available"},
        {"p3,+lm", "feature 'lm' needs 'sse2'"},
        {"pentium,+sse", "feature 'sse' needs 'fxsr'"},
        {"p3,-mmx", "feature 'sse' needs 'mmx'"},
        {"p3,", "ends in a comma"},
        {"p3,-pae,", "ends in a comma"},
        {"", "unknown processor model ''"},
    };
    for (const auto& [spec, text] : cases) {
        const Result<CpuModel> model = parse_model(spec);
        ASSERT_FALSE(model.ok()) << spec;
        EXPECT_NE(model.error().message.find(text), std::string::npos) << model.error().message;
    }
}

TEST(Model, HelpNamesEveryModel) {
    const std::string text = describe_models();
    for (const CpuModel& m : cpu_models()) EXPECT_NE(text.find(std::string(m.name)), std::string::npos);
}

TEST(Model, EveryModelIsConsistent) {
    for (const CpuModel& m : cpu_models()) EXPECT_TRUE(parse_model(m.name).ok()) << m.name;
}

TEST(Cpuid, PentiumIiiLooksLikeOne) {
    TestMachine m(*find_model("p3"));
    EXPECT_EQ(cpuid_leaf(m.cpu, 0, 0), (CpuidResult{2, 0x756e6547, 0x6c65746e, 0x49656e69}));
    EXPECT_EQ(cpuid_leaf(m.cpu, 1, 0), (CpuidResult{0x68a, 0, 0, 0x0383f9ff}));  // no APIC
    EXPECT_EQ(cpuid_leaf(m.cpu, 2, 0), (CpuidResult{0x03020101, 0, 0, 0x0c040882}));
    EXPECT_EQ(cpuid_leaf(m.cpu, 0x80000000, 0), cpuid_leaf(m.cpu, 2, 0));  // beyond the last leaf
}

TEST(Cpuid, CacheAndExtendedLeavesOfCore2) {
    TestMachine m(*find_model("core2-32"));
    EXPECT_EQ(cpuid_leaf(m.cpu, 4, 0), (CpuidResult{0x121, 63 | 7u << 22, 63, 0}));
    EXPECT_EQ(cpuid_leaf(m.cpu, 4, 2), (CpuidResult{0x143, 63 | 15u << 22, 4095, 0}));
    EXPECT_EQ(cpuid_leaf(m.cpu, 4, 3), CpuidResult{});
    EXPECT_EQ(cpuid_leaf(m.cpu, 0x80000001, 0).edx, 1u << 20);
    EXPECT_EQ(cpuid_leaf(m.cpu, 0x80000006, 0).ecx, 64u | 8u << 12 | 4096u << 16);
    EXPECT_EQ(cpuid_leaf(m.cpu, 0x80000008, 0).eax, 0x2024u);
}

TEST(Cpuid, ExtendedStateSizesFollowXcr0) {
    TestMachine m;
    m.cpu.state.xcr0 = 3;
    EXPECT_EQ(cpuid_leaf(m.cpu, 0xd, 0).ebx, 576u);
    m.cpu.state.xcr0 = 0x203;
    EXPECT_EQ(cpuid_leaf(m.cpu, 0xd, 0).ebx, 2696u);
    EXPECT_EQ(cpuid_leaf(m.cpu, 0xd, 1).ebx, 584u) << "compacted";
    EXPECT_EQ(cpuid_leaf(m.cpu, 0xd, 9), (CpuidResult{8, 2688, 0, 0}));
}

TEST(Cpuid, BitsFollowTheControlRegisters) {
    TestMachine m;
    EXPECT_EQ(cpuid_leaf(m.cpu, 1, 0).ecx >> 26 & 3, 1u);
    EXPECT_EQ(cpuid_leaf(m.cpu, 7, 0).ecx >> 3 & 3, 1u);
    m.cpu.state.cr4 |= cr4::OSXSAVE | cr4::PKE;
    EXPECT_EQ(cpuid_leaf(m.cpu, 1, 0).ecx >> 26 & 3, 3u);
    EXPECT_EQ(cpuid_leaf(m.cpu, 7, 0).ecx >> 3 & 3, 3u);
    EXPECT_EQ(cpuid_leaf(m.cpu, 0x80000001, 0).edx >> 11 & 1, 0u) << "SYSCALL shows in 64-bit mode";
}

TEST(Cpuid, TheLeavesOfTimeAgreeWithTheCounter) {
    TestMachine m;
    const CpuidResult crystal = cpuid_leaf(m.cpu, 0x15, 0);
    EXPECT_EQ(u64{crystal.ecx} * crystal.ebx / crystal.eax, VirtualClock::kSecond);
    EXPECT_EQ(cpuid_leaf(m.cpu, 0x16, 0).eax, 1000u);
}

TEST(Cpuid, TheHypervisorRangeComesWithItsFeature) {
    TestMachine without;
    EXPECT_EQ(cpuid_leaf(without.cpu, 0x40000000, 0), cpuid_leaf(without.cpu, 0x1f, 0));
    const CpuModel model = parse_model("max,+hypervisor").value();
    TestMachine with(model);
    EXPECT_EQ(cpuid_leaf(with.cpu, 0x40000000, 0).ebx, 0x6d6f6e47u);
    EXPECT_EQ(cpuid_leaf(with.cpu, 1, 0).ecx >> 31, 1u);
}

TEST(Cpuid, TheDefaultModelHas52PhysicalAddressBits) {
    TestMachine m;
    EXPECT_EQ(cpuid_leaf(m.cpu, 0x80000008, 0).eax, 52u | 57u << 8);
}

TEST(Cpuid, TheMachinesProcessorsAreCoresOfOnePackage) {
    CpuModel model = default_model();
    ASSERT_TRUE(model.several_cores());
    model.cores = 6;
    TestMachine m(model);
    EXPECT_EQ(cpuid_leaf(m.cpu, 1, 0).ebx >> 16 & 0xff, 8u) << "APIC IDs that the package may have";
    EXPECT_EQ(cpuid_leaf(m.cpu, 1, 0).edx >> 28 & 1, 1u);
    EXPECT_EQ(cpuid_leaf(m.cpu, 4, 0).eax, 0x121u | 7u << 26) << "a core's own";
    for (const u32 leaf : {0xbu, 0x1fu}) {
        EXPECT_EQ(cpuid_leaf(m.cpu, leaf, 0), (CpuidResult{0, 1, 0x100, 0})) << "threads";
        EXPECT_EQ(cpuid_leaf(m.cpu, leaf, 1), (CpuidResult{3, 6, 0x201, 0})) << "cores";
        EXPECT_EQ(cpuid_leaf(m.cpu, leaf, 2), (CpuidResult{0, 0, 2, 0}));
    }
    TestMachine one;
    EXPECT_EQ(cpuid_leaf(one.cpu, 1, 0).ebx >> 16 & 0xff, 0u);
    EXPECT_EQ(cpuid_leaf(one.cpu, 0xb, 1), (CpuidResult{0, 1, 0x201, 0}));
    EXPECT_FALSE(find_model("p3")->several_cores());
}

TEST(Cpuid, TheThirdLevelCacheIsSharedByThePackage) {
    CpuModel model = *find_model("skylake-server");
    model.cores = 4;
    TestMachine m(model);
    EXPECT_EQ(cpuid_leaf(m.cpu, 4, 2).eax, 0x143u | 3u << 26);
    EXPECT_EQ(cpuid_leaf(m.cpu, 4, 3).eax, 0x163u | 3u << 14 | 3u << 26);
}

TEST(Cpuid, ZenTellsItsCoresInAmdsWay) {
    CpuModel model = *find_model("zen2");
    model.cores = 5;
    TestMachine m(model);
    EXPECT_EQ(cpuid_leaf(m.cpu, 0x80000001, 0).ecx >> 1 & 1, 1u) << "CmpLegacy";
    EXPECT_EQ(cpuid_leaf(m.cpu, 0x80000008, 0).ecx, 3u << 12 | 4u);
    EXPECT_EQ(cpuid_leaf(m.cpu, 0x8000001d, 3).eax, 0x163u | 7u << 14);
}

TEST(Cpuid, ZenSpeaksAmdsDialect) {
    TestMachine m(*find_model("zen2"));
    EXPECT_EQ(cpuid_leaf(m.cpu, 0, 0).ecx, 0x444d4163u);
    EXPECT_EQ(cpuid_leaf(m.cpu, 0x80000001, 0).eax, 0x830f10u);
    EXPECT_EQ(cpuid_leaf(m.cpu, 0x80000001, 0).edx >> 11 & 1, 1u);
    EXPECT_EQ(cpuid_leaf(m.cpu, 0x80000008, 0).eax, 0x3030u);
    EXPECT_EQ(cpuid_leaf(m.cpu, 0x80000006, 0).edx, 64u | 8u << 12 | 32u << 18);
    EXPECT_EQ(cpuid_leaf(m.cpu, 0x20, 0), CpuidResult{});
}

TEST(Cpuid, ResetLeavesTheSignatureInEdx) {
    TestMachine m(*find_model("pentium"));
    EXPECT_EQ(m.gpr(reg::DX), 0x52cu);
    EXPECT_EQ(m.cpu.state.cr0, 0x60000010u);
    TestMachine old(*find_model("386"));
    EXPECT_EQ(old.cpu.state.cr0, 0x10u);
}

TEST(Cpuid, DoesNotExistBeforeTheLateModels) {
    TestMachine m(*find_model("486"));
    m.enter_protected();
    m.code({0x0f, 0xa2});
    m.run();
    EXPECT_EQ(m.rip(), TestMachine::kHandler + 6 * 16);
}

struct MsrCase {
    const char* model;
    u32 index;
    u64 value;
    bool accepted;
};
class MsrWrite : public testing::TestWithParam<MsrCase> {};

TEST_P(MsrWrite, IsAcceptedOrGeneralProtection) {
    const MsrCase c = GetParam();
    TestMachine m(*find_model(c.model));
    EXPECT_EQ(write_msr(m.cpu, c.index, c.value), c.accepted);
    u64 value = 0;
    if (c.accepted) {
        EXPECT_TRUE(read_msr(m.cpu, c.index, value));
        EXPECT_EQ(value, c.value);
    }
}

INSTANTIATE_TEST_SUITE_P(
    Cases, MsrWrite,
    testing::Values(MsrCase{"max", 0x277, 0x0007040600070406, true},
                    MsrCase{"max", 0x277, 0x0002040600070406, false}, MsrCase{"pentium", 0x277, 0, false},
                    MsrCase{"max", 0x200, 0x80000006, true}, MsrCase{"max", 0x200, 0x80000002, false},
                    MsrCase{"max", 0x200, 0x80000f06, false}, MsrCase{"max", 0x201, 0xfc0000800, true},
                    MsrCase{"max", 0x201, u64{1} << 51 | 0x800, true}, MsrCase{"max", 0x201, u64{1} << 52 | 0x800, false}, MsrCase{"max", 0x201, 0x801, false},
                    MsrCase{"max", 0x20f, 0x800, true}, MsrCase{"max", 0x210, 0, false},
                    MsrCase{"max", 0x250, 0x0606060606060606, true},
                    MsrCase{"max", 0x26f, 0x0606060606060706, false}, MsrCase{"max", 0x2ff, 0xc06, true},
                    MsrCase{"max", 0x2ff, 0x1006, false}, MsrCase{"max", 0xfe, 0, false},
                    MsrCase{"max", 0x174, 0x60, true}, MsrCase{"pentium", 0x174, 0, false},
                    MsrCase{"max", 0x400, ~u64{0}, true}, MsrCase{"max", 0x401, 1, false},
                    MsrCase{"max", 0x401, 0, true}, MsrCase{"max", 0x17a, 8, false},
                    MsrCase{"max", 0x1b, 0xfee00900, false}, MsrCase{"max", 0xc0000080, efer::NXE, true},
                    MsrCase{"max", 0xc0000080, efer::LME, true},
                    MsrCase{"core2-32", 0xc0000080, efer::LME, false}, MsrCase{"p3", 0xc0000080, efer::NXE, false},
                    // Unannounced registers, by make: power management, AMD's system configuration.
                    MsrCase{"nehalem", 0xe2, 0x8403, true}, MsrCase{"max", 0xe2, 3, true}, MsrCase{"p4", 0xe2, 0, false},
                    MsrCase{"skylake-server", 0x1fc, 2, true}, MsrCase{"max", 0x1fc, 2, false}, MsrCase{"zen2", 0x1fc, 2, false},
                    MsrCase{"sandy-bridge", 0xce, 0, false}, MsrCase{"zen2", 0xc0010015, 0x01000011, true},
                    MsrCase{"zen2", 0xc001001f, u64{1} << 46, true}, MsrCase{"haswell", 0xc001001f, 0, false},
                    MsrCase{"zen2", 0xc0011029, 2, true}, MsrCase{"zen2", 0xc0011030, 0, false},
                    MsrCase{"max", 0x12345678, 0, false}));

TEST(Msr, RatioAndFrequencyBitsAgreeWithTheCounter) {
    TestMachine intel(*find_model("haswell"));
    u64 value = 0;
    ASSERT_TRUE(read_msr(intel.cpu, 0xce, value));
    EXPECT_EQ(value >> 8 & 0xff, 10u) << "times 100 MHz";
    TestMachine amd(*find_model("zen2"));
    ASSERT_TRUE(write_msr(amd.cpu, 0xc0010015, 0));
    ASSERT_TRUE(read_msr(amd.cpu, 0xc0010015, value));
    EXPECT_EQ(value, u64{1} << 24) << "TscFreqSel cannot be cleared";
}

TEST(Msr, TimeStampCounterCanBeSetAndCounts) {
    TestMachine m;
    m.enter_protected();
    m.code({0x0f, 0x30, 0x90, 0x90, 0x0f, 0x31});
    m.cpu.put<u32>(reg::CX, 0x10);
    m.cpu.put<u32>(reg::AX, 1000);
    m.cpu.put<u32>(reg::DX, 7);
    m.run(4);
    // Three instructions of 10 ns at 1 GHz.
    EXPECT_EQ(m.gpr(reg::AX), 1030u);
    EXPECT_EQ(m.gpr(reg::DX), 7u);
}

TEST(Msr, MicrocodeRevisionAppearsAfterCpuid) {
    TestMachine m(*find_model("p2"));
    u64 value = 1;
    ASSERT_TRUE(write_msr(m.cpu, 0x8b, 0));
    ASSERT_TRUE(read_msr(m.cpu, 0x8b, value));
    EXPECT_EQ(value, 0u);
    (void)cpuid_leaf(m.cpu, 1, 0);
    ASSERT_TRUE(read_msr(m.cpu, 0x8b, value));
    EXPECT_EQ(value, u64{0x2a} << 32);
}

}  // namespace
}  // namespace gnomon
