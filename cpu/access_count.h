// How many memory operands an instruction has, for the counters of --stats. SDM Vol. 2, "Instruction Set Reference".
#pragma once

#include "cpu/decode.h"

namespace gnomon {

struct AccessCount {
    unsigned reads = 0;
    unsigned writes = 0;

    bool operator==(const AccessCount&) const = default;
};

/// The accesses to data and stack that the decoded instruction makes when it runs once, each counting as one whatever its size; a
/// read-modify-write is a write. A string instruction counts as one iteration, for repeated ones go a page at a time. What system
/// instructions do beside their operands (descriptors, task states) is not counted.
[[nodiscard]] AccessCount data_accesses(const Decoded& decoded);

}  // namespace gnomon
