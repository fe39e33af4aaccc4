// A test bench for one device: a clock that the test turns by hand (one nanosecond an instruction), the event
// queue, a port bus, and fakes of what devices are wired to. For tests only.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "devices/port_bus.h"
#include "support/line.h"
#include "support/scheduler.h"

namespace gnomon {

/// Lets guest time pass up to `at_ns`, running every event at its own time.
inline void advance_to(Scheduler& scheduler, u64 at_ns) {
    while (scheduler.next_deadline() <= at_ns) {
        scheduler.clock().skip_to(scheduler.next_deadline());
        scheduler.run_due();
    }
    scheduler.clock().skip_to(at_ns);
}

struct DeviceBench {
    Log log{[this](LogLevel, std::string_view part, std::string_view message) {
        messages.push_back(fmt::format("{}: {}", part, message));
    }};
    VirtualClock clock{ClockMode::Deterministic, VirtualClock::kSecond};
    Scheduler scheduler{clock};
    PortBus ports{log};
    std::vector<std::string> messages;  ///< what was logged at level warning or worse

    void advance(u64 ns) { advance_to(scheduler, clock.now() + ns); }
    u8 in8(u16 port) { return static_cast<u8>(ports.port_read(port, 1)); }
    u16 in16(u16 port) { return static_cast<u16>(ports.port_read(port, 2)); }
    u32 in32(u16 port) { return ports.port_read(port, 4); }
    void out8(u16 port, u8 value) { ports.port_write(port, 1, value); }
    void out16(u16 port, u16 value) { ports.port_write(port, 2, value); }
    void out32(u16 port, u32 value) { ports.port_write(port, 4, value); }
};

/// The far end of some lines: levels and rising edges, by pin.
struct LineProbe final : LineSink {
    std::vector<bool> levels = std::vector<bool>(64);
    std::vector<unsigned> rises = std::vector<unsigned>(64);

    void set_line(unsigned pin, bool level) override {
        if (level && !levels.at(pin)) rises.at(pin)++;
        levels.at(pin) = level;
    }
    Line line(unsigned pin = 0) { return {*this, pin}; }
    [[nodiscard]] bool level(unsigned pin = 0) const { return levels.at(pin); }
};

/// Guest memory for bus masters: `bytes` from address 0, ones beyond.
struct DmaMemory final : DmaPort {
    std::vector<u8> bytes;

    explicit DmaMemory(size_t size) : bytes(size) {}
    void dma_read(GuestPhys address, std::span<u8> out) override {
        for (size_t i = 0; i < out.size(); i++) {
            const u64 at = address.value + i;
            out[i] = at < bytes.size() ? bytes[at] : 0xff;
        }
    }
    void dma_write(GuestPhys address, std::span<const u8> data) override {
        for (size_t i = 0; i < data.size(); i++)
            if (address.value + i < bytes.size()) bytes[address.value + i] = data[i];
    }
};

}  // namespace gnomon
