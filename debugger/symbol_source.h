// Where the debugger gets names and source lines from. Without one, addresses are numbers.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "support/types.h"

namespace gnomon {

class SymbolSource {
  public:
    struct Place {
        std::string name;
        u64 offset = 0;  ///< from the symbol's address
    };
    struct Line {
        std::string file;
        unsigned line = 0;
    };

    virtual ~SymbolSource() = default;
    [[nodiscard]] virtual std::optional<u64> address_of(std::string_view name) const = 0;
    /// The symbol that the linear address lies in.
    [[nodiscard]] virtual std::optional<Place> symbol_at(u64 linear) const = 0;
    [[nodiscard]] virtual std::optional<Line> line_at(u64 linear) const = 0;
};

}  // namespace gnomon
