// A deleter for what malloc() and its kin made. calloc() of large tables is zeros that the host makes as they
// are needed.
#pragma once

#include <cstdlib>

namespace gnomon {

struct FreeMemory {
    void operator()(void* memory) const { std::free(memory); }
};

}  // namespace gnomon
