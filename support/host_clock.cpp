// Reading the host's clocks and following them.
#include "support/host_clock.h"

#include <algorithm>
#include <ctime>

namespace gnomon {
namespace {

u64 read_clock(clockid_t clock) {
    timespec time{};
    clock_gettime(clock, &time);
    return static_cast<u64>(time.tv_sec) * 1'000'000'000 + static_cast<u64>(time.tv_nsec);
}

}  // namespace

u64 HostClock::monotonic_ns() const { return read_clock(CLOCK_MONOTONIC); }
u64 HostClock::thread_ns() const { return read_clock(CLOCK_THREAD_CPUTIME_ID); }

void HostFollower::start() {
    started_ = last_ = host_->monotonic_ns();
    examine(last_);
    lag_ = fraction_ = 0;
}

void HostFollower::examine(u64 host_ns) {
    examined_ = host_ns;
    examined_thread_ = host_->thread_ns();
}

u64 HostFollower::elapsed() {
    const u64 now = host_->monotonic_ns();
    const u64 gap = now - last_;
    u64 missed = 0;
    if (gap > kExaminedNs) {
        const u64 passed = now - examined_;
        const u64 thread_before = examined_thread_;
        examine(now);
        const u64 ran = std::min(examined_thread_ - thread_before, passed);
        // Small losses before the last reading have been seen by the guest already.
        missed = std::min(passed - ran, gap);
    }
    last_ = now;
    if (lag_ != 0) make_up(gap - missed);
    lag_ += missed;
    return now - started_ - lag_;
}

void HostFollower::make_up(u64 ran_ns) {
    const auto due = static_cast<unsigned __int128>(lag_) * ran_ns + fraction_;
    const auto whole = due / kMakeUpNs;
    if (whole >= lag_) {
        lag_ = fraction_ = 0;
        return;
    }
    lag_ -= static_cast<u64>(whole);
    fraction_ = static_cast<u64>(due % kMakeUpNs);
}

void HostFollower::exclude() {
    const u64 now = host_->monotonic_ns();
    lag_ += now - last_;
    last_ = now;
    examine(now);
}

void HostFollower::catch_up() {
    last_ = host_->monotonic_ns();
    examine(last_);
    lag_ = fraction_ = 0;
}

}  // namespace gnomon
