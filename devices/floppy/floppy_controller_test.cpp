// The floppy controller's seeks, configuration, models and timing, driven through its ports as BIOSes and
// operating systems do.
#include "devices/floppy/floppy_controller.h"

#include "devices/dma/isa_dma.h"
#include "devices/floppy/floppy_fixture.h"
#include "devices/snapshot_check.h"
#include "devices/state_damage.h"

namespace gnomon {
namespace {

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
