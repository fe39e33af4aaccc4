// ACPI tables of the interrupt controllers and the event timer: MADT and HPET. ACPI 2.0, "Multiple APIC Description
// Table"; IA-PC HPET Specification 1.0a, "ACPI 2.0 HPET Description Table".
#include "acpi.h"

enum { APIC = 0xFEE00000, IO_APIC = 0xFEC00000, HPET = 0xFED00000 };

static u32 at;

static void put(const void* entry, u32 bytes) {
    flat_copy(at, own_linear(entry), bytes);
    at += bytes;
}

// The 4-bit ID of the I/O APIC: after those of the processors where it can.
u8 io_apic_id(void) { return (u8)(processor_count() < 15 ? processor_count() : 0); }

void io_apic_setup(void) {
    if (!has_local_apic()) return;
    u32 select = 0, id = (u32)io_apic_id() << 24;
    flat_copy(IO_APIC, own_linear(&select), 4);
    flat_copy(IO_APIC + 0x10, own_linear(&id), 4);
}

u32 madt_place(u32 to) {
    struct PACKED {
        struct AcpiHeader h;
        u32 apic, flags;
    } madt;
    memset(&madt, 0, sizeof madt);
    u32 count = processor_count();
    u32 length = sizeof madt + count * 8 + 12 + 2 * 10 + 6;
    madt.apic = APIC;
    madt.flags = 1;  // there is a pair of 8259s too
    acpi_header(&madt.h, "APIC", 2, length);
    at = to + sizeof madt;
    for (u32 i = 0; i < count; i++) {
        const struct PACKED {
            u8 type, length, processor, apic;
            u32 flags;
        } e = {0, 8, (u8)i, (u8)i, 1};
        put(&e, sizeof e);
    }
    const struct PACKED {
        u8 type, length, id, reserved;
        u32 address, first_input;
    } io_apic = {1, 12, io_apic_id(), 0, IO_APIC, 0};
    put(&io_apic, sizeof io_apic);
    struct PACKED {
        u8 type, length, bus, irq;
        u32 input;
        u16 flags;
    } other = {2, 10, 0, 0, 2, 0};  // the timer: as ISA has it
    put(&other, sizeof other);
    other.irq = 9;
    other.input = 9;
    other.flags = 0xD;  // the system control interrupt: level-triggered, active high
    put(&other, sizeof other);
    const struct PACKED {
        u8 type, length, processor;
        u16 flags;
        u8 lint;
    } nmi = {4, 6, 0xFF, 0, 1};
    put(&nmi, sizeof nmi);
    // The sum is that of the parts.
    u8 sum = 0;
    for (u32 done = sizeof madt; done < length; done += 4) {
        u8 chunk[4];
        u32 n = length - done < 4 ? length - done : 4;
        flat_copy(own_linear(chunk), to + done, n);
        sum = (u8)(sum + byte_sum(chunk, n));
    }
    madt.h.checksum = 0;
    madt.h.checksum = (u8) - (u8)(sum + byte_sum(&madt, sizeof madt));
    flat_copy(to, own_linear(&madt), sizeof madt);
    return length;
}

// 0: there is no event timer.
u32 hpet_place(u32 to) {
    struct PACKED {
        struct AcpiHeader h;
        u32 block;
        struct Gas base;
        u8 number;
        u16 minimum;
        u8 attributes;
    } table;
    memset(&table, 0, sizeof table);
    flat_copy(own_linear(&table.block), HPET, 4);
    if (table.block == 0 || table.block == 0xFFFFFFFF) return 0;
    table.base.address = HPET;
    table.minimum = 100;
    acpi_header(&table.h, "HPET", 1, sizeof table);
    flat_copy(to, own_linear(&table), sizeof table);
    return sizeof table;
}
