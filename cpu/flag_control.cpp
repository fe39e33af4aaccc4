// CLI, STI, PUSHF, POPF with IOPL, virtual-8086 mode and the virtual interrupt flag. SDM Vol. 2, "Operation"
// of each; Vol. 3, "8086 Emulation", "Protected-Mode Virtual Interrupts".
#include "cpu/eflags.h"
#include "cpu/system_instructions.h"

namespace gnomon {
namespace {

/// CLI and STI: what the instruction may change.
enum class InterruptFlag : u8 { Real, Virtual, Neither };

InterruptFlag interrupt_flag_access(const Cpu& cpu) {
    if (cpu.real_mode() || cpu.cpl() <= cpu.iopl()) return InterruptFlag::Real;
    // In virtual-8086 mode CPL is 3, so that "CPL <= IOPL" above is "IOPL = 3".
    const u64 extension = cpu.v86() ? cr4::VME : cr4::PVI;
    return cpu.cpl() == 3 && (cpu.state.cr4 & extension) ? InterruptFlag::Virtual : InterruptFlag::Neither;
}

}  // namespace

Outcome stop_if_event_waits(Cpu& cpu) {
    if (!cpu.event_waiting() && !cpu.state.pending_debug) return Outcome::Next;
    cpu.state.rip = cpu.next_rip;
    return Outcome::Stop;
}

Outcome cli(Cpu& cpu, const Instruction&) {
    switch (interrupt_flag_access(cpu)) {
        case InterruptFlag::Real: cpu.state.eflags &= ~flag::IF; return Outcome::Next;
        case InterruptFlag::Virtual: cpu.state.eflags &= ~flag::VIF; return Outcome::Next;
        case InterruptFlag::Neither: break;
    }
    return cpu.raise(Vector::GP, 0);
}

Outcome sti(Cpu& cpu, const Instruction&) {
    switch (interrupt_flag_access(cpu)) {
        case InterruptFlag::Real:
            if (!(cpu.state.eflags & flag::IF)) {
                cpu.state.eflags |= flag::IF;
                cpu.state.inhibit_interrupts = true;
            }
            return stop_if_event_waits(cpu);
        case InterruptFlag::Virtual:
            if (cpu.state.eflags & flag::VIP) break;
            cpu.state.eflags |= flag::VIF;
            return Outcome::Next;
        case InterruptFlag::Neither: break;
    }
    return cpu.raise(Vector::GP, 0);
}

Outcome pushf(Cpu& cpu, const Instruction& insn) {
    const unsigned bytes = insn.operand_bytes();
    u32 flags = cpu.eflags() & ~(flag::VM | flag::RF);
    if (cpu.v86() && cpu.iopl() < 3) {
        if (bytes == 4 || !(cpu.state.cr4 & cr4::VME)) return cpu.raise(Vector::GP, 0);
        flags = (flags & ~flag::IF) | flag::IOPL | (flags & flag::VIF ? flag::IF : 0);
    }
    return cpu.push(bytes, flags) ? Outcome::Next : Outcome::Fault;
}

Outcome popf(Cpu& cpu, const Instruction& insn) {
    const unsigned bytes = insn.operand_bytes();
    const bool virtual_if = cpu.v86() && cpu.iopl() < 3;
    if (virtual_if && (bytes == 4 || !(cpu.state.cr4 & cr4::VME))) return cpu.raise(Vector::GP, 0);
    const u64 stack_pointer = cpu.state.gpr[reg::SP];
    u64 popped;
    if (!cpu.pop(bytes, popped)) return Outcome::Fault;
    u32 flags = static_cast<u32>(popped);
    u32 mask = flag::kArithmetic | flag::TF | flag::DF | flag::NT;
    if (bytes != 2) mask |= flag::AC | flag::ID;
    if (virtual_if) {
        if ((flags & flag::TF) || ((flags & flag::IF) && (cpu.state.eflags & flag::VIP))) {
            cpu.state.gpr[reg::SP] = stack_pointer;
            return cpu.raise(Vector::GP, 0);
        }
        mask |= flag::VIF;
        flags = (flags & ~flag::VIF) | (flags & flag::IF ? flag::VIF : 0);
    } else {
        if (cpu.real_mode() || cpu.cpl() <= cpu.iopl()) mask |= flag::IF;
        if (cpu.cpl() == 0) mask |= flag::IOPL;
    }
    const u32 before = cpu.state.eflags;
    change_eflags(cpu, flags, mask);
    if ((before ^ cpu.state.eflags) & (flag::TF | flag::AC)) cpu.update_mode();
    return stop_if_event_waits(cpu);
}

}  // namespace gnomon
