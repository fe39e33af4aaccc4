// The pointing device that knows places instead of ways: the absolute pointer of VMware's backdoor, commands
// 39 to 41 and 86. Its data come through the port, the PS/2 mouse only says that there are some.
#pragma once

#include <functional>
#include <memory>
#include <string_view>
#include <vector>

#include "devices/keyboard/keys.h"
#include "devices/port_bus.h"
#include "support/state.h"

namespace gnomon {

/// What a call of the backdoor passes in both directions: registers of the processor that reads the port.
struct BackdoorRegisters {
    u32 eax = 0, ebx = 0, ecx = 0, edx = 0, esi = 0, edi = 0;
    u8 cpl = 0;  ///< inwards only
};

class VmwarePointer final : public PortIo, public StatePart {
  public:
    static constexpr PortRange kPort{0x5658, 4, 1 | 2 | 4};
    static constexpr u32 kMagic = 0x564d5868;
    /// Places are fractions of the screen: 0 is its left or upper edge, kEdge the other one.
    static constexpr u32 kEdge = 0xffff;

    struct Wiring {
        std::function<BackdoorRegisters()> registers;  ///< of the calling processor
        std::function<void(const BackdoorRegisters&)> set_registers;
        std::function<void()> data_waits;  ///< the PS/2 mouse interrupts
    };
    static Result<std::unique_ptr<VmwarePointer>> create(PortBus& bus, Wiring wiring);

    void reset() { state_ = {}; }

    /// The guest has taken over: the PS/2 mouse itself stays silent.
    [[nodiscard]] bool enabled() const { return state_.enabled; }
    /// It wants places.
    [[nodiscard]] bool absolute() const { return state_.enabled && state_.absolute; }

    // Front ends. Nothing happens unless enabled().
    void place(u32 x, u32 y);
    /// As Ps2Mouse::move(). Where places are wanted only the wheel counts.
    void move(int right, int down, int wheel);
    void button(MouseButton which, bool down);

    u32 port_read(u16 port, unsigned size) override;
    void port_write(u16 port, unsigned size, u32 value) override;

    struct State {
        bool enabled = false;
        bool absolute = false;
        bool only_cpl_0 = false;
        u8 buttons = 0;  ///< as in a packet
        u32 x = 0;
        u32 y = 0;
        std::vector<u32> queue;  ///< the version, then packets: buttons, x, y, wheel
        template<class V>
        constexpr void fields(V& v) {
            v("enabled", enabled);
            v("absolute", absolute);
            v("only_cpl_0", only_cpl_0);
            v("buttons", buttons);
            v("x", x);
            v("y", y);
            v("queue", queue);
        }
    };
    [[nodiscard]] const State& state() const { return state_; }
    [[nodiscard]] std::string_view state_name() const override { return "vmware-pointer"; }
    [[nodiscard]] StateNode save_state() const override { return save_value(state_); }
    Result<Install> load_state(const StateNode& node) override;

  private:
    explicit VmwarePointer(Wiring wiring) : wiring_(std::move(wiring)) {}

    void call(BackdoorRegisters& r);
    void command(u32 what);
    void take_data(BackdoorRegisters& r);
    void queue_packet(u32 flags, u32 x, u32 y, int wheel);

    Wiring wiring_;
    State state_;
    std::vector<PortClaim> claims_;
};

}  // namespace gnomon
