// Tables, waveforms and envelopes.
#include "devices/sound/opl3/opl3_operator.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace gnomon {
namespace {

/// An attenuation beyond every level, for the silent parts of waveforms.
constexpr u32 kSilentLog = 0x1000;
constexpr u32 kBiggestLog = 0x1fff;

/// Which of eight steps count, by the two low bits of a rate: 4, 5, 6 or 7 of them.
constexpr std::array<u8, 4> kSlowSteps = {0xaa, 0xba, 0xee, 0xfe};
/// Which of eight samples get twice the step at the fast rates: none, 2, 4 or 6.
constexpr std::array<u8, 4> kFastSteps = {0x00, 0x88, 0xaa, 0xee};

/// How far the envelope moves with this sample. A rate is 4 times its register value plus the key scaling:
/// each 4 double the speed.
i32 envelope_step(u8 rate, u64 timer) {
    const unsigned octave = rate >> 2;
    const unsigned part = rate & 3;
    if (octave == 0) return 0;
    if (octave <= 12) {
        const unsigned shift = 12 - octave;
        if (timer & ((u64{1} << shift) - 1)) return 0;
        return kSlowSteps[part] >> (timer >> shift & 7) & 1;
    }
    if (octave == 15) return 4;
    return (1 + (kFastSteps[part] >> (timer & 7) & 1)) << (octave - 13);
}

}  // namespace

OplTables::OplTables() {
    for (unsigned i = 0; i < 256; i++) {
        log_sine_[i] =
            static_cast<u16>(std::lround(-std::log2(std::sin((i + 0.5) * std::numbers::pi / 512)) * 256));
        exponent_[i] = static_cast<u16>(std::lround((std::exp2(i / 256.0) - 1) * 1024));
    }
}

i32 OplTables::exponential(u32 logarithm) const {
    const u32 limited = std::min(logarithm, kBiggestLog);
    return static_cast<i32>((exponent_[(limited & 0xff) ^ 0xff] | 0x400u) << 1 >> (limited >> 8));
}

i32 OplTables::wave(u8 waveform, u32 phase, i32 attenuation) const {
    phase &= 0x3ff;
    const auto sine = [this](u32 at) { return u32{log_sine_[at & 0x100 ? ~at & 0xff : at & 0xff]}; };
    const bool second_half = phase & 0x200;
    u32 log = 0;
    bool negative = second_half;
    switch (waveform) {
        case 0: log = sine(phase); break;
        case 1:  // half sine
            log = second_half ? kSilentLog : sine(phase);
            negative = false;
            break;
        case 2:  // absolute sine
            log = sine(phase);
            negative = false;
            break;
        case 3:  // quarter sine
            log = phase & 0x100 ? kSilentLog : sine(phase);
            negative = false;
            break;
        case 4:  // a whole period in the first half
            log = second_half ? kSilentLog : sine(phase << 1);
            negative = phase & 0x100 && !second_half;
            break;
        case 5:  // its absolute value
            log = second_half ? kSilentLog : sine(phase << 1);
            negative = false;
            break;
        case 6: break;  // square
        default:        // exponential saw tooth
            log = (second_half ? ~phase & 0x1ff : phase & 0x1ff) << 3;
            break;
    }
    const i32 value = exponential(log + (static_cast<u32>(attenuation) << 3));
    return negative ? ~value : value;  // the chip's ones' complement
}

void opl_key(OplOperatorState& state, const OplOperatorSetup& setup, u8 key, bool down) {
    const u8 before = state.keys;
    state.keys = static_cast<u8>(down ? before | key : before & ~key);
    if (before == 0 && state.keys != 0) {
        state.phase = 0;
        state.stage = OplStage::Attack;
        if (setup.attack >= 60) {
            state.level = 0;
            state.stage = OplStage::Decay;
        }
    } else if (before != 0 && state.keys == 0 && state.stage != OplStage::Off) {
        state.stage = OplStage::Release;
    }
}

void opl_envelope(OplOperatorState& state, const OplOperatorSetup& setup, u64 timer) {
    switch (state.stage) {
        case OplStage::Off: return;
        case OplStage::Attack:
            // Exponential: what is left shrinks by eighths.
            state.level += (~state.level * envelope_step(setup.attack, timer)) >> 3;
            if (state.level <= 0) {
                state.level = 0;
                state.stage = OplStage::Decay;
            }
            return;
        case OplStage::Decay:
            if (state.level >= setup.sustain_level) {
                state.stage = OplStage::Sustain;
                return;
            }
            state.level += envelope_step(setup.decay, timer);
            break;
        case OplStage::Sustain:
            if (!setup.holds) state.level += envelope_step(setup.release, timer);
            break;
        case OplStage::Release: state.level += envelope_step(setup.release, timer); break;
    }
    if (state.level < kOplSilence) return;
    state.level = kOplSilence;
    // A sustained note stays ready while its key is down.
    if (state.stage == OplStage::Release) state.stage = OplStage::Off;
}

}  // namespace gnomon
