// Exceptions of the x87 unit: waiting, pending exceptions as #MF or FERR#, stack faults. SDM Vol. 1, "x87 FPU
// Exception Handling"; Appendix D, "Guidelines for Writing SIMD Floating-Point Exception Handlers" and
// "MS-DOS Compatibility Sub-mode".
#include "cpu/fpu/x87.h"

#include "cpu/system_registers.h"

namespace gnomon::x87 {

bool await(Cpu& c, Outcome& out) {
    if (c.host_fpu.x87) return true;
    FpuState& f = c.state.fpu;
    if (f.status & sw::ES) {
        if (c.state.cr0 & cr0::NE) {
            out = c.raise(Vector::MF);
            return false;
        }
        // The error goes out on FERR# and comes back as IRQ 13. The instruction waits for that or any other interrupt,
        // unless the system asserts IGNNE#.
        c.ferr.raise();
        if (!c.ignne) {
            out = Outcome::Repeat;
            return false;
        }
    } else if ((f.control & sw::kExceptions) == sw::kExceptions) {
        host::borrow_x87(c);
    }
    return true;
}

void set_pending(Cpu& c) {
    c.state.fpu.status |= sw::ES | sw::kBusy;
    host::return_x87(c);
    if (!(c.state.cr0 & cr0::NE)) c.ferr.raise();
}

void update_pending(Cpu& c) {
    FpuState& f = c.state.fpu;
    const bool was_pending = f.status & sw::ES;
    f.status &= static_cast<u16>(~(sw::ES | sw::kBusy));
    if (f.status & ~f.control & sw::kExceptions)
        set_pending(c);
    else if (was_pending)
        c.ferr.lower();
}

bool stack_fault(Cpu& c, bool overflow) {
    FpuState& f = c.state.fpu;
    f.status = static_cast<u16>((f.status & ~sw::C1) | sw::IE | sw::SF | (overflow ? sw::C1 : 0));
    if (f.control & sw::IE) return true;
    set_pending(c);
    return false;
}

Outcome not_available(Cpu& c, const Instruction&) { return c.raise(Vector::NM); }
Outcome ignored(Cpu&, const Instruction&) { return Outcome::Next; }

}  // namespace gnomon::x87
