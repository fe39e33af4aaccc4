// The floppy controller, driven through its ports as BIOSes and operating systems do.
#include "devices/floppy/floppy_controller.h"

#include <gtest/gtest.h>

#include <numeric>

#include "devices/device_fuzz.h"
#include "devices/dma/isa_dma.h"
#include "devices/snapshot_check.h"
#include "devices/state_damage.h"
#include "devices/storage/memory_image.h"

namespace gnomon {
namespace {

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

TEST_F(FloppyTest, ReadsSectorsByDmaUntilTerminalCount) {
    dma.program(3 * 512);
    EXPECT_EQ(transfer({0xe6, 0x00, 0, 0, 1, 2, 18, 0x1b, 0xff}), (std::vector<u8>{0x00, 0, 0, 0, 0, 4, 2}));
    EXPECT_EQ(dma.memory, sectors(0, 3));
}

TEST_F(FloppyTest, MultiTrackGoesOnAtTheSecondHead) {
    seek({0x0f, 0x00, 5});
    dma.program(20 * 512);
    // Sector 17 of head 0 is LBA 5*36+16.
    EXPECT_EQ(transfer({0xe6, 0x00, 5, 0, 17, 2, 18, 0x1b, 0xff}), (std::vector<u8>{0x04, 0, 0, 6, 0, 1, 2}))
        << "the ID after the last sector of the cylinder is the next cylinder's first";
    EXPECT_EQ(dma.memory, sectors(5 * 36 + 16, 20));
    dma.program(2 * 512);
    EXPECT_EQ(transfer({0x46, 0x00, 5, 0, 17, 2, 18, 0x1b, 0xff}), (std::vector<u8>{0x00, 0, 0, 6, 0, 1, 2}));
}

TEST_F(FloppyTest, EndOfCylinderWithoutTerminalCountIsAnError) {
    dma.program(5 * 512);
    EXPECT_EQ(transfer({0x46, 0x00, 0, 0, 17, 2, 18, 0x1b, 0xff}),
              (std::vector<u8>{0x40, 0x80, 0, 0, 0, 18, 2}));
}

TEST_F(FloppyTest, WritesAndReadsBackDeletedMarks) {
    std::vector<u8> data(1024);
    std::iota(data.begin(), data.end(), u8{7});
    dma.program(data);
    EXPECT_EQ(transfer({0xc9, 0x04, 0, 1, 3, 2, 18, 0x1b, 0xff}), (std::vector<u8>{0x04, 0, 0, 0, 1, 5, 2}));
    EXPECT_EQ(sectors(20, 2), data);
    // READ DATA takes a deleted sector, tells by CM and stops after it.
    dma.program(1024);
    EXPECT_EQ(transfer({0xc6, 0x04, 0, 1, 3, 2, 18, 0x1b, 0xff}),
              (std::vector<u8>{0x04, 0, 0x40, 0, 1, 4, 2}));
    EXPECT_EQ(dma.at, 512u);
    // With SK it is passed over; sector 5 comes.
    dma.program(512);
    EXPECT_EQ(transfer({0xe6, 0x04, 0, 1, 3, 2, 18, 0x1b, 0xff})[5], 6);
    EXPECT_EQ(dma.memory, sectors(22, 1));
    dma.program(1024);
    EXPECT_EQ(transfer({0xcc, 0x04, 0, 1, 3, 2, 18, 0x1b, 0xff})[2], 0x00);
    // An ordinary write ends the mark.
    dma.program(data);
    transfer({0xc5, 0x04, 0, 1, 3, 2, 18, 0x1b, 0xff});
    dma.program(512);
    EXPECT_EQ(transfer({0xe6, 0x04, 0, 1, 3, 2, 18, 0x1b, 0xff})[2], 0x00);
}

TEST_F(FloppyTest, ProgrammedTransferInterruptsAtTheThreshold) {
    run({0x03, 0xdf, 0x03}, 0);               // ND
    run({0x13, 0x00, 0x08 | 0x10, 0x00}, 0);  // FIFO, threshold 8: 8 bytes at a time
    send({0x46, 0x00, 0, 0, 2, 2, 2, 0x1b, 0xff});
    EXPECT_EQ(in8(0x3f4), 0x30);
    std::vector<u8> data;
    while (data.size() < 512) {
        advance(1'000'000);
        ASSERT_TRUE(irq.level(6));
        for (int i = 0; i < 8; i++) {
            ASSERT_EQ(in8(0x3f4), 0xf0);
            data.push_back(in8(0x3f5));
        }
        EXPECT_FALSE(irq.level(6));
        EXPECT_EQ(in8(0x3f4), 0x30);
    }
    EXPECT_EQ(data, sectors(1, 1));
    advance(1'000'000);
    EXPECT_EQ(results(7), (std::vector<u8>{0x40, 0x80, 0, 0, 0, 2, 2}));
    // And out, byte by byte without the FIFO.
    run({0x13, 0x00, 0x20, 0x00}, 0);
    send({0x45, 0x00, 0, 0, 9, 2, 9, 0x1b, 0xff});
    for (unsigned i = 0; i < 512; i++) {
        advance(100'000);
        ASSERT_EQ(in8(0x3f4), 0xb0);
        out8(0x3f5, static_cast<u8>(i ^ 0x5a));
    }
    advance(1'000'000);
    EXPECT_EQ(results(7)[1], 0x80);
    EXPECT_EQ(sectors(8, 1)[511], 0xff ^ 0x5a);
}

TEST_F(FloppyTest, WrongRateCylinderHeadSectorOrSizeIsAnIdError) {
    dma.program(512);
    out8(0x3f7, 0x02);
    EXPECT_EQ(transfer({0x46, 0x00, 0, 0, 1, 2, 18, 0x1b, 0xff}),
              (std::vector<u8>{0x40, 0x01, 0, 0, 0, 1, 2}));
    EXPECT_EQ(transfer({0x4a, 0x00})[1], 0x01);
    out8(0x3f4, 0x00);  // the rate by DSR
    EXPECT_EQ(transfer({0x46, 0x00, 1, 0, 1, 2, 18, 0x1b, 0xff}),
              (std::vector<u8>{0x40, 0x04, 0x10, 1, 0, 1, 2}));
    EXPECT_EQ(transfer({0x46, 0x00, 0xff, 0, 1, 2, 18, 0x1b, 0xff})[2], 0x12);
    EXPECT_EQ(transfer({0x46, 0x00, 0, 1, 1, 2, 18, 0x1b, 0xff})[1], 0x04);
    EXPECT_EQ(transfer({0x46, 0x00, 0, 0, 19, 2, 20, 0x1b, 0xff})[1], 0x04);
    EXPECT_EQ(transfer({0x46, 0x00, 0, 0, 1, 1, 18, 0x1b, 0xff})[1], 0x04);
    EXPECT_EQ(transfer({0x06, 0x00, 0, 0, 1, 2, 18, 0x1b, 0xff})[1], 0x01) << "FM";
    EXPECT_EQ(dma.at, 0u);
}

TEST_F(FloppyVariantTest, ForTheBiosOfBochsTheRateIsChosenAndTransfersSeek) {
    Config config;
    config.as_in_bochs = true;
    fdc = std::move(*FloppyController::create(ports, scheduler, log, dma, irq.line(6), config));
    insert(0, 1440);
    fdc->reset();
    out8(0x3f2, 0x00);
    out8(0x3f2, 0x1c);
    advance(1'000'000);
    for (u8 i = 0; i < 4; i++) run({0x08}, 2);
    EXPECT_EQ(seek({0x07, 0x00}), (std::vector<u8>{0x20, 0}));
    dma.program(512);
    EXPECT_EQ(transfer({0x46, 0x00, 16, 0, 1, 2, 1, 0x1b, 0xff}), (std::vector<u8>{0x20, 0, 0, 17, 0, 1, 2}));
}

TEST_F(FloppyTest, ReadIdFollowsTheRotation) {
    seek({0x0f, 0x04, 30});
    const std::vector<u8> first = transfer({0x4a, 0x04});
    EXPECT_EQ(first[0], 0x04);
    EXPECT_EQ(first[3], 30);
    EXPECT_EQ(first[4], 1);
    EXPECT_EQ(first[6], 2);
    advance(200'000'000 / 18 * 3);
    EXPECT_NE(transfer({0x4a, 0x04})[5], first[5]);
}

TEST_F(FloppyTest, WriteProtectIsRefusedAndSensed) {
    insert(0, 1440, true);
    dma.program(512);
    EXPECT_EQ(transfer({0xc5, 0x00, 0, 0, 1, 2, 18, 0x1b, 0xff}),
              (std::vector<u8>{0x40, 0x02, 0, 0, 0, 1, 2}));
    EXPECT_EQ(transfer({0x4d, 0x00, 2, 18, 0x54, 0xf6})[1], 0x02);
    EXPECT_EQ(run({0x04, 0x04}, 1), (std::vector<u8>{0x7c}));
    insert(0, 700);  // between two formats: read as 1.44M, what is missing cannot be kept
    EXPECT_EQ(run({0x04, 0x00}, 1), (std::vector<u8>{0x78}));
}

TEST_F(FloppyTest, DiskChangeEndsWithAStep) {
    EXPECT_EQ(in8(0x3f7), 0x80) << "the head was at track 0: no step yet";
    seek({0x0f, 0x00, 1});
    EXPECT_EQ(in8(0x3f7), 0x00);
    insert(0, 720);
    EXPECT_EQ(in8(0x3f7), 0x80);
    seek({0x0f, 0x00, 1});
    EXPECT_EQ(in8(0x3f7), 0x80) << "a seek without a step pulse changes nothing";
    out8(0x3f2, 0x0c);
    EXPECT_EQ(in8(0x3f7), 0x00) << "a drive without its motor is not selected";
    out8(0x3f2, 0x1c);
    seek({0x07, 0x00});
    EXPECT_EQ(in8(0x3f7), 0x00);
    fdc->eject(0);
    seek({0x0f, 0x00, 3});
    EXPECT_EQ(in8(0x3f7), 0x80) << "not without a disk";
}

TEST_F(FloppyTest, WithoutDiskOrMotorACommandWaitsForTheIndex) {
    fdc->eject(0);
    dma.program(512);
    send({0x46, 0x00, 0, 0, 1, 2, 18, 0x1b, 0xff});
    advance(3'000'000'000);
    EXPECT_FALSE(irq.level(6));
    EXPECT_EQ(in8(0x3f4), 0x10);
    insert(0, 1440);
    advance(1'000'000);
    EXPECT_EQ(results(7)[0], 0x00);
    EXPECT_EQ(dma.memory, sectors(0, 1));
    out8(0x3f2, 0x0c);
    dma.program(512);
    send({0x46, 0x00, 0, 0, 1, 2, 18, 0x1b, 0xff});
    advance(1'000'000'000);
    EXPECT_FALSE(irq.level(6));
    out8(0x3f2, 0x1c);
    advance(1'000'000);
    EXPECT_EQ(results(7)[0], 0x00);
}

TEST_F(FloppyTest, MaskedDmaChannelEndsInAnOverrunOrGoesOn) {
    dma.program(512);
    dma.masked = true;
    send({0x46, 0x00, 0, 0, 1, 2, 18, 0x1b, 0xff});
    advance(10'000'000);
    EXPECT_TRUE(dma.request);
    EXPECT_FALSE(irq.level(6));
    dma.masked = false;
    dma.unmasked();
    advance(10'000'000);
    EXPECT_EQ(results(7)[0], 0x00);
    dma.program(512);
    dma.masked = true;
    EXPECT_EQ(transfer({0x46, 0x00, 0, 0, 1, 2, 18, 0x1b, 0xff})[1], 0x10);
}

TEST_F(FloppyTest, FormatTrackFillsWhatTheIdsName) {
    seek({0x0f, 0x00, 7});
    std::vector<u8> ids;
    for (u8 r = 1; r <= 18; r++) ids.insert(ids.end(), {7, 1, r, 2});
    dma.program(ids);
    EXPECT_EQ(transfer({0x4d, 0x04, 2, 18, 0x54, 0xf6})[0], 0x04);
    EXPECT_EQ(sectors(7 * 36 + 18, 18), std::vector<u8>(18 * 512, 0xf6));
    EXPECT_NE(sectors(7 * 36 + 17, 1)[0], 0xf6);
}

TEST_F(FloppyTest, VerifyMovesNoData) {
    dma.program(512);
    EXPECT_EQ(transfer({0x56, 0x00, 0, 0, 1, 2, 18, 0x1b, 0xff})[0], 0x00);
    EXPECT_EQ(transfer({0x56, 0x80, 0, 0, 3, 2, 18, 0x1b, 4}), (std::vector<u8>{0x00, 0, 0, 0, 0, 7, 2}));
    EXPECT_EQ(dma.at, 0u);
}

TEST_F(FloppyTest, ScanComparesWithTheHostsData) {
    dma.program(sectors(4, 1));
    EXPECT_EQ(transfer({0x51, 0x00, 0, 0, 5, 2, 18, 0x1b, 1})[2], 0x08);
    std::vector<u8> wanted = sectors(4, 1);
    for (size_t i = 0; i < wanted.size(); i += 2) wanted[i] = 0xff;
    dma.program(wanted);
    EXPECT_EQ(transfer({0x51, 0x00, 0, 0, 5, 2, 5, 0x1b, 1})[2], 0x08) << "FF matches anything";
    dma.program(std::vector<u8>(512, 1));
    EXPECT_EQ(transfer({0x51, 0x00, 0, 0, 5, 2, 5, 0x1b, 1})[2], 0x04);
    dma.program(std::vector<u8>(512, 0));
    EXPECT_EQ(transfer({0x5d, 0x00, 0, 0, 5, 2, 5, 0x1b, 1})[2], 0x00) << "high: disk >= host";
    dma.program(std::vector<u8>(512, 0));
    EXPECT_EQ(transfer({0x59, 0x00, 0, 0, 5, 2, 5, 0x1b, 1})[2], 0x04) << "low: disk <= host";
}

TEST_F(FloppyTest, ReadTrackStartsAtTheIndex) {
    dma.program(18 * 512);
    EXPECT_EQ(transfer({0x42, 0x00, 0, 0, 9, 2, 18, 0x1b, 0xff})[0], 0x00);
    EXPECT_EQ(dma.memory, sectors(0, 18));
}

TEST_F(FloppyTest, SeeksOfBothKindsAndRecalibrateLimit) {
    EXPECT_EQ(seek({0x0f, 0x04, 40}), (std::vector<u8>{0x24, 40}));
    EXPECT_EQ(seek({0xcf, 0x00, 42}), (std::vector<u8>{0x20, 82}));
    EXPECT_EQ(seek({0x07, 0x00}), (std::vector<u8>{0x70, 0})) << "79 steps are not enough from track 82";
    EXPECT_EQ(seek({0x07, 0x00}), (std::vector<u8>{0x20, 0}));
    EXPECT_EQ(seek({0xcf, 0x00, 10}), (std::vector<u8>{0x20, 10}));
    EXPECT_EQ(seek({0x8f, 0x00, 3}), (std::vector<u8>{0x20, 7}));
    EXPECT_EQ(fdc->drive(0).position(), 7u);
    EXPECT_EQ(seek({0x07, 0x01}), (std::vector<u8>{0x71, 0})) << "no drive, no track 0";
    // Implied seek.
    run({0x13, 0x00, 0x57, 0x00}, 0);
    dma.program(512);
    EXPECT_EQ(transfer({0x46, 0x00, 20, 0, 1, 2, 18, 0x1b, 0xff})[0], 0x20);
    EXPECT_EQ(dma.memory, sectors(720, 1));
}

TEST_F(FloppyTest, ConfigurationIsDumpedLockedAndReset) {
    EXPECT_EQ(run({0x10}, 1), (std::vector<u8>{0x90}));
    EXPECT_EQ(run({0x18}, 1), (std::vector<u8>{0x80})) << "an 82077AA has no PART ID";
    EXPECT_EQ(run({0xff}, 1), (std::vector<u8>{0x80}));
    run({0x13, 0x00, 0x17, 0x05}, 0);
    run({0x12, 0x8c}, 0);
    EXPECT_EQ(run({0x94}, 1), (std::vector<u8>{0x10}));
    EXPECT_EQ(run({0x0e}, 10), (std::vector<u8>{0, 0, 0, 0, 0xdf, 0x02, 0, 0x8c, 0x17, 5}));
    out8(0x3f4, 0x80);  // reset by DSR
    advance(1'000'000);
    run({0x08}, 2);
    EXPECT_EQ(run({0x0e}, 10), (std::vector<u8>{0, 0, 0, 0, 0xdf, 0x02, 0, 0x8c, 0x07, 5}));
    EXPECT_EQ(run({0x14}, 1), (std::vector<u8>{0x00}));
    out8(0x3f4, 0x80);
    advance(1'000'000);
    EXPECT_EQ(run({0x0e}, 10)[8], 0x20);
}

TEST_F(FloppyVariantTest, The82078SavesAndRestores) {
    Config config;
    config.chip = FloppyController::Chip::I82078;
    build(config);
    EXPECT_EQ(run({0x18}, 1), (std::vector<u8>{0x01}));
    run({0x13, 0x00, 0x17, 0x05}, 0);
    const std::vector<u8> saved = run({0x2e}, 16);
    EXPECT_EQ(saved[10], 0x17);
    out8(0x3f4, 0x80);
    advance(1'000'000);
    ASSERT_EQ(in8(0x3f4), 0x80);
    out8(0x3f5, 0x4e);
    for (const u8 byte : saved) out8(0x3f5, byte);
    EXPECT_EQ(run({0x2e}, 16), saved);
}

TEST_F(FloppyVariantTest, LowDensityDiskInA1200KDriveNeedsDoubleSteps) {
    Config config;
    config.drives = {FloppyDriveType::Drive1200K, FloppyDriveType::Drive360K};
    build(config, 360);
    dma.program(512);
    out8(0x3f7, 0x01);  // 300 kbit/s
    seek({0x0f, 0x00, 10});
    EXPECT_EQ(transfer({0x46, 0x00, 5, 0, 1, 2, 9, 0x2a, 0xff})[0], 0x00);
    EXPECT_EQ(dma.memory, sectors(90, 1));
    seek({0x0f, 0x00, 11});
    EXPECT_EQ(transfer({0x4a, 0x00})[1], 0x01) << "between two tracks";
    out8(0x3f2, 0x2d);
    EXPECT_TRUE(fdc->insert(1, pattern(360)).ok());
    out8(0x3f7, 0x02);
    EXPECT_EQ(transfer({0x4a, 0x01})[0], 0x01);
    EXPECT_EQ(fdc->insert(1, pattern(3000)).error().message,
              "floppy.img: 3072000 bytes are more than a floppy disk holds (2.88M)");
}

TEST_F(FloppyTest, InterruptAndDmaAreGatedByTheOutputRegister) {
    out8(0x3f2, 0x14);
    send({0x0f, 0x00, 2});
    advance(10'000'000);
    EXPECT_FALSE(irq.level(6));
    out8(0x3f2, 0x1c);
    EXPECT_TRUE(irq.level(6));
    EXPECT_EQ(run({0x08}, 2), (std::vector<u8>{0x20, 2}));
}

TEST_F(FloppyTest, PcAtInterfaceHasNoStatusRegisters) {
    EXPECT_EQ(in8(0x3f0), 0xff);
    EXPECT_EQ(in8(0x3f1), 0xff);
}

TEST_F(FloppyVariantTest, Ps2InterfaceShowsItsStatusRegisters) {
    Config config;
    config.interface = FloppyController::Interface::Ps2;
    build(config);
    EXPECT_EQ(in8(0x3f0), 0x46) << "no second drive, at track 0, no index hole, not protected";
    EXPECT_EQ(in8(0x3f1), 0xc1);
    EXPECT_EQ(in8(0x3f7), 0x80 | 0x78);
}

TEST_F(FloppyVariantTest, RealisticTimingTurnsAndSteps) {
    Config config;
    config.realistic_timing = true;
    build(config);
    dma.program(512);
    transfer({0x46, 0x00, 0, 0, 1, 2, 18, 0x1b, 0xff});
    send({0x0f, 0x00, 10});  // SRT D: 3 ms a step at 500 kbit/s, and 15 ms to settle
    advance(44'000'000);
    EXPECT_FALSE(irq.level(6));
    advance(2'000'000);
    EXPECT_TRUE(irq.level(6));
    run({0x08}, 2);
    dma.program(18 * 512);
    send({0x46, 0x00, 10, 0, 1, 2, 18, 0x1b, 0xff});
    advance(200'000'000);
    EXPECT_FALSE(irq.level(6)) << "a whole track takes a revolution at least";
    advance(210'000'000);
    EXPECT_TRUE(irq.level(6));
}

TEST_F(FloppyVariantTest, WorksWithTheDmaControllerAsABiosProgramsIt) {
    DmaMemory memory(1 << 20);
    auto controller = std::move(*IsaDma::create(ports, memory));
    fdc =
        std::move(*FloppyController::create(ports, scheduler, log, controller->channel(2), irq.line(6), {}));
    insert(0, 1440);
    start();
    out8(0xd6, 0xc0);  // the second controller cascades
    out8(0xd4, 0x00);
    const auto program = [this](u8 mode, u32 address, u16 bytes) {
        out8(0x0a, 0x06);
        out8(0x0c, 0);
        out8(0x0b, mode);
        out8(0x04, static_cast<u8>(address)), out8(0x04, static_cast<u8>(address >> 8));
        out8(0x81, static_cast<u8>(address >> 16));
        out8(0x05, static_cast<u8>(bytes - 1)), out8(0x05, static_cast<u8>((bytes - 1) >> 8));
        out8(0x0a, 0x02);
    };
    program(0x46, 0x27c00, 5 * 512);
    EXPECT_EQ(transfer({0xe6, 0x00, 0, 0, 1, 2, 18, 0x1b, 0xff}), (std::vector<u8>{0x00, 0, 0, 0, 0, 6, 2}));
    EXPECT_EQ((std::vector<u8>(memory.bytes.begin() + 0x27c00, memory.bytes.begin() + 0x27c00 + 5 * 512)),
              sectors(0, 5));
    EXPECT_EQ(in8(0x08) & 0x04, 0x04) << "terminal count of channel 2";
    program(0x4a, 0x27e00, 512);
    EXPECT_EQ(transfer({0xc5, 0x00, 0, 0, 9, 2, 18, 0x1b, 0xff})[0], 0x00);
    EXPECT_EQ(sectors(8, 1), sectors(1, 1));
    program(0x42, 0x30000, 512);  // verify
    EXPECT_EQ(transfer({0xe6, 0x00, 0, 0, 1, 2, 18, 0x1b, 0xff})[5], 2);
    EXPECT_EQ(memory.bytes[0x30000], 0);
}

TEST_F(FloppyTest, SnapshotInTheMiddleOfATransferGoesOnAlike) {
    run({0x03, 0xdf, 0x03}, 0);
    send({0x46, 0x00, 0, 0, 2, 2, 18, 0x1b, 0xff});
    advance(1'000'000);
    std::vector<u8> first;
    for (int i = 0; i < 100; i++, advance(5'000)) first.push_back(in8(0x3f5));
    expect_snapshot_round_trip(scheduler, *fdc, [this] {
        std::vector<u8> rest;
        for (int i = 0; i < 600; i++) {
            advance(200'000);
            rest.push_back(in8(0x3f5));
        }
        std::vector<u8> expected = sectors(1, 2);
        EXPECT_TRUE(std::equal(rest.begin(), rest.end(), expected.begin() + 100));
    });
}

TEST_F(FloppyTest, RandomAccessesNeverCrash) {
    const PortRange ports[] = {{0x3f0, 6}, {0x3f5, 1}, {0x3f5, 1}, {0x3f7, 1}};
    u64 count = 0;
    fuzz_ports(*this, ports,
               {.seed = 5, .steps = 60'000, .longest_pause_ns = 2'000'000, .between = [&](u64 random) {
                    if (++count % 500 == 0) out8(0x3f2, 0x00), out8(0x3f2, 0x1c);
                    if (random % 100 == 0) dma.program(random % 3000);
                    if (random % 1000 == 1) fdc->eject(0);
                    if (random % 1000 < 4) static_cast<void>(fdc->insert(0, pattern(1440)).ok());
                }});
}

TEST_F(FloppyTest, DamagedSnapshotsAreRefusedOrHarmless) {
    const PortRange ports[] = {{0x3f0, 6}, {0x3f5, 1}, {0x3f5, 1}, {0x3f7, 1}};
    const auto run_on = [&](u64 seed) {
        advance(1'000'000);
        fuzz_ports(*this, ports, {.seed = seed, .steps = 60, .longest_pause_ns = 2'000'000, .between = {}});
    };
    dma.program(100'000);
    send({0xe6, 0x00, 0, 0, 2, 2, 18, 0x1b, 0xff});
    EXPECT_GT(load_damaged_states(*fdc, 1500, run_on), 100u);
    out8(0x3f2, 0x00);
    out8(0x3f2, 0x1c);
    advance(1'000'000);
    run({0x03, 0xdf, 0x03}, 0);
    send({0xe6, 0x00, 0, 0, 2, 2, 18, 0x1b, 0xff});
    advance(1'000'000);
    EXPECT_GT(load_damaged_states(*fdc, 1500, run_on), 100u);
}

}  // namespace
}  // namespace gnomon
