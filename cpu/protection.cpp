// Descriptor-table registers and the instructions that inspect descriptors. SDM Vol. 3, "System Instruction
// Summary".
#include "cpu/long_mode.h"
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
bool inspect(Cpu& cpu, const Instruction& insn, u16& selector, Descriptor& d, bool& visible) {
    visible = false;
    if (!cpu.load_rm(insn, selector)) return false;
    if (is_null(selector)) return true;
    bool found;
    if (!try_fetch_descriptor(cpu, selector, d, found)) return false;
    visible = found && (d.conforming() || (cpu.cpl() <= d.dpl() && rpl(selector) <= d.dpl()));
    return true;
}

constexpr unsigned bit(unsigned type) { return 1u << type; }

/// Whether a system descriptor has one of these types and, in IA-32e mode, a second half that is in order: types
/// that became 16 bytes long are valid only with it. False only for page faults; `valid` tells.
bool check_system_type(Cpu& cpu, u16 selector, Descriptor& d, unsigned types, bool& valid) {
    using namespace system_type;
    if (!long_mode(cpu)) {
        valid = types >> d.type() & 1;
        return true;
    }
    valid = types & (bit(kLdt) | bit(kTss64) | bit(kTss64Busy) | bit(kCallGate64)) & bit(d.type());
    if (!valid) return true;
    if (fetch_upper_half(cpu, selector, Vector::GP, d)) return true;
    valid = false;
    return cpu.fault.vector != Vector::PF;
}

}  // namespace

Outcome lar(Cpu& cpu, const Instruction& insn) {
    using namespace system_type;
    constexpr unsigned kValid = bit(kTss16) | bit(kLdt) | bit(kTss16Busy) | bit(kCallGate16) |
                                bit(kTaskGate) | bit(kTss32) | bit(kTss32Busy) | bit(kCallGate32);
    u16 selector;
    Descriptor d;
    bool visible;
    if (!inspect(cpu, insn, selector, d, visible)) return Outcome::Fault;
    if (visible && d.is_system() && !check_system_type(cpu, selector, d, kValid, visible)) return Outcome::Fault;
    if (!visible) return set_zero_flag(cpu, false);
    put_sized(cpu, insn.reg, insn.operand_bytes(), d.high & 0x00f0ff00);
    return set_zero_flag(cpu, true);
}

Outcome lsl(Cpu& cpu, const Instruction& insn) {
    using namespace system_type;
    constexpr unsigned kValid = bit(kTss16) | bit(kLdt) | bit(kTss16Busy) | bit(kTss32) | bit(kTss32Busy);
    u16 selector;
    Descriptor d;
    bool visible;
    if (!inspect(cpu, insn, selector, d, visible)) return Outcome::Fault;
    if (visible && d.is_system() && !check_system_type(cpu, selector, d, kValid, visible)) return Outcome::Fault;
    if (!visible) return set_zero_flag(cpu, false);
    put_sized(cpu, insn.reg, insn.operand_bytes(), d.limit());
    return set_zero_flag(cpu, true);
}

Outcome verr(Cpu& cpu, const Instruction& insn) {
    u16 selector;
    Descriptor d;
    bool visible;
    if (!inspect(cpu, insn, selector, d, visible)) return Outcome::Fault;
    return set_zero_flag(cpu, visible && d.readable());
}

Outcome verw(Cpu& cpu, const Instruction& insn) {
    u16 selector;
    Descriptor d;
    bool visible;
    if (!inspect(cpu, insn, selector, d, visible)) return Outcome::Fault;
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
    put_sized(cpu, insn.rm, insn.operand_bytes(), value);
    return Outcome::Next;
}

/// CR4.UMIP keeps these from telling level 3 where the system's tables are.
bool hidden_from_user(Cpu& cpu) {
    if (!(cpu.state.cr4 & cr4::UMIP) || cpu.cpl() == 0) return false;
    cpu.raise(Vector::GP, 0);
    return true;
}

/// All processors since the 486 store 32 bits of base whatever the operand size; 64 in 64-bit mode.
Outcome store_table(Cpu& cpu, const Instruction& insn, const TableRegister& table) {
    if (hidden_from_user(cpu)) return Outcome::Fault;
    const u64 address = cpu.effective_address(insn);
    const bool wide = cpu.in_64bit_mode();
    if (!cpu.check_write(insn.segment, address, wide ? 10 : 6)) return Outcome::Fault;
    return done(cpu.write(insn.segment, address, table.limit) &&
                (wide ? cpu.write(insn.segment, address + 2, table.base)
                      : cpu.write(insn.segment, address + 2, static_cast<u32>(table.base))));
}

/// With a 16-bit operand the base has 24 bits; in 64-bit mode always 64.
Outcome load_table(Cpu& cpu, const Instruction& insn, TableRegister& table) {
    const u64 address = cpu.effective_address(insn);
    u16 limit;
    u32 base = 0;
    u64 wide_base = 0;
    if (!cpu.read(insn.segment, address, limit)) return Outcome::Fault;
    if (cpu.in_64bit_mode()) {
        if (!cpu.read(insn.segment, address + 2, wide_base)) return Outcome::Fault;
        if (!canonical_in_any_mode(cpu, wide_base)) return cpu.raise(Vector::GP, 0);
        table = {wide_base, limit};
        return Outcome::Next;
    }
    if (!cpu.read(insn.segment, address + 2, base)) return Outcome::Fault;
    table.limit = limit;
    table.base = insn.operand_bytes() == 2 ? base & 0xffffff : base;
    return Outcome::Next;
}

/// The second half of an LDT or TSS descriptor in IA-32e mode.
bool fetch_wide_base(Cpu& cpu, u16 selector, Descriptor& d) {
    if (!long_mode(cpu)) return true;
    if (!fetch_upper_half(cpu, selector, Vector::GP, d)) return false;
    if (canonical_in_any_mode(cpu, d.base())) return true;
    cpu.raise(Vector::GP, selector_error(selector));
    return false;
}

}  // namespace

Outcome sldt(Cpu& cpu, const Instruction& insn) {
    return hidden_from_user(cpu) ? Outcome::Fault : store_word(cpu, insn, cpu.state.ldtr.selector);
}
Outcome str(Cpu& cpu, const Instruction& insn) {
    return hidden_from_user(cpu) ? Outcome::Fault : store_word(cpu, insn, cpu.state.tr.selector);
}
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
    if (!fetch_wide_base(cpu, selector, d)) return Outcome::Fault;
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
    const bool usable = d.is_tss_available() && (!long_mode(cpu) || d.type() == system_type::kTss64);
    if (!usable) return cpu.raise(Vector::GP, selector_error(selector));
    if (!d.present()) return cpu.raise(Vector::NP, selector_error(selector));
    if (!fetch_wide_base(cpu, selector, d)) return Outcome::Fault;
    if (!mark_busy(cpu, d, true)) return Outcome::Fault;
    set_segment(cpu.state.tr, selector, d);
    cpu.state.tr.attributes |= 2;  // busy
    return Outcome::Next;
}

}  // namespace gnomon
