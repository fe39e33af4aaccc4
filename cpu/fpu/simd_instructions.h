// The MMX and SSE instructions as Builds and functions; rows/mmx.h and rows/sse.h give them their opcodes.
#pragma once

#include "cpu/out_of_line.h"

namespace gnomon::simd {

// What instructions of the common shapes compute: simd_integer.cpp, simd_compare_shift.cpp, simd_shuffle.cpp,
// sse_arithmetic.cpp, sse_move.cpp, sse_convert.cpp, mmx_move.cpp.
// clang-format off
struct Punpcklbw; struct Punpcklwd; struct Punpckldq; struct Pcmpgtb; struct Pcmpgtw; struct Pcmpgtd; struct Pcmpeqb;
struct Pcmpeqw; struct Pcmpeqd; struct Psrlw; struct Psrld; struct Psrlq; struct Psraw; struct Psrad; struct Psllw; struct Pslld;
struct Psllq; struct Paddq; struct Pmullw; struct Psubusb; struct Psubusw; struct Pminub; struct Pand; struct Paddusb;
struct Paddusw; struct Pmaxub; struct Pandn; struct Pavgb; struct Pavgw; struct Pmulhuw; struct Pmulhw; struct Psubsb;
struct Psubsw; struct Pminsw; struct Por; struct Paddsb; struct Paddsw; struct Pmaxsw; struct Pxor; struct Pmuludq;
struct Pmaddwd; struct Psadbw; struct Psubb; struct Psubw; struct Psubd; struct Psubq; struct Paddb; struct Paddw; struct Paddd;
struct Addps; struct Addpd; struct Addss; struct Addsd; struct Mulps; struct Mulpd; struct Mulss; struct Mulsd; struct Subps;
struct Subpd; struct Subss; struct Subsd; struct Minps; struct Minpd; struct Minss; struct Minsd; struct Divps; struct Divpd;
struct Divss; struct Divsd; struct Maxps; struct Maxpd; struct Maxss; struct Maxsd; struct Sqrtps; struct Sqrtpd; struct Sqrtss;
struct Sqrtsd; struct Rcpps; struct Rcpss; struct Rsqrtps; struct Rsqrtss; struct Ucomiss; struct Comiss; struct Ucomisd;
struct Comisd; struct Packsswb; struct Packssdw; struct Packuswb; struct Punpckhbw; struct Punpckhwd; struct Punpckhdq;
struct PacksswbMmx; struct PackssdwMmx; struct PackuswbMmx; struct PunpckhbwMmx; struct PunpckhwdMmx; struct PunpckhdqMmx;
struct Punpcklqdq; struct Punpckhqdq; struct Pshufd; struct Pshuflw; struct Pshufhw; struct Pshufw; struct Shufps; struct Shufpd;
struct Move; struct MoveUnaligned; struct Movss; struct Movsd; struct Movq; struct Movlps; struct Movhps; struct MmxMove;
struct Cvtps2pd; struct Cvtpd2ps; struct Cvtss2sd; struct Cvtsd2ss; struct Cvtdq2ps; struct Cvtps2dq; struct Cvttps2dq;
struct Cvtdq2pd; struct Cvtpd2dq; struct Cvttpd2dq; struct Cvtsi2ss; struct Cvtsi2sd; struct Cvtss2si; struct Cvttss2si;
struct Cvtsd2si; struct Cvttsd2si; struct Cvtpi2ps; struct Cvtpi2pd; struct Cvtps2pi; struct Cvttps2pi; struct Cvtpd2pi;
struct Cvttpd2pi;
// clang-format on
template<u8 predicate>
struct Cmpps;
template<u8 predicate>
struct Cmppd;
template<u8 predicate>
struct Cmpss;
template<u8 predicate>
struct Cmpsd;

template<class Op>
void build_binary(const Decoded& d, Instruction& insn);  ///< V ← V op W
template<class Op>
void build_mmx(const Decoded& d, Instruction& insn);  ///< P ← P op Q
/// W ← V; `bytes` of the register from byte `first`.
template<class Between, unsigned bytes, bool aligned, unsigned first>
void build_store(const Decoded& d, Instruction& insn);
template<template<u8> class Compare>
void build_compare(const Decoded& d, Instruction& insn);
template<class Op>
void build_flags(const Decoded& d, Instruction& insn);  ///< COMISS and relatives
template<class Op>
void build_from_integer(const Decoded& d, Instruction& insn);  ///< CVTSI2SS, CVTSI2SD
template<class Op>
void build_to_integer(const Decoded& d, Instruction& insn);  ///< CVTSS2SI and relatives
template<class Op>
Outcome from_mmx(Cpu& cpu, const Instruction& insn);  ///< CVTPI2PS, CVTPI2PD
template<class Op>
Outcome to_mmx(Cpu& cpu, const Instruction& insn);  ///< CVTPS2PI and relatives

// simd_shuffle.cpp
void build_shift_words(const Decoded& d, Instruction& insn);
void build_shift_dwords(const Decoded& d, Instruction& insn);
void build_shift_qwords(const Decoded& d, Instruction& insn);
void build_shift_words_mmx(const Decoded& d, Instruction& insn);
void build_shift_dwords_mmx(const Decoded& d, Instruction& insn);
void build_shift_qwords_mmx(const Decoded& d, Instruction& insn);

// sse_move.cpp
void build_movd_load(const Decoded& d, Instruction& insn);
void build_movd_store(const Decoded& d, Instruction& insn);
void build_pmovmskb(const Decoded& d, Instruction& insn);
void build_movmskps(const Decoded& d, Instruction& insn);
void build_movmskpd(const Decoded& d, Instruction& insn);
void build_pextrw(const Decoded& d, Instruction& insn);
Outcome pinsrw(Cpu& cpu, const Instruction& insn);
Outcome movq2dq(Cpu& cpu, const Instruction& insn);
Outcome movdq2q(Cpu& cpu, const Instruction& insn);
Outcome maskmovdqu(Cpu& cpu, const Instruction& insn);
Outcome maskmovq(Cpu& cpu, const Instruction& insn);
void build_movnti(const Decoded& d, Instruction& insn);
void build_fence(const Decoded& d, Instruction& insn);  ///< fences and prefetches
Outcome clflush(Cpu& cpu, const Instruction& insn);

// mmx_move.cpp
void build_mmx_store(const Decoded& d, Instruction& insn);
Outcome movd_to_mmx(Cpu& cpu, const Instruction& insn);
Outcome movd_from_mmx(Cpu& cpu, const Instruction& insn);
Outcome pmovmskb_mmx(Cpu& cpu, const Instruction& insn);
Outcome pextrw_mmx(Cpu& cpu, const Instruction& insn);
Outcome pinsrw_mmx(Cpu& cpu, const Instruction& insn);
Outcome emms(Cpu& cpu, const Instruction& insn);

// ---- traps, decided when an instruction is decoded
// -------------------------------------------------------------

Outcome not_available(Cpu& cpu, const Instruction& insn);  ///< #NM
Outcome undefined(Cpu& cpu, const Instruction& insn);      ///< #UD

template<Build build>
void mmx(const Decoded& d, Instruction& insn) {
    if (d.mode & mode::kMmxUndefined)
        insn.handler = &call<&undefined>;
    else if (d.mode & mode::kSimdTrap)
        insn.handler = &call<&not_available>;
    else
        build(d, insn);
}
template<Build build>
void sse(const Decoded& d, Instruction& insn) {
    if (d.mode & mode::kSseUndefined)
        insn.handler = &call<&undefined>;
    else if (d.mode & mode::kSimdTrap)
        insn.handler = &call<&not_available>;
    else
        build(d, insn);
}
/// FXSAVE and FXRSTOR: #NM for CR0.EM and CR0.TS.
template<Build build>
void state_save(const Decoded& d, Instruction& insn) {
    if (d.mode & mode::kFpuTrap)
        insn.handler = &call<&not_available>;
    else
        build(d, insn);
}
template<Execute execute>
inline constexpr Build mmx_plain = mmx<out_of_line<execute>>;
template<Execute execute>
inline constexpr Build sse_plain = sse<out_of_line<execute>>;

}  // namespace gnomon::simd
