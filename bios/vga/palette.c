// Attribute controller and DAC: INT 10h AH=0B and AH=10 (PS/2 and PC BIOS Interface Technical Reference,
// "Set palette registers"), and the default palettes.
#include "video.h"

static void reset_flip_flop(void) { in8(LOW16(BDA_CRTC_PORT) + 6); }

void video_on(void) {
    reset_flip_flop();
    out8(ATTRIBUTE, 0x20);
}

// Both leave the screen on, which also gives the palette back to the display.
u8 read_attribute(u8 index) {
    reset_flip_flop();
    out8(ATTRIBUTE, index);
    u8 value = in8(ATTRIBUTE_READ);
    video_on();
    return value;
}

void write_attribute(u8 index, u8 value) {
    reset_flip_flop();
    out8(ATTRIBUTE, index);
    out8(ATTRIBUTE, value);
    video_on();
}

static void write_dac(u8 red, u8 green, u8 blue) {
    out8(DAC_DATA, red);
    out8(DAC_DATA, green);
    out8(DAC_DATA, blue);
}

// 64 entries rgbRGB, each component two bits wide: 2/3 from the upper-case bit, 1/3 from the other.
static u8 ega_component(u8 index, u8 strong, u8 weak) {
    return (index >> strong & 1) * 0x2A + (index >> weak & 1) * 0x15;
}

// 16 colors as a CGA monitor shows them; dark yellow is brown.
static void write_cga_color(u8 index, u8 bright) {
    u8 lift = bright ? 0x15 : 0;
    write_dac((index >> 2 & 1) * 0x2A + lift, index == 6 && !bright ? 0x15 : (index >> 1 & 1) * 0x2A + lift,
              (index & 1) * 0x2A + lift);
}

static const u8 gray_ramp[16] ROM_DATA = {0x00, 0x05, 0x08, 0x0B, 0x0E, 0x11, 0x14, 0x18,
                                          0x1C, 0x20, 0x24, 0x28, 0x2D, 0x32, 0x38, 0x3F};
// Five steps from the lowest to the highest component, for three brightnesses of three saturations each.
static const u8 hue_steps[9][5] ROM_DATA = {
    {0x00, 0x10, 0x1F, 0x2F, 0x3F}, {0x1F, 0x27, 0x2F, 0x37, 0x3F}, {0x2D, 0x31, 0x36, 0x3A, 0x3F},
    {0x00, 0x07, 0x0E, 0x15, 0x1C}, {0x0E, 0x11, 0x15, 0x18, 0x1C}, {0x14, 0x16, 0x18, 0x1A, 0x1C},
    {0x00, 0x04, 0x08, 0x0C, 0x10}, {0x08, 0x0A, 0x0C, 0x0E, 0x10}, {0x0B, 0x0C, 0x0D, 0x0F, 0x10},
};
static const u8 mono_levels[4] ROM_DATA = {0x00, 0x2A, 0x15, 0x3F};

// Step 0–4 of a component at one of 24 hues: it rises, stays up, falls, stays down.
static u8 hue_step(u8 hue) {
    hue %= 24;
    return hue < 4 ? hue : hue <= 12 ? 4 : hue < 16 ? 16 - hue : 0;
}

static void load_256_colors(void) {
    for (u8 i = 0; i < 16; ++i) write_cga_color(i & 7, i & 8);
    for (u8 i = 0; i < 16; ++i) {
        u8 level = rom8(&gray_ramp[i]);
        write_dac(level, level, level);
    }
    for (u8 group = 0; group < 9; ++group)
        for (u8 hue = 0; hue < 24; ++hue)  // from blue over magenta, red, yellow, green and cyan
            write_dac(rom8(&hue_steps[group][hue_step(hue)]), rom8(&hue_steps[group][hue_step(hue + 16)]),
                      rom8(&hue_steps[group][hue_step(hue + 8)]));
    for (u8 i = 0; i < 8; ++i) write_dac(0, 0, 0);
}

void load_default_dac(u8 palette) {
    out8(DAC_WRITE_INDEX, 0);
    if (palette == PALETTE_256) {
        load_256_colors();
        return;
    }
    for (u8 i = 0; i < 64; ++i) {
        if (palette == PALETTE_64) {
            write_dac(ega_component(i, 2, 5), ega_component(i, 1, 4), ega_component(i, 0, 3));
        } else if (palette == PALETTE_16) {
            write_cga_color(i & 7, i & 0x10);
        } else {
            u8 level = rom8(&mono_levels[i >> 3 & 3]);
            write_dac(level, level, level);
        }
    }
    for (u8 i = 64; i; ++i) write_dac(0, 0, 0);
}

// 30 % red, 59 % green, 11 % blue.
void sum_to_gray(u16 first, u16 count) {
    for (; count; ++first, --count) {
        out8(DAC_READ_INDEX, (u8)first);
        u32 sum = in8(DAC_DATA) * 77;
        sum += in8(DAC_DATA) * 151;
        sum += in8(DAC_DATA) * 28;
        u8 level = (u8)((sum + 128) >> 8);
        if (level > 0x3F) level = 0x3F;
        out8(DAC_WRITE_INDEX, (u8)first);
        write_dac(level, level, level);
    }
}

// AH=0B: BH=0 background and border, BH=1 palette of the 320x200 four-color modes.
void cga_palette(struct Frame* frame) {
    u8 color = LOW8(BDA_COLOR_REGISTER), mode = LOW8(BDA_MODE) & 0x7F;
    if (frame->bh == 0) {
        color = (u8)((color & ~0x1F) | (frame->bl & 0x1F));
        u8 value = (u8)((frame->bl & 0x07) | (frame->bl & 0x08) << 1);
        if (mode > 3) write_attribute(0, value);  // text keeps its black
        write_attribute(0x11, value);
    } else {
        color = (u8)((color & ~0x20) | (frame->bl & 1) << 5);
    }
    LOW8(BDA_COLOR_REGISTER) = color;
    if (mode == 4 || mode == 5)
        for (u8 i = 1; i < 4; ++i)  // green, red, brown; or cyan, magenta, white
            write_attribute(i, (u8)(2 * i | (color >> 5 & 1) | (color & 0x10)));
}

static void page_select(u8 selector, u8 value) {
    u8 mode = read_attribute(0x10);
    if (selector == 0) {
        write_attribute(0x10, (u8)((mode & 0x7F) | value << 7));
    } else {
        if (!(mode & 0x80)) value <<= 2;  // four pages of 64 against sixteen of 16
        write_attribute(0x14, value & 0x0F);
    }
}

void palette_functions(struct Frame* frame) {
    u8 i;
    u16 at = frame->dx;
    switch (frame->al) {
        case 0x00:
            if (frame->bl <= 0x14) write_attribute(frame->bl, frame->bh);
            break;
        case 0x01: write_attribute(0x11, frame->bh); break;
        case 0x02:
            for (i = 0; i < 16; ++i) write_attribute(i, far8(frame->es, at++));
            write_attribute(0x11, far8(frame->es, at));
            break;
        case 0x03: {
            u8 mode = read_attribute(0x10);
            write_attribute(0x10, frame->bl ? mode | 8 : mode & ~8);
            LOW8(BDA_MODE_REGISTER) = (u8)((LOW8(BDA_MODE_REGISTER) & ~0x20) | (frame->bl ? 0x20 : 0));
            break;
        }
        case 0x07:
            if (frame->bl <= 0x14) frame->bh = read_attribute(frame->bl);
            break;
        case 0x08: frame->bh = read_attribute(0x11); break;
        case 0x09:
            for (i = 0; i < 16; ++i) far_store8(frame->es, at++, read_attribute(i));
            far_store8(frame->es, at, read_attribute(0x11));
            break;
        case 0x10:
            out8(DAC_WRITE_INDEX, frame->bl);
            write_dac(frame->dh, frame->ch, frame->cl);
            if (LOW8(BDA_MODE_OPTIONS) & OPTION_GRAY_SUMMING) sum_to_gray(frame->bl, 1);
            break;
        case 0x12:
            out8(DAC_WRITE_INDEX, frame->bl);
            for (u16 left = (u16)(frame->cx * 3); left; --left) out8(DAC_DATA, far8(frame->es, at++));
            if (LOW8(BDA_MODE_OPTIONS) & OPTION_GRAY_SUMMING) sum_to_gray(frame->bl, frame->cx);
            break;
        case 0x13: page_select(frame->bl, frame->bh); break;
        case 0x15:
            out8(DAC_READ_INDEX, frame->bl);
            frame->dh = in8(DAC_DATA);
            frame->ch = in8(DAC_DATA);
            frame->cl = in8(DAC_DATA);
            break;
        case 0x17:
            out8(DAC_READ_INDEX, frame->bl);
            for (u16 left = (u16)(frame->cx * 3); left; --left) far_store8(frame->es, at++, in8(DAC_DATA));
            break;
        case 0x18: out8(DAC_MASK, frame->bl); break;
        case 0x19: frame->bx = in8(DAC_MASK); break;
        case 0x1A: {
            u8 mode = read_attribute(0x10), page = read_attribute(0x14) & 0x0F;
            frame->bl = mode >> 7;
            frame->bh = mode & 0x80 ? page : page >> 2;
            break;
        }
        case 0x1B: sum_to_gray(frame->bx, frame->cx); break;
        default: break;
    }
}
