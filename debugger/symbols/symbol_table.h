// The names of one program: address to name and back. Letters of kinds are those of nm(1).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "support/types.h"

namespace gnomon {

struct Symbol {
    u64 address = 0;
    u64 size = 0;  ///< 0: not known, reaches to the next symbol
    char kind =
        't';  ///< as nm(1) prints it: t text, d data, b bss, r read-only, a absolute; capitals are global
    std::string name;

    [[nodiscard]] bool is_global() const { return kind >= 'A' && kind <= 'Z'; }
    /// Absolute symbols are numbers (sizes, constants) and stand for no place.
    [[nodiscard]] bool is_place() const { return kind != 'a' && kind != 'A'; }
};

class SymbolTable {
  public:
    SymbolTable() = default;
    explicit SymbolTable(std::vector<Symbol> symbols);

    [[nodiscard]] size_t size() const { return symbols_.size(); }
    /// In the order of addresses.
    [[nodiscard]] const std::vector<Symbol>& all() const { return symbols_; }
    /// The symbol that covers `address`; of several the one a person would name (global, with a size). Null
    /// where no symbol covers it.
    [[nodiscard]] const Symbol* covering(u64 address) const;
    /// Global ones before local ones.
    [[nodiscard]] const Symbol* named(std::string_view name) const;
    /// Where the code or data of `symbol` ends: by its size, or at the next symbol.
    [[nodiscard]] u64 end_of(const Symbol& symbol) const;

  private:
    std::vector<Symbol> symbols_;
    std::unordered_map<std::string_view, u32> by_name_;
};

/// Whether `text` matches a pattern with * and ?.
[[nodiscard]] bool matches_pattern(std::string_view pattern, std::string_view text);

}  // namespace gnomon
