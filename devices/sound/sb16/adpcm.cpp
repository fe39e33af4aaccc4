// ADPCM decoding.
#include "devices/sound/sb16/adpcm.h"

#include <algorithm>

namespace gnomon {
namespace {

struct Shape {
    u8 magnitude_bits;
    u8 grows_from;  ///< the least magnitude after which the step grows
    u8 last_step;
};
constexpr std::array<Shape, 3> kShapes{{{3, 5, 3}, {2, 3, 4}, {1, 1, 5}}};

/// A step doubles the one before, but the last of the 2.6-bit format is 5 times the first, not 8.
int scale(AdpcmFormat format, unsigned step) {
    return format == AdpcmFormat::Bits26 && step == 4 ? 5 : 1 << (step - 1);
}

/// Two codes of four bits, three of which the last has only its two high bits, or four of two bits.
unsigned code_of(AdpcmFormat format, u8 byte, unsigned index) {
    switch (format) {
        case AdpcmFormat::Bits4: return byte >> (4 - 4 * index) & 15u;
        case AdpcmFormat::Bits26: return index == 2 ? (byte & 3u) << 1 : byte >> (5 - 3 * index) & 7u;
        case AdpcmFormat::Bits2: break;
    }
    return byte >> (6 - 2 * index) & 3u;
}

}  // namespace

u8 Adpcm::decode(AdpcmFormat format, u8 byte, unsigned index) {
    const Shape& shape = kShapes[static_cast<size_t>(format)];
    step = std::min(step, shape.last_step);
    const unsigned code = code_of(format, byte, index);
    const unsigned magnitude = code & ((1u << shape.magnitude_bits) - 1);
    const bool negative = code >> shape.magnitude_bits & 1;
    const int change =
        step == 0 ? static_cast<int>(magnitude) : static_cast<int>(2 * magnitude + 1) * scale(format, step);
    reference = static_cast<u8>(std::clamp(negative ? reference - change : reference + change, 0, 255));
    if (magnitude >= shape.grows_from)
        step = std::min<u8>(static_cast<u8>(step + 1), shape.last_step);
    else if (magnitude == 0 && step > 0)
        step--;
    return reference;
}

}  // namespace gnomon
