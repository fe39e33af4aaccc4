// Instructions as text, by Zydis. Without that library: their bytes.
#pragma once

#include <functional>
#include <span>
#include <string>

#include "support/types.h"

namespace gnomon {

enum class Syntax : u8 { Intel, Att };

struct Disassembled {
    std::string text;
    unsigned length = 1;
    bool valid = false;
};

/// The first instruction of `bytes`; `ip` is its address, for the targets of branches; `bits` is 16, 32 or 64.
[[nodiscard]] Disassembled disassemble(std::span<const u8> bytes, u64 ip, unsigned bits, Syntax syntax = Syntax::Intel);
/// False: everything is `db`.
[[nodiscard]] bool disassembler_built_in();

}  // namespace gnomon
