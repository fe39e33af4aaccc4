// SYSENTER, SYSEXIT, SYSCALL, SYSRET, SWAPGS and the bases of FS and GS. SDM Vol. 2, "Operation" of each;
// Vol. 3, "Fast System Calls in 64-Bit Mode"; where AMD's processors differ: AMD APM Vol. 3, SYSCALL and
// SYSRET.
#include <utility>

#include "cpu/long_mode.h"
#include "cpu/model.h"
#include "cpu/segmentation.h"
#include "cpu/system_instructions.h"

namespace gnomon {
namespace {

constexpr u16 kFlatCode32 = attribute::kCode | attribute::kReadable | attribute::kBig;
constexpr u16 kFlatCode64 = attribute::kCode | attribute::kReadable | attribute::kLong;
constexpr u16 kFlatData = attribute::kWritable | attribute::kBig;

/// The flat segments that these instructions make without reading a descriptor.
void set_flat(Segment& segment, u16 selector, u16 attributes) {
    segment.selector = selector;
    segment.base = 0;
    segment.limit = 0xffffffff;
    segment.attributes =
        static_cast<u16>(attributes | attribute::kGranularity | attribute::kPresent | attribute::kCodeOrData |
                         attribute::kAccessed | (selector & 3) << 5);
    Cpu::update_windows(segment);
}

/// Both segments of a system call or its end; the RPL of `cs` is the new privilege.
void enter_flat(Cpu& cpu, unsigned cs, unsigned ss, u16 code_attributes) {
    set_flat(cpu.segment(Seg::CS), static_cast<u16>(cs), code_attributes);
    set_flat(cpu.segment(Seg::SS), static_cast<u16>(ss), kFlatData);
    cpu.state.cpl = static_cast<u8>(cs & 3);
}

bool amd(const Cpu& cpu) { return cpu.model().vendor == kVendorAmd; }

}  // namespace

Outcome sysenter(Cpu& cpu, const Instruction&) {
    const MsrState& msr = cpu.state.msr;
    const bool wide = long_mode(cpu);
    if (wide && amd(cpu)) return cpu.raise(Vector::UD);
    if (cpu.real_mode() || is_null(static_cast<u16>(msr.sysenter_cs))) return cpu.raise(Vector::GP, 0);
    const unsigned cs = static_cast<u16>(msr.sysenter_cs & 0xfffc);
    cpu.state.eflags &= ~(flag::VM | flag::IF | flag::RF);
    enter_flat(cpu, cs, cs + 8, wide ? kFlatCode64 : kFlatCode32);
    cpu.put<u64>(reg::SP, wide ? msr.sysenter_esp : static_cast<u32>(msr.sysenter_esp));
    cpu.state.rip = wide ? msr.sysenter_eip : static_cast<u32>(msr.sysenter_eip);
    cpu.update_mode();
    return Outcome::Jump;
}

Outcome sysexit(Cpu& cpu, const Instruction& insn) {
    const MsrState& msr = cpu.state.msr;
    if (long_mode(cpu) && amd(cpu)) return cpu.raise(Vector::UD);
    if (cpu.real_mode() || cpu.cpl() != 0 || is_null(static_cast<u16>(msr.sysenter_cs)))
        return cpu.raise(Vector::GP, 0);
    const bool wide = insn.operand_bytes() == 8;
    const u64 target = wide ? cpu.get<u64>(reg::DX) : cpu.get<u32>(reg::DX);
    const u64 stack = wide ? cpu.get<u64>(reg::CX) : cpu.get<u32>(reg::CX);
    if (wide && (!cpu.canonical(target) || !cpu.canonical(stack))) return cpu.raise(Vector::GP, 0);
    const unsigned cs = static_cast<u16>(msr.sysenter_cs & 0xfffc) + (wide ? 32u : 16u);
    enter_flat(cpu, cs | 3, (cs + 8) | 3, wide ? kFlatCode64 : kFlatCode32);
    cpu.put<u64>(reg::SP, stack);
    cpu.state.rip = target;
    cpu.update_mode();
    return Outcome::Jump;
}

Outcome syscall(Cpu& cpu, const Instruction&) {
    CpuState& s = cpu.state;
    const bool from_64bit = cpu.in_64bit_mode();
    // Intel knows it in 64-bit mode only.
    if (!(s.msr.efer & efer::SCE) || cpu.real_mode() || (!from_64bit && !amd(cpu)))
        return cpu.raise(Vector::UD);
    const unsigned cs = s.msr.star >> 32 & 0xfffc;
    if (long_mode(cpu)) {
        cpu.put<u64>(reg::CX, cpu.next_rip);
        s.gpr[11] = cpu.eflags() & ~flag::RF;
        s.rip = from_64bit ? s.msr.lstar : s.msr.cstar;
        cpu.set_eflags(cpu.eflags() & ~static_cast<u32>(s.msr.syscall_mask) & ~flag::RF);
        enter_flat(cpu, cs, (cs + 8) & 0xffff, kFlatCode64);
    } else {
        cpu.put<u32>(reg::CX, static_cast<u32>(cpu.next_rip));
        s.rip = static_cast<u32>(s.msr.star);
        cpu.set_eflags(cpu.eflags() & ~(flag::VM | flag::IF | flag::RF));
        enter_flat(cpu, cs, (cs + 8) & 0xffff, kFlatCode32);
    }
    cpu.update_mode();
    return Outcome::Jump;
}

Outcome sysret(Cpu& cpu, const Instruction& insn) {
    CpuState& s = cpu.state;
    const bool from_64bit = cpu.in_64bit_mode();
    if (!(s.msr.efer & efer::SCE) || cpu.real_mode() || (!from_64bit && !amd(cpu)))
        return cpu.raise(Vector::UD);
    if (cpu.cpl() != 0) return cpu.raise(Vector::GP, 0);
    const bool to_64bit = insn.operand_bytes() == 8;
    const u64 target = to_64bit ? cpu.get<u64>(reg::CX) : cpu.get<u32>(reg::CX);
    // At level 0, before anything changed: what makes SYSRET of Intel's processors famous.
    if (to_64bit && !amd(cpu) && !cpu.canonical(target)) return cpu.raise(Vector::GP, 0);
    constexpr u32 kRestored = 0x3c7fd7;  // all but RF, VM and what is reserved
    if (long_mode(cpu))
        cpu.set_eflags(static_cast<u32>(s.gpr[11]) & kRestored);
    else
        cpu.set_eflags(cpu.eflags() | flag::IF);
    const unsigned base = static_cast<u16>(s.msr.star >> 48);
    const unsigned cs = (base + (to_64bit ? 16u : 0u)) & 0xffff;
    const Segment ss = cpu.segment(Seg::SS);
    enter_flat(cpu, cs | 3, ((base + 8) & 0xffff) | 3, to_64bit ? kFlatCode64 : kFlatCode32);
    if (amd(cpu)) {
        // AMD's processors load the selector of SS alone.
        const u16 selector = cpu.segment(Seg::SS).selector;
        cpu.segment(Seg::SS) = ss;
        cpu.segment(Seg::SS).selector = selector;
    }
    s.rip = target;
    cpu.update_mode();
    return Outcome::Jump;
}

Outcome swapgs(Cpu& cpu, const Instruction&) {
    std::swap(cpu.segment(Seg::GS).base, cpu.state.msr.kernel_gs_base);
    return Outcome::Next;
}

template<Seg seg>
Outcome read_base(Cpu& cpu, const Instruction& insn) {
    if (!(cpu.state.cr4 & cr4::FSGSBASE)) return cpu.raise(Vector::UD);
    put_sized(cpu, insn.rm, insn.operand_bytes() == 8 ? 8 : 4, cpu.segment(seg).base);
    return Outcome::Next;
}

template<Seg seg>
Outcome write_base(Cpu& cpu, const Instruction& insn) {
    if (!(cpu.state.cr4 & cr4::FSGSBASE)) return cpu.raise(Vector::UD);
    const u64 value = insn.operand_bytes() == 8 ? cpu.get_at<u64>(insn.rm) : cpu.get_at<u32>(insn.rm);
    if (!cpu.canonical(value)) return cpu.raise(Vector::GP, 0);
    cpu.segment(seg).base = value;
    return Outcome::Next;
}

template Outcome read_base<Seg::FS>(Cpu&, const Instruction&);
template Outcome read_base<Seg::GS>(Cpu&, const Instruction&);
template Outcome write_base<Seg::FS>(Cpu&, const Instruction&);
template Outcome write_base<Seg::GS>(Cpu&, const Instruction&);

}  // namespace gnomon
