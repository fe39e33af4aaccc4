// Alternate select, display combination, functionality and state: INT 10h AH=12, 1A, 1B, 1C
// (PS/2 and PC BIOS Interface Technical Reference).
#include "video.h"

static void set_option(u8 mask, u8 on) {
    u8 options = LOW8(BDA_MODE_OPTIONS);
    LOW8(BDA_MODE_OPTIONS) = on ? options | mask : options & ~mask;
}

void alternate_select(struct Frame* frame) {
    switch (frame->bl) {
        case 0x10:
            frame->bh = LOW8(BDA_VIDEO_CONTROL) & CONTROL_MONO ? 1 : 0;
            frame->bl = 3;  // 256 KB
            frame->ch = LOW8(BDA_SWITCHES) >> 4;
            frame->cl = LOW8(BDA_SWITCHES) & 0x0F;
            return;
        case 0x20: return;  // print screen by the system BIOS reads rows from the BIOS data area
        case 0x30: {
            u8 options = LOW8(BDA_MODE_OPTIONS) & ~(OPTION_200_LINES | OPTION_400_LINES);
            if (frame->al > 2) return;
            if (frame->al == 0) options |= OPTION_200_LINES;
            if (frame->al == 2) options |= OPTION_400_LINES;
            LOW8(BDA_MODE_OPTIONS) = options;
            LOW8(BDA_SWITCHES) = (u8)((LOW8(BDA_SWITCHES) & 0xF0) | (frame->al == 0 ? 0x08 : 0x09));
            break;
        }
        case 0x31: set_option(OPTION_NO_DEFAULT_PALETTE, frame->al & 1); break;
        case 0x32: {
            u8 misc = in8(MISC_READ);
            out8(MISC_WRITE, frame->al & 1 ? misc & ~2 : misc | 2);
            out8(0x3C3, frame->al & 1 ? 0 : 1);
            break;
        }
        case 0x33: set_option(OPTION_GRAY_SUMMING, !(frame->al & 1)); break;
        case 0x34: {
            u8 control = LOW8(BDA_VIDEO_CONTROL);
            LOW8(BDA_VIDEO_CONTROL) = frame->al & 1 ? control | CONTROL_NO_CURSOR_EMULATION
                                                    : control & ~CONTROL_NO_CURSOR_EMULATION;
            break;
        }
        case 0x36: {
            u8 clocking = read_indexed(SEQUENCER, 1);
            wait_out(SEQUENCER, 1, frame->al & 1 ? clocking | 0x20 : clocking & ~0x20);
            break;
        }
        default: return;  // 35h switches between two adapters; there is one
    }
    frame->al = 0x12;
}

static u16 active_displays(void) {
    u8 index = LOW8(BDA_DISPLAY_CODE);
    if (index >= rom8(&display_codes[0])) return 0xFFFF;
    u8 first = rom8(&display_codes[4 + 2 * index]), second = rom8(&display_codes[5 + 2 * index]);
    return (u16)(first << 8 | second);  // alternate above active
}

void display_combination(struct Frame* frame) {
    if (frame->al == 0) {
        frame->bx = active_displays();
    } else if (frame->al == 1) {
        LOW8(BDA_DISPLAY_CODE) = 0xFF;
        for (u8 i = 0; i < rom8(&display_codes[0]); ++i) {
            u8 first = rom8(&display_codes[4 + 2 * i]), second = rom8(&display_codes[5 + 2 * i]);
            if ((first == frame->bh && second == frame->bl) || (first == frame->bl && second == frame->bh)) {
                LOW8(BDA_DISPLAY_CODE) = i;
                break;
            }
        }
    } else {
        return;
    }
    frame->al = 0x1A;
}

void functionality(struct Frame* frame) {
    u16 es = frame->es, di = frame->di;
    if (frame->bx != 0) return;
    const struct Mode* mode = current_mode();
    for (u16 i = 0; i < 64; ++i) far_store8(es, di + i, 0);
    far_store16(es, di, (u16)(u32)static_functionality);
    far_store16(es, di + 2, code_segment());
    for (u16 i = 0; i < 0x1E; ++i) far_store8(es, di + 4 + i, LOW8(BDA_MODE + i));
    far_store8(es, di + 0x22, LOW8(BDA_LAST_ROW) + 1);
    far_store16(es, di + 0x23, LOW16(BDA_CHARACTER_HEIGHT));
    u16 displays = active_displays();
    far_store8(es, di + 0x25, (u8)displays);
    far_store8(es, di + 0x26, (u8)(displays >> 8));
    u8 depth = rom8(&mode->colors_log2);
    far_store16(es, di + 0x27, depth ? 1 << depth : 0);
    far_store8(es, di + 0x29, rom8(&mode->pages));
    u16 lines = scan_lines();
    far_store8(es, di + 0x2A, lines <= 200 ? 0 : lines <= 350 ? 1 : lines <= 400 ? 2 : 3);
    u8 map = read_indexed(SEQUENCER, 3);
    far_store8(es, di + 0x2B, (u8)((map & 3) | (map >> 2 & 4)));
    far_store8(es, di + 0x2C, (u8)((map >> 2 & 3) | (map >> 3 & 4)));
    u8 options = LOW8(BDA_MODE_OPTIONS), flags = 0x01;
    if (options & OPTION_GRAY_SUMMING) flags |= 0x02;
    if (options & OPTION_MONO_DISPLAY) flags |= 0x04;
    if (options & OPTION_NO_DEFAULT_PALETTE) flags |= 0x08;
    if (!(LOW8(BDA_VIDEO_CONTROL) & CONTROL_NO_CURSOR_EMULATION)) flags |= 0x10;
    if (read_attribute(0x10) & 8) flags |= 0x20;
    far_store8(es, di + 0x2D, flags);
    far_store8(es, di + 0x31, 3);  // 256 KB
    frame->al = 0x1B;
}

// The three parts of a saved state, in 64-byte blocks: registers, BIOS data, DAC.
enum { SAVE_REGISTERS = 1, SAVE_BIOS_DATA = 2, SAVE_DAC = 4 };

// Moves one byte between the caller's buffer and a variable, by direction.
struct Cursor {
    u16 segment, offset;
};
static void put(struct Cursor* at, u8 value) { far_store8(at->segment, at->offset++, value); }
static u8 get(struct Cursor* at) { return far8(at->segment, at->offset++); }

static void save_registers(struct Cursor* at) {
    u16 crtc = LOW16(BDA_CRTC_PORT);
    put(at, in8(SEQUENCER));
    put(at, in8(crtc));
    put(at, in8(GRAPHICS));
    in8(crtc + 6);
    put(at, in8(ATTRIBUTE));
    put(at, in8(MISC_READ));
    put(at, in8(FEATURE_READ));
    for (u8 i = 0; i < 5; ++i) put(at, read_indexed(SEQUENCER, i));
    for (u8 i = 0; i < 25; ++i) put(at, read_indexed(crtc, i));
    for (u8 i = 0; i < 9; ++i) put(at, read_indexed(GRAPHICS, i));
    for (u8 i = 0; i < 21; ++i) put(at, read_attribute(i));
    put(at, (u8)crtc);
}

static void restore_registers(struct Cursor* at) {
    struct Cursor first = *at;
    at->offset += 4;
    u8 misc = get(at), feature = get(at);
    u16 crtc = misc & 1 ? 0x3D4 : 0x3B4;
    LOW16(BDA_CRTC_PORT) = crtc;
    wait_out(SEQUENCER, 0, 1);
    for (u8 i = 0; i < 5; ++i) {
        u8 value = get(at);
        if (i) wait_out(SEQUENCER, i, value);
    }
    out8(MISC_WRITE, misc);
    wait_out(SEQUENCER, 0, 3);
    out8(crtc + 6, feature);
    wait_out(crtc, 0x11, 0);
    for (u8 i = 0; i < 25; ++i) wait_out(crtc, i, get(at));
    for (u8 i = 0; i < 9; ++i) wait_out(GRAPHICS, i, get(at));
    for (u8 i = 0; i < 21; ++i) write_attribute(i, get(at));
    ++at->offset;
    out8(SEQUENCER, get(&first));
    out8(crtc, get(&first));
    out8(GRAPHICS, get(&first));
    in8(crtc + 6);
    out8(ATTRIBUTE, get(&first));
}

// The stretches of low memory that belong to video: address, length.
static const u16 bios_data[7][2] ROM_DATA = {
    {BDA_MODE, 0x1E}, {BDA_LAST_ROW, 7},     {BDA_SAVE_POINTER, 4}, {0x05 * 4, 4},
    {0x1D * 4, 4},    {VECTOR_HIGH_FONT, 4}, {VECTOR_FONT, 4},
};

static void move_bios_data(struct Cursor* at, u8 restore) {
    for (u8 area = 0; area < 7; ++area) {
        u16 address = rom16(&bios_data[area][0]), length = rom16(&bios_data[area][1]);
        for (; length; --length, ++address) {
            if (restore)
                LOW8(address) = get(at);
            else
                put(at, LOW8(address));
        }
    }
    // The equipment word's display bits, the rest of it stays.
    if (restore)
        LOW8(BDA_EQUIPMENT) = (u8)((LOW8(BDA_EQUIPMENT) & ~0x30) | (get(at) & 0x30));
    else
        put(at, LOW8(BDA_EQUIPMENT));
}

static void save_dac(struct Cursor* at) {
    put(at, in8(DAC_MASK));
    put(at, read_attribute(0x14));
    out8(DAC_READ_INDEX, 0);
    for (u16 i = 0; i < 768; ++i) put(at, in8(DAC_DATA));
}

static void restore_dac(struct Cursor* at) {
    out8(DAC_MASK, get(at));
    write_attribute(0x14, get(at));
    out8(DAC_WRITE_INDEX, 0);
    for (u16 i = 0; i < 768; ++i) out8(DAC_DATA, get(at));
}

void save_restore(struct Frame* frame) {
    u8 parts = frame->cl & 7;
    struct Cursor at = {frame->es, frame->bx};
    if (!parts || frame->al > 2) return;
    if (frame->al == 0) {
        frame->bx =
            (parts & SAVE_REGISTERS ? 2 : 0) + (parts & SAVE_BIOS_DATA ? 1 : 0) + (parts & SAVE_DAC ? 13 : 0);
        frame->al = 0x1C;
        return;
    }
    u8 restore = frame->al == 2;
    if (parts & SAVE_REGISTERS) {
        u16 start = at.offset;
        if (restore)
            restore_registers(&at);
        else
            save_registers(&at);
        at.offset = start + 128;
    }
    if (parts & SAVE_BIOS_DATA) {
        u16 start = at.offset;
        move_bios_data(&at, restore);
        at.offset = start + 64;
    }
    if (parts & SAVE_DAC) {
        if (restore)
            restore_dac(&at);
        else
            save_dac(&at);
    }
    frame->al = 0x1C;
}
