// One counter of an 8254, as a function of the number of clock pulses: nothing runs between accesses, and no
// pulse is ever lost. Intel 82C54 datasheet (231244), "Mode Definitions".
#pragma once

#include <functional>

#include "support/state.h"
#include "support/types.h"

namespace gnomon {

/// All times are numbers of CLK pulses since power-on; they never decrease from call to call.
class PitChannel {
  public:
    static constexpr u64 kNever = ~u64{0};

    /// OUT changed to `level` with pulse `tick`.
    using Edge = std::function<void(u64 tick, bool level)>;
    /// When many periods have passed since the last call, only the last edges are reported unless
    /// `every_edge`.
    void on_edge(Edge edge, bool every_edge) {
        edge_ = std::move(edge);
        every_edge_ = every_edge;
    }

    void reset(bool gate);
    /// The low six bits of a control word that selects this counter and is not a latch command.
    void write_control(u8 control, u64 tick);
    void write(u8 value, u64 tick);
    u8 read(u64 tick);
    void latch_count(u64 tick);
    void latch_status(u64 tick);
    void set_gate(bool gate, u64 tick);
    /// Brings the counter up to `tick`, reporting the edges on the way.
    void run_to(u64 tick);

    [[nodiscard]] bool out() const { return state_.out; }
    [[nodiscard]] bool gate() const { return state_.gate; }
    [[nodiscard]] unsigned mode() const;
    /// The pulse of the next change of OUT if nothing is written; kNever if it stays.
    [[nodiscard]] u64 next_change() const;
    /// As next_change, but a low phase of one pulse counts as its end: when OUT next rises, or falls for
    /// longer.
    [[nodiscard]] u64 next_rise_or_long_fall() const;

    struct State {
        u64 tick = 0;          ///< the pulse that this state describes
        u64 load_at = kNever;  ///< the pulse that moves the count register into the counting element
        u32 counter =
            0;  ///< pulses until zero (modes 0, 1, 4, 5), until the end of the period (2) or half (3)
        u32 period = 0;          ///< the count in force: 1 to 65536
        u16 count_register = 0;  ///< as written: binary or BCD
        u16 count_latch = 0;
        u8 control = 0;  ///< access, mode, BCD as written
        u8 status_latch = 0;
        u8 written_low = 0;
        u8 latched_bytes = 0;  ///< bytes of count_latch still to be read
        bool high_byte_written_next = false;
        bool high_byte_read_next = false;
        bool status_latched = false;
        bool null_count = true;      ///< the count register has not reached the counting element
        bool count_written = false;  ///< since the control word
        bool counting = false;       ///< the counting element has been loaded
        bool armed = false;          ///< reaching zero will still change OUT
        bool gate = true;
        bool out = true;
        template<class V>
        constexpr void fields(V& v) {
            v("tick", tick);
            v("load_at", load_at);
            v("counter", counter);
            v("period", period);
            v("count_register", count_register);
            v("count_latch", count_latch);
            v("control", control);
            v("status_latch", status_latch);
            v("written_low", written_low);
            v("latched_bytes", latched_bytes);
            v("high_byte_written_next", high_byte_written_next);
            v("high_byte_read_next", high_byte_read_next);
            v("status_latched", status_latched);
            v("null_count", null_count);
            v("count_written", count_written);
            v("counting", counting);
            v("armed", armed);
            v("gate", gate);
            v("out", out);
        }
    };
    [[nodiscard]] const State& state() const { return state_; }
    void set_state(const State& state);

  private:
    [[nodiscard]] bool bcd() const { return state_.control & 1; }
    [[nodiscard]] u32 modulus() const { return bcd() ? 10'000 : 65'536; }
    [[nodiscard]] u32 programmed_count() const;
    [[nodiscard]] u16 counting_element() const;
    [[nodiscard]] bool stopped_by_gate() const;
    void set_out(bool level, u64 tick);
    void load();
    void load_half();
    void count(u64 pulses);
    void count_once(u64 pulses);
    void count_rate(u64 pulses);
    void count_square(u64 pulses);
    void count_complete(u64 tick);

    State state_;
    Edge edge_;
    bool every_edge_ = false;
};

}  // namespace gnomon
