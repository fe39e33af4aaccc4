// Writes of CR0, CR3, CR4 and what they entail. SDM Vol. 3, "Control Registers", "Mode Switching", "PDPTE
// Registers".
#pragma once

#include "cpu/cpu.h"

namespace gnomon {

/// Reads and checks the four PDPTEs that CR3 points at: reserved bits in a present one are #GP(0).
[[nodiscard]] bool read_pdptes(Cpu& cpu, u64 cr3, std::array<u64, 4>& out);
/// Checked writes; false with #GP(0) set and nothing changed.
[[nodiscard]] bool write_cr0(Cpu& cpu, u64 value);
[[nodiscard]] bool write_cr3(Cpu& cpu, u64 value);
[[nodiscard]] bool write_cr4(Cpu& cpu, u64 value);
/// CR8 is the priority class of the local APIC's task priority register.
[[nodiscard]] bool write_cr8(Cpu& cpu, u64 value);
[[nodiscard]] u64 read_cr8(const Cpu& cpu);
/// False, without a fault set, if the value is refused.
[[nodiscard]] bool write_efer(Cpu& cpu, u64 value);
/// Bits that CR4 has in this model; none: the register does not exist.
[[nodiscard]] u64 cr4_supported(const FeatureSet& features);

}  // namespace gnomon
