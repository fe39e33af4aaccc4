// JMP, CALL, RET and IRET between segments, privilege levels and tasks. SDM Vol. 2, the "Operation" of each;
// Vol. 3, "Protection".
#pragma once

#include "cpu/cpu.h"

namespace gnomon {

/// All four leave `state` as it was when they return Outcome::Fault, unless a task switch had taken place.
/// `bytes` is the operand size: 2, 4 or 8.
[[nodiscard]] Outcome far_jump(Cpu& cpu, u16 selector, u64 offset, unsigned bytes);
[[nodiscard]] Outcome far_call(Cpu& cpu, u16 selector, u64 offset, unsigned bytes);
[[nodiscard]] Outcome far_return(Cpu& cpu, unsigned bytes, u16 release);
[[nodiscard]] Outcome interrupt_return(Cpu& cpu, unsigned bytes);

/// The far pointer of a memory operand: offset first, selector behind it. `bytes` is the size of the offset.
struct FarPointer {
    u64 offset = 0;
    u16 selector = 0;
    unsigned bytes = 4;
};
[[nodiscard]] bool load_far_pointer(Cpu& cpu, const Instruction& insn, FarPointer& out);

// The instructions.
Outcome jmp_far_direct(Cpu& cpu, const Instruction& insn);
Outcome jmp_far_memory(Cpu& cpu, const Instruction& insn);
Outcome call_far_direct(Cpu& cpu, const Instruction& insn);
Outcome call_far_memory(Cpu& cpu, const Instruction& insn);
Outcome ret_far(Cpu& cpu, const Instruction& insn);
Outcome ret_far_imm(Cpu& cpu, const Instruction& insn);
Outcome iret(Cpu& cpu, const Instruction& insn);

}  // namespace gnomon
