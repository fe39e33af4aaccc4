// PCI BIOS 2.1 functions B101-B10D, shared by INT 1Ah in real mode and the 32-bit entry.
// "PCI BIOS Specification" 2.1. Registers in, registers out and no data, so that it runs at any address.
#pragma once

struct PciCall {
    u32 edi, esi, edx, ecx, ebx, eax;
    u32 last_bus;
};

enum {
    PCI_OK = 0,
    PCI_BAD_FUNCTION = 0x81,
    PCI_BAD_VENDOR = 0x83,
    PCI_NOT_FOUND = 0x86,
    PCI_BAD_REGISTER = 0x87
};

static inline u32 services_read(u32 bdf, u32 reg) {
    outl(0xCF8, 0x80000000u | bdf << 8 | reg);
    return inl(0xCFC);
}

// The SI-th function whose register at `reg`, shifted right, equals the wanted value.
static inline u8 services_find(struct PciCall* c, u32 reg, u32 shift, u32 wanted) {
    u32 index = c->esi & 0xFFFF;
    for (u32 bdf = 0; bdf >> 8 <= c->last_bus; bdf++) {
        if ((bdf & 7) != 0 && (services_read(bdf & ~7u, 0x0C) >> 16 & 0x80) == 0) continue;
        if ((services_read(bdf, 0) & 0xFFFF) == 0xFFFF) continue;
        if (services_read(bdf, reg) >> shift != wanted || index-- != 0) continue;
        c->ebx = (c->ebx & 0xFFFF0000) | bdf;
        return PCI_OK;
    }
    return PCI_NOT_FOUND;
}

// Returns the status; the caller puts it into AH and CF.
static inline u8 pci_services(struct PciCall* c) {
    u32 function = c->eax & 0xFF, bdf = c->ebx & 0xFFFF, reg = c->edi & 0xFFFF;
    if (function >= 0x08 && function <= 0x0D) {
        u32 width = function == 0x08 || function == 0x0B ? 1 : function == 0x09 || function == 0x0C ? 2 : 4;
        if (reg > 0xFF || (reg & (width - 1)) != 0) return PCI_BAD_REGISTER;
        outl(0xCF8, 0x80000000u | bdf << 8 | (reg & 0xFC));
        u16 port = (u16)(0xCFC + (reg & 3));
        if (function == 0x08)
            c->ecx = (c->ecx & 0xFFFFFF00) | inb(port);
        else if (function == 0x09)
            c->ecx = (c->ecx & 0xFFFF0000) | inw(port);
        else if (function == 0x0A)
            c->ecx = inl(port);
        else if (function == 0x0B)
            outb(port, (u8)c->ecx);
        else if (function == 0x0C)
            outw(port, (u16)c->ecx);
        else
            outl(port, c->ecx);
        return PCI_OK;
    }
    if (function == 0x01) {
        c->edx = 0x20494350;
        c->eax = (c->eax & 0xFFFFFF00) | 0x01;  // mechanism 1, no special cycles
        c->ebx = (c->ebx & 0xFFFF0000) | 0x0210;
        c->ecx = (c->ecx & 0xFFFFFF00) | c->last_bus;
        return PCI_OK;
    }
    if (function == 0x02) {
        if ((c->edx & 0xFFFF) == 0xFFFF) return PCI_BAD_VENDOR;
        return services_find(c, 0, 0, c->ecx << 16 | (c->edx & 0xFFFF));
    }
    if (function == 0x03) return services_find(c, 8, 8, c->ecx & 0xFFFFFF);
    return PCI_BAD_FUNCTION;
}
