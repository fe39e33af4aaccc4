// Character generator: INT 10h AH=11 (PS/2 and PC BIOS Interface Technical Reference, "Character generator").
#include "video.h"

const u8* rom_font(u8 height) { return height == 8 ? font_8x8 : height == 14 ? font_8x14 : font_8x16; }

// Glyphs live in plane 2, 32 bytes each; the eight blocks interleave: 0, 4, 1, 5, 2, 6, 3, 7.
static u16 block_offset(u8 block) { return (u16)((block & 3) * 0x4000 + (block & 4 ? 0x2000 : 0)); }

static void open_plane_2(void) {
    wait_out(SEQUENCER, 0, 1);
    wait_out(SEQUENCER, 2, 4);
    wait_out(SEQUENCER, 4, 7);
    wait_out(SEQUENCER, 0, 3);
    wait_out(GRAPHICS, 4, 2);
    wait_out(GRAPHICS, 5, 0);
    wait_out(GRAPHICS, 6, 4);
}

static void close_plane_2(void) {
    wait_out(SEQUENCER, 0, 1);
    wait_out(SEQUENCER, 2, 3);
    wait_out(SEQUENCER, 4, 3);
    wait_out(SEQUENCER, 0, 3);
    wait_out(GRAPHICS, 4, 0);
    wait_out(GRAPHICS, 5, 0x10);
    wait_out(GRAPHICS, 6, LOW16(BDA_CRTC_PORT) == 0x3B4 ? 0x0A : 0x0E);
}

void load_glyphs(u8 block, u8 height, u16 segment, u16 offset, u16 count, u16 first) {
    u16 to = block_offset(block) + first * 32;
    open_plane_2();
    for (; count; --count, to += 32, offset += height) copy_far(0xA000, to, segment, offset, height);
    close_plane_2();
}

void load_rom_font(u8 block, u8 height) {
    load_glyphs(block, height, code_segment(), (u16)(u32)rom_font(height), 256, 0);
}

// The mode keeps its scan lines; rows follow from the new cell height.
static void use_text_height(u8 height) {
    u16 crtc = LOW16(BDA_CRTC_PORT), lines = scan_lines();
    if (height == 0 || height > 32) return;
    u8 maximum = read_indexed(crtc, 0x09), rows = (u8)(lines / height);
    wait_out(crtc, 0x09, (u8)((maximum & 0xE0) | (height - 1)));
    u16 shown = rows * height;
    if (maximum & 0x80) shown *= 2;
    --shown;
    wait_out(crtc, 0x12, (u8)shown);
    u8 overflow = read_indexed(crtc, 0x07);
    wait_out(crtc, 0x07, (u8)((overflow & ~0x42) | (shown >> 7 & 0x02) | (shown >> 3 & 0x40)));
    if (LOW16(BDA_CRTC_PORT) == 0x3B4) wait_out(crtc, 0x14, height - 1);  // underline in the last line
    LOW8(BDA_LAST_ROW) = rows - 1;
    LOW16(BDA_CHARACTER_HEIGHT) = height;
    LOW16(BDA_PAGE_SIZE) = (u16)((rows * LOW16(BDA_COLUMNS) * 2 + 0x7FF) & ~0x7FF);
    u8 first = height > 8 ? height - 3 : height - 2;
    wait_out(crtc, 0x0A, first);
    wait_out(crtc, 0x0B, first + 1);
}

void set_graphics_font(u16 segment, u16 offset, u8 height) {
    LOW16(VECTOR_FONT) = offset;
    LOW16(VECTOR_FONT + 2) = segment;
    LOW16(BDA_CHARACTER_HEIGHT) = height;
}

// AL=21–24: rows by BL: 0 the number in DL, 1 14 rows, 2 25, 3 43.
static void graphics_rows(struct Frame* frame) {
    u8 rows = frame->bl == 0 ? frame->dl : frame->bl == 1 ? 14 : frame->bl == 3 ? 43 : 25;
    LOW8(BDA_LAST_ROW) = rows - 1;
}

static void font_information(struct Frame* frame) {
    u16 segment = code_segment(), offset;
    switch (frame->bh) {
        case 0:
            offset = LOW16(VECTOR_HIGH_FONT);
            segment = LOW16(VECTOR_HIGH_FONT + 2);
            break;
        case 1:
            offset = LOW16(VECTOR_FONT);
            segment = LOW16(VECTOR_FONT + 2);
            break;
        case 2: offset = (u16)(u32)font_8x14; break;
        case 3: offset = (u16)(u32)font_8x8; break;
        case 4: offset = (u16)(u32)(font_8x8 + 128 * 8); break;
        case 5: offset = (u16)(u32)no_alternates; break;
        case 6: offset = (u16)(u32)font_8x16; break;
        case 7: offset = (u16)(u32)no_alternates; break;
        default: return;
    }
    frame->es = segment;
    frame->bp = offset;
    frame->cx = LOW16(BDA_CHARACTER_HEIGHT);
    frame->dl = LOW8(BDA_LAST_ROW);
}

void font_functions(struct Frame* frame) {
    u8 function = frame->al;
    u8 height = (function & 0x0F) == 1 ? 14 : (function & 0x0F) == 2 ? 8 : 16;
    switch (function) {
        case 0x00:
        case 0x10:
            load_glyphs(frame->bl, frame->bh, frame->es, frame->bp, frame->cx, frame->dx);
            if (function == 0x10) use_text_height(frame->bh);
            break;
        case 0x01:
        case 0x02:
        case 0x04:
        case 0x11:
        case 0x12:
        case 0x14:
            load_rom_font(frame->bl, height);
            if (function & 0x10) use_text_height(height);
            break;
        case 0x03:
            wait_out(SEQUENCER, 0, 1);
            wait_out(SEQUENCER, 3, frame->bl);
            wait_out(SEQUENCER, 0, 3);
            break;
        case 0x20:
            LOW16(VECTOR_HIGH_FONT) = frame->bp;
            LOW16(VECTOR_HIGH_FONT + 2) = frame->es;
            break;
        case 0x21:
            set_graphics_font(frame->es, frame->bp, (u8)frame->cx);
            graphics_rows(frame);
            break;
        case 0x22:
        case 0x23:
        case 0x24:
            height = function == 0x22 ? 14 : function == 0x23 ? 8 : 16;
            set_graphics_font(code_segment(), (u16)(u32)rom_font(height), height);
            graphics_rows(frame);
            break;
        case 0x30: font_information(frame); break;
        default: break;
    }
}
