// The local APIC's timer: one-shot, periodic, TSC deadline. SDM Vol. 3, "APIC Timer".
#include "cpu/apic/local_apic.h"

namespace gnomon {

LocalApic::TimerMode LocalApic::timer_mode() const {
    switch (state_.lvt[Timer] >> 17 & 3) {
        case 1: return TimerMode::Periodic;
        case 2: return config_.tsc_deadline ? TimerMode::TscDeadline : TimerMode::OneShot;
        default: return TimerMode::OneShot;
    }
}

/// Divide configuration: bits 0, 1 and 3; 111 is 1, else 2 to the value + 1.
u64 LocalApic::tick_ns() const {
    const unsigned code = (state_.divide & 3) | (state_.divide >> 1 & 4);
    return u64{1} << ((code + 1) & 7);
}

u32 LocalApic::current_count() const {
    if (state_.initial_count == 0 || timer_mode() == TimerMode::TscDeadline) return 0;
    const u64 passed = (scheduler_.now() - state_.timer_start) / tick_ns();
    if (timer_mode() == TimerMode::Periodic)
        return state_.initial_count - static_cast<u32>(passed % state_.initial_count);
    return passed >= state_.initial_count ? 0 : state_.initial_count - static_cast<u32>(passed);
}

void LocalApic::set_initial_count(u32 value) {
    if (timer_mode() == TimerMode::TscDeadline) return;
    catch_up();
    state_.initial_count = value;
    state_.timer_start = scheduler_.now();
    rearm();
}

void LocalApic::set_divide(u32 value) {
    catch_up();
    // The count goes on from where it is, at the new rate.
    const u64 passed = state_.initial_count - u64{current_count()};
    state_.divide = value & 11;
    const u64 ns = passed * tick_ns();
    state_.timer_start = scheduler_.now() > ns ? scheduler_.now() - ns : 0;
    rearm();
}

/// An expiry that is due has happened already as far as the guest can tell.
void LocalApic::catch_up() {
    if (!scheduler_.pending(timer_event_) || scheduler_.due_at(timer_event_) > scheduler_.now()) return;
    scheduler_.cancel(timer_event_);
    timer_due();
}

/// Schedules the next expiry after now. A masked timer counts, but nobody can tell when it expires.
void LocalApic::rearm() {
    scheduler_.cancel(timer_event_);
    if (state_.lvt[Timer] & kMasked && timer_mode() != TimerMode::TscDeadline) return;
    const u64 now = scheduler_.now();
    if (timer_mode() == TimerMode::TscDeadline) {
        if (state_.tsc_deadline == 0) return;
        const i64 at = static_cast<i64>(state_.tsc_deadline) - state_.tsc_offset;
        scheduler_.schedule(timer_event_, at < 0 ? now : static_cast<u64>(at));
        return;
    }
    if (state_.initial_count == 0) return;
    const u64 period = state_.initial_count * tick_ns();
    if (timer_mode() == TimerMode::Periodic)
        scheduler_.schedule(timer_event_,
                            state_.timer_start + ((now - state_.timer_start) / period + 1) * period);
    else if (state_.timer_start + period > now)
        scheduler_.schedule(timer_event_, state_.timer_start + period);
}

void LocalApic::timer_due() {
    switch (timer_mode()) {
        case TimerMode::TscDeadline: state_.tsc_deadline = 0; break;
        case TimerMode::Periodic: rearm(); break;
        case TimerMode::OneShot: break;
    }
    fire(Timer);
}

u64 LocalApic::tsc_deadline() const {
    return timer_mode() == TimerMode::TscDeadline ? state_.tsc_deadline : 0;
}

void LocalApic::set_tsc_deadline(u64 value, i64 tsc_offset) {
    if (timer_mode() != TimerMode::TscDeadline) return;
    catch_up();
    state_.tsc_deadline = value;
    state_.tsc_offset = tsc_offset;
    rearm();
}

void LocalApic::tsc_offset_changed(i64 tsc_offset) {
    if (std::exchange(state_.tsc_offset, tsc_offset) == tsc_offset) return;
    if (timer_mode() == TimerMode::TscDeadline) rearm();
}

}  // namespace gnomon
