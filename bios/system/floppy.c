// INT 13h for diskette drives (also INT 40h) and INT 0Eh: an 82077AA-type controller with DMA channel 2.
// Intel 82077AA datasheet; IBM PC/AT Technical Reference, "Diskette"; IBM PS/2 BIOS Interface, "Interrupt
// 13h".
#include "bios.h"

enum { DOR = 0x3F2, MSR = 0x3F4, FIFO = 0x3F5, DIR = 0x3F7, CCR = 0x3F7 };
enum {
    OK = 0,
    BAD_COMMAND = 1,
    NO_ADDRESS_MARK = 2,
    WRITE_PROTECTED = 3,
    NOT_FOUND = 4,
    CHANGED = 6,
    DMA_OVERRUN = 8
};
enum { DMA_BOUNDARY = 9, BAD_CRC = 0x10, CONTROLLER = 0x20, SEEK_FAILED = 0x40, NOT_READY = 0x80 };
enum { MEDIA_KNOWN = 0x10, DOUBLE_STEP = 0x20 };
enum { TIMEOUT_US = 1500000, BYTE_TIMEOUT_US = 50000 };
enum { READ = 0xE6, WRITE = 0xC5, FORMAT = 0x4D, READ_ID = 0x4A };

// By CMOS type 1-5; the rate field is that of port 3F7h.
struct Format {
    u8 tracks, sectors, rate, media;  // media: the value for 40:90, less the drive's own bits
};
static const struct Format formats[6] = {
    {0, 0, 0, 0},      {40, 9, 2, 0x93},  // 360 KB
    {80, 15, 0, 0x15},                    // 1.2 MB
    {80, 9, 2, 0x97},                     // 720 KB
    {80, 18, 0, 0x17},                    // 1.44 MB
    {80, 36, 3, 0xD7},                    // 2.88 MB
};

// What to try on each type of drive to find the density of a medium, by index into formats.
static const u8 candidates[6][3] = {{0}, {1}, {2, 1}, {3}, {4, 3}, {5, 4, 3}};

static u8 drive_types[2];

// Diskette parameter tables for AH=08h (ES:DI), in the layout of INT 1Eh.
static const u8 parameter_tables[6][11] = {
    {0},
    {0xDF, 0x02, 0x25, 0x02, 9, 0x2A, 0xFF, 0x50, 0xF6, 0x0F, 0x08},
    {0xDF, 0x02, 0x25, 0x02, 15, 0x1B, 0xFF, 0x54, 0xF6, 0x0F, 0x08},
    {0xDF, 0x02, 0x25, 0x02, 9, 0x2A, 0xFF, 0x50, 0xF6, 0x0F, 0x08},
    {0xAF, 0x02, 0x25, 0x02, 18, 0x1B, 0xFF, 0x6C, 0xF6, 0x0F, 0x08},
    {0xAF, 0x02, 0x25, 0x02, 36, 0x1B, 0xFF, 0x53, 0xF6, 0x0F, 0x08},
};

u32 floppy_count(void) { return (drive_types[0] != 0) + (drive_types[1] != 0); }

static u8 dpt(u8 index) {
    u32 table = get_vector(0x1E);
    return far_read8((u16)(table >> 16), (u16)(table + index));
}

static bool_t put_byte(u8 v) {
    struct Deadline d;
    deadline_start(&d, BYTE_TIMEOUT_US);
    while ((inb(MSR) & 0xC0) != 0x80) {
        if (deadline_passed(&d)) return 0;
    }
    outb(FIFO, v);
    return 1;
}

static bool_t get_byte(u8* v) {
    struct Deadline d;
    deadline_start(&d, BYTE_TIMEOUT_US);
    while ((inb(MSR) & 0xC0) != 0xC0) {
        if (deadline_passed(&d)) return 0;
    }
    *v = inb(FIFO);
    return 1;
}

static bool_t put_bytes(const u8* bytes, u32 n) {
    for (u32 i = 0; i < n; i++) {
        if (!put_byte(bytes[i])) return 0;
    }
    return 1;
}

static bool_t get_results(u32 n) {
    for (u32 i = 0; i < n; i++) {
        u8 v;
        if (!get_byte(&v)) return 0;
        BDA->floppy_result[i] = v;
    }
    return 1;
}

static bool_t wait_irq(void) {
    struct Deadline d;
    deadline_start(&d, TIMEOUT_US);
    while ((BDA->floppy_recal & 0x80) == 0) {
        if (deadline_passed(&d)) return 0;
        yield();
    }
    BDA->floppy_recal &= 0x7F;
    return 1;
}

// IRQ 6.
int floppy_irq(struct Regs* r UNUSED) {
    BDA->floppy_recal |= 0x80;
    outb(0x20, 0x20);
    return DONE;
}

static u8 reset_controller(void) {
    u8 dor = (u8)((BDA->floppy_motor & 3) << 4 | (BDA->floppy_motor >> 4 & 3) | 0x08);
    BDA->floppy_recal = 0;
    outb(DOR, dor);
    io_delay();
    outb(DOR, dor | 0x04);
    if (!wait_irq()) return CONTROLLER;
    for (u32 i = 0; i < 4; i++) {  // all four units report the reset, also those that are not there
        if (!put_byte(0x08) || !get_results(2)) return CONTROLLER;
    }
    u8 specify[3] = {0x03, dpt(0), dpt(1)};
    return put_bytes(specify, 3) ? OK : CONTROLLER;
}

// Selects the drive and starts its motor; the drives of this machine are at speed at once.
static u8 select_drive(u8 drive) {
    u8 status = OK;
    if ((inb(DOR) & 0x04) == 0) status = reset_controller();
    BDA->floppy_motor_count = 0xFF;
    BDA->floppy_motor = (u8)((BDA->floppy_motor & 0x80) | drive << 4 | 1 << drive);
    outb(DOR, (u8)(0x10 << drive | 0x0C | drive));
    return status;
}

static u8 sense_interrupt(void) {
    if (!put_byte(0x08) || !get_results(2)) return CONTROLLER;
    return (BDA->floppy_result[0] & 0xC0) == 0 ? OK : SEEK_FAILED;
}

static u8 recalibrate(u8 drive) {
    for (u32 tries = 0; tries < 2; tries++) {  // one command steps 77 tracks at most
        u8 command[2] = {0x07, drive};
        BDA->floppy_recal &= 0x7F;
        if (!put_bytes(command, 2)) return CONTROLLER;
        if (!wait_irq()) return NOT_READY;
        u8 status = sense_interrupt();
        if (status == OK) {
            BDA->floppy_recal |= (u8)(1 << drive);
            BDA->floppy_track[drive] = 0;
            return OK;
        }
    }
    return SEEK_FAILED;
}

static u8 seek(u8 drive, u8 head, u8 track) {
    if ((BDA->floppy_recal & 1 << drive) == 0) {
        u8 status = recalibrate(drive);
        if (status != OK) return status;
    }
    u8 physical = (BDA->floppy_media[drive] & DOUBLE_STEP) != 0 ? (u8)(track * 2) : track;
    if (BDA->floppy_track[drive] == physical) return OK;
    u8 command[3] = {0x0F, (u8)(head << 2 | drive), physical};
    BDA->floppy_recal &= 0x7F;
    if (!put_bytes(command, 3)) return CONTROLLER;
    if (!wait_irq()) return NOT_READY;
    u8 status = sense_interrupt();
    if (status == OK) BDA->floppy_track[drive] = physical;
    return status;
}

static void set_rate(u8 drive) {
    u8 rate = BDA->floppy_media[drive] >> 6;
    outb(CCR, rate);
    BDA->floppy_rate = (u8)((BDA->floppy_rate & 0x3F) | rate << 6);
}

static bool_t changed(void) { return (inb(DIR) & 0x80) != 0; }

// The change line drops at a step pulse, but only with a medium in the drive.
static u8 clear_change(u8 drive) {
    u8 other = BDA->floppy_track[drive] == 0 ? 1 : 0;
    u8 status = recalibrate(drive);
    BDA->floppy_media[drive] &= (u8)~DOUBLE_STEP;
    if (status == OK) status = seek(drive, 0, other);
    if (status == OK) status = seek(drive, 0, 0);
    if (status != OK) return status;
    return changed() ? NOT_READY : OK;
}

static u8 read_id(u8 drive) {
    u8 command[2] = {READ_ID, drive};
    BDA->floppy_recal &= 0x7F;
    if (!put_bytes(command, 2)) return CONTROLLER;
    if (!wait_irq()) {
        reset_controller();
        return NOT_READY;
    }
    if (!get_results(7)) return CONTROLLER;
    return (BDA->floppy_result[0] & 0xC0) == 0 ? OK : NO_ADDRESS_MARK;
}

// Finds the density of the medium by reading an address mark at each rate that the drive knows.
static u8 establish_media(u8 drive) {
    u8 status = NO_ADDRESS_MARK;
    for (u32 i = 0; i < 3; i++) {
        u8 format = candidates[drive_types[drive]][i];
        if (format == 0) break;
        u8 media = formats[format].media;
        if (drive_types[drive] == 2 && format == 1)
            media = 0x74;  // 40 tracks at 300 kbit/s on an 80-track drive
        BDA->floppy_media[drive] = media;
        set_rate(drive);
        status = seek(drive, 0, 0);
        if (status == OK) status = read_id(drive);
        if (status == OK) return OK;
        if (status == NOT_READY) break;
    }
    BDA->floppy_media[drive] = (u8)(formats[drive_types[drive]].media & ~MEDIA_KNOWN);
    return status;
}

static u8 result_status(void) {
    u8 st0 = BDA->floppy_result[0], st1 = BDA->floppy_result[1];
    if ((st0 & 0xC0) == 0) return OK;
    if ((st0 & 0x08) != 0) return NOT_READY;
    if ((st1 & 0x80) != 0) return NOT_FOUND;
    if ((st1 & 0x20) != 0) return BAD_CRC;
    if ((st1 & 0x10) != 0) return DMA_OVERRUN;
    if ((st1 & 0x04) != 0) return NOT_FOUND;
    if ((st1 & 0x02) != 0) return WRITE_PROTECTED;
    if ((st1 & 0x01) != 0) return NO_ADDRESS_MARK;
    return CONTROLLER;
}

static void start_dma(u8 mode, u32 address, u32 bytes) {
    outb(0x0A, 0x06);
    outb(0x0C, 0);
    outb(0x0B, mode);
    outb(0x04, (u8)address);
    outb(0x04, (u8)(address >> 8));
    outb(0x81, (u8)(address >> 16));
    outb(0x05, (u8)(bytes - 1));
    outb(0x05, (u8)((bytes - 1) >> 8));
    outb(0x0A, 0x02);
}

// Steps common to all transfers: motor, change line, density, controller state.
static u8 prepare(u8 drive, bool_t needs_media) {
    u8 status = select_drive(drive);
    if (status != OK) return status;
    if (changed()) {
        BDA->floppy_media[drive] &= (u8)~MEDIA_KNOWN;
        status = clear_change(drive);
        return status == OK ? CHANGED : status;
    }
    if (needs_media && (BDA->floppy_media[drive] & MEDIA_KNOWN) == 0) {
        status = establish_media(drive);
        if (status != OK) return status;
    }
    set_rate(drive);
    return OK;
}

static u8 run_command(const u8* command, u32 n) {
    BDA->floppy_recal &= 0x7F;
    if (!put_bytes(command, n)) return CONTROLLER;
    if (!wait_irq()) {
        reset_controller();
        return NOT_READY;
    }
    return get_results(7) ? result_status() : CONTROLLER;
}

// AH=02h read, 03h write, 04h verify. Leaves the number of good sectors in AL.
static u8 transfer(struct Regs* r) {
    u8 drive = r->dl, count = r->al, function = r->ah;
    r->al = 0;
    if (count == 0 || r->dh > 1 || r->cl == 0) return BAD_COMMAND;
    u32 buffer = to_linear(r->es, r->bx), bytes = count * 512u;
    if (function == 4) buffer = 0;  // the verify mode of the DMA controller touches no memory
    if (buffer >> 16 != (buffer + bytes - 1) >> 16) return DMA_BOUNDARY;
    u8 status = prepare(drive, 1);
    if (status == OK) status = seek(drive, r->dh, r->ch);
    if (status != OK) return status;
    if (function == 3)
        BDA->floppy_motor |= 0x80;
    else
        BDA->floppy_motor &= 0x7F;
    start_dma(function == 2 ? 0x46 : function == 3 ? 0x4A : 0x42, buffer, bytes);
    // The end of the track is what INT 1Eh says; boot loaders that find 36 sectors leave its 18 there,
    // though.
    u8 track_end = dpt(4);
    if (BDA->floppy_media[drive] >> 6 == 3 && r->cl + count - 1 > track_end) track_end = 36;
    u8 command[9] = {function == 3 ? WRITE : READ,
                     (u8)(r->dh << 2 | drive),
                     r->ch,
                     r->dh,
                     r->cl,
                     dpt(3),
                     track_end,
                     dpt(5),
                     dpt(6)};
    status = run_command(command, sizeof command);
    if (status == OK) {
        r->al = count;
    } else if (status != NOT_READY && status != CONTROLLER) {
        // How far it came, from the address of the sector that failed.
        u32 at = BDA->floppy_result[4] * (u32)track_end + BDA->floppy_result[5];
        u32 from = r->dh * (u32)track_end + r->cl;
        if (at > from && at - from < count) r->al = (u8)(at - from);
    }
    return status;
}

// AH=05h: ES:BX holds four bytes (C, H, R, N) a sector.
static u8 format_track(struct Regs* r) {
    u32 buffer = to_linear(r->es, r->bx), bytes = dpt(4) * 4u;
    if (r->dh > 1) return BAD_COMMAND;
    if (buffer >> 16 != (buffer + bytes - 1) >> 16) return DMA_BOUNDARY;
    u8 status = prepare(r->dl, 0);
    if (status == OK) status = seek(r->dl, r->dh, r->ch);
    if (status != OK) return status;
    BDA->floppy_motor |= 0x80;
    start_dma(0x4A, buffer, bytes);
    u8 command[6] = {FORMAT, (u8)(r->dh << 2 | r->dl), dpt(3), dpt(4), dpt(7), dpt(8)};
    return run_command(command, sizeof command);
}

static u8 parameters(struct Regs* r) {
    u8 type = r->dl < 2 ? drive_types[r->dl] : 0;
    r->ax = 0;
    r->bx = type;
    r->cx = r->dx = 0;
    r->es = r->di = 0;
    r->dl = (u8)floppy_count();
    if (type == 0) return OK;
    r->ch = (u8)(formats[type].tracks - 1);
    r->cl = formats[type].sectors;
    r->dh = 1;
    r->es = BIOS_SEG;
    r->di = (u16)(u32)parameter_tables[type];
    return OK;
}

// AH=17h: which medium will be formatted in which drive.
static u8 set_type(struct Regs* r) {
    static const u8 media[5] = {0, 0x93, 0x74, 0x15, 0x97};
    if (r->al == 0 || r->al >= ARRAY_LEN(media)) return BAD_COMMAND;
    u8 status = prepare(r->dl, 0);
    if (status != OK && status != CHANGED) return status;
    BDA->floppy_media[r->dl] = media[r->al];
    return OK;
}

// AH=18h: the format by tracks and sectors; returns its parameter table.
static u8 set_media(struct Regs* r) {
    u8 type = drive_types[r->dl];
    for (u32 i = 0; i < 3; i++) {
        u8 format = candidates[type][i];
        if (format == 0) break;
        if (formats[format].tracks != r->ch + 1 || formats[format].sectors != (r->cl & 0x3F)) continue;
        u8 status = prepare(r->dl, 0);
        if (status != OK && status != CHANGED) return status;
        BDA->floppy_media[r->dl] = type == 2 && format == 1 ? 0x74 : formats[format].media;
        r->es = BIOS_SEG;
        r->di = (u16)(u32)parameter_tables[format];
        return OK;
    }
    return 0x0C;
}

static u8 change_status(u8 drive) {
    u8 status = select_drive(drive);
    if (status != OK) return status;
    if (!changed()) return OK;
    BDA->floppy_media[drive] &= (u8)~MEDIA_KNOWN;
    return CHANGED;
}

static int finish(struct Regs* r, u8 status) {
    BDA->floppy_status = status;
    if (BDA->floppy_motor_count == 0xFF) BDA->floppy_motor_count = dpt(2);
    r->ah = status;
    set_cf(r, status != OK);
    return DONE;
}

int floppy_call(struct Regs* r) {
    u8 function = r->ah;
    bool_t exists = r->dl < 2 && drive_types[r->dl] != 0;
    switch (function) {
        case 0x00: BDA->floppy_recal = 0; return finish(r, reset_controller());
        case 0x01: {
            u8 last = BDA->floppy_status;
            r->al = last;
            r->ah = last;
            set_cf(r, last != OK);
            return DONE;
        }
        case 0x08: return finish(r, parameters(r));
        case 0x15:
            r->ah = exists ? (drive_types[r->dl] == 1 ? 1 : 2) : 0;
            set_cf(r, 0);
            return DONE;
        default: break;
    }
    if (!exists) {
        if (function >= 2 && function <= 4) r->al = 0;
        return finish(r, function == 2 || function == 3 || function == 4 ? NOT_READY : BAD_COMMAND);
    }
    switch (function) {
        case 0x02:
        case 0x03:
        case 0x04: return finish(r, transfer(r));
        case 0x05: return finish(r, format_track(r));
        case 0x16: return finish(r, change_status(r->dl));
        case 0x17: return finish(r, set_type(r));
        case 0x18: return finish(r, set_media(r));
        default: return finish(r, BAD_COMMAND);
    }
}

int floppy_entry(struct Regs* r) { return floppy_call(r); }

void floppy_setup(void) {
    u8 types = cmos_read(0x10);
    drive_types[0] = types >> 4;
    drive_types[1] = types & 15;
    for (u32 i = 0; i < 2; i++) {
        if (drive_types[i] == 6) drive_types[i] = 5;
        if (drive_types[i] > 5) drive_types[i] = 0;
        BDA->floppy_media[i] = (u8)(formats[drive_types[i]].media & ~MEDIA_KNOWN);
    }
    u32 n = floppy_count();
    if (n != 0) BDA->equipment |= (u16)(1 | (n - 1) << 6);
    BDA->floppy_controller = (u8)((drive_types[0] != 0 ? 0x07 : 0) | (drive_types[1] != 0 ? 0x70 : 0));
    if (n != 0) BDA->floppy_status = reset_controller();
}
