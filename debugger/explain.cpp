// Diagnosis of exceptions and of triple faults. SDM Vol. 3, "Exception and Interrupt Reference", "Double Fault
// Exception".
#include "debugger/explain.h"

#include <cstring>
#include <optional>

#include "cpu/segmentation.h"
#include "cpu/shutdown_report.h"
#include "cpu/system_registers.h"
#include "debugger/debugger.h"
#include "debugger/diagnosis.h"
#include "debugger/disassembler.h"
#include "debugger/paging.h"

namespace gnomon {
namespace {

/// Headings of SDM Vol. 3, "Exception and Interrupt Reference".
constexpr std::string_view kHeadings[] = {"Interrupt 0—Divide Error Exception (#DE)",
                                          "Interrupt 1—Debug Exception (#DB)",
                                          "Interrupt 2—NMI Interrupt",
                                          "Interrupt 3—Breakpoint Exception (#BP)",
                                          "Interrupt 4—Overflow Exception (#OF)",
                                          "Interrupt 5—BOUND Range Exceeded Exception (#BR)",
                                          "Interrupt 6—Invalid Opcode Exception (#UD)",
                                          "Interrupt 7—Device Not Available Exception (#NM)",
                                          "Interrupt 8—Double Fault Exception (#DF)",
                                          "Interrupt 9—Coprocessor Segment Overrun",
                                          "Interrupt 10—Invalid TSS Exception (#TS)",
                                          "Interrupt 11—Segment Not Present (#NP)",
                                          "Interrupt 12—Stack Fault Exception (#SS)",
                                          "Interrupt 13—General Protection Exception (#GP)",
                                          "Interrupt 14—Page-Fault Exception (#PF)",
                                          "Interrupt 15—reserved",
                                          "Interrupt 16—x87 FPU Floating-Point Error (#MF)",
                                          "Interrupt 17—Alignment Check Exception (#AC)",
                                          "Interrupt 18—Machine-Check Exception (#MC)",
                                          "Interrupt 19—SIMD Floating-Point Exception (#XM)"};

std::string manual(Vector vector) {
    const auto n = static_cast<unsigned>(vector);
    return n < std::size(kHeadings) ? fmt::format("SDM Vol. 3, \"{}\"", kHeadings[n]) : "SDM Vol. 3, \"Interrupts 32 to 255—User Defined Interrupts\"";
}

std::string instruction_at(Cpu& cpu, const CpuState& s) {
    std::array<u8, 15> bytes{};
    const size_t count = peek_linear(cpu, code_address(s), bytes);
    return disassemble(std::span(bytes).first(count), s.rip, code_bits(s)).text;
}

/// What is wrong with a page fault, for people.
std::string explain_pf(Cpu& cpu, const Fault& fault, const CpuState& s) {
    std::string text = fmt::format("{} of address {:#x} by {}: ",
                                   fault.error & page_fault_bit::kFetch   ? "fetch"
                                   : fault.error & page_fault_bit::kWrite ? "write"
                                   : fetches(fault, s)                    ? "fetch"
                                                                          : "read",
                                   fault.address, fault.error & page_fault_bit::kUser ? "user code" : "a supervisor");
    const std::string why = explain_page_fault(cpu, fault.address, fault.error);
    text += why.empty() ? "the tables have been changed since" : why;
    if (fetches(fault, s))
        text += fmt::format(".\n  The address is that of the instruction itself: the code that runs is not mapped{}",
                            s.cr0 & cr0::PG ? ". Code that sets CR0.PG must be mapped at the address it runs at (identity map), "
                                              "or the first fetch with paging on faults"
                                            : "");
    return text;
}

std::string explain_gp(Cpu& cpu, const Fault& fault, const CpuState& s, const std::string& instruction) {
    if (fault.error & 2) return "the gate of vector " + fmt::format("{:#04x}: ", fault.error >> 3 & 0xff) + describe_gate(cpu, s, fault.error >> 3 & 0xff);
    if (fault.error & 0xfffc) return describe_selector(cpu, s, static_cast<u16>(fault.error), instruction);
    if (std::optional<u64> target = return_target(cpu, s, instruction))
        if (!canonical48(*target))
            return fmt::format("\"{}\" takes the return address {:#x} from the stack, which is not canonical (bits 63-47 differ)",
                               instruction, *target);
    if (s.cpl != 0) return fmt::format("\"{}\" at CPL {}: a privileged instruction, a segment limit, or a right of a segment", instruction, s.cpl);
    return fmt::format("\"{}\": an access beyond a segment's limit or through a null or read-only segment, a reserved bit in a "
                       "control register or MSR, or an address that is not canonical",
                       instruction);
}

}  // namespace

std::string explain_event(Machine& machine, Cpu& cpu, EventKind kind, const Fault& fault, const CpuState& s) {
    const auto vector = static_cast<unsigned>(fault.vector);
    const std::string instruction = instruction_at(cpu, s);
    const std::string place = fmt::format("{:04x}:{:08x}", s.segments[1].selector, s.rip);
    if (kind == EventKind::SoftInterrupt || kind == EventKind::SoftException || kind == EventKind::IceBreakpoint)
        return fmt::format("The program executed the interrupt {:#04x} before {}.\n", vector, place);
    if (kind == EventKind::External || kind == EventKind::Nmi) {
        std::string text = fmt::format("A device interrupted at {}: vector {:#04x}", place, vector);
        if (kind == EventKind::Nmi) return text + " (NMI)\n";
        if (const std::optional<unsigned> irq = irq_of_vector(machine, vector)) text += fmt::format(", IRQ {} of the 8259A", *irq);
        if (vector < 32 && (s.cr0 & cr0::PE))
            text += ".\n  Vectors below 32 are those of exceptions in protected mode: the PIC has not been remapped (ICW2)";
        return text + ".\n";
    }
    std::string text = fmt::format("{} at {}: {}\n  ", vector_name(fault.vector), place, instruction);
    switch (fault.vector) {
        case Vector::DE: text += "the divisor is zero, or the quotient does not fit the destination"; break;
        case Vector::DB: text += fmt::format("a debug condition: DR6 is {:#x}", cpu.state.dr[6]); break;
        case Vector::BR: text += "the index is outside the bounds"; break;
        case Vector::UD: text += "the bytes are no instruction of this processor model, in this mode, or with this prefix"; break;
        case Vector::NM: text += fmt::format("CR0.TS = {}, CR0.EM = {}: the operating system wants to switch the FPU", s.cr0 >> 3 & 1, s.cr0 >> 2 & 1); break;
        case Vector::DF: text += "an exception arose while another one was delivered"; break;
        case Vector::TS:
        case Vector::NP:
        case Vector::GP: text += explain_gp(cpu, fault, s, instruction); break;
        case Vector::SS:
            text += fault.error & 0xfffc ? describe_selector(cpu, s, static_cast<u16>(fault.error), instruction)
                                         : fmt::format("an access through SS beyond its limit {:#x}, stack pointer {:#x}", s.segments[2].limit, s.gpr[reg::SP]);
            break;
        case Vector::PF: text += explain_pf(cpu, fault, s); break;
        case Vector::AC: text += "a misaligned access at CPL 3 with CR0.AM and EFLAGS.AC set"; break;
        case Vector::MF:
        case Vector::XM: text += "an unmasked floating-point exception"; break;
        default: text += "see the manual"; break;
    }
    return text + ".\n  " + manual(fault.vector) + "\n";
}

std::string explain_shutdown(Machine& machine, Cpu& cpu) {
    const ShutdownReport& report = cpu.shutdown_report();
    const auto text_of = [](std::span<const u8> bytes, u64 ip, unsigned bits) { return disassemble(bytes, ip, bits).text; };
    std::string text = print_shutdown_report(cpu, text_of);
    if (report.count == 0) return text;
    text += "  Likely cause: " + likely_cause(machine, cpu, report, instruction_at(cpu, report.before)) + ".\n";
    const CpuState& s = report.before;
    for (unsigned i = 0; i < report.count; i++) {
        const Fault& fault = report.chain[i].fault;
        const bool external = i == 0 && is_device_interrupt(fault);
        std::string why = i == 0 && external ? "a device interrupt" : explain_event(machine, cpu, EventKind::Exception, fault, s);
        if (fault.vector == Vector::DF && fault.has_error && i > 0)
            why = fmt::format("{} could not be delivered: {}", vector_name(report.chain[i - 1].fault.vector),
                              describe_gate(cpu, s, static_cast<unsigned>(report.chain[i - 1].fault.vector)));
        if (i > 0 && (fault.error & 2) && fault.vector != Vector::PF)
            why = fmt::format("no way to deliver {}: {}", vector_name(static_cast<Vector>(fault.error >> 3 & 0xff)),
                              describe_gate(cpu, s, fault.error >> 3 & 0xff));
        while (why.ends_with('\n')) why.pop_back();
        text += fmt::format("  {}. {}\n", i + 1, why);
    }
    return text;
}

}  // namespace gnomon
