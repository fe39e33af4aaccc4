// RET far and IRET in all forms: same level, outer level, virtual-8086 mode, previous task. SDM Vol. 2, RET
// and IRET, "Operation".
#include "cpu/eflags.h"
#include "cpu/far_transfer.h"
#include "cpu/long_mode.h"
#include "cpu/stack_frame.h"
#include "cpu/system_registers.h"
#include "cpu/task.h"

namespace gnomon {
namespace {

/// The code segment that a return goes to. Its RPL is the new CPL.
bool fetch_return_code(Cpu& cpu, u16 selector, Descriptor& code) {
    if (is_null(selector)) return refuse(cpu, Vector::GP, 0);
    if (!fetch_descriptor(cpu, selector, Vector::GP, code)) return false;
    const bool level_fits = code.conforming() ? code.dpl() <= rpl(selector) : code.dpl() == rpl(selector);
    if (!code.is_code() || rpl(selector) < cpu.cpl() || !level_fits || is_reserved_code(cpu, code))
        return refuse(cpu, Vector::GP, selector_error(selector));
    return check_present(cpu, selector, code);
}

/// SS as a return pops it. 64-bit mode does without one below level 3; then `null` is set.
bool fetch_return_stack(Cpu& cpu, u16 selector, unsigned cpl, const Descriptor& code, Descriptor& out,
                        bool& null) {
    null = is_null(selector) && leads_to_64bit(cpu, code) && cpl < 3;
    return null || check_stack_segment(cpu, selector, cpl, Vector::GP, out);
}

/// Checks everything, then goes to `selector`:`offset`; `frame` has popped CS:EIP (and EFLAGS). `release`
/// bytes of parameters lie on both stacks. `change_flags` is applied between the last check and the change of
/// privilege. `pops_stack`: SS:(E)SP lie on the stack even if the privilege stays.
template<class ChangeFlags>
Outcome return_protected(Cpu& cpu, StackFrame& frame, u16 selector, u64 offset, unsigned bytes, u16 release,
                         bool pops_stack, ChangeFlags change_flags) {
    Descriptor code;
    if (!fetch_return_code(cpu, selector, code)) return Outcome::Fault;
    const unsigned new_cpl = rpl(selector);
    frame.skip(release);
    if (new_cpl == cpu.cpl() && !pops_stack) {
        if (!check_target(cpu, code, offset) || !mark_accessed(cpu, code)) return Outcome::Fault;
        set_stack_pointer(cpu, cpu.segment(Seg::SS), frame.pointer());
        change_flags();
        set_code_segment(cpu, selector, code, new_cpl);
        cpu.state.rip = offset;
        cpu.update_mode();
        return Outcome::Jump;
    }
    u64 pointer;
    u16 stack_selector;
    if (!frame.pop(bytes, pointer) || !frame.pop_selector(bytes, stack_selector)) return Outcome::Fault;
    Descriptor stack;
    bool null_stack;
    if (!fetch_return_stack(cpu, stack_selector, new_cpl, code, stack, null_stack)) return Outcome::Fault;
    if (!check_target(cpu, code, offset) || !mark_accessed(cpu, code)) return Outcome::Fault;
    if (!null_stack && !mark_accessed(cpu, stack)) return Outcome::Fault;
    change_flags();
    const bool outward = new_cpl != cpu.cpl();
    set_code_segment(cpu, selector, code, new_cpl);
    if (null_stack)
        set_null_stack(cpu, stack_selector, new_cpl);
    else
        set_segment(cpu.segment(Seg::SS), stack_selector, stack);
    set_stack_pointer(cpu, cpu.segment(Seg::SS), pointer + release);
    if (outward) drop_inner_segments(cpu);
    cpu.state.rip = offset;
    cpu.update_mode();
    return Outcome::Jump;
}

/// Real mode, and virtual-8086 mode where it is allowed.
bool enter_popped_segment(Cpu& cpu, const StackFrame& frame, u16 selector, u64 offset, unsigned release) {
    const u32 limit = cpu.v86() ? 0xffff : cpu.segment(Seg::CS).limit;
    if (offset > limit) return refuse(cpu, Vector::GP, 0);
    set_stack_pointer(cpu, cpu.segment(Seg::SS), frame.pointer() + release);
    set_real_target(cpu, selector, offset);
    return true;
}

bool pop_interrupt_frame(StackFrame& frame, unsigned bytes, u64& offset, u16& selector, u32& flags) {
    u64 image;
    if (!frame.pop(bytes, offset) || !frame.pop_selector(bytes, selector) || !frame.pop(bytes, image))
        return false;
    flags = static_cast<u32>(image);
    return true;
}

/// IRET within virtual-8086 mode. SDM Vol. 3, "Virtual-8086 Mode Extensions".
Outcome iret_v86(Cpu& cpu, unsigned bytes) {
    const bool extended = cpu.iopl() != 3;
    if (extended && (!(cpu.state.cr4 & cr4::VME) || bytes == 4)) return cpu.raise(Vector::GP, 0);
    StackFrame frame(cpu);
    u64 offset;
    u32 flags;
    u16 selector;
    if (!pop_interrupt_frame(frame, bytes, offset, selector, flags)) return Outcome::Fault;
    if (extended && ((flags & flag::TF) || ((flags & flag::IF) && (cpu.state.eflags & flag::VIP))))
        return cpu.raise(Vector::GP, 0);
    if (!enter_popped_segment(cpu, frame, selector, offset, 0)) return Outcome::Fault;
    u32 mask = flag::kArithmetic | flag::TF | flag::DF | flag::NT;
    if (bytes == 4) mask |= flag::RF | flag::AC | flag::ID;
    if (extended) {
        mask |= flag::VIF;
        flags = (flags & ~flag::VIF) | (flags & flag::IF ? flag::VIF : 0);
    } else {
        mask |= flag::IF;
    }
    change_eflags(cpu, flags, mask);
    cpu.update_mode();
    return Outcome::Jump;
}

Outcome iret_real(Cpu& cpu, unsigned bytes) {
    StackFrame frame(cpu);
    u64 offset;
    u32 flags;
    u16 selector;
    if (!pop_interrupt_frame(frame, bytes, offset, selector, flags)) return Outcome::Fault;
    if (!enter_popped_segment(cpu, frame, selector, offset, 0)) return Outcome::Fault;
    u32 mask = flag::kArithmetic | flag::TF | flag::IF | flag::DF | flag::IOPL | flag::NT;
    if (bytes == 4) mask |= flag::RF | flag::AC | flag::ID;
    change_eflags(cpu, flags, mask);
    cpu.update_mode();
    return Outcome::Jump;
}

Outcome iret_to_v86(Cpu& cpu, StackFrame& frame, u16 cs, u64 offset, u32 flags) {
    u64 pointer;
    std::array<u16, 5> selectors{};  // SS, ES, DS, FS, GS
    if (!frame.pop(4, pointer)) return Outcome::Fault;
    for (u16& selector : selectors)
        if (!frame.pop_selector(4, selector)) return Outcome::Fault;
    if (offset > 0xffff) return cpu.raise(Vector::GP, 0);
    change_eflags(cpu, flags, ~u32{0});
    cpu.state.cpl = 3;
    set_v86_segment(cpu.segment(Seg::CS), cs);
    constexpr Seg kOrder[] = {Seg::SS, Seg::ES, Seg::DS, Seg::FS, Seg::GS};
    for (unsigned i = 0; i < 5; i++) set_v86_segment(cpu.segment(kOrder[i]), selectors[i]);
    cpu.put<u32>(reg::SP, static_cast<u32>(pointer));
    cpu.state.rip = offset;
    cpu.update_mode();
    return Outcome::Jump;
}

}  // namespace

Outcome far_return(Cpu& cpu, unsigned bytes, u16 release) {
    StackFrame frame(cpu);
    u64 offset;
    u16 selector;
    if (!frame.pop(bytes, offset) || !frame.pop_selector(bytes, selector)) return Outcome::Fault;
    if (!cpu.protected_mode()) {
        if (!enter_popped_segment(cpu, frame, selector, offset, release)) return Outcome::Fault;
        cpu.update_mode();
        return Outcome::Jump;
    }
    return return_protected(cpu, frame, selector, offset, bytes, release, false, [] {});
}

Outcome interrupt_return(Cpu& cpu, unsigned bytes) {
    cpu.state.nmi_blocked = false;  // even if IRET faults: SDM Vol. 3, "Handling Multiple NMIs"
    if (cpu.real_mode()) return iret_real(cpu, bytes);
    if (cpu.v86()) return iret_v86(cpu, bytes);
    if ((cpu.state.eflags & flag::NT) && long_mode(cpu)) return cpu.raise(Vector::GP, 0);
    if (cpu.state.eflags & flag::NT)
        return return_to_previous_task(cpu, cpu.next_rip) ? Outcome::Jump : Outcome::Fault;

    StackFrame frame(cpu);
    u64 offset;
    u32 flags;
    u16 selector;
    if (!pop_interrupt_frame(frame, bytes, offset, selector, flags)) return Outcome::Fault;
    if (bytes == 4 && (flags & flag::VM) && cpu.cpl() == 0 && !long_mode(cpu))
        return iret_to_v86(cpu, frame, selector, offset, flags);
    u32 mask = flag::kArithmetic | flag::TF | flag::DF | flag::NT;
    if (bytes >= 4) mask |= flag::RF | flag::AC | flag::ID;
    if (cpu.cpl() <= cpu.iopl()) mask |= flag::IF;
    if (cpu.cpl() == 0) mask |= flag::IOPL | (bytes >= 4 ? flag::VIF | flag::VIP : 0);
    return return_protected(cpu, frame, selector, offset, bytes, 0, cpu.in_64bit_mode(),
                            [&] { change_eflags(cpu, flags, mask); });
}

Outcome ret_far(Cpu& cpu, const Instruction& insn) { return far_return(cpu, insn.operand_bytes(), 0); }
Outcome ret_far_imm(Cpu& cpu, const Instruction& insn) {
    return far_return(cpu, insn.operand_bytes(), static_cast<u16>(insn.imm));
}
Outcome iret(Cpu& cpu, const Instruction& insn) { return interrupt_return(cpu, insn.operand_bytes()); }

}  // namespace gnomon
