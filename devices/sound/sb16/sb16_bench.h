// The bench of the Sound Blaster 16's tests: the card with its DMA controller, a mixer and a listener.
#pragma once

#include <gtest/gtest.h>

#include "devices/device_fuzz.h"
#include "devices/sound/sb16/sb16.h"
#include "devices/sound/sound_probe.h"

namespace gnomon {

inline constexpr u16 kBase = 0x220;
inline constexpr u64 kSecond = 1'000'000'000;

struct Sb16Bench : DeviceBench {
    DmaMemory memory{0x40000};
    std::unique_ptr<IsaDma> dma = std::move(*IsaDma::create(ports, memory));
    SoundProbe probe{48'000};
    SoundMixer mixer;
    LineProbe irqs;  ///< pins 2, 5, 7, 10
    std::unique_ptr<Sb16> card;

    explicit Sb16Bench(Sb16::Config config = {}, bool listen = true)
        : mixer(scheduler, listen ? &probe : nullptr) {
        Sb16::Wires wires;
        wires.irqs = {irqs.line(2), irqs.line(5), irqs.line(7), irqs.line(10)};
        wires.dma = dma.get();
        wires.mixer = &mixer;
        card = std::move(*Sb16::create(ports, scheduler, log, wires, config));
        out8(0xd6, 0xc0);  // cascade
        out8(0xd4, 0x00);
    }
    void dsp(std::initializer_list<u8> bytes) {
        for (const u8 byte : bytes) out8(kBase + 0xc, byte);
    }
    u8 answer() {
        EXPECT_EQ(in8(kBase + 0xe) & 0x80, 0x80) << "no answer";
        return in8(kBase + 0xa);
    }
    void mix(u8 index, u8 value) {
        out8(kBase + 4, index);
        out8(kBase + 5, value);
    }
    u8 mix(u8 index) {
        out8(kBase + 4, index);
        return in8(kBase + 5);
    }
    void reset_dsp() {
        out8(kBase + 6, 1);
        out8(kBase + 6, 0);
        EXPECT_EQ(answer(), 0xaa);
    }
    /// Programs and unmasks a channel; `count` in its own units. Mode 48h reads, 44h writes, 10h
    /// auto-initialises.
    void program(unsigned channel, u32 address, u32 count, u8 mode) {
        constexpr std::array<u8, 8> kPages = {0x87, 0x83, 0x81, 0x82, 0x8f, 0x8b, 0x89, 0x8a};
        const bool second = channel >= 4;
        const u16 base = second ? 0xc0 : 0, step = second ? 2 : 1;
        const u8 number = channel & 3;
        out8(static_cast<u16>(base + 10 * step), 4 | number);
        out8(static_cast<u16>(base + 12 * step), 0);
        out8(static_cast<u16>(base + 11 * step), mode | number);
        const u32 start = second ? address >> 1 : address;
        out8(static_cast<u16>(base + 2 * number * step), static_cast<u8>(start));
        out8(static_cast<u16>(base + 2 * number * step), static_cast<u8>(start >> 8));
        out8(kPages[channel], static_cast<u8>(address >> 16));
        out8(static_cast<u16>(base + (2 * number + 1) * step), static_cast<u8>(count - 1));
        out8(static_cast<u16>(base + (2 * number + 1) * step), static_cast<u8>((count - 1) >> 8));
        out8(static_cast<u16>(base + 10 * step), number);
    }
    /// How many units channel 1 has still to move.
    u32 dma1_left() {
        out8(0x0c, 0);
        const u32 low = in8(0x03);
        return (low | u32{in8(0x03)} << 8) + 1;
    }
};

}  // namespace gnomon
