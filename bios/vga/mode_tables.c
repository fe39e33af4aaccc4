// Register values of the standard modes, in the order IBM's BIOS publishes them (PS/2 and PC BIOS Interface
// Technical Reference, "Video parameter table"), and what the BIOS itself needs to know of each mode.
#include "video.h"

#define ATTRIBUTES_CGA  0, 1, 2, 3, 4, 5, 6, 7, 0x10, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17
#define ATTRIBUTES_EGA  0, 1, 2, 3, 4, 5, 0x14, 7, 0x38, 0x39, 0x3A, 0x3B, 0x3C, 0x3D, 0x3E, 0x3F
#define ATTRIBUTES_MONO 0, 8, 8, 8, 8, 8, 8, 8, 0x10, 0x18, 0x18, 0x18, 0x18, 0x18, 0x18, 0x18
#define ATTRIBUTES_2BPP 0, 0x13, 0x15, 0x17, 2, 4, 6, 7, 0x10, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17
#define ATTRIBUTES_1BPP \
    0, 0x17, 0x17, 0x17, 0x17, 0x17, 0x17, 0x17, 0x17, 0x17, 0x17, 0x17, 0x17, 0x17, 0x17, 0x17
#define ATTRIBUTES_F 0, 8, 0, 0, 0x18, 0x18, 0, 0, 0, 8, 0, 0, 0, 0x18, 0, 0
#define ATTRIBUTES_11 \
    0, 0x3F, 0x3F, 0x3F, 0x3F, 0x3F, 0x3F, 0x3F, 0x3F, 0x3F, 0x3F, 0x3F, 0x3F, 0x3F, 0x3F, 0x3F
#define ATTRIBUTES_13 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15

#define GRAPHICS_TEXT \
    { 0, 0, 0, 0, 0, 0x10, 0x0E, 0, 0xFF }
#define GRAPHICS_TEXT_MONO \
    { 0, 0, 0, 0, 0, 0x10, 0x0A, 0, 0xFF }
#define GRAPHICS_PLANAR \
    { 0, 0, 0, 0, 0, 0, 5, 0x0F, 0xFF }

#define TEXT_40_200                                                                    \
    {                                                                                  \
        40, 24, 8, 0x800, {9, 3, 0, 2}, 0x63,                                          \
            {0x2D, 0x27, 0x28, 0x90, 0x2B, 0xA0, 0xBF, 0x1F, 0,    0xC7, 6,    7,   0, \
             0,    0,    0,    0x9C, 0x8E, 0x8F, 0x14, 0x1F, 0x96, 0xB9, 0xA3, 0xFF},  \
            {ATTRIBUTES_CGA, 8, 0, 0x0F, 0}, GRAPHICS_TEXT                             \
    }
#define TEXT_80_200                                                                    \
    {                                                                                  \
        80, 24, 8, 0x1000, {1, 3, 0, 2}, 0x63,                                         \
            {0x5F, 0x4F, 0x50, 0x82, 0x55, 0x81, 0xBF, 0x1F, 0,    0xC7, 6,    7,   0, \
             0,    0,    0,    0x9C, 0x8E, 0x8F, 0x28, 0x1F, 0x96, 0xB9, 0xA3, 0xFF},  \
            {ATTRIBUTES_CGA, 8, 0, 0x0F, 0}, GRAPHICS_TEXT                             \
    }
#define TEXT_40_350                                                                     \
    {                                                                                   \
        40, 24, 14, 0x800, {9, 3, 0, 2}, 0xA3,                                          \
            {0x2D, 0x27, 0x28, 0x90, 0x2B, 0xA0, 0xBF, 0x1F, 0,    0x4D, 0x0B, 0x0C, 0, \
             0,    0,    0,    0x83, 0x85, 0x5D, 0x14, 0x1F, 0x63, 0xBA, 0xA3, 0xFF},   \
            {ATTRIBUTES_EGA, 8, 0, 0x0F, 0}, GRAPHICS_TEXT                              \
    }
#define TEXT_80_350                                                                     \
    {                                                                                   \
        80, 24, 14, 0x1000, {1, 3, 0, 2}, 0xA3,                                         \
            {0x5F, 0x4F, 0x50, 0x82, 0x55, 0x81, 0xBF, 0x1F, 0,    0x4D, 0x0B, 0x0C, 0, \
             0,    0,    0,    0x83, 0x85, 0x5D, 0x28, 0x1F, 0x63, 0xBA, 0xA3, 0xFF},   \
            {ATTRIBUTES_EGA, 8, 0, 0x0F, 0}, GRAPHICS_TEXT                              \
    }
#define MONO_350                                                                        \
    {                                                                                   \
        80, 24, 14, 0x1000, {0, 3, 0, 3}, 0xA6,                                         \
            {0x5F, 0x4F, 0x50, 0x82, 0x55, 0x81, 0xBF, 0x1F, 0,    0x4D, 0x0B, 0x0C, 0, \
             0,    0,    0,    0x83, 0x85, 0x5D, 0x28, 0x0D, 0x63, 0xBA, 0xA3, 0xFF},   \
            {ATTRIBUTES_MONO, 0x0E, 0, 0x0F, 8}, GRAPHICS_TEXT_MONO                     \
    }
#define CGA_320                                                                        \
    {                                                                                  \
        40, 24, 8, 0x4000, {9, 3, 0, 2}, 0x63,                                         \
            {0x2D, 0x27, 0x28, 0x90, 0x2B, 0x80, 0xBF, 0x1F, 0,    0xC1, 0,    0,   0, \
             0,    0,    0,    0x9C, 0x8E, 0x8F, 0x14, 0,    0x96, 0xB9, 0xA2, 0xFF},  \
            {ATTRIBUTES_2BPP, 1, 0, 3, 0}, {                                           \
            0, 0, 0, 0, 0, 0x30, 0x0F, 0, 0xFF                                         \
        }                                                                              \
    }
#define EGA_320_200                                                                    \
    {                                                                                  \
        40, 24, 8, 0x2000, {9, 0x0F, 0, 6}, 0x63,                                      \
            {0x2D, 0x27, 0x28, 0x90, 0x2B, 0x80, 0xBF, 0x1F, 0,    0xC0, 0,    0,   0, \
             0,    0,    0,    0x9C, 0x8E, 0x8F, 0x14, 0,    0x96, 0xB9, 0xE3, 0xFF},  \
            {ATTRIBUTES_CGA, 1, 0, 0x0F, 0}, GRAPHICS_PLANAR                           \
    }
#define EGA_640_200                                                                    \
    {                                                                                  \
        80, 24, 8, 0x4000, {1, 0x0F, 0, 6}, 0x63,                                      \
            {0x5F, 0x4F, 0x50, 0x82, 0x54, 0x80, 0xBF, 0x1F, 0,    0xC0, 0,    0,   0, \
             0,    0,    0,    0x9C, 0x8E, 0x8F, 0x28, 0,    0x96, 0xB9, 0xE3, 0xFF},  \
            {ATTRIBUTES_CGA, 1, 0, 0x0F, 0}, GRAPHICS_PLANAR                           \
    }
#define EGA_CRTC_350                                                                                       \
    {                                                                                                      \
        0x5F, 0x4F, 0x50, 0x82, 0x54, 0x80, 0xBF, 0x1F, 0, 0x40, 0, 0, 0, 0, 0, 0, 0x83, 0x85, 0x5D, 0x28, \
            0x0F, 0x63, 0xBA, 0xE3, 0xFF                                                                   \
    }
#define EGA_MONO_350                                                                              \
    {                                                                                             \
        80, 24, 14, 0x8000, {1, 0x0F, 0, 6}, 0xA2, EGA_CRTC_350, {ATTRIBUTES_F, 0x0B, 0, 5, 0}, { \
            0, 0, 0, 0, 0, 0, 5, 5, 0xFF                                                          \
        }                                                                                         \
    }
#define EGA_640_350                                                                               \
    {                                                                                             \
        80, 24, 14, 0x8000, {1, 0x0F, 0, 6}, 0xA3, EGA_CRTC_350, {ATTRIBUTES_EGA, 1, 0, 0x0F, 0}, \
            GRAPHICS_PLANAR                                                                       \
    }
#define VGA_CRTC_480(mode_control)                                                                         \
    {                                                                                                      \
        0x5F, 0x4F, 0x50, 0x82, 0x54, 0x80, 0x0B, 0x3E, 0, 0x40, 0, 0, 0, 0, 0, 0, 0xEA, 0x8C, 0xDF, 0x28, \
            0, 0xE7, 0x04, mode_control, 0xFF                                                              \
    }

const struct Parameters parameter_table[29] ROM_DATA = {
    // 00–03: modes 0–3 with 200 lines
    TEXT_40_200,
    TEXT_40_200,
    TEXT_80_200,
    TEXT_80_200,
    // 04–07: modes 4–7
    CGA_320,
    CGA_320,
    {80,
     24,
     8,
     0x4000,
     {1, 1, 0, 6},
     0x63,
     {0x5F, 0x4F, 0x50, 0x82, 0x54, 0x80, 0xBF, 0x1F, 0,    0xC1, 0,    0,   0,
      0,    0,    0,    0x9C, 0x8E, 0x8F, 0x28, 0,    0x96, 0xB9, 0xC2, 0xFF},
     {ATTRIBUTES_1BPP, 1, 0, 1, 0},
     {0, 0, 0, 0, 0, 0, 0x0D, 0, 0xFF}},
    MONO_350,
    // 08–0C: numbers of other adapters; text, so that a reader of the table finds sane values
    TEXT_80_200,
    TEXT_80_200,
    TEXT_80_200,
    TEXT_80_200,
    TEXT_80_200,
    // 0D–10: modes 0D, 0E, and 0F, 10 as a 64 KB EGA has them
    EGA_320_200,
    EGA_640_200,
    EGA_MONO_350,
    EGA_640_350,
    // 11, 12: modes 0F and 10
    EGA_MONO_350,
    EGA_640_350,
    // 13–16: modes 0–3 with 350 lines
    TEXT_40_350,
    TEXT_40_350,
    TEXT_80_350,
    TEXT_80_350,
    // 17, 18: modes 0, 1 and 2, 3 with 400 lines; 19: mode 7 with 400 lines
    {40,
     24,
     16,
     0x800,
     {8, 3, 0, 2},
     0x67,
     {0x2D, 0x27, 0x28, 0x90, 0x2B, 0xA0, 0xBF, 0x1F, 0,    0x4F, 0x0D, 0x0E, 0,
      0,    0,    0,    0x9C, 0x8E, 0x8F, 0x14, 0x1F, 0x96, 0xB9, 0xA3, 0xFF},
     {ATTRIBUTES_EGA, 0x0C, 0, 0x0F, 8},
     GRAPHICS_TEXT},
    {80,
     24,
     16,
     0x1000,
     {0, 3, 0, 2},
     0x67,
     {0x5F, 0x4F, 0x50, 0x82, 0x55, 0x81, 0xBF, 0x1F, 0,    0x4F, 0x0D, 0x0E, 0,
      0,    0,    0,    0x9C, 0x8E, 0x8F, 0x28, 0x1F, 0x96, 0xB9, 0xA3, 0xFF},
     {ATTRIBUTES_EGA, 0x0C, 0, 0x0F, 8},
     GRAPHICS_TEXT},
    {80,
     24,
     16,
     0x1000,
     {0, 3, 0, 2},
     0x66,
     {0x5F, 0x4F, 0x50, 0x82, 0x55, 0x81, 0xBF, 0x1F, 0,    0x4F, 0x0D, 0x0E, 0,
      0,    0,    0,    0x9C, 0x8E, 0x8F, 0x28, 0x0F, 0x96, 0xB9, 0xA3, 0xFF},
     {ATTRIBUTES_MONO, 0x0E, 0, 0x0F, 8},
     GRAPHICS_TEXT_MONO},
    // 1A–1C: modes 11–13
    {80,
     29,
     16,
     0xA000,
     {1, 0x0F, 0, 6},
     0xE3,
     VGA_CRTC_480(0xC3),
     {ATTRIBUTES_11, 1, 0, 0x0F, 0},
     {0, 0, 0, 0, 0, 0, 5, 1, 0xFF}},
    {80,
     29,
     16,
     0xA000,
     {1, 0x0F, 0, 6},
     0xE3,
     VGA_CRTC_480(0xE3),
     {ATTRIBUTES_EGA, 1, 0, 0x0F, 0},
     GRAPHICS_PLANAR},
    {40,
     24,
     8,
     0x2000,
     {1, 0x0F, 0, 0x0E},
     0x63,
     {0x5F, 0x4F, 0x50, 0x82, 0x54, 0x80, 0xBF, 0x1F, 0,    0x41, 0,    0,   0,
      0,    0,    0,    0x9C, 0x8E, 0x8F, 0x28, 0x40, 0x96, 0xB9, 0xA3, 0xFF},
     {ATTRIBUTES_13, 0x41, 0, 0x0F, 0},
     {0, 0, 0, 0, 0, 0x40, 5, 0x0F, 0xFF}},
};

// number, kind, palette, parameters, segment, pages, CGA color and mode registers, log2 of colors
const struct Mode mode_table[15] ROM_DATA = {
    {0x00, TEXT, PALETTE_64, 0x00, 0xB800, 8, 0x30, 0x2C, 4},
    {0x01, TEXT, PALETTE_64, 0x01, 0xB800, 8, 0x30, 0x28, 4},
    {0x02, TEXT, PALETTE_64, 0x02, 0xB800, 8, 0x30, 0x2D, 4},
    {0x03, TEXT, PALETTE_64, 0x03, 0xB800, 8, 0x30, 0x29, 4},
    {0x04, CGA_2BPP, PALETTE_16, 0x04, 0xB800, 1, 0x30, 0x2A, 2},
    {0x05, CGA_2BPP, PALETTE_16, 0x05, 0xB800, 1, 0x30, 0x2E, 2},
    {0x06, CGA_1BPP, PALETTE_16, 0x06, 0xB800, 1, 0x3F, 0x1E, 1},
    {0x07, TEXT, PALETTE_MONO, 0x07, 0xB000, 8, 0x30, 0x29, 0},
    {0x0D, PLANAR, PALETTE_16, 0x0D, 0xA000, 8, 0x30, 0x29, 4},
    {0x0E, PLANAR, PALETTE_16, 0x0E, 0xA000, 4, 0x30, 0x29, 4},
    {0x0F, PLANAR, PALETTE_MONO, 0x11, 0xA000, 2, 0x30, 0x29, 0},
    {0x10, PLANAR, PALETTE_64, 0x12, 0xA000, 2, 0x30, 0x29, 4},
    {0x11, PLANAR, PALETTE_64, 0x1A, 0xA000, 1, 0x30, 0x29, 1},
    {0x12, PLANAR, PALETTE_64, 0x1B, 0xA000, 1, 0x30, 0x29, 4},
    {0x13, LINEAR, PALETTE_256, 0x1C, 0xA000, 1, 0x30, 0x29, 8},
};

// Display combination codes (IBM): the BIOS data area holds the index of the pair in force.
const u8 display_codes[20] ROM_DATA = {
    8, 1, 8, 0,              // entries, version, highest code, reserved
    0, 0, 0, 1, 0, 2, 2, 1,  // none, MDA, CGA, CGA + MDA
    0, 7, 2, 7, 0, 8, 1, 8,  // VGA mono, CGA + VGA mono, VGA color, MDA + VGA color
};
