// Debug consoles, exit port and power-off word.
#include "devices/debug_ports/debug_ports.h"

namespace gnomon {
namespace {

constexpr std::string_view kShutdown = "Shutdown";

}  // namespace

static_assert(every_field_listed<ShutdownPort::State>());

Result<std::unique_ptr<DebugConsole>> DebugConsole::create(PortBus& bus, u16 port, CharBackend& backend) {
    std::unique_ptr<DebugConsole> device(new DebugConsole(backend));
    Result<PortClaim> claim = bus.claim("debug console", {port, 1}, *device);
    if (!claim) return claim.error();
    device->claim_ = std::move(*claim);
    return device;
}

u32 DebugConsole::port_read(u16, unsigned) { return kPresent; }

void DebugConsole::port_write(u16, unsigned, u32 value) { backend_.write_byte(static_cast<u8>(value)); }

Result<std::unique_ptr<DebugExit>> DebugExit::create(PortBus& bus, const Config& config, Exit exit) {
    if (config.size != 1 && config.size != 2 && config.size != 4)
        return fail("debug exit: {} ports are not 1, 2 or 4", config.size);
    std::unique_ptr<DebugExit> device(new DebugExit(std::move(exit)));
    Result<PortClaim> claim = bus.claim("debug exit", {config.port, config.size, 1 | 2 | 4}, *device);
    if (!claim) return claim.error();
    device->claim_ = std::move(*claim);
    return device;
}

u32 DebugExit::port_read(u16, unsigned) { return 0; }

void DebugExit::port_write(u16, unsigned, u32 value) { exit_(value << 1 | 1); }

Result<std::unique_ptr<ShutdownPort>> ShutdownPort::create(PortBus& bus, std::function<void()> power_off) {
    std::unique_ptr<ShutdownPort> device(new ShutdownPort(std::move(power_off)));
    Result<PortClaim> claim = bus.claim("shutdown port", kPort, *device);
    if (!claim) return claim.error();
    device->claim_ = std::move(*claim);
    return device;
}

u32 ShutdownPort::port_read(u16, unsigned) { return 0; }

void ShutdownPort::port_write(u16, unsigned, u32 value) {
    const char byte = static_cast<char>(value);
    if (byte != kShutdown[state_.matched]) state_.matched = 0;
    if (byte == kShutdown[state_.matched]) state_.matched++;
    if (state_.matched < kShutdown.size()) return;
    state_.matched = 0;
    power_off_();
}

Result<StatePart::Install> ShutdownPort::load_state(const StateNode& node) {
    State fresh;
    if (Result<void> loaded = load_value(node, fresh); !loaded) return loaded.error();
    if (fresh.matched >= kShutdown.size())
        return fail("matched: {} is more than the word has", fresh.matched);
    return Install([this, fresh] { state_ = fresh; });
}

}  // namespace gnomon
