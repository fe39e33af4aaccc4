// The counters of a run as JSON.
#pragma once

#include <string>

#include "machine/machine.h"

namespace gnomon {

[[nodiscard]] std::string stats_json(Machine& machine, u64 host_ns);

}  // namespace gnomon
