// ISA interrupt wires, which end at both interrupt controllers: the 8259 pair and, where there is one, the I/O APIC.
// Intel MultiProcessor Specification 1.4, "Symmetric I/O Mode".
#pragma once

#include <vector>

#include "devices/ioapic/ioapic.h"
#include "devices/pic/pic.h"

namespace gnomon {

class IsaInterrupts final : public LineSink {
  public:
    /// Boards wire the timer, IRQ 0, to input 2 of the I/O APIC: input 0 has the 8259's INTR on other boards.
    static constexpr unsigned kTimerInput = 2;

    IsaInterrupts(Pic& pic, IoApic* ioapic) : pic_(pic), ioapic_(ioapic) {}

    /// One more source of IRQ `irq`. While the machine is built.
    [[nodiscard]] Line add_source(unsigned irq) {
        wires_.push_back({pic_.add_source(irq), ioapic_ ? ioapic_->add_source(irq == 0 ? kTimerInput : irq) : Line{}});
        return {*this, static_cast<unsigned>(wires_.size() - 1)};
    }
    void set_line(unsigned pin, bool level) override {
        wires_[pin].pic.set(level);
        wires_[pin].ioapic.set(level);
    }

  private:
    struct Wire {
        Line pic, ioapic;
    };
    Pic& pic_;
    IoApic* ioapic_;
    std::vector<Wire> wires_;
};

}  // namespace gnomon
