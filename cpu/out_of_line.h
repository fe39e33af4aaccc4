// Handlers for instructions that are plain functions: they leave the tail-call chain, run, and come back.
#pragma once

#include "cpu/cpu.h"
#include "cpu/decode.h"

namespace gnomon {

/// An instruction as a function. It may use everything in Cpu; Cpu::lazy holds the flags, state.rip the IP of this instruction
/// and next_rip that of the following one.
using Execute = Outcome (*)(Cpu& cpu, const Instruction& insn);

/// Where handlers go when an out-of-line instruction did not simply finish (cpu/engine.cpp).
GNOMON_HANDLER void leave_block(Cpu* cpu, const Instruction* insn, u64 ip, u64 result, u64 source, u64 kind);

namespace detail {
Outcome undefined_outside_protected(Cpu& cpu);
/// Stores what an out-of-line instruction may look at.
inline void enter_out_of_line(Cpu* cpu, const Instruction* insn, u64 ip, u64 result, u64 source, u64 kind) {
    cpu->lazy = {result, source, kind};
    cpu->current = insn;
    cpu->state.rip = ip + insn->ip_offset;
    cpu->next_rip = ip + insn[1].ip_offset;
}
/// Parks an outcome for leave_block.
void park(Cpu* cpu, Outcome outcome);
}  // namespace detail

template <Execute execute>
GNOMON_HANDLER void call(Cpu* cpu, const Instruction* insn, u64 ip, u64 result, u64 source, u64 kind) {
    detail::enter_out_of_line(cpu, insn, ip, result, source, kind);
    const u32 mode = cpu->mode_key;
    const Outcome outcome = execute(*cpu, *insn);
    if (outcome == Outcome::Next && cpu->mode_key == mode && !cpu->leave_after) [[likely]]
        GNOMON_TAIL insn[1].handler(cpu, insn + 1, ip, cpu->lazy.result, cpu->lazy.source, cpu->lazy.kind);
    detail::park(cpu, outcome);
    GNOMON_TAIL leave_block(cpu, insn, ip, result, source, kind);
}

namespace detail {
template <Execute execute, u16 checks>
Outcome checked(Cpu& cpu, const Instruction& insn) {
    if constexpr ((checks & attr::kProtected) != 0)
        if (!cpu.protected_mode()) return cpu.raise(Vector::UD);
    if constexpr ((checks & attr::kCpl0) != 0)
        if (cpu.cpl() != 0) return cpu.raise(Vector::GP, 0);
    return execute(cpu, insn);
}
}  // namespace detail

/// The Build of an instruction that is a function: `checks` are attr::kCpl0 and attr::kProtected, tested first (kProtected before kCpl0).
template <Execute execute, u16 checks = 0>
void out_of_line(const Decoded&, Instruction& insn) {
    insn.handler = &call<&detail::checked<execute, checks>>;
}

}  // namespace gnomon
