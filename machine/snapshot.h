// A whole machine as a file: the named state of every part and the RAM, compressed and checksummed. Loading
// reads and checks everything before it changes anything.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "machine/machine.h"

namespace gnomon {

/// The machine must stand between two instructions (no run is active).
[[nodiscard]] std::vector<u8> save_machine(Machine& machine);
/// Errors say what is wrong with the snapshot, or how its machine differs from this one; the machine is then
/// as it was.
Result<void> load_machine(Machine& machine, std::span<const u8> snapshot);

Result<void> save_machine_file(Machine& machine, const std::string& path);
Result<void> load_machine_file(Machine& machine, const std::string& path);

}  // namespace gnomon
