// Symbols sorted by address, found by binary search; names by a hash table.
#include "debugger/symbols/symbol_table.h"

#include <algorithm>

namespace gnomon {
namespace {

/// A symbol without a size that has none behind it does not reach further than this.
constexpr u64 kLongest = u64{1} << 20;

/// Which of two symbols at one address names it better.
unsigned rank(const Symbol& symbol) {
    return (symbol.is_place() ? 4 : 0) + (symbol.size != 0 ? 2 : 0) + (symbol.is_global() ? 1 : 0);
}

}  // namespace

SymbolTable::SymbolTable(std::vector<Symbol> symbols) : symbols_(std::move(symbols)) {
    std::sort(symbols_.begin(), symbols_.end(), [](const Symbol& a, const Symbol& b) {
        if (a.address != b.address) return a.address < b.address;
        if (rank(a) != rank(b)) return rank(a) < rank(b);
        return a.name < b.name;
    });
    by_name_.reserve(symbols_.size());
    for (u32 i = 0; i < symbols_.size(); i++) {
        const auto [known, is_new] = by_name_.try_emplace(symbols_[i].name, i);
        if (!is_new && symbols_[i].is_global() && !symbols_[known->second].is_global()) known->second = i;
    }
}

const Symbol* SymbolTable::covering(u64 address) const {
    auto next = std::upper_bound(symbols_.begin(), symbols_.end(), address,
                                 [](u64 wanted, const Symbol& symbol) { return wanted < symbol.address; });
    // Symbols with a size may lie within a larger one that covers more: a few steps back find it.
    for (unsigned steps = 0; next != symbols_.begin() && steps < 16; steps++) {
        --next;
        if (next->is_place() && address < end_of(*next)) return &*next;
    }
    return nullptr;
}

const Symbol* SymbolTable::named(std::string_view name) const {
    const auto found = by_name_.find(name);
    return found == by_name_.end() ? nullptr : &symbols_[found->second];
}

u64 SymbolTable::end_of(const Symbol& symbol) const {
    if (symbol.size != 0) return symbol.address + symbol.size;
    const auto next =
        std::upper_bound(symbols_.begin(), symbols_.end(), symbol.address,
                         [](u64 wanted, const Symbol& other) { return wanted < other.address; });
    const u64 limit = symbol.address + kLongest < symbol.address ? ~u64{0} : symbol.address + kLongest;
    return next == symbols_.end() ? limit : std::min(next->address, limit);
}

bool matches_pattern(std::string_view pattern, std::string_view text) {
    size_t p = 0;
    size_t t = 0;
    size_t star = pattern.npos;
    size_t resume = 0;
    while (t < text.size()) {
        if (p < pattern.size() && (pattern[p] == '?' || pattern[p] == text[t])) {
            p++;
            t++;
        } else if (p < pattern.size() && pattern[p] == '*') {
            star = p++;
            resume = t;
        } else if (star != pattern.npos) {
            p = star + 1;
            t = ++resume;
        } else {
            return false;
        }
    }
    return pattern.find_first_not_of('*', p) == pattern.npos;
}

}  // namespace gnomon
