// System instructions of later processors: INVPCID, CLAC, STAC, protection keys, RDTSCP, RDPID, MONITOR, MWAIT, UMONITOR, UMWAIT,
// TPAUSE, RDRAND, RDSEED, CLFLUSHOPT, CLWB, SERIALIZE. SDM Vol. 2, "Operation" of each.
#include <random>

#include "cpu/long_mode.h"
#include "cpu/monitor_unit.h"
#include "cpu/system_instructions.h"

namespace gnomon {

Outcome invpcid(Cpu& cpu, const Instruction& insn) {
    const u64 type = cpu.in_64bit_mode() ? cpu.get_at<u64>(insn.reg) : cpu.get_at<u32>(insn.reg);
    const u64 at = cpu.effective_address(insn);
    u64 pcid;
    u64 linear;
    if (!cpu.read(insn.segment, at, pcid) || !cpu.read(insn.segment, at + 8, linear)) return Outcome::Fault;
    const bool needs_pcid = type <= 1;
    const bool bad_pcid = pcid >> 12 || (needs_pcid && pcid != 0 && !(cpu.state.cr4 & cr4::PCIDE));
    if (type > 3 || bad_pcid || (type == 0 && !cpu.canonical(linear))) return cpu.raise(Vector::GP, 0);
    // The shadow tables follow the guest's tables by themselves, in every address space; what is left to do is the TLB, which
    // holds the current one.
    if (type == 0)
        cpu.mmu().invlpg(LinearAddr(linear));
    else if (type == 2)
        cpu.mmu().flush_tlb();
    else
        cpu.update_paging(true);
    cpu.state.rip = cpu.next_rip;
    return Outcome::Jump;
}

namespace {

Outcome set_access_flag(Cpu& cpu, bool on) {
    if (cpu.cpl() != 0) return cpu.raise(Vector::UD);
    const u32 flags = cpu.state.eflags & ~flag::AC;
    cpu.state.eflags = on ? flags | flag::AC : flags;
    cpu.update_mode();
    return Outcome::Next;
}

}  // namespace

Outcome clac(Cpu& cpu, const Instruction&) { return set_access_flag(cpu, false); }
Outcome stac(Cpu& cpu, const Instruction&) { return set_access_flag(cpu, true); }

Outcome rdpkru(Cpu& cpu, const Instruction&) {
    if (!(cpu.state.cr4 & cr4::PKE)) return cpu.raise(Vector::UD);
    if (cpu.get<u32>(reg::CX) != 0) return cpu.raise(Vector::GP, 0);
    cpu.put<u32>(reg::AX, cpu.state.pkru);
    cpu.put<u32>(reg::DX, 0);
    return Outcome::Next;
}

Outcome wrpkru(Cpu& cpu, const Instruction&) {
    if (!(cpu.state.cr4 & cr4::PKE)) return cpu.raise(Vector::UD);
    if (cpu.get<u32>(reg::CX) != 0 || cpu.get<u32>(reg::DX) != 0) return cpu.raise(Vector::GP, 0);
    cpu.state.pkru = cpu.get<u32>(reg::AX);
    cpu.update_paging(false);
    return Outcome::Next;
}

Outcome rdtscp(Cpu& cpu, const Instruction& insn) {
    if (rdtsc(cpu, insn) == Outcome::Fault) return Outcome::Fault;
    cpu.put<u32>(reg::CX, cpu.state.msr.tsc_aux);
    return Outcome::Next;
}

Outcome rdpid(Cpu& cpu, const Instruction& insn) {
    put_sized(cpu, insn.rm, cpu.in_64bit_mode() ? 8 : 4, cpu.state.msr.tsc_aux);
    return Outcome::Next;
}

namespace {

/// Reads the byte, which faults as a load does, and arms its line.
Outcome arm_monitor(Cpu& cpu, const Instruction& insn, u64 value, MonitorUnit::Armed by) {
    const unsigned bytes = insn.address_bytes();
    const u64 offset = bytes == 8 ? value : bytes == 4 ? static_cast<u32>(value) : static_cast<u16>(value);
    u8 byte;
    if (!cpu.read(insn.segment, offset, byte)) return Outcome::Fault;
    u64 linear;
    GuestPhys physical;
    // Both succeed: the byte was just read.
    if (cpu.check_read_segment(insn.segment, offset, 1, linear) && cpu.mmu().inspect(LinearAddr(linear), physical))
        cpu.monitor_unit().arm(physical, by);
    return Outcome::Next;
}

/// The deadline is EDX:EAX, or the limit that the system sets if that comes first; both count the time-stamp counter. The
/// power states that the operand and IA32_UMWAIT_CONTROL choose from do not differ here.
Outcome wait_with_deadline(Cpu& cpu, const Instruction& insn, MonitorUnit::Wait kind) {
    if ((cpu.state.cr4 & cr4::TSD) && cpu.cpl() != 0) return cpu.raise(Vector::GP, 0);
    if (cpu.get_at<u32>(insn.rm) > 1) return cpu.raise(Vector::GP, 0);
    cpu.set_arithmetic_flags(0);
    MonitorUnit& unit = cpu.monitor_unit();
    if (kind == MonitorUnit::Wait::Umwait && !unit.armed(MonitorUnit::Armed::ByUmonitor)) return stop_if_event_waits(cpu);
    cpu.sync_clock();
    const u64 counter = cpu.time_stamp_counter();
    const u64 deadline = u64{cpu.get<u32>(reg::DX)} << 32 | cpu.get<u32>(reg::AX);
    if (deadline <= counter) return stop_if_event_waits(cpu);
    u64 ticks = deadline - counter;
    const u64 limit = cpu.state.msr.umwait_control & 0xffff'fffc;  // 0: there is none
    const bool limited = limit != 0 && limit < ticks;
    if (limited) ticks = limit;
    // The counter advances by one each nanosecond.
    const u64 now = cpu.clock().now();
    unit.wait(kind, ticks < MonitorUnit::kNever - now ? now + ticks : MonitorUnit::kNever, limited);
    cpu.state.wakes_masked = true;
    cpu.state.rip = cpu.next_rip;
    return Outcome::Stop;
}

}  // namespace

Outcome monitor(Cpu& cpu, const Instruction& insn) {
    if (cpu.cpl() != 0) return cpu.raise(Vector::UD);
    if (cpu.get<u32>(reg::CX) != 0) return cpu.raise(Vector::GP, 0);
    return arm_monitor(cpu, insn, cpu.state.gpr[reg::AX], MonitorUnit::Armed::ByMonitor);
}

Outcome mwait(Cpu& cpu, const Instruction&) {
    if (cpu.cpl() != 0) return cpu.raise(Vector::UD);
    const u32 extensions = cpu.get<u32>(reg::CX);
    if (extensions > 1) return cpu.raise(Vector::GP, 0);
    if (!cpu.monitor_unit().armed(MonitorUnit::Armed::ByMonitor)) return stop_if_event_waits(cpu);
    cpu.monitor_unit().wait(MonitorUnit::Wait::Mwait);
    cpu.state.wakes_masked = extensions & 1;
    cpu.state.rip = cpu.next_rip;
    return Outcome::Stop;
}

Outcome umonitor(Cpu& cpu, const Instruction& insn) {
    return arm_monitor(cpu, insn, cpu.get_at<u64>(insn.rm), MonitorUnit::Armed::ByUmonitor);
}
Outcome umwait(Cpu& cpu, const Instruction& insn) { return wait_with_deadline(cpu, insn, MonitorUnit::Wait::Umwait); }
Outcome tpause(Cpu& cpu, const Instruction& insn) { return wait_with_deadline(cpu, insn, MonitorUnit::Wait::Tpause); }

void end_timed_wait(Cpu& cpu) {
    if (cpu.monitor_unit().end_at(cpu.clock().now())) cpu.set_arithmetic_flags(flag::CF);
}

namespace {

/// A run in deterministic time has its own sequence (splitmix64), which the seed of the configuration starts.
u64 random_number(Cpu& cpu) {
    if (cpu.clock().mode() == ClockMode::Realtime) {
        std::random_device device;
        return u64{device()} << 32 | device();
    }
    u64 z = cpu.state.random += 0x9e3779b97f4a7c15;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
}

}  // namespace

/// RDRAND and RDSEED: always a number ready.
Outcome read_random(Cpu& cpu, const Instruction& insn) {
    put_sized(cpu, insn.rm, insn.operand_bytes(), random_number(cpu));
    cpu.set_arithmetic_flags(flag::CF);
    return Outcome::Next;
}

/// CLFLUSHOPT and CLWB: caches are always coherent, but the line must be readable.
Outcome flush_line(Cpu& cpu, const Instruction& insn) {
    u8 byte;
    return cpu.load(insn, byte) ? Outcome::Next : Outcome::Fault;
}

Outcome serialize(Cpu& cpu, const Instruction&) {
    cpu.state.rip = cpu.next_rip;
    return Outcome::Jump;
}

}  // namespace gnomon
