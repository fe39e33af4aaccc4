// CPUID leaves, worked out from the model. SDM Vol. 2, CPUID; AMD APM Vol. 3, "Obtaining Processor
// Information" for 8000_0001.
#pragma once

#include "cpu/cpu.h"

namespace gnomon {

struct CpuidResult {
    u32 eax = 0, ebx = 0, ecx = 0, edx = 0;
    bool operator==(const CpuidResult&) const = default;
};

/// Leaf 1 also loads IA32_BIOS_SIGN_ID with the microcode revision, as the update protocol expects.
[[nodiscard]] CpuidResult cpuid_leaf(Cpu& cpu, u32 leaf, u32 subleaf);

}  // namespace gnomon
