// The fw_cfg device: named files from the emulator (boot order, ROMs, memory map). Selector 510h, data 511h,
// DMA 514h. QEMU "fw_cfg" specification.
#include "bios.h"

enum { SELECT = 0x510, DATA = 0x511, DMA_HIGH = 0x514, DMA_LOW = 0x518 };
enum { KEY_SIGNATURE = 0, KEY_ID = 1, KEY_FILE_DIR = 0x19 };
enum { DMA_ERROR = 1, DMA_READ = 2, DMA_SKIP = 4, DMA_SELECT = 8 };

struct DmaAccess {
    u32 control, length, address_high, address_low;  // big endian
};

static u8 present, has_dma;

static void read_bytes(void *dst, u32 n) {
    __asm__ volatile("rep insb" : "+D"(dst), "+c"(n) : "d"((u16)DATA) : "memory");
}

void fw_cfg_probe(void) {
    char signature[4];
    outw(SELECT, KEY_SIGNATURE);
    read_bytes(signature, 4);
    present = memcmp(signature, "QEMU", 4) == 0;
    if (!present) return;
    u32 id;
    outw(SELECT, KEY_ID);
    read_bytes(&id, 4);
    has_dma = (id & 2) != 0;
}

bool_t fw_cfg_file(u32 index, struct FwFile *file) {
    if (!present) return 0;
    u32 count;
    outw(SELECT, KEY_FILE_DIR);
    read_bytes(&count, 4);
    if (index >= be32(count)) return 0;
    struct {
        u32 size;
        u16 select, reserved;
        char name[56];
    } entry;
    for (u32 i = 0; i <= index; i++) read_bytes(&entry, sizeof entry);
    file->size = be32(entry.size);
    file->select = be16(entry.select);
    memcpy(file->name, entry.name, sizeof file->name);
    file->name[sizeof file->name - 1] = '\0';
    return 1;
}

bool_t fw_cfg_find(const char *name, struct FwFile *file) {
    for (u32 i = 0; fw_cfg_file(i, file); i++) {
        if (memcmp(file->name, name, string_length(name) + 1) == 0) return 1;
    }
    return 0;
}

void fw_cfg_read_linear(const struct FwFile *file, u32 dst, u32 bytes) {
    if (has_dma) {
        volatile struct DmaAccess access;
        access.control = be32((u32)file->select << 16 | DMA_SELECT | DMA_READ);
        access.length = be32(bytes);
        access.address_high = 0;
        access.address_low = be32(dst);
        outl(DMA_HIGH, 0);
        outl(DMA_LOW, be32(own_linear((const void *)&access)));
        while ((be32(access.control) & ~DMA_ERROR) != 0) {
        }
        if (access.control == 0) return;
    }
    outw(SELECT, file->select);
    while (bytes != 0) {
        u8 chunk[64];
        u32 n = bytes < sizeof chunk ? bytes : sizeof chunk;
        read_bytes(chunk, n);
        far_put(dst, chunk, n);
        dst += n;
        bytes -= n;
    }
}

void fw_cfg_read(const struct FwFile *file, void *dst, u32 bytes) { fw_cfg_read_linear(file, own_linear(dst), bytes); }
