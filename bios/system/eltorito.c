// Booting from CD-ROM, drive emulation, and INT 13h AH=4Bh, 4Dh.
// Phoenix/IBM, "El Torito Bootable CD-ROM Format Specification" 1.0.
#include "bios.h"

enum { OK = 0, BAD_COMMAND = 1, NOT_FOUND = 4, WRITE_PROTECTED = 3 };

struct Emulation emulation;
static u8 block[2048];
static u32 block_lba = 0xFFFFFFFF;  // which block of the emulated drive's CD the buffer holds

struct PACKED SpecificationPacket {
    u8 size, media, drive, controller;
    u32 image;
    u16 device, buffer_seg, load_seg, load_count;
    u8 cylinders_low, sectors_and_cylinders, heads;
};

// Sectors of 512 bytes of the image, through whole blocks where they are aligned.
static int read_sectors(struct Drive* d, u32 first_block, u32 sector, u32 count, u32 buffer) {
    while (count != 0) {
        u32 lba = first_block + sector / 4, within = sector % 4;
        if (within == 0 && count >= 4) {
            u32 blocks = count / 4 < 16 ? count / 4 : 16;
            int status = cd_read(d, lba, blocks, buffer);
            if (status != OK) return status;
            sector += blocks * 4;
            count -= blocks * 4;
            buffer += blocks * 2048;
            continue;
        }
        if (block_lba != lba) {
            block_lba = 0xFFFFFFFF;
            int status = cd_read(d, lba, 1, own_linear(block));
            if (status != OK) return status;
            block_lba = lba;
        }
        far_put(buffer, block + within * 512, 512);
        sector++;
        count--;
        buffer += 512;
    }
    return OK;
}

bool_t emulation_owns(u8 drive) {
    return emulation.active && emulation.media != 0 && emulation.drive == drive;
}

static void set_geometry(u8 cylinders_of_floppy, u8 sectors) {
    emulation.cylinders = cylinders_of_floppy;
    emulation.heads = 2;
    emulation.sectors = sectors;
}

static const char* start_emulation(struct Drive* d) {
    switch (emulation.media) {
        case 1: set_geometry(80, 15); break;
        case 2: set_geometry(80, 18); break;
        case 3: set_geometry(80, 36); break;
        default: {
            if (read_sectors(d, emulation.image, 0, 1, own_linear(block)) != OK) return "image not readable";
            block_lba = 0xFFFFFFFF;
            const u8* entry = block + 446;  // the one partition's end tells the geometry
            emulation.heads = (u8)(entry[5] + 1);
            emulation.sectors = entry[6] & 0x3F;
            emulation.cylinders = (u16)((entry[7] | (entry[6] & 0xC0) << 2) + 1);
            if (emulation.sectors == 0) return "image has no partition";
            break;
        }
    }
    emulation.drive = emulation.media == 4 ? 0x80 : 0x00;
    if (emulation.media == 4) {
        BDA->disk_count++;
    } else {
        u16 e = BDA->equipment;
        BDA->equipment = (u16)((e & 1) != 0 ? e + 0x40 : e | 1);
    }
    return 0;
}

static void stop_emulation(void) {
    if (emulation.active && emulation.media == 4) BDA->disk_count--;
    if (emulation.active && emulation.media >= 1 && emulation.media <= 3) {
        u16 e = BDA->equipment;
        BDA->equipment = (u16)((e & 0xC0) != 0 ? e - 0x40 : e & ~1);
    }
    emulation.active = 0;
}

const char* eltorito_boot(u32 cd, u16* seg, u8* boot_drive) {
    struct Drive* d = cd_drive(cd);
    if (emulation.active) stop_emulation();
    int status = cd_ready(d);
    if (status == 0x31) return "no medium";
    if (status != OK) return "drive not ready";
    block_lba = 0xFFFFFFFF;
    if (cd_read(d, 17, 1, own_linear(block)) != OK) return "not readable";
    if (block[0] != 0 || memcmp(block + 1, "CD001\001EL TORITO SPECIFICATION", 30) != 0)
        return "not a bootable CD";
    u32 catalog;
    memcpy(&catalog, block + 0x47, 4);
    if (cd_read(d, catalog, 1, own_linear(block)) != OK) return "boot catalog not readable";
    u16 sum = 0;
    for (u32 i = 0; i < 16; i++) sum = (u16)(sum + (block[i * 2] | block[i * 2 + 1] << 8));
    if (block[0] != 1 || block[0x1E] != 0x55 || block[0x1F] != 0xAA || sum != 0) return "bad boot catalog";
    const u8* entry = block + 0x20;
    if (entry[0] != 0x88) return "boot catalog has no bootable entry";
    memset(&emulation, 0, sizeof emulation);
    emulation.media = entry[1] & 15;
    emulation.load_seg = (u16)(entry[2] | entry[3] << 8);
    emulation.load_count = (u16)(entry[6] | entry[7] << 8);
    memcpy(&emulation.image, entry + 8, 4);
    emulation.catalog = catalog;
    emulation.cd = (u8)cd;
    emulation.drive = (u8)(0xE0 + cd);
    emulation.controller_index = d->channel;
    emulation.device_spec = d->slave;
    if (emulation.media > 4) return "unknown media type";
    if (emulation.load_seg == 0) emulation.load_seg = 0x07C0;
    if (emulation.load_count == 0) emulation.load_count = 4;
    if (emulation.media != 0) emulation.load_count = 1;
    u32 room = BASE_MEMORY_KB * 2 - EBDA_KB * 2 - ((u32)emulation.load_seg >> 5);
    u32 count = emulation.load_count < room ? emulation.load_count : room;
    if (read_sectors(d, emulation.image, 0, count, (u32)emulation.load_seg << 4) != OK)
        return "image not readable";
    if (emulation.media != 0) {
        const char* why_not = start_emulation(d);
        if (why_not != 0) return why_not;
    }
    emulation.active = 1;
    *seg = emulation.load_seg;
    *boot_drive = emulation.drive;
    return 0;
}

static int emulated_transfer(struct Regs* r) {
    u32 cylinder = r->ch | (u32)(r->cl & 0xC0) << 2, sector = r->cl & 0x3F, count = r->al;
    if (count == 0 || sector == 0 || sector > emulation.sectors || r->dh >= emulation.heads ||
        cylinder >= emulation.cylinders) {
        return disk_finish(r, BAD_COMMAND);
    }
    u32 lba = (cylinder * emulation.heads + r->dh) * emulation.sectors + sector - 1;
    int status = OK;
    if (r->ah == 2) {
        status = read_sectors(cd_drive(emulation.cd), emulation.image, lba, count, to_linear(r->es, r->bx));
    }
    if (status != OK) r->al = 0;
    return disk_finish(r, (u8)status);
}

static int emulated_linear(struct Regs* r) {
    u32 count = far_read16(r->ds, (u16)(r->si + 2)), lba = far_read32(r->ds, (u16)(r->si + 8));
    u32 buffer = to_linear(far_read16(r->ds, (u16)(r->si + 6)), far_read16(r->ds, (u16)(r->si + 4)));
    int status = OK;
    if (r->ah == 0x42) status = read_sectors(cd_drive(emulation.cd), emulation.image, lba, count, buffer);
    if (status != OK) far_write16(r->ds, (u16)(r->si + 2), 0);
    return disk_finish(r, (u8)status);
}

int emulation_call(struct Regs* r) {
    static const u8 floppy_type[4] = {0, 2, 4, 5};
    u32 last = emulation.cylinders - 1u;
    switch (r->ah) {
        case 0x00:
        case 0x09:
        case 0x0C:
        case 0x0D:
        case 0x10:
        case 0x11:
        case 0x14: return disk_finish(r, OK);
        case 0x16: return disk_finish(r, OK);
        case 0x01:
            r->ah = r->al = BDA->disk_status;
            set_cf(r, r->ah != OK);
            return DONE;
        case 0x02:
        case 0x04: return emulated_transfer(r);
        case 0x03:
        case 0x05:
        case 0x43: return disk_finish(r, WRITE_PROTECTED);
        case 0x08:
            r->al = 0;
            r->ch = (u8)last;
            r->cl = (u8)((last >> 8 & 3) << 6 | emulation.sectors);
            r->dh = (u8)(emulation.heads - 1);
            if (emulation.media == 4) {
                r->dl = BDA->disk_count;
                r->bl = 0;
            } else {
                r->dl = (u8)(floppy_count() + 1);
                r->bx = floppy_type[emulation.media];
                u32 table = get_vector(0x1E);
                r->es = (u16)(table >> 16);
                r->di = (u16)table;
            }
            return disk_finish(r, OK);
        case 0x15: {
            u32 sectors = (u32)emulation.cylinders * emulation.heads * emulation.sectors;
            if (emulation.media == 4) {
                r->cx = (u16)(sectors >> 16);
                r->dx = (u16)sectors;
            }
            disk_finish(r, OK);
            r->ah = emulation.media == 4 ? 3 : 1;
            return DONE;
        }
        case 0x41:
            if (emulation.media != 4 || r->bx != 0x55AA) return disk_finish(r, BAD_COMMAND);
            r->bx = 0xAA55;
            r->cx = 1;
            disk_finish(r, OK);
            r->ah = 0x30;
            return DONE;
        case 0x42:
        case 0x44: return emulation.media == 4 ? emulated_linear(r) : disk_finish(r, BAD_COMMAND);
        default: return disk_finish(r, BAD_COMMAND);
    }
}

static void write_packet(struct Regs* r) {
    struct SpecificationPacket p = {
        .size = sizeof p,
        .media = emulation.media,
        .drive = emulation.drive,
        .controller = emulation.controller_index,
        .image = emulation.image,
        .device = emulation.device_spec,
        .buffer_seg = emulation.buffer_seg,
        .load_seg = emulation.load_seg,
        .load_count = emulation.load_count,
    };
    if (emulation.media != 0) {
        u32 last = emulation.cylinders - 1u;
        p.cylinders_low = (u8)last;
        p.sectors_and_cylinders = (u8)((last >> 8 & 3) << 6 | emulation.sectors);
        p.heads = (u8)(emulation.heads - 1);
    }
    far_put(to_linear(r->ds, r->si), &p, sizeof p);
}

// AH=4Bh: terminate emulation, or only its status; AH=4Dh: the boot catalog.
int eltorito_call(struct Regs* r) {
    if (r->ah == 0x4B) {
        if (r->al > 1 || !emulation.active || (r->dl != emulation.drive && r->dl != 0x7F)) {
            return disk_finish(r, BAD_COMMAND);
        }
        write_packet(r);
        if (r->al == 0) stop_emulation();
        return disk_finish(r, OK);
    }
    if (r->al != 0 || emulation.catalog == 0) return disk_finish(r, BAD_COMMAND);
    u8 count = far_read8(r->ds, (u16)(r->si + 1));
    u32 buffer = far_read32(r->ds, (u16)(r->si + 2));
    u16 first = far_read16(r->ds, (u16)(r->si + 6));
    return disk_finish(r, (u8)cd_read(cd_drive(emulation.cd), emulation.catalog + first, count, buffer));
}
