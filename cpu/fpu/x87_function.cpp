// FSQRT, FRNDINT, FPREM, FPREM1, FSCALE, FXTRACT and the transcendental functions. SDM Vol. 2.
#include "cpu/fpu/x87_instructions.h"

namespace gnomon::x87 {
namespace {

/// FSIN, FCOS, FSINCOS and FPTAN leave operands of 2^63 and more alone and set C2.
bool beyond_range(const Float80& value) {
    const unsigned exponent = value.exponent & 0x7fff;
    return exponent >= 16383 + 63 && exponent != 0x7fff && (value.significand >> 63);
}

template<class Op>
inline constexpr u16 kConditionsOf = sw::C1;
template<>
inline constexpr u16 kConditionsOf<host::Fsin> = sw::C1 | sw::C2;
template<>
inline constexpr u16 kConditionsOf<host::Fcos> = sw::C1 | sw::C2;
template<>
inline constexpr u16 kConditionsOf<host::Fprem> = sw::kConditions;
template<>
inline constexpr u16 kConditionsOf<host::Fprem1> = sw::kConditions;

GNOMON_HANDLER void fsqrt_r(Cpu* c, const Instruction* i, u64 ip, u64 r, u64 s, u64 k) {
    FpuState& f = c->state.fpu;
    if (!c->host_fpu.x87 || !filled(f, 0)) [[unlikely]]
        GNOMON_TAIL call<&unary<host::Fsqrt>>(c, i, ip, r, s, k);
    merge(f, host::Fsqrt::run<false>(st(f, 0)));
    note(c, i, ip + i->ip_offset);
    GNOMON_TAIL next(c, i, ip, r, s, k);
}

}  // namespace

template<class Op>
Outcome unary(Cpu& c, const Instruction& i) {
    Outcome out;
    if (!await(c, out)) return out;
    note(c, i);
    FpuState& f = c.state.fpu;
    if (!filled(f, 0)) {
        f.status &= static_cast<u16>(~(kConditionsOf<Op> & sw::C2));
        if (stack_fault(c, false)) fill(f, 0, kIndefinite);
        return Outcome::Next;
    }
    Float80 value = st(f, 0);
    const u16 status = on_host(c, [&](auto careful) { return Op::template run<careful()>(value); });
    if (finish<kConditionsOf<Op>>(c, status, kBlocksRegister)) st(f, 0) = value;
    return Outcome::Next;
}

template<class Op>
Outcome with_st1(Cpu& c, const Instruction& i) {
    Outcome out;
    if (!await(c, out)) return out;
    note(c, i);
    FpuState& f = c.state.fpu;
    constexpr u16 kQuotient = kConditionsOf<Op> & (sw::C0 | sw::C3);
    if (!filled(f, 0) || !filled(f, 1)) {
        f.status &= static_cast<u16>(~(kConditionsOf<Op> & sw::C2));
        if (stack_fault(c, false)) fill(f, 0, kIndefinite);
        return Outcome::Next;
    }
    const u16 old = f.status;
    Float80 value = st(f, 0);
    const u16 status = on_host(c, [&](auto careful) { return Op::template run<careful()>(value, st(f, 1)); });
    const bool stored = finish<kConditionsOf<Op>>(c, status, kBlocksRegister);
    if (stored) st(f, 0) = value;
    // Without a quotient, C0 and C3 stay as they were.
    if (!stored || (value.exponent & 0x7fff) == 0x7fff)
        f.status = static_cast<u16>((f.status & ~kQuotient) | (old & kQuotient));
    return Outcome::Next;
}

template<class Op>
Outcome into_st1(Cpu& c, const Instruction& i) {
    Outcome out;
    if (!await(c, out)) return out;
    note(c, i);
    FpuState& f = c.state.fpu;
    if (!filled(f, 0) || !filled(f, 1)) {
        if (!stack_fault(c, false)) return Outcome::Next;
        fill(f, 1, kIndefinite);
    } else {
        Float80 value = st(f, 1);
        const u16 status =
            on_host(c, [&](auto careful) { return Op::template run<careful()>(value, st(f, 0)); });
        if (!finish(c, status, kBlocksRegister)) return Outcome::Next;
        st(f, 1) = value;
    }
    pop(f);
    return Outcome::Next;
}

template<class Op>
Outcome two_results(Cpu& c, const Instruction& i) {
    constexpr bool kTrigonometric = !std::is_same_v<Op, host::Fxtract>;
    Outcome out;
    if (!await(c, out)) return out;
    note(c, i);
    FpuState& f = c.state.fpu;
    Float80 value = st(f, 0);
    Float80 second;
    if (!filled(f, 0) || filled(f, 7)) {
        if (kTrigonometric) f.status &= static_cast<u16>(~sw::C2);
        if (!stack_fault(c, filled(f, 0))) return Outcome::Next;
        value = second = kIndefinite;
    } else if (kTrigonometric && beyond_range(value)) {
        f.status = static_cast<u16>((f.status & ~sw::C1) | sw::C2);
        return Outcome::Next;
    } else {
        const u16 status =
            on_host(c, [&](auto careful) { return Op::template run<careful()>(value, second); });
        if (!finish < kTrigonometric ? sw::C1 | sw::C2 : sw::C1 > (c, status, kBlocksRegister))
            return Outcome::Next;
    }
    fill(f, 0, value);
    push(f);
    st(f, 0) = second;
    return Outcome::Next;
}

void build_fsqrt(const Decoded&, Instruction& insn) { insn.handler = &fsqrt_r; }
template Outcome unary<host::Frndint>(Cpu&, const Instruction&);
template Outcome unary<host::F2xm1>(Cpu&, const Instruction&);
template Outcome unary<host::Fsin>(Cpu&, const Instruction&);
template Outcome unary<host::Fcos>(Cpu&, const Instruction&);
template Outcome with_st1<host::Fprem>(Cpu&, const Instruction&);
template Outcome with_st1<host::Fprem1>(Cpu&, const Instruction&);
template Outcome with_st1<host::Fscale>(Cpu&, const Instruction&);
template Outcome into_st1<host::Fyl2x>(Cpu&, const Instruction&);
template Outcome into_st1<host::Fyl2xp1>(Cpu&, const Instruction&);
template Outcome into_st1<host::Fpatan>(Cpu&, const Instruction&);
template Outcome two_results<host::Fptan>(Cpu&, const Instruction&);
template Outcome two_results<host::Fsincos>(Cpu&, const Instruction&);
template Outcome two_results<host::Fxtract>(Cpu&, const Instruction&);

}  // namespace gnomon::x87
