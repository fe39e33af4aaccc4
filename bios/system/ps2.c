// The 8042 keyboard controller: reset, commands to keyboard and auxiliary device, the A20 gate.
// IBM PS/2 Hardware Interface Technical Reference, "Keyboard and Auxiliary Device Controller".
#include "bios.h"

enum { DATA = 0x60, STATUS = 0x64, COMMAND = 0x64 };
enum { OUTPUT_FULL = 1, INPUT_FULL = 2, FROM_AUX = 0x20 };
enum { IRQ_KEYBOARD = 1, IRQ_AUX = 2, SYSTEM_FLAG = 4, NO_KEYBOARD = 0x10, NO_AUX = 0x20, TRANSLATE = 0x40 };
enum { ACK = 0xFA, RESEND = 0xFE, TIMEOUT_US = 50000 };

static u8 mode = IRQ_KEYBOARD | SYSTEM_FLAG | NO_AUX | TRANSLATE;
static u8 controller_ok, mouse_ok;

static bool_t write_to(u16 port, u8 v) {
    struct Deadline d;
    deadline_start(&d, TIMEOUT_US);
    while ((inb(STATUS) & INPUT_FULL) != 0) {
        if (deadline_passed(&d)) return 0;
    }
    outb(port, v);
    return 1;
}

// The next byte from the wanted side; bytes of the other side that were on their way are dropped.
static bool_t read_from(bool_t aux, u8* v, u32 timeout) {
    struct Deadline d;
    deadline_start(&d, timeout);
    for (;;) {
        u8 status = inb(STATUS);
        if ((status & OUTPUT_FULL) != 0) {
            u8 byte = inb(DATA);
            if (((status & FROM_AUX) != 0) == aux) {
                *v = byte;
                return 1;
            }
        }
        if (deadline_passed(&d)) return 0;
    }
}

static void flush(void) {
    for (u32 i = 0; i < 64 && (inb(STATUS) & OUTPUT_FULL) != 0; i++) inb(DATA);
}

static void set_mode(u8 m) {
    write_to(COMMAND, 0x60);
    write_to(DATA, m);
}

// While we talk to a device its answers must not raise interrupts.
static void quiet(bool_t aux) {
    set_mode((u8)((mode & ~(IRQ_KEYBOARD | IRQ_AUX)) | (aux ? NO_KEYBOARD : NO_AUX)));
    if (aux) set_mode((u8)((mode & ~(IRQ_KEYBOARD | IRQ_AUX | NO_AUX)) | NO_KEYBOARD));
}

static void normal(void) { set_mode(mode); }

static bool_t send(bool_t aux, u8 byte, u32 timeout) {
    for (u32 tries = 0; tries < 3; tries++) {
        if (aux && !write_to(COMMAND, 0xD4)) return 0;
        if (!write_to(DATA, byte)) return 0;
        u8 answer;
        do {
            if (!read_from(aux, &answer, timeout)) return 0;
        } while (answer != ACK && answer != RESEND);
        if (answer == ACK) return 1;
    }
    return 0;
}

bool_t ps2_keyboard_command(u8 command, const u8* argument) {
    if (!controller_ok) return 0;
    quiet(0);
    bool_t ok = send(0, command, TIMEOUT_US);
    if (ok && argument != 0) ok = send(0, *argument, TIMEOUT_US);
    normal();
    return ok;
}

bool_t ps2_aux(u8 byte, u8* answer, u32 answers) {
    if (!controller_ok) return 0;
    quiet(1);
    bool_t ok = send(1, byte, TIMEOUT_US);
    for (u32 i = 0; ok && i < answers; i++)
        ok = read_from(1, &answer[i], byte == 0xFF ? 1000000 : TIMEOUT_US);
    normal();
    return ok;
}

bool_t ps2_mouse_present(void) { return mouse_ok; }

void ps2_aux_irq(bool_t on) {
    mode = (u8)(on ? (mode & ~NO_AUX) | IRQ_AUX : (mode & ~IRQ_AUX) | NO_AUX);
    normal();
}

void ps2_setup(void) {
    flush();
    u8 answer = 0;
    if (inb(STATUS) == 0xFF || !write_to(COMMAND, 0xAA) || !read_from(0, &answer, 300000) || answer != 0x55) {
        debugf("keyboard controller does not answer (%02x)\n", answer);
        return;
    }
    controller_ok = 1;
    set_mode((u8)(mode & ~IRQ_KEYBOARD));
    write_to(COMMAND, 0xAE);
    bool_t keyboard = send(0, 0xFF, 200000) && read_from(0, &answer, 1000000) && answer == 0xAA;
    if (keyboard) {
        send(0, 0xF0, TIMEOUT_US);  // scan code set 2, which the controller turns into set 1
        send(0, 0x02, TIMEOUT_US);
        send(0, 0xF4, TIMEOUT_US);
        BDA->kbd_flags2 = 0x10;
    } else {
        debugf("no keyboard\n");
    }
    u8 reset[2];
    mouse_ok = (u8)(ps2_aux(0xFF, reset, 2) && reset[0] == 0xAA);
    if (mouse_ok) BDA->equipment |= 4;
    flush();
    normal();
}

bool_t a20_get(void) { return (inb(0x92) & 2) != 0; }

void a20_set(bool_t on) { outb(0x92, (u8)((inb(0x92) & ~3) | (on ? 2 : 0))); }
