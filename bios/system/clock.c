// INT 1Ah (time of day, alarm; PCI BIOS calls go on to pci_bios.c), INT 70h, and INT 15h 83h and 86h, which
// use the RTC's periodic interrupt. Motorola MC146818A datasheet; IBM PC/AT Technical Reference,
// "Time-of-Day".
#include "bios.h"

enum { PERIOD_US = 977, PERIODIC = 0x40, ALARM = 0x20 };

static u8 bcd(u8 v) { return (u8)((v >> 4) * 10 + (v & 15)); }

static void set_status_b(u8 clear, u8 set) { cmos_write(0x0B, (u8)((cmos_read(0x0B) & ~clear) | set)); }

// Waits for the end of an update, so that the eight registers belong together.
static bool_t rtc_ready(void) {
    struct Deadline d;
    deadline_start(&d, 3000);
    while ((cmos_read(0x0A) & 0x80) != 0) {
        if (deadline_passed(&d)) return 0;
    }
    return 1;
}

void clock_setup(void) {
    cmos_write(0x0A, 0x26);
    cmos_write(0x0B, (u8)((cmos_read(0x0B) & 0x01) | 0x02));  // 24 hours, BCD, no interrupts
    cmos_read(0x0C);
    cmos_read(0x0D);
    outb(0x43, 0x34);  // channel 0: rate generator, 18.2065 Hz
    outb(0x40, 0);
    outb(0x40, 0);
    outb(0x43, 0x54);  // channel 1: refresh
    outb(0x41, 18);
    outb(0x43, 0xB6);  // channel 2: speaker, 1331 Hz square wave
    outb(0x42, 0x80);
    outb(0x42, 0x03);
    if (!rtc_ready()) return;
    u32 seconds = (bcd(cmos_read(4)) * 60u + bcd(cmos_read(2))) * 60u + bcd(cmos_read(0));
    // Ticks are 1193182/65536 Hz: 18.20648 = 18 + 20648/100000.
    BDA->ticks = seconds * 18 + seconds * 20648 / 100000;
    BDA->midnight = 0;
}

int clock_call(struct Regs* r) {
    if (r->ah == 0xB1) return pci_bios_call(r);
    set_cf(r, 0);
    switch (r->ah) {
        case 0:
            r->cx = (u16)(BDA->ticks >> 16);
            r->dx = (u16)BDA->ticks;
            r->al = BDA->midnight;
            BDA->midnight = 0;
            return DONE;
        case 1:
            BDA->ticks = (u32)r->cx << 16 | r->dx;
            BDA->midnight = 0;
            return DONE;
        case 2:
            if (!rtc_ready()) break;
            r->dh = cmos_read(0);
            r->cl = cmos_read(2);
            r->ch = cmos_read(4);
            r->dl = cmos_read(0x0B) & 1;
            r->ah = 0;
            r->al = r->ch;
            return DONE;
        case 3:
            set_status_b(0, 0x80);
            cmos_write(0, r->dh);
            cmos_write(2, r->cl);
            cmos_write(4, r->ch);
            set_status_b(0x81, (u8)(0x02 | (r->dl & 1)));
            r->ah = 0;
            return DONE;
        case 4:
            if (!rtc_ready()) break;
            r->dl = cmos_read(7);
            r->dh = cmos_read(8);
            r->cl = cmos_read(9);
            r->ch = cmos_read(0x32);
            if (r->ch == 0) r->ch = r->cl >= 0x80 ? 0x19 : 0x20;
            r->ah = 0;
            r->al = r->ch;
            return DONE;
        case 5:
            set_status_b(0, 0x80);
            cmos_write(7, r->dl);
            cmos_write(8, r->dh);
            cmos_write(9, r->cl);
            cmos_write(0x32, r->ch);
            set_status_b(0x80, 0);
            r->ah = 0;
            return DONE;
        case 6:
            if ((cmos_read(0x0B) & ALARM) != 0) break;  // one is set already
            cmos_write(1, r->dh);
            cmos_write(3, r->cl);
            cmos_write(5, r->ch);
            outb(0xA1, inb(0xA1) & 0xFE);
            set_status_b(0x80, ALARM);
            return DONE;
        case 7: set_status_b(ALARM, 0); return DONE;
        default: break;
    }
    set_cf(r, 1);
    return DONE;
}

// IRQ 8: counts down a wait (INT 15h 83h, 86h), or an alarm.
int rtc_irq(struct Regs* r UNUSED) {
    u8 cause = cmos_read(0x0C) & cmos_read(0x0B);
    if ((cause & PERIODIC) != 0) {
        if (BDA->wait_count <= PERIOD_US) {
            u32 flag = BDA->wait_pointer;
            far_write8((u16)(flag >> 16), (u16)flag, far_read8((u16)(flag >> 16), (u16)flag) | 0x80);
            BDA->wait_active = 0;
            set_status_b(PERIODIC, 0);
        } else {
            BDA->wait_count -= PERIOD_US;
        }
    }
    outb(0xA0, 0x20);
    outb(0x20, 0x20);
    if ((cause & ALARM) != 0) {
        struct CallRegs call = {0};
        call_interrupt(&call, 0x4A);
    }
    return DONE;
}

static void start_wait(u16 seg, u16 off, u32 microseconds) {
    BDA->wait_pointer = (u32)seg << 16 | off;
    BDA->wait_count = microseconds;
    BDA->wait_active = 1;
    outb(0xA1, inb(0xA1) & 0xFE);
    outb(0x21, inb(0x21) & 0xFB);
    cmos_write(0x0A, (u8)((cmos_read(0x0A) & 0xF0) | 6));
    set_status_b(0, PERIODIC);
}

// INT 15h AH=83h: sets bit 7 of a byte after CX:DX microseconds.
int event_wait_call(struct Regs* r) {
    if (r->al == 1) {
        BDA->wait_active = 0;
        set_status_b(PERIODIC, 0);
        set_cf(r, 0);
    } else if (r->al == 0 && BDA->wait_active == 0) {
        start_wait(r->es, r->bx, (u32)r->cx << 16 | r->dx);
        r->ah = 0;
        set_cf(r, 0);
    } else {
        r->ah = r->al == 0 ? 0x83 : 0x86;
        set_cf(r, 1);
    }
    return DONE;
}

// INT 15h AH=86h: returns after CX:DX microseconds. Bit 7 of 40:A0 set with bit 0 means that it is ours.
int wait_call(struct Regs* r) {
    static u8 waiting;
    if (!waiting) {
        if ((BDA->wait_active & 1) != 0) {
            r->ah = 0x83;
            set_cf(r, 1);
            return DONE;
        }
        waiting = 1;
        start_wait(BDA_SEG, 0xA0, (u32)r->cx << 16 | r->dx);
        return WAIT_AND_RETRY;
    }
    if ((BDA->wait_active & 1) != 0) return WAIT_AND_RETRY;
    waiting = 0;
    BDA->wait_active = 0;
    r->ah = 0;
    set_cf(r, 0);
    return DONE;
}
