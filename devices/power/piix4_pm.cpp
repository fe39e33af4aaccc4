// PIIX4 function 3: PM1 events, the timer, sleep states, general-purpose events, configuration.
#include "devices/power/piix4_pm.h"

namespace gnomon {
namespace {

constexpr PortRange kPorts[] = {{0xb2, 2}, {0xafe0, 4}};
constexpr u16 kApmControl = 0xb2;
constexpr u16 kApmStatus = 0xb3;
constexpr u16 kEventBlock = 0xafe0;
constexpr u16 kPmPorts = 64;
constexpr u16 kSmbusPorts = 16;

// What firmware writes to the SMI command port to hand the hardware to ACPI and to take it back.
constexpr u8 kAcpiDisable = 0xf0;
constexpr u8 kAcpiEnable = 0xf1;

// PM I/O registers.
constexpr unsigned kPm1Status = 0x00;
constexpr unsigned kPm1Enable = 0x02;
constexpr unsigned kPm1Control = 0x04;
constexpr unsigned kTimer = 0x08;
constexpr unsigned kGeneralStatus = 0x0c;
constexpr unsigned kGeneralEnable = 0x0e;
constexpr unsigned kGeneralOutputs = 0x34;

constexpr u16 kTimerOverflow = 0x0001;
constexpr u16 kPowerButton = 0x0100;
constexpr u16 kRtcAlarm = 0x0400;
constexpr u16 kWake = 0x8000;
constexpr u8 kSciEnable = 0x01;
constexpr u8 kSleepEnable = 0x20;  // bit 13

// The timer's status is set whenever bit 22 of the 24-bit count falls, that is when bit 23 changes.
constexpr u64 kOverflowPeriod = 1 << 23;
constexpr u32 kTimerMask = 0xff'ffff;

/// Bits of the PM registers that software writes; status bits are cleared by ones.
constexpr std::array<u8, 64> kWritable = [] {
    std::array<u8, 64> mask{};
    mask[0x02] = 0x21;
    mask[0x03] = 0x05;
    mask[0x04] = 0x03;
    mask[0x05] = 0x1c;
    mask[0x0e] = 0x01;  // GPEN
    mask[0x0f] = 0x0f;
    for (unsigned i = 0x10; i < 0x14; i++) mask[i] = 0xff;  // P_CNT
    mask[0x20] = 0x0f;                                      // GLBEN
    mask[0x21] = 0x0d;
    for (unsigned i = 0x28; i < 0x30; i++) mask[i] = 0xff;  // GLBCTL, DEVCTL
    for (unsigned i = 0x34; i < 0x38; i++) mask[i] = 0xff;  // GPOREG
    return mask;
}();
constexpr std::array<u8, 64> kClearable = [] {
    std::array<u8, 64> mask{};
    mask[0x00] = 0x31;
    mask[0x01] = 0x85;
    mask[0x0c] = 0x01;  // GPSTS
    mask[0x0d] = 0x0f;
    mask[0x18] = 0xff;  // GLBSTS
    mask[0x19] = 0x0f;
    for (unsigned i = 0x1c; i < 0x20; i++) mask[i] = 0xff;  // DEVSTS
    return mask;
}();

// Configuration registers.
constexpr u8 kPmBase = 0x40;
constexpr u8 kPmMiscellaneous = 0x80;
constexpr u8 kSmbusBase = 0x90;
constexpr u8 kSmbusConfig = 0xd2;

struct Register {
    u8 offset;
    u8 size;
    u32 value;
    u32 writable;
};

constexpr Register kRegisters[] = {
    {0x04, 2, 0x0000, 0x0001},  // SMBus I/O
    {0x06, 2, 0x0280, 0x0000},  // fast back-to-back, medium DEVSEL#
    {0x0c, 2, 0x0000, 0x0000},  // no cache line size, no latency timer
    {kPmBase, 4, 0x0001, 0xffc0},
    {0x44, 4, 0, 0xffffffff},  // count A
    {0x48, 4, 0, 0xffffffff},  // count B
    {0x4c, 4, 0, 0xffffffff},  // general-purpose inputs
    {0x50, 3, 0, 0x00ffffff},  // device resources and activity
    {0x54, 4, 0, 0xffffffff},
    // There is no system management mode: firmware that finds APMC_EN set takes its SMI handler for installed
    // and does not wait for it.
    {0x58, 4, 0x02000000, 0xffffffff},
    {0x5c, 4, 0, 0xffffffff},
    {0x60, 4, 0, 0xffffffff},
    {0x64, 4, 0, 0xffffffff},
    {0x68, 3, 0, 0x00ffffff},
    {0x6c, 4, 0, 0xffffffff},
    {0x70, 3, 0, 0x00ffffff},
    {0x74, 4, 0, 0xffffffff},
    {0x78, 4, 0, 0xffffffff},
    {0x7c, 4, 0, 0xffffffff},
    {kPmMiscellaneous, 1, 0, 0x01},
    {kSmbusBase, 4, 0x0001, 0xfff0},
    {kSmbusConfig, 1, 0, 0x0f},
    {0xd3, 1, 0, 0xff},  // slave command, shadow ports
    {0xd4, 1, 0, 0xff},
    {0xd5, 1, 0, 0xff},
};

constexpr PciConfig::Identity kIdentity{.vendor = 0x8086,
                                        .device = 0x7113,
                                        .class_code = 0x068000,
                                        .revision = 3,
                                        .subsystem_vendor = 0x1af4,
                                        .subsystem = 0x1100,
                                        .interrupt_pin = 1};

// SMBus host registers and bits.
constexpr unsigned kSmbusStatus = 0x00;
constexpr unsigned kSmbusControl = 0x02;
constexpr u8 kSmbusStatusClearable = 0x1e;
constexpr u8 kSmbusDeviceError = 0x04;
constexpr u8 kSmbusFailed = 0x10;
constexpr u8 kSmbusStart = 0x40;
constexpr u8 kSmbusKill = 0x02;
constexpr u8 kSmbusInterrupt = 0x01;
constexpr u8 kSmbusHostEnable = 0x01;
constexpr u8 kSmbusIrq9 = 0x08;  // of D2h: bits 3–1 are 100

}  // namespace

Piix4Pm::Piix4Pm(PortBus& ports, Scheduler& scheduler, Log& log, Wires wires)
    : ports_(ports), scheduler_(scheduler), log_(log), wires_(std::move(wires)), config_(kIdentity) {
    for (const Register& r : kRegisters) {
        config_.preset(r.offset, r.size, r.value);
        config_.set_write_mask(r.offset, r.size, r.writable);
    }
    overflow_event_ = scheduler_.add_event("power.timer", [this](const Scheduler::Due&) { update_sci(); });
    reset();
}

Result<std::unique_ptr<Piix4Pm>> Piix4Pm::create(PortBus& ports, PciBus& bus, Scheduler& scheduler, Log& log,
                                                 Wires wires) {
    std::unique_ptr<Piix4Pm> pm(new Piix4Pm(ports, scheduler, log, std::move(wires)));
    auto claims = ports.claim_all("power", kPorts, *pm);
    if (!claims) return claims.error();
    pm->fixed_claims_ = std::move(*claims);
    auto slot = bus.add("power", kDevice, kFunction, *pm);
    if (!slot) return slot.error();
    pm->slot_ = std::move(*slot);
    return pm;
}

void Piix4Pm::reset() {
    config_.reset();
    state_ = {};
    // GPOREG comes up as 7FFFBFFF; the inputs are pulled up.
    constexpr u8 kOutputs[4] = {0xff, 0xbf, 0xff, 0x7f};
    for (unsigned i = 0; i < 4; i++) state_.registers[kGeneralOutputs + i] = kOutputs[i];
    for (unsigned i = 0x30; i < 0x33; i++) state_.registers[i] = 0xff;
    restart_overflow();
    map_ports();
    update_sci();
}

u16 Piix4Pm::pm1_status() const {
    const u16 stored = static_cast<u16>(state_.registers[kPm1Status] | state_.registers[kPm1Status + 1] << 8);
    return stored | (timer_tick() >= state_.overflow_tick ? kTimerOverflow : 0);
}

void Piix4Pm::set_pm1_status(u16 bit) {
    state_.registers[kPm1Status] |= static_cast<u8>(bit);
    state_.registers[kPm1Status + 1] |= static_cast<u8>(bit >> 8);
    update_sci();
}

void Piix4Pm::restart_overflow() {
    state_.overflow_tick = (timer_tick() / kOverflowPeriod + 1) * kOverflowPeriod;
}

void Piix4Pm::update_sci() {
    const auto& r = state_.registers;
    const u16 enable = static_cast<u16>(r[kPm1Enable] | r[kPm1Enable + 1] << 8);
    const bool acpi = r[kPm1Control] & kSciEnable;
    const u16 status = pm1_status();
    const bool pm1 = status & enable;
    const bool general =
        (r[kGeneralStatus] & r[kGeneralEnable]) | (r[kGeneralStatus + 1] & r[kGeneralEnable + 1]);
    const bool events = (state_.events[0] & state_.events[2]) | (state_.events[1] & state_.events[3]);
    const u8 smbus_config = static_cast<u8>(config_.read(kSmbusConfig, 1));
    const bool smbus = state_.smbus[kSmbusControl] & kSmbusInterrupt &&
                       state_.smbus[kSmbusStatus] & kSmbusStatusClearable &&
                       (smbus_config & 0x0e) == kSmbusIrq9;
    wires_.sci.set((acpi && (pm1 || general || events)) || smbus);
    if (acpi && enable & kTimerOverflow && !(status & kTimerOverflow)) {
        const u64 at_ns = VirtualClock::ticks_to_ns(state_.overflow_tick, kTimerHertz);
        if (scheduler_.due_at(overflow_event_) != at_ns) scheduler_.schedule(overflow_event_, at_ns);
    } else {
        scheduler_.cancel(overflow_event_);
    }
}

bool Piix4Pm::press_power_button() {
    set_pm1_status(kPowerButton);
    return state_.registers[kPm1Control] & kSciEnable && state_.registers[kPm1Enable + 1] & kPowerButton >> 8;
}

void Piix4Pm::rtc_alarm() { set_pm1_status(kRtcAlarm); }

void Piix4Pm::raise_event(unsigned bit) {
    state_.events.at(bit / 8 % 2) |= static_cast<u8>(1u << bit % 8);
    update_sci();
}

void Piix4Pm::enter_sleep(unsigned type) {
    switch (type) {
        case 0:  // soft off
            if (wires_.power_off) wires_.power_off();
            break;
        case 4:  // power-on suspend, S1: the processor would stop until an event; here the event comes at
                 // once
        case 5: set_pm1_status(kWake); break;
        default:
            log_.guest("power", "unsupported sleep state", "sleep type {} is not supported and has no effect",
                       type);
    }
}

void Piix4Pm::map_ports() {
    const auto map = [this](std::optional<u16>& current, PortClaim& claim, std::optional<u16> wanted,
                            u16 count, std::string_view name) {
        if (current == wanted) return;
        claim.release();
        current.reset();
        if (!wanted) return;
        Result<PortClaim> fresh = ports_.claim(name, {*wanted, count, 1 | 2 | 4}, *this);
        if (!fresh) {
            log_.guest("power", "impossible I/O base", "{}", fresh.error().message);
            return;
        }
        claim = std::move(*fresh);
        current = wanted;
    };
    const auto wanted = [this](u8 offset, u32 mask, bool enabled) -> std::optional<u16> {
        const u16 base = static_cast<u16>(config_.read(offset, 2) & mask);
        if (!enabled || base == 0) return std::nullopt;
        return base;
    };
    map(pm_base_, pm_claim_, wanted(kPmBase, 0xffc0, config_.read(kPmMiscellaneous, 1) & 1), kPmPorts,
        "power");
    const bool smbus = config_.io_enabled() && config_.read(kSmbusConfig, 1) & kSmbusHostEnable;
    map(smbus_base_, smbus_claim_, wanted(kSmbusBase, 0xfff0, smbus), kSmbusPorts, "smbus");
}

void Piix4Pm::config_write(u8 offset, unsigned size, u32 value) {
    config_.write(offset, size, value);
    map_ports();
    update_sci();
}

u8 Piix4Pm::read_pm(unsigned offset) const {
    switch (offset) {
        case kPm1Status: return static_cast<u8>(pm1_status());
        case kTimer:
        case kTimer + 1:
        case kTimer + 2: return static_cast<u8>(timer_tick() >> 8 * (offset - kTimer));
        default: return state_.registers[offset];
    }
}

void Piix4Pm::write_pm(unsigned offset, u8 value) {
    u8& target = state_.registers[offset];
    target = static_cast<u8>((target & ~kWritable[offset]) | (value & kWritable[offset]));
    target = static_cast<u8>(target & ~(value & kClearable[offset]));
    if (offset == kPm1Status && value & kTimerOverflow && timer_tick() >= state_.overflow_tick)
        restart_overflow();
    update_sci();
    if (offset == kPm1Control + 1 && value & kSleepEnable) enter_sleep(value >> 2 & 7);
}

u8 Piix4Pm::read_smbus(unsigned offset) { return state_.smbus[offset]; }

void Piix4Pm::write_smbus(unsigned offset, u8 value) {
    u8& target = state_.smbus[offset];
    switch (offset) {
        case kSmbusStatus: target = static_cast<u8>(target & ~(value & kSmbusStatusClearable)); break;
        case kSmbusControl:
            target = value & 0x1f;
            // No slave is on the bus: every address goes unacknowledged. A transaction stopped by KILL has
            // failed.
            if (value & kSmbusKill)
                state_.smbus[kSmbusStatus] |= kSmbusFailed;
            else if (value & kSmbusStart)
                state_.smbus[kSmbusStatus] |= kSmbusDeviceError;
            break;
        case 0x01:
            target = static_cast<u8>(target & ~(value & 0x3c));
            break;                                // slave status: nothing sets it
        case 0x08: target = value & 0x0f; break;  // slave control
        case 0x09:                                // what a master sent to us: read-only
        case 0x0c:
        case 0x0d:
        case 0x0e:
        case 0x0f: break;
        default: target = value; break;
    }
    update_sci();
}

u8 Piix4Pm::read_byte(u16 port) {
    if (port == kApmControl) return state_.apm_control;
    if (port == kApmStatus) return state_.apm_status;
    if (port >= kEventBlock && port < kEventBlock + 4) return state_.events[port - kEventBlock];
    if (pm_base_ && port >= *pm_base_ && port - *pm_base_ < kPmPorts) return read_pm(port - *pm_base_);
    if (smbus_base_ && port >= *smbus_base_ && port - *smbus_base_ < kSmbusPorts)
        return read_smbus(port - *smbus_base_);
    return 0xff;
}

void Piix4Pm::write_byte(u16 port, u8 value) {
    if (port == kApmControl) {
        state_.apm_control = value;
        u8& control = state_.registers[kPm1Control];
        if (value == kAcpiEnable) control |= kSciEnable;
        if (value == kAcpiDisable) control &= static_cast<u8>(~kSciEnable);
        update_sci();
    } else if (port == kApmStatus) {
        state_.apm_status = value;
    } else if (port >= kEventBlock && port < kEventBlock + 4) {
        u8& target = state_.events[port - kEventBlock];
        target = port < kEventBlock + 2 ? static_cast<u8>(target & ~value) : value;
        update_sci();
    } else if (pm_base_ && port >= *pm_base_ && port - *pm_base_ < kPmPorts) {
        write_pm(port - *pm_base_, value);
    } else if (smbus_base_ && port >= *smbus_base_ && port - *smbus_base_ < kSmbusPorts) {
        write_smbus(port - *smbus_base_, value);
    }
}

u32 Piix4Pm::port_read(u16 port, unsigned size) {
    if (size == 4 && pm_base_ && port == *pm_base_ + kTimer)
        return static_cast<u32>(timer_tick()) & kTimerMask;
    u32 value = 0;
    for (unsigned i = 0; i < size; i++) value |= u32{read_byte(static_cast<u16>(port + i))} << 8 * i;
    return value;
}

void Piix4Pm::port_write(u16 port, unsigned size, u32 value) {
    for (unsigned i = 0; i < size; i++)
        write_byte(static_cast<u16>(port + i), static_cast<u8>(value >> 8 * i));
}

StateNode Piix4Pm::save_state() const {
    State state = state_;
    state.config = config_.state();
    return save_value(state);
}

Result<StatePart::Install> Piix4Pm::load_state(const StateNode& node) {
    return prepare_state<State>(node, [this](const State& state) {
        state_ = state;
        config_.set_state(state.config);
        map_ports();
    });
}

static_assert(every_field_listed<Piix4Pm::State>());

}  // namespace gnomon
