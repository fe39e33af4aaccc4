// MC146818A: divider chain, update cycles, flags and interrupts.
#include "devices/rtc/rtc.h"

#include <algorithm>
#include <cassert>

#include "devices/rtc/calendar.h"

namespace gnomon {
namespace {

constexpr PortRange kPorts[] = {{0x70, 4}};

constexpr u8 kSecondsAlarm = 1;
constexpr u8 kMinutesAlarm = 3;
constexpr u8 kHoursAlarm = 5;
constexpr u8 kRegisterA = 0x0a;
constexpr u8 kRegisterB = 0x0b;
constexpr u8 kRegisterC = 0x0c;
constexpr u8 kRegisterD = 0x0d;

constexpr u8 kUpdateInProgress = 0x80;  // A
constexpr u8 kSet = 0x80;               // B
constexpr u8 kPeriodic = 0x40;          // B enables, C flags
constexpr u8 kAlarm = 0x20;
constexpr u8 kUpdate = 0x10;
constexpr u8 kSquareWave = 0x08;
constexpr u8 kBinary = 0x04;
constexpr u8 kHours24 = 0x02;
constexpr u8 kInterrupt = 0x80;  // C
constexpr u8 kValid = 0x80;      // D

constexpr u64 kCrystalHertz = 32'768;
// UIP rises 244 µs before an update cycle, which takes 1984 µs; the new time and the update-ended flag come
// at its end.
constexpr u64 kUpdateWindowNs = u64{244 + 1984} * 1000;
constexpr u64 kHalfSecond = VirtualClock::kSecond / 2;
constexpr u64 kDaySeconds = 86'400;

RtcFormat format_of(u8 register_b) { return {(register_b & kBinary) != 0, (register_b & kHours24) != 0}; }

/// An alarm register: any value, one value, or one that never comes.
struct AlarmField {
    bool any = false;
    std::optional<unsigned> value;

    AlarmField(u8 byte, std::optional<unsigned> decoded) : any((byte & 0xc0) == 0xc0), value(decoded) {}
    [[nodiscard]] bool matches(unsigned now) const { return any || value == now; }
};

}  // namespace

Rtc::Rtc(Scheduler& scheduler, Wires wires) : scheduler_(scheduler), wires_(std::move(wires)) {
    const auto look = [this](const Scheduler::Due&) {
        sync();
        schedule();
    };
    periodic_event_ = scheduler_.add_event("rtc.periodic", look);
    update_event_ = scheduler_.add_event("rtc.update", look);
    state_.cmos[kRegisterA] = 0x26;  // 32.768 kHz, 1024 Hz
    state_.cmos[kRegisterB] = kHours24;
    state_.cmos[kRegisterD] = kValid;
    set_time(kDefaultTime);
}

Result<std::unique_ptr<Rtc>> Rtc::create(PortBus& ports, Scheduler& scheduler, Wires wires) {
    std::unique_ptr<Rtc> rtc(new Rtc(scheduler, std::move(wires)));
    auto claims = ports.claim_all("rtc", kPorts, *rtc);
    if (!claims) return claims.error();
    rtc->claims_ = std::move(*claims);
    return rtc;
}

void Rtc::set_time(i64 seconds, u32 nanoseconds) {
    assert(nanoseconds < VirtualClock::kSecond);
    sync();
    state_.origin_ns = static_cast<i64>(scheduler_.now()) - static_cast<i64>(nanoseconds);
    RtcTime::from_unix(seconds).store(state_.cmos, format_of(state_.cmos[kRegisterB]));
    schedule();
}

void Rtc::set_cmos(u8 index, u8 value) {
    assert(index > kRegisterD);
    state_.cmos[index] = value;
}

void Rtc::update_checksum() {
    unsigned sum = 0;
    for (unsigned i = 0x10; i <= 0x2d; i++) sum += state_.cmos[i];
    state_.cmos[0x2e] = static_cast<u8>(sum >> 8);
    state_.cmos[0x2f] = static_cast<u8>(sum);
}

void Rtc::reset() {
    sync();
    state_.cmos[kRegisterB] &= static_cast<u8>(~(kPeriodic | kAlarm | kUpdate | kSquareWave));
    state_.cmos[kRegisterC] = 0;
    wires_.nmi_mask.lower();
    update_irq();
    schedule();
}

/// The divider counts only for the 32.768 kHz time base; 11x holds it in reset.
bool Rtc::running() const { return (state_.cmos[kRegisterA] & 0x70) == 0x20; }

bool Rtc::updating() const { return running() && !(state_.cmos[kRegisterB] & kSet); }

u64 Rtc::divider_ns(u64 at_ns) const {
    const i64 elapsed = static_cast<i64>(at_ns) - state_.origin_ns;
    return elapsed > 0 ? static_cast<u64>(elapsed) : 0;
}

/// The period of the periodic interrupt in crystal ticks, 0 if none is selected.
u64 Rtc::periodic_ticks() const {
    const unsigned rate = state_.cmos[kRegisterA] & 15u;
    if (rate == 0) return 0;
    return u64{1} << ((rate < 3 ? rate + 7 : rate) - 1);
}

void Rtc::sync() {
    const u64 now = scheduler_.now();
    const u64 before = divider_ns(state_.synced_ns);
    const u64 after = divider_ns(now);
    state_.synced_ns = now;
    if (!running() || after <= before) return;
    if (const u64 period = periodic_ticks()) {
        if (VirtualClock::ns_to_ticks(before, kCrystalHertz) / period !=
            VirtualClock::ns_to_ticks(after, kCrystalHertz) / period)
            state_.cmos[kRegisterC] |= kPeriodic;
    }
    const u64 seconds = after / VirtualClock::kSecond - before / VirtualClock::kSecond;
    if (seconds && updating()) advance_seconds(seconds);
    update_irq();
}

void Rtc::advance_seconds(u64 seconds) {
    auto& cmos = state_.cmos;
    const RtcFormat format = format_of(cmos[kRegisterB]);
    RtcTime time = RtcTime::load(cmos, format);
    const AlarmField second(cmos[kSecondsAlarm], format.decode(cmos[kSecondsAlarm]));
    const AlarmField minute(cmos[kMinutesAlarm], format.decode(cmos[kMinutesAlarm]));
    const AlarmField hour(cmos[kHoursAlarm], format.decode_hour(cmos[kHoursAlarm]));
    u32 of_day = time.seconds;
    for (u64 i = 0; i < std::min(seconds, kDaySeconds); i++) {
        of_day = of_day + 1 == kDaySeconds ? 0 : of_day + 1;
        if (!second.matches(of_day % 60) || !minute.matches(of_day / 60 % 60) || !hour.matches(of_day / 3600))
            continue;
        const bool first = !(cmos[kRegisterC] & kAlarm);
        cmos[kRegisterC] |= kAlarm;
        if (first && cmos[kRegisterB] & kAlarm && wires_.alarm) wires_.alarm();
        break;
    }
    time.add(seconds);
    time.store(cmos, format);
    cmos[kRegisterC] |= kUpdate;
}

void Rtc::update_irq() {
    u8& flags = state_.cmos[kRegisterC];
    const bool active = flags & state_.cmos[kRegisterB] & (kPeriodic | kAlarm | kUpdate);
    flags = static_cast<u8>((flags & ~kInterrupt) | (active ? kInterrupt : 0));
    wires_.irq8.set(active);
}

void Rtc::schedule() {
    const u8 waiting = state_.cmos[kRegisterB] & ~state_.cmos[kRegisterC];
    const u64 elapsed = divider_ns(scheduler_.now());
    const auto plan = [this](Scheduler::EventId event, bool wanted, u64 at_divider_ns) {
        if (!wanted) return scheduler_.cancel(event);
        const u64 at_ns = static_cast<u64>(static_cast<i64>(at_divider_ns) + state_.origin_ns);
        if (scheduler_.due_at(event) != at_ns) scheduler_.schedule(event, at_ns);
    };
    const u64 period = std::max<u64>(periodic_ticks(), 1);
    const u64 next_tick = (VirtualClock::ns_to_ticks(elapsed, kCrystalHertz) / period + 1) * period;
    plan(periodic_event_, running() && periodic_ticks() && waiting & kPeriodic,
         VirtualClock::ticks_to_ns(next_tick, kCrystalHertz));
    plan(update_event_, updating() && waiting & (kUpdate | kAlarm),
         (elapsed / VirtualClock::kSecond + 1) * VirtualClock::kSecond);
}

u8 Rtc::read(u8 index) {
    sync();
    u8 value = state_.cmos[index];
    if (index == kRegisterA) {
        const u64 left = VirtualClock::kSecond - divider_ns(scheduler_.now()) % VirtualClock::kSecond;
        if (updating() && left <= kUpdateWindowNs) value |= kUpdateInProgress;
    } else if (index == kRegisterC) {
        state_.cmos[kRegisterC] = 0;
        update_irq();
        schedule();
    }
    return value;
}

void Rtc::write(u8 index, u8 value) {
    sync();
    u8& target = state_.cmos[index];
    switch (index) {
        case kRegisterA: {
            const bool was_running = running();
            target = value & 0x7f;
            // After a reset of the divider the first update comes half a second later.
            if (running() && !was_running)
                state_.origin_ns = static_cast<i64>(scheduler_.now()) - static_cast<i64>(kHalfSecond);
            break;
        }
        case kRegisterB: target = value & kSet ? value & ~kUpdate : value; break;
        case kRegisterC:
        case kRegisterD: return;
        default: target = value; return;
    }
    update_irq();
    schedule();
}

u32 Rtc::port_read(u16 port, unsigned /*size*/) {
    switch (port & 3) {
        case 1: return read(state_.index);
        case 2: return state_.upper_index;
        case 3: return state_.cmos[0x80 | state_.upper_index];
        default: return 0xff;  // write-only
    }
}

void Rtc::port_write(u16 port, unsigned /*size*/, u32 value) {
    const u8 byte = static_cast<u8>(value);
    switch (port & 3) {
        case 0:
            state_.index = byte & 0x7f;
            wires_.nmi_mask.set(byte & 0x80);
            break;
        case 1: write(state_.index, byte); break;
        case 2: state_.upper_index = byte & 0x7f; break;
        case 3: state_.cmos[0x80 | state_.upper_index] = byte; break;
    }
}

Result<StatePart::Install> Rtc::load_state(const StateNode& node) {
    return prepare_state<State>(node, [this](const State& state) {
        state_ = state;
        state_.index &= 0x7f;
        state_.upper_index &= 0x7f;
    });
}

static_assert(every_field_listed<Rtc::State>());

}  // namespace gnomon
