// Lending the host's floating-point units to the guest. The code that touches them is in files named for the
// host's architecture; another host needs its own (or an arithmetic of integers with the same functions).
#pragma once

#include "cpu/cpu.h"
#include "cpu/fpu/host_x86_64.h"

namespace gnomon::host {

inline constexpr u16 kControl = 0x37f;  ///< what the host's own code expects
inline constexpr u32 kMxcsr = 0x1f80;
inline constexpr u32 kMxcsrFlags = 0x3f;

/// Puts the guest's x87 control word, which must mask everything, into the host's unit. The host's sticky
/// flags must be among the guest's, for that is where every later operation puts them.
inline void borrow_x87(Cpu& cpu) {
    if (status() & ~cpu.state.fpu.status & 0x3f) clear_flags();
    load_control(cpu.state.fpu.control);
    cpu.host_fpu.x87 = true;
}

/// The same for MXCSR, whose flags then live in the host until collect_mxcsr.
inline void borrow_simd(Cpu& cpu) {
    load_mxcsr(cpu.state.fpu.mxcsr);
    cpu.host_fpu.simd = true;
}

/// Brings the guest's MXCSR up to date.
inline void collect_mxcsr(Cpu& cpu) {
    if (cpu.host_fpu.simd) cpu.state.fpu.mxcsr |= read_mxcsr() & kMxcsrFlags;
}

/// Give the units back; before the guest's control words change in any way but one that the host follows.
inline void return_x87(Cpu& cpu) {
    if (cpu.host_fpu.x87) load_control(kControl);
    cpu.host_fpu.x87 = false;
}
inline void return_simd(Cpu& cpu) {
    if (!cpu.host_fpu.simd) return;
    collect_mxcsr(cpu);
    if ((cpu.state.fpu.mxcsr & ~kMxcsrFlags) != kMxcsr) load_mxcsr(kMxcsr);
    cpu.host_fpu.simd = false;
}

}  // namespace gnomon::host
