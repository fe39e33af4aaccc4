// Ports by which guest programs talk to the emulator: consoles at 0xE9 and 0x402, the exit port, and the
// power-off word at 0x8900. Conventions of Bochs, SeaBIOS and the isa-debug-exit device.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "devices/port_bus.h"
#include "devices/serial/char_backend.h"
#include "support/state.h"

namespace gnomon {

/// A write goes to the host, a read gives E9: programs test for that value before they print.
class DebugConsole final : public PortIo {
  public:
    static constexpr u16 kPort = 0xe9;
    static constexpr u16 kFirmwarePort = 0x402;
    static constexpr u8 kPresent = 0xe9;

    /// `backend` must outlive the console; several consoles may share one.
    static Result<std::unique_ptr<DebugConsole>> create(PortBus& bus, u16 port, CharBackend& backend);

    u32 port_read(u16 port, unsigned size) override;
    void port_write(u16 port, unsigned size, u32 value) override;

  private:
    explicit DebugConsole(CharBackend& backend) : backend_(backend) {}

    CharBackend& backend_;
    PortClaim claim_;
};

/// A write of v ends the run with exit status (v << 1) | 1.
class DebugExit final : public PortIo {
  public:
    struct Config {
        u16 port = 0x501;
        u8 size = 2;  ///< how many ports: 1, 2 or 4
    };
    using Exit = std::function<void(u32 status)>;

    static Result<std::unique_ptr<DebugExit>> create(PortBus& bus, const Config& config, Exit exit);

    u32 port_read(u16 port, unsigned size) override;
    void port_write(u16 port, unsigned size, u32 value) override;

  private:
    explicit DebugExit(Exit exit) : exit_(std::move(exit)) {}

    Exit exit_;
    PortClaim claim_;
};

/// The bytes "Shutdown", one after the other, power the machine off.
class ShutdownPort final : public PortIo, public StatePart {
  public:
    static constexpr PortRange kPort{0x8900, 1};

    static Result<std::unique_ptr<ShutdownPort>> create(PortBus& bus, std::function<void()> power_off);

    void reset() { state_ = {}; }

    u32 port_read(u16 port, unsigned size) override;
    void port_write(u16 port, unsigned size, u32 value) override;

    struct State {
        u8 matched = 0;  ///< characters of the word so far
        template<class V>
        constexpr void fields(V& v) {
            v("matched", matched);
        }
    };
    [[nodiscard]] std::string_view state_name() const override { return "debug.shutdown"; }
    [[nodiscard]] StateNode save_state() const override { return save_value(state_); }
    Result<Install> load_state(const StateNode& node) override;

  private:
    explicit ShutdownPort(std::function<void()> power_off) : power_off_(std::move(power_off)) {}

    std::function<void()> power_off_;
    State state_;
    PortClaim claim_;
};

}  // namespace gnomon
