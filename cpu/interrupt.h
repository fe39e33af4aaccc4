// The instructions that raise interrupts. Delivery itself is Cpu::deliver and Cpu::try_deliver.
#pragma once

#include "cpu/cpu.h"

namespace gnomon {

Outcome int_n(Cpu& cpu, const Instruction& insn);
Outcome int3(Cpu& cpu, const Instruction& insn);
Outcome int1(Cpu& cpu, const Instruction& insn);
Outcome into(Cpu& cpu, const Instruction& insn);

}  // namespace gnomon
