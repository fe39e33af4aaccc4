// Shared declarations of the system BIOS: register frame, far memory, ports, BIOS data area, entry points.
// IBM PC/AT Technical Reference, "ROM BIOS and System Usage"; Phoenix, "System BIOS for IBM PCs".
#pragma once

#include "layout.h"

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef signed char s8;
typedef short s16;
typedef int s32;
typedef int bool_t;

#define PACKED       __attribute__((packed))
#define UNUSED       __attribute__((unused))
#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

// The caller's registers as the interrupt entry in entry.S lays them out; a handler changes them in place.
struct Regs {
    union {
        struct {
            u32 edi, esi, ebp, unused_esp, ebx, edx, ecx, eax;
        };
        struct {
            u16 di, di_hi, si, si_hi, bp, bp_hi, unused_sp[2], bx, bx_hi, dx, dx_hi, cx, cx_hi, ax, ax_hi;
        };
        struct {
            u32 unused_index[4];
            u8 bl, bh, unused_b[2], dl, dh, unused_d[2], cl, ch, unused_c[2], al, ah, unused_a[2];
        };
    };
    u16 ds, es, fs, gs;
    u16 ip, cs, flags, unused_flags;
    u32 handler;
    u32 caller_esp;
    u16 caller_ss, unused_ss;
};
_Static_assert(sizeof(struct Regs) == 60, "entry.S knows this layout");

enum { FLAG_CF = 0x0001, FLAG_ZF = 0x0040, FLAG_IF = 0x0200 };

// A handler's return value: finished, or wait for an interrupt on the caller's stack and call it again.
enum { DONE = 0, WAIT_AND_RETRY = 1 };

static inline void set_cf(struct Regs* r, bool_t on) {
    r->flags = (u16)((r->flags & ~FLAG_CF) | (on ? FLAG_CF : 0));
}
static inline void set_zf(struct Regs* r, bool_t on) {
    r->flags = (u16)((r->flags & ~FLAG_ZF) | (on ? FLAG_ZF : 0));
}

// ---- ports
// ----------------------------------------------------------------------------------------------------
static inline void outb(u16 port, u8 v) { __asm__ volatile("outb %0,%w1" ::"a"(v), "Nd"(port)); }
static inline void outw(u16 port, u16 v) { __asm__ volatile("outw %0,%w1" ::"a"(v), "Nd"(port)); }
static inline void outl(u16 port, u32 v) { __asm__ volatile("outl %0,%w1" ::"a"(v), "Nd"(port)); }
static inline u8 inb(u16 port) {
    u8 v;
    __asm__ volatile("inb %w1,%0" : "=a"(v) : "Nd"(port));
    return v;
}
static inline u16 inw(u16 port) {
    u16 v;
    __asm__ volatile("inw %w1,%0" : "=a"(v) : "Nd"(port));
    return v;
}
static inline u32 inl(u16 port) {
    u32 v;
    __asm__ volatile("inl %w1,%0" : "=a"(v) : "Nd"(port));
    return v;
}
static inline void io_delay(void) { outb(0x80, 0); }

// ---- memory outside our segment
// ------------------------------------------------------------------------------- FS is scratch; the offset
// must stay below 64 KB.
static inline u8 far_read8(u16 seg, u16 off) {
    u8 v;
    __asm__ volatile("movw %w1,%%fs\n\tmovb %%fs:(%2),%0" : "=q"(v) : "r"(seg), "r"((u32)off) : "memory");
    return v;
}
static inline u16 far_read16(u16 seg, u16 off) {
    u16 v;
    __asm__ volatile("movw %w1,%%fs\n\tmovw %%fs:(%2),%0" : "=r"(v) : "r"(seg), "r"((u32)off) : "memory");
    return v;
}
static inline u32 far_read32(u16 seg, u16 off) {
    u32 v;
    __asm__ volatile("movw %w1,%%fs\n\tmovl %%fs:(%2),%0" : "=r"(v) : "r"(seg), "r"((u32)off) : "memory");
    return v;
}
static inline void far_write8(u16 seg, u16 off, u8 v) {
    __asm__ volatile("movw %w0,%%fs\n\tmovb %2,%%fs:(%1)" ::"r"(seg), "r"((u32)off), "q"(v) : "memory");
}
static inline void far_write16(u16 seg, u16 off, u16 v) {
    __asm__ volatile("movw %w0,%%fs\n\tmovw %2,%%fs:(%1)" ::"r"(seg), "r"((u32)off), "r"(v) : "memory");
}
static inline void far_write32(u16 seg, u16 off, u32 v) {
    __asm__ volatile("movw %w0,%%fs\n\tmovl %2,%%fs:(%1)" ::"r"(seg), "r"((u32)off), "r"(v) : "memory");
}
// Linear addresses up to 10FFEF as segment and offset, the offset as small as possible.
static inline u16 linear_seg(u32 linear) { return linear >= 0xFFFF0 ? 0xFFFF : (u16)(linear >> 4); }
static inline u16 linear_off(u32 linear) { return (u16)(linear - ((u32)linear_seg(linear) << 4)); }
static inline u32 to_linear(u16 seg, u16 off) { return ((u32)seg << 4) + off; }
static inline u32 own_linear(const void* p) { return BIOS_LINEAR + (u32)p; }
// Copies of up to 64 KB between any addresses that real mode reaches.
void far_copy(u32 dst, u32 src, u32 bytes);
void far_fill(u32 dst, u8 value, u32 bytes);
static inline void far_get(void* dst, u32 src, u32 bytes) { far_copy(own_linear(dst), src, bytes); }
static inline void far_put(u32 dst, const void* src, u32 bytes) { far_copy(dst, own_linear(src), bytes); }
// Any physical addresses, through protected mode: POST and INT 15h AH=87h only.
void flat_copy(u32 dst, u32 src, u32 bytes);

void* memcpy(void* dst, const void* src, u32 n);
void* memmove(void* dst, const void* src, u32 n);
void* memset(void* dst, int c, u32 n);
int memcmp(const void* a, const void* b, u32 n);
u32 string_length(const char* s);
bool_t string_starts(const char* s, const char* prefix);
u8 byte_sum(const void* p, u32 n);

// ---- BIOS data area, reached through GS = 0040
// ----------------------------------------------------------------
struct Bda {
    u16 com[4];                 // 00
    u16 lpt[3];                 // 08
    u16 ebda_seg;               // 0E
    u16 equipment;              // 10
    u8 mfg_test;                // 12
    u16 memory_kb;              // 13
    u16 unused_15;              // 15
    u8 kbd_flags0;              // 17
    u8 kbd_flags1;              // 18
    u8 alt_keypad;              // 19
    u16 kbd_head;               // 1A
    u16 kbd_tail;               // 1C
    u16 kbd_buffer[16];         // 1E
    u8 floppy_recal;            // 3E
    u8 floppy_motor;            // 3F
    u8 floppy_motor_count;      // 40
    u8 floppy_status;           // 41
    u8 floppy_result[7];        // 42
    u8 video[30];               // 49
    u32 resume;                 // 67
    u8 last_irq;                // 6B
    u32 ticks;                  // 6C
    u8 midnight;                // 70
    u8 break_flag;              // 71
    u16 reset_flag;             // 72
    u8 disk_status;             // 74
    u8 disk_count;              // 75
    u8 disk_control;            // 76
    u8 disk_port;               // 77
    u8 lpt_timeout[4];          // 78
    u8 com_timeout[4];          // 7C
    u16 kbd_start;              // 80
    u16 kbd_end;                // 82
    u8 video2[7];               // 84
    u8 floppy_rate;             // 8B
    u8 disk_controller_status;  // 8C
    u8 disk_error;              // 8D
    u8 disk_irq;                // 8E
    u8 floppy_controller;       // 8F
    u8 floppy_media[2];         // 90
    u8 floppy_media_start[2];   // 92
    u8 floppy_track[2];         // 94
    u8 kbd_flags2;              // 96
    u8 kbd_leds;                // 97
    u32 wait_pointer;           // 98
    u32 wait_count;             // 9C
    u8 wait_active;             // A0
} PACKED;
_Static_assert(__builtin_offsetof(struct Bda, wait_active) == 0xA0, "BIOS data area layout");
#define BDA ((volatile struct Bda __seg_gs*)0)

// ---- CMOS
// ----------------------------------------------------------------------------------------------------
u8 cmos_read(u8 index);
void cmos_write(u8 index, u8 value);

// ---- console (console.c)
// ---------------------------------------------------------------------------------------
void debugf(const char* format, ...) __attribute__((format(printf, 1, 2)));
void screenf(const char* format, ...) __attribute__((format(printf, 1, 2)));

// ---- interrupts and time (entry.S, call_out.S, far_memory.S, timer.c)
// ---------------------------------------------------------------------
struct CallRegs {
    u32 eax, ebx, ecx, edx, esi, edi, ebp;
    u16 ds, es, flags, unused_flags;
};
void call_interrupt(struct CallRegs* regs, u8 vector);
void call_far(struct CallRegs* regs, u16 seg, u16 off);
void call_mouse_handler(u16 seg, u16 off, u16 status, u16 x, u16 y);
void yield(void);  // lets pending interrupts in
void wait_for_interrupt(void);
u32 read_eflags(void);

struct Deadline {
    u32 last, left;
};
void deadline_start(struct Deadline* d, u32 microseconds);
bool_t deadline_passed(struct Deadline* d);
void delay_us(u32 microseconds);
void timer_use_pm(void);

// ---- POST parts
// -------------------------------------------------------------------------------------------------
void set_vector(u8 vector, u16 seg, u16 off);
static inline u32 get_vector(u8 vector) { return far_read32(0, (u16)(vector * 4)); }

// pci.c, pci_bios.c
u32 pci_read32(u16 bdf, u8 reg);
u16 pci_read16(u16 bdf, u8 reg);
u8 pci_read8(u16 bdf, u8 reg);
void pci_write32(u16 bdf, u8 reg, u32 v);
void pci_write16(u16 bdf, u8 reg, u16 v);
void pci_write8(u16 bdf, u8 reg, u8 v);
bool_t pci_next(u32* bdf);  // start with *bdf = PCI_FIRST
#define PCI_FIRST 0xFFFFFFFFu
void pci_setup(u32 top_of_ram);
u8 pci_last_bus(void);
bool_t pci_has_chipset(void);
void shadow_rw(u32 linear, u32 bytes);
void shadow_ro(u32 linear, u32 bytes);
void shadow_off(u32 linear, u32 bytes);
int pci_bios_call(struct Regs* r);

// processor.c
bool_t has_cpuid(void);
void cpuid(u32 leaf, u32 out[4]);
bool_t has_local_apic(void);
void processor_setup(void);
void processor_setup_memory_types(void);
void apic_write(u32 reg, u32 v);

// smp.c
void smp_setup(void);
u32 processor_count(void);

// madt.c, mp_table.c
u8 io_apic_id(void);
void io_apic_setup(void);
void mp_table_setup(void);

// fw_cfg.c
void fw_cfg_probe(void);
struct FwFile {
    u32 size;
    u16 select;
    char name[56];
};
bool_t fw_cfg_find(const char* name, struct FwFile* file);
bool_t fw_cfg_find_in(const char* folder, u32 index, struct FwFile* file);
void fw_cfg_read(const struct FwFile* file, void* dst, u32 bytes);
void fw_cfg_read_linear(const struct FwFile* file, u32 dst, u32 bytes);

// memory_map.c
void memory_setup(void);
u32 memory_top_low(void);      // first byte above RAM below 4 GB, reserved parts included
u32 memory_reserve_top(void);  // base of the ACPI area, 0 when there is none
u64 memory_total(void);
int memory_call(struct Regs* r);  // INT 15h E820, E801, E881, 88h

// ps2.c, keyboard.c, mouse.c
void ps2_setup(void);
bool_t ps2_keyboard_command(u8 command, const u8* argument);
bool_t ps2_aux(u8 byte, u8* answer, u32 answers);
bool_t ps2_mouse_present(void);
void ps2_aux_irq(bool_t on);
void a20_set(bool_t on);
bool_t a20_get(void);
void keyboard_update_leds(void);
int mouse_call(struct Regs* r);
void keyboard_reset_state(void);
bool_t keyboard_poll(u16* key);

// system.c: AH and CF of an INT 15h function
int system_finish(struct Regs* r, u8 status);

// serial.c, clock.c
void serial_setup(void);
void clock_setup(void);

// floppy.c
void floppy_setup(void);
int floppy_call(struct Regs* r);
u32 floppy_count(void);

// ata.c
struct Drive {
    u8 present, atapi, slave, lba48;
    u8 channel, irq, multiple, dma;
    u16 io, control, bus_master;
    u16 phys_cylinders, phys_heads, phys_sectors;
    u16 cylinders, heads, sectors;  // as INT 13h shows them
    u8 translation;                 // 0 none, 1 LBA assisted, 2 from the partition table
    u8 no_lba;
    u64 blocks;
    char model[41];
};
void ata_setup(void);
struct Drive* disk_drive(u32 index);
struct Drive* cd_drive(u32 index);
u32 disk_count(void);
void disk_move_first(u32 index);
u32 cd_count(void);
int ata_transfer(struct Drive* d, bool_t write, u64 lba, u32 count,
                 u32 buffer);  // count <= 128, INT 13h status
int ata_verify(struct Drive* d, u64 lba, u32 count);
int ata_simple(struct Drive* d, u8 command, u8 features);
int ata_reset(struct Drive* d);
int cd_read(struct Drive* d, u32 lba, u32 count, u32 buffer);
int cd_packet(struct Drive* d, const u8* packet, u32 buffer, u32 bytes);
int cd_ready(struct Drive* d);

// disk.c, edd.c, eltorito.c
int disk_finish(struct Regs* r, u8 status);
int disk_linear_call(struct Regs* r, struct Drive* d, bool_t cd);
void edd_setup(void);
struct Emulation {
    u8 active, media, drive, controller_index;  // media: 0 none, 1-3 floppy, 4 disk
    u8 cd, unused_pad;
    u16 device_spec, buffer_seg, load_seg, load_count;
    u32 image, catalog;
    u16 cylinders;
    u8 heads, sectors;
};
extern struct Emulation emulation;
int emulation_call(struct Regs* r);
int eltorito_call(struct Regs* r);
const char* eltorito_boot(u32 cd, u16* seg, u8* boot_drive);  // null, or why not
bool_t emulation_owns(u8 drive);

// rom.c
void rom_video(void);
void rom_scan(void);
struct BootEntry {
    u16 seg, bev, bcv, bdf;  // bdf: FFFF when it is no PCI device's
    char name[40];
    char file[56];  // its name in fw_cfg, if it came from there
};
u32 rom_boot_count(void);
const struct BootEntry* rom_boot_entry(u32 index);
void rom_run_bcvs(void);

// tables
void acpi_setup(void);
void smbios_setup(void);
void pir_setup(void);

// boot.c
void boot_setup(void);
void boot_menu_wait(void);
void boot(void) __attribute__((noreturn));
void jump_to(u16 seg, u16 off, u16 dx) __attribute__((noreturn));
void jump_to_rom(u16 seg, u16 off) __attribute__((noreturn));

static inline u16 be16(u16 v) { return (u16)(v << 8 | v >> 8); }
static inline u32 be32(u32 v) { return __builtin_bswap32(v); }
