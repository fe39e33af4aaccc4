// CVT*: between integers and numbers, between single and double. SDM Vol. 2.
#include "cpu/fpu/simd.h"
#include "cpu/fpu/simd_instructions.h"
#include "cpu/vector/frame.h"

namespace gnomon::simd {

#define GNOMON_SSE_CONVERT(Name, op, bytes, ...)           \
    struct Name : Integer {                                \
        static constexpr unsigned kBytes = bytes;          \
        static constexpr bool kMxcsr = true;               \
        __VA_ARGS__                                        \
        static Vector128 run(Vector128 a, Vector128 b) {   \
            asm volatile(op " %1, %0" : "+x"(a) : "x"(b)); \
            return a;                                      \
        }                                                  \
    };                                                     \
    template void build_binary<Name>(const Decoded&, Instruction&)

namespace {

/// To the precision in force, by way of a multiplication.
u16 rounded(Float80& value, u64 b) {
    (void)host::load<false>(value, host::Real64{b});
    return host::Fmul::run<true>(value, host::Real64{0x3ff0000000000000});
}

}  // namespace

GNOMON_SSE_CONVERT(Cvtps2pd, "cvtps2pd", 8);
GNOMON_SSE_CONVERT(
    Cvtpd2ps, "cvtpd2ps", 16, static constexpr unsigned kSourceBytes = 8, kResultBytes = 4;
    static u16 wide(Float80 & value, u64, u64 b) { return rounded(value, b); });
GNOMON_SSE_CONVERT(Cvtss2sd, "cvtss2sd", 4, static constexpr bool kScalar = true;);
GNOMON_SSE_CONVERT(
    Cvtsd2ss, "cvtsd2ss", 8, static constexpr unsigned kSourceBytes = 8, kResultBytes = 4;
    static constexpr bool kScalar = true;
    static u16 wide(Float80 & value, u64, u64 b) { return rounded(value, b); });
GNOMON_SSE_CONVERT(Cvtdq2ps, "cvtdq2ps", 16);
GNOMON_SSE_CONVERT(Cvtps2dq, "cvtps2dq", 16);
GNOMON_SSE_CONVERT(Cvttps2dq, "cvttps2dq", 16);
GNOMON_SSE_CONVERT(Cvtdq2pd, "cvtdq2pd", 8);
GNOMON_SSE_CONVERT(Cvtpd2dq, "cvtpd2dq", 16);
GNOMON_SSE_CONVERT(Cvttpd2dq, "cvttpd2dq", 16);
#undef GNOMON_SSE_CONVERT

// ---- general registers
// ------------------------------------------------------------------------------------------

/// Number ← integer of 32 or, with REX.W, 64 bits.
#define GNOMON_SSE_FROM_INTEGER(Name, op)                  \
    struct Name {                                                                          \
        template<class T>                                                                  \
        static Vector128 run(Vector128 a, T b) {                                           \
            if constexpr (sizeof(T) == 8) asm volatile(op "q %1, %0" : "+x"(a) : "r"(b)); \
            else asm volatile(op "l %1, %0" : "+x"(a) : "r"(b));                           \
            return a;                                                                      \
        }                                                                                  \
    }
GNOMON_SSE_FROM_INTEGER(Cvtsi2ss, "cvtsi2ss");
GNOMON_SSE_FROM_INTEGER(Cvtsi2sd, "cvtsi2sd");
#undef GNOMON_SSE_FROM_INTEGER

/// Integer of 32 or, with REX.W, 64 bits ← number.
#define GNOMON_SSE_TO_INTEGER(Name, op, bytes)                 \
    struct Name {                                              \
        static constexpr unsigned kBytes = bytes;              \
        template<class T>                                      \
        static T run(Vector128 b) {                            \
            T value;                                           \
            asm volatile(op " %1, %0" : "=r"(value) : "x"(b)); \
            return value;                                      \
        }                                                      \
    }
GNOMON_SSE_TO_INTEGER(Cvtss2si, "cvtss2si", 4);
GNOMON_SSE_TO_INTEGER(Cvttss2si, "cvttss2si", 4);
GNOMON_SSE_TO_INTEGER(Cvtsd2si, "cvtsd2si", 8);
GNOMON_SSE_TO_INTEGER(Cvttsd2si, "cvttsd2si", 8);
#undef GNOMON_SSE_TO_INTEGER

namespace {

template<class Op, class T>
Outcome from_integer_any(Cpu& c, const Instruction& i) {
    T value;
    if (!c.load_rm(i, value)) return Outcome::Fault;
    Vector128 result = get(c, i.reg);
    if (!under_mxcsr(c, [&] { result = Op::run(result, value); })) return Outcome::Fault;
    put(c, i.reg, result);
    return Outcome::Next;
}

template<class Op, class T>
GNOMON_HANDLER void from_integer_r(Cpu* c, const Instruction* i, u64 ip, u64 r, u64 s, u64 k) {
    if (!c->host_fpu.simd) [[unlikely]]
        GNOMON_TAIL call<&from_integer_any<Op, T>>(c, i, ip, r, s, k);
    put(*c, i->reg, Op::run(get(*c, i->reg), c->get_at<T>(i->rm)));
    GNOMON_TAIL next(c, i, ip, r, s, k);
}

template<class Op, class T, Mem form>
GNOMON_HANDLER void from_integer_m(Cpu* c, const Instruction* i, u64 ip, u64 r, u64 s, u64 k) {
    const u8* p = operand_pointer<form, AccessKind::Read>(c, i, ip, sizeof(T));
    if (!p || !c->host_fpu.simd) [[unlikely]]
        GNOMON_TAIL call<&from_integer_any<Op, T>>(c, i, ip, r, s, k);
    put(*c, i->reg, Op::run(get(*c, i->reg), peek<T>(p)));
    GNOMON_TAIL next(c, i, ip, r, s, k);
}

template<class Op, class T>
Outcome to_integer_any(Cpu& c, const Instruction& i) {
    Vector128 source;
    if (!i.in_memory())
        source = get(c, i.rm);
    else if (!load<Op::kBytes>(c, i, false, source))
        return Outcome::Fault;
    T value = 0;
    if (!under_mxcsr(c, [&] { value = Op::template run<T>(source); })) return Outcome::Fault;
    c.put_at<T>(i.reg, value);
    return Outcome::Next;
}

template<class Op, class T>
GNOMON_HANDLER void to_integer_r(Cpu* c, const Instruction* i, u64 ip, u64 r, u64 s, u64 k) {
    if (!c->host_fpu.simd) [[unlikely]]
        GNOMON_TAIL call<&to_integer_any<Op, T>>(c, i, ip, r, s, k);
    c->put_at<T>(i->reg, Op::template run<T>(get(*c, i->rm)));
    GNOMON_TAIL next(c, i, ip, r, s, k);
}

template<class Op, class T, Mem form>
GNOMON_HANDLER void to_integer_m(Cpu* c, const Instruction* i, u64 ip, u64 r, u64 s, u64 k) {
    const u8* p = operand_pointer<form, AccessKind::Read>(c, i, ip, Op::kBytes);
    if (!p || !c->host_fpu.simd) [[unlikely]]
        GNOMON_TAIL call<&to_integer_any<Op, T>>(c, i, ip, r, s, k);
    c->put_at<T>(i->reg, Op::template run<T>(from_host<Op::kBytes>(p)));
    GNOMON_TAIL next(c, i, ip, r, s, k);
}

}  // namespace

template<class Op>
void build_from_integer(const Decoded& d, Instruction& insn) {
    const auto choose = [&]<class T>(T) {
        if (!d.memory)
            insn.handler = &from_integer_r<Op, T>;
        else
            insn.handler = by_operand_form(d, [](auto form) -> Handler { return &from_integer_m<Op, T, form()>; });
    };
    if (d.operand_bytes == 8) choose(u64{});
    else choose(u32{});
}
template<class Op>
void build_to_integer(const Decoded& d, Instruction& insn) {
    const auto choose = [&]<class T>(T) {
        if (!d.memory)
            insn.handler = &to_integer_r<Op, T>;
        else
            insn.handler = by_operand_form(d, [](auto form) -> Handler { return &to_integer_m<Op, T, form()>; });
    };
    if (d.operand_bytes == 8) choose(u64{});
    else choose(u32{});
}
template void build_from_integer<Cvtsi2ss>(const Decoded&, Instruction&);
template void build_from_integer<Cvtsi2sd>(const Decoded&, Instruction&);
template void build_to_integer<Cvtss2si>(const Decoded&, Instruction&);
template void build_to_integer<Cvttss2si>(const Decoded&, Instruction&);
template void build_to_integer<Cvtsd2si>(const Decoded&, Instruction&);
template void build_to_integer<Cvttsd2si>(const Decoded&, Instruction&);

// ---- MMX registers
// -------------------------------------------------------------------------------------------------

/// Two integers become two numbers; the upper two lanes are zero and stay without effect.
struct Cvtpi2ps {
    static Vector128 run(Vector128 a, Vector128 b) {
        asm volatile("cvtdq2ps %1, %0" : "=x"(b) : "x"(b));
        return _mm_castpd_si128(_mm_move_sd(_mm_castsi128_pd(a), _mm_castsi128_pd(b)));
    }
};
struct Cvtpi2pd {
    static Vector128 run(Vector128, Vector128 b) { return _mm_castpd_si128(_mm_cvtepi32_pd(b)); }
};

template<class Op>
Outcome from_mmx(Cpu& c, const Instruction& i) {
    Outcome out;
    const bool mode_changes = !i.in_memory();  // an operand in memory has nothing to do with MMX
    if (mode_changes && !begin_mmx(c, out)) return out;
    Vector128 source;
    if (!i.in_memory())
        source = _mm_cvtsi64_si128(static_cast<i64>(get_mm(c, i.rm)));
    else if (!load<8>(c, i, false, source))
        return Outcome::Fault;
    if (mode_changes) enter_mmx(c);  // as processors do, before a SIMD exception
    Vector128 result;
    if (!under_mxcsr(c, [&] { result = Op::run(get(c, i.reg), source); })) return Outcome::Fault;
    put(c, i.reg, result);
    return Outcome::Next;
}
template Outcome from_mmx<Cvtpi2ps>(Cpu&, const Instruction&);
template Outcome from_mmx<Cvtpi2pd>(Cpu&, const Instruction&);

#define GNOMON_SSE_TO_MMX(Name, op, bytes)        \
    struct Name {                                 \
        static constexpr unsigned kBytes = bytes; \
        static Vector128 run(Vector128 b) {       \
            asm volatile(op " %0, %0" : "+x"(b)); \
            return b;                             \
        }                                         \
    }
GNOMON_SSE_TO_MMX(Cvtps2pi, "cvtps2dq", 8);
GNOMON_SSE_TO_MMX(Cvttps2pi, "cvttps2dq", 8);
GNOMON_SSE_TO_MMX(Cvtpd2pi, "cvtpd2dq", 16);
GNOMON_SSE_TO_MMX(Cvttpd2pi, "cvttpd2dq", 16);
#undef GNOMON_SSE_TO_MMX

template<class Op>
Outcome to_mmx(Cpu& c, const Instruction& i) {
    Outcome out;
    if (!begin_mmx(c, out)) return out;
    Vector128 source;
    if (!i.in_memory())
        source = Op::kBytes == 8 ? _mm_move_epi64(get(c, i.rm)) : get(c, i.rm);
    else if (!load<Op::kBytes>(c, i, true, source))
        return Outcome::Fault;
    enter_mmx(c);
    Vector128 result;
    if (!under_mxcsr(c, [&] { result = Op::run(source); })) return Outcome::Fault;
    put_mm(c, i.reg, static_cast<u64>(_mm_cvtsi128_si64(result)));
    return Outcome::Next;
}
template Outcome to_mmx<Cvtps2pi>(Cpu&, const Instruction&);
template Outcome to_mmx<Cvttps2pi>(Cpu&, const Instruction&);
template Outcome to_mmx<Cvtpd2pi>(Cpu&, const Instruction&);
template Outcome to_mmx<Cvttpd2pi>(Cpu&, const Instruction&);

}  // namespace gnomon::simd

namespace gnomon::vec {

// In VEX and EVEX encodings.
template void build<simd::Cvtsd2ss>(const Decoded&, Instruction&);
template void build<simd::Cvtss2sd>(const Decoded&, Instruction&);

}  // namespace gnomon::vec
