// Debug registers: instruction, data and I/O breakpoints, single step. SDM Vol. 3, "Debug, Branch Profile, TSC, and Intel Resource
// Director Technology", "Debug Registers". The engine calls these around instructions of mode::kSingle blocks only.
#pragma once

#include "cpu/cpu.h"

namespace gnomon {

/// Before an instruction at state.rip: true if a breakpoint stops it (the fault #DB is set, DR6 is updated). Otherwise arms the
/// single-step trap if TF is set.
[[nodiscard]] bool before_instruction(Cpu& cpu);
/// After an instruction that did not fault, state.rip being the next to execute: RF is cleared, or set in the middle of
/// a repeated string instruction (`repeating`). True if a debug trap must be delivered now: EventKind::Exception with `fault`.
/// The trap waits while MOV SS or POP SS holds it off.
[[nodiscard]] bool after_instruction(Cpu& cpu, bool repeating);

/// Data breakpoints: called by the slow path of every access once mode::kChecked is set, after its checks. `size` 1 to 64.
void note_data_access(Cpu& cpu, u64 linear, unsigned size, bool write);
/// I/O breakpoints (CR4.DE).
void note_port_access(Cpu& cpu, u16 port, unsigned size);

Outcome mov_to_dr(Cpu& cpu, const Instruction& insn);
Outcome mov_from_dr(Cpu& cpu, const Instruction& insn);

}  // namespace gnomon
