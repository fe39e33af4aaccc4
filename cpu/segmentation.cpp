// Descriptor fetches, segment loads and their faults. SDM Vol. 3, "Protection"; Vol. 2, MOV and POP,
// "Operation".
#include "cpu/segmentation.h"

#include "cpu/long_mode.h"
#include "cpu/model.h"

namespace gnomon {

bool try_fetch_descriptor(Cpu& cpu, u16 selector, Descriptor& out, bool& found) {
    const CpuState& s = cpu.state;
    u64 base = s.gdtr.base;
    u32 limit = s.gdtr.limit;
    found = false;
    if (in_ldt(selector)) {
        if (!(s.ldtr.attributes & attribute::kPresent)) return true;
        base = s.ldtr.base;
        limit = s.ldtr.limit;
    }
    if ((selector | 7u) > limit) return true;
    found = true;
    out.linear = table_address(cpu, base + (selector & 0xfff8u));
    out.upper = 0;
    u64 raw;
    if (!cpu.read_linear(out.linear, raw, Privilege::Supervisor)) return false;
    out.low = static_cast<u32>(raw);
    out.high = static_cast<u32>(raw >> 32);
    return true;
}

bool fetch_descriptor(Cpu& cpu, u16 selector, Vector vector, Descriptor& out) {
    bool found;
    if (!try_fetch_descriptor(cpu, selector, out, found)) return false;
    if (!found) cpu.raise(vector, selector_error(selector));
    return found;
}

bool fetch_upper_half(Cpu& cpu, u16 selector, Vector vector, Descriptor& descriptor) {
    const CpuState& s = cpu.state;
    const u32 limit = in_ldt(selector) ? s.ldtr.limit : s.gdtr.limit;
    u64 upper = ~u64{0};
    const bool inside = (selector | 7u) + 8 <= limit;
    if (inside && !cpu.read_linear(descriptor.linear + 8, upper, Privilege::Supervisor)) return false;
    if (!inside || (upper >> 40 & 0x1f) != 0) {
        cpu.raise(vector, selector_error(selector));
        return false;
    }
    descriptor.upper = static_cast<u32>(upper);
    return true;
}

bool is_reserved_code(const Cpu& cpu, const Descriptor& code) {
    return long_mode(cpu) && code.is_long() && code.is_big();
}

bool leads_to_64bit(const Cpu& cpu, const Descriptor& code) { return long_mode(cpu) && code.is_long(); }

bool check_target(Cpu& cpu, const Descriptor& code, u64 offset) {
    if (leads_to_64bit(cpu, code) ? cpu.canonical(offset) : offset <= code.limit()) return true;
    cpu.raise(Vector::GP, 0);
    return false;
}

bool mark_accessed(Cpu& cpu, Descriptor& descriptor) {
    if (descriptor.high >> 8 & attribute::kAccessed) return true;
    descriptor.high |= attribute::kAccessed << 8;
    return cpu.write_linear(table_address(cpu, descriptor.linear + 5), static_cast<u8>(descriptor.high >> 8),
                            Privilege::Supervisor);
}

bool mark_busy(Cpu& cpu, const Descriptor& descriptor, bool busy) {
    const u64 linear = table_address(cpu, descriptor.linear + 5);
    u8 access;
    if (!cpu.read_linear(linear, access, Privilege::Supervisor)) return false;
    return cpu.write_linear(linear, static_cast<u8>(busy ? access | 2 : access & ~2), Privilege::Supervisor);
}

void set_segment(Segment& segment, u16 selector, const Descriptor& descriptor) {
    segment.selector = selector;
    segment.base = descriptor.base();
    segment.limit = descriptor.limit();
    segment.attributes = descriptor.attributes();
    Cpu::update_windows(segment);
}

void set_null_segment(Segment& segment, u16 selector) {
    segment.selector = selector;
    segment.base = 0;
    segment.attributes = 0;
    Cpu::update_windows(segment);
}

void load_null_segment(Cpu& cpu, Seg seg, u16 selector) {
    Segment& segment = cpu.segment(seg);
    const u64 base = segment.base;
    set_null_segment(segment, selector);
    if (cpu.model().vendor == kVendorAmd) segment.base = base;
}

void set_null_stack(Cpu& cpu, u16 selector, unsigned cpl) {
    Segment& ss = cpu.segment(Seg::SS);
    set_null_segment(ss, selector);
    ss.attributes = static_cast<u16>(cpl << 5);
}

void set_real_segment(Cpu& cpu, Seg seg, u16 selector) {
    Segment& segment = cpu.segment(seg);
    segment.selector = selector;
    segment.base = u32{selector} << 4;
    constexpr u16 kData =
        attribute::kPresent | attribute::kCodeOrData | attribute::kWritable | attribute::kAccessed;
    if (!(segment.attributes & attribute::kPresent)) {
        segment.limit = 0xffff;
        segment.attributes = kData;
    } else if (seg == Seg::CS) {
        // The access rights of CS become those of data, so that stores through CS work; its size stays.
        segment.attributes = static_cast<u16>((segment.attributes & 0xf000) | kData);
    }
    Cpu::update_windows(segment);
}

void set_v86_segment(Segment& segment, u16 selector) {
    segment.selector = selector;
    segment.base = u32{selector} << 4;
    segment.limit = 0xffff;
    segment.attributes = 0xf3;
    Cpu::update_windows(segment);
}

void set_real_target(Cpu& cpu, u16 selector, u64 offset) {
    if (cpu.v86())
        set_v86_segment(cpu.segment(Seg::CS), selector);
    else
        set_real_segment(cpu, Seg::CS, selector);
    cpu.state.rip = offset;
}

bool check_stack_segment(Cpu& cpu, u16 selector, unsigned cpl, Vector vector, Descriptor& out) {
    if (is_null(selector)) {
        // A null stack is an error code of 0 for MOV SS, and the selector, which is the same, in a task
        // switch.
        cpu.raise(vector, 0);
        return false;
    }
    if (!fetch_descriptor(cpu, selector, vector, out)) return false;
    if (rpl(selector) != cpl || !out.writable() || out.dpl() != cpl) {
        cpu.raise(vector, selector_error(selector));
        return false;
    }
    if (!out.present()) {
        cpu.raise(Vector::SS, selector_error(selector));
        return false;
    }
    return true;
}

namespace {

/// The decode mode does not depend on FS and GS.
void update_mode_for(Cpu& cpu, Seg seg) {
    if (seg < Seg::FS) cpu.update_mode();
}

}  // namespace

bool load_segment(Cpu& cpu, Seg seg, u16 selector, Vector vector) {
    Segment& segment = cpu.segment(seg);
    if (!cpu.protected_mode()) {
        if (cpu.v86())
            set_v86_segment(segment, selector);
        else
            set_real_segment(cpu, seg, selector);
        update_mode_for(cpu, seg);
        return true;
    }
    Descriptor d;
    if (seg == Seg::SS) {
        // 64-bit mode does without a stack segment, except at level 3.
        if (is_null(selector) && cpu.in_64bit_mode() && cpu.cpl() < 3 && rpl(selector) == cpu.cpl()) {
            set_null_stack(cpu, selector, cpu.cpl());
            update_mode_for(cpu, seg);
            return true;
        }
        if (!check_stack_segment(cpu, selector, cpu.cpl(), vector, d)) return false;
    } else {
        if (is_null(selector)) {
            load_null_segment(cpu, seg, selector);
            update_mode_for(cpu, seg);
            return true;
        }
        if (!fetch_descriptor(cpu, selector, vector, d)) return false;
        const bool allowed = d.conforming() || (rpl(selector) <= d.dpl() && cpu.cpl() <= d.dpl());
        if (!d.readable() || !allowed) {
            cpu.raise(vector, selector_error(selector));
            return false;
        }
        if (!d.present()) {
            cpu.raise(Vector::NP, selector_error(selector));
            return false;
        }
    }
    if (!mark_accessed(cpu, d)) return false;
    set_segment(segment, selector, d);
    update_mode_for(cpu, seg);
    return true;
}

void set_code_segment(Cpu& cpu, u16 selector, const Descriptor& descriptor, unsigned cpl) {
    set_segment(cpu.segment(Seg::CS), static_cast<u16>((selector & ~3u) | cpl), descriptor);
    cpu.state.cpl = static_cast<u8>(cpl);
}

void drop_inner_segments(Cpu& cpu) {
    for (const Seg seg : {Seg::ES, Seg::DS, Seg::FS, Seg::GS}) {
        Segment& segment = cpu.segment(seg);
        // Null already: the base, which 64-bit mode uses, stays.
        if (is_null(segment.selector)) continue;
        const bool conforming =
            (segment.attributes & attribute::kCode) && (segment.attributes & attribute::kConforming);
        if (!conforming && attribute::dpl(segment.attributes) < cpu.cpl()) load_null_segment(cpu, seg, 0);
    }
}

}  // namespace gnomon
