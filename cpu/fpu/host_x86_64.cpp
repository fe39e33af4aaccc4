// Taking the floating-point units back from the guest.
#include "cpu/fpu/host.h"

namespace gnomon {

void Cpu::give_fpu_back() {
    if (host_fpu.x87) {
        if (state.fpu.control != host::kControl) host::load_control(host::kControl);
        host_fpu.x87 = false;
    }
    if (host_fpu.simd) {
        host::collect_mxcsr(*this);
        if ((state.fpu.mxcsr & ~host::kMxcsrFlags) != host::kMxcsr) host::load_mxcsr(host::kMxcsr);
    }
}

}  // namespace gnomon
