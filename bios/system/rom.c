// Option ROMs: those that are mapped already, those of PCI devices, those the emulator hands over by fw_cfg.
// Plug and Play BIOS Specification 1.0a, section 3; PCI 2.1, section 6.3 "PCI Expansion ROMs"; BIOS Boot
// Spec.
#include "bios.h"

enum { AREA = 0xC0000, AREA_END = BIOS_LINEAR, MAPPED_END = 0xE0000, STEP = 2048, BOUNCE = 0x20000 };

extern const u8 pnp_header[];

static struct BootEntry entries[8];
static u32 entry_count;
static u32 next_free = AREA;

u32 rom_boot_count(void) { return entry_count; }
const struct BootEntry* rom_boot_entry(u32 i) { return &entries[i]; }

static u32 rom_size(u32 rom) {
    if (far_read16((u16)(rom >> 4), 0) != 0xAA55) return 0;
    return far_read8((u16)(rom >> 4), 2) * 512u;
}

static bool_t checksum_ok(u32 rom, u32 size) {
    u8 sum = 0;
    for (u32 at = 0; at < size; at += 16) {
        for (u16 i = 0; i < 16; i++) sum = (u8)(sum + far_read8((u16)((rom + at) >> 4), i));
    }
    return sum == 0;
}

// Calls the initialisation entry and notes boot entries. Returns the size that the ROM keeps.
static u32 run_rom(u32 rom, u16 bdf, const char* name) {
    u16 seg = (u16)(rom >> 4);
    struct CallRegs r = {.eax = bdf == 0xFFFF ? 0 : bdf,
                         .ebx = 0xFFFF,
                         .edx = 0xFFFF,
                         .edi = (u32)pnp_header - F_SEG_OFFSET,
                         .es = 0xF000};
    debugf("option ROM at %05x: %s\n", rom, name);
    call_far(&r, seg, 3);
    u32 size = rom_size(rom);
    u16 header = far_read16(seg, 0x1A);
    while (header != 0 && far_read32(seg, header) == 0x506E5024 && entry_count < ARRAY_LEN(entries)) {
        struct BootEntry* e = &entries[entry_count];
        e->seg = seg;
        e->bcv = far_read16(seg, (u16)(header + 0x16));
        e->bev = far_read16(seg, (u16)(header + 0x1A));
        e->bdf = bdf;
        u32 length = string_length(name) + 1;
        memcpy(e->file, name, length < sizeof e->file ? length : sizeof e->file);
        u16 product = far_read16(seg, (u16)(header + 0x10));
        for (u32 i = 0; i < sizeof e->name - 1; i++) {
            e->name[i] = product != 0              ? (char)far_read8(seg, (u16)(product + i))
                         : i < string_length(name) ? name[i]
                                                   : '\0';
            if (e->name[i] == '\0') break;
        }
        if (e->bcv != 0 || e->bev != 0) entry_count++;
        header = far_read16(seg, (u16)(header + 6));
    }
    return size;
}

static void keep(u32 rom, u32 size) {
    if (rom + size > next_free) next_free = (rom + size + STEP - 1) & ~(u32)(STEP - 1);
}

static void load_fw_cfg_rom(const struct FwFile* file, const char* name) {
    if (file->size == 0 || next_free + file->size > AREA_END) {
        debugf("no room for %s (%u bytes)\n", file->name, file->size);
        return;
    }
    u32 rom = next_free;
    fw_cfg_read_linear(file, rom, file->size);
    if (rom_size(rom) == 0) {
        debugf("%s is no option ROM\n", file->name);
        return;
    }
    if (!checksum_ok(rom, rom_size(rom))) debugf("%s: wrong checksum, used all the same\n", file->name);
    u32 size = run_rom(rom, 0xFFFF, name);
    if (size > file->size) size = (file->size + 511) & ~511u;
    if (size != 0) keep(rom, size);
}

static void load_fw_cfg_roms(const char* folder) {
    struct FwFile file;
    for (u32 i = 0; fw_cfg_find_in(folder, i, &file); i++) load_fw_cfg_rom(&file, file.name);
}

// Copies the PC-AT image of a device's expansion ROM to the next free place.
static u32 copy_pci_rom(u16 bdf) {
    u8 reg = 0x30;
    u32 bar = pci_read32(bdf, reg) & 0xFFFFF800;
    if (bar == 0) return 0;
    pci_write32(bdf, reg, bar | 1);
    u32 at = bar, size = 0, rom = next_free;
    for (u32 images = 0; images < 8; images++) {
        u8 header[32], data[24];
        flat_copy(own_linear(header), at, sizeof header);
        if (header[0] != 0x55 || header[1] != 0xAA) break;
        u32 pcir = header[0x18] | (u32)header[0x19] << 8;
        flat_copy(own_linear(data), at + pcir, sizeof data);
        if (memcmp(data, "PCIR", 4) != 0) break;
        u32 length = (data[0x10] | (u32)data[0x11] << 8) * 512;
        if (data[0x14] == 0) {
            if (rom + length <= AREA_END && length != 0) {
                flat_copy(rom, at, length);
                size = length;
            } else {
                debugf("no room for the ROM of %04x (%u bytes)\n", bdf, length);
            }
            break;
        }
        if ((data[0x15] & 0x80) != 0 || length == 0) break;
        at += length;
    }
    pci_write32(bdf, reg, bar);
    return size;
}

static void load_pci_roms(bool_t display) {
    for (u32 b = PCI_FIRST; pci_next(&b);) {
        u16 bdf = (u16)b;
        if ((pci_read8(bdf, 0x0E) & 0x7F) != 0) continue;
        if ((pci_read8(bdf, 0x0B) == 3) != display) continue;
        if (display && next_free != AREA) return;  // one display is enough
        u32 rom = next_free;
        if (copy_pci_rom(bdf) == 0) continue;
        u32 size = run_rom(rom, bdf, "PCI device");
        if (size != 0) keep(rom, size);
    }
}

static u32 mapped[16];
static u32 mapped_count;

// ROMs on the ISA bus show while the shadow is off; they move into it, the rest of the area reads as free.
static void take_mapped_roms(void) {
    shadow_off(AREA, MAPPED_END - AREA);
    for (u32 at = AREA; at < MAPPED_END && mapped_count < ARRAY_LEN(mapped);) {
        u32 size = rom_size(at);
        if (size != 0 && at + size <= MAPPED_END && checksum_ok(at, size)) {
            mapped[mapped_count++] = at;
            at = (at + size + STEP - 1) & ~(u32)(STEP - 1);
        } else {
            at += STEP;
        }
    }
    if (!pci_has_chipset()) return;
    u32 sizes[ARRAY_LEN(mapped)];
    for (u32 i = 0; i < mapped_count; i++) {
        sizes[i] = rom_size(mapped[i]);
        for (u32 done = 0; done < sizes[i]; done += STEP) {
            far_copy(BOUNCE + (mapped[i] - AREA) + done, mapped[i] + done, STEP);
        }
    }
    shadow_rw(AREA, MAPPED_END - AREA);
    for (u32 at = AREA; at < AREA_END; at += 0x4000) far_fill(at, 0xFF, 0x4000);
    for (u32 i = 0; i < mapped_count; i++) {
        for (u32 done = 0; done < sizes[i]; done += STEP) {
            far_copy(mapped[i] + done, BOUNCE + (mapped[i] - AREA) + done, STEP);
        }
    }
}

void rom_video(void) {
    take_mapped_roms();
    if (mapped_count != 0 && mapped[0] == AREA) keep(AREA, run_rom(AREA, 0xFFFF, "display"));
    if (next_free == AREA) load_fw_cfg_roms("vgaroms/");
    if (next_free == AREA) load_pci_roms(1);
    struct CallRegs mode = {.eax = 0x0003};  // the ROM's initialisation leaves the display dark
    call_interrupt(&mode, 0x10);
    // Programs of the CGA's time draw with the 8x8 font at F000:FA6E; the display ROM has one.
    struct CallRegs font = {.eax = 0x1130, .ebx = 0x0300};
    call_interrupt(&font, 0x10);
    if (font.es != 0) far_copy(0xFFA6E, to_linear(font.es, (u16)font.ebp), 128 * 8);
}

void rom_scan(void) {
    if (next_free < 0xC8000) next_free = 0xC8000;
    for (u32 i = 0; i < mapped_count; i++) {
        if (mapped[i] < 0xC8000) continue;
        u32 size = run_rom(mapped[i], 0xFFFF, "ISA ROM");
        if (size != 0) keep(mapped[i], size);
    }
    load_pci_roms(0);
    load_fw_cfg_roms("genroms/");
    // What is left over goes back to the bus, where memory managers find it empty.
    u32 used = (next_free + 0x3FFF) & ~0x3FFFu;
    shadow_ro(AREA, (used < MAPPED_END ? used : MAPPED_END) - AREA);
    if (used < MAPPED_END) shadow_off(used, MAPPED_END - used);
}

// Boot connection vectors: controllers that add INT 13h drives.
void rom_run_bcvs(void) {
    for (u32 i = 0; i < entry_count; i++) {
        const struct BootEntry* e = &entries[i];
        if (e->bcv == 0) continue;
        struct CallRegs r = {.eax = e->bdf == 0xFFFF ? 0 : e->bdf,
                             .ebx = 0xFFFF,
                             .edx = 0xFFFF,
                             .edi = (u32)pnp_header - F_SEG_OFFSET,
                             .es = 0xF000};
        call_far(&r, e->seg, e->bcv);
    }
}
