// The kernel boot stage: reads the plan and carries it out.
#include "stage.h"

void boot_main(void);

// The plan with its tables.
static union {
    struct GnomonBootPlan plan;
    u8 bytes[sizeof(struct GnomonBootPlan) + GNOMON_MAX_SEGMENTS * sizeof(struct GnomonBootSegment) +
             GNOMON_MAX_MODULES * sizeof(struct GnomonBootModule)];
} store;

static void check_a20(void) {
    volatile u32* low = (volatile u32*)(GNOMON_STAGE_END - 4);
    volatile u32* high = (volatile u32*)(GNOMON_STAGE_END - 4 + 0x100000);
    u32 saved = *high;
    *low = 0x600DA20Eu;
    *high = 0x0BADA20Eu;
    u32 seen = *low;
    *high = saved;
    if (seen != 0x600DA20Eu) fail("address line A20 cannot be switched on", "");
}

void load_segments(const struct GnomonBootPlan* plan, u32 delta) {
    struct FwFile image;
    fw_cfg_need(GNOMON_BOOT_IMAGE, &image);
    for (u32 i = 0; i < plan->segment_count; ++i) {
        const struct GnomonBootSegment* segment = &segments(plan)[i];
        u32 address = segment->address + delta;
        if (!is_ram(address, segment->memory_size))
            fail("the machine has no memory where the kernel loads", "");
    }
    for (u32 i = 0; i < plan->segment_count; ++i) {
        const struct GnomonBootSegment* segment = &segments(plan)[i];
        u8* address = (u8*)(segment->address + delta);
        if (segment->file_size) fw_cfg_read(&image, segment->offset, address, segment->file_size);
        memset(address + segment->file_size, 0, segment->memory_size - segment->file_size);
    }
}

void boot_main(void) {
    struct FwFile file;
    struct GnomonBootPlan* plan = &store.plan;
    check_a20();
    fw_cfg_start();
    if (!fw_cfg_find(GNOMON_BOOT_PLAN, &file))
        fail("no kernel was given (fw_cfg lacks " GNOMON_BOOT_PLAN ")", "");
    if (file.size < sizeof *plan || file.size > sizeof store) fail("the boot plan has a wrong size", "");
    fw_cfg_read(&file, 0, plan, file.size);
    if (plan->version != GNOMON_BOOT_VERSION || plan->size != file.size ||
        plan->segment_count > GNOMON_MAX_SEGMENTS || plan->module_count > GNOMON_MAX_MODULES ||
        plan->strings_size > GNOMON_MAX_STRINGS)
        fail("the boot plan is of another version than this ROM", "");
    read_memory_map();
    switch (plan->kind) {
        case GNOMON_BOOT_LINUX: boot_linux(plan);
        case GNOMON_BOOT_MULTIBOOT1: boot_multiboot1(plan);
        case GNOMON_BOOT_MULTIBOOT2: boot_multiboot2(plan);
        case GNOMON_BOOT_PVH: boot_pvh(plan);
        default: fail("the boot plan is of an unknown kind", "");
    }
}
