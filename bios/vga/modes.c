// Initialisation and mode set: INT 10h AH=00, 05, 0F. PS/2 Video Subsystem Technical Reference.
#include "video.h"

void wait_out(u16 port, u8 index, u8 value) { out16(port, (u16)(index | value << 8)); }

u8 read_indexed(u16 port, u8 index) {
    out8(port, index);
    return in8(port + 1);
}

u16 text_segment(void) { return LOW16(BDA_CRTC_PORT) == 0x3B4 ? 0xB000 : 0xB800; }

const struct Mode* find_mode(u8 number) {
    for (u32 i = 0; i < 15; ++i)
        if (rom8(&mode_table[i].number) == number) return &mode_table[i];
    return 0;
}

const struct Mode* current_mode(void) {
    const struct Mode* mode = find_mode(LOW8(BDA_MODE) & 0x7F);
    return mode ? mode : &mode_table[3];
}

u8 mode_kind(const struct Mode* mode) { return rom8(&mode->kind); }

// Lines that the CRTC shows, as the programmer of the mode counts them (double-scanned ones once).
u16 scan_lines(void) {
    u16 crtc = LOW16(BDA_CRTC_PORT);
    u8 overflow = read_indexed(crtc, 0x07);
    u16 lines = (u16)(read_indexed(crtc, 0x12) | (overflow & 0x02) << 7 | (overflow & 0x40) << 3) + 1;
    return read_indexed(crtc, 0x09) & 0x80 ? lines / 2 : lines;
}

static void program(const struct Parameters* parameters) {
    u16 crtc = rom8(&parameters->misc) & 1 ? 0x3D4 : 0x3B4;
    dispi_off();
    video_on();
    out8(ATTRIBUTE, 0);  // the palette belongs to the CPU while it changes: the screen is blank
    wait_out(SEQUENCER, 0, 1);
    for (u8 i = 0; i < 4; ++i)
        wait_out(SEQUENCER, i + 1, rom8(&parameters->sequencer[i]) | (i == 0 ? 0x20 : 0));
    out8(MISC_WRITE, rom8(&parameters->misc));
    wait_out(SEQUENCER, 0, 3);
    for (u8 i = 0; i < 9; ++i) wait_out(GRAPHICS, i, rom8(&parameters->graphics[i]));
    wait_out(crtc, 0x11, 0);  // registers 0–7 are writable only while this one's bit 7 is clear
    for (u8 i = 0; i < 25; ++i) wait_out(crtc, i, rom8(&parameters->crtc[i]));
    LOW16(BDA_CRTC_PORT) = crtc;
    in8(crtc + 6);
    out8(crtc + 6, 0);  // feature control
    out8(DAC_MASK, 0xFF);
    u8 keep_palette = LOW8(BDA_MODE_OPTIONS) & OPTION_NO_DEFAULT_PALETTE;
    for (u8 i = 0; i < 20; ++i)
        if (!keep_palette || i >= 16) write_attribute(i, rom8(&parameters->attribute[i]));
    write_attribute(0x14, 0);
}

static void clear_memory(const struct Mode* mode) {
    u16 segment = rom16(&mode->segment);
    switch (mode_kind(mode)) {
        case TEXT: fill_words(segment, 0, 0x0720, 0x4000); break;
        case CGA_1BPP:
        case CGA_2BPP: fill_words(segment, 0, 0, 0x2000); break;
        default: fill_words(segment, 0, 0, 0x8000); break;
    }
}

// Text modes: the save pointer table may name a font of the user's for some modes.
// Layout (IBM): height, block, count, first, offset, segment, displayed rows, modes ended by FF.
static void text_font_override(u8 number) {
    u32 pointer = LOW32(BDA_SAVE_POINTER);
    if (!pointer) return;
    u16 table_segment = (u16)(pointer >> 16), table = (u16)pointer;
    u16 offset = far16(table_segment, table + 8), segment = far16(table_segment, table + 10);
    if (!(offset | segment)) return;
    for (u16 at = offset + 11;; ++at) {
        u8 listed = far8(segment, at);
        if (listed == 0xFF) return;
        if (listed == number) break;
    }
    load_glyphs(far8(segment, offset + 1), far8(segment, offset), far16(segment, offset + 8),
                far16(segment, offset + 6), far16(segment, offset + 2), far16(segment, offset + 4));
}

// Graphics modes: rows, height, offset, segment, modes ended by FF.
static void graphics_font_override(u8 number) {
    u32 pointer = LOW32(BDA_SAVE_POINTER);
    if (!pointer) return;
    u16 table_segment = (u16)(pointer >> 16), table = (u16)pointer;
    u16 offset = far16(table_segment, table + 12), segment = far16(table_segment, table + 14);
    if (!(offset | segment)) return;
    for (u16 at = offset + 7;; ++at) {
        u8 listed = far8(segment, at);
        if (listed == 0xFF) return;
        if (listed == number) break;
    }
    LOW8(BDA_LAST_ROW) = far8(segment, offset) - 1;
    set_graphics_font(far16(segment, offset + 5), far16(segment, offset + 3), (u8)far16(segment, offset + 1));
}

void set_mode(u8 request) {
    u8 number = request & 0x7F;
    const struct Mode* mode = find_mode(number);
    if (!mode) return;
    u8 kind = mode_kind(mode), palette = rom8(&mode->palette), entry = rom8(&mode->parameters);
    u8 options = LOW8(BDA_MODE_OPTIONS);
    if (kind == TEXT) {
        u8 lines = options & (OPTION_200_LINES | OPTION_400_LINES);
        if (number == 7) {
            entry = lines == OPTION_400_LINES ? 0x19 : 0x07;
        } else if (lines == OPTION_400_LINES) {
            entry = number < 2 ? 0x17 : 0x18;
        } else if (lines == OPTION_200_LINES) {
            palette = PALETTE_16;
        } else {
            entry = number + 0x13;
        }
    }
    const struct Parameters* parameters = &parameter_table[entry];
    program(parameters);
    if (!(options & OPTION_NO_DEFAULT_PALETTE)) {
        load_default_dac(options & OPTION_MONO_DISPLAY ? PALETTE_MONO : palette);
        if (options & OPTION_GRAY_SUMMING) sum_to_gray(0, 256);
    }

    u8 height = rom8(&parameters->character_height);
    LOW8(BDA_MODE) = number;
    LOW16(BDA_COLUMNS) = rom8(&parameters->columns);
    LOW16(BDA_PAGE_SIZE) =
        rom16((const u16*)((const u8*)parameters + __builtin_offsetof(struct Parameters, page_size)));
    LOW16(BDA_PAGE_START) = 0;
    for (u32 page = 0; page < 8; ++page) LOW16(BDA_CURSOR_POSITION + 2 * page) = 0;
    LOW8(BDA_PAGE) = 0;
    LOW8(BDA_MODE_REGISTER) = rom8(&mode->mode_register);
    LOW8(BDA_COLOR_REGISTER) = rom8(&mode->color_register);
    LOW8(BDA_LAST_ROW) = rom8(&parameters->last_row);
    LOW16(BDA_CHARACTER_HEIGHT) = height;
    LOW8(BDA_VIDEO_CONTROL) = (u8)((LOW8(BDA_VIDEO_CONTROL) & ~(CONTROL_NO_CLEAR | CONTROL_MONO)) |
                                   (request & 0x80) | (rom8(&parameters->misc) & 1 ? 0 : CONTROL_MONO));
    LOW8(BDA_EQUIPMENT) = (u8)((LOW8(BDA_EQUIPMENT) & ~0x30) | (rom8(&parameters->misc) & 1 ? 0x20 : 0x30));

    if (!(request & 0x80)) clear_memory(mode);
    LOW16(VECTOR_HIGH_FONT) = (u16)(u32)(font_8x8 + 128 * 8);
    LOW16(VECTOR_HIGH_FONT + 2) = code_segment();
    LOW16(VECTOR_FONT) = (u16)(u32)rom_font(height);
    LOW16(VECTOR_FONT + 2) = code_segment();
    if (kind == TEXT) {
        load_rom_font(0, height);
        text_font_override(number);
        LOW16(BDA_CURSOR_SHAPE) = number == 7 ? 0x0B0C : 0x0607;
        set_cursor_shape(rom8(&parameters->crtc[10]), rom8(&parameters->crtc[11]));
        LOW16(BDA_CURSOR_SHAPE) = number == 7 ? 0x0B0C : 0x0607;
    } else {
        LOW16(BDA_CURSOR_SHAPE) = 0;
        graphics_font_override(number);
    }
    wait_out(SEQUENCER, 1, rom8(&parameters->sequencer[0]));
    video_on();
}

void select_page(u8 page) {
    const struct Mode* mode = current_mode();
    if (page >= rom8(&mode->pages)) return;
    u16 start = (u16)(page * LOW16(BDA_PAGE_SIZE)), crtc = LOW16(BDA_CRTC_PORT);
    LOW8(BDA_PAGE) = page;
    LOW16(BDA_PAGE_START) = start;
    if (mode_kind(mode) < PLANAR) start >>= 1;  // the CRTC counts words in these modes
    wait_out(crtc, 0x0C, (u8)(start >> 8));
    wait_out(crtc, 0x0D, (u8)start);
    if (mode_kind(mode) == TEXT) place_hardware_cursor();
}

extern void int10_entry(void);

static void set_vector(u32 address, u16 offset) {
    LOW16(address) = offset;
    LOW16(address + 2) = code_segment();
}

void initialize(void) {
    out8(0x3C3, 1);  // subsystem enable, of the motherboard kind
    set_vector(VECTOR_VIDEO, (u16)(u32)int10_entry);
    set_vector(VECTOR_OLD_VIDEO, (u16)(u32)int10_entry);
    set_vector(VECTOR_VIDEO_ENTRY, (u16)(u32)int10_entry);
    LOW8(BDA_VIDEO_CONTROL) = 0x60;  // 256 KB of memory, cursor emulation
    LOW8(BDA_SWITCHES) = 0xF9;       // color display
    LOW8(BDA_MODE_OPTIONS) = OPTION_ACTIVE | OPTION_400_LINES;
    LOW8(BDA_DISPLAY_CODE) = 6;
    LOW16(BDA_SAVE_POINTER) = (u16)(u32)save_pointer_table;
    LOW16(BDA_SAVE_POINTER + 2) = code_segment();
    set_mode(3);
}
