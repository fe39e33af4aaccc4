// MOV, PUSH and POP of segment registers; LDS, LES, LSS, LFS, LGS. SDM Vol. 2, "Operation" of each.
#include "cpu/far_transfer.h"
#include "cpu/segmentation.h"
#include "cpu/system_instructions.h"
#include "cpu/system_registers.h"

namespace gnomon {
namespace {

/// After MOV SS and POP SS the next instruction, which loads ESP, is not interrupted, and debug exceptions
/// wait for it.
Outcome after_stack_load(Cpu& cpu) {
    cpu.state.inhibit_interrupts = true;
    if ((cpu.state.eflags & flag::TF) || (cpu.state.dr[7] & dr7::kAnyEnable))
        cpu.state.pending_debug |= dr6::kHold;
    return stop_if_event_waits(cpu);
}

}  // namespace

Outcome mov_to_sreg(Cpu& cpu, const Instruction& insn) {
    const Seg seg = static_cast<Seg>(insn.reg);
    if (seg == Seg::CS || insn.reg > static_cast<unsigned>(Seg::GS)) return cpu.raise(Vector::UD);
    u16 selector;
    if (!cpu.load_rm(insn, selector) || !load_segment(cpu, seg, selector)) return Outcome::Fault;
    return seg == Seg::SS ? after_stack_load(cpu) : Outcome::Next;
}

Outcome mov_from_sreg(Cpu& cpu, const Instruction& insn) {
    if (insn.reg > static_cast<unsigned>(Seg::GS)) return cpu.raise(Vector::UD);
    const u16 selector = cpu.state.segments[insn.reg].selector;
    if (insn.in_memory()) return cpu.store(insn, selector) ? Outcome::Next : Outcome::Fault;
    put_sized(cpu, insn.rm, insn.operand_bytes(), selector);
    return Outcome::Next;
}

template<Seg seg>
Outcome push_sreg(Cpu& cpu, const Instruction& insn) {
    // A slot of 64 bits is written whole, of others only 16 bits: SDM Vol. 2, "PUSH".
    if (insn.operand_bytes() == 8) return cpu.push(8, cpu.segment(seg).selector) ? Outcome::Next : Outcome::Fault;
    const u64 mask = cpu.stack_mask();
    const u64 sp = (cpu.state.gpr[reg::SP] - insn.operand_bytes()) & mask;
    if (!cpu.write(Seg::SS, sp, cpu.segment(seg).selector)) return Outcome::Fault;
    cpu.state.gpr[reg::SP] = (cpu.state.gpr[reg::SP] & ~mask) | sp;
    return Outcome::Next;
}

template<Seg seg>
Outcome pop_sreg(Cpu& cpu, const Instruction& insn) {
    const u64 stack_pointer = cpu.state.gpr[reg::SP];
    u64 value;
    if (!cpu.pop(insn.operand_bytes(), value)) return Outcome::Fault;
    if (!load_segment(cpu, seg, static_cast<u16>(value))) {
        cpu.state.gpr[reg::SP] = stack_pointer;
        return Outcome::Fault;
    }
    return seg == Seg::SS ? after_stack_load(cpu) : Outcome::Next;
}

template<Seg seg>
Outcome load_far_pointer(Cpu& cpu, const Instruction& insn) {
    FarPointer pointer;
    if (!load_far_pointer(cpu, insn, pointer) || !load_segment(cpu, seg, pointer.selector))
        return Outcome::Fault;
    put_sized(cpu, insn.reg, pointer.bytes, pointer.offset);
    return Outcome::Next;
}

template Outcome push_sreg<Seg::ES>(Cpu&, const Instruction&);
template Outcome push_sreg<Seg::CS>(Cpu&, const Instruction&);
template Outcome push_sreg<Seg::SS>(Cpu&, const Instruction&);
template Outcome push_sreg<Seg::DS>(Cpu&, const Instruction&);
template Outcome push_sreg<Seg::FS>(Cpu&, const Instruction&);
template Outcome push_sreg<Seg::GS>(Cpu&, const Instruction&);
template Outcome pop_sreg<Seg::ES>(Cpu&, const Instruction&);
template Outcome pop_sreg<Seg::SS>(Cpu&, const Instruction&);
template Outcome pop_sreg<Seg::DS>(Cpu&, const Instruction&);
template Outcome pop_sreg<Seg::FS>(Cpu&, const Instruction&);
template Outcome pop_sreg<Seg::GS>(Cpu&, const Instruction&);
template Outcome load_far_pointer<Seg::ES>(Cpu&, const Instruction&);
template Outcome load_far_pointer<Seg::SS>(Cpu&, const Instruction&);
template Outcome load_far_pointer<Seg::DS>(Cpu&, const Instruction&);
template Outcome load_far_pointer<Seg::FS>(Cpu&, const Instruction&);
template Outcome load_far_pointer<Seg::GS>(Cpu&, const Instruction&);

}  // namespace gnomon
