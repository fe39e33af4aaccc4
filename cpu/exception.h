// Exceptions and how instructions report them. SDM Vol. 3, "Exception and Interrupt Reference".
#pragma once

#include "support/types.h"

namespace gnomon {

enum class Vector : u8 {
    DE = 0, DB = 1, NMI = 2, BP = 3, OF = 4, BR = 5, UD = 6, NM = 7, DF = 8, TS = 10, NP = 11, SS = 12, GP = 13, PF = 14,
    MF = 16, AC = 17, MC = 18, XM = 19,
};

/// A fault that an instruction met; delivered by the engine after the instruction was given up.
struct Fault {
    Vector vector = Vector::UD;
    bool has_error = false;
    u32 error = 0;
    u64 address = 0;    ///< for page faults: CR2
};

/// What an out-of-line instruction tells the engine.
enum class Outcome : u8 {
    Next,     ///< go on with the following instruction
    Jump,     ///< Cpu::rip (and perhaps CS, the mode, the privilege) was set; instruction complete
    Fault,    ///< Cpu::fault is set; nothing was committed
    Stop,     ///< instruction complete, rip already set; back to the run loop (HLT, shutdown, interrupt window)
    Repeat,   ///< as Stop, but the instruction (a string instruction) is not finished: rip stays on it
};

/// Kinds of events that go through the IDT: SDM Vol. 3, "Interrupt and Exception Handling".
enum class EventKind : u8 {
    External,         ///< INTR: no error code, EXT
    Nmi,
    Exception,        ///< hardware exception, with error code where the vector has one
    SoftInterrupt,    ///< INT n: gate DPL is checked
    SoftException,    ///< INT3, INTO: gate DPL is checked
    IceBreakpoint,    ///< INT1: no DPL check
};

}  // namespace gnomon
