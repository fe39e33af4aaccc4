// High-precision event timers: one block with a 64-bit counter and three comparators. IA-PC HPET Specification 1.0a.
#pragma once

#include <array>

#include "memory/io_space.h"
#include "support/interrupt_message.h"
#include "support/line.h"
#include "support/scheduler.h"
#include "support/state.h"

namespace gnomon {

/// The outputs of the PIT and the RTC run through it (sink pins kPitInput, kRtcInput): legacy replacement takes their
/// place.
class Hpet final : public MmioIo, public LineSink, public StatePart {
  public:
    static constexpr u64 kBase = 0xfed00000;
    static constexpr u64 kBytes = 0x1000;
    static constexpr unsigned kTimers = 3;
    static constexpr u64 kTickNs = 10;
    /// Inputs of the I/O APIC that a comparator may be routed to: 20–23.
    static constexpr unsigned kFirstRoute = 20, kRoutes = 4;
    static constexpr unsigned kPitInput = 0, kRtcInput = 1;

    struct Wires {
        Line irq0, irq8;                                       ///< ISA interrupts of PIT and RTC
        std::array<std::array<Line, kRoutes>, kTimers> routes;  ///< a source of its own for every comparator
        InterruptBus* messages = nullptr;                      ///< for delivery as message-signalled interrupts
    };

    Hpet(Scheduler& scheduler, Wires wires);

    void reset();
    [[nodiscard]] Line input(unsigned pin) { return {*this, pin}; }

    void set_line(unsigned pin, bool level) override;
    u64 mmio_read(u64 offset, unsigned size) override;
    void mmio_write(u64 offset, unsigned size, u64 value) override;

    struct Comparator {
        u64 config = 0;
        u64 value = ~u64{0};
        u64 period = 0;
        u64 fsb = 0;
        bool asserted = false;  ///< what the comparator drives
        template<class V>
        constexpr void fields(V& v) {
            v("config", config);
            v("value", value);
            v("period", period);
            v("fsb", fsb);
            v("asserted", asserted);
        }
    };
    struct State {
        u64 config = 0;
        u64 status = 0;
        u64 counter = 0;  ///< at `since`, or always while it stands still
        u64 since = 0;    ///< in ticks of the machine's clock
        std::array<Comparator, kTimers> timers;
        std::array<bool, 2> inputs{};
        template<class V>
        constexpr void fields(V& v) {
            v("config", config);
            v("status", status);
            v("counter", counter);
            v("since", since);
            v("timers", timers);
            v("inputs", inputs);
        }
    };
    [[nodiscard]] const State& state() const { return state_; }
    [[nodiscard]] std::string_view state_name() const override { return "hpet"; }
    [[nodiscard]] StateNode save_state() const override { return save_value(state_); }
    Result<Install> load_state(const StateNode& node) override;

  private:
    [[nodiscard]] bool running() const { return state_.config & 1; }
    [[nodiscard]] bool legacy() const { return state_.config & 2; }
    [[nodiscard]] u64 counter() const;
    [[nodiscard]] u64 read_register(u64 offset) const;
    void write_register(u64 offset, u64 value, u64 written);
    void write_config(u64 value);
    void write_comparator(unsigned index, u64 value, u64 written);
    void write_timer_config(unsigned index, u64 value);
    /// `again`: a match at this very tick has been dealt with.
    void rearm(unsigned index, bool again = false);
    void match(unsigned index);
    void drive(unsigned index, bool level);
    [[nodiscard]] Line output(unsigned index) const;
    void drive_isa();

    Scheduler& scheduler_;
    Wires wires_;
    std::array<Scheduler::EventId, kTimers> events_;
    State state_;
};

}  // namespace gnomon
