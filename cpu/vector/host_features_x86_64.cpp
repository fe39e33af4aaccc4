// Instruction sets of an x86-64 host.
#include "cpu/vector/host_features.h"

namespace gnomon::host {
namespace {

Features detect() {
    __builtin_cpu_init();
    // These answer with what the operating system saves, too.
    Features f;
    f.fma = __builtin_cpu_supports("fma");
    f.avx2 = __builtin_cpu_supports("avx2");
    f.avx512f = __builtin_cpu_supports("avx512f");
    f.avx512 = f.avx512f && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
    f.aes = __builtin_cpu_supports("aes");
    f.vaes = f.aes && f.avx2 && __builtin_cpu_supports("vaes");
    return f;
}
const Features kFeatures = detect();

}  // namespace

const Features& features() { return kFeatures; }

}  // namespace gnomon::host
