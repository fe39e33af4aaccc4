// Rules of thumb for the mistakes that operating systems in the making make. SDM Vol. 3, "Protection",
// "Interrupt Descriptor Table (IDT)", "Stack Switching in IA-32e Mode".
#include "debugger/diagnosis.h"

#include <array>
#include <cstring>
#include <vector>

#include "cpu/segmentation.h"
#include "cpu/shutdown_report.h"
#include "cpu/system_registers.h"
#include "debugger/debugger.h"
#include "debugger/paging.h"

namespace gnomon {
namespace {

bool long_mode(const CpuState& s) { return s.msr.efer & efer::LMA; }

bool is_far_transfer(const std::string& instruction) {
    return instruction.starts_with("jmp") || instruction.starts_with("call") || instruction.starts_with("ret") ||
           instruction.starts_with("iret");
}

u64 stack_linear(const CpuState& s) {
    const bool wide = code_bits(s) == 64 || s.segments[2].attributes & attribute::kBig;
    return linear_address(s, Seg::SS, wide ? s.gpr[reg::SP] : s.gpr[reg::SP] & 0xffff);
}

}  // namespace

size_t peek_linear(Cpu& cpu, u64 linear, std::span<u8> out) {
    size_t done = 0;
    for (; done < out.size(); done++) {
        GuestPhys physical;
        if (!cpu.mmu().inspect(LinearAddr(linear + done), physical)) break;
        if (!cpu.mmu().physical_map().peek(physical, out.subspan(done, 1))) break;
    }
    return done;
}

bool canonical48(u64 address) { return address >> 47 == 0 || address >> 47 == 0x1ffff; }

bool fetches(const Fault& fault, const CpuState& s) {
    if (fault.vector != Vector::PF || (fault.error & page_fault_bit::kWrite)) return false;
    const u64 code = code_address(s);
    return (fault.error & page_fault_bit::kFetch) || fault.address == code ||
           (fault.address > code && fault.address < code + 15 && (fault.address & 0xfff) == 0);
}

bool is_device_interrupt(const Fault& fault) {
    const auto n = static_cast<unsigned>(fault.vector);
    if (n >= 32) return true;
    return !fault.has_error && (n == 8 || (n >= 10 && n <= 15) || n == 9);
}

std::optional<unsigned> irq_of_vector(Machine& machine, unsigned vector) {
    for (unsigned n = 0; n < 2; n++) {
        const auto& chip = machine.pic().state().chips[n];
        if ((vector & 0xf8u) == (chip.icw2 & 0xf8u)) return n * 8 + (vector & 7);
    }
    return std::nullopt;
}

std::string describe_selector(Cpu& cpu, const CpuState& s, u16 selector, const std::string& instruction) {
    const bool local = selector & 4;
    const u64 base = local ? s.ldtr.base : s.gdtr.base;
    const u64 limit = local ? s.ldtr.limit : s.gdtr.limit;
    const u64 offset = selector & 0xfff8u;
    std::string text = fmt::format("selector {:#06x}: entry {} of the {} (base {:#x}, limit {:#x})", selector & 0xfffc, offset / 8,
                                   local ? "LDT" : "GDT", base, limit);
    if (offset + 7 > limit) return text + " lies beyond its limit";
    std::array<u8, 8> raw{};
    if (peek_linear(cpu, base + offset, raw) != raw.size()) return text + " is not mapped";
    Descriptor d;
    std::memcpy(&d.low, raw.data(), 4);
    std::memcpy(&d.high, raw.data() + 4, 4);
    text += fmt::format(" is {:08x} {:08x}", d.high, d.low);
    if (d.low == 0 && d.high == 0) return text + ", empty";
    if (!d.present()) return text + ", not present (bit 47 is 0)";
    if (is_far_transfer(instruction) && d.is_data()) return text + ", a data segment; CS must be a code segment (bit 43)";
    if (d.is_system()) return text + fmt::format(", a system descriptor of type {}, no code or data segment (bit 44 is 0)", d.type());
    if (d.is_code() && is_far_transfer(instruction)) return text + fmt::format(", a code segment with DPL {} at CPL {}", d.dpl(), s.cpl);
    if (d.is_code()) return text + ", a code segment; SS must be writable data, and others readable";
    return text + fmt::format(", a {} data segment with DPL {} at CPL {}", d.writable() ? "writable" : "read-only", d.dpl(), s.cpl);
}

std::string describe_gate(Cpu& cpu, const CpuState& s, unsigned vector) {
    const unsigned size = long_mode(s) ? 16 : s.cr0 & cr0::PE ? 8 : 4;
    std::string text = fmt::format("the IDT (base {:#x}, limit {:#x})", s.idtr.base, s.idtr.limit);
    if ((vector + 1) * size - 1 > s.idtr.limit) return text + fmt::format(" has no entry {}", vector);
    std::array<u8, 8> raw{};
    if (!(s.cr0 & cr0::PE)) return text + fmt::format(" has the entry {}", vector);
    if (peek_linear(cpu, s.idtr.base + u64{vector} * size, raw) != raw.size()) return text + " is not mapped";
    Descriptor gate;
    std::memcpy(&gate.low, raw.data(), 4);
    std::memcpy(&gate.high, raw.data() + 4, 4);
    text = fmt::format("gate {} at {:#x} is {:08x} {:08x}", vector, s.idtr.base + u64{vector} * size, gate.high, gate.low);
    if (gate.low == 0 && gate.high == 0) return text + ", empty: no handler was installed";
    if (!gate.present()) return text + ", not present (bit 47 is 0)";
    const unsigned type = gate.type();
    const bool good = gate.is_system() && (type == 14 || type == 15 || (!long_mode(s) && (type == 5 || type == 6 || type == 7)));
    if (!good) return text + fmt::format(", of type {}, not an interrupt, trap or task gate", type);
    return text + fmt::format(", to {:#06x}:{:#x}{}", gate.gate_selector(), gate.gate_offset(),
                              gate.gate_selector() & 0xfffc ? "" : ", whose selector is null");
}

std::optional<u64> return_target(Cpu& cpu, const CpuState& s, const std::string& instruction) {
    if (!instruction.starts_with("ret") && !instruction.starts_with("iret")) return std::nullopt;
    std::array<u8, 8> raw{};
    const size_t size = code_bits(s) / 8;
    if (size != 8 || peek_linear(cpu, stack_linear(s), std::span(raw).first(size)) != size) return std::nullopt;
    u64 value = 0;
    std::memcpy(&value, raw.data(), size);
    return value;
}

bool stack_in_page_tables(Cpu& cpu, const CpuState& s) {
    const WalkControl& control = cpu.mmu().control();
    if (control.mode == PagingMode::None) return false;
    std::vector<u64> tables{control.root & kPageMask};
    const u64 stack = stack_linear(s);
    for (const u64 linear : {stack, stack - 8, code_address(s), s.idtr.base, s.gdtr.base}) {
        const Walk walk = cpu.mmu().inspect_walk(LinearAddr(linear));
        for (unsigned i = 0; i < walk.count; i++) tables.push_back(walk.steps[i].address & kPageMask);
    }
    if (control.mode == PagingMode::TwoLevel)
        for (unsigned i = 0; i < 1024; i++) {
            std::array<u8, 4> raw{};
            if (!cpu.mmu().physical_map().peek(GuestPhys(control.root + i * 4), raw)) break;
            u32 entry;
            std::memcpy(&entry, raw.data(), 4);
            if ((entry & page_entry::kPresent) && !(entry & page_entry::kLarge)) tables.push_back(entry & 0xfffff000);
        }
    // Where the tables are destroyed, the stack is looked for where an identity map would have it.
    const auto page_of = [&](u64 linear) {
        GuestPhys physical;
        return cpu.mmu().inspect(LinearAddr(linear), physical) ? physical.value & kPageMask : linear & kPageMask;
    };
    for (const u64 table : tables)
        for (const u64 at : {stack, stack - 8})
            if (page_of(at) == table || (at & kPageMask) == table) return true;
    return false;
}

std::string likely_cause(Machine& machine, Cpu& cpu, const ShutdownReport& report, const std::string& instruction) {
    const CpuState& s = report.before;
    const Fault& first = report.chain[0].fault;
    const auto vector = static_cast<unsigned>(first.vector);
    const bool protected_mode = s.cr0 & cr0::PE;
    if (protected_mode && is_device_interrupt(first) && vector < 32)
        return fmt::format("the PIC is not remapped: {} arrives as vector {}, which is {} in protected mode",
                           irq_of_vector(machine, vector) ? fmt::format("IRQ {}", *irq_of_vector(machine, vector)) : "a device interrupt",
                           vector, vector_name(first.vector));
    if ((s.cr0 & cr0::PG) && stack_in_page_tables(cpu, s))
        return fmt::format("the stack has grown into the page tables: the stack pointer {:#x} lies in one of them (CR3 {:#x})",
                           s.gpr[reg::SP], s.cr3);
    if (first.vector == Vector::PF && (first.error & page_fault_bit::kReserved))
        return "a page-table entry with a reserved bit: " + explain_page_fault(cpu, first.address, first.error);
    if (fetches(first, s))
        return fmt::format("the code that runs is not mapped: {}{}", explain_page_fault(cpu, code_address(s), first.error),
                           s.rip < 0x10000000 ? "; paging was switched on without an identity map of it" : "");
    if (first.vector == Vector::GP && code_bits(s) == 64)
        if (const std::optional<u64> target = return_target(cpu, s, instruction); target && !canonical48(*target))
            return fmt::format("\"{}\" returns to {:#x}, which is not canonical", instruction, *target);
    if (protected_mode && first.has_error && (first.error & 0xfffc) && !(first.error & 2) && first.vector != Vector::PF)
        return fmt::format("{}: \"{}\" uses {}",
                           is_far_transfer(instruction) ? "a wrong far jump or a bad GDT" : "a bad descriptor", instruction,
                           describe_selector(cpu, s, static_cast<u16>(first.error), instruction));
    for (unsigned i = 1; i < report.count; i++) {
        const Fault& later = report.chain[i].fault;
        if (later.vector == Vector::PF && long_mode(s))
            return fmt::format("the handler of {} has no good stack: its gate has no IST entry, and the stack at {:#x} is not mapped",
                               vector_name(report.chain[i - 1].fault.vector), s.gpr[reg::SP]);
        if (later.vector == Vector::PF || later.vector == Vector::SS || later.vector == Vector::TS)
            return fmt::format("the exception {} has no stack to be delivered on: stack pointer {:#x}", vector_name(first.vector), s.gpr[reg::SP]);
    }
    std::string missing;
    if (report.count > 1 && (report.chain[1].fault.error & 2) && report.chain[1].fault.vector != Vector::PF)
        missing = fmt::format("nobody handles {}: {}", vector_name(first.vector), describe_gate(cpu, s, vector));
    else if (report.count > 0)
        missing = fmt::format("nobody handles {}: {}", vector_name(first.vector), describe_gate(cpu, s, vector));
    if (is_device_interrupt(first)) return missing;
    return missing + fmt::format("; the exception itself is that of \"{}\"", instruction);
}

}  // namespace gnomon
