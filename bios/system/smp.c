// The other processors: started one after the other, given the same memory types, and left asleep until an
// operating system sends them INIT and startup messages. Intel MultiProcessor Specification 1.4, B.4.
#include "bios.h"

enum { TRAMPOLINE = 0x10000, ICR_LOW = 0x300, ICR_HIGH = 0x310 };
enum { INIT_OTHERS = 0xC4500, STARTUP = 0x4600 };

extern const u8 processor_start[];  // in segment F000

static volatile u32 started = 1;

u32 processor_count(void) { return started; }

// On the new processor, with a stack that it has while its predecessor sleeps.
void processor_main(void) {
    processor_setup_memory_types();
    started++;
}

static void wait_us(u32 microseconds) {
    struct Deadline d;
    deadline_start(&d, microseconds);
    while (!deadline_passed(&d)) {
    }
}

void smp_setup(void) {
    u32 others = cmos_read(0x5F);
    if (others == 0 || !has_local_apic()) return;
    // JMP FAR F000:processor_start, in a page that a startup message can name.
    u16 seg = TRAMPOLINE >> 4;
    far_write8(seg, 0, 0xEA);
    far_write16(seg, 1, (u16)((u32)processor_start - F_SEG_OFFSET));
    far_write16(seg, 3, 0xF000);
    apic_write(ICR_LOW, INIT_OTHERS);
    wait_us(100);
    for (u32 id = 1; id <= others; id++) {
        u32 before = started;
        for (u32 attempt = 0; attempt < 2 && started == before; attempt++) {
            apic_write(ICR_HIGH, id << 24);
            apic_write(ICR_LOW, STARTUP | TRAMPOLINE >> 12);
            struct Deadline d;
            deadline_start(&d, 20000);
            while (started == before && !deadline_passed(&d)) {
            }
        }
        if (started == before) debugf("processor %u does not start\n", id);
    }
    debugf("%u processors\n", started);
}
