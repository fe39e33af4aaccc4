// VBE's display data channel (VESA VBE/DDC Standard 1.1): INT 10h AX=4F15. The adapter has the EDID in its memory
// window, at the start of PCI BAR 2; real mode reaches that by the system BIOS's block move (INT 15h AH=87h).
#include "video.h"

enum { EDID_BYTES = 128 };

struct Descriptor {
    u16 limit, base_low;
    u8 base_middle, access, flags, base_high;
} __attribute__((packed));

static void describe(struct Descriptor* descriptor, u32 base) {
    descriptor->limit = 0xFFFF;
    descriptor->base_low = (u16)base;
    descriptor->base_middle = (u8)(base >> 16);
    descriptor->access = 0x93;
    descriptor->flags = 0;
    descriptor->base_high = (u8)(base >> 24);
}

// The table lies on the stack, in the segment that ES holds here.
static u8 block_move(u32 to, u32 from, u16 words) {
    struct Descriptor table[6];
    u8* bytes = (u8*)table;
    for (u16 i = 0; i < sizeof table; ++i) ((volatile u8*)bytes)[i] = 0;
    describe(&table[2], from);
    describe(&table[3], to);
    u32 ax = 0x8700, cx = words, si = (u32)table;
    u8 failed;
    __asm__ volatile(
        "pushw %%es\n\tpushw %%gs\n\tpushl %%ebp\n\tint $0x15\n\tsetc %0\n\tpopl %%ebp\n\tpopw %%gs\n\tpopw %%es"
        : "=q"(failed), "+a"(ax), "+c"(cx), "+S"(si)
        :
        : "edx", "edi", "cc", "memory");
    return failed || (ax & 0xFF00);
}

void ddc_functions(struct Frame* frame, u32 registers) {
    frame->ax = 0x014F;
    if (!registers) return;
    switch (frame->bl) {
        case 0:
            frame->bh = 1;     // seconds at most for a block
            frame->bl = 0x02;  // DDC2, with the picture on
            break;
        case 1: {
            if (frame->cx || frame->dx) return;  // one monitor, one block
            if (block_move(((u32)frame->es << 4) + frame->di, registers, EDID_BYTES / 2)) return;
            // Adapters before EDID have nothing there.
            if (far16(frame->es, frame->di) != 0xFF00 || far16(frame->es, frame->di + 6) != 0x00FF) return;
            break;
        }
        default: return;
    }
    frame->ax = 0x004F;
}
