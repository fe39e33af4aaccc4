// Time-outs that need no interrupts: the 3.579545 MHz ACPI timer, or port 61h's refresh toggle without one.
// Also CMOS access. Intel 82371AB (PIIX4) datasheet, "Power Management"; IBM PC/AT, "System Timers", "RTC".
#include "bios.h"

static u8 pm_timer;  // the timer port answers

enum { REFRESH_US = 15 };

void timer_use_pm(void) { pm_timer = 1; }

static u32 now(void) { return pm_timer ? inl(PM_BASE + 8) & 0xFFFFFF : inb(0x61) & 0x10; }

void deadline_start(struct Deadline* d, u32 microseconds) {
    d->last = now();
    // 3.58 ticks a microsecond; up to 600 s fit.
    d->left = pm_timer ? microseconds * 3 + microseconds / 2 + microseconds / 12 + 1
                       : microseconds / REFRESH_US + 1;
}

bool_t deadline_passed(struct Deadline* d) {
    u32 t = now();
    u32 gone = pm_timer ? (t - d->last) & 0xFFFFFF : t != d->last;
    d->last = t;
    if (gone >= d->left) {
        d->left = 0;
        return 1;
    }
    d->left -= gone;
    return 0;
}

void delay_us(u32 microseconds) {
    struct Deadline d;
    deadline_start(&d, microseconds);
    while (!deadline_passed(&d)) yield();
}

u8 cmos_read(u8 index) {
    outb(0x70, index | 0x80);
    u8 v = inb(0x71);
    outb(0x70, 0x0D);
    inb(0x71);
    return v;
}

void cmos_write(u8 index, u8 value) {
    outb(0x70, index | 0x80);
    outb(0x71, value);
    outb(0x70, 0x0D);
    inb(0x71);
}
