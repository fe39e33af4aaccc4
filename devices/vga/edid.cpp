// The base EDID block, field by field.
#include "devices/vga/edid.h"

#include <algorithm>
#include <string_view>

namespace gnomon {
namespace {

constexpr u16 letters(char a, char b, char c) {
    return static_cast<u16>((a - '@') << 10 | (b - '@') << 5 | (c - '@'));
}

/// Standard timing: width in units of 8 pixels, aspect ratio (0 16:10, 1 4:3, 2 5:4, 3 16:9), 60 Hz.
struct StandardTiming {
    u16 width;
    u8 aspect;
};
constexpr StandardTiming kStandardTimings[8] = {{2048, 1}, {1920, 3}, {1920, 0}, {1680, 0},
                                                {1600, 1}, {1440, 0}, {1280, 2}, {1280, 3}};

/// 1024x768 at 60 Hz of the VESA Monitor Timing Standard.
struct Timing {
    u32 pixel_clock_khz;
    u16 width, horizontal_blank, horizontal_front, horizontal_sync;
    u16 height, vertical_blank, vertical_front, vertical_sync;
};
constexpr Timing kPreferred = {65000, 1024, 320, 24, 136, 768, 38, 3, 6};
constexpr u16 kWidthMm = 345;
constexpr u16 kHeightMm = 215;

void put_timing(u8* out, const Timing& t) {
    const u32 clock = t.pixel_clock_khz / 10;
    out[0] = static_cast<u8>(clock);
    out[1] = static_cast<u8>(clock >> 8);
    out[2] = static_cast<u8>(t.width);
    out[3] = static_cast<u8>(t.horizontal_blank);
    out[4] = static_cast<u8>((t.width >> 8) << 4 | t.horizontal_blank >> 8);
    out[5] = static_cast<u8>(t.height);
    out[6] = static_cast<u8>(t.vertical_blank);
    out[7] = static_cast<u8>((t.height >> 8) << 4 | t.vertical_blank >> 8);
    out[8] = static_cast<u8>(t.horizontal_front);
    out[9] = static_cast<u8>(t.horizontal_sync);
    out[10] = static_cast<u8>((t.vertical_front & 15) << 4 | (t.vertical_sync & 15));
    out[11] = static_cast<u8>((t.horizontal_front >> 8) << 6 | (t.horizontal_sync >> 8) << 4 |
                              (t.vertical_front >> 4) << 2 | t.vertical_sync >> 4);
    out[12] = static_cast<u8>(kWidthMm);
    out[13] = static_cast<u8>(kHeightMm);
    out[14] = static_cast<u8>((kWidthMm >> 8) << 4 | kHeightMm >> 8);
    out[17] = 0x18;  // digital separate sync, both negative
}

void put_text(u8* out, u8 tag, std::string_view text) {
    out[3] = tag;
    std::fill_n(out + 5, 13, u8{' '});
    std::copy(text.begin(), text.end(), out + 5);
    if (text.size() < 13) out[5 + text.size()] = '\n';
}

}  // namespace

Edid make_edid() {
    Edid e{};
    std::fill_n(e.begin() + 1, 6, u8{0xff});
    constexpr u16 kManufacturer = letters('G', 'N', 'O');
    e[8] = kManufacturer >> 8;
    e[9] = kManufacturer & 0xff;
    e[10] = 1;   // product
    e[12] = 1;   // serial number
    e[16] = 1;   // week
    e[17] = 36;  // year - 1990
    e[18] = 1;   // EDID 1.3
    e[19] = 3;
    e[20] = 0x80;  // digital input
    e[21] = (kWidthMm + 5) / 10;
    e[22] = (kHeightMm + 5) / 10;
    e[23] = 120;   // gamma 2.2
    e[24] = 0x0e;  // RGB colour, sRGB, the first detailed timing is preferred
    // Chromaticity of sRGB: low bits of red, green, blue, white, then the upper eight of x and y each.
    static constexpr u8 kSrgb[10] = {0xee, 0x91, 0xa3, 0x54, 0x4c, 0x99, 0x26, 0x0f, 0x50, 0x54};
    std::copy(std::begin(kSrgb), std::end(kSrgb), e.begin() + 25);
    e[35] = 0x21;  // established timings: 640x480, 800x600 at 60 Hz
    e[36] = 0x08;  // 1024x768 at 60 Hz
    for (unsigned i = 0; i < 8; i++) {
        e[38 + 2 * i] = static_cast<u8>(kStandardTimings[i].width / 8 - 31);
        e[39 + 2 * i] = static_cast<u8>(kStandardTimings[i].aspect << 6);
    }
    put_timing(&e[54], kPreferred);
    u8* range = &e[72];
    range[3] = 0xfd;  // range limits
    range[5] = 50;    // vertical Hz
    range[6] = 75;
    range[7] = 30;  // horizontal kHz
    range[8] = 110;
    range[9] = 35;  // pixel clock, 10 MHz
    range[11] = '\n';
    std::fill_n(range + 12, 6, u8{' '});
    put_text(&e[90], 0xfc, "Gnomon");
    put_text(&e[108], 0xff, "1");
    u8 sum = 0;
    for (const u8 byte : e) sum = static_cast<u8>(sum + byte);
    e[127] = static_cast<u8>(-sum);
    return e;
}

}  // namespace gnomon
