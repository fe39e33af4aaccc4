// The 8254 programmable interval timer of a PC/AT: three counters at 1.193182 MHz, ports 40h–43h.
// Intel 82C54 datasheet (231244), "Programming the 82C54".
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <vector>

#include "devices/pit/pit_channel.h"
#include "devices/port_bus.h"
#include "support/line.h"
#include "support/scheduler.h"

namespace gnomon {

/// Counter 0 drives IRQ 0, counter 1 was the memory refresh, counter 2 is the speaker's tone.
class Pit final : public PortIo, public StatePart {
  public:
    static constexpr u64 kHertz = 1'193'182;

    static Result<std::unique_ptr<Pit>> create(PortBus& ports, Scheduler& scheduler, Line irq0);

    void reset();

    /// The gate of counter 2, and its output now.
    void set_tone_gate(bool gate);
    [[nodiscard]] bool tone_output();
    /// The time of the last pulse.
    [[nodiscard]] u64 tick_ns() const { return VirtualClock::ticks_to_ns(tick(), kHertz); }
    /// Pulses since power-on.
    [[nodiscard]] u64 tick() const { return scheduler_.clock().ticks(kHertz); }
    /// Reports every change of counter 2's output with its own time, in order, but possibly late: at the next
    /// access, or when run_tone() is called.
    void on_tone(std::function<void(u64 at_ns, bool level)> tone);
    void run_tone();

    u32 port_read(u16 port, unsigned size) override;
    void port_write(u16 port, unsigned size, u32 value) override;

    struct State {
        std::array<PitChannel::State, 3> channels;
        template<class V>
        constexpr void fields(V& v) {
            v("channels", channels);
        }
    };
    [[nodiscard]] State state() const;

    [[nodiscard]] std::string_view state_name() const override { return "pit"; }
    [[nodiscard]] StateNode save_state() const override { return save_value(state()); }
    Result<Install> load_state(const StateNode& node) override;

  private:
    Pit(Scheduler& scheduler, Line irq0);

    void schedule_irq();
    void read_back(u8 command);

    Scheduler& scheduler_;
    Line irq0_;
    std::array<PitChannel, 3> channels_;
    Scheduler::EventId irq_event_;
    std::vector<PortClaim> claims_;
};

}  // namespace gnomon
