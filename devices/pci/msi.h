// Message-signalled interrupts of a PCI function: the MSI and MSI-X capabilities.
// PCI Local Bus Specification 3.0, 6.8 "Message Signaled Interrupts".
#pragma once

#include <vector>

#include "devices/pci/pci_function.h"
#include "memory/io_space.h"

namespace gnomon {

/// The capability with 64-bit addresses and masks for each vector: 24 bytes of configuration space, which hold all of
/// its state. A message is a memory write like any other: what it does is the address's business.
class MsiCapability {
  public:
    static constexpr u8 kBytes = 24;

    /// `vectors`: 1, 2, 4 … 32. `offset` is a multiple of 4 from 40h up; the capability is put at the head of the list.
    MsiCapability(PciConfig& config, u8 offset, unsigned vectors, DmaPort& memory);

    /// While it is enabled the function must not use its interrupt pin.
    [[nodiscard]] bool enabled() const;
    /// How many different messages software has granted; vectors beyond share the last.
    [[nodiscard]] unsigned granted() const;
    /// Sends the message, or leaves it pending while it is masked. Nothing happens while MSI is disabled.
    void notify(unsigned vector);
    /// To be called after every write to the function's configuration space: unmasked messages that are pending go out.
    void config_written();

  private:
    void send(unsigned vector);

    PciConfig& config_;
    u8 offset_;
    DmaPort& memory_;
};

/// MSI-X: 12 bytes of configuration space and a page of memory, of which the function makes (part of) a memory BAR:
/// the table at its start, the pending bits at 800h.
class MsixCapability final : public MmioIo {
  public:
    static constexpr u8 kBytes = 12;
    static constexpr u64 kTableBytes = 0x1000;
    static constexpr u64 kPendingOffset = 0x800;
    static constexpr unsigned kMaxVectors = 128;

    /// `bar` and `bar_offset` (a multiple of 8) say where the function shows the page.
    MsixCapability(PciConfig& config, u8 offset, unsigned vectors, unsigned bar, u32 bar_offset, DmaPort& memory);

    [[nodiscard]] bool enabled() const;
    void notify(unsigned vector);
    void config_written();
    void reset();

    u64 mmio_read(u64 offset, unsigned size) override;
    void mmio_write(u64 offset, unsigned size, u64 value) override;

    /// Part of the function's state, besides its configuration space.
    struct State {
        std::vector<u32> table;    ///< four words a vector: address, upper address, data, control
        std::vector<u32> pending;  ///< a bit for each vector
        template<class V>
        constexpr void fields(V& v) {
            v("table", table);
            v("pending", pending);
        }
    };
    [[nodiscard]] const State& state() const { return state_; }
    /// Sizes that do not fit this capability are refused.
    [[nodiscard]] bool set_state(State state);

  private:
    [[nodiscard]] u32 read_word(u64 offset) const;
    [[nodiscard]] bool masked(unsigned vector) const;
    void send(unsigned vector);

    PciConfig& config_;
    u8 offset_;
    unsigned vectors_;
    DmaPort& memory_;
    State state_;
};

}  // namespace gnomon
