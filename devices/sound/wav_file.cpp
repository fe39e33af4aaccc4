// RIFF header and sample data.
#include "devices/sound/wav_file.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <vector>

namespace gnomon {
namespace {

constexpr u32 kHeaderBytes = 44;
constexpr u32 kFrameBytes = 4;
constexpr u64 kMostFrames = (0xffff'ffffu - kHeaderBytes) / kFrameBytes;

void put16(u8* at, u32 value) {
    at[0] = static_cast<u8>(value);
    at[1] = static_cast<u8>(value >> 8);
}
void put32(u8* at, u32 value) {
    put16(at, value);
    put16(at + 2, value >> 16);
}

}  // namespace

Result<std::unique_ptr<WavFile>> WavFile::create(const std::string& path, u32 rate) {
    std::FILE* file = std::fopen(path.c_str(), "wb");
    if (!file) return fail("{}: {}", path, std::strerror(errno));
    std::unique_ptr<WavFile> wav(new WavFile(file, rate));
    if (!wav->write_header()) return fail("{}: {}", path, std::strerror(errno));
    return wav;
}

WavFile::~WavFile() {
    write_header();
    std::fclose(file_);
}

bool WavFile::write_header() {
    std::array<u8, kHeaderBytes> header{};
    const u32 data = static_cast<u32>(frames_ * kFrameBytes);
    std::memcpy(&header[0], "RIFF", 4);
    put32(&header[4], kHeaderBytes - 8 + data);
    std::memcpy(&header[8], "WAVEfmt ", 8);
    put32(&header[16], 16);
    put16(&header[20], 1);  // PCM
    put16(&header[22], 2);  // channels
    put32(&header[24], rate_);
    put32(&header[28], rate_ * kFrameBytes);
    put16(&header[32], kFrameBytes);
    put16(&header[34], 16);
    std::memcpy(&header[36], "data", 4);
    put32(&header[40], data);
    frames_in_header_ = frames_;
    if (std::fseek(file_, 0, SEEK_SET) != 0) return false;
    if (std::fwrite(header.data(), header.size(), 1, file_) != 1) return false;
    return std::fseek(file_, 0, SEEK_END) == 0 && std::fflush(file_) == 0;
}

void WavFile::play(std::span<const StereoFrame> frames) {
    if (full_ || frames_ + frames.size() > kMostFrames) {
        full_ = true;
        return;
    }
    std::vector<u8> bytes(frames.size() * kFrameBytes);
    for (size_t i = 0; i < frames.size(); i++) {
        put16(&bytes[i * kFrameBytes], static_cast<u16>(frames[i].left));
        put16(&bytes[i * kFrameBytes + 2], static_cast<u16>(frames[i].right));
    }
    const size_t written = std::fwrite(bytes.data(), kFrameBytes, frames.size(), file_);
    frames_ += written;
    full_ = written != frames.size();
    if (frames_ - frames_in_header_ >= rate_) write_header();
}

}  // namespace gnomon
