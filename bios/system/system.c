// INT 15h (system services), INT 11h and 12h, and the interrupt requests that nobody else handles.
// IBM PS/2 and PC BIOS Interface Technical Reference, "Interrupt 15h".
#include "bios.h"

int apm_call(struct Regs* r);
int event_wait_call(struct Regs* r);
int wait_call(struct Regs* r);
void enter_protected_mode(struct Regs* r) __attribute__((noreturn));

int equipment_call(struct Regs* r) {
    r->ax = BDA->equipment;
    return DONE;
}

int memory_size_call(struct Regs* r) {
    r->ax = BDA->memory_kb;
    return DONE;
}

int system_finish(struct Regs* r, u8 status) {
    r->ah = status;
    set_cf(r, status != 0);
    return DONE;
}

static bool_t in_virtual_mode(void) {
    u32 msw;
    __asm__ volatile("smsw %w0" : "=r"(msw));
    return msw & 1;
}

static int a20_call(struct Regs* r) {
    switch (r->al) {
        case 0:
        case 1: a20_set(r->al); return system_finish(r, 0);
        case 2: r->al = (u8)a20_get(); return system_finish(r, 0);
        case 3: r->bx = 3; return system_finish(r, 0);  // through the keyboard controller and port 92h
        default: return system_finish(r, 0x86);
    }
}

static u32 descriptor_base(u16 seg, u16 off) {
    return (far_read32(seg, (u16)(off + 2)) & 0xFFFFFF) | (u32)far_read8(seg, (u16)(off + 7)) << 24;
}

// AH=87h: the caller's descriptors 2 and 3 tell source and destination.
static int block_move(struct Regs* r) {
    if (r->cx > 0x8000 || in_virtual_mode()) return system_finish(r, in_virtual_mode() ? 3 : 2);
    bool_t a20 = a20_get();
    if (!a20) a20_set(1);
    flat_copy(descriptor_base(r->es, (u16)(r->si + 0x18)), descriptor_base(r->es, (u16)(r->si + 0x10)),
              r->cx * 2u);
    if (!a20) a20_set(0);
    set_zf(r, 1);
    return system_finish(r, 0);
}

// AH=89h: the interrupt controllers get the caller's vectors, then entry.S loads its tables.
static int protected_mode(struct Regs* r) {
    if (in_virtual_mode()) return system_finish(r, 0xFF);
    far_write16(r->es, (u16)(r->si + 0x38), 0xFFFF);
    far_write32(r->es, (u16)(r->si + 0x3A), 0x9B000000u | BIOS_LINEAR);
    far_write16(r->es, (u16)(r->si + 0x3E), 0);
    outb(0x20, 0x11);
    outb(0x21, r->bh);
    outb(0x21, 4);
    outb(0x21, 1);
    outb(0x21, 0xFF);
    outb(0xA0, 0x11);
    outb(0xA1, r->bl);
    outb(0xA1, 2);
    outb(0xA1, 1);
    outb(0xA1, 0xFF);
    a20_set(1);
    enter_protected_mode(r);
}

int system_call(struct Regs* r) {
    switch (r->ah) {
        case 0x24: return a20_call(r);
        case 0x41: return system_finish(r, 0x86);
        case 0x4F: return DONE;  // keyboard intercept: the code goes on as it is, CF as it came
        case 0x53: return apm_call(r);
        case 0x83: return event_wait_call(r);
        case 0x85: return system_finish(r, 0);
        case 0x86: return wait_call(r);
        case 0x87: return block_move(r);
        case 0x88:
        case 0xE8: return memory_call(r);
        case 0x89: return protected_mode(r);
        case 0x80:
        case 0x81:
        case 0x82:
        case 0x90:
        case 0x91: return system_finish(r, 0);
        case 0xC0:
            r->es = 0xF000;
            r->bx = 0xE6F5;
            return system_finish(r, 0);
        case 0xC1:
            r->es = BDA->ebda_seg;
            set_cf(r, 0);
            return DONE;
        case 0xC2: return mouse_call(r);
        case 0xEC:
            if (r->al == 0) return system_finish(r, 0);  // target operating mode: nothing depends on it
            return system_finish(r, 0x86);
        default: return system_finish(r, 0x86);
    }
}

// Interrupt requests without an owner: acknowledged at whichever controller has one in service.
static u8 in_service(u16 controller) {
    outb(controller, 0x0B);
    u8 isr = inb(controller);
    outb(controller, 0x0A);
    return isr;
}

int stray_irq_master(struct Regs* r UNUSED) {
    u8 isr = in_service(0x20);
    if (isr != 0) {
        outb(0x21, inb(0x21) | (isr & (u8)~4));
        outb(0x20, 0x20);
    }
    BDA->last_irq = isr != 0 ? isr : 0xFF;
    return DONE;
}

int stray_irq_slave(struct Regs* r UNUSED) {
    u8 isr = in_service(0xA0);
    if (isr != 0) {
        outb(0xA1, inb(0xA1) | isr);
        outb(0xA0, 0x20);
    }
    outb(0x20, 0x20);
    BDA->last_irq = isr != 0 ? isr : 0xFF;
    return DONE;
}

// IRQ 14 and 15.
int ata_irq(struct Regs* r UNUSED) {
    BDA->disk_irq = 0xFF;
    outb(0xA0, 0x20);
    outb(0x20, 0x20);
    return DONE;
}
