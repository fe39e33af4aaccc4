// The PIIX3 ISA bridge at 00:01.0: routing of PCI interrupts, port 92h (fast A20 and reset), reset control
// CF9h. Intel 82371SB (PIIX3) datasheet (290550), "PCI to ISA Bridge" registers.
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <vector>

#include "devices/pci/pci_bus.h"
#include "devices/port_bus.h"
#include "support/line.h"

namespace gnomon {

/// Cpu is INIT: the processor starts at its reset vector, memory and devices stay. System is a hard reset of
/// everything.
enum class ResetKind : u8 { Cpu, System };

class Piix3 final : public PciFunction, public PortIo, public LineSink, public StatePart {
  public:
    static constexpr unsigned kDevice = 1;

    struct Wires {
        /// Inputs of the interrupt controller that PCI interrupts may be routed to: 3–7, 9–12, 14, 15. Each
        /// should be a source of its own, since ISA devices may share them.
        std::array<Line, 16> irqs;
        /// PIRQA–D as they are, for an I/O APIC.
        std::array<Line, 4> pirqs;
        /// Whether address bit 20 passes: the keyboard controller's gate or port 92h lets it. Called on every
        /// change.
        std::function<void(bool enabled)> a20;
        std::function<void(ResetKind)> reset;
    };

    static Result<std::unique_ptr<Piix3>> create(PortBus& ports, PciBus& bus, Wires wires);

    void reset();

    /// The wire from INTA# … INTD# (`pin` 1 … 4) of `device` on bus 0, as boards wire them: the pins of
    /// consecutive devices are rotated over PIRQA–PIRQD. One line for each function; they are level-triggered
    /// and shared.
    [[nodiscard]] Line interrupt(unsigned device, unsigned pin);
    /// The keyboard controller's gate for A20; true (enabled) until it is driven.
    [[nodiscard]] Line a20_gate() { return {*this, kA20Gate}; }

    void set_line(unsigned pin, bool level) override;
    u32 config_read(u8 offset, unsigned size) override { return config_.read(offset, size); }
    void config_write(u8 offset, unsigned size, u32 value) override;
    u32 port_read(u16 port, unsigned size) override;
    void port_write(u16 port, unsigned size, u32 value) override;

    struct State {
        PciConfig::State config;
        std::array<u32, 4> sources{};  ///< for PIRQA–D the sources that assert it
        u8 port92 = 0;
        u8 reset_control = 0;
        bool keyboard_a20 = true;
        template<class V>
        constexpr void fields(V& v) {
            v("config", config);
            v("sources", sources);
            v("port92", port92);
            v("reset_control", reset_control);
            v("keyboard_a20", keyboard_a20);
        }
    };
    [[nodiscard]] std::string_view state_name() const override { return "piix3"; }
    [[nodiscard]] StateNode save_state() const override;
    Result<Install> load_state(const StateNode& node) override;

  private:
    // Sink pins: PIRQ sources are pirq + 4 * source below kA20Gate.
    static constexpr unsigned kA20Gate = 128;

    explicit Piix3(Wires wires);
    void route();
    void update_a20(bool always = false);

    Wires wires_;
    PciConfig config_;
    State state_;  ///< its config is only filled in while saving
    std::array<u8, 4> source_counts_{};
    u16 driven_irqs_ = 0;
    u8 driven_pirqs_ = 0;
    bool a20_enabled_ = true;
    std::vector<PortClaim> claims_;
    PciSlot slot_;
};

}  // namespace gnomon
