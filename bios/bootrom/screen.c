// Messages of the kernel boot ROM, and the few functions that the compiler or every file needs.
#include "stage.h"

void* memcpy(void* to, const void* from, __SIZE_TYPE__ count) {
    void* result = to;
    __asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(count) : : "memory");
    return result;
}

void* memset(void* to, int value, __SIZE_TYPE__ count) {
    void* result = to;
    u32 words = count >> 2, rest = count & 3, pattern = (u32)(u8)value * 0x01010101u;
    __asm__ volatile("rep stosl" : "+D"(to), "+c"(words) : "a"(pattern) : "memory");
    __asm__ volatile("rep stosb" : "+D"(to), "+c"(rest) : "a"(pattern) : "memory");
    return result;
}

int same(const char* a, const char* b) {
    while (*a && *a == *b) ++a, ++b;
    return *a == *b;
}

u32 length(const char* text) {
    u32 count = 0;
    while (text[count]) ++count;
    return count;
}

// To the screen, and to the firmware's debug port where there is one.
static void put(char character) {
    if (character == '\n') put('\r');
    bios_registers.eax = 0x0E00u | (u8)character;
    bios_registers.ebx = 0x0007;
    bios_interrupt(0x10);
    if (in8(0x402) == 0xE9) out8(0x402, (u8)character);
}

void print(const char* text) {
    while (*text) put(*text++);
}

void fail(const char* reason, const char* detail) {
    print("Kernel boot failed: ");
    print(reason);
    print(detail);
    print("\n");
    give_up();
}
