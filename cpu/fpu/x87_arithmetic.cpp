// FADD, FMUL, FSUB, FSUBR, FDIV, FDIVR and their integer and popping forms. SDM Vol. 2.
#include "cpu/fpu/x87_instructions.h"

namespace gnomon::x87 {
namespace {

template<class Op, class M>
Outcome arithmetic_memory(Cpu& c, const Instruction& i) {
    Outcome out;
    if (!await(c, out)) return out;
    M source;
    if (!load_operand(c, i, source)) return Outcome::Fault;
    FpuState& f = c.state.fpu;
    if (!filled(f, 0)) {
        if (stack_fault(c, false)) fill(f, 0, kIndefinite);
        return Outcome::Next;
    }
    Float80 result = st(f, 0);
    const u16 status = on_host(c, [&](auto careful) { return Op::template run<careful()>(result, source); });
    if (finish(c, status, kBlocksRegister)) st(f, 0) = result;
    return Outcome::Next;
}

template<class Op, class M, Mem form>
GNOMON_HANDLER void arithmetic_m(Cpu* c, const Instruction* i, u64 ip, u64 r, u64 s, u64 k) {
    u64 offset;
    const u8* p = operand<form, AccessKind::Read>(c, i, ip, sizeof(M), offset);
    FpuState& f = c->state.fpu;
    if (!p || !c->host_fpu.x87 || !filled(f, 0)) [[unlikely]]
        GNOMON_TAIL call<&arithmetic_memory<Op, M>>(c, i, ip, r, s, k);
    merge(f, Op::template run<false>(st(f, 0), *reinterpret_cast<const M*>(p)));
    note(c, i, ip + i->ip_offset);
    note_operand(c, i, offset);
    GNOMON_TAIL next(c, i, ip, r, s, k);
}

template<class Op, Into into>
Outcome arithmetic(Cpu& c, const Instruction& i) {
    Outcome out;
    if (!await(c, out)) return out;
    note(c, i);
    FpuState& f = c.state.fpu;
    const unsigned destination = into == Into::St0 ? 0 : i.rm;
    const unsigned source = into == Into::St0 ? i.rm : 0;
    if (!filled(f, 0) || !filled(f, i.rm)) {
        if (!stack_fault(c, false)) return Outcome::Next;
        fill(f, destination, kIndefinite);
    } else {
        Float80 result = st(f, destination);
        const Float80 operand = st(f, source);
        const u16 status =
            on_host(c, [&](auto careful) { return Op::template run<careful()>(result, operand); });
        if (!finish(c, status, kBlocksRegister)) return Outcome::Next;
        st(f, destination) = result;
    }
    if constexpr (into == Into::StiPop) pop(f);
    return Outcome::Next;
}

template<class Op, Into into>
GNOMON_HANDLER void arithmetic_r(Cpu* c, const Instruction* i, u64 ip, u64 r, u64 s, u64 k) {
    FpuState& f = c->state.fpu;
    const unsigned first = top(f);
    const unsigned other = (first + i->rm) & 7;
    if (!c->host_fpu.x87 || !(f.valid >> first & f.valid >> other & 1)) [[unlikely]]
        GNOMON_TAIL call<&arithmetic<Op, into>>(c, i, ip, r, s, k);
    if constexpr (into == Into::St0)
        merge(f, Op::template run<false>(f.registers[first], f.registers[other]));
    else
        merge(f, Op::template run<false>(f.registers[other], f.registers[first]));
    if constexpr (into == Into::StiPop) pop(f);
    note(c, i, ip + i->ip_offset);
    GNOMON_TAIL next(c, i, ip, r, s, k);
}

}  // namespace

template<class Op, class M>
void build_arithmetic_memory(const Decoded& d, Instruction& insn) {
    insn.handler = by_operand_form(d, [](auto form) -> Handler { return &arithmetic_m<Op, M, form()>; });
}

template<class Op, Into into>
void build_arithmetic(const Decoded&, Instruction& insn) {
    insn.handler = &arithmetic_r<Op, into>;
}

#define GNOMON_X87_ARITHMETIC(Op)                                                          \
    template void build_arithmetic_memory<Op, host::Real32>(const Decoded&, Instruction&); \
    template void build_arithmetic_memory<Op, host::Real64>(const Decoded&, Instruction&); \
    template void build_arithmetic_memory<Op, host::Int16>(const Decoded&, Instruction&);  \
    template void build_arithmetic_memory<Op, host::Int32>(const Decoded&, Instruction&);  \
    template void build_arithmetic<Op, Into::St0>(const Decoded&, Instruction&);           \
    template void build_arithmetic<Op, Into::Sti>(const Decoded&, Instruction&);           \
    template void build_arithmetic<Op, Into::StiPop>(const Decoded&, Instruction&)
GNOMON_X87_ARITHMETIC(host::Fadd);
GNOMON_X87_ARITHMETIC(host::Fmul);
GNOMON_X87_ARITHMETIC(host::Fsub);
GNOMON_X87_ARITHMETIC(host::Fsubr);
GNOMON_X87_ARITHMETIC(host::Fdiv);
GNOMON_X87_ARITHMETIC(host::Fdivr);
#undef GNOMON_X87_ARITHMETIC

}  // namespace gnomon::x87
