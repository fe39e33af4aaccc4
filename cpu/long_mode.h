// IA-32e mode: which mode the processor is in, canonical addresses, addresses of system structures. SDM Vol.
// 3, "IA-32e Mode"; Vol. 1, "Canonical Addressing".
#pragma once

#include "cpu/cpu.h"
#include "cpu/system_registers.h"

namespace gnomon {

/// IA-32e mode is active: 64-bit or compatibility mode.
[[nodiscard]] inline bool long_mode(const Cpu& cpu) { return cpu.state.msr.efer & efer::LMA; }

/// MSRs and descriptor-table registers refuse what no paging mode of this processor calls canonical.
[[nodiscard]] inline bool canonical_in_any_mode(const Cpu& cpu, u64 address) {
    const unsigned unused = cpu.features().has(Feature::LA57) ? 7 : 16;
    return static_cast<u64>(static_cast<i64>(address << unused) >> unused) == address;
}

/// Linear address of a part of a descriptor table or TSS: these lie in the whole address space in both
/// submodes of IA-32e mode.
[[nodiscard]] inline u64 table_address(const Cpu& cpu, u64 address) {
    return long_mode(cpu) ? address : static_cast<u32>(address);
}

}  // namespace gnomon
