// FXSAVE, FXRSTOR, LDMXCSR, STMXCSR. SDM Vol. 2; Vol. 1, "FXSAVE/FXRSTOR Area".
#include "cpu/fpu/fxsave.h"

#include <cstring>

#include "cpu/fpu/memory_image.h"
#include "cpu/fpu/x87.h"
#include "cpu/long_mode.h"
#include "cpu/system_registers.h"

namespace gnomon::simd {
namespace {

/// Offsets in the image of 512 bytes; the last 48 bytes before the end are the reader's own.
constexpr unsigned kMxcsrAt = 24, kRegistersAt = 32, kXmmAt = 160, kMostXmm = 16;
constexpr unsigned kImageBytes = 512;

/// Whether the image holds MXCSR and the XMM registers.
bool with_sse(const Cpu& c) { return c.features().has(Feature::SSE) && (c.state.cr4 & cr4::OSFXSR); }

/// AMD APM Vol. 2, "Fast FXSAVE/FXRSTOR": level 0 of 64-bit mode keeps the XMM registers out of it.
bool leaves_out_xmm(const Cpu& c) {
    return (c.state.msr.efer & efer::FFXSR) && c.in_64bit_mode() && c.cpl() == 0;
}

template<class T>
void put(std::span<u8> image, unsigned at, T value) {
    std::memcpy(image.data() + at, &value, sizeof value);
}
template<class T>
T take(std::span<const u8> image, unsigned at) {
    T value;
    std::memcpy(&value, image.data() + at, sizeof value);
    return value;
}

/// Segment first, then alignment, then paging.
bool locate_image(Cpu& c, const Instruction& i, bool for_write, u64& offset) {
    offset = c.effective_address(i);
    u64 linear = 0;
    if (for_write ? !c.check_write_segment(i.segment, offset, kImageBytes, linear)
                  : !c.check_read_segment(i.segment, offset, kImageBytes, linear))
        return false;
    if (linear & 15) {
        c.raise(Vector::GP, 0);
        return false;
    }
    return true;
}

}  // namespace

unsigned xmm_count(const Cpu& c) { return c.in_64bit_mode() ? 16 : 8; }

u32 mxcsr_mask(const FeatureSet& features) { return features.has(Feature::SSE2) ? 0xffff : 0xffbf; }

void put_x87(const FpuState& f, std::span<u8> image, bool wide) {
    put(image, 0, f.control);
    put(image, 2, f.status_word());
    put(image, 4, u16{f.valid});
    put(image, 6, f.opcode);
    if (wide) {
        put(image, 8, f.instruction_pointer);
        put(image, 16, f.data_pointer);
    } else {
        put(image, 8, static_cast<u32>(f.instruction_pointer));
        put(image, 12, u32{f.instruction_selector});
        put(image, 16, static_cast<u32>(f.data_pointer));
        put(image, 20, u32{f.data_selector});
    }
    for (unsigned n = 0; n < 8; n++) {
        const Float80& value = f.registers[x87::physical(f, n)];
        put(image, kRegistersAt + 16 * n, value.significand);
        put(image, kRegistersAt + 16 * n + 8, u64{value.exponent});
    }
}

void take_x87(Cpu& c, std::span<const u8> image, bool wide) {
    host::return_x87(c);
    FpuState& f = c.state.fpu;
    f.control = static_cast<u16>((take<u16>(image, 0) & x87::kControlBits) | x87::kControlFixed);
    f.set_status_word(static_cast<u16>((take<u16>(image, 2) & 0x7f7f) | (f.status & x87::sw::ES)));
    f.valid = take<u8>(image, 4);
    f.opcode = take<u16>(image, 6) & 0x7ff;
    f.instruction_pointer = wide ? take<u64>(image, 8) : take<u32>(image, 8);
    f.instruction_selector = wide ? u16{0} : take<u16>(image, 12);
    f.data_pointer = wide ? take<u64>(image, 16) : take<u32>(image, 16);
    f.data_selector = wide ? u16{0} : take<u16>(image, 20);
    for (unsigned n = 0; n < 8; n++) {
        Float80& value = f.registers[x87::physical(f, n)];
        value.significand = take<u64>(image, kRegistersAt + 16 * n);
        value.exponent = take<u16>(image, kRegistersAt + 16 * n + 8);
    }
    x87::update_pending(c);
}

Outcome fxsave(Cpu& c, const Instruction& i) {
    u64 offset;
    if (!locate_image(c, i, true, offset) || !check_image_write(c, i.segment, offset, kImageBytes))
        return Outcome::Fault;
    host::collect_mxcsr(c);
    const FpuState& f = c.state.fpu;
    std::array<u8, kXmmAt + 16 * kMostXmm> image{};
    put_x87(f, image, i.operand_bytes() == 8);
    const bool sse = with_sse(c);
    const unsigned count = sse && !leaves_out_xmm(c) ? xmm_count(c) : 0;
    if (sse) {
        put(std::span(image), kMxcsrAt, f.mxcsr);
        put(std::span(image), kMxcsrAt + 4, mxcsr_mask(c.features()));
    }
    for (unsigned n = 0; n < count; n++)
        std::memcpy(image.data() + kXmmAt + 16 * n, f.vectors[n].bytes.data(), 16);
    return write_image(c, i.segment, offset, std::span(image).first(kXmmAt + 16 * count)) ? Outcome::Next
                                                                                        : Outcome::Fault;
}

Outcome fxrstor(Cpu& c, const Instruction& i) {
    u64 offset;
    std::array<u8, kXmmAt + 16 * kMostXmm> image;
    const bool sse = with_sse(c);
    const unsigned count = sse && !leaves_out_xmm(c) ? xmm_count(c) : 0;
    const std::span<u8> used = std::span(image).first(kXmmAt + 16 * count);
    if (!locate_image(c, i, false, offset) || !read_image(c, i.segment, offset, used)) return Outcome::Fault;
    if (sse && (take<u32>(image, kMxcsrAt) & ~mxcsr_mask(c.features()))) return c.raise(Vector::GP, 0);
    take_x87(c, image, i.operand_bytes() == 8);
    if (!sse) return Outcome::Next;
    host::return_simd(c);
    FpuState& f = c.state.fpu;
    f.mxcsr = take<u32>(image, kMxcsrAt);
    for (unsigned n = 0; n < count; n++)
        std::memcpy(f.vectors[n].bytes.data(), image.data() + kXmmAt + 16 * n, 16);
    return Outcome::Next;
}

Outcome ldmxcsr(Cpu& c, const Instruction& i) {
    u32 value;
    if (!c.load(i, value)) return Outcome::Fault;
    if (value & ~mxcsr_mask(c.features())) return c.raise(Vector::GP, 0);
    host::return_simd(c);
    c.state.fpu.mxcsr = value;
    return Outcome::Next;
}

Outcome stmxcsr(Cpu& c, const Instruction& i) {
    const u32 flags = c.host_fpu.simd ? host::read_mxcsr() & host::kMxcsrFlags : 0;
    return c.store(i, c.state.fpu.mxcsr | flags) ? Outcome::Next : Outcome::Fault;
}

}  // namespace gnomon::simd
