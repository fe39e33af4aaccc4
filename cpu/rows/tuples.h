// Names for the tuples of vector rows. SDM Vol. 2, "Compressed Displacement (disp8*N) Support in EVEX".
#pragma once

#include "cpu/opcode_row.h"

namespace gnomon::tuple {

/// Whole vectors of elements of n bytes, which may be broadcast.
constexpr Tuple full(unsigned n) { return {Tuple::kVector, static_cast<u8>(n), static_cast<u8>(n), 0}; }
/// Whole vectors of elements of n bytes without broadcast; 0: no opmask.
constexpr Tuple whole(unsigned n) { return {Tuple::kVector, 0, static_cast<u8>(n), 0}; }
/// Half a vector, of which elements of `broadcast` bytes may be broadcast, for elements of n bytes.
constexpr Tuple half(unsigned broadcast, unsigned n) { return {Tuple::kHalf, static_cast<u8>(broadcast), static_cast<u8>(n), 0}; }
/// Tuple::kHalf, kQuarter, kEighth or kDuplicated.
constexpr Tuple part(u8 which, unsigned n) { return {which, 0, static_cast<u8>(n), 0}; }
/// One element.
constexpr Tuple one(unsigned n) { return {static_cast<u8>(n), 0, static_cast<u8>(n), 0}; }
/// So many bytes, whatever the vector; no opmask unless `under` says so.
constexpr Tuple bytes(unsigned n) { return {static_cast<u8>(n), 0, 0, 0}; }

inline constexpr Tuple kAvx2Width{Tuple::kVector, 0, 0, Tuple::kAvx2};

}  // namespace gnomon::tuple
