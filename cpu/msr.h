// Model-specific registers. SDM Vol. 4, "Model-Specific Registers".
#pragma once

#include <span>
#include <string_view>

#include "cpu/cpu.h"

namespace gnomon {

/// False: #GP(0) (unknown, not in this model, or a value that the register refuses); nothing changed.
[[nodiscard]] bool read_msr(Cpu& cpu, u32 index, u64& value);
[[nodiscard]] bool write_msr(Cpu& cpu, u32 index, u64 value);
/// The name of the register, or empty. For debuggers.
[[nodiscard]] std::string_view msr_name(u32 index);

}  // namespace gnomon
