// SIMD floating-point exceptions, and the checks of memory operands. SDM Vol. 1, "SSE and SSE2 Exceptions"; Vol. 2, "Exceptions Type".
#include "cpu/fpu/simd.h"
#include "cpu/fpu/simd_instructions.h"

#include "cpu/system_registers.h"

namespace gnomon::simd {

Outcome not_available(Cpu& c, const Instruction&) { return c.raise(Vector::NM); }
Outcome undefined(Cpu& c, const Instruction&) { return c.raise(Vector::UD); }

bool locate(Cpu& c, const Instruction& i, unsigned bytes, bool aligned, bool for_write, u64& linear) {
    const u64 offset = c.effective_address(i);
    if (for_write ? !c.check_write_segment(i.segment, offset, bytes, linear) : !c.check_read_segment(i.segment, offset, bytes, linear))
        return false;
    if (aligned && (linear & (bytes - 1))) {
        c.raise(Vector::GP, 0);
        return false;
    }
    return true;
}

bool begin_mmx(Cpu& c, Outcome& out) { return !x87_pending(c) || x87::await(c, out); }

bool is_tiny(const Vector128& value, Tininess how) {
    const auto* bytes = reinterpret_cast<const u8*>(&value);
    const unsigned count = how.scalar ? 1 : 16 / how.bytes;
    for (unsigned n = 0; n < count; n++) {
        if (how.bytes == 4) {
            const u32 bits = peek<u32>(bytes + 4 * n);
            if (!(bits & 0x7f800000) && (bits & 0x7fffff)) return true;
        } else {
            const u64 bits = peek<u64>(bytes + 8 * n);
            if (!(bits & 0x7ff0000000000000) && (bits & 0xfffffffffffff)) return true;
        }
    }
    return false;
}

namespace {

constexpr u32 kFlushToZero = 1u << 15, kUnderflowMask = 1u << 11, kMasks = 0x1f80, kUnderflow = 1u << 4;
constexpr u32 kBeforeComputing = 7;    // IE, DE, ZE: if one of these is not masked, there are no results to have other exceptions

}  // namespace

void begin_unmasked(Cpu& c) {
    u32 value = (c.state.fpu.mxcsr & ~host::kMxcsrFlags) | kMasks;
    // Results are flushed to zero only while underflow is masked.
    if (!(c.state.fpu.mxcsr & kUnderflowMask)) value &= ~kFlushToZero;
    host::load_mxcsr(value);
}

bool end_unmasked(Cpu& c, bool tiny) {
    u32 flags = host::read_mxcsr() & host::kMxcsrFlags;
    host::load_mxcsr(host::kMxcsr);
    u32& mxcsr = c.state.fpu.mxcsr;
    const u32 open = ~mxcsr >> 7 & host::kMxcsrFlags;
    if (tiny && (open & kUnderflow)) flags |= kUnderflow;
    if (flags & open & kBeforeComputing) flags &= kBeforeComputing;
    mxcsr |= flags;
    if (!(flags & open)) return true;
    c.raise(c.state.cr4 & cr4::OSXMMEXCPT ? Vector::XM : Vector::UD);
    return false;
}

}  // namespace gnomon::simd
