// Line by line, no more than the three known layouts.
#include "debugger/symbols/symbol_text.h"

#include <array>
#include <charconv>
#include <optional>

namespace gnomon {
namespace {

std::string_view next_word(std::string_view& line) {
    const size_t start = line.find_first_not_of(" \t\r");
    if (start == line.npos) {
        line = {};
        return {};
    }
    line.remove_prefix(start);
    const std::string_view word = line.substr(0, line.find_first_of(" \t\r"));
    line.remove_prefix(word.size());
    return word;
}

std::optional<u64> hexadecimal(std::string_view word) {
    if (word.starts_with("0x") || word.starts_with("0X")) word.remove_prefix(2);
    u64 value = 0;
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value, 16);
    if (error != std::errc{} || end != word.data() + word.size() || word.empty()) return {};
    return value;
}

/// Letters of nm, with those that stand for no address in this program.
bool is_kind(std::string_view word) {
    return word.size() == 1 && std::string_view("AaBbCcDdGgIiNnPpRrSsTtUuVvWw-?").find(word[0]) != word.npos;
}

}  // namespace

Result<std::vector<Symbol>> parse_symbol_text(std::string_view text) {
    std::vector<Symbol> symbols;
    for (unsigned number = 1; !text.empty(); number++) {
        std::string_view line = text.substr(0, text.find('\n'));
        const std::string_view whole = line;
        text.remove_prefix(line.size() < text.size() ? line.size() + 1 : line.size());
        std::array<std::string_view, 4> words;
        size_t count = 0;
        while (count < words.size() && !(words[count] = next_word(line)).empty()) count++;
        if (count == 0 || words[0].starts_with('#')) continue;
        if (is_kind(words[0])) continue;  // nm gives undefined symbols no address
        const std::optional<u64> address = hexadecimal(words[0]);
        if (!address || count < 2)
            return fail("line {}: \"{}\" is no symbol; expected ADDRESS [SIZE] [KIND] NAME", number, whole);
        Symbol symbol;
        symbol.address = *address;
        symbol.kind = 'T';
        size_t at = 1;
        // "ADDRESS SIZE KIND NAME", unless the second word is already a kind.
        if (count == 4 && !is_kind(words[1]) && is_kind(words[2])) {
            symbol.size = hexadecimal(words[1]).value_or(0);
            at = 2;
        }
        if (at + 1 < count && is_kind(words[at])) symbol.kind = words[at++][0];
        if (symbol.kind == 'U' || symbol.kind == 'N' || symbol.kind == 'n') continue;
        symbol.name = words[at];
        symbols.push_back(std::move(symbol));
    }
    if (symbols.empty()) return fail("no symbols");
    return symbols;
}

}  // namespace gnomon
