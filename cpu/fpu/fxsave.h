// State save and MXCSR instructions (fxsave.cpp).
#pragma once

#include "cpu/cpu.h"

namespace gnomon::simd {

/// The bits of MXCSR that exist: DAZ came with SSE2.
[[nodiscard]] u32 mxcsr_mask(const FeatureSet& features);

Outcome fxsave(Cpu& cpu, const Instruction& insn);
Outcome fxrstor(Cpu& cpu, const Instruction& insn);
Outcome ldmxcsr(Cpu& cpu, const Instruction& insn);
Outcome stmxcsr(Cpu& cpu, const Instruction& insn);

}  // namespace gnomon::simd
