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

static void read_bytes(void* dst, u32 n) {
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

// The index-th file whose name starts with the prefix, or is exactly it.
static bool_t search(const char* name, bool_t exact, u32 index, struct FwFile* file) {
    if (!present) return 0;
    u32 count, length = string_length(name) + (exact ? 1 : 0);
    outw(SELECT, KEY_FILE_DIR);
    read_bytes(&count, 4);
    for (u32 left = be32(count); left != 0; left--) {
        struct {
            u32 size;
            u16 select, reserved;
            char name[56];
        } entry;
        read_bytes(&entry, sizeof entry);
        if (memcmp(entry.name, name, length) != 0 || index-- != 0) continue;
        file->size = be32(entry.size);
        file->select = be16(entry.select);
        memcpy(file->name, entry.name, sizeof file->name);
        file->name[sizeof file->name - 1] = '\0';
        return 1;
    }
    return 0;
}

bool_t fw_cfg_find(const char* name, struct FwFile* file) { return search(name, 1, 0, file); }

bool_t fw_cfg_find_in(const char* folder, u32 index, struct FwFile* file) {
    return search(folder, 0, index, file);
}

void fw_cfg_read_linear(const struct FwFile* file, u32 dst, u32 bytes) {
    if (has_dma) {
        volatile struct DmaAccess access;
        access.control = be32((u32)file->select << 16 | DMA_SELECT | DMA_READ);
        access.length = be32(bytes);
        access.address_high = 0;
        access.address_low = be32(dst);
        outl(DMA_HIGH, 0);
        outl(DMA_LOW, be32(own_linear((const void*)&access)));
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

void fw_cfg_read(const struct FwFile* file, void* dst, u32 bytes) {
    fw_cfg_read_linear(file, own_linear(dst), bytes);
}
