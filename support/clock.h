// The one virtual clock of a machine, in nanoseconds since power-on. Deterministic: instructions retired at a
// configured rate, plus the idle time that was skipped. Realtime: slaved to the host's monotonic clock.
#pragma once

#include <memory>

#include "support/host_clock.h"
#include "support/state.h"
#include "support/types.h"

namespace gnomon {

enum class ClockMode : u8 { Deterministic, Realtime };

/// Not thread-safe; owned by the machine, read by every timer.
class VirtualClock {
  public:
    /// `instructions_per_second` is the deterministic rate, 1 to 10^12; `host` is what realtime mode follows.
    VirtualClock(ClockMode mode, u64 instructions_per_second, std::unique_ptr<HostClock> host = std::make_unique<HostClock>());

    [[nodiscard]] ClockMode mode() const { return mode_; }
    /// Nanoseconds of guest time. In deterministic mode exact up to the last retire().
    [[nodiscard]] u64 now() const;
    /// Whole periods of `hertz` since power-on, without accumulating error.
    [[nodiscard]] u64 ticks(u64 hertz) const { return ns_to_ticks(now(), hertz); }

    /// The processor reports `count` more instructions; it must do so before any device can read the clock.
    void retire(u64 count) {
        state_.instructions += count;
        if (state_.sharers == 1) {
            state_.elapsed += count;
            return;
        }
        state_.share += count;
        state_.elapsed += state_.share / state_.sharers;
        state_.share %= state_.sharers;
    }
    /// So many processors take turns from now on. They run side by side in guest time: each instruction of any
    /// of them takes one `processors`-th of an instruction's time, so that the clock never goes back when
    /// the next one has its turn.
    void share_among(u64 processors);
    [[nodiscard]] u64 instructions() const { return state_.instructions; }
    /// How many instructions from now on until `deadline_ns` is reached (0 if it has been; deterministic mode).
    [[nodiscard]] u64 instructions_until(u64 deadline_ns) const;
    /// An idle processor: time jumps to `deadline_ns` (deterministic mode; no effect if that is in the past).
    void skip_to(u64 deadline_ns);

    /// Realtime mode: the guest's clock stands still between pause() and resume(), which the thread that runs the guest calls.
    void pause();
    void resume();
    /// Realtime mode: since the clock was last read the emulator worked for others; the guest makes that up gradually.
    void exclude();
    /// Realtime mode: no processor is awake to see it, so the clock may leap to where the host's is.
    void catch_up();

    static constexpr u64 kSecond = 1'000'000'000;
    /// floor(ns * hertz / 10^9), and the first nanosecond at which `ticks` periods have passed.
    [[nodiscard]] static u64 ns_to_ticks(u64 ns, u64 hertz);
    [[nodiscard]] static u64 ticks_to_ns(u64 ticks, u64 hertz);

    struct State {
        u64 instructions = 0;    ///< retired by all processors
        u64 elapsed = 0;         ///< time in instructions of one processor
        u64 share = 0;           ///< of the next of these, in sharers-ths
        u64 sharers = 1;         ///< processors that share the time
        u64 skipped_ns = 0;      ///< idle time jumped over; in realtime mode the time at the last resume
        template <class V>
        constexpr void fields(V& v) {
            v("instructions", instructions);
            v("elapsed", elapsed);
            v("share", share);
            v("sharers", sharers);
            v("skipped_ns", skipped_ns);
        }
    };
    [[nodiscard]] State state() const;
    void set_state(const State& state);

  private:
    ClockMode mode_;
    u64 rate_;
    State state_;
    std::unique_ptr<HostFollower> follower_;    ///< since the last resume
    bool running_ = false;
};

}  // namespace gnomon
