// INT 15h AH=53h: Advanced Power Management in real mode, for DOS: idle, status, power-off. APM BIOS
// Interface Specification 1.2. The protected-mode interfaces are for systems that have ACPI here.
#include "bios.h"

enum {
    VERSION = 0x0102,
    ALL_DEVICES = 0x0001,
    ALL_DEVICES_OLD = 0xFFFF,  // of APM 1.0
    CONNECTED = 0x02,
    NOT_CONNECTED = 0x03,
    NO_16_BIT = 0x06,
    NO_32_BIT = 0x08,
    UNKNOWN_DEVICE = 0x09,
    OUT_OF_RANGE = 0x0A,
    NOT_SUPPORTED = 0x0C,
    CANNOT_ENTER = 0x60,
    NO_EVENT = 0x80,
    SLEEP_ENABLE = 1 << 13,  // PM1_CNT; sleep type 0 is soft-off. PIIX4 datasheet, "PMCNTRL"
};

static bool_t connected, has_slept;

// Sleeps on the caller's stack until an interrupt, then comes here again.
static int idle(struct Regs* r) {
    has_slept = !has_slept;
    return has_slept ? WAIT_AND_RETRY : system_finish(r, 0);
}

static int set_power_state(struct Regs* r) {
    if (r->bx != ALL_DEVICES) return system_finish(r, UNKNOWN_DEVICE);
    switch (r->cx) {
        case 0: return system_finish(r, OUT_OF_RANGE);  // "ready" is not for all devices
        case 1: return idle(r);                         // standby: until something happens
        case 3:
            if (pci_has_chipset()) outw(PM_BASE + 4, SLEEP_ENABLE);
            return system_finish(r, CANNOT_ENTER);
        default: return system_finish(r, CANNOT_ENTER);
    }
}

int apm_call(struct Regs* r) {
    if (r->al > 0x03 && !connected) return system_finish(r, NOT_CONNECTED);
    switch (r->al) {
        case 0x00:
            if (r->bx != 0) return system_finish(r, UNKNOWN_DEVICE);
            r->ax = VERSION;
            r->bx = 'P' << 8 | 'M';
            r->cx = 0;  // neither protected-mode interface
            set_cf(r, 0);
            return DONE;
        case 0x01:
            if (r->bx != 0) return system_finish(r, UNKNOWN_DEVICE);
            if (connected) return system_finish(r, CONNECTED);
            connected = 1;
            return system_finish(r, 0);
        case 0x02: return system_finish(r, NO_16_BIT);
        case 0x03: return system_finish(r, NO_32_BIT);
        case 0x04: connected = 0; return system_finish(r, 0);
        case 0x05: return idle(r);
        case 0x07: return set_power_state(r);
        case 0x08:
        case 0x09:
        case 0x0D:
        case 0x0F:
            if (r->bx != ALL_DEVICES && r->bx != ALL_DEVICES_OLD) return system_finish(r, UNKNOWN_DEVICE);
            return system_finish(r, 0);
        case 0x06: return system_finish(r, 0);
        case 0x0A:
            if (r->bx != ALL_DEVICES) return system_finish(r, UNKNOWN_DEVICE);
            r->bx = 0x01FF;  // on line; no battery, so nothing is known of it
            r->cx = 0x80FF;
            r->dx = 0xFFFF;
            return system_finish(r, 0);
        case 0x0B: return system_finish(r, NO_EVENT);
        case 0x0C: r->cx = 0; return system_finish(r, 0);
        case 0x0E:
            r->ax = r->cx < VERSION ? r->cx : VERSION;
            set_cf(r, 0);
            return DONE;
        case 0x10:
            r->bl = 0;  // batteries
            r->cx = 0;
            return system_finish(r, 0);
        default: return system_finish(r, NOT_SUPPORTED);
    }
}
