// What the processor that runs this program can do, where vector instructions use it.
#pragma once

namespace gnomon::host {

struct Features {
    bool fma = false, aes = false, vaes = false;
    bool avx2 = false;
    bool avx512f = false;
    bool avx512 = false;    ///< F, BW, DQ and VL
};
[[nodiscard]] const Features& features();

}  // namespace gnomon::host
