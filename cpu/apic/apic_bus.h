// What connects local APICs, I/O APICs and message-signalled interrupts: the APIC bus, or since the Pentium 4 the
// system bus. SDM Vol. 3, "System Bus vs. APIC Bus", "Determining IPI Destination".
#pragma once

#include <vector>

#include "memory/io_space.h"
#include "support/interrupt_message.h"

namespace gnomon {

class LocalApic;

/// Also the memory range FEE00000–FEEFFFFF as devices see it: a write is a message-signalled interrupt.
class ApicBus final : public InterruptBus, public MmioIo {
  public:
    static constexpr u64 kMessageBase = 0xfee00000;
    static constexpr u64 kMessageBytes = 0x100000;

    /// In the order of the processors. While the machine is built.
    void add(LocalApic& apic) { apics_.push_back(&apic); }
    void add_listener(EndOfInterruptListener& listener) { listeners_.push_back(&listener); }

    bool send(const InterruptMessage& message) override;
    /// ICR shorthands: to all, with or without the sender.
    void send_to_all(const InterruptMessage& message, const LocalApic* except);
    /// A level-triggered vector has ended; `sender`'s EOI is broadcast.
    void broadcast_eoi(u8 vector);

    u64 mmio_read(u64 offset, unsigned size) override;
    void mmio_write(u64 offset, unsigned size, u64 value) override;

  private:
    std::vector<LocalApic*> apics_;
    std::vector<EndOfInterruptListener*> listeners_;
};

}  // namespace gnomon
