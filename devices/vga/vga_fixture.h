// A VGA on a bus with a clock that the test moves, and the register sets of the standard modes.
#pragma once

#include <gtest/gtest.h>

#include <span>

#include "devices/vga/vga.h"

namespace gnomon {

struct VgaMode {
    u8 misc;
    std::array<u8, 5> sequencer;
    std::array<u8, 25> crtc;
    std::array<u8, 9> graphics;
    std::array<u8, 21> attribute;
};

/// 80x25, 720x400, colour (mode 3).
inline constexpr VgaMode kMode3 = {
    0x67,
    {0x03, 0x00, 0x03, 0x00, 0x02},
    {0x5f, 0x4f, 0x50, 0x82, 0x55, 0x81, 0xbf, 0x1f, 0x00, 0x4f, 0x0d, 0x0e, 0x00,
     0x00, 0x00, 0x00, 0x9c, 0x8e, 0x8f, 0x28, 0x1f, 0x96, 0xb9, 0xa3, 0xff},
    {0x00, 0x00, 0x00, 0x00, 0x00, 0x10, 0x0e, 0x00, 0xff},
    {0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x14, 0x07, 0x38, 0x39, 0x3a,
     0x3b, 0x3c, 0x3d, 0x3e, 0x3f, 0x0c, 0x00, 0x0f, 0x08, 0x00}};

/// 40x25, 360 wide dots x 400 (mode 1).
inline constexpr VgaMode kMode1 = {
    0x67,
    {0x03, 0x08, 0x03, 0x00, 0x02},
    {0x2d, 0x27, 0x28, 0x90, 0x2b, 0xa0, 0xbf, 0x1f, 0x00, 0x4f, 0x0d, 0x0e, 0x00,
     0x00, 0x00, 0x00, 0x9c, 0x8e, 0x8f, 0x14, 0x1f, 0x96, 0xb9, 0xa3, 0xff},
    {0x00, 0x00, 0x00, 0x00, 0x00, 0x10, 0x0e, 0x00, 0xff},
    {0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x14, 0x07, 0x38, 0x39, 0x3a,
     0x3b, 0x3c, 0x3d, 0x3e, 0x3f, 0x0c, 0x00, 0x0f, 0x08, 0x00}};

/// 80x25 monochrome (mode 7).
inline constexpr VgaMode kMode7 = {
    0x66,
    {0x03, 0x00, 0x03, 0x00, 0x02},
    {0x5f, 0x4f, 0x50, 0x82, 0x55, 0x81, 0xbf, 0x1f, 0x00, 0x4f, 0x0d, 0x0e, 0x00,
     0x00, 0x00, 0x00, 0x9c, 0x8e, 0x8f, 0x28, 0x0d, 0x96, 0xb9, 0xa3, 0xff},
    {0x00, 0x00, 0x00, 0x00, 0x00, 0x10, 0x0a, 0x00, 0xff},
    {0x00, 0x08, 0x08, 0x08, 0x08, 0x08, 0x08, 0x08, 0x10, 0x18, 0x18,
     0x18, 0x18, 0x18, 0x18, 0x18, 0x0e, 0x00, 0x0f, 0x08, 0x00}};

/// 640x480, 16 colours (mode 12h).
inline constexpr VgaMode kMode12 = {
    0xe3,
    {0x03, 0x01, 0x0f, 0x00, 0x06},
    {0x5f, 0x4f, 0x50, 0x82, 0x54, 0x80, 0x0b, 0x3e, 0x00, 0x40, 0x00, 0x00, 0x00,
     0x00, 0x00, 0x00, 0xea, 0x8c, 0xdf, 0x28, 0x00, 0xe7, 0x04, 0xe3, 0xff},
    {0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x05, 0x0f, 0xff},
    {0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x14, 0x07, 0x38, 0x39, 0x3a,
     0x3b, 0x3c, 0x3d, 0x3e, 0x3f, 0x01, 0x00, 0x0f, 0x00, 0x00}};

/// An adapter with the buses it needs.
struct VgaBoard {
    static constexpr u64 kVideoBytes = u64{4} << 20;
    static std::unique_ptr<PhysicalMap> make_map(Log& log) {
        return std::move(*PhysicalMap::create(u64{1} << 20, log, kVideoBytes + VideoMemory::kWindowSize));
    }

    VgaBoard(const VirtualClock& clock, Log& log) : bus(log), map(make_map(log)) {
        vga = std::move(*Vga::create(bus, clock, *map, log));
    }
    /// As a snapshot is loaded: memory first.
    void load(Vga& other) {
        const std::span<u8> from = other.memory().map().device_memory();
        std::copy(from.begin(), from.end(), map->device_memory().begin());
        map->ram_replaced();
        (*vga->load_state(other.save_state()))();
    }

    PortBus bus;
    std::unique_ptr<PhysicalMap> map;
    std::unique_ptr<Vga> vga;
};

struct VgaTest : testing::Test {
    Log log{[](LogLevel, std::string_view, std::string_view) {}};
    VirtualClock clock{ClockMode::Deterministic, VirtualClock::kSecond};  // one instruction a nanosecond
    VgaBoard board{clock, log};
    PortBus& bus = board.bus;
    PhysicalMap& map = *board.map;
    Vga* vga = board.vga.get();

    void out(u16 port, u32 value) { bus.port_write(port, 1, value); }
    u8 in(u16 port) { return static_cast<u8>(bus.port_read(port, 1)); }
    void indexed(u16 port, unsigned index, unsigned value) { bus.port_write(port, 2, value << 8 | index); }
    u8 read_indexed(u16 port, unsigned index) {
        out(port, index);
        return in(static_cast<u16>(port + 1));
    }
    void attribute(unsigned index, unsigned value) {
        in(status());
        out(0x3c0, index);
        out(0x3c0, value);
        out(0x3c0, 0x20);
    }
    u16 status() { return in(0x3cc) & 1 ? 0x3da : 0x3ba; }
    u16 crtc() { return in(0x3cc) & 1 ? 0x3d4 : 0x3b4; }

    void set_mode(const VgaMode& mode) {
        out(0x3c2, mode.misc);
        for (unsigned i = 1; i < mode.sequencer.size(); i++) indexed(0x3c4, i, mode.sequencer[i]);
        indexed(0x3c4, 0, mode.sequencer[0]);
        indexed(crtc(), 0x11, 0);
        for (unsigned i = 0; i < mode.crtc.size(); i++) indexed(crtc(), i, mode.crtc[i]);
        for (unsigned i = 0; i < mode.graphics.size(); i++) indexed(0x3ce, i, mode.graphics[i]);
        for (unsigned i = 0; i < mode.attribute.size(); i++) {
            in(status());
            out(0x3c0, i);
            out(0x3c0, mode.attribute[i]);
        }
        out(0x3c0, 0x20);
    }
    /// Colour i becomes (i, 2i, 63 - i).
    void load_test_palette() {
        out(0x3c8, 0);
        for (u32 i = 0; i < 256; i++)
            for (const u32 component : {i & 63, 2 * i & 63, (63 - i) & 63}) out(0x3c9, component);
    }
    static u32 test_colour(u32 index) {
        const auto wide = [](u32 six) { return six << 2 | six >> 4; };
        return wide(index & 63) << 16 | wide(2 * index & 63) << 8 | wide((63 - index) & 63);
    }
    /// The linear part of a font upload, as the BIOS does it.
    void load_font(unsigned block, const std::array<std::array<u8, 32>, 256>& font) {
        indexed(0x3c4, 2, 0x04);
        indexed(0x3c4, 4, 0x07);
        indexed(0x3ce, 4, 0x02);
        indexed(0x3ce, 5, 0x00);
        indexed(0x3ce, 6, 0x04);
        for (unsigned c = 0; c < 256; c++)
            for (unsigned y = 0; y < 32; y++) vga->mmio_write(block * 0x2000u + c * 32 + y, 1, font[c][y]);
        indexed(0x3c4, 2, 0x03);
        indexed(0x3c4, 4, 0x02);
        indexed(0x3ce, 4, 0x00);
        indexed(0x3ce, 5, 0x10);
        indexed(0x3ce, 6, in(0x3cc) & 1 ? 0x0e : 0x0a);
    }
    void text(unsigned offset, std::string_view characters, u8 attribute = 0x07) {
        const u32 base = in(0x3cc) & 1 ? 0x18000 : 0x10000;
        for (const char c : characters) {
            vga->mmio_write(base + offset, 2, static_cast<u8>(c) | attribute << 8);
            offset += 2;
        }
    }
};

}  // namespace gnomon
