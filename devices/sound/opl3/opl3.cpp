// OPL3 synthesis: channels, drums, and the samples in guest time.
#include "devices/sound/opl3/opl3.h"

#include <algorithm>

namespace gnomon {
namespace {

/// After a longer time without anybody listening the samples in between are not made.
constexpr u64 kLongestGap = 50'000;

constexpr unsigned kBassDrum = 6, kHighHatAndSnare = 7, kTomAndCymbal = 8;

constexpr unsigned first_operator(unsigned channel) {
    return channel / 9 * 18 + channel % 9 / 3 * 6 + channel % 3;
}

}  // namespace

static_assert(every_field_listed<OplOperatorState>() && every_field_listed<Opl3::State>());

Opl3::Opl3(VirtualClock& clock, SoundMixer& mixer) : clock_(clock), output_(mixer.add_channel()) {
    prepare_all();
    mixer.add_source([this](u64 until_ns) { run_to(until_ns); });
}

void Opl3::set_gain(i32 left, i32 right) {
    gain_left_ = left;
    gain_right_ = right;
}

void Opl3::catch_up() {
    if (output_.active()) run_to(clock_.now());
}

void Opl3::run_to(u64 now_ns) {
    const u64 end = VirtualClock::ns_to_ticks(now_ns, kMasterHertz) / kClocksPerSample;
    if (end <= state_.next_sample) return;
    if (end - state_.next_sample > kLongestGap) state_.next_sample = end - 1;
    if (silent() && last_.left == 0 && last_.right == 0) {
        state_.cycles += end - state_.next_sample;
        state_.next_sample = end;
        return;
    }
    while (state_.next_sample < end) make_sample();
}

bool Opl3::silent() const {
    return std::all_of(state_.operators.begin(), state_.operators.end(),
                       [](const OplOperatorState& op) { return op.stage == OplStage::Off; });
}

void Opl3::make_sample() {
    Sum sum;
    for (unsigned channel = 0; channel < kChannels; channel++) {
        if (channels_[channel].four_second || (rhythm() && channel >= kBassDrum && channel <= kTomAndCymbal))
            continue;
        if (channels_[channel].four_first)
            four_operator_voice(channel, sum);
        else
            voice(channel, sum);
    }
    if (rhythm()) drums(sum);
    for (unsigned i = 0; i < kOperators; i++) {
        if (state_.operators[i].stage == OplStage::Off) continue;
        opl_envelope(state_.operators[i], setups_[i], state_.cycles);
        advance_phase(i);
    }
    // Taps 0 and 14 of 23.
    state_.noise = state_.noise >> 1 | ((state_.noise ^ state_.noise >> 14) & 1) << 22;
    state_.cycles++;

    sum.left = static_cast<i32>(i64{std::clamp(sum.left, -32768, 32767)} * gain_left_ / 65536);
    sum.right = static_cast<i32>(i64{std::clamp(sum.right, -32768, 32767)} * gain_right_ / 65536);
    const u64 number = state_.next_sample++;
    if (sum.left == last_.left && sum.right == last_.right) return;
    last_ = sum;
    output_.set(VirtualClock::ticks_to_ns(number * kClocksPerSample, kMasterHertz), sum.left, sum.right);
}

void Opl3::advance_phase(unsigned index) {
    const unsigned slot = index % 18;
    const Channel& channel = channels_[index / 18 * 9 + slot / 6 * 3 + slot % 3];
    const OplOperatorSetup& setup = setups_[index];
    i32 frequency = channel.frequency;
    if (setup.vibrato) {
        // Eight steps of 1024 samples: 0, half, full, half of 14 cents (7 unless deep), then down the same.
        const unsigned position = static_cast<unsigned>(state_.cycles >> 10) & 7;
        i32 range = frequency >> 7;
        if ((position & 3) == 0)
            range = 0;
        else if (position & 1)
            range >>= 1;
        if (!(state_.registers[0xbd] & 0x40)) range >>= 1;
        frequency += position & 4 ? -range : range;
    }
    const u32 step = ((static_cast<u32>(frequency) << channel.block >> 1) * setup.multiplier) >> 1;
    state_.operators[index].phase = (state_.operators[index].phase + step) & 0x7ffff;
}

i32 Opl3::run_operator_at(unsigned index, u32 phase) {
    OplOperatorState& op = state_.operators[index];
    op.previous = op.output;
    if (op.stage == OplStage::Off) return op.output = 0;
    const OplOperatorSetup& setup = setups_[index];
    i32 attenuation = op.level + setup.attenuation;
    if (setup.tremolo) {
        // A triangle of 210 steps of 64 samples, 4.8 dB high or 1 dB.
        const i32 position = static_cast<i32>(state_.cycles / 64 % 210);
        const i32 height = position < 105 ? position : 210 - position;
        attenuation += height >> (state_.registers[0xbd] & 0x80 ? 2 : 4);
    }
    return op.output = tables_.wave(setup.waveform, phase, std::min(attenuation, kOplSilence));
}

i32 Opl3::run_operator(unsigned index, i32 modulation) {
    return run_operator_at(index, (state_.operators[index].phase >> 9) + static_cast<u32>(modulation));
}

/// The mean of the last two outputs, scaled.
i32 Opl3::feedback(unsigned index, const Channel& channel) const {
    const OplOperatorState& op = state_.operators[index];
    return channel.feedback == 0 ? 0 : (op.output + op.previous) >> (9 - channel.feedback);
}

void Opl3::add(Sum& sum, const Channel& channel, i32 value) {
    if (channel.left) sum.left += value;
    if (channel.right) sum.right += value;
}

void Opl3::voice(unsigned number, Sum& sum) {
    const Channel& channel = channels_[number];
    const unsigned first = first_operator(number);
    const i32 one = run_operator(first, feedback(first, channel));
    const i32 two = run_operator(first + 3, channel.additive ? 0 : one);
    add(sum, channel, channel.additive ? one + two : two);
}

/// The connection bits of both halves choose one of four: all in a row; two pairs; one beside a row of three;
/// one, a pair, and one.
void Opl3::four_operator_voice(unsigned number, Sum& sum) {
    const Channel& lower = channels_[number];
    const Channel& upper = channels_[number + 3];
    const unsigned first = first_operator(number);
    const i32 one = run_operator(first, feedback(first, lower));
    const i32 two = run_operator(first + 3, lower.additive ? 0 : one);
    const bool pair_ends = !lower.additive && upper.additive;
    const i32 three = run_operator(first + 6, pair_ends ? 0 : two);
    const bool last_alone = lower.additive && upper.additive;
    const i32 four = run_operator(first + 9, last_alone ? 0 : three);
    if (lower.additive) add(sum, lower, one);
    if (pair_ends) add(sum, lower, two);
    add(sum, upper, last_alone ? three + four : four);
}

/// Channels 6 to 8 as drums: the metallic ones take their phase from bits of the high hat's and cymbal's
/// generators and from noise. Each sounds twice as loud as a voice.
void Opl3::drums(Sum& sum) {
    const Channel& bass = channels_[kBassDrum];
    const i32 one = run_operator(12, feedback(12, bass));
    add(sum, bass, 2 * run_operator(15, bass.additive ? 0 : one));

    const u32 hat = state_.operators[13].phase >> 9;
    const u32 cymbal = state_.operators[17].phase >> 9;
    const u32 noise = state_.noise & 1;
    const auto bit = [](u32 value, unsigned number) { return value >> number & 1; };
    const u32 ring =
        (bit(hat, 2) ^ bit(hat, 7)) | (bit(hat, 3) ^ bit(cymbal, 5)) | (bit(cymbal, 3) ^ bit(cymbal, 5));
    const Channel& hat_channel = channels_[kHighHatAndSnare];
    add(sum, hat_channel, 2 * run_operator_at(13, ring << 9 | (ring ^ noise ? 0xd0 : 0x34)));
    add(sum, hat_channel, 2 * run_operator_at(16, bit(hat, 8) << 9 | (bit(hat, 8) ^ noise) << 8));
    const Channel& tom_channel = channels_[kTomAndCymbal];
    add(sum, tom_channel, 2 * run_operator(14, 0));
    add(sum, tom_channel, 2 * run_operator_at(17, ring << 9 | 0x80));
}

}  // namespace gnomon
