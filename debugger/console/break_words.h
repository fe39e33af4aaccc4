// What the commands that set breakpoints share.
#pragma once

#include "debugger/console/console.h"

namespace gnomon {

/// An error leaves the condition as text only.
Result<void> set_condition(Breakpoint& b, const std::string& text);
/// "if EXPRESSION" at the end of the arguments.
Result<void> take_condition(Arguments& a, Breakpoint& b);
/// Makes b.holds of b.condition, which must be good.
void compile_condition(Console& c, Breakpoint& b);
int add_breakpoint(Console& c, Breakpoint b);
[[nodiscard]] std::string describe_breakpoint(const Breakpoint& b);

}  // namespace gnomon
