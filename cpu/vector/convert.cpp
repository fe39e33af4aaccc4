// Conversions between integers and numbers, and between precisions, of vectors and general registers.
// SDM Vol. 2, "Instruction Set Reference".
#include "cpu/vector/careful.h"
#include "cpu/vector/element.h"
#include "cpu/vector/instructions.h"
#include "cpu/vector/lanes.h"

namespace gnomon::vec {

/// Element n of To from element n of From. Where To is narrower, the rest of the destination is cleared.
template<class To, class From, class F>
GNOMON_INLINE void convert(Arguments& v, F f) {
    constexpr unsigned kWider = sizeof(To) > sizeof(From) ? sizeof(To) : sizeof(From);
    Vector r;
    for (unsigned n = 0; n < v.bytes / kWider; n++)
        if (v.active >> n & 1) r.set<To>(n, f(v.b.get<From>(n)));
    v.d = r;
}
#define GNOMON_CONVERT(Name, To, From, ...)                                                    \
    struct Name : Floating {                                                                   \
        static constexpr unsigned kTo = sizeof(To), kFrom = sizeof(From);                      \
        static void run(Arguments& v) {                                                        \
            convert<To, From>(v, [&v](From x) { (void)v; return __VA_ARGS__; });               \
        }                                                                                      \
    };                                                                                         \
    template void build_convert<Name>(const Decoded&, Instruction&)

/// The frame of conversions: the opmask counts the elements of the wider type, and results may be half a vector.
template<class Op>
Outcome execute_convert(Cpu& c, const Instruction& i) {
    Operands o = operands(i);
    Arguments v;
    v.bytes = o.bytes;
    v.imm = o.imm;
    constexpr unsigned kWider = Op::kTo > Op::kFrom ? Op::kTo : Op::kFrom;
    Operands by_wider = o;
    by_wider.element = kWider;
    v.active = active_elements(c, by_wider);
    if (!load_source(c, i, by_wider, v.active, false, v.b)) return Outcome::Fault;
    const auto look_again = [&](u32 flags) {
        if constexpr (requires { Op::flags(c, v); }) return simd::needs_care(c, flags) ? Op::flags(c, v) : flags;
        return flags;
    };
    if (!floating(c, o, [&] { Op::run(v); }, look_again)) return Outcome::Fault;
    if (Op::kTo < Op::kFrom) {
        // A result shorter than 16 bytes still clears the register beyond it.
        const unsigned count = o.bytes / Op::kFrom;
        if (o.opmask) {
            const Vector& old = vector(c, i.reg);
            for (unsigned n = 0; n < count; n++)
                if (!(v.active >> n & 1)) __builtin_memcpy(v.d.bytes.data() + n * Op::kTo, o.zeroing() ? Vector{}.bytes.data() : old.bytes.data() + n * Op::kTo, Op::kTo);
        }
        o.opmask = 0;
        if (o.bytes > 16) o.bytes /= 2;
        if (o.bytes * Op::kTo / Op::kFrom < 16) o.bytes = 16;
    }
    o.element = Op::kTo;
    write_back(c, i.reg, o, v.active, v.d);
    return Outcome::Next;
}
template<class Op>
void build_convert(const Decoded& d, Instruction& insn) {
    if (prepare(d, insn)) insn.handler = &call<&execute_convert<Op>>;
}

GNOMON_CONVERT(VCvtps2pd, u64, u32, to_double(x));
struct VCvtpd2ps : Floating {
    static constexpr unsigned kTo = 4, kFrom = 8;
    static void run(Arguments& v) {
        convert<u32, u64>(v, [](u64 x) { return to_single(x); });
    }
    static u32 flags(Cpu& c, const Arguments& v) {
        Careful careful(c);
        for (unsigned n = 0; n < v.bytes / kFrom; n++)
            if (v.active >> n & 1) (void)careful.to_single(v.b.get<u64>(n));
        return careful.flags();
    }
};
template void build_convert<VCvtpd2ps>(const Decoded&, Instruction&);
GNOMON_CONVERT(VCvtdq2ps, u32, i32, from_integer<u32>(x));
GNOMON_CONVERT(VCvtdq2pd, u64, i32, from_integer<u64>(x));
GNOMON_CONVERT(VCvtudq2ps, u32, u32, from_integer<u32>(i64{x}));
GNOMON_CONVERT(VCvtudq2pd, u64, u32, from_integer<u64>(i64{x}));
GNOMON_CONVERT(VCvtqq2ps, u32, i64, from_integer<u32>(x));
GNOMON_CONVERT(VCvtqq2pd, u64, i64, from_integer<u64>(x));
GNOMON_CONVERT(VCvtuqq2ps, u32, u64, from_integer<u32>(x));
GNOMON_CONVERT(VCvtuqq2pd, u64, u64, from_integer<u64>(x));
#define GNOMON_CONVERT_TO(name, To, From)                                  \
    GNOMON_CONVERT(VCvt##name, To, From, to_integer<To>(x, false));        \
    GNOMON_CONVERT(VCvtt##name, To, From, to_integer<To>(x, true))
GNOMON_CONVERT_TO(ps2dq, i32, u32);
GNOMON_CONVERT_TO(pd2dq, i32, u64);
GNOMON_CONVERT_TO(ps2udq, u32, u32);
GNOMON_CONVERT_TO(pd2udq, u32, u64);
GNOMON_CONVERT_TO(ps2qq, i64, u32);
GNOMON_CONVERT_TO(pd2qq, i64, u64);
GNOMON_CONVERT_TO(ps2uqq, u64, u32);
GNOMON_CONVERT_TO(pd2uqq, u64, u64);
GNOMON_CONVERT(VCvtph2ps, u32, u16, from_half(x));

/// VCVTPS2PH: W ← V, a register or memory.
Outcome vcvtps2ph(Cpu& c, const Instruction& i) {
    const Operands o = operands(i);
    const unsigned count = o.bytes / 4;
    const u64 active = o.opmask ? c.state.fpu.opmasks[o.opmask] & low_bits(count) : low_bits(count);
    const Vector from = vector(c, i.reg);
    Vector r;
    if (i.in_memory()) {
        // The whole of memory is looked at before there are exceptions of the numbers.
        for (unsigned n = 0; n < count; n++) {
            const u64 offset = c.effective_address(i) + n * 2;
            if ((active >> n & 1) && !c.check_write(i.segment, offset, 2)) return Outcome::Fault;
        }
    }
    const auto compute = [&] {
        const unsigned rounding = o.imm & 4 ? rounding_mode() : o.imm & 3;
        for (unsigned n = 0; n < count; n++)
            if (active >> n & 1) r.set(n, to_half(from.get<u32>(n), rounding));
    };
    if (!floating(c, o, compute)) return Outcome::Fault;
    if (i.in_memory()) return store_active(c, i, r, 2, count, active) ? Outcome::Next : Outcome::Fault;
    Vector& to = vector(c, i.rm);
    for (unsigned n = 0; n < count; n++)
        if (!(active >> n & 1)) r.set(n, o.zeroing() ? u16{0} : to.get<u16>(n));
    to = r;
    return Outcome::Next;
}

// ---- scalars and general registers ----------------------------------------------------------------------------------------

/// VCVTSI2SS and relatives: integers of 32 or, with W, 64 bits.
template<class Real, bool is_signed>
Outcome from_general(Cpu& c, const Instruction& i) {
    const Operands o = operands(i);
    const bool wide = i.prefix & prefix::kOperand64;
    u64 value = 0;
    if (wide) {
        if (!c.load_rm(i, value)) return Outcome::Fault;
    } else {
        u32 low;
        if (!c.load_rm(i, low)) return Outcome::Fault;
        value = is_signed ? static_cast<u64>(i64{static_cast<i32>(low)}) : low;
    }
    Vector r = vector(c, o.source);
    const auto compute = [&] { r.set(0, is_signed ? from_integer<Real>(static_cast<i64>(value)) : from_integer<Real>(value)); };
    if (!floating(c, o, compute)) return Outcome::Fault;
    write_back(c, i.reg, o, ~u64{0}, r);
    return Outcome::Next;
}
template Outcome from_general<u32, true>(Cpu&, const Instruction&);
template Outcome from_general<u64, true>(Cpu&, const Instruction&);
template Outcome from_general<u32, false>(Cpu&, const Instruction&);
template Outcome from_general<u64, false>(Cpu&, const Instruction&);

/// VCVTSS2SI and relatives.
template<class Real, bool is_signed, bool truncated>
Outcome to_general(Cpu& c, const Instruction& i) {
    const Operands o = operands(i);
    Vector b;
    if (!load_source(c, i, o, ~u64{0}, true, b)) return Outcome::Fault;
    const bool wide = i.prefix & prefix::kOperand64;
    u64 result = 0;
    const auto compute = [&] {
        const Real x = b.get<Real>(0);
        if constexpr (is_signed) result = wide ? static_cast<u64>(to_integer<i64>(x, truncated)) : static_cast<u32>(to_integer<i32>(x, truncated));
        else result = wide ? to_integer<u64>(x, truncated) : to_integer<u32>(x, truncated);
    };
    if (!floating(c, o, compute)) return Outcome::Fault;
    if (wide) c.put_at<u64>(i.reg, result);
    else c.put_at<u32>(i.reg, static_cast<u32>(result));
    return Outcome::Next;
}
#define GNOMON_TO_GENERAL(Real)                                              \
    template Outcome to_general<Real, true, false>(Cpu&, const Instruction&);  \
    template Outcome to_general<Real, true, true>(Cpu&, const Instruction&);   \
    template Outcome to_general<Real, false, false>(Cpu&, const Instruction&); \
    template Outcome to_general<Real, false, true>(Cpu&, const Instruction&)
GNOMON_TO_GENERAL(u32);
GNOMON_TO_GENERAL(u64);

}  // namespace gnomon::vec
