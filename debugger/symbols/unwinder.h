// Backtraces: by call frame information, by ORC tables, by frame pointers, and through the frames that interrupts and
// exceptions push, also where they came from another mode or privilege. SDM Vol. 3, "Interrupt and Exception
// Handling"; System V ABI, "The Stack Frame".
#pragma once

#include <string>
#include <vector>

#include "debugger/symbols/symbols.h"

namespace gnomon {

/// Where an unwinding starts: the registers of a processor.
struct UnwindStart {
    FrameRegisters registers;  ///< pc is linear; the stack pointer is an offset
    unsigned bits = 32;        ///< 16, 32 or 64: how code is decoded
    u64 stack_base = 0;        ///< of SS
    u16 code_selector = 0;
    bool protected_mode = true;  ///< selectors index the GDT
    u64 gdt_base = 0;
    u32 gdt_limit = 0;
};

struct StackFrame {
    enum class Found : u8 {
        Innermost,
        CallFrameInformation,
        OrcTables,
        FramePointer,
        Interrupted,  ///< the processor was here when an interrupt or exception was delivered
        Guessed,      ///< a word on the stack that follows a call instruction
    };
    u64 pc = 0;  ///< linear; behind the call instruction, or exactly the place for Innermost and Interrupted
    u64 frame = 0;  ///< stack pointer before the call (canonical frame address), linear; 0: not known
    unsigned bits = 32;
    Found found = Found::Innermost;
    FrameRegisters registers;

    /// Where to look for the line and the procedure: within the call instruction.
    [[nodiscard]] u64 lookup() const {
        return found == Found::Innermost || found == Found::Interrupted || pc == 0 ? pc : pc - 1;
    }
};

[[nodiscard]] std::vector<StackFrame> unwind_stack(const Symbols& symbols, const UnwindStart& start,
                                                   const MemoryReader& read, unsigned max_frames = 64);

/// One line a frame: "#1  0xc0101234 in main+0x14 (kernel.c:12)".
[[nodiscard]] std::string print_frames(const Symbols& symbols, const std::vector<StackFrame>& frames);

}  // namespace gnomon
