// VBE 3.0 (VESA BIOS Extension Core Functions Standard) on the Bochs DISPI interface: INT 10h AH=4F. Without
// DISPI the functions leave AX as it is, which says that there is no VBE. The BIOS keeps no state: all is in
// the adapter.
#include "video.h"

enum {
    DISPI_INDEX_PORT = 0x1CE,
    DISPI_DATA_PORT = 0x1CF,
    DISPI_ID = 0,
    DISPI_XRES = 1,
    DISPI_YRES = 2,
    DISPI_BPP = 3,
    DISPI_ENABLE = 4,
    DISPI_BANK = 5,
    DISPI_VIRTUAL_WIDTH = 6,
    DISPI_VIRTUAL_HEIGHT = 7,
    DISPI_X_OFFSET = 8,
    DISPI_Y_OFFSET = 9,
    DISPI_MEMORY = 10,  // in 64 KB
    ENABLE_ON = 0x01,
    ENABLE_CAPABILITIES = 0x02,
    ENABLE_8_BIT_DAC = 0x20,
    ENABLE_LINEAR = 0x40,
    ENABLE_KEEP_MEMORY = 0x80,
    MODE_LINEAR = 0x4000,
    MODE_KEEP_MEMORY = 0x8000,
};
enum { MAX_PIXEL_CLOCK = 350000000 };
enum { VBE_DONE = 0x004F, VBE_FAILED = 0x014F, VBE_INVALID_NOW = 0x034F };

struct VbeMode {
    u16 number, width, height, bits;
};

static const struct VbeMode vbe_modes[] ROM_DATA = {
    {0x100, 640, 400, 8},    {0x101, 640, 480, 8},    {0x102, 800, 600, 4},    {0x103, 800, 600, 8},
    {0x104, 1024, 768, 4},   {0x105, 1024, 768, 8},   {0x106, 1280, 1024, 4},  {0x107, 1280, 1024, 8},
    {0x10D, 320, 200, 15},   {0x10E, 320, 200, 16},   {0x10F, 320, 200, 24},
    {0x110, 640, 480, 15},   {0x111, 640, 480, 16},   {0x112, 640, 480, 24},   {0x113, 800, 600, 15},
    {0x114, 800, 600, 16},   {0x115, 800, 600, 24},   {0x116, 1024, 768, 15},  {0x117, 1024, 768, 16},
    {0x118, 1024, 768, 24},  {0x119, 1280, 1024, 15}, {0x11A, 1280, 1024, 16}, {0x11B, 1280, 1024, 24},
    {0x140, 320, 200, 32},   {0x141, 640, 400, 32},   {0x142, 640, 480, 32},   {0x143, 800, 600, 32},
    {0x144, 1024, 768, 32},  {0x145, 1280, 1024, 32}, {0x146, 320, 200, 8},    {0x147, 1600, 1200, 32},
    {0x148, 1280, 720, 32},  {0x149, 1280, 800, 32},  {0x14A, 1440, 900, 32},  {0x14B, 1680, 1050, 32},
    {0x14C, 1920, 1080, 32}, {0x14D, 1920, 1200, 32}, {0x14E, 2560, 1440, 32}, {0x14F, 2560, 1600, 32},
    {0x150, 1600, 1200, 8},  {0x151, 1600, 1200, 16}, {0x152, 1600, 1200, 24}, {0x153, 1280, 720, 16},
    {0x154, 1280, 800, 16},  {0x155, 1440, 900, 16},  {0x156, 1680, 1050, 16}, {0x157, 1920, 1080, 16},
    {0x158, 1920, 1200, 16}, {0x159, 2560, 1440, 16}, {0x15A, 2560, 1600, 16},
};
enum { VBE_MODES = sizeof vbe_modes / sizeof vbe_modes[0] };

static const char oem_name[] ROM_DATA = "Gnomon VGA BIOS";
static const char vendor_name[] ROM_DATA = "Gnomon";

static u16 dispi_read(u16 index) {
    out16(DISPI_INDEX_PORT, index);
    return in16(DISPI_DATA_PORT);
}

static void dispi_write(u16 index, u16 value) {
    out16(DISPI_INDEX_PORT, index);
    out16(DISPI_DATA_PORT, value);
}

// Linear framebuffers came with interface B0C2.
static u8 has_dispi(void) {
    u16 id = dispi_read(DISPI_ID);
    return id >= 0xB0C2 && id <= 0xB0C5;
}

void dispi_off(void) {
    if (has_dispi()) dispi_write(DISPI_ENABLE, 0);
}

static u16 memory_blocks(void) {
    u16 blocks = dispi_read(DISPI_MEMORY);
    return blocks && blocks != 0xFFFF ? blocks : 64;  // the first adapters had 4 MB and no such register
}

static u16 maximum(u16 index) {
    u16 enable = dispi_read(DISPI_ENABLE);
    dispi_write(DISPI_ENABLE, enable | ENABLE_CAPABILITIES);
    u16 value = dispi_read(index);
    dispi_write(DISPI_ENABLE, enable);
    return value;
}

// A base address register of the PCI display adapter; 0 without one.
static u32 pci_base(u8 offset) {
    for (u32 device = 0; device < 32; ++device) {
        out32(0xCF8, 0x80000000 | device << 11);
        if (in32(0xCFC) != 0x11111234) continue;
        out32(0xCF8, 0x80000000 | device << 11 | offset);
        return in32(0xCFC) & ~0xFu;
    }
    return 0;
}

// BAR 0, or the address of an ISA adapter.
static u32 framebuffer(void) {
    u32 base = pci_base(0x10);
    return base ? base : 0xE0000000;
}

// Bytes that a line of so many pixels takes; modes of 4 bits have such a line in each of four planes.
static u32 line_bytes(u32 width, u16 bits) { return bits == 4 ? width / 8 : width * ((bits + 7u) / 8); }
static u8 planes(u16 bits) { return bits == 4 ? 4 : 1; }
static u32 memory_of_plane(u16 bits) { return ((u32)memory_blocks() << 16) / planes(bits); }

static struct VbeMode read_mode(u32 index) {
    struct VbeMode mode;
    const u16* fields = (const u16*)&vbe_modes[index];
    mode.number = rom16(fields);
    mode.width = rom16(fields + 1);
    mode.height = rom16(fields + 2);
    mode.bits = rom16(fields + 3);
    return mode;
}

static u8 usable(const struct VbeMode* mode) {
    u32 size = line_bytes(mode->width, mode->bits) * mode->height;
    return size <= memory_of_plane(mode->bits) && mode->width <= maximum(DISPI_XRES) &&
           mode->height <= maximum(DISPI_YRES) && mode->bits <= maximum(DISPI_BPP);
}

static u8 find(u16 number, struct VbeMode* found) {
    for (u32 i = 0; i < VBE_MODES; ++i) {
        *found = read_mode(i);
        if (found->number == (number & 0x1FF)) return usable(found);
    }
    return 0;
}

static void store32(u16 segment, u16 offset, u32 value) {
    far_store16(segment, offset, (u16)value);
    far_store16(segment, offset + 2, (u16)(value >> 16));
}

static void store_rom_pointer(u16 segment, u16 offset, const void* address) {
    far_store16(segment, offset, (u16)(u32)address);
    far_store16(segment, offset + 2, code_segment());
}

// 4F00: the mode list lies in the reserved part of the block itself.
static u16 controller_information(struct Frame* frame) {
    u16 es = frame->es, di = frame->di;
    u8 version_2 = far16(es, di) == 0x4256 && far16(es, di + 2) == 0x3245;  // "VBE2"
    fill_bytes(es, di, 0, version_2 ? 512 : 256);
    store32(es, di, 0x41534556);  // "VESA"
    far_store16(es, di + 4, 0x0300);
    store_rom_pointer(es, di + 6, oem_name);
    store32(es, di + 10, 1);  // the DAC can be 8 bits wide
    far_store16(es, di + 14, di + 0x22);
    far_store16(es, di + 16, es);
    far_store16(es, di + 18, memory_blocks());
    if (version_2) {
        far_store16(es, di + 20, 0x0100);
        store_rom_pointer(es, di + 22, vendor_name);
        store_rom_pointer(es, di + 26, oem_name);
        store_rom_pointer(es, di + 30, vendor_name);
    }
    u16 at = di + 0x22;
    for (u32 i = 0; i < VBE_MODES; ++i) {
        struct VbeMode mode = read_mode(i);
        if (!usable(&mode)) continue;
        far_store16(es, at, mode.number);
        at += 2;
    }
    far_store16(es, at, 0xFFFF);
    return VBE_DONE;
}

// Size and position of red, green, blue and the spare bits.
static const u8 masks[4][8] ROM_DATA = {
    {5, 10, 5, 5, 5, 0, 1, 15},  // 15 bits
    {5, 11, 6, 5, 5, 0, 0, 0},   // 16
    {8, 16, 8, 8, 8, 0, 0, 0},   // 24
    {8, 16, 8, 8, 8, 0, 8, 24},  // 32
};

static void store_masks(u16 es, u16 at, u16 bits) {
    u32 row = bits == 15 ? 0 : bits == 16 ? 1 : bits == 24 ? 2 : 3;
    for (u16 i = 0; i < 8; ++i) far_store8(es, at + i, rom8(&masks[row][i]));
}

extern void vbe_window(void);

static u16 mode_information(struct Frame* frame) {
    u16 es = frame->es, di = frame->di;
    struct VbeMode mode;
    if (!find(frame->cx, &mode)) return VBE_FAILED;
    u16 line = (u16)line_bytes(mode.width, mode.bits);
    u32 pages = memory_of_plane(mode.bits) / ((u32)line * mode.height) - 1;
    u8 planar = mode.bits == 4;
    if (pages > 127) pages = 127;
    fill_bytes(es, di, 0, 256);
    far_store16(es, di, planar ? 0x001B : 0x009B);  // supported, color, graphics, windowed, linear
    far_store8(es, di + 2, 7);    // window A: can move, read and write
    far_store16(es, di + 4, 64);  // granularity and size in KB
    far_store16(es, di + 6, 64);
    far_store16(es, di + 8, 0xA000);
    store_rom_pointer(es, di + 12, vbe_window);
    far_store16(es, di + 16, line);
    far_store16(es, di + 18, mode.width);
    far_store16(es, di + 20, mode.height);
    far_store8(es, di + 22, 8);
    far_store8(es, di + 23, 16);
    far_store8(es, di + 24, planes(mode.bits));
    far_store8(es, di + 25, (u8)mode.bits);
    far_store8(es, di + 26, 1);
    far_store8(es, di + 27, planar ? 3 : mode.bits == 8 ? 4 : 6);  // planar, packed pixels, direct color
    far_store8(es, di + 29, (u8)pages);
    far_store8(es, di + 30, 1);
    if (mode.bits > 8) store_masks(es, di + 31, mode.bits);
    if (!planar) store32(es, di + 40, framebuffer());
    far_store16(es, di + 50, line);
    far_store8(es, di + 52, (u8)pages);
    far_store8(es, di + 53, (u8)pages);
    if (mode.bits > 8) store_masks(es, di + 54, mode.bits);
    store32(es, di + 62, MAX_PIXEL_CLOCK);
    return VBE_DONE;
}

static u16 set_vbe_mode(struct Frame* frame) {
    u16 request = frame->bx;
    struct VbeMode mode;
    if ((request & 0x1FF) < 0x100) {
        if (!find_mode(request & 0x7F)) return VBE_FAILED;
        set_mode((u8)((request & 0x7F) | (request & MODE_KEEP_MEMORY ? 0x80 : 0)));
        return VBE_DONE;
    }
    if (!find(request, &mode)) return VBE_FAILED;
    if (mode.bits == 4 && (request & MODE_LINEAR)) return VBE_FAILED;
    set_mode((mode.bits == 4 ? 0x12 : 0x13) | 0x80);  // planes, or bytes in a row
    if (!(request & MODE_KEEP_MEMORY)) LOW8(BDA_VIDEO_CONTROL) &= (u8)~CONTROL_NO_CLEAR;
    dispi_write(DISPI_XRES, mode.width);
    dispi_write(DISPI_YRES, mode.height);
    dispi_write(DISPI_BPP, mode.bits);
    dispi_write(DISPI_BANK, 0);
    dispi_write(DISPI_ENABLE, (u16)(ENABLE_ON | (request & MODE_LINEAR ? ENABLE_LINEAR : 0) |
                                    (request & MODE_KEEP_MEMORY ? ENABLE_KEEP_MEMORY : 0)));
    return VBE_DONE;
}

static u8 is_on(void) { return dispi_read(DISPI_ENABLE) & ENABLE_ON; }

static u16 get_vbe_mode(struct Frame* frame) {
    u16 enable = dispi_read(DISPI_ENABLE);
    frame->bx = LOW8(BDA_MODE) & 0x7F;
    if (!(enable & ENABLE_ON)) return VBE_DONE;
    u16 width = dispi_read(DISPI_XRES), height = dispi_read(DISPI_YRES), bits = dispi_read(DISPI_BPP);
    for (u32 i = 0; i < VBE_MODES; ++i) {
        struct VbeMode mode = read_mode(i);
        if (mode.width == width && mode.height == height && mode.bits == bits)
            frame->bx = mode.number | (enable & ENABLE_LINEAR ? MODE_LINEAR : 0);
    }
    return VBE_DONE;
}

// 4F04: what INT 10h AH=1C saves, then a block with the DISPI registers.
static u16 save_restore_state(struct Frame* frame) {
    // A mode is made of the first three, then switched on; the others are set in it.
    static const u8 order[8] ROM_DATA = {DISPI_XRES,     DISPI_YRES,     DISPI_BPP,  DISPI_VIRTUAL_WIDTH,
                                         DISPI_X_OFFSET, DISPI_Y_OFFSET, DISPI_BANK, DISPI_ENABLE};
    u8 parts = frame->cl & 15, what = frame->dl;
    if (!parts || what > 2) return VBE_FAILED;
    struct Frame standard = *frame;
    standard.al = 0;
    standard.cl = parts & 7;
    standard.bx = 0;
    save_restore(&standard);
    u16 blocks = standard.bx, at = (u16)(frame->bx + blocks * 64);
    if (what == 0) {
        frame->bx = blocks + (parts & 8 ? 1 : 0);
        return VBE_DONE;
    }
    standard = *frame;
    standard.al = what;
    standard.cl = parts & 7;
    if (what == 2 && (parts & 8)) dispi_write(DISPI_ENABLE, 0);
    if (parts & 7) save_restore(&standard);
    if (!(parts & 8)) return VBE_DONE;
    if (what == 1) {
        for (u16 i = 0; i < 8; ++i) far_store16(frame->es, at + 2 * i, dispi_read(rom8(&order[i])));
        return VBE_DONE;
    }
    u16 enable = far16(frame->es, at + 14);
    for (u16 i = 0; i < 3; ++i) dispi_write(rom8(&order[i]), far16(frame->es, at + 2 * i));
    dispi_write(DISPI_ENABLE, enable | ENABLE_KEEP_MEMORY);
    for (u16 i = 3; i < 7; ++i) dispi_write(rom8(&order[i]), far16(frame->es, at + 2 * i));
    return VBE_DONE;
}

static u16 window(struct Frame* frame) {
    if (frame->bl || frame->bh > 1) return VBE_FAILED;
    if (!is_on() || (dispi_read(DISPI_ENABLE) & ENABLE_LINEAR)) return VBE_INVALID_NOW;
    if (frame->bh) {
        frame->dx = dispi_read(DISPI_BANK);
        return VBE_DONE;
    }
    if (frame->dx >= memory_of_plane(dispi_read(DISPI_BPP)) >> 16) return VBE_FAILED;
    dispi_write(DISPI_BANK, frame->dx);
    return VBE_DONE;
}

static u16 line_length(struct Frame* frame) {
    if (!is_on()) return VBE_INVALID_NOW;
    u16 bits = dispi_read(DISPI_BPP);
    u32 memory = memory_of_plane(bits);
    u32 pixels = frame->cx;
    switch (frame->bl) {
        case 2: {
            u32 unit = line_bytes(8, bits);
            pixels = (pixels * 8 + unit - 1) / unit;
            __attribute__((fallthrough));
        }
        case 0:
            if (pixels > 0xFFFF || pixels < dispi_read(DISPI_XRES) ||
                line_bytes(pixels, bits) * dispi_read(DISPI_YRES) > memory)
                return VBE_FAILED;
            dispi_write(DISPI_VIRTUAL_WIDTH, (u16)pixels);
            __attribute__((fallthrough));
        case 1: pixels = dispi_read(DISPI_VIRTUAL_WIDTH); break;
        case 3: {
            u32 longest = memory / dispi_read(DISPI_YRES) * 8 / line_bytes(8, bits);
            pixels = (longest > 0xFFFF ? 0xFFFF : longest) & ~7u;
            break;
        }
        default: return VBE_FAILED;
    }
    frame->bx = (u16)line_bytes(pixels, bits);
    frame->cx = (u16)pixels;
    u32 lines = memory / line_bytes(pixels, bits);
    frame->dx = (u16)(lines > 0xFFFF ? 0xFFFF : lines);
    return VBE_DONE;
}

static u16 display_start(struct Frame* frame) {
    if (!is_on()) return VBE_INVALID_NOW;
    switch (frame->bl) {
        case 0x80:
            while (in8(0x3DA) & 8) {
            }
            while (!(in8(0x3DA) & 8)) {
            }
            __attribute__((fallthrough));
        case 0x00:
            dispi_write(DISPI_X_OFFSET, frame->cx);
            dispi_write(DISPI_Y_OFFSET, frame->dx);
            return dispi_read(DISPI_X_OFFSET) == frame->cx && dispi_read(DISPI_Y_OFFSET) == frame->dx
                       ? VBE_DONE
                       : VBE_FAILED;
        case 0x01:
            frame->bh = 0;
            frame->cx = dispi_read(DISPI_X_OFFSET);
            frame->dx = dispi_read(DISPI_Y_OFFSET);
            return VBE_DONE;
        default: return VBE_FAILED;
    }
}

static u16 dac_width(struct Frame* frame) {
    if (!is_on() || dispi_read(DISPI_BPP) > 8) return VBE_INVALID_NOW;
    u16 enable = dispi_read(DISPI_ENABLE);
    if (frame->bl == 0) {
        enable = frame->bh >= 8 ? enable | ENABLE_8_BIT_DAC : enable & ~ENABLE_8_BIT_DAC;
        dispi_write(DISPI_ENABLE, enable | ENABLE_KEEP_MEMORY);
    } else if (frame->bl != 1) {
        return VBE_FAILED;
    }
    frame->bh = dispi_read(DISPI_ENABLE) & ENABLE_8_BIT_DAC ? 8 : 6;
    return VBE_DONE;
}

// 4F09: entries of blue, green, red and a spare byte.
static u16 palette_data(struct Frame* frame) {
    u16 at = frame->di, es = frame->es;
    if (frame->dx > 255 || frame->cx > 256 || frame->dx + frame->cx > 256) return VBE_FAILED;
    if ((frame->bl & 0x7F) == 0) {
        out8(DAC_WRITE_INDEX, (u8)frame->dx);
        for (u16 left = frame->cx; left; --left, at += 4)
            for (u16 part = 3; part--;) out8(DAC_DATA, far8(es, at + part));
        return VBE_DONE;
    }
    if (frame->bl != 1) return VBE_FAILED;
    out8(DAC_READ_INDEX, (u8)frame->dx);
    for (u16 left = frame->cx; left; --left, at += 4) {
        for (u16 part = 3; part--;) far_store8(es, at + part, in8(DAC_DATA));
        far_store8(es, at + 3, 0);
    }
    return VBE_DONE;
}

// 4F0A: what 32-bit programs copy and call.
static u16 protected_mode_interface(struct Frame* frame) {
    if (frame->bl) return VBE_FAILED;
    frame->es = code_segment();
    frame->di = (u16)(u32)vbe_protected;
    frame->cx = (u16)((u32)vbe_protected_end - (u32)vbe_protected);
    return VBE_DONE;
}

// 4F0B: any pixel clock is possible, and none matters.
static u16 pixel_clock(struct Frame* frame) {
    if (frame->bl) return VBE_FAILED;
    if (frame->ecx > MAX_PIXEL_CLOCK) frame->ecx = MAX_PIXEL_CLOCK;
    return VBE_DONE;
}

// 4F10, VBE/PM: on, standby, suspend, off. Only on and dark differ here.
static u16 power_state(struct Frame* frame) {
    u8 clocking = read_indexed(SEQUENCER, 1);
    switch (frame->bl) {
        case 0:
            frame->bl = 0x10;  // version 1.0
            frame->bh = 0x07;
            return VBE_DONE;
        case 1:
            if (frame->bh & ~7) return VBE_FAILED;
            wait_out(SEQUENCER, 1, frame->bh ? clocking | 0x20 : clocking & ~0x20);
            return VBE_DONE;
        case 2: frame->bh = clocking & 0x20 ? 4 : 0; return VBE_DONE;
        default: return VBE_FAILED;
    }
}

void vbe_functions(struct Frame* frame) {
    if (!has_dispi()) return;
    switch (frame->al) {
        case 0x00: frame->ax = controller_information(frame); break;
        case 0x01: frame->ax = mode_information(frame); break;
        case 0x02: frame->ax = set_vbe_mode(frame); break;
        case 0x03: frame->ax = get_vbe_mode(frame); break;
        case 0x04: frame->ax = save_restore_state(frame); break;
        case 0x05: frame->ax = window(frame); break;
        case 0x06: frame->ax = line_length(frame); break;
        case 0x07: frame->ax = display_start(frame); break;
        case 0x08: frame->ax = dac_width(frame); break;
        case 0x09: frame->ax = palette_data(frame); break;
        case 0x0A: frame->ax = protected_mode_interface(frame); break;
        case 0x0B: frame->ax = pixel_clock(frame); break;
        case 0x10: frame->ax = power_state(frame); break;
        case 0x15: ddc_functions(frame, pci_base(0x18)); break;
        default: frame->ax = 0x0100; break;  // AL other than 4F: not supported
    }
}
