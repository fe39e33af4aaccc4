// Where the machine's sound goes: what a host's audio output, or a file, implements.
#pragma once

#include <span>

#include "support/types.h"

namespace gnomon {

struct StereoFrame {
    i16 left = 0;
    i16 right = 0;
    bool operator==(const StereoFrame&) const = default;
};

/// Takes frames at rate() a second of guest time, without gaps, on the thread that owns the machine. Must
/// never wait for the host: what the host cannot take in time is lost.
class AudioSink {
  public:
    virtual ~AudioSink() = default;
    [[nodiscard]] virtual u32 rate() const = 0;
    virtual void play(std::span<const StereoFrame> frames) = 0;
};

}  // namespace gnomon
