// Breakpoint matching, the debug status and control registers. SDM Vol. 3, "Debug Registers", "Debug
// Exceptions".
#include "cpu/debug_registers.h"

#include <utility>

#include "cpu/eflags.h"
#include "cpu/long_mode.h"
#include "cpu/opcode_row.h"
#include "cpu/system_instructions.h"
#include "cpu/system_registers.h"

namespace gnomon {
namespace {

/// R/W fields of DR7.
enum class Condition : unsigned { Execute = 0, Write = 1, Io = 2, ReadWrite = 3 };

struct Breakpoint {
    bool enabled;
    Condition condition;
    unsigned length;
    u64 address;
};

Breakpoint breakpoint(const CpuState& s, unsigned n) {
    const u64 control = s.dr[7] >> (16 + 4 * n);
    constexpr unsigned kLength[] = {1, 2, 8, 4};
    const unsigned length = kLength[control >> 2 & 3];
    return {(s.dr[7] >> (2 * n) & 3) != 0, static_cast<Condition>(control & 3), length,
            s.dr[n] & ~u64{length - 1}};
}

/// Hits of accesses that satisfy `matches`, as DR6 bits.
template<class Matches>
u32 hits(const CpuState& s, u64 start, unsigned size, Matches matches) {
    u32 found = 0;
    for (unsigned n = 0; n < 4; n++) {
        const Breakpoint b = breakpoint(s, n);
        if (b.enabled && matches(b.condition) && start < b.address + b.length && b.address < start + size)
            found |= 1u << n;
    }
    return found;
}

void set_status(Cpu& cpu, u32 bits) {
    cpu.state.dr[6] = (cpu.state.dr[6] | (bits & dr6::kStatus) | dr6::kFixed) & ~u64{1u << 12};
}

}  // namespace

namespace {

bool raise_debug_exception(Cpu& cpu, u32 status) {
    set_status(cpu, status);
    cpu.state.pending_debug = 0;
    cpu.update_mode();
    cpu.fault = {Vector::DB, false, 0, 0};
    return true;
}

}  // namespace

bool before_instruction(Cpu& cpu) {
    CpuState& s = cpu.state;
    const bool in_shadow = s.pending_debug & dr6::kShadow;
    // Still due: a task switch with the T bit, or a breakpoint on the stack of an event that was delivered.
    if ((s.pending_debug & dr6::kStatus) && !in_shadow) return raise_debug_exception(cpu, s.pending_debug);
    if ((s.dr[7] & dr7::kAnyEnable) && !(s.eflags & flag::RF) && !in_shadow) {
        const u64 linear =
            cpu.in_64bit_mode() ? s.rip : static_cast<u32>(cpu.segment(Seg::CS).base + s.rip);
        const u32 found = hits(s, linear, 1, [](Condition c) { return c == Condition::Execute; });
        if (found) return raise_debug_exception(cpu, found);
    }
    if (virtual_interrupt_due(cpu)) {
        cpu.raise(Vector::GP, 0);
        return true;
    }
    // RF lasts for one instruction. If that faults, its saved image has RF set again; IRET may load it anew.
    s.eflags &= ~flag::RF;
    if (s.eflags & flag::TF) s.pending_debug |= dr6::BS;
    return false;
}

bool after_instruction(Cpu& cpu, bool repeating, std::optional<u64> branch_from) {
    CpuState& s = cpu.state;
    if (branch_from && (s.msr.debug_control & debugctl::LBR)) {
        s.msr.last_branch[0] = *branch_from;
        s.msr.last_branch[1] = s.rip;
    }
    if (!branch_from && (s.msr.debug_control & debugctl::BTF)) s.pending_debug &= ~dr6::BS;
    if (repeating && (s.dr[7] & dr7::kAnyEnable)) s.eflags |= flag::RF;
    if (s.pending_debug & dr6::kHold) {
        s.pending_debug = (s.pending_debug & ~dr6::kHold) | dr6::kShadow;
        return false;
    }
    const u32 pending = std::exchange(s.pending_debug, 0);
    if (pending & dr6::kStatus) return raise_debug_exception(cpu, pending);
    if (pending) cpu.update_mode();
    return false;
}

BranchKind branch_kind(const OpcodeRow& row) {
    const std::string_view name = row.mnemonic;
    if (name == "JMP" || name == "CALL" || name == "IRET" || name.starts_with("RET") || name.starts_with("SYS"))
        return BranchKind::Always;
    return name.starts_with("J") || name.starts_with("LOOP") ? BranchKind::Conditional : BranchKind::None;
}

/// The record of the last branch before the event is kept as that of the last interrupt; the way into the handler is a branch too.
/// SDM Vol. 3, "Last Branch, Interrupt, and Exception Recording (P6 Family Processors)".
void note_event_branch(Cpu& cpu, u64 from, bool debug_exception) {
    MsrState& msr = cpu.state.msr;
    if (msr.debug_control & debugctl::LBR) {
        msr.last_branch[2] = msr.last_branch[0];
        msr.last_branch[3] = msr.last_branch[1];
        msr.last_branch[0] = from;
        msr.last_branch[1] = cpu.state.rip;
    }
    if (debug_exception) msr.debug_control &= ~(debugctl::LBR | debugctl::BTF);
}

void note_data_access(Cpu& cpu, u64 linear, unsigned size, bool write) {
    if (!(cpu.state.dr[7] & dr7::kAnyEnable)) return;
    cpu.state.pending_debug |= hits(cpu.state, linear, size, [write](Condition c) {
        return c == Condition::ReadWrite || (write && c == Condition::Write);
    });
}

void note_port_access(Cpu& cpu, u16 port, unsigned size) {
    if (!(cpu.state.dr[7] & dr7::kAnyEnable) || !(cpu.state.cr4 & cr4::DE)) return;
    cpu.state.pending_debug |= hits(cpu.state, port, size, [](Condition c) { return c == Condition::Io; });
}

namespace {

/// DR4 and DR5 are DR6 and DR7, or undefined with CR4.DE. False with the fault set.
bool access_allowed(Cpu& cpu, unsigned& number) {
    if (number > 7) {
        cpu.raise(Vector::UD);
        return false;
    }
    if (number == 4 || number == 5) {
        if (cpu.state.cr4 & cr4::DE) {
            cpu.raise(Vector::UD);
            return false;
        }
        number += 2;
    }
    if (cpu.cpl() != 0) {
        cpu.raise(Vector::GP, 0);
        return false;
    }
    if (cpu.state.dr[7] & dr7::GD) {
        set_status(cpu, dr6::BD);
        cpu.raise(Vector::DB);
        return false;
    }
    return true;
}

}  // namespace

Outcome mov_to_dr(Cpu& cpu, const Instruction& insn) {
    unsigned number = insn.reg;
    if (!access_allowed(cpu, number)) return Outcome::Fault;
    const bool wide = cpu.in_64bit_mode();
    const u64 value = wide ? cpu.get_at<u64>(insn.rm) : cpu.get_at<u32>(insn.rm);
    // DR6 and DR7 have 32 bits.
    if (number >= 6 && value >> 32) return cpu.raise(Vector::GP, 0);
    CpuState& s = cpu.state;
    switch (number) {
        case 6: s.dr[6] = (value & dr6::kStatus) | dr6::kFixed; break;
        case 7:
            s.dr[7] = (value & ~u64{0xd800}) | dr7::kFixedOne;  // bits 11, 12, 14 and 15 read as zero
            s.eflags &= ~flag::RF;
            cpu.update_mode();
            break;
        default: s.dr[number] = value; break;
    }
    return Outcome::Next;
}

Outcome mov_from_dr(Cpu& cpu, const Instruction& insn) {
    unsigned number = insn.reg;
    if (!access_allowed(cpu, number)) return Outcome::Fault;
    u64 value = cpu.state.dr[number];
    if (number == 6) value |= dr6::kFixed;
    if (number == 7) value |= dr7::kFixedOne;
    put_sized(cpu, insn.rm, cpu.in_64bit_mode() ? 8 : 4, value);
    return Outcome::Next;
}

}  // namespace gnomon
