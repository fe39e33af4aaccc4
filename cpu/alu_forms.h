// The operand forms of two-operand and one-operand ALU instructions; instantiated by alu_arithmetic.cpp and its neighbours.
#pragma once

#include "cpu/integer.h"

namespace gnomon {

// ---- out of line: any operand form, used where the TLB misses --------------------------------------

/// E, G (or E, I when `immediate`): destination in memory or register.
template <class Op, class T, bool immediate>
Outcome alu_to_rm(Cpu& c, const Instruction& i) {
    const T b = immediate ? static_cast<T>(i.imm) : c.get_at<T>(i.reg);
    const u64 offset = c.effective_address(i);
    LazyFlags f = c.lazy;
    if constexpr (Op::kWrites) {
        if (!c.update<T>(i.segment, offset, [&](T a) { return Op::template run<T>(a, b, f.result, f.source, f.kind); })) return Outcome::Fault;
    } else {
        T a;
        if (!c.read(i.segment, offset, a)) return Outcome::Fault;
        Op::template run<T>(a, b, f.result, f.source, f.kind);
    }
    c.lazy = f;
    return Outcome::Next;
}

/// G, E with E in memory.
template <class Op, class T>
Outcome alu_from_memory(Cpu& c, const Instruction& i) {
    T b;
    if (!c.load(i, b)) return Outcome::Fault;
    const T value = Op::template run<T>(c.get_at<T>(i.reg), b, c.lazy.result, c.lazy.source, c.lazy.kind);
    if constexpr (Op::kWrites) c.put_at<T>(i.reg, value);
    return Outcome::Next;
}

// ---- handlers ---------------------------------------------------------------------------------------

template <class Op, class T, bool quiet>
GNOMON_INLINE void apply_to_register(Cpu* c, unsigned destination, T b, u64& r, u64& s, u64& k) {
    const T a = c->get_at<T>(destination);
    if constexpr (quiet) {
        c->put_at<T>(destination, Op::template quiet<T>(a, b));
    } else {
        const T value = Op::template run<T>(a, b, r, s, k);
        if constexpr (Op::kWrites) c->put_at<T>(destination, value);
    }
}

/// reg ← reg op rm, both registers.
template <class Op, class T, bool quiet>
GNOMON_HANDLER void alu_rr(Cpu* c, const Instruction* i, u64 ip, u64 r, u64 s, u64 k) {
    apply_to_register<Op, T, quiet>(c, i->reg, c->get_at<T>(i->rm), r, s, k);
    GNOMON_TAIL next(c, i, ip, r, s, k);
}

template <class Op, class T, bool quiet>
GNOMON_HANDLER void alu_ri(Cpu* c, const Instruction* i, u64 ip, u64 r, u64 s, u64 k) {
    apply_to_register<Op, T, quiet>(c, i->reg, static_cast<T>(i->imm), r, s, k);
    GNOMON_TAIL next(c, i, ip, r, s, k);
}

template <class Op, class T, Mem form>
GNOMON_HANDLER void alu_rm(Cpu* c, const Instruction* i, u64 ip, u64 r, u64 s, u64 k) {
    const u8* p = operand_pointer<form, AccessKind::Read>(c, i, ip, sizeof(T));
    if (!p) [[unlikely]] GNOMON_TAIL call<&alu_from_memory<Op, T>>(c, i, ip, r, s, k);
    apply_to_register<Op, T, false>(c, i->reg, peek<T>(p), r, s, k);
    GNOMON_TAIL next(c, i, ip, r, s, k);
}

template <class Op, class T, Mem form, bool immediate>
GNOMON_HANDLER void alu_m(Cpu* c, const Instruction* i, u64 ip, u64 r, u64 s, u64 k) {
    constexpr AccessKind kind = Op::kWrites ? AccessKind::Write : AccessKind::Read;
    u8* p = operand_pointer<form, kind>(c, i, ip, sizeof(T));
    if (!p) [[unlikely]] GNOMON_TAIL call<&alu_to_rm<Op, T, immediate>>(c, i, ip, r, s, k);
    const T b = immediate ? static_cast<T>(i->imm) : c->get_at<T>(i->reg);
    const T value = Op::template run<T>(peek<T>(p), b, r, s, k);
    if constexpr (Op::kWrites) poke<T>(p, value);
    GNOMON_TAIL next(c, i, ip, r, s, k);
}

/// Width in bytes of the operands of a row: its codes end in 'b' for bytes.
[[nodiscard]] inline unsigned operand_width(const Decoded& d) {
    const std::string_view codes = d.row->operands;
    return codes[1] == 'b' || codes.starts_with("AL") ? 1 : d.operand_bytes;
}

/// "Eb,Ib", "rAX,Iz": the second operand of a two-operand row is in the instruction.
[[nodiscard]] inline bool has_immediate(const Decoded& d) {
    const std::string_view codes = d.row->operands;
    return codes[3] == 'I' || codes[4] == 'I';
}

template <class Op, bool quiet>
Handler alu_register_handler(const Decoded& d, bool immediate) {
    return by_width(operand_width(d), [&](auto zero) -> Handler {
        using T = decltype(zero);
        return immediate ? &alu_ri<Op, T, quiet> : &alu_rr<Op, T, quiet>;
    });
}

template <class Op>
void build_alu(const Decoded& d, Instruction& insn) {
    const std::string_view codes = d.row->operands;
    const bool immediate = has_immediate(d);
    const bool to_register = codes[0] == 'G';
    if (!d.memory) {
        // Bring the destination into `reg` and the source into `rm`.
        if (codes[0] == 'E') {
            const u8 source = insn.reg;
            insn.reg = insn.rm;
            insn.rm = source;
        }
        if constexpr (Op::kQuiet) {
            if (d.flags_dead) {
                insn.handler = alu_register_handler<Op, true>(d, immediate);
                return;
            }
        }
        insn.handler = alu_register_handler<Op, false>(d, immediate);
        return;
    }
    insn.handler = by_width(operand_width(d), [&](auto zero) {
        using T = decltype(zero);
        return by_operand_form<T>(d, [&](auto form) -> Handler {
            if (to_register) return &alu_rm<Op, T, form()>;
            return immediate ? &alu_m<Op, T, form(), true> : &alu_m<Op, T, form(), false>;
        });
    });
}

// ---- one operand ------------------------------------------------------------------------------------

template <class Op, class T>
Outcome unary_memory(Cpu& c, const Instruction& i) {
    const u64 offset = c.effective_address(i);
    LazyFlags f = c.lazy;
    if (!c.update<T>(i.segment, offset, [&](T a) { return Op::template run<T>(a, f.result, f.source, f.kind); })) return Outcome::Fault;
    c.lazy = f;
    return Outcome::Next;
}

template <class Op, class T, bool quiet>
GNOMON_HANDLER void unary_r(Cpu* c, const Instruction* i, u64 ip, u64 r, u64 s, u64 k) {
    const T a = c->get_at<T>(i->rm);
    if constexpr (quiet) c->put_at<T>(i->rm, Op::template quiet<T>(a));
    else c->put_at<T>(i->rm, Op::template run<T>(a, r, s, k));
    GNOMON_TAIL next(c, i, ip, r, s, k);
}

template <class Op, class T, Mem form>
GNOMON_HANDLER void unary_m(Cpu* c, const Instruction* i, u64 ip, u64 r, u64 s, u64 k) {
    u8* p = operand_pointer<form, AccessKind::Write>(c, i, ip, sizeof(T));
    if (!p) [[unlikely]] GNOMON_TAIL call<&unary_memory<Op, T>>(c, i, ip, r, s, k);
    poke<T>(p, Op::template run<T>(peek<T>(p), r, s, k));
    GNOMON_TAIL next(c, i, ip, r, s, k);
}

template <class Op>
void build_unary(const Decoded& d, Instruction& insn) {
    if (d.row->operands[0] == 'Z') insn.rm = insn.reg;    // 40+r, 48+r
    insn.handler = by_width(operand_width(d), [&](auto zero) -> Handler {
        using T = decltype(zero);
        if (d.memory) return by_operand_form<T>(d, [](auto form) -> Handler { return &unary_m<Op, T, form()>; });
        if constexpr (Op::kQuiet) {
            if (d.flags_dead) return &unary_r<Op, T, true>;
        }
        return &unary_r<Op, T, false>;
    });
}

}  // namespace gnomon
