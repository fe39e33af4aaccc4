// QEMU firmware configuration device (specification "QEMU Firmware Configuration (fw_cfg) Device"): files by
// name, read by DMA where the device offers it, else through the data port.
#include "stage.h"

enum {
    PORT_SELECTOR = 0x510,
    PORT_DATA = 0x511,
    PORT_DMA_HIGH = 0x514,
    PORT_DMA_LOW = 0x518,
    KEY_SIGNATURE = 0x0000,
    KEY_ID = 0x0001,
    KEY_DIRECTORY = 0x0019,
    ID_DMA = 2,
    DMA_ERROR = 1,
    DMA_READ = 2,
    DMA_SKIP = 4,
    DMA_SELECT = 8,
};

struct DmaAccess {
    u32 control, count, address_high, address_low;  // big-endian
};

struct DirectoryEntry {
    u32 size;
    u16 selector, reserved;  // big-endian
    char name[56];
};

static volatile struct DmaAccess access;
static int has_dma;

static u16 swap16(u16 value) { return (u16)(value << 8 | value >> 8); }
static u32 swap32(u32 value) { return (u32)swap16((u16)value) << 16 | swap16((u16)(value >> 16)); }

static void dma(u32 control, void* address, u32 count) {
    access.control = swap32(control);
    access.count = swap32(count);
    access.address_high = 0;
    access.address_low = swap32((u32)address);
    __asm__ volatile("" : : : "memory");
    out32(PORT_DMA_HIGH, 0);
    out32(PORT_DMA_LOW, swap32((u32)&access));
    while (access.control & ~swap32(DMA_ERROR)) {
    }
    if (access.control) fail("fw_cfg reports a DMA error", "");
}

static void read_port(void* to, u32 count) {
    __asm__ volatile("rep insb" : "+D"(to), "+c"(count) : "d"(PORT_DATA) : "memory");
}

static u32 read_key32(u16 key) {
    u32 value;
    out16(PORT_SELECTOR, key);
    read_port(&value, 4);
    return value;
}

void fw_cfg_start(void) {
    if (read_key32(KEY_SIGNATURE) != 0x554D4551) fail("there is no fw_cfg device", "");  // "QEMU"
    has_dma = (read_key32(KEY_ID) & ID_DMA) != 0;
}

int fw_cfg_find(const char* name, struct FwFile* file) {
    struct DirectoryEntry entry;
    u32 count = swap32(read_key32(KEY_DIRECTORY));
    while (count--) {
        read_port(&entry, sizeof entry);
        entry.name[sizeof entry.name - 1] = 0;
        if (same(entry.name, name)) {
            file->size = swap32(entry.size);
            file->selector = swap16(entry.selector);
            return 1;
        }
    }
    return 0;
}

void fw_cfg_need(const char* name, struct FwFile* file) {
    if (!fw_cfg_find(name, file)) fail("fw_cfg lacks ", name);
}

void fw_cfg_read(const struct FwFile* file, u32 offset, void* to, u32 count) {
    if (offset > file->size || count > file->size - offset)
        fail("a fw_cfg file is shorter than the plan says", "");
    u32 select = (u32)file->selector << 16 | DMA_SELECT;
    if (has_dma) {
        if (offset) {
            dma(select | DMA_SKIP, 0, offset);
            select = 0;
        }
        dma(select | DMA_READ, to, count);
        return;
    }
    out16(PORT_SELECTOR, file->selector);
    while (offset--) in8(PORT_DATA);
    read_port(to, count);
}
