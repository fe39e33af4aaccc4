// The bench of the floppy controller's tests: a DMA channel with a buffer, and what every driver begins with.
#pragma once

#include <gtest/gtest.h>

#include "devices/device_fuzz.h"
#include "devices/floppy/floppy_controller.h"
#include "devices/storage/memory_image.h"

namespace gnomon {

/// A DMA channel with a buffer in place of memory.
struct FakeDma final : IsaDmaChannel {
    std::vector<u8> memory;
    size_t at = 0;
    bool masked = false;
    bool request = false;
    std::function<void()> unmasked;

    void program(size_t bytes) {
        memory.assign(bytes, 0);
        at = 0;
        masked = false;
    }
    void program(std::vector<u8> data) {
        memory = std::move(data);
        at = 0;
        masked = false;
    }
    void set_request(bool asserted) override { request = asserted; }
    [[nodiscard]] bool ready() const override { return !masked && at < memory.size(); }
    Moved move(size_t bytes, const std::function<void(size_t count)>& copy) {
        if (!ready()) return {};
        const size_t count = std::min(bytes, memory.size() - at);
        copy(count);
        at += count;
        return {count, at == memory.size()};
    }
    Moved to_memory(std::span<const u8> data) override {
        return move(data.size(),
                    [&](size_t n) { std::copy_n(data.begin(), n, memory.begin() + static_cast<long>(at)); });
    }
    Moved from_memory(std::span<u8> data) override {
        return move(data.size(),
                    [&](size_t n) { std::copy_n(memory.begin() + static_cast<long>(at), n, data.begin()); });
    }
    void on_unmask(std::function<void()> callback) override { unmasked = std::move(callback); }
};

/// Without a controller yet: tests of other configurations build theirs.
struct FloppyVariantTest : testing::Test, DeviceBench {
    using Config = FloppyController::Config;
    LineProbe irq;
    FakeDma dma;
    std::unique_ptr<FloppyController> fdc;
    MemoryImage* disk = nullptr;

    void build(const Config& config, u32 kilobytes = 1440) {
        fdc = std::move(*FloppyController::create(ports, scheduler, log, dma, irq.line(6), config));
        insert(0, kilobytes);
        start();
    }
    static std::unique_ptr<MemoryImage> pattern(u32 kilobytes, bool read_only = false) {
        std::vector<u8> bytes(size_t{kilobytes} * 1024);
        for (size_t i = 0; i < bytes.size(); i++) bytes[i] = static_cast<u8>(i * 3 + i / 512);
        return std::make_unique<MemoryImage>("floppy.img", std::move(bytes), read_only);
    }
    void insert(unsigned drive, u32 kilobytes, bool read_only = false) {
        auto image = pattern(kilobytes, read_only);
        disk = image.get();
        ASSERT_TRUE(fdc->insert(drive, std::move(image)).ok());
    }
    /// Reset, four senses, SPECIFY, motor of drive 0, 500 kbit/s, recalibrate: what every driver begins with.
    void start() {
        out8(0x3f2, 0x00);
        out8(0x3f2, 0x1c);
        EXPECT_EQ(in8(0x3f4), 0x00);
        EXPECT_FALSE(irq.level(6));
        advance(1'000'000);
        EXPECT_TRUE(irq.level(6));
        for (u8 i = 0; i < 4; i++) EXPECT_EQ(run({0x08}, 2), (std::vector<u8>{static_cast<u8>(0xc0 | i), 0}));
        EXPECT_FALSE(irq.level(6));
        EXPECT_EQ(run({0x08}, 1), (std::vector<u8>{0x80})) << "nothing more is pending";
        run({0x03, 0xdf, 0x02}, 0);
        out8(0x3f7, 0x00);
        EXPECT_EQ(seek({0x07, 0x00}), (std::vector<u8>{0x20, 0}));
    }
    void send(std::initializer_list<u8> bytes) {
        for (const u8 byte : bytes) {
            ASSERT_EQ(in8(0x3f4) & 0xc0, 0x80);
            out8(0x3f5, byte);
        }
    }
    std::vector<u8> results(size_t count) {
        std::vector<u8> bytes;
        for (size_t i = 0; i < count; i++) {
            EXPECT_EQ(in8(0x3f4) & 0xd0, 0xd0) << "result " << i;
            bytes.push_back(in8(0x3f5));
        }
        EXPECT_EQ(in8(0x3f4) & 0xd0, 0x80);
        return bytes;
    }
    std::vector<u8> run(std::initializer_list<u8> bytes, size_t count) {
        send(bytes);
        return results(count);
    }
    /// A command that interrupts: waits for it.
    std::vector<u8> transfer(std::initializer_list<u8> bytes) {
        send(bytes);
        EXPECT_FALSE(irq.level(6));
        advance(1'000'000'000);
        EXPECT_TRUE(irq.level(6));
        const std::vector<u8> all = results(7);
        EXPECT_FALSE(irq.level(6));
        EXPECT_FALSE(dma.request);
        return all;
    }
    std::vector<u8> seek(std::initializer_list<u8> bytes) {
        send(bytes);
        EXPECT_EQ(in8(0x3f4), 0x80 | 1 << (*(bytes.begin() + 1) & 3));
        advance(100'000'000);
        EXPECT_TRUE(irq.level(6));
        return run({0x08}, 2);
    }
    std::vector<u8> sectors(u32 first, u32 count) {
        return {disk->bytes().begin() + first * 512, disk->bytes().begin() + (first + count) * 512};
    }
};

struct FloppyTest : FloppyVariantTest {
    void SetUp() override { build({}); }
};

}  // namespace gnomon
