// Opcode rows of system instructions, far transfers, segment moves and port I/O. SDM Vol. 2, "Opcode Map".
#pragma once

#include <array>

#include "cpu/debug_registers.h"
#include "cpu/far_transfer.h"
#include "cpu/fpu/xsave.h"
#include "cpu/interrupt.h"
#include "cpu/opcode_row.h"
#include "cpu/out_of_line.h"
#include "cpu/system_instructions.h"

namespace gnomon {

inline constexpr auto kSystemRows = std::to_array<OpcodeRow>({
    // Segment registers.
    row("06", "PUSH", "ES", out_of_line<push_sreg<Seg::ES>>, attr::kNo64),
    row("07", "POP", "ES", out_of_line<pop_sreg<Seg::ES>>, attr::kNo64),
    row("0E", "PUSH", "CS", out_of_line<push_sreg<Seg::CS>>, attr::kNo64),
    row("16", "PUSH", "SS", out_of_line<push_sreg<Seg::SS>>, attr::kNo64),
    row("17", "POP", "SS", out_of_line<pop_sreg<Seg::SS>>, attr::kNo64),
    row("1E", "PUSH", "DS", out_of_line<push_sreg<Seg::DS>>, attr::kNo64),
    row("1F", "POP", "DS", out_of_line<pop_sreg<Seg::DS>>, attr::kNo64),
    row("0F A0", "PUSH", "FS", out_of_line<push_sreg<Seg::FS>>, attr::kDefault64),
    row("0F A1", "POP", "FS", out_of_line<pop_sreg<Seg::FS>>, attr::kDefault64),
    row("0F A8", "PUSH", "GS", out_of_line<push_sreg<Seg::GS>>, attr::kDefault64),
    row("0F A9", "POP", "GS", out_of_line<pop_sreg<Seg::GS>>, attr::kDefault64),
    row("8C", "MOV", "Mw/Rv,Sw", out_of_line<mov_from_sreg>),
    row("8E", "MOV", "Sw,Ew", out_of_line<mov_to_sreg>),
    row("C4", "LES", "Gz,Mp", out_of_line<load_far_pointer<Seg::ES>>, attr::kNo64),
    row("C5", "LDS", "Gz,Mp", out_of_line<load_far_pointer<Seg::DS>>, attr::kNo64),
    row("0F B2", "LSS", "Gv,Mp", out_of_line<load_far_pointer<Seg::SS>>),
    row("0F B4", "LFS", "Gv,Mp", out_of_line<load_far_pointer<Seg::FS>>),
    row("0F B5", "LGS", "Gv,Mp", out_of_line<load_far_pointer<Seg::GS>>),

    // Far transfers and interrupts.
    row("9A", "CALL", "Ap", out_of_line<call_far_direct>, attr::kEnds | attr::kNo64),
    row("EA", "JMP", "Ap", out_of_line<jmp_far_direct>, attr::kEnds | attr::kNo64),
    row("FF /3", "CALL", "Mp", out_of_line<call_far_memory>, attr::kEnds),
    row("FF /5", "JMP", "Mp", out_of_line<jmp_far_memory>, attr::kEnds),
    row("CA", "RETF", "Iw", out_of_line<ret_far_imm>, attr::kEnds),
    row("CB", "RETF", "", out_of_line<ret_far>, attr::kEnds),
    row("CC", "INT3", "", out_of_line<int3>, attr::kEnds),
    row("CD", "INT", "Ib", out_of_line<int_n>, attr::kEnds),
    row("CE", "INTO", "", out_of_line<into>, attr::kNo64),
    row("CF", "IRET", "", out_of_line<iret>, attr::kEnds),
    row("F1", "INT1", "", out_of_line<int1>, attr::kEnds),
    row("0F 34", "SYSENTER", "", out_of_line<sysenter>, attr::kEnds, Feature::SEP),
    row("0F 35", "SYSEXIT", "", out_of_line<sysexit>, attr::kEnds, Feature::SEP),
    row("0F 05", "SYSCALL", "", out_of_line<syscall>, attr::kEnds, Feature::SYSCALL),
    row("0F 07", "SYSRET", "", out_of_line<sysret>, attr::kEnds, Feature::SYSCALL),
    row("0F 01 F8", "SWAPGS", "", out_of_line<swapgs, attr::kCpl0>, attr::kCpl0 | attr::kOnly64,
        Feature::LongMode),
    row("F3 0F AE /0:reg", "RDFSBASE", "Ry", out_of_line<read_base<Seg::FS>>, attr::kOnly64,
        Feature::FSGSBASE),
    row("F3 0F AE /1:reg", "RDGSBASE", "Ry", out_of_line<read_base<Seg::GS>>, attr::kOnly64,
        Feature::FSGSBASE),
    row("F3 0F AE /2:reg", "WRFSBASE", "Ry", out_of_line<write_base<Seg::FS>>, attr::kOnly64,
        Feature::FSGSBASE),
    row("F3 0F AE /3:reg", "WRGSBASE", "Ry", out_of_line<write_base<Seg::GS>>, attr::kOnly64,
        Feature::FSGSBASE),

    // Flags and processor control.
    row("9C", "PUSHF", "Fv", out_of_line<pushf>, attr::kDefault64),
    row("9D", "POPF", "Fv", out_of_line<popf>, attr::kDefault64),
    row("FA", "CLI", "", out_of_line<cli>),
    row("FB", "STI", "", out_of_line<sti>),
    row("F4", "HLT", "", out_of_line<hlt, attr::kCpl0>, attr::kEnds | attr::kCpl0),

    // Port I/O.
    row("E4", "IN", "AL,Ib", out_of_line<in_al_imm>),
    row("E5", "IN", "eAX,Ib", out_of_line<in_ax_imm>),
    row("E6", "OUT", "Ib,AL", out_of_line<out_imm_al>),
    row("E7", "OUT", "Ib,eAX", out_of_line<out_imm_ax>),
    row("EC", "IN", "AL,DX", out_of_line<in_al_dx>),
    row("ED", "IN", "eAX,DX", out_of_line<in_ax_dx>),
    row("EE", "OUT", "DX,AL", out_of_line<out_dx_al>),
    row("EF", "OUT", "DX,eAX", out_of_line<out_dx_ax>),
    row("6C", "INS", "Yb,DX", out_of_line<ins_byte>),
    row("6D", "INS", "Yz,DX", out_of_line<ins_word>),
    row("6E", "OUTS", "DX,Xb", out_of_line<outs_byte>),
    row("6F", "OUTS", "DX,Xz", out_of_line<outs_word>),

    // Descriptor tables and protection.
    row("63", "ARPL", "Ew,Gw", out_of_line<arpl, attr::kProtected>, attr::kProtected | attr::kNo64),
    row("0F 00 /0", "SLDT", "Mw/Rv", out_of_line<sldt, attr::kProtected>, attr::kProtected),
    row("0F 00 /1", "STR", "Mw/Rv", out_of_line<str, attr::kProtected>, attr::kProtected),
    row("0F 00 /2", "LLDT", "Ew", out_of_line<lldt, attr::kProtected | attr::kCpl0>,
        attr::kProtected | attr::kCpl0),
    row("0F 00 /3", "LTR", "Ew", out_of_line<ltr, attr::kProtected | attr::kCpl0>,
        attr::kProtected | attr::kCpl0),
    row("0F 00 /4", "VERR", "Ew", out_of_line<verr, attr::kProtected>, attr::kProtected),
    row("0F 00 /5", "VERW", "Ew", out_of_line<verw, attr::kProtected>, attr::kProtected),
    row("0F 01 /0:mem", "SGDT", "Ms", out_of_line<sgdt>),
    row("0F 01 /1:mem", "SIDT", "Ms", out_of_line<sidt>),
    row("0F 01 /2:mem", "LGDT", "Ms", out_of_line<lgdt, attr::kCpl0>, attr::kCpl0),
    row("0F 01 /3:mem", "LIDT", "Ms", out_of_line<lidt, attr::kCpl0>, attr::kCpl0),
    row("0F 01 /4", "SMSW", "Mw/Rv", out_of_line<smsw>),
    row("0F 01 /6", "LMSW", "Ew", out_of_line<lmsw, attr::kCpl0>, attr::kCpl0),
    row("0F 01 /7:mem", "INVLPG", "Mb", out_of_line<invlpg, attr::kCpl0>, attr::kEnds | attr::kCpl0,
        Feature::I486),
    row("0F 02", "LAR", "Gv,Ew", out_of_line<lar, attr::kProtected>, attr::kProtected),
    row("0F 03", "LSL", "Gv,Ew", out_of_line<lsl, attr::kProtected>, attr::kProtected),

    // Control and debug registers, caches, MSRs.
    row("0F 06", "CLTS", "", out_of_line<clts, attr::kCpl0>, attr::kCpl0),
    row("0F 08", "INVD", "", out_of_line<invd, attr::kCpl0>, attr::kCpl0, Feature::I486),
    row("0F 09", "WBINVD", "", out_of_line<wbinvd, attr::kCpl0>, attr::kCpl0, Feature::I486),
    row("0F 20", "MOV", "Rd,Cd", out_of_line<mov_from_cr>),
    row("0F 21", "MOV", "Rd,Dd", out_of_line<mov_from_dr>),
    row("0F 22", "MOV", "Cd,Rd", out_of_line<mov_to_cr>, attr::kEnds),
    row("0F 23", "MOV", "Dd,Rd", out_of_line<mov_to_dr>),
    row("0F 30", "WRMSR", "", out_of_line<wrmsr, attr::kCpl0>, attr::kEnds | attr::kCpl0, Feature::MSR),
    row("0F 31", "RDTSC", "", out_of_line<rdtsc>, 0, Feature::TSC),
    row("0F 32", "RDMSR", "", out_of_line<rdmsr, attr::kCpl0>, attr::kCpl0, Feature::MSR),
    row("0F 33", "RDPMC", "", out_of_line<rdpmc>),
    row("0F A2", "CPUID", "", out_of_line<cpuid>, 0, Feature::CPUID),

    // Later processors.
    row("66 0F 38 82 /r:mem", "INVPCID", "Gy,M", out_of_line<invpcid, attr::kCpl0>,
        attr::kEnds | attr::kCpl0, Feature::INVPCID),
    row("NP 0F 01 CA", "CLAC", "", out_of_line<clac>, 0, Feature::SMAP),
    row("NP 0F 01 CB", "STAC", "", out_of_line<stac>, 0, Feature::SMAP),
    row("NP 0F 01 EE", "RDPKRU", "", out_of_line<rdpkru>, 0, Feature::PKU),
    row("NP 0F 01 EF", "WRPKRU", "", out_of_line<wrpkru>, attr::kEnds, Feature::PKU),
    row("0F 01 F9", "RDTSCP", "", out_of_line<rdtscp>, 0, Feature::RDTSCP),
    row("F3 0F C7 /7:reg", "RDPID", "Ry", out_of_line<rdpid>, 0, Feature::RDPID),
    row("NP 0F C7 /6:reg", "RDRAND", "Rv", out_of_line<read_random>, 0, Feature::RDRAND),
    row("66 0F C7 /6:reg", "RDRAND", "Rv", out_of_line<read_random>, 0, Feature::RDRAND),
    row("NP 0F C7 /7:reg", "RDSEED", "Rv", out_of_line<read_random>, 0, Feature::RDSEED),
    row("66 0F C7 /7:reg", "RDSEED", "Rv", out_of_line<read_random>, 0, Feature::RDSEED),
    row("NP 0F 01 C8", "MONITOR", "", out_of_line<monitor>, 0, Feature::MONITOR),
    row("NP 0F 01 C9", "MWAIT", "", out_of_line<mwait>, 0, Feature::MONITOR),
    row("F3 0F AE /6:reg", "UMONITOR", "Ry", out_of_line<umonitor>, 0, Feature::WAITPKG),
    row("F2 0F AE /6:reg", "UMWAIT", "Rd", out_of_line<umwait>, 0, Feature::WAITPKG),
    row("66 0F AE /6:reg", "TPAUSE", "Rd", out_of_line<tpause>, 0, Feature::WAITPKG),
    row("66 0F AE /6:mem", "CLWB", "Mb", out_of_line<flush_line>, 0, Feature::CLWB),
    row("66 0F AE /7:mem", "CLFLUSHOPT", "Mb", out_of_line<flush_line>, 0, Feature::CLFLUSHOPT),
    row("NP 0F 01 E8", "SERIALIZE", "", out_of_line<serialize>, attr::kEnds, Feature::SERIALIZE),

    // Extended state.
    row("NP 0F 01 D0", "XGETBV", "", out_of_line<xgetbv>, 0, Feature::XSAVE),
    row("NP 0F 01 D1", "XSETBV", "", out_of_line<xsetbv>, attr::kEnds, Feature::XSAVE),
    row("NP 0F AE /4:mem", "XSAVE", "M", out_of_line<xsave>, 0, Feature::XSAVE),
    row("NP 0F AE /5:mem", "XRSTOR", "M", out_of_line<xrstor>, attr::kEnds, Feature::XSAVE),
    row("NP 0F AE /6:mem", "XSAVEOPT", "M", out_of_line<xsaveopt>, 0, Feature::XSAVEOPT),
    row("NP 0F C7 /4:mem", "XSAVEC", "M", out_of_line<xsavec>, 0, Feature::XSAVEC),
    row("NP 0F C7 /5:mem", "XSAVES", "M", out_of_line<xsaves, attr::kCpl0>, attr::kCpl0, Feature::XSAVES),
    row("NP 0F C7 /3:mem", "XRSTORS", "M", out_of_line<xrstors, attr::kCpl0>, attr::kEnds | attr::kCpl0,
        Feature::XSAVES),

    // The first generations.
    row("0F 24", "MOV", "Rd,Td", out_of_line<mov_from_tr, attr::kCpl0>, attr::kCpl0 | attr::kNo64, Feature::TestRegisters),
    row("0F 26", "MOV", "Td,Rd", out_of_line<mov_to_tr, attr::kCpl0>, attr::kCpl0 | attr::kNo64, Feature::TestRegisters),
    row("0F 07", "LOADALL", "", out_of_line<loadall, attr::kCpl0>, attr::kEnds | attr::kCpl0 | attr::kNo64, Feature::LOADALL),

    // Undefined by definition, and RSM, which is undefined outside system-management mode.
    row("0F 0B", "UD2", "", out_of_line<undefined>, attr::kEnds),
    row("0F B9", "UD1", "Gv,Ev", out_of_line<undefined>, attr::kEnds),
    row("0F FF", "UD0", "Gv,Ev", out_of_line<undefined>, attr::kEnds),
    row("0F AA", "RSM", "", out_of_line<undefined>, attr::kEnds),
});

}  // namespace gnomon
