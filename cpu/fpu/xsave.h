// XSAVE and its relatives, XCR0. SDM Vol. 1, "Managing State Using the XSAVE Feature Set".
#pragma once

#include <span>

#include "cpu/cpu.h"

namespace gnomon {

/// A state component beyond x87 and SSE: where the standard form has it, and the feature that brings it.
struct StateComponent {
    unsigned number;
    u32 offset, size;
    Feature feature;
};
[[nodiscard]] std::span<const StateComponent> state_components();

/// Bits that XCR0 may have.
[[nodiscard]] u64 xcr0_supported(const FeatureSet& features);
/// Bytes of the standard form, and of the compacted form, of these components.
[[nodiscard]] u32 standard_size(u64 components);
[[nodiscard]] u32 compacted_size(u64 components);

Outcome xgetbv(Cpu& cpu, const Instruction& insn);
Outcome xsetbv(Cpu& cpu, const Instruction& insn);
Outcome xsave(Cpu& cpu, const Instruction& insn);
Outcome xsaveopt(Cpu& cpu, const Instruction& insn);
Outcome xsavec(Cpu& cpu, const Instruction& insn);
Outcome xsaves(Cpu& cpu, const Instruction& insn);
Outcome xrstor(Cpu& cpu, const Instruction& insn);
Outcome xrstors(Cpu& cpu, const Instruction& insn);

}  // namespace gnomon
