// The processor models and the language in which users choose one. Signatures and cache descriptors: Intel
// application note 485, "Intel Processor Identification and the CPUID Instruction".
#include "cpu/model.h"

#include <algorithm>
#include <vector>

namespace gnomon {
namespace {

using F = Feature;

constexpr FeatureSet k386{F::I386, F::FPU, F::LOADALL, F::TestRegisters};
constexpr FeatureSet k486sx{F::I386, F::I486};
/// No later generation has them.
constexpr FeatureSet kOld486{F::TestRegisters};
constexpr FeatureSet k486 = k486sx | FeatureSet{F::FPU};
constexpr FeatureSet k486dx4 = k486 | FeatureSet{F::CPUID, F::VME};
constexpr FeatureSet kPentium = k486dx4 | FeatureSet{F::DE, F::PSE, F::TSC, F::MSR, F::MCE, F::CX8, F::APIC};
constexpr FeatureSet kPentiumMmx = kPentium | FeatureSet{F::MMX};
constexpr FeatureSet kPentiumPro =
    kPentium | FeatureSet{F::P6, F::PAE, F::SEP, F::MTRR, F::PGE, F::MCA, F::CMOV};
constexpr FeatureSet kPentium2 = kPentiumPro | FeatureSet{F::MMX, F::FXSR, F::PAT, F::PSE36};
constexpr FeatureSet kPentium3 = kPentium2 | FeatureSet{F::SSE};
constexpr FeatureSet kPentium4 = kPentium3 | FeatureSet{F::SSE2, F::CLFSH, F::SS};
constexpr FeatureSet kCore2 = kPentium4 | FeatureSet{F::NX};

// 64-bit processors. What of a real one Gnomon lacks is left out of its row (`row_features`).
constexpr FeatureSet kCore2Duo = kCore2 | FeatureSet{F::LongMode, F::SYSCALL, F::LahfLong, F::CX16,  F::SSE3,  F::SSSE3,
                                                     F::MONITOR,  F::APIC,    F::ACPI,     F::HTT, F::CONSTANT_TSC, F::VMX};
constexpr FeatureSet kNehalem = kCore2Duo | FeatureSet{F::SSE4_1, F::SSE4_2, F::POPCNT, F::RDTSCP, F::X2APIC};
constexpr FeatureSet kSandyBridge =
    kNehalem | FeatureSet{F::AES, F::PCLMULQDQ, F::AVX, F::XSAVE, F::XSAVEOPT, F::TSC_DEADLINE, F::PCID, F::ARAT};
constexpr FeatureSet kHaswell =
    kSandyBridge | FeatureSet{F::F16C, F::RDRAND, F::FSGSBASE, F::SMEP, F::ERMS, F::AVX2, F::BMI1, F::BMI2, F::FMA,
                              F::MOVBE, F::LZCNT, F::INVPCID, F::TSC_ADJUST, F::PDPE1GB};
constexpr FeatureSet kSkylakeServer =
    kHaswell | FeatureSet{F::RDSEED, F::ADX, F::PREFETCHW, F::SMAP, F::CLFLUSHOPT, F::CLWB, F::PKU, F::XSAVEC, F::XGETBV1,
                          F::XSAVES, F::AVX512F, F::AVX512CD, F::AVX512BW, F::AVX512DQ, F::AVX512VL};
constexpr FeatureSet kIceLakeServer =
    kSkylakeServer | FeatureSet{F::UMIP, F::LA57, F::RDPID, F::SHA, F::GFNI, F::VAES, F::VPCLMULQDQ, F::AVX512_IFMA,
                                F::AVX512_VBMI, F::AVX512_VBMI2, F::AVX512_VNNI, F::AVX512_BITALG, F::AVX512_VPOPCNTDQ, F::FSRM};
constexpr FeatureSet kZen2 =
    kCore2 | FeatureSet{F::LongMode, F::SYSCALL, F::LahfLong, F::CX16, F::SSE3, F::SSSE3, F::SSE4_1, F::SSE4_2, F::SSE4A,
                        F::POPCNT, F::LZCNT, F::BMI1, F::BMI2, F::MOVBE, F::ADX, F::AES, F::PCLMULQDQ, F::SHA, F::AVX, F::AVX2,
                        F::F16C, F::FMA, F::XSAVE, F::XSAVEOPT, F::XSAVEC, F::XGETBV1, F::XSAVES, F::RDRAND, F::RDSEED,
                        F::RDTSCP, F::RDPID, F::FSGSBASE, F::CLFLUSHOPT, F::CLWB, F::MONITOR, F::PREFETCHW, F::PDPE1GB,
                        F::SMEP, F::SMAP, F::UMIP, F::APIC, F::HTT, F::ARAT, F::CONSTANT_TSC, F::CR8_LEGACY, F::SVM};

/// What Gnomon can do: the features of `max`. A feature belongs here as soon as its instructions work.
constexpr FeatureSet kMax =
    kCore2 | FeatureSet{F::LongMode, F::SYSCALL, F::LahfLong, F::CX16, F::MOVBE, F::POPCNT, F::LZCNT,
                        F::ADX, F::RDTSCP, F::RDPID, F::FSGSBASE, F::PDPE1GB, F::PCID,
                        F::INVPCID, F::SMEP, F::SMAP, F::UMIP, F::PKU, F::PKS, F::LA57, F::RDRAND, F::RDSEED, F::CLFLUSHOPT,
                        F::CLWB, F::SERIALIZE, F::PREFETCHW, F::XSAVE, F::XSAVEOPT, F::XSAVEC, F::XGETBV1, F::XSAVES,
                        F::TSC_ADJUST, F::CONSTANT_TSC, F::ERMS, F::FSRM, F::APIC, F::X2APIC, F::TSC_DEADLINE, F::ARAT, F::MONITOR,
                        F::WAITPKG, F::SSE3, F::SSSE3, F::SSE4_1, F::SSE4_2, F::AES, F::PCLMULQDQ, F::SHA, F::GFNI, F::BMI1, F::BMI2, F::AVX, F::F16C,
                        F::FMA, F::AVX2, F::VAES, F::VPCLMULQDQ, F::AVX_VNNI, F::AVX512F, F::AVX512CD, F::AVX512BW, F::AVX512DQ,
                        F::AVX512VL, F::AVX512_IFMA, F::AVX512_VBMI, F::AVX512_VBMI2, F::AVX512_VNNI, F::AVX512_BITALG,
                        F::AVX512_VPOPCNTDQ};
/// Gnomon has these, but they are of no use to most guests: `+name` brings them.
constexpr FeatureSet kOnRequest = FeatureSet{F::HYPERVISOR, F::CR8_LEGACY, F::SSE4A, F::LOADALL, F::TestRegisters};
constexpr FeatureSet kImplemented = kMax | kOnRequest;

using Cache = CpuModel::Cache;
constexpr Cache kAtomL1Data{1, 1, 6, 64, 64}, kAtomL1Code{2, 1, 8, 64, 64}, kAtomL2{3, 2, 8, 64, 1024};
constexpr Cache kXeonL1Data{1, 1, 8, 64, 64}, kXeonL1Code{2, 1, 8, 64, 64}, kNehalemL1Code{2, 1, 4, 64, 128},
    kNehalemL2{3, 2, 8, 64, 512}, kNehalemL3{3, 3, 16, 64, 8192}, kSkylakeL2{3, 2, 16, 64, 1024},
    kSkylakeL3{3, 3, 11, 64, 32768}, kIceLakeL1Data{1, 1, 12, 64, 64}, kIceLakeL2{3, 2, 20, 64, 1024},
    kIceLakeL3{3, 3, 12, 64, 65536}, kZen2L2{3, 2, 8, 64, 1024}, kZen2L3{3, 3, 16, 64, 16384};
constexpr Cache kCore2L1Data{1, 1, 8, 64, 64}, kCore2L1Code{2, 1, 8, 64, 64}, kCore2L2{3, 2, 16, 64, 4096};

consteval FeatureSet row_features(const FeatureSet& real) { return real & kImplemented; }

constexpr auto kModels = std::to_array<CpuModel>({
    // The signature of an Atom, which executes in order: systems that know this leave out their mitigations
    // of
    // speculative execution, and an interpreter has nothing for them to mitigate.
    {.name = "max",
     .description = "everything that Gnomon has; the default",
     .vendor = kVendorIntel,
     .family = 6,
     .model = 28,
     .stepping = 10,
     .brand = "Gnomon virtual processor",
     .features = kMax,
     .cache_descriptors = {0x59, 0xba, 0x4f, 0xc0, 0x80, 0x30, 0x0e},
     .caches = {kAtomL1Data, kAtomL1Code, kAtomL2},
     .highest_leaf = 0x1f,
     .physical_bits = 52,
     .microcode = u64{0x107} << 32},
    {.name = "386",
     .description = "Intel386 DX with a 387",
     .vendor = kVendorIntel,
     .family = 3,
     .model = 0,
     .stepping = 8,
     .features = k386},
    {.name = "486sx",
     .description = "Intel486 SX, no FPU, no CPUID",
     .vendor = kVendorIntel,
     .family = 4,
     .model = 2,
     .stepping = 3,
     .features = k486sx | kOld486},
    {.name = "486",
     .description = "Intel486 DX, no CPUID",
     .vendor = kVendorIntel,
     .family = 4,
     .model = 1,
     .stepping = 5,
     .features = k486 | kOld486},
    {.name = "486dx4",
     .description = "IntelDX4, CPUID and virtual-8086 extensions",
     .vendor = kVendorIntel,
     .family = 4,
     .model = 8,
     .stepping = 3,
     .features = k486dx4 | kOld486},
    {.name = "pentium",
     .description = "Pentium (P54C)",
     .vendor = kVendorIntel,
     .family = 5,
     .model = 2,
     .stepping = 12,
     .features = kPentium},
    {.name = "pentium-mmx",
     .description = "Pentium with MMX (P55C)",
     .vendor = kVendorIntel,
     .family = 5,
     .model = 4,
     .stepping = 3,
     .features = kPentiumMmx},
    {.name = "ppro",
     .description = "Pentium Pro, 256 KB L2",
     .vendor = kVendorIntel,
     .family = 6,
     .model = 1,
     .stepping = 9,
     .features = kPentiumPro,
     .cache_descriptors = {0x01, 0x02, 0x03, 0, 0, 0, 0, 0, 0, 0, 0, 0x42, 0x0a, 0x04, 0x06},
     .physical_bits = 36,
     .microcode = u64{0xd2} << 32},
    {.name = "p2",
     .description = "Pentium II (Deschutes), 512 KB L2",
     .vendor = kVendorIntel,
     .family = 6,
     .model = 5,
     .stepping = 2,
     .features = kPentium2,
     .cache_descriptors = {0x01, 0x02, 0x03, 0, 0, 0, 0, 0, 0, 0, 0, 0x43, 0x08, 0x04, 0x0c},
     .physical_bits = 36,
     .microcode = u64{0x2a} << 32},
    {.name = "p3",
     .description = "Pentium III (Coppermine), 256 KB L2, SSE",
     .vendor = kVendorIntel,
     .family = 6,
     .model = 8,
     .stepping = 10,
     .features = kPentium3,
     .cache_descriptors = {0x01, 0x02, 0x03, 0, 0, 0, 0, 0, 0, 0, 0, 0x82, 0x08, 0x04, 0x0c},
     .physical_bits = 36,
     .microcode = u64{1} << 32},
    {.name = "p4",
     .description = "Pentium 4 (Northwood), 512 KB L2, SSE2",
     .vendor = kVendorIntel,
     .family = 15,
     .model = 2,
     .stepping = 9,
     .brand = "              Intel(R) Pentium(R) 4 CPU 2.40GHz",
     .features = kPentium4,
     .cache_descriptors = {0x50, 0x5b, 0x66, 0, 0, 0, 0, 0, 0, 0, 0, 0x40, 0x70, 0x7b, 0},
     .physical_bits = 36,
     .microcode = u64{0x2f} << 32},
    {.name = "core2-32",
     .description = "Core 2 seen in 32-bit mode: SSE2, PAE, NX",
     .vendor = kVendorIntel,
     .family = 6,
     .model = 15,
     .stepping = 6,
     .brand = "Intel(R) Core(TM)2 CPU          6600  @ 2.40GHz",
     .features = kCore2,
     .cache_descriptors = {0xb1, 0xb0, 0x05, 0xf0, 0x57, 0x56, 0x7d, 0x30, 0xb4, 0x2c},
     .caches = {kCore2L1Data, kCore2L1Code, kCore2L2},
     .physical_bits = 36,
     .microcode = u64{0xd1} << 32},
    {.name = "core2duo",
     .description = "Core 2 Duo (Conroe): 64-bit, SSSE3",
     .vendor = kVendorIntel,
     .family = 6,
     .model = 15,
     .stepping = 6,
     .brand = "Intel(R) Core(TM)2 CPU          6600  @ 2.40GHz",
     .features = row_features(kCore2Duo),
     .cache_descriptors = {0xff},
     .caches = {kCore2L1Data, kCore2L1Code, kCore2L2},
     .highest_leaf = 0xa,
     .physical_bits = 36,
     .microcode = u64{0xd1} << 32},
    {.name = "nehalem",
     .description = "Core i7 (Nehalem): SSE4.2, RDTSCP",
     .vendor = kVendorIntel,
     .family = 6,
     .model = 26,
     .stepping = 5,
     .brand = "Intel(R) Core(TM) i7 CPU         920  @ 2.67GHz",
     .features = row_features(kNehalem),
     .cache_descriptors = {0xff},
     .caches = {kXeonL1Data, kNehalemL1Code, kNehalemL2, kNehalemL3},
     .highest_leaf = 0xb,
     .physical_bits = 36,
     .microcode = u64{0x1d} << 32},
    {.name = "sandy-bridge",
     .description = "Xeon E3 (Sandy Bridge): AVX, PCID",
     .vendor = kVendorIntel,
     .family = 6,
     .model = 42,
     .stepping = 7,
     .brand = "Intel(R) Xeon(R) CPU E31225 @ 3.10GHz",
     .features = row_features(kSandyBridge),
     .cache_descriptors = {0xff},
     .caches = {kXeonL1Data, kXeonL1Code, kNehalemL2, kNehalemL3},
     .highest_leaf = 0xd,
     .physical_bits = 36,
     .microcode = u64{0x2f} << 32},
    {.name = "haswell",
     .description = "Core i7 (Haswell): AVX2, BMI, SMEP, INVPCID",
     .vendor = kVendorIntel,
     .family = 6,
     .model = 60,
     .stepping = 3,
     .brand = "Intel(R) Core(TM) i7-4770 CPU @ 3.40GHz",
     .features = row_features(kHaswell),
     .cache_descriptors = {0xff},
     .caches = {kXeonL1Data, kXeonL1Code, kNehalemL2, kNehalemL3},
     .highest_leaf = 0xd,
     .physical_bits = 39,
     .microcode = u64{0x28} << 32},
    {.name = "skylake-server",
     .description = "Xeon Scalable (Skylake-SP): AVX-512, SMAP, PKU",
     .vendor = kVendorIntel,
     .family = 6,
     .model = 85,
     .stepping = 4,
     .brand = "Intel(R) Xeon(R) Gold 6130 CPU @ 2.10GHz",
     .features = row_features(kSkylakeServer),
     .cache_descriptors = {0xff},
     .caches = {kXeonL1Data, kXeonL1Code, kSkylakeL2, kSkylakeL3},
     .highest_leaf = 0x16,
     .physical_bits = 46,
     .microcode = u64{0x2007006} << 32},
    {.name = "ice-lake-server",
     .description = "Xeon Scalable (Ice Lake-SP): LA57, UMIP, VAES",
     .vendor = kVendorIntel,
     .family = 6,
     .model = 106,
     .stepping = 6,
     .brand = "Intel(R) Xeon(R) Gold 6330 CPU @ 2.00GHz",
     .features = row_features(kIceLakeServer),
     .cache_descriptors = {0xff},
     .caches = {kIceLakeL1Data, kXeonL1Code, kIceLakeL2, kIceLakeL3},
     .highest_leaf = 0x16,
     .physical_bits = 46,
     .microcode = u64{0xd0003d1} << 32},
    {.name = "zen2",
     .description = "EPYC (Zen 2, Rome)",
     .vendor = kVendorAmd,
     .family = 23,
     .model = 49,
     .stepping = 0,
     .brand = "AMD EPYC 7402 24-Core Processor",
     .features = row_features(kZen2),
     .cache_descriptors = {0},
     .caches = {kXeonL1Data, kXeonL1Code, kZen2L2, kZen2L3},
     .highest_leaf = 0x10,
     .physical_bits = 48,
     .microcode = 0x830107c},
});

/// Features that users may switch, by the names that /proc/cpuinfo has made common.
struct NamedFeature {
    std::string_view name;
    Feature feature;
};
constexpr auto kNames = std::to_array<NamedFeature>({
    {"i386", F::I386},     {"i486", F::I486},   {"p6", F::P6},       {"fpu", F::FPU}, {"vme", F::VME},
    {"de", F::DE},         {"pse", F::PSE},     {"tsc", F::TSC},     {"msr", F::MSR}, {"pae", F::PAE},
    {"mce", F::MCE},       {"cx8", F::CX8},     {"apic", F::APIC},   {"sep", F::SEP}, {"mtrr", F::MTRR},
    {"pge", F::PGE},       {"mca", F::MCA},     {"cmov", F::CMOV},   {"pat", F::PAT}, {"pse36", F::PSE36},
    {"clflush", F::CLFSH}, {"ds", F::DS},       {"acpi", F::ACPI},   {"mmx", F::MMX}, {"fxsr", F::FXSR},
    {"sse", F::SSE},       {"sse2", F::SSE2},   {"ss", F::SS},       {"ht", F::HTT},  {"sse3", F::SSE3},
    {"nx", F::NX},         {"cpuid", F::CPUID}, {"lm", F::LongMode},
    {"lahf_lm", F::LahfLong}, {"cx16", F::CX16}, {"movbe", F::MOVBE}, {"popcnt", F::POPCNT},
    {"abm", F::LZCNT}, {"bmi1", F::BMI1}, {"bmi2", F::BMI2}, {"adx", F::ADX},
    {"rdrand", F::RDRAND}, {"rdseed", F::RDSEED}, {"rdtscp", F::RDTSCP}, {"rdpid", F::RDPID},
    {"fsgsbase", F::FSGSBASE}, {"clflushopt", F::CLFLUSHOPT}, {"clwb", F::CLWB}, {"monitor", F::MONITOR},
    {"waitpkg", F::WAITPKG}, {"3dnowprefetch", F::PREFETCHW}, {"serialize", F::SERIALIZE}, {"erms", F::ERMS},
    {"fsrm", F::FSRM}, {"ssse3", F::SSSE3}, {"sse4_1", F::SSE4_1}, {"sse4_2", F::SSE4_2},
    {"sse4a", F::SSE4A}, {"aes", F::AES}, {"pclmulqdq", F::PCLMULQDQ}, {"sha_ni", F::SHA},
    {"gfni", F::GFNI}, {"avx", F::AVX}, {"f16c", F::F16C}, {"fma", F::FMA},
    {"avx2", F::AVX2}, {"vaes", F::VAES}, {"vpclmulqdq", F::VPCLMULQDQ}, {"avx_vnni", F::AVX_VNNI},
    {"avx512f", F::AVX512F}, {"avx512cd", F::AVX512CD}, {"avx512bw", F::AVX512BW}, {"avx512dq", F::AVX512DQ},
    {"avx512vl", F::AVX512VL}, {"avx512ifma", F::AVX512_IFMA}, {"avx512vbmi", F::AVX512_VBMI}, {"avx512_vbmi2", F::AVX512_VBMI2},
    {"avx512_vnni", F::AVX512_VNNI}, {"avx512_bitalg", F::AVX512_BITALG}, {"avx512_vpopcntdq", F::AVX512_VPOPCNTDQ}, {"xsave", F::XSAVE},
    {"xsaveopt", F::XSAVEOPT}, {"xsavec", F::XSAVEC}, {"xgetbv1", F::XGETBV1}, {"xsaves", F::XSAVES},
    {"syscall", F::SYSCALL}, {"pdpe1gb", F::PDPE1GB}, {"la57", F::LA57}, {"pcid", F::PCID},
    {"invpcid", F::INVPCID}, {"smep", F::SMEP}, {"smap", F::SMAP}, {"umip", F::UMIP},
    {"pku", F::PKU}, {"pks", F::PKS}, {"x2apic", F::X2APIC}, {"tsc_deadline_timer", F::TSC_DEADLINE},
    {"tsc_adjust", F::TSC_ADJUST}, {"arat", F::ARAT}, {"constant_tsc", F::CONSTANT_TSC}, {"hypervisor", F::HYPERVISOR},
    {"cr8_legacy", F::CR8_LEGACY}, {"vmx", F::VMX}, {"svm", F::SVM}, {"loadall", F::LOADALL},
    {"test_registers", F::TestRegisters},
});
static_assert(kNames.size() == static_cast<size_t>(Feature::Count));

bool available(Feature f) { return kImplemented.has(f) && f != F::I386; }

struct Dependency {
    Feature feature, needs;
};
constexpr Dependency kDependencies[] = {
    {F::P6, F::I486},    {F::CPUID, F::I486}, {F::VME, F::CPUID}, {F::DE, F::CPUID},    {F::PSE, F::CPUID},
    {F::TSC, F::CPUID},  {F::MSR, F::CPUID},  {F::PAE, F::CPUID}, {F::PGE, F::CPUID},   {F::CX8, F::CPUID},
    {F::CMOV, F::CPUID}, {F::MCE, F::MSR},    {F::MCA, F::MCE},   {F::SEP, F::MSR},     {F::MTRR, F::MSR},
    {F::PAT, F::MSR},    {F::PSE36, F::PSE},  {F::MMX, F::FPU},   {F::MMX, F::CPUID},   {F::FXSR, F::FPU},
    {F::SSE, F::FXSR},   {F::SSE, F::MMX},    {F::SSE2, F::SSE},  {F::CLFSH, F::CPUID}, {F::NX, F::PAE},
    {F::NX, F::MSR},     {F::FXSR, F::CPUID}, {F::SS, F::CPUID},
    {F::LongMode, F::PAE}, {F::LongMode, F::SSE2}, {F::LongMode, F::SYSCALL}, {F::LongMode, F::PGE}, {F::LongMode, F::CMOV},
    {F::SYSCALL, F::MSR}, {F::LahfLong, F::LongMode}, {F::CX16, F::LongMode}, {F::FSGSBASE, F::LongMode},
    {F::PDPE1GB, F::LongMode}, {F::PCID, F::LongMode}, {F::INVPCID, F::CPUID}, {F::LA57, F::LongMode},
    {F::PKU, F::LongMode}, {F::PKS, F::LongMode}, {F::SMEP, F::CPUID}, {F::SMAP, F::CPUID}, {F::UMIP, F::CPUID},
    {F::RDTSCP, F::TSC}, {F::RDPID, F::RDTSCP}, {F::TSC_ADJUST, F::TSC}, {F::TSC_DEADLINE, F::APIC}, {F::X2APIC, F::APIC},
    {F::ARAT, F::APIC}, {F::CLFLUSHOPT, F::CLFSH}, {F::CLWB, F::CLFSH}, {F::WAITPKG, F::TSC},
    {F::SSE3, F::SSE2}, {F::SSSE3, F::SSE3}, {F::SSE4_1, F::SSSE3}, {F::SSE4_2, F::SSE4_1}, {F::SSE4A, F::SSE3},
    {F::AES, F::SSE2}, {F::PCLMULQDQ, F::SSE2}, {F::SHA, F::SSSE3}, {F::GFNI, F::SSE2},
    {F::XSAVE, F::FXSR}, {F::XSAVEOPT, F::XSAVE}, {F::XSAVEC, F::XSAVE}, {F::XGETBV1, F::XSAVE}, {F::XSAVES, F::XSAVEC},
    {F::AVX, F::XSAVE}, {F::AVX, F::SSE4_2}, {F::F16C, F::AVX}, {F::FMA, F::AVX}, {F::AVX2, F::AVX}, {F::VAES, F::AVX2},
    {F::VAES, F::AES}, {F::VPCLMULQDQ, F::AVX2}, {F::VPCLMULQDQ, F::PCLMULQDQ}, {F::AVX_VNNI, F::AVX2}, {F::AVX512F, F::AVX2},
    {F::AVX512F, F::FMA}, {F::AVX512F, F::F16C}, {F::AVX512CD, F::AVX512F}, {F::AVX512BW, F::AVX512F},
    {F::AVX512DQ, F::AVX512F}, {F::AVX512VL, F::AVX512F}, {F::AVX512_IFMA, F::AVX512F}, {F::AVX512_VBMI, F::AVX512BW},
    {F::AVX512_VBMI2, F::AVX512BW}, {F::AVX512_VNNI, F::AVX512F}, {F::AVX512_BITALG, F::AVX512BW},
    {F::AVX512_VPOPCNTDQ, F::AVX512F}, {F::VMX, F::LongMode}, {F::SVM, F::LongMode}, {F::ERMS, F::CPUID}, {F::FSRM, F::ERMS},
};

size_t edit_distance(std::string_view a, std::string_view b) {
    std::vector<size_t> row(b.size() + 1);
    for (size_t j = 0; j <= b.size(); j++) row[j] = j;
    for (size_t i = 1; i <= a.size(); i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b.size(); j++) {
            const size_t changed = diagonal + (a[i - 1] != b[j - 1]);
            diagonal = row[j];
            row[j] = std::min({row[j] + 1, row[j - 1] + 1, changed});
        }
    }
    return row.back();
}

/// " (did you mean 'pentium'?)", or nothing if no name is near.
template<class Range>
std::string suggestion(std::string_view wanted, const Range& range) {
    std::string_view best;
    size_t distance = wanted.size() / 2 + 1;
    for (const auto& item : range)
        if (const size_t d = edit_distance(wanted, item.name); d < distance) {
            distance = d;
            best = item.name;
        }
    return best.empty() ? std::string{} : fmt::format(" (did you mean '{}'?)", best);
}

template<class Range>
std::string names(const Range& range) {
    std::string list;
    for (const auto& item : range) list += fmt::format("{}{}", list.empty() ? "" : ", ", item.name);
    return list;
}

std::vector<NamedFeature> switchable() {
    std::vector<NamedFeature> list;
    for (const NamedFeature& f : kNames)
        if (available(f.feature)) list.push_back(f);
    return list;
}

Result<void> apply(CpuModel& model, std::string_view item) {
    if (item.size() < 2 || (item[0] != '+' && item[0] != '-'))
        return fail("'{}' in a processor model: features are written +name or -name", item);
    const std::string_view name = item.substr(1);
    const auto list = switchable();
    const auto known =
        std::find_if(kNames.begin(), kNames.end(), [&](const NamedFeature& f) { return f.name == name; });
    if (known == kNames.end())
        return fail("unknown processor feature '{}'{}; there are: {}", name, suggestion(name, list),
                    names(list));
    if (item[0] == '+' && !available(known->feature))
        return fail("processor feature '{}' is not available; there are: {}", name, names(list));
    if (item[0] == '-' && known->feature == F::I386)
        return fail("processor feature 'i386' cannot be taken away");
    model.features.set(known->feature, item[0] == '+');
    return {};
}

}  // namespace

std::span<const CpuModel> cpu_models() { return kModels; }
const CpuModel& default_model() { return kModels[0]; }

const CpuModel* find_model(std::string_view name) {
    const auto found =
        std::find_if(kModels.begin(), kModels.end(), [&](const CpuModel& m) { return m.name == name; });
    return found == kModels.end() ? nullptr : &*found;
}

std::string_view feature_name(Feature feature) {
    for (const NamedFeature& f : kNames)
        if (f.feature == feature) return f.name;
    return {};
}

Result<CpuModel> parse_model(std::string_view spec) {
    std::string_view rest = spec;
    const auto next = [&] {
        const size_t comma = rest.find(',');
        const std::string_view item = rest.substr(0, comma);
        rest = comma == std::string_view::npos ? std::string_view{} : rest.substr(comma + 1);
        return item;
    };
    const std::string_view name = next();
    const CpuModel* found = find_model(name);
    if (!found)
        return fail("unknown processor model '{}'{}; there are: {}", name, suggestion(name, kModels),
                    names(kModels));
    CpuModel model = *found;
    if (spec.ends_with(',')) return fail("processor model '{}' ends in a comma", spec);
    while (!rest.empty())
        if (Result<void> applied = apply(model, next()); !applied) return applied.error();
    for (const Dependency& d : kDependencies)
        if (model.features.has(d.feature) && !model.features.has(d.needs))
            return fail("processor model '{}': feature '{}' needs '{}'", spec, feature_name(d.feature),
                        feature_name(d.needs));
    return model;
}

std::string describe_models() {
    std::string text = "Processor models:\n";
    for (const CpuModel& m : kModels) text += fmt::format("  {:<12} {}\n", m.name, m.description);
    text += "Features, added or removed with +name and -name:\n ";
    size_t column = 1;
    for (const NamedFeature& f : switchable()) {
        if (column + f.name.size() + 1 > 76) {
            text += "\n ";
            column = 1;
        }
        text += fmt::format(" {}", f.name);
        column += f.name.size() + 1;
    }
    return text + "\n";
}

}  // namespace gnomon
