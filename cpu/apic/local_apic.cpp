// Registers of a local APIC: memory-mapped (xAPIC) and as MSRs (x2APIC). SDM Vol. 3, "Local APIC Register Address
// Map", "x2APIC Register Address Space", "x2APIC State Transitions".
#include "cpu/apic/local_apic.h"

namespace gnomon {
namespace {

/// Register numbers: the address in the page / 16, and the MSR - 800h.
namespace at {
constexpr unsigned kId = 0x02, kVersion = 0x03, kTpr = 0x08, kApr = 0x09, kPpr = 0x0a, kEoi = 0x0b, kLdr = 0x0d,
                   kDfr = 0x0e, kSvr = 0x0f, kIsr = 0x10, kTmr = 0x18, kIrr = 0x20, kEsr = 0x28, kIcrLow = 0x30,
                   kIcrHigh = 0x31, kLvtTimer = 0x32, kLvtError = 0x37, kInitialCount = 0x38,
                   kCurrentCount = 0x39, kDivide = 0x3e, kSelfIpi = 0x3f;
}

constexpr u32 kIllegalRegister = 1u << 7;
/// Version 14h (integrated APIC), entry 5 is the last of the LVT, EOI broadcasts can be suppressed.
constexpr u32 kVersionValue = 0x14 | 5u << 16 | 1u << 24;

/// What a register lets software do. `writable` are the bits that a write may set: others are ignored by the xAPIC
/// and refused by the x2APIC.
struct Register {
    u8 first;
    u8 count;
    bool readable;
    bool x2_readable;
    bool x2_writable;
    u32 writable;
};
constexpr auto kRegisters = std::to_array<Register>({
    {at::kId, 1, true, true, false, 0xff000000},
    {at::kVersion, 1, true, true, false, 0},
    {at::kTpr, 1, true, true, true, 0xff},
    {at::kApr, 1, true, false, false, 0},
    {at::kPpr, 1, true, true, false, 0},
    {at::kEoi, 1, false, false, true, 0},
    {at::kLdr, 1, true, true, false, 0xff000000},
    {at::kDfr, 1, true, false, false, 0xf0000000},
    {at::kSvr, 1, true, true, true, 0x11ff},
    {at::kIsr, 8, true, true, false, 0},
    {at::kTmr, 8, true, true, false, 0},
    {at::kIrr, 8, true, true, false, 0},
    {at::kEsr, 1, true, true, true, 0},
    {at::kIcrLow, 1, true, true, true, 0x000ccfff},
    {at::kIcrHigh, 1, true, false, false, 0xff000000},
    {at::kLvtTimer, 1, true, true, true, 0x000700ff},
    {at::kLvtTimer + 1, 2, true, true, true, 0x000107ff},
    {at::kLvtTimer + 3, 2, true, true, true, 0x0001a7ff},
    {at::kLvtError, 1, true, true, true, 0x000100ff},
    {at::kInitialCount, 1, true, true, true, 0xffffffff},
    {at::kCurrentCount, 1, true, true, false, 0},
    {at::kDivide, 1, true, true, true, 0xb},
    {at::kSelfIpi, 1, false, false, true, 0xff},
});

const Register* find(unsigned index) {
    for (const Register& r : kRegisters)
        if (index - r.first < r.count) return &r;
    return nullptr;
}

}  // namespace

LocalApic::LocalApic(ApicBus& bus, Scheduler& scheduler, Log& log, Wires wires, const Config& config)
    : bus_(bus),
      scheduler_(scheduler),
      log_(log),
      wires_(std::move(wires)),
      config_(config),
      name_(fmt::format("apic{}", config.id)),
      timer_event_(scheduler.add_event(name_ + ".timer", [this](const Scheduler::Due&) { timer_due(); })) {
    bus.add(*this);
    reset();
}

void LocalApic::reset() {
    const auto lint = state_.lint;
    state_ = {};
    state_.lint = lint;
    state_.base = ApicBus::kMessageBase | kGlobalEnable | (config_.bootstrap ? kBootstrap : 0);
    state_.xapic_id = static_cast<u8>(config_.id);
    clear_registers();
    page_moved();
}

void LocalApic::init() {
    const State before = state_;
    state_ = {};
    state_.lint = before.lint;
    state_.base = before.base;
    state_.xapic_id = before.xapic_id;
    state_.startup_pending = before.startup_pending;
    state_.startup_vector = before.startup_vector;
    clear_registers();
}

void LocalApic::clear_registers() {
    for (u32& lvt : state_.lvt) lvt = kMasked;
    scheduler_.cancel(timer_event_);
    intr_ = false;
    wires_.intr.lower();
    update_pins();
}

void LocalApic::page_moved() {
    if (wires_.page_changed)
        wires_.page_changed(GuestPhys(state_.base & kPageMask), enabled() && !x2apic_mode());
}

bool LocalApic::set_base(u64 value) {
    const u64 reserved = (~u64{0} << config_.physical_bits) | 0x2ff | (config_.x2apic ? 0 : kX2apicEnable);
    if (value & reserved) return false;
    const u64 from = state_.base & kModeBits;
    const u64 to = value & kModeBits;
    // x2APIC is entered from xAPIC mode and left by disabling.
    if (to == kX2apicEnable || (to == kModeBits && from == 0) || (to == kGlobalEnable && from == kModeBits)) return false;
    state_.base = (value & ~kBootstrap) | (config_.bootstrap ? kBootstrap : 0);
    if (from != to) {
        if (to == 0) {
            // A disabled APIC forgets everything but, on the next enabling, its ID.
            init();
            state_.xapic_id = static_cast<u8>(config_.id);
            wires_.nmi.set(state_.lint[kLint1]);
        } else if (to == kModeBits) {
            state_.icr &= 0xffffffff;
        }
    }
    page_moved();
    update_pins();
    return true;
}

void LocalApic::note_error(u32 bit) {
    if (state_.errors & bit) return;
    state_.errors |= bit;
    fire(Error);
}

// ---- reads ----------------------------------------------------------------------------------------------

u32 LocalApic::read_register(unsigned index) {
    switch (index) {
        case at::kId: return x2apic_mode() ? config_.id : u32{state_.xapic_id} << 24;
        case at::kVersion: return kVersionValue;
        case at::kTpr: return state_.tpr;
        case at::kApr:
        case at::kPpr: return processor_priority();
        case at::kLdr: return x2apic_mode() ? logical_id() : state_.ldr;
        case at::kDfr: return state_.dfr;
        case at::kSvr: return state_.svr;
        case at::kEsr: return state_.esr;
        case at::kIcrLow: return static_cast<u32>(state_.icr);
        case at::kIcrHigh: return static_cast<u32>(state_.icr >> 32);
        case at::kInitialCount: return state_.initial_count;
        case at::kCurrentCount: return current_count();
        case at::kDivide: return state_.divide;
        default: break;
    }
    if (index - at::kIsr < 8) return state_.isr[index - at::kIsr];
    if (index - at::kTmr < 8) return state_.tmr[index - at::kTmr];
    if (index - at::kIrr < 8) return state_.irr[index - at::kIrr];
    if (index - at::kLvtTimer < kLvts) return state_.lvt[index - at::kLvtTimer];
    return 0;
}

u64 LocalApic::mmio_read(u64 offset, unsigned size) {
    const unsigned index = static_cast<unsigned>(offset >> 4);
    const Register* known = find(index);
    if (!known || index == at::kSelfIpi) {
        note_error(kIllegalRegister);
        return 0;
    }
    // Registers are aligned to 16 bytes; the 12 above each read zero.
    const unsigned byte = offset & 15;
    if (byte >= 4 || !known->readable) return 0;
    const u64 value = read_register(index) >> 8 * byte;
    return size >= 4 ? value : value & ((u64{1} << 8 * size) - 1);
}

bool LocalApic::read_msr(u32 index, u64& value) {
    const unsigned number = index - 0x800;
    const Register* known = find(number);
    if (!x2apic_mode() || !known || !known->x2_readable) return false;
    value = number == at::kIcrLow ? state_.icr : read_register(number);
    return true;
}

// ---- writes ---------------------------------------------------------------------------------------------

void LocalApic::write_lvt(Lvt which, u32 value) {
    if (which == Timer) catch_up();
    const u32 kept = state_.lvt[which] & 0x4000;  // remote IRR
    // While the APIC is disabled by software all entries are masked.
    if (!(state_.svr & kSoftwareEnable)) value |= kMasked;
    const TimerMode mode = timer_mode();
    state_.lvt[which] = value | kept;
    if (which == Timer) {
        if ((mode == TimerMode::TscDeadline) != (timer_mode() == TimerMode::TscDeadline)) {
            state_.tsc_deadline = 0;
            state_.initial_count = 0;
        }
        rearm();
    }
    if (which == Lint0 || which == Lint1) update_lint(which == Lint0 ? kLint0 : kLint1, state_.lint[which - Lint0]);
    update_pins();
}

void LocalApic::write_svr(u32 value) {
    state_.svr = value;
    if (!(value & kSoftwareEnable)) {
        for (u32& lvt : state_.lvt) lvt |= kMasked;
        rearm();
    }
    update_pins();
}

void LocalApic::write_register(unsigned index, u32 value) {
    switch (index) {
        case at::kId: state_.xapic_id = static_cast<u8>(value >> 24); break;
        case at::kTpr:
            state_.tpr = static_cast<u8>(value);
            update_pins();
            break;
        case at::kEoi: end_of_interrupt(); break;
        case at::kLdr: state_.ldr = value; break;
        case at::kDfr: state_.dfr = value | 0x0fffffff; break;
        case at::kSvr: write_svr(value); break;
        case at::kEsr: state_.esr = std::exchange(state_.errors, 0); break;
        case at::kIcrLow:
            state_.icr = (state_.icr & ~u64{0xffffffff}) | value;
            send_ipi(state_.icr);
            break;
        case at::kIcrHigh: state_.icr = (state_.icr & 0xffffffff) | u64{value} << 32; break;
        case at::kInitialCount: set_initial_count(value); break;
        case at::kDivide: set_divide(value); break;
        case at::kSelfIpi:
            if (value < 16)
                note_error(1u << 5);
            else
                accept(static_cast<u8>(value), false);
            break;
        default:
            if (index - at::kLvtTimer < kLvts) write_lvt(static_cast<Lvt>(index - at::kLvtTimer), value);
            break;
    }
}

void LocalApic::mmio_write(u64 offset, unsigned size, u64 value) {
    const unsigned index = static_cast<unsigned>(offset >> 4);
    const Register* known = find(index);
    if (!known || index == at::kSelfIpi) {
        note_error(kIllegalRegister);
        return;
    }
    // SDM: anything but aligned 32-bit stores is undefined; such stores do nothing here.
    if ((offset & 15) != 0 || size < 4) return;
    write_register(index, static_cast<u32>(value) & known->writable);
}

bool LocalApic::write_msr(u32 index, u64 value) {
    const unsigned number = index - 0x800;
    const Register* known = find(number);
    if (!x2apic_mode() || !known || !known->x2_writable) return false;
    const u64 allowed = number == at::kIcrLow ? known->writable | ~u64{0xffffffff} : known->writable;
    if (value & ~allowed) return false;
    if (number == at::kIcrLow) {
        state_.icr = value;
        send_ipi(value);
    } else {
        write_register(number, static_cast<u32>(value));
    }
    return true;
}

// ---- state ----------------------------------------------------------------------------------------------

Result<StatePart::Install> LocalApic::load_state(const StateNode& node) {
    return prepare_state<State>(node, [this](const State& state) {
        state_ = state;
        page_moved();
        intr_ = external_request() || (software_enabled() && deliverable() >= 0);
        wires_.intr.set(intr_);
    });
}

std::string LocalApic::describe() const {
    static constexpr const char* kNames[] = {"timer", "thermal", "performance", "LINT0", "LINT1", "error"};
    std::string text = fmt::format(
        "local APIC {}: {}, base {:#x}, TPR {:02x}, PPR {:02x}, SVR {:03x}, LDR {:08x}, DFR {:08x}, ESR {:02x}\n",
        config_.id, !enabled() ? "disabled" : x2apic_mode() ? "x2APIC" : "xAPIC", state_.base & kPageMask,
        state_.tpr, processor_priority(), state_.svr, state_.ldr, state_.dfr, state_.esr);
    for (unsigned i = 0; i < kLvts; i++)
        text += fmt::format("  LVT {:<11} {:05x}{}\n", kNames[i], state_.lvt[i], state_.lvt[i] & kMasked ? " masked" : "");
    const auto vectors = [&](const char* name, const std::array<u32, 8>& bits) {
        text += fmt::format("  {}:", name);
        for (unsigned v = 0; v < 256; v++)
            if (bits[v / 32] >> v % 32 & 1) text += fmt::format(" {:02x}", v);
        text += "\n";
    };
    vectors("IRR", state_.irr);
    vectors("ISR", state_.isr);
    text += fmt::format("  timer: initial {:#x}, current {:#x}, divide by {}\n", state_.initial_count, current_count(), tick_ns());
    return text;
}

static_assert(every_field_listed<LocalApic::State>());

}  // namespace gnomon
