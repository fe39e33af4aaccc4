// The ADPCM formats of the Sound Blaster DSP: 4, 2.6 and 2 bits a sample, all with the same rule: a code is a
// sign and a magnitude; the step grows after the largest magnitude(s) and shrinks after zero. Creative Labs,
// "Sound Blaster Series Hardware Programming Guide", "ADPCM".
#pragma once

#include <array>

#include "support/types.h"

namespace gnomon {

enum class AdpcmFormat : u8 { Bits4, Bits26, Bits2 };

/// Samples in a byte: 2, 3 or 4.
[[nodiscard]] constexpr unsigned adpcm_samples(AdpcmFormat format) {
    return format == AdpcmFormat::Bits4 ? 2 : format == AdpcmFormat::Bits26 ? 3 : 4;
}

/// The decoder between two samples.
struct Adpcm {
    u8 reference = 0x80;  ///< the last sample, unsigned
    u8 step = 0;

    /// Decodes code number `index` of `byte`, first the high bits.
    u8 decode(AdpcmFormat format, u8 byte, unsigned index);

    template<class V>
    constexpr void fields(V& v) {
        v("reference", reference);
        v("step", step);
    }
};

}  // namespace gnomon
