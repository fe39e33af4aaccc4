// The mixer of a machine's sound: devices report when their levels change, in guest time; it makes samples of
// that and hands them to the sink. Its work is an event of the virtual clock, so in deterministic mode the
// same run gives the same samples.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "devices/sound/audio_sink.h"
#include "devices/sound/step_synthesizer.h"
#include "support/scheduler.h"

namespace gnomon {

class SoundMixer;

/// One stereo signal into the mixer. Copyable handle; the mixer must outlive it.
class SoundChannel {
  public:
    SoundChannel() = default;
    SoundChannel(SoundMixer& mixer, unsigned index) : mixer_(&mixer), index_(index) {}

    /// Somebody listens; otherwise set() need not be called.
    [[nodiscard]] bool active() const;
    /// The levels from `at_ns` on, full scale ±32767. Calls come in order of time, at most kLagNs late.
    void set(u64 at_ns, i32 left, i32 right) const;

  private:
    SoundMixer* mixer_ = nullptr;
    unsigned index_ = 0;
};

class SoundMixer {
  public:
    /// Samples are made this long after their time, so that devices with events of their own need not be
    /// asked.
    static constexpr u64 kLagNs = 3'000'000;
    static constexpr u64 kPeriodNs = 5'000'000;

    /// Without a sink there are no events and nothing is computed.
    SoundMixer(Scheduler& scheduler, AudioSink* sink);

    [[nodiscard]] bool active() const { return sink_ != nullptr; }
    [[nodiscard]] SoundChannel add_channel();
    /// A device that computes its levels when it is asked, up to `until_ns`.
    void add_source(std::function<void(u64 until_ns)> run) { sources_.push_back(std::move(run)); }

    void set_muted(bool muted) { muted_ = muted; }
    [[nodiscard]] bool muted() const { return muted_; }
    /// Hands over what there is up to now: the run has ended.
    void flush();
    /// Time has jumped (a snapshot was loaded): sound goes on from now, with the levels that are reported
    /// next.
    void restart();

  private:
    friend class SoundChannel;
    struct Levels {
        i32 left = 0, right = 0;
    };
    void set(unsigned channel, u64 at_ns, i32 left, i32 right);
    void mix_until(u64 at_ns);

    Scheduler& scheduler_;
    AudioSink* sink_;
    Scheduler::EventId event_;
    std::unique_ptr<StepSynthesizer> synthesizer_;  ///< null without a sink
    std::vector<Levels> channels_;
    std::vector<std::function<void(u64)>> sources_;
    std::vector<StereoFrame> frames_;
    u64 origin_ns_ = 0;  ///< the time of sample 0
    i32 volume_;         ///< follows `muted_` within a few milliseconds, lest it clicks
    bool muted_ = false;
};

}  // namespace gnomon
