// Registers by the names that assemblers use. SDM Vol. 1, "Basic Program Execution Registers"; Vol. 3, "System
// Architecture Overview".
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cpu/state.h"

namespace gnomon {

/// A register, a part of one ("al", "eax"), a flag ("zf"), or a hidden base ("gdtr", "fs.base").
struct RegisterName {
    std::string name;
    unsigned bits = 64;
    u64 (*read)(const CpuState& state, unsigned index) = nullptr;
    /// Null: cannot be changed.
    void (*write)(CpuState& state, unsigned index, u64 value) = nullptr;
    unsigned index = 0;
};

[[nodiscard]] const std::vector<RegisterName>& register_names();
/// Case does not matter; a leading % or $ is skipped. Null: no such register.
[[nodiscard]] const RegisterName* find_register(std::string_view name);

/// "id vip vif ac vm rf nt IOPL=0 of df if tf sf zf af PF cf": capitals are set.
[[nodiscard]] std::string eflags_text(u32 eflags);

}  // namespace gnomon
