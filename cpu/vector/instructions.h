// The vector instructions after SSE2 as Builds and functions, and BMI; cpu/rows gives them their opcodes.
#pragma once

#include "cpu/fpu/simd_instructions.h"
#include "cpu/out_of_line.h"

namespace gnomon::vec {

// What instructions of the common shapes compute: integer.cpp, shuffle.cpp, float.cpp, fma.cpp, convert.cpp, compare.cpp, crypto.cpp,
// move.cpp, text.cpp.
// clang-format off
struct Addsubpd; struct Addsubps; struct Aesdec; struct Aesdeclast; struct Aesenc; struct Aesenclast; struct Aesimc;
struct Aeskeygenassist; struct Alignd; struct Alignq; struct Blendpd; struct Blendps; struct Broadcast128;
struct Broadcast256; struct Broadcastb; struct Broadcastd; struct Broadcastq; struct Broadcastw; struct Dbpsadbw;
struct Dppd; struct Dpps; struct Fixupimmpd; struct Fixupimmps; struct Fixupimmsd; struct Fixupimmss;
struct Fmadd132pd; struct Fmadd132ps; struct Fmadd132sd; struct Fmadd132ss; struct Fmadd213pd; struct Fmadd213ps;
struct Fmadd213sd; struct Fmadd213ss; struct Fmadd231pd; struct Fmadd231ps; struct Fmadd231sd; struct Fmadd231ss;
struct Fmaddsub132pd; struct Fmaddsub132ps; struct Fmaddsub213pd; struct Fmaddsub213ps; struct Fmaddsub231pd;
struct Fmaddsub231ps; struct Fmsub132pd; struct Fmsub132ps; struct Fmsub132sd; struct Fmsub132ss; struct Fmsub213pd;
struct Fmsub213ps; struct Fmsub213sd; struct Fmsub213ss; struct Fmsub231pd; struct Fmsub231ps; struct Fmsub231sd;
struct Fmsub231ss; struct Fmsubadd132pd; struct Fmsubadd132ps; struct Fmsubadd213pd; struct Fmsubadd213ps;
struct Fmsubadd231pd; struct Fmsubadd231ps; struct Fnmadd132pd; struct Fnmadd132ps; struct Fnmadd132sd;
struct Fnmadd132ss; struct Fnmadd213pd; struct Fnmadd213ps; struct Fnmadd213sd; struct Fnmadd213ss;
struct Fnmadd231pd; struct Fnmadd231ps; struct Fnmadd231sd; struct Fnmadd231ss; struct Fnmsub132pd;
struct Fnmsub132ps; struct Fnmsub132sd; struct Fnmsub132ss; struct Fnmsub213pd; struct Fnmsub213ps;
struct Fnmsub213sd; struct Fnmsub213ss; struct Fnmsub231pd; struct Fnmsub231ps; struct Fnmsub231sd;
struct Fnmsub231ss; struct Fpclasspd; struct Fpclassps; struct Fpclasssd; struct Fpclassss; struct Getexppd;
struct Getexpps; struct Getexpsd; struct Getexpss; struct Getmantpd; struct Getmantps; struct Getmantsd;
struct Getmantss; struct Gf2p8affineinvqb; struct Gf2p8affineqb; struct Gf2p8mulb; struct Haddpd; struct Haddps;
struct Hsubpd; struct Hsubps; struct Insert128; struct Insert256; struct MaskCmpb; struct MaskCmpd;
struct MaskCmpeqb; struct MaskCmpeqd; struct MaskCmpeqq; struct MaskCmpeqw; struct MaskCmpgtb; struct MaskCmpgtd;
struct MaskCmpgtq; struct MaskCmpgtw; struct MaskCmppd; struct MaskCmpps; struct MaskCmpq; struct MaskCmpsd;
struct MaskCmpss; struct MaskCmpub; struct MaskCmpud; struct MaskCmpuq; struct MaskCmpuw; struct MaskCmpw;
struct Movddup; struct Movshdup; struct Movsldup; struct Mpsadbw; struct Multishiftqb; struct Pabsb; struct Pabsd;
struct Pabsq; struct Pabsw; struct Packusdw; struct Palignr; struct PalignrMmx; struct Pblendw; struct Pclmulqdq;
struct Pcmpeqq; struct Pcmpgtq; struct Pconflictd; struct Pconflictq; struct Pdpbusd; struct Pdpbusds;
struct Pdpwssd; struct Pdpwssds; struct Perm2x128; struct Permb; struct Permd; struct Permi2b; struct Permi2d;
struct Permi2q; struct Permi2w; struct Permilpd; struct PermilpdImm; struct Permilps; struct PermilpsImm;
struct Permq; struct PermqImm; struct Permt2b; struct Permt2d; struct Permt2q; struct Permt2w; struct Permw;
struct Phaddd; struct PhadddMmx; struct Phaddsw; struct PhaddswMmx; struct Phaddw; struct PhaddwMmx;
struct Phminposuw; struct Phsubd; struct PhsubdMmx; struct Phsubsw; struct PhsubswMmx; struct Phsubw;
struct PhsubwMmx; struct Plzcntd; struct Plzcntq; struct Pmadd52huq; struct Pmadd52luq; struct Pmaddubsw;
struct Pmaxsb; struct Pmaxsd; struct Pmaxsq; struct Pmaxud; struct Pmaxuq; struct Pmaxuw; struct Pminsb;
struct Pminsd; struct Pminsq; struct Pminud; struct Pminuq; struct Pminuw; struct Pmovsxbd; struct Pmovsxbq;
struct Pmovsxbw; struct Pmovsxdq; struct Pmovsxwd; struct Pmovsxwq; struct Pmovzxbd; struct Pmovzxbq;
struct Pmovzxbw; struct Pmovzxdq; struct Pmovzxwd; struct Pmovzxwq; struct Pmuldq; struct Pmulhrsw; struct Pmulld;
struct Pmullq; struct Popcntb; struct Popcntd; struct Popcntq; struct Popcntw; struct ProldImm; struct ProlqImm;
struct Prolvd; struct Prolvq; struct PrordImm; struct ProrqImm; struct Prorvd; struct Prorvq; struct Pshufb;
struct PshufbMmx; struct Psignb; struct Psignd; struct Psignw; struct PslldImm; struct PslldqImm; struct PsllqImm;
struct Psllvd; struct Psllvq; struct Psllvw; struct PsllwImm; struct PsradImm; struct PsraqImm; struct Psravd;
struct Psravq; struct Psravw; struct PsrawImm; struct PsrldImm; struct PsrldqImm; struct PsrlqImm; struct Psrlvd;
struct Psrlvq; struct Psrlvw; struct PsrlwImm; struct Pternlog; struct Ptestmb; struct Ptestmd; struct Ptestmq;
struct Ptestmw; struct Ptestnmb; struct Ptestnmd; struct Ptestnmq; struct Ptestnmw; struct Rangepd; struct Rangeps;
struct Rangesd; struct Rangess; struct Rcp14pd; struct Rcp14ps; struct Rcp14sd; struct Rcp14ss; struct Reducepd;
struct Reduceps; struct Reducesd; struct Reducess; struct Rndscalepd; struct Rndscaleps; struct Rndscalesd;
struct Rndscaless; struct Roundpd; struct Roundps; struct Roundsd; struct Roundss; struct Rsqrt14pd;
struct Rsqrt14ps; struct Rsqrt14sd; struct Rsqrt14ss; struct Scalefpd; struct Scalefps; struct Scalefsd;
struct Scalefss; struct Sha1msg1; struct Sha1msg2; struct Sha1nexte; struct Sha1rnds4; struct Sha256msg1;
struct Sha256msg2; struct ShlddImm; struct ShldqImm; struct Shldvd; struct Shldvq; struct Shldvw; struct ShldwImm;
struct ShrddImm; struct ShrdqImm; struct Shrdvd; struct Shrdvq; struct Shrdvw; struct ShrdwImm; struct Shufbitqmb;
struct ShuffleLanes; struct VCmppd; struct VCmpps; struct VCmpsd; struct VCmpss; struct VCvtdq2pd; struct VCvtdq2ps;
struct VCvtpd2dq; struct VCvtpd2ps; struct VCvtpd2qq; struct VCvtpd2udq; struct VCvtpd2uqq; struct VCvtph2ps;
struct VCvtps2dq; struct VCvtps2pd; struct VCvtps2qq; struct VCvtps2udq; struct VCvtps2uqq; struct VCvtqq2pd;
struct VCvtqq2ps; struct VCvttpd2dq; struct VCvttpd2qq; struct VCvttpd2udq; struct VCvttpd2uqq; struct VCvttps2dq;
struct VCvttps2qq; struct VCvttps2udq; struct VCvttps2uqq; struct VCvtudq2pd; struct VCvtudq2ps; struct VCvtuqq2pd;
struct VCvtuqq2ps; struct VMove; struct VMovhlps; struct VMovhps; struct VMovlps; struct VMovq; struct VMovsLoad;
struct VMovsd; struct VMovss; struct VPslld; struct VPsllq; struct VPsllw; struct VPsrad; struct VPsraq;
struct VPsraw; struct VPsrld; struct VPsrlq; struct VPsrlw; struct VShufpd;
// clang-format on

template<class Op>
void build(const Decoded& d, Instruction& insn);  ///< V ← op(H, W)
template<class Op>
void build_mask(const Decoded& d, Instruction& insn);  ///< K ← op(H, W)
template<class Op>
void build_convert(const Decoded& d, Instruction& insn);
template<class Op>
void build_swapped(const Decoded& d, Instruction& insn);  ///< ModRM.rm is the destination
void build_vector_store(const Decoded& d, Instruction& insn);
/// False if the instruction traps in this mode; otherwise its operands are filled in.
[[nodiscard]] bool prepare(const Decoded& d, Instruction& insn);
[[nodiscard]] bool usable(const Decoded& d, Instruction& insn);
/// The destination is VEX.vvvv.
void direct_to_source(Instruction& insn);
template<class Op>
void build_to_source(const Decoded& d, Instruction& insn) {
    build<Op>(d, insn);
    if (usable(d, insn)) direct_to_source(insn);
}
template<Execute function>
void build_function(const Decoded& d, Instruction& insn) {
    if (prepare(d, insn)) insn.handler = &call<function>;
}
/// An SSE instruction in its VEX encoding, operands as ever.
template<Execute function>
void avx_plain(const Decoded& d, Instruction& insn) {
    if (usable(d, insn)) insn.handler = &call<function>;
}

// shuffle.cpp
template<class T>
Outcome blend_variable(Cpu& cpu, const Instruction& insn);
template<class T>
Outcome blend_opmask(Cpu& cpu, const Instruction& insn);
template<class T>
Outcome broadcast_general(Cpu& cpu, const Instruction& insn);
template<class T>
Outcome broadcast_opmask(Cpu& cpu, const Instruction& insn);
Outcome insertps(Cpu& cpu, const Instruction& insn);
template<class To, class From, bool saturating>
Outcome truncate(Cpu& cpu, const Instruction& insn);

// crypto.cpp
Outcome sha256rnds2(Cpu& cpu, const Instruction& insn);

// convert.cpp
Outcome vcvtps2ph(Cpu& cpu, const Instruction& insn);
template<class Real, bool is_signed>
Outcome from_general(Cpu& cpu, const Instruction& insn);
template<class Real, bool is_signed, bool truncated>
Outcome to_general(Cpu& cpu, const Instruction& insn);

// compare.cpp
Outcome ptest(Cpu& cpu, const Instruction& insn);
Outcome vtestps(Cpu& cpu, const Instruction& insn);
Outcome vtestpd(Cpu& cpu, const Instruction& insn);
Outcome vcomiss(Cpu& cpu, const Instruction& insn);
Outcome vcomisd(Cpu& cpu, const Instruction& insn);
Outcome vucomiss(Cpu& cpu, const Instruction& insn);
Outcome vucomisd(Cpu& cpu, const Instruction& insn);

// move.cpp
Outcome vmovd_load(Cpu& cpu, const Instruction& insn);
Outcome vmovd_store(Cpu& cpu, const Instruction& insn);
Outcome vmovq_store(Cpu& cpu, const Instruction& insn);
Outcome store_high(Cpu& cpu, const Instruction& insn);
template<unsigned bytes>
Outcome extract_lanes(Cpu& cpu, const Instruction& insn);
template<class T>
Outcome extract(Cpu& cpu, const Instruction& insn);
Outcome extract_word(Cpu& cpu, const Instruction& insn);
template<class T>
Outcome insert(Cpu& cpu, const Instruction& insn);
Outcome extract_sized(Cpu& cpu, const Instruction& insn);
Outcome insert_sized(Cpu& cpu, const Instruction& insn);
template<class T>
Outcome sign_mask(Cpu& cpu, const Instruction& insn);
template<class T>
Outcome mask_load(Cpu& cpu, const Instruction& insn);
template<class T>
Outcome mask_store(Cpu& cpu, const Instruction& insn);
template<class T>
Outcome compress(Cpu& cpu, const Instruction& insn);
template<class T>
Outcome expand(Cpu& cpu, const Instruction& insn);
template<class T, class Index>
Outcome gather(Cpu& cpu, const Instruction& insn);
template<class T, class Index>
Outcome scatter(Cpu& cpu, const Instruction& insn);
Outcome vzeroupper(Cpu& cpu, const Instruction& insn);
Outcome vzeroall(Cpu& cpu, const Instruction& insn);

// opmask.cpp
template<class T>
Outcome kmov_load(Cpu& cpu, const Instruction& insn);
template<class T>
Outcome kmov_store(Cpu& cpu, const Instruction& insn);
template<class T>
Outcome kmov_from_general(Cpu& cpu, const Instruction& insn);
template<class T>
Outcome kmov_to_general(Cpu& cpu, const Instruction& insn);
template<class T>
Outcome klogic(Cpu& cpu, const Instruction& insn);
template<class T>
Outcome knot(Cpu& cpu, const Instruction& insn);
template<class Half>
Outcome kunpck(Cpu& cpu, const Instruction& insn);
template<class T, bool left>
Outcome kshift(Cpu& cpu, const Instruction& insn);
template<class T>
Outcome kortest(Cpu& cpu, const Instruction& insn);
template<class T>
Outcome ktest(Cpu& cpu, const Instruction& insn);
template<class T>
Outcome vector_to_opmask(Cpu& cpu, const Instruction& insn);
template<class T>
Outcome opmask_to_vector(Cpu& cpu, const Instruction& insn);

// text.cpp
Outcome pcmpestrm(Cpu& cpu, const Instruction& insn);
Outcome pcmpestri(Cpu& cpu, const Instruction& insn);
Outcome pcmpistrm(Cpu& cpu, const Instruction& insn);
Outcome pcmpistri(Cpu& cpu, const Instruction& insn);
Outcome crc32_byte(Cpu& cpu, const Instruction& insn);
Outcome crc32(Cpu& cpu, const Instruction& insn);
Outcome extrq_immediate(Cpu& cpu, const Instruction& insn);
Outcome extrq(Cpu& cpu, const Instruction& insn);
Outcome insertq_immediate(Cpu& cpu, const Instruction& insn);
Outcome insertq(Cpu& cpu, const Instruction& insn);

}  // namespace gnomon::vec

namespace gnomon::bmi {

enum class ShiftKind : u8 { Left, Right, Arithmetic };

/// Keeps VEX.vvvv beside the immediate.
template<Execute function>
void build(const Decoded& d, Instruction& insn) {
    insn.imm = (d.imm & 255) | u64{d.vex.source} << 8;
    insn.handler = &call<function>;
}

// bmi.cpp
Outcome andn(Cpu& cpu, const Instruction& insn);
template<unsigned digit>
Outcome lowest_bit(Cpu& cpu, const Instruction& insn);
Outcome bextr(Cpu& cpu, const Instruction& insn);
Outcome bzhi(Cpu& cpu, const Instruction& insn);
Outcome mulx(Cpu& cpu, const Instruction& insn);
Outcome pdep(Cpu& cpu, const Instruction& insn);
Outcome pext(Cpu& cpu, const Instruction& insn);
Outcome rorx(Cpu& cpu, const Instruction& insn);
template<ShiftKind kind>
Outcome shiftx(Cpu& cpu, const Instruction& insn);

}  // namespace gnomon::bmi
