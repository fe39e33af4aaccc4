// XSAVE, XSAVEOPT, XSAVEC, XSAVES, XRSTOR, XRSTORS, XGETBV, XSETBV. SDM Vol. 1, "Managing State Using the XSAVE Feature
// Set"; Vol. 2, "Operation" of each.
#include "cpu/fpu/xsave.h"

#include <algorithm>
#include <cstring>

#include "cpu/fpu/fxsave.h"
#include "cpu/fpu/host.h"
#include "cpu/fpu/memory_image.h"
#include "cpu/fpu/x87.h"
#include "cpu/long_mode.h"

namespace gnomon {
namespace {

constexpr unsigned kMxcsrAt = 24, kRegistersAt = 32, kXmmAt = 160, kHeaderAt = 512, kHeaderBytes = 64,
                   kExtendedAt = kHeaderAt + kHeaderBytes;
constexpr u64 kCompacted = u64{1} << 63;
constexpr u32 kMxcsrInitial = 0x1f80;

constexpr auto kComponents = std::to_array<StateComponent>({
    {2, 576, 256, Feature::AVX},
    {5, 1088, 64, Feature::AVX512F},
    {6, 1152, 512, Feature::AVX512F},
    {7, 1664, 1024, Feature::AVX512F},
    {9, 2688, 8, Feature::PKU},
});
constexpr unsigned kMostBytes = 2696;

constexpr u64 kAvx512 = xcr0::OPMASK | xcr0::ZMM_HI256 | xcr0::HI16_ZMM;

/// Calls `visit` with each byte range of the processor's state that makes up a component in this mode, in the order of
/// the image. 8 registers of vectors outside 64-bit mode, and none of the upper sixteen.
template<class Visit>
void each_part(Cpu& c, unsigned number, Visit visit) {
    FpuState& f = c.state.fpu;
    const unsigned count = simd::xmm_count(c);
    const auto vectors = [&](unsigned first, unsigned n, unsigned from, unsigned bytes) {
        for (unsigned i = 0; i < n; i++) visit(std::span(f.vectors[first + i].bytes).subspan(from, bytes), i * bytes);
    };
    switch (number) {
        case 2: vectors(0, count, 16, 16); break;
        case 5:
            for (unsigned i = 0; i < 8; i++) visit(std::span(reinterpret_cast<u8*>(&f.opmasks[i]), 8), i * 8);
            break;
        case 6: vectors(0, count, 32, 32); break;
        case 7:
            if (count == 16) vectors(16, 16, 0, 64);
            break;
        default: visit(std::span(reinterpret_cast<u8*>(&c.state.pkru), 4), 0); break;
    }
}

bool x87_in_use(const FpuState& f) {
    const bool registers = std::any_of(f.registers.begin(), f.registers.end(),
                                       [](const Float80& r) { return r.significand || r.exponent; });
    return f.control != 0x37f || f.status_word() != 0 || f.valid != 0 || f.opcode != 0 || f.instruction_pointer ||
           f.instruction_selector || f.data_pointer || f.data_selector || registers;
}

/// XINUSE: components that are not in their initial configuration.
u64 in_use(Cpu& c) {
    const FpuState& f = c.state.fpu;
    u64 bits = x87_in_use(f) ? xcr0::X87 : 0;
    // Without a branch, so that the compiler takes whole vectors.
    const auto nonzero = [](std::span<const u8> bytes) {
        unsigned any = 0;
        for (const u8 byte : bytes) any |= byte;
        return any != 0;
    };
    for (unsigned n = 0; n < simd::xmm_count(c); n++)
        if (nonzero(std::span(f.vectors[n].bytes).first(16))) bits |= xcr0::SSE;
    for (const StateComponent& component : kComponents)
        each_part(c, component.number, [&](std::span<u8> part, unsigned) {
            if (nonzero(part)) bits |= u64{1} << component.number;
        });
    return bits;
}

/// Where a component begins: fixed, or one after the other in the order of their numbers.
u32 offset_of(const StateComponent& component, bool compact, u64 present) {
    if (!compact) return component.offset;
    u32 at = kExtendedAt;
    for (const StateComponent& other : kComponents)
        if (other.number < component.number && (present >> other.number & 1)) at += other.size;
    return at;
}

/// CR4.OSXSAVE, CR0.TS, and an operand at a multiple of 64. False with the fault set.
bool locate_area(Cpu& c, const Instruction& i, u64& offset) {
    if (!(c.state.cr4 & cr4::OSXSAVE)) {
        c.raise(Vector::UD);
        return false;
    }
    if (c.state.cr0 & cr0::TS) {
        c.raise(Vector::NM);
        return false;
    }
    offset = c.effective_address(i);
    u64 linear = 0;
    if (!c.check_read_segment(i.segment, offset, kExtendedAt, linear)) return false;
    if (linear & 63) {
        c.raise(Vector::GP, 0);
        return false;
    }
    return true;
}

u64 requested(const Cpu& c) {
    return (c.state.gpr[reg::DX] << 32 | c.get<u32>(reg::AX)) & c.state.xcr0;
}

/// The image as it will be, and which parts of it are stored.
class SaveArea {
  public:
    void add(u32 at, u32 size) { ranges_[count_++] = {at, size}; }
    [[nodiscard]] std::span<u8> at(u32 offset, u32 size) { return std::span(image_).subspan(offset, size); }
    [[nodiscard]] std::span<u8> all() { return image_; }
    template<class T>
    void put(u32 offset, T value) {
        std::memcpy(image_.data() + offset, &value, sizeof value);
    }
    /// All or nothing.
    [[nodiscard]] bool store(Cpu& c, Seg seg, u64 offset) const {
        for (unsigned n = 0; n < count_; n++)
            if (!check_image_write(c, seg, offset + ranges_[n].at, ranges_[n].size)) return false;
        for (unsigned n = 0; n < count_; n++) {
            const auto [at, size] = ranges_[n];
            if (!write_image(c, seg, offset + at, std::span(image_).subspan(at, size))) return false;
        }
        return true;
    }

  private:
    struct Range {
        u32 at, size;
    };
    std::array<u8, kMostBytes> image_{};
    std::array<Range, 12> ranges_{};
    unsigned count_ = 0;
};

/// What tells the four instructions apart.
struct SaveForm {
    bool optimized;    ///< components in their initial configuration need not be stored
    bool compact;
};

Outcome save(Cpu& c, const Instruction& i, const SaveForm& form) {
    u64 offset;
    if (!locate_area(c, i, offset)) return Outcome::Fault;
    host::collect_mxcsr(c);
    const u64 mask = requested(c);
    const FpuState& f = c.state.fpu;
    u64 used = in_use(c);
    if (form.compact && f.mxcsr != kMxcsrInitial) used |= xcr0::SSE;
    const u64 stored = form.optimized ? mask & used : mask;

    SaveArea area;
    if (stored & xcr0::X87) {
        simd::put_x87(f, area.all(), i.operand_bytes() == 8);
        area.add(0, kMxcsrAt);
        area.add(kRegistersAt, kXmmAt - kRegistersAt);
    }
    const bool with_mxcsr = form.compact ? stored & xcr0::SSE : mask & (xcr0::SSE | xcr0::AVX);
    if (with_mxcsr) {
        area.put(kMxcsrAt, f.mxcsr);
        area.put(kMxcsrAt + 4, simd::mxcsr_mask(c.features()));
        area.add(kMxcsrAt, 8);
    }
    if (stored & xcr0::SSE) {
        const unsigned count = simd::xmm_count(c);
        for (unsigned n = 0; n < count; n++)
            std::memcpy(area.at(kXmmAt + 16 * n, 16).data(), f.vectors[n].bytes.data(), 16);
        area.add(kXmmAt, 16 * count);
    }
    for (const StateComponent& component : kComponents) {
        if (!(stored >> component.number & 1)) continue;
        const u32 base = offset_of(component, form.compact, mask);
        u32 end = 0;
        each_part(c, component.number, [&](std::span<u8> part, unsigned at) {
            std::memcpy(area.at(base + at, static_cast<u32>(part.size())).data(), part.data(), part.size());
            end = at + static_cast<u32>(part.size());
        });
        if (end != 0) area.add(base, end);
    }
    u64 header = mask & used;
    if (form.compact) {
        area.put(kHeaderAt + 8, mask | kCompacted);
        area.add(kHeaderAt, kHeaderBytes);    // the rest of it becomes zero
    } else {
        u64 before;
        if (!c.read(i.segment, offset + kHeaderAt, before)) return Outcome::Fault;
        header |= before & ~mask;
        area.add(kHeaderAt, 8);
    }
    area.put(kHeaderAt, header);
    return area.store(c, i.segment, offset) ? Outcome::Next : Outcome::Fault;
}

/// XSTATE_BV and XCOMP_BV as a restore accepts them.
bool header_valid(const Cpu& c, std::span<const u8, kHeaderBytes> header, bool must_be_compact) {
    u64 words[8];
    std::memcpy(words, header.data(), sizeof words);
    const auto zero_from = [&](unsigned n) { return std::all_of(words + n, words + 8, [](u64 w) { return w == 0; }); };
    if (!(words[1] & kCompacted))
        return !must_be_compact && !(words[0] & ~c.state.xcr0) && words[1] == 0 && words[2] == 0;
    const u64 format = words[1] & ~kCompacted;
    return !(format & ~c.state.xcr0) && !(words[0] & ~format) && zero_from(2);
}

void initialise_x87(Cpu& c) {
    std::array<u8, kXmmAt> image{};
    image[0] = 0x7f;
    image[1] = 0x03;
    simd::take_x87(c, image, true);
}

Outcome restore(Cpu& c, const Instruction& i, bool must_be_compact) {
    u64 offset;
    std::array<u8, kMostBytes> image;
    if (!locate_area(c, i, offset) || !read_image(c, i.segment, offset, std::span(image).first(kExtendedAt)))
        return Outcome::Fault;
    if (!header_valid(c, std::span(image).subspan<kHeaderAt, kHeaderBytes>(), must_be_compact))
        return c.raise(Vector::GP, 0);
    u64 present;
    u64 format;
    std::memcpy(&present, image.data() + kHeaderAt, 8);
    std::memcpy(&format, image.data() + kHeaderAt + 8, 8);
    const bool compact = format & kCompacted;
    const u64 mask = requested(c);
    for (const StateComponent& component : kComponents) {
        if (!((mask & present) >> component.number & 1)) continue;
        const u32 base = offset_of(component, compact, format);
        if (!read_image(c, i.segment, offset + base, std::span(image).subspan(base, component.size)))
            return Outcome::Fault;
    }
    u32 mxcsr;
    std::memcpy(&mxcsr, image.data() + kMxcsrAt, 4);
    // The standard form loads MXCSR also where the XMM registers are only initialised.
    const bool loads_mxcsr = compact ? mask & present & xcr0::SSE : mask & (xcr0::SSE | xcr0::AVX);
    if (loads_mxcsr && (mxcsr & ~simd::mxcsr_mask(c.features()))) return c.raise(Vector::GP, 0);

    if (mask & present & xcr0::X87) simd::take_x87(c, image, i.operand_bytes() == 8);
    else if (mask & xcr0::X87) initialise_x87(c);
    host::return_simd(c);
    FpuState& f = c.state.fpu;
    if (loads_mxcsr) f.mxcsr = mxcsr;
    else if (mask & xcr0::SSE) f.mxcsr = kMxcsrInitial;
    if (mask & xcr0::SSE) {
        for (unsigned n = 0; n < simd::xmm_count(c); n++) {
            u8* to = f.vectors[n].bytes.data();
            if (present & xcr0::SSE) std::memcpy(to, image.data() + kXmmAt + 16 * n, 16);
            else std::memset(to, 0, 16);
        }
    }
    for (const StateComponent& component : kComponents) {
        if (!(mask >> component.number & 1)) continue;
        const bool loaded = present >> component.number & 1;
        const u32 base = offset_of(component, compact, format);
        each_part(c, component.number, [&](std::span<u8> part, unsigned at) {
            if (loaded) std::memcpy(part.data(), image.data() + base + at, part.size());
            else std::memset(part.data(), 0, part.size());
        });
    }
    if (mask & xcr0::PKRU) c.update_paging(false);
    return Outcome::Next;
}

}  // namespace

std::span<const StateComponent> state_components() { return kComponents; }

u64 xcr0_supported(const FeatureSet& features) {
    u64 mask = xcr0::X87 | xcr0::SSE;
    for (const StateComponent& component : kComponents)
        if (features.has(component.feature)) mask |= u64{1} << component.number;
    return mask;
}

u32 standard_size(u64 components) {
    u32 size = kExtendedAt;
    for (const StateComponent& component : kComponents)
        if (components >> component.number & 1) size = std::max(size, component.offset + component.size);
    return size;
}

u32 compacted_size(u64 components) {
    u32 size = kExtendedAt;
    for (const StateComponent& component : kComponents)
        if (components >> component.number & 1) size += component.size;
    return size;
}

Outcome xgetbv(Cpu& c, const Instruction&) {
    if (!(c.state.cr4 & cr4::OSXSAVE)) return c.raise(Vector::UD);
    const u32 index = c.get<u32>(reg::CX);
    if (index > 1 || (index == 1 && !c.features().has(Feature::XGETBV1))) return c.raise(Vector::GP, 0);
    const u64 value = index == 0 ? c.state.xcr0 : c.state.xcr0 & in_use(c);
    c.put<u32>(reg::AX, static_cast<u32>(value));
    c.put<u32>(reg::DX, static_cast<u32>(value >> 32));
    return Outcome::Next;
}

Outcome xsetbv(Cpu& c, const Instruction&) {
    if (!(c.state.cr4 & cr4::OSXSAVE)) return c.raise(Vector::UD);
    const u64 value = u64{c.get<u32>(reg::DX)} << 32 | c.get<u32>(reg::AX);
    const bool good = c.cpl() == 0 && c.get<u32>(reg::CX) == 0 && (value & xcr0::X87) &&
                      !(value & ~xcr0_supported(c.features())) && (!(value & xcr0::AVX) || (value & xcr0::SSE)) &&
                      (!(value & kAvx512) || ((value & kAvx512) == kAvx512 && (value & xcr0::AVX)));
    if (!good) return c.raise(Vector::GP, 0);
    c.state.xcr0 = value;
    c.update_mode();
    c.state.rip = c.next_rip;
    return Outcome::Jump;
}

Outcome xsave(Cpu& c, const Instruction& i) { return save(c, i, {.optimized = false, .compact = false}); }
Outcome xsaveopt(Cpu& c, const Instruction& i) { return save(c, i, {.optimized = true, .compact = false}); }
Outcome xsavec(Cpu& c, const Instruction& i) { return save(c, i, {.optimized = true, .compact = true}); }
// IA32_XSS has no components, so that XSAVES and XRSTORS differ in privilege only.
Outcome xsaves(Cpu& c, const Instruction& i) { return save(c, i, {.optimized = true, .compact = true}); }
Outcome xrstor(Cpu& c, const Instruction& i) { return restore(c, i, false); }
Outcome xrstors(Cpu& c, const Instruction& i) { return restore(c, i, true); }

}  // namespace gnomon
