// Key events to scan codes, the typematic repeat, and the keyboard's commands.
#include "devices/keyboard/ps2_keyboard.h"

#include <cassert>

namespace gnomon {
namespace {

constexpr u8 kAcknowledge = 0xfa;
constexpr u8 kResend = 0xfe;
constexpr u8 kSelfTestPassed = 0xaa;
constexpr u8 kEcho = 0xee;
constexpr size_t kMaxReplies = 16;

constexpr u8 kLedNumLock = 1 << 1;

bool is_gray_cursor_key(Key key) { return key >= Key::Insert && key <= Key::Up; }

}  // namespace

static_assert(every_field_listed<Ps2Keyboard::State>());

class Ps2Keyboard::Sequence {
  public:
    void add(u8 byte) {
        assert(count_ < bytes_.size());
        bytes_[count_++] = byte;
    }
    [[nodiscard]] std::span<const u8> bytes() const { return std::span(bytes_).first(count_); }

  private:
    std::array<u8, kLongestSequence> bytes_{};
    size_t count_ = 0;
};

Ps2Keyboard::Ps2Keyboard(Scheduler& scheduler, Log& log, const Ps2Timing& timing, Callbacks callbacks)
    : scheduler_(scheduler), log_(log), timing_(timing), callbacks_(std::move(callbacks)) {
    repeat_event_ = scheduler_.add_event("keyboard.typematic", [this](const Scheduler::Due&) { repeat(); });
    self_test_event_ =
        scheduler_.add_event("keyboard.self_test", [this](const Scheduler::Due&) { reply(kSelfTestPassed); });
    set_defaults();
}

void Ps2Keyboard::reset() {
    State fresh;
    fresh.down = state_.down;
    state_ = std::move(fresh);
    set_defaults();
    set_leds(0);
    scheduler_.cancel(self_test_event_);
}

void Ps2Keyboard::set_defaults() {
    for (unsigned i = 0; i < kKeyCount; i++)
        state_.set3_modes[i] = static_cast<u8>(scan_code_rows()[i].set3_default);
    state_.scan_set = 2;
    state_.typematic = 0x2b;
    state_.codes.clear();
    start_repeat(Key::None);
}

void Ps2Keyboard::set_leds(u8 leds) {
    state_.leds = leds & 7;
    if (callbacks_.leds_changed) callbacks_.leds_changed(state_.leds);
}

// ---- Fingers
// -----------------------------------------------------------------------------------------------------

void Ps2Keyboard::press(Key key) {
    if (key == Key::None || key >= Key::Count || held(key)) return;
    state_.down[static_cast<unsigned>(key)] = 1;
    if (!state_.scanning) return;
    send_make(key);
    start_repeat(repeats(key) ? key : Key::None);
}

void Ps2Keyboard::release(Key key) {
    if (key == Key::None || key >= Key::Count || !held(key)) return;
    state_.down[static_cast<unsigned>(key)] = 0;
    if (state_.repeating == key) start_repeat(Key::None);
    if (state_.scanning) send_break(key);
}

void Ps2Keyboard::release_all() {
    for (unsigned i = 1; i < kKeyCount; i++) release(static_cast<Key>(i));
}

u16 Ps2Keyboard::code_of(Key key) const {
    const ScanCodeRow& row = scan_codes(key);
    return state_.scan_set == 1 ? row.set1 : state_.scan_set == 2 ? row.set2 : row.set3;
}

void Ps2Keyboard::send_code(Sequence& out, u16 code, bool make) const {
    if (!code) return;
    if (code >> 8) out.add(static_cast<u8>(code >> 8));
    if (!make && state_.scan_set != 1) out.add(0xf0);
    out.add(static_cast<u8>(make || state_.scan_set != 1 ? code : code | 0x80));
}

// Programs of the 84-key keyboard must see a cursor key whatever Shift and Num Lock are: the gray keys wrap
// themselves in the codes that undo these ("Scan Code Set 1/2" tables, rows for keys 75–89 and 95).
void Ps2Keyboard::send_fake_shifts(Sequence& out, Key key, bool before) const {
    const bool num_lock = state_.leds & kLedNumLock;
    const bool shifted = held(Key::LeftShift) || held(Key::RightShift);
    const u16 left = static_cast<u16>(0xe000 | (state_.scan_set == 1 ? 0x2a : 0x12));
    const u16 right = static_cast<u16>(0xe000 | (state_.scan_set == 1 ? 0x36 : 0x59));
    if (is_gray_cursor_key(key) && num_lock && !shifted) send_code(out, left, before);
    if (shifted && (key == Key::KpDivide || (is_gray_cursor_key(key) && !num_lock))) {
        if (held(Key::LeftShift)) send_code(out, left, !before);
        if (held(Key::RightShift)) send_code(out, right, !before);
    }
}

void Ps2Keyboard::send_print_screen(Sequence& out, bool make) const {
    const bool first_set = state_.scan_set == 1;
    if (held(Key::LeftAlt) || held(Key::RightAlt))
        return send_code(out, first_set ? 0x54 : 0x84, make);  // System Request
    const u16 shift = first_set ? 0xe02a : 0xe012;
    const bool plain = !held(Key::LeftShift) && !held(Key::RightShift) && !held(Key::LeftControl) &&
                       !held(Key::RightControl);
    if (plain && make) send_code(out, shift, true);
    send_code(out, code_of(Key::PrintScreen), make);
    if (plain && !make) send_code(out, shift, false);
}

void Ps2Keyboard::send_make(Key key) {
    Sequence out;
    if (state_.scan_set == 3) {
        send_code(out, code_of(key), true);
    } else if (key == Key::Pause) {
        // The one key without a break code: make and break go out together.
        const bool control = held(Key::LeftControl) || held(Key::RightControl);
        const bool first_set = state_.scan_set == 1;
        if (control) {
            send_code(out, first_set ? 0xe046 : 0xe07e, true);
            send_code(out, first_set ? 0xe046 : 0xe07e, false);
        } else if (first_set) {
            for (const u8 byte : {0xe1, 0x1d, 0x45, 0xe1, 0x9d, 0xc5}) out.add(byte);
        } else {
            for (const u8 byte : {0xe1, 0x14, 0x77, 0xe1, 0xf0, 0x14, 0xf0, 0x77}) out.add(byte);
        }
    } else if (key == Key::PrintScreen) {
        send_print_screen(out, true);
    } else {
        send_fake_shifts(out, key, true);
        send_code(out, code_of(key), true);
    }
    queue_codes(out.bytes());
}

void Ps2Keyboard::send_break(Key key) {
    Sequence out;
    if (state_.scan_set == 3) {
        if (!(state_.set3_modes[static_cast<unsigned>(key)] & static_cast<u8>(Set3Mode::MakeBreak))) return;
        send_code(out, code_of(key), false);
    } else if (key == Key::Pause || key == Key::Lang1 || key == Key::Lang2) {
        return;
    } else if (key == Key::PrintScreen) {
        send_print_screen(out, false);
    } else {
        send_code(out, code_of(key), false);
        send_fake_shifts(out, key, false);
    }
    queue_codes(out.bytes());
}

void Ps2Keyboard::queue_codes(std::span<const u8> bytes) {
    if (bytes.empty()) return;
    assert(state_.codes.size() + bytes.size() <= kBufferBytes);
    state_.codes.insert(state_.codes.end(), bytes.begin(), bytes.end());
    callbacks_.byte_ready();
}

// One place beyond the buffer is kept for the overrun code.
void Ps2Keyboard::report_overrun() {
    const u8 overrun = state_.scan_set == 1 ? 0xff : 0x00;
    log_.guest("keyboard", "overrun", "the guest does not take scan codes: keys are lost");
    if (!state_.scanning || state_.codes.size() > kBufferBytes) return;
    if (!state_.codes.empty() && state_.codes.back() == overrun) return;
    state_.codes.push_back(overrun);
    callbacks_.byte_ready();
}

// ---- Typematic
// ---------------------------------------------------------------------------------------------------

u64 Ps2Keyboard::repeat_delay_ns() const { return ((state_.typematic >> 5 & 3) + 1u) * 250'000'000ull; }

// Period = (8 + A) * 2^B * 4.17 ms, with A in bits 0–2 and B in bits 3–4: 1/240 s steps.
u64 Ps2Keyboard::repeat_period_ns() const {
    const u64 steps = (8u + (state_.typematic & 7)) << (state_.typematic >> 3 & 3);
    return steps * VirtualClock::kSecond / 240;
}

bool Ps2Keyboard::repeats(Key key) const {
    if (state_.scan_set == 3)
        return state_.set3_modes[static_cast<unsigned>(key)] & static_cast<u8>(Set3Mode::Typematic);
    return key != Key::Pause && key != Key::Lang1 && key != Key::Lang2;
}

void Ps2Keyboard::start_repeat(Key key) {
    state_.repeating = key;
    if (key == Key::None)
        scheduler_.cancel(repeat_event_);
    else
        scheduler_.schedule(repeat_event_, scheduler_.now() + repeat_delay_ns());
}

void Ps2Keyboard::repeat() {
    if (state_.repeating == Key::None) return;
    // While the host inhibits the keyboard repeated codes are not stored, only the first make code.
    if (state_.codes.empty() && state_.scanning) {
        Sequence out;
        if (state_.repeating == Key::PrintScreen && state_.scan_set != 3 &&
            (held(Key::LeftAlt) || held(Key::RightAlt)))
            send_print_screen(out, true);
        else
            send_code(out, code_of(state_.repeating), true);
        queue_codes(out.bytes());
    }
    scheduler_.schedule(repeat_event_, scheduler_.now() + repeat_period_ns());
}

// ---- Commands
// ----------------------------------------------------------------------------------------------------

u8 Ps2Keyboard::take_byte() {
    std::vector<u8>& from = state_.replies.empty() ? state_.codes : state_.replies;
    assert(!from.empty());
    const u8 byte = from.front();
    from.erase(from.begin());
    if (byte != kResend) state_.last_sent = byte;
    return byte;
}

void Ps2Keyboard::reply(u8 byte) {
    if (state_.replies.size() < kMaxReplies) state_.replies.push_back(byte);
    callbacks_.byte_ready();
}

void Ps2Keyboard::host_byte(u8 byte) {
    const u8 pending = state_.pending_command;
    state_.pending_command = 0;
    // A command in place of a parameter ends the command that waits. All parameters are below the command
    // codes.
    if (pending && byte < 0xed)
        parameter(pending, byte);
    else
        execute(byte);
}

void Ps2Keyboard::execute(u8 command) {
    switch (command) {
        case 0xed:  // set LEDs
        case 0xf0:  // select scan set
        case 0xf3:  // set typematic rate and delay
            reply(kAcknowledge);
            state_.pending_command = command;
            break;
        case 0xfb:  // set key type: typematic
        case 0xfc:  // make/break
        case 0xfd:  // make only
            reply(kAcknowledge);
            state_.codes.clear();
            start_repeat(Key::None);
            state_.pending_command = command;
            break;
        case 0xee: reply(kEcho); break;
        case 0xf2:
            reply(kAcknowledge);
            reply(0xab);
            reply(0x83);
            break;
        case 0xf4:
            state_.codes.clear();
            start_repeat(Key::None);
            state_.scanning = true;
            reply(kAcknowledge);
            break;
        case 0xf5:
            set_defaults();
            state_.scanning = false;
            reply(kAcknowledge);
            break;
        case 0xf6:
            set_defaults();
            reply(kAcknowledge);
            break;
        case 0xf7: set_all_modes(Set3Mode::Typematic); break;
        case 0xf8: set_all_modes(Set3Mode::MakeBreak); break;
        case 0xf9: set_all_modes(Set3Mode::MakeOnly); break;
        case 0xfa: set_all_modes(Set3Mode::TypematicMakeBreak); break;
        case 0xfe: reply(state_.last_sent); break;
        case 0xff:
            reset();
            reply(kAcknowledge);
            scheduler_.schedule(self_test_event_, scheduler_.now() + timing_.self_test_ns);
            break;
        default:
            log_.guest("keyboard", "unknown command", "unknown command {:#04x}", command);
            reply(kResend);
            break;
    }
}

void Ps2Keyboard::set_all_modes(Set3Mode mode) {
    state_.set3_modes.fill(static_cast<u8>(mode));
    state_.codes.clear();
    start_repeat(Key::None);
    reply(kAcknowledge);
}

void Ps2Keyboard::parameter(u8 command, u8 byte) {
    switch (command) {
        case 0xed:
            set_leds(byte);
            reply(kAcknowledge);
            break;
        case 0xf0:
            if (byte > 3) {
                reply(kResend);
                state_.pending_command = command;
                break;
            }
            reply(kAcknowledge);
            if (byte == 0) {
                reply(state_.scan_set);
            } else {
                state_.codes.clear();
                start_repeat(Key::None);
                state_.scan_set = byte;
            }
            break;
        case 0xf3:
            if (byte & 0x80) {
                reply(kResend);
                state_.pending_command = command;
                break;
            }
            state_.typematic = byte;
            reply(kAcknowledge);
            break;
        default: {  // FB, FC, FD: codes of set 3 until the next command
            const Set3Mode mode = command == 0xfb   ? Set3Mode::Typematic
                                  : command == 0xfc ? Set3Mode::MakeBreak
                                                    : Set3Mode::MakeOnly;
            bool known = false;
            for (const ScanCodeRow& row : scan_code_rows()) {
                if (row.set3 == 0 || row.set3 != byte) continue;
                state_.set3_modes[static_cast<unsigned>(row.key)] = static_cast<u8>(mode);
                known = true;
            }
            reply(known ? kAcknowledge : kResend);
            state_.pending_command = command;
            break;
        }
    }
}

Result<void> Ps2Keyboard::check(const State& state) {
    if (state.scan_set < 1 || state.scan_set > 3)
        return fail("scan_set: {} is not a scan code set", state.scan_set);
    if (state.repeating >= Key::Count)
        return fail("repeating: there is no key {}", static_cast<unsigned>(state.repeating));
    if (state.replies.size() > kMaxReplies)
        return fail("replies: {} bytes are too many", state.replies.size());
    if (state.codes.size() > kBufferBytes + 1)
        return fail("codes: {} bytes are too many", state.codes.size());
    return {};
}

void Ps2Keyboard::set_state(State state) {
    state_ = std::move(state);
    if (callbacks_.leds_changed) callbacks_.leds_changed(state_.leds);
}

}  // namespace gnomon
