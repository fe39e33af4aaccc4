// The single observations that explanations are made of: descriptors, gates, stacks, vectors.
#pragma once

#include <optional>
#include <span>
#include <string>

#include "machine/machine.h"

namespace gnomon {

/// How many bytes from `linear` on could be read, without side effects.
size_t peek_linear(Cpu& cpu, u64 linear, std::span<u8> out);

/// What is wrong with the descriptor of a selector that `instruction` uses.
[[nodiscard]] std::string describe_selector(Cpu& cpu, const CpuState& s, u16 selector, const std::string& instruction);
/// What the IDT holds for a vector: "the IDT … has no entry", "gate … is not present".
[[nodiscard]] std::string describe_gate(Cpu& cpu, const CpuState& s, unsigned vector);
/// The IRQ that the 8259As deliver as this vector.
[[nodiscard]] std::optional<unsigned> irq_of_vector(Machine& machine, unsigned vector);
/// Hardware interrupts come without error codes, at vectors whose exceptions have one.
[[nodiscard]] bool is_device_interrupt(const Fault& fault);
/// The page fault is that of an instruction fetch.
[[nodiscard]] bool fetches(const Fault& fault, const CpuState& s);
/// RET, RETF, IRET: the address on the stack.
[[nodiscard]] std::optional<u64> return_target(Cpu& cpu, const CpuState& s, const std::string& instruction);
[[nodiscard]] bool canonical48(u64 address);
/// The stack pointer stands in a page of the paging structures, or right above one.
[[nodiscard]] bool stack_in_page_tables(Cpu& cpu, const CpuState& s);

/// One clause that names the mistake behind a triple fault.
[[nodiscard]] std::string likely_cause(Machine& machine, Cpu& cpu, const ShutdownReport& report, const std::string& instruction);

}  // namespace gnomon
