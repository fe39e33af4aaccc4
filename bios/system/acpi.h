// What the files that build ACPI tables share. ACPI 2.0, "System Description Table Header", "Generic Address Structure".
#pragma once

#include "bios.h"

struct PACKED AcpiHeader {
    char signature[4];
    u32 length;
    u8 revision, checksum;
    char oem_id[6], oem_table_id[8];
    u32 oem_revision;
    char creator_id[4];
    u32 creator_revision;
};

struct PACKED Gas {
    u8 space, width, offset, access;
    u64 address;
};

// Fills the header and sets the checksum over `length` bytes from it, if they are all there.
void acpi_header(struct AcpiHeader* h, const char* signature, u8 revision, u32 length);

// madt.c: build the tables at `to`; their length, 0 if there is none.
u32 madt_place(u32 to);
u32 hpet_place(u32 to);
