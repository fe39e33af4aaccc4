// Helpers for the 256 words of IDENTIFY DEVICE and IDENTIFY PACKET DEVICE. ATA/ATAPI-6, "IDENTIFY DEVICE".
#pragma once

#include <array>
#include <string_view>
#include <vector>

#include "support/types.h"

namespace gnomon {

using IdentifyWords = std::array<u16, 256>;

/// Text of the given number of words: two characters a word, the first in the high byte, padded with spaces.
inline void put_text(IdentifyWords& words, size_t first, size_t count, std::string_view text) {
    const auto at = [text](size_t i) {
        return static_cast<u16>(i < text.size() ? static_cast<u8>(text[i]) : u8{' '});
    };
    for (size_t i = 0; i < count; i++) words[first + i] = static_cast<u16>(at(2 * i) << 8 | at(2 * i + 1));
}

/// Words 62, 63 and 88: modes 0 to `highest` supported, and the one that SET FEATURES chose.
inline void put_dma_modes(IdentifyWords& words, u8 transfer_mode) {
    constexpr u16 kMultiword = 0x07;
    constexpr u16 kUltra = 0x3f;
    words[63] = kMultiword;
    words[88] = kUltra;
    if ((transfer_mode & 0xf8) == 0x20) words[63] |= static_cast<u16>(0x100 << (transfer_mode & 7));
    if ((transfer_mode & 0xf8) == 0x40) words[88] |= static_cast<u16>(0x100 << (transfer_mode & 7));
}

/// Whether SET FEATURES 03 may choose `mode`: PIO default, PIO 0–4, multiword DMA 0–2, Ultra DMA 0–5.
constexpr bool is_transfer_mode(u8 mode) {
    return mode <= 0x01 || (mode >= 0x08 && mode <= 0x0c) || (mode >= 0x20 && mode <= 0x22) ||
           (mode >= 0x40 && mode <= 0x45);
}

/// The bytes as they go over the data port, with the integrity word (255) filled in.
inline std::vector<u8> identify_bytes(IdentifyWords words) {
    words[255] = 0xa5;
    std::vector<u8> bytes(512);
    u8 sum = 0;
    for (size_t i = 0; i < 256; i++) {
        bytes[2 * i] = static_cast<u8>(words[i]);
        bytes[2 * i + 1] = static_cast<u8>(words[i] >> 8);
        sum = static_cast<u8>(sum + bytes[2 * i] + bytes[2 * i + 1]);
    }
    bytes[511] = static_cast<u8>(0 - sum);
    return bytes;
}

}  // namespace gnomon
