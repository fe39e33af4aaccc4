// The x87 instructions as Builds and functions; rows/fpu.h gives them their opcodes.
#pragma once

#include "cpu/fpu/x87.h"

namespace gnomon::x87 {

// x87_arithmetic.cpp. `Op` is one of host::Fadd and its neighbours.
template<class Op, class M>
void build_arithmetic_memory(const Decoded& d, Instruction& insn);  ///< ST0 ← ST0 op memory
enum class Into : u8 { St0, Sti, StiPop };
template<class Op, Into into>
void build_arithmetic(const Decoded& d, Instruction& insn);

// x87_compare.cpp
template<class M, unsigned pops>
void build_compare_memory(const Decoded& d, Instruction& insn);
template<class Op, unsigned pops>
void build_compare(const Decoded& d, Instruction& insn);  ///< C0, C2, C3 of ST0 : STi
template<class Op, unsigned pops>
void build_compare_flags(const Decoded& d, Instruction& insn);  ///< FCOMI and relatives
Outcome ftst(Cpu& cpu, const Instruction& insn);
Outcome fxam(Cpu& cpu, const Instruction& insn);
template<unsigned condition>
Outcome fcmov(Cpu& cpu, const Instruction& insn);  ///< condition: code of Jcc

// x87_move.cpp
template<class M>
void build_load(const Decoded& d, Instruction& insn);
template<class M, bool pops>
void build_store(const Decoded& d, Instruction& insn);
void build_load_80(const Decoded& d, Instruction& insn);
void build_store_80(const Decoded& d, Instruction& insn);       ///< FSTP m80
void build_load_register(const Decoded& d, Instruction& insn);  ///< FLD STi
template<bool pops>
void build_store_register(const Decoded& d, Instruction& insn);
void build_exchange(const Decoded& d, Instruction& insn);
void build_fchs(const Decoded& d, Instruction& insn);
void build_fabs(const Decoded& d, Instruction& insn);
Outcome fstp1(Cpu& cpu, const Instruction& insn);
Outcome fbld(Cpu& cpu, const Instruction& insn);
Outcome fbstp(Cpu& cpu, const Instruction& insn);
/// FLD1 and the other constants, by the low three bits of the opcode.
template<unsigned which>
void build_constant(const Decoded& d, Instruction& insn);

// x87_function.cpp
void build_fsqrt(const Decoded& d, Instruction& insn);
template<class Op>
Outcome unary(Cpu& cpu, const Instruction& insn);  ///< FRNDINT, F2XM1, FSIN, FCOS
template<class Op>
Outcome with_st1(Cpu& cpu, const Instruction& insn);  ///< FPREM, FPREM1, FSCALE
template<class Op>
Outcome into_st1(Cpu& cpu, const Instruction& insn);  ///< FYL2X, FYL2XP1, FPATAN
template<class Op>
Outcome two_results(Cpu& cpu, const Instruction& insn);  ///< FPTAN, FSINCOS, FXTRACT

// x87_control.cpp
void build_fldcw(const Decoded& d, Instruction& insn);
void build_fnstcw(const Decoded& d, Instruction& insn);
void build_fnstsw_ax(const Decoded& d, Instruction& insn);
Outcome fnstsw(Cpu& cpu, const Instruction& insn);
Outcome fninit(Cpu& cpu, const Instruction& insn);
Outcome fnclex(Cpu& cpu, const Instruction& insn);
Outcome fldenv(Cpu& cpu, const Instruction& insn);
Outcome fnstenv(Cpu& cpu, const Instruction& insn);
Outcome frstor(Cpu& cpu, const Instruction& insn);
Outcome fnsave(Cpu& cpu, const Instruction& insn);
template<bool pops>
Outcome ffree(Cpu& cpu, const Instruction& insn);  ///< FFREE, FFREEP
Outcome fincstp(Cpu& cpu, const Instruction& insn);
Outcome fdecstp(Cpu& cpu, const Instruction& insn);
Outcome fnop(Cpu& cpu, const Instruction& insn);
Outcome ignored_control(Cpu& cpu, const Instruction& insn);  ///< FNENI, FNDISI, FNSETPM
void build_wait(const Decoded& d, Instruction& insn);

}  // namespace gnomon::x87
