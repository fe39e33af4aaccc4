// The Builds of the integer instructions, by file of their semantics.
#pragma once

#include "cpu/alu.h"

namespace gnomon {

// alu_*.cpp: ADD … CMP, TEST in all operand forms; INC, DEC, NEG, NOT.
template <class Op>
void build_alu(const Decoded& d, Instruction& insn);
template <class Op>
void build_unary(const Decoded& d, Instruction& insn);

void build_adcx(const Decoded& d, Instruction& insn);
void build_adox(const Decoded& d, Instruction& insn);

/// Handler of CMP or TEST together with the Jcc that follows, or null if there is none for these operands.
[[nodiscard]] Handler fused_compare(const Decoded& compare, const Decoded& branch);
/// The same for ADD, SUB, AND, OR, XOR, INC and DEC of a register of 32 or 64 bits.
[[nodiscard]] Handler fused_arithmetic(const Decoded& arithmetic, const Decoded& branch);
[[nodiscard]] bool is_conditional_branch(Build build);

// shift.cpp
template <class Op>
void build_shift(const Decoded& d, Instruction& insn);
void build_shld(const Decoded& d, Instruction& insn);
void build_shrd(const Decoded& d, Instruction& insn);

// move.cpp
void build_mov(const Decoded& d, Instruction& insn);          ///< E and G operands in either order, E and I
void build_mov_immediate(const Decoded& d, Instruction& insn);
void build_mov_offset(const Decoded& d, Instruction& insn);
void build_movzx8(const Decoded& d, Instruction& insn);
void build_movzx16(const Decoded& d, Instruction& insn);
void build_movsx8(const Decoded& d, Instruction& insn);
void build_movsx16(const Decoded& d, Instruction& insn);
void build_movsxd(const Decoded& d, Instruction& insn);
void build_movbe(const Decoded& d, Instruction& insn);
void build_lea(const Decoded& d, Instruction& insn);
void build_xchg(const Decoded& d, Instruction& insn);
void build_xchg_accumulator(const Decoded& d, Instruction& insn);
void build_nop(const Decoded& d, Instruction& insn);
void build_bswap(const Decoded& d, Instruction& insn);
void build_setcc(const Decoded& d, Instruction& insn);
void build_cmovcc(const Decoded& d, Instruction& insn);
void build_convert(const Decoded& d, Instruction& insn);      ///< CBW, CWDE, CDQE
void build_convert_double(const Decoded& d, Instruction& insn);    ///< CWD, CDQ, CQO

// branch.cpp
void build_jcc(const Decoded& d, Instruction& insn);
void build_jmp(const Decoded& d, Instruction& insn);
void build_call(const Decoded& d, Instruction& insn);
void build_jmp_indirect(const Decoded& d, Instruction& insn);
void build_call_indirect(const Decoded& d, Instruction& insn);
void build_ret(const Decoded& d, Instruction& insn);
void build_loop(const Decoded& d, Instruction& insn);         ///< LOOPNE, LOOPE, LOOP, JCXZ

// stack.cpp
void build_push_register(const Decoded& d, Instruction& insn);
void build_push_immediate(const Decoded& d, Instruction& insn);
void build_push_rm(const Decoded& d, Instruction& insn);
void build_pop_register(const Decoded& d, Instruction& insn);
Outcome pop_rm(Cpu& cpu, const Instruction& insn);
void build_leave(const Decoded& d, Instruction& insn);
Outcome enter(Cpu& cpu, const Instruction& insn);
Outcome pusha(Cpu& cpu, const Instruction& insn);
Outcome popa(Cpu& cpu, const Instruction& insn);

// muldiv.cpp
void build_imul2(const Decoded& d, Instruction& insn);
void build_imul3(const Decoded& d, Instruction& insn);
void build_mul(const Decoded& d, Instruction& insn);
void build_imul(const Decoded& d, Instruction& insn);
void build_div(const Decoded& d, Instruction& insn);
void build_idiv(const Decoded& d, Instruction& insn);

// bits.cpp
template <unsigned operation>
void build_bit_test(const Decoded& d, Instruction& insn);     ///< 0 BT, 1 BTS, 2 BTR, 3 BTC
void build_bsf(const Decoded& d, Instruction& insn);
void build_bsr(const Decoded& d, Instruction& insn);
void build_cmpxchg(const Decoded& d, Instruction& insn);
void build_xadd(const Decoded& d, Instruction& insn);
Outcome cmpxchg8b(Cpu& cpu, const Instruction& insn);         ///< and CMPXCHG16B

// bit_manipulation.cpp
void build_popcnt(const Decoded& d, Instruction& insn);
void build_lzcnt(const Decoded& d, Instruction& insn);
void build_tzcnt(const Decoded& d, Instruction& insn);

// decimal.cpp and flag instructions
Outcome daa(Cpu& cpu, const Instruction& insn);
Outcome das(Cpu& cpu, const Instruction& insn);
Outcome aaa(Cpu& cpu, const Instruction& insn);
Outcome aas(Cpu& cpu, const Instruction& insn);
Outcome aam(Cpu& cpu, const Instruction& insn);
Outcome aad(Cpu& cpu, const Instruction& insn);
Outcome salc(Cpu& cpu, const Instruction& insn);
Outcome xlat(Cpu& cpu, const Instruction& insn);
Outcome bound(Cpu& cpu, const Instruction& insn);
Outcome lahf(Cpu& cpu, const Instruction& insn);
Outcome sahf(Cpu& cpu, const Instruction& insn);
Outcome clc(Cpu& cpu, const Instruction& insn);
Outcome stc(Cpu& cpu, const Instruction& insn);
Outcome cmc(Cpu& cpu, const Instruction& insn);
Outcome cld(Cpu& cpu, const Instruction& insn);
Outcome std_(Cpu& cpu, const Instruction& insn);

// string.cpp
void build_movs(const Decoded& d, Instruction& insn);
void build_cmps(const Decoded& d, Instruction& insn);
void build_stos(const Decoded& d, Instruction& insn);
void build_lods(const Decoded& d, Instruction& insn);
void build_scas(const Decoded& d, Instruction& insn);

}  // namespace gnomon
