// The floppy controller's transfers: reads, writes, formats, scans, and what stops them.
#include <numeric>

#include "devices/floppy/floppy_fixture.h"

namespace gnomon {
namespace {

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

}  // namespace
}  // namespace gnomon
