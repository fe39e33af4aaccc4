// Sound through SDL. The machine's thread puts frames into a ring and never waits; SDL's thread takes them
// out at the speed of the host's sound card, which is never quite that of the machine's clock.
#pragma once

#include <memory>

#include "gui/audio_ring.h"
#include "support/result.h"

namespace gnomon {

class SdlAudio final : public AudioSink {
  public:
    static Result<std::unique_ptr<AudioSink>> open(u32 rate);
    ~SdlAudio() override;
    SdlAudio(const SdlAudio&) = delete;
    SdlAudio& operator=(const SdlAudio&) = delete;

    [[nodiscard]] u32 rate() const override { return rate_; }
    void play(std::span<const StereoFrame> frames) override { ring_.write(frames); }

  private:
    explicit SdlAudio(u32 rate) : rate_(rate), ring_(rate) {}
    static void callback(void* self, unsigned char* out, int bytes);

    u32 rate_;
    AudioRing ring_;
    u32 device_ = 0;
};

}  // namespace gnomon
