// Taking the floating-point units back from the guest.
#include "cpu/fpu/host.h"

namespace gnomon {

void Cpu::give_fpu_back() {
    host::return_x87(*this);
    host::return_simd(*this);
}

}  // namespace gnomon
