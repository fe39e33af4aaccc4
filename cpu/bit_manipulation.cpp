// Counts of bits: POPCNT, LZCNT, TZCNT. SDM Vol. 2.
#include "cpu/alu_forms.h"

namespace gnomon {
namespace {

/// All flags but ZF are cleared.
struct PopCount {
    template <class T>
    static GNOMON_INLINE T run(T a, u64& flags) {
        flags = a == 0 ? flag::ZF : 0;
        return static_cast<T>(std::popcount(a));
    }
};

/// CF: the source is zero; ZF: the result is. The others are undefined and cleared.
struct LeadingZeros {
    template <class T>
    static GNOMON_INLINE T run(T a, u64& flags) {
        const T value = static_cast<T>(std::countl_zero(a));
        flags = (a == 0 ? flag::CF : 0) | (value == 0 ? flag::ZF : 0);
        return value;
    }
};

struct TrailingZeros {
    template <class T>
    static GNOMON_INLINE T run(T a, u64& flags) {
        const T value = static_cast<T>(std::countr_zero(a));
        flags = (a == 0 ? flag::CF : 0) | (value == 0 ? flag::ZF : 0);
        return value;
    }
};

template <class Op, class T>
Outcome count_memory(Cpu& c, const Instruction& i) {
    T value;
    if (!c.load(i, value)) return Outcome::Fault;
    u64 flags;
    c.put_at<T>(i.reg, Op::template run<T>(value, flags));
    c.set_arithmetic_flags(static_cast<u32>(flags));
    return Outcome::Next;
}

template <class Op, class T>
GNOMON_HANDLER void count_r(Cpu* c, const Instruction* i, u64 ip, u64 r, u64 s, u64 k) {
    c->put_at<T>(i->reg, Op::template run<T>(c->get_at<T>(i->rm), r));
    s = 0;
    k = 0;
    GNOMON_TAIL next(c, i, ip, r, s, k);
}

template <class Op>
void build_count(const Decoded& d, Instruction& insn) {
    insn.handler = by_wide_width(d.operand_bytes, [&](auto zero) -> Handler {
        using T = decltype(zero);
        return d.memory ? &call<&count_memory<Op, T>> : &count_r<Op, T>;
    });
}

}  // namespace

void build_popcnt(const Decoded& d, Instruction& insn) { build_count<PopCount>(d, insn); }
void build_lzcnt(const Decoded& d, Instruction& insn) { build_count<LeadingZeros>(d, insn); }
void build_tzcnt(const Decoded& d, Instruction& insn) { build_count<TrailingZeros>(d, insn); }

}  // namespace gnomon
