// A printer port with a printer that writes into a host back end: standard parallel port, and the
// bidirectional bit of the PS/2. IBM Personal System/2 Hardware Interface Technical Reference, "Parallel
// Port".
#pragma once

#include <array>
#include <memory>
#include <vector>

#include "devices/port_bus.h"
#include "devices/serial/char_backend.h"
#include "support/line.h"
#include "support/scheduler.h"
#include "support/state.h"

namespace gnomon {

/// Where a PC has its printer ports.
struct LptPort {
    std::string_view name;
    PortRange ports;
    u8 irq;
};
inline constexpr std::array kLptPorts{
    LptPort{"parallel.lpt1", {0x378, 3}, 7},
    LptPort{"parallel.lpt2", {0x278, 3}, 5},
    LptPort{"parallel.lpt3", {0x3bc, 3}, 7},
};

class ParallelPort final : public PortIo, public StatePart {
  public:
    struct Config {
        LptPort port = kLptPorts[0];
        bool bidirectional = true;
        u64 busy_ns = 10'000;        ///< from the strobe to the acknowledge: a fast printer
        u64 acknowledge_ns = 5'000;  ///< length of the nAck pulse
    };

    /// Without a printer (a back end that is not connected) the status lines float.
    static Result<std::unique_ptr<ParallelPort>> create(PortBus& bus, Scheduler& scheduler, Log& log,
                                                        Line irq, std::unique_ptr<CharBackend> printer,
                                                        const Config& config);

    void reset();
    /// The machine calls this every few milliseconds of host time.
    void poll() { printer_->poll(); }

    u32 port_read(u16 port, unsigned size) override;
    void port_write(u16 port, unsigned size, u32 value) override;

    /// What the printer does with the byte of the last strobe.
    enum class Phase : u8 { Idle, Busy, Acknowledge };

    struct State {
        u8 data = 0;
        u8 control = 0;
        Phase phase = Phase::Idle;
        bool irq_pending = false;  ///< from the end of nAck until the status is read or the next strobe
        template<class V>
        constexpr void fields(V& v) {
            v("data", data);
            v("control", control);
            v("phase", phase);
            v("irq_pending", irq_pending);
        }
    };
    [[nodiscard]] std::string_view state_name() const override { return config_.port.name; }
    [[nodiscard]] StateNode save_state() const override { return save_value(state_); }
    Result<Install> load_state(const StateNode& node) override;

  private:
    ParallelPort(Scheduler& scheduler, Log& log, Line irq, std::unique_ptr<CharBackend> printer,
                 const Config& config);

    u8 read_status();
    void write_control(u8 value);
    void strobe();
    void printer_step();
    void update_irq();

    Scheduler& scheduler_;
    Log& log_;
    Line irq_;
    std::unique_ptr<CharBackend> printer_;
    Config config_;
    Scheduler::EventId printer_event_;
    State state_;
    std::vector<PortClaim> claims_;
};

}  // namespace gnomon
