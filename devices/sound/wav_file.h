// Sound as a WAV file: 16-bit stereo PCM. Multimedia Programming Interface and Data Specifications 1.0,
// "WAVE".
#pragma once

#include <cstdio>
#include <memory>
#include <string>

#include "devices/sound/audio_sink.h"
#include "support/result.h"

namespace gnomon {

class WavFile final : public AudioSink {
  public:
    /// Replaces the file. `rate` is in frames a second.
    static Result<std::unique_ptr<WavFile>> create(const std::string& path, u32 rate);
    ~WavFile() override;
    WavFile(const WavFile&) = delete;
    WavFile& operator=(const WavFile&) = delete;

    [[nodiscard]] u32 rate() const override { return rate_; }
    /// The header is brought up to date about once a second, so that a file whose program was killed is good
    /// too. The file stops growing when the disk is full, and before the 4 GiB that its format allows.
    void play(std::span<const StereoFrame> frames) override;

  private:
    WavFile(std::FILE* file, u32 rate) : file_(file), rate_(rate) {}
    bool write_header();

    std::FILE* file_;
    u32 rate_;
    u64 frames_ = 0;
    u64 frames_in_header_ = 0;
    bool full_ = false;
};

}  // namespace gnomon
