// Prints what led to a shutdown. SDM Vol. 3, "Interrupt 8—Double Fault Exception".
#include "cpu/shutdown_report.h"

#include "cpu/system_registers.h"

namespace gnomon {
namespace {

bool in_64bit_mode(const CpuState& s) {
    return (s.msr.efer & efer::LMA) && (s.segments[static_cast<unsigned>(Seg::CS)].attributes & attribute::kLong);
}

std::string_view mode_name(const CpuState& s) {
    if (in_64bit_mode(s)) return "64-bit mode";
    if (s.msr.efer & efer::LMA) return "compatibility mode";
    if (!(s.cr0 & cr0::PE)) return "real mode";
    if (s.eflags & flag::VM) return "virtual-8086 mode";
    const bool wide = s.segments[static_cast<unsigned>(Seg::CS)].attributes & attribute::kBig;
    return wide ? "32-bit protected mode" : "16-bit protected mode";
}

std::string describe_error(const Fault& fault) {
    if (!fault.has_error) return {};
    std::string text = fmt::format(", error code {:#06x}", fault.error);
    if (fault.vector == Vector::PF) {
        text += fmt::format(" ({} of {} page by {}{}), address {:#010x}",
                            fault.error & 16  ? "fetch"
                            : fault.error & 2 ? "write"
                                              : "read",
                            fault.error & 8   ? "a reserved-bit"
                            : fault.error & 1 ? "a protected"
                                              : "an absent",
                            fault.error & 4 ? "user" : "supervisor",
                            fault.error & 32 ? ", protection key" : "", fault.address);
    } else if (fault.error & 2) {
        text += fmt::format(" (IDT vector {:#04x}{})", fault.error >> 3, fault.error & 1 ? ", external" : "");
    } else if (fault.error) {
        text += fmt::format(" ({} selector {:#06x}{})", fault.error & 4 ? "LDT" : "GDT", fault.error & 0xfffc,
                            fault.error & 1 ? ", external" : "");
    }
    return text;
}

/// The bytes at the faulting instruction, as far as they are mapped.
std::string instruction_line(Cpu& cpu, const ShutdownReport& report, const Disassemble& disassemble) {
    const CpuState& s = report.before;
    const Segment& cs = s.segments[static_cast<unsigned>(Seg::CS)];
    std::array<u8, 15> bytes{};
    unsigned count = 0;
    for (; count < bytes.size(); count++) {
        GuestPhys physical;
        const u64 at = report.chain[0].rip + count;
        const LinearAddr linear(in_64bit_mode(s) ? at : static_cast<u32>(cs.base + at));
        if (!cpu.mmu().inspect(linear, physical)) break;
        if (!cpu.mmu().physical_map().peek(physical, std::span(&bytes[count], 1))) break;
    }
    std::string text = fmt::format("  at {:04x}:{:08x}:", cs.selector, report.chain[0].rip);
    if (count == 0) return text + " not mapped\n";
    for (unsigned i = 0; i < count; i++) text += fmt::format(" {:02x}", bytes[i]);
    text += '\n';
    if (disassemble) {
        const unsigned bits = in_64bit_mode(s) ? 64 : cs.attributes & attribute::kBig ? 32 : 16;
        text +=
            fmt::format("     {}\n", disassemble(std::span(bytes.data(), count), report.chain[0].rip, bits));
    }
    return text;
}

/// RAX to R15, or EAX to EDI, and the instruction pointer.
std::string register_lines(const CpuState& s) {
    if (!in_64bit_mode(s)) {
        const auto gpr = [&](unsigned n) { return static_cast<u32>(s.gpr[n]); };
        return fmt::format("  EAX {:08x}  EBX {:08x}  ECX {:08x}  EDX {:08x}\n"
                           "  ESI {:08x}  EDI {:08x}  EBP {:08x}  ESP {:08x}\n"
                           "  EIP {:08x}  EFLAGS {:08x}\n",
                           gpr(reg::AX), gpr(reg::BX), gpr(reg::CX), gpr(reg::DX), gpr(reg::SI), gpr(reg::DI),
                           gpr(reg::BP), gpr(reg::SP), s.rip, s.eflags);
    }
    constexpr std::string_view kNames[] = {"RAX", "RCX", "RDX", "RBX", "RSP", "RBP", "RSI", "RDI",
                                           "R8 ", "R9 ", "R10", "R11", "R12", "R13", "R14", "R15"};
    std::string text;
    for (unsigned n = 0; n < 16; n++)
        text += fmt::format("  {} {:016x}{}", kNames[n], s.gpr[n], n % 4 == 3 ? "\n" : "");
    return text + fmt::format("  RIP {:016x}  RFLAGS {:08x}\n", s.rip, s.eflags);
}

std::string segment_line(std::string_view name, const Segment& s) {
    return fmt::format("  {:<4} {:04x}  base {:08x}  limit {:08x}  attributes {:04x}\n", name, s.selector,
                       s.base, s.limit, s.attributes);
}

}  // namespace

std::string vector_name(Vector vector) {
    constexpr std::string_view kNames[] = {"#DE", "#DB", "NMI", "#BP", "#OF", "#BR", "#UD",
                                           "#NM", "#DF", "",    "#TS", "#NP", "#SS", "#GP",
                                           "#PF", "",    "#MF", "#AC", "#MC", "#XM"};
    const auto n = static_cast<unsigned>(vector);
    if (n < std::size(kNames) && !kNames[n].empty()) return std::string(kNames[n]);
    return fmt::format("INT {:#04x}", n);
}

std::string print_shutdown_report(Cpu& cpu, const Disassemble& disassemble) {
    const ShutdownReport& report = cpu.shutdown_report();
    if (report.count == 0) return "The processor has not shut down.\n";
    const CpuState& s = report.before;
    std::string text = fmt::format("Triple fault in {} at CPL {}:\n", mode_name(s), s.cpl);
    for (unsigned i = 0; i < report.count; i++) {
        const ShutdownReport::Entry& e = report.chain[i];
        text += fmt::format("  {}. {} at {:04x}:{:08x}{}\n", i + 1, vector_name(e.fault.vector), e.cs, e.rip,
                            describe_error(e.fault));
    }
    text += instruction_line(cpu, report, disassemble);
    text += register_lines(s);
    constexpr std::string_view kSegments[] = {"ES", "CS", "SS", "DS", "FS", "GS"};
    for (unsigned i = 0; i < 6; i++) text += segment_line(kSegments[i], s.segments[i]);
    text += segment_line("LDTR", s.ldtr);
    text += segment_line("TR", s.tr);
    text += fmt::format("  GDTR base {:08x}  limit {:04x}    IDTR base {:08x}  limit {:04x}\n", s.gdtr.base,
                        s.gdtr.limit, s.idtr.base, s.idtr.limit);
    text += fmt::format("  CR0 {:08x}  CR2 {:08x}  CR3 {:08x}  CR4 {:08x}  EFER {:08x}\n", s.cr0, s.cr2,
                        s.cr3, s.cr4, s.msr.efer);
    return text;
}

}  // namespace gnomon
