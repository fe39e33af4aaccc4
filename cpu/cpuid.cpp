// CPUID leaves 0, 1, 2, 4, 0Bh and 80000000–80000008. SDM Vol. 2, CPUID, "Information Returned by CPUID
// Instruction".
#include "cpu/cpuid.h"

#include <cstring>

#include "cpu/apic/local_apic.h"
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
constexpr FeatureBit kLeaf1Ecx[] = {{Feature::SSE3, 0}, {Feature::X2APIC, 21}, {Feature::TSC_DEADLINE, 24}};
constexpr FeatureBit kExtendedEdx[] = {{Feature::NX, 20}, {Feature::LongMode, 29}};

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

bool has_caches(const CpuModel& m) { return m.caches[0].type != 0; }
u32 highest_leaf(const CpuModel& m, const FeatureSet& f) {
    if (f.has(Feature::X2APIC)) return 0xb;
    return has_caches(m) ? 4 : m.cache_descriptors[0] ? 2 : 1;
}
/// 0: there are no extended leaves.
u32 highest_extended_leaf(const CpuModel& m, const FeatureSet& f) {
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
    u32 edx = bits(cpu.features(), kLeaf1Edx);
    u32 id = 0;
    if (cpu.apic) {
        id = cpu.apic->id() << 24;
        // As if taken away while the APIC is disabled.
        if (!cpu.apic->enabled()) edx &= ~(1u << 9);
    } else {
        edx &= ~(1u << 9);
    }
    return {m.signature(), clflush | id, bits(cpu.features(), kLeaf1Ecx), edx};
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
    // One thread shares it, one core in the package, self-initialising.
    return {c.type | u32{c.level} << 5 | 1u << 8, (c.line - 1) | (c.ways - 1) << 22, c.sets - 1, 0};
}

/// Every processor is a package of one core with one thread: no bits of the x2APIC ID are shared.
CpuidResult topology_leaf(const Cpu& cpu, u32 subleaf) {
    const u32 id = cpu.apic ? cpu.apic->id() : 0;
    if (subleaf > 1) return {0, 0, subleaf & 0xff, id};
    return {0, 1, subleaf | (subleaf + 1) << 8, id};
}

CpuidResult extended_leaf(const CpuModel& m, const FeatureSet& features, u32 leaf) {
    switch (leaf) {
        case 0x80000000: return {highest_extended_leaf(m, features), 0, 0, 0};
        case 0x80000001: return {0, 0, 0, bits(features, kExtendedEdx)};
        case 0x80000002:
        case 0x80000003:
        case 0x80000004: {
            const size_t at = (leaf - 0x80000002) * 16;
            return {text(m.brand, at), text(m.brand, at + 4), text(m.brand, at + 8), text(m.brand, at + 12)};
        }
        case 0x80000006: {
            // The unified cache of level 2: line size, associativity code, size in KiB.
            for (const CpuModel::Cache& c : m.caches)
                if (c.level == 2) {
                    const u32 code = c.ways >= 16 ? 8 : c.ways >= 8 ? 6 : c.ways >= 4 ? 4 : 2;
                    return {0, 0, c.line | code << 12 | (c.ways * c.line * c.sets / 1024) << 16, 0};
                }
            return {};
        }
        case 0x80000008: return {m.physical_bits | 32u << 8, 0, 0, 0};
        default: return {};
    }
}

}  // namespace

CpuidResult cpuid_leaf(Cpu& cpu, u32 leaf, u32 subleaf) {
    const CpuModel& m = cpu.model();
    const u32 highest = highest_leaf(m, cpu.features());
    const u32 highest_extended = highest_extended_leaf(m, cpu.features());
    if (leaf >= 0x80000000 && leaf <= highest_extended) return extended_leaf(m, cpu.features(), leaf);
    // Beyond the last leaf Intel processors answer as for the highest basic leaf.
    if (leaf > highest) leaf = highest;
    switch (leaf) {
        case 0: return vendor_leaf(m, cpu.features());
        case 1: return feature_leaf(cpu);
        case 2: return descriptor_leaf(m);
        case 4: return cache_leaf(m, subleaf);
        case 0xb: return topology_leaf(cpu, subleaf);
        default: return {};
    }
}

}  // namespace gnomon
