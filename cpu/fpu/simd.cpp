// SIMD floating-point exceptions, and the checks of memory operands. SDM Vol. 1, "SSE and SSE2 Exceptions";
// Vol. 2, "Exceptions Type".
#include "cpu/fpu/simd.h"

#include "cpu/fpu/simd_instructions.h"
#include "cpu/system_registers.h"

namespace gnomon::simd {

Outcome not_available(Cpu& c, const Instruction&) { return c.raise(Vector::NM); }
Outcome undefined(Cpu& c, const Instruction&) { return c.raise(Vector::UD); }

bool locate(Cpu& c, const Instruction& i, unsigned bytes, bool aligned, bool for_write, u64& linear) {
    const u64 offset = c.effective_address(i);
    // Where only canonical addresses are asked for, the alignment is looked at first.
    if (aligned && c.in_64bit_mode() && (c.linear_address64(i.segment, offset) & (bytes - 1))) {
        c.raise(Vector::GP, 0);
        return false;
    }
    if (for_write ? !c.check_write_segment(i.segment, offset, bytes, linear)
                  : !c.check_read_segment(i.segment, offset, bytes, linear))
        return false;
    if (aligned && (linear & (bytes - 1))) {
        c.raise(Vector::GP, 0);
        return false;
    }
    return true;
}

bool begin_mmx(Cpu& c, Outcome& out) { return !x87_pending(c) || x87::await(c, out); }

namespace {

constexpr u32 kFlushToZero = 1u << 15, kUnderflowMask = 1u << 11, kMasks = 0x1f80,
              kDenormalsAreZero = 1u << 6;
constexpr u32 kOverflow = 1u << 3, kUnderflow = 1u << 4;
constexpr u32 kBeforeComputing =
    7;  // IE, DE, ZE: if one of these is not masked, there are no results to have other exceptions

}  // namespace

void begin_unmasked(Cpu& c) {
    u32 value = (c.state.fpu.mxcsr & ~host::kMxcsrFlags) | kMasks;
    // Results are flushed to zero only while underflow is masked.
    if (!(c.state.fpu.mxcsr & kUnderflowMask)) value &= ~kFlushToZero;
    host::load_mxcsr(value);
}

u32 flags_of_operation() {
    const u32 flags = host::read_mxcsr() & host::kMxcsrFlags;
    host::load_mxcsr(host::kMxcsr);
    return flags;
}

bool needs_care(const Cpu& c, u32 flags) {
    const u32 open = ~c.state.fpu.mxcsr >> 7 & host::kMxcsrFlags;
    return (open & (kOverflow | kUnderflow)) && !(flags & open & kBeforeComputing);
}

bool end_unmasked(Cpu& c, u32 flags) {
    u32& mxcsr = c.state.fpu.mxcsr;
    const u32 open = ~mxcsr >> 7 & host::kMxcsrFlags;
    if (flags & open & kBeforeComputing) flags &= kBeforeComputing;
    mxcsr |= flags;
    if (!(flags & open)) return true;
    c.raise(c.state.cr4 & cr4::OSXMMEXCPT ? Vector::XM : Vector::UD);
    return false;
}

Element examine(Cpu& c, WideOperation operation, u64 a, u64 b, unsigned source_bytes, unsigned result_bytes) {
    const u64 exponent_bits = source_bytes == 4 ? 0x7f800000 : 0x7ff0000000000000;
    const u64 sign_bit = u64{1} << (8 * source_bytes - 1);
    if (c.state.fpu.mxcsr & kDenormalsAreZero) {
        if (!(a & exponent_bits)) a &= sign_bit;
        if (!(b & exponent_bits)) b &= sign_bit;
    }
    // All masked, the rounding of MXCSR, the precision of the result.
    const u32 rounding = c.state.fpu.mxcsr >> 13 & 3;
    host::return_x87(c);
    host::begin_careful(static_cast<u16>(0x7f | rounding << 10 | (result_bytes == 4 ? 0 : 0x200)));
    Float80 value;
    const u16 status = operation(value, a, b);
    const unsigned exponent = value.exponent & 0x7fff;
    const unsigned smallest = 16383 - (result_bytes == 4 ? 126 : 1022);
    return {exponent != 0x7fff, value.significand != 0 && exponent < smallest, (status & x87::sw::PE) != 0};
}

}  // namespace gnomon::simd
