// The kernel boot stage: flat 32-bit code that runs between the BIOS and the kernel. start.S switches modes.
#pragma once
#include "plan.h"

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;

struct BiosRegisters {
    u32 eax, ebx, ecx, edx, esi, edi, ebp;
    u16 ds, es, flags, reserved;
};

// start.S
extern struct BiosRegisters bios_registers;
void bios_interrupt(u32 number);
void enter_linux(u32 segment, u32 stack) __attribute__((noreturn));
void enter_multiboot(u32 entry, u32 magic, u32 information) __attribute__((noreturn));
void give_up(void) __attribute__((noreturn));

// screen.c
void print(const char* text);
void fail(const char* reason, const char* detail) __attribute__((noreturn));
void* memcpy(void* to, const void* from, __SIZE_TYPE__ count);
void* memset(void* to, int value, __SIZE_TYPE__ count);
int same(const char* a, const char* b);
u32 length(const char* text);

// fw_cfg.c
struct FwFile {
    u16 selector;
    u32 size;
};
void fw_cfg_start(void);
int fw_cfg_find(const char* name, struct FwFile* file);  // 0 if there is no such file
void fw_cfg_need(const char* name, struct FwFile* file);
void fw_cfg_read(const struct FwFile* file, u32 offset, void* to, u32 count);

// memory.c
struct Range {
    u64 base, size;
    u32 type;
};
enum { RAM = 1, MAX_RANGES = 128 };
extern struct Range memory_map[MAX_RANGES];
extern u32 memory_map_size;
extern u32 conventional_kb;
void read_memory_map(void);
int is_ram(u32 start, u64 size);
u32 contiguous_kb_above_1mb(void);
// The lowest or the highest place for size bytes that end below limit; 0 if there is none.
u32 find_low(u32 size, u32 alignment, u32 floor, u64 limit);
u32 find_high(u32 size, u32 alignment, u32 floor, u64 limit);

// linux.c, multiboot.c
void boot_linux(const struct GnomonBootPlan* plan) __attribute__((noreturn));
void boot_multiboot1(struct GnomonBootPlan* plan) __attribute__((noreturn));
void boot_multiboot2(struct GnomonBootPlan* plan) __attribute__((noreturn));
void boot_pvh(struct GnomonBootPlan* plan) __attribute__((noreturn));
void load_segments(const struct GnomonBootPlan* plan, u32 delta);
static inline const struct GnomonBootSegment* segments(const struct GnomonBootPlan* plan) {
    return (const struct GnomonBootSegment*)(plan + 1);
}
static inline const struct GnomonBootModule* modules(const struct GnomonBootPlan* plan) {
    return (const struct GnomonBootModule*)(segments(plan) + plan->segment_count);
}

static inline void out8(u16 port, u8 value) { __asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port)); }
static inline void out16(u16 port, u16 value) { __asm__ volatile("outw %0, %1" : : "a"(value), "Nd"(port)); }
static inline void out32(u16 port, u32 value) { __asm__ volatile("outl %0, %1" : : "a"(value), "Nd"(port)); }
static inline u8 in8(u16 port) {
    u8 value;
    __asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
    return value;
}
