// The MP table: processors, buses, I/O APIC and interrupt wires, for systems that know no ACPI.
// Intel MultiProcessor Specification 1.4, chapter 4.
#include "bios.h"

enum { APIC = 0xFEE00000, IO_APIC = 0xFEC00000, EDGE_HIGH = 0, LEVEL_HIGH = 13, LEVEL_LOW = 15 };
enum { INT = 0, NMI = 1, EXTINT = 3 };
enum { PCI_BUS = 0, ISA_BUS = 1, EVERY_APIC = 0xFF };

extern u8 mp_pointer[], mp_area[], mp_area_end[];  // in segment F000, out of the reach of our DS

struct PACKED Header {
    char signature[4];
    u16 length;
    u8 revision, checksum;
    char oem[8], product[12];
    u32 oem_table;
    u16 oem_size, entries;
    u32 apic;
    u16 extended_length;
    u8 extended_checksum, reserved;
};

static u32 at;
static u16 entries;

static void add(const void* entry, u32 bytes) {
    if (at + bytes > own_linear(mp_area_end)) return;
    far_put(at, entry, bytes);
    at += bytes;
    entries++;
}

static void add_interrupt(u8 type, u8 kind, u16 flags, u8 bus, u8 source, u8 apic, u8 input) {
    struct PACKED {
        u8 type, kind;
        u16 flags;
        u8 bus, source, apic, input;
    } e = {type, kind, flags, bus, source, apic, input};
    add(&e, sizeof e);
}

static void add_processors(void) {
    u32 r[4];
    cpuid(1, r);
    struct PACKED {
        u8 type, apic, version, flags;
        u32 signature, features, reserved[2];
    } e = {0, 0, 0x14, 3, r[0], r[3], {0, 0}};
    for (u32 i = 0; i < processor_count(); i++) {
        e.apic = (u8)i;
        e.flags = i == 0 ? 3 : 1;  // usable; the first is the bootstrap processor
        add(&e, sizeof e);
    }
}

static void add_bus(u8 id, const char* name) {
    struct PACKED {
        u8 type, id;
        char name[6];
    } e = {1, id, {' ', ' ', ' ', ' ', ' ', ' '}};
    memcpy(e.name, name, 3);
    add(&e, sizeof e);
}

// PIRQA-D are wired to inputs 16-19; the chipset's own system control interrupt is IRQ 9.
static void add_pci_interrupts(u8 io_apic) {
    u32 device = 0, done = 0;
    for (u32 b = PCI_FIRST; pci_next(&b);) {
        u16 bdf = (u16)b;
        u8 pin = pci_read8(bdf, 0x3D);
        if (bdf >> 8 != 0 || pin == 0 || pin > 4) continue;
        if (bdf >> 3 != device) {
            device = bdf >> 3;
            done = 0;
        }
        if ((done & 1u << pin) != 0) continue;
        done |= 1u << pin;
        u8 input = (u8)(pci_read32(bdf, 0) == 0x71138086 ? 9 : 16 + ((device + 3 + pin - 1) & 3));
        if (input == 9) continue;
        add_interrupt(3, INT, LEVEL_LOW, PCI_BUS, (u8)(device << 2 | (pin - 1)), io_apic, input);
    }
}

void mp_table_setup(void) {
    if (!has_local_apic() || !pci_has_chipset()) return;
    u8 io_apic = io_apic_id();
    at = own_linear(mp_area) + sizeof(struct Header);
    entries = 0;
    add_processors();
    add_bus(PCI_BUS, "PCI");
    add_bus(ISA_BUS, "ISA");
    struct PACKED {
        u8 type, id, version, flags;
        u32 address;
    } controller = {2, io_apic, 0x20, 1, IO_APIC};
    add(&controller, sizeof controller);
    for (u8 irq = 0; irq < 16; irq++) {
        if (irq == 2) continue;
        add_interrupt(3, INT, irq == 9 ? LEVEL_HIGH : EDGE_HIGH, ISA_BUS, irq, io_apic, irq == 0 ? 2 : irq);
    }
    add_pci_interrupts(io_apic);
    add_interrupt(4, EXTINT, 0, ISA_BUS, 0, 0, 0);
    add_interrupt(4, NMI, 0, ISA_BUS, 0, EVERY_APIC, 1);

    struct Header h;
    memset(&h, 0, sizeof h);
    memcpy(h.signature, "PCMP", 4);
    memcpy(h.oem, "GNOMON  ", 8);
    memcpy(h.product, "PC          ", 12);
    h.length = (u16)(at - own_linear(mp_area));
    h.revision = 4;
    h.entries = entries;
    h.apic = APIC;
    u8 sum = byte_sum(&h, sizeof h);
    for (u32 p = own_linear(mp_area) + sizeof h; p < at; p++) sum = (u8)(sum + far_read8((u16)(p >> 4), (u16)(p & 15)));
    h.checksum = (u8)-sum;
    far_put(own_linear(mp_area), &h, sizeof h);

    struct PACKED {
        char signature[4];
        u32 table;
        u8 length, revision, checksum, features[5];
    } pointer = {{'_', 'M', 'P', '_'}, own_linear(mp_area), 1, 4, 0, {0}};
    pointer.checksum = (u8)-byte_sum(&pointer, sizeof pointer);
    far_put(own_linear(mp_pointer), &pointer, sizeof pointer);
}
