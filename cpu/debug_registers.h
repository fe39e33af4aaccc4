// Debug registers: instruction, data and I/O breakpoints, single step. SDM Vol. 3, "Debug, Branch Profile,
// TSC, and Intel Resource Director Technology", "Debug Registers". The engine calls these around instructions
// of mode::kSingle blocks only.
#pragma once

#include <optional>

#include "cpu/cpu.h"

namespace gnomon {

struct OpcodeRow;

/// Before an instruction at state.rip: true if a debug trap that is still due or an instruction breakpoint
/// stops it (`fault` is set, DR6 updated; deliver as EventKind::Exception). Otherwise arms the single-step
/// trap if TF is set.
[[nodiscard]] bool before_instruction(Cpu& cpu);
/// After an instruction that did not fault, state.rip being the next to execute. RF is set in the middle of a
/// repeated string instruction (`repeating`). `branch_from`: its IP, if it was a branch that was taken. True if its traps must be delivered now, as above; MOV SS and
/// POP SS hold them off until the following instruction is done.
[[nodiscard]] bool after_instruction(Cpu& cpu, bool repeating, std::optional<u64> branch_from = {});
/// Instructions that the last branch record and the single-step trap on branches know. Software interrupts are events.
enum class BranchKind : u8 { None, Conditional, Always };
[[nodiscard]] BranchKind branch_kind(const OpcodeRow& row);
/// An interrupt or exception at `from` was delivered; state.rip is its handler.
void note_event_branch(Cpu& cpu, u64 from, bool debug_exception);

/// Data breakpoints: told of every access while mode::kChecked is set. Hits of an instruction that faults are
/// forgotten. `size` 1 to 64.
void note_data_access(Cpu& cpu, u64 linear, unsigned size, bool write);
/// I/O breakpoints (CR4.DE).
void note_port_access(Cpu& cpu, u16 port, unsigned size);

Outcome mov_to_dr(Cpu& cpu, const Instruction& insn);
Outcome mov_from_dr(Cpu& cpu, const Instruction& insn);

}  // namespace gnomon
