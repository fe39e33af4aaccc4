// What the host tells the kernel boot ROM: the file "plan" and its companions in fw_cfg. Plain C, shared by
// the ROM (32-bit code) and the loaders on the host (C++). All numbers are little-endian.
#pragma once

#ifndef __ASSEMBLER__
#include <stdint.h>
#endif

// fw_cfg file names. Only "plan" is always there.
#define GNOMON_BOOT_PLAN     "opt/org.gnomon/boot/plan"
#define GNOMON_BOOT_IMAGE    "opt/org.gnomon/boot/image"     // bytes of the segments
#define GNOMON_BOOT_SETUP    "opt/org.gnomon/boot/setup"     // Linux: the real-mode part
#define GNOMON_BOOT_INITRD   "opt/org.gnomon/boot/initrd"    // Linux: initrd; Multiboot: all modules
#define GNOMON_BOOT_STRINGS  "opt/org.gnomon/boot/strings"   // NUL-terminated; the command line is first
#define GNOMON_BOOT_SECTIONS "opt/org.gnomon/boot/sections"  // Multiboot: ELF section header table

#define GNOMON_BOOT_MAGIC   "GNOMBOOT"
#define GNOMON_BOOT_VERSION 1

// Where the ROM keeps its code and data while it works, and where it leaves the Multiboot information. Images
// must stay out of STAGE_START–CONVENTIONAL_END.
#define GNOMON_STAGE_START      0x80000
#define GNOMON_STAGE_END        0x90000
#define GNOMON_INFO_START       0x90000
#define GNOMON_CONVENTIONAL_END 0xA0000

#ifndef __ASSEMBLER__

enum GnomonBootKind { GNOMON_BOOT_LINUX = 1, GNOMON_BOOT_MULTIBOOT1 = 2, GNOMON_BOOT_MULTIBOOT2 = 3, GNOMON_BOOT_PVH = 4 };

enum GnomonBootFlags {
    GNOMON_BOOT_RELOCATABLE = 1,   // Multiboot 2: the image may move, see relocate_*
    GNOMON_BOOT_ELF_SECTIONS = 2,  // the file "sections" is there
};

enum GnomonBootPreference {
    GNOMON_PREFER_LINK_ADDRESS = 0,
    GNOMON_PREFER_LOWEST = 1,
    GNOMON_PREFER_HIGHEST = 2
};

enum {
    GNOMON_MAX_SEGMENTS = 256,
    GNOMON_MAX_MODULES = 128,
    GNOMON_MAX_STRINGS = 32768,
    GNOMON_MAX_SECTIONS = 16384
};

// memory_size - file_size bytes after the data are zeroed.
struct GnomonBootSegment {
    uint32_t offset, file_size, address, memory_size;
};

struct GnomonBootModule {
    uint32_t offset, size, string;
};

struct GnomonBootPlan {
    char magic[8];
    uint32_t version, size;  // size: of this structure and the tables behind it
    uint32_t kind, flags;
    uint32_t entry;
    uint32_t image_start, image_end;  // what the segments span; for Linux also what decompression needs
    uint32_t segment_count, module_count;
    uint32_t strings_size;
    // Linux
    uint32_t setup_address, setup_size;
    uint32_t command_line_address;
    uint32_t stack_top;                  // offset in the setup segment
    uint32_t initrd_size, initrd_limit;  // limit: the highest address that its last byte may have
    // Multiboot 2 relocation
    uint32_t relocate_minimum, relocate_maximum, relocate_alignment, relocate_preference;
    // ELF section headers
    uint32_t section_count, section_entry_size, section_names_index;
    // struct GnomonBootSegment[segment_count], struct GnomonBootModule[module_count] follow
};

#endif
