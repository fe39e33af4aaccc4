// The system instructions as functions; rows/system.h gives them their opcodes. SDM Vol. 2, "Instruction Set
// Reference".
#pragma once

#include "cpu/cpu.h"

namespace gnomon {

/// The end of an instruction after which an interrupt or a debug trap may have to be taken at once.
[[nodiscard]] Outcome stop_if_event_waits(Cpu& cpu);

/// Writes a general register by its offset, `bytes` wide: 2, 4 (which clears the upper half) or 8.
inline void put_sized(Cpu& cpu, unsigned offset, unsigned bytes, u64 value) {
    switch (bytes) {
        case 8: cpu.put_at<u64>(offset, value); break;
        case 4: cpu.put_at<u32>(offset, static_cast<u32>(value)); break;
        default: cpu.put_at<u16>(offset, static_cast<u16>(value)); break;
    }
}

// flag_control.cpp
Outcome cli(Cpu& cpu, const Instruction& insn);
Outcome sti(Cpu& cpu, const Instruction& insn);
Outcome pushf(Cpu& cpu, const Instruction& insn);
Outcome popf(Cpu& cpu, const Instruction& insn);

// early_processors.cpp
Outcome mov_to_tr(Cpu& cpu, const Instruction& insn);
Outcome mov_from_tr(Cpu& cpu, const Instruction& insn);
Outcome loadall(Cpu& cpu, const Instruction& insn);

// port_io.cpp
Outcome in_al_imm(Cpu& cpu, const Instruction& insn);
Outcome in_ax_imm(Cpu& cpu, const Instruction& insn);
Outcome in_al_dx(Cpu& cpu, const Instruction& insn);
Outcome in_ax_dx(Cpu& cpu, const Instruction& insn);
Outcome out_imm_al(Cpu& cpu, const Instruction& insn);
Outcome out_imm_ax(Cpu& cpu, const Instruction& insn);
Outcome out_dx_al(Cpu& cpu, const Instruction& insn);
Outcome out_dx_ax(Cpu& cpu, const Instruction& insn);
Outcome ins_byte(Cpu& cpu, const Instruction& insn);
Outcome ins_word(Cpu& cpu, const Instruction& insn);
Outcome outs_byte(Cpu& cpu, const Instruction& insn);
Outcome outs_word(Cpu& cpu, const Instruction& insn);

// segment_moves.cpp
Outcome mov_to_sreg(Cpu& cpu, const Instruction& insn);
Outcome mov_from_sreg(Cpu& cpu, const Instruction& insn);
template<Seg seg>
Outcome push_sreg(Cpu& cpu, const Instruction& insn);
template<Seg seg>
Outcome pop_sreg(Cpu& cpu, const Instruction& insn);
/// LES, LSS, LDS, LFS, LGS.
template<Seg seg>
Outcome load_far_pointer(Cpu& cpu, const Instruction& insn);

// protection.cpp
Outcome lar(Cpu& cpu, const Instruction& insn);
Outcome lsl(Cpu& cpu, const Instruction& insn);
Outcome verr(Cpu& cpu, const Instruction& insn);
Outcome verw(Cpu& cpu, const Instruction& insn);
Outcome arpl(Cpu& cpu, const Instruction& insn);
Outcome sldt(Cpu& cpu, const Instruction& insn);
Outcome str(Cpu& cpu, const Instruction& insn);
Outcome lldt(Cpu& cpu, const Instruction& insn);
Outcome ltr(Cpu& cpu, const Instruction& insn);
Outcome sgdt(Cpu& cpu, const Instruction& insn);
Outcome sidt(Cpu& cpu, const Instruction& insn);
Outcome lgdt(Cpu& cpu, const Instruction& insn);
Outcome lidt(Cpu& cpu, const Instruction& insn);

// system.cpp
Outcome smsw(Cpu& cpu, const Instruction& insn);
Outcome lmsw(Cpu& cpu, const Instruction& insn);
Outcome clts(Cpu& cpu, const Instruction& insn);
Outcome mov_from_cr(Cpu& cpu, const Instruction& insn);
Outcome mov_to_cr(Cpu& cpu, const Instruction& insn);
Outcome hlt(Cpu& cpu, const Instruction& insn);
Outcome invd(Cpu& cpu, const Instruction& insn);
Outcome wbinvd(Cpu& cpu, const Instruction& insn);
Outcome invlpg(Cpu& cpu, const Instruction& insn);
Outcome rdtsc(Cpu& cpu, const Instruction& insn);
Outcome rdpmc(Cpu& cpu, const Instruction& insn);
Outcome rdmsr(Cpu& cpu, const Instruction& insn);
Outcome wrmsr(Cpu& cpu, const Instruction& insn);
Outcome cpuid(Cpu& cpu, const Instruction& insn);
/// UD0, UD1, UD2, and RSM outside system-management mode.
Outcome undefined(Cpu& cpu, const Instruction& insn);

// system_extensions.cpp
Outcome invpcid(Cpu& cpu, const Instruction& insn);
Outcome clac(Cpu& cpu, const Instruction& insn);
Outcome stac(Cpu& cpu, const Instruction& insn);
Outcome rdpkru(Cpu& cpu, const Instruction& insn);
Outcome wrpkru(Cpu& cpu, const Instruction& insn);
Outcome rdtscp(Cpu& cpu, const Instruction& insn);
Outcome rdpid(Cpu& cpu, const Instruction& insn);
Outcome monitor(Cpu& cpu, const Instruction& insn);
Outcome mwait(Cpu& cpu, const Instruction& insn);
Outcome umonitor(Cpu& cpu, const Instruction& insn);
Outcome umwait(Cpu& cpu, const Instruction& insn);
Outcome tpause(Cpu& cpu, const Instruction& insn);
Outcome read_random(Cpu& cpu, const Instruction& insn);
Outcome flush_line(Cpu& cpu, const Instruction& insn);
Outcome serialize(Cpu& cpu, const Instruction& insn);

// fast_system_call.cpp
Outcome sysenter(Cpu& cpu, const Instruction& insn);
Outcome sysexit(Cpu& cpu, const Instruction& insn);
Outcome syscall(Cpu& cpu, const Instruction& insn);
Outcome sysret(Cpu& cpu, const Instruction& insn);
Outcome swapgs(Cpu& cpu, const Instruction& insn);
/// RDFSBASE, RDGSBASE, WRFSBASE, WRGSBASE.
template<Seg seg>
Outcome read_base(Cpu& cpu, const Instruction& insn);
template<Seg seg>
Outcome write_base(Cpu& cpu, const Instruction& insn);

}  // namespace gnomon
