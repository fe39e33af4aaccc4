// Descriptor-table registers and the instructions that inspect descriptors. SDM Vol. 3, "System Instruction
// Summary".
#include "cpu/segmentation.h"
#include "cpu/system_instructions.h"

namespace gnomon {
namespace {

Outcome done(bool ok) { return ok ? Outcome::Next : Outcome::Fault; }

Outcome set_zero_flag(Cpu& cpu, bool on) {
    cpu.set_arithmetic_flags((cpu.eflags() & ~flag::ZF) | (on ? flag::ZF : 0));
    return Outcome::Next;
}

/// The selector operand of LAR, LSL, VERR, VERW and its descriptor; `visible` if the current level may see it
/// at all.
bool inspect(Cpu& cpu, const Instruction& insn, Descriptor& d, bool& visible) {
    u16 selector;
    visible = false;
    if (!cpu.load_rm(insn, selector)) return false;
    if (is_null(selector)) return true;
    bool found;
    if (!try_fetch_descriptor(cpu, selector, d, found)) return false;
    visible = found && (d.conforming() || (cpu.cpl() <= d.dpl() && rpl(selector) <= d.dpl()));
    return true;
}

constexpr unsigned bit(unsigned type) { return 1u << type; }

void put_result(Cpu& cpu, const Instruction& insn, u32 value) {
    if (insn.operand_bytes() == 2)
        cpu.put_at<u16>(insn.reg, static_cast<u16>(value));
    else
        cpu.put_at<u32>(insn.reg, value);
}

}  // namespace

Outcome lar(Cpu& cpu, const Instruction& insn) {
    using namespace system_type;
    constexpr unsigned kValid = bit(kTss16) | bit(kLdt) | bit(kTss16Busy) | bit(kCallGate16) |
                                bit(kTaskGate) | bit(kTss32) | bit(kTss32Busy) | bit(kCallGate32);
    Descriptor d;
    bool visible;
    if (!inspect(cpu, insn, d, visible)) return Outcome::Fault;
    if (!visible || (d.is_system() && !(kValid >> d.type() & 1))) return set_zero_flag(cpu, false);
    put_result(cpu, insn, d.high & 0x00f0ff00);
    return set_zero_flag(cpu, true);
}

Outcome lsl(Cpu& cpu, const Instruction& insn) {
    using namespace system_type;
    constexpr unsigned kValid = bit(kTss16) | bit(kLdt) | bit(kTss16Busy) | bit(kTss32) | bit(kTss32Busy);
    Descriptor d;
    bool visible;
    if (!inspect(cpu, insn, d, visible)) return Outcome::Fault;
    if (!visible || (d.is_system() && !(kValid >> d.type() & 1))) return set_zero_flag(cpu, false);
    put_result(cpu, insn, d.limit());
    return set_zero_flag(cpu, true);
}

Outcome verr(Cpu& cpu, const Instruction& insn) {
    Descriptor d;
    bool visible;
    if (!inspect(cpu, insn, d, visible)) return Outcome::Fault;
    return set_zero_flag(cpu, visible && d.readable());
}

Outcome verw(Cpu& cpu, const Instruction& insn) {
    Descriptor d;
    bool visible;
    if (!inspect(cpu, insn, d, visible)) return Outcome::Fault;
    return set_zero_flag(cpu, visible && d.writable());
}

Outcome arpl(Cpu& cpu, const Instruction& insn) {
    u16 selector;
    // Memory is written only if the RPL changes, so that a fault of the first access is one of a read.
    if (!cpu.load_rm(insn, selector)) return Outcome::Fault;
    const unsigned caller = rpl(cpu.get_at<u16>(insn.reg));
    if (rpl(selector) >= caller) return set_zero_flag(cpu, false);
    if (!cpu.store_rm(insn, static_cast<u16>((selector & ~3u) | caller))) return Outcome::Fault;
    return set_zero_flag(cpu, true);
}

namespace {

/// 16 bits to memory; a 32-bit register gets the selector zero-extended.
Outcome store_word(Cpu& cpu, const Instruction& insn, u16 value) {
    if (insn.in_memory()) return done(cpu.store(insn, value));
    if (insn.operand_bytes() == 2)
        cpu.put_at<u16>(insn.rm, value);
    else
        cpu.put_at<u32>(insn.rm, value);
    return Outcome::Next;
}

/// All processors since the 486 store 32 bits of base whatever the operand size.
Outcome store_table(Cpu& cpu, const Instruction& insn, const TableRegister& table) {
    const u64 address = cpu.effective_address(insn);
    if (!cpu.check_write(insn.segment, address, 6)) return Outcome::Fault;
    return done(cpu.write(insn.segment, address, table.limit) &&
                cpu.write(insn.segment, address + 2, static_cast<u32>(table.base)));
}

/// With a 16-bit operand the base has 24 bits.
Outcome load_table(Cpu& cpu, const Instruction& insn, TableRegister& table) {
    const u64 address = cpu.effective_address(insn);
    u16 limit;
    u32 base;
    if (!cpu.read(insn.segment, address, limit) || !cpu.read(insn.segment, address + 2, base))
        return Outcome::Fault;
    table.limit = limit;
    table.base = insn.operand_bytes() == 2 ? base & 0xffffff : base;
    return Outcome::Next;
}

}  // namespace

Outcome sldt(Cpu& cpu, const Instruction& insn) { return store_word(cpu, insn, cpu.state.ldtr.selector); }
Outcome str(Cpu& cpu, const Instruction& insn) { return store_word(cpu, insn, cpu.state.tr.selector); }
Outcome sgdt(Cpu& cpu, const Instruction& insn) { return store_table(cpu, insn, cpu.state.gdtr); }
Outcome sidt(Cpu& cpu, const Instruction& insn) { return store_table(cpu, insn, cpu.state.idtr); }
Outcome lgdt(Cpu& cpu, const Instruction& insn) { return load_table(cpu, insn, cpu.state.gdtr); }
Outcome lidt(Cpu& cpu, const Instruction& insn) { return load_table(cpu, insn, cpu.state.idtr); }

Outcome lldt(Cpu& cpu, const Instruction& insn) {
    u16 selector;
    if (!cpu.load_rm(insn, selector)) return Outcome::Fault;
    if (is_null(selector)) {
        cpu.state.ldtr = {};
        cpu.state.ldtr.selector = selector;
        return Outcome::Next;
    }
    if (in_ldt(selector)) return cpu.raise(Vector::GP, selector_error(selector));
    Descriptor d;
    if (!fetch_descriptor(cpu, selector, Vector::GP, d)) return Outcome::Fault;
    if (!d.is_system() || d.type() != system_type::kLdt)
        return cpu.raise(Vector::GP, selector_error(selector));
    if (!d.present()) return cpu.raise(Vector::NP, selector_error(selector));
    set_segment(cpu.state.ldtr, selector, d);
    return Outcome::Next;
}

Outcome ltr(Cpu& cpu, const Instruction& insn) {
    u16 selector;
    if (!cpu.load_rm(insn, selector)) return Outcome::Fault;
    if (is_null(selector)) return cpu.raise(Vector::GP, 0);
    if (in_ldt(selector)) return cpu.raise(Vector::GP, selector_error(selector));
    Descriptor d;
    if (!fetch_descriptor(cpu, selector, Vector::GP, d)) return Outcome::Fault;
    if (!d.is_tss_available()) return cpu.raise(Vector::GP, selector_error(selector));
    if (!d.present()) return cpu.raise(Vector::NP, selector_error(selector));
    if (!mark_busy(cpu, d, true)) return Outcome::Fault;
    set_segment(cpu.state.tr, selector, d);
    cpu.state.tr.attributes |= 2;  // busy
    return Outcome::Next;
}

}  // namespace gnomon
