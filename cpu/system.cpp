// Control registers, caches, time stamp, fast system calls, HLT. SDM Vol. 2, "Operation" of each.
#include "cpu/control_registers.h"
#include "cpu/cpuid.h"
#include "cpu/msr.h"
#include "cpu/segmentation.h"
#include "cpu/system_instructions.h"
#include "cpu/system_registers.h"

namespace gnomon {

Outcome smsw(Cpu& cpu, const Instruction& insn) {
    const u32 value = static_cast<u32>(cpu.state.cr0);
    if (insn.in_memory()) return cpu.store(insn, static_cast<u16>(value)) ? Outcome::Next : Outcome::Fault;
    if (insn.operand_bytes() == 2)
        cpu.put_at<u16>(insn.rm, static_cast<u16>(value));
    else
        cpu.put_at<u32>(insn.rm, value);
    return Outcome::Next;
}

Outcome lmsw(Cpu& cpu, const Instruction& insn) {
    u16 value;
    if (!cpu.load_rm(insn, value)) return Outcome::Fault;
    // PE can be set, not cleared.
    const u64 low = (value & 15u) | (cpu.state.cr0 & cr0::PE);
    return write_cr0(cpu, (cpu.state.cr0 & ~u64{15}) | low) ? Outcome::Next : Outcome::Fault;
}

Outcome clts(Cpu& cpu, const Instruction&) {
    cpu.state.cr0 &= ~cr0::TS;
    cpu.update_mode();
    return Outcome::Next;
}

namespace {

/// CR4 came with the first processors that had something to put into it.
bool control_register_exists(const Cpu& cpu, unsigned number) {
    return number == 0 || number == 2 || number == 3 || (number == 4 && cr4_supported(cpu.features()) != 0);
}

}  // namespace

Outcome mov_from_cr(Cpu& cpu, const Instruction& insn) {
    if (!control_register_exists(cpu, insn.reg)) return cpu.raise(Vector::UD);
    if (cpu.cpl() != 0) return cpu.raise(Vector::GP, 0);
    const CpuState& s = cpu.state;
    const u64 value = insn.reg == 0 ? s.cr0 : insn.reg == 2 ? s.cr2 : insn.reg == 3 ? s.cr3 : s.cr4;
    cpu.put_at<u32>(insn.rm, static_cast<u32>(value));
    return Outcome::Next;
}

Outcome mov_to_cr(Cpu& cpu, const Instruction& insn) {
    if (!control_register_exists(cpu, insn.reg)) return cpu.raise(Vector::UD);
    if (cpu.cpl() != 0) return cpu.raise(Vector::GP, 0);
    const u32 value = cpu.get_at<u32>(insn.rm);
    bool ok = true;
    switch (insn.reg) {
        case 0: ok = write_cr0(cpu, value); break;
        case 2: cpu.state.cr2 = value; break;
        case 3: ok = write_cr3(cpu, value); break;
        default: ok = write_cr4(cpu, value); break;
    }
    if (!ok) return Outcome::Fault;
    // The next instruction is fetched under the new translation.
    cpu.state.rip = cpu.next_rip;
    return Outcome::Jump;
}

Outcome hlt(Cpu& cpu, const Instruction&) {
    cpu.state.activity = Activity::Halted;
    cpu.state.rip = cpu.next_rip;
    return Outcome::Stop;
}

// Caches are not modelled: their contents are always coherent with memory.
Outcome invd(Cpu&, const Instruction&) { return Outcome::Next; }
Outcome wbinvd(Cpu&, const Instruction&) { return Outcome::Next; }

Outcome invlpg(Cpu& cpu, const Instruction& insn) {
    // Neither limit nor rights are checked: the address is not accessed.
    cpu.mmu().invlpg(LinearAddr(Cpu::linear_address(cpu.segment(insn.segment), cpu.effective_address(insn))));
    cpu.state.rip = cpu.next_rip;
    return Outcome::Jump;
}

Outcome rdtsc(Cpu& cpu, const Instruction&) {
    if ((cpu.state.cr4 & cr4::TSD) && cpu.cpl() != 0) return cpu.raise(Vector::GP, 0);
    cpu.sync_clock();
    const u64 value = cpu.time_stamp_counter();
    cpu.put<u32>(reg::AX, static_cast<u32>(value));
    cpu.put<u32>(reg::DX, static_cast<u32>(value >> 32));
    return Outcome::Next;
}

Outcome rdpmc(Cpu& cpu, const Instruction&) {
    if (!cpu.features().has(Feature::P6) && !cpu.features().has(Feature::MMX)) return cpu.raise(Vector::UD);
    if (!(cpu.state.cr4 & cr4::PCE) && cpu.cpl() != 0) return cpu.raise(Vector::GP, 0);
    if (cpu.get<u32>(reg::CX) > 1) return cpu.raise(Vector::GP, 0);
    // Two counters, at rest: no event selection register exists to start them.
    cpu.put<u32>(reg::AX, 0);
    cpu.put<u32>(reg::DX, 0);
    return Outcome::Next;
}

Outcome rdmsr(Cpu& cpu, const Instruction&) {
    u64 value;
    if (!read_msr(cpu, cpu.get<u32>(reg::CX), value)) return cpu.raise(Vector::GP, 0);
    cpu.put<u32>(reg::AX, static_cast<u32>(value));
    cpu.put<u32>(reg::DX, static_cast<u32>(value >> 32));
    return Outcome::Next;
}

Outcome wrmsr(Cpu& cpu, const Instruction&) {
    const u64 value = u64{cpu.get<u32>(reg::DX)} << 32 | cpu.get<u32>(reg::AX);
    if (!write_msr(cpu, cpu.get<u32>(reg::CX), value)) return cpu.raise(Vector::GP, 0);
    cpu.state.rip = cpu.next_rip;
    return Outcome::Jump;  // EFER.NXE and the like change the translation
}

Outcome cpuid(Cpu& cpu, const Instruction&) {
    const CpuidResult result = cpuid_leaf(cpu, cpu.get<u32>(reg::AX), cpu.get<u32>(reg::CX));
    cpu.put<u32>(reg::AX, result.eax);
    cpu.put<u32>(reg::BX, result.ebx);
    cpu.put<u32>(reg::CX, result.ecx);
    cpu.put<u32>(reg::DX, result.edx);
    return Outcome::Next;
}

namespace {

/// The flat segments that SYSENTER and SYSEXIT make without reading a descriptor.
void set_flat(Segment& segment, u16 selector, u16 attributes) {
    segment.selector = selector;
    segment.base = 0;
    segment.limit = 0xffffffff;
    segment.attributes =
        static_cast<u16>(attributes | attribute::kGranularity | attribute::kBig | attribute::kPresent |
                         attribute::kCodeOrData | attribute::kAccessed | (selector & 3) << 5);
    Cpu::update_windows(segment);
}
constexpr u16 kFlatCode = attribute::kCode | attribute::kReadable;
constexpr u16 kFlatData = attribute::kWritable;

}  // namespace

Outcome sysenter(Cpu& cpu, const Instruction&) {
    const MsrState& msr = cpu.state.msr;
    if (cpu.real_mode() || is_null(static_cast<u16>(msr.sysenter_cs))) return cpu.raise(Vector::GP, 0);
    const u16 cs = static_cast<u16>(msr.sysenter_cs & 0xfffc);
    cpu.state.eflags &= ~(flag::VM | flag::IF | flag::RF);
    set_flat(cpu.segment(Seg::CS), cs, kFlatCode);
    set_flat(cpu.segment(Seg::SS), static_cast<u16>(cs + 8), kFlatData);
    cpu.state.cpl = 0;
    cpu.put<u32>(reg::SP, static_cast<u32>(msr.sysenter_esp));
    cpu.state.rip = static_cast<u32>(msr.sysenter_eip);
    cpu.update_mode();
    return Outcome::Jump;
}

Outcome sysexit(Cpu& cpu, const Instruction&) {
    const MsrState& msr = cpu.state.msr;
    if (cpu.real_mode() || cpu.cpl() != 0 || is_null(static_cast<u16>(msr.sysenter_cs)))
        return cpu.raise(Vector::GP, 0);
    const u16 cs = static_cast<u16>(msr.sysenter_cs & 0xfffc);
    set_flat(cpu.segment(Seg::CS), static_cast<u16>((cs + 16) | 3), kFlatCode);
    set_flat(cpu.segment(Seg::SS), static_cast<u16>((cs + 24) | 3), kFlatData);
    cpu.state.cpl = 3;
    cpu.put<u32>(reg::SP, cpu.get<u32>(reg::CX));
    cpu.state.rip = cpu.get<u32>(reg::DX);
    cpu.update_mode();
    return Outcome::Jump;
}

Outcome undefined(Cpu& cpu, const Instruction&) { return cpu.raise(Vector::UD); }

}  // namespace gnomon
