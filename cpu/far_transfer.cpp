// Far jumps and calls: direct, through call gates, task gates and TSSs. SDM Vol. 2, JMP and CALL,
// "Operation".
#include "cpu/far_transfer.h"

#include "cpu/long_mode.h"
#include "cpu/model.h"
#include "cpu/stack_frame.h"
#include "cpu/task.h"

namespace gnomon {
namespace {

Outcome selector_fault(Cpu& cpu, Vector vector, u16 selector) {
    return cpu.raise(vector, selector_error(selector));
}

/// Real and virtual-8086 mode: the target must lie within the limit that CS has.
bool real_target_allowed(Cpu& cpu, u64 offset) {
    const u32 limit = cpu.v86() ? 0xffff : cpu.segment(Seg::CS).limit;
    return offset <= limit || refuse(cpu, Vector::GP, 0);
}

void enter_real_segment(Cpu& cpu, u16 selector, u64 offset) {
    set_real_target(cpu, selector, offset);
    cpu.update_mode();
}

/// A code segment as a direct target at the current privilege level.
bool check_direct_target(Cpu& cpu, u16 selector, const Descriptor& d) {
    const bool allowed =
        d.conforming() ? d.dpl() <= cpu.cpl() : rpl(selector) <= cpu.cpl() && d.dpl() == cpu.cpl();
    if (!allowed || is_reserved_code(cpu, d)) return refuse(cpu, Vector::GP, selector_error(selector));
    return check_present(cpu, selector, d);
}

void enter_code(Cpu& cpu, u16 selector, const Descriptor& code, u64 offset, unsigned cpl) {
    set_code_segment(cpu, selector, code, cpl);
    cpu.state.rip = offset;
    cpu.update_mode();
}

/// Gates and TSSs: DPL against CPL and the RPL of the selector, presence.
bool check_gate(Cpu& cpu, u16 selector, const Descriptor& gate) {
    if (gate.dpl() < cpu.cpl() || gate.dpl() < rpl(selector))
        return refuse(cpu, Vector::GP, selector_error(selector));
    return check_present(cpu, selector, gate);
}

/// The code segment that a call gate leads to.
bool fetch_gate_target(Cpu& cpu, const Descriptor& gate, bool is_jump, Descriptor& code) {
    const u16 selector = gate.gate_selector();
    if (is_null(selector)) return refuse(cpu, Vector::GP, 0);
    if (!fetch_descriptor(cpu, selector, Vector::GP, code)) return false;
    const bool too_weak =
        code.dpl() > cpu.cpl() || (is_jump && !code.conforming() && code.dpl() != cpu.cpl());
    // In IA-32e mode call gates lead to 64-bit code only.
    const bool wrong_size = long_mode(cpu) && (!code.is_long() || code.is_big());
    if (!code.is_code() || too_weak || wrong_size) return refuse(cpu, Vector::GP, selector_error(selector));
    return check_present(cpu, selector, code);
}

Outcome transfer_to_task(Cpu& cpu, u16 selector, const Descriptor& d, TaskSwitch kind) {
    if (!check_gate(cpu, selector, d)) return Outcome::Fault;
    const bool switched = d.type() == system_type::kTaskGate
                              ? enter_task_gate(cpu, d, kind, cpu.next_rip, cpu.eflags())
                              : switch_task(cpu, selector, d, kind, cpu.next_rip, cpu.eflags());
    return switched ? Outcome::Jump : Outcome::Fault;
}

/// IA-32e mode has no hardware tasks.
bool leads_to_task(const Cpu& cpu, const Descriptor& d) {
    return !long_mode(cpu) && (d.type() == system_type::kTaskGate || d.is_tss_available());
}
bool is_call_gate(const Cpu& cpu, const Descriptor& d) {
    return d.type() == system_type::kCallGate32 || (d.type() == system_type::kCallGate16 && !long_mode(cpu));
}

/// A call gate whose checks passed: its whole offset, and the code segment behind it.
struct GateTarget {
    u64 offset = 0;
    Descriptor code;
};
bool read_gate(Cpu& cpu, u16 selector, Descriptor& gate, bool is_jump, GateTarget& out) {
    if (!check_gate(cpu, selector, gate)) return false;
    if (long_mode(cpu) && !fetch_upper_half(cpu, selector, Vector::GP, gate)) return false;
    out.offset = long_mode(cpu) ? gate.gate_offset64() : gate.gate_offset();
    return fetch_gate_target(cpu, gate, is_jump, out.code);
}

/// CALL through a gate to a more privileged segment: new stack, parameters copied.
Outcome call_inner(Cpu& cpu, const Descriptor& gate, GateTarget& target) {
    const unsigned bytes = gate.gate_is_32() ? 4 : 2;
    const unsigned cpl = target.code.dpl();
    InnerStack inner;
    if (!fetch_inner_stack(cpu, cpl, inner)) return Outcome::Fault;

    StackFrame old_stack(cpu);
    std::array<u64, 31> parameters{};
    const unsigned count = gate.gate_parameters();
    for (unsigned i = 0; i < count; i++)
        if (!old_stack.pop(bytes, parameters[i])) return Outcome::Fault;

    StackFrame frame(cpu, inner.segment, inner.pointer, Privilege::Supervisor,
                     selector_error(inner.segment.selector));
    if (!frame.push_all(bytes, cpu.segment(Seg::SS).selector, cpu.get<u32>(reg::SP))) return Outcome::Fault;
    for (unsigned i = count; i-- > 0;)
        if (!frame.push(bytes, parameters[i])) return Outcome::Fault;
    if (!frame.push_all(bytes, cpu.segment(Seg::CS).selector, cpu.next_rip)) return Outcome::Fault;
    if (!check_target(cpu, target.code, target.offset) || !mark_accessed(cpu, target.code))
        return Outcome::Fault;

    cpu.segment(Seg::SS) = inner.segment;
    set_stack_pointer(cpu, inner.segment, frame.pointer());
    enter_code(cpu, gate.gate_selector(), target.code, target.offset, cpl);
    return Outcome::Jump;
}

/// The same through a 64-bit gate: no parameters, and a null SS.
Outcome call_inner64(Cpu& cpu, const Descriptor& gate, GateTarget& target) {
    const unsigned cpl = target.code.dpl();
    u64 pointer;
    if (!fetch_stack64(cpu, cpl, pointer)) return Outcome::Fault;
    StackFrame frame(cpu, pointer, Privilege::Supervisor);
    if (!frame.push_all(8, cpu.segment(Seg::SS).selector, cpu.state.gpr[reg::SP],
                        cpu.segment(Seg::CS).selector, cpu.next_rip))
        return Outcome::Fault;
    if (!check_target(cpu, target.code, target.offset) || !mark_accessed(cpu, target.code))
        return Outcome::Fault;
    set_null_stack(cpu, static_cast<u16>(cpl), cpl);
    cpu.put<u64>(reg::SP, frame.pointer());
    enter_code(cpu, gate.gate_selector(), target.code, target.offset, cpl);
    return Outcome::Jump;
}

/// A gate of IA-32e mode pushes on a 64-bit stack even if the caller runs in compatibility mode.
Outcome call_same_level(Cpu& cpu, u16 selector, Descriptor& code, u64 offset, unsigned bytes, bool by_gate) {
    const bool wide = by_gate && long_mode(cpu);
    StackFrame frame = wide ? StackFrame(cpu, cpu.state.gpr[reg::SP], cpu.privilege()) : StackFrame(cpu);
    if (!frame.push_all(bytes, cpu.segment(Seg::CS).selector, cpu.next_rip)) return Outcome::Fault;
    if (!check_target(cpu, code, offset) || !mark_accessed(cpu, code)) return Outcome::Fault;
    if (wide)
        cpu.put<u64>(reg::SP, frame.pointer());
    else
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

bool fetch_stack64(Cpu& cpu, unsigned slot, u64& pointer) {
    const Segment& tr = cpu.state.tr;
    const u32 offset = 4 + 8 * slot;
    if (offset + 7 > tr.limit) {
        cpu.raise(Vector::TS, selector_error(tr.selector));
        return false;
    }
    if (!cpu.read_linear(tr.base + offset, pointer, Privilege::Supervisor)) return false;
    if (cpu.canonical(pointer)) return true;
    cpu.raise(Vector::SS, 0);
    return false;
}

Outcome far_jump(Cpu& cpu, u16 selector, u64 offset, unsigned bytes) {
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
        if (!check_direct_target(cpu, selector, d) || !check_target(cpu, d, offset) || !mark_accessed(cpu, d))
            return Outcome::Fault;
        enter_code(cpu, selector, d, offset, cpu.cpl());
        return Outcome::Jump;
    }
    if (!d.is_system()) return selector_fault(cpu, Vector::GP, selector);
    if (is_call_gate(cpu, d)) {
        GateTarget target;
        if (!read_gate(cpu, selector, d, true, target)) return Outcome::Fault;
        if (!check_target(cpu, target.code, target.offset) || !mark_accessed(cpu, target.code))
            return Outcome::Fault;
        enter_code(cpu, d.gate_selector(), target.code, target.offset, cpu.cpl());
        return Outcome::Jump;
    }
    if (leads_to_task(cpu, d)) return transfer_to_task(cpu, selector, d, TaskSwitch::Jump);
    return selector_fault(cpu, Vector::GP, selector);
}

Outcome far_call(Cpu& cpu, u16 selector, u64 offset, unsigned bytes) {
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
        return call_same_level(cpu, selector, d, offset, bytes, false);
    }
    if (!d.is_system()) return selector_fault(cpu, Vector::GP, selector);
    if (is_call_gate(cpu, d)) {
        GateTarget target;
        if (!read_gate(cpu, selector, d, false, target)) return Outcome::Fault;
        const bool wide = long_mode(cpu);
        if (!target.code.conforming() && target.code.dpl() < cpu.cpl())
            return wide ? call_inner64(cpu, d, target) : call_inner(cpu, d, target);
        return call_same_level(cpu, d.gate_selector(), target.code, target.offset,
                               wide             ? 8
                               : d.gate_is_32() ? 4
                                                : 2,
                               true);
    }
    if (leads_to_task(cpu, d)) return transfer_to_task(cpu, selector, d, TaskSwitch::Call);
    return selector_fault(cpu, Vector::GP, selector);
}

bool load_far_pointer(Cpu& cpu, const Instruction& insn, FarPointer& out) {
    out.bytes = insn.operand_bytes();
    // AMD APM Vol. 3, JMP (Far): REX.W does not make the pointer wider.
    if (out.bytes == 8 && cpu.model().vendor == kVendorAmd) out.bytes = 4;
    const u64 address = cpu.effective_address(insn);
    const unsigned address_bytes = insn.address_bytes();
    const u64 mask = address_bytes == 8 ? ~u64{0} : address_bytes == 4 ? 0xffffffff : 0xffff;
    u32 word = 0;
    u16 half = 0;
    bool ok;
    switch (out.bytes) {
        case 8: ok = cpu.read(insn.segment, address, out.offset); break;
        case 4:
            ok = cpu.read(insn.segment, address, word);
            out.offset = word;
            break;
        default:
            ok = cpu.read(insn.segment, address, half);
            out.offset = half;
            break;
    }
    return ok && cpu.read(insn.segment, (address + out.bytes) & mask, out.selector);
}

Outcome jmp_far_direct(Cpu& cpu, const Instruction& insn) {
    return far_jump(cpu, static_cast<u16>(insn.disp), static_cast<u32>(insn.imm), insn.operand_bytes());
}

Outcome call_far_direct(Cpu& cpu, const Instruction& insn) {
    return far_call(cpu, static_cast<u16>(insn.disp), static_cast<u32>(insn.imm), insn.operand_bytes());
}

Outcome jmp_far_memory(Cpu& cpu, const Instruction& insn) {
    FarPointer target;
    if (!load_far_pointer(cpu, insn, target)) return Outcome::Fault;
    return far_jump(cpu, target.selector, target.offset, target.bytes);
}

Outcome call_far_memory(Cpu& cpu, const Instruction& insn) {
    FarPointer target;
    if (!load_far_pointer(cpu, insn, target)) return Outcome::Fault;
    return far_call(cpu, target.selector, target.offset, target.bytes);
}

}  // namespace gnomon
