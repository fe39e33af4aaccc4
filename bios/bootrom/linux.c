// Linux by its boot protocol ("The Linux/x86 Boot Protocol", Documentation/arch/x86/boot.rst), real-mode
// entry. The header is already filled in, but for the address of the initrd, which depends on the machine's
// memory.
#include "stage.h"

enum { HEADER_RAMDISK_IMAGE = 0x218, HEADER_RAMDISK_SIZE = 0x21C };

void boot_linux(const struct GnomonBootPlan* plan) {
    struct FwFile setup, strings, initrd;
    u8* header = (u8*)plan->setup_address;
    fw_cfg_need(GNOMON_BOOT_SETUP, &setup);
    fw_cfg_need(GNOMON_BOOT_STRINGS, &strings);
    fw_cfg_read(&setup, 0, header, plan->setup_size);
    fw_cfg_read(&strings, 0, (u8*)plan->command_line_address, plan->strings_size);
    load_segments(plan, 0);
    if (plan->initrd_size) {
        u32 at = find_high(plan->initrd_size, 4096, plan->image_end, (u64)plan->initrd_limit + 1);
        if (!at) fail("the initrd does not fit into the machine's memory", "");
        fw_cfg_need(GNOMON_BOOT_INITRD, &initrd);
        fw_cfg_read(&initrd, 0, (u8*)at, plan->initrd_size);
        *(u32*)(header + HEADER_RAMDISK_IMAGE) = at;
        *(u32*)(header + HEADER_RAMDISK_SIZE) = plan->initrd_size;
    }
    enter_linux(plan->setup_address >> 4, plan->stack_top);
}
