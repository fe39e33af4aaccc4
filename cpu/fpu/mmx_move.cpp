// MOVD, MOVQ, MOVNTQ, PMOVMSKB, PEXTRW and PINSRW of MMX registers; EMMS. SDM Vol. 2.
#include "cpu/fpu/simd.h"
#include "cpu/fpu/simd_instructions.h"

namespace gnomon::simd {

struct MmxMove : Integer {
    static Vector128 run(Vector128, Vector128 b) { return b; }
};
template void build_mmx<MmxMove>(const Decoded&, Instruction&);

namespace {

Outcome mmx_store_any(Cpu& c, const Instruction& i) {
    Outcome out;
    if (!begin_mmx(c, out)) return out;
    if (!c.store(i, get_mm(c, i.reg))) return Outcome::Fault;
    enter_mmx(c);
    return Outcome::Next;
}

template<Mem form>
GNOMON_HANDLER void mmx_store_m(Cpu* c, const Instruction* i, u64 ip, u64 r, u64 s, u64 k) {
    u8* p = operand_pointer<form, AccessKind::Write>(c, i, ip, 8);
    if (!p || x87_pending(*c)) [[unlikely]]
        GNOMON_TAIL call<&mmx_store_any>(c, i, ip, r, s, k);
    poke(p, get_mm(*c, i->reg));
    enter_mmx(*c);
    GNOMON_TAIL next(c, i, ip, r, s, k);
}

}  // namespace

/// MOVQ and MOVNTQ with the destination in memory, or a register.
void build_mmx_store(const Decoded& d, Instruction& insn) {
    if (d.memory) {
        insn.handler = by_operand_form(d, [](auto form) -> Handler { return &mmx_store_m<form()>; });
    } else {
        std::swap(insn.reg, insn.rm);
        insn.handler = &mmx_rr<MmxMove>;
    }
}

Outcome movd_to_mmx(Cpu& c, const Instruction& i) {
    Outcome out;
    if (!begin_mmx(c, out)) return out;
    u64 value = 0;
    u32 low = 0;
    const bool wide = i.prefix & prefix::kOperand64;
    if (wide ? !c.load_rm(i, value) : !c.load_rm(i, low)) return Outcome::Fault;
    enter_mmx(c);
    put_mm(c, i.reg, wide ? value : low);
    return Outcome::Next;
}

Outcome movd_from_mmx(Cpu& c, const Instruction& i) {
    Outcome out;
    if (!begin_mmx(c, out)) return out;
    const u64 value = get_mm(c, i.reg);
    if (i.prefix & prefix::kOperand64 ? !c.store_rm(i, value) : !c.store_rm(i, static_cast<u32>(value))) return Outcome::Fault;
    enter_mmx(c);
    return Outcome::Next;
}

Outcome pmovmskb_mmx(Cpu& c, const Instruction& i) {
    Outcome out;
    if (!begin_mmx(c, out)) return out;
    enter_mmx(c);
    c.put_at<u32>(i.reg,
                  static_cast<u32>(_mm_movemask_epi8(_mm_cvtsi64_si128(static_cast<i64>(get_mm(c, i.rm))))));
    return Outcome::Next;
}

Outcome pextrw_mmx(Cpu& c, const Instruction& i) {
    Outcome out;
    if (!begin_mmx(c, out)) return out;
    enter_mmx(c);
    c.put_at<u32>(i.reg, static_cast<u16>(get_mm(c, i.rm) >> 16 * (i.imm & 3)));
    return Outcome::Next;
}

Outcome pinsrw_mmx(Cpu& c, const Instruction& i) {
    Outcome out;
    if (!begin_mmx(c, out)) return out;
    u16 value;
    if (!c.load_rm(i, value)) return Outcome::Fault;
    enter_mmx(c);
    const unsigned shift = 16 * (i.imm & 3);
    put_mm(c, i.reg, (get_mm(c, i.reg) & ~(u64{0xffff} << shift)) | u64{value} << shift);
    return Outcome::Next;
}

/// All registers are empty again, with the top at 0.
Outcome emms(Cpu& c, const Instruction&) {
    Outcome out;
    if (!begin_mmx(c, out)) return out;
    enter_mmx(c);
    c.state.fpu.valid = 0;
    return Outcome::Next;
}

}  // namespace gnomon::simd
