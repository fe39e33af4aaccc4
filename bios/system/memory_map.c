// How much memory there is, what of it the BIOS keeps, and INT 15h E820, E801, E881 and 88h.
// ACPI 1.0b, section 14 "System Address Map Interfaces".
#include "bios.h"

enum { RAM = 1, RESERVED = 2, ACPI_DATA = 3, ACPI_NVS = 4 };
enum { MAX_RANGES = 24, ACPI_AREA = 0x10000 };

struct Range {
    u64 start, end;
    u32 type;
};

static struct Range ranges[MAX_RANGES];
static u32 range_count;
static u32 top_low;     // end of RAM below 4 GB
static u64 high_bytes;  // RAM above 4 GB
static u32 acpi_base;

// Gives [start, end) a type, cutting whatever was there; ranges stay sorted and merged.
static void set_range(u64 start, u64 end, u32 type) {
    if (start >= end) return;
    u32 i = 0;
    while (i < range_count) {
        struct Range* r = &ranges[i];
        if (r->end <= start || r->start >= end) {
            i++;
        } else if (r->start < start && r->end > end && range_count < MAX_RANGES) {
            memmove(r + 1, r, (range_count - i) * sizeof *r);
            range_count++;
            r[0].end = start;
            r[1].start = end;
            i += 2;
        } else if (r->start < start) {
            r->end = start;
            i++;
        } else if (r->end > end) {
            r->start = end;
            i++;
        } else {
            range_count--;
            memmove(r, r + 1, (range_count - i) * sizeof *r);
        }
    }
    if (range_count == MAX_RANGES) return;
    for (i = 0; i < range_count && ranges[i].start < start; i++) {
    }
    memmove(&ranges[i + 1], &ranges[i], (range_count - i) * sizeof ranges[0]);
    range_count++;
    ranges[i] = (struct Range){start, end, type};
    for (i = 0; i + 1 < range_count;) {
        if (ranges[i].end == ranges[i + 1].start && ranges[i].type == ranges[i + 1].type) {
            ranges[i].end = ranges[i + 1].end;
            range_count--;
            memmove(&ranges[i + 1], &ranges[i + 2], (range_count - i - 1) * sizeof ranges[0]);
        } else {
            i++;
        }
    }
}

static u32 cmos_word(u8 index) { return (u32)(cmos_read(index) | cmos_read((u8)(index + 1)) << 8); }

void memory_setup(void) {
    u32 above_16m = cmos_word(0x34);
    top_low = above_16m != 0 ? (above_16m << 16) + 0x1000000 : (cmos_word(0x30) << 10) + 0x100000;
    high_bytes = (u64)(cmos_word(0x5B) | (u32)cmos_read(0x5D) << 16) << 16;

    struct FwFile file;
    u32 entries = fw_cfg_find("etc/e820", &file) ? file.size / 20 : 0;
    struct PACKED {
        u64 start, length;
        u32 type;
    } map[16];
    if (entries > ARRAY_LEN(map)) entries = ARRAY_LEN(map);
    if (entries != 0) fw_cfg_read(&file, map, entries * 20);
    for (u32 i = 0; i < entries; i++) {
        if (map[i].type != RAM) continue;
        u64 end = map[i].start + map[i].length;
        if (map[i].start >> 32 != 0) {
            if (end - ((u64)1 << 32) > high_bytes) high_bytes = end - ((u64)1 << 32);
        } else if (end >> 32 == 0 && (u32)end > top_low) {
            top_low = (u32)end;
        }
    }

    set_range(0, top_low, RAM);
    if (high_bytes != 0) set_range((u64)1 << 32, ((u64)1 << 32) + high_bytes, RAM);
    set_range((BASE_MEMORY_KB - EBDA_KB) * 1024, 0xA0000, RESERVED);
    for (u32 i = 0; i < range_count; i++) {  // nothing usable from the display memory to 1 MB
        if (ranges[i].type == RAM && ranges[i].start < 0x100000 && ranges[i].end > 0xA0000) {
            set_range(0xA0000, 0x100000, 0);
            break;
        }
    }
    set_range(0xE0000, 0x100000, RESERVED);
    if (has_local_apic()) {
        set_range(0xFEC00000, 0xFEC01000, RESERVED);
        set_range(0xFED00000, 0xFED01000, RESERVED);
        set_range(0xFEE00000, 0xFEE01000, RESERVED);
    }
    set_range(0xFFFE0000, (u64)1 << 32, RESERVED);
    for (u32 i = 0; i < entries; i++) {
        if (map[i].type != RAM) set_range(map[i].start, map[i].start + map[i].length, map[i].type);
    }
    if (top_low >= 0x200000) {
        acpi_base = top_low - ACPI_AREA;
        set_range(acpi_base, top_low - 0x1000, ACPI_DATA);
        set_range(top_low - 0x1000, top_low, ACPI_NVS);
    }
    for (u32 i = 0; i < range_count;) {
        if (ranges[i].type == 0) {
            range_count--;
            memmove(&ranges[i], &ranges[i + 1], (range_count - i) * sizeof ranges[0]);
        } else {
            i++;
        }
    }
    for (u32 i = 0; i < range_count; i++) {
        debugf("memory %08x%08x-%08x%08x type %u\n", (u32)(ranges[i].start >> 32), (u32)ranges[i].start,
               (u32)((ranges[i].end - 1) >> 32), (u32)(ranges[i].end - 1), ranges[i].type);
    }
}

u32 memory_top_low(void) { return top_low; }
u32 memory_reserve_top(void) { return acpi_base; }
u64 memory_total(void) { return top_low + high_bytes; }

// Bytes of plain RAM from 1 MB up to the BIOS's own area or the first hole.
static u32 extended_end(void) {
    for (u32 i = 0; i < range_count; i++) {
        if (ranges[i].type == RAM && ranges[i].start <= 0x100000 && ranges[i].end > 0x100000)
            return (u32)ranges[i].end;
    }
    return 0x100000;
}

static int e820(struct Regs* r) {
    if (r->edx != 0x534D4150 || r->ebx >= range_count || r->ecx < 20) {
        r->ah = 0x86;
        set_cf(r, 1);
        return DONE;
    }
    const struct Range* range = &ranges[r->ebx];
    u64 start = range->start, end = range->end;
    // Option ROMs may have taken memory from the top of the first 640 KB since POST.
    u32 base_end = BDA->memory_kb * 1024u;
    if (start == 0 && base_end < end) end = base_end;
    if (end == 0xA0000 && base_end < start) start = base_end;
    u64 length = end - start;
    far_write32(r->es, r->di, (u32)start);
    far_write32(r->es, (u16)(r->di + 4), (u32)(start >> 32));
    far_write32(r->es, (u16)(r->di + 8), (u32)length);
    far_write32(r->es, (u16)(r->di + 12), (u32)(length >> 32));
    far_write32(r->es, (u16)(r->di + 16), range->type);
    r->ebx = r->ebx + 1 < range_count ? r->ebx + 1 : 0;
    r->eax = 0x534D4150;
    r->ecx = 20;
    set_cf(r, 0);
    return DONE;
}

int memory_call(struct Regs* r) {
    u32 end = extended_end();
    if (r->ah == 0x88) {
        u32 kb = (end - 0x100000) >> 10;
        r->ax = kb > 0xFC00 ? 0xFC00 : (u16)kb;  // 64 MB, less what an 8-bit count of megabytes cannot hold
        set_cf(r, 0);
        return DONE;
    }
    switch (r->al) {
        case 0x20: return e820(r);
        case 0x01:
        case 0x81: {
            u32 low = end > 0x1000000 ? 0x3C00 : (end - 0x100000) >> 10;
            u32 high = end > 0x1000000 ? (end - 0x1000000) >> 16 : 0;
            if (r->al == 0x81) {
                r->eax = r->ecx = low;
                r->ebx = r->edx = high;
            } else {
                r->ax = r->cx = (u16)low;
                r->bx = r->dx = (u16)high;
            }
            set_cf(r, 0);
            return DONE;
        }
        default:
            r->ah = 0x86;
            set_cf(r, 1);
            return DONE;
    }
}
