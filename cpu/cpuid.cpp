// CPUID leaves: basic, extended and those of hypervisors. SDM Vol. 2, CPUID, "Information Returned by CPUID
// Instruction".
#include "cpu/cpuid.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "cpu/apic/local_apic.h"
#include "cpu/fpu/xsave.h"
#include "cpu/long_mode.h"
#include "cpu/model.h"
#include "cpu/system_registers.h"

namespace gnomon {
namespace {

struct FeatureBit {
    Feature feature;
    u8 bit;
};
constexpr FeatureBit kLeaf1Edx[] = {
    {Feature::FPU, 0},  {Feature::VME, 1},    {Feature::DE, 2},     {Feature::PSE, 3},   {Feature::TSC, 4},
    {Feature::MSR, 5},  {Feature::PAE, 6},    {Feature::MCE, 7},    {Feature::CX8, 8},   {Feature::APIC, 9},
    {Feature::SEP, 11}, {Feature::MTRR, 12},  {Feature::PGE, 13},   {Feature::MCA, 14},  {Feature::CMOV, 15},
    {Feature::PAT, 16}, {Feature::PSE36, 17}, {Feature::CLFSH, 19}, {Feature::DS, 21},   {Feature::ACPI, 22},
    {Feature::MMX, 23}, {Feature::FXSR, 24},  {Feature::SSE, 25},   {Feature::SSE2, 26}, {Feature::SS, 27},
    {Feature::HTT, 28},
};
constexpr FeatureBit kLeaf1Ecx[] = {
    {Feature::SSE3, 0},    {Feature::PCLMULQDQ, 1},  {Feature::MONITOR, 3},       {Feature::VMX, 5},
    {Feature::SSSE3, 9},   {Feature::FMA, 12},       {Feature::CX16, 13},         {Feature::PCID, 17},
    {Feature::SSE4_1, 19}, {Feature::SSE4_2, 20},    {Feature::X2APIC, 21},       {Feature::MOVBE, 22},
    {Feature::POPCNT, 23}, {Feature::TSC_DEADLINE, 24}, {Feature::AES, 25},       {Feature::XSAVE, 26},
    {Feature::AVX, 28},    {Feature::F16C, 29},      {Feature::RDRAND, 30},       {Feature::HYPERVISOR, 31},
};
constexpr FeatureBit kLeaf7Ebx[] = {
    {Feature::FSGSBASE, 0},  {Feature::TSC_ADJUST, 1}, {Feature::BMI1, 3},      {Feature::AVX2, 5},
    {Feature::SMEP, 7},      {Feature::BMI2, 8},       {Feature::ERMS, 9},      {Feature::INVPCID, 10},
    {Feature::AVX512F, 16},  {Feature::AVX512DQ, 17},  {Feature::RDSEED, 18},   {Feature::ADX, 19},
    {Feature::SMAP, 20},     {Feature::AVX512_IFMA, 21}, {Feature::CLFLUSHOPT, 23}, {Feature::CLWB, 24},
    {Feature::AVX512CD, 28}, {Feature::SHA, 29},       {Feature::AVX512BW, 30}, {Feature::AVX512VL, 31},
};
constexpr FeatureBit kLeaf7Ecx[] = {
    {Feature::AVX512_VBMI, 1},  {Feature::UMIP, 2},         {Feature::PKU, 3},
    {Feature::WAITPKG, 5},      {Feature::AVX512_VBMI2, 6}, {Feature::GFNI, 8},
    {Feature::VAES, 9},         {Feature::VPCLMULQDQ, 10},  {Feature::AVX512_VNNI, 11},
    {Feature::AVX512_BITALG, 12}, {Feature::AVX512_VPOPCNTDQ, 14}, {Feature::LA57, 16},
    {Feature::RDPID, 22},       {Feature::PKS, 31},
};
constexpr FeatureBit kLeaf7Edx[] = {{Feature::FSRM, 4}, {Feature::SERIALIZE, 14}};
constexpr FeatureBit kLeaf7Sub1Eax[] = {{Feature::AVX_VNNI, 4}};
constexpr FeatureBit kLeafDEax1[] = {
    {Feature::XSAVEOPT, 0}, {Feature::XSAVEC, 1}, {Feature::XGETBV1, 2}, {Feature::XSAVES, 3}};
constexpr FeatureBit kExtendedEdx[] = {{Feature::SYSCALL, 11}, {Feature::NX, 20},     {Feature::PDPE1GB, 26},
                                       {Feature::RDTSCP, 27},  {Feature::LongMode, 29}};
constexpr FeatureBit kExtendedEcx[] = {{Feature::LahfLong, 0}, {Feature::SVM, 2},   {Feature::CR8_LEGACY, 4},
                                       {Feature::LZCNT, 5},    {Feature::SSE4A, 6}, {Feature::PREFETCHW, 8}};
/// 80000001 EDX of AMD's processors repeats these bits of leaf 1.
constexpr u32 kAmdRepeated = 0x0183f3ff;

template<size_t N>
u32 bits(const FeatureSet& features, const FeatureBit (&table)[N]) {
    u32 value = 0;
    for (const FeatureBit& f : table)
        if (features.has(f.feature)) value |= 1u << f.bit;
    return value;
}

u32 text(std::string_view s, size_t at) {
    u32 value = 0;
    for (size_t i = 0; i < 4 && at + i < s.size(); i++) value |= u32{static_cast<u8>(s[at + i])} << 8 * i;
    return value;
}

constexpr u32 kTscHertz = 1'000'000'000, kCrystalHertz = 25'000'000;

u32 apic_id(const Cpu& cpu) { return cpu.apic ? cpu.apic->id() : 0; }

bool amd(const CpuModel& m) { return m.vendor == kVendorAmd; }
/// Low bits of the APIC ID that number the cores of the package.
u32 core_bits(const CpuModel& m) { return static_cast<u32>(std::bit_width(m.cores - 1u)); }
bool has_caches(const CpuModel& m) { return m.caches[0].type != 0; }

u32 highest_leaf(const CpuModel& m, const FeatureSet& f) {
    u32 leaf = m.cache_descriptors[0] ? 2 : 1;
    if (has_caches(m) && !amd(m)) leaf = 4;
    if (f.has(Feature::MONITOR)) leaf = std::max(leaf, 5u);
    if (f.has(Feature::ARAT)) leaf = std::max(leaf, 6u);
    if (bits(f, kLeaf7Ebx) || bits(f, kLeaf7Ecx) || bits(f, kLeaf7Edx)) leaf = std::max(leaf, 7u);
    if (f.has(Feature::X2APIC)) leaf = std::max(leaf, 0xbu);
    if (f.has(Feature::XSAVE)) leaf = std::max(leaf, 0xdu);
    return std::max(leaf, u32{m.highest_leaf});
}
/// 0: there are no extended leaves.
u32 highest_extended_leaf(const CpuModel& m, const FeatureSet& f) {
    if (amd(m)) return 0x8000001e;
    if (f.has(Feature::NX) || f.has(Feature::LongMode)) return 0x80000008;
    return m.brand.empty() ? 0 : 0x80000004;
}

CpuidResult vendor_leaf(const CpuModel& m, const FeatureSet& f) {
    return {highest_leaf(m, f), text(m.vendor, 0), text(m.vendor, 8), text(m.vendor, 4)};
}

CpuidResult feature_leaf(Cpu& cpu) {
    const CpuModel& m = cpu.model();
    if (cpu.features().has(Feature::P6)) cpu.state.msr.microcode = m.microcode;
    const u32 clflush = cpu.features().has(Feature::CLFSH) ? 8u << 8 : 0;  // lines of 64 bytes
    u32 ecx = bits(cpu.features(), kLeaf1Ecx);
    if (cpu.state.cr4 & cr4::OSXSAVE) ecx |= 1u << 27;
    u32 edx = bits(cpu.features(), kLeaf1Edx);
    u32 ids = 0;  // how many APIC IDs the package can have
    if (m.cores > 1) {
        edx |= 1u << 28;
        ids = 1u << core_bits(m) << 16;
    }
    // As if taken away while it is disabled.
    if (!cpu.apic || !cpu.apic->enabled()) edx &= ~(1u << 9);
    return {m.signature(), clflush | ids | apic_id(cpu) << 24, ecx, edx};
}

CpuidResult descriptor_leaf(const CpuModel& m) {
    CpuidResult r;
    u32* const words[] = {&r.eax, &r.ebx, &r.ecx, &r.edx};
    for (size_t i = 0; i < m.cache_descriptors.size(); i++) {
        // AL is the number of times that the leaf must be asked.
        const size_t at = i + 1;
        *words[at / 4] |= u32{m.cache_descriptors[i]} << 8 * (at % 4);
    }
    r.eax |= 1;
    return r;
}

CpuidResult cache_leaf(const CpuModel& m, u32 subleaf) {
    if (subleaf >= m.caches.size() || m.caches[subleaf].type == 0) return {};
    const CpuModel::Cache& c = m.caches[subleaf];
    // Self-initialising. The third level is the package's, the others are each core's own.
    const u32 cores = (1u << core_bits(m)) - 1;
    const u32 sharing = c.level == 3 ? cores << 14 : 0;
    return {c.type | u32{c.level} << 5 | 1u << 8 | sharing | (amd(m) ? 0 : cores << 26), (c.line - 1) | (c.ways - 1) << 22,
            c.sets - 1, 0};
}

CpuidResult structured_leaf(Cpu& cpu, u32 subleaf) {
    const FeatureSet& f = cpu.features();
    if (subleaf == 1) return {bits(f, kLeaf7Sub1Eax), 0, 0, 0};
    if (subleaf != 0) return {};
    u32 ecx = bits(f, kLeaf7Ecx);
    if (cpu.state.cr4 & cr4::PKE) ecx |= 1u << 4;
    return {f.has(Feature::AVX_VNNI), bits(f, kLeaf7Ebx), ecx, bits(f, kLeaf7Edx)};
}

/// One thread a core, and the machine's processors as cores of one package.
CpuidResult topology_leaf(Cpu& cpu, u32 subleaf) {
    const u32 id = apic_id(cpu);
    if (subleaf == 0) return {0, 1, 0x100, id};
    if (subleaf == 1) return {core_bits(cpu.model()), cpu.model().cores, 0x201, id};
    return {0, 0, subleaf & 0xff, id};
}

CpuidResult state_leaf(Cpu& cpu, u32 subleaf) {
    const FeatureSet& f = cpu.features();
    if (!f.has(Feature::XSAVE)) return {};
    const u64 supported = xcr0_supported(f);
    if (subleaf == 0)
        return {static_cast<u32>(supported), standard_size(cpu.state.xcr0), standard_size(supported),
                static_cast<u32>(supported >> 32)};
    if (subleaf == 1)
        return {bits(f, kLeafDEax1),
                f.has(Feature::XSAVEC) ? compacted_size(cpu.state.xcr0 | cpu.state.msr.xss) : 0, 0, 0};
    for (const StateComponent& component : state_components())
        if (component.number == subleaf && f.has(component.feature)) return {component.size, component.offset, 0, 0};
    return {};
}

CpuidResult basic_leaf(Cpu& cpu, u32 leaf, u32 subleaf) {
    const CpuModel& m = cpu.model();
    const FeatureSet& f = cpu.features();
    switch (leaf) {
        case 0: return vendor_leaf(m, f);
        case 1: return feature_leaf(cpu);
        case 2: return descriptor_leaf(m);
        case 4: return amd(m) ? CpuidResult{} : cache_leaf(m, subleaf);
        case 5:
            // Lines of 64 bytes; MWAIT knows extensions, and masked interrupts as break events; two sub-states of C1.
            return f.has(Feature::MONITOR) ? CpuidResult{64, 64, 3, 2 << 4} : CpuidResult{};
        case 6: return {f.has(Feature::ARAT) ? 4u : 0, 0, 0, 0};
        case 7: return structured_leaf(cpu, subleaf);
        case 0x1f:
        case 0xb: return f.has(Feature::X2APIC) ? topology_leaf(cpu, subleaf) : CpuidResult{};
        case 0xd: return state_leaf(cpu, subleaf);
        // The time-stamp counter is the crystal's 25 MHz times 40: 1 GHz, as the virtual clock has it.
        case 0x15: return {1, kTscHertz / kCrystalHertz, kCrystalHertz, 0};
        case 0x16: return {kTscHertz / 1'000'000, kTscHertz / 1'000'000, 100, 0};
        default: return {};
    }
}

/// The unified cache of a level as AMD's leaf 80000006 has it.
u32 amd_cache(const CpuModel& m, unsigned level) {
    for (const CpuModel::Cache& c : m.caches)
        if (c.level == level && c.type == 3) {
            const u32 code = c.ways >= 16 ? 8 : c.ways >= 8 ? 6 : c.ways >= 4 ? 4 : 2;
            const u32 kib = c.ways * c.line * c.sets / 1024;
            return level == 2 ? c.line | code << 12 | kib << 16 : c.line | code << 12 | kib / 512 << 18;
        }
    return 0;
}
/// The cache of level 1 of one type, for leaf 80000005.
u32 amd_first_cache(const CpuModel& m, unsigned type) {
    for (const CpuModel::Cache& c : m.caches)
        if (c.level == 1 && c.type == type) return c.line | 1u << 8 | c.ways << 16 | c.ways * c.line * c.sets / 1024 << 24;
    return 0;
}

CpuidResult extended_leaf(Cpu& cpu, u32 leaf, u32 subleaf) {
    const CpuModel& m = cpu.model();
    const FeatureSet& f = cpu.features();
    switch (leaf) {
        case 0x80000000:
            return amd(m) ? CpuidResult{highest_extended_leaf(m, f), text(m.vendor, 0), text(m.vendor, 8), text(m.vendor, 4)}
                          : CpuidResult{highest_extended_leaf(m, f), 0, 0, 0};
        case 0x80000001: {
            u32 edx = bits(f, kExtendedEdx);
            // Intel's processors have SYSCALL, and say so, in 64-bit mode only.
            if (!amd(m) && !cpu.in_64bit_mode()) edx &= ~(1u << 11);
            if (amd(m)) edx |= (bits(f, kLeaf1Edx) & kAmdRepeated) | (f.has(Feature::LongMode) ? 1u << 25 : 0);
            // AMD's: several cores in the place of threads.
            const u32 legacy = amd(m) && m.cores > 1 ? 2 : 0;
            return {amd(m) ? m.signature() : 0, 0, bits(f, kExtendedEcx) | legacy, edx};
        }
        case 0x80000002:
        case 0x80000003:
        case 0x80000004: {
            const size_t at = (leaf - 0x80000002) * 16;
            return {text(m.brand, at), text(m.brand, at + 4), text(m.brand, at + 8), text(m.brand, at + 12)};
        }
        case 0x80000005:
            return amd(m) ? CpuidResult{0, 0, amd_first_cache(m, 1), amd_first_cache(m, 2)} : CpuidResult{};
        case 0x80000006: return {0, 0, amd_cache(m, 2), amd(m) ? amd_cache(m, 3) : 0};
        case 0x80000007: return {0, 0, 0, f.has(Feature::CONSTANT_TSC) ? 1u << 8 : 0};
        case 0x80000008: {
            const u32 linear = !f.has(Feature::LongMode) ? 32 : f.has(Feature::LA57) ? 57 : 48;
            const u32 cores = amd(m) ? core_bits(m) << 12 | (m.cores - 1u) : 0;
            return {m.physical_bits | linear << 8, 0, cores, 0};
        }
        case 0x8000001d: return cache_leaf(m, subleaf);
        case 0x8000001e: return {apic_id(cpu), apic_id(cpu), 0, 0};
        default: return {};
    }
}

/// The range where hypervisors tell about themselves. 40000010 is the convention for the rate of the time-stamp counter in kHz.
CpuidResult hypervisor_leaf(std::string_view name, u32 leaf) {
    switch (leaf) {
        case 0x40000000: return {0x40000010, text(name, 0), text(name, 4), text(name, 8)};
        case 0x40000010: return {kTscHertz / 1000, 0, 0, 0};
        default: return {};
    }
}

}  // namespace

CpuidResult cpuid_leaf(Cpu& cpu, u32 leaf, u32 subleaf) {
    const FeatureSet& f = cpu.features();
    if (leaf >= 0x80000000 && leaf <= highest_extended_leaf(cpu.model(), f)) return extended_leaf(cpu, leaf, subleaf);
    if (leaf >= 0x40000000 && leaf <= 0x400000ff && f.has(Feature::HYPERVISOR)) return hypervisor_leaf(cpu.model().hypervisor, leaf);
    const u32 highest = highest_leaf(cpu.model(), f);
    if (leaf <= highest) return basic_leaf(cpu, leaf, subleaf);
    // Beyond the last leaf Intel's processors answer as for the highest basic leaf, AMD's with zeros.
    return amd(cpu.model()) ? CpuidResult{} : basic_leaf(cpu, highest, subleaf);
}

}  // namespace gnomon
