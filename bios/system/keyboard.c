// INT 09h (scan codes to key codes), INT 16h (keyboard services), INT 05h (print screen).
// IBM PS/2 and PC BIOS Interface Technical Reference, "Interrupt 16h"; scan code set 1.
#include "bios.h"

enum {
    RSHIFT = 1,
    LSHIFT = 2,
    CTRL = 4,
    ALT = 8,
    SCROLL = 0x10,
    NUM = 0x20,
    CAPS = 0x40,
    INSERT = 0x80
};                                                       // 40:17
enum { LCTRL = 1, LALT = 2, SYSREQ = 4, PAUSE = 8 };     // 40:18
enum { LAST_E1 = 1, LAST_E0 = 2, RCTRL = 4, RALT = 8 };  // 40:96

// Normal, shift, control, alt; zero: no key code.
static const u16 key_codes[0x59][4] = {
    [0x01] = {0x011B, 0x011B, 0x011B, 0x0100}, [0x02] = {0x0231, 0x0221, 0, 0x7800},
    [0x03] = {0x0332, 0x0340, 0x0300, 0x7900}, [0x04] = {0x0433, 0x0423, 0, 0x7A00},
    [0x05] = {0x0534, 0x0524, 0, 0x7B00},      [0x06] = {0x0635, 0x0625, 0, 0x7C00},
    [0x07] = {0x0736, 0x075E, 0x071E, 0x7D00}, [0x08] = {0x0837, 0x0826, 0, 0x7E00},
    [0x09] = {0x0938, 0x092A, 0, 0x7F00},      [0x0A] = {0x0A39, 0x0A28, 0, 0x8000},
    [0x0B] = {0x0B30, 0x0B29, 0, 0x8100},      [0x0C] = {0x0C2D, 0x0C5F, 0x0C1F, 0x8200},
    [0x0D] = {0x0D3D, 0x0D2B, 0, 0x8300},      [0x0E] = {0x0E08, 0x0E08, 0x0E7F, 0x0E00},
    [0x0F] = {0x0F09, 0x0F00, 0x9400, 0xA500}, [0x10] = {0x1071, 0x1051, 0x1011, 0x1000},
    [0x11] = {0x1177, 0x1157, 0x1117, 0x1100}, [0x12] = {0x1265, 0x1245, 0x1205, 0x1200},
    [0x13] = {0x1372, 0x1352, 0x1312, 0x1300}, [0x14] = {0x1474, 0x1454, 0x1414, 0x1400},
    [0x15] = {0x1579, 0x1559, 0x1519, 0x1500}, [0x16] = {0x1675, 0x1655, 0x1615, 0x1600},
    [0x17] = {0x1769, 0x1749, 0x1709, 0x1700}, [0x18] = {0x186F, 0x184F, 0x180F, 0x1800},
    [0x19] = {0x1970, 0x1950, 0x1910, 0x1900}, [0x1A] = {0x1A5B, 0x1A7B, 0x1A1B, 0x1A00},
    [0x1B] = {0x1B5D, 0x1B7D, 0x1B1D, 0x1B00}, [0x1C] = {0x1C0D, 0x1C0D, 0x1C0A, 0x1C00},
    [0x1E] = {0x1E61, 0x1E41, 0x1E01, 0x1E00}, [0x1F] = {0x1F73, 0x1F53, 0x1F13, 0x1F00},
    [0x20] = {0x2064, 0x2044, 0x2004, 0x2000}, [0x21] = {0x2166, 0x2146, 0x2106, 0x2100},
    [0x22] = {0x2267, 0x2247, 0x2207, 0x2200}, [0x23] = {0x2368, 0x2348, 0x2308, 0x2300},
    [0x24] = {0x246A, 0x244A, 0x240A, 0x2400}, [0x25] = {0x256B, 0x254B, 0x250B, 0x2500},
    [0x26] = {0x266C, 0x264C, 0x260C, 0x2600}, [0x27] = {0x273B, 0x273A, 0, 0x2700},
    [0x28] = {0x2827, 0x2822, 0, 0x2800},      [0x29] = {0x2960, 0x297E, 0, 0x2900},
    [0x2B] = {0x2B5C, 0x2B7C, 0x2B1C, 0x2B00}, [0x2C] = {0x2C7A, 0x2C5A, 0x2C1A, 0x2C00},
    [0x2D] = {0x2D78, 0x2D58, 0x2D18, 0x2D00}, [0x2E] = {0x2E63, 0x2E43, 0x2E03, 0x2E00},
    [0x2F] = {0x2F76, 0x2F56, 0x2F16, 0x2F00}, [0x30] = {0x3062, 0x3042, 0x3002, 0x3000},
    [0x31] = {0x316E, 0x314E, 0x310E, 0x3100}, [0x32] = {0x326D, 0x324D, 0x320D, 0x3200},
    [0x33] = {0x332C, 0x333C, 0, 0x3300},      [0x34] = {0x342E, 0x343E, 0, 0x3400},
    [0x35] = {0x352F, 0x353F, 0, 0x3500},      [0x37] = {0x372A, 0x372A, 0x9600, 0x3700},
    [0x39] = {0x3920, 0x3920, 0x3920, 0x3920}, [0x3B] = {0x3B00, 0x5400, 0x5E00, 0x6800},
    [0x3C] = {0x3C00, 0x5500, 0x5F00, 0x6900}, [0x3D] = {0x3D00, 0x5600, 0x6000, 0x6A00},
    [0x3E] = {0x3E00, 0x5700, 0x6100, 0x6B00}, [0x3F] = {0x3F00, 0x5800, 0x6200, 0x6C00},
    [0x40] = {0x4000, 0x5900, 0x6300, 0x6D00}, [0x41] = {0x4100, 0x5A00, 0x6400, 0x6E00},
    [0x42] = {0x4200, 0x5B00, 0x6500, 0x6F00}, [0x43] = {0x4300, 0x5C00, 0x6600, 0x7000},
    [0x44] = {0x4400, 0x5D00, 0x6700, 0x7100}, [0x47] = {0x4700, 0x4737, 0x7700, 0},
    [0x48] = {0x4800, 0x4838, 0x8D00, 0},      [0x49] = {0x4900, 0x4939, 0x8400, 0},
    [0x4A] = {0x4A2D, 0x4A2D, 0x8E00, 0x4A00}, [0x4B] = {0x4B00, 0x4B34, 0x7300, 0},
    [0x4C] = {0x4CF0, 0x4C35, 0x8F00, 0},      [0x4D] = {0x4D00, 0x4D36, 0x7400, 0},
    [0x4E] = {0x4E2B, 0x4E2B, 0x9000, 0x4E00}, [0x4F] = {0x4F00, 0x4F31, 0x7500, 0},
    [0x50] = {0x5000, 0x5032, 0x9100, 0},      [0x51] = {0x5100, 0x5133, 0x7600, 0},
    [0x52] = {0x5200, 0x5230, 0x9200, 0},      [0x53] = {0x5300, 0x532E, 0x9300, 0},
    [0x56] = {0x565C, 0x567C, 0, 0},           [0x57] = {0x8500, 0x8700, 0x8900, 0x8B00},
    [0x58] = {0x8600, 0x8800, 0x8A00, 0x8C00},
};

// The grey keys (after E0): normal and shift, control, alt.
static const struct {
    u8 scan;
    u16 normal, control, alt;
} grey_keys[] = {
    {0x1C, 0xE00D, 0xE00A, 0xA600}, {0x35, 0xE02F, 0x9500, 0xA400}, {0x47, 0x47E0, 0x77E0, 0x9700},
    {0x48, 0x48E0, 0x8DE0, 0x9800}, {0x49, 0x49E0, 0x84E0, 0x9900}, {0x4B, 0x4BE0, 0x73E0, 0x9B00},
    {0x4D, 0x4DE0, 0x74E0, 0x9D00}, {0x4F, 0x4FE0, 0x75E0, 0x9F00}, {0x50, 0x50E0, 0x91E0, 0xA000},
    {0x51, 0x51E0, 0x76E0, 0xA100}, {0x52, 0x52E0, 0x92E0, 0xA200}, {0x53, 0x53E0, 0x93E0, 0xA300},
};

enum Action { NOTHING, BREAK_KEY, PRINT_SCREEN, SYSREQ_DOWN, SYSREQ_UP, PAUSE_KEY, REBOOT };

static bool_t buffer_put(u16 key) {
    u16 next = (u16)(BDA->kbd_tail + 2);
    if (next >= BDA->kbd_end) next = BDA->kbd_start;
    if (next == BDA->kbd_head) return 0;
    far_write16(BDA_SEG, BDA->kbd_tail, key);
    BDA->kbd_tail = next;
    return 1;
}

void keyboard_reset_state(void) {
    BDA->kbd_start = BDA->kbd_head = BDA->kbd_tail = 0x1E;
    BDA->kbd_end = 0x3E;
}

bool_t keyboard_poll(u16* key) {
    if (BDA->kbd_head == BDA->kbd_tail) return 0;
    *key = far_read16(BDA_SEG, BDA->kbd_head);
    u16 next = (u16)(BDA->kbd_head + 2);
    BDA->kbd_head = next >= BDA->kbd_end ? BDA->kbd_start : next;
    return 1;
}

void keyboard_update_leds(void) {
    u8 wanted = BDA->kbd_flags0 >> 4 & 7;
    if ((BDA->kbd_leds & 7) == wanted) return;
    BDA->kbd_leds = (u8)((BDA->kbd_leds & ~7) | wanted);
    ps2_keyboard_command(0xED, &wanted);
}

static void follow(volatile u8 __seg_gs* flags, u8 bit, bool_t released) {
    *flags = (u8)(released ? *flags & ~bit : *flags | bit);
}

// Control and Alt exist twice; the combined flag follows either.
static void follow_pair(u8 left_bit, u8 right_bit, u8 combined, bool_t grey, bool_t released) {
    follow(grey ? &BDA->kbd_flags2 : &BDA->kbd_flags1, grey ? right_bit : left_bit, released);
    bool_t down = (BDA->kbd_flags1 & left_bit) != 0 || (BDA->kbd_flags2 & right_bit) != 0;
    follow(&BDA->kbd_flags0, combined, !down);
}

static void lock_key(u8 bit, bool_t released) {
    if (!released && (BDA->kbd_flags1 & bit) == 0) BDA->kbd_flags0 ^= bit;  // not on typematic repeats
    follow(&BDA->kbd_flags1, bit, released);
    keyboard_update_leds();
}

static enum Action key_down(u8 scan, bool_t grey) {
    u8 flags = BDA->kbd_flags0;
    if ((BDA->kbd_flags1 & PAUSE) != 0) {  // any key ends a pause and is lost
        BDA->kbd_flags1 &= (u8)~PAUSE;
        return NOTHING;
    }
    if (scan == 0x53 && (flags & (CTRL | ALT)) == (CTRL | ALT)) return REBOOT;
    if (grey) {
        if (scan == 0x37) {
            if ((flags & CTRL) != 0) {
                buffer_put(0x7200);
                return NOTHING;
            }
            return PRINT_SCREEN;
        }
        for (u32 i = 0; i < ARRAY_LEN(grey_keys); i++) {
            if (grey_keys[i].scan != scan) continue;
            if (scan == 0x52 && (flags & (ALT | CTRL)) == 0) BDA->kbd_flags0 ^= INSERT;
            buffer_put((flags & ALT) != 0    ? grey_keys[i].alt
                       : (flags & CTRL) != 0 ? grey_keys[i].control
                                             : grey_keys[i].normal);
        }
        return NOTHING;
    }
    if (scan >= ARRAY_LEN(key_codes)) return NOTHING;
    bool_t keypad = scan >= 0x47 && scan <= 0x53 && scan != 0x4A && scan != 0x4E;
    if ((flags & ALT) != 0) {
        u8 digit = (u8)key_codes[scan][1];
        if (keypad && scan != 0x53) {
            BDA->alt_keypad = (u8)(BDA->alt_keypad * 10 + digit - '0');
        } else if (key_codes[scan][3] != 0) {
            buffer_put(key_codes[scan][3]);
        }
        return NOTHING;
    }
    if ((flags & CTRL) != 0) {
        if (key_codes[scan][2] != 0) buffer_put(key_codes[scan][2]);
        return NOTHING;
    }
    bool_t shift = (flags & (LSHIFT | RSHIFT)) != 0;
    if (keypad && (flags & NUM) != 0) shift = !shift;
    u8 letter = (u8)key_codes[scan][0];
    if ((flags & CAPS) != 0 && letter >= 'a' && letter <= 'z') shift = !shift;
    if (scan == 0x52 && !shift) BDA->kbd_flags0 ^= INSERT;
    if (key_codes[scan][shift] != 0) buffer_put(key_codes[scan][shift]);
    return NOTHING;
}

static enum Action scan_code(u8 code) {
    if (code == 0xE0 || code == 0xE1) {
        BDA->kbd_flags2 |= code == 0xE0 ? LAST_E0 : LAST_E1;
        return NOTHING;
    }
    bool_t released = code >> 7, grey = (BDA->kbd_flags2 & LAST_E0) != 0;
    u8 scan = code & 0x7F;
    if ((BDA->kbd_flags2 & LAST_E1) != 0) {  // Pause is E1 1D 45 E1 9D C5
        if (scan == 0x1D) return NOTHING;
        BDA->kbd_flags2 &= (u8)~LAST_E1;
        if (code == 0x45 && (BDA->kbd_flags1 & PAUSE) == 0) {
            BDA->kbd_flags1 |= PAUSE;
            return PAUSE_KEY;
        }
        return NOTHING;
    }
    BDA->kbd_flags2 &= (u8)~LAST_E0;
    switch (scan) {
        case 0x2A:
            if (!grey) follow(&BDA->kbd_flags0, LSHIFT, released);
            return NOTHING;
        case 0x36:
            if (!grey) follow(&BDA->kbd_flags0, RSHIFT, released);
            return NOTHING;
        case 0x1D: follow_pair(LCTRL, RCTRL, CTRL, grey, released); return NOTHING;
        case 0x38:
            follow_pair(LALT, RALT, ALT, grey, released);
            if ((BDA->kbd_flags0 & ALT) == 0 && BDA->alt_keypad != 0) {
                buffer_put(BDA->alt_keypad);
                BDA->alt_keypad = 0;
            }
            return NOTHING;
        case 0x3A: lock_key(CAPS, released); return NOTHING;
        case 0x45:
            if ((BDA->kbd_flags0 & CTRL) != 0 && !grey) {
                if (released) return NOTHING;
                if ((BDA->kbd_flags1 & PAUSE) != 0) return NOTHING;
                BDA->kbd_flags1 |= PAUSE;
                return PAUSE_KEY;
            }
            lock_key(NUM, released);
            return NOTHING;
        case 0x46:
            if ((BDA->kbd_flags0 & CTRL) != 0 || grey) return released ? NOTHING : BREAK_KEY;
            lock_key(SCROLL, released);
            return NOTHING;
        case 0x54: {
            bool_t was = (BDA->kbd_flags1 & SYSREQ) != 0;
            follow(&BDA->kbd_flags1, SYSREQ, released);
            if (released) return SYSREQ_UP;
            return was ? NOTHING : SYSREQ_DOWN;
        }
        case 0x52:
        default: break;
    }
    return released ? NOTHING : key_down(scan, grey);
}

// IRQ 1.
int keyboard_irq(struct Regs* r UNUSED) {
    if ((inb(0x64) & 0x21) != 0x01) {  // nothing there, or the mouse's
        outb(0x20, 0x20);
        return DONE;
    }
    u8 code = inb(0x60);
    struct CallRegs hook = {.eax = 0x4F00 | code, .flags = FLAG_CF};
    call_interrupt(&hook, 0x15);  // keyboard intercept: may change or swallow the code
    enum Action action = NOTHING;
    if ((hook.flags & FLAG_CF) != 0) action = scan_code((u8)hook.eax);
    outb(0x20, 0x20);
    struct CallRegs call = {0};
    switch (action) {
        case BREAK_KEY:
            BDA->break_flag |= 0x80;
            BDA->kbd_head = BDA->kbd_tail = BDA->kbd_start;
            buffer_put(0);
            call_interrupt(&call, 0x1B);
            break;
        case PRINT_SCREEN: call_interrupt(&call, 0x05); break;
        case SYSREQ_DOWN:
        case SYSREQ_UP:
            call.eax = action == SYSREQ_DOWN ? 0x8500 : 0x8501;
            call_interrupt(&call, 0x15);
            break;
        case PAUSE_KEY:
            while ((BDA->kbd_flags1 & PAUSE) != 0) wait_for_interrupt();
            break;
        case REBOOT: BDA->reset_flag = 0x1234; jump_to(0xF000, 0xFFF0, 0);
        case NOTHING: break;
    }
    call.eax = 0x9102;  // the keyboard has something: for systems that wait through INT 15h AH=90h
    if (action == NOTHING && code < 0x80) call_interrupt(&call, 0x15);
    return DONE;
}

// What the 83-key functions return for the code of an enhanced key; 0: they skip it.
static u16 plain_key(u16 key) {
    u8 low = (u8)key, high = (u8)(key >> 8);
    if (high == 0xE0) return low == 0x2F ? 0x352F : (u16)(0x1C00 | low);
    if (high > 0x84) return 0;
    if (low == 0xE0 && high != 0) return (u16)(high << 8);
    if (low == 0xF0 && high != 0) return 0;
    return key;
}

static u16 enhanced_key(u16 key) { return (u8)key == 0xF0 && key >> 8 != 0 ? key & 0xFF00 : key; }

static int read_key(struct Regs* r, bool_t enhanced, bool_t remove) {
    while (BDA->kbd_head != BDA->kbd_tail) {
        u16 raw = far_read16(BDA_SEG, BDA->kbd_head), unused;
        u16 key = enhanced ? enhanced_key(raw) : plain_key(raw);
        bool_t skip = !enhanced && key == 0 && raw != 0;
        if (skip || remove) keyboard_poll(&unused);
        if (skip) continue;
        r->ax = key;
        set_zf(r, 0);
        return DONE;
    }
    if (!remove) {
        set_zf(r, 1);
        return DONE;
    }
    return WAIT_AND_RETRY;
}

int keyboard_call(struct Regs* r) {
    keyboard_update_leds();
    switch (r->ah) {
        case 0x00: return read_key(r, 0, 1);
        case 0x01:
            if (BDA->kbd_head == BDA->kbd_tail) yield();  // programs poll with interrupts off
            return read_key(r, 0, 0);
        case 0x02: r->al = BDA->kbd_flags0; return DONE;
        case 0x03:
            if (r->al == 5) {
                u8 rate = (u8)((r->bh & 3) << 5 | (r->bl & 0x1F));
                ps2_keyboard_command(0xF3, &rate);
            }
            return DONE;
        case 0x05: r->al = buffer_put(r->cx) ? 0 : 1; return DONE;
        case 0x09: r->al = 0x30; return DONE;  // 0Ah and the enhanced functions
        case 0x0A: r->bx = 0x41AB; return DONE;
        case 0x10: return read_key(r, 1, 1);
        case 0x11:
            if (BDA->kbd_head == BDA->kbd_tail) yield();
            return read_key(r, 1, 0);
        case 0x12:
            r->al = BDA->kbd_flags0;
            r->ah = (u8)((BDA->kbd_flags1 & 0x73) | (BDA->kbd_flags1 & 4) << 5 | (BDA->kbd_flags2 & 0x0C));
            return DONE;
        default: return DONE;
    }
}

// INT 05h: the text on the screen to the first printer. 50:00 is 1 meanwhile, FF after an error.
int print_screen(struct Regs* r UNUSED) {
    if (far_read8(0x50, 0) == 1) return DONE;
    far_write8(0x50, 0, 1);
    struct CallRegs call = {.eax = 0x0F00};
    call_interrupt(&call, 0x10);
    u8 columns = (u8)(call.eax >> 8), rows = (u8)(BDA->video2[0] + 1);
    u32 page = call.ebx & 0xFF00;
    if (rows == 1) rows = 25;
    call = (struct CallRegs){.eax = 0x0300, .ebx = page};
    call_interrupt(&call, 0x10);
    u32 cursor = call.edx;
    u8 failed = 0;
    for (u8 y = 0; y < rows && !failed; y++) {
        for (u8 x = 0; x < columns + 2 && !failed; x++) {
            u8 c = x == columns ? '\r' : '\n';
            if (x < columns) {
                call = (struct CallRegs){.eax = 0x0200, .ebx = page, .edx = (u32)y << 8 | x};
                call_interrupt(&call, 0x10);
                call = (struct CallRegs){.eax = 0x0800, .ebx = page};
                call_interrupt(&call, 0x10);
                c = (u8)call.eax != 0 ? (u8)call.eax : ' ';
            }
            call = (struct CallRegs){.eax = c};
            call_interrupt(&call, 0x17);
            failed = (call.eax >> 8 & 0x29) != 0;
        }
    }
    call = (struct CallRegs){.eax = 0x0200, .ebx = page, .edx = cursor};
    call_interrupt(&call, 0x10);
    far_write8(0x50, 0, failed ? 0xFF : 0);
    return DONE;
}
