// FCOM, FUCOM, FICOM, FCOMI, FUCOMI and their popping forms, FTST, FXAM, FCMOVcc. SDM Vol. 2.
#include "cpu/fpu/x87_instructions.h"

namespace gnomon::x87 {
namespace {

constexpr u16 kUnordered = sw::C0 | sw::C2 | sw::C3;

template<unsigned count>
GNOMON_INLINE void pop_all(FpuState& f) {
    for (unsigned n = 0; n < count; n++) pop(f);
}

/// The outcome of a comparison that met an empty register. Condition codes are set even if the exception is
/// not masked.
template<unsigned pops>
void compare_with_empty(Cpu& c) {
    const bool masked = stack_fault(c, false);
    c.state.fpu.status |= kUnordered;
    if (masked) pop_all<pops>(c.state.fpu);
}

template<class M, unsigned pops>
Outcome compare_memory(Cpu& c, const Instruction& i) {
    Outcome out;
    if (!await(c, out)) return out;
    M source;
    if (!load_operand(c, i, source)) return Outcome::Fault;
    FpuState& f = c.state.fpu;
    if (!filled(f, 0)) {
        compare_with_empty<pops>(c);
        return Outcome::Next;
    }
    const u16 status = on_host(c, [&](auto careful) { return host::Fcom::run<careful()>(st(f, 0), source); });
    if (finish<sw::kConditions>(c, status, kBlocksRegister)) pop_all<pops>(f);
    return Outcome::Next;
}

template<class M, unsigned pops, Mem form>
GNOMON_HANDLER void compare_m(Cpu* c, const Instruction* i, u64 ip, u64 r, u64 s, u64 k) {
    u64 offset;
    const u8* p = operand<form, AccessKind::Read>(c, i, ip, sizeof(M), offset);
    FpuState& f = c->state.fpu;
    if (!p || !c->host_fpu.x87 || !filled(f, 0)) [[unlikely]]
        GNOMON_TAIL call<&compare_memory<M, pops>>(c, i, ip, r, s, k);
    merge<sw::kConditions>(f, host::Fcom::run<false>(st(f, 0), *reinterpret_cast<const M*>(p)));
    pop_all<pops>(f);
    note(c, i, ip + i->ip_offset);
    note_operand(c, i, offset);
    GNOMON_TAIL next(c, i, ip, r, s, k);
}

template<class Op, unsigned pops>
Outcome compare(Cpu& c, const Instruction& i) {
    Outcome out;
    if (!await(c, out)) return out;
    note(c, i);
    FpuState& f = c.state.fpu;
    if (!filled(f, 0) || !filled(f, i.rm)) {
        compare_with_empty<pops>(c);
        return Outcome::Next;
    }
    const u16 status =
        on_host(c, [&](auto careful) { return Op::template run<careful()>(st(f, 0), st(f, i.rm)); });
    if (finish<sw::kConditions>(c, status, kBlocksRegister)) pop_all<pops>(f);
    return Outcome::Next;
}

template<class Op, unsigned pops>
GNOMON_HANDLER void compare_r(Cpu* c, const Instruction* i, u64 ip, u64 r, u64 s, u64 k) {
    FpuState& f = c->state.fpu;
    const unsigned first = top(f);
    const unsigned other = (first + i->rm) & 7;
    if (!c->host_fpu.x87 || !(f.valid >> first & f.valid >> other & 1)) [[unlikely]]
        GNOMON_TAIL call<&compare<Op, pops>>(c, i, ip, r, s, k);
    merge<sw::kConditions>(f, Op::template run<false>(f.registers[first], f.registers[other]));
    pop_all<pops>(f);
    note(c, i, ip + i->ip_offset);
    GNOMON_TAIL next(c, i, ip, r, s, k);
}

/// C3, C2, C0 stand in the status word as ZF, PF, CF do in AH.
GNOMON_INLINE u32 flags_of(u16 status) {
    return static_cast<u32>(status >> 8) & (flag::ZF | flag::PF | flag::CF);
}
static_assert(sw::C3 >> 8 == flag::ZF && sw::C2 >> 8 == flag::PF && sw::C0 >> 8 == flag::CF);

template<class Op, unsigned pops>
Outcome compare_flags(Cpu& c, const Instruction& i) {
    Outcome out;
    if (!await(c, out)) return out;
    note(c, i);
    FpuState& f = c.state.fpu;
    if (!filled(f, 0) || !filled(f, i.rm)) {
        c.set_arithmetic_flags(flags_of(kUnordered));
        if (!stack_fault(c, false)) return Outcome::Next;
    } else {
        const u16 status =
            on_host(c, [&](auto careful) { return Op::template run<careful()>(st(f, 0), st(f, i.rm)); });
        c.set_arithmetic_flags(flags_of(status));  // even if an exception is not masked
        if (!finish<0>(c, status, kBlocksRegister)) return Outcome::Next;  // C1 stays
    }
    pop_all<pops>(f);
    return Outcome::Next;
}

template<class Op, unsigned pops>
GNOMON_HANDLER void compare_flags_r(Cpu* c, const Instruction* i, u64 ip, u64 r, u64 s, u64 k) {
    FpuState& f = c->state.fpu;
    const unsigned first = top(f);
    const unsigned other = (first + i->rm) & 7;
    if (!c->host_fpu.x87 || !(f.valid >> first & f.valid >> other & 1)) [[unlikely]]
        GNOMON_TAIL call<&compare_flags<Op, pops>>(c, i, ip, r, s, k);
    const u16 status = Op::template run<false>(f.registers[first], f.registers[other]);
    merge<0>(f, status);
    pop_all<pops>(f);
    note(c, i, ip + i->ip_offset);
    GNOMON_TAIL next(c, i, ip, flags_of(status), 0, 0);
}

}  // namespace

template<class M, unsigned pops>
void build_compare_memory(const Decoded& d, Instruction& insn) {
    insn.handler = by_operand_form(d, [](auto form) -> Handler { return &compare_m<M, pops, form()>; });
}

template<class Op, unsigned pops>
void build_compare(const Decoded&, Instruction& insn) {
    if constexpr (pops == 2) insn.rm = 1;
    insn.handler = &compare_r<Op, pops>;
}

template<class Op, unsigned pops>
void build_compare_flags(const Decoded&, Instruction& insn) {
    insn.handler = &compare_flags_r<Op, pops>;
}

template void build_compare_memory<host::Real32, 0>(const Decoded&, Instruction&);
template void build_compare_memory<host::Real32, 1>(const Decoded&, Instruction&);
template void build_compare_memory<host::Real64, 0>(const Decoded&, Instruction&);
template void build_compare_memory<host::Real64, 1>(const Decoded&, Instruction&);
template void build_compare_memory<host::Int16, 0>(const Decoded&, Instruction&);
template void build_compare_memory<host::Int16, 1>(const Decoded&, Instruction&);
template void build_compare_memory<host::Int32, 0>(const Decoded&, Instruction&);
template void build_compare_memory<host::Int32, 1>(const Decoded&, Instruction&);
template void build_compare<host::Fcom, 0>(const Decoded&, Instruction&);
template void build_compare<host::Fcom, 1>(const Decoded&, Instruction&);
template void build_compare<host::Fcom, 2>(const Decoded&, Instruction&);
template void build_compare<host::Fucom, 0>(const Decoded&, Instruction&);
template void build_compare<host::Fucom, 1>(const Decoded&, Instruction&);
template void build_compare<host::Fucom, 2>(const Decoded&, Instruction&);
template void build_compare_flags<host::Fcom, 0>(const Decoded&, Instruction&);
template void build_compare_flags<host::Fcom, 1>(const Decoded&, Instruction&);
template void build_compare_flags<host::Fucom, 0>(const Decoded&, Instruction&);
template void build_compare_flags<host::Fucom, 1>(const Decoded&, Instruction&);

Outcome ftst(Cpu& c, const Instruction& i) {
    Outcome out;
    if (!await(c, out)) return out;
    note(c, i);
    FpuState& f = c.state.fpu;
    if (!filled(f, 0)) {
        compare_with_empty<0>(c);
        return Outcome::Next;
    }
    Float80 value = st(f, 0);
    const u16 status = on_host(c, [&](auto careful) { return host::Ftst::run<careful()>(value); });
    (void)finish<sw::kConditions>(c, status, kBlocksRegister);
    return Outcome::Next;
}

Outcome fxam(Cpu& c, const Instruction& i) {
    Outcome out;
    if (!await(c, out)) return out;
    note(c, i);
    FpuState& f = c.state.fpu;
    Float80 value = st(f, 0);
    u16 conditions = sw::C3 | sw::C0 | (value.exponent & 0x8000 ? sw::C1 : 0);  // empty
    if (filled(f, 0))
        conditions =
            on_host(c, [&](auto careful) { return host::Fxam::run<careful()>(value); }) & sw::kConditions;
    f.status = static_cast<u16>((f.status & ~sw::kConditions) | conditions);
    return Outcome::Next;
}

template<unsigned condition>
Outcome fcmov(Cpu& c, const Instruction& i) {
    Outcome out;
    if (!await(c, out)) return out;
    note(c, i);
    FpuState& f = c.state.fpu;
    if (!filled(f, 0) || !filled(f, i.rm)) {
        if (stack_fault(c, false)) fill(f, 0, kIndefinite);  // whatever the condition
        return Outcome::Next;
    }
    if (lazy::condition(condition, c.lazy.result, c.lazy.source, c.lazy.kind)) st(f, 0) = st(f, i.rm);
    return Outcome::Next;
}

template Outcome fcmov<2>(Cpu&, const Instruction&);
template Outcome fcmov<3>(Cpu&, const Instruction&);
template Outcome fcmov<4>(Cpu&, const Instruction&);
template Outcome fcmov<5>(Cpu&, const Instruction&);
template Outcome fcmov<6>(Cpu&, const Instruction&);
template Outcome fcmov<7>(Cpu&, const Instruction&);
template Outcome fcmov<10>(Cpu&, const Instruction&);
template Outcome fcmov<11>(Cpu&, const Instruction&);

}  // namespace gnomon::x87
