// Instruction sets of an x86-64 host.
#include "cpu/vector/host_features.h"

namespace gnomon::host {
namespace {

Features detect() {
    __builtin_cpu_init();
    return {__builtin_cpu_supports("fma") != 0, __builtin_cpu_supports("avx512f") != 0};
}
const Features kFeatures = detect();

}  // namespace

const Features& features() { return kFeatures; }

}  // namespace gnomon::host
