// The speaker's signal to the mixer.
#include "devices/sound/pc_speaker.h"

namespace gnomon {

PcSpeaker::PcSpeaker(SoundMixer& mixer, Pit& pit, Port61& port61) : channel_(mixer.add_channel()) {
    if (!mixer.active()) return;
    // The timer reports edges when it is accessed, or here.
    mixer.add_source([&pit](u64) { pit.run_tone(); });
    port61.on_speaker(
        [this](u64 at_ns, bool level) { channel_.set(at_ns, level ? kLevel : 0, level ? kLevel : 0); });
}

}  // namespace gnomon
