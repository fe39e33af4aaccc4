// State save and MXCSR instructions (fxsave.cpp).
#pragma once

#include <span>

#include "cpu/cpu.h"

namespace gnomon::simd {

/// The bits of MXCSR that exist: DAZ came with SSE2.
[[nodiscard]] u32 mxcsr_mask(const FeatureSet& features);

/// XMM registers that the mode has.
[[nodiscard]] unsigned xmm_count(const Cpu& cpu);
/// The x87 part of an image (bytes 0–23 and 32–159), also of XSAVE; `wide`: pointers of 64 bits without selectors.
void put_x87(const FpuState& fpu, std::span<u8> image, bool wide);
void take_x87(Cpu& cpu, std::span<const u8> image, bool wide);

Outcome fxsave(Cpu& cpu, const Instruction& insn);
Outcome fxrstor(Cpu& cpu, const Instruction& insn);
Outcome ldmxcsr(Cpu& cpu, const Instruction& insn);
Outcome stmxcsr(Cpu& cpu, const Instruction& insn);

}  // namespace gnomon::simd
