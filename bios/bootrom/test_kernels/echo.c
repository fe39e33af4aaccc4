// A Multiboot kernel that writes all it was given to the first serial port, one fact a line, and ends the run
// through the debug-exit port 0xF4. Built once for each way an image can describe itself:
// VERSION 1 or 2; ADDRESS_FIELDS: no ELF needed; RELOCATABLE: may be moved (Multiboot 2).
#include <stdint.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;

extern u8 image_start[], data_end[], image_end[];
void echo(u32 magic, u32 information);

__asm__(".section .multiboot, \"a\"\n"
        ".balign 8\n"
        "header:\n"
#if VERSION == 1
        ".set flags, 3 | (ADDRESS_FIELDS << 16)\n"
        ".long 0x1BADB002, flags, -(0x1BADB002 + flags)\n"
        ".long header, image_start, data_end, image_end, start\n"
#else
        ".long 0xE85250D6, 0, header_end - header, -(0xE85250D6 + header_end - header)\n"
        ".balign 8\n"
        ".word 1, 0\n .long 20, 4, 6, 14\n"
        ".balign 8\n"
        ".word 4, 0\n .long 12, 3\n"
        ".balign 8\n"
        ".word 6, 0\n .long 8\n"
        ".balign 8\n"
        ".word 0x7777, 1\n .long 8\n"  // unknown, but optional
        ".balign 8\n"
        ".if ADDRESS_FIELDS\n"
        ".word 2, 0\n .long 24, header, image_start, data_end, image_end\n"
        ".balign 8\n"
        ".word 3, 0\n .long 12, start\n"
        ".balign 8\n"
        ".endif\n"
        ".if RELOCATABLE\n"
        ".word 10, 0\n .long 24, 0x200000, 0xFFFFFFFF, 0x10000, RELOCATABLE - 1\n"
        ".balign 8\n"
        ".endif\n"
        ".word 0, 0\n .long 8\n"
        "header_end:\n"
#endif
        ".text\n"
        ".globl start\n"
        "start:\n"
        "call 1f\n"
        "1: popl %ecx\n"
        "leal stack_top - 1b(%ecx), %esp\n"
        "pushl $0\n popfl\n"
        "movl %ebx, %edx\n"
        "call echo\n"
        "2: hlt\n jmp 2b\n"
        ".bss\n .balign 16\n .skip 8192\n stack_top:\n"
        ".text\n");

static inline void out8(u16 port, u8 value) { __asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port)); }
static inline u8 in8(u16 port) {
    u8 value;
    __asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
    return value;
}

static void put(char character) {
    while (!(in8(0x3FD) & 0x20)) {
    }
    out8(0x3F8, (u8)character);
}

static void text(const char* string) {
    while (*string) put(*string++);
}

static void hex(u64 value) {
    int digits = 16;
    while (digits > 1 && !(value >> (4 * (digits - 1)) & 15)) --digits;
    while (digits--) {
        u32 digit = value >> (4 * digits) & 15;
        put((char)(digit < 10 ? '0' + digit : 'a' + digit - 10));
    }
}

static void number(const char* name, u64 value) {
    put(' ');
    text(name);
    put('=');
    hex(value);
}

static u32 word(u32 address) { return *(volatile u32*)address; }
static u64 quad(u32 address) { return *(volatile u64*)address; }

static void module(u32 start, u32 end, u32 string) {
    u32 sum = 0;
    for (u32 at = start; at < end; ++at) sum = sum * 31 + *(u8*)at;
    text("module");
    number("aligned", !(start & 4095));
    number("size", end - start);
    number("sum", sum);
    text(" string=");
    text((const char*)string);
    text("\n");
}

static void memory(u32 entry) {
    text("memory");
    number("base", quad(entry));
    number("size", quad(entry + 8));
    number("type", word(entry + 16));
    text("\n");
}

static void sections(u32 count, u32 size, u32 table, u32 names) {
    u32 symbols = 0, strings = 0;
    for (u32 i = 0; i < count; ++i) {
        u32 header = table + i * size;
        if (word(header + 4) == 2) symbols = word(header + 12);
        if (i == names) strings = word(header + 12);
    }
    text("sections");
    number("count", count);
    number("size", size);
    number("symbols", symbols != 0);
    text(" first=");
    // The names section begins with an empty name; the second one is the first that says something.
    text(strings ? (const char*)strings + 1 : "none");
    text("\n");
}

static void multiboot1(u32 info) {
    u32 flags = word(info);
    text("multiboot1");
    number("flags", flags);
    number("lower", word(info + 4));
    number("upper", word(info + 8));
    text("\ncommand line: ");
    text((const char*)word(info + 16));
    text("\nloader: ");
    text((const char*)word(info + 64));
    text("\n");
    for (u32 i = 0; i < word(info + 20); ++i) {
        u32 entry = word(info + 24) + 16 * i;
        module(word(entry), word(entry + 4), word(entry + 8));
    }
    if (flags & 0x20) sections(word(info + 28), word(info + 32), word(info + 36), word(info + 40));
    for (u32 at = word(info + 48), end = at + word(info + 44); at < end; at += word(at) + 4) memory(at + 4);
    text("screen");
    number("address", quad(info + 88));
    number("width", word(info + 100));
    number("height", word(info + 104));
    number("type", *(u8*)(info + 109));
    text("\n");
}

static void multiboot2(u32 info) {
    u32 end = info + word(info);
    text("multiboot2");
    number("aligned", !(info & 7));
    text("\n");
    for (u32 at = info + 8; at < end; at += (word(at + 4) + 7) & ~7u) {
        switch (word(at)) {
            case 0: text(at + 8 == end ? "end\n" : "end too early\n"); break;
            case 1:
                text("command line: ");
                text((const char*)at + 8);
                text("\n");
                break;
            case 2:
                text("loader: ");
                text((const char*)at + 8);
                text("\n");
                break;
            case 3: module(word(at + 8), word(at + 12), at + 16); break;
            case 4:
                text("basic");
                number("lower", word(at + 8));
                number("upper", word(at + 12));
                text("\n");
                break;
            case 6:
                for (u32 entry = at + 16; entry < at + word(at + 4); entry += word(at + 8)) memory(entry);
                break;
            case 8:
                text("screen");
                number("address", quad(at + 8));
                number("width", word(at + 20));
                number("height", word(at + 24));
                number("type", *(u8*)(at + 29));
                text("\n");
                break;
            case 9: sections(word(at + 8), word(at + 12), at + 20, word(at + 16)); break;
            case 14:
            case 15:
                text("acpi");
                number("tag", word(at));
                number("signature", word(at + 8));
                text("\n");
                break;
            case 21:
                text("load base");
                number("address", word(at + 8));
                text("\n");
                break;
            default: number("unexpected tag", word(at)); text("\n");
        }
    }
}

static u32 cleared[64];

void echo(u32 magic, u32 information) {
    u32 cr0, flags;
    __asm__ volatile("movl %%cr0, %0" : "=r"(cr0));
    __asm__ volatile("pushfl; popl %0" : "=r"(flags));
    text("ECHO-START");
    number("magic", magic);
    number("cr0", cr0 & 0x80000001);
    number("if", flags >> 9 & 1);
    u32 dirty = 0;
    for (u32 i = 0; i < 64; ++i) dirty |= *(volatile u32*)&cleared[i];
    number("bss", dirty);
    text("\n");
    if (magic == 0x2BADB002) multiboot1(information);
    if (magic == 0x36D76289) multiboot2(information);
    text("ECHO-DONE\n");
    out8(0xF4, 0x10);
}
