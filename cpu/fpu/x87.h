// What the x87 instructions share: the status word, the register stack, stack faults, unmasked exceptions,
// the pointers of the last instruction. SDM Vol. 1, "Programming with the x87 FPU".
//
// Each frequent instruction is a tail-called handler for the plain case (the host's unit holds the guest's
// control word, the registers have what is needed) and an out-of-line function for all cases.
#pragma once

#include "cpu/fpu/host.h"
#include "cpu/handler.h"

namespace gnomon::x87 {

namespace sw {
inline constexpr u16 IE = 1, DE = 2, ZE = 4, OE = 8, UE = 16, PE = 32, SF = 64, ES = 128;
inline constexpr u16 C0 = 1u << 8, C1 = 1u << 9, C2 = 1u << 10, C3 = 1u << 14, kBusy = 1u << 15;
inline constexpr u16 kExceptions = 0x3f;
inline constexpr u16 kConditions = C0 | C1 | C2 | C3;
}  // namespace sw

/// Control-word bits that can be set, and the one that always is.
inline constexpr u16 kControlBits = 0x1f3f, kControlFixed = 0x40;

inline constexpr Float80 kIndefinite{0xc000000000000000, 0xffff};

[[nodiscard]] GNOMON_INLINE unsigned top(const FpuState& f) { return f.top; }
[[nodiscard]] GNOMON_INLINE unsigned physical(const FpuState& f, unsigned i) { return (top(f) + i) & 7; }
[[nodiscard]] GNOMON_INLINE bool filled(const FpuState& f, unsigned i) {
    return f.valid >> physical(f, i) & 1;
}
[[nodiscard]] GNOMON_INLINE Float80& st(FpuState& f, unsigned i) { return f.registers[physical(f, i)]; }

GNOMON_INLINE void set_top(FpuState& f, unsigned value) { f.top = value & 7; }
GNOMON_INLINE void pop(FpuState& f) {
    const unsigned t = top(f);
    f.valid = static_cast<u8>(f.valid & ~(1u << t));
    set_top(f, t + 1);
}
/// Makes room; the caller fills ST0.
GNOMON_INLINE void push(FpuState& f) {
    const unsigned t = (top(f) - 1) & 7;
    f.valid = static_cast<u8>(f.valid | 1u << t);
    set_top(f, t);
}
/// Field by field: a copy of all 16 bytes at once would have to wait for the two stores that wrote them.
GNOMON_INLINE void copy(Float80& to, const Float80& from) {
    const u64 significand = from.significand;
    const u16 exponent = from.exponent;
    to.significand = significand;
    to.exponent = exponent;
}
GNOMON_INLINE void fill(FpuState& f, unsigned i, const Float80& value) {
    const unsigned p = physical(f, i);
    copy(f.registers[p], value);
    f.valid = static_cast<u8>(f.valid | 1u << p);
}
/// Exception flags and C1 (and, where `taken` has them, other condition codes) from the host's status word.
template<u16 taken = sw::C1>
GNOMON_INLINE void merge(FpuState& f, u16 host_status) {
    f.status = static_cast<u16>((f.status & ~taken) | (host_status & (sw::kExceptions | taken)));
}

// ---- pointers of the last instruction -----------------------------------------------------------------

/// Build puts the 11-bit opcode into Instruction::imm.
GNOMON_INLINE void note(Cpu* c, const Instruction* i, u64 ip) {
    FpuState& f = c->state.fpu;
    f.opcode = static_cast<u16>(i->imm);
    f.instruction_pointer = static_cast<u32>(ip);
    f.instruction_selector = c->segment(Seg::CS).selector;
}
GNOMON_INLINE void note_operand(Cpu* c, const Instruction* i, u64 offset) {
    FpuState& f = c->state.fpu;
    f.data_pointer = offset;
    f.data_selector = c->segment(i->segment).selector;
}

// ---- out of line ---------------------------------------------------------------------------------------

/// The start of an instruction that waits: false if a pending exception comes first (`out` says how).
/// Afterwards the host's unit is borrowed if everything is masked.
[[nodiscard]] bool await(Cpu& cpu, Outcome& out);
/// An unmasked exception was met: it is pending.
void set_pending(Cpu& cpu);
/// Recomputes ES and B after the control word or the flags changed; what was pending may be so no more.
void update_pending(Cpu& cpu);
/// Stack overflow or underflow: sets IE, SF and C1. True if masked: the caller stores the indefinite value.
[[nodiscard]] bool stack_fault(Cpu& cpu, bool overflow);

/// The unmasked exceptions that keep an instruction from storing its result: in a register, in memory.
inline constexpr u16 kBlocksRegister = sw::IE | sw::DE | sw::ZE;
inline constexpr u16 kBlocksMemory = kBlocksRegister | sw::OE | sw::UE;

/// Takes over the host's status word; true if the result is to be stored.
template<u16 taken = sw::C1>
[[nodiscard]] bool finish(Cpu& cpu, u16 host_status, u16 blocking) {
    merge<taken>(cpu.state.fpu, host_status);
    if (cpu.host_fpu.x87) return true;
    const u16 unmasked = host_status & static_cast<u16>(~cpu.state.fpu.control) & sw::kExceptions;
    if (unmasked) set_pending(cpu);
    return !(unmasked & blocking);
}

/// Calls `operation` with true_type if it must run carefully.
template<class F>
[[nodiscard]] u16 on_host(Cpu& cpu, F operation) {
    if (cpu.host_fpu.x87) return operation(std::false_type{});
    host::begin_careful(cpu.state.fpu.control);
    return operation(std::true_type{});
}

inline void note(Cpu& cpu, const Instruction& insn) { note(&cpu, &insn, cpu.state.rip); }

/// The memory operand, with the pointers of the last instruction.
template<class T>
[[nodiscard]] bool load_operand(Cpu& cpu, const Instruction& insn, T& value) {
    const u64 offset = cpu.effective_address(insn);
    if (!cpu.read(insn.segment, offset, value)) return false;
    note(cpu, insn);
    note_operand(&cpu, &insn, offset);
    return true;
}

// ---- handlers --------------------------------------------------------------------------------------------

/// As operand_pointer, for `size` bytes; `offset` is what the data pointer records.
template<Mem form, AccessKind kind>
GNOMON_INLINE u8* operand(const Cpu* c, const Instruction* i, u64 ip, unsigned size, u64& offset) {
    u64 linear;
    if constexpr (form == Mem::General) {
        offset = general_offset(c, i, ip);
        if (!operand_linear<form, kind>(c, i, ip, size, linear)) [[unlikely]]
            return nullptr;
    } else {
        linear = offset = flat_linear<form>(c, i, ip);
    }
    return probe<kind>(c, linear, size);
}

// ---- choosing handlers: used by rows/fpu.h ---------------------------------------------------------------

Outcome not_available(Cpu& cpu, const Instruction& insn);  ///< #NM
Outcome ignored(Cpu& cpu, const Instruction& insn);        ///< ESC without an FPU

/// #NM if CR0.EM or CR0.TS is set; nothing happens where there is no FPU (as on a 486SX); else what `build`
/// chooses.
template<Build build>
void escape(const Decoded& d, Instruction& insn) {
    insn.imm = (d.opcode & 7u) << 8 | d.modrm;
    if (d.mode & mode::kFpuTrap)
        insn.handler = &call<&not_available>;
    else if (d.mode & mode::kNoFpu)
        insn.handler = &call<&ignored>;
    else
        build(d, insn);
}

template<Execute execute>
inline constexpr Build plain = escape<out_of_line<execute>>;

}  // namespace gnomon::x87
