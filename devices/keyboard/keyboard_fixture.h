// A keyboard controller with its devices on a fake machine, for the tests of this folder.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "devices/device_bench.h"
#include "devices/keyboard/i8042.h"

namespace gnomon {

struct KeyboardFixture : testing::Test, DeviceBench, LineSink {
    enum Pin : unsigned { kIrq1, kIrq12, kA20Pin };

    std::array<bool, 3> level{};
    std::array<int, 3> edges{};
    int resets = 0;
    int leds = -1;
    std::unique_ptr<I8042> device;

    explicit KeyboardFixture(I8042::Config config = {}) : device(make(config)) {}

    std::unique_ptr<I8042> make(I8042::Config config) {
        I8042::Wiring wiring{Line(*this, kIrq1), Line(*this, kIrq12), Line(*this, kA20Pin),
                             [this] { resets++; }, [this](u8 value) { leds = value; }};
        return std::move(*I8042::create(ports, scheduler, log, std::move(wiring), config));
    }

    void set_line(unsigned pin, bool value) override {
        if (value && !level[pin]) edges[pin]++;
        level[pin] = value;
    }

    static constexpr u64 kMs = 1'000'000;

    u8 status() { return static_cast<u8>(ports.port_read(0x64, 1)); }
    u8 data() { return static_cast<u8>(ports.port_read(0x60, 1)); }
    void command(u8 byte) { ports.port_write(0x64, 1, byte); }
    void write(u8 byte) { ports.port_write(0x60, 1, byte); }
    void command_byte(u8 byte) {
        command(0x60);
        write(byte);
    }
    /// Every byte that arrives within `ns`, in hexadecimal.
    std::string bytes(u64 ns = 20 * kMs) {
        std::string text;
        for (const u64 end = clock.now() + ns; clock.now() < end; advance(100'000))
            if (status() & 1) text += fmt::format("{}{:02x}", text.empty() ? "" : " ", data());
        return text;
    }
    std::string keyboard(u8 byte) {
        write(byte);
        return bytes();
    }
    std::string mouse(u8 byte) {
        command(0xd4);
        write(byte);
        return bytes();
    }
    std::string tap(Key key) {
        device->press(key);
        const std::string make = bytes();
        device->release(key);
        return make + " / " + bytes();
    }
};

}  // namespace gnomon
