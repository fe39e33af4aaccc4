// Arithmetic of packed and scalar SSE numbers, approximations, comparisons to masks and to EFLAGS. SDM
// Vol. 2.
#include "cpu/fpu/simd.h"
#include "cpu/fpu/simd_instructions.h"
#include "cpu/vector/frame.h"

namespace gnomon::simd {

/// Volatile: the order to reads and writes of MXCSR stays.
#define GNOMON_SSE(Name, op, bytes, ...)                   \
    struct Name : Integer {                                \
        static constexpr unsigned kBytes = bytes;          \
        static constexpr bool kMxcsr = true;               \
        static constexpr bool kScalar = (bytes) != 16;     \
        __VA_ARGS__                                        \
        static Vector128 run(Vector128 a, Vector128 b) {   \
            asm volatile(op " %1, %0" : "+x"(a) : "x"(b)); \
            return a;                                      \
        }                                                  \
    };                                                     \
    template void build_binary<Name>(const Decoded&, Instruction&)

namespace {

/// a op b for elements of the widths that Real says.
template<class Op, class Real>
u16 wide(Float80& value, u64 a, u64 b) {
    using Bits = decltype(Real::bits);
    const Real first{static_cast<Bits>(a)};
    const Real second{static_cast<Bits>(b)};
    // Loads are exact and, with everything masked, set no flag that matters.
    (void)host::load<false>(value, first);
    return Op::template run<true>(value, second);
}

}  // namespace

/// What can overflow or underflow.
#define GNOMON_SSE_ROUNDED(Name, op, bytes, width, Wide)                                                     \
    GNOMON_SSE(                                                                                              \
        Name, op, bytes, static constexpr unsigned kSourceBytes = width, kResultBytes = width;               \
        static u16 wide(Float80 & value, u64 a, u64 b) {                                                     \
            return simd::wide<host::Wide, std::conditional_t<width == 4, host::Real32, host::Real64>>(value, \
                                                                                                      a, b); \
        })

GNOMON_SSE_ROUNDED(Addps, "addps", 16, 4, Fadd);
GNOMON_SSE_ROUNDED(Addpd, "addpd", 16, 8, Fadd);
GNOMON_SSE_ROUNDED(Addss, "addss", 4, 4, Fadd);
GNOMON_SSE_ROUNDED(Addsd, "addsd", 8, 8, Fadd);
GNOMON_SSE_ROUNDED(Mulps, "mulps", 16, 4, Fmul);
GNOMON_SSE_ROUNDED(Mulpd, "mulpd", 16, 8, Fmul);
GNOMON_SSE_ROUNDED(Mulss, "mulss", 4, 4, Fmul);
GNOMON_SSE_ROUNDED(Mulsd, "mulsd", 8, 8, Fmul);
GNOMON_SSE_ROUNDED(Subps, "subps", 16, 4, Fsub);
GNOMON_SSE_ROUNDED(Subpd, "subpd", 16, 8, Fsub);
GNOMON_SSE_ROUNDED(Subss, "subss", 4, 4, Fsub);
GNOMON_SSE_ROUNDED(Subsd, "subsd", 8, 8, Fsub);
GNOMON_SSE(Minps, "minps", 16);
GNOMON_SSE(Minpd, "minpd", 16);
GNOMON_SSE(Minss, "minss", 4);
GNOMON_SSE(Minsd, "minsd", 8);
GNOMON_SSE_ROUNDED(Divps, "divps", 16, 4, Fdiv);
GNOMON_SSE_ROUNDED(Divpd, "divpd", 16, 8, Fdiv);
GNOMON_SSE_ROUNDED(Divss, "divss", 4, 4, Fdiv);
GNOMON_SSE_ROUNDED(Divsd, "divsd", 8, 8, Fdiv);
GNOMON_SSE(Maxps, "maxps", 16);
GNOMON_SSE(Maxpd, "maxpd", 16);
GNOMON_SSE(Maxss, "maxss", 4);
GNOMON_SSE(Maxsd, "maxsd", 8);
GNOMON_SSE(Sqrtps, "sqrtps", 16);
GNOMON_SSE(Sqrtpd, "sqrtpd", 16);
GNOMON_SSE(Sqrtss, "sqrtss", 4);
GNOMON_SSE(Sqrtsd, "sqrtsd", 8);
#undef GNOMON_SSE_ROUNDED
#undef GNOMON_SSE

/// Approximations raise no exceptions and know no rounding: they do not depend on MXCSR but for DAZ, which
/// the host's follows.
#define GNOMON_SSE_APPROXIMATION(Name, op, bytes)          \
    struct Name : Integer {                                \
        static constexpr unsigned kBytes = bytes;          \
        static constexpr bool kMxcsr = true;               \
        static constexpr bool kScalar = (bytes) != 16;     \
        static Vector128 run(Vector128 a, Vector128 b) {   \
            asm volatile(op " %1, %0" : "+x"(a) : "x"(b)); \
            return a;                                      \
        }                                                  \
    };                                                     \
    template void build_binary<Name>(const Decoded&, Instruction&)
GNOMON_SSE_APPROXIMATION(Rcpps, "rcpps", 16);
GNOMON_SSE_APPROXIMATION(Rcpss, "rcpss", 4);
GNOMON_SSE_APPROXIMATION(Rsqrtps, "rsqrtps", 16);
GNOMON_SSE_APPROXIMATION(Rsqrtss, "rsqrtss", 4);
#undef GNOMON_SSE_APPROXIMATION

// ---- comparison to a mask
// ----------------------------------------------------------------------------------

/// The three low bits of the immediate choose the predicate.
#define GNOMON_SSE_COMPARE(Name, op, bytes)                                    \
    template<u8 predicate>                                                     \
    struct Name : Integer {                                                    \
        static constexpr unsigned kBytes = bytes;                              \
        static constexpr bool kMxcsr = true;                                   \
        static Vector128 run(Vector128 a, Vector128 b) {                       \
            asm volatile(op " %2, %1, %0" : "+x"(a) : "x"(b), "i"(predicate)); \
            return a;                                                          \
        }                                                                      \
    }
GNOMON_SSE_COMPARE(Cmpps, "cmpps", 16);
GNOMON_SSE_COMPARE(Cmppd, "cmppd", 16);
GNOMON_SSE_COMPARE(Cmpss, "cmpss", 4);
GNOMON_SSE_COMPARE(Cmpsd, "cmpsd", 8);
#undef GNOMON_SSE_COMPARE

template<template<u8> class Compare>
void build_compare(const Decoded& d, Instruction& insn) {
    switch (d.imm & 7) {
        case 0: return build_binary<Compare<0>>(d, insn);
        case 1: return build_binary<Compare<1>>(d, insn);
        case 2: return build_binary<Compare<2>>(d, insn);
        case 3: return build_binary<Compare<3>>(d, insn);
        case 4: return build_binary<Compare<4>>(d, insn);
        case 5: return build_binary<Compare<5>>(d, insn);
        case 6: return build_binary<Compare<6>>(d, insn);
        default: return build_binary<Compare<7>>(d, insn);
    }
}
template void build_compare<Cmpps>(const Decoded&, Instruction&);
template void build_compare<Cmppd>(const Decoded&, Instruction&);
template void build_compare<Cmpss>(const Decoded&, Instruction&);
template void build_compare<Cmpsd>(const Decoded&, Instruction&);

// ---- comparison to EFLAGS
// ------------------------------------------------------------------------------------

#define GNOMON_SSE_FLAGS(Name, op, bytes)                                                                 \
    struct Name {                                                                                         \
        static constexpr unsigned kBytes = bytes;                                                         \
        static u32 run(Vector128 a, Vector128 b) {                                                        \
            bool zero, parity, carry;                                                                     \
            asm volatile(op " %4, %3" : "=@ccz"(zero), "=@ccp"(parity), "=@ccc"(carry) : "x"(a), "x"(b)); \
            return (zero ? flag::ZF : 0) | (parity ? flag::PF : 0) | (carry ? flag::CF : 0);              \
        }                                                                                                 \
    }
GNOMON_SSE_FLAGS(Comiss, "comiss", 4);
GNOMON_SSE_FLAGS(Comisd, "comisd", 8);
GNOMON_SSE_FLAGS(Ucomiss, "ucomiss", 4);
GNOMON_SSE_FLAGS(Ucomisd, "ucomisd", 8);
#undef GNOMON_SSE_FLAGS

namespace {

template<class Op>
Outcome flags_any(Cpu& c, const Instruction& i) {
    Vector128 b;
    if (!i.in_memory())
        b = get(c, i.rm);
    else if (!load<Op::kBytes>(c, i, false, b))
        return Outcome::Fault;
    u32 flags = 0;
    if (!under_mxcsr(c, [&] { flags = Op::run(get(c, i.reg), b); })) return Outcome::Fault;
    c.set_arithmetic_flags(flags);
    return Outcome::Next;
}

template<class Op>
GNOMON_HANDLER void flags_rr(Cpu* c, const Instruction* i, u64 ip, u64 r, u64 s, u64 k) {
    if (!c->host_fpu.simd) [[unlikely]]
        GNOMON_TAIL call<&flags_any<Op>>(c, i, ip, r, s, k);
    GNOMON_TAIL next(c, i, ip, Op::run(get(*c, i->reg), get(*c, i->rm)), 0, 0);
}

template<class Op, Mem form>
GNOMON_HANDLER void flags_rm(Cpu* c, const Instruction* i, u64 ip, u64 r, u64 s, u64 k) {
    const u8* p = operand<form, AccessKind::Read, Op::kBytes, false>(c, i, ip);
    if (!p || !c->host_fpu.simd) [[unlikely]]
        GNOMON_TAIL call<&flags_any<Op>>(c, i, ip, r, s, k);
    GNOMON_TAIL next(c, i, ip, Op::run(get(*c, i->reg), from_host<Op::kBytes>(p)), 0, 0);
}

}  // namespace

template<class Op>
void build_flags(const Decoded& d, Instruction& insn) {
    if (!d.memory)
        insn.handler = &flags_rr<Op>;
    else
        insn.handler = by_operand_form(d, [](auto form) -> Handler { return &flags_rm<Op, form()>; });
}
template void build_flags<Comiss>(const Decoded&, Instruction&);
template void build_flags<Comisd>(const Decoded&, Instruction&);
template void build_flags<Ucomiss>(const Decoded&, Instruction&);
template void build_flags<Ucomisd>(const Decoded&, Instruction&);

}  // namespace gnomon::simd

namespace gnomon::vec {

// In VEX and EVEX encodings.
template void build<simd::Addpd>(const Decoded&, Instruction&);
template void build<simd::Addps>(const Decoded&, Instruction&);
template void build<simd::Addsd>(const Decoded&, Instruction&);
template void build<simd::Addss>(const Decoded&, Instruction&);
template void build<simd::Divpd>(const Decoded&, Instruction&);
template void build<simd::Divps>(const Decoded&, Instruction&);
template void build<simd::Divsd>(const Decoded&, Instruction&);
template void build<simd::Divss>(const Decoded&, Instruction&);
template void build<simd::Maxpd>(const Decoded&, Instruction&);
template void build<simd::Maxps>(const Decoded&, Instruction&);
template void build<simd::Maxsd>(const Decoded&, Instruction&);
template void build<simd::Maxss>(const Decoded&, Instruction&);
template void build<simd::Minpd>(const Decoded&, Instruction&);
template void build<simd::Minps>(const Decoded&, Instruction&);
template void build<simd::Minsd>(const Decoded&, Instruction&);
template void build<simd::Minss>(const Decoded&, Instruction&);
template void build<simd::Mulpd>(const Decoded&, Instruction&);
template void build<simd::Mulps>(const Decoded&, Instruction&);
template void build<simd::Mulsd>(const Decoded&, Instruction&);
template void build<simd::Mulss>(const Decoded&, Instruction&);
template void build<simd::Rcpps>(const Decoded&, Instruction&);
template void build<simd::Rcpss>(const Decoded&, Instruction&);
template void build<simd::Rsqrtps>(const Decoded&, Instruction&);
template void build<simd::Rsqrtss>(const Decoded&, Instruction&);
template void build<simd::Sqrtpd>(const Decoded&, Instruction&);
template void build<simd::Sqrtps>(const Decoded&, Instruction&);
template void build<simd::Sqrtsd>(const Decoded&, Instruction&);
template void build<simd::Sqrtss>(const Decoded&, Instruction&);
template void build<simd::Subpd>(const Decoded&, Instruction&);
template void build<simd::Subps>(const Decoded&, Instruction&);
template void build<simd::Subsd>(const Decoded&, Instruction&);
template void build<simd::Subss>(const Decoded&, Instruction&);

}  // namespace gnomon::vec
