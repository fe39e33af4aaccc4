// The one register of the game port.
#include "devices/sound/game_port/game_port.h"

namespace gnomon {

static_assert(every_field_listed<GamePort::State>());

Result<std::unique_ptr<GamePort>> GamePort::create(PortBus& bus, const VirtualClock& clock) {
    std::unique_ptr<GamePort> port(new GamePort(clock));
    auto claims = bus.claim_all("game port", {&kPorts, 1}, *port);
    if (!claims) return claims.error();
    port->claims_ = std::move(*claims);
    return port;
}

/// Where nothing is plugged in no current charges the capacitor: a one-shot that was triggered never ends.
bool GamePort::charging(const StickPosition& stick, u16 position) const {
    return state_.triggered && (!stick.plugged || clock_.now() - state_.triggered_ns < one_shot_ns(position));
}

u32 GamePort::port_read(u16 /*port*/, unsigned /*size*/) {
    u32 value = 0xf0;  // a pressed button pulls its bit down
    for (unsigned i = 0; i < kSticks; i++) {
        const StickPosition& stick = sticks_[i];
        const unsigned axes = (charging(stick, stick.x) ? 1u : 0u) | (charging(stick, stick.y) ? 2u : 0u);
        const unsigned buttons = stick.plugged ? stick.buttons & 3u : 0u;
        value = (value | axes << 2 * i) & ~(buttons << (4 + 2 * i));
    }
    return value;
}

void GamePort::port_write(u16 /*port*/, unsigned /*size*/, u32 /*value*/) { state_ = {true, clock_.now()}; }

Result<StatePart::Install> GamePort::load_state(const StateNode& node) {
    State fresh;
    if (Result<void> loaded = load_value(node, fresh); !loaded) return loaded.error();
    return Install([this, fresh] { state_ = fresh; });
}

}  // namespace gnomon
