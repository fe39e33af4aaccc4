// INT 1Ah AH=B1h (PCI BIOS 2.1), the $PIR interrupt routing table, and what POST fills into the BIOS32
// directory. "PCI BIOS Specification" 2.1; Microsoft, "PCI IRQ Routing Table Specification" 1.0.
#include "bios.h"
#include "pci_services.h"

enum { PCI_BUFFER_TOO_SMALL = 0x89, PCI_SET_FAILED = 0x88, SLOTS = 32 };

struct PACKED PirSlot {
    u8 bus, devfn;
    struct PACKED {
        u8 link;
        u16 irqs;
    } pins[4];
    u8 slot, reserved;
};

struct PACKED PirTable {
    u32 signature;
    u16 version, size;
    u8 router_bus, router_devfn;
    u16 exclusive_irqs;
    u32 compatible, miniport;
    u8 reserved[11], checksum;
    struct PirSlot slots[SLOTS - 1];
};

extern u8 pir_table[], pci32_last_bus[];  // in segment F000, out of the reach of our DS

enum { ROUTABLE = 0x0C20 };  // IRQ 5, 10, 11

void pir_setup(void) {
    far_write8(0xF000, (u16)((u32)pci32_last_bus - F_SEG_OFFSET), pci_last_bus());
    if (!pci_has_chipset()) return;
    struct PirTable t;
    memset(&t, 0, sizeof t);
    for (u32 device = 1; device < SLOTS; device++) {
        struct PirSlot* s = &t.slots[device - 1];
        s->devfn = (u8)(device << 3);
        s->slot = (u8)(device == 1 ? 0 : device);  // 0: on the board
        for (u32 pin = 0; pin < 4; pin++) {
            s->pins[pin].link = (u8)(0x60 + ((device - 1 + pin) & 3));
            s->pins[pin].irqs = ROUTABLE;
        }
    }
    t.signature = 0x52495024;  // "$PIR"
    t.version = 0x0100;
    t.size = sizeof t;
    t.router_devfn = 1 << 3;
    t.compatible = 0x70008086;
    t.checksum = (u8)-byte_sum(&t, sizeof t);
    far_put(own_linear(pir_table), &t, sizeof t);
}

// B10Eh: ES:DI is {u16 size; far pointer}; the slots go to the pointer.
static u8 get_routing(struct Regs* r) {
    u16 room = far_read16(r->es, r->di), size = (SLOTS - 1) * sizeof(struct PirSlot);
    far_write16(r->es, r->di, size);
    if (room < size) return PCI_BUFFER_TOO_SMALL;
    u32 to = to_linear(far_read16(r->es, (u16)(r->di + 4)), far_read16(r->es, (u16)(r->di + 2)));
    far_copy(to, own_linear(pir_table) + 32, size);
    r->bx = 0;  // no interrupt is for PCI alone
    return PCI_OK;
}

// B10Fh: CH = IRQ, CL = pin (0Ah-0Dh), BX = device.
static u8 set_interrupt(struct Regs* r) {
    if (r->bh != 0 || r->cl < 0x0A || r->cl > 0x0D || r->ch > 15 || (1 << r->ch & ROUTABLE) == 0)
        return PCI_SET_FAILED;
    u8 link = (u8)(0x60 + (((r->bl >> 3) - 1 + r->cl - 0x0A) & 3));
    pci_write8(1 << 3, link, r->ch);
    u16 elcr = (u16)(1 << r->ch);
    outb(0x4D0, inb(0x4D0) | (u8)elcr);
    outb(0x4D1, inb(0x4D1) | (u8)(elcr >> 8));
    return PCI_OK;
}

int pci_bios_call(struct Regs* r) {
    u8 status;
    if (r->al == 0x0E) {
        status = get_routing(r);
    } else if (r->al == 0x0F) {
        status = set_interrupt(r);
    } else {
        struct PciCall c = {
            .edi = r->edi, .esi = r->esi, .edx = r->edx, .ecx = r->ecx, .ebx = r->ebx, .eax = r->eax};
        c.last_bus = pci_last_bus();
        status = pci_services(&c);
        r->edx = c.edx;
        r->ecx = c.ecx;
        r->ebx = c.ebx;
        r->eax = c.eax;
    }
    r->ah = status;
    set_cf(r, status != PCI_OK);
    return DONE;
}
