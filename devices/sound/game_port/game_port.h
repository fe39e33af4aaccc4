// The game port of a sound card: four one-shots whose lengths the potentiometers of two joysticks set, and
// four buttons. IBM Personal Computer Options and Adapters Technical Reference, "Game Control Adapter".
#pragma once

#include <array>
#include <memory>

#include "devices/port_bus.h"
#include "devices/sound/game_port/stick_position.h"
#include "support/clock.h"
#include "support/state.h"

namespace gnomon {

class GamePort final : public PortIo, public StatePart {
  public:
    static constexpr PortRange kPorts{0x200, 8};  ///< all of them the one register that programs know as 201h
    static constexpr unsigned kSticks = 2;

    static Result<std::unique_ptr<GamePort>> create(PortBus& bus, const VirtualClock& clock);

    void reset() { state_ = {}; }
    /// Front ends; `stick` is 0 or 1. Not part of the state: it is the user's hand.
    void hold(unsigned stick, const StickPosition& position) { sticks_.at(stick) = position; }
    [[nodiscard]] const StickPosition& stick(unsigned index) const { return sticks_.at(index); }

    u32 port_read(u16 port, unsigned size) override;
    void port_write(u16 port, unsigned size, u32 value) override;

    /// 24.2 µs and 0.011 µs for each ohm of a potentiometer of 100 kΩ.
    [[nodiscard]] static constexpr u64 one_shot_ns(u16 position) {
        return 24'200 + u64{position} * 1'100'000 / 0xffff;
    }

    struct State {
        bool triggered = false;
        u64 triggered_ns = 0;
        template<class V>
        constexpr void fields(V& v) {
            v("triggered", triggered);
            v("triggered_ns", triggered_ns);
        }
    };
    [[nodiscard]] std::string_view state_name() const override { return "game_port"; }
    [[nodiscard]] StateNode save_state() const override { return save_value(state_); }
    Result<Install> load_state(const StateNode& node) override;

  private:
    explicit GamePort(const VirtualClock& clock) : clock_(clock) {}
    [[nodiscard]] bool charging(const StickPosition& stick, u16 position) const;

    const VirtualClock& clock_;
    State state_;
    std::array<StickPosition, kSticks> sticks_{};
    std::vector<PortClaim> claims_;
};

}  // namespace gnomon
