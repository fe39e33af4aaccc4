// Unpacking, comparison, shifts and the plain sums of MMX and SSE2 integers. SDM Vol. 2.
#include "cpu/fpu/simd.h"
#include "cpu/fpu/simd_instructions.h"
#include "cpu/vector/frame.h"

namespace gnomon::simd {

struct Punpcklbw : Rearranging {
    static constexpr unsigned kMmxBytes = 4;
    static Vector128 run(Vector128 a, Vector128 b) { return _mm_unpacklo_epi8(a, b); }
};
struct Punpcklwd : Rearranging {
    static constexpr unsigned kMmxBytes = 4;
    static Vector128 run(Vector128 a, Vector128 b) { return _mm_unpacklo_epi16(a, b); }
};
struct Punpckldq : Rearranging {
    static constexpr unsigned kMmxBytes = 4;
    static Vector128 run(Vector128 a, Vector128 b) { return _mm_unpacklo_epi32(a, b); }
};
struct Pcmpgtb : Integer {
    static Vector128 run(Vector128 a, Vector128 b) { return _mm_cmpgt_epi8(a, b); }
};
struct Pcmpgtw : Integer {
    static Vector128 run(Vector128 a, Vector128 b) { return _mm_cmpgt_epi16(a, b); }
};
struct Pcmpgtd : Integer {
    static Vector128 run(Vector128 a, Vector128 b) { return _mm_cmpgt_epi32(a, b); }
};
struct Pcmpeqb : Integer {
    static Vector128 run(Vector128 a, Vector128 b) { return _mm_cmpeq_epi8(a, b); }
};
struct Pcmpeqw : Integer {
    static Vector128 run(Vector128 a, Vector128 b) { return _mm_cmpeq_epi16(a, b); }
};
struct Pcmpeqd : Integer {
    static Vector128 run(Vector128 a, Vector128 b) { return _mm_cmpeq_epi32(a, b); }
};
struct Psrlw : Integer {
    static Vector128 run(Vector128 a, Vector128 b) { return _mm_srl_epi16(a, b); }
};
struct Psrld : Integer {
    static Vector128 run(Vector128 a, Vector128 b) { return _mm_srl_epi32(a, b); }
};
struct Psrlq : Integer {
    static Vector128 run(Vector128 a, Vector128 b) { return _mm_srl_epi64(a, b); }
};
struct Psraw : Integer {
    static Vector128 run(Vector128 a, Vector128 b) { return _mm_sra_epi16(a, b); }
};
struct Psrad : Integer {
    static Vector128 run(Vector128 a, Vector128 b) { return _mm_sra_epi32(a, b); }
};
struct Psllw : Integer {
    static Vector128 run(Vector128 a, Vector128 b) { return _mm_sll_epi16(a, b); }
};
struct Pslld : Integer {
    static Vector128 run(Vector128 a, Vector128 b) { return _mm_sll_epi32(a, b); }
};
struct Psllq : Integer {
    static Vector128 run(Vector128 a, Vector128 b) { return _mm_sll_epi64(a, b); }
};
struct Paddq : Integer {
    static Vector128 run(Vector128 a, Vector128 b) { return _mm_add_epi64(a, b); }
};
struct Pmullw : Integer {
    static Vector128 run(Vector128 a, Vector128 b) { return _mm_mullo_epi16(a, b); }
};
struct Psubusb : Integer {
    static Vector128 run(Vector128 a, Vector128 b) { return _mm_subs_epu8(a, b); }
};
struct Psubusw : Integer {
    static Vector128 run(Vector128 a, Vector128 b) { return _mm_subs_epu16(a, b); }
};
struct Pminub : Integer {
    static Vector128 run(Vector128 a, Vector128 b) { return _mm_min_epu8(a, b); }
};
struct Pand : Integer {
    static Vector128 run(Vector128 a, Vector128 b) { return _mm_and_si128(a, b); }
};
struct Paddusb : Integer {
    static Vector128 run(Vector128 a, Vector128 b) { return _mm_adds_epu8(a, b); }
};
struct Paddusw : Integer {
    static Vector128 run(Vector128 a, Vector128 b) { return _mm_adds_epu16(a, b); }
};

#define GNOMON_INTEGER(Op)                                        \
    template void build_binary<Op>(const Decoded&, Instruction&); \
    template void build_mmx<Op>(const Decoded&, Instruction&)
GNOMON_INTEGER(Punpcklbw);
GNOMON_INTEGER(Punpcklwd);
GNOMON_INTEGER(Punpckldq);
GNOMON_INTEGER(Pcmpgtb);
GNOMON_INTEGER(Pcmpgtw);
GNOMON_INTEGER(Pcmpgtd);
GNOMON_INTEGER(Pcmpeqb);
GNOMON_INTEGER(Pcmpeqw);
GNOMON_INTEGER(Pcmpeqd);
GNOMON_INTEGER(Psrlw);
GNOMON_INTEGER(Psrld);
GNOMON_INTEGER(Psrlq);
GNOMON_INTEGER(Psraw);
GNOMON_INTEGER(Psrad);
GNOMON_INTEGER(Psllw);
GNOMON_INTEGER(Pslld);
GNOMON_INTEGER(Psllq);
GNOMON_INTEGER(Paddq);
GNOMON_INTEGER(Pmullw);
GNOMON_INTEGER(Psubusb);
GNOMON_INTEGER(Psubusw);
GNOMON_INTEGER(Pminub);
GNOMON_INTEGER(Pand);
GNOMON_INTEGER(Paddusb);
GNOMON_INTEGER(Paddusw);
#undef GNOMON_INTEGER

}  // namespace gnomon::simd

namespace gnomon::vec {

// In VEX and EVEX encodings.
template void build<simd::Paddq>(const Decoded&, Instruction&);
template void build<simd::Paddusb>(const Decoded&, Instruction&);
template void build<simd::Paddusw>(const Decoded&, Instruction&);
template void build<simd::Pand>(const Decoded&, Instruction&);
template void build<simd::Pcmpeqb>(const Decoded&, Instruction&);
template void build<simd::Pcmpeqd>(const Decoded&, Instruction&);
template void build<simd::Pcmpeqw>(const Decoded&, Instruction&);
template void build<simd::Pcmpgtb>(const Decoded&, Instruction&);
template void build<simd::Pcmpgtd>(const Decoded&, Instruction&);
template void build<simd::Pcmpgtw>(const Decoded&, Instruction&);
template void build<simd::Pminub>(const Decoded&, Instruction&);
template void build<simd::Pmullw>(const Decoded&, Instruction&);
template void build<simd::Psubusb>(const Decoded&, Instruction&);
template void build<simd::Psubusw>(const Decoded&, Instruction&);
template void build<simd::Punpcklbw>(const Decoded&, Instruction&);
template void build<simd::Punpckldq>(const Decoded&, Instruction&);
template void build<simd::Punpcklwd>(const Decoded&, Instruction&);

}  // namespace gnomon::vec
