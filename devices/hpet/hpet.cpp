// Registers, comparators and interrupt routing of the HPET.
#include "devices/hpet/hpet.h"

#include <fmt/format.h>

#include "support/result.h"

namespace gnomon {
namespace {

constexpr u64 kCapabilities = u64{10'000'000} << 32  // femtoseconds a tick
                              | u64{0x8086} << 16 | 1u << 15 /* legacy replacement */ | 1u << 13 /* 64 bits */ |
                              (Hpet::kTimers - 1) << 8 | 1;
constexpr u64 kIdRegister = 0x00, kConfig = 0x10, kStatus = 0x20, kCounter = 0xf0, kFirstTimer = 0x100;
constexpr u64 kLegacy = 2;

namespace timer {
constexpr u64 kLevel = 1u << 1, kEnable = 1u << 2, kPeriodic = 1u << 3, kValueSet = 1u << 6, k32Bit = 1u << 8,
              kFsb = 1u << 14;
constexpr u64 kWritable = 0x7f4e;
/// Periodic, 64 bits, message-signalled, and the inputs that it may be routed to.
constexpr u64 kFixed = 1u << 4 | 1u << 5 | 1u << 15 |
                       u64{((1u << Hpet::kRoutes) - 1) << Hpet::kFirstRoute} << 32;
}  // namespace timer

}  // namespace

Hpet::Hpet(Scheduler& scheduler, Wires wires) : scheduler_(scheduler), wires_(std::move(wires)) {
    for (unsigned i = 0; i < kTimers; i++)
        events_[i] = scheduler.add_event(fmt::format("hpet.timer{}", i),
                                         [this, i](const Scheduler::Due&) { match(i); });
    reset();
}

void Hpet::reset() {
    const auto inputs = state_.inputs;
    for (unsigned i = 0; i < kTimers; i++) {
        drive(i, false);
        scheduler_.cancel(events_[i]);
    }
    state_ = {};
    state_.inputs = inputs;
    for (Comparator& t : state_.timers) t.config = timer::kFixed;
    drive_isa();
}

u64 Hpet::counter() const {
    return running() ? state_.counter + scheduler_.now() / kTickNs - state_.since : state_.counter;
}

// ---- interrupts -----------------------------------------------------------------------------------------

Line Hpet::output(unsigned index) const {
    if (legacy() && index < 2) return index == 0 ? wires_.irq0 : wires_.irq8;
    const u64 route = state_.timers[index].config >> 9 & 31;
    return route >= kFirstRoute && route < kFirstRoute + kRoutes ? wires_.routes[index][route - kFirstRoute] : Line{};
}

void Hpet::drive(unsigned index, bool level) {
    state_.timers[index].asserted = level;
    output(index).set(level);
}

/// What PIT and RTC say goes to their interrupts unless comparators have taken them.
void Hpet::drive_isa() {
    wires_.irq0.set(legacy() ? state_.timers[0].asserted : state_.inputs[kPitInput]);
    wires_.irq8.set(legacy() ? state_.timers[1].asserted : state_.inputs[kRtcInput]);
}

void Hpet::set_line(unsigned pin, bool level) {
    state_.inputs[pin & 1] = level;
    if (!legacy()) (pin == kPitInput ? wires_.irq0 : wires_.irq8).set(level);
}

void Hpet::match(unsigned index) {
    Comparator& t = state_.timers[index];
    if (t.config & timer::kPeriodic && t.period != 0) {
        const u64 late = counter() - t.value;
        t.value += t.period * (late / t.period + 1);
        if (t.config & timer::k32Bit) t.value = static_cast<u32>(t.value);
    }
    if (t.config & timer::kLevel) state_.status |= u64{1} << index;
    if (t.config & timer::kEnable) {
        if (t.config & timer::kFsb) {
            if (wires_.messages) wires_.messages->send(message_of_msi(t.fsb >> 32, static_cast<u32>(t.fsb)));
        } else {
            // An edge stays up until the next one, so that a controller that samples it sees it.
            if (!(t.config & timer::kLevel)) drive(index, false);
            drive(index, true);
        }
    }
    rearm(index, true);
}

void Hpet::rearm(unsigned index, bool again) {
    scheduler_.cancel(events_[index]);
    const Comparator& t = state_.timers[index];
    if (!running()) return;
    const u64 now = counter();
    u64 left = t.config & timer::k32Bit ? static_cast<u32>(t.value - now) : t.value - now;
    if (left == 0 && again) {
        if (!(t.config & timer::k32Bit)) return;
        left = u64{1} << 32;
    }
    // More than centuries away: in 64 bits the value is in the past.
    if (left > u64{1} << 59) return;
    scheduler_.schedule(events_[index], (scheduler_.now() / kTickNs + left) * kTickNs);
}

// ---- registers ------------------------------------------------------------------------------------------

u64 Hpet::read_register(u64 offset) const {
    switch (offset) {
        case kIdRegister: return kCapabilities;
        case kConfig: return state_.config;
        case kStatus: return state_.status;
        case kCounter: return counter();
        default: break;
    }
    if (offset < kFirstTimer || offset >= kFirstTimer + 0x20 * kTimers) return 0;
    const Comparator& t = state_.timers[(offset - kFirstTimer) / 0x20];
    switch (offset & 0x18) {
        case 0x00: return t.config;
        case 0x08: return t.value;
        case 0x10: return t.fsb;
        default: return 0;
    }
}

void Hpet::write_config(u64 value) {
    const bool was_running = running();
    const u64 at = counter();
    if ((value ^ state_.config) & kLegacy) {
        for (unsigned i = 0; i < 2; i++) drive(i, false);
        state_.config = (state_.config & ~kLegacy) | (value & kLegacy);
        drive_isa();
    }
    state_.config = value & 3;
    if (was_running == running()) return;
    state_.counter = at;
    state_.since = scheduler_.now() / kTickNs;
    for (unsigned i = 0; i < kTimers; i++) {
        if (!running()) drive(i, false);
        rearm(i);
    }
}

void Hpet::write_timer_config(unsigned index, u64 value) {
    Comparator& t = state_.timers[index];
    drive(index, false);
    t.config = (value & timer::kWritable) | timer::kFixed;
    if (t.config & timer::k32Bit) {
        t.value = static_cast<u32>(t.value);
        t.period = static_cast<u32>(t.period);
    }
    // Level-triggered and still not served.
    if (t.config & timer::kLevel && t.config & timer::kEnable && !(t.config & timer::kFsb) &&
        state_.status >> index & 1)
        drive(index, true);
    rearm(index, true);
}

/// In periodic mode a write sets the period, and with the value-set bit (which it uses up) the next match as well.
void Hpet::write_comparator(unsigned index, u64 value, u64 written) {
    Comparator& t = state_.timers[index];
    if (t.config & timer::k32Bit) value = static_cast<u32>(value);
    if (!(t.config & timer::kPeriodic) || t.config & timer::kValueSet) t.value = value;
    if (t.config & timer::kPeriodic) {
        t.period = (t.period & ~written) | (value & written);
        if (t.config & timer::k32Bit) t.period = static_cast<u32>(t.period);
    }
    // Two stores of 32 bits make one of 64: the bit goes with the upper half, or at once with 32-bit timers.
    if (written >> 32 || t.config & timer::k32Bit || !(t.config & timer::kPeriodic)) t.config &= ~timer::kValueSet;
    rearm(index);
}

/// `written`: the bits that the store covers; `value` has the others as they were.
void Hpet::write_register(u64 offset, u64 value, u64 written) {
    switch (offset) {
        case kConfig: write_config(value); return;
        case kStatus:
            for (unsigned i = 0; i < kTimers; i++)
                if (value & written & state_.status & u64{1} << i) {
                    state_.status &= ~(u64{1} << i);
                    if (state_.timers[i].config & timer::kLevel) drive(i, false);
                }
            return;
        case kCounter:
            if (running()) return;  // "writes to this register should only be done while the counter is halted"
            state_.counter = value;
            return;
        default: break;
    }
    if (offset < kFirstTimer || offset >= kFirstTimer + 0x20 * kTimers) return;
    const unsigned index = static_cast<unsigned>((offset - kFirstTimer) / 0x20);
    switch (offset & 0x18) {
        case 0x00: write_timer_config(index, value); break;
        case 0x08: write_comparator(index, value, written); break;
        case 0x10: state_.timers[index].fsb = value; break;
        default: break;
    }
}

u64 Hpet::mmio_read(u64 offset, unsigned size) {
    const u64 value = read_register(offset & ~u64{7} & 0x3ff) >> 8 * (offset & 7);
    return size == 8 ? value : value & ((u64{1} << 8 * size) - 1);
}

void Hpet::mmio_write(u64 offset, unsigned size, u64 value) {
    const unsigned shift = static_cast<unsigned>(8 * (offset & 7));
    if (size < 4 || shift % 32 != 0) return;  // the specification has 32 and 64-bit accesses only
    const u64 at = offset & ~u64{7} & 0x3ff;
    const u64 written = size == 8 ? ~u64{0} : u64{0xffffffff} << shift;
    write_register(at, (read_register(at) & ~written) | (value << shift & written), written);
}

Result<StatePart::Install> Hpet::load_state(const StateNode& node) {
    return prepare_state<State>(node, [this](const State& state) { state_ = state; });
}

static_assert(every_field_listed<Hpet::State>() && every_field_listed<Hpet::Comparator>());

}  // namespace gnomon
