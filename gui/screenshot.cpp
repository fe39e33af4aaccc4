// PNG by hand: signature, IHDR, pHYs, one IDAT, IEND; the compression is zlib's.
#include "gui/screenshot.h"

#include <zlib.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <span>
#include <string_view>

namespace gnomon {
namespace {

void put_u32(std::vector<u8>& out, u32 value) {
    for (int shift = 24; shift >= 0; shift -= 8) out.push_back(static_cast<u8>(value >> shift));
}

void put_chunk(std::vector<u8>& out, std::string_view type, std::span<const u8> data) {
    put_u32(out, static_cast<u32>(data.size()));
    const size_t checked = out.size();
    out.insert(out.end(), type.begin(), type.end());
    out.insert(out.end(), data.begin(), data.end());
    put_u32(out, static_cast<u32>(crc32(0, out.data() + checked, static_cast<uInt>(out.size() - checked))));
}

Result<void> write_file(const std::string& path, std::span<const u8> bytes) {
    std::FILE* file = std::fopen(path.c_str(), "wb");
    if (!file) return fail("{}: {}", path, std::strerror(errno));
    const bool written = std::fwrite(bytes.data(), 1, bytes.size(), file) == bytes.size();
    const int error = errno;
    if (std::fclose(file) != 0) return fail("{}: {}", path, std::strerror(errno));
    if (!written) return fail("{}: {}", path, std::strerror(error));
    return {};
}

}  // namespace

std::vector<u8> encode_png(const Frame& frame) {
    std::vector<u8> out = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
    std::vector<u8> header;
    put_u32(header, frame.width);
    put_u32(header, frame.height);
    for (const u8 v : {8, 2, 0, 0, 0}) header.push_back(v);  // 8 bits, RGB, deflate, filters, not interlaced
    put_chunk(out, "IHDR", header);

    std::vector<u8> aspect;  // pixels per unit: only their ratio counts
    put_u32(aspect, frame.pixel_aspect ? 1000 : frame.width * 3);
    put_u32(aspect, frame.pixel_aspect ? frame.pixel_aspect : frame.height * 4);
    aspect.push_back(0);
    put_chunk(out, "pHYs", aspect);

    std::vector<u8> raw;
    raw.reserve(size_t{frame.height} * (frame.width * 3 + 1));
    for (u32 y = 0; y < frame.height; y++) {
        raw.push_back(0);  // no filter
        for (u32 x = 0; x < frame.width; x++) {
            const u32 pixel = frame.pixels[size_t{y} * frame.width + x];
            for (int shift = 16; shift >= 0; shift -= 8) raw.push_back(static_cast<u8>(pixel >> shift));
        }
    }
    uLongf size = compressBound(static_cast<uLong>(raw.size()));
    std::vector<u8> packed(size);
    compress2(packed.data(), &size, raw.data(), static_cast<uLong>(raw.size()), 6);
    put_chunk(out, "IDAT", std::span(packed).first(size));
    put_chunk(out, "IEND", {});
    return out;
}

Result<void> write_png(const std::string& path, const Frame& frame) {
    return write_file(path, encode_png(frame));
}

Result<void> write_ppm(const std::string& path, const Frame& frame) {
    std::string head = fmt::format("P6\n{} {}\n255\n", frame.width, frame.height);
    std::vector<u8> bytes(head.begin(), head.end());
    bytes.reserve(bytes.size() + frame.pixels.size() * 3);
    for (const u32 pixel : frame.pixels)
        for (int shift = 16; shift >= 0; shift -= 8) bytes.push_back(static_cast<u8>(pixel >> shift));
    return write_file(path, bytes);
}

Result<void> write_screen_text(const std::string& path, const TextScreen& screen) {
    std::vector<u8> bytes;
    for (const std::string& line : screen.lines()) {
        bytes.insert(bytes.end(), line.begin(), line.end());
        bytes.push_back('\n');
    }
    return write_file(path, bytes);
}

}  // namespace gnomon
