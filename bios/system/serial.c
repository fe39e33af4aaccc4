// INT 14h (serial ports) and INT 17h (printers), with detection of the ports.
// IBM PC/AT Technical Reference, "RS-232" and "Printer" BIOS; National 16550 datasheet.
#include "bios.h"

void serial_setup(void) {
    static const u16 com_ports[4] = {0x3F8, 0x2F8, 0x3E8, 0x2E8};
    static const u16 lpt_ports[3] = {0x378, 0x278, 0x3BC};
    u16 coms = 0, lpts = 0;
    for (u32 i = 0; i < ARRAY_LEN(com_ports); i++) {
        // A UART keeps what is written to the interrupt enables and shows zeros above them.
        outb((u16)(com_ports[i] + 1), 2);
        if (inb((u16)(com_ports[i] + 1)) != 2 || (inb((u16)(com_ports[i] + 2)) & 0x30) != 0) continue;
        outb((u16)(com_ports[i] + 1), 0);
        outb((u16)(com_ports[i] + 3), 0x03);  // eight bits: small programs print without setting the line up
        BDA->com_timeout[coms] = 1;
        BDA->com[coms++] = com_ports[i];
    }
    for (u32 i = 0; i < ARRAY_LEN(lpt_ports); i++) {
        outb((u16)(lpt_ports[i] + 2), 0x0C);  // data lines as outputs
        outb(lpt_ports[i], 0xAA);
        if (inb(lpt_ports[i]) != 0xAA) continue;
        outb((u16)(lpt_ports[i] + 2), 0x0C);
        BDA->lpt_timeout[lpts] = 20;
        BDA->lpt[lpts++] = lpt_ports[i];
    }
    BDA->equipment |= (u16)(coms << 9 | lpts << 14);
}

// Waits until the bits of a status register are all there.
static bool_t wait_bits(u16 port, u8 bits, u32 seconds) {
    struct Deadline d;
    deadline_start(&d, seconds * 1000000);
    while ((inb(port) & bits) != bits) {
        if (deadline_passed(&d)) return 0;
        yield();
    }
    return 1;
}

static void serial_status(struct Regs* r, u16 port) {
    r->ah = inb((u16)(port + 5));
    r->al = inb((u16)(port + 6));
}

static void set_line(u16 port, u16 divisor, u8 line) {
    outb((u16)(port + 3), line | 0x80);
    outb(port, (u8)divisor);
    outb((u16)(port + 1), (u8)(divisor >> 8));
    outb((u16)(port + 3), line);
    outb((u16)(port + 1), 0);
}

int serial_call(struct Regs* r) {
    static const u16 divisors[12] = {0x417, 0x300, 0x180, 0xC0, 0x60, 0x30,
                                     0x18,  0x0C,  0x06,  0x03, 0x02, 0x01};
    u16 port = r->dx < 4 ? BDA->com[r->dx] : 0;
    if (port == 0) return DONE;
    u32 seconds = BDA->com_timeout[r->dx];
    switch (r->ah) {
        case 0:
            set_line(port, divisors[r->al >> 5], r->al & 0x1F);
            serial_status(r, port);
            break;
        case 1:
            outb((u16)(port + 4), 3);  // DTR, RTS; then the other side must be ready
            if (wait_bits((u16)(port + 6), 0x30, seconds) && wait_bits((u16)(port + 5), 0x20, seconds)) {
                outb(port, r->al);
                r->ah = inb((u16)(port + 5)) & 0x7F;
            } else {
                r->ah = inb((u16)(port + 5)) | 0x80;
            }
            break;
        case 2:
            outb((u16)(port + 4), 1);
            if (wait_bits((u16)(port + 6), 0x20, seconds) && wait_bits((u16)(port + 5), 0x01, seconds)) {
                r->ah = inb((u16)(port + 5)) & 0x1E;
                r->al = inb(port);
            } else {
                r->ah = inb((u16)(port + 5)) | 0x80;
            }
            break;
        case 3: serial_status(r, port); break;
        case 4: {  // extended initialisation: break, parity, stop bits, length, rate
            static const u8 parity[5] = {0x00, 0x08, 0x18, 0x28, 0x38};
            if (r->bh > 4 || r->cl >= ARRAY_LEN(divisors)) break;
            set_line(port, divisors[r->cl],
                     (u8)((r->al & 1) << 6 | parity[r->bh] | (r->bl & 1) << 2 | (r->ch & 3)));
            serial_status(r, port);
            break;
        }
        case 5:
            if (r->al == 0) r->bl = inb((u16)(port + 4));
            if (r->al == 1) outb((u16)(port + 4), r->bl & 0x1F);
            serial_status(r, port);
            break;
        default: break;
    }
    return DONE;
}

// With nothing at the other end of the cable every input is high: busy and out of paper, yet without the error that a printer
// signals then. Waiting for it is of no use.
static u8 nothing_attached(u8 status) { return (status & 0xF8) == 0x78; }

int printer_call(struct Regs* r) {
    u16 port = r->dx < 3 ? BDA->lpt[r->dx] : 0;
    if (port == 0) {
        r->ah = 0x29;  // nothing there: time-out, I/O error, out of paper
        return DONE;
    }
    u8 timed_out = 0;
    switch (r->ah) {
        case 0: {
            struct Deadline d;
            deadline_start(&d, BDA->lpt_timeout[r->dx] * 1000000u);
            while ((inb((u16)(port + 1)) & 0x80) == 0) {
                if (nothing_attached(inb((u16)(port + 1))) || deadline_passed(&d)) {
                    timed_out = 1;
                    break;
                }
                yield();
            }
            if (timed_out) break;
            outb(port, r->al);
            outb((u16)(port + 2), 0x0D);  // strobe
            io_delay();
            outb((u16)(port + 2), 0x0C);
            break;
        }
        case 1:
            outb((u16)(port + 2), 0x08);
            delay_us(2000);
            outb((u16)(port + 2), 0x0C);
            break;
        case 2: break;
        default: return DONE;
    }
    // Acknowledge and error are low active.
    r->ah = (u8)(((inb((u16)(port + 1)) ^ 0x48) & 0xF8) | timed_out);
    return DONE;
}
