// What an ATA disk tells about itself: IDENTIFY DEVICE and SMART.
// ATA/ATAPI-6, "IDENTIFY DEVICE" and "SMART"; attribute layout as ATA-3 printed it and drives still have it.
#include <algorithm>

#include "devices/ide/ata_disk.h"
#include "devices/ide/identify_words.h"

namespace gnomon {
namespace {

constexpr u16 kSmartSupported = 1 << 0, kPowerManagement = 1 << 3, kWriteCache = 1 << 5, kLookAhead = 1 << 6,
              kHostProtected = 1 << 10, kWriteBuffer = 1 << 12, kReadBuffer = 1 << 13, kNop = 1 << 14;
constexpr u16 kLba48 = 1 << 10, kFlush = 1 << 12, kFlushExt = 1 << 13, kValid = 1 << 14;

void put_long(IdentifyWords& words, size_t at, u64 value, size_t count) {
    for (size_t i = 0; i < count; i++) words[at + i] = static_cast<u16>(value >> 16 * i);
}

u8 checksum(std::span<const u8> bytes) {
    u8 sum = 0;
    for (const u8 byte : bytes) sum = static_cast<u8>(sum + byte);
    return static_cast<u8>(0 - sum);
}

struct SmartAttribute {
    u8 id;
    u16 flags;
    u8 value;
    u8 threshold;
    u64 raw;
};

/// Read errors, start/stop, reallocated sectors, power-on hours, power cycles, temperature, pending sectors.
constexpr SmartAttribute kSmartAttributes[] = {
    {1, 0x000f, 100, 6, 0},   {4, 0x0032, 100, 20, 1},  {5, 0x0033, 100, 36, 0},  {9, 0x0032, 100, 0, 1},
    {12, 0x0032, 100, 20, 1}, {194, 0x0022, 70, 0, 30}, {197, 0x0012, 100, 0, 0},
};

}  // namespace

std::array<u16, 256> AtaDisk::identity() const {
    IdentifyWords words{};
    const Chs& chs = geometry_.drive;
    words[0] = 0x0040;  // fixed
    words[1] = static_cast<u16>(chs.cylinders);
    words[3] = static_cast<u16>(chs.heads);
    words[4] = static_cast<u16>(chs.sectors * kSectorSize);
    words[5] = kSectorSize;
    words[6] = static_cast<u16>(chs.sectors);
    put_text(words, 10, 10, config_.serial);
    words[20] = 3;    // dual-ported buffer with read cache
    words[21] = 512;  // of 256 KiB
    put_text(words, 23, 4, config_.firmware);
    put_text(words, 27, 20, config_.model);
    words[47] = 0x8080;  // up to 128 sectors per interrupt
    words[48] = 1;       // 32-bit accesses of the data port
    words[49] = 0x0f00;  // IORDY can be disabled, IORDY, LBA, DMA
    words[50] = 0x4000;
    words[51] = words[52] = 0x0200;
    words[53] = 0x0007;  // words 54–58, 64–70 and 88 are valid
    const u32 cylinder = u32{state_.heads} * state_.sectors;
    const u32 cylinders = static_cast<u32>(std::clamp<u64>(state_.accessible / cylinder, 1, 65535));
    const bool default_shape = state_.heads == chs.heads && state_.sectors == chs.sectors;
    words[54] = static_cast<u16>(default_shape ? chs.cylinders : cylinders);
    words[55] = state_.heads;
    words[56] = state_.sectors;
    put_long(words, 57, u64{words[54]} * cylinder, 2);
    words[59] = static_cast<u16>(state_.multiple ? 0x100 | state_.multiple : 0);
    put_long(words, 60, capacity28(), 2);
    put_dma_modes(words, state_.transfer_mode);
    words[64] = 0x0003;  // PIO 3 and 4
    for (size_t i = 65; i <= 68; i++) words[i] = 120;
    words[80] = 0x007e;  // ATA-1 to ATA/ATAPI-6
    words[82] = kNop | kReadBuffer | kWriteBuffer | kHostProtected | kLookAhead | kWriteCache |
                kPowerManagement | kSmartSupported;
    words[83] = kValid | kFlushExt | kFlush | kLba48;
    words[84] = kValid;
    words[85] = static_cast<u16>(words[82] & ~((state_.read_ahead ? 0 : kLookAhead) |
                                               (state_.write_cache ? 0 : kWriteCache) |
                                               (state_.smart ? 0 : kSmartSupported)));
    words[86] = kFlushExt | kFlush | kLba48;
    words[87] = kValid;
    words[93] = 0x600b;  // 80-conductor cable, device 0 by jumper, passed its diagnostics
    put_long(words, 100, state_.accessible, 4);
    return words;
}

void AtaDisk::identify() { offer(identify_bytes(identity())); }

std::vector<u8> AtaDisk::smart_data() const {
    std::vector<u8> data(512);
    data[0] = 0x10;  // revision
    size_t at = 2;
    for (const SmartAttribute& attribute : kSmartAttributes) {
        data[at] = attribute.id;
        data[at + 1] = static_cast<u8>(attribute.flags);
        data[at + 2] = static_cast<u8>(attribute.flags >> 8);
        data[at + 3] = data[at + 4] = attribute.value;
        for (unsigned i = 0; i < 6; i++) data[at + 5 + i] = static_cast<u8>(attribute.raw >> 8 * i);
        at += 12;
    }
    data[362] = state_.smart_autosave ? 0x80 : 0x00;  // no off-line collection was started
    data[367] = 0x00;                                 // no off-line commands
    data[368] = 0x03;                                 // saves before power-down, and after EXECUTE
    data[511] = checksum(data);
    return data;
}

std::vector<u8> AtaDisk::smart_thresholds() const {
    std::vector<u8> data(512);
    data[0] = 0x10;
    size_t at = 2;
    for (const SmartAttribute& attribute : kSmartAttributes) {
        data[at] = attribute.id;
        data[at + 1] = attribute.threshold;
        at += 12;
    }
    data[511] = checksum(data);
    return data;
}

void AtaDisk::smart() {
    TaskFile& task = state_.task;
    if (task.lba_mid[0] != 0x4f || task.lba_high[0] != 0xc2) return refuse();
    const u8 feature = task.features[0];
    if (feature == 0xd8) {
        state_.smart = true;
        return complete();
    }
    if (!state_.smart) return refuse();
    switch (feature) {
        case 0xd0: return offer(smart_data());
        case 0xd1: return offer(smart_thresholds());
        case 0xd2:
            if (task.count[0] != 0x00 && task.count[0] != 0xf1) return refuse();
            state_.smart_autosave = task.count[0] == 0xf1;
            return complete();
        case 0xd3: return complete();
        case 0xd9: state_.smart = false; return complete();
        case 0xda: return complete();  // LBA Mid and High unchanged: no threshold exceeded
        default: return refuse();
    }
}

}  // namespace gnomon
