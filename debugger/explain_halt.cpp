// Why a processor that halts is not woken: the interrupt flag, the local APIC, the I/O APIC, the 8259A pair. SDM Vol. 3,
// "Handling Interrupts", "Local Vector Table"; 82093AA datasheet, "I/O Redirection Table"; 8259A datasheet, "End of
// Interrupt".
#include "cpu/apic/local_apic.h"
#include "cpu/monitor_unit.h"
#include "cpu/system_registers.h"
#include "debugger/explain.h"

namespace gnomon {
namespace {

constexpr u32 kMasked = 1u << 16;  ///< of the local vector table and of the redirection table
constexpr u64 kRemoteIrr = u64{1} << 14, kLevel = u64{1} << 15;
constexpr u32 kExtInt = 7;         ///< delivery mode: the 8259A answers

unsigned delivery_mode(u64 entry) { return static_cast<unsigned>(entry >> 8 & 7); }
bool masked(u64 entry) { return entry & kMasked; }

/// The highest of 256 bits.
std::optional<unsigned> highest(const std::array<u32, 8>& bits) {
    for (unsigned vector = 256; vector-- > 0;)
        if (bits[vector / 32] >> vector % 32 & 1) return vector;
    return std::nullopt;
}

/// INTR of the 8259A pair reaches the processor through LINT0 (virtual wire), or past a disabled local APIC.
bool pic_is_connected(const LocalApic* apic) {
    if (!apic || !apic->enabled()) return true;
    const u32 lint0 = apic->state().lvt[LocalApic::Lint0];
    return apic->software_enabled() && delivery_mode(lint0) == kExtInt && !masked(lint0);
}

/// Somebody has set up more than the virtual wire that the firmware leaves.
bool uses_apic(const LocalApic* apic, const IoApic* ioapic) {
    if (!apic || !apic->enabled()) return false;
    const LocalApic::State& s = apic->state();
    bool used = !pic_is_connected(apic) || highest(s.isr) || highest(s.irr) || !masked(s.lvt[LocalApic::Timer]);
    if (ioapic)
        for (const u64 entry : ioapic->state().entries) used |= !masked(entry) && delivery_mode(entry) != kExtInt;
    return used;
}

std::string apic_state(const LocalApic& apic) {
    const LocalApic::State& s = apic.state();
    const auto vector = [](std::optional<unsigned> number) { return number ? fmt::format("{:#04x}", *number) : "none"; };
    constexpr std::string_view kModes[] = {"one-shot", "periodic", "TSC deadline", "reserved mode"};
    const u32 timer = s.lvt[LocalApic::Timer];
    return fmt::format(
        "  local APIC {}: {}, task priority {:#04x}, processor priority {:#04x}, in service {}, requested {}\n"
        "  its timer: vector {:#04x}, {}{}, initial count {:#x}\n",
        apic.id(), apic.software_enabled() ? "enabled" : "disabled by software", s.tpr, apic.processor_priority(),
        vector(highest(s.isr)), vector(highest(s.irr)), timer & 0xff, kModes[timer >> 17 & 3],
        masked(timer) ? ", masked" : "", s.initial_count);
}

std::string ioapic_state(const IoApic& ioapic) {
    std::string open;
    for (unsigned input = 0; input < IoApic::kInputs; input++)
        if (const u64 entry = ioapic.state().entries[input]; !masked(entry))
            open += fmt::format("{} {} to vector {:#04x} of {:#04x}", open.empty() ? "" : ",", input, entry & 0xff, entry >> 56);
    return fmt::format("  I/O APIC: unmasked inputs{}\n", open.empty() ? " none" : open);
}

/// What the local APIC holds back; empty: nothing.
std::string held_by_local_apic(const LocalApic& apic) {
    const LocalApic::State& s = apic.state();
    const std::optional<unsigned> in_service = highest(s.isr);
    const std::optional<unsigned> requested = highest(s.irr);
    if (!apic.software_enabled())
        return "  The local APIC is disabled by software: bit 8 of its spurious-interrupt vector register (FEE000F0h) is 0, so that it "
               "accepts no interrupt and masks its local vector table.\n  SDM Vol. 3, \"Local APIC Software "
               "Enable/Disable\"\n";
    if (in_service && s.tpr >> 4 <= *in_service >> 4)
        return fmt::format("  Vector {:#04x} is in service: its handler has not written the EOI register (FEE000B0h, or MSR 80Bh), so that "
                           "the local APIC holds back every interrupt of the same or a lower priority class{}.\n"
                           "  SDM Vol. 3, \"Signaling Interrupt Servicing Completion\"\n",
                           *in_service, requested ? fmt::format(", vector {:#04x} among them", *requested) : "");
    if (requested && *requested >> 4 <= apic.processor_priority() >> 4u)
        return fmt::format("  Vector {:#04x} is requested, but its priority class {:x} is not above the task priority {:#04x} (TPR, FEE00080h, "
                           "or CR8).\n  SDM Vol. 3, \"Task and Processor Priorities\"\n",
                           *requested, *requested >> 4, s.tpr);
    return {};
}

/// Devices that knock in vain; with `pic` their interrupts come that way.
std::string held_by_io_apic(const IoApic& ioapic, bool pic) {
    for (unsigned input = 0; input < IoApic::kInputs; input++) {
        const u64 entry = ioapic.state().entries[input];
        if (!masked(entry) && (entry & kLevel) && (entry & kRemoteIrr))
            return fmt::format("  Input {} of the I/O APIC (level-triggered, vector {:#04x}) waits for its EOI: remote IRR (bit 14) of its entry is "
                               "set, and the local APIC has not broadcast the end of that interrupt.\n"
                               "  82093AA datasheet, \"I/O Redirection Table Registers\"\n",
                               input, entry & 0xff);
    }
    for (unsigned input = 0; input < IoApic::kInputs && !pic; input++)
        if (masked(ioapic.state().entries[input]) && ioapic.state().sources[input])
            return fmt::format("  Input {} of the I/O APIC is asserted, but masked (bit 16 of its entry).\n"
                               "  82093AA datasheet, \"I/O Redirection Table Registers\"\n",
                               input);
    return {};
}

bool anything_unmasked(const LocalApic& apic, const IoApic* ioapic) {
    for (const u32 entry : apic.state().lvt)
        if (!masked(entry) && delivery_mode(entry) != kExtInt) return true;
    if (ioapic)
        for (const u64 entry : ioapic->state().entries)
            if (!masked(entry)) return true;
    return false;
}

/// The interrupt that holds back others; empty: none.
std::string held_by_pic(const Pic::State& state) {
    const auto& master = state.chips[0];
    const auto& slave = state.chips[1];
    for (unsigned irq = 0; irq < 8; irq++)
        if (master.isr >> irq & 1)
            return fmt::format("  IRQ {} is in service: its handler has not sent an EOI (OUT 20h, 20h){}, so that the controller holds "
                               "back every interrupt of the same or a lower priority{}.\n  8259A datasheet, \"End of Interrupt\"\n",
                               irq, irq == 2 && slave.isr ? " to both controllers (OUT A0h, 20h too)" : "",
                               master.special_mask ? " (special mask mode apart)" : "");
    return {};
}

std::string pic_state(const Pic::State& state) {
    std::string text;
    for (unsigned n = 0; n < 2; n++) {
        const auto& chip = state.chips[n];
        text += fmt::format("  {} 8259A: vectors from {:#04x}, masked {:08b}, requested {:08b}, in service {:08b}\n", n == 0 ? "master" : "slave",
                            chip.icw2, chip.imr, chip.lines | chip.edges, chip.isr);
    }
    return text;
}

/// What ends the wait of MWAIT and its kin.
std::string awaited(const MonitorUnit& unit) {
    const MonitorUnit::Timing& timing = unit.timing();
    std::string text = fmt::format("{}), for ", unit.instruction());
    if (timing.kind != MonitorUnit::Wait::Tpause) text += "a store to the monitored line or ";
    text += "an interrupt";
    if (timing.deadline_ns != MonitorUnit::kNever) text += fmt::format(", until {} ns of the virtual clock at the latest", timing.deadline_ns);
    return text;
}

}  // namespace

std::string explain_halt(Machine& machine, Cpu& cpu) {
    const CpuState& s = cpu.state;
    if (s.activity == Activity::WaitForSipi)
        return "The processor waits for a startup message (SIPI): another one has to send INIT and the page to start at.\n"
               "  SDM Vol. 3, \"MP Initialization Protocol Algorithm\"\n";
    const bool monitors = s.activity == Activity::Waiting;
    if (s.activity != Activity::Halted && !monitors) return {};
    std::string text = fmt::format("The processor {} at {:04x}:{:08x} ({}.\n", monitors ? "waits" : "halts", s.segments[1].selector, s.rip,
                                   monitors ? awaited(cpu.monitor_unit()) : "HLT), waiting for an interrupt");
    if (monitors && !(s.eflags & flag::IF)) return text + fmt::format("  SDM Vol. 2, \"{}\"\n", cpu.monitor_unit().instruction());
    if (!(s.eflags & flag::IF))
        return text + "  EFLAGS.IF = 0: no device can wake it; only an NMI, INIT or RESET. The likely mistake is a CLI without STI before "
                      "HLT, or an error handler that ends in CLI, HLT.\n  SDM Vol. 2, \"HLT—Halt\"\n";
    const LocalApic* const apic = cpu.apic;
    const IoApic* const ioapic = machine.ioapic();
    const Pic::State& pic = machine.pic().state();
    const bool pic_matters = pic_is_connected(apic);
    bool apic_may_wake = false;
    if (uses_apic(apic, ioapic)) {
        text += apic_state(*apic);
        if (ioapic) text += ioapic_state(*ioapic);
        if (const std::string held = held_by_local_apic(*apic); !held.empty()) return text + held;
        if (ioapic)
            if (const std::string held = held_by_io_apic(*ioapic, pic_is_connected(machine.cpu().apic)); !held.empty()) return text + held;
        apic_may_wake = anything_unmasked(*apic, ioapic);
        if (!apic_may_wake && !pic_matters)
            return text + "  Every entry of the local vector table and of the I/O APIC is masked, and the 8259A is not connected (LINT0): only an "
                          "interprocessor interrupt can wake it.\n";
    }
    if (pic_matters) {
        text += pic_state(pic);
        if (const std::string held = held_by_pic(pic); !held.empty()) return text + held;
        if (pic.chips[0].imr == 0xff && !apic_may_wake) return text + "  Every interrupt is masked (port 21h is FFh): nothing can wake it.\n";
    }
    return text + "  Interrupts that are not masked will wake it.\n";
}

}  // namespace gnomon
