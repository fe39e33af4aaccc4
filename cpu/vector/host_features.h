// What the processor that runs this program can do, where vector instructions use it.
#pragma once

namespace gnomon::host {

struct Features {
    bool fma = false;
    bool avx512f = false;
};
[[nodiscard]] const Features& features();

}  // namespace gnomon::host
