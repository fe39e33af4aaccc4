// What kind of instruction stands at a processor's IP: what stepping over, out and to branches needs to know.
#pragma once

#include "debugger/debugger.h"

namespace gnomon {

enum class Flow : u8 { Straight, Call, Return, Repeated };

struct Shape {
    Flow flow = Flow::Straight;
    unsigned length = 0;  ///< 0: cannot be read or decoded
};

/// What kind of instruction stands at the processor's IP.
[[nodiscard]] Shape shape_at(Debugger& debugger, unsigned processor);
/// Linear address of the top of the stack.
[[nodiscard]] u64 stack_pointer(const Cpu& cpu);

}  // namespace gnomon
