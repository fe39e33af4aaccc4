// Building of raw mode 1 sectors.
#include "devices/ide/cd_sector.h"

#include <algorithm>

namespace gnomon {
namespace {

constexpr u32 kFramesPerSecond = 75;

/// The error detection code: a CRC over (x^16+x^15+x^2+1)(x^16+x^2+x+1), least significant bit first.
constexpr std::array<u32, 256> edc_table() {
    std::array<u32, 256> table{};
    for (u32 i = 0; i < 256; i++) {
        u32 value = i;
        for (int bit = 0; bit < 8; bit++) value = value >> 1 ^ (value & 1 ? 0xd8018001u : 0);
        table[i] = value;
    }
    return table;
}
constexpr auto kEdc = edc_table();

constexpr u8 times_alpha(u8 value) { return static_cast<u8>(value << 1 ^ (value & 0x80 ? 0x1d : 0)); }

/// Division by alpha + 1 in GF(2^8), for the second parity symbol.
constexpr std::array<u8, 256> division_table() {
    std::array<u8, 256> table{};
    for (unsigned i = 0; i < 256; i++) table[i ^ times_alpha(static_cast<u8>(i))] = static_cast<u8>(i);
    return table;
}
constexpr auto kDivide = division_table();

/// One set of parity vectors over `bytes`: element k of vector v is bytes[start(v) + k * step modulo size].
void put_parity(std::span<const u8> bytes, u32 vectors, u32 length, u32 stride, u32 step,
                std::span<u8> parity) {
    const u32 size = vectors * length;
    for (u32 vector = 0; vector < vectors; vector++) {
        u32 index = (vector >> 1) * stride + (vector & 1);
        u8 weighted = 0;
        u8 sum = 0;
        for (u32 i = 0; i < length; i++) {
            const u8 byte = bytes[index];
            index += step;
            if (index >= size) index -= size;
            weighted = times_alpha(weighted ^ byte);
            sum ^= byte;
        }
        const u8 first = kDivide[times_alpha(weighted) ^ sum];
        parity[vector] = first;
        parity[vector + vectors] = first ^ sum;
    }
}

constexpr u8 bcd(u8 value) { return static_cast<u8>(value / 10 << 4 | value % 10); }

}  // namespace

Msf msf_of(u32 block) {
    const u32 frames = std::min<u32>(block + kCdPregap, 100 * 60 * kFramesPerSecond - 1);
    return {static_cast<u8>(frames / (60 * kFramesPerSecond)),
            static_cast<u8>(frames / kFramesPerSecond % 60), static_cast<u8>(frames % kFramesPerSecond)};
}

i64 block_of(Msf msf) {
    return (i64{msf.minute} * 60 + msf.second) * kFramesPerSecond + msf.frame - i64{kCdPregap};
}

std::array<u8, kCdRawBytes> raw_mode1_sector(u32 block, std::span<const u8> data) {
    std::array<u8, kCdRawBytes> raw{};
    std::fill(raw.begin() + 1, raw.begin() + 11, u8{0xff});
    const Msf msf = msf_of(block);
    raw[12] = bcd(msf.minute);
    raw[13] = bcd(msf.second);
    raw[14] = bcd(msf.frame);
    raw[15] = 1;
    std::copy_n(data.begin(), kCdDataBytes, raw.begin() + 16);
    u32 edc = 0;
    for (size_t i = 0; i < 2064; i++) edc = edc >> 8 ^ kEdc[(edc ^ raw[i]) & 0xff];
    for (size_t i = 0; i < 4; i++) raw[2064 + i] = static_cast<u8>(edc >> 8 * i);
    // P: 86 columns of 24 bytes; Q: 52 diagonals of 43 bytes, over data and P.
    const std::span<u8> coded = std::span(raw).subspan(12);
    put_parity(coded, 86, 24, 2, 86, coded.subspan(2064));
    put_parity(coded, 52, 43, 86, 88, coded.subspan(2236));
    return raw;
}

}  // namespace gnomon
