// Why an exception happened, why the processor shut down, why it halts: in words, with the place in the manual,
// and with the mistake that is usually behind it.
#pragma once

#include <string>

#include "cpu/exception.h"
#include "machine/machine.h"

namespace gnomon {

/// One exception or interrupt, `before` as it was when it was raised. Several lines.
[[nodiscard]] std::string explain_event(Machine& machine, Cpu& cpu, EventKind kind, const Fault& fault,
                                        const CpuState& before);
/// The complete report of a triple fault: the likely cause, then the chain, the instruction, the registers.
[[nodiscard]] std::string explain_shutdown(Machine& machine, Cpu& cpu);
/// Why a processor that halts is not woken up: interrupt flag, masks, interrupts in service. Empty if it does
/// not halt.
[[nodiscard]] std::string explain_halt(Machine& machine, Cpu& cpu);

}  // namespace gnomon
