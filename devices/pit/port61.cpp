// Port 61h.
#include "devices/pit/port61.h"

namespace gnomon {
namespace {

constexpr PortRange kPorts[] = {{0x61, 1}};

constexpr u8 kToneGate = 0x01;
constexpr u8 kSpeakerEnable = 0x02;
constexpr u8 kSystemErrorDisable = 0x04;
constexpr u8 kIoCheckDisable = 0x08;
constexpr u8 kRefreshToggle = 0x10;
constexpr u8 kToneOutput = 0x20;
constexpr u8 kIoCheck = 0x40;
constexpr u8 kSystemError = 0x80;

// A refresh cycle every 15.085 µs: 18 pulses of the timer's clock.
constexpr u64 kRefreshTicks = 18;

}  // namespace

Result<std::unique_ptr<Port61>> Port61::create(PortBus& ports, Pit& pit, Line nmi) {
    std::unique_ptr<Port61> port61(new Port61(pit, nmi));
    auto claims = ports.claim_all("port61", kPorts, *port61);
    if (!claims) return claims.error();
    port61->claims_ = std::move(*claims);
    return port61;
}

void Port61::reset() {
    const bool masked = state_.nmi_masked;  // port 70h's to change
    state_ = {};
    state_.nmi_masked = masked;
    pit_.set_tone_gate(false);
    speaker_may_change(pit_.tick_ns(), pit_.tone_output());
    update_nmi();
}

void Port61::set_line(unsigned pin, bool level) {
    switch (static_cast<Pin>(pin)) {
        case Pin::IoCheck:
            if (level && !(state_.control & kIoCheckDisable)) state_.nmi_sources |= kIoCheck;
            break;
        case Pin::SystemError:
            if (level && !(state_.control & kSystemErrorDisable)) state_.nmi_sources |= kSystemError;
            break;
        case Pin::NmiMask: state_.nmi_masked = level; break;
    }
    update_nmi();
}

void Port61::on_speaker(std::function<void(u64 at_ns, bool level)> speaker) {
    speaker_ = std::move(speaker);
    last_level_ = (state_.control & kSpeakerEnable) && pit_.tone_output();
    if (speaker_)
        pit_.on_tone([this](u64 at_ns, bool tone) { speaker_may_change(at_ns, tone); });
    else
        pit_.on_tone(nullptr);
}

void Port61::speaker_may_change(u64 at_ns, bool tone) {
    const bool level = (state_.control & kSpeakerEnable) && tone;
    if (!speaker_ || level == last_level_) return;
    last_level_ = level;
    speaker_(at_ns, level);
}

u32 Port61::port_read(u16 /*port*/, unsigned /*size*/) {
    u8 value = state_.control | state_.nmi_sources;
    if (pit_.tick() / kRefreshTicks & 1) value |= kRefreshToggle;
    if (pit_.tone_output()) value |= kToneOutput;
    return value;
}

void Port61::port_write(u16 /*port*/, unsigned /*size*/, u32 value) {
    // What the tone did until now belongs to the old settings.
    pit_.run_tone();
    state_.control = value & (kToneGate | kSpeakerEnable | kSystemErrorDisable | kIoCheckDisable);
    pit_.set_tone_gate(value & kToneGate);
    speaker_may_change(pit_.tick_ns(), pit_.tone_output());
    if (value & kIoCheckDisable) state_.nmi_sources &= static_cast<u8>(~kIoCheck);
    if (value & kSystemErrorDisable) state_.nmi_sources &= static_cast<u8>(~kSystemError);
    update_nmi();
}

Result<StatePart::Install> Port61::load_state(const StateNode& node) {
    return prepare_state<State>(node, [this](const State& state) {
        state_ = state;
        last_level_ = false;
    });
}

static_assert(every_field_listed<Port61::State>());

}  // namespace gnomon
