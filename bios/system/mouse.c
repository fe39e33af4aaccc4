// INT 15h AH=C2h and INT 74h: the PS/2 pointing device.
// IBM PS/2 and PC BIOS Interface Technical Reference, "Interrupt 15h, Pointing Device Interface".
#include "bios.h"

// In the extended BIOS data area, where other software looks for them.
enum { HANDLER_OFF = 0x22, HANDLER_SEG = 0x24, FLAGS1 = 0x26, FLAGS2 = 0x27, PACKAGE = 0x28 };
enum { INDEX_MASK = 7, HANDLER_SET = 0x80, SIZE_MASK = 7 };
enum { OK = 0, BAD_FUNCTION = 1, BAD_INPUT = 2, INTERFACE_ERROR = 3, NO_HANDLER = 5 };

static u8 ebda8(u16 off) { return far_read8(BDA->ebda_seg, off); }
static void set_ebda8(u16 off, u8 v) { far_write8(BDA->ebda_seg, off, v); }

static void restart_package(void) { set_ebda8(FLAGS1, ebda8(FLAGS1) & (u8)~INDEX_MASK); }

static u8 command(u8 byte) { return ps2_aux(byte, 0, 0) ? OK : INTERFACE_ERROR; }

static u8 command_with(u8 byte, u8 argument) {
    u8 status = command(byte);
    return status != OK ? status : command(argument);
}

static u8 enable(u8 on) {
    if (on > 1) return BAD_INPUT;
    if (on == 0) {
        u8 status = command(0xF5);
        ps2_aux_irq(0);
        return status;
    }
    if ((ebda8(FLAGS2) & HANDLER_SET) == 0) return NO_HANDLER;
    restart_package();
    u8 status = command(0xF4);
    if (status == OK) ps2_aux_irq(1);
    return status;
}

static u8 reset(struct Regs* r) {
    u8 answer[2];
    ps2_aux_irq(0);
    restart_package();
    if (!ps2_aux(0xFF, answer, 2)) return INTERFACE_ERROR;
    r->bl = answer[0];
    r->bh = answer[1];
    return OK;
}

static u8 extended(struct Regs* r) {
    u8 answer[3];
    switch (r->bh) {
        case 0:
            if (!ps2_aux(0xE9, answer, 3)) return INTERFACE_ERROR;
            r->bl = answer[0];
            r->cl = answer[1];
            r->dl = answer[2];
            return OK;
        case 1: return command(0xE6);
        case 2: return command(0xE7);
        default: return BAD_INPUT;
    }
}

int mouse_call(struct Regs* r) {
    static const u8 rates[7] = {10, 20, 40, 60, 80, 100, 200};
    u8 status = BAD_FUNCTION;
    if (!ps2_mouse_present()) {
        status = INTERFACE_ERROR;
    } else {
        switch (r->al) {
            case 0: status = enable(r->bh); break;
            case 1: status = reset(r); break;
            case 2: status = r->bh < 7 ? command_with(0xF3, rates[r->bh]) : BAD_INPUT; break;
            case 3: status = r->bh < 4 ? command_with(0xE8, r->bh) : BAD_INPUT; break;
            case 4: {
                u8 type;
                status = ps2_aux(0xF2, &type, 1) ? OK : INTERFACE_ERROR;
                if (status == OK) r->bh = type;
                break;
            }
            case 5:
                if (r->bh < 1 || r->bh > 8) {
                    status = BAD_INPUT;
                    break;
                }
                set_ebda8(FLAGS1, 0);
                set_ebda8(FLAGS2, (u8)((ebda8(FLAGS2) & ~SIZE_MASK) | (r->bh - 1)));
                status = reset(r);
                break;
            case 6: status = extended(r); break;
            case 7:
                far_write16(BDA->ebda_seg, HANDLER_OFF, r->bx);
                far_write16(BDA->ebda_seg, HANDLER_SEG, r->es);
                if (r->es == 0 && r->bx == 0) {
                    set_ebda8(FLAGS2, ebda8(FLAGS2) & (u8)~HANDLER_SET);
                    ps2_aux_irq(0);
                } else {
                    set_ebda8(FLAGS2, ebda8(FLAGS2) | HANDLER_SET);
                }
                status = OK;
                break;
            default: break;
        }
    }
    r->ah = status;
    set_cf(r, status != OK);
    return DONE;
}

static void take_byte(u8 byte) {
    u8 flags2 = ebda8(FLAGS2);
    if ((flags2 & HANDLER_SET) == 0) return;
    u8 index = ebda8(FLAGS1) & INDEX_MASK;
    set_ebda8((u16)(PACKAGE + index), byte);
    if (index < (flags2 & SIZE_MASK)) {
        set_ebda8(FLAGS1, (u8)((ebda8(FLAGS1) & ~INDEX_MASK) | (index + 1)));
        return;
    }
    restart_package();
    u16 seg = far_read16(BDA->ebda_seg, HANDLER_SEG), off = far_read16(BDA->ebda_seg, HANDLER_OFF);
    call_mouse_handler(seg, off, ebda8(PACKAGE), ebda8(PACKAGE + 1), ebda8(PACKAGE + 2));
}

// IRQ 12.
int mouse_irq(struct Regs* r UNUSED) {
    if ((inb(0x64) & 0x21) == 0x21) take_byte(inb(0x60));
    outb(0xA0, 0x20);
    outb(0x20, 0x20);
    return DONE;
}
