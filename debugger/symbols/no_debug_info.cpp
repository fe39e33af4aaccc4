// For builds without libdw: only symbols as text can be read.
#include "debugger/symbols/debug_info.h"

namespace gnomon {

Result<std::unique_ptr<DebugInfo>> DebugInfo::open(const std::string& path) {
    return fail("{}: this build cannot read ELF files (libdw is missing); the output of nm will do", path);
}

bool reads_elf_files() { return false; }

}  // namespace gnomon
