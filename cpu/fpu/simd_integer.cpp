// Arithmetic and logic of MMX and SSE2 integers. SDM Vol. 2.
#include "cpu/fpu/simd.h"
#include "cpu/fpu/simd_instructions.h"
#include "cpu/vector/frame.h"

namespace gnomon::simd {

struct Pmaxub : Integer {
    static Vector128 run(Vector128 a, Vector128 b) { return _mm_max_epu8(a, b); }
};
struct Pandn : Integer {
    static Vector128 run(Vector128 a, Vector128 b) { return _mm_andnot_si128(a, b); }
};
struct Pavgb : Integer {
    static Vector128 run(Vector128 a, Vector128 b) { return _mm_avg_epu8(a, b); }
};
struct Pavgw : Integer {
    static Vector128 run(Vector128 a, Vector128 b) { return _mm_avg_epu16(a, b); }
};
struct Pmulhuw : Integer {
    static Vector128 run(Vector128 a, Vector128 b) { return _mm_mulhi_epu16(a, b); }
};
struct Pmulhw : Integer {
    static Vector128 run(Vector128 a, Vector128 b) { return _mm_mulhi_epi16(a, b); }
};
struct Psubsb : Integer {
    static Vector128 run(Vector128 a, Vector128 b) { return _mm_subs_epi8(a, b); }
};
struct Psubsw : Integer {
    static Vector128 run(Vector128 a, Vector128 b) { return _mm_subs_epi16(a, b); }
};
struct Pminsw : Integer {
    static Vector128 run(Vector128 a, Vector128 b) { return _mm_min_epi16(a, b); }
};
struct Por : Integer {
    static Vector128 run(Vector128 a, Vector128 b) { return _mm_or_si128(a, b); }
};
struct Paddsb : Integer {
    static Vector128 run(Vector128 a, Vector128 b) { return _mm_adds_epi8(a, b); }
};
struct Paddsw : Integer {
    static Vector128 run(Vector128 a, Vector128 b) { return _mm_adds_epi16(a, b); }
};
struct Pmaxsw : Integer {
    static Vector128 run(Vector128 a, Vector128 b) { return _mm_max_epi16(a, b); }
};
struct Pxor : Integer {
    static Vector128 run(Vector128 a, Vector128 b) { return _mm_xor_si128(a, b); }
};
struct Pmuludq : Integer {
    static Vector128 run(Vector128 a, Vector128 b) { return _mm_mul_epu32(a, b); }
};
struct Pmaddwd : Integer {
    static Vector128 run(Vector128 a, Vector128 b) { return _mm_madd_epi16(a, b); }
};
struct Psadbw : Rearranging {
    static Vector128 run(Vector128 a, Vector128 b) { return _mm_sad_epu8(a, b); }
};
struct Psubb : Integer {
    static Vector128 run(Vector128 a, Vector128 b) { return _mm_sub_epi8(a, b); }
};
struct Psubw : Integer {
    static Vector128 run(Vector128 a, Vector128 b) { return _mm_sub_epi16(a, b); }
};
struct Psubd : Integer {
    static Vector128 run(Vector128 a, Vector128 b) { return _mm_sub_epi32(a, b); }
};
struct Psubq : Integer {
    static Vector128 run(Vector128 a, Vector128 b) { return _mm_sub_epi64(a, b); }
};
struct Paddb : Integer {
    static Vector128 run(Vector128 a, Vector128 b) { return _mm_add_epi8(a, b); }
};
struct Paddw : Integer {
    static Vector128 run(Vector128 a, Vector128 b) { return _mm_add_epi16(a, b); }
};
struct Paddd : Integer {
    static Vector128 run(Vector128 a, Vector128 b) { return _mm_add_epi32(a, b); }
};

#define GNOMON_INTEGER(Op)                                        \
    template void build_binary<Op>(const Decoded&, Instruction&); \
    template void build_mmx<Op>(const Decoded&, Instruction&)
GNOMON_INTEGER(Pmaxub);
GNOMON_INTEGER(Pandn);
GNOMON_INTEGER(Pavgb);
GNOMON_INTEGER(Pavgw);
GNOMON_INTEGER(Pmulhuw);
GNOMON_INTEGER(Pmulhw);
GNOMON_INTEGER(Psubsb);
GNOMON_INTEGER(Psubsw);
GNOMON_INTEGER(Pminsw);
GNOMON_INTEGER(Por);
GNOMON_INTEGER(Paddsb);
GNOMON_INTEGER(Paddsw);
GNOMON_INTEGER(Pmaxsw);
GNOMON_INTEGER(Pxor);
GNOMON_INTEGER(Pmuludq);
GNOMON_INTEGER(Pmaddwd);
GNOMON_INTEGER(Psadbw);
GNOMON_INTEGER(Psubb);
GNOMON_INTEGER(Psubw);
GNOMON_INTEGER(Psubd);
GNOMON_INTEGER(Psubq);
GNOMON_INTEGER(Paddb);
GNOMON_INTEGER(Paddw);
GNOMON_INTEGER(Paddd);
#undef GNOMON_INTEGER

}  // namespace gnomon::simd

namespace gnomon::vec {

// In VEX and EVEX encodings.
template void build<simd::Paddb>(const Decoded&, Instruction&);
template void build<simd::Paddd>(const Decoded&, Instruction&);
template void build<simd::Paddsb>(const Decoded&, Instruction&);
template void build<simd::Paddsw>(const Decoded&, Instruction&);
template void build<simd::Paddw>(const Decoded&, Instruction&);
template void build<simd::Pandn>(const Decoded&, Instruction&);
template void build<simd::Pavgb>(const Decoded&, Instruction&);
template void build<simd::Pavgw>(const Decoded&, Instruction&);
template void build<simd::Pmaddwd>(const Decoded&, Instruction&);
template void build<simd::Pmaxsw>(const Decoded&, Instruction&);
template void build<simd::Pmaxub>(const Decoded&, Instruction&);
template void build<simd::Pminsw>(const Decoded&, Instruction&);
template void build<simd::Pmulhuw>(const Decoded&, Instruction&);
template void build<simd::Pmulhw>(const Decoded&, Instruction&);
template void build<simd::Pmuludq>(const Decoded&, Instruction&);
template void build<simd::Por>(const Decoded&, Instruction&);
template void build<simd::Psadbw>(const Decoded&, Instruction&);
template void build<simd::Psubb>(const Decoded&, Instruction&);
template void build<simd::Psubd>(const Decoded&, Instruction&);
template void build<simd::Psubq>(const Decoded&, Instruction&);
template void build<simd::Psubsb>(const Decoded&, Instruction&);
template void build<simd::Psubsw>(const Decoded&, Instruction&);
template void build<simd::Psubw>(const Decoded&, Instruction&);
template void build<simd::Pxor>(const Decoded&, Instruction&);

}  // namespace gnomon::vec
