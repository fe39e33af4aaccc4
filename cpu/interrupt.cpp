// Delivery of exceptions and interrupts, double and triple faults. SDM Vol. 3, "Interrupt and Exception
// Handling"; Vol. 2, INT n, "Operation"; Vol. 3, "8086 Emulation".
#include "cpu/interrupt.h"

#include "cpu/debug_registers.h"
#include "cpu/eflags.h"
#include "cpu/long_mode.h"
#include "cpu/monitor_unit.h"
#include "cpu/observer.h"
#include "cpu/stack_frame.h"
#include "cpu/task.h"

namespace gnomon {
namespace {

/// SDM Vol. 3, "Interrupt 8—Double Fault Exception".
enum class FaultClass : u8 { Benign, Contributory, PageFault, DoubleFault };

FaultClass class_of(Vector vector) {
    switch (vector) {
        case Vector::DE:
        case Vector::TS:
        case Vector::NP:
        case Vector::SS:
        case Vector::GP: return FaultClass::Contributory;
        case Vector::PF: return FaultClass::PageFault;
        case Vector::DF: return FaultClass::DoubleFault;
        default: return FaultClass::Benign;
    }
}

/// Exceptions whose saved EIP is that of the instruction to restart. #DB decides about RF on its own.
bool is_fault(Vector vector) {
    switch (vector) {
        case Vector::DB:
        case Vector::NMI:
        case Vector::BP:
        case Vector::OF:
        case Vector::DF:
        case Vector::MC: return false;
        default: return true;
    }
}

/// The EFLAGS image to be saved: faults set RF so that the restarted instruction does not meet its breakpoint
/// again.
u32 saved_flags(const Cpu& cpu, EventKind kind, Vector vector) {
    const u32 flags = cpu.eflags();
    return kind == EventKind::Exception && is_fault(vector) ? flags | flag::RF : flags;
}

void clear_flags(Cpu& cpu, u32 mask) { cpu.set_eflags(cpu.eflags() & ~mask); }

bool deliver_to_vector_table(Cpu& cpu, u8 vector, u64 table, u32 flags) {
    u16 offset;
    u16 selector;
    if (!cpu.read_linear(static_cast<u32>(table + vector * 4u), offset, Privilege::Supervisor)) return false;
    if (!cpu.read_linear(static_cast<u32>(table + vector * 4u + 2), selector, Privilege::Supervisor))
        return false;
    StackFrame frame(cpu);
    if (!frame.push_all(2, flags, cpu.segment(Seg::CS).selector, cpu.state.rip)) return false;
    set_stack_pointer(cpu, cpu.segment(Seg::SS), frame.pointer());
    set_real_target(cpu, selector, offset);
    return true;
}

bool deliver_real(Cpu& cpu, u8 vector, u32 flags) {
    if (vector * 4u + 3 > cpu.state.idtr.limit) return refuse(cpu, Vector::GP, vector * 8u + 2);
    if (!deliver_to_vector_table(cpu, vector, cpu.state.idtr.base, flags)) return false;
    clear_flags(cpu, flag::IF | flag::TF | flag::AC | flag::RF);
    return true;
}

/// What one delivery through the IDT works on.
struct Delivery {
    Cpu& cpu;
    const Fault& event;
    u32 flags;
    Descriptor gate{};

    [[nodiscard]] unsigned slot() const { return gate.gate_is_32() ? 4 : 2; }
    [[nodiscard]] bool is_trap_gate() const { return gate.type() & 1; }
};

/// The common end of both kinds of frames: error code pushed, target checked, CS entered.
bool enter_handler(Delivery& d, StackFrame& frame, Descriptor& code, unsigned cpl, const Segment* new_stack) {
    Cpu& cpu = d.cpu;
    if (d.event.has_error && !frame.push(d.slot(), d.event.error)) return false;
    if (d.gate.gate_offset() > code.limit()) return refuse(cpu, Vector::GP, 0);
    if (!mark_accessed(cpu, code)) return false;
    const bool from_v86 = cpu.v86();
    if (new_stack) cpu.segment(Seg::SS) = *new_stack;
    set_stack_pointer(cpu, cpu.segment(Seg::SS), frame.pointer());
    if (from_v86)
        for (const Seg seg : {Seg::GS, Seg::FS, Seg::DS, Seg::ES}) set_null_segment(cpu.segment(seg), 0);
    set_code_segment(cpu, d.gate.gate_selector(), code, cpl);
    cpu.state.rip = d.gate.gate_offset();
    clear_flags(cpu, flag::TF | flag::NT | flag::RF | flag::VM | (d.is_trap_gate() ? 0 : flag::IF));
    return true;
}

bool deliver_to_inner_level(Delivery& d, Descriptor& code) {
    Cpu& cpu = d.cpu;
    const unsigned cpl = code.dpl();
    InnerStack inner;
    if (!fetch_inner_stack(cpu, cpl, inner)) return false;
    StackFrame frame(cpu, inner.segment, inner.pointer, Privilege::Supervisor,
                     selector_error(inner.segment.selector));
    const unsigned slot = d.slot();
    const auto selector = [&](Seg seg) { return cpu.segment(seg).selector; };
    if (cpu.v86() &&
        !frame.push_all(slot, selector(Seg::GS), selector(Seg::FS), selector(Seg::DS), selector(Seg::ES)))
        return false;
    if (!frame.push_all(slot, selector(Seg::SS), cpu.get<u32>(reg::SP), d.flags, selector(Seg::CS),
                        cpu.state.rip))
        return false;
    return enter_handler(d, frame, code, cpl, &inner.segment);
}

bool deliver_to_same_level(Delivery& d, Descriptor& code) {
    Cpu& cpu = d.cpu;
    StackFrame frame(cpu);
    if (!frame.push_all(d.slot(), d.flags, cpu.segment(Seg::CS).selector, cpu.state.rip)) return false;
    return enter_handler(d, frame, code, cpu.cpl(), nullptr);
}

/// IA-32e mode: the frame is always that of an inner level, eight bytes a slot, on a stack aligned to 16. SDM
/// Vol. 3, "64-Bit Mode Stack Frame", "Interrupt Stack Table".
bool deliver_to_64bit_handler(Delivery& d, Descriptor& code, bool inner) {
    Cpu& cpu = d.cpu;
    const unsigned cpl = inner ? code.dpl() : cpu.cpl();
    u64 pointer = cpu.state.gpr[reg::SP];
    if (const unsigned ist = d.gate.gate_stack(); ist != 0) {
        if (!fetch_stack64(cpu, kFirstIst + ist - 1, pointer)) return false;
    } else if (inner && !fetch_stack64(cpu, cpl, pointer)) {
        return false;
    }
    StackFrame frame(cpu, pointer & ~u64{15}, cpl == 3 ? Privilege::User : Privilege::Supervisor);
    if (!frame.push_all(8, cpu.segment(Seg::SS).selector, cpu.state.gpr[reg::SP], d.flags,
                        cpu.segment(Seg::CS).selector, cpu.state.rip))
        return false;
    if (d.event.has_error && !frame.push(8, d.event.error)) return false;
    if (!cpu.canonical(d.gate.gate_offset64())) return refuse(cpu, Vector::GP, 0);
    if (!mark_accessed(cpu, code)) return false;
    if (inner) set_null_stack(cpu, static_cast<u16>(cpl), cpl);
    cpu.put<u64>(reg::SP, frame.pointer());
    set_code_segment(cpu, d.gate.gate_selector(), code, cpl);
    cpu.state.rip = d.gate.gate_offset64();
    clear_flags(cpu, flag::TF | flag::NT | flag::RF | flag::VM | (d.is_trap_gate() ? 0 : flag::IF));
    return true;
}

/// Only INT n and its kin look at the DPL.
bool check_gate(Cpu& cpu, const Descriptor& gate, EventKind kind, u32 idt_error) {
    const bool software = kind == EventKind::SoftInterrupt || kind == EventKind::SoftException;
    if (software && gate.dpl() < cpu.cpl()) return refuse(cpu, Vector::GP, idt_error);
    return gate.present() || refuse(cpu, Vector::NP, idt_error);
}

bool deliver_long(Cpu& cpu, EventKind kind, const Fault& event, u32 flags) {
    const u8 vector = static_cast<u8>(event.vector);
    const u32 idt_error = vector * 8u + 2;
    if (vector * 16u + 15 > cpu.state.idtr.limit) return refuse(cpu, Vector::GP, idt_error);
    Delivery d{cpu, event, flags};
    u64 raw;
    u64 upper;
    const u64 at = cpu.state.idtr.base + vector * 16u;
    if (!cpu.read_linear(at, raw, Privilege::Supervisor) ||
        !cpu.read_linear(at + 8, upper, Privilege::Supervisor))
        return false;
    d.gate.low = static_cast<u32>(raw);
    d.gate.high = static_cast<u32>(raw >> 32);
    d.gate.upper = static_cast<u32>(upper);

    const unsigned type = d.gate.type();
    if (!d.gate.is_system() || (type != system_type::kInterruptGate64 && type != system_type::kTrapGate64))
        return refuse(cpu, Vector::GP, idt_error);
    if (!check_gate(cpu, d.gate, kind, idt_error)) return false;

    const u16 selector = d.gate.gate_selector();
    if (is_null(selector)) return refuse(cpu, Vector::GP, 0);
    Descriptor code;
    if (!fetch_descriptor(cpu, selector, Vector::GP, code)) return false;
    if (!code.is_code() || code.dpl() > cpu.cpl()) return refuse(cpu, Vector::GP, selector_error(selector));
    if (!check_present(cpu, selector, code)) return false;
    if (!code.is_long() || code.is_big()) return refuse(cpu, Vector::GP, selector_error(selector));
    return deliver_to_64bit_handler(d, code, !code.conforming() && code.dpl() < cpu.cpl());
}

bool deliver_protected(Cpu& cpu, EventKind kind, const Fault& event, u32 flags) {
    const u8 vector = static_cast<u8>(event.vector);
    const u32 idt_error = vector * 8u + 2;
    if (vector * 8u + 7 > cpu.state.idtr.limit) return refuse(cpu, Vector::GP, idt_error);
    Delivery d{cpu, event, flags};
    u64 raw;
    if (!cpu.read_linear(static_cast<u32>(cpu.state.idtr.base + vector * 8u), raw, Privilege::Supervisor))
        return false;
    d.gate.low = static_cast<u32>(raw);
    d.gate.high = static_cast<u32>(raw >> 32);

    const unsigned type = d.gate.type();
    const bool is_gate =
        d.gate.is_system() && (type == system_type::kTaskGate || (type & 7) >= system_type::kInterruptGate16);
    if (!is_gate) return refuse(cpu, Vector::GP, idt_error);
    if (!check_gate(cpu, d.gate, kind, idt_error)) return false;
    if (type == system_type::kTaskGate)
        return enter_task_gate(cpu, d.gate, TaskSwitch::Event, cpu.state.rip, flags, &event);

    const u16 selector = d.gate.gate_selector();
    if (is_null(selector)) return refuse(cpu, Vector::GP, 0);
    Descriptor code;
    if (!fetch_descriptor(cpu, selector, Vector::GP, code)) return false;
    if (!code.is_code() || code.dpl() > cpu.cpl()) return refuse(cpu, Vector::GP, selector_error(selector));
    if (!check_present(cpu, selector, code)) return false;
    const bool inner = !code.conforming() && code.dpl() < cpu.cpl();
    // Out of virtual-8086 mode the way leads to level 0 only.
    if (cpu.v86() && (!inner || code.dpl() != 0)) return refuse(cpu, Vector::GP, selector_error(selector));
    return inner ? deliver_to_inner_level(d, code) : deliver_to_same_level(d, code);
}

}  // namespace

bool Cpu::try_deliver(EventKind kind, const Fault& event) {
    if (observer_) observer_->event(*this, kind, event);
    const bool exception = kind == EventKind::Exception;
    if (exception && event.vector == Vector::PF) state.cr2 = event.address;
    const u32 flags = saved_flags(*this, kind, event.vector);
    const u64 from = state.rip;
    const bool delivered = real_mode()        ? deliver_real(*this, static_cast<u8>(event.vector), flags)
                           : long_mode(*this) ? deliver_long(*this, kind, event, flags)
                                              : deliver_protected(*this, kind, event, flags);
    if (!delivered) {
        // EXT: what went wrong while an event from outside the program was delivered. Page faults have no
        // such bit.
        const bool program_event = kind == EventKind::SoftInterrupt || kind == EventKind::SoftException;
        if (!program_event && fault.vector != Vector::PF && fault.vector != Vector::AC && fault.has_error)
            fault.error |= 1;
        return false;
    }
    if (kind == EventKind::Nmi) state.nmi_blocked = true;
    if (exception && event.vector == Vector::DB) state.dr[7] &= ~dr7::GD;
    if (state.msr.debug_control) note_event_branch(*this, from, exception && event.vector == Vector::DB);
    // The single-step trap of an instruction that entered a handler is lost; hits of breakpoints of a
    // faulting one too.
    state.pending_debug &= exception ? dr6::BT : dr6::kHits | dr6::BT;
    state.inhibit_interrupts = false;
    state.activity = Activity::Active;
    // An event between MONITOR and MWAIT: the wait would miss what the handler did.
    state.monitored_line = MonitorUnit::kNone;
    update_mode();
    return true;
}

bool Cpu::deliver(EventKind kind, Fault event) {
    ShutdownReport report;
    FaultClass pending = kind == EventKind::Exception ? class_of(event.vector) : FaultClass::Benign;
    // Benign pairs are handled one after the other; hardware would do so for ever where one cannot be
    // delivered at all.
    for (unsigned attempt = 0; attempt < 16; attempt++) {
        const u16 cs = segment(Seg::CS).selector;
        const u64 rip = state.rip;
        if (try_deliver(kind, event)) return true;
        if (fault.vector == Vector::PF) state.cr2 = fault.address;
        if (report.count == 0) report.before = architectural_state();
        if (report.count == report.chain.size()) {
            for (size_t i = 1; i < report.chain.size(); i++) report.chain[i - 1] = report.chain[i];
            report.count--;
        }
        report.chain[report.count++] = {event, cs, rip};

        const FaultClass next = class_of(fault.vector);
        const bool severe = next == FaultClass::Contributory || next == FaultClass::PageFault;
        if (pending == FaultClass::DoubleFault && severe) {
            if (report.count < report.chain.size())
                report.chain[report.count++] = {fault, segment(Seg::CS).selector, state.rip};
            break;
        }
        const bool becomes_double =
            (pending == FaultClass::Contributory && next == FaultClass::Contributory) ||
            (pending == FaultClass::PageFault && severe);
        event = becomes_double ? Fault{Vector::DF, true, 0, 0} : fault;
        kind = EventKind::Exception;
        pending = class_of(event.vector);
    }
    shutdown_ = report;
    state.activity = Activity::Shutdown;
    if (observer_) observer_->shut_down(*this);
    return false;
}

namespace {

/// INT n in virtual-8086 mode with CR4.VME: false bit in the software interrupt redirection bitmap, the 32
/// bytes below the I/O map. SDM Vol. 3, "Class 3—Software Interrupt Handling in Virtual-8086 Mode".
bool redirected_to_program(Cpu& cpu, u8 vector, bool& redirected) {
    const Segment& tr = cpu.state.tr;
    redirected = false;
    if (!(attribute::type(tr.attributes) & 8) || tr.limit < 0x67) return refuse(cpu, Vector::GP, 0);
    u16 io_map;
    if (!cpu.read_linear(static_cast<u32>(tr.base + 0x66), io_map, Privilege::Supervisor)) return false;
    const u32 at = io_map - 32u + vector / 8u;
    if (io_map < 32 || at > tr.limit) return refuse(cpu, Vector::GP, 0);
    u8 bits;
    if (!cpu.read_linear(static_cast<u32>(tr.base + at), bits, Privilege::Supervisor)) return false;
    redirected = !(bits >> (vector & 7) & 1);
    return true;
}

/// The 8086 program's own handler; with IOPL below 3 it sees VIF as its IF.
bool deliver_to_v86_program(Cpu& cpu, u8 vector) {
    const bool virtual_if = cpu.iopl() < 3;
    u32 flags = cpu.eflags();
    if (virtual_if) flags = (flags & ~flag::IF) | (flags & flag::VIF ? flag::IF : 0) | flag::IOPL;
    if (!deliver_to_vector_table(cpu, vector, 0, flags)) return false;
    clear_flags(cpu, flag::TF | flag::RF | (virtual_if ? flag::VIF : flag::IF));
    cpu.state.pending_debug &= ~dr6::BS;
    cpu.update_mode();
    return true;
}

/// Delivers with the IP of the following instruction as the return address.
Outcome software_event(Cpu& cpu, EventKind kind, u8 vector, bool to_program = false) {
    const u64 ip = cpu.state.rip;
    cpu.state.rip = cpu.next_rip;
    const u16 task = cpu.state.tr.selector;
    const bool delivered = to_program
                               ? deliver_to_v86_program(cpu, vector)
                               : cpu.try_deliver(kind, Fault{static_cast<Vector>(vector), false, 0, 0});
    if (delivered) return Outcome::Jump;
    if (cpu.state.tr.selector == task) cpu.state.rip = ip;  // a fault of this instruction, not of a new task
    return Outcome::Fault;
}

}  // namespace

Outcome int_n(Cpu& cpu, const Instruction& insn) {
    const u8 vector = static_cast<u8>(insn.imm);
    if (!cpu.v86()) return software_event(cpu, EventKind::SoftInterrupt, vector);
    if (cpu.state.cr4 & cr4::VME) {
        bool redirected;
        if (!redirected_to_program(cpu, vector, redirected)) return Outcome::Fault;
        if (redirected) return software_event(cpu, EventKind::SoftInterrupt, vector, true);
    }
    if (cpu.iopl() < 3) return cpu.raise(Vector::GP, 0);
    return software_event(cpu, EventKind::SoftInterrupt, vector);
}

Outcome int3(Cpu& cpu, const Instruction&) {
    return software_event(cpu, EventKind::SoftException, static_cast<u8>(Vector::BP));
}
Outcome int1(Cpu& cpu, const Instruction&) {
    return software_event(cpu, EventKind::IceBreakpoint, static_cast<u8>(Vector::DB));
}

Outcome into(Cpu& cpu, const Instruction&) {
    if (!(cpu.eflags() & flag::OF)) return Outcome::Next;
    return software_event(cpu, EventKind::SoftException, static_cast<u8>(Vector::OF));
}

}  // namespace gnomon
