// Multiboot kernels: loads image and modules and builds the information that the kernel gets (Multiboot
// Specification 0.6.96, "Boot information format"; Multiboot2 Specification 2.0, "Boot information format"),
// and kernels with a PVH entry, which get the same in another shape.
#include "stage.h"

static const char loader_name[] = "Gnomon";

enum {
    SCREEN_ADDRESS = 0xB8000,
    BDA_COLUMNS = 0x44A,
    BDA_LAST_ROW = 0x484,
    FRAMEBUFFER_EGA_TEXT = 2,
    TEXT_BITS_PER_CELL = 16,
};

// The information grows from GNOMON_INFO_START towards the end of conventional memory.
static u32 info_end;

static u8* take(u32 size, u32 alignment) {
    u32 at = (info_end + alignment - 1) & ~(alignment - 1);
    if (at + size > conventional_kb << 10) fail("the Multiboot information does not fit below 640 KB", "");
    memset((u8*)info_end, 0, at + size - info_end);
    info_end = at + size;
    return (u8*)at;
}

static u32 module_start[GNOMON_MAX_MODULES];

// Modules go above the image; when that is full (the image may sit at the top), between 1 MB and the image.
static void load_modules(const struct GnomonBootPlan* plan, u32 delta) {
    struct FwFile file;
    u32 floor = plan->image_end + delta;
    u64 limit = 0x100000000ull;
    if (!plan->module_count) return;
    fw_cfg_need(GNOMON_BOOT_INITRD, &file);
    if (floor < 0x100000) floor = 0x100000;
    for (u32 i = 0; i < plan->module_count; ++i) {
        const struct GnomonBootModule* module = &modules(plan)[i];
        u32 size = module->size ? module->size : 1, at = find_low(size, 4096, floor, limit);
        if (!at && limit > plan->image_start + delta) {
            floor = 0x100000;
            limit = plan->image_start + delta;
            at = find_low(size, 4096, floor, limit);
        }
        if (!at) fail("the modules do not fit into the machine's memory", "");
        if (module->size) fw_cfg_read(&file, module->offset, (u8*)at, module->size);
        module_start[i] = at;
        floor = at + size;
    }
}

static u32 columns(void) { return *(volatile u16*)BDA_COLUMNS; }
static u32 rows(void) { return *(volatile u8*)BDA_LAST_ROW + 1u; }

static void copy_strings(const struct GnomonBootPlan* plan, u8* to) {
    struct FwFile strings;
    fw_cfg_need(GNOMON_BOOT_STRINGS, &strings);
    fw_cfg_read(&strings, 0, to, plan->strings_size);
}

static void copy_sections(const struct GnomonBootPlan* plan, u8* to) {
    struct FwFile sections;
    fw_cfg_need(GNOMON_BOOT_SECTIONS, &sections);
    fw_cfg_read(&sections, 0, to, plan->section_count * plan->section_entry_size);
}

// ---- Multiboot 1 ----

struct MultibootInfo {
    u32 flags, mem_lower, mem_upper, boot_device, cmdline, mods_count, mods_addr;
    u32 shdr_num, shdr_size, shdr_addr, shdr_shndx;
    u32 mmap_length, mmap_addr, drives_length, drives_addr, config_table, boot_loader_name, apm_table;
    u32 vbe_control_info, vbe_mode_info;
    u16 vbe_mode, vbe_interface_seg, vbe_interface_off, vbe_interface_len;
    u64 framebuffer_addr;
    u32 framebuffer_pitch, framebuffer_width, framebuffer_height;
    u8 framebuffer_bpp, framebuffer_type, color_info[6];
} __attribute__((packed));

struct MultibootModule {
    u32 mod_start, mod_end, string, reserved;
};

struct MultibootMemory {
    u32 size;
    u64 base_addr, length;
    u32 type;
} __attribute__((packed));

enum {
    INFO_MEMORY = 1 << 0,
    INFO_COMMAND_LINE = 1 << 2,
    INFO_MODULES = 1 << 3,
    INFO_ELF_SECTIONS = 1 << 5,
    INFO_MEMORY_MAP = 1 << 6,
    INFO_LOADER_NAME = 1 << 9,
    INFO_FRAMEBUFFER = 1 << 12,
};

void boot_multiboot1(struct GnomonBootPlan* plan) {
    info_end = GNOMON_INFO_START;
    load_segments(plan, 0);
    load_modules(plan, 0);

    struct MultibootInfo* info = (struct MultibootInfo*)take(sizeof *info, 16);
    u8* strings = take(plan->strings_size, 4);
    copy_strings(plan, strings);
    info->flags = INFO_MEMORY | INFO_COMMAND_LINE | INFO_MODULES | INFO_MEMORY_MAP | INFO_LOADER_NAME |
                  INFO_FRAMEBUFFER;
    info->mem_lower = conventional_kb;
    info->mem_upper = contiguous_kb_above_1mb();
    info->cmdline = (u32)strings;
    u8* name = take(sizeof loader_name, 4);
    memcpy(name, loader_name, sizeof loader_name);
    info->boot_loader_name = (u32)name;

    struct MultibootModule* list = (struct MultibootModule*)take(plan->module_count * sizeof *list, 4);
    info->mods_count = plan->module_count;
    info->mods_addr = (u32)list;
    for (u32 i = 0; i < plan->module_count; ++i) {
        list[i].mod_start = module_start[i];
        list[i].mod_end = module_start[i] + modules(plan)[i].size;
        list[i].string = (u32)strings + modules(plan)[i].string;
    }
    if (plan->flags & GNOMON_BOOT_ELF_SECTIONS) {
        u8* table = take(plan->section_count * plan->section_entry_size, 8);
        copy_sections(plan, table);
        info->flags |= INFO_ELF_SECTIONS;
        info->shdr_num = plan->section_count;
        info->shdr_size = plan->section_entry_size;
        info->shdr_addr = (u32)table;
        info->shdr_shndx = plan->section_names_index;
    }
    struct MultibootMemory* map = (struct MultibootMemory*)take(memory_map_size * sizeof *map, 8);
    info->mmap_addr = (u32)map;
    info->mmap_length = memory_map_size * sizeof *map;
    for (u32 i = 0; i < memory_map_size; ++i)
        map[i] = (struct MultibootMemory){sizeof *map - 4, memory_map[i].base, memory_map[i].size,
                                          memory_map[i].type};

    info->framebuffer_addr = SCREEN_ADDRESS;
    info->framebuffer_pitch = columns() * 2;
    info->framebuffer_width = columns();
    info->framebuffer_height = rows();
    info->framebuffer_bpp = TEXT_BITS_PER_CELL;
    info->framebuffer_type = FRAMEBUFFER_EGA_TEXT;
    enter_multiboot(plan->entry, 0x2BADB002, (u32)info);
}

// ---- Multiboot 2 ----

enum Tag {
    TAG_END = 0,
    TAG_COMMAND_LINE = 1,
    TAG_LOADER_NAME = 2,
    TAG_MODULE = 3,
    TAG_BASIC_MEMORY = 4,
    TAG_MEMORY_MAP = 6,
    TAG_FRAMEBUFFER = 8,
    TAG_ELF_SECTIONS = 9,
    TAG_ACPI_OLD = 14,
    TAG_ACPI_NEW = 15,
    TAG_LOAD_BASE = 21,
};

// A tag with size bytes after its type and size; they are zero yet.
static u32* tag(enum Tag type, u32 size) {
    u32* head = (u32*)take(8 + size, 8);
    head[0] = type;
    head[1] = 8 + size;
    return head + 2;
}

static void text_tag(enum Tag type, const char* text) {
    memcpy(tag(type, length(text) + 1), text, length(text) + 1);
}

static const u8* find_rsdp(u32 start, u32 end) {
    for (const u8* at = (const u8*)start; at + 20 <= (const u8*)end; at += 16) {
        const u32* words = (const u32*)at;
        u8 sum = 0;
        if (words[0] != 0x20445352 || words[1] != 0x20525450) continue;  // "RSD PTR "
        for (u32 i = 0; i < 20; ++i) sum += at[i];
        if (!sum) return at;
    }
    return 0;
}

static const u8* find_rsdp_anywhere(void) {
    u32 ebda = (u32) * (volatile u16*)0x40E << 4;
    const u8* rsdp = ebda >= 0x80000 ? find_rsdp(ebda, ebda + 1024) : 0;
    return rsdp ? rsdp : find_rsdp(0xE0000, 0x100000);
}

static void acpi_tags(void) {
    const u8* rsdp = find_rsdp_anywhere();
    if (!rsdp) return;
    memcpy(tag(TAG_ACPI_OLD, 20), rsdp, 20);
    u32 size = ((const u32*)rsdp)[5];
    if (rsdp[15] >= 2 && size >= 36 && size <= 256) memcpy(tag(TAG_ACPI_NEW, size), rsdp, size);
}

// Section headers that point into the image move with it: those of sections loaded by us are physical.
static void move_sections(u8* table, const struct GnomonBootPlan* plan, u32 delta) {
    enum { TYPE = 4, FLAGS_ALLOC = 2 };
    int wide = plan->section_entry_size >= 64;
    for (u32 i = 0; i < plan->section_count; ++i) {
        u8* header = table + i * plan->section_entry_size;
        u32* address = (u32*)(header + (wide ? 16 : 12));
        u32 in_file_only = !(*(u32*)(header + 8) & FLAGS_ALLOC);
        if (*address && (in_file_only || (*address >= plan->image_start && *address < plan->image_end)))
            *address += delta;
    }
}

// Chooses where a relocatable image goes; returns by how much that is off its link address.
static u32 place(const struct GnomonBootPlan* plan) {
    u32 size = plan->image_end - plan->image_start, at = plan->image_start;
    u64 limit = (u64)plan->relocate_maximum + 1;
    if (!(plan->flags & GNOMON_BOOT_RELOCATABLE)) return 0;
    int fits = at >= plan->relocate_minimum && (u64)at + size <= limit && is_ram(at, size) &&
               !(at & (plan->relocate_alignment - 1));
    if (plan->relocate_preference == GNOMON_PREFER_HIGHEST)
        at = find_high(size, plan->relocate_alignment, plan->relocate_minimum, limit);
    else if (plan->relocate_preference == GNOMON_PREFER_LOWEST || !fits)
        at = find_low(size, plan->relocate_alignment, plan->relocate_minimum, limit);
    if (!at) fail("the machine has no memory in the range that the kernel asks for", "");
    return at - plan->image_start;
}

void boot_multiboot2(struct GnomonBootPlan* plan) {
    static char strings[GNOMON_MAX_STRINGS];
    u32 delta = place(plan);
    info_end = GNOMON_INFO_START;
    load_segments(plan, delta);
    load_modules(plan, delta);
    copy_strings(plan, (u8*)strings);

    u32* head = (u32*)take(8, 8);
    text_tag(TAG_COMMAND_LINE, strings);
    text_tag(TAG_LOADER_NAME, loader_name);
    for (u32 i = 0; i < plan->module_count; ++i) {
        const char* text = strings + modules(plan)[i].string;
        u32* module = tag(TAG_MODULE, 8 + length(text) + 1);
        module[0] = module_start[i];
        module[1] = module_start[i] + modules(plan)[i].size;
        memcpy(module + 2, text, length(text) + 1);
    }
    u32* memory = tag(TAG_BASIC_MEMORY, 8);
    memory[0] = conventional_kb;
    memory[1] = contiguous_kb_above_1mb();
    u32* map = tag(TAG_MEMORY_MAP, 8 + memory_map_size * 24);
    map[0] = 24;  // entry size, version 0
    for (u32 i = 0; i < memory_map_size; ++i) memcpy(map + 2 + i * 6, &memory_map[i], 20);
    u32* screen = tag(TAG_FRAMEBUFFER, 24);
    screen[0] = SCREEN_ADDRESS;
    screen[2] = columns() * 2;
    screen[3] = columns();
    screen[4] = rows();
    screen[5] = TEXT_BITS_PER_CELL | FRAMEBUFFER_EGA_TEXT << 8;
    if (plan->flags & GNOMON_BOOT_ELF_SECTIONS) {
        u32* sections = tag(TAG_ELF_SECTIONS, 12 + plan->section_count * plan->section_entry_size);
        sections[0] = plan->section_count;
        sections[1] = plan->section_entry_size;
        sections[2] = plan->section_names_index;
        copy_sections(plan, (u8*)(sections + 3));
        move_sections((u8*)(sections + 3), plan, delta);
    }
    acpi_tags();
    if (plan->flags & GNOMON_BOOT_RELOCATABLE) *tag(TAG_LOAD_BASE, 4) = plan->image_start + delta;
    tag(TAG_END, 0);
    head[0] = info_end - (u32)head;
    enter_multiboot(plan->entry + delta, 0x36D76289, (u32)head);
}

// ---- PVH ----

// Xen's public header "arch-x86/hvm/start_info.h"; uncompressed Linux kernels and BSDs can be entered this
// way.
struct StartInfo {
    u32 magic, version, flags, nr_modules;
    u64 modlist_paddr, cmdline_paddr, rsdp_paddr, memmap_paddr;
    u32 memmap_entries, reserved;
};

struct StartModule {
    u64 paddr, size, cmdline_paddr, reserved;
};

struct StartMemory {
    u64 addr, size;
    u32 type, reserved;
};

void boot_pvh(struct GnomonBootPlan* plan) {
    info_end = GNOMON_INFO_START;
    load_segments(plan, 0);
    load_modules(plan, 0);

    struct StartInfo* info = (struct StartInfo*)take(sizeof *info, 16);
    u8* strings = take(plan->strings_size, 4);
    copy_strings(plan, strings);
    struct StartModule* list = (struct StartModule*)take(plan->module_count * sizeof *list, 8);
    for (u32 i = 0; i < plan->module_count; ++i) {
        list[i].paddr = module_start[i];
        list[i].size = modules(plan)[i].size;
        list[i].cmdline_paddr = (u32)strings + modules(plan)[i].string;
    }
    struct StartMemory* map = (struct StartMemory*)take(memory_map_size * sizeof *map, 8);
    for (u32 i = 0; i < memory_map_size; ++i)
        map[i] = (struct StartMemory){memory_map[i].base, memory_map[i].size, memory_map[i].type, 0};
    *info = (struct StartInfo){0x336EC578,
                               1,
                               0,
                               plan->module_count,
                               (u32)list,
                               (u32)strings,
                               (u32)find_rsdp_anywhere(),
                               (u32)map,
                               memory_map_size,
                               0};
    enter_multiboot(plan->entry, 0, (u32)info);
}
