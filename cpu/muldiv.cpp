// MUL, IMUL, DIV, IDIV. The flags that the manual leaves undefined follow what processors do: SF, PF (ZF clear) from the low half.
#include "cpu/alu_forms.h"

namespace gnomon {
namespace {

using u128 = unsigned __int128;
using i128 = __int128;

template <class T>
using Double = std::conditional_t<sizeof(T) == 1, u16, std::conditional_t<sizeof(T) == 2, u32, std::conditional_t<sizeof(T) == 4, u64, u128>>>;
template <class T>
using SignedDouble = std::conditional_t<sizeof(T) == 1, i16, std::conditional_t<sizeof(T) == 2, i32, std::conditional_t<sizeof(T) == 4, i64, i128>>>;
/// What a signed product or dividend is computed in.
template <class T>
using Wide = std::conditional_t<sizeof(T) == 8, i128, i64>;

template <class T>
constexpr Wide<T> wide_signed(T value) {
    return static_cast<Wide<T>>(static_cast<i64>(sign_extended(value)));
}

template <class T>
GNOMON_INLINE void product_flags(T low, bool overflow, u64& r, u64& s, u64& k) {
    r = (static_cast<std::make_signed_t<T>>(low) < 0 ? flag::SF : 0) | (lazy::parity_even(low) ? flag::PF : 0) |
        alu::carry_overflow(overflow, overflow);
    s = 0;
    k = 0;
}

template <class T>
GNOMON_INLINE T multiply_signed(T a, T b, u64& r, u64& s, u64& k) {
    const Wide<T> wide = wide_signed(a) * wide_signed(b);
    const T low = static_cast<T>(wide);
    product_flags(low, wide_signed(low) != wide, r, s, k);
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
    const u8* p = operand_pointer<form, AccessKind::Read>(c, i, ip, sizeof(T));
    if (!p) [[unlikely]] GNOMON_TAIL call<&imul_memory<T, three>>(c, i, ip, r, s, k);
    const T a = three ? static_cast<T>(i->imm) : c->get_at<T>(i->reg);
    c->put_at<T>(i->reg, multiply_signed<T>(a, peek<T>(p), r, s, k));
    GNOMON_TAIL next(c, i, ip, r, s, k);
}

// ---- one operand -----------------------------------------------------------------------------------------

/// The double-width accumulator: AX, DX:AX, EDX:EAX, RDX:RAX.
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
    const auto wide = static_cast<std::conditional_t<sizeof(T) == 8, u128, u64>>(c.get<T>(reg::AX)) * b;
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
    const Wide<T> wide = wide_signed(c.get<T>(reg::AX)) * wide_signed(b);
    const T low = static_cast<T>(wide);
    put_accumulator<T>(c, static_cast<T>(wide >> alu::kBits<T>), low);
    product_flags(low, wide_signed(low) != wide, c.lazy.result, c.lazy.source, c.lazy.kind);
    return Outcome::Next;
}

template <class T>
Outcome div(Cpu& c, const Instruction& i) {
    T b;
    if (!c.load_rm(i, b)) return Outcome::Fault;
    const Double<T> a = accumulator<T>(c);
    if (b == 0 || (a >> alu::kBits<T>) >= b) return c.raise(Vector::DE);
    if (sizeof(T) == 8 && (a >> alu::kBits<T>) == 0) {    // the usual case is far cheaper
        const T low = static_cast<T>(a);
        put_accumulator<T>(c, low % b, low / b);
        return Outcome::Next;
    }
    put_accumulator<T>(c, static_cast<T>(a % b), static_cast<T>(a / b));
    return Outcome::Next;
}

template <class T>
Outcome idiv(Cpu& c, const Instruction& i) {
    T b;
    if (!c.load_rm(i, b)) return Outcome::Fault;
    const auto a = static_cast<Wide<T>>(static_cast<SignedDouble<T>>(accumulator<T>(c)));
    const Wide<T> divisor = wide_signed(b);
    // The most negative dividend over -1 overflows the host's division too.
    constexpr Wide<T> kMost = static_cast<Wide<T>>(Double<u64>{1} << (8 * sizeof(Wide<T>) - 1));
    if (divisor == 0 || (divisor == -1 && a == kMost)) return c.raise(Vector::DE);
    const Wide<T> quotient = a / divisor;
    if (quotient != wide_signed(static_cast<T>(quotient))) return c.raise(Vector::DE);
    put_accumulator<T>(c, static_cast<T>(a % divisor), static_cast<T>(quotient));
    return Outcome::Next;
}

template <class T>
GNOMON_HANDLER void mul_r(Cpu* c, const Instruction* i, u64 ip, u64 r, u64 s, u64 k) {
    const auto wide = static_cast<std::conditional_t<sizeof(T) == 8, u128, u64>>(c->get<T>(reg::AX)) * c->get_at<T>(i->rm);
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
        return by_operand_form<T>(d, [](auto form) -> Handler { return &imul_m<T, form(), false>; });
    });
}

void build_imul3(const Decoded& d, Instruction& insn) {
    insn.handler = by_wide_width(d.operand_bytes, [&](auto zero) -> Handler {
        using T = decltype(zero);
        if (!d.memory) return d.flags_dead ? &imul3_r<T, true> : &imul3_r<T, false>;
        return by_operand_form<T>(d, [](auto form) -> Handler { return &imul_m<T, form(), true>; });
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
