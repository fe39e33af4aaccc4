// INT 13h: dispatch over diskettes, emulated drives, hard disks and CD-ROMs; the CHS functions of hard disks.
// IBM PS/2 and PC BIOS Interface Technical Reference, "Interrupt 13h, Fixed Disk".
#include "bios.h"

enum { OK = 0, BAD_COMMAND = 1, NOT_FOUND = 4, CHUNK = 64, CD_CHUNK = 16 };
enum { FIRST_DISK = 0x80, FIRST_CD = 0xE0 };

int disk_finish(struct Regs* r, u8 status) {
    BDA->disk_status = status;
    r->ah = status;
    set_cf(r, status != OK);
    return DONE;
}

static bool_t decode_chs(struct Regs* r, struct Drive* d, u32* lba) {
    u32 cylinder = r->ch | (u32)(r->cl & 0xC0) << 2, sector = r->cl & 0x3F;
    if (sector == 0 || sector > d->sectors || r->dh >= d->heads || cylinder >= d->cylinders) return 0;
    *lba = (cylinder * d->heads + r->dh) * d->sectors + sector - 1;
    return 1;
}

// AH=02h read, 03h write, 04h verify; AL: sectors done.
static int transfer_chs(struct Regs* r, struct Drive* d) {
    u32 lba, count = r->al, done = 0;
    u8 function = r->ah;
    if (count == 0 || count > 128) return disk_finish(r, BAD_COMMAND);
    if (!decode_chs(r, d, &lba)) {
        r->al = 0;
        return disk_finish(r, BAD_COMMAND);
    }
    u32 buffer = to_linear(r->es, r->bx);
    int status = OK;
    while (done < count && status == OK) {
        u32 n = count - done < CHUNK ? count - done : CHUNK;
        if (lba + n > d->blocks)
            status = NOT_FOUND;
        else if (function == 4)
            status = ata_verify(d, lba, n);
        else
            status = ata_transfer(d, function == 3, lba, n, buffer);
        if (status == OK) {
            done += n;
            lba += n;
            buffer += n * 512;
        }
    }
    r->al = (u8)done;
    return disk_finish(r, (u8)status);
}

static int parameters(struct Regs* r, struct Drive* d) {
    u32 last = d->cylinders - 1u;
    r->al = 0;
    r->ch = (u8)last;
    r->cl = (u8)((last >> 8 & 3) << 6 | d->sectors);
    r->dh = (u8)(d->heads - 1);
    r->dl = BDA->disk_count;
    r->bl = 0;
    return disk_finish(r, OK);
}

static int hard_disk(struct Regs* r, struct Drive* d) {
    u32 lba;
    switch (r->ah) {
        case 0x00:
        case 0x0D: return disk_finish(r, (u8)ata_reset(d));
        case 0x01:
            r->al = BDA->disk_status;
            set_cf(r, r->al != OK);
            r->ah = r->al;
            BDA->disk_status = OK;
            return DONE;
        case 0x02:
        case 0x03:
        case 0x04: return transfer_chs(r, d);
        case 0x08: return parameters(r, d);
        case 0x05:  // ATA drives come formatted; the track is only checked
        case 0x0C: return disk_finish(r, decode_chs(r, d, &lba) || r->ah == 0x05 ? OK : BAD_COMMAND);
        case 0x09:
        case 0x10:
        case 0x11:
        case 0x14: return disk_finish(r, OK);
        case 0x15: {
            u32 sectors = (u32)d->cylinders * d->heads * d->sectors;
            r->cx = (u16)(sectors >> 16);
            r->dx = (u16)sectors;
            disk_finish(r, OK);
            r->ah = 3;
            return DONE;
        }
        default: return disk_linear_call(r, d, 0);
    }
}

static int cd_rom(struct Regs* r, struct Drive* d) {
    switch (r->ah) {
        case 0x00:
        case 0x0D:
        case 0x09:
        case 0x11: return disk_finish(r, OK);
        case 0x01:
            r->ah = r->al = BDA->disk_status;
            set_cf(r, r->ah != OK);
            return DONE;
        case 0x10: return disk_finish(r, (u8)cd_ready(d));
        case 0x15:
            disk_finish(r, OK);
            r->ah = 2;
            return DONE;
        default: return disk_linear_call(r, d, 1);
    }
}

int disk_call(struct Regs* r) {
    u8 drive = r->dl;
    if (r->ah == 0x4B || r->ah == 0x4D) return eltorito_call(r);
    if (emulation.active && emulation.media != 0) {
        if (drive == emulation.drive) return emulation_call(r);
        // The drives after the emulated one move up by one number.
        if ((drive ^ emulation.drive) < 0x80 && drive > emulation.drive && drive < FIRST_CD) {
            struct Regs moved = *r;
            moved.dl--;
            int result = drive < FIRST_DISK ? floppy_call(&moved)
                         : disk_drive(moved.dl - FIRST_DISK) != 0
                             ? hard_disk(&moved, disk_drive(moved.dl - FIRST_DISK))
                             : disk_finish(&moved, BAD_COMMAND);
            if (r->ah != 0x08 && r->ah != 0x15) moved.dl = drive;
            *r = moved;
            return result;
        }
    }
    if (drive < FIRST_DISK) return floppy_call(r);
    struct Drive* d = drive >= FIRST_CD ? cd_drive(drive - FIRST_CD) : disk_drive(drive - FIRST_DISK);
    if (d == 0) {
        if (r->ah == 0x15) {
            r->ah = 0;
            set_cf(r, 0);
            return DONE;
        }
        if (r->ah == 0x08) {
            r->cx = 0;
            r->dx = BDA->disk_count;
        }
        return disk_finish(r, BAD_COMMAND);
    }
    return drive >= FIRST_CD ? cd_rom(r, d) : hard_disk(r, d);
}
