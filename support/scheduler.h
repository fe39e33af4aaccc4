// The one event queue of a machine, ordered by (time, sequence). Events are (id, integer), never pointers, so that
// they can be saved.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "support/clock.h"
#include "support/state.h"

namespace gnomon {

class Scheduler final : public StatePart {
  public:
    /// Identifies a kind of event; at most one occurrence of a kind is pending.
    struct EventId {
        u32 index = ~u32{0};
    };
    /// Called when the event is due: the time it was scheduled for, how late that is in ns, and its argument.
    struct Due {
        u64 at_ns;
        u64 late_ns;
        u64 argument;
    };
    using Handler = std::function<void(const Due&)>;

    static constexpr u64 kNever = ~u64{0};

    explicit Scheduler(VirtualClock& clock) : clock_(clock) {}

    [[nodiscard]] VirtualClock& clock() const { return clock_; }
    [[nodiscard]] u64 now() const { return clock_.now(); }

    /// `name` must be unique in the machine ("pit.channel0"); it identifies the event in snapshots.
    EventId add_event(std::string name, Handler handler);
    /// Replaces an occurrence that is pending. A time in the past is due at once.
    void schedule(EventId event, u64 at_ns, u64 argument = 0);
    void cancel(EventId event);
    [[nodiscard]] bool pending(EventId event) const;
    /// Time of the pending occurrence, kNever if there is none.
    [[nodiscard]] u64 due_at(EventId event) const;

    /// Time of the earliest pending event, kNever if there is none.
    [[nodiscard]] u64 next_deadline() const { return deadline_; }
    /// Runs everything that is due now, in order, including what the handlers add.
    void run_due();
    /// `notify` is called whenever the earliest deadline moves to an earlier time: the processor's budget shrinks.
    void on_earlier_deadline(std::function<void()> notify) { notify_ = std::move(notify); }

    [[nodiscard]] std::string_view state_name() const override { return "scheduler"; }
    [[nodiscard]] StateNode save_state() const override;
    Result<Install> load_state(const StateNode& node) override;

  private:
    struct Event {
        std::string name;
        Handler handler;
        u64 at_ns = kNever;
        u64 sequence = 0;
        u64 argument = 0;
    };
    void refresh_deadline();

    VirtualClock& clock_;
    std::vector<Event> events_;
    u64 next_sequence_ = 0;
    u64 deadline_ = kNever;
    std::function<void()> notify_;
};

}  // namespace gnomon
