// What firmware sets up inside the processor: memory types (MTRRs) and the local APIC's virtual wire. While
// its LINT0 is masked, as after reset, an enabled local APIC keeps the 8259's interrupts from the processor.
// Intel MultiProcessor Specification 1.4, 3.6.2.2; SDM Vol. 3, "Memory Type Range Registers".
#include "bios.h"

enum { APIC_BASE = 0xFEE00000, SPURIOUS = 0xF0, LVT_LINT0 = 0x350, LVT_LINT1 = 0x360 };
enum { APIC_BASE_MSR = 0x1B, X2APIC_MODE = 0x400, APIC_ENABLE = 0x800 };
enum { SOFTWARE_ENABLE = 0x100, EXTINT = 0x700, NMI = 0x400 };
enum {
    MTRR_CAP = 0xFE,
    MTRR_DEF_TYPE = 0x2FF,
    MTRR_ENABLE = 0x800,
    MTRR_FIXED_ENABLE = 0x400,
    MTRR_VALID = 0x800
};
enum { WRITE_BACK = 6 };

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

static u32 features(void) {
    u32 r[4];
    if (!has_cpuid()) return 0;
    cpuid(0, r);
    if (r[0] < 1) return 0;
    cpuid(1, r);
    return r[3];
}

bool_t has_local_apic(void) { return (features() & 1 << 9) != 0; }

void apic_write(u32 reg, u32 v) { flat_copy(APIC_BASE + reg, own_linear(&v), 4); }

static void write_msr(u32 index, u32 high, u32 low) {
    __asm__ volatile("wrmsr" ::"c"(index), "d"(high), "a"(low));
}

static u32 read_msr_low(u32 index) {
    u32 low;
    __asm__ volatile("rdmsr" : "=a"(low) : "c"(index) : "edx");
    return low;
}

// Everything is write-back but the display memory, the ROMs and the PCI devices below 4 GB.
void processor_setup_memory_types(void) {
    if ((features() & 1 << 12) == 0) return;
    u32 r[4], variable = read_msr_low(MTRR_CAP) & 0xFF, high_mask = 0xF;
    cpuid(0x80000000, r);
    if (r[0] >= 0x80000008) {
        cpuid(0x80000008, r);
        high_mask = (r[0] & 0xFF) > 32 ? (1u << ((r[0] & 0xFF) - 32)) - 1 : 0;
    }
    write_msr(MTRR_DEF_TYPE, 0, 0);
    write_msr(0x250, 0x06060606, 0x06060606);  // 00000-7FFFF
    write_msr(0x258, 0x06060606, 0x06060606);  // 80000-9FFFF
    write_msr(0x259, 0, 0);                    // A0000-BFFFF: uncacheable
    for (u32 msr = 0x268; msr <= 0x26F; msr++) write_msr(msr, 0x05050505, 0x05050505);  // write-protect
    write_msr(0x26D, 0x06060606, 0x05050505);  // EC000-EFFFF is ours to write
    u32 base = 0x80000000;
    while (base < memory_top_low() && base < 0xF8000000) base = base >> 1 | 0x80000000;
    for (u32 i = 0; i < variable; i++) {
        write_msr(0x200 + i * 2, 0, i == 0 ? base : 0);
        write_msr(0x201 + i * 2, i == 0 ? high_mask : 0, i == 0 ? base | MTRR_VALID : 0);
    }
    write_msr(MTRR_DEF_TYPE, 0, MTRR_ENABLE | MTRR_FIXED_ENABLE | WRITE_BACK);
}

u8 virtual_wire;  // for reset.S: the local APIC passes the 8259's interrupts on

void processor_setup(void) {
    processor_setup_memory_types();
    if (!has_local_apic()) return;
    // A reset of the processor alone leaves the x2APIC's mode, which has no memory-mapped registers.
    if ((read_msr_low(APIC_BASE_MSR) & X2APIC_MODE) != 0) {
        write_msr(APIC_BASE_MSR, 0, APIC_BASE);
        write_msr(APIC_BASE_MSR, 0, APIC_BASE | APIC_ENABLE);
    }
    apic_write(SPURIOUS, SOFTWARE_ENABLE | 0xFF);
    apic_write(LVT_LINT0, EXTINT);
    apic_write(LVT_LINT1, NMI);
    virtual_wire = 1;
}
