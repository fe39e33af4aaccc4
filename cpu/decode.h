// The decoder's result, before a handler is chosen.
#pragma once

#include "cpu/opcode_row.h"
#include "support/result.h"

namespace gnomon {

/// The bits of the decode mode: what the choice of handlers depends on beside the bytes. Blocks are keyed by it.
namespace mode {
inline constexpr u32 kCode32 = 1;       ///< CS.D
inline constexpr u32 kCode64 = 2;       ///< 64-bit mode
inline constexpr u32 kStack32 = 4;      ///< SS.B
inline constexpr u32 kFlat = 8;         ///< CS, DS, ES, SS: base 0, limit 4 GiB, all rights (always so in 64-bit mode)
inline constexpr u32 kSingle = 16;      ///< one instruction a block: stepping, tracing, exact instruction counts
inline constexpr u32 kChecked = 32;     ///< memory accesses take the general form (alignment checks, data breakpoints)
inline constexpr u32 kFpuTrap = 64;     ///< CR0.TS or CR0.EM: x87 instructions raise #NM
inline constexpr u32 kSimdTrap = 128;   ///< CR0.TS: MMX and SSE instructions raise #NM (CR0.EM: #UD, see kSimdUndefined)
inline constexpr u32 kMmxUndefined = 256;    ///< CR0.EM: MMX raises #UD
inline constexpr u32 kSseUndefined = 512;    ///< CR0.EM or not CR4.OSFXSR: SSE raises #UD
inline constexpr u32 kWaitTrap = 1024;       ///< CR0.TS and CR0.MP: WAIT raises #NM
inline constexpr u32 kFlatEsDs = 2048;       ///< as kFlat but for DS and ES only (CS, SS may differ)
inline constexpr u32 kNoFpu = 4096;          ///< the processor has none: ESC instructions do nothing
inline constexpr u32 kNoVex = 1u << 16;        ///< real and virtual-8086 mode: C4, C5 and 62 are LES, LDS and BOUND whatever follows
inline constexpr u32 kAvxUndefined = 1u << 17;     ///< CR4.OSXSAVE or XCR0 do not enable YMM state: VEX-encoded vector instructions raise #UD
inline constexpr u32 kAvx512Undefined = 1u << 18;  ///< the same for opmask and ZMM state: EVEX and opmask instructions
}  // namespace mode

/// Of a VEX or EVEX prefix, complemented bits as they are meant.
struct VexFields {
    u8 source = 0;         ///< vvvv, with V'
    u8 length = 0;         ///< L, L'L
    u8 opmask = 0;         ///< aaa
    bool wide = false;     ///< W
    bool zeroing = false;
    bool broadcast = false;    ///< b
    // What Decoded::rex does not hold, as bit 4 of register numbers.
    u8 reg_high = 0;       ///< R'
    u8 rm_high = 0;        ///< X, of a register in ModRM.rm
    u8 index_high = 0;     ///< V', of a VSIB index
};

struct Decoded {
    const OpcodeRow* row = nullptr;
    u16 row_index = 0;
    u32 mode = 0;
    u8 opcode = 0;
    u8 modrm = 0;
    u8 mod = 0, reg = 0, rm = 0;      ///< of ModRM, with REX bits
    u8 operand_bytes = 4;             ///< 2, 4, 8
    u8 address_bytes = 4;
    u8 prefixes = 0;                  ///< as Instruction::prefix
    u8 rex = 0;                       ///< the REX prefix, if it counts
    bool prefix_66 = false;
    Seg segment = Seg::DS;            ///< of the memory operand
    bool segment_override = false;
    bool memory = false;              ///< there is a memory operand from ModRM (or a moffs)
    u8 base = kNoRegister, index = kNoRegister, scale = 0;
    i32 disp = 0;
    u64 imm = 0;                      ///< sign-extended from the size of its operand code; a moffs of 64 bits
    u16 imm2 = 0;                     ///< selector of a far pointer; second immediate of ENTER
    u8 length = 0;                    ///< if it is undefined or too long: the bytes that say so
    VexFields vex;
    bool flags_dead = false;          ///< the flags it sets are overwritten before anything can see them
};

enum class DecodeStatus : u8 { Ok, Undefined, TooLong, NeedMore };

class OpcodeTable;

/// Decodes the instruction at `bytes`, of which `available` (at most 15) can be read. NeedMore: it goes on beyond those.
/// Undefined also covers rows whose feature the processor lacks and LOCK where it is not allowed.
DecodeStatus decode(const u8* bytes, unsigned available, u32 mode, const FeatureSet& features, Decoded& out);

/// Every row, for tests and documentation; indices are those of Instruction::row.
[[nodiscard]] const OpcodeRow& opcode_row(unsigned index);
[[nodiscard]] unsigned opcode_row_count();

/// The operand fields of an Instruction (everything but handler and position) from a Decoded.
void fill_operands(const Decoded& decoded, Instruction& insn);

}  // namespace gnomon
