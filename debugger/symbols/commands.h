// Commands about symbols, sources, types and frames, for the console and GDB's "monitor": a line in, text out.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "debugger/debugger.h"
#include "debugger/symbols/symbols.h"
#include "debugger/symbols/unwinder.h"

namespace gnomon {

struct SymbolCommand {
    std::string_view name;
    std::string_view arguments;
    std::string_view help;
    std::string_view example;
    Result<std::string> (*run)(Debugger& debugger, Symbols& symbols, std::string_view arguments);
};

[[nodiscard]] std::span<const SymbolCommand> symbol_commands();
/// Output or the error's text; for an unknown command, a list of those that there are.
[[nodiscard]] std::string run_symbol_command(Debugger& debugger, Symbols& symbols, std::string_view line);

/// Memory as the processor that the user looks at maps it.
[[nodiscard]] MemoryReader linear_reader(Debugger& debugger);
[[nodiscard]] MemoryReader physical_reader(Debugger& debugger);
/// Where an unwinding of that processor's stack starts.
[[nodiscard]] UnwindStart unwind_start(Debugger& debugger);

}  // namespace gnomon
