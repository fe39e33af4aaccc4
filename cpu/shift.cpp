// Shifts and rotates by 1, an immediate or CL; SHLD and SHRD. SDM Vol. 2, "SAL/SAR/SHL/SHR", "RCL/RCR/ROL/ROR", "SHLD", "SHRD".
#include "cpu/alu_forms.h"

namespace gnomon {
namespace {

/// Where the count comes from.
enum class Count : u8 { Immediate, CL };

/// Counts are masked to 5 bits, 6 for 64-bit operands.
template <class T>
inline constexpr unsigned kCountMask = sizeof(T) == 8 ? 63 : 31;

template <Count source, class T>
GNOMON_INLINE unsigned count_of(const Cpu* c, const Instruction* i) {
    return (source == Count::CL ? static_cast<unsigned>(c->state.gpr[reg::CX]) : static_cast<unsigned>(i->imm)) & kCountMask<T>;
}

template <class Op, class T, Count source>
Outcome shift_memory(Cpu& c, const Instruction& i) {
    const u64 offset = c.effective_address(i);
    LazyFlags f = c.lazy;
    const unsigned count = count_of<source, T>(&c, &i);
    if (!c.update<T>(i.segment, offset, [&](T a) { return Op::template run<T>(a, count, f.result, f.source, f.kind); })) return Outcome::Fault;
    c.lazy = f;
    return Outcome::Next;
}

template <class Op, class T, Count source, bool quiet>
GNOMON_HANDLER void shift_r(Cpu* c, const Instruction* i, u64 ip, u64 r, u64 s, u64 k) {
    const unsigned count = count_of<source, T>(c, i);
    const T a = c->get_at<T>(i->rm);
    if constexpr (quiet) c->put_at<T>(i->rm, Op::template quiet<T>(a, count));
    else c->put_at<T>(i->rm, Op::template run<T>(a, count, r, s, k));
    GNOMON_TAIL next(c, i, ip, r, s, k);
}

template <class Op, class T, Count source, Mem form>
GNOMON_HANDLER void shift_m(Cpu* c, const Instruction* i, u64 ip, u64 r, u64 s, u64 k) {
    u8* p = operand_pointer<form, AccessKind::Write>(c, i, ip, sizeof(T));
    if (!p) [[unlikely]] GNOMON_TAIL call<&shift_memory<Op, T, source>>(c, i, ip, r, s, k);
    poke<T>(p, Op::template run<T>(peek<T>(p), count_of<source, T>(c, i), r, s, k));
    GNOMON_TAIL next(c, i, ip, r, s, k);
}

template <class Op, class T, Count source>
Handler shift_handler(const Decoded& d) {
    if (d.memory) return by_operand_form<T>(d, [](auto form) -> Handler { return &shift_m<Op, T, source, form()>; });
    if constexpr (requires { Op::template quiet<T>(T{}, 1u); }) {
        if (d.flags_dead) return &shift_r<Op, T, source, true>;
    }
    return &shift_r<Op, T, source, false>;
}

// ---- double precision -------------------------------------------------------------------------------

/// 16-bit operands with counts above 16 are undefined; processors shift the 48-bit string dest:source:dest.
template <class T>
T shift_left_double(T a, T b, unsigned count, u64& r, u64& s, u64& k) {
    if (count == 0) return a;
    constexpr unsigned bits = alu::kBits<T>;
    u64 wide;
    if constexpr (sizeof(T) == 2) wide = (u64{a} << 32 | u64{b} << 16 | a) << count >> 32;
    else wide = static_cast<u64>(((static_cast<unsigned __int128>(a) << bits | b) << count) >> bits);
    const T value = static_cast<T>(wide);
    bool carry;
    if constexpr (sizeof(T) == 8) carry = a >> (bits - count) & 1;
    else carry = wide >> bits & 1;
    s = alu::carry_overflow(carry, (value ^ a) >> (bits - 1) & 1);
    r = sign_extended(value);
    k = alu::kResultKind;
    return value;
}

template <class T>
T shift_right_double(T a, T b, unsigned count, u64& r, u64& s, u64& k) {
    if (count == 0) return a;
    constexpr unsigned bits = alu::kBits<T>;
    unsigned __int128 wide = static_cast<unsigned __int128>(b) << bits | a;
    if constexpr (sizeof(T) == 2) wide |= static_cast<unsigned __int128>(a) << 32;
    const T value = static_cast<T>(wide >> count);
    s = alu::carry_overflow(static_cast<bool>(wide >> (count - 1) & 1), (value ^ a) >> (bits - 1) & 1);
    r = sign_extended(value);
    k = alu::kResultKind;
    return value;
}

template <class T, bool left, bool by_cl>
Outcome shift_double(Cpu& c, const Instruction& i) {
    const unsigned count = (by_cl ? c.get<u8>(reg::CX) : static_cast<unsigned>(i.imm)) & kCountMask<T>;
    const u64 offset = i.in_memory() ? c.effective_address(i) : 0;
    T a = c.get_at<T>(i.rm);
    if (i.in_memory() && !c.read_for_write(i.segment, offset, a)) return Outcome::Fault;
    LazyFlags f = c.lazy;
    const T b = c.get_at<T>(i.reg);
    const T value = left ? shift_left_double<T>(a, b, count, f.result, f.source, f.kind)
                         : shift_right_double<T>(a, b, count, f.result, f.source, f.kind);
    if (!i.in_memory()) c.put_at<T>(i.rm, value);
    else if (!c.write(i.segment, offset, value)) return Outcome::Fault;
    c.lazy = f;
    return Outcome::Next;
}

template <class T, bool left, bool by_cl>
GNOMON_HANDLER void shift_double_r(Cpu* c, const Instruction* i, u64 ip, u64 r, u64 s, u64 k) {
    const unsigned count = (by_cl ? static_cast<unsigned>(c->state.gpr[reg::CX]) : static_cast<unsigned>(i->imm)) & kCountMask<T>;
    const T a = c->get_at<T>(i->rm);
    const T b = c->get_at<T>(i->reg);
    c->put_at<T>(i->rm, left ? shift_left_double<T>(a, b, count, r, s, k) : shift_right_double<T>(a, b, count, r, s, k));
    GNOMON_TAIL next(c, i, ip, r, s, k);
}

template <bool left>
void build_shift_double(const Decoded& d, Instruction& insn) {
    const bool by_cl = d.row->operands.ends_with("CL");
    insn.handler = by_wide_width(d.operand_bytes, [&](auto zero) -> Handler {
        using T = decltype(zero);
        if (!d.memory) return by_cl ? &shift_double_r<T, left, true> : &shift_double_r<T, left, false>;
        return by_cl ? &call<&shift_double<T, left, true>> : &call<&shift_double<T, left, false>>;
    });
}

}  // namespace

template <class Op>
void build_shift(const Decoded& d, Instruction& insn) {
    const bool by_cl = d.row->operands.ends_with("CL");
    insn.handler = by_width(operand_width(d), [&](auto zero) -> Handler {
        using T = decltype(zero);
        return by_cl ? shift_handler<Op, T, Count::CL>(d) : shift_handler<Op, T, Count::Immediate>(d);
    });
}

template void build_shift<alu::Rol>(const Decoded&, Instruction&);
template void build_shift<alu::Ror>(const Decoded&, Instruction&);
template void build_shift<alu::Rcl>(const Decoded&, Instruction&);
template void build_shift<alu::Rcr>(const Decoded&, Instruction&);
template void build_shift<alu::Shl>(const Decoded&, Instruction&);
template void build_shift<alu::Shr>(const Decoded&, Instruction&);
template void build_shift<alu::Sar>(const Decoded&, Instruction&);

void build_shld(const Decoded& d, Instruction& insn) { build_shift_double<true>(d, insn); }
void build_shrd(const Decoded& d, Instruction& insn) { build_shift_double<false>(d, insn); }

}  // namespace gnomon
