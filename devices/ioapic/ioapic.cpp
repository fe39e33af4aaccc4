// The I/O APIC: redirection of its inputs to local APICs.
#include "devices/ioapic/ioapic.h"

#include <cassert>

#include "support/result.h"

namespace gnomon {
namespace {

constexpr unsigned kSelect = 0x00, kWindow = 0x10, kEoi = 0x40;
constexpr unsigned kId = 0, kVersion = 1, kArbitration = 2, kFirstEntry = 0x10;
/// Version 20h has the EOI register.
constexpr u32 kVersionValue = 0x20 | (IoApic::kInputs - 1) << 16;

namespace entry {
constexpr u64 kLogical = 1u << 11, kRemoteIrr = 1u << 14, kLevel = 1u << 15, kMasked = 1u << 16;
constexpr u64 kReadOnly = kRemoteIrr | 1u << 12;  // and the delivery status, which is always idle
constexpr u64 kWritable = 0xff0000000001afff & ~kReadOnly;
}  // namespace entry

}  // namespace

IoApic::IoApic(InterruptBus& bus, u8 id) : bus_(bus), first_id_(id) { reset(); }

Line IoApic::add_source(unsigned input) {
    assert(input < kInputs && source_counts_[input] < 32);
    return {*this, input + kInputs * source_counts_[input]++};
}

void IoApic::reset() {
    const auto sources = state_.sources;
    state_ = {};
    state_.sources = sources;
    state_.id = first_id_;
    for (u64& e : state_.entries) e = entry::kMasked;
}

void IoApic::set_line(unsigned pin, bool asserted) {
    const unsigned input = pin % kInputs;
    u32& sources = state_.sources[input];
    const bool before = sources != 0;
    const u32 source = u32{1} << pin / kInputs;
    sources = asserted ? sources | source : sources & ~source;
    if (before == (sources != 0)) return;
    const u64 e = state_.entries[input];
    if (e & entry::kLevel) {
        service(input);
    } else if (!before) {
        // A masked edge is lost (82093AA, "Interrupt Mask").
        if (e & entry::kMasked) return;
        state_.requests |= u32{1} << input;
        service(input);
    }
}

/// Sends what the input asks for, if it may.
void IoApic::service(unsigned input) {
    u64& e = state_.entries[input];
    if (e & entry::kMasked) return;
    const bool level = e & entry::kLevel;
    if (level ? state_.sources[input] == 0 || e & entry::kRemoteIrr : !(state_.requests >> input & 1)) return;
    const u32 id = static_cast<u32>(e >> 56);
    const bool logical = e & entry::kLogical;
    const InterruptMessage message{!logical && id == 0xff ? InterruptMessage::kEverybody : id,
                                   logical,
                                   static_cast<DeliveryMode>(e >> 8 & 7),
                                   static_cast<u8>(e),
                                   level,
                                   true};
    state_.requests &= ~(u32{1} << input);
    // Only fixed and lowest-priority interrupts end with an EOI.
    const bool ends = message.mode == DeliveryMode::Fixed || message.mode == DeliveryMode::LowestPriority;
    if (level && ends) e |= entry::kRemoteIrr;
    if (!bus_.send(message) && level) e &= ~entry::kRemoteIrr;
}

void IoApic::end_of_interrupt(u8 vector) {
    for (unsigned input = 0; input < kInputs; input++) {
        u64& e = state_.entries[input];
        if (!(e & entry::kLevel) || !(e & entry::kRemoteIrr) || static_cast<u8>(e) != vector) continue;
        e &= ~entry::kRemoteIrr;
        service(input);
    }
}

u32 IoApic::read_register() const {
    switch (state_.select) {
        case kId:
        case kArbitration: return u32{state_.id} << 24;
        case kVersion: return kVersionValue;
        default: break;
    }
    const unsigned index = state_.select - kFirstEntry;
    if (state_.select < kFirstEntry || index >= 2 * kInputs) return 0;
    return static_cast<u32>(state_.entries[index / 2] >> (index & 1 ? 32 : 0));
}

void IoApic::write_register(u32 value) {
    if (state_.select == kId) {
        state_.id = value >> 24 & 15;
        return;
    }
    const unsigned index = state_.select - kFirstEntry;
    if (state_.select < kFirstEntry || index >= 2 * kInputs) return;
    u64& e = state_.entries[index / 2];
    const unsigned shift = index & 1 ? 32 : 0;
    const u64 mask = u64{0xffffffff} << shift & entry::kWritable;
    e = (e & ~mask) | (u64{value} << shift & mask);
    // An edge-triggered entry has no remote IRR: a change of the mode clears it.
    if (!(e & entry::kLevel)) e &= ~entry::kRemoteIrr;
    service(index / 2);
}

u64 IoApic::mmio_read(u64 offset, unsigned /*size*/) {
    switch (offset & 0xff) {
        case kSelect: return state_.select;
        case kWindow: return read_register();
        default: return 0;
    }
}

void IoApic::mmio_write(u64 offset, unsigned /*size*/, u64 value) {
    switch (offset & 0xff) {
        case kSelect: state_.select = static_cast<u8>(value); break;
        case kWindow: write_register(static_cast<u32>(value)); break;
        case kEoi: end_of_interrupt(static_cast<u8>(value)); break;
        default: break;
    }
}

std::string IoApic::describe() const {
    std::string text = fmt::format("I/O APIC {}\n", state_.id);
    for (unsigned input = 0; input < kInputs; input++) {
        const u64 e = state_.entries[input];
        text += fmt::format("  {:>2}: {:016x} {}{}{}{}\n", input, e, e & entry::kLevel ? "level" : "edge",
                            e & entry::kMasked ? ", masked" : "", e & entry::kRemoteIrr ? ", remote IRR" : "",
                            state_.sources[input] ? ", asserted" : "");
    }
    return text;
}

Result<StatePart::Install> IoApic::load_state(const StateNode& node) {
    return prepare_state<State>(node, [this](const State& state) { state_ = state; });
}

static_assert(every_field_listed<IoApic::State>());

}  // namespace gnomon
