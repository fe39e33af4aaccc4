// Drawing in the graphics modes: characters, pixels and scrolling for the CGA layouts, EGA/VGA planes and the
// 256-color mode. PS/2 Video Subsystem Technical Reference, "Graphics modes" and "Graphics controller".
#include "video.h"

// Bytes that one 8-pixel character row occupies, and where scan line y begins.
static u8 cell_bytes(u8 kind) { return kind == LINEAR ? 8 : kind == CGA_2BPP ? 2 : 1; }

static u16 line_offset(u8 kind, u8 page, u16 y) {
    switch (kind) {
        case CGA_1BPP:
        case CGA_2BPP: return (u16)((y & 1) * 0x2000 + (y >> 1) * 80);
        case LINEAR: return (u16)(y * 320);
        default: return (u16)(page * LOW16(BDA_PAGE_SIZE) + y * LOW16(BDA_COLUMNS));
    }
}

static u16 graphics_segment(u8 kind) { return kind < PLANAR ? 0xB800 : 0xA000; }

// The graphics controller as mode set leaves it.
static void restore_planes(void) {
    wait_out(GRAPHICS, 0, 0);
    wait_out(GRAPHICS, 1, 0);
    wait_out(GRAPHICS, 3, 0);
    wait_out(GRAPHICS, 4, 0);
    wait_out(GRAPHICS, 5, 0);
    wait_out(GRAPHICS, 8, 0xFF);
    wait_out(SEQUENCER, 2, 0x0F);
}

// The byte that fills a CGA or linear area with one color.
static u8 fill_pattern(u8 kind, u8 color) {
    if (kind == CGA_1BPP) return color & 1 ? 0xFF : 0;
    if (kind == CGA_2BPP) return (u8)((color & 3) * 0x55);
    return color;
}

void scroll_graphics(u8 down, u8 lines, u8 attribute, u8 top, u8 left, u8 bottom, u8 right) {
    u8 kind = mode_kind(current_mode()), height = LOW8(BDA_CHARACTER_HEIGHT), page = LOW8(BDA_PAGE);
    u16 segment = graphics_segment(kind), bytes = (u16)((right - left + 1) * cell_bytes(kind));
    u16 start = (u16)(left * cell_bytes(kind)), first = top * height, shift = lines * height;
    u16 total = (u16)((bottom - top + 1) * height), end = first + total - 1;
    u8 fill = fill_pattern(kind, attribute);
    if (kind == PLANAR) wait_out(SEQUENCER, 2, 0x0F);
    for (u16 i = 0; i < total; ++i) {
        u16 y = down ? end - i : first + i;
        u16 to = line_offset(kind, page, y) + start;
        if (i < total - shift) {
            u16 from = line_offset(kind, page, down ? y - shift : y + shift) + start;
            if (kind == PLANAR)
                wait_out(GRAPHICS, 5, 1);  // write mode 1 copies all planes through the latches
            move_bytes(segment, to, from, bytes);
        } else {
            if (kind == PLANAR) {  // set/reset gives every plane its bit of the color
                wait_out(GRAPHICS, 5, 0);
                wait_out(GRAPHICS, 0, attribute & 0x0F);
                wait_out(GRAPHICS, 1, 0x0F);
            }
            fill_bytes(segment, to, fill, bytes);
        }
    }
    if (kind == PLANAR) restore_planes();
}

// Where the glyph of a character starts; the CGA modes have the upper half of the font elsewhere.
static void find_glyph(u8 kind, u8 character, u16* segment, u16* offset) {
    u32 vector = VECTOR_FONT;
    u8 index = character;
    if (kind < PLANAR && character >= 0x80) {
        vector = VECTOR_HIGH_FONT;
        index -= 0x80;
    }
    *segment = LOW16(vector + 2);
    *offset = LOW16(vector) + index * LOW8(BDA_CHARACTER_HEIGHT);
}

static u16 spread_bits(u8 bits) {
    u16 result = 0;
    for (u8 i = 0; i < 8; ++i)
        if (bits & (1 << i)) result |= (u16)(3 << (2 * i));
    return result;
}

// color bit 7 means exclusive or with what is there (the 256-color mode has no such bit: all 8 are color).
void draw_glyph(u8 character, u8 color, u8 page, u8 column, u8 row) {
    u8 kind = mode_kind(current_mode()), height = LOW8(BDA_CHARACTER_HEIGHT);
    u16 segment = graphics_segment(kind), glyph_segment, glyph;
    u8 exclusive = kind != LINEAR && (color & 0x80);
    find_glyph(kind, character, &glyph_segment, &glyph);
    for (u8 y = 0; y < height; ++y) {
        u16 to = line_offset(kind, page, (u16)(row * height + y)) + column * cell_bytes(kind);
        u8 bits = far8(glyph_segment, glyph + y);
        switch (kind) {
            case CGA_1BPP: {
                u8 value = color & 1 ? bits : 0;
                far_store8(segment, to, exclusive ? far8(segment, to) ^ value : value);
                break;
            }
            case CGA_2BPP: {
                u16 value = spread_bits(bits) & (u16)((color & 3) * 0x5555);
                value = (u16)(value >> 8 | value << 8);  // the left pixels are in the first byte
                far_store16(segment, to, exclusive ? far16(segment, to) ^ value : value);
                break;
            }
            case LINEAR:
                for (u8 x = 0; x < 8; ++x) far_store8(segment, to + x, bits & (0x80 >> x) ? color : 0);
                break;
            default:
                wait_out(SEQUENCER, 2, 0x0F);
                wait_out(GRAPHICS, 5, 2);  // write mode 2: the data is a color, the bit mask selects pixels
                wait_out(GRAPHICS, 8, 0xFF);
                if (exclusive)
                    wait_out(GRAPHICS, 3, 0x18);
                else
                    far_store8(segment, to, 0);
                wait_out(GRAPHICS, 8, bits);
                far8(segment, to);  // fills the latches
                far_store8(segment, to, color & 0x0F);
        }
    }
    if (kind == PLANAR) restore_planes();
}

// One row of 8 pixels as a bit pattern: a bit is set where the pixel is not background.
static u8 read_bits(u8 kind, u16 segment, u16 from) {
    u8 bits = 0;
    switch (kind) {
        case CGA_1BPP: return far8(segment, from);
        case CGA_2BPP:
            for (u8 x = 0; x < 8; ++x)
                if (far8(segment, from + (x >> 2)) & (0xC0 >> (x & 3) * 2)) bits |= 0x80 >> x;
            return bits;
        case LINEAR:
            for (u8 x = 0; x < 8; ++x)
                if (far8(segment, from + x)) bits |= 0x80 >> x;
            return bits;
        default:
            wait_out(GRAPHICS, 5, 8);  // read mode 1: compare with color 0
            wait_out(GRAPHICS, 2, 0);
            wait_out(GRAPHICS, 7, 0x0F);
            bits = (u8)~far8(segment, from);
            wait_out(GRAPHICS, 5, 0);
            return bits;
    }
}

u8 match_glyph(u8 page, u8 column, u8 row) {
    u8 kind = mode_kind(current_mode()), height = LOW8(BDA_CHARACTER_HEIGHT);
    u16 segment = graphics_segment(kind);
    u8 pattern[32];
    for (u8 y = 0; y < height && y < 32; ++y)
        pattern[y] = read_bits(kind, segment,
                               line_offset(kind, page, (u16)(row * height + y)) + column * cell_bytes(kind));
    for (u32 character = 0; character < 256; ++character) {
        u16 glyph_segment, glyph;
        find_glyph(kind, (u8)character, &glyph_segment, &glyph);
        u8 y = 0;
        while (y < height && y < 32 && far8(glyph_segment, glyph + y) == pattern[y]) ++y;
        if (y == height) return (u8)character;
    }
    return 0;
}

void write_pixel(u8 color, u8 page, u16 x, u16 y) {
    u8 kind = mode_kind(current_mode()), exclusive = color & 0x80;
    u16 segment = graphics_segment(kind);
    if (kind == TEXT) return;
    u16 line = line_offset(kind, page & 7, y);
    if (kind == LINEAR) {
        far_store8(segment, line + x, color);
    } else if (kind == PLANAR) {
        u16 at = line + (x >> 3);
        wait_out(SEQUENCER, 2, 0x0F);
        wait_out(GRAPHICS, 5, 2);
        wait_out(GRAPHICS, 8, 0x80 >> (x & 7));
        if (exclusive) wait_out(GRAPHICS, 3, 0x18);
        far8(segment, at);
        far_store8(segment, at, color & 0x0F);
        restore_planes();
    } else {
        u8 two = kind == CGA_2BPP;
        u16 at = line + (two ? x >> 2 : x >> 3);
        u8 shift = two ? 6 - 2 * (x & 3) : 7 - (x & 7), mask = (u8)((two ? 3 : 1) << shift);
        u8 value = (u8)(color << shift) & mask, old = far8(segment, at);
        far_store8(segment, at, exclusive ? old ^ value : (u8)((old & ~mask) | value));
    }
}

u8 read_pixel(u8 page, u16 x, u16 y) {
    u8 kind = mode_kind(current_mode());
    u16 segment = graphics_segment(kind);
    if (kind == TEXT) return 0;
    u16 line = line_offset(kind, page & 7, y);
    if (kind == LINEAR) return far8(segment, line + x);
    if (kind == CGA_1BPP) return far8(segment, line + (x >> 3)) >> (7 - (x & 7)) & 1;
    if (kind == CGA_2BPP) return far8(segment, line + (x >> 2)) >> (6 - 2 * (x & 3)) & 3;
    u8 color = 0;
    for (u8 plane = 0; plane < 4; ++plane) {
        wait_out(GRAPHICS, 4, plane);
        if (far8(segment, line + (x >> 3)) & (0x80 >> (x & 7))) color |= 1 << plane;
    }
    wait_out(GRAPHICS, 4, 0);
    return color;
}
