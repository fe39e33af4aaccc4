// The frame of comparisons that set an opmask. SDM Vol. 1, "Programming with Intel AVX-512".
#pragma once

#include "cpu/vector/frame.h"

namespace gnomon::vec {

/// K ← op(H, W): elements that the writemask does not select give 0.
template<class Op>
Outcome execute_mask(Cpu& c, const Instruction& i) {
    const Operands o = operands(i);
    Arguments v;
    v.bytes = o.bytes;
    v.imm = o.imm;
    v.active = active_elements(c, o);
    const bool needed = !Op::kScalar || !i.in_memory() || (v.active & 1);
    if (needed && !load_source(c, i, o, v.active, Op::kScalar || kReadsAll<Op>, v.b)) return Outcome::Fault;
    v.a = vector(c, o.source);
    u64 mask = 0;
    if constexpr (Op::kMxcsr) {
        if (!floating(c, o, [&] { mask = Op::compare(v); })) return Outcome::Fault;
    } else {
        mask = Op::compare(v);
    }
    c.state.fpu.opmasks[i.reg & 7] = mask & v.active & low_bits(o.bytes / o.element);
    return Outcome::Next;
}
template<class Op>
void build_mask(const Decoded& d, Instruction& insn) {
    if (prepare(d, insn)) insn.handler = &call<&execute_mask<Op>>;
}

}  // namespace gnomon::vec
