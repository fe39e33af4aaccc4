// The symbol table that a running Linux keeps for itself (CONFIG_KALLSYMS), found in its memory: compressed
// names, sorted offsets and the base they count from. As scripts/kallsyms.c of Linux 5 and 6 lays it out.
#pragma once

#include "debugger/symbols/symbol_table.h"
#include "debugger/symbols/type_printer.h"
#include "support/result.h"

namespace gnomon {

struct KernelSymbols {
    std::vector<Symbol> symbols;
    unsigned address_size = 8;  ///< 4 or 8
    u64 place = 0;              ///< physical address within its symbol table
    u64 relative_base = 0;      ///< includes the shift of a kernel that was placed at random (KASLR)
};

/// Searches physical memory [0, `size`). Needs no page tables: a kernel's image is in one piece, and the base
/// in it is already relocated. The reader may fail for holes.
[[nodiscard]] Result<KernelSymbols> find_kernel_symbols(const MemoryReader& physical, u64 size);

}  // namespace gnomon
