// The counters of a run as JSON.
#pragma once

#include <string>

#include "machine/machine.h"

namespace gnomon {

/// Has what stats_json() needs counted from now on: how often blocks run, at about a tenth of the speed.
void count_for_stats(Machine& machine);
/// The TLB's hits are the memory operands of the blocks that ran less the misses; a fetch hit is a block entered.
[[nodiscard]] std::string stats_json(Machine& machine, u64 host_ns);

}  // namespace gnomon
