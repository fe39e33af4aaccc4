// SMBIOS tables in segment F000: the structure about the BIOS, and those about the board, which the emulator hands over by
// fw_cfg. DMTF DSP0134, "System Management BIOS Reference Specification".
#include "bios.h"
#include "version.h"

enum { OWN_AT_MOST = 96, HIGH_OFFSET = 0xA000, HIGH_SIZE = 0x4000 };

extern u8 smbios_entry[], smbios_area[], smbios_area_end[];

static u32 at;  // linear address of the next byte

static void text(const char* s) {
    u32 n = string_length(s) + 1;
    far_put(at, s, n);
    at += n;
}

static void bios_information(void) {
    struct PACKED {
        u8 type, length;
        u16 handle;
        u8 vendor, version;
        u16 segment;
        u8 date, rom_size;
        u64 characteristics;
        u8 extension[2], major, minor, ec_major, ec_minor;
    } s = {0, sizeof s, 0x0000, 1, 2, 0xE000, 3, 1, 0, {0, 0}, 1, 0, 0xFF, 0xFF};
    // PCI, shadowing, CD boot, selectable boot, EDD, 1.2 and 1.44 and 2.88 MB floppies, print screen, 8042,
    // serial and printer services
    s.characteristics = 1u << 7 | 1u << 12 | 1u << 15 | 1u << 16 | 1u << 19 | 1u << 23 | 1u << 24 | 1u << 25 |
                        1u << 26 | 1u << 27 | 1u << 28 | 1u << 29;
    s.extension[0] = 1;  // ACPI
    s.extension[1] = 4;  // targeted content distribution is possible: strings are as in the specification
    far_put(at, &s, sizeof s);
    at += sizeof s;
    text(BIOS_VENDOR);
    text(BIOS_VERSION);
    text(BIOS_DATE_LONG);
    far_fill(at, 0, 1);
    at++;
}

// The tables grow by the structure about the BIOS; the entry point is told.
void smbios_setup(void) {
    struct PACKED {
        char anchor[4];
        u8 checksum, length, major, minor;
        u16 largest;
        u8 revision, formatted[5];
        char dmi[5];
        u8 dmi_checksum;
        u16 table_length;
        u32 table;
        u16 count;
        u8 bcd;
    } e;
    struct FwFile anchor, tables;
    if (!fw_cfg_find("etc/smbios/smbios-anchor", &anchor) || !fw_cfg_find("etc/smbios/smbios-tables", &tables)) return;
    if (anchor.size != sizeof e) return;
    fw_cfg_read(&anchor, &e, sizeof e);
    // Many processors do not fit into the segment: the end of what is reserved for ACPI has room.
    u32 room = own_linear(smbios_area_end) - own_linear(smbios_area);
    e.table = own_linear(smbios_area);
    if (tables.size + OWN_AT_MOST > room) e.table = memory_reserve_top() + HIGH_OFFSET;
    if (tables.size + OWN_AT_MOST > HIGH_SIZE || e.table == HIGH_OFFSET) return;
    u8 own_structure[OWN_AT_MOST];
    at = own_linear(own_structure);
    bios_information();
    u32 own = at - own_linear(own_structure);
    flat_copy(e.table, own_linear(own_structure), own);
    fw_cfg_read_linear(&tables, e.table + own, tables.size);
    e.table_length = (u16)(own + tables.size);
    e.count++;
    if (own > e.largest) e.largest = (u16)own;
    e.checksum = e.dmi_checksum = 0;
    e.dmi_checksum = (u8)-byte_sum(e.dmi, 15);
    e.checksum = (u8)-byte_sum(&e, sizeof e);
    far_put(own_linear(smbios_entry), &e, sizeof e);
}
