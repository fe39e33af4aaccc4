// The host's clocks, and guest time in realtime mode, which follows them: what the host's scheduler takes
// from the emulator does not show as a leap, between two instructions, of the clock that the guest reads.
#pragma once

#include <memory>
#include <utility>

#include "support/types.h"

namespace gnomon {

/// Nanoseconds since some moment in the past.
class HostClock {
  public:
    virtual ~HostClock() = default;
    [[nodiscard]] virtual u64 monotonic_ns() const;
    /// Of the processor, spent by the calling thread.
    [[nodiscard]] virtual u64 thread_ns() const;
};

/// The host's monotonic clock less a lag. Time in which the thread did not run adds to the lag; it is made up
/// while the thread runs, faster the more it is: within about kMakeUpNs of its running. A guest that
/// calibrates one of its clocks against another, as all operating systems do when they start, would otherwise
/// find clocks that disagree whenever the host is busy.
class HostFollower {
  public:
    static constexpr u64 kMakeUpNs = 20'000'000;
    /// Readings closer together than this are not examined.
    static constexpr u64 kExaminedNs = 200'000;

    explicit HostFollower(std::unique_ptr<HostClock> host) : host_(std::move(host)) {}

    /// Begins to follow, without lag. All calls from here on must come from one thread.
    void start();
    /// Nanoseconds since start().
    [[nodiscard]] u64 elapsed();
    /// What passed since the last reading was none of the guest's: it becomes lag.
    void exclude();
    /// The guest sleeps and sees no leap: the lag is made up at once.
    void catch_up();
    [[nodiscard]] u64 lag() const { return lag_; }

  private:
    void examine(u64 host_ns);
    void make_up(u64 ran_ns);

    std::unique_ptr<HostClock> host_;
    u64 started_ = 0;
    u64 last_ = 0;      ///< the reading before, host time
    u64 examined_ = 0;  ///< host time and processor time at the last look at both
    u64 examined_thread_ = 0;
    u64 lag_ = 0;
    u64 fraction_ = 0;  ///< of a nanosecond made up, in kMakeUpNs-ths
};

}  // namespace gnomon
