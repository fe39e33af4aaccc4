// The explanation of a triple fault.
#pragma once

#include <functional>
#include <span>
#include <string>

#include "cpu/cpu.h"

namespace gnomon {

/// Turns the bytes of an instruction at `ip` into text; `bits` is 16, 32 or 64.
using Disassemble = std::function<std::string(std::span<const u8> bytes, u64 ip, unsigned bits)>;

/// The chain of exceptions with error codes, the faulting instruction (bytes, and text if `disassemble` is
/// given), registers and descriptor tables as they were when the first exception was raised. Several lines.
[[nodiscard]] std::string print_shutdown_report(Cpu& cpu, const Disassemble& disassemble = {});

/// "#GP", or "INT 0x30" for vectors without a name.
[[nodiscard]] std::string vector_name(Vector vector);

}  // namespace gnomon
