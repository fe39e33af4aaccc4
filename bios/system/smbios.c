// SMBIOS 2.4 tables in segment F000: BIOS, system, chassis, processor, memory, boot status.
// DMTF DSP0134, "System Management BIOS Reference Specification".
#include "bios.h"
#include "version.h"

extern u8 smbios_entry[], smbios_area[], smbios_area_end[];

static u32 at;  // linear address of the next byte
static u16 structures;
static u16 largest;
static u32 began;

static void begin(const void* formatted, u32 length) {
    began = at;
    far_put(at, formatted, length);
    at += length;
}

static void text(const char* s) {
    u32 n = string_length(s) + 1;
    far_put(at, s, n);
    at += n;
}

// Closes a structure; one without strings ends in two zeros.
static void end(bool_t strings) {
    far_fill(at, 0, strings ? 1 : 2);
    at += strings ? 1 : 2;
    structures++;
    if (at - began > largest) largest = (u16)(at - began);
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
    begin(&s, sizeof s);
    text(BIOS_VENDOR);
    text(BIOS_VERSION);
    text(BIOS_DATE_LONG);
    end(1);
}

static void system_information(void) {
    const struct PACKED {
        u8 type, length;
        u16 handle;
        u8 manufacturer, product, version, serial, uuid[16], wake_up, sku, family;
    } s = {1, sizeof s, 0x0100, 1, 2, 3, 0, {0}, 6, 0, 0};
    begin(&s, sizeof s);
    text("Gnomon");
    text("PC (i440FX + PIIX3)");
    text(BIOS_VERSION);
    end(1);
}

static void chassis(void) {
    const struct PACKED {
        u8 type, length;
        u16 handle;
        u8 manufacturer, kind, version, serial, asset, boot_state, power_state, thermal_state, security;
        u32 oem;
        u8 height, power_cords, elements, element_size;
    } s = {3, sizeof s, 0x0300, 1, 3, 0, 0, 0, 3, 3, 3, 2, 0, 0, 1, 0, 0};
    begin(&s, sizeof s);
    text("Gnomon");
    end(1);
}

static void processor(void) {
    struct PACKED {
        u8 type, length;
        u16 handle;
        u8 socket, kind, family, manufacturer;
        u32 signature, features;
        u8 version, voltage;
        u16 external_clock, max_speed, current_speed;
        u8 status, upgrade;
        u16 l1, l2, l3;
        u8 serial, asset, part;
    } s = {4, sizeof s, 0x0400, 1, 3, 1, 2, 0, 0, 0, 0x8C, 0, 0, 0, 0x41, 6, 0xFFFF, 0xFFFF, 0xFFFF, 0, 0, 0};
    char vendor[13] = "Unknown";
    if (has_cpuid()) {
        u32 r[4];
        cpuid(0, r);
        memcpy(vendor, &r[1], 4);
        memcpy(vendor + 4, &r[3], 4);
        memcpy(vendor + 8, &r[2], 4);
        vendor[12] = '\0';
        cpuid(1, r);
        s.signature = r[0];
        s.features = r[3];
    }
    begin(&s, sizeof s);
    text("CPU 0");
    text(vendor);
    end(1);
}

static void memory(void) {
    u64 total = memory_total();
    const struct PACKED {
        u8 type, length;
        u16 handle;
        u8 location, use, correction;
        u32 capacity_kb;
        u16 error, devices;
    } array = {16, sizeof array, 0x1000, 3, 3, 3, (u32)(total >> 10), 0xFFFE, 1};
    begin(&array, sizeof array);
    end(0);
    u32 mb = (u32)(total >> 20);
    const struct PACKED {
        u8 type, length;
        u16 handle, array, error, total_width, data_width, size;
        u8 form, set, locator, bank, kind;
        u16 detail;
    } device = {
        17, sizeof device, 0x1100, 0x1000, 0xFFFE, 64, 64, (u16)(mb < 0x7FFF ? mb : 0x7FFF), 9, 0, 1, 0, 7,
        4};
    begin(&device, sizeof device);
    text("DIMM 0");
    end(1);
    struct PACKED {
        u8 type, length;
        u16 handle;
        u32 start_kb, end_kb;
        u16 array;
        u8 width;
    } map = {19, sizeof map, 0x1300, 0, (memory_top_low() >> 10) - 1, 0x1000, 1};
    begin(&map, sizeof map);
    end(0);
    if (total > memory_top_low()) {
        map.handle = 0x1301;
        map.start_kb = 0x400000;
        map.end_kb = 0x400000 + (u32)((total - memory_top_low()) >> 10) - 1;
        begin(&map, sizeof map);
        end(0);
    }
}

static void boot_status(void) {
    const struct PACKED {
        u8 type, length;
        u16 handle;
        u8 reserved[6], status;
    } s = {32, sizeof s, 0x2000, {0}, 0};
    begin(&s, sizeof s);
    end(0);
}

void smbios_setup(void) {
    at = own_linear(smbios_area);
    bios_information();
    system_information();
    chassis();
    processor();
    memory();
    boot_status();
    static const u8 end_of_table[4] = {127, 4, 0x00, 0x7F};
    begin(end_of_table, 4);
    end(0);
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
    } e = {{'_', 'S', 'M', '_'},      0, sizeof e, 2, 4,          largest, 0, {0},
           {'_', 'D', 'M', 'I', '_'}, 0, 0,        0, structures, 0x24};
    e.table = own_linear(smbios_area);
    e.table_length = (u16)(at - e.table);
    e.dmi_checksum = (u8)-byte_sum(e.dmi, 15);
    e.checksum = (u8)-byte_sum(&e, sizeof e);
    far_put(own_linear(smbios_entry), &e, sizeof e);
}
