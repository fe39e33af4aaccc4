// INT 13h AH=41h-48h: transfers by block number, drive parameters; the fixed disk tables of INT 41h and 46h.
// "BIOS Enhanced Disk Drive Services - 3.0" (T13 1386D).
#include "bios.h"

enum { OK = 0, BAD_COMMAND = 1, NOT_FOUND = 4, NOT_LOCKED = 0xB0, LOCKED = 0xB1, CHUNK = 64, CD_CHUNK = 32 };

struct PACKED FixedDiskTable {
    u16 cylinders;
    u8 heads, signature, phys_sectors;
    u16 precompensation;
    u8 reserved, control;
    u16 phys_cylinders;
    u8 phys_heads;
    u16 landing;
    u8 sectors, checksum;
};
_Static_assert(sizeof(struct FixedDiskTable) == 16, "INT 41h layout");

static struct FixedDiskTable tables[2];

// Device parameter table extension: how to reach the drive without the BIOS.
struct PACKED DeviceTable {
    u16 io, control;
    u8 device, vendor, irq, block, dma, pio;
    u16 flags, reserved;
    u8 revision, checksum;
};
static struct DeviceTable device_table;
static u8 cd_locks;

void edd_setup(void) {
    for (u32 i = 0; i < 2; i++) {
        struct Drive* d = disk_drive(i);
        struct FixedDiskTable* t = &tables[i];
        if (d == 0) continue;
        t->cylinders = d->cylinders;
        t->heads = (u8)d->heads;
        t->sectors = (u8)d->sectors;
        t->precompensation = 0xFFFF;
        t->control = (u8)(0xC0 | (d->heads > 8) << 3);
        t->landing = d->cylinders;
        if (d->translation != 0) {
            t->signature = 0xA0;
            t->phys_cylinders = d->phys_cylinders;
            t->phys_heads = (u8)d->phys_heads;
            t->phys_sectors = (u8)d->phys_sectors;
            t->checksum = (u8)-byte_sum(t, 15);
        }
        set_vector(i == 0 ? 0x41 : 0x46, BIOS_SEG, (u16)(u32)t);
    }
}

// AH=42h read, 43h write, 44h verify, 47h seek: DS:SI is the disk address packet.
static int transfer(struct Regs* r, struct Drive* d, bool_t cd) {
    u8 size = far_read8(r->ds, r->si);
    u32 count = far_read16(r->ds, (u16)(r->si + 2)), done = 0;
    u32 off = far_read16(r->ds, (u16)(r->si + 4)), seg = far_read16(r->ds, (u16)(r->si + 6));
    u64 lba = far_read32(r->ds, (u16)(r->si + 8)) | (u64)far_read32(r->ds, (u16)(r->si + 12)) << 32;
    u8 function = r->ah;
    if (size < 16 || (cd && function == 0x43)) return disk_finish(r, cd && size >= 16 ? 3 : BAD_COMMAND);
    if (seg == 0xFFFF && off == 0xFFFF) return disk_finish(r, BAD_COMMAND);  // flat addresses: not offered
    int status = OK;
    if (cd && d->blocks == 0) status = cd_ready(d);
    if (status == OK && lba + count > d->blocks) status = cd ? cd_ready(d) : NOT_FOUND;
    if (status == OK && lba + count > d->blocks) status = NOT_FOUND;
    if (function == 0x47) return disk_finish(r, (u8)status);
    u32 buffer = to_linear((u16)seg, (u16)off), block = cd ? 2048 : 512, most = cd ? CD_CHUNK : CHUNK;
    while (done < count && status == OK) {
        u32 n = count - done < most ? count - done : most;
        if (buffer + n * block > 0x110000 && function != 0x44)
            status = BAD_COMMAND;
        else if (cd)
            status = function == 0x44 ? OK : cd_read(d, (u32)lba, n, buffer);
        else if (function == 0x44)
            status = ata_verify(d, lba, n);
        else
            status = ata_transfer(d, function == 0x43, lba, n, buffer);
        if (status == OK) {
            done += n;
            lba += n;
            buffer += n * block;
        }
    }
    if (status != OK) far_write16(r->ds, (u16)(r->si + 2), (u16)done);
    return disk_finish(r, (u8)status);
}

static void put8(struct Regs* r, u16 at, u8 v) { far_write8(r->ds, (u16)(r->si + at), v); }
static void put16(struct Regs* r, u16 at, u16 v) { far_write16(r->ds, (u16)(r->si + at), v); }
static void put32(struct Regs* r, u16 at, u32 v) { far_write32(r->ds, (u16)(r->si + at), v); }
static void put_text(struct Regs* r, u16 at, const char* s) {
    while (*s != '\0') put8(r, at++, (u8)*s++);
}

static void fill_device_table(struct Drive* d, bool_t cd) {
    memset(&device_table, 0, sizeof device_table);
    device_table.io = d->io;
    device_table.control = d->control;
    device_table.device = (u8)(0xE0 | d->slave << 4);
    device_table.vendor = 0xCB;
    device_table.irq = d->irq;
    device_table.block = 1;
    device_table.dma = d->dma ? 0x22 : 0;
    device_table.flags = (u16)((d->dma ? 2 : 0) | (d->translation != 0 ? 8 : 0) | (d->no_lba ? 0 : 0x10) |
                               (cd ? 0x60 : 0) | (d->translation == 1 ? 1 << 9 : 0));
    device_table.revision = 0x11;
    device_table.checksum = (u8)-byte_sum(&device_table, sizeof device_table - 1);
}

// AH=48h: as many of the versions 1, 2 and 3 of the result as the caller has room for.
static int get_parameters(struct Regs* r, struct Drive* d, bool_t cd) {
    u16 room = far_read16(r->ds, r->si);
    if (room < 26) return disk_finish(r, BAD_COMMAND);
    if (cd && d->blocks == 0) cd_ready(d);
    u16 size = room >= 74 ? 74 : room >= 66 ? 66 : room >= 30 ? 30 : 26;
    put16(r, 0, size);
    bool_t has_chs = !cd && d->blocks <= 16383u * 16 * 63;
    put16(r, 2, cd ? 0x74 : has_chs ? 2 : 0);  // removable, change line, lockable; or geometry valid
    put32(r, 4, cd ? 0xFFFFFFFF : d->phys_cylinders);
    put32(r, 8, cd ? 0xFFFFFFFF : d->phys_heads);
    put32(r, 12, cd ? 0xFFFFFFFF : d->phys_sectors);
    put32(r, 16, (u32)d->blocks);
    put32(r, 20, (u32)(d->blocks >> 32));
    put16(r, 24, cd ? 2048 : 512);
    if (size < 30) return disk_finish(r, OK);
    fill_device_table(d, cd);
    put16(r, 26, (u16)(u32)&device_table);
    put16(r, 28, BIOS_SEG);
    if (size < 66) return disk_finish(r, OK);
    for (u16 i = 30; i < size; i++) put8(r, i, 0);
    put16(r, 30, 0xBEDD);
    put8(r, 32, (u8)(size - 30));
    put_text(r, 36, pci_has_chipset() ? "PCI " : "ISA ");
    put_text(r, 40, cd || d->atapi ? "ATAPI   " : "ATA     ");
    if (pci_has_chipset()) {
        put8(r, 48, 0);
        put8(r, 49, 1);
        put8(r, 50, 1);
        put8(r, 51, d->channel);
    } else {
        put16(r, 48, d->io);
    }
    put8(r, 56, d->slave);
    u8 sum = 0;
    for (u16 i = 30; i < size - 1; i++) sum = (u8)(sum + far_read8(r->ds, (u16)(r->si + i)));
    put8(r, (u16)(size - 1), (u8)-sum);
    return disk_finish(r, OK);
}

static int lock(struct Regs* r) {
    u8 bit = (u8)(1 << (r->dl & 7));
    if (r->al > 2) return disk_finish(r, BAD_COMMAND);
    if (r->al == 1 && (cd_locks & bit) == 0) return disk_finish(r, NOT_LOCKED);
    if (r->al == 0) cd_locks |= bit;
    if (r->al == 1) cd_locks &= (u8)~bit;
    r->al = (cd_locks & bit) != 0;
    return disk_finish(r, OK);
}

static int eject(struct Regs* r, struct Drive* d) {
    static const u8 start_stop[12] = {0x1B, 0, 0, 0, 2};
    if ((cd_locks & 1 << (r->dl & 7)) != 0) return disk_finish(r, LOCKED);
    d->blocks = 0;
    return disk_finish(r, (u8)cd_packet(d, start_stop, 0, 0));
}

int disk_linear_call(struct Regs* r, struct Drive* d, bool_t cd) {
    switch (r->ah) {
        case 0x41:
            if (r->bx != 0x55AA) return disk_finish(r, BAD_COMMAND);
            r->bx = 0xAA55;
            r->cx = cd ? 7 : 5;
            disk_finish(r, OK);
            r->ah = 0x30;
            return DONE;
        case 0x42:
        case 0x43:
        case 0x44:
        case 0x47: return transfer(r, d, cd);
        case 0x45: return cd ? lock(r) : disk_finish(r, BAD_COMMAND);
        case 0x46: return cd ? eject(r, d) : disk_finish(r, BAD_COMMAND);
        case 0x48: return get_parameters(r, d, cd);
        case 0x49: return cd ? disk_finish(r, OK) : disk_finish(r, BAD_COMMAND);
        case 0x4E:
            if (r->al != 1 && r->al != 3 && r->al != 4 && r->al != 6) return disk_finish(r, BAD_COMMAND);
            r->al = 0;
            return disk_finish(r, OK);
        default: return disk_finish(r, BAD_COMMAND);
    }
}
