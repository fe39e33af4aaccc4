// ATA and ATAPI drives on the two legacy channels: detection, PIO and bus-master transfers, packet commands.
// ATA/ATAPI-6 (T13 1410D); SFF-8038i "Bus Master Programming Interface"; INF-8090 for CD-ROM commands.
#include "bios.h"

enum {
    DATA = 0,
    ERROR = 1,
    FEATURES = 1,
    COUNT = 2,
    LBA_LOW = 3,
    LBA_MID = 4,
    LBA_HIGH = 5,
    DEVICE = 6,
    STATUS = 7
};
enum { BSY = 0x80, DRDY = 0x40, DF = 0x20, DRQ = 0x08, ERR = 0x01 };
enum { NIEN = 2, SRST = 4, CONTROL_BASE = 8 };
enum {
    OK = 0,
    NOT_FOUND = 4,
    BAD_SECTOR = 0x0A,
    BAD_DATA = 0x10,
    CONTROLLER = 0x20,
    NO_MEDIA = 0x31,
    TIMEOUT = 0x80
};
enum { DRIVE_NOT_READY = 0xAA, WRITE_FAULT = 0xCC };
enum { COMMAND_TIMEOUT_US = 10000000, RESET_TIMEOUT_US = 3000000 };

static struct Drive drives[4];
static u8 disks[4], cds[4];
static u8 disk_total, cd_total;

struct Prd {
    u32 address;
    u32 size_and_end;
};
static struct Prd prd[2] __attribute__((aligned(16)));

struct Drive* disk_drive(u32 i) {
    return i < disk_total ? &drives[disks[i]] : 0;
}
struct Drive* cd_drive(u32 i) {
    return i < cd_total ? &drives[cds[i]] : 0;
}
u32 disk_count(void) { return disk_total; }
u32 cd_count(void) { return cd_total; }

static void interrupts(struct Drive* d, bool_t on) {
    outb(d->control, on ? CONTROL_BASE : CONTROL_BASE | NIEN);
}

// Waits for BSY to go and the wanted bits to come; an INT 13h status.
static int wait_status(struct Drive* d, u8 wanted, u32 timeout) {
    struct Deadline deadline;
    deadline_start(&deadline, timeout);
    for (;;) {
        u8 status = inb(d->control);
        if ((status & BSY) == 0) {
            if ((status & (ERR | DF)) != 0) return CONTROLLER;
            if ((status & wanted) == wanted) return OK;
        }
        if (deadline_passed(&deadline)) return TIMEOUT;
        yield();
    }
}

static int wait_not_busy(struct Drive* d, u32 timeout) {
    struct Deadline deadline;
    deadline_start(&deadline, timeout);
    while ((inb(d->control) & (BSY | DRQ)) != 0) {
        if (deadline_passed(&deadline)) return TIMEOUT;
        yield();
    }
    return OK;
}

static int error_status(struct Drive* d) {
    u8 status = inb((u16)(d->io + STATUS)), error = inb((u16)(d->io + ERROR));
    if ((status & DF) != 0) return WRITE_FAULT;
    if ((status & ERR) == 0) return OK;
    if ((error & 0x10) != 0) return NOT_FOUND;
    if ((error & 0x40) != 0) return BAD_DATA;
    if ((error & 0x80) != 0) return BAD_SECTOR;
    return CONTROLLER;
}

static void data_in(u16 port, u32 buffer, u32 words) {
    u32 off = linear_off(buffer);
    __asm__ volatile("pushw %%es\n\tmovw %w3,%%es\n\trep insw\n\tpopw %%es"
                     : "+D"(off), "+c"(words)
                     : "d"(port), "r"(linear_seg(buffer))
                     : "memory");
}

static void data_out(u16 port, u32 buffer, u32 words) {
    u32 off = linear_off(buffer);
    __asm__ volatile("pushw %%ds\n\tmovw %w3,%%ds\n\trep outsw\n\tpopw %%ds"
                     : "+S"(off), "+c"(words)
                     : "d"(port), "r"(linear_seg(buffer))
                     : "memory");
}

static int select_drive(struct Drive* d, u8 device_bits) {
    int status = wait_not_busy(d, RESET_TIMEOUT_US);
    if (status != OK) return status;
    outb((u16)(d->io + DEVICE), (u8)(0xA0 | d->slave << 4 | device_bits));
    for (u32 i = 0; i < 4; i++) inb(d->control);  // 400 ns
    return wait_not_busy(d, RESET_TIMEOUT_US);
}

// Loads the task file and gives the command.
static int issue(struct Drive* d, u8 command, u8 ext_command, u64 lba, u32 count) {
    bool_t ext = lba + count > 0x10000000;
    u8 head = (u8)(0x40 | (ext ? 0 : (u32)lba >> 24 & 15));
    u8 low = (u8)lba, mid = (u8)(lba >> 8), high = (u8)(lba >> 16);
    if (d->no_lba) {
        u32 track = (u32)lba / d->phys_sectors;
        low = (u8)((u32)lba % d->phys_sectors + 1);
        head = (u8)(track % d->phys_heads);
        mid = (u8)(track / d->phys_heads);
        high = (u8)(track / d->phys_heads >> 8);
    }
    int status = select_drive(d, head);
    if (status != OK) return status;
    interrupts(d, 0);
    if (ext) {
        outb((u16)(d->io + COUNT), (u8)(count >> 8));
        outb((u16)(d->io + LBA_LOW), (u8)(lba >> 24));
        outb((u16)(d->io + LBA_MID), (u8)(lba >> 32));
        outb((u16)(d->io + LBA_HIGH), (u8)(lba >> 40));
        command = ext_command;
    }
    outb((u16)(d->io + FEATURES), 0);
    outb((u16)(d->io + COUNT), (u8)count);
    outb((u16)(d->io + LBA_LOW), low);
    outb((u16)(d->io + LBA_MID), mid);
    outb((u16)(d->io + LBA_HIGH), high);
    outb((u16)(d->io + STATUS), command);
    for (u32 i = 0; i < 4; i++) inb(d->control);
    return OK;
}

// Ends a command: the status register is read once for real, which also takes back its interrupt request.
static int finish(struct Drive* d, int status) {
    int error = error_status(d);
    interrupts(d, 1);
    if (status == TIMEOUT) {
        ata_reset(d);
        return TIMEOUT;
    }
    if (error != OK) return error;
    return status;
}

// Bus mastering needs physical addresses: not under a virtual-8086 monitor, where ours are not physical.
static bool_t can_dma(struct Drive* d, u32 buffer) {
    u32 msw;
    __asm__ volatile("smsw %w0" : "=r"(msw));
    return d->dma && (msw & 1) == 0 && (buffer & 1) == 0;
}

static void dma_prepare(struct Drive* d, bool_t to_memory, u32 buffer, u32 bytes) {
    u32 first = 0x10000 - (buffer & 0xFFFF);
    if (first >= bytes) {
        prd[0] = (struct Prd){buffer, (bytes & 0xFFFF) | 0x80000000u};
    } else {
        prd[0] = (struct Prd){buffer, first & 0xFFFF};
        prd[1] = (struct Prd){buffer + first, ((bytes - first) & 0xFFFF) | 0x80000000u};
    }
    outb(d->bus_master, 0);
    outl((u16)(d->bus_master + 4), own_linear(prd));
    outb((u16)(d->bus_master + 2), (u8)(inb((u16)(d->bus_master + 2)) | 6));
    outb(d->bus_master, to_memory ? 8 : 0);
}

static int dma_run(struct Drive* d) {
    outb(d->bus_master, inb(d->bus_master) | 1);
    int status = wait_not_busy(d, COMMAND_TIMEOUT_US);
    u8 bm = inb((u16)(d->bus_master + 2));
    outb(d->bus_master, 0);
    outb((u16)(d->bus_master + 2), bm | 6);
    if (status == OK && (bm & 2) != 0) status = CONTROLLER;
    return status;
}

int ata_transfer(struct Drive* d, bool_t write, u64 lba, u32 count, u32 buffer) {
    int status;
    if (can_dma(d, buffer)) {
        dma_prepare(d, !write, buffer, count * 512);
        status = issue(d, write ? 0xCA : 0xC8, write ? 0x35 : 0x25, lba, count);
        if (status == OK) status = dma_run(d);
        return finish(d, status);
    }
    status = issue(d, write ? 0x30 : 0x20, write ? 0x34 : 0x24, lba, count);
    for (u32 i = 0; i < count && status == OK; i++) {
        status = wait_status(d, DRQ, COMMAND_TIMEOUT_US);
        if (status != OK) break;
        if (write)
            data_out(d->io, buffer, 256);
        else
            data_in(d->io, buffer, 256);
        buffer += 512;
    }
    if (status == OK) status = wait_not_busy(d, COMMAND_TIMEOUT_US);
    return finish(d, status);
}

int ata_verify(struct Drive* d, u64 lba, u32 count) {
    int status = issue(d, 0x40, 0x42, lba, count);
    if (status == OK) status = wait_not_busy(d, COMMAND_TIMEOUT_US);
    return finish(d, status);
}

int ata_simple(struct Drive* d, u8 command, u8 features) {
    int status = select_drive(d, 0);
    if (status != OK) return status;
    interrupts(d, 0);
    outb((u16)(d->io + FEATURES), features);
    outb((u16)(d->io + STATUS), command);
    for (u32 i = 0; i < 4; i++) inb(d->control);
    return finish(d, wait_not_busy(d, COMMAND_TIMEOUT_US));
}

int ata_reset(struct Drive* d) {
    outb(d->control, CONTROL_BASE | NIEN | SRST);
    for (u32 i = 0; i < 50; i++) io_delay();
    outb(d->control, CONTROL_BASE | NIEN);
    for (u32 i = 0; i < 50; i++) io_delay();
    struct Deadline deadline;
    deadline_start(&deadline, RESET_TIMEOUT_US);
    while ((inb(d->control) & BSY) != 0) {
        if (deadline_passed(&deadline)) return TIMEOUT;
        yield();
    }
    outb((u16)(d->io + DEVICE), (u8)(0xA0 | d->slave << 4));
    inb((u16)(d->io + STATUS));
    interrupts(d, 1);
    return OK;
}

// ---- packet commands
// -------------------------------------------------------------------------------------------
static int packet(struct Drive* d, const u8* cdb, u32 buffer, u32 bytes) {
    bool_t dma = bytes != 0 && can_dma(d, buffer) && (bytes & 0x7FF) == 0;
    int status = select_drive(d, 0);
    if (status != OK) return status;
    interrupts(d, 0);
    if (dma) dma_prepare(d, 1, buffer, bytes);
    outb((u16)(d->io + FEATURES), dma ? 1 : 0);
    outb((u16)(d->io + COUNT), 0);
    outb((u16)(d->io + LBA_LOW), 0);
    outb((u16)(d->io + LBA_MID), 0x00);  // up to F800h bytes at a time
    outb((u16)(d->io + LBA_HIGH), 0xF8);
    outb((u16)(d->io + STATUS), 0xA0);
    for (u32 i = 0; i < 4; i++) inb(d->control);
    status = wait_status(d, DRQ, COMMAND_TIMEOUT_US);
    if (status == OK) {
        data_out(d->io, own_linear(cdb), 6);
        for (u32 i = 0; i < 4; i++) inb(d->control);
        if (dma) {
            status = dma_run(d);
            return finish(d, status);
        }
    }
    while (status == OK) {
        struct Deadline deadline;
        deadline_start(&deadline, COMMAND_TIMEOUT_US);
        u8 s;
        while (((s = inb(d->control)) & BSY) != 0 && status == OK) {
            if (deadline_passed(&deadline)) status = TIMEOUT;
            yield();
        }
        if (status != OK || (s & DRQ) == 0) break;
        u32 offered = inb((u16)(d->io + LBA_MID)) | (u32)inb((u16)(d->io + LBA_HIGH)) << 8;
        u32 wanted = offered < bytes ? offered : bytes;
        data_in(d->io, buffer, wanted / 2);
        for (u32 rest = offered - wanted; rest >= 2; rest -= 2) inw(d->io);
        buffer += wanted;
        bytes -= wanted;
        for (u32 i = 0; i < 4; i++) inb(d->control);
    }
    return finish(d, status);
}

// A packet command; what the sense data says decides between another try and an INT 13h status.
int cd_packet(struct Drive* d, const u8* cdb, u32 buffer, u32 bytes) {
    struct Deadline becoming_ready;
    deadline_start(&becoming_ready, 5000000);
    for (u32 tries = 0;;) {
        int status = packet(d, cdb, buffer, bytes);
        if (status == OK || status == TIMEOUT) return status;
        static const u8 request_sense[12] = {0x03, 0, 0, 0, 18};
        u8 sense[18] = {0};
        if (packet(d, request_sense, own_linear(sense), sizeof sense) != OK) return CONTROLLER;
        u8 key = sense[2] & 15, code = sense[12], qualifier = sense[13];
        if (key == 2 && code == 0x3A) return NO_MEDIA;
        if (key == 2 && code == 4 && qualifier == 1) {
            if (deadline_passed(&becoming_ready)) return DRIVE_NOT_READY;
            continue;
        }
        if (++tries < 4 && (key == 6 || key == 0)) continue;  // unit attention: a changed medium, a reset
        if (key == 2) return DRIVE_NOT_READY;
        if (key == 3) return BAD_DATA;
        return key == 5 ? NOT_FOUND : CONTROLLER;
    }
}

int cd_ready(struct Drive* d) {
    static const u8 test_unit_ready[12] = {0};
    static const u8 read_capacity[12] = {0x25};
    int status = cd_packet(d, test_unit_ready, 0, 0);
    if (status != OK) return status;
    u32 capacity[2];
    status = cd_packet(d, read_capacity, own_linear(capacity), 8);
    if (status == OK) d->blocks = (u64)be32(capacity[0]) + 1;
    return status;
}

int cd_read(struct Drive* d, u32 lba, u32 count, u32 buffer) {
    u8 cdb[12] = {0x28,    0, (u8)(lba >> 24),  (u8)(lba >> 16), (u8)(lba >> 8),
                  (u8)lba, 0, (u8)(count >> 8), (u8)count};
    return cd_packet(d, cdb, buffer, count * 2048);
}

// ---- detection
// -------------------------------------------------------------------------------------------------
static u16 identity[256];

static void copy_model(struct Drive* d) {
    for (u32 i = 0; i < 20; i++) {
        d->model[i * 2] = (char)(identity[27 + i] >> 8);
        d->model[i * 2 + 1] = (char)identity[27 + i];
    }
    u32 end = 40;
    while (end != 0 && (d->model[end - 1] == ' ' || d->model[end - 1] == '\0')) end--;
    d->model[end] = '\0';
}

static bool_t identify(struct Drive* d, u8 command) {
    interrupts(d, 0);
    outb((u16)(d->io + STATUS), command);
    for (u32 i = 0; i < 4; i++) inb(d->control);
    int status = inb(d->control) == 0 ? TIMEOUT : wait_status(d, DRQ, 1000000);
    if (status == OK) data_in(d->io, own_linear(identity), 256);
    inb((u16)(d->io + STATUS));
    interrupts(d, 1);
    return status == OK;
}

static void choose_geometry(struct Drive* d) {
    u32 total = d->blocks >> 32 != 0 ? 0xFFFFFFFF : (u32)d->blocks;
    if (d->phys_cylinders <= 1024 && d->phys_heads <= 16 && d->phys_heads != 0 && d->phys_sectors != 0) {
        d->cylinders = d->phys_cylinders;
        d->heads = d->phys_heads;
        d->sectors = d->phys_sectors;
        d->translation = 0;
    } else {
        // LBA-assisted translation: the fewest heads that keep the cylinders below 1024.
        static const u8 heads[5] = {16, 32, 64, 128, 255};
        u32 i = 0;
        while (i < 4 && total / 63 / heads[i] > 1024) i++;
        u32 cylinders = total / 63 / heads[i];
        d->heads = heads[i];
        d->sectors = 63;
        d->cylinders = (u16)(cylinders > 1024 ? 1024 : cylinders);
        d->translation = 1;
    }
    if (ata_transfer(d, 0, 0, 1, own_linear(identity)) != OK || identity[255] != 0xAA55) return;
    // A disk that was partitioned elsewhere keeps the geometry in which its table was written.
    const u8* table = (const u8*)identity + 446;
    u32 table_heads = 0, table_sectors = 0;
    for (u32 i = 0; i < 4; i++) {
        const u8* entry = table + i * 16;
        u32 start, length;
        memcpy(&start, entry + 8, 4);
        memcpy(&length, entry + 12, 4);
        if (entry[4] == 0 || entry[4] == 0xEE || length == 0) continue;
        u32 h = entry[5] + 1u, s = entry[6] & 0x3Fu;
        if (s == 0 || (table_heads != 0 && (h != table_heads || s != table_sectors))) return;
        u32 cylinder = entry[3] | (u32)(entry[2] & 0xC0) << 2, sector = entry[2] & 0x3Fu;
        if (cylinder < 1023 && (cylinder * h + entry[1]) * s + sector - 1 != start) return;
        cylinder = entry[7] | (u32)(entry[6] & 0xC0) << 2;
        if (cylinder < 1023 && (cylinder + 1) * h * s != start + length) return;
        table_heads = h;
        table_sectors = s;
    }
    if (table_heads == 0 || table_heads > 255 || (table_heads == d->heads && table_sectors == d->sectors))
        return;
    u32 cylinders = total / table_heads / table_sectors;
    if (cylinders == 0) return;
    d->heads = (u16)table_heads;
    d->sectors = (u16)table_sectors;
    d->cylinders = (u16)(cylinders > 1024 ? 1024 : cylinders);
    d->translation = 2;
}

static void setup_disk(struct Drive* d) {
    d->phys_cylinders = identity[1];
    d->phys_heads = identity[3];
    d->phys_sectors = identity[6];
    u32 lba28 = identity[60] | (u32)identity[61] << 16;
    d->no_lba = (identity[49] & 0x200) == 0;
    d->lba48 = (identity[83] & 0x400) != 0;
    d->blocks = d->no_lba ? (u32)identity[1] * identity[3] * identity[6] : lba28;
    if (d->lba48) {
        u64 lba48 =
            identity[100] | (u64)identity[101] << 16 | (u64)identity[102] << 32 | (u64)identity[103] << 48;
        if (lba48 > d->blocks) d->blocks = lba48;
    }
    choose_geometry(d);
}

static void setup_dma(struct Drive* d, u16 bus_master) {
    if (bus_master == 0 || (identity[49] & 0x100) == 0 || (identity[63] & 7) == 0) return;
    if (((identity[63] | identity[88]) >> 8 & 0x7F) == 0) {  // none chosen yet: multiword mode 2
        outb((u16)(d->io + COUNT), 0x22);
        if (ata_simple(d, 0xEF, 0x03) != OK) return;
    }
    d->bus_master = bus_master;
    d->dma = 1;
    outb((u16)(bus_master + 2), (u8)((inb((u16)(bus_master + 2)) & 0x60) | 0x20 << d->slave));
}

static u16 find_bus_master(void) {
    for (u32 b = PCI_FIRST; pci_next(&b);) {
        if (pci_read16((u16)b, 0x0A) != 0x0101 || (pci_read8((u16)b, 9) & 0x80) == 0) continue;
        u32 bar = pci_read32((u16)b, 0x20);
        if ((bar & 1) != 0 && (bar & 0xFFF0) != 0) return (u16)(bar & 0xFFF0);
    }
    return 0;
}

static void probe(u32 index, u16 bus_master) {
    struct Drive* d = &drives[index];
    d->channel = (u8)(index >> 1);
    d->slave = (u8)(index & 1);
    d->io = d->channel == 0 ? 0x1F0 : 0x170;
    d->control = d->channel == 0 ? 0x3F6 : 0x376;
    d->irq = (u8)(14 + d->channel);
    if (inb((u16)(d->io + STATUS)) == 0xFF) return;  // nothing drives the bus
    outb((u16)(d->io + DEVICE), (u8)(0xA0 | d->slave << 4));
    for (u32 i = 0; i < 4; i++) inb(d->control);
    outb((u16)(d->io + COUNT), 0x55);
    outb((u16)(d->io + LBA_LOW), 0xAA);
    if (inb((u16)(d->io + COUNT)) != 0x55 || inb((u16)(d->io + LBA_LOW)) != 0xAA) return;
    if (d->slave == 0 && ata_reset(d) != OK) return;
    outb((u16)(d->io + DEVICE), (u8)(0xA0 | d->slave << 4));
    for (u32 i = 0; i < 4; i++) inb(d->control);
    if (wait_not_busy(d, 1000000) != OK) return;
    if (identify(d, 0xEC)) {
        d->present = 1;
    } else if (identify(d, 0xA1)) {
        d->present = d->atapi = 1;
    } else {
        return;
    }
    copy_model(d);
    setup_dma(d, bus_master != 0 ? (u16)(bus_master + d->channel * 8) : 0);
    if (!d->atapi) {
        setup_disk(d);
        disks[disk_total++] = (u8)index;
    } else if ((identity[0] >> 8 & 0x1F) == 5) {
        cds[cd_total++] = (u8)index;
    }
    debugf("ata%u-%s: %s, %u MB, CHS %u/%u/%u\n", d->channel, d->slave ? "slave" : "master", d->model,
           (u32)(d->blocks >> 11), d->cylinders, d->heads, d->sectors);
}

void ata_setup(void) {
    u16 bus_master = find_bus_master();
    for (u32 i = 0; i < 4; i++) probe(i, bus_master);
    BDA->disk_count = disk_total;
    BDA->disk_control = 0xC0;
}

// The boot order decides which disk is 80h.
void disk_move_first(u32 index) {
    u8 chosen = disks[index];
    for (; index != 0; index--) disks[index] = disks[index - 1];
    disks[0] = chosen;
}
