// Interrupts of a local APIC: messages in and out, local sources, priorities, the acknowledge cycle.
// SDM Vol. 3, "Issuing Interprocessor Interrupts", "Handling Interrupts".
#include <bit>

#include "cpu/apic/local_apic.h"

namespace gnomon {
namespace {

constexpr u32 kSendIllegalVector = 1u << 5, kReceiveIllegalVector = 1u << 6;
constexpr u32 kLvtLevel = 1u << 15, kLvtActiveLow = 1u << 13, kLvtRemoteIrr = 1u << 14;

template<size_t N>
int highest(const std::array<u32, N>& bits) {
    for (size_t i = N; i-- > 0;)
        if (bits[i] != 0) return static_cast<int>(i * 32 + 31 - static_cast<unsigned>(std::countl_zero(bits[i])));
    return -1;
}

DeliveryMode mode_of(u32 lvt) { return static_cast<DeliveryMode>(lvt >> 8 & 7); }

}  // namespace

// ---- messages -------------------------------------------------------------------------------------------

u32 LocalApic::logical_id() const {
    // x2APIC: the cluster is bits 4 and up of the ID, the place in it one bit.
    if (x2apic_mode()) return config_.id >> 4 << 16 | 1u << (config_.id & 15);
    return state_.ldr >> 24;
}

bool LocalApic::accepts(const InterruptMessage& message) const {
    if (!enabled()) return false;
    const u32 to = message.destination;
    if (!message.logical) return to == InterruptMessage::kEverybody || to == current_id();
    const u32 own = logical_id();
    if (x2apic_mode())
        return to == InterruptMessage::kEverybody || ((to ^ own) >> 16 == 0 && (to & own & 0xffff) != 0);
    const u32 wanted = to == InterruptMessage::kEverybody ? 0xff : to;
    if (state_.dfr >> 28 == 15) return (wanted & own) != 0;
    return (wanted >> 4 == 15 || wanted >> 4 == own >> 4) && (wanted & own & 15) != 0;
}

void LocalApic::receive(const InterruptMessage& message) {
    switch (message.mode) {
        case DeliveryMode::Fixed:
        case DeliveryMode::LowestPriority: accept(message.vector, message.level); break;
        case DeliveryMode::Nmi: wires_.nmi.pulse(); break;
        case DeliveryMode::Smi:
            log_.guest("apic", "SMI", "a system-management interrupt: there is no system-management mode");
            break;
        case DeliveryMode::Init:
            if (!message.assertion) break;
            state_.init_pending = true;
            state_.startup_pending = false;
            if (wires_.attention) wires_.attention();
            break;
        case DeliveryMode::Startup:
            state_.startup_pending = true;
            state_.startup_vector = message.vector;
            if (wires_.attention) wires_.attention();
            break;
        case DeliveryMode::ExtInt:
        case DeliveryMode::Reserved: break;
    }
}

bool LocalApic::take_init() { return std::exchange(state_.init_pending, false); }

std::optional<u8> LocalApic::take_startup() {
    if (!std::exchange(state_.startup_pending, false)) return {};
    return state_.startup_vector;
}

void LocalApic::send_ipi(u64 icr) {
    InterruptMessage message;
    message.vector = static_cast<u8>(icr);
    message.mode = static_cast<DeliveryMode>(icr >> 8 & 7);
    message.logical = icr >> 11 & 1;
    const bool level = icr >> 15 & 1;
    message.assertion = !level || icr >> 14 & 1;
    if (x2apic_mode())
        message.destination = static_cast<u32>(icr >> 32);
    else if (const u32 id = static_cast<u32>(icr >> 56); !message.logical && id == 0xff)
        message.destination = InterruptMessage::kEverybody;
    else
        message.destination = id;
    if (message.mode == DeliveryMode::Reserved) return;
    const bool has_vector = message.mode == DeliveryMode::Fixed || message.mode == DeliveryMode::LowestPriority;
    if (has_vector && message.vector < 16) {
        note_error(kSendIllegalVector);
        return;
    }
    switch (icr >> 18 & 3) {
        case 0: bus_.send(message); break;
        case 1: receive(message); break;
        case 2: bus_.send_to_all(message, nullptr); break;
        default: bus_.send_to_all(message, this); break;
    }
}

void LocalApic::accept(u8 vector, bool level) {
    if (!software_enabled()) return;
    if (vector < 16) {
        note_error(kReceiveIllegalVector);
        return;
    }
    const u32 bit = 1u << vector % 32;
    state_.irr[vector / 32] |= bit;
    u32& tmr = state_.tmr[vector / 32];
    tmr = level ? tmr | bit : tmr & ~bit;
    update_pins();
}

// ---- local sources --------------------------------------------------------------------------------------

void LocalApic::fire(Lvt which) {
    const u32 lvt = state_.lvt[which];
    if (lvt & kMasked || !software_enabled()) return;
    const bool vector_only = which == Timer || which == Error;
    InterruptMessage message{0, false, vector_only ? DeliveryMode::Fixed : mode_of(lvt), static_cast<u8>(lvt),
                             false, true};
    // Counters mask themselves; ExtINT is a level that update_pins() passes on.
    if (which == Performance) state_.lvt[which] |= kMasked;
    if (message.mode == DeliveryMode::LowestPriority || message.mode == DeliveryMode::Startup) return;
    receive(message);
}

void LocalApic::set_line(unsigned pin, bool level) {
    const bool before = std::exchange(state_.lint[pin & 1], level);
    if (before == level) return;
    if (!enabled()) {
        if (pin == kLint1) wires_.nmi.set(level);
        update_pins();
        return;
    }
    update_lint(pin & 1, before);
    update_pins();
}

void LocalApic::update_lint(unsigned pin, bool before) {
    const Lvt which = pin == 0 ? Lint0 : Lint1;
    u32& lvt = state_.lvt[which];
    if (lvt & kMasked || !software_enabled() || mode_of(lvt) == DeliveryMode::ExtInt) return;
    const bool asserted = state_.lint[pin] != ((lvt & kLvtActiveLow) != 0);
    const bool was = before != ((lvt & kLvtActiveLow) != 0);
    // Level-triggered: LINT0 only, in fixed mode only; held back until the end of the one before.
    if (which == Lint0 && lvt & kLvtLevel && mode_of(lvt) == DeliveryMode::Fixed) {
        if (!asserted || lvt & kLvtRemoteIrr) return;
        lvt |= kLvtRemoteIrr;
        accept(static_cast<u8>(lvt), true);
        return;
    }
    if (asserted && !was) fire(which);
}

// ---- priorities -----------------------------------------------------------------------------------------

u8 LocalApic::processor_priority() const {
    const int in_service = highest(state_.isr);
    const u8 service_class = in_service < 0 ? 0 : static_cast<u8>(in_service & 0xf0);
    return (state_.tpr & 0xf0) >= service_class ? state_.tpr : service_class;
}

int LocalApic::deliverable() const {
    const int request = highest(state_.irr);
    return request >= 0 && (request & 0xf0) > (processor_priority() & 0xf0) ? request : -1;
}

/// The 8259's request, where it goes straight to the processor.
bool LocalApic::external_request() const {
    if (!enabled()) return state_.lint[kLint0];
    if (!(state_.svr & kSoftwareEnable)) return false;
    for (const unsigned pin : {kLint0, kLint1}) {
        const u32 lvt = state_.lvt[pin == kLint0 ? Lint0 : Lint1];
        if (!(lvt & kMasked) && mode_of(lvt) == DeliveryMode::ExtInt &&
            state_.lint[pin] != ((lvt & kLvtActiveLow) != 0))
            return true;
    }
    return false;
}

void LocalApic::update_pins() {
    const bool request = external_request() || (software_enabled() && deliverable() >= 0);
    if (std::exchange(intr_, request) != request) wires_.intr.set(request);
}

u8 LocalApic::acknowledge() {
    if (external_request() && wires_.pic) {
        const u8 vector = wires_.pic->acknowledge();
        update_pins();
        return vector;
    }
    const int vector = software_enabled() ? deliverable() : -1;
    if (vector < 0) {
        update_pins();
        return static_cast<u8>(state_.svr);
    }
    const u32 bit = 1u << vector % 32;
    state_.irr[static_cast<unsigned>(vector) / 32] &= ~bit;
    state_.isr[static_cast<unsigned>(vector) / 32] |= bit;
    update_pins();
    return static_cast<u8>(vector);
}

void LocalApic::end_of_interrupt() {
    const int vector = highest(state_.isr);
    if (vector < 0) return;
    const unsigned word = static_cast<unsigned>(vector) / 32;
    const u32 bit = 1u << vector % 32;
    state_.isr[word] &= ~bit;
    if (state_.tmr[word] & bit) {
        u32& lint0 = state_.lvt[Lint0];
        if (lint0 & kLvtRemoteIrr && (lint0 & 0xff) == static_cast<u32>(vector)) {
            lint0 &= ~kLvtRemoteIrr;
            update_lint(kLint0, state_.lint[kLint0]);
        }
        if (!(state_.svr & kSuppressEoi)) bus_.broadcast_eoi(static_cast<u8>(vector));
    }
    update_pins();
}

void LocalApic::set_task_priority(u8 priority_class) {
    state_.tpr = static_cast<u8>(priority_class << 4);
    update_pins();
}

}  // namespace gnomon
