// MUL, IMUL, DIV, IDIV. The flags that the manual leaves undefined follow what processors do: SF, PF (ZF clear) from the low half.
#include <limits>

#include "cpu/alu_forms.h"

namespace gnomon {
namespace {

template <class T>
using Double = std::conditional_t<sizeof(T) == 1, u16, std::conditional_t<sizeof(T) == 2, u32, u64>>;

template <class T>
GNOMON_INLINE void product_flags(T low, bool overflow, u64& r, u64& s, u64& k) {
    r = (static_cast<std::make_signed_t<T>>(low) < 0 ? flag::SF : 0) | (lazy::parity_even(low) ? flag::PF : 0) |
        alu::carry_overflow(overflow, overflow);
    s = 0;
    k = 0;
}

template <class T>
GNOMON_INLINE T multiply_signed(T a, T b, u64& r, u64& s, u64& k) {
    const i64 wide = static_cast<i64>(sign_extended(a)) * static_cast<i64>(sign_extended(b));
    const T low = static_cast<T>(wide);
    product_flags(low, static_cast<i64>(sign_extended(low)) != wide, r, s, k);
    return low;
}

// ---- IMUL with two and three operands ------------------------------------------------------------------

template <class T, bool quiet>
GNOMON_HANDLER void imul2_r(Cpu* c, const Instruction* i, u64 ip, u64 r, u64 s, u64 k) {
    const T a = c->get_at<T>(i->reg);
    const T b = c->get_at<T>(i->rm);
    if constexpr (quiet) c->put_at<T>(i->reg, static_cast<T>(u64{a} * b));
    else c->put_at<T>(i->reg, multiply_signed<T>(a, b, r, s, k));
    GNOMON_TAIL next(c, i, ip, r, s, k);
}

template <class T, bool quiet>
GNOMON_HANDLER void imul3_r(Cpu* c, const Instruction* i, u64 ip, u64 r, u64 s, u64 k) {
    const T b = c->get_at<T>(i->rm);
    if constexpr (quiet) c->put_at<T>(i->reg, static_cast<T>(b * i->imm));
    else c->put_at<T>(i->reg, multiply_signed<T>(b, static_cast<T>(i->imm), r, s, k));
    GNOMON_TAIL next(c, i, ip, r, s, k);
}

template <class T, bool three>
Outcome imul_memory(Cpu& c, const Instruction& i) {
    T b;
    if (!c.load(i, b)) return Outcome::Fault;
    const T a = three ? static_cast<T>(i.imm) : c.get_at<T>(i.reg);
    c.put_at<T>(i.reg, multiply_signed<T>(a, b, c.lazy.result, c.lazy.source, c.lazy.kind));
    return Outcome::Next;
}

template <class T, Mem form, bool three>
GNOMON_HANDLER void imul_m(Cpu* c, const Instruction* i, u64 ip, u64 r, u64 s, u64 k) {
    const u8* p = operand_pointer<form, AccessKind::Read>(c, i, sizeof(T));
    if (!p) [[unlikely]] GNOMON_TAIL call<&imul_memory<T, three>>(c, i, ip, r, s, k);
    const T a = three ? static_cast<T>(i->imm) : c->get_at<T>(i->reg);
    c->put_at<T>(i->reg, multiply_signed<T>(a, peek<T>(p), r, s, k));
    GNOMON_TAIL next(c, i, ip, r, s, k);
}

// ---- one operand -----------------------------------------------------------------------------------------

/// The double-width accumulator: AX, DX:AX, EDX:EAX.
template <class T>
GNOMON_INLINE Double<T> accumulator(const Cpu& c) {
    if constexpr (sizeof(T) == 1) return c.get<u16>(reg::AX);
    else return static_cast<Double<T>>(static_cast<Double<T>>(c.get<T>(reg::DX)) << alu::kBits<T> | c.get<T>(reg::AX));
}

template <class T>
GNOMON_INLINE void put_accumulator(Cpu& c, T high, T low) {
    if constexpr (sizeof(T) == 1) {
        c.put<u16>(reg::AX, static_cast<u16>(high << 8 | low));
    } else {
        c.put<T>(reg::AX, low);
        c.put<T>(reg::DX, high);
    }
}

template <class T>
Outcome mul(Cpu& c, const Instruction& i) {
    T b;
    if (!c.load_rm(i, b)) return Outcome::Fault;
    const u64 wide = u64{c.get<T>(reg::AX)} * b;
    const T high = static_cast<T>(wide >> alu::kBits<T>);
    const T low = static_cast<T>(wide);
    put_accumulator<T>(c, high, low);
    product_flags(low, high != 0, c.lazy.result, c.lazy.source, c.lazy.kind);
    return Outcome::Next;
}

template <class T>
Outcome imul(Cpu& c, const Instruction& i) {
    T b;
    if (!c.load_rm(i, b)) return Outcome::Fault;
    const i64 wide = static_cast<i64>(sign_extended(c.get<T>(reg::AX))) * static_cast<i64>(sign_extended(b));
    const T low = static_cast<T>(wide);
    put_accumulator<T>(c, static_cast<T>(wide >> alu::kBits<T>), low);
    product_flags(low, static_cast<i64>(sign_extended(low)) != wide, c.lazy.result, c.lazy.source, c.lazy.kind);
    return Outcome::Next;
}

template <class T>
Outcome div(Cpu& c, const Instruction& i) {
    T b;
    if (!c.load_rm(i, b)) return Outcome::Fault;
    const Double<T> a = accumulator<T>(c);
    if (b == 0 || (a >> alu::kBits<T>) >= b) return c.raise(Vector::DE);
    put_accumulator<T>(c, static_cast<T>(a % b), static_cast<T>(a / b));
    return Outcome::Next;
}

template <class T>
Outcome idiv(Cpu& c, const Instruction& i) {
    T b;
    if (!c.load_rm(i, b)) return Outcome::Fault;
    const auto a = static_cast<i64>(static_cast<std::make_signed_t<Double<T>>>(accumulator<T>(c)));
    const auto divisor = static_cast<i64>(sign_extended(b));
    // The most negative dividend over -1 overflows the host's division too.
    if (divisor == 0 || (divisor == -1 && a == std::numeric_limits<i64>::min())) return c.raise(Vector::DE);
    const i64 quotient = a / divisor;
    if (quotient != static_cast<i64>(sign_extended(static_cast<T>(quotient)))) return c.raise(Vector::DE);
    put_accumulator<T>(c, static_cast<T>(a % divisor), static_cast<T>(quotient));
    return Outcome::Next;
}

template <class T>
GNOMON_HANDLER void mul_r(Cpu* c, const Instruction* i, u64 ip, u64 r, u64 s, u64 k) {
    const u64 wide = u64{c->get<T>(reg::AX)} * c->get_at<T>(i->rm);
    const T high = static_cast<T>(wide >> alu::kBits<T>);
    put_accumulator<T>(*c, high, static_cast<T>(wide));
    product_flags(static_cast<T>(wide), high != 0, r, s, k);
    GNOMON_TAIL next(c, i, ip, r, s, k);
}

}  // namespace

void build_imul2(const Decoded& d, Instruction& insn) {
    insn.handler = by_wide_width(d.operand_bytes, [&](auto zero) -> Handler {
        using T = decltype(zero);
        if (!d.memory) return d.flags_dead ? &imul2_r<T, true> : &imul2_r<T, false>;
        return by_memory_form(d, [](auto form) -> Handler { return &imul_m<T, form(), false>; });
    });
}

void build_imul3(const Decoded& d, Instruction& insn) {
    insn.handler = by_wide_width(d.operand_bytes, [&](auto zero) -> Handler {
        using T = decltype(zero);
        if (!d.memory) return d.flags_dead ? &imul3_r<T, true> : &imul3_r<T, false>;
        return by_memory_form(d, [](auto form) -> Handler { return &imul_m<T, form(), true>; });
    });
}

void build_mul(const Decoded& d, Instruction& insn) {
    insn.handler = by_width(operand_width(d), [&](auto zero) -> Handler {
        using T = decltype(zero);
        return d.memory ? &call<&mul<T>> : &mul_r<T>;
    });
}

void build_imul(const Decoded& d, Instruction& insn) {
    insn.handler = by_width(operand_width(d), [](auto zero) -> Handler { return &call<&imul<decltype(zero)>>; });
}

void build_div(const Decoded& d, Instruction& insn) {
    insn.handler = by_width(operand_width(d), [](auto zero) -> Handler { return &call<&div<decltype(zero)>>; });
}

void build_idiv(const Decoded& d, Instruction& insn) {
    insn.handler = by_width(operand_width(d), [](auto zero) -> Handler { return &call<&idiv<decltype(zero)>>; });
}

}  // namespace gnomon
