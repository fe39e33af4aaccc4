// Text for people: the debug port 0x402 and, once a VGA BIOS runs, the screen through INT 10h AH=0Eh.
#include <stdarg.h>

#include "bios.h"

enum { DEBUG_PORT = 0x402 };

typedef void (*Sink)(char c);

static void to_debug(char c) { outb(DEBUG_PORT, (u8)c); }

static void teletype(char c) {
    struct CallRegs r = {.eax = 0x0E00 | (u8)c, .ebx = 7};
    call_interrupt(&r, 0x10);
}

static void to_screen(char c) {
    to_debug(c);
    if (c == '\n') teletype('\r');
    teletype(c);
}

static void put_number(Sink sink, u32 value, u32 base, u32 width, char pad) {
    char digits[12];
    u32 n = 0;
    do {
        digits[n++] = "0123456789abcdef"[value % base];
        value /= base;
    } while (value != 0);
    while (n < width && n < sizeof digits) digits[n++] = pad;
    while (n != 0) sink(digits[--n]);
}

// %d %u %x with width and zero padding, %s, %c.
static void format_to(Sink sink, const char* f, va_list args) {
    for (; *f != '\0'; f++) {
        if (*f != '%') {
            sink(*f);
            continue;
        }
        f++;
        char pad = ' ';
        if (*f == '0') {
            pad = '0';
            f++;
        }
        u32 width = 0;
        while (*f >= '0' && *f <= '9') width = width * 10 + (u32)(*f++ - '0');
        switch (*f) {
            case 'd':
            case 'u': put_number(sink, va_arg(args, u32), 10, width, pad); break;
            case 'x': put_number(sink, va_arg(args, u32), 16, width, pad); break;
            case 'c': sink((char)va_arg(args, int)); break;
            case 's':
                for (const char* s = va_arg(args, const char*); *s != '\0'; s++) sink(*s);
                break;
            default: sink(*f); break;
        }
    }
}

void debugf(const char* format, ...) {
    va_list args;
    va_start(args, format);
    format_to(to_debug, format, args);
    va_end(args);
}

void screenf(const char* format, ...) {
    va_list args;
    va_start(args, format);
    format_to(to_screen, format, args);
    va_end(args);
}

void* memcpy(void* dst, const void* src, u32 n) {
    void* d = dst;
    __asm__ volatile("rep movsb" : "+D"(d), "+S"(src), "+c"(n)::"memory");
    return dst;
}

void* memmove(void* dst, const void* src, u32 n) {
    u8* d = dst;
    const u8* s = src;
    if (d <= s || d >= s + n) return memcpy(dst, src, n);
    while (n-- != 0) d[n] = s[n];
    return dst;
}

void* memset(void* dst, int c, u32 n) {
    void* d = dst;
    __asm__ volatile("rep stosb" : "+D"(d), "+c"(n) : "a"(c) : "memory");
    return dst;
}

int memcmp(const void* a, const void* b, u32 n) {
    const u8 *x = a, *y = b;
    for (; n != 0; n--, x++, y++) {
        if (*x != *y) return *x - *y;
    }
    return 0;
}

u32 string_length(const char* s) {
    u32 n = 0;
    while (s[n] != '\0') n++;
    return n;
}

bool_t string_starts(const char* s, const char* prefix) {
    return memcmp(s, prefix, string_length(prefix)) == 0;
}

u8 byte_sum(const void* p, u32 n) {
    const u8* b = p;
    u8 sum = 0;
    while (n-- != 0) sum = (u8)(sum + *b++);
    return sum;
}
