// Operands larger than one access: the images of FNSTENV, FNSAVE, FXSAVE.
#pragma once

#include <algorithm>
#include <span>

#include "cpu/cpu.h"

namespace gnomon {

inline constexpr unsigned kImagePiece = 64;    ///< the largest access there is

/// #AC where the whole image is not aligned; its parts, of any size, are not looked at. SDM Vol. 3, "Alignment Check Exception".
[[nodiscard]] inline bool check_image_alignment(Cpu& cpu, Seg seg, u64 offset, unsigned alignment) {
    u64 linear;
    if (!cpu.alignment_checked() || !cpu.check_read_segment(seg, offset, 1, linear)) return !cpu.alignment_checked();
    if (!(linear & (alignment - 1))) return true;
    cpu.raise(Vector::AC, 0);
    return false;
}

/// Faults as the stores of the whole image would, without storing.
[[nodiscard]] inline bool check_image_write(Cpu& cpu, Seg seg, u64 offset, unsigned bytes) {
    for (unsigned at = 0; at < bytes; at += kImagePiece)
        if (!cpu.check_write(seg, offset + at, std::min(kImagePiece, bytes - at))) return false;
    return true;
}

template<class T>
struct [[gnu::packed]] Unaligned {
    T value;
};

/// The pieces of `Bytes` from `at` on; `at` becomes where the rest begins.
template<size_t Bytes>
[[nodiscard]] inline bool write_pieces(Cpu& cpu, Seg seg, u64 offset, std::span<const u8> image, size_t& at) {
    for (; at + Bytes <= image.size(); at += Bytes) {
        std::array<u8, Bytes> piece;
        std::copy_n(image.data() + at, Bytes, piece.data());
        if (!cpu.write(seg, offset + at, piece)) return false;
    }
    return true;
}

template<size_t Bytes>
[[nodiscard]] inline bool read_pieces(Cpu& cpu, Seg seg, u64 offset, std::span<u8> image, size_t& at) {
    for (; at + Bytes <= image.size(); at += Bytes) {
        std::array<u8, Bytes> piece;
        if (!cpu.read(seg, offset + at, piece)) return false;
        std::copy_n(piece.data(), Bytes, image.data() + at);
    }
    return true;
}

/// Byte counts are even.
[[nodiscard]] inline bool write_image(Cpu& cpu, Seg seg, u64 offset, std::span<const u8> image) {
    size_t at = 0;
    if (!write_pieces<kImagePiece>(cpu, seg, offset, image, at) || !write_pieces<16>(cpu, seg, offset, image, at)) return false;
    for (; at < image.size(); at += 2)
        if (!cpu.write(seg, offset + at, static_cast<u16>(image[at] | image[at + 1] << 8))) return false;
    return true;
}

[[nodiscard]] inline bool read_image(Cpu& cpu, Seg seg, u64 offset, std::span<u8> image) {
    size_t at = 0;
    if (!read_pieces<kImagePiece>(cpu, seg, offset, image, at) || !read_pieces<16>(cpu, seg, offset, image, at)) return false;
    for (; at < image.size(); at += 2) {
        u16 word;
        if (!cpu.read(seg, offset + at, word)) return false;
        image[at] = static_cast<u8>(word);
        image[at + 1] = static_cast<u8>(word >> 8);
    }
    return true;
}

}  // namespace gnomon
