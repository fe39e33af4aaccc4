// Ground of the VGA BIOS: types, port I/O and memory access of 16-bit ROM code compiled by gcc -m16.
// Inside the BIOS DS = ES = SS (the caller's stack), GS = 0 (interrupt vectors and BIOS data area), and FS is
// loaded for each access to anything else: video memory, the caller's buffers, and the ROM's own tables.
#pragma once

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;

// The caller's registers as entry.S pushes them.
struct Frame {
    u16 gs, fs, es, ds;
    union {
        struct {
            u32 edi, esi, ebp, esp, ebx, edx, ecx, eax;
        };
        struct {
            u16 di, di_high, si, si_high, bp, bp_high, sp, sp_high;
            union {
                u16 bx;
                struct {
                    u8 bl, bh;
                };
            };
            u16 bx_high;
            union {
                u16 dx;
                struct {
                    u8 dl, dh;
                };
            };
            u16 dx_high;
            union {
                u16 cx;
                struct {
                    u8 cl, ch;
                };
            };
            u16 cx_high;
            union {
                u16 ax;
                struct {
                    u8 al, ah;
                };
            };
            u16 ax_high;
        };
    };
};

// Constants in ROM are never read through DS: rom8() and rom16() fetch them.
#define ROM_DATA __attribute__((section(".romdata")))

static inline void out8(u16 port, u8 value) { __asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port)); }
static inline void out16(u16 port, u16 value) { __asm__ volatile("outw %0, %1" : : "a"(value), "Nd"(port)); }
static inline void out32(u16 port, u32 value) { __asm__ volatile("outl %0, %1" : : "a"(value), "Nd"(port)); }
static inline u16 in16(u16 port) {
    u16 value;
    __asm__ volatile("inw %1, %0" : "=a"(value) : "Nd"(port));
    return value;
}
static inline u32 in32(u16 port) {
    u32 value;
    __asm__ volatile("inl %1, %0" : "=a"(value) : "Nd"(port));
    return value;
}
static inline u8 in8(u16 port) {
    u8 value;
    __asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
    return value;
}

static inline void load_fs(u16 segment) { __asm__ volatile("movw %w0, %%fs" : : "r"(segment) : "memory"); }
static inline u16 code_segment(void) {
    u16 segment;
    __asm__("movw %%cs, %w0" : "=r"(segment));
    return segment;
}

static inline u8 far8(u16 segment, u16 offset) {
    load_fs(segment);
    return *(volatile u8 __seg_fs*)(u32)offset;
}
static inline u16 far16(u16 segment, u16 offset) {
    load_fs(segment);
    return *(volatile u16 __seg_fs*)(u32)offset;
}
static inline void far_store8(u16 segment, u16 offset, u8 value) {
    load_fs(segment);
    *(volatile u8 __seg_fs*)(u32)offset = value;
}
static inline void far_store16(u16 segment, u16 offset, u16 value) {
    load_fs(segment);
    *(volatile u16 __seg_fs*)(u32)offset = value;
}
static inline u8 rom8(const u8* address) { return far8(code_segment(), (u16)(u32)address); }
static inline u16 rom16(const u16* address) { return far16(code_segment(), (u16)(u32)address); }

// Interrupt vectors and the BIOS data area, at their physical addresses.
#define LOW8(address)  (*(volatile u8 __seg_gs*)(u32)(address))
#define LOW16(address) (*(volatile u16 __seg_gs*)(u32)(address))
#define LOW32(address) (*(volatile u32 __seg_gs*)(u32)(address))

enum {
    VECTOR_VIDEO = 0x10 * 4,
    VECTOR_HIGH_FONT = 0x1F * 4,  // 8x8 glyphs 80h–FFh of the CGA graphics modes
    VECTOR_OLD_VIDEO = 0x42 * 4,
    VECTOR_FONT = 0x43 * 4,  // glyphs of the graphics modes
    VECTOR_VIDEO_ENTRY = 0x6D * 4,
    BDA_EQUIPMENT = 0x410,
    BDA_MODE = 0x449,
    BDA_COLUMNS = 0x44A,
    BDA_PAGE_SIZE = 0x44C,
    BDA_PAGE_START = 0x44E,
    BDA_CURSOR_POSITION = 0x450,
    BDA_CURSOR_SHAPE = 0x460,
    BDA_PAGE = 0x462,
    BDA_CRTC_PORT = 0x463,
    BDA_MODE_REGISTER = 0x465,   // what port 3D8 of a CGA would hold
    BDA_COLOR_REGISTER = 0x466,  // what port 3D9 of a CGA would hold
    BDA_LAST_ROW = 0x484,
    BDA_CHARACTER_HEIGHT = 0x485,
    BDA_VIDEO_CONTROL = 0x487,
    BDA_SWITCHES = 0x488,
    BDA_MODE_OPTIONS = 0x489,
    BDA_DISPLAY_CODE = 0x48A,
    BDA_SAVE_POINTER = 0x4A8,
};

// BDA_VIDEO_CONTROL bits.
enum {
    CONTROL_NO_CURSOR_EMULATION = 0x01,
    CONTROL_MONO = 0x02,
    CONTROL_INACTIVE = 0x08,
    CONTROL_NO_CLEAR = 0x80
};
// BDA_MODE_OPTIONS bits; scan lines are bit 7 and bit 4: 10 is 200, 00 is 350, 01 is 400.
enum {
    OPTION_ACTIVE = 0x01,
    OPTION_GRAY_SUMMING = 0x02,
    OPTION_MONO_DISPLAY = 0x04,
    OPTION_NO_DEFAULT_PALETTE = 0x08,
    OPTION_400_LINES = 0x10,
    OPTION_200_LINES = 0x80,
};

// entry.S: string moves within one segment and fills, with DF clear and the segment registers kept.
void move_bytes(u16 segment, u16 to, u16 from, u16 count);
void fill_words(u16 segment, u16 to, u16 value, u16 count);
void fill_bytes(u16 segment, u16 to, u8 value, u16 count);
void copy_far(u16 to_segment, u16 to, u16 from_segment, u16 from, u16 count);
