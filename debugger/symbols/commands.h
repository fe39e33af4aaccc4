// The console's commands about symbols, sources, types and frames.
#pragma once

#include <span>

#include "debugger/console/console.h"
#include "debugger/symbols/symbols.h"
#include "debugger/symbols/unwinder.h"

namespace gnomon {

/// To be given to Console::add_commands(). They work on the Symbols that the debugger has as its source.
[[nodiscard]] std::span<const Command> symbol_commands();

/// Memory as the processor that the user looks at maps it.
[[nodiscard]] MemoryReader linear_reader(Debugger& debugger);
[[nodiscard]] MemoryReader physical_reader(Debugger& debugger);
/// Where an unwinding of that processor's stack starts.
[[nodiscard]] UnwindStart unwind_start(Debugger& debugger);

}  // namespace gnomon
