// Arithmetic of the virtual clock; 128-bit products so that no fraction of a tick is ever lost.
#include "support/clock.h"

#include <utility>

namespace gnomon {

using u128 = unsigned __int128;

VirtualClock::VirtualClock(ClockMode mode, u64 instructions_per_second, std::unique_ptr<HostClock> host)
    : mode_(mode), rate_(instructions_per_second), follower_(std::make_unique<HostFollower>(std::move(host))) {}

u64 VirtualClock::ns_to_ticks(u64 ns, u64 hertz) { return static_cast<u64>(static_cast<u128>(ns) * hertz / kSecond); }

u64 VirtualClock::ticks_to_ns(u64 ticks, u64 hertz) {
    return static_cast<u64>((static_cast<u128>(ticks) * kSecond + hertz - 1) / hertz);
}

u64 VirtualClock::now() const {
    if (mode_ == ClockMode::Realtime) return state_.skipped_ns + (running_ ? follower_->elapsed() : 0);
    return state_.skipped_ns + static_cast<u64>(static_cast<u128>(state_.elapsed) * kSecond / rate_);
}

u64 VirtualClock::instructions_until(u64 deadline_ns) const {
    if (deadline_ns <= state_.skipped_ns) return 0;
    const u128 needed = (static_cast<u128>(deadline_ns - state_.skipped_ns) * rate_ + kSecond - 1) / kSecond;
    if (needed <= state_.elapsed) return 0;
    const u128 left = (needed - state_.elapsed) * state_.sharers - state_.share;
    return left > ~u64{0} ? ~u64{0} : static_cast<u64>(left);
}

void VirtualClock::skip_to(u64 deadline_ns) {
    const u64 current = now();
    if (mode_ == ClockMode::Deterministic && deadline_ns > current) state_.skipped_ns += deadline_ns - current;
}

void VirtualClock::share_among(u64 processors) {
    if (processors == state_.sharers) return;
    state_.share = state_.share * processors / state_.sharers;
    state_.sharers = processors;
}

void VirtualClock::pause() {
    if (mode_ != ClockMode::Realtime || !running_) return;
    state_.skipped_ns = now();
    running_ = false;
}

void VirtualClock::resume() {
    if (mode_ != ClockMode::Realtime || running_) return;
    follower_->start();
    running_ = true;
}

void VirtualClock::exclude() {
    if (mode_ == ClockMode::Realtime && running_) follower_->exclude();
}

void VirtualClock::catch_up() {
    if (mode_ == ClockMode::Realtime && running_) follower_->catch_up();
}

VirtualClock::State VirtualClock::state() const {
    State state = state_;
    if (mode_ == ClockMode::Realtime) state.skipped_ns = now();
    return state;
}

void VirtualClock::set_state(const State& state) {
    state_ = state;
    if (state_.sharers == 0) state_.sharers = 1;
    if (running_) follower_->start();
}

static_assert(every_field_listed<VirtualClock::State>());

}  // namespace gnomon
