// `info` and its kinds, `page`, `explain`.
#include <algorithm>
#include <cstring>

#include "cpu/apic/local_apic.h"
#include "cpu/model.h"
#include "cpu/system_registers.h"
#include "debugger/console/break_words.h"
#include "debugger/console/descriptor_text.h"
#include "debugger/explain.h"
#include "debugger/expression.h"
#include "debugger/paging.h"
#include "debugger/registers.h"

namespace gnomon {
namespace {

bool long_mode(const CpuState& s) { return s.msr.efer & efer::LMA; }

Result<void> take_range(Console& c, Arguments& a, u64& first, u64& last) {
    if (a.empty()) return {};
    Result<u64> from = take_value(c, a, "a number");
    if (!from) return from.error();
    first = last = *from;
    if (a.empty()) return {};
    Result<u64> to = take_value(c, a, "a number");
    if (!to) return to.error();
    last = *to;
    return {};
}

bool read_descriptor(Console& c, u64 linear, Descriptor& out, u32* high_offset = nullptr) {
    std::array<u8, 12> raw{};
    const size_t size = high_offset ? 12 : 8;
    if (c.debugger().read_linear(c.debugger().current(), linear, std::span(raw).first(size)) != size) return false;
    std::memcpy(&out.low, raw.data(), 4);
    std::memcpy(&out.high, raw.data() + 4, 4);
    if (high_offset) std::memcpy(high_offset, raw.data() + 8, 4);
    return true;
}

Result<void> table(Console& c, Arguments& a, std::string_view name, u64 base, u64 limit, u16 bits) {
    const CpuState s = c.state();
    const u64 entries = (limit + 1) / 8;
    u64 first = 0;
    u64 last = entries ? entries - 1 : 0;
    if (Result<void> done = take_range(c, a, first, last); !done) return done;
    c.print("{}: base={}, limit={:#x}, {} entries\n", name, address_text(base), limit, entries);
    u64 empty = 0;  ///< null descriptors in a row; of more than two only the first and their number are shown
    for (u64 n = first; n <= last && n < entries; n++) {
        Descriptor d;
        if (!read_descriptor(c, base + n * 8, d)) return fail("linear address {:#x} cannot be read", base + n * 8);
        empty = d.low == 0 && d.high == 0 ? empty + 1 : 0;
        Descriptor next;
        const bool more = n + 1 <= last && n + 1 < entries && read_descriptor(c, base + (n + 1) * 8, next) && next.low == 0 && next.high == 0;
        if (empty > 1 && more) continue;
        if (empty > 2) {
            c.print("  … {} more null descriptors up to {}[{:#06x}]\n", empty - 1, name, n * 8 | bits);
            continue;
        }
        c.print("  {}[{:#06x}] {:08x}_{:08x} {}\n", name, n * 8 | bits, d.high, d.low, descriptor_text(d, long_mode(s)));
        if (long_mode(s) && d.is_system() && d.present()) n++;  // 16 bytes
    }
    return {};
}

Result<void> gdt(Console& c, Arguments& a) {
    const CpuState s = c.state();
    return table(c, a, "GDT", s.gdtr.base, s.gdtr.limit, 0);
}
Result<void> ldt(Console& c, Arguments& a) {
    const CpuState s = c.state();
    if (!(s.ldtr.selector & 0xfffc)) return fail("LDTR holds a null selector: there is no LDT");
    return table(c, a, "LDT", s.ldtr.base, s.ldtr.limit, 4);
}

Result<void> interrupt_vectors(Console& c, Arguments& a) {
    const CpuState s = c.state();
    u64 first = 0;
    u64 last = 255;
    if (Result<void> done = take_range(c, a, first, last); !done) return done;
    for (u64 n = first; n <= std::min<u64>(last, 255) && n * 4 + 3 <= s.idtr.limit; n++) {
        std::array<u8, 4> raw{};
        if (c.debugger().read_linear(c.debugger().current(), s.idtr.base + n * 4, raw) != 4) return fail("the table cannot be read");
        c.print("  INT {:#04x} -> {:04x}:{:04x}\n", n, raw[2] | raw[3] << 8, raw[0] | raw[1] << 8);
    }
    return {};
}

Result<void> idt(Console& c, Arguments& a) {
    const CpuState s = c.state();
    if (!(s.cr0 & cr0::PE)) {
        c.print("real mode: interrupt vector table at {}\n", address_text(s.idtr.base));
        return interrupt_vectors(c, a);
    }
    const unsigned size = long_mode(s) ? 16 : 8;
    const u64 entries = (s.idtr.limit + 1u) / size;
    u64 first = 0;
    u64 last = entries ? entries - 1 : 0;
    if (Result<void> done = take_range(c, a, first, last); !done) return done;
    c.print("IDT: base={}, limit={:#x}, {} entries\n", address_text(s.idtr.base), s.idtr.limit, entries);
    for (u64 n = first; n <= last && n < entries; n++) {
        Descriptor gate;
        u32 high = 0;
        if (!read_descriptor(c, s.idtr.base + n * size, gate, size == 16 ? &high : nullptr))
            return fail("linear address {:#x} cannot be read", s.idtr.base + n * size);
        c.print("  IDT[{:#04x}] {}\n", n, gate_text(gate, high, size == 16));
    }
    return {};
}

Result<void> tss(Console& c, Arguments&) {
    const CpuState s = c.state();
    if (!(s.tr.selector & 0xfffc)) return fail("TR holds a null selector: there is no TSS");
    c.print("tr:{:#06x}, {}\n", s.tr.selector, segment_text(s.tr));
    const auto slot = [&](u64 offset, unsigned size) {
        std::array<u8, 8> raw{};
        c.debugger().read_linear(c.debugger().current(), s.tr.base + offset, std::span(raw).first(size));
        u64 value = 0;
        std::memcpy(&value, raw.data(), 8);
        return value;
    };
    if (long_mode(s)) {
        for (unsigned n = 0; n < 3; n++) c.print("  rsp{}: {}\n", n, address_text(slot(4 + n * 8, 8)));
        for (unsigned n = 1; n < 8; n++) c.print("  ist{}: {}\n", n, address_text(slot(0x1c + n * 8, 8)));
        return {};
    }
    if (!(attribute::type(s.tr.attributes) & 8)) {
        for (unsigned n = 0; n < 3; n++) c.print("  ss:sp{}: {:#06x}:{:#06x}\n", n, slot(4 + n * 4, 2), slot(2 + n * 4, 2));
        return {};
    }
    for (unsigned n = 0; n < 3; n++) c.print("  ss:esp{}: {:#06x}:{:#010x}\n", n, slot(8 + n * 8, 2), slot(4 + n * 8, 4));
    c.print("  cr3: {:#010x}\n  eip: {:#010x}\n  eflags: {:#010x}\n", slot(0x1c, 4), slot(0x20, 4), slot(0x24, 4));
    constexpr std::string_view kGeneral[] = {"eax", "ecx", "edx", "ebx", "esp", "ebp", "esi", "edi"};
    for (unsigned n = 0; n < 8; n++) c.print("  {}: {:#010x}\n", kGeneral[n], slot(0x28 + n * 4, 4));
    constexpr std::string_view kSegments[] = {"es", "cs", "ss", "ds", "fs", "gs", "ldt"};
    for (unsigned n = 0; n < 7; n++) c.print("  {}: {:#06x}\n", kSegments[n], slot(0x48 + n * 4, 2));
    c.print("  back link: {:#06x}, I/O map at {:#x}\n", slot(0, 2), slot(0x66, 2));
    return {};
}

Result<void> mappings(Console& c, Arguments& a) {
    u64 first = 0;
    u64 last = ~u64{0};
    if (Result<void> done = take_range(c, a, first, last); !done) return done;
    c.write(print_mappings(c.cpu(), first, last));
    return {};
}

Result<void> eflags(Console& c, Arguments&) {
    c.print("{}\n", eflags_text(c.state().eflags));
    return {};
}

Result<void> processor(Console& c, Arguments&) {
    const CpuState s = c.state();
    const CpuModel& model = c.cpu().model();
    constexpr std::string_view kActivity[] = {"running", "halted (HLT)", "shut down", "waits for a startup message", "waits (MWAIT)"};
    c.print("processor {} of {}: {}, {}, CPL {}, {}\n", c.debugger().current(), c.debugger().processors(), model.name, mode_name(s), s.cpl,
            kActivity[static_cast<unsigned>(s.activity)]);
    const auto& counters = c.cpu().counters;
    c.print("instructions {}, exceptions {}, interrupts {}\n", c.debugger().machine().clock().instructions(), counters.exceptions, counters.interrupts);
    return {};
}

StatePart* find_part(Console& c, std::string_view name) {
    for (StatePart* part : c.debugger().machine().parts())
        if (part->state_name() == name) return part;
    return nullptr;
}

Result<void> print_part(Console& c, std::string_view name, std::string_view missing) {
    StatePart* part = find_part(c, name);
    if (!part) return fail("{}", missing);
    c.write(print_state(part->save_state(), name));
    return {};
}

Result<void> device(Console& c, Arguments& a) {
    if (a.empty()) {
        for (const StatePart* part : c.debugger().machine().parts()) c.print("{}\n", part->state_name());
        return {};
    }
    const std::string name = a.next();
    return print_part(c, name, fmt::format("there is no device \"{}\"; \"info device\" lists them", name));
}

Result<void> pic(Console& c, Arguments&) {
    const Pic::State& state = c.debugger().machine().pic().state();
    for (unsigned n = 0; n < 2; n++) {
        const auto& chip = state.chips[n];
        c.print("{} 8259A: vectors {:#04x}-{:#04x}, IMR {:08b}, IRR {:08b}, ISR {:08b}, {}{}\n", n == 0 ? "master" : "slave ", chip.icw2, chip.icw2 + 7,
                chip.imr, chip.lines | chip.edges, chip.isr, chip.icw4 & 2 ? "automatic EOI" : "normal EOI", chip.special_mask ? ", special mask" : "");
    }
    return {};
}
Result<void> pit(Console& c, Arguments&) { return print_part(c, "pit", "there is no PIT"); }

Result<void> apic(Console& c, Arguments&) {
    if (!c.cpu().apic) return fail("this processor model has no local APIC");
    for (unsigned n = 0; n < c.debugger().processors(); n++) c.write(c.debugger().cpu(n).apic->describe());
    return {};
}
Result<void> ioapic(Console& c, Arguments&) {
    const IoApic* ioapic = c.debugger().machine().ioapic();
    if (!ioapic) return fail("this machine has no I/O APIC");
    c.write(ioapic->describe());
    return {};
}

Result<void> pci(Console& c, Arguments&) {
    PciBus& bus = c.debugger().machine().pci();
    for (unsigned device = 0; device < 32; device++)
        for (unsigned function = 0; function < 8; function++) {
            const u32 id = bus.config_read(0, device, function, static_cast<u8>(0), 4);
            if ((id & 0xffff) == 0xffff) continue;
            const u32 kind = bus.config_read(0, device, function, static_cast<u8>(8), 4);
            const u32 command = bus.config_read(0, device, function, static_cast<u8>(4), 4);
            c.print("00:{:02x}.{} {:04x}:{:04x} class {:06x} revision {:02x} command {:04x} status {:04x}\n", device, function, id & 0xffff, id >> 16,
                    kind >> 8, kind & 0xff, command & 0xffff, command >> 16);
            for (unsigned bar = 0; bar < 6; bar++)
                if (const u32 value = bus.config_read(0, device, function, static_cast<u8>(0x10 + bar * 4), 4); value != 0)
                    c.print("  BAR{} {}\n", bar, value & 1 ? fmt::format("I/O {:#06x}", value & ~3u) : fmt::format("memory {:#010x}", value & ~15u));
        }
    return {};
}

Result<void> memory(Console& c, Arguments&) {
    c.write(c.debugger().machine().memory().describe());
    return {};
}
Result<void> ports(Console& c, Arguments&) {
    c.write(c.debugger().machine().ports().describe());
    return {};
}
Result<void> breakpoints(Console& c, Arguments&) {
    c.execute("blist");
    return {};
}
Result<void> shadow(Console& c, Arguments&) {
    c.write(c.cpu().mmu().describe());
    return {};
}

Result<void> symbols(Console& c, Arguments& a) {
    if (!c.find("sym")) return fail("this debugger has no symbols");
    c.execute("sym " + a.rest());
    return {};
}

struct Kind {
    std::string_view name;
    std::string_view help;
    Result<void> (*run)(Console& c, Arguments& a);
};
constexpr Kind kKinds[] = {
    {"idt", "[FIRST [LAST]] the interrupt descriptor table", idt},
    {"ivt", "[FIRST [LAST]] the interrupt vector table of real mode", interrupt_vectors},
    {"gdt", "[FIRST [LAST]] the global descriptor table", gdt},
    {"ldt", "[FIRST [LAST]] the local descriptor table", ldt},
    {"tss", "the task-state segment", tss},
    {"tab", "[FIRST [LAST]] which linear addresses are mapped where, and what the shadow page tables hold", mappings},
    {"eflags", "the flags by name; capitals are set", eflags},
    {"cpu", "model, mode, counters", processor},
    {"device", "[NAME] every register of a device, or the names", device},
    {"pic", "the interrupt controllers", pic},
    {"pit", "the timer", pit},
    {"apic", "the local APICs", apic},
    {"ioapic", "the I/O APIC", ioapic},
    {"pci", "functions of the PCI bus", pci},
    {"mem", "the physical address space", memory},
    {"ports", "who answers at which ports", ports},
    {"break", "breakpoints", breakpoints},
    {"shadow", "the shadow page tables", shadow},
    {"symbols", "[NAME | PATTERN | ADDRESS] as sym", symbols},
};

Result<void> info(Console& c, Arguments& a) {
    if (a.empty()) {
        for (const Kind& kind : kKinds) c.print("info {:<8} {}\n", kind.name, kind.help);
        return {};
    }
    const std::string name = a.next();
    for (const Kind& kind : kKinds)
        if (kind.name == name) return kind.run(c, a);
    return fail("\"{}\" is not one of those that \"info\" lists", name);
}

Result<void> page(Console& c, Arguments& a) {
    Result<u64> address = take_value(c, a, "an address");
    if (!address) return address.error();
    c.write(explain_translation(c.cpu(), *address));
    return {};
}

Result<void> explain(Console& c, Arguments& a) {
    Machine& machine = c.debugger().machine();
    const auto& events = c.debugger().events(c.debugger().current());
    if (a.peek() == "all") {
        a.next();
        for (const Debugger::Delivered& e : events) c.print("t={} {}", e.number, explain_event(machine, c.cpu(), e.kind, e.fault, e.before));
        return {};
    }
    if (c.cpu().state.activity == Activity::Shutdown) {
        c.write(explain_shutdown(machine, c.cpu()));
        return {};
    }
    if (const std::string text = explain_halt(machine, c.cpu()); !text.empty()) {
        c.write(text);
        return {};
    }
    const auto last = std::find_if(events.rbegin(), events.rend(), [](const Debugger::Delivered& e) { return e.kind == EventKind::Exception; });
    if (last == events.rend()) {
        c.write("no exception has been delivered\n");
        return {};
    }
    c.write(explain_event(machine, c.cpu(), last->kind, last->fault, last->before));
    return {};
}

constexpr Command kCommands[] = {
    {"info i", "idt|ivt|gdt|ldt|tss|tab|eflags|cpu|device|pic|pit|apic|ioapic|pci|mem|ports|break|shadow|symbols …", "show a table or a device; \"info\" lists them", "info gdt 0 3", info},
    {"page", "ADDRESS", "explain the translation of a linear address, level by level", "page 0xc0000000", page},
    {"explain", "[all]", "say why the last exception happened, or why the processor halts or has shut down", "explain", explain},
};

}  // namespace

std::span<const Command> info_commands() { return kCommands; }

}  // namespace gnomon
