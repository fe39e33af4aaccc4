// Translations in words: `page`, `info tab`. SDM Vol. 3, "Paging".
#pragma once

#include <string>

#include "cpu/cpu.h"

namespace gnomon {

/// Level by level: which entry, where it lies, its bits, what it denies; then the rights that are left.
[[nodiscard]] std::string explain_translation(Cpu& cpu, u64 linear);

/// Why an access with this error code faulted: "the PTE at 0x… is not present". Empty if the tables would allow
/// it now.
[[nodiscard]] std::string explain_page_fault(Cpu& cpu, u64 linear, u32 error_code);

/// Ranges of [first, last] that are mapped with the same rights, one a line, with how many of their pages the
/// shadow page tables hold.
[[nodiscard]] std::string print_mappings(Cpu& cpu, u64 first, u64 last);

}  // namespace gnomon
