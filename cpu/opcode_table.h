// The opcode table: all rows, indexed by map and opcode when the compiler runs. A duplicate row or an unknown operand
// code does not compile.
#pragma once

#include <span>

#include "cpu/decode.h"

namespace gnomon {

/// What the decoder reads after the opcode, and what Instruction::reg and rm mean: worked out from the operand codes.
enum class ImmKind : u8 { None, Byte, ByteSigned, Word, Z, V, Jb, Jz, Far, Offset, WordByte, One };
enum class RegKind : u8 {
    None, Byte, General,
    Plain,    ///< a number: vector, control and debug registers
    Low,      ///< the same without the bit of the REX prefix: segment and MMX registers
};

struct RowShape {
    ImmKind imm = ImmKind::None;
    RegKind reg = RegKind::None;    ///< of Instruction::reg
    RegKind rm = RegKind::None;     ///< of Instruction::rm when it is a register
    bool reg_from_opcode = false;
    bool memory_only = false;       ///< M operands: a register form is undefined
    bool register_only = false;     ///< R, N, U operands
    bool implicit_source = false;   ///< X: DS:SI, overridable
    bool source = false;            ///< VEX.vvvv is an operand
    bool general = false;           ///< an operand is a general register or of its size
    bool vector_index = false;      ///< VSIB addressing
    bool to_memory = false;         ///< the r/m operand is the destination
    bool to_opmask = false;
};

/// Candidate rows of one opcode, most specific first.
struct Candidates {
    const u16* begin;
    const u16* end;
    bool modrm;    ///< one of them has a ModRM byte
};

[[nodiscard]] Candidates candidates(OpcodeMap map, u8 opcode);
[[nodiscard]] const RowShape& row_shape(unsigned index);

}  // namespace gnomon
