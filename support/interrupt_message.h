// Messages between interrupt controllers: what an I/O APIC, a message-signalled interrupt and an interprocessor
// interrupt have in common. SDM Vol. 3, "Advanced Programmable Interrupt Controller (APIC)", "Message Signalled
// Interrupts".
#pragma once

#include "support/types.h"

namespace gnomon {

/// As encoded in the ICR, the LVT, redirection entries and MSI data.
enum class DeliveryMode : u8 { Fixed, LowestPriority, Smi, Reserved, Nmi, Init, Startup, ExtInt };

struct InterruptMessage {
    /// Physical: every local APIC.
    static constexpr u32 kEverybody = 0xffffffff;

    u32 destination = 0;  ///< an APIC ID, or a logical destination; 8-bit IDs of FFh are written kEverybody
    bool logical = false;
    DeliveryMode mode = DeliveryMode::Fixed;
    u8 vector = 0;
    bool level = false;    ///< level-triggered: the end of interrupt is announced to the I/O APICs
    bool assertion = true;  ///< false: INIT level de-assert

    bool operator==(const InterruptMessage&) const = default;
};

/// MSI: address bits 2 and 3 are the destination mode and the redirection hint, 12–19 the destination.
[[nodiscard]] constexpr InterruptMessage message_of_msi(u64 address, u32 data) {
    const u32 id = static_cast<u32>(address >> 12 & 0xff);
    const bool logical = address & 4;
    return {!logical && id == 0xff ? InterruptMessage::kEverybody : id,
            logical,
            static_cast<DeliveryMode>(data >> 8 & 7),
            static_cast<u8>(data),
            (data >> 15 & 1) != 0,
            true};
}

/// Where messages go. False: no local APIC took it.
class InterruptBus {
  public:
    virtual bool send(const InterruptMessage& message) = 0;

  protected:
    ~InterruptBus() = default;
};

/// Told when a level-triggered interrupt has been handled.
class EndOfInterruptListener {
  public:
    virtual void end_of_interrupt(u8 vector) = 0;

  protected:
    ~EndOfInterruptListener() = default;
};

}  // namespace gnomon
