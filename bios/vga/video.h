// What the files of the VGA BIOS share: mode parameters (IBM PS/2 Video Subsystem Technical Reference,
// "BIOS parameter table") and the functions of each chapter of INT 10h.
#pragma once
#include "rom.h"

// VGA registers.
enum {
    ATTRIBUTE = 0x3C0,
    ATTRIBUTE_READ = 0x3C1,
    MISC_WRITE = 0x3C2,
    SEQUENCER = 0x3C4,
    DAC_MASK = 0x3C6,
    DAC_READ_INDEX = 0x3C7,
    DAC_WRITE_INDEX = 0x3C8,
    DAC_DATA = 0x3C9,
    FEATURE_READ = 0x3CA,
    MISC_READ = 0x3CC,
    GRAPHICS = 0x3CE,
};

// The format that the save pointer table publishes; programs read it.
struct Parameters {
    u8 columns, last_row, character_height;
    u16 page_size;
    u8 sequencer[4];  // registers 1–4
    u8 misc;
    u8 crtc[25];
    u8 attribute[20];
    u8 graphics[9];
} __attribute__((packed));
_Static_assert(sizeof(struct Parameters) == 64, "the published table has 64-byte entries");

enum MemoryKind { TEXT, CGA_2BPP, CGA_1BPP, PLANAR, LINEAR };
enum Palette { PALETTE_MONO, PALETTE_16, PALETTE_64, PALETTE_256 };

struct Mode {
    u8 number;
    u8 kind;        // MemoryKind
    u8 palette;     // Palette
    u8 parameters;  // index of its entry; for text modes with 200 lines
    u16 segment;
    u8 pages;
    u8 color_register, mode_register;  // for BDA_COLOR_REGISTER, BDA_MODE_REGISTER
    u8 colors_log2;
};

extern const struct Parameters parameter_table[29];
extern const struct Mode mode_table[15];
extern const u8 font_8x8[2048], font_8x14[3584], font_8x16[4096];
extern const u32 save_pointer_table[7];
extern const u8 display_codes[20];
extern const u8 static_functionality[16];
extern const u8 no_alternates[1];  // the list of 9-dot glyphs that differ from the 8-dot ones: empty

// modes.c
const struct Mode* find_mode(u8 number);  // 0 if there is none; the result points into ROM
const struct Mode* current_mode(void);    // never 0
u8 mode_kind(const struct Mode* mode);
void initialize(void);
void set_mode(u8 number);
void select_page(u8 page);
u16 scan_lines(void);
void wait_out(u16 port, u8 index, u8 value);  // index/data pair
u8 read_indexed(u16 port, u8 index);
u16 text_segment(void);

// text.c
void set_cursor_shape(u8 first, u8 last);
void set_cursor_position(u8 page, u16 position);
void place_hardware_cursor(void);
void scroll(u8 direction_down, u8 lines, u8 attribute, u16 top_left, u16 bottom_right);
void read_character(struct Frame* frame);
void write_character(u8 character, u8 attribute, u8 with_attribute, u8 page, u16 count);
void teletype(u8 character, u8 attribute, u8 with_attribute, u8 page);
void write_string(struct Frame* frame);

// graphics.c
void scroll_graphics(u8 down, u8 lines, u8 attribute, u8 top, u8 left, u8 bottom, u8 right);
void draw_glyph(u8 character, u8 color, u8 page, u8 column, u8 row);
u8 match_glyph(u8 page, u8 column, u8 row);
void write_pixel(u8 color, u8 page, u16 x, u16 y);
u8 read_pixel(u8 page, u16 x, u16 y);

// palette.c
void load_default_dac(u8 palette);
void sum_to_gray(u16 first, u16 count);
void video_on(void);
u8 read_attribute(u8 index);
void write_attribute(u8 index, u8 value);
void palette_functions(struct Frame* frame);
void cga_palette(struct Frame* frame);

// fonts.c
void load_glyphs(u8 block, u8 height, u16 segment, u16 offset, u16 count, u16 first);
void load_rom_font(u8 block, u8 height);
void set_graphics_font(u16 segment, u16 offset, u8 height);
const u8* rom_font(u8 height);
void font_functions(struct Frame* frame);

// vbe.c: Bochs DISPI adapters only
void dispi_off(void);  // back to the VGA's own modes; harmless without DISPI
void vbe_functions(struct Frame* frame);
extern const u8 vbe_protected[], vbe_protected_end[];  // vbe_protected.S

// vbe_ddc.c; `registers`: where the adapter's are in memory, 0 for an adapter without
void ddc_functions(struct Frame* frame, u32 registers);

// state.c
void alternate_select(struct Frame* frame);
void display_combination(struct Frame* frame);
void functionality(struct Frame* frame);
void save_restore(struct Frame* frame);
