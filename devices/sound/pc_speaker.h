// The PC's loudspeaker: one bit, the output of the timer's counter 2 gated by port 61h.
// IBM PC/AT Technical Reference, "Speaker".
#pragma once

#include "devices/pit/port61.h"
#include "devices/sound/sound_mixer.h"

namespace gnomon {

/// Has no state of its own. Costs nothing unless the mixer is active.
class PcSpeaker {
  public:
    static constexpr i32 kLevel = 10'000;

    PcSpeaker(SoundMixer& mixer, Pit& pit, Port61& port61);

  private:
    SoundChannel channel_;
};

}  // namespace gnomon
