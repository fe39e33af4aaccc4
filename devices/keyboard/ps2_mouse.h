// The PS/2 mouse: standard, IntelliMouse (wheel) and IntelliMouse Explorer (five buttons). IBM Personal
// System/2 Hardware Interface Technical Reference, "Auxiliary Device"; Microsoft's wheel extension by
// sampling rates.
#pragma once

#include <array>
#include <functional>
#include <vector>

#include "devices/keyboard/keys.h"
#include "devices/keyboard/ps2_device.h"
#include "support/log.h"
#include "support/scheduler.h"
#include "support/state.h"

namespace gnomon {

/// The most that a guest can switch the mouse to; the values are the IDs that it answers.
enum class MouseKind : u8 { Standard = 0, Wheel = 3, Explorer = 4 };

class Ps2Mouse final : public Ps2Device {
  public:
    Ps2Mouse(Scheduler& scheduler, Log& log, const Ps2Timing& timing, MouseKind kind,
             std::function<void()> byte_ready);

    /// Power-on. The result of the power-on self test is not kept: the controller comes up with the clock
    /// inhibited.
    void reset();

    /// Movement in counts at 4 counts/mm (the default resolution): right, down, and the wheel towards the
    /// user are positive. What does not fit in one packet goes into the next.
    void move(int right, int down, int wheel);
    /// Every change is reported, also a click shorter than a sample.
    void button(MouseButton which, bool down);
    /// The next report goes out even if nothing changed: news wait elsewhere.
    void nudge();

    void host_byte(u8 byte) override;
    [[nodiscard]] bool has_byte() const override { return !state_.replies.empty() || !state_.packet.empty(); }
    u8 take_byte() override;

    enum class Mode : u8 { Stream, Remote };

    struct State {
        Mode mode = Mode::Stream;
        bool wrap = false;
        bool reporting = false;
        bool double_scaling = false;
        u8 resolution = 2;
        u8 sample_rate = 100;
        u8 id = 0;
        u8 pending_command = 0;
        bool last_was_invalid = false;
        std::array<u8, 3> last_rates{};  ///< newest last; the key to the extensions
        u8 buttons = 0;                  ///< as the fingers are
        u8 reported_buttons = 0;
        std::vector<u8> button_changes;  ///< states to report, oldest first
        i32 x = 0;                       ///< quarter counts not yet reported, right positive
        i32 y = 0;                       ///< up positive
        i32 z = 0;                       ///< wheel detents
        bool nudged = false;
        u64 last_sample_ns = 0;
        std::vector<u8> replies;
        std::vector<u8> packet;     ///< what is left of the report being sent
        std::vector<u8> last_sent;  ///< for Resend
        template<class V>
        constexpr void fields(V& v) {
            v("mode", mode);
            v("wrap", wrap);
            v("reporting", reporting);
            v("double_scaling", double_scaling);
            v("resolution", resolution);
            v("sample_rate", sample_rate);
            v("id", id);
            v("pending_command", pending_command);
            v("last_was_invalid", last_was_invalid);
            v("last_rates", last_rates);
            v("buttons", buttons);
            v("reported_buttons", reported_buttons);
            v("button_changes", button_changes);
            v("x", x);
            v("y", y);
            v("z", z);
            v("nudged", nudged);
            v("last_sample_ns", last_sample_ns);
            v("replies", replies);
            v("packet", packet);
            v("last_sent", last_sent);
        }
    };
    [[nodiscard]] const State& state() const { return state_; }
    [[nodiscard]] static Result<void> check(const State& state);
    void set_state(State state) { state_ = std::move(state); }

  private:
    void execute(u8 command);
    void parameter(u8 command, u8 byte);
    void invalid(u8 byte);
    void set_defaults();
    void clear_movement();
    void acknowledge();
    void reply(u8 byte);
    [[nodiscard]] bool changed() const;
    void schedule_sample();
    void sample();
    void make_packet(bool scaled);
    [[nodiscard]] int take_axis(i32& accumulator, bool scaled) const;
    void note_rate(u8 rate);

    Scheduler& scheduler_;
    Log& log_;
    Ps2Timing timing_;
    MouseKind kind_;
    std::function<void()> byte_ready_;
    Scheduler::EventId sample_event_;
    Scheduler::EventId self_test_event_;
    State state_;
};

}  // namespace gnomon
