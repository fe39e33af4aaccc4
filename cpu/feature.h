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
    Count
};
static_assert(static_cast<unsigned>(Feature::Count) <= 128);

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
        both.words_[0] |= other.words_[0];
        both.words_[1] |= other.words_[1];
        return both;
    }
    constexpr bool operator==(const FeatureSet&) const = default;

  private:
    u64 words_[2] = {};
};

}  // namespace gnomon
