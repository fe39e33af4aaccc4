// Raw CD-ROM sectors of mode 1: synchronisation, header, user data, EDC and ECC. ECMA-130, chapter 14 and
// annex A.
#pragma once

#include <array>
#include <span>

#include "support/types.h"

namespace gnomon {

inline constexpr u32 kCdDataBytes = 2048;
inline constexpr u32 kCdRawBytes = 2352;
inline constexpr u32 kCdPregap = 150;  ///< frames before logical block 0

struct Msf {
    u8 minute = 0;
    u8 second = 0;
    u8 frame = 0;
};

/// Absolute time of a logical block, binary. Times past 99:59:74 do not exist and are clamped.
[[nodiscard]] Msf msf_of(u32 block);
/// The inverse; negative before block 0.
[[nodiscard]] i64 block_of(Msf msf);

/// `data` is the 2048 bytes of user data of `block`.
[[nodiscard]] std::array<u8, kCdRawBytes> raw_mode1_sector(u32 block, std::span<const u8> data);

}  // namespace gnomon
