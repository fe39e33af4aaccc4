// Descriptors and the loading of segment registers. SDM Vol. 3, "Protected-Mode Memory Management" and
// "Protection".
#pragma once

#include "cpu/cpu.h"

namespace gnomon {

/// Types of system descriptors (S = 0).
namespace system_type {
inline constexpr unsigned kTss16 = 1, kLdt = 2, kTss16Busy = 3, kCallGate16 = 4, kTaskGate = 5,
                          kInterruptGate16 = 6, kTrapGate16 = 7, kTss32 = 9, kTss32Busy = 11,
                          kCallGate32 = 12, kInterruptGate32 = 14, kTrapGate32 = 15;
// In IA-32e mode the 32-bit types stand for 64-bit TSSs and gates of 16 bytes, and the 16-bit ones are reserved.
inline constexpr unsigned kTss64 = 9, kTss64Busy = 11, kCallGate64 = 12, kInterruptGate64 = 14,
                          kTrapGate64 = 15;
}

/// Eight bytes of the GDT, an LDT or the IDT, and where they were read. System descriptors of IA-32e mode have
/// eight more: bits 63–32 of the base or the offset.
struct Descriptor {
    u32 low = 0;
    u32 high = 0;
    u64 linear = 0;
    u32 upper = 0;  ///< bits 63–32 of base or offset; 0 in descriptors of eight bytes

    [[nodiscard]] u64 base() const {
        return u64{upper} << 32 | (low >> 16 | (high & 0xff) << 16 | (high & 0xff000000));
    }
    [[nodiscard]] u32 limit() const {
        const u32 raw = (low & 0xffff) | (high & 0xf0000);
        return high >> 23 & 1 ? raw << 12 | 0xfff : raw;
    }
    [[nodiscard]] u16 attributes() const { return static_cast<u16>(high >> 8 & 0xf0ff); }
    [[nodiscard]] unsigned type() const { return high >> 8 & 15; }
    [[nodiscard]] unsigned dpl() const { return high >> 13 & 3; }
    [[nodiscard]] bool present() const { return high >> 15 & 1; }
    [[nodiscard]] bool is_system() const { return !(high >> 12 & 1); }
    [[nodiscard]] bool is_code() const { return (high >> 11 & 3) == 3; }
    [[nodiscard]] bool is_long() const { return high >> 21 & 1; }
    [[nodiscard]] bool is_big() const { return high >> 22 & 1; }
    [[nodiscard]] bool is_data() const { return (high >> 11 & 3) == 2; }
    [[nodiscard]] bool conforming() const { return is_code() && (high >> 10 & 1); }
    [[nodiscard]] bool readable() const { return is_data() || (is_code() && (high >> 9 & 1)); }
    [[nodiscard]] bool writable() const { return is_data() && (high >> 9 & 1); }
    // Gates.
    [[nodiscard]] bool gate_is_32() const { return high >> 11 & 1; }
    [[nodiscard]] u16 gate_selector() const { return static_cast<u16>(low >> 16); }
    /// A 286 gate has 16 bits of offset, whatever its last word holds.
    [[nodiscard]] u32 gate_offset() const { return (low & 0xffff) | (gate_is_32() ? high & 0xffff0000 : 0); }
    [[nodiscard]] u64 gate_offset64() const { return u64{upper} << 32 | (high & 0xffff0000) | (low & 0xffff); }
    [[nodiscard]] unsigned gate_parameters() const { return high & 31; }
    [[nodiscard]] unsigned gate_stack() const { return high & 7; }  ///< IST field of a 64-bit gate
    [[nodiscard]] bool is_tss_available() const {
        return is_system() && (type() == system_type::kTss16 || type() == system_type::kTss32);
    }
    [[nodiscard]] bool is_tss_busy() const {
        return is_system() && (type() == system_type::kTss16Busy || type() == system_type::kTss32Busy);
    }
};

/// Error code made of a selector: index and TI, without RPL.
constexpr u32 selector_error(u16 selector) { return selector & 0xfffcu; }
constexpr bool is_null(u16 selector) { return !(selector & 0xfffc); }
constexpr unsigned rpl(u16 selector) { return selector & 3; }
constexpr bool in_ldt(u16 selector) { return selector & 4; }

/// Sets a fault; false, which is what checks return then.
[[nodiscard]] inline bool refuse(Cpu& cpu, Vector vector, u32 error) {
    cpu.raise(vector, error);
    return false;
}

/// Reads the descriptor of a selector that is not null. False: `vector`(selector) because it lies beyond its
/// table, or #PF.
[[nodiscard]] bool fetch_descriptor(Cpu& cpu, u16 selector, Vector vector, Descriptor& out);
/// The same without any fault for what lies beyond the table (LAR, LSL, VERR, VERW): `found` tells.
[[nodiscard]] bool try_fetch_descriptor(Cpu& cpu, u16 selector, Descriptor& out, bool& found);
/// IA-32e mode: reads the second half of a system descriptor. False: `vector`(selector) because it lies beyond the
/// table or its type field is not zero, or #PF.
[[nodiscard]] bool fetch_upper_half(Cpu& cpu, u16 selector, Vector vector, Descriptor& descriptor);
/// False: #NP(selector).
[[nodiscard]] inline bool check_present(Cpu& cpu, u16 selector, const Descriptor& descriptor) {
    return descriptor.present() || refuse(cpu, Vector::NP, selector_error(selector));
}
/// A code descriptor with L and D both set is reserved in IA-32e mode.
[[nodiscard]] bool is_reserved_code(const Cpu& cpu, const Descriptor& code);
/// Whether code that runs by this descriptor runs in 64-bit mode.
[[nodiscard]] bool leads_to_64bit(const Cpu& cpu, const Descriptor& code);
/// The target offset lies within the limit of the code segment or, in 64-bit mode, is canonical; else #GP(0).
[[nodiscard]] bool check_target(Cpu& cpu, const Descriptor& code, u64 offset);

/// Sets the accessed bit in memory and in `descriptor`. The write is a locked one on the real bus; false on a
/// page fault.
[[nodiscard]] bool mark_accessed(Cpu& cpu, Descriptor& descriptor);
/// Sets or clears the busy bit of a TSS descriptor.
[[nodiscard]] bool mark_busy(Cpu& cpu, const Descriptor& descriptor, bool busy);

/// Fills the descriptor cache; no checks, no update of the mode.
void set_segment(Segment& segment, u16 selector, const Descriptor& descriptor);
/// An unusable segment: every access through it faults.
void set_null_segment(Segment& segment, u16 selector);
/// DS, ES, FS or GS as a load of a null selector leaves it: processors of AMD keep the base.
void load_null_segment(Cpu& cpu, Seg seg, u16 selector);
/// SS of 64-bit mode without a descriptor.
void set_null_stack(Cpu& cpu, u16 selector, unsigned cpl);
/// Real mode: base from the selector; limit and size stay as they were ("unreal mode").
void set_real_segment(Cpu& cpu, Seg seg, u16 selector);
/// Virtual-8086 mode: 64 KiB, read/write, DPL 3.
void set_v86_segment(Segment& segment, u16 selector);
/// CS:IP in either of these modes; the mode is not updated.
void set_real_target(Cpu& cpu, u16 selector, u64 offset);

/// SS, DS, ES, FS, GS as MOV and POP load them, in every mode, with the mode updated. False with the fault
/// set. `vector` is #GP, or #TS during a task switch.
[[nodiscard]] bool load_segment(Cpu& cpu, Seg seg, u16 selector, Vector vector = Vector::GP);
/// SS for another privilege (inner stacks, outer returns, task switches): the checks of load_segment against
/// `cpl`; nothing loaded yet.
[[nodiscard]] bool check_stack_segment(Cpu& cpu, u16 selector, unsigned cpl, Vector vector, Descriptor& out);
/// CS from a checked descriptor: RPL becomes `cpl`, and so does the CPL.
void set_code_segment(Cpu& cpu, u16 selector, const Descriptor& descriptor, unsigned cpl);
/// After a return to an outer level: data segments that it may not use become null.
void drop_inner_segments(Cpu& cpu);

}  // namespace gnomon
