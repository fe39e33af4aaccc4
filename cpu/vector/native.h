// Operations that an x86-64 host with AVX2 or AVX-512 does by one instruction of its own, on whole vectors of the guest's length.
// All other hosts, and all other operations, go lane by lane (frame.h). The instructions are named to the assembler, so that no part
// of the program is compiled for a host that may not be there. SDM Vol. 2, "Instruction Set Reference".
#pragma once

#include "cpu/vector/host_features.h"
#include "cpu/vector/instructions.h"

namespace gnomon::vec {

/// The instruction set that a native operation needs beside AVX2 (up to 32 bytes) or AVX-512 F, BW, DQ and VL (64 bytes).
enum class NativeSet : u8 { Base, Fma, Aes };

/// `width`: bytes of the vector, 0 for a legacy encoding.
[[nodiscard]] inline bool host_has(NativeSet set, unsigned width) {
    const host::Features& f = host::features();
    if (width == 64 ? !f.avx512 : !f.avx2) return false;
    switch (set) {
        case NativeSet::Base: return true;
        case NativeSet::Fma: return f.fma;
        case NativeSet::Aes: return width >= 32 ? f.vaes : f.aes;
    }
    return false;
}

/// What there is for Op: kWidths, a mask of the bits below; kSet; and run<width>(destination, first source, second source or memory,
/// immediate).
template<class Op>
struct Native {
    static constexpr unsigned kWidths = 0;
};
template<class Op>
inline constexpr bool kNative = Native<Op>::kWidths != 0;

inline constexpr unsigned k32 = 4, k64 = 8;
inline constexpr unsigned kWide = k32 | k64;    ///< of 16 bytes frame.h makes SSE2
inline constexpr unsigned kVex = 2 | kWide;
inline constexpr unsigned kAll = 1 | kVex;      ///< legacy encodings too
[[nodiscard]] constexpr unsigned width_bit(unsigned width) { return width == 0 ? 1 : width == 16 ? 2 : width == 32 ? k32 : k64; }

// ---- the assembly --------------------------------------------------------------------------------------------------------
// %0 destination, %1 first source, %2 second, %3 immediate; R names the registers. 128-bit forms leave the upper halves of the host's
// registers zero; after others VZEROUPPER keeps the host's SSE code fast.

// clang-format off
#define GNOMON_STORE_LEGACY "vmovdqu %%xmm0, (%0)"
#define GNOMON_STORE_16 "vmovdqu %%xmm0, (%0); vpxor %%xmm1, %%xmm1, %%xmm1; vmovdqu %%xmm1, 16(%0); vmovdqu %%ymm1, 32(%0)"
#define GNOMON_STORE_32 "vmovdqu %%ymm0, (%0); vpxor %%xmm1, %%xmm1, %%xmm1; vmovdqu %%ymm1, 32(%0); vzeroupper"
#define GNOMON_STORE_64 "vmovdqu64 %%zmm0, (%0); vzeroupper"
/// V ← op(H, W); a shift count for all elements is a W of 16 bytes.
#define GNOMON_TWO(op, R, load) load " (%1), %%" R "0; " op " (%2), %%" R "0, %%" R "0; "
/// V ← op(W).
#define GNOMON_ONE(op, R, load) op " (%2), %%" R "0; "
/// V ← shift of W by the immediate.
#define GNOMON_SHIFT(op, R, load) "vmovd %3, %%xmm1; " load " (%2), %%" R "0; " op " %%xmm1, %%" R "0, %%" R "0; "
/// V ← op(V, H, W).
#define GNOMON_THREE(op, R, load) load " (%0), %%" R "0; " load " (%1), %%" R "1; " op " (%2), %%" R "1, %%" R "0; "
// clang-format on
#define GNOMON_ASM(text) asm volatile(text : : "r"(d), "r"(a), "r"(b), "r"(imm) : "memory", "xmm0", "xmm1")

/// `op512`: the mnemonic of the EVEX form.
#define GNOMON_NATIVE(Op, set, widths, SHAPE, op, op512)                                                                        \
    template<>                                                                                                                  \
    struct Native<Op> {                                                                                                         \
        static constexpr unsigned kWidths = widths;                                                                             \
        static constexpr NativeSet kSet = NativeSet::set;                                                                       \
        template<unsigned width>                                                                                                \
        static void run(u8* d, const u8* a, const u8* b, u32 imm) {                                                             \
            if constexpr (width == 0) GNOMON_ASM(SHAPE(op, "xmm", "vmovdqu") GNOMON_STORE_LEGACY);                              \
            else if constexpr (width == 16) GNOMON_ASM(SHAPE(op, "xmm", "vmovdqu") GNOMON_STORE_16);                            \
            else if constexpr (width == 32) GNOMON_ASM(SHAPE(op, "ymm", "vmovdqu") GNOMON_STORE_32);                            \
            else if constexpr (width == 64) GNOMON_ASM(SHAPE(op512, "zmm", "vmovdqu64") GNOMON_STORE_64);                       \
        }                                                                                                                       \
    }

// ---- SSE2: cpu/fpu/simd_integer.cpp and its neighbours -------------------------------------------------------------

GNOMON_NATIVE(simd::Paddb, Base, kWide, GNOMON_TWO, "vpaddb", "vpaddb");
GNOMON_NATIVE(simd::Paddw, Base, kWide, GNOMON_TWO, "vpaddw", "vpaddw");
GNOMON_NATIVE(simd::Paddd, Base, kWide, GNOMON_TWO, "vpaddd", "vpaddd");
GNOMON_NATIVE(simd::Paddq, Base, kWide, GNOMON_TWO, "vpaddq", "vpaddq");
GNOMON_NATIVE(simd::Psubb, Base, kWide, GNOMON_TWO, "vpsubb", "vpsubb");
GNOMON_NATIVE(simd::Psubw, Base, kWide, GNOMON_TWO, "vpsubw", "vpsubw");
GNOMON_NATIVE(simd::Psubd, Base, kWide, GNOMON_TWO, "vpsubd", "vpsubd");
GNOMON_NATIVE(simd::Psubq, Base, kWide, GNOMON_TWO, "vpsubq", "vpsubq");
GNOMON_NATIVE(simd::Paddsb, Base, kWide, GNOMON_TWO, "vpaddsb", "vpaddsb");
GNOMON_NATIVE(simd::Paddsw, Base, kWide, GNOMON_TWO, "vpaddsw", "vpaddsw");
GNOMON_NATIVE(simd::Paddusb, Base, kWide, GNOMON_TWO, "vpaddusb", "vpaddusb");
GNOMON_NATIVE(simd::Paddusw, Base, kWide, GNOMON_TWO, "vpaddusw", "vpaddusw");
GNOMON_NATIVE(simd::Psubsb, Base, kWide, GNOMON_TWO, "vpsubsb", "vpsubsb");
GNOMON_NATIVE(simd::Psubsw, Base, kWide, GNOMON_TWO, "vpsubsw", "vpsubsw");
GNOMON_NATIVE(simd::Psubusb, Base, kWide, GNOMON_TWO, "vpsubusb", "vpsubusb");
GNOMON_NATIVE(simd::Psubusw, Base, kWide, GNOMON_TWO, "vpsubusw", "vpsubusw");
GNOMON_NATIVE(simd::Pmaxub, Base, kWide, GNOMON_TWO, "vpmaxub", "vpmaxub");
GNOMON_NATIVE(simd::Pmaxsw, Base, kWide, GNOMON_TWO, "vpmaxsw", "vpmaxsw");
GNOMON_NATIVE(simd::Pminub, Base, kWide, GNOMON_TWO, "vpminub", "vpminub");
GNOMON_NATIVE(simd::Pminsw, Base, kWide, GNOMON_TWO, "vpminsw", "vpminsw");
GNOMON_NATIVE(simd::Pavgb, Base, kWide, GNOMON_TWO, "vpavgb", "vpavgb");
GNOMON_NATIVE(simd::Pavgw, Base, kWide, GNOMON_TWO, "vpavgw", "vpavgw");
GNOMON_NATIVE(simd::Pmulhuw, Base, kWide, GNOMON_TWO, "vpmulhuw", "vpmulhuw");
GNOMON_NATIVE(simd::Pmulhw, Base, kWide, GNOMON_TWO, "vpmulhw", "vpmulhw");
GNOMON_NATIVE(simd::Pmullw, Base, kWide, GNOMON_TWO, "vpmullw", "vpmullw");
GNOMON_NATIVE(simd::Pmuludq, Base, kWide, GNOMON_TWO, "vpmuludq", "vpmuludq");
GNOMON_NATIVE(simd::Pmaddwd, Base, kWide, GNOMON_TWO, "vpmaddwd", "vpmaddwd");
GNOMON_NATIVE(simd::Psadbw, Base, kWide, GNOMON_TWO, "vpsadbw", "vpsadbw");
GNOMON_NATIVE(simd::Packsswb, Base, kWide, GNOMON_TWO, "vpacksswb", "vpacksswb");
GNOMON_NATIVE(simd::Packssdw, Base, kWide, GNOMON_TWO, "vpackssdw", "vpackssdw");
GNOMON_NATIVE(simd::Packuswb, Base, kWide, GNOMON_TWO, "vpackuswb", "vpackuswb");
GNOMON_NATIVE(simd::Punpcklbw, Base, kWide, GNOMON_TWO, "vpunpcklbw", "vpunpcklbw");
GNOMON_NATIVE(simd::Punpcklwd, Base, kWide, GNOMON_TWO, "vpunpcklwd", "vpunpcklwd");
GNOMON_NATIVE(simd::Punpckldq, Base, kWide, GNOMON_TWO, "vpunpckldq", "vpunpckldq");
GNOMON_NATIVE(simd::Punpcklqdq, Base, kWide, GNOMON_TWO, "vpunpcklqdq", "vpunpcklqdq");
GNOMON_NATIVE(simd::Punpckhbw, Base, kWide, GNOMON_TWO, "vpunpckhbw", "vpunpckhbw");
GNOMON_NATIVE(simd::Punpckhwd, Base, kWide, GNOMON_TWO, "vpunpckhwd", "vpunpckhwd");
GNOMON_NATIVE(simd::Punpckhdq, Base, kWide, GNOMON_TWO, "vpunpckhdq", "vpunpckhdq");
GNOMON_NATIVE(simd::Punpckhqdq, Base, kWide, GNOMON_TWO, "vpunpckhqdq", "vpunpckhqdq");
GNOMON_NATIVE(simd::Pcmpeqb, Base, k32, GNOMON_TWO, "vpcmpeqb", "vpcmpeqb");
GNOMON_NATIVE(simd::Pcmpeqw, Base, k32, GNOMON_TWO, "vpcmpeqw", "vpcmpeqw");
GNOMON_NATIVE(simd::Pcmpeqd, Base, k32, GNOMON_TWO, "vpcmpeqd", "vpcmpeqd");
GNOMON_NATIVE(simd::Pcmpgtb, Base, k32, GNOMON_TWO, "vpcmpgtb", "vpcmpgtb");
GNOMON_NATIVE(simd::Pcmpgtw, Base, k32, GNOMON_TWO, "vpcmpgtw", "vpcmpgtw");
GNOMON_NATIVE(simd::Pcmpgtd, Base, k32, GNOMON_TWO, "vpcmpgtd", "vpcmpgtd");
GNOMON_NATIVE(simd::Pand, Base, kWide, GNOMON_TWO, "vpand", "vpandq");
GNOMON_NATIVE(simd::Por, Base, kWide, GNOMON_TWO, "vpor", "vporq");
GNOMON_NATIVE(simd::Pxor, Base, kWide, GNOMON_TWO, "vpxor", "vpxorq");
GNOMON_NATIVE(simd::Pandn, Base, kWide, GNOMON_TWO, "vpandn", "vpandnq");
GNOMON_NATIVE(simd::Addps, Base, kWide, GNOMON_TWO, "vaddps", "vaddps");
GNOMON_NATIVE(simd::Addpd, Base, kWide, GNOMON_TWO, "vaddpd", "vaddpd");
GNOMON_NATIVE(simd::Subps, Base, kWide, GNOMON_TWO, "vsubps", "vsubps");
GNOMON_NATIVE(simd::Subpd, Base, kWide, GNOMON_TWO, "vsubpd", "vsubpd");
GNOMON_NATIVE(simd::Mulps, Base, kWide, GNOMON_TWO, "vmulps", "vmulps");
GNOMON_NATIVE(simd::Mulpd, Base, kWide, GNOMON_TWO, "vmulpd", "vmulpd");
GNOMON_NATIVE(simd::Divps, Base, kWide, GNOMON_TWO, "vdivps", "vdivps");
GNOMON_NATIVE(simd::Divpd, Base, kWide, GNOMON_TWO, "vdivpd", "vdivpd");
GNOMON_NATIVE(simd::Minps, Base, kWide, GNOMON_TWO, "vminps", "vminps");
GNOMON_NATIVE(simd::Minpd, Base, kWide, GNOMON_TWO, "vminpd", "vminpd");
GNOMON_NATIVE(simd::Maxps, Base, kWide, GNOMON_TWO, "vmaxps", "vmaxps");
GNOMON_NATIVE(simd::Maxpd, Base, kWide, GNOMON_TWO, "vmaxpd", "vmaxpd");
GNOMON_NATIVE(simd::Sqrtps, Base, kWide, GNOMON_ONE, "vsqrtps", "vsqrtps");
GNOMON_NATIVE(simd::Sqrtpd, Base, kWide, GNOMON_ONE, "vsqrtpd", "vsqrtpd");

// ---- moves and broadcasts: move.cpp, shuffle.cpp -------------------------------------------------------------------

GNOMON_NATIVE(VMove, Base, kVex, GNOMON_ONE, "vmovdqu", "vmovdqu64");
GNOMON_NATIVE(Broadcastb, Base, kVex, GNOMON_ONE, "vpbroadcastb", "vpbroadcastb");
GNOMON_NATIVE(Broadcastw, Base, kVex, GNOMON_ONE, "vpbroadcastw", "vpbroadcastw");
GNOMON_NATIVE(Broadcastd, Base, kVex, GNOMON_ONE, "vpbroadcastd", "vpbroadcastd");
GNOMON_NATIVE(Broadcastq, Base, kVex, GNOMON_ONE, "vpbroadcastq", "vpbroadcastq");
GNOMON_NATIVE(Pmovsxbw, Base, kVex, GNOMON_ONE, "vpmovsxbw", "vpmovsxbw");
GNOMON_NATIVE(Pmovsxbd, Base, kVex, GNOMON_ONE, "vpmovsxbd", "vpmovsxbd");
GNOMON_NATIVE(Pmovsxbq, Base, kVex, GNOMON_ONE, "vpmovsxbq", "vpmovsxbq");
GNOMON_NATIVE(Pmovsxwd, Base, kVex, GNOMON_ONE, "vpmovsxwd", "vpmovsxwd");
GNOMON_NATIVE(Pmovsxwq, Base, kVex, GNOMON_ONE, "vpmovsxwq", "vpmovsxwq");
GNOMON_NATIVE(Pmovsxdq, Base, kVex, GNOMON_ONE, "vpmovsxdq", "vpmovsxdq");
GNOMON_NATIVE(Pmovzxbw, Base, kVex, GNOMON_ONE, "vpmovzxbw", "vpmovzxbw");
GNOMON_NATIVE(Pmovzxbd, Base, kVex, GNOMON_ONE, "vpmovzxbd", "vpmovzxbd");
GNOMON_NATIVE(Pmovzxbq, Base, kVex, GNOMON_ONE, "vpmovzxbq", "vpmovzxbq");
GNOMON_NATIVE(Pmovzxwd, Base, kVex, GNOMON_ONE, "vpmovzxwd", "vpmovzxwd");
GNOMON_NATIVE(Pmovzxwq, Base, kVex, GNOMON_ONE, "vpmovzxwq", "vpmovzxwq");
GNOMON_NATIVE(Pmovzxdq, Base, kVex, GNOMON_ONE, "vpmovzxdq", "vpmovzxdq");

// ---- integers after SSE2: integer.cpp, shuffle.cpp -----------------------------------------------------------------

GNOMON_NATIVE(Pshufb, Base, kAll, GNOMON_TWO, "vpshufb", "vpshufb");
GNOMON_NATIVE(Pmulhrsw, Base, kAll, GNOMON_TWO, "vpmulhrsw", "vpmulhrsw");
GNOMON_NATIVE(Pmaddubsw, Base, kAll, GNOMON_TWO, "vpmaddubsw", "vpmaddubsw");
GNOMON_NATIVE(Pmulld, Base, kAll, GNOMON_TWO, "vpmulld", "vpmulld");
GNOMON_NATIVE(Pmuldq, Base, kAll, GNOMON_TWO, "vpmuldq", "vpmuldq");
GNOMON_NATIVE(Pminsb, Base, kAll, GNOMON_TWO, "vpminsb", "vpminsb");
GNOMON_NATIVE(Pminsd, Base, kAll, GNOMON_TWO, "vpminsd", "vpminsd");
GNOMON_NATIVE(Pminuw, Base, kAll, GNOMON_TWO, "vpminuw", "vpminuw");
GNOMON_NATIVE(Pminud, Base, kAll, GNOMON_TWO, "vpminud", "vpminud");
GNOMON_NATIVE(Pmaxsb, Base, kAll, GNOMON_TWO, "vpmaxsb", "vpmaxsb");
GNOMON_NATIVE(Pmaxsd, Base, kAll, GNOMON_TWO, "vpmaxsd", "vpmaxsd");
GNOMON_NATIVE(Pmaxuw, Base, kAll, GNOMON_TWO, "vpmaxuw", "vpmaxuw");
GNOMON_NATIVE(Pmaxud, Base, kAll, GNOMON_TWO, "vpmaxud", "vpmaxud");
GNOMON_NATIVE(Packusdw, Base, kAll, GNOMON_TWO, "vpackusdw", "vpackusdw");
GNOMON_NATIVE(Psignb, Base, (kAll & ~k64), GNOMON_TWO, "vpsignb", "vpsignb");
GNOMON_NATIVE(Psignw, Base, (kAll & ~k64), GNOMON_TWO, "vpsignw", "vpsignw");
GNOMON_NATIVE(Psignd, Base, (kAll & ~k64), GNOMON_TWO, "vpsignd", "vpsignd");
GNOMON_NATIVE(Phaddw, Base, (kAll & ~k64), GNOMON_TWO, "vphaddw", "vphaddw");
GNOMON_NATIVE(Phaddd, Base, (kAll & ~k64), GNOMON_TWO, "vphaddd", "vphaddd");
GNOMON_NATIVE(Phaddsw, Base, (kAll & ~k64), GNOMON_TWO, "vphaddsw", "vphaddsw");
GNOMON_NATIVE(Phsubw, Base, (kAll & ~k64), GNOMON_TWO, "vphsubw", "vphsubw");
GNOMON_NATIVE(Phsubd, Base, (kAll & ~k64), GNOMON_TWO, "vphsubd", "vphsubd");
GNOMON_NATIVE(Phsubsw, Base, (kAll & ~k64), GNOMON_TWO, "vphsubsw", "vphsubsw");
GNOMON_NATIVE(Pcmpeqq, Base, (kAll & ~k64), GNOMON_TWO, "vpcmpeqq", "vpcmpeqq");
GNOMON_NATIVE(Pcmpgtq, Base, (kAll & ~k64), GNOMON_TWO, "vpcmpgtq", "vpcmpgtq");
GNOMON_NATIVE(Pabsb, Base, kAll, GNOMON_ONE, "vpabsb", "vpabsb");
GNOMON_NATIVE(Pabsw, Base, kAll, GNOMON_ONE, "vpabsw", "vpabsw");
GNOMON_NATIVE(Pabsd, Base, kAll, GNOMON_ONE, "vpabsd", "vpabsd");
GNOMON_NATIVE(Psllvd, Base, kVex, GNOMON_TWO, "vpsllvd", "vpsllvd");
GNOMON_NATIVE(Psllvq, Base, kVex, GNOMON_TWO, "vpsllvq", "vpsllvq");
GNOMON_NATIVE(Psrlvd, Base, kVex, GNOMON_TWO, "vpsrlvd", "vpsrlvd");
GNOMON_NATIVE(Psrlvq, Base, kVex, GNOMON_TWO, "vpsrlvq", "vpsrlvq");
GNOMON_NATIVE(Psravd, Base, kVex, GNOMON_TWO, "vpsravd", "vpsravd");
GNOMON_NATIVE(VPsllw, Base, kVex, GNOMON_TWO, "vpsllw", "vpsllw");
GNOMON_NATIVE(PsllwImm, Base, kVex, GNOMON_SHIFT, "vpsllw", "vpsllw");
GNOMON_NATIVE(VPslld, Base, kVex, GNOMON_TWO, "vpslld", "vpslld");
GNOMON_NATIVE(PslldImm, Base, kVex, GNOMON_SHIFT, "vpslld", "vpslld");
GNOMON_NATIVE(VPsllq, Base, kVex, GNOMON_TWO, "vpsllq", "vpsllq");
GNOMON_NATIVE(PsllqImm, Base, kVex, GNOMON_SHIFT, "vpsllq", "vpsllq");
GNOMON_NATIVE(VPsrlw, Base, kVex, GNOMON_TWO, "vpsrlw", "vpsrlw");
GNOMON_NATIVE(PsrlwImm, Base, kVex, GNOMON_SHIFT, "vpsrlw", "vpsrlw");
GNOMON_NATIVE(VPsrld, Base, kVex, GNOMON_TWO, "vpsrld", "vpsrld");
GNOMON_NATIVE(PsrldImm, Base, kVex, GNOMON_SHIFT, "vpsrld", "vpsrld");
GNOMON_NATIVE(VPsrlq, Base, kVex, GNOMON_TWO, "vpsrlq", "vpsrlq");
GNOMON_NATIVE(PsrlqImm, Base, kVex, GNOMON_SHIFT, "vpsrlq", "vpsrlq");
GNOMON_NATIVE(VPsraw, Base, kVex, GNOMON_TWO, "vpsraw", "vpsraw");
GNOMON_NATIVE(PsrawImm, Base, kVex, GNOMON_SHIFT, "vpsraw", "vpsraw");
GNOMON_NATIVE(VPsrad, Base, kVex, GNOMON_TWO, "vpsrad", "vpsrad");
GNOMON_NATIVE(PsradImm, Base, kVex, GNOMON_SHIFT, "vpsrad", "vpsrad");

// ---- FMA and AES: fma.cpp, crypto.cpp ------------------------------------------------------------------------------

GNOMON_NATIVE(Fmadd132ps, Fma, kVex, GNOMON_THREE, "vfmadd132ps", "vfmadd132ps");
GNOMON_NATIVE(Fmadd132pd, Fma, kVex, GNOMON_THREE, "vfmadd132pd", "vfmadd132pd");
GNOMON_NATIVE(Fmadd213ps, Fma, kVex, GNOMON_THREE, "vfmadd213ps", "vfmadd213ps");
GNOMON_NATIVE(Fmadd213pd, Fma, kVex, GNOMON_THREE, "vfmadd213pd", "vfmadd213pd");
GNOMON_NATIVE(Fmadd231ps, Fma, kVex, GNOMON_THREE, "vfmadd231ps", "vfmadd231ps");
GNOMON_NATIVE(Fmadd231pd, Fma, kVex, GNOMON_THREE, "vfmadd231pd", "vfmadd231pd");
GNOMON_NATIVE(Fmsub132ps, Fma, kVex, GNOMON_THREE, "vfmsub132ps", "vfmsub132ps");
GNOMON_NATIVE(Fmsub132pd, Fma, kVex, GNOMON_THREE, "vfmsub132pd", "vfmsub132pd");
GNOMON_NATIVE(Fmsub213ps, Fma, kVex, GNOMON_THREE, "vfmsub213ps", "vfmsub213ps");
GNOMON_NATIVE(Fmsub213pd, Fma, kVex, GNOMON_THREE, "vfmsub213pd", "vfmsub213pd");
GNOMON_NATIVE(Fmsub231ps, Fma, kVex, GNOMON_THREE, "vfmsub231ps", "vfmsub231ps");
GNOMON_NATIVE(Fmsub231pd, Fma, kVex, GNOMON_THREE, "vfmsub231pd", "vfmsub231pd");
GNOMON_NATIVE(Fnmadd132ps, Fma, kVex, GNOMON_THREE, "vfnmadd132ps", "vfnmadd132ps");
GNOMON_NATIVE(Fnmadd132pd, Fma, kVex, GNOMON_THREE, "vfnmadd132pd", "vfnmadd132pd");
GNOMON_NATIVE(Fnmadd213ps, Fma, kVex, GNOMON_THREE, "vfnmadd213ps", "vfnmadd213ps");
GNOMON_NATIVE(Fnmadd213pd, Fma, kVex, GNOMON_THREE, "vfnmadd213pd", "vfnmadd213pd");
GNOMON_NATIVE(Fnmadd231ps, Fma, kVex, GNOMON_THREE, "vfnmadd231ps", "vfnmadd231ps");
GNOMON_NATIVE(Fnmadd231pd, Fma, kVex, GNOMON_THREE, "vfnmadd231pd", "vfnmadd231pd");
GNOMON_NATIVE(Fnmsub132ps, Fma, kVex, GNOMON_THREE, "vfnmsub132ps", "vfnmsub132ps");
GNOMON_NATIVE(Fnmsub132pd, Fma, kVex, GNOMON_THREE, "vfnmsub132pd", "vfnmsub132pd");
GNOMON_NATIVE(Fnmsub213ps, Fma, kVex, GNOMON_THREE, "vfnmsub213ps", "vfnmsub213ps");
GNOMON_NATIVE(Fnmsub213pd, Fma, kVex, GNOMON_THREE, "vfnmsub213pd", "vfnmsub213pd");
GNOMON_NATIVE(Fnmsub231ps, Fma, kVex, GNOMON_THREE, "vfnmsub231ps", "vfnmsub231ps");
GNOMON_NATIVE(Fnmsub231pd, Fma, kVex, GNOMON_THREE, "vfnmsub231pd", "vfnmsub231pd");
GNOMON_NATIVE(Fmaddsub132ps, Fma, kVex, GNOMON_THREE, "vfmaddsub132ps", "vfmaddsub132ps");
GNOMON_NATIVE(Fmaddsub132pd, Fma, kVex, GNOMON_THREE, "vfmaddsub132pd", "vfmaddsub132pd");
GNOMON_NATIVE(Fmaddsub213ps, Fma, kVex, GNOMON_THREE, "vfmaddsub213ps", "vfmaddsub213ps");
GNOMON_NATIVE(Fmaddsub213pd, Fma, kVex, GNOMON_THREE, "vfmaddsub213pd", "vfmaddsub213pd");
GNOMON_NATIVE(Fmaddsub231ps, Fma, kVex, GNOMON_THREE, "vfmaddsub231ps", "vfmaddsub231ps");
GNOMON_NATIVE(Fmaddsub231pd, Fma, kVex, GNOMON_THREE, "vfmaddsub231pd", "vfmaddsub231pd");
GNOMON_NATIVE(Fmsubadd132ps, Fma, kVex, GNOMON_THREE, "vfmsubadd132ps", "vfmsubadd132ps");
GNOMON_NATIVE(Fmsubadd132pd, Fma, kVex, GNOMON_THREE, "vfmsubadd132pd", "vfmsubadd132pd");
GNOMON_NATIVE(Fmsubadd213ps, Fma, kVex, GNOMON_THREE, "vfmsubadd213ps", "vfmsubadd213ps");
GNOMON_NATIVE(Fmsubadd213pd, Fma, kVex, GNOMON_THREE, "vfmsubadd213pd", "vfmsubadd213pd");
GNOMON_NATIVE(Fmsubadd231ps, Fma, kVex, GNOMON_THREE, "vfmsubadd231ps", "vfmsubadd231ps");
GNOMON_NATIVE(Fmsubadd231pd, Fma, kVex, GNOMON_THREE, "vfmsubadd231pd", "vfmsubadd231pd");
GNOMON_NATIVE(Aesenc, Aes, kAll, GNOMON_TWO, "vaesenc", "vaesenc");
GNOMON_NATIVE(Aesenclast, Aes, kAll, GNOMON_TWO, "vaesenclast", "vaesenclast");
GNOMON_NATIVE(Aesdec, Aes, kAll, GNOMON_TWO, "vaesdec", "vaesdec");
GNOMON_NATIVE(Aesdeclast, Aes, kAll, GNOMON_TWO, "vaesdeclast", "vaesdeclast");

#undef GNOMON_NATIVE
#undef GNOMON_ASM
#undef GNOMON_THREE
#undef GNOMON_SHIFT
#undef GNOMON_ONE
#undef GNOMON_TWO
#undef GNOMON_STORE_64
#undef GNOMON_STORE_32
#undef GNOMON_STORE_16
#undef GNOMON_STORE_LEGACY

}  // namespace gnomon::vec
