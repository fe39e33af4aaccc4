// What a vector instruction knows beside ModRM: second source, opmask, vector length, memory operand. It lies in
// the immediate of an Instruction, of which vector instructions use one byte. SDM Vol. 2, "Intel AVX-512 Encoding".
#pragma once

#include <bit>

#include "cpu/instruction.h"

namespace gnomon::vec {

struct Operands {
    u8 imm = 0;        ///< imm8
    u8 source = 0;     ///< VEX.vvvv; of legacy encodings the destination's number, for that is their first source
    u8 opmask = 0;     ///< EVEX.aaa; 0: every element is active
    u8 control = 0;    ///< the bits below
    u8 bytes = 16;     ///< vector length
    u8 memory = 16;    ///< bytes of a memory operand
    u8 broadcast = 0;  ///< bytes of the element that memory gives to all; 0: no broadcast
    u8 element = 0;    ///< bytes of an element under the opmask

    static constexpr u8 kZeroing = 1;
    static constexpr u8 kOverride = 2;        ///< embedded rounding or SAE: no exception is raised or noted
    static constexpr u8 kRoundingShift = 2;   ///< two bits: the rounding mode in place of MXCSR.RC
    static constexpr u8 kRounding = 16;       ///< … if it is there
    static constexpr u8 kLegacy = 32;         ///< bits of the destination beyond the vector stay
    static constexpr u8 kAligned = 64;        ///< #GP(0) unless the memory operand is aligned
    static constexpr u8 kWide = 128;          ///< W

    [[nodiscard]] bool zeroing() const { return control & kZeroing; }
    [[nodiscard]] bool legacy() const { return control & kLegacy; }
    [[nodiscard]] bool aligned() const { return control & kAligned; }
    [[nodiscard]] bool wide() const { return control & kWide; }
    [[nodiscard]] bool plain() const { return opmask == 0 && !(control & kOverride) && broadcast == 0; }
};
static_assert(sizeof(Operands) == 8);

[[nodiscard]] inline Operands operands(const Instruction& i) { return std::bit_cast<Operands>(i.imm); }

}  // namespace gnomon::vec
