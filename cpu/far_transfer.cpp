// Far jumps and calls: direct, through call gates, task gates and TSSs. SDM Vol. 2, JMP and CALL,
// "Operation".
#include "cpu/far_transfer.h"

#include "cpu/stack_frame.h"
#include "cpu/task.h"

namespace gnomon {
namespace {

Outcome selector_fault(Cpu& cpu, Vector vector, u16 selector) {
    return cpu.raise(vector, selector_error(selector));
}

/// Real and virtual-8086 mode: the target must lie within the limit that CS has.
bool real_target_allowed(Cpu& cpu, u32 offset) {
    const u32 limit = cpu.v86() ? 0xffff : cpu.segment(Seg::CS).limit;
    if (offset <= limit) return true;
    cpu.raise(Vector::GP, 0);
    return false;
}

void enter_real_segment(Cpu& cpu, u16 selector, u32 offset) {
    if (cpu.v86())
        set_v86_segment(cpu.segment(Seg::CS), selector);
    else
        set_real_segment(cpu, Seg::CS, selector);
    cpu.state.rip = offset;
    cpu.update_mode();
}

/// A code segment as a direct target at the current privilege level.
bool check_direct_target(Cpu& cpu, u16 selector, const Descriptor& d) {
    const bool allowed =
        d.conforming() ? d.dpl() <= cpu.cpl() : rpl(selector) <= cpu.cpl() && d.dpl() == cpu.cpl();
    if (!allowed) {
        cpu.raise(Vector::GP, selector_error(selector));
        return false;
    }
    if (!d.present()) {
        cpu.raise(Vector::NP, selector_error(selector));
        return false;
    }
    return true;
}

bool check_offset(Cpu& cpu, const Descriptor& code, u32 offset) {
    if (offset <= code.limit()) return true;
    cpu.raise(Vector::GP, 0);
    return false;
}

void enter_code(Cpu& cpu, u16 selector, const Descriptor& code, u32 offset, unsigned cpl) {
    set_code_segment(cpu, selector, code, cpl);
    cpu.state.rip = offset;
    cpu.update_mode();
}

/// Gates and TSSs: DPL against CPL and the RPL of the selector, presence.
bool check_gate(Cpu& cpu, u16 selector, const Descriptor& gate) {
    if (gate.dpl() < cpu.cpl() || gate.dpl() < rpl(selector)) {
        cpu.raise(Vector::GP, selector_error(selector));
        return false;
    }
    if (!gate.present()) {
        cpu.raise(Vector::NP, selector_error(selector));
        return false;
    }
    return true;
}

/// The code segment that a call gate leads to.
bool fetch_gate_target(Cpu& cpu, const Descriptor& gate, bool is_jump, Descriptor& code) {
    const u16 selector = gate.gate_selector();
    if (is_null(selector)) {
        cpu.raise(Vector::GP, 0);
        return false;
    }
    if (!fetch_descriptor(cpu, selector, Vector::GP, code)) return false;
    const bool too_weak =
        code.dpl() > cpu.cpl() || (is_jump && !code.conforming() && code.dpl() != cpu.cpl());
    if (!code.is_code() || too_weak) {
        cpu.raise(Vector::GP, selector_error(selector));
        return false;
    }
    if (!code.present()) {
        cpu.raise(Vector::NP, selector_error(selector));
        return false;
    }
    return true;
}

Outcome transfer_to_task(Cpu& cpu, u16 selector, const Descriptor& d, TaskSwitch kind) {
    if (!check_gate(cpu, selector, d)) return Outcome::Fault;
    const bool switched = d.type() == system_type::kTaskGate
                              ? enter_task_gate(cpu, d, kind, cpu.next_rip, cpu.eflags())
                              : switch_task(cpu, selector, d, kind, cpu.next_rip, cpu.eflags());
    return switched ? Outcome::Jump : Outcome::Fault;
}

bool leads_to_task(const Descriptor& d) { return d.type() == system_type::kTaskGate || d.is_tss_available(); }
bool is_call_gate(const Descriptor& d) {
    return d.type() == system_type::kCallGate16 || d.type() == system_type::kCallGate32;
}

/// CALL through a gate to a more privileged segment: new stack, parameters copied.
Outcome call_inner(Cpu& cpu, const Descriptor& gate, Descriptor& code) {
    const unsigned bytes = gate.gate_is_32() ? 4 : 2;
    const unsigned cpl = code.dpl();
    InnerStack inner;
    if (!fetch_inner_stack(cpu, cpl, inner)) return Outcome::Fault;

    StackFrame old_stack(cpu);
    std::array<u32, 31> parameters{};
    const unsigned count = gate.gate_parameters();
    for (unsigned i = 0; i < count; i++)
        if (!old_stack.pop(bytes, parameters[i])) return Outcome::Fault;

    StackFrame frame(cpu, inner.segment, inner.pointer, Privilege::Supervisor,
                     selector_error(inner.segment.selector));
    if (!frame.push_all(bytes, cpu.segment(Seg::SS).selector, cpu.get<u32>(reg::SP))) return Outcome::Fault;
    for (unsigned i = count; i-- > 0;)
        if (!frame.push(bytes, parameters[i])) return Outcome::Fault;
    if (!frame.push_all(bytes, cpu.segment(Seg::CS).selector, cpu.next_rip)) return Outcome::Fault;
    if (!check_offset(cpu, code, gate.gate_offset()) || !mark_accessed(cpu, code)) return Outcome::Fault;

    cpu.segment(Seg::SS) = inner.segment;
    set_stack_pointer(cpu, inner.segment, frame.pointer());
    enter_code(cpu, gate.gate_selector(), code, gate.gate_offset(), cpl);
    return Outcome::Jump;
}

Outcome call_same_level(Cpu& cpu, u16 selector, Descriptor& code, u32 offset, unsigned bytes) {
    StackFrame frame(cpu);
    if (!frame.push_all(bytes, cpu.segment(Seg::CS).selector, cpu.next_rip)) return Outcome::Fault;
    if (!check_offset(cpu, code, offset) || !mark_accessed(cpu, code)) return Outcome::Fault;
    set_stack_pointer(cpu, cpu.segment(Seg::SS), frame.pointer());
    enter_code(cpu, selector, code, offset, cpu.cpl());
    return Outcome::Jump;
}

}  // namespace

bool fetch_inner_stack(Cpu& cpu, unsigned cpl, InnerStack& out) {
    const Segment& tr = cpu.state.tr;
    const bool wide = attribute::type(tr.attributes) & 8;
    const u32 offset = wide ? 4 + 8 * cpl : 2 + 4 * cpl;
    if (offset + (wide ? 5 : 3) > tr.limit) {
        cpu.raise(Vector::TS, selector_error(tr.selector));
        return false;
    }
    u16 selector;
    const auto at = [&](u32 displacement) { return static_cast<u32>(tr.base + offset + displacement); };
    if (wide) {
        if (!cpu.read_linear(at(0), out.pointer, Privilege::Supervisor)) return false;
    } else {
        u16 half;
        if (!cpu.read_linear(at(0), half, Privilege::Supervisor)) return false;
        out.pointer = half;
    }
    if (!cpu.read_linear(at(wide ? 4 : 2), selector, Privilege::Supervisor)) return false;
    Descriptor d;
    if (!check_stack_segment(cpu, selector, cpl, Vector::TS, d) || !mark_accessed(cpu, d)) return false;
    set_segment(out.segment, selector, d);
    return true;
}

Outcome far_jump(Cpu& cpu, u16 selector, u32 offset, unsigned bytes) {
    if (bytes == 2) offset &= 0xffff;
    if (!cpu.protected_mode()) {
        if (!real_target_allowed(cpu, offset)) return Outcome::Fault;
        enter_real_segment(cpu, selector, offset);
        return Outcome::Jump;
    }
    if (is_null(selector)) return cpu.raise(Vector::GP, 0);
    Descriptor d;
    if (!fetch_descriptor(cpu, selector, Vector::GP, d)) return Outcome::Fault;
    if (d.is_code()) {
        if (!check_direct_target(cpu, selector, d) || !check_offset(cpu, d, offset) || !mark_accessed(cpu, d))
            return Outcome::Fault;
        enter_code(cpu, selector, d, offset, cpu.cpl());
        return Outcome::Jump;
    }
    if (!d.is_system()) return selector_fault(cpu, Vector::GP, selector);
    if (is_call_gate(d)) {
        Descriptor code;
        if (!check_gate(cpu, selector, d) || !fetch_gate_target(cpu, d, true, code)) return Outcome::Fault;
        if (!check_offset(cpu, code, d.gate_offset()) || !mark_accessed(cpu, code)) return Outcome::Fault;
        enter_code(cpu, d.gate_selector(), code, d.gate_offset(), cpu.cpl());
        return Outcome::Jump;
    }
    if (leads_to_task(d)) return transfer_to_task(cpu, selector, d, TaskSwitch::Jump);
    return selector_fault(cpu, Vector::GP, selector);
}

Outcome far_call(Cpu& cpu, u16 selector, u32 offset, unsigned bytes) {
    if (bytes == 2) offset &= 0xffff;
    if (!cpu.protected_mode()) {
        StackFrame frame(cpu);
        if (!frame.push_all(bytes, cpu.segment(Seg::CS).selector, cpu.next_rip)) return Outcome::Fault;
        if (!real_target_allowed(cpu, offset)) return Outcome::Fault;
        set_stack_pointer(cpu, cpu.segment(Seg::SS), frame.pointer());
        enter_real_segment(cpu, selector, offset);
        return Outcome::Jump;
    }
    if (is_null(selector)) return cpu.raise(Vector::GP, 0);
    Descriptor d;
    if (!fetch_descriptor(cpu, selector, Vector::GP, d)) return Outcome::Fault;
    if (d.is_code()) {
        if (!check_direct_target(cpu, selector, d)) return Outcome::Fault;
        return call_same_level(cpu, selector, d, offset, bytes);
    }
    if (!d.is_system()) return selector_fault(cpu, Vector::GP, selector);
    if (is_call_gate(d)) {
        Descriptor code;
        if (!check_gate(cpu, selector, d) || !fetch_gate_target(cpu, d, false, code)) return Outcome::Fault;
        if (!code.conforming() && code.dpl() < cpu.cpl()) return call_inner(cpu, d, code);
        return call_same_level(cpu, d.gate_selector(), code, d.gate_offset(), d.gate_is_32() ? 4 : 2);
    }
    if (leads_to_task(d)) return transfer_to_task(cpu, selector, d, TaskSwitch::Call);
    return selector_fault(cpu, Vector::GP, selector);
}

namespace {

/// The far pointer of a memory operand: offset first, selector behind it.
bool load_far_pointer(Cpu& cpu, const Instruction& insn, u16& selector, u32& offset) {
    const unsigned bytes = insn.operand_bytes();
    const u64 address = cpu.effective_address(insn);
    const u64 mask = insn.address_bytes() == 4 ? 0xffffffff : 0xffff;
    u16 half = 0;
    if (bytes == 4 ? !cpu.read(insn.segment, address, offset) : !cpu.read(insn.segment, address, half))
        return false;
    if (bytes == 2) offset = half;
    return cpu.read(insn.segment, (address + bytes) & mask, selector);
}

}  // namespace

Outcome jmp_far_direct(Cpu& cpu, const Instruction& insn) {
    return far_jump(cpu, static_cast<u16>(insn.disp), static_cast<u32>(insn.imm), insn.operand_bytes());
}

Outcome call_far_direct(Cpu& cpu, const Instruction& insn) {
    return far_call(cpu, static_cast<u16>(insn.disp), static_cast<u32>(insn.imm), insn.operand_bytes());
}

Outcome jmp_far_memory(Cpu& cpu, const Instruction& insn) {
    u16 selector;
    u32 offset;
    if (!load_far_pointer(cpu, insn, selector, offset)) return Outcome::Fault;
    return far_jump(cpu, selector, offset, insn.operand_bytes());
}

Outcome call_far_memory(Cpu& cpu, const Instruction& insn) {
    u16 selector;
    u32 offset;
    if (!load_far_pointer(cpu, insn, selector, offset)) return Outcome::Fault;
    return far_call(cpu, selector, offset, insn.operand_bytes());
}

}  // namespace gnomon
