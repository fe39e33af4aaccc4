// The BIOS services as a program sees them: a diskette that boots, calls INT 10h-1Ah and tells the results on
// the debug port. Needs a 1.44 MB drive 0 and a hard disk of at least 1 MB that it may write to (sector 100
// and 101).
#include "../bios.h"

struct Registers {
    u32 eax, ebx, ecx, edx, esi, edi, ebp;
    u16 ds, es, flags, unused_flags;
};

u32 call_bios(struct Registers* r, u32 vector);
extern volatile u16 mouse_calls, mouse_status, mouse_x, mouse_y;
extern u8 mouse_handler[];

static struct Registers r;
static u32 failed, passed;
static u8 buffer[1024];

static void put(const char* s) {
    while (*s != '\0') outb(0x402, (u8)*s++);
}

static void put_hex(u32 v) {
    for (int shift = 28; shift >= 0; shift -= 4) outb(0x402, (u8) "0123456789abcdef"[v >> shift & 15]);
}

static void expect(const char* what, u32 got, u32 wanted) {
    if (got == wanted) {
        passed++;
        return;
    }
    failed++;
    put("FAIL ");
    put(what);
    put(": got ");
    put_hex(got);
    put(" wanted ");
    put_hex(wanted);
    put("\n");
}

static void expect_true(const char* what, bool_t ok) { expect(what, ok != 0, 1); }

enum { HIGH = 0xA5C30000 };

// Calls with marked upper halves and the rest zero; AX as given. The stack must come back as it was.
static bool_t call(u8 vector, u16 ax, u16 bx, u16 cx, u16 dx) {
    r.eax = HIGH | ax;
    r.ebx = HIGH | bx;
    r.ecx = HIGH | cx;
    r.edx = HIGH | dx;
    r.ebp = 0x12345678;
    expect_true("stack is balanced", (bool_t)call_bios(&r, vector));
    expect("EBP is preserved", r.ebp, 0x12345678);
    return (r.flags & FLAG_CF) != 0;
}

static void reset_registers(void) {
    memset(&r, 0, sizeof r);
    r.esi = HIGH;
    r.edi = HIGH;
}

static u16 ax(void) { return (u16)r.eax; }
static u8 ah(void) { return (u8)(r.eax >> 8); }

static void check_high_halves(const char* what) {
    expect(what, r.eax >> 16 & r.ebx >> 16 & r.ecx >> 16 & r.edx >> 16 & r.esi >> 16 & r.edi >> 16,
           HIGH >> 16);
}

void* memset(void* dst, int c, u32 n) {
    u8* d = dst;
    while (n-- != 0) *d++ = (u8)c;
    return dst;
}

void* memcpy(void* dst, const void* src, u32 n) {
    u8* d = dst;
    const u8* s = src;
    while (n-- != 0) *d++ = *s++;
    return dst;
}

int memcmp(const void* a, const void* b, u32 n) {
    const u8 *x = a, *y = b;
    for (; n != 0; n--, x++, y++) {
        if (*x != *y) return *x - *y;
    }
    return 0;
}

static void test_equipment(void) {
    reset_registers();
    call(0x12, 0, 0, 0, 0);
    expect("INT 12h", ax(), 639);
    call(0x11, 0, 0, 0, 0);
    expect("INT 11h: diskette, coprocessor, 80x25", ax() & 0x33, 0x23);
    check_high_halves("INT 11h: upper halves");
}

static void test_memory(void) {
    reset_registers();
    u32 end = 0, count = 0;
    r.edi = (u32)buffer;
    r.ebx = 0;
    do {
        r.eax = 0xE820;
        r.ecx = 20;
        r.edx = 0x534D4150;
        call_bios(&r, 0x15);
        expect("E820: signature", r.eax, 0x534D4150);
        expect("E820: size", r.ecx, 20);
        u32 start, length, type;
        memcpy(&start, buffer, 4);
        memcpy(&length, buffer + 8, 4);
        memcpy(&type, buffer + 16, 4);
        expect_true("E820: ascending", count == 0 || start >= end);
        if (count == 0) expect("E820: base memory", start | length | type, 639 * 1024 | 1);
        end = start + length;
        count++;
    } while (r.ebx != 0 && count < 32);
    expect("E820: ends at 4 GB", end, 0);
    expect("E820: no carry on the last", r.flags & FLAG_CF, 0);
    call(0x15, 0x8800, 0, 0, 0);
    u16 k = ax();
    expect_true("88h: some memory", k >= 1024);
    expect("E801: no carry", call(0x15, 0xE801, 0, 0, 0), 0);
    expect("E801: AX = CX", ax(), (u16)r.ecx);
    expect("E801: BX = DX", (u16)r.ebx, (u16)r.edx);
    expect("C0h", call(0x15, 0xC000, 0, 0, 0), 0);
    expect("C0h: model", far_read8(r.es, (u16)(r.ebx + 2)), 0xFC);
    call(0x15, 0xC100, 0, 0, 0);
    expect("C1h", r.es, 0x9FC0);
    expect("unknown function: carry", call(0x15, 0xFF00, 0, 0, 0), 1);
    expect("unknown function: AH", ah(), 0x86);
}

static void test_a20_and_block_move(void) {
    reset_registers();
    static u8 gdt[48];
    call(0x15, 0x2400, 0, 0, 0);
    call(0x15, 0x2402, 0, 0, 0);
    expect("A20 off", ax(), 0);
    call(0x15, 0x2401, 0, 0, 0);
    call(0x15, 0x2402, 0, 0, 0);
    expect("A20 on", ax(), 1);
    memset(gdt, 0, sizeof gdt);
    for (u32 i = 0; i < 256; i++) buffer[i] = (u8)(i * 7);
    for (u32 pass = 0; pass < 2; pass++) {  // to 1 MB + 64 KB and back
        u32 source = pass == 0 ? (u32)buffer : 0x110000, target = pass == 0 ? 0x110000 : (u32)buffer + 512;
        u32 at[2] = {source, target};
        for (u32 i = 0; i < 2; i++) {
            u8* d = gdt + 16 + i * 8;
            d[0] = d[1] = 0xFF;
            d[2] = (u8)at[i];
            d[3] = (u8)(at[i] >> 8);
            d[4] = (u8)(at[i] >> 16);
            d[5] = 0x93;
        }
        r.esi = HIGH | (u32)gdt;
        r.es = 0;
        expect("87h: no carry", call(0x15, 0x8700, 0, 128, 0), 0);
        expect("87h: AH", ah(), 0);
    }
    expect("87h: the data came back", (u32)memcmp(buffer, buffer + 512, 256), 0);
}

static void test_power_management(void) {
    reset_registers();
    expect("5300h", call(0x15, 0x5300, 0, 0, 0), 0);
    expect("5300h: version", ax(), 0x0102);
    expect("5300h: signature", (u16)r.ebx, 0x504D);
    expect("5300h: flags", (u16)r.ecx, 0);
    expect("5300h: no such device", call(0x15, 0x5300, 1, 0, 0), 1);
    expect("5300h: no such device, AH", ah(), 0x09);
    expect("5305h before connecting", call(0x15, 0x5305, 0, 0, 0), 1);
    expect("5305h before connecting, AH", ah(), 0x03);
    expect("5303h", call(0x15, 0x5303, 0, 0, 0), 1);
    expect("5303h: AH", ah(), 0x08);
    expect("5301h", call(0x15, 0x5301, 0, 0, 0), 0);
    expect("5301h again", call(0x15, 0x5301, 0, 0, 0), 1);
    expect("5301h again, AH", ah(), 0x02);
    expect("530Eh", call(0x15, 0x530E, 0, 0x0101, 0), 0);
    expect("530Eh: version", ax(), 0x0101);
    expect("530Ah", call(0x15, 0x530A, 1, 0, 0), 0);
    expect("530Ah: on line", (u16)r.ebx, 0x01FF);
    expect("530Bh", call(0x15, 0x530B, 0, 0, 0), 1);
    expect("530Bh: AH", ah(), 0x80);
    u32 ticks = far_read32(0x40, 0x6C);
    for (u32 i = 0; i < 100 && far_read32(0x40, 0x6C) - ticks < 2; i++)
        expect("5305h", call(0x15, 0x5305, 0, 0, 0), 0);
    expect_true("5305h: woken by the timer", far_read32(0x40, 0x6C) - ticks >= 2);
    expect("5304h", call(0x15, 0x5304, 0, 0, 0), 0);
    expect("5307h after disconnecting", call(0x15, 0x5307, 1, 3, 0), 1);
}

static void test_time(void) {
    reset_registers();
    call(0x1A, 0x0100, 0, 0x0012, 0x3456);
    call(0x1A, 0x0000, 0, 0, 0);
    expect("ticks: high", (u16)r.ecx, 0x0012);
    expect_true("ticks: low", (u16)r.edx - 0x3456u < 3);
    check_high_halves("INT 1Ah: upper halves");
    u32 before = far_read32(0x40, 0x6C);
    expect("86h", call(0x15, 0x8600, 0, 2, 0x0000), 0);  // 131 ms
    u32 ticks = far_read32(0x40, 0x6C) - before;
    // 2.4 ticks; more when the emulator drops interrupts of the real-time clock on a busy host.
    expect_true("86h: waited long enough", ticks >= 2 && ticks < 40);
    buffer[0] = 0;
    r.es = 0;
    expect("83h", call(0x15, 0x8300, (u16)(u32)buffer, 0, 2000), 0);
    for (u32 i = 0; i < 10000000 && (*(volatile u8*)buffer & 0x80) == 0; i++) inb(0x80);
    expect("83h: flag", buffer[0], 0x80);
    expect("date: no carry", call(0x1A, 0x0400, 0, 0, 0), 0);
    expect("date: century", (u8)(r.ecx >> 8), 0x20);
    expect("time: no carry", call(0x1A, 0x0200, 0, 0, 0), 0);
    expect_true("time: hour", (u8)(r.ecx >> 8) < 0x24);
}

static void test_pci(void) {
    reset_registers();
    expect("B101: no carry", call(0x1A, 0xB101, 0, 0, 0), 0);
    expect("B101: signature", r.edx, 0x20494350);
    expect("B101: version", (u16)r.ebx, 0x0210);
    r.esi = HIGH;
    expect("B102: found", call(0x1A, 0xB102, 0, 0x7000, 0x8086), 0);
    expect("B102: where", (u16)r.ebx, 0x0008);
    r.edi = HIGH;
    expect("B109", call(0x1A, 0xB109, 8, 0, 0), 0);
    expect("B109: vendor", (u16)r.ecx, 0x8086);
    r.edi = HIGH | 1;
    expect("B109: odd register", call(0x1A, 0xB109, 8, 0, 0), 1);
    expect("B109: odd register, AH", ah(), 0x87);
    expect("B102: not found", call(0x1A, 0xB102, 0, 0x1234, 0x8087), 1);
    expect("B102: not found, AH", ah(), 0x86);
    far_write16(0, (u16)(u32)buffer, 0);
    r.edi = HIGH | (u32)buffer;
    r.es = 0;
    call(0x1A, 0xB10E, 0, 0, 0);
    expect("B10E: buffer too small", ah(), 0x89);
    expect("B10E: size", far_read16(0, (u16)(u32)buffer), 31 * 16);
}

static void inject(u8 scan_code) {
    while ((inb(0x64) & 3) != 0) {
    }
    outb(0x64, 0xD2);
    while ((inb(0x64) & 2) != 0) {
    }
    outb(0x60, scan_code);
    for (u32 i = 0; i < 200; i++) inb(0x80);
}

static void expect_key(const char* what, u8 function, u16 key) {
    call(0x16, (u16)((function | 1) << 8), 0, 0, 0);
    expect_true(what, (r.flags & FLAG_ZF) == 0);
    if ((r.flags & FLAG_ZF) != 0) return;
    expect(what, ax(), key);
    call(0x16, (u16)(function << 8), 0, 0, 0);
    expect(what, ax(), key);
}

static void test_keyboard(void) {
    reset_registers();
    call(0x16, 0x0100, 0, 0, 0);
    expect_true("no key: ZF", (r.flags & FLAG_ZF) != 0);
    call(0x16, 0x0500, 0, 0x1234, 0);
    expect("05h: stored", ax() & 0xFF, 0);
    expect_key("05h", 0x00, 0x1234);
    check_high_halves("INT 16h: upper halves");
    inject(0x1E);
    inject(0x9E);
    expect_key("a", 0x00, 0x1E61);
    inject(0x2A);
    inject(0x1E);
    inject(0x9E);
    call(0x16, 0x0200, 0, 0, 0);
    expect("left shift", ax() & 0xFF, 2);
    inject(0xAA);
    expect_key("A", 0x00, 0x1E41);
    inject(0xE0);
    inject(0x48);
    inject(0xE0);
    inject(0xC8);
    expect_key("grey up, enhanced", 0x10, 0x48E0);
    inject(0xE0);
    inject(0x48);
    expect_key("grey up", 0x00, 0x4800);
    inject(0xE0);
    inject(0x1C);
    expect_key("keypad enter", 0x00, 0x1C0D);
    inject(0x57);
    expect_key("F11, enhanced", 0x10, 0x8500);
    inject(0x57);
    call(0x16, 0x0100, 0, 0, 0);
    expect_true("F11 is not for function 01h", (r.flags & FLAG_ZF) != 0);
    inject(0x1D);
    inject(0x2E);
    inject(0x9D);
    expect_key("Ctrl-C", 0x00, 0x2E03);
    inject(0x38);
    inject(0x4D);
    inject(0x4C);
    inject(0xB8);
    expect_key("Alt 6 5", 0x00, 0x0041);
    inject(0x3A);
    inject(0xBA);
    inject(0x1E);
    expect_key("caps lock", 0x00, 0x1E41);
    inject(0x3A);
    inject(0xBA);
    inject(0x1D);
    inject(0xE0);
    inject(0x46);
    inject(0x9D);
    expect("Ctrl-Break: 40:71", far_read8(0x40, 0x71), 0x80);
    expect_key("Ctrl-Break", 0x00, 0x0000);
}

static void test_mouse(void) {
    reset_registers();
    expect("C205", call(0x15, 0xC205, 0x0300, 0, 0), 0);
    expect("C205: BH, BL", (u16)r.ebx, 0x00AA);
    expect("C204", call(0x15, 0xC204, 0, 0, 0), 0);
    expect("C204: type", (u16)r.ebx >> 8, 0);
    expect("C200 without handler", call(0x15, 0xC200, 0x0100, 0, 0), 1);
    expect("C200 without handler, AH", ah(), 5);
    r.es = 0;
    expect("C207", call(0x15, 0xC207, (u16)(u32)mouse_handler, 0, 0), 0);
    expect("C202", call(0x15, 0xC202, 0x0500, 0, 0), 0);
    expect("C203", call(0x15, 0xC203, 0x0300, 0, 0), 0);
    expect("C203: bad input", call(0x15, 0xC203, 0x0900, 0, 0), 1);
    expect("C206", call(0x15, 0xC206, 0x0000, 0, 0), 0);
    expect("C206: resolution", (u8)r.ecx, 3);
    expect("C206: rate", (u8)r.edx, 100);
    expect("C200", call(0x15, 0xC200, 0x0100, 0, 0), 0);
    static const u8 package[3] = {0x09, 0x05, 0x03};
    for (u32 i = 0; i < 3; i++) {  // as if the mouse had sent them
        while ((inb(0x64) & 3) != 0) {
        }
        outb(0x64, 0xD3);
        while ((inb(0x64) & 2) != 0) {
        }
        outb(0x60, package[i]);
        for (u32 n = 0; n < 200; n++) inb(0x80);
    }
    expect("mouse handler: calls", mouse_calls, 1);
    expect("mouse handler: status", mouse_status, 0x09);
    expect("mouse handler: x", mouse_x, 5);
    expect("mouse handler: y", mouse_y, 3);
    expect("C200 off", call(0x15, 0xC200, 0x0000, 0, 0), 0);
}

static void test_diskette(void) {
    reset_registers();
    expect("diskette 08h", call(0x13, 0x0800, 0, 0, 0), 0);
    expect("diskette 08h: type", (u16)r.ebx & 0xFF, 4);
    expect("diskette 08h: CX", (u16)r.ecx, 0x4F12);
    expect("diskette 08h: DX", (u16)r.edx, 0x0101);
    expect("diskette 15h", call(0x13, 0x15FF, 0, 0, 0), 0);
    expect("diskette 15h: AH", ah(), 2);
    r.es = 0;
    call(0x13, 0x0000, 0, 0, 0);
    expect("diskette read", call(0x13, 0x0201, (u16)(u32)buffer, 0x0001, 0), 0);
    expect("diskette read: AX", ax(), 0x0001);
    expect("diskette read: signature", buffer[510] | (u32)buffer[511] << 8, 0xAA55);
    check_high_halves("INT 13h: upper halves");
    expect("diskette verify", call(0x13, 0x0404, 0, 0x0001, 0), 0);
    r.es = 0x1FFF;
    expect("diskette DMA boundary", call(0x13, 0x0202, 0, 0x0001, 0), 1);
    expect("diskette DMA boundary: AH", ah(), 0x09);
    r.es = 0;
    for (u32 i = 0; i < 1024; i++) buffer[i] = (u8)(i ^ i >> 8);
    expect("diskette write across the heads", call(0x13, 0x0302, (u16)(u32)buffer, 0x4F12, 0), 0);
    memset(buffer, 0, sizeof buffer);
    expect("diskette read across the heads", call(0x13, 0x0202, (u16)(u32)buffer, 0x4F12, 0), 0);
    expect("diskette data", buffer[1] | (u32)buffer[513] << 8, 0x0301);
    expect("diskette: no such sector", call(0x13, 0x0201, (u16)(u32)buffer, 0x0013, 0), 1);
    expect("diskette: no such sector, AH", ah(), 0x04);
    expect("diskette 01h", call(0x13, 0x0100, 0, 0, 0), 1);
    expect("diskette 01h: AH", ah(), 0x04);
    expect("drive 1: carry", call(0x13, 0x0201, (u16)(u32)buffer, 0x0001, 1), 1);
}

static u8 packet[16];

static void make_packet(u32 sectors, u32 lba) {
    memset(packet, 0, sizeof packet);
    packet[0] = 16;
    packet[2] = (u8)sectors;
    packet[4] = (u8)(u32)buffer;
    packet[5] = (u8)((u32)buffer >> 8);
    packet[8] = (u8)lba;
    packet[9] = (u8)(lba >> 8);
    packet[10] = (u8)(lba >> 16);
    r.esi = HIGH | (u32)packet;
    r.ds = 0;
}

static void test_hard_disk(void) {
    reset_registers();
    expect("disk 08h", call(0x13, 0x0800, 0, 0, 0x80), 0);
    u32 heads = ((u16)r.edx >> 8) + 1u, sectors = (u16)r.ecx & 0x3F;
    expect("disk 08h: one drive", (u16)r.edx & 0xFF, 1);
    expect("40:75", far_read8(0x40, 0x75), 1);
    expect_true("disk 08h: geometry", heads >= 2 && sectors >= 17);
    expect("41h", call(0x13, 0x4100, 0x55AA, 0, 0x80), 0);
    expect("41h: BX", (u16)r.ebx, 0xAA55);
    expect("41h: version", ah(), 0x30);
    for (u32 i = 0; i < 1024; i++) buffer[i] = (u8)(i * 13 + 1);
    make_packet(2, 100);
    expect("43h", call(0x13, 0x4300, 0, 0, 0x80), 0);
    check_high_halves("43h: upper halves");
    memset(buffer, 0, sizeof buffer);
    make_packet(2, 100);
    expect("42h", call(0x13, 0x4200, 0, 0, 0x80), 0);
    expect("42h: data", buffer[1023], (u8)(1023 * 13 + 1));
    // The same sector by cylinder, head and sector.
    u32 cylinder = 100 / sectors / heads, head = 100 / sectors % heads, sector = 100 % sectors + 1;
    memset(buffer, 0, sizeof buffer);
    r.es = 0;
    expect("disk read",
           call(0x13, 0x0202, (u16)(u32)buffer, (u16)(cylinder << 8 | sector), (u16)(head << 8 | 0x80)), 0);
    expect("disk read: AX", ax(), 2);
    expect("disk read: data", buffer[1023], (u8)(1023 * 13 + 1));
    expect("disk read: sector 0", call(0x13, 0x0201, (u16)(u32)buffer, 0, 0x80), 1);
    expect("disk verify", call(0x13, 0x0401, 0, 1, 0x80), 0);
    expect("10h", call(0x13, 0x1000, 0, 0, 0x80), 0);
    expect("15h", call(0x13, 0x1500, 0, 0, 0x80), 0);
    expect("15h: AH", ah(), 3);
    make_packet(1, 0xFFFFFF);
    expect("42h beyond the end", call(0x13, 0x4200, 0, 0, 0x80), 1);
    expect("42h beyond the end: blocks done", packet[2], 0);
    buffer[0] = 30;
    buffer[1] = 0;
    r.esi = HIGH | (u32)buffer;
    expect("48h", call(0x13, 0x4800, 0, 0, 0x80), 0);
    expect("48h: sector size", buffer[24] | (u32)buffer[25] << 8, 512);
    u16 off = (u16)(buffer[26] | buffer[27] << 8), seg = (u16)(buffer[28] | buffer[29] << 8);
    expect("48h: ports", far_read16(seg, off), 0x1F0);
    u8 sum = 0;
    for (u16 i = 0; i < 16; i++) sum = (u8)(sum + far_read8(seg, (u16)(off + i)));
    expect("48h: checksum", sum, 0);
    expect("no such disk", call(0x13, 0x0201, (u16)(u32)buffer, 1, 0x85), 1);
    // Nothing of the caller's stack is needed beyond its own frame and the entry's.
    far_write32(0x9000, 0x80, 0x5A5A5A5A);
    call(0x13, 0x0201, (u16)(u32)buffer, 1, 0x80);
    expect("little stack", far_read32(0x9000, 0x80), 0x5A5A5A5A);
}

static void test_tables(void) {
    static const struct {
        char text[9];
        u8 length_at, length_unit;  // where its length is (0: 20 bytes), and in what; 0: a word in bytes
    } signatures[] = {{"RSD PTR ", 0, 0}, {"_SM_", 5, 1}, {"$PIR", 6, 0}, {"_32_", 9, 16}, {"$PnP", 5, 1}};
    for (u32 i = 0; i < ARRAY_LEN(signatures); i++) {
        u32 found = 0, length = 0;
        while (signatures[i].text[length] != '\0') length++;
        for (u32 at = 0; at < 0x10000; at += 16) {
            u32 n = 0;
            while (n < length && far_read8(0xF000, (u16)(at + n)) == (u8)signatures[i].text[n]) n++;
            if (n != length) continue;
            u32 bytes = 20;
            u8 sum = 0;
            if (signatures[i].length_at != 0)
                bytes = signatures[i].length_unit == 0
                            ? far_read16(0xF000, (u16)(at + signatures[i].length_at))
                            : (u32)far_read8(0xF000, (u16)(at + signatures[i].length_at)) * signatures[i].length_unit;
            for (n = 0; n < bytes; n++) sum = (u8)(sum + far_read8(0xF000, (u16)(at + n)));
            if (bytes != 0 && sum == 0) found++;
        }
        expect(signatures[i].text, found, 1);
    }
    u8 before = far_read8(0xF000, 0xFFF0);
    far_write8(0xF000, 0xFFF0, (u8)~before);
    expect("F0000 is write-protected", far_read8(0xF000, 0xFFF0), before);
}

void run_tests(void);
void run_tests(void) {
    test_equipment();
    test_memory();
    test_a20_and_block_move();
    test_power_management();
    test_time();
    test_pci();
    test_keyboard();
    test_mouse();
    test_diskette();
    test_hard_disk();
    test_tables();
    put("passed ");
    put_hex(passed);
    put(failed == 0 ? " ALL PASSED\n" : " WITH FAILURES\n");
    outb(0xF4, failed == 0 ? 0x10 : 0x11);
}
