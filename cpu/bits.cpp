// BT, BTS, BTR, BTC, BSF, BSR, CMPXCHG, XADD, CMPXCHG8B, CMPXCHG16B.
#include "cpu/alu_forms.h"

namespace gnomon {
namespace {

enum : unsigned { kTest, kSet, kReset, kComplement };

template <class T, unsigned operation>
GNOMON_INLINE T change_bit(T value, unsigned bit) {
    const T mask = static_cast<T>(T{1} << bit);
    if constexpr (operation == kSet) return value | mask;
    else if constexpr (operation == kReset) return static_cast<T>(value & ~mask);
    else if constexpr (operation == kComplement) return value ^ mask;
    else return value;
}

/// Only CF is defined; the others stay as they were, as on processors.
GNOMON_INLINE void carry_only(bool carry, u64& r, u64& s, u64& k) {
    r = (lazy::all(r, s, k) & ~flag::CF) | carry;
    s = 0;
    k = 0;
}

template <class T, unsigned operation, bool immediate>
GNOMON_HANDLER void bit_test_r(Cpu* c, const Instruction* i, u64 ip, u64 r, u64 s, u64 k) {
    const unsigned bit = static_cast<unsigned>(immediate ? i->imm : c->get_at<T>(i->reg)) & (alu::kBits<T> - 1);
    const T value = c->get_at<T>(i->rm);
    carry_only(value >> bit & 1, r, s, k);
    if constexpr (operation != kTest) c->put_at<T>(i->rm, change_bit<T, operation>(value, bit));
    GNOMON_TAIL next(c, i, ip, r, s, k);
}

/// A bit string in memory: with a register as bit offset the operand lies up to 2^31 (2^63) bits away, in units of the operand size.
template <class T, unsigned operation, bool immediate>
Outcome bit_test_memory(Cpu& c, const Instruction& i) {
    u64 offset = c.effective_address(i);
    unsigned bit = static_cast<unsigned>(i.imm) & (alu::kBits<T> - 1);
    if constexpr (!immediate) {
        const i64 index = static_cast<i64>(sign_extended(c.get_at<T>(i.reg)));
        bit = static_cast<unsigned>(index) & (alu::kBits<T> - 1);
        offset = i.cut_address(offset + static_cast<u64>((index >> std::countr_zero(alu::kBits<T>)) * static_cast<i64>(sizeof(T))));
    }
    T value;
    if constexpr (operation == kTest) {
        if (!c.read(i.segment, offset, value)) return Outcome::Fault;
    } else {
        const auto change = [&](T old) {
            value = old;
            return change_bit<T, operation>(old, bit);
        };
        if (!c.update<T>(i.segment, offset, change)) return Outcome::Fault;
    }
    carry_only(value >> bit & 1, c.lazy.result, c.lazy.source, c.lazy.kind);
    return Outcome::Next;
}

/// With a source of zero ZF is set and the destination is undefined: processors leave it alone.
template <class T, bool reverse>
Outcome bit_scan(Cpu& c, const Instruction& i) {
    T value;
    if (!c.load_rm(i, value)) return Outcome::Fault;
    if (value == 0) {
        c.set_arithmetic_flags(flag::ZF | flag::PF);
        return Outcome::Next;
    }
    const unsigned at = reverse ? alu::kBits<T> - 1 - static_cast<unsigned>(std::countl_zero(value))
                                : static_cast<unsigned>(std::countr_zero(value));
    c.put_at<T>(i.reg, static_cast<T>(at));
    c.set_arithmetic_flags(lazy::parity_even(at) ? flag::PF : 0);
    return Outcome::Next;
}

template <class T, bool reverse>
GNOMON_HANDLER void bit_scan_r(Cpu* c, const Instruction* i, u64 ip, u64 r, u64 s, u64 k) {
    const T value = c->get_at<T>(i->rm);
    unsigned at = 0;
    if (value != 0) {
        at = reverse ? alu::kBits<T> - 1 - static_cast<unsigned>(std::countl_zero(value))
                     : static_cast<unsigned>(std::countr_zero(value));
        c->put_at<T>(i->reg, static_cast<T>(at));
    }
    r = (value == 0 ? flag::ZF : 0) | (lazy::parity_even(at) ? flag::PF : 0);
    s = 0;
    k = 0;
    GNOMON_TAIL next(c, i, ip, r, s, k);
}

/// The destination is written in either case, so that a read-only page faults: SDM Vol. 2, "CMPXCHG".
template <class T>
Outcome cmpxchg(Cpu& c, const Instruction& i) {
    const u64 offset = i.in_memory() ? c.effective_address(i) : 0;
    T old = c.get_at<T>(i.rm);
    if (i.in_memory() && !c.read_for_write(i.segment, offset, old)) return Outcome::Fault;
    const T expected = c.get<T>(reg::AX);
    const T value = old == expected ? c.get_at<T>(i.reg) : old;
    if (i.in_memory()) {
        if (!c.write(i.segment, offset, value)) return Outcome::Fault;
    } else if (old == expected) {
        c.put_at<T>(i.rm, value);
    }
    alu::Sub::run<T>(expected, old, c.lazy.result, c.lazy.source, c.lazy.kind);
    if (old != expected) c.put<T>(reg::AX, old);
    return Outcome::Next;
}

template <class T, Mem form>
GNOMON_HANDLER void cmpxchg_m(Cpu* c, const Instruction* i, u64 ip, u64 r, u64 s, u64 k) {
    u8* p = operand_pointer<form, AccessKind::Write>(c, i, ip, sizeof(T));
    if (!p) [[unlikely]] GNOMON_TAIL call<&cmpxchg<T>>(c, i, ip, r, s, k);
    const T old = peek<T>(p);
    const T expected = c->get<T>(reg::AX);
    alu::Sub::run<T>(expected, old, r, s, k);
    if (old == expected) poke<T>(p, c->get_at<T>(i->reg));
    else c->put<T>(reg::AX, old);
    GNOMON_TAIL next(c, i, ip, r, s, k);
}

template <class T>
Outcome xadd(Cpu& c, const Instruction& i) {
    const u64 offset = i.in_memory() ? c.effective_address(i) : 0;
    T old = c.get_at<T>(i.rm);
    if (i.in_memory() && !c.read_for_write(i.segment, offset, old)) return Outcome::Fault;
    LazyFlags f = c.lazy;
    const T sum = alu::Add::run<T>(old, c.get_at<T>(i.reg), f.result, f.source, f.kind);
    if (i.in_memory() && !c.write(i.segment, offset, sum)) return Outcome::Fault;
    c.put_at<T>(i.reg, old);
    if (!i.in_memory()) c.put_at<T>(i.rm, sum);
    c.lazy = f;
    return Outcome::Next;
}

template <class T, Mem form>
GNOMON_HANDLER void xadd_m(Cpu* c, const Instruction* i, u64 ip, u64 r, u64 s, u64 k) {
    u8* p = operand_pointer<form, AccessKind::Write>(c, i, ip, sizeof(T));
    if (!p) [[unlikely]] GNOMON_TAIL call<&xadd<T>>(c, i, ip, r, s, k);
    const T old = peek<T>(p);
    poke<T>(p, alu::Add::run<T>(old, c->get_at<T>(i->reg), r, s, k));
    c->put_at<T>(i->reg, old);
    GNOMON_TAIL next(c, i, ip, r, s, k);
}

template <bool reverse>
void build_bit_scan(const Decoded& d, Instruction& insn) {
    insn.handler = by_wide_width(d.operand_bytes, [&](auto zero) -> Handler {
        using T = decltype(zero);
        return d.memory ? &call<&bit_scan<T, reverse>> : &bit_scan_r<T, reverse>;
    });
}

}  // namespace

template <unsigned operation>
void build_bit_test(const Decoded& d, Instruction& insn) {
    const bool immediate = d.row->operands.ends_with("Ib");
    insn.handler = by_wide_width(d.operand_bytes, [&](auto zero) -> Handler {
        using T = decltype(zero);
        if (!d.memory) return immediate ? &bit_test_r<T, operation, true> : &bit_test_r<T, operation, false>;
        return immediate ? &call<&bit_test_memory<T, operation, true>> : &call<&bit_test_memory<T, operation, false>>;
    });
}

template void build_bit_test<kTest>(const Decoded&, Instruction&);
template void build_bit_test<kSet>(const Decoded&, Instruction&);
template void build_bit_test<kReset>(const Decoded&, Instruction&);
template void build_bit_test<kComplement>(const Decoded&, Instruction&);

void build_bsf(const Decoded& d, Instruction& insn) { build_bit_scan<false>(d, insn); }
void build_bsr(const Decoded& d, Instruction& insn) { build_bit_scan<true>(d, insn); }

void build_cmpxchg(const Decoded& d, Instruction& insn) {
    insn.handler = by_width(operand_width(d), [&](auto zero) -> Handler {
        using T = decltype(zero);
        if (!d.memory) return &call<&cmpxchg<T>>;
        return by_operand_form<T>(d, [](auto form) -> Handler { return &cmpxchg_m<T, form()>; });
    });
}

void build_xadd(const Decoded& d, Instruction& insn) {
    insn.handler = by_width(operand_width(d), [&](auto zero) -> Handler {
        using T = decltype(zero);
        if (!d.memory) return &call<&xadd<T>>;
        return by_operand_form<T>(d, [](auto form) -> Handler { return &xadd_m<T, form()>; });
    });
}

namespace {

struct alignas(16) TwoWords {
    u64 low, high;
    bool operator==(const TwoWords&) const = default;
};

/// Unlike CMPXCHG8B it demands an aligned operand.
Outcome cmpxchg16b(Cpu& c, const Instruction& i) {
    if (!c.features().has(Feature::CX16)) return c.raise(Vector::UD);
    const u64 offset = c.effective_address(i);
    // In 64-bit mode only; the alignment is looked at before the address is.
    u64 linear = c.linear_address64(i.segment, offset);
    if (linear & 15) return c.raise(Vector::GP, 0);
    if (!c.check_write_segment(i.segment, offset, 16, linear)) return Outcome::Fault;
    TwoWords old;
    if (!c.read_for_write(i.segment, offset, old)) return Outcome::Fault;
    const TwoWords expected{c.get<u64>(reg::AX), c.get<u64>(reg::DX)};
    const TwoWords replacement{c.get<u64>(reg::BX), c.get<u64>(reg::CX)};
    if (!c.write(i.segment, offset, old == expected ? replacement : old)) return Outcome::Fault;
    const u32 flags = lazy::all(c.lazy.result, c.lazy.source, c.lazy.kind) & ~flag::ZF;
    c.set_arithmetic_flags(flags | (old == expected ? flag::ZF : 0));
    if (old != expected) {
        c.put<u64>(reg::AX, old.low);
        c.put<u64>(reg::DX, old.high);
    }
    return Outcome::Next;
}

}  // namespace

Outcome cmpxchg8b(Cpu& c, const Instruction& i) {
    if (i.operand_bytes() == 8) return cmpxchg16b(c, i);
    const u64 offset = c.effective_address(i);
    u64 old;
    if (!c.read_for_write(i.segment, offset, old)) return Outcome::Fault;
    const u64 expected = u64{c.get<u32>(reg::DX)} << 32 | c.get<u32>(reg::AX);
    const u64 replacement = u64{c.get<u32>(reg::CX)} << 32 | c.get<u32>(reg::BX);
    if (!c.write(i.segment, offset, old == expected ? replacement : old)) return Outcome::Fault;
    const u32 flags = lazy::all(c.lazy.result, c.lazy.source, c.lazy.kind) & ~flag::ZF;
    c.set_arithmetic_flags(flags | (old == expected ? flag::ZF : 0));
    if (old != expected) {
        c.put<u32>(reg::AX, static_cast<u32>(old));
        c.put<u32>(reg::DX, static_cast<u32>(old >> 32));
    }
    return Outcome::Next;
}

}  // namespace gnomon
