// What the graphics controller's shift registers make of a cell: eight dots of four bits, the first in the
// lowest byte. IBM PS/2 Hardware Interface Technical Reference, "Graphics Mode Register", shift register
// mode.
#pragma once

#include <array>

#include "support/types.h"

namespace gnomon {

namespace plane_dots_detail {

/// Bit 7 of a byte to the first dot ... bit 0 to the eighth.
inline constexpr std::array<u64, 256> kBits = [] {
    std::array<u64, 256> table{};
    for (unsigned value = 0; value < 256; value++)
        for (unsigned dot = 0; dot < 8; dot++) table[value] |= u64{value >> (7 - dot) & 1} << 8 * dot;
    return table;
}();
/// Pairs of bits to four dots.
inline constexpr std::array<u64, 256> kPairs = [] {
    std::array<u64, 256> table{};
    for (unsigned value = 0; value < 256; value++)
        for (unsigned dot = 0; dot < 4; dot++) table[value] |= u64{value >> (6 - 2 * dot) & 3} << 8 * dot;
    return table;
}();

}  // namespace plane_dots_detail

/// One bit of each plane makes a dot.
constexpr u64 planar_dots(u32 cell) {
    using plane_dots_detail::kBits;
    return kBits[cell & 0xff] | kBits[cell >> 8 & 0xff] << 1 | kBits[cell >> 16 & 0xff] << 2 |
           kBits[cell >> 24] << 3;
}
/// Pairs of bits: planes 0 and 2 make the first four dots, planes 1 and 3 the others (CGA modes).
constexpr u64 paired_dots(u32 cell) {
    using plane_dots_detail::kPairs;
    return kPairs[cell & 0xff] | kPairs[cell >> 16 & 0xff] << 2 | kPairs[cell >> 8 & 0xff] << 32 |
           kPairs[cell >> 24] << 34;
}
/// Half bytes, plane after plane (256-colour modes, whose attribute controller joins two again).
constexpr u64 nibble_dots(u32 cell) {
    u64 dots = 0;
    for (unsigned plane = 0; plane < 4; plane++) {
        const u64 byte = cell >> 8 * plane & 0xff;
        dots |= (byte >> 4 | (byte & 15) << 8) << 16 * plane;
    }
    return dots;
}

}  // namespace gnomon
