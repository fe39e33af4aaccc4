// The Bochs display interface (DISPI): modes with packed pixels beyond those of the VGA. Registers and bits
// as in the VBE DISPI specification of the Bochs VBE adapter, interface version B0C5h.
#pragma once

#include "support/types.h"

namespace gnomon {

struct DispiState {
    enum Register : u8 { Id, Width, Height, Bpp, Enable, Bank, VirtualWidth, VirtualHeight, X, Y, Memory64K };
    static constexpr unsigned kRegisters = 11;
    static constexpr u16 kOldestId = 0xb0c0;
    static constexpr u16 kNewestId = 0xb0c5;
    static constexpr u16 kMaxWidth = 2560;
    static constexpr u16 kMaxHeight = 1600;
    static constexpr u16 kMaxBpp = 32;

    // Bits of the enable register.
    static constexpr u16 kEnabled = 0x01;
    static constexpr u16 kCapabilities = 0x02;  ///< width, height and depth read as the largest
    static constexpr u16 kDac8Bit = 0x20;
    static constexpr u16 kLinear = 0x40;
    static constexpr u16 kKeepMemory = 0x80;

    u16 index = 0;
    u16 id = kNewestId;
    u16 width = 640;
    u16 height = 480;
    u16 bpp = 8;
    u16 enable = 0;
    u16 bank = 0;  ///< in 64 KiB; with 4 bpp, of addresses in the planes
    u16 virtual_width = 640;
    u16 x = 0;
    u16 y = 0;
    bool big_endian = false;  ///< 15, 16 and 32 bpp: the bytes of a pixel lie the other way round

    template<class V>
    constexpr void fields(V& v) {
        v("index", index);
        v("id", id);
        v("width", width);
        v("height", height);
        v("bpp", bpp);
        v("enable", enable);
        v("bank", bank);
        v("virtual_width", virtual_width);
        v("x", x);
        v("y", y);
        v("big_endian", big_endian);
    }

    [[nodiscard]] constexpr bool enabled() const { return enable & kEnabled; }
    /// Sixteen colours in the VGA's planes.
    [[nodiscard]] constexpr bool planar() const { return bpp == 4; }
    [[nodiscard]] constexpr bool packed_mode() const { return enabled() && !planar(); }
    /// Bytes of video memory that `pixels` in a row take.
    [[nodiscard]] constexpr u32 bytes_for(u32 pixels) const {
        return planar() ? pixels / 2 : pixels * ((bpp + 7u) / 8);
    }
    [[nodiscard]] constexpr u32 pitch() const { return bytes_for(virtual_width); }
    [[nodiscard]] constexpr u32 start() const { return y * pitch() + bytes_for(planar() ? x & ~7u : x); }
    static constexpr bool depth_exists(u16 bits) {
        return bits == 4 || bits == 8 || bits == 15 || bits == 16 || bits == 24 || bits == 32;
    }
};

}  // namespace gnomon
