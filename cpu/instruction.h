// The decoded instruction: immutable, 32 bytes, in a row with the others of its block.
#pragma once

#include "support/types.h"

// Handlers tail-call the next one with the hot state in registers. clang has a calling convention without callee-saved
// registers for that, and guarantees the jump; g++ makes the jump when it optimises.
// AddressSanitizer's frames need a base pointer, which that convention leaves no register for: there only the jump remains.
#if defined(__clang__)
#if __has_feature(address_sanitizer)
#define GNOMON_HANDLER
#else
#define GNOMON_HANDLER __attribute__((preserve_none))
#endif
#define GNOMON_TAIL [[clang::musttail]] return
#else
#define GNOMON_HANDLER
#define GNOMON_TAIL return
#endif

namespace gnomon {

class Cpu;
struct Instruction;

/// `ip`: IP of the first instruction of the block; the last three are the lazy flags (cpu/flags.h).
using Handler = void(GNOMON_HANDLER*)(Cpu* cpu, const Instruction* insn, u64 ip, u64 result, u64 source, u64 kind);

/// Segment registers in encoding order.
enum class Seg : u8 { ES, CS, SS, DS, FS, GS };

/// Bits of Instruction::prefix.
namespace prefix {
inline constexpr u8 kRep = 1;         ///< F3
inline constexpr u8 kRepne = 2;       ///< F2
inline constexpr u8 kLock = 4;
inline constexpr u8 kOperand32 = 8;   ///< the effective operand size is 32 (else 16, unless kOperand64)
inline constexpr u8 kOperand64 = 16;
inline constexpr u8 kAddress32 = 32;  ///< the effective address size is 32 (else 16, unless kAddress64)
inline constexpr u8 kAddress64 = 64;
inline constexpr u8 kMemory = 128;    ///< the E/M operand is in memory
}  // namespace prefix

/// Register operands are byte offsets into Cpu::gpr for general registers (so that AH is 1 and EBX is 24), plain numbers for
/// all other kinds. The slot after the last instruction of a block describes its end: see BlockEnd fields.
struct Instruction {
    Handler handler;
    union {
        u64 imm;                    ///< immediate, sign-extended as the instruction wants it; branches: target IP - block IP
        Instruction* taken;         ///< block end: the block that the branch goes to, if linked
    };
    union {
        struct {
            i32 disp;                   ///< sign-extended
            u8 base;                ///< byte offset into gpr; kNoRegister reads as zero
            u8 index;
            u8 scale;               ///< 0–3
            Seg segment;
        };
        Instruction* fall;          ///< block end: the next block in memory, if linked
    };
    u8 reg;                         ///< operand of modrm.reg (or of the opcode's low bits)
    u8 rm;                          ///< operand of modrm.rm when it is a register
    u8 prefix;
    u8 index_in_block;              ///< instructions of the block before this one; block end: their number
    u16 ip_offset;                  ///< IP - block IP; block end: of the next instruction
    u16 row;                        ///< row of the opcode table

    [[nodiscard]] unsigned operand_bytes() const {
        return prefix & prefix::kOperand64 ? 8 : prefix & prefix::kOperand32 ? 4 : 2;
    }
    [[nodiscard]] unsigned address_bytes() const {
        return prefix & prefix::kAddress64 ? 8 : prefix & prefix::kAddress32 ? 4 : 2;
    }
    /// An offset, cut to the address size.
    [[nodiscard]] u64 cut_address(u64 offset) const {
        return prefix & prefix::kAddress64 ? offset : prefix & prefix::kAddress32 ? static_cast<u32>(offset) : static_cast<u16>(offset);
    }
    [[nodiscard]] bool in_memory() const { return prefix & prefix::kMemory; }
    [[nodiscard]] unsigned length() const { return static_cast<unsigned>(this[1].ip_offset - ip_offset); }
};
static_assert(sizeof(Instruction) == 32);

/// Offset of the slot that always reads zero.
inline constexpr u8 kNoRegister = 16 * 8;
/// As `base`: the address of the following instruction (RIP-relative addressing). No slot: only effective_address and Mem::Rip64 know it.
inline constexpr u8 kRipRegister = 17 * 8;

}  // namespace gnomon
