// OPL3 registers: what is written to them, the timers, and what the operators are told.
#include <algorithm>

#include "devices/sound/opl3/opl3.h"

namespace gnomon {
namespace {

constexpr u16 kTimerControl = 0x004;
constexpr u16 kKeySplit = 0x008;
constexpr u16 kFourOperators = 0x104;
constexpr u16 kNewMode = 0x105;
constexpr u16 kDrums = 0x0bd;

constexpr u8 kChannelKey = 1;
constexpr u8 kDrumKey = 2;

/// 80 and 320 µs, in master clocks.
constexpr std::array<u64, 2> kTimerUnits = {1152, 4608};
constexpr std::array<u8, 2> kTimerFlags = {0x40, 0x20};
constexpr std::array<u8, 2> kTimerMasks = {0x40, 0x20};
constexpr std::array<u8, 2> kTimerStarts = {0x01, 0x02};
constexpr u8 kInterrupt = 0x80;

/// Twice the frequency multiple.
constexpr std::array<u8, 16> kMultipliers = {1, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 20, 24, 24, 30, 30};
/// Key scaling in the highest octave by the top four bits of the F-number, in 0.75 dB; 6 dB less for each
/// octave down.
constexpr std::array<u8, 16> kKeyScale = {0, 32, 40, 45, 48, 51, 53, 55, 56, 58, 59, 60, 61, 62, 63, 64};
/// None, 3, 1.5 and 6 dB an octave.
constexpr std::array<u8, 4> kKeyScaleShifts = {31, 1, 2, 0};

/// Within a bank operators are in groups of six, at offsets 0, 8 and 16.
constexpr unsigned operator_offset(unsigned index) {
    const unsigned slot = index % 18;
    return (index / 18) << 8 | (slot / 6 * 8 + slot % 6);
}
constexpr unsigned channel_of(unsigned index) {
    const unsigned slot = index % 18;
    return index / 18 * 9 + slot / 6 * 3 + slot % 3;
}
constexpr unsigned channel_offset(unsigned channel) { return (channel / 9) << 8 | channel % 9; }
/// The first operator of a channel; the second is three behind.
constexpr unsigned first_operator(unsigned channel) {
    return channel / 9 * 18 + channel % 9 / 3 * 6 + channel % 3;
}

/// The operators of the drums, in the order of the bits in BDh: high hat, cymbal, tom-tom, snare drum, bass
/// drum.
constexpr std::array<std::array<unsigned, 2>, 5> kDrumOperators = {
    {{13, 13}, {17, 17}, {14, 14}, {16, 16}, {12, 15}}};

}  // namespace

void Opl3::reset() {
    catch_up();
    const u64 next = state_.next_sample;
    state_ = {};
    state_.next_sample = next;
    prepare_all();
}

void Opl3::select(unsigned bank, u8 index) {
    // As an OPL2 it has one bank; of the second only the register that leaves this mode can be reached.
    const bool second = bank == 1 && (new_mode() || index == (kNewMode & 0xff));
    state_.index = static_cast<u16>(second << 8 | index);
}

void Opl3::write(u8 value) {
    const u16 index = state_.index;
    if (index == kTimerControl) {
        write_timer_control(value);
        return;
    }
    if (index == 0x02 || index == 0x03) run_timers();
    catch_up();
    state_.registers[index] = value;
    const unsigned low = index & 0xff;
    const unsigned bank = index >> 8;
    if (index == kDrums) {
        set_drum_keys(value);
    } else if (index == kKeySplit || index == kFourOperators || index == kNewMode) {
        prepare_all();
    } else if ((low >= 0x20 && low < 0xa0) || low >= 0xe0) {
        const unsigned offset = low & 0x1f;
        if (offset < 0x16 && (offset & 7) < 6) prepare_operator(bank * 18 + (offset >> 3) * 6 + (offset & 7));
    } else if (low >= 0xa0 && low < 0xd0 && (low & 15) < 9) {
        const unsigned channel = bank * 9 + (low & 15);
        prepare_channel(channel);
        if (low >> 4 == 0xb) set_channel_key(channel, value & 0x20);
    }
}

u8 Opl3::read_status() {
    run_timers();
    return state_.status;
}

void Opl3::write_timer_control(u8 value) {
    run_timers();
    if (value & kInterrupt) {
        state_.status = 0;
        return;
    }
    u8& control = state_.registers[kTimerControl];
    for (unsigned i = 0; i < 2; i++)
        if (value & kTimerStarts[i] && !(control & kTimerStarts[i]))
            state_.timer_start[i] = clock_.ticks(kMasterHertz);
    control = value;
}

/// A timer counts up from its register's value and is loaded again when it overflows.
void Opl3::run_timers() {
    const u64 now = clock_.ticks(kMasterHertz);
    const u8 control = state_.registers[kTimerControl];
    for (unsigned i = 0; i < 2; i++) {
        if (!(control & kTimerStarts[i]) || now < state_.timer_start[i]) continue;
        const u64 period = kTimerUnits[i] * (256u - state_.registers[0x02 + i]);
        const u64 overflows = (now - state_.timer_start[i]) / period;
        state_.timer_start[i] += overflows * period;
        if (overflows != 0 && !(control & kTimerMasks[i])) state_.status |= kTimerFlags[i] | kInterrupt;
    }
}

void Opl3::set_channel_key(unsigned channel, bool down) {
    if (channels_[channel].four_second) return;  // has the key of the first half
    const unsigned first = first_operator(channel);
    const unsigned count = channels_[channel].four_first ? 4 : 2;
    for (unsigned i = 0; i < count; i++) {
        const unsigned index = first + 3 * i;
        opl_key(state_.operators[index], setups_[index], kChannelKey, down);
    }
}

void Opl3::set_drum_keys(u8 value) {
    for (unsigned drum = 0; drum < kDrumOperators.size(); drum++) {
        const bool down = value & 0x20 && value >> drum & 1;
        for (const unsigned index : kDrumOperators[drum])
            opl_key(state_.operators[index], setups_[index], kDrumKey, down);
    }
}

void Opl3::prepare_channel(unsigned number) {
    Channel& channel = channels_[number];
    const auto& registers = state_.registers;
    const unsigned offset = channel_offset(number);
    const unsigned pair = number % 9;
    const u8 four = new_mode() ? registers[kFourOperators] : 0;
    channel.four_first = pair < 3 && four >> (number / 9 * 3 + pair) & 1;
    channel.four_second = pair >= 3 && pair < 6 && four >> (number / 9 * 3 + pair - 3) & 1;
    const u8 connection = registers[0xc0 + offset];
    channel.feedback = connection >> 1 & 7;
    channel.additive = connection & 1;
    channel.left = !new_mode() || connection & 0x10;
    channel.right = !new_mode() || connection & 0x20;
    // The second half of a four-operator voice sounds at the first half's frequency.
    const unsigned source = channel.four_second ? offset - 3 : offset;
    const u8 high = registers[0xb0 + source];
    channel.frequency = static_cast<u16>((high & 3) << 8 | registers[0xa0 + source]);
    channel.block = high >> 2 & 7;
    const unsigned first = first_operator(number);
    prepare_operator(first);
    prepare_operator(first + 3);
    if (channel.four_first) prepare_channel(number + 3);
}

void Opl3::prepare_operator(unsigned index) {
    const auto& registers = state_.registers;
    const unsigned offset = operator_offset(index);
    const Channel& channel = channels_[channel_of(index)];
    OplOperatorSetup& setup = setups_[index];

    const u8 flags = registers[0x20 + offset];
    setup.tremolo = flags & 0x80;
    setup.vibrato = flags & 0x40;
    setup.holds = flags & 0x20;
    setup.multiplier = kMultipliers[flags & 15];
    setup.waveform = registers[0xe0 + offset] & (new_mode() ? 7 : 3);

    const u8 level = registers[0x40 + offset];
    const i32 scale = std::max(kKeyScale[channel.frequency >> 6] * 4 - (8 - channel.block) * 32, 0);
    setup.attenuation = (level & 0x3f) * 4 + (scale >> kKeyScaleShifts[level >> 6]);

    // Rates grow with the pitch: by the octave and a bit of the F-number, a quarter of that without KSR.
    const unsigned split = registers[kKeySplit] & 0x40 ? 8 : 9;
    const unsigned pitch = channel.block * 2u + (channel.frequency >> split & 1u);
    const unsigned key_rate = flags & 0x10 ? pitch : pitch >> 2;
    const auto rate = [&](unsigned value) {
        return static_cast<u8>(value == 0 ? 0 : std::min(4 * value + key_rate, 63u));
    };
    const u8 attack_decay = registers[0x60 + offset];
    const u8 sustain_release = registers[0x80 + offset];
    setup.attack = rate(attack_decay >> 4);
    setup.decay = rate(attack_decay & 15);
    setup.release = rate(sustain_release & 15);
    const unsigned sustain = sustain_release >> 4;
    setup.sustain_level = static_cast<i32>(sustain == 15 ? 31u : sustain) * 16;
}

void Opl3::prepare_all() {
    for (unsigned channel = 0; channel < kChannels; channel++) prepare_channel(channel);
}

std::string_view Opl3::check(const State& state) {
    for (const OplOperatorState& op : state.operators)
        if (op.stage > OplStage::Release || op.level < 0 || op.level > kOplSilence || op.output < -8192 ||
            op.output > 8191 || op.previous < -8192 || op.previous > 8191)
            return "the state of an operator is impossible";
    if (state.index >= state.registers.size()) return "there is no such register";
    return {};
}

void Opl3::set_state(const State& state) {
    state_ = state;
    prepare_all();
}

}  // namespace gnomon
