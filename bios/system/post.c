// Power-on self test: from shadow RAM with a stack to the first INT 19h.
// IBM PC/AT Technical Reference, "POST"; Intel 8259A, 8237A and 8254 datasheets.
#include "bios.h"
#include "version.h"

extern const u8 nmi_entry[], no_video[], video_parameters[], diskette_parameters[];
extern const u8 entry_18[], entry_70[], entry_71[], entry_74[], entry_75[], entry_76[];
extern const u8 entry_stray_master[], entry_stray_slave[];

void set_vector(u8 vector, u16 seg, u16 off) { far_write32(0, (u16)(vector * 4), (u32)seg << 16 | off); }

static void set_f_vector(u8 vector, const void* link_address) {
    set_vector(vector, 0xF000, (u16)((u32)link_address - F_SEG_OFFSET));
}

static void setup_vectors(void) {
    for (u32 v = 0; v < 0x78; v++) set_vector((u8)v, 0xF000, 0xFF53);
    far_fill(0x78 * 4, 0, 0x400 - 0x78 * 4);
    set_f_vector(0x02, nmi_entry);
    set_vector(0x05, 0xF000, 0xFF54);
    set_vector(0x08, 0xF000, 0xFEA5);
    set_vector(0x09, 0xF000, 0xE987);
    for (u8 v = 0x0A; v <= 0x0F; v++) set_f_vector(v, entry_stray_master);
    set_vector(0x0E, 0xF000, 0xEF57);
    set_f_vector(0x10, no_video);
    set_vector(0x11, 0xF000, 0xF84D);
    set_vector(0x12, 0xF000, 0xF841);
    set_vector(0x13, 0xF000, 0xE3FE);
    set_vector(0x14, 0xF000, 0xE739);
    set_vector(0x15, 0xF000, 0xF859);
    set_vector(0x16, 0xF000, 0xE82E);
    set_vector(0x17, 0xF000, 0xEFD2);
    set_f_vector(0x18, entry_18);
    set_vector(0x19, 0xF000, 0xE6F2);
    set_vector(0x1A, 0xF000, 0xFE6E);
    set_f_vector(0x1D, video_parameters);
    set_f_vector(0x1E, diskette_parameters);
    set_vector(0x1F, 0, 0);
    set_vector(0x40, 0xF000, 0xEC59);
    set_vector(0x41, 0, 0);
    set_vector(0x46, 0, 0);
    for (u8 v = 0x60; v < 0x68; v++) set_vector(v, 0, 0);  // for users
    for (u8 v = 0x70; v < 0x78; v++) set_f_vector(v, entry_stray_slave);
    set_f_vector(0x70, entry_70);
    set_f_vector(0x71, entry_71);
    set_f_vector(0x74, entry_74);
    set_f_vector(0x75, entry_75);
    set_f_vector(0x76, entry_76);
    set_f_vector(0x77, entry_76);
}

static void setup_data_area(void) {
    u16 warm = far_read16(BDA_SEG, 0x72);
    far_fill(0x400, 0, 0x100);
    far_fill(0x500, 0, 0x100);
    BDA->reset_flag = warm == 0x1234 || warm == 0x4321 ? warm : 0;
    BDA->memory_kb = BASE_MEMORY_KB - EBDA_KB;
    BDA->ebda_seg = (BASE_MEMORY_KB - EBDA_KB) * 64;
    far_fill((u32)BDA->ebda_seg << 4, 0, EBDA_KB * 1024);
    far_write8(BDA->ebda_seg, 0, EBDA_KB);
    BDA->equipment =
        0x0002 | 0x0020;  // coprocessor (there is none without one on PCI machines), 80x25 colour
    keyboard_reset_state();
}

static void setup_interrupt_controllers(void) {
    outb(0x20, 0x11);
    outb(0x21, 0x08);
    outb(0x21, 0x04);
    outb(0x21, 0x01);
    outb(0xA0, 0x11);
    outb(0xA1, 0x70);
    outb(0xA1, 0x02);
    outb(0xA1, 0x01);
    outb(0x21, 0xB8);  // timer, keyboard, cascade, floppy
    outb(0xA1, 0x8E);  // RTC, mouse, coprocessor, both disk channels
}

static void setup_dma(void) {
    outb(0x0D, 0);  // master clear
    outb(0xDA, 0);
    outb(0xD6, 0xC0);  // channel 4 cascades the first controller
    outb(0xD4, 0x00);
}

static void show_banner(void) {
    u32 mb = (u32)(memory_total() >> 20);
    screenf(BIOS_NAME " " BIOS_VERSION " (" BIOS_DATE_LONG "), %u MB\n", mb);
}

void start_post(void) __attribute__((noreturn));
void start_post(void) {
    outb(0x80, 0x01);
    cmos_write(0x0F, 0);
    setup_vectors();
    setup_data_area();
    setup_interrupt_controllers();
    setup_dma();
    a20_set(1);
    debugf(BIOS_NAME " " BIOS_VERSION "\n");
    fw_cfg_probe();
    memory_setup();
    processor_setup();
    outb(0x80, 0x02);
    pci_setup(memory_top_low());
    clock_setup();
    smp_setup();
    io_apic_setup();
    outb(0x80, 0x03);
    ps2_setup();
    serial_setup();
    outb(0x80, 0x04);
    rom_video();
    show_banner();
    outb(0x80, 0x05);
    floppy_setup();
    ata_setup();
    edd_setup();
    outb(0x80, 0x06);
    pir_setup();
    mp_table_setup();
    smbios_setup();
    acpi_setup();
    outb(0x80, 0x07);
    rom_scan();
    rom_run_bcvs();
    boot_setup();
    boot_menu_wait();
    shadow_ro(0xF0000, 0x10000);
    shadow_ro(0xE0000, 0xC000);
    BDA->reset_flag = 0;
    outb(0x80, 0x00);
    __asm__ volatile("int $0x19");
    __builtin_unreachable();
}
