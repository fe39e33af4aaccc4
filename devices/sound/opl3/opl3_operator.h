// One operator of the YMF262: phase generator, envelope generator, and the eight waveforms.
// Yamaha, "YMF262 Application Manual", "Function Description"; sine and exponent are tables of logarithms, as
// in the chip.
#pragma once

#include <array>

#include "support/types.h"

namespace gnomon {

/// A 9-bit attenuation in steps of 0.1875 dB; 511 is silence.
inline constexpr i32 kOplSilence = 511;

enum class OplStage : u8 { Off, Attack, Decay, Sustain, Release };

/// What changes from sample to sample.
struct OplOperatorState {
    u32 phase = 0;  ///< 19 bits: a period of the waveform
    i32 level = kOplSilence;
    i32 output = 0;
    i32 previous = 0;  ///< the output before
    OplStage stage = OplStage::Off;
    u8 keys = 0;  ///< bit 0 its channel's key, bit 1 its drum's
    template<class V>
    constexpr void fields(V& v) {
        v("phase", phase);
        v("level", level);
        v("output", output);
        v("previous", previous);
        v("stage", stage);
        v("keys", keys);
    }
};

/// What the registers say, prepared for use; rebuilt when they are written.
struct OplOperatorSetup {
    u8 multiplier = 1;  ///< of the frequency, in halves
    u8 waveform = 0;
    bool tremolo = false;
    bool vibrato = false;
    bool holds = false;   ///< stays in the sustain stage while the key is down
    i32 attenuation = 0;  ///< total level and key scaling
    i32 sustain_level = 0;
    u8 attack = 0, decay = 0, release = 0;  ///< rates from 0 to 63 with key scaling
};

/// The logarithm tables; made once for a chip.
class OplTables {
  public:
    OplTables();
    /// The output, 13 bits with its sign, of a waveform at a 10-bit phase.
    [[nodiscard]] i32 wave(u8 waveform, u32 phase, i32 attenuation) const;

  private:
    [[nodiscard]] i32 exponential(u32 logarithm) const;

    std::array<u16, 256> log_sine_;  ///< of a quarter period: -log2, 8 fraction bits
    std::array<u16, 256> exponent_;  ///< the fraction of 2^x, 10 bits
};

/// The key goes down or up. `key` is the bit in `keys`.
void opl_key(OplOperatorState& state, const OplOperatorSetup& setup, u8 key, bool down);
/// The envelope's next step; `timer` counts samples.
void opl_envelope(OplOperatorState& state, const OplOperatorSetup& setup, u64 timer);

}  // namespace gnomon
