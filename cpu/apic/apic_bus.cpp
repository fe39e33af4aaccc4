// Choice of the destinations of a message.
#include "cpu/apic/apic_bus.h"

#include "cpu/apic/local_apic.h"

namespace gnomon {

bool ApicBus::send(const InterruptMessage& message) {
    if (message.mode == DeliveryMode::LowestPriority) {
        // SDM Vol. 3, "Lowest Priority Delivery Mode": among equals it is up to us; the first.
        LocalApic* chosen = nullptr;
        for (LocalApic* apic : apics_)
            if (apic->accepts(message) && apic->software_enabled() &&
                (!chosen || apic->processor_priority() < chosen->processor_priority()))
                chosen = apic;
        if (!chosen) return false;
        InterruptMessage fixed = message;
        fixed.mode = DeliveryMode::Fixed;
        chosen->receive(fixed);
        return true;
    }
    bool taken = false;
    for (LocalApic* apic : apics_)
        if (apic->accepts(message)) {
            apic->receive(message);
            taken = true;
        }
    return taken;
}

void ApicBus::send_to_all(const InterruptMessage& message, const LocalApic* except) {
    for (LocalApic* apic : apics_)
        if (apic != except && apic->enabled()) apic->receive(message);
}

void ApicBus::broadcast_eoi(u8 vector) {
    for (EndOfInterruptListener* listener : listeners_) listener->end_of_interrupt(vector);
}

u64 ApicBus::mmio_read(u64, unsigned) { return ~u64{0}; }

void ApicBus::mmio_write(u64 offset, unsigned, u64 value) {
    send(message_of_msi(kMessageBase + offset, static_cast<u32>(value)));
}

}  // namespace gnomon
