// What a processor model can do, as far as instructions, registers and CPUID leaves depend on it.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>

#include "support/types.h"

namespace gnomon {

/// Instruction-set and architecture features. I386 is the baseline; I486 and P6 are generations without CPUID bits for what they added.
enum class Feature : u8 {
    I386, I486, P6,
    FPU, VME, DE, PSE, TSC, MSR, PAE, MCE, CX8, APIC, SEP, MTRR, PGE, MCA, CMOV, PAT, PSE36, CLFSH, DS, ACPI, MMX, FXSR, SSE, SSE2, SS,
    HTT, SSE3, NX, CPUID, LongMode,
    // Integer instructions.
    LahfLong, CX16, MOVBE, POPCNT, LZCNT, BMI1, BMI2, ADX, RDRAND, RDSEED, RDTSCP, RDPID, FSGSBASE, CLFLUSHOPT, CLWB, MONITOR,
    WAITPKG, PREFETCHW, SERIALIZE, ERMS, FSRM,
    // Vector instructions.
    SSSE3, SSE4_1, SSE4_2, SSE4A, AES, PCLMULQDQ, SHA, GFNI, AVX, F16C, FMA, AVX2, VAES, VPCLMULQDQ, AVX_VNNI,
    AVX512F, AVX512CD, AVX512BW, AVX512DQ, AVX512VL, AVX512_IFMA, AVX512_VBMI, AVX512_VBMI2, AVX512_VNNI, AVX512_BITALG,
    AVX512_VPOPCNTDQ, XSAVE, XSAVEOPT, XSAVEC, XGETBV1, XSAVES,
    // System.
    SYSCALL, PDPE1GB, LA57, PCID, INVPCID, SMEP, SMAP, UMIP, PKU, PKS, X2APIC, TSC_DEADLINE, TSC_ADJUST, ARAT, CONSTANT_TSC, HYPERVISOR,
    CR8_LEGACY, VMX, SVM,
    // Of the first generations only.
    LOADALL, TestRegisters,
    Count
};
static_assert(static_cast<unsigned>(Feature::Count) <= 192);

class FeatureSet {
  public:
    constexpr FeatureSet() = default;
    constexpr FeatureSet(std::initializer_list<Feature> features) {
        for (const Feature f : features) set(f);
    }
    constexpr void set(Feature f, bool on = true) {
        const unsigned n = static_cast<unsigned>(f);
        const u64 bit = u64{1} << (n & 63);
        words_[n >> 6] = on ? words_[n >> 6] | bit : words_[n >> 6] & ~bit;
    }
    [[nodiscard]] constexpr bool has(Feature f) const {
        const unsigned n = static_cast<unsigned>(f);
        return words_[n >> 6] >> (n & 63) & 1;
    }
    constexpr FeatureSet operator|(const FeatureSet& other) const {
        FeatureSet both = *this;
        for (unsigned n = 0; n < 3; n++) both.words_[n] |= other.words_[n];
        return both;
    }
    constexpr FeatureSet operator&(const FeatureSet& other) const {
        FeatureSet both = *this;
        for (unsigned n = 0; n < 3; n++) both.words_[n] &= other.words_[n];
        return both;
    }
    constexpr bool operator==(const FeatureSet&) const = default;

  private:
    u64 words_[3] = {};
};

}  // namespace gnomon
