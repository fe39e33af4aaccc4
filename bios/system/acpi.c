// ACPI tables: RSDP in segment F000, the rest at the top of RAM below 4 GB. There is no SMI handler: POST has
// set SCI_EN already and the SMI port in the FADT is 0. ACPI 2.0, section 5 "ACPI Software Programming
// Model".
#include "acpi.h"

// In segment F000, out of the reach of our DS.
__attribute__((section(".dsdt")))
#include "dsdt.h"

enum {
    BOUNCE = 0x20000,
    NVS_SIZE = 0x1000,
    FOUND_AT = 0x100
};
enum { PATCH_PCI_HOLE = 0xC0DE0000, PATCH_FOUND = 0xC0DE1000, PCI_HOLE_END = 0xFEC00000 };

struct PACKED Fadt {
    struct AcpiHeader h;
    u32 facs, dsdt;
    u8 model, profile;
    u16 sci;
    u32 smi_command;
    u8 acpi_enable, acpi_disable, s4_bios, pstate;
    u32 pm1a_event, pm1b_event, pm1a_control, pm1b_control, pm2_control, pm_timer, gpe0, gpe1;
    u8 pm1_event_length, pm1_control_length, pm2_control_length, pm_timer_length, gpe0_length, gpe1_length,
        gpe1_base;
    u8 cst_control;
    u16 c2_latency, c3_latency, flush_size, flush_stride;
    u8 duty_offset, duty_width, day_alarm, month_alarm, century;
    u16 boot_flags;
    u8 reserved;
    u32 flags;
    struct Gas reset;
    u8 reset_value, reserved2[3];
    u64 x_facs, x_dsdt;
    struct Gas x_pm1a_event, x_pm1b_event, x_pm1a_control, x_pm1b_control, x_pm2_control, x_pm_timer, x_gpe0,
        x_gpe1;
};
_Static_assert(sizeof(struct Fadt) == 244, "FADT revision 3");

struct PACKED Rsdt {
    struct AcpiHeader h;
    u32 tables[3];
};

struct PACKED Rsdp {
    char signature[8];
    u8 checksum;
    char oem_id[6];
    u8 revision;
    u32 rsdt;
};

extern u8 rsdp[];

void acpi_header(struct AcpiHeader* h, const char* signature, u8 revision, u32 length) {
    memcpy(h->signature, signature, 4);
    h->length = length;
    h->revision = revision;
    memcpy(h->oem_id, "GNOMON", 6);
    memcpy(h->oem_table_id, "GNOMONPC", 8);
    h->oem_revision = 1;
    memcpy(h->creator_id, "GNMN", 4);
    h->creator_revision = 1;
    h->checksum = (u8)-byte_sum(h, length);
}

static struct Gas port(u16 address, u8 bits) { return (struct Gas){1, bits, 0, 0, address}; }

// Copies the compiled DSDT to scratch memory and puts the two addresses into it that only POST knows.
static void place_dsdt(u32 to, u32 pci_hole, u32 found) {
    far_put(BOUNCE, dsdt_aml, sizeof dsdt_aml);
    u16 seg = BOUNCE >> 4;
    for (u16 at = 36; at + 4 <= (u16)sizeof dsdt_aml; at++) {
        u32 v = far_read32(seg, at);
        if (v == PATCH_FOUND) far_write32(seg, at, found);
        if (v == PATCH_PCI_HOLE) {
            far_write32(seg, at, pci_hole);
            far_write32(seg, (u16)(at + 12), PCI_HOLE_END - pci_hole);
        }
    }
    u8 sum = 0;
    far_write8(seg, 9, 0);
    for (u16 i = 0; i < sizeof dsdt_aml; i++) sum = (u8)(sum + far_read8(seg, i));
    far_write8(seg, 9, (u8)-sum);
    flat_copy(to, BOUNCE, sizeof dsdt_aml);
}

static u8 found_devices(void) {
    u8 found = 0;
    for (u32 i = 0; i < 4; i++) {
        if (BDA->com[i] == 0x3F8) found |= 1;
        if (BDA->com[i] == 0x2F8) found |= 2;
    }
    for (u32 i = 0; i < 3; i++) {
        if (BDA->lpt[i] == 0x378) found |= 4;
    }
    if (floppy_count() != 0) found |= 8;
    if (ps2_mouse_present()) found |= 16;
    return found;
}

void acpi_setup(void) {
    u32 base = memory_reserve_top();
    if (base == 0 || !pci_has_chipset()) return;
    u32 nvs = memory_top_low() - NVS_SIZE, at_rsdt = base, at_fadt = base + 64, at_dsdt = base + 512;

    static const struct PACKED {
        char signature[4];
        u32 length, hardware_signature, waking_vector, global_lock, flags;
        u8 reserved[40];
    } facs = {{'F', 'A', 'C', 'S'}, 64, 0, 0, 0, 0, {0}};
    flat_copy(nvs, own_linear(&facs), sizeof facs);
    u32 found = found_devices();
    flat_copy(nvs + FOUND_AT, own_linear(&found), 4);

    u32 hole = memory_top_low() > 0xC0000000 ? memory_top_low() : 0xC0000000;
    if (memory_top_low() < 0xC0000000 && memory_top_low() <= 0x80000000) hole = 0x80000000;
    place_dsdt(at_dsdt, hole, nvs + FOUND_AT);

    struct Fadt f;
    memset(&f, 0, sizeof f);
    f.facs = nvs;
    f.dsdt = at_dsdt;
    f.profile = 1;  // desktop
    f.sci = 9;
    f.pm1a_event = PM_BASE;
    f.pm1a_control = PM_BASE + 4;
    f.pm_timer = PM_BASE + 8;
    f.pm1_event_length = 4;
    f.pm1_control_length = 2;
    f.pm_timer_length = 4;
    f.c2_latency = 0xFFF;  // no C2, no C3
    f.c3_latency = 0xFFF;
    f.day_alarm = 0;
    f.century = 0x32;
    f.boot_flags = 3;  // ISA devices, 8042
    f.flags =
        1 | 1 << 2 | 1 << 5 | 1 << 6 | 1 << 10;  // WBINVD, C1, no sleep button, no RTC wake, reset register
    f.reset = port(0xCF9, 8);
    f.reset_value = 6;
    f.x_facs = nvs;
    f.x_dsdt = at_dsdt;
    f.x_pm1a_event = port(PM_BASE, 32);
    f.x_pm1a_control = port(PM_BASE + 4, 16);
    f.x_pm_timer = port(PM_BASE + 8, 32);
    acpi_header(&f.h, "FACP", 3, sizeof f);
    flat_copy(at_fadt, own_linear(&f), sizeof f);

    struct Rsdt rsdt;
    memset(&rsdt, 0, sizeof rsdt);
    u32 tables = 0, next = (at_dsdt + sizeof dsdt_aml + 15) & ~15u;
    rsdt.tables[tables++] = at_fadt;
    if (has_local_apic()) {
        rsdt.tables[tables++] = next;
        next += (madt_place(next) + 15) & ~15u;
        u32 bytes = hpet_place(next);
        if (bytes != 0) rsdt.tables[tables++] = next;
    }
    u32 length = sizeof rsdt.h + tables * 4;
    acpi_header(&rsdt.h, "RSDT", 1, length);
    flat_copy(at_rsdt, own_linear(&rsdt), length);

    struct Rsdp root = {.signature = {'R', 'S', 'D', ' ', 'P', 'T', 'R', ' '},
                        .oem_id = {'G', 'N', 'O', 'M', 'O', 'N'}};
    root.rsdt = at_rsdt;
    root.checksum = (u8)-byte_sum(&root, sizeof root);
    far_put(own_linear(rsdp), &root, sizeof root);
}
