// "print": values of a program's variables and structures by their types, as in C: "*current->next",
// "table[2].name", "(struct task *)0xc0001000", "&jiffies".
#pragma once

#include "debugger/symbols/symbols.h"

namespace gnomon {

struct PrintOptions {
    bool hexadecimal = false;
    /// Values of names that are no variables: registers. May be empty.
    std::function<std::optional<u64>(std::string_view name)> other_names;
};

/// "EXPRESSION = VALUE". Errors say what is not understood.
[[nodiscard]] Result<std::string> print_expression(const Symbols& symbols, std::string_view expression,
                                                   const MemoryReader& read,
                                                   const PrintOptions& options = {});
/// The declaration of a type with the offsets of its members, or the type of an expression.
[[nodiscard]] Result<std::string> print_type(const Symbols& symbols, std::string_view name);

}  // namespace gnomon
