// PCI configuration: mechanism 1 access, buses, resources, interrupt routing, and the 440FX shadow registers.
// PCI Local Bus Specification 2.1, chapter 6; Intel 82441FX, "PAM"; Intel 82371SB (PIIX3), "PIRQ Route
// Control".
#include "bios.h"

enum { BAR_MAX = 6, ROM_BAR = 0x30, MEMORY_TOP = 0xFEC00000, IO_BASE = 0xC000 };

static u8 last_bus;
static u8 chipset;  // a 440FX with a PIIX3
static u32 memory_next;
static u32 memory_floor;
static u32 io_next;

static const u8 pirq_irq[4] = {10, 10, 11, 11};

static void select(u16 bdf, u8 reg) { outl(0xCF8, 0x80000000u | (u32)bdf << 8 | (reg & 0xFC)); }

u32 pci_read32(u16 bdf, u8 reg) {
    select(bdf, reg);
    return inl(0xCFC);
}
u16 pci_read16(u16 bdf, u8 reg) {
    select(bdf, reg);
    return inw((u16)(0xCFC + (reg & 2)));
}
u8 pci_read8(u16 bdf, u8 reg) {
    select(bdf, reg);
    return inb((u16)(0xCFC + (reg & 3)));
}
void pci_write32(u16 bdf, u8 reg, u32 v) {
    select(bdf, reg);
    outl(0xCFC, v);
}
void pci_write16(u16 bdf, u8 reg, u16 v) {
    select(bdf, reg);
    outw((u16)(0xCFC + (reg & 2)), v);
}
void pci_write8(u16 bdf, u8 reg, u8 v) {
    select(bdf, reg);
    outb((u16)(0xCFC + (reg & 3)), v);
}

u8 pci_last_bus(void) { return last_bus; }
bool_t pci_has_chipset(void) { return chipset; }

// The next function that exists, in the order bus, device, function.
bool_t pci_next(u32* bdf) {
    u32 b = *bdf == PCI_FIRST ? 0 : *bdf + 1;
    for (; b >> 8 <= last_bus; b++) {
        if ((b & 7) != 0 && (pci_read8((u16)(b & ~7u), 0x0E) & 0x80) == 0) {
            b |= 7;  // a single-function device answers to every function number
            continue;
        }
        if (pci_read16((u16)b, 0) == 0xFFFF) {
            if ((b & 7) == 0) b |= 7;
            continue;
        }
        *bdf = b;
        return 1;
    }
    return 0;
}

static bool_t next_on_bus(u32* bdf, u8 bus) {
    if (*bdf == PCI_FIRST) *bdf = ((u32)bus << 8) - 1;
    for (u32 b = *bdf + 1; b >> 8 == bus; b++) {
        if ((b & 7) != 0 && (pci_read8((u16)(b & ~7u), 0x0E) & 0x80) == 0) continue;
        if (pci_read16((u16)b, 0) == 0xFFFF) continue;
        *bdf = b;
        return 1;
    }
    return 0;
}

static bool_t is_bridge(u16 bdf) { return (pci_read8(bdf, 0x0E) & 0x7F) == 1; }

static void number_buses(u8 bus) {
    for (u32 b = PCI_FIRST; next_on_bus(&b, bus);) {
        u16 bdf = (u16)b;
        if (!is_bridge(bdf)) continue;
        u8 child = ++last_bus;
        pci_write8(bdf, 0x18, bus);
        pci_write8(bdf, 0x19, child);
        pci_write8(bdf, 0x1A, 0xFF);
        number_buses(child);
        pci_write8(bdf, 0x1A, last_bus);
    }
}

// Memory is given out downwards, largest first within a bus, so that nothing is lost to alignment.
static u32 take_memory(u32 size) {
    u32 base = (memory_next - size) & ~(size - 1);
    if (base < memory_floor || base > memory_next) return 0;
    memory_next = base;
    return base;
}

static u32 bar_mask(u16 bdf, u8 reg) {
    u32 old = pci_read32(bdf, reg);
    pci_write32(bdf, reg, reg == ROM_BAR ? 0xFFFFF800 : 0xFFFFFFFF);
    u32 mask = pci_read32(bdf, reg);
    pci_write32(bdf, reg, old);
    return mask;
}

static u32 bar_size(u32 mask, bool_t io) {
    mask &= io ? 0xFFFC : 0xFFFFFFF0;
    if (mask == 0) return 0;
    return io ? (~mask & 0xFFFF) + 1 : ~mask + 1;
}

static bool_t pair_is_64(u32 bar) { return (bar & 7) == 4; }

static void assign_io(u16 bdf, u8 reg, u32 size) {
    u32 base = (io_next + size - 1) & ~(size - 1);
    if (base + size > 0x10000) {
        debugf("pci %04x: no I/O space for register %02x (%u bytes)\n", bdf, reg, size);
        return;
    }
    pci_write32(bdf, reg, base);
    io_next = base + size;
}

// One pass of a bus: memory registers of exactly this size.
static void assign_memory(u16 bdf, u8 reg, u32 size) {
    u32 base = take_memory(size < 4096 ? 4096 : size);  // no two devices in one page
    if (base == 0) {
        debugf("pci %04x: no memory space for register %02x (%x bytes)\n", bdf, reg, size);
        return;
    }
    pci_write32(bdf, reg, base);
}

static void assign_bus(u8 bus) {
    // Bridges first: their windows are aligned to 1 MB and 4 KB.
    for (u32 b = PCI_FIRST; next_on_bus(&b, bus);) {
        u16 bdf = (u16)b;
        if (!is_bridge(bdf)) continue;
        memory_next &= ~0xFFFFFu;
        io_next = (io_next + 0xFFF) & ~0xFFFu;
        u32 memory_end = memory_next, io_start = io_next;
        assign_bus(pci_read8(bdf, 0x19));
        memory_next &= ~0xFFFFFu;
        io_next = (io_next + 0xFFF) & ~0xFFFu;
        bool_t has_memory = memory_next != memory_end, has_io = io_next != io_start;
        pci_write16(bdf, 0x20, has_memory ? (u16)(memory_next >> 16) : 0xFFF0);
        pci_write16(bdf, 0x22, has_memory ? (u16)((memory_end - 1) >> 16 & 0xFFF0) : 0);
        pci_write16(bdf, 0x24, 0xFFF0);  // prefetchable registers share the plain window
        pci_write16(bdf, 0x26, 0);
        pci_write8(bdf, 0x1C, has_io ? (u8)(io_start >> 8) : 0xF0);
        pci_write8(bdf, 0x1D, has_io ? (u8)((io_next - 1) >> 8 & 0xF0) : 0);
    }
    u32 largest = 0;
    for (u32 b = PCI_FIRST; next_on_bus(&b, bus);) {
        u16 bdf = (u16)b;
        pci_write16(bdf, 4, (u16)(pci_read16(bdf, 4) & ~3));
        u8 bars = is_bridge(bdf) ? 2 : BAR_MAX;
        for (u8 i = 0; i < bars; i++) {
            u8 reg = (u8)(0x10 + i * 4);
            u32 mask = bar_mask(bdf, reg);
            if ((mask & 1) != 0) {
                assign_io(bdf, reg, bar_size(mask, 1));
            } else {
                u32 size = bar_size(mask, 0);
                if (size > largest) largest = size;
                if (pair_is_64(mask)) pci_write32(bdf, (u8)(0x14 + i++ * 4), 0);
            }
        }
        u32 rom = bar_size(bar_mask(bdf, is_bridge(bdf) ? 0x38 : ROM_BAR) & ~1u, 0);
        if (rom > largest) largest = rom;
    }
    for (u32 size = largest; size >= 16; size >>= 1) {
        for (u32 b = PCI_FIRST; next_on_bus(&b, bus);) {
            u16 bdf = (u16)b;
            u8 bars = is_bridge(bdf) ? 2 : BAR_MAX;
            for (u8 i = 0; i < bars; i++) {
                u8 reg = (u8)(0x10 + i * 4);
                u32 mask = bar_mask(bdf, reg);
                if ((mask & 1) == 0 && bar_size(mask, 0) == size) assign_memory(bdf, reg, size);
                if (pair_is_64(mask)) i++;
            }
            if (!is_bridge(bdf) && bar_size(bar_mask(bdf, ROM_BAR) & ~1u, 0) == size)
                assign_memory(bdf, ROM_BAR, size);
        }
    }
}

static void start_devices(void) {
    for (u32 b = PCI_FIRST; pci_next(&b);) {
        u16 bdf = (u16)b;
        u16 command = pci_read16(bdf, 4) | 3;
        u16 class = pci_read16(bdf, 0x0A);
        if (is_bridge(bdf) || class == 0x0101) command |= 4;
        pci_write16(bdf, 4, command);
        u8 pin = pci_read8(bdf, 0x3D);
        if (pin == 0) continue;
        // Through bridges each level turns the pins by the device number; PIIX3 boards turn by device - 1.
        u32 turned = pin - 1u;
        u16 at = bdf;
        while (at >> 8 != 0) {
            turned += at >> 3 & 31;
            u8 bus = (u8)(at >> 8);
            for (u32 p = PCI_FIRST; pci_next(&p);) {
                if (is_bridge((u16)p) && pci_read8((u16)p, 0x19) == bus) {
                    at = (u16)p;
                    break;
                }
            }
            if (at >> 8 == bus) break;
        }
        turned += (u32)(at >> 3 & 31) + 3;
        u8 irq = pirq_irq[turned & 3];
        if (pci_read32(bdf, 0) == 0x71138086) irq = 9;  // the system control interrupt is wired
        pci_write8(bdf, 0x3C, irq);
    }
}

static void setup_chipset(void) {
    u32 isa = PCI_FIRST;
    while (pci_next(&isa)) {
        u32 id = pci_read32((u16)isa, 0);
        if (id == 0x70008086 || id == 0x71108086) {
            u16 elcr = 1 << 9;
            for (u8 i = 0; i < 4; i++) {
                pci_write8((u16)isa, (u8)(0x60 + i), pirq_irq[i]);
                elcr |= (u16)(1 << pirq_irq[i]);
            }
            outb(0x4D0, (u8)elcr);
            outb(0x4D1, (u8)(elcr >> 8));
        } else if (id == 0x70108086 || id == 0x71118086) {
            pci_write16((u16)isa, 0x40, 0x8000);  // both channels decode their ports
            pci_write16((u16)isa, 0x42, 0x8000);
        } else if (id == 0x71138086) {
            pci_write32((u16)isa, 0x40, PM_BASE | 1);
            pci_write8((u16)isa, 0x80, 1);
            pci_write32((u16)isa, 0x90, SMB_BASE | 1);
            pci_write8((u16)isa, 0xD2, 9);
            outw(PM_BASE + 4, 1);  // SCI_EN: there is no SMI handler to hand over from
            timer_use_pm();
        }
    }
}

void pci_setup(u32 top_of_ram) {
    chipset = pci_read32(0, 0) == 0x12378086;
    setup_chipset();
    number_buses(0);
    memory_next = MEMORY_TOP;
    memory_floor = top_of_ram;
    io_next = IO_BASE;
    assign_bus(0);
    start_devices();
    for (u32 b = PCI_FIRST; pci_next(&b);) {
        debugf("pci %02x:%02x.%u %08x class %04x irq %u\n", b >> 8, b >> 3 & 31, b & 7, pci_read32((u16)b, 0),
               pci_read16((u16)b, 0x0A), pci_read8((u16)b, 0x3C));
    }
}

// Sets the read (1) and write (2) enables of the 16 KB blocks that [linear, linear + bytes) touches.
static void shadow_mode(u32 linear, u32 bytes, u8 mode) {
    if (!chipset) return;
    for (u32 block = linear & ~0x3FFFu; block < linear + bytes && block < 0x100000; block += 0x4000) {
        u8 reg = 0x59, shift = 4;
        if (block < 0xF0000) {
            u32 n = (block - 0xC0000) >> 14;
            reg = (u8)(0x5A + n / 2);
            shift = (u8)(n % 2 * 4);
        }
        pci_write8(0, reg, (u8)((pci_read8(0, reg) & ~(3 << shift)) | mode << shift));
    }
}

void shadow_rw(u32 linear, u32 bytes) { shadow_mode(linear, bytes, 3); }
void shadow_ro(u32 linear, u32 bytes) { shadow_mode(linear, bytes, 1); }
void shadow_off(u32 linear, u32 bytes) { shadow_mode(linear, bytes, 0); }
