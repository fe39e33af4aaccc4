// CPUID for firmware, and the local APIC's virtual wire: while its LINT0 is masked, as after reset, an enabled
// local APIC keeps the 8259's interrupts from the processor. Intel MultiProcessor Specification 1.4, 3.6.2.2.
#include "bios.h"

enum { APIC_BASE = 0xFEE00000, SPURIOUS = 0xF0, LVT_LINT0 = 0x350, LVT_LINT1 = 0x360 };
enum { SOFTWARE_ENABLE = 0x100, EXTINT = 0x700, NMI = 0x400 };

// A 386 and early 486s have no CPUID: the ID flag does not toggle.
bool_t has_cpuid(void) {
    u32 before, after;
    __asm__ volatile(
        "pushfl\n\tpushfl\n\tpopl %0\n\tmovl %0,%1\n\txorl $0x200000,%1\n\t"
        "pushl %1\n\tpopfl\n\tpushfl\n\tpopl %1\n\tpopfl"
        : "=&r"(before), "=&r"(after));
    return ((before ^ after) & 0x200000) != 0;
}

void cpuid(u32 leaf, u32 out[4]) {
    __asm__ volatile("cpuid" : "=a"(out[0]), "=b"(out[1]), "=c"(out[2]), "=d"(out[3]) : "a"(leaf));
}

bool_t has_local_apic(void) {
    u32 r[4];
    if (!has_cpuid()) return 0;
    cpuid(0, r);
    if (r[0] < 1) return 0;
    cpuid(1, r);
    return (r[3] & 1 << 9) != 0;
}

static void apic_write(u32 reg, u32 v) { flat_copy(APIC_BASE + reg, own_linear(&v), 4); }

void processor_setup(void) {
    if (!has_local_apic()) return;
    apic_write(SPURIOUS, SOFTWARE_ENABLE | 0xFF);
    apic_write(LVT_LINT0, EXTINT);
    apic_write(LVT_LINT1, NMI);
}
