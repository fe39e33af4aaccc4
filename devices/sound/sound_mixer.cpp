// Mixing.
#include "devices/sound/sound_mixer.h"

#include <algorithm>

namespace gnomon {
namespace {

constexpr i32 kFullVolume = 256;

}  // namespace

bool SoundChannel::active() const { return mixer_ && mixer_->active(); }

void SoundChannel::set(u64 at_ns, i32 left, i32 right) const {
    if (active()) mixer_->set(index_, at_ns, left, right);
}

SoundMixer::SoundMixer(Scheduler& scheduler, AudioSink* sink)
    : scheduler_(scheduler), sink_(sink), volume_(kFullVolume) {
    // The event exists without a sink too, because a snapshot may have it.
    event_ = scheduler_.add_event("sound.mix", [this](const Scheduler::Due& due) {
        if (!sink_) return;
        scheduler_.schedule(event_, due.at_ns + kPeriodNs);
        for (const auto& run : sources_) run(due.at_ns);
        mix_until(due.at_ns - std::min(due.at_ns, kLagNs));
    });
    if (!sink_) return;
    synthesizer_ = std::make_unique<StepSynthesizer>();
    restart();
}

SoundChannel SoundMixer::add_channel() {
    channels_.emplace_back();
    return {*this, static_cast<unsigned>(channels_.size() - 1)};
}

void SoundMixer::set(unsigned channel, u64 at_ns, i32 left, i32 right) {
    Levels& levels = channels_[channel];
    const u64 since = at_ns - std::min(at_ns, origin_ns_);
    synthesizer_->add(VirtualClock::ns_to_ticks(since, u64{sink_->rate()} * StepSynthesizer::kPhases),
                      left - levels.left, right - levels.right);
    levels = {left, right};
}

void SoundMixer::mix_until(u64 at_ns) {
    const u64 end = VirtualClock::ns_to_ticks(at_ns - std::min(at_ns, origin_ns_), sink_->rate());
    frames_.clear();
    while (synthesizer_->next() < end) {
        StereoFrame frame = synthesizer_->take();
        if (muted_ && volume_ > 0) volume_--;
        if (!muted_ && volume_ < kFullVolume) volume_++;
        if (volume_ != kFullVolume) {
            frame.left = static_cast<i16>(frame.left * volume_ / kFullVolume);
            frame.right = static_cast<i16>(frame.right * volume_ / kFullVolume);
        }
        frames_.push_back(frame);
    }
    if (!frames_.empty()) sink_->play(frames_);
}

void SoundMixer::flush() {
    if (!sink_) return;
    const u64 now = scheduler_.now();
    for (const auto& run : sources_) run(now);
    mix_until(now);
}

void SoundMixer::restart() {
    if (!sink_) return;
    origin_ns_ = scheduler_.now();
    synthesizer_->restart();
    scheduler_.schedule(event_, origin_ns_ + kPeriodNs);
}

}  // namespace gnomon
