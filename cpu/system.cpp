// Control registers, caches, time stamp, fast system calls, HLT. SDM Vol. 2, "Operation" of each.
#include "cpu/control_registers.h"
#include "cpu/cpuid.h"
#include "cpu/long_mode.h"
#include "cpu/model.h"
#include "cpu/msr.h"
#include "cpu/performance_counters.h"
#include "cpu/segmentation.h"
#include "cpu/system_instructions.h"
#include "cpu/system_registers.h"

namespace gnomon {

Outcome smsw(Cpu& cpu, const Instruction& insn) {
    const u32 value = static_cast<u32>(cpu.state.cr0);
    if ((cpu.state.cr4 & cr4::UMIP) && cpu.cpl() != 0) return cpu.raise(Vector::GP, 0);
    if (insn.in_memory()) return cpu.store(insn, static_cast<u16>(value)) ? Outcome::Next : Outcome::Fault;
    put_sized(cpu, insn.rm, insn.operand_bytes(), value);
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

/// CR4 came with the first processors that had something to put into it; CR8 belongs to 64-bit mode.
bool control_register_exists(const Cpu& cpu, unsigned number) {
    switch (number) {
        case 0:
        case 2:
        case 3: return true;
        case 4: return cr4_supported(cpu.features()) != 0;
        case 8: return cpu.in_64bit_mode();
        default: return false;
    }
}

u64 read_control_register(const Cpu& cpu, unsigned number) {
    switch (number) {
        case 0: return cpu.state.cr0;
        case 2: return cpu.state.cr2;
        case 3: return cpu.state.cr3;
        case 4: return cpu.state.cr4;
        default: return read_cr8(cpu);
    }
}

}  // namespace

// The operand is 64 bits wide in 64-bit mode, 32 otherwise, whatever the prefixes say.

Outcome mov_from_cr(Cpu& cpu, const Instruction& insn) {
    if (!control_register_exists(cpu, insn.reg)) return cpu.raise(Vector::UD);
    if (cpu.cpl() != 0) return cpu.raise(Vector::GP, 0);
    put_sized(cpu, insn.rm, cpu.in_64bit_mode() ? 8 : 4, read_control_register(cpu, insn.reg));
    return Outcome::Next;
}

Outcome mov_to_cr(Cpu& cpu, const Instruction& insn) {
    if (!control_register_exists(cpu, insn.reg)) return cpu.raise(Vector::UD);
    if (cpu.cpl() != 0) return cpu.raise(Vector::GP, 0);
    const u64 value = cpu.in_64bit_mode() ? cpu.get_at<u64>(insn.rm) : cpu.get_at<u32>(insn.rm);
    bool ok = true;
    switch (insn.reg) {
        case 0: ok = write_cr0(cpu, value); break;
        case 2: cpu.state.cr2 = value; break;
        case 3: ok = write_cr3(cpu, value); break;
        case 4: ok = write_cr4(cpu, value); break;
        default: ok = write_cr8(cpu, value); break;
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
    const u64 offset = cpu.effective_address(insn);
    if (cpu.in_64bit_mode()) {
        const bool based = insn.segment == Seg::FS || insn.segment == Seg::GS;
        const u64 linear = offset + (based ? cpu.segment(insn.segment).base : 0);
        if (cpu.canonical(linear)) cpu.mmu().invlpg(LinearAddr(linear));
    } else {
        cpu.mmu().invlpg(LinearAddr(static_cast<u32>(cpu.segment(insn.segment).base + offset)));
    }
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

/// SDM Vol. 2, "RDPMC—Read Performance-Monitoring Counters".
Outcome rdpmc(Cpu& cpu, const Instruction&) {
    if (!cpu.features().has(Feature::P6) && !cpu.features().has(Feature::MMX)) return cpu.raise(Vector::UD);
    if (!(cpu.state.cr4 & cr4::PCE) && cpu.cpl() != 0) return cpu.raise(Vector::GP, 0);
    const u32 counter = cpu.get<u32>(reg::CX);
    if (counter >= PerformanceCounters::readable(cpu.model())) return cpu.raise(Vector::GP, 0);
    const u64 value = cpu.performance_counters().count(counter);
    cpu.put<u32>(reg::AX, static_cast<u32>(value));
    cpu.put<u32>(reg::DX, static_cast<u32>(value >> 32));
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

Outcome undefined(Cpu& cpu, const Instruction&) { return cpu.raise(Vector::UD); }

}  // namespace gnomon
