// The machine's memory as the BIOS reports it (INT 15h E820, E801, 88h, INT 12h), and room in it.
#include "stage.h"

struct Range memory_map[MAX_RANGES];
u32 memory_map_size;
u32 conventional_kb;

static void add(u64 base, u64 size, u32 type) {
    if (size && memory_map_size < MAX_RANGES)
        memory_map[memory_map_size++] = (struct Range){base, size, type};
}

// What E820 stores; the BIOS may write 20 or 24 bytes.
static struct {
    u64 base, size;
    u32 type, attributes;
} entry;

static int read_e820(void) {
    u32 next = 0;
    do {
        bios_registers.eax = 0xE820;
        bios_registers.ebx = next;
        bios_registers.ecx = 20;
        bios_registers.edx = 0x534D4150;  // "SMAP"
        bios_registers.es = (u16)((u32)&entry >> 4);
        bios_registers.edi = (u32)&entry & 15;
        bios_interrupt(0x15);
        if ((bios_registers.flags & 1) || bios_registers.eax != 0x534D4150) break;
        next = bios_registers.ebx;
        add(entry.base, entry.size, entry.type);
    } while (next);
    return memory_map_size != 0;
}

static void read_older_calls(void) {
    add(0, (u64)conventional_kb << 10, RAM);
    bios_registers.eax = 0xE801;
    bios_registers.ecx = bios_registers.edx = 0;
    bios_interrupt(0x15);
    if (!(bios_registers.flags & 1)) {
        u32 kilobytes = bios_registers.ecx & 0xFFFF, blocks = bios_registers.edx & 0xFFFF;
        if (!kilobytes && !blocks) {
            kilobytes = bios_registers.eax & 0xFFFF;
            blocks = bios_registers.ebx & 0xFFFF;
        }
        add(0x100000, (u64)kilobytes << 10, RAM);
        add(0x1000000, (u64)blocks << 16, RAM);
        return;
    }
    bios_registers.eax = 0x8800;
    bios_interrupt(0x15);
    if (!(bios_registers.flags & 1)) add(0x100000, (u64)(bios_registers.eax & 0xFFFF) << 10, RAM);
}

void read_memory_map(void) {
    bios_interrupt(0x12);
    conventional_kb = bios_registers.eax & 0xFFFF;
    if (conventional_kb < GNOMON_STAGE_END >> 10) fail("less than 576 KB of conventional memory", "");
    if (!read_e820()) read_older_calls();
}

int is_ram(u32 start, u64 size) {
    u64 at = start, end = at + size;
    while (at < end) {
        u64 reached = at;
        for (u32 i = 0; i < memory_map_size; ++i) {
            const struct Range* range = &memory_map[i];
            if (range->type == RAM && range->base <= at && at < range->base + range->size)
                reached = range->base + range->size;
        }
        if (reached == at) return 0;
        at = reached;
    }
    return 1;
}

u32 contiguous_kb_above_1mb(void) {
    u64 at = 0x100000;
    for (u32 i = 0; i < memory_map_size; ++i) {
        const struct Range* range = &memory_map[i];
        if (range->type == RAM && range->base <= at && at < range->base + range->size) {
            at = range->base + range->size;
            i = (u32)-1;  // again from the start: the map need not be sorted
        }
    }
    u64 kilobytes = (at - 0x100000) >> 10;
    return kilobytes > 0xFFFFFFFF ? 0xFFFFFFFF : (u32)kilobytes;
}

// The part of a range that images and modules may use: not the first page, not the stage and what is above
// it.
static int usable(const struct Range* range, u32 floor, u64 limit, u64* start, u64* end) {
    if (range->type != RAM) return 0;
    *start = range->base < 0x1000 ? 0x1000 : range->base;
    *end = range->base + range->size;
    if (*start < 0x100000 && *end > GNOMON_STAGE_START) *end = GNOMON_STAGE_START;
    if (*start < floor) *start = floor;
    if (*end > limit) *end = limit;
    return *start < *end;
}

u32 find_low(u32 size, u32 alignment, u32 floor, u64 limit) {
    u64 best = 0;
    for (u32 i = 0; i < memory_map_size; ++i) {
        u64 start, end;
        if (!usable(&memory_map[i], floor, limit, &start, &end)) continue;
        start = (start + alignment - 1) & ~(u64)(alignment - 1);
        if (start + size <= end && (!best || start < best)) best = start;
    }
    return (u32)best;
}

u32 find_high(u32 size, u32 alignment, u32 floor, u64 limit) {
    u64 best = 0;
    for (u32 i = 0; i < memory_map_size; ++i) {
        u64 start, end;
        if (!usable(&memory_map[i], floor, limit, &start, &end) || end - start < size) continue;
        u64 at = (end - size) & ~(u64)(alignment - 1);
        if (at >= start && at > best) best = at;
    }
    return (u32)best;
}
