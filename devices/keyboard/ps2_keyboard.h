// The 101/102-key keyboard behind the controller: key matrix, scan sets, typematic, command set. IBM Personal
// System/2 Hardware Interface Technical Reference, "Keyboards (101- and 102-Key)".
#pragma once

#include <array>
#include <functional>
#include <span>
#include <vector>

#include "devices/keyboard/keys.h"
#include "devices/keyboard/ps2_device.h"
#include "devices/keyboard/scan_codes.h"
#include "support/log.h"
#include "support/scheduler.h"
#include "support/state.h"

namespace gnomon {

class Ps2Keyboard final : public Ps2Device {
  public:
    struct Callbacks {
        std::function<void()> byte_ready;           ///< the device has something to send
        std::function<void(u8 leds)> leds_changed;  ///< bit 0 Scroll Lock, 1 Num Lock, 2 Caps Lock
    };
    Ps2Keyboard(Scheduler& scheduler, Log& log, const Ps2Timing& timing, Callbacks callbacks);

    /// Power-on. Keys that are held stay held. The result of the power-on self test is not kept: the
    /// controller comes up with the clock inhibited.
    void reset();

    /// The user's fingers. Pressing a held key and releasing a free one have no effect.
    void press(Key key);
    void release(Key key);
    void release_all();

    void host_byte(u8 byte) override;
    [[nodiscard]] bool has_byte() const override { return !state_.replies.empty() || !state_.codes.empty(); }
    u8 take_byte() override;
    /// Whether scan codes wait to be sent: a typist pauses.
    [[nodiscard]] bool codes_waiting() const { return !state_.codes.empty(); }
    [[nodiscard]] bool scanning() const { return state_.scanning; }

    /// Scan codes that the keyboard holds before it reports an overrun, and the longest sequence of one key
    /// event: a gray key under both Shift keys, or Pause, in set 2.
    static constexpr size_t kBufferBytes = 16;
    static constexpr size_t kLongestSequence = 8;
    /// Whether any key event still fits; press() and release() need that.
    [[nodiscard]] bool has_room() const { return state_.codes.size() + kLongestSequence <= kBufferBytes; }
    /// Tells the host that keys were lost.
    void report_overrun();

    struct State {
        std::array<u8, kKeyCount> down{};
        std::array<u8, kKeyCount> set3_modes{};
        u8 scan_set = 2;
        u8 leds = 0;
        u8 typematic = 0x2b;     ///< parameter of the last F3
        u8 pending_command = 0;  ///< waits for its parameter
        bool scanning = true;
        Key repeating = Key::None;
        u8 last_sent = 0;
        std::vector<u8> replies;  ///< answers to commands; they go before scan codes
        std::vector<u8> codes;
        template<class V>
        constexpr void fields(V& v) {
            v("down", down);
            v("set3_modes", set3_modes);
            v("scan_set", scan_set);
            v("leds", leds);
            v("typematic", typematic);
            v("pending_command", pending_command);
            v("scanning", scanning);
            v("repeating", repeating);
            v("last_sent", last_sent);
            v("replies", replies);
            v("codes", codes);
        }
    };
    [[nodiscard]] const State& state() const { return state_; }
    [[nodiscard]] static Result<void> check(const State& state);
    void set_state(State state);

  private:
    /// Bytes of one key event.
    class Sequence;
    void execute(u8 command);
    void parameter(u8 command, u8 byte);
    void set_defaults();
    void set_all_modes(Set3Mode mode);
    void set_leds(u8 leds);
    void reply(u8 byte);
    void queue_codes(std::span<const u8> bytes);
    void send_make(Key key);
    void send_break(Key key);
    void send_code(Sequence& out, u16 code, bool make) const;
    void send_print_screen(Sequence& out, bool make) const;
    void send_fake_shifts(Sequence& out, Key key, bool before) const;
    [[nodiscard]] u16 code_of(Key key) const;
    [[nodiscard]] bool held(Key key) const { return state_.down[static_cast<unsigned>(key)]; }
    [[nodiscard]] bool repeats(Key key) const;
    void start_repeat(Key key);
    void repeat();
    [[nodiscard]] u64 repeat_delay_ns() const;
    [[nodiscard]] u64 repeat_period_ns() const;

    Scheduler& scheduler_;
    Log& log_;
    Ps2Timing timing_;
    Callbacks callbacks_;
    Scheduler::EventId repeat_event_;
    Scheduler::EventId self_test_event_;
    State state_;
};

}  // namespace gnomon
