// The real-time clock and CMOS memory of a PC/AT: an MC146818A with 128 bytes more, as in PIIX chips.
// Motorola MC146818A datasheet; 82371SB (PIIX3) datasheet, "Real Time Clock".
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <vector>

#include "devices/port_bus.h"
#include "support/line.h"
#include "support/scheduler.h"

namespace gnomon {

/// Ports 70h/71h (index, data; bit 7 of the index masks NMI) and 72h/73h (the upper 128 bytes). The time goes
/// on with the virtual clock. Flags and time are computed when somebody looks; events exist only while an
/// interrupt is enabled.
class Rtc final : public PortIo, public StatePart {
  public:
    struct Wires {
        Line irq8;
        Line nmi_mask;  ///< true: NMI is masked
        std::function<void()>
            alarm;  ///< an enabled alarm went off (the power management records it); may be empty
    };

    static Result<std::unique_ptr<Rtc>> create(PortBus& ports, Scheduler& scheduler, Wires wires);

    /// 2026-01-01 00:00:00.
    static constexpr i64 kDefaultTime = 1'767'225'600;
    /// Sets the clock: seconds since 1970-01-01 00:00:00 of the time that the guest shall see (UTC or local).
    void set_time(i64 seconds, u32 nanoseconds = 0);
    /// CMOS memory as firmware finds it; `index` from 0Eh on.
    void set_cmos(u8 index, u8 value);
    [[nodiscard]] u8 cmos(u8 index) const { return state_.cmos.at(index); }
    /// The standard checksum of 10h–2Dh, stored at 2Eh/2Fh: call it after the last set_cmos().
    void update_checksum();

    /// RESET#: interrupts off; time and memory stay.
    void reset();

    u32 port_read(u16 port, unsigned size) override;
    void port_write(u16 port, unsigned size, u32 value) override;

    struct State {
        std::array<u8, 256> cmos{};  ///< time, alarm and control registers too, as software sees them
        i64 origin_ns = 0;  ///< when the divider chain was at zero; seconds end at whole seconds from here
        u64 synced_ns = 0;  ///< the time that `cmos` describes
        u8 index = 0;
        u8 upper_index = 0;
        template<class V>
        constexpr void fields(V& v) {
            v("cmos", cmos);
            v("origin_ns", origin_ns);
            v("synced_ns", synced_ns);
            v("index", index);
            v("upper_index", upper_index);
        }
    };
    [[nodiscard]] const State& state() const { return state_; }

    [[nodiscard]] std::string_view state_name() const override { return "rtc"; }
    [[nodiscard]] StateNode save_state() const override { return save_value(state_); }
    Result<Install> load_state(const StateNode& node) override;

  private:
    Rtc(Scheduler& scheduler, Wires wires);

    [[nodiscard]] bool running() const;
    [[nodiscard]] bool updating() const;
    [[nodiscard]] u64 divider_ns(u64 at_ns) const;
    [[nodiscard]] u64 periodic_ticks() const;
    void sync();
    void advance_seconds(u64 seconds);
    void update_irq();
    void schedule();
    u8 read(u8 index);
    void write(u8 index, u8 value);

    Scheduler& scheduler_;
    Wires wires_;
    State state_;
    Scheduler::EventId periodic_event_;
    Scheduler::EventId update_event_;
    std::vector<PortClaim> claims_;
};

}  // namespace gnomon
