// The six modes of an 8254 counter, in closed form.
#include "devices/pit/pit_channel.h"

#include <algorithm>

namespace gnomon {
namespace {

constexpr u32 from_bcd(u16 value) {
    return (value & 15u) + (value >> 4 & 15u) * 10 + (value >> 8 & 15u) * 100 + (value >> 12) * 1000u;
}

constexpr u16 to_bcd(u32 value) {
    return static_cast<u16>(value % 10 | value / 10 % 10 << 4 | value / 100 % 10 << 8 |
                            value / 1000 % 10 << 12);
}

// Access modes: bits 4 and 5 of the control word.
constexpr unsigned kLowByte = 1;
constexpr unsigned kHighByte = 2;
constexpr unsigned kBothBytes = 3;

}  // namespace

unsigned PitChannel::mode() const {
    const unsigned mode = state_.control >> 1 & 7u;
    return mode > 5 ? mode - 4 : mode;  // "x10" and "x11"
}

void PitChannel::reset(bool gate) {
    // The chip has no reset: until a control word is written its outputs are undefined, here high.
    const u64 tick = state_.tick;
    state_ = {};
    state_.tick = tick;
    state_.gate = gate;
    state_.control = kBothBytes << 4 | 3 << 1;
}

u32 PitChannel::programmed_count() const {
    u32 count = bcd() ? from_bcd(state_.count_register) % modulus() : state_.count_register;
    if (count == 0) count = modulus();
    // A count of one is illegal in the periodic modes; it works as the smallest legal one.
    if ((mode() == 2 || mode() == 3) && count == 1) count = 2;
    return count;
}

bool PitChannel::stopped_by_gate() const { return !state_.gate && mode() != 1 && mode() != 5; }

void PitChannel::set_out(bool level, u64 tick) {
    if (state_.out == level) return;
    state_.out = level;
    if (edge_) edge_(tick, level);
}

void PitChannel::write_control(u8 control, u64 tick) {
    run_to(tick);
    state_.control = control & 0x3f;
    state_.high_byte_written_next = false;
    state_.high_byte_read_next = false;
    state_.latched_bytes = 0;
    state_.status_latched = false;
    state_.null_count = true;
    state_.count_written = false;
    state_.counting = false;
    state_.armed = false;
    state_.load_at = kNever;
    set_out(mode() != 0, tick);
}

void PitChannel::write(u8 value, u64 tick) {
    run_to(tick);
    const unsigned access = state_.control >> 4 & 3u;
    if (mode() == 0) {
        // The first byte stops the count and drops OUT at once.
        state_.armed = false;
        state_.counting = false;
        state_.load_at = kNever;
        set_out(false, tick);
    }
    if (access == kBothBytes && !state_.high_byte_written_next) {
        state_.written_low = value;
        state_.high_byte_written_next = true;
        return;
    }
    if (access == kLowByte)
        state_.count_register = value;
    else if (access == kHighByte)
        state_.count_register = static_cast<u16>(value << 8);
    else
        state_.count_register = static_cast<u16>(value << 8 | state_.written_low);
    state_.high_byte_written_next = false;
    state_.null_count = true;
    const bool first = !state_.count_written;
    state_.count_written = true;
    switch (mode()) {
        case 0:
        case 4: state_.load_at = tick + 1; break;
        case 2:
        case 3:
            if (first) state_.load_at = tick + 1;
            break;
        default: break;  // 1 and 5 wait for their trigger
    }
}

void PitChannel::set_gate(bool gate, u64 tick) {
    run_to(tick);
    if (state_.gate == gate) return;
    state_.gate = gate;
    switch (mode()) {
        case 1:
        case 5:
            if (gate && state_.count_written) state_.load_at = tick + 1;
            break;
        case 2:
        case 3:
            if (!gate) {
                // The counting element keeps its value, which counting_element() derives from the half it is
                // in.
                if (mode() == 3 && !state_.out && state_.period & 1) state_.counter++;
                set_out(true, tick);
            } else if (state_.count_written) {
                state_.load_at = tick + 1;
            }
            break;
        default: break;
    }
}

/// The pulse `tick` moves the count register into the counting element.
void PitChannel::load() {
    state_.load_at = kNever;
    state_.null_count = false;
    state_.counting = true;
    state_.period = programmed_count();
    switch (mode()) {
        case 1:
            state_.counter = state_.period;
            state_.armed = true;
            set_out(false, state_.tick);
            break;
        case 2:
            state_.counter = state_.period;
            set_out(true, state_.tick);
            break;
        case 3:
            set_out(true, state_.tick);
            load_half();
            break;
        case 4:
        case 5: set_out(true, state_.tick); [[fallthrough]];
        default:
            state_.counter = state_.period;
            state_.armed = true;
            break;
    }
}

/// Mode 3: odd counts are one pulse longer high than low.
void PitChannel::load_half() {
    state_.null_count = false;
    state_.period = programmed_count();
    state_.counter = state_.out ? (state_.period + 1) / 2 : state_.period / 2;
}

void PitChannel::run_to(u64 tick) {
    while (state_.tick < tick) {
        const u64 until = std::min(tick, state_.load_at == kNever ? tick : state_.load_at - 1);
        if (until > state_.tick) count(until - state_.tick);
        if (state_.tick < tick) {
            // The next pulse loads; it also ends a strobe.
            state_.tick++;
            load();
        }
    }
}

void PitChannel::count(u64 pulses) {
    if (!state_.counting || (stopped_by_gate() && (mode() != 4 || state_.out))) {
        state_.tick += pulses;
        return;
    }
    switch (mode()) {
        case 2: count_rate(pulses); break;
        case 3: count_square(pulses); break;
        default: count_once(pulses); break;
    }
}

void PitChannel::count_once(u64 pulses) {
    const u64 end = state_.tick + pulses;
    const bool strobe_ends = mode() >= 4 && !state_.out;
    if (strobe_ends) {
        set_out(true, state_.tick + 1);
        if (stopped_by_gate()) {
            state_.tick = end;
            return;
        }
    }
    if (state_.armed && state_.counter <= pulses) {
        const u64 zero = state_.tick + state_.counter;
        state_.armed = false;
        if (mode() < 4) {
            set_out(true, zero);
        } else {
            set_out(false, zero);
            if (zero < end) set_out(true, zero + 1);
        }
    }
    const u32 wrapped = static_cast<u32>(pulses % modulus());
    state_.counter = (state_.counter % modulus() + modulus() - wrapped) % modulus();
    state_.tick = end;
}

void PitChannel::count_rate(u64 pulses) {
    const u64 end = state_.tick + pulses;
    u64 at = state_.tick;
    while (at < end) {
        if (state_.counter > 1 && end - at < state_.counter - 1) {
            state_.counter -= static_cast<u32>(end - at);
            break;
        }
        if (state_.counter > 1) {
            at += state_.counter - 1;
            state_.counter = 1;
            set_out(false, at);
            continue;
        }
        at++;
        state_.null_count = false;
        state_.period = programmed_count();
        state_.counter = state_.period;
        set_out(true, at);
        if (!every_edge_) at += (end - at) / state_.period * state_.period;
    }
    state_.tick = end;
}

void PitChannel::count_square(u64 pulses) {
    const u64 end = state_.tick + pulses;
    u64 at = state_.tick;
    while (end - at >= state_.counter) {
        at += state_.counter;
        set_out(!state_.out, at);
        load_half();
        if (!every_edge_) at += (end - at) / state_.period * state_.period;
    }
    state_.counter -= static_cast<u32>(end - at);
    state_.tick = end;
}

u64 PitChannel::next_change() const {
    if (state_.load_at != kNever) {
        // Until the load the old count may still run out; the load itself changes OUT in some modes. Looking
        // again after the load pulse is always right.
        return state_.load_at;
    }
    if (!state_.counting) return kNever;
    switch (mode()) {
        case 2:
            if (!state_.gate) return kNever;
            return state_.tick + (state_.counter > 1 ? state_.counter - 1 : 1);
        case 3: return state_.gate ? state_.tick + state_.counter : kNever;
        default:
            if (mode() >= 4 && !state_.out) return state_.tick + 1;
            return state_.armed && !stopped_by_gate() ? state_.tick + state_.counter : kNever;
    }
}

u64 PitChannel::next_rise_or_long_fall() const {
    const u64 change = next_change();
    const bool falls_for_one_pulse = state_.out && (mode() == 2 || mode() >= 4) && state_.load_at == kNever;
    return change != kNever && falls_for_one_pulse ? change + 1 : change;
}

void PitChannel::set_state(const State& state) {
    state_ = state;
    // A damaged snapshot must not stop the periodic modes from advancing.
    if (state_.counting && (mode() == 2 || mode() == 3) && state_.counter == 0) state_.counter = 1;
}

/// What a read of the counting element shows. A bus cycle lasts longer than a pulse, so a pulse that is due to load the element does
/// so before the read ends: software that polls right after writing the count never sees the old one, however fast its processor.
u16 PitChannel::counting_element() const {
    u32 value = state_.counter;
    if (state_.load_at == state_.tick + 1) {
        value = programmed_count();
        if (mode() == 3) value &= ~1u;
    } else if (mode() == 3 && state_.counting) {
        // Steps of two; the high half of an odd count ends with a zero, the low half with a two.
        const bool odd = state_.period & 1;
        value = odd && state_.out ? 2 * (state_.counter - 1) : 2 * state_.counter;
    }
    value %= modulus();
    return bcd() ? to_bcd(value) : static_cast<u16>(value);
}

void PitChannel::latch_count(u64 tick) {
    run_to(tick);
    if (state_.latched_bytes) return;
    state_.count_latch = counting_element();
    state_.latched_bytes = (state_.control >> 4 & 3u) == kBothBytes ? 2 : 1;
}

void PitChannel::latch_status(u64 tick) {
    run_to(tick);
    if (state_.status_latched) return;
    state_.status_latched = true;
    state_.status_latch = static_cast<u8>(state_.out << 7 | state_.null_count << 6 | state_.control);
}

u8 PitChannel::read(u64 tick) {
    run_to(tick);
    if (state_.status_latched) {
        state_.status_latched = false;
        return state_.status_latch;
    }
    const unsigned access = state_.control >> 4 & 3u;
    const u16 value = state_.latched_bytes ? state_.count_latch : counting_element();
    const bool high = access == kHighByte || (access == kBothBytes && state_.high_byte_read_next);
    if (access == kBothBytes) state_.high_byte_read_next = !state_.high_byte_read_next;
    if (state_.latched_bytes) state_.latched_bytes--;
    return static_cast<u8>(high ? value >> 8 : value);
}

static_assert(every_field_listed<PitChannel::State>());

}  // namespace gnomon
