// Packing, high unpacking, shuffles, shifts by an immediate. SDM Vol. 2.
#include "cpu/fpu/simd.h"
#include "cpu/fpu/simd_instructions.h"
#include "cpu/vector/frame.h"

namespace gnomon::simd {
namespace {

/// Both MMX operands side by side, so that packing treats them as one.
Vector128 joined(Vector128 a, Vector128 b) { return _mm_unpacklo_epi64(a, b); }
Vector128 high_half(Vector128 a) { return _mm_srli_epi64(a, 32); }

}  // namespace

/// `plain` on XMM registers, `half` on the low halves that stand for MMX registers.
#define GNOMON_TWO_WIDTHS(Name, plain, half)                             \
    struct Name : Rearranging {                                          \
        static Vector128 run(Vector128 a, Vector128 b) { return plain; } \
    };                                                                   \
    template void build_binary<Name>(const Decoded&, Instruction&);      \
    struct Name##Mmx : Integer {                                         \
        static Vector128 run(Vector128 a, Vector128 b) { return half; }  \
    };                                                                   \
    template void build_mmx<Name##Mmx>(const Decoded&, Instruction&)

GNOMON_TWO_WIDTHS(Packsswb, _mm_packs_epi16(a, b), _mm_packs_epi16(joined(a, b), _mm_setzero_si128()));
GNOMON_TWO_WIDTHS(Packssdw, _mm_packs_epi32(a, b), _mm_packs_epi32(joined(a, b), _mm_setzero_si128()));
GNOMON_TWO_WIDTHS(Packuswb, _mm_packus_epi16(a, b), _mm_packus_epi16(joined(a, b), _mm_setzero_si128()));
GNOMON_TWO_WIDTHS(Punpckhbw, _mm_unpackhi_epi8(a, b), _mm_unpacklo_epi8(high_half(a), high_half(b)));
GNOMON_TWO_WIDTHS(Punpckhwd, _mm_unpackhi_epi16(a, b), _mm_unpacklo_epi16(high_half(a), high_half(b)));
GNOMON_TWO_WIDTHS(Punpckhdq, _mm_unpackhi_epi32(a, b), _mm_unpacklo_epi32(high_half(a), high_half(b)));
#undef GNOMON_TWO_WIDTHS

struct Punpcklqdq : Rearranging {
    static Vector128 run(Vector128 a, Vector128 b) { return _mm_unpacklo_epi64(a, b); }
};
struct Punpckhqdq : Rearranging {
    static Vector128 run(Vector128 a, Vector128 b) { return _mm_unpackhi_epi64(a, b); }
};
template void build_binary<Punpcklqdq>(const Decoded&, Instruction&);
template void build_binary<Punpckhqdq>(const Decoded&, Instruction&);

// ---- shuffles
// -----------------------------------------------------------------------------------------------

namespace {

struct Dwords {
    std::array<i32, 4> lane;
};
GNOMON_INLINE Dwords dwords(Vector128 value) { return std::bit_cast<Dwords>(value); }

/// Four words of `half` in the order that the immediate gives.
GNOMON_INLINE u64 shuffle_words(u64 half, u8 order) {
    const auto word = [&](unsigned n) { return half >> 16 * (order >> 2 * n & 3) & 0xffff; };
    return word(0) | word(1) << 16 | word(2) << 32 | word(3) << 48;
}
GNOMON_INLINE u64 low(Vector128 value) { return static_cast<u64>(_mm_cvtsi128_si64(value)); }
GNOMON_INLINE u64 high(Vector128 value) { return low(_mm_unpackhi_epi64(value, value)); }
GNOMON_INLINE Vector128 both(u64 high_half, u64 low_half) {
    return _mm_set_epi64x(static_cast<i64>(high_half), static_cast<i64>(low_half));
}

}  // namespace

struct Pshufd : Rearranging {
    static Vector128 run(Vector128, Vector128 b, u8 order) {
        const auto [lane] = dwords(b);
        return _mm_set_epi32(lane[order >> 6 & 3], lane[order >> 4 & 3], lane[order >> 2 & 3],
                             lane[order & 3]);
    }
};
struct Pshuflw : Rearranging {
    static Vector128 run(Vector128, Vector128 b, u8 order) {
        return both(high(b), shuffle_words(low(b), order));
    }
};
struct Pshufhw : Rearranging {
    static Vector128 run(Vector128, Vector128 b, u8 order) {
        return both(shuffle_words(high(b), order), low(b));
    }
};
struct Pshufw : Rearranging {
    static Vector128 run(Vector128, Vector128 b, u8 order) { return both(0, shuffle_words(low(b), order)); }
};
struct Shufps : Rearranging {
    static Vector128 run(Vector128 a, Vector128 b, u8 order) {
        const auto [first] = dwords(a);
        const auto [second] = dwords(b);
        return _mm_set_epi32(second[order >> 6 & 3], second[order >> 4 & 3], first[order >> 2 & 3],
                             first[order & 3]);
    }
};
struct Shufpd : Rearranging {
    static Vector128 run(Vector128 a, Vector128 b, u8 order) {
        return both(order & 2 ? high(b) : low(b), order & 1 ? high(a) : low(a));
    }
};
template void build_binary<Pshufd>(const Decoded&, Instruction&);
template void build_binary<Pshuflw>(const Decoded&, Instruction&);
template void build_binary<Pshufhw>(const Decoded&, Instruction&);
template void build_mmx<Pshufw>(const Decoded&, Instruction&);
template void build_binary<Shufps>(const Decoded&, Instruction&);
template void build_binary<Shufpd>(const Decoded&, Instruction&);

// ---- shifts by an immediate
// -----------------------------------------------------------------------------------

namespace {

using Shift = Vector128 (*)(Vector128, Vector128);

/// Counts beyond the width clear (or fill with the sign), as they do in a register.
template<Shift shift>
GNOMON_HANDLER void shift_r(Cpu* c, const Instruction* i, u64 ip, u64 r, u64 s, u64 k) {
    put(*c, i->rm, shift(get(*c, i->rm), _mm_cvtsi32_si128(static_cast<u8>(i->imm))));
    GNOMON_TAIL next(c, i, ip, r, s, k);
}

template<Shift shift>
Outcome shift_mmx(Cpu& c, const Instruction& i) {
    Outcome out;
    if (!begin_mmx(c, out)) return out;
    enter_mmx(c);
    const Vector128 value = _mm_cvtsi64_si128(static_cast<i64>(get_mm(c, i.rm)));
    put_mm(c, i.rm, low(shift(value, _mm_cvtsi32_si128(static_cast<u8>(i.imm)))));
    return Outcome::Next;
}

template<Shift shift>
GNOMON_HANDLER void shift_mmx_r(Cpu* c, const Instruction* i, u64 ip, u64 r, u64 s, u64 k) {
    if (x87_pending(*c)) [[unlikely]]
        GNOMON_TAIL call<&shift_mmx<shift>>(c, i, ip, r, s, k);
    enter_mmx(*c);
    const Vector128 value = _mm_cvtsi64_si128(static_cast<i64>(get_mm(*c, i->rm)));
    put_mm(*c, i->rm, low(shift(value, _mm_cvtsi32_si128(static_cast<u8>(i->imm)))));
    GNOMON_TAIL next(c, i, ip, r, s, k);
}

Vector128 psrlw(Vector128 a, Vector128 n) { return _mm_srl_epi16(a, n); }
Vector128 psrld(Vector128 a, Vector128 n) { return _mm_srl_epi32(a, n); }
Vector128 psrlq(Vector128 a, Vector128 n) { return _mm_srl_epi64(a, n); }
Vector128 psraw(Vector128 a, Vector128 n) { return _mm_sra_epi16(a, n); }
Vector128 psrad(Vector128 a, Vector128 n) { return _mm_sra_epi32(a, n); }
Vector128 psllw(Vector128 a, Vector128 n) { return _mm_sll_epi16(a, n); }
Vector128 pslld(Vector128 a, Vector128 n) { return _mm_sll_epi32(a, n); }
Vector128 psllq(Vector128 a, Vector128 n) { return _mm_sll_epi64(a, n); }
/// By bytes.
Vector128 psrldq(Vector128 a, Vector128 n) {
    const unsigned bits = std::min(static_cast<unsigned>(low(n)), 16u) * 8;
    if (bits >= 64) return both(0, bits == 128 ? 0 : high(a) >> (bits - 64));
    return bits ? both(high(a) >> bits, low(a) >> bits | high(a) << (64 - bits)) : a;
}
Vector128 pslldq(Vector128 a, Vector128 n) {
    const unsigned bits = std::min(static_cast<unsigned>(low(n)), 16u) * 8;
    if (bits >= 64) return both(bits == 128 ? 0 : low(a) << (bits - 64), 0);
    return bits ? both(high(a) << bits | low(a) >> (64 - bits), low(a) << bits) : a;
}

}  // namespace

/// Group 12 to 14: /2 right, /4 right with sign, /6 left, /3 and /7 by bytes.
void build_shift_words(const Decoded& d, Instruction& insn) {
    insn.handler = (d.modrm >> 3 & 7) == 2   ? &shift_r<&psrlw>
                   : (d.modrm >> 3 & 7) == 4 ? &shift_r<&psraw>
                                             : &shift_r<&psllw>;
}
void build_shift_dwords(const Decoded& d, Instruction& insn) {
    insn.handler = (d.modrm >> 3 & 7) == 2   ? &shift_r<&psrld>
                   : (d.modrm >> 3 & 7) == 4 ? &shift_r<&psrad>
                                             : &shift_r<&pslld>;
}
void build_shift_qwords(const Decoded& d, Instruction& insn) {
    switch (d.modrm >> 3 & 7) {
        case 2: insn.handler = &shift_r<&psrlq>; break;
        case 3: insn.handler = &shift_r<&psrldq>; break;
        case 6: insn.handler = &shift_r<&psllq>; break;
        default: insn.handler = &shift_r<&pslldq>; break;
    }
}
void build_shift_words_mmx(const Decoded& d, Instruction& insn) {
    insn.handler = (d.modrm >> 3 & 7) == 2   ? &shift_mmx_r<&psrlw>
                   : (d.modrm >> 3 & 7) == 4 ? &shift_mmx_r<&psraw>
                                             : &shift_mmx_r<&psllw>;
}
void build_shift_dwords_mmx(const Decoded& d, Instruction& insn) {
    insn.handler = (d.modrm >> 3 & 7) == 2   ? &shift_mmx_r<&psrld>
                   : (d.modrm >> 3 & 7) == 4 ? &shift_mmx_r<&psrad>
                                             : &shift_mmx_r<&pslld>;
}
void build_shift_qwords_mmx(const Decoded& d, Instruction& insn) {
    insn.handler = (d.modrm >> 3 & 7) == 2 ? &shift_mmx_r<&psrlq> : &shift_mmx_r<&psllq>;
}

}  // namespace gnomon::simd

namespace gnomon::vec {

// In VEX and EVEX encodings.
template void build<simd::Packssdw>(const Decoded&, Instruction&);
template void build<simd::Packsswb>(const Decoded&, Instruction&);
template void build<simd::Packuswb>(const Decoded&, Instruction&);
template void build<simd::Pshufd>(const Decoded&, Instruction&);
template void build<simd::Pshufhw>(const Decoded&, Instruction&);
template void build<simd::Pshuflw>(const Decoded&, Instruction&);
template void build<simd::Punpckhbw>(const Decoded&, Instruction&);
template void build<simd::Punpckhdq>(const Decoded&, Instruction&);
template void build<simd::Punpckhqdq>(const Decoded&, Instruction&);
template void build<simd::Punpckhwd>(const Decoded&, Instruction&);
template void build<simd::Punpcklqdq>(const Decoded&, Instruction&);
template void build<simd::Shufps>(const Decoded&, Instruction&);

}  // namespace gnomon::vec
