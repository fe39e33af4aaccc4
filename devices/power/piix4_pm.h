// The power management function of the PIIX4 at 00:01.3: ACPI fixed hardware, SMBus host, SMI command port.
// Intel 82371AB (PIIX4) datasheet (290562), "Power Management and SMBus"; ACPI Specification 1.0, "ACPI
// Hardware".
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "devices/pci/pci_bus.h"
#include "devices/port_bus.h"
#include "support/line.h"
#include "support/scheduler.h"

namespace gnomon {

/// I/O: the PM registers (64 ports, base at configuration 40h), the SMBus host (16 ports, base at 90h), the
/// general-purpose event block at AFE0h, and B2h/B3h.
class Piix4Pm final : public PciFunction, public PortIo, public StatePart {
  public:
    static constexpr unsigned kDevice = 1;
    static constexpr unsigned kFunction = 3;
    static constexpr u64 kTimerHertz = 3'579'545;

    struct Wires {
        Line sci;                         ///< IRQ 9, level-triggered
        std::function<void()> power_off;  ///< the guest entered S5
    };

    static Result<std::unique_ptr<Piix4Pm>> create(PortBus& ports, PciBus& bus, Scheduler& scheduler,
                                                   Log& log, Wires wires);

    void reset();

    /// Where the PM registers lie; nothing while they are switched off.
    [[nodiscard]] std::optional<u16> pm_base() const { return pm_base_; }

    /// The user pressed the power button. False if the guest will not notice: ACPI or the button is not
    /// enabled.
    bool press_power_button();
    /// The RTC's alarm went off.
    void rtc_alarm();
    /// General-purpose event `bit` (0–15) of the block at AFE0h.
    void raise_event(unsigned bit);

    u32 config_read(u8 offset, unsigned size) override { return config_.read(offset, size); }
    void config_write(u8 offset, unsigned size, u32 value) override;
    u32 port_read(u16 port, unsigned size) override;
    void port_write(u16 port, unsigned size, u32 value) override;

    struct State {
        PciConfig::State config;
        std::array<u8, 64> registers{};  ///< PM I/O; the timer and its overflow bit are computed
        u64 overflow_tick = 0;           ///< when PM1_STS bit 0 is set
        std::array<u8, 16> smbus{};
        std::array<u8, 4> events{};  ///< AFE0h: status, enable
        u8 apm_control = 0;
        u8 apm_status = 0;
        template<class V>
        constexpr void fields(V& v) {
            v("config", config);
            v("registers", registers);
            v("overflow_tick", overflow_tick);
            v("smbus", smbus);
            v("events", events);
            v("apm_control", apm_control);
            v("apm_status", apm_status);
        }
    };
    [[nodiscard]] std::string_view state_name() const override { return "power"; }
    [[nodiscard]] StateNode save_state() const override;
    Result<Install> load_state(const StateNode& node) override;

  private:
    Piix4Pm(PortBus& ports, Scheduler& scheduler, Log& log, Wires wires);

    [[nodiscard]] u64 timer_tick() const { return scheduler_.clock().ticks(kTimerHertz); }
    [[nodiscard]] u16 pm1_status() const;
    void set_pm1_status(u16 bit);
    void restart_overflow();
    void update_sci();
    void enter_sleep(unsigned type);
    void map_ports();
    u8 read_pm(unsigned offset) const;
    void write_pm(unsigned offset, u8 value);
    u8 read_smbus(unsigned offset);
    void write_smbus(unsigned offset, u8 value);
    u8 read_byte(u16 port);
    void write_byte(u16 port, u8 value);

    PortBus& ports_;
    Scheduler& scheduler_;
    Log& log_;
    Wires wires_;
    PciConfig config_;
    State state_;  ///< its config is only filled in while saving
    Scheduler::EventId overflow_event_;
    std::optional<u16> pm_base_;
    std::optional<u16> smbus_base_;
    PortClaim pm_claim_;
    PortClaim smbus_claim_;
    std::vector<PortClaim> fixed_claims_;
    PciSlot slot_;
};

}  // namespace gnomon
