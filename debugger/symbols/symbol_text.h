// Symbols as text: the output of nm(1), System.map, and the "ADDRESS NAME" files that Bochs reads.
#pragma once

#include <string_view>
#include <vector>

#include "debugger/symbols/symbol_table.h"
#include "support/result.h"

namespace gnomon {

/// One symbol a line: "c1000000 T _text", "c1000000 _text", or with nm -S "c1000000 00000010 T _text". Lines
/// of undefined symbols, empty lines and comments (#) are passed over. Errors name the line.
[[nodiscard]] Result<std::vector<Symbol>> parse_symbol_text(std::string_view text);

}  // namespace gnomon
