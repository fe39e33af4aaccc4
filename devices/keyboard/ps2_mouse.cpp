// Movement to packets, and the mouse's commands.
#include "devices/keyboard/ps2_mouse.h"

#include <algorithm>
#include <cassert>

namespace gnomon {
namespace {

constexpr u8 kAcknowledge = 0xfa;
constexpr u8 kResend = 0xfe;
constexpr u8 kError = 0xfc;
constexpr u8 kSelfTestPassed = 0xaa;
constexpr size_t kMaxReplies = 16;
constexpr size_t kMaxButtonChanges = 8;
constexpr i32 kMaxMovement =
    1 << 20;  ///< more than a flood from the host in one sample; keeps the sums small

bool is_sample_rate(u8 rate) {
    static constexpr std::array<u8, 7> kRates{10, 20, 40, 60, 80, 100, 200};
    return std::find(kRates.begin(), kRates.end(), rate) != kRates.end();
}

}  // namespace

static_assert(every_field_listed<Ps2Mouse::State>());

Ps2Mouse::Ps2Mouse(Scheduler& scheduler, Log& log, const Ps2Timing& timing, MouseKind kind,
                   std::function<void()> byte_ready)
    : scheduler_(scheduler), log_(log), timing_(timing), kind_(kind), byte_ready_(std::move(byte_ready)) {
    sample_event_ = scheduler_.add_event("mouse.sample", [this](const Scheduler::Due&) { sample(); });
    self_test_event_ = scheduler_.add_event("mouse.self_test", [this](const Scheduler::Due&) {
        reply(kSelfTestPassed);
        reply(state_.id);
    });
}

void Ps2Mouse::reset() {
    State fresh;
    fresh.buttons = fresh.reported_buttons = state_.buttons;
    state_ = std::move(fresh);
    scheduler_.cancel(sample_event_);
    scheduler_.cancel(self_test_event_);
}

void Ps2Mouse::set_defaults() {
    state_.mode = Mode::Stream;
    state_.reporting = false;
    state_.double_scaling = false;
    state_.resolution = 2;
    state_.sample_rate = 100;
    clear_movement();
}

void Ps2Mouse::clear_movement() {
    state_.x = state_.y = state_.z = 0;
    state_.nudged = false;
    state_.button_changes.clear();
    state_.reported_buttons = state_.buttons;
}

// ---- Hand
// --------------------------------------------------------------------------------------------------------

void Ps2Mouse::move(int right, int down, int wheel) {
    const auto add = [](i32& sum, i64 amount) {
        sum = static_cast<i32>(std::clamp<i64>(i64{sum} + amount, -kMaxMovement, kMaxMovement));
    };
    add(state_.x, i64{right} << state_.resolution);
    add(state_.y, -(i64{down} << state_.resolution));
    if (state_.id != 0) add(state_.z, wheel);
    schedule_sample();
}

void Ps2Mouse::button(MouseButton which, bool down) {
    const u8 bit = static_cast<u8>(1u << static_cast<unsigned>(which));
    const u8 buttons = static_cast<u8>(down ? state_.buttons | bit : state_.buttons & ~bit);
    if (buttons == state_.buttons) return;
    state_.buttons = buttons;
    if (state_.button_changes.size() == kMaxButtonChanges) state_.button_changes.pop_back();
    state_.button_changes.push_back(buttons);
    schedule_sample();
}

void Ps2Mouse::nudge() {
    state_.nudged = true;
    schedule_sample();
}

bool Ps2Mouse::changed() const {
    return state_.nudged || std::abs(state_.x) >= 4 || std::abs(state_.y) >= 4 || state_.z || !state_.button_changes.empty();
}

void Ps2Mouse::schedule_sample() {
    const bool streaming = state_.reporting && state_.mode == Mode::Stream && !state_.wrap;
    if (!streaming || !changed() || !state_.packet.empty() || scheduler_.pending(sample_event_)) return;
    const u64 period = VirtualClock::kSecond / state_.sample_rate;
    scheduler_.schedule(sample_event_, std::max(scheduler_.now(), state_.last_sample_ns + period));
}

void Ps2Mouse::sample() {
    const bool streaming = state_.reporting && state_.mode == Mode::Stream && !state_.wrap;
    if (!streaming || !state_.packet.empty() || !changed()) return;
    state_.last_sample_ns = scheduler_.now();
    make_packet(state_.double_scaling);
    byte_ready_();
}

int Ps2Mouse::take_axis(i32& accumulator, bool scaled) const {
    // With 2:1 scaling the reported number doubles, so fewer counts fit into nine bits.
    const int limit = scaled ? 127 : 255;
    const int counts = std::clamp(accumulator / 4, -limit, limit);
    accumulator -= counts * 4;
    if (!scaled) return counts;
    static constexpr std::array<int, 6> kScaled{0, 1, 1, 3, 6, 9};
    const int size = std::abs(counts);
    const int result = size < 6 ? kScaled[static_cast<size_t>(size)] : 2 * size;
    return counts < 0 ? -result : result;
}

void Ps2Mouse::make_packet(bool scaled) {
    state_.nudged = false;
    if (!state_.button_changes.empty()) {
        state_.reported_buttons = state_.button_changes.front();
        state_.button_changes.erase(state_.button_changes.begin());
    }
    const int x = take_axis(state_.x, scaled);
    const int y = take_axis(state_.y, scaled);
    const int z = std::clamp(state_.z, -8, 7);
    state_.z -= z;
    state_.packet = {
        static_cast<u8>(8 | (state_.reported_buttons & 7) | (x < 0 ? 0x10 : 0) | (y < 0 ? 0x20 : 0)),
        static_cast<u8>(x), static_cast<u8>(y)};
    if (state_.id == static_cast<u8>(MouseKind::Wheel)) state_.packet.push_back(static_cast<u8>(z));
    if (state_.id == static_cast<u8>(MouseKind::Explorer))
        state_.packet.push_back(static_cast<u8>((z & 0xf) | (state_.reported_buttons << 1 & 0x30)));
    state_.last_sent = state_.packet;
}

u8 Ps2Mouse::take_byte() {
    std::vector<u8>& from = state_.replies.empty() ? state_.packet : state_.replies;
    assert(!from.empty());
    const u8 byte = from.front();
    from.erase(from.begin());
    if (&from == &state_.packet && from.empty()) schedule_sample();
    return byte;
}

// ---- Commands
// ----------------------------------------------------------------------------------------------------

void Ps2Mouse::reply(u8 byte) {
    if (state_.replies.size() < kMaxReplies) state_.replies.push_back(byte);
    if (byte != kResend && byte != kError) state_.last_sent = {byte};
    byte_ready_();
}

void Ps2Mouse::acknowledge() { reply(kAcknowledge); }

void Ps2Mouse::host_byte(u8 byte) {
    // A command in the middle of a report ends the report.
    state_.packet.clear();
    if (state_.wrap && byte != 0xff && byte != 0xec) return reply(byte);
    const u8 pending = state_.pending_command;
    state_.pending_command = 0;
    if (pending && byte < 0xe6)
        parameter(pending, byte);
    else
        execute(byte);
    schedule_sample();
}

void Ps2Mouse::invalid(u8 byte) {
    log_.guest("mouse", "invalid byte", "{:#04x} is not a command or parameter of the mouse", byte);
    reply(state_.last_was_invalid ? kError : kResend);
    state_.last_was_invalid = !state_.last_was_invalid;
}

void Ps2Mouse::execute(u8 command) {
    const bool was_invalid = state_.last_was_invalid;
    state_.last_was_invalid = false;
    switch (command) {
        case 0xe6:
        case 0xe7:
            state_.double_scaling = command == 0xe7;
            acknowledge();
            break;
        case 0xe8:  // set resolution
        case 0xf3:  // set sampling rate
            acknowledge();
            state_.pending_command = command;
            break;
        case 0xe9: {  // status request
            acknowledge();
            const unsigned left = state_.buttons & 1;
            const unsigned right = state_.buttons >> 1 & 1;
            const unsigned middle = state_.buttons >> 2 & 1;
            reply(static_cast<u8>((state_.mode == Mode::Remote ? 0x40u : 0) | (state_.reporting ? 0x20u : 0) |
                                  (state_.double_scaling ? 0x10u : 0) | left << 2 | middle << 1 | right));
            reply(state_.resolution);
            reply(state_.sample_rate);
            break;
        }
        case 0xea:
        case 0xf0:
            state_.mode = command == 0xf0 ? Mode::Remote : Mode::Stream;
            clear_movement();
            acknowledge();
            break;
        case 0xeb:  // read data: never scaled
            acknowledge();
            make_packet(false);
            byte_ready_();
            break;
        case 0xec:
        case 0xee:
            state_.wrap = command == 0xee;
            clear_movement();
            acknowledge();
            break;
        case 0xf2:
            acknowledge();
            reply(state_.id);
            break;
        case 0xf4:
        case 0xf5:
            state_.reporting = command == 0xf4;
            clear_movement();
            acknowledge();
            break;
        case 0xf6:
            set_defaults();
            acknowledge();
            break;
        case 0xfe: {
            const std::vector<u8> again = state_.last_sent;
            for (const u8 byte : again)
                if (state_.replies.size() < kMaxReplies) state_.replies.push_back(byte);
            if (!again.empty()) byte_ready_();
            break;
        }
        case 0xff:
            reset();
            acknowledge();
            scheduler_.schedule(self_test_event_, scheduler_.now() + timing_.self_test_ns);
            break;
        default:
            state_.last_was_invalid = was_invalid;
            invalid(command);
            break;
    }
}

void Ps2Mouse::parameter(u8 command, u8 byte) {
    const bool good = command == 0xe8 ? byte <= 3 : is_sample_rate(byte);
    if (!good) {
        if (!state_.last_was_invalid) state_.pending_command = command;  // the host may send it once more
        return invalid(byte);
    }
    state_.last_was_invalid = false;
    if (command == 0xe8) {
        state_.resolution = byte;
    } else {
        state_.sample_rate = byte;
        note_rate(byte);
    }
    clear_movement();
    acknowledge();
}

// Rates 200, 100, 80 make a wheel mouse of it, and then 200, 200, 80 an Explorer.
void Ps2Mouse::note_rate(u8 rate) {
    auto& last = state_.last_rates;
    last = {last[1], last[2], rate};
    if (last == std::array<u8, 3>{200, 100, 80} && kind_ != MouseKind::Standard && state_.id == 0)
        state_.id = static_cast<u8>(MouseKind::Wheel);
    else if (last == std::array<u8, 3>{200, 200, 80} && kind_ == MouseKind::Explorer)
        state_.id = static_cast<u8>(MouseKind::Explorer);
}

Result<void> Ps2Mouse::check(const State& state) {
    if (state.mode > Mode::Remote) return fail("mode: {} is not a mode", static_cast<unsigned>(state.mode));
    if (state.resolution > 3) return fail("resolution: {} is more than 3", state.resolution);
    if (!is_sample_rate(state.sample_rate))
        return fail("sample_rate: {} is not a rate of the mouse", state.sample_rate);
    if (state.id != 0 && state.id != 3 && state.id != 4)
        return fail("id: {} is not an ID of the mouse", state.id);
    if (state.replies.size() > kMaxReplies || state.packet.size() > 4 || state.last_sent.size() > 4 ||
        state.button_changes.size() > kMaxButtonChanges)
        return fail("more bytes wait than the mouse holds");
    if (std::max(std::abs(i64{state.x}), std::max(std::abs(i64{state.y}), std::abs(i64{state.z}))) >
        kMaxMovement)
        return fail("movement is out of range");
    return {};
}

}  // namespace gnomon
