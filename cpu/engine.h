// The engine between blocks: lookup, linking, leaving, the run loop.
#pragma once

#include "cpu/block.h"
#include "cpu/instruction.h"

namespace gnomon {

/// Entry of a block whose bytes were overwritten: finds the block that is there now.
GNOMON_HANDLER void dead_block(Cpu* c, const Instruction* i, u64 ip, u64 r, u64 s, u64 k);

/// What handlers and the run loop need of Cpu's private parts.
struct Engine {
    /// The block at IP in the mode, translated if need be; null: `fault` is set (page fault, #GP beyond the CS limit).
    static Block* lookup(Cpu& cpu, u64 ip, u32 mode);
    static void park(Cpu& cpu, Outcome outcome);
    /// Gives back the instructions of the block that were not executed, completes the outcome; true: back to the run loop.
    static bool complete(Cpu& cpu, const Instruction& insn);
    static bool deliver_fault(Cpu& cpu);
    static void remember(Cpu& cpu, u64 linear, Block* block);
};

}  // namespace gnomon
