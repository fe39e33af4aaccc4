// A bench with the PIIX3 IDE function, and what a driver does with its registers. For tests only.
#pragma once

#include <gtest/gtest.h>

#include "devices/device_bench.h"
#include "devices/ide/ata_disk.h"
#include "devices/ide/atapi_drive.h"
#include "devices/ide/piix_ide.h"
#include "devices/storage/memory_image.h"

namespace gnomon {

struct IdeBench : DeviceBench {
    static constexpr u16 kBusMaster = 0xc000;
    static constexpr u32 kTable = 0x1000;

    LineProbe irq;
    DmaMemory memory{1 << 20};
    std::unique_ptr<PiixIde> ide;
    u16 base = 0x1f0;
    u16 control = 0x3f6;
    u16 master = kBusMaster;

    IdeBench() {
        ide = std::move(*PiixIde::create(ports, memory, log, irq.line(14), irq.line(15)));
        enable();
    }
    /// What firmware does.
    void enable() {
        ide->config_write(0x40, 2, 0x8000);
        ide->config_write(0x42, 2, 0x8000);
        ide->config_write(0x20, 4, kBusMaster);
        ide->config_write(0x04, 2, 0x0005);
    }
    void use_secondary() { base = 0x170, control = 0x376, master = kBusMaster + 8; }

    /// An image whose every sector begins with its number and is filled with a pattern.
    static std::unique_ptr<MemoryImage> pattern(u32 sectors, bool read_only = false) {
        std::vector<u8> bytes(size_t{sectors} * kSectorSize);
        for (size_t i = 0; i < bytes.size(); i++) bytes[i] = static_cast<u8>(i * 7 + i / kSectorSize);
        for (u32 i = 0; i < sectors; i++)
            for (unsigned k = 0; k < 4; k++) bytes[size_t{i} * kSectorSize + k] = static_cast<u8>(i >> 8 * k);
        return std::make_unique<MemoryImage>("pattern", std::move(bytes), read_only);
    }
    AtaDisk& add_disk(unsigned channel, unsigned number, std::unique_ptr<MemoryImage> image,
                      AtaDisk::Config config = {}) {
        config.name = fmt::format("disk{}{}", channel, number);
        auto disk = AtaDisk::create(scheduler, log, std::move(image), config);
        AtaDisk& reference = **disk;
        ide->channel(channel).attach(number, std::move(*disk));
        advance(1'000'000);
        return reference;
    }
    AtapiDrive& add_cd(unsigned channel, unsigned number, std::unique_ptr<MemoryImage> image) {
        AtapiDrive::Config config;
        config.name = fmt::format("cd{}{}", channel, number);
        auto drive = AtapiDrive::create(scheduler, log, std::move(image), config);
        AtapiDrive& reference = **drive;
        ide->channel(channel).attach(number, std::move(*drive));
        advance(1'000'000);
        return reference;
    }

    u8 status() { return in8(static_cast<u16>(base + 7)); }
    u8 alternate() { return in8(control); }
    u8 reg(unsigned which) { return in8(static_cast<u16>(base + which)); }
    void set(unsigned which, u8 value) { out8(static_cast<u16>(base + which), value); }
    /// Waits as a driver that polls: until BSY is clear. Fails after a second.
    u8 wait() {
        for (int i = 0; i < 100'000 && (alternate() & 0x80); i++) advance(10'000);
        EXPECT_FALSE(alternate() & 0x80) << "still busy";
        return alternate();
    }
    void command(u8 code) { set(7, code); }
    void setup(u32 lba, u8 count, u8 device = 0xe0) {
        set(6, static_cast<u8>(device | (lba >> 24 & 15)));
        set(2, count);
        set(3, static_cast<u8>(lba));
        set(4, static_cast<u8>(lba >> 8));
        set(5, static_cast<u8>(lba >> 16));
    }
    void setup48(u64 lba, u16 count, u8 device = 0x40) {
        set(6, device);
        set(2, static_cast<u8>(count >> 8));
        set(3, static_cast<u8>(lba >> 24));
        set(4, static_cast<u8>(lba >> 32));
        set(5, static_cast<u8>(lba >> 40));
        set(2, static_cast<u8>(count));
        set(3, static_cast<u8>(lba));
        set(4, static_cast<u8>(lba >> 8));
        set(5, static_cast<u8>(lba >> 16));
    }
    std::vector<u8> read_data(size_t bytes) {
        std::vector<u8> data(bytes);
        for (size_t i = 0; i < bytes; i += 2) {
            const u16 word = in16(base);
            data[i] = static_cast<u8>(word);
            if (i + 1 < bytes) data[i + 1] = static_cast<u8>(word >> 8);
        }
        return data;
    }
    void write_data(std::span<const u8> data) {
        for (size_t i = 0; i < data.size(); i += 2)
            out16(base, static_cast<u16>(data[i] | (i + 1 < data.size() ? data[i + 1] << 8 : 0)));
    }

    struct Region {
        u32 address;
        u32 bytes;
    };
    void put_table(std::initializer_list<Region> regions) {
        u32 at = kTable;
        size_t number = 0;
        for (const Region& region : regions) {
            const bool last = ++number == regions.size();
            const u32 words[] = {region.address, (region.bytes & 0xffff) | (last ? 0x80000000u : 0)};
            for (const u32 word : words)
                for (unsigned k = 0; k < 4; k++) memory.bytes[at++] = static_cast<u8>(word >> 8 * k);
        }
        out32(static_cast<u16>(master + 4), kTable);
    }
    void start_dma(bool to_memory) {
        out8(static_cast<u16>(master + 2), 0x06);
        out8(master, to_memory ? 0x08 : 0x00);
        out8(master, to_memory ? 0x09 : 0x01);
    }
    u8 dma_status() { return in8(static_cast<u16>(master + 2)); }
};

}  // namespace gnomon
