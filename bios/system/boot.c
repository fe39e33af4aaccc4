// INT 19h and 18h: the boot order, boot sectors, the boot menu, and what is said when nothing boots.
// IBM PS/2 BIOS Interface, "Interrupt 19h"; Compaq/Phoenix/Intel, "BIOS Boot Specification" 1.01.
#include "bios.h"

enum Kind { NONE, FLOPPY, DISK, CD, ROM };

struct Choice {
    u8 kind, index;
};

static struct Choice order[16];
static u32 order_count;
static u32 next_choice;
static const char* failures[16];
static char order_text[1024];

static bool_t listed(u8 kind, u8 index) {
    for (u32 i = 0; i < order_count; i++) {
        if (order[i].kind == kind && order[i].index == index) return 1;
    }
    return 0;
}

static void add(u8 kind, u32 index) {
    if (order_count < ARRAY_LEN(order) && !listed(kind, (u8)index)) {
        order[order_count++] = (struct Choice){kind, (u8)index};
    }
}

static const char* find(const char* line, const char* what) {
    for (; *line != '\0'; line++) {
        if (string_starts(line, what)) return line + string_length(what);
    }
    return 0;
}

static u32 hex(const char** s) {
    u32 v = 0;
    for (;; (*s)++) {
        u8 c = (u8) * *s | 0x20;
        if (c >= '0' && c <= '9')
            v = v * 16 + c - '0';
        else if (c >= 'a' && c <= 'f')
            v = v * 16 + c - 'a' + 10;
        else
            return v;
    }
}

// One line of the emulator's boot order: an Open Firmware style device path.
static void add_path(const char* line) {
    const char* at = find(line, "/rom@");
    if (at != 0) {
        for (u32 i = 0; i < rom_boot_count(); i++) {
            const struct BootEntry* e = rom_boot_entry(i);
            if (e->bev != 0 && memcmp(e->file, at, string_length(at) + 1) == 0) add(ROM, i);
        }
        return;
    }
    at = find(line, "/floppy@");
    if (at != 0) {
        add(FLOPPY, hex(&at));
        return;
    }
    at = find(line, "/drive@");
    if (at != 0) {
        u32 channel = hex(&at), unit = 0;
        at = find(at, "/disk@");
        if (at != 0) unit = hex(&at);
        for (u32 i = 0; i < disk_count(); i++) {
            if (disk_drive(i)->channel == channel && disk_drive(i)->slave == unit) {
                bool_t first = 1;  // the first disk in the order becomes 80h
                for (u32 o = 0; o < order_count; o++) first &= order[o].kind != DISK;
                if (first) disk_move_first(i);
                add(DISK, first ? 0 : i);
            }
        }
        for (u32 i = 0; i < cd_count(); i++) {
            if (cd_drive(i)->channel == channel && cd_drive(i)->slave == unit) add(CD, i);
        }
        return;
    }
    at = find(line, "/pci@i0cf8/");
    if (at != 0 && (at = find(at, "@")) != 0) {
        u32 slot = hex(&at), function = 0;
        if (*at == ',') {
            at++;
            function = hex(&at);
        }
        for (u32 i = 0; i < rom_boot_count(); i++) {
            const struct BootEntry* e = rom_boot_entry(i);
            if (e->bev != 0 && e->bdf == (slot << 3 | function)) add(ROM, i);
        }
    }
}

static void add_cmos(u8 code) {
    switch (code) {
        case 1:
            if (floppy_count() != 0) add(FLOPPY, 0);
            break;
        case 2:
            if (BDA->disk_count != 0) add(DISK, 0);
            break;
        case 3:
            for (u32 i = 0; i < cd_count(); i++) add(CD, i);
            break;
        case 4:
            for (u32 i = 0; i < rom_boot_count(); i++) {
                if (rom_boot_entry(i)->bev != 0) add(ROM, i);
            }
            break;
        default: break;
    }
}

void boot_setup(void) {
    struct FwFile file;
    if (fw_cfg_find("bootorder", &file)) {
        u32 n = file.size < sizeof order_text - 1 ? file.size : sizeof order_text - 1;
        fw_cfg_read(&file, order_text, n);
        order_text[n] = '\0';
        for (char *line = order_text, *p = order_text;; p++) {
            bool_t end = *p == '\0';
            if (!end && *p != '\n') continue;
            *p = '\0';
            if (*line != '\0') add_path(line);
            if (end) break;
            line = p + 1;
        }
    }
    u8 first = cmos_read(0x3D), third = cmos_read(0x38) >> 4;
    if (first == 0 && third == 0) {
        first = 0x21;
        third = 3;
    }
    add_cmos(first & 15);
    add_cmos(first >> 4);
    add_cmos(third);
    edd_setup();
}

static void show_name(struct Choice c) {
    switch (c.kind) {
        case FLOPPY: screenf("floppy %u", c.index); break;
        case DISK: screenf("hard disk %u", c.index); break;
        case CD: screenf("CD-ROM %u", c.index); break;
        case ROM: screenf("%s", rom_boot_entry(c.index)->name); break;
        default: break;
    }
}

static const char* disk_error(u8 status) {
    switch (status) {
        case 0x31: return "no medium";
        case 0x80: return "no medium or no answer";
        case 0xAA: return "drive not ready";
        case 0x01: return "no such drive";
        default: return "boot sector not readable";
    }
}

// What the AT's INT 19h takes for no boot sector: a first byte below 6, or nine equal words, as formatting leaves them.
static bool_t looks_empty(void) {
    u16 first = far_read16(0x7C0, 0);
    if ((u8)first < 6) return 1;
    for (u16 i = 1; i <= 8; i++)
        if (far_read16(0x7C0, (u16)(i * 2)) != first) return 0;
    return 1;
}

static const char* boot_sector(u8 drive) {
    u8 status = 0xFF;
    for (u32 tries = 0; tries < 4 && status != 0; tries++) {
        struct CallRegs r = {.eax = 0x0201, .ebx = 0x7C00, .ecx = 0x0001, .edx = drive};
        call_interrupt(&r, 0x13);
        status = (r.flags & FLAG_CF) != 0 ? (u8)(r.eax >> 8) : 0;
        if (status == 0x80 || status == 0x01) break;
        if (status != 0) {
            r.eax = 0;
            r.edx = drive;
            call_interrupt(&r, 0x13);
        }
    }
    if (status != 0) return disk_error(status);
    bool_t check = drive >= 0x80 || (cmos_read(0x38) & 1) == 0;
    if (check && far_read16(0x7C0, 510) != 0xAA55) return "no 55AA signature";
    if (!check && looks_empty()) return "empty boot sector";
    jump_to(0, 0x7C00, drive);
}

static const char* try_choice(struct Choice c) {
    u16 seg;
    u8 drive;
    switch (c.kind) {
        case FLOPPY: return boot_sector(c.index);
        case DISK: return boot_sector((u8)(0x80 + c.index));
        case CD: {
            const char* why_not = eltorito_boot(c.index, &seg, &drive);
            if (why_not != 0) return why_not;
            if (emulation.media == 0) jump_to(seg, 0, drive);
            // Boot sectors of emulated drives expect 0:7C00.
            if (seg == 0x07C0) jump_to(0, 0x7C00, drive);
            jump_to(seg, 0, drive);
        }
        case ROM: jump_to_rom(rom_boot_entry(c.index)->seg, rom_boot_entry(c.index)->bev);
        default: return "not bootable";
    }
}

static void wait_for_key(u16* key) {
    while (!keyboard_poll(key)) wait_for_interrupt();
}

static void boot_from(u32 first) __attribute__((noreturn));
static void boot_from(u32 first) {
    for (u32 i = first; i < order_count; i++) {
        next_choice = i + 1;
        failures[i] = "returned without booting";
        screenf("Booting from ");
        show_name(order[i]);
        screenf("...\n");
        failures[i] = try_choice(order[i]);
        screenf("  %s\n", failures[i]);
    }
    screenf("\nNo bootable device found");
    for (u32 i = 0; i < order_count; i++) {
        screenf(i == 0 ? ": " : "; ");
        show_name(order[i]);
        screenf(": %s", failures[i]);
    }
    screenf(".\nPress a key to try again.\n");
    u16 key;
    wait_for_key(&key);
    boot_from(0);
}

// INT 19h and INT 18h arrive here on an empty stack.
void boot_again(void) __attribute__((noreturn));
void boot_again(void) { boot_from(next_choice = 0); }
void boot_next(void) __attribute__((noreturn));
void boot_next(void) {
    screenf("\n");
    boot_from(next_choice);
}

static void boot_menu(void) {
    screenf("\nBoot from:\n");
    for (u32 i = 0; i < order_count && i < 9; i++) {
        screenf("  %u  ", i + 1);
        show_name(order[i]);
        screenf("\n");
    }
    for (;;) {
        u16 key;
        wait_for_key(&key);
        u32 n = (u32)(key & 0xFF) - '1';
        if ((key & 0xFF) == 27) return;
        if (n >= order_count || n >= 9) continue;
        struct Choice chosen = order[n];
        for (; n != 0; n--) order[n] = order[n - 1];
        order[0] = chosen;
        return;
    }
}

void boot_menu_wait(void) {
    struct FwFile file;
    u16 milliseconds = 0;
    if (!fw_cfg_find("etc/boot-menu-wait", &file) || file.size < 2) return;
    fw_cfg_read(&file, &milliseconds, 2);
    if (milliseconds == 0) return;
    screenf("F12: boot menu\n");
    struct Deadline d;
    deadline_start(&d, milliseconds * 1000u);
    while (!deadline_passed(&d)) {
        u16 key;
        wait_for_interrupt();
        if (keyboard_poll(&key) && key == 0x8600) {
            boot_menu();
            return;
        }
    }
}
