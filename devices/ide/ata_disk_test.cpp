// ATA commands, driven through the ports as a driver does.
#include "devices/ide/ata_disk.h"

#include <numeric>

#include "devices/device_fuzz.h"
#include "devices/ide/ide_bench.h"
#include "devices/snapshot_check.h"
#include "devices/state_damage.h"

namespace gnomon {
namespace {

constexpr u32 kSectors = 20160;  // 20 cylinders of 16 heads and 63 sectors

struct AtaDiskTest : testing::Test, IdeBench {
    MemoryImage* image = nullptr;
    AtaDisk* disk = nullptr;

    void SetUp() override {
        auto owned = pattern(kSectors);
        image = owned.get();
        disk = &add_disk(0, 0, std::move(owned));
        set(6, 0xe0);
    }
    std::vector<u8> sectors(u32 first, u32 count) {
        return {image->bytes().begin() + first * 512, image->bytes().begin() + (first + count) * 512};
    }
    std::vector<u16> identify() {
        command(0xec);
        EXPECT_EQ(wait(), 0x58);
        status();
        std::vector<u16> words(256);
        for (u16& word : words) word = in16(base);
        return words;
    }
    u32 lba() { return reg(3) | reg(4) << 8 | reg(5) << 16 | (reg(6) & 15) << 24; }
};

TEST_F(AtaDiskTest, IdentifyTellsGeometryCapacityAndIntegrity) {
    const std::vector<u16> words = identify();
    EXPECT_EQ(words[0], 0x0040);
    EXPECT_EQ(words[1], 20);
    EXPECT_EQ(words[3], 16);
    EXPECT_EQ(words[6], 63);
    EXPECT_EQ(words[27], 'G' << 8 | 'n');
    EXPECT_EQ(words[49], 0x0f00);
    EXPECT_EQ(words[57] | words[58] << 16, 20160);
    EXPECT_EQ(words[60] | words[61] << 16, 20160);
    EXPECT_EQ(words[63], 0x0407) << "multiword DMA mode 2 is chosen";
    EXPECT_EQ(words[88], 0x003f);
    EXPECT_EQ(words[100], 20160);
    u8 sum = 0;
    for (const u16 word : words) sum = static_cast<u8>(sum + word + (word >> 8));
    EXPECT_EQ(sum, 0);
    EXPECT_EQ(words[255] & 0xff, 0xa5);
    EXPECT_EQ(alternate(), 0x50) << "DRQ goes with the last word";
}

TEST_F(AtaDiskTest, ReadSectorsInterruptsForEachSectorAndNeverInsideThePortWrite) {
    setup(5, 3);
    command(0x20);
    EXPECT_EQ(alternate(), 0x80);
    EXPECT_FALSE(irq.level(14));
    for (u32 i = 0; i < 3; i++) {
        EXPECT_EQ(wait(), 0x58);
        EXPECT_TRUE(irq.level(14));
        EXPECT_EQ(status(), 0x58);
        EXPECT_FALSE(irq.level(14)) << "reading Status takes the request back";
        EXPECT_EQ(read_data(512), sectors(5 + i, 1));
    }
    EXPECT_EQ(alternate(), 0x50);
    EXPECT_EQ(irq.rises[14], 3u);
    EXPECT_EQ(lba(), 7u);
    EXPECT_EQ(reg(2), 0);
}

TEST_F(AtaDiskTest, DataPortTakesDoubleWords) {
    setup(9, 1);
    command(0x20);
    wait();
    const std::vector<u8> expected = sectors(9, 1);
    for (size_t i = 0; i < 512; i += 4) {
        u32 word;
        std::memcpy(&word, &expected[i], 4);
        ASSERT_EQ(in32(0x1f0), word);
    }
    EXPECT_EQ(alternate(), 0x50);
}

TEST_F(AtaDiskTest, WriteSectorsWaitsForDataWithoutInterruptFirst) {
    std::vector<u8> data(1024);
    std::iota(data.begin(), data.end(), u8{1});
    setup(100, 2);
    command(0x30);
    EXPECT_EQ(wait(), 0x58);
    EXPECT_FALSE(irq.level(14));
    write_data(std::span(data).first(512));
    EXPECT_EQ(alternate(), 0x80);
    EXPECT_EQ(wait(), 0x58);
    EXPECT_TRUE(irq.level(14));
    status();
    write_data(std::span(data).last(512));
    EXPECT_EQ(wait(), 0x50);
    EXPECT_TRUE(irq.level(14));
    EXPECT_EQ(sectors(100, 2), data);
}

TEST_F(AtaDiskTest, CylinderHeadSectorAddressesFollowTheTranslation) {
    set(6, 0xa0 | 3);
    set(2, 1);
    set(3, 7);
    set(4, 2);
    set(5, 0);
    command(0x21);
    wait();
    EXPECT_EQ(read_data(512), sectors((2 * 16 + 3) * 63 + 6, 1));
}

TEST_F(AtaDiskTest, MultipleSectorsComeInBlocks) {
    set(2, 4);
    command(0xc6);
    EXPECT_EQ(wait(), 0x50);
    setup(0, 6);
    command(0xc4);
    wait();
    status();
    EXPECT_EQ(read_data(4 * 512), sectors(0, 4));
    EXPECT_EQ(alternate(), 0x80);
    wait();
    EXPECT_EQ(read_data(2 * 512), sectors(4, 2));
    EXPECT_EQ(alternate(), 0x50);
    set(2, 3);
    command(0xc6);
    EXPECT_EQ(wait(), 0x51) << "not a power of two";
    EXPECT_EQ(reg(1), 0x04);
    set(2, 0);
    command(0xc6);
    wait();
    command(0xc4);
    EXPECT_EQ(wait(), 0x51) << "multiple mode is off";
}

TEST_F(AtaDiskTest, ExtendedCommandsUsePreviousContents) {
    setup48(0x1234, 2);
    command(0x24);
    wait();
    EXPECT_EQ(read_data(512), sectors(0x1234, 1));
    wait();
    EXPECT_EQ(read_data(512), sectors(0x1235, 1));
    setup48(0x123456789a, 0x0102);
    EXPECT_EQ(reg(3), 0x9a);
    out8(0x3f6, 0x80);
    EXPECT_EQ(reg(2), 0x01);
    EXPECT_EQ(reg(3), 0x34);
    EXPECT_EQ(reg(4), 0x12);
    set(2, 0);
    EXPECT_EQ(reg(3), 0x9a) << "a write to the command block clears HOB";
}

TEST_F(AtaDiskTest, AddressesBeyondTheEndAreNotFound) {
    setup(kSectors - 1, 2);
    command(0x20);
    EXPECT_EQ(wait(), 0x51);
    EXPECT_EQ(reg(1), 0x10);
    EXPECT_EQ(lba(), kSectors) << "the first sector that is not there";
    setup48(u64{1} << 40, 1);
    command(0x24);
    EXPECT_EQ(wait(), 0x51);
    EXPECT_EQ(reg(1), 0x10);
}

TEST_F(AtaDiskTest, ReadDmaFollowsTheDescriptors) {
    put_table({{0x8000, 100}, {0x9002, 412}, {0x20000, 512}});
    setup(40, 2);
    command(0xc8);
    start_dma(true);
    EXPECT_EQ(dma_status() & 7, 1);
    wait();
    advance(1'000'000);
    EXPECT_EQ(dma_status() & 7, 4) << "interrupt, and the engine is idle";
    EXPECT_TRUE(irq.level(14));
    EXPECT_EQ(status(), 0x50);
    const std::vector<u8> expected = sectors(40, 2);
    EXPECT_TRUE(std::equal(expected.begin(), expected.begin() + 100, memory.bytes.begin() + 0x8000));
    EXPECT_TRUE(std::equal(expected.begin() + 100, expected.begin() + 512, memory.bytes.begin() + 0x9002));
    EXPECT_TRUE(std::equal(expected.begin() + 512, expected.end(), memory.bytes.begin() + 0x20000));
    out8(static_cast<u16>(master + 2), 0x04);
    EXPECT_EQ(dma_status() & 7, 0);
}

TEST_F(AtaDiskTest, DmaMayBeStartedBeforeTheCommand) {
    put_table({{0x8000, 0}});  // 0 is 64 KiB
    start_dma(true);
    setup(0, 128);
    command(0xc8);
    advance(2'000'000);
    EXPECT_EQ(dma_status() & 7, 4);
    EXPECT_TRUE(
        std::equal(image->bytes().begin(), image->bytes().begin() + 65536, memory.bytes.begin() + 0x8000));
}

TEST_F(AtaDiskTest, DescriptorsLongerThanTheTransferLeaveTheEngineActive) {
    put_table({{0x8000, 4096}});
    setup(1, 1);
    command(0xc8);
    start_dma(true);
    advance(1'000'000);
    EXPECT_EQ(dma_status() & 7, 5);
    out8(master, 0x08);
    EXPECT_EQ(dma_status() & 7, 4);
}

TEST_F(AtaDiskTest, DescriptorsShorterThanTheTransferLeaveTheDriveWaiting) {
    put_table({{0x8000, 512}});
    setup(1, 2);
    command(0xc8);
    start_dma(true);
    advance(1'000'000);
    EXPECT_EQ(dma_status() & 7, 0);
    EXPECT_EQ(alternate(), 0x58);
    EXPECT_FALSE(irq.level(14));
    // More descriptors let it go on.
    put_table({{0x9000, 512}});
    out8(master, 0x08);
    start_dma(true);
    advance(1'000'000);
    EXPECT_EQ(dma_status() & 7, 4);
    const std::vector<u8> expected = sectors(2, 1);
    EXPECT_TRUE(std::equal(expected.begin(), expected.end(), memory.bytes.begin() + 0x9000));
}

TEST_F(AtaDiskTest, WriteDmaExtReachesTheImage) {
    std::iota(memory.bytes.begin() + 0x30000, memory.bytes.begin() + 0x30000 + 200 * 512, u8{9});
    put_table({{0x30000, 0xc800}, {0x3c800, 0xc800}});
    setup48(300, 200);
    command(0x35);
    start_dma(false);
    advance(3'000'000);
    EXPECT_EQ(dma_status() & 7, 4);
    EXPECT_EQ(sectors(300, 200),
              (std::vector<u8>(memory.bytes.begin() + 0x30000, memory.bytes.begin() + 0x30000 + 200 * 512)));
    EXPECT_EQ(alternate(), 0x50);
}

TEST_F(AtaDiskTest, BusMasterNeedsItsEnableBit) {
    ide->config_write(0x04, 2, 0x0001);
    put_table({{0x8000, 512}});
    setup(1, 1);
    command(0xc8);
    start_dma(true);
    advance(1'000'000);
    EXPECT_EQ(dma_status() & 7, 1);
    ide->config_write(0x04, 2, 0x0005);
    advance(1'000'000);
    EXPECT_EQ(dma_status() & 7, 4);
}

TEST_F(AtaDiskTest, SoftwareResetGivesTheSignature) {
    setup(5, 3);
    command(0x20);
    out8(0x3f6, 0x04);
    EXPECT_EQ(alternate(), 0x80);
    advance(10'000'000);
    EXPECT_EQ(alternate(), 0x80) << "as long as SRST is set";
    out8(0x3f6, 0x00);
    EXPECT_EQ(alternate(), 0x80);
    EXPECT_EQ(wait(), 0x50);
    EXPECT_EQ(reg(1), 0x01);
    EXPECT_EQ(reg(2), 0x01);
    EXPECT_EQ(reg(3), 0x01);
    EXPECT_EQ(reg(4), 0x00);
    EXPECT_EQ(reg(5), 0x00);
    EXPECT_EQ(reg(6), 0x00);
    EXPECT_FALSE(irq.level(14));
}

TEST_F(AtaDiskTest, DisabledInterruptAppearsWhenEnabled) {
    out8(0x3f6, 0x02);
    setup(5, 1);
    command(0x20);
    wait();
    EXPECT_FALSE(irq.level(14));
    out8(0x3f6, 0x00);
    EXPECT_TRUE(irq.level(14));
}

TEST_F(AtaDiskTest, ReadOnlyImageRefusesWrites) {
    add_disk(1, 0, pattern(100, true));
    use_secondary();
    setup(0, 1);
    for (const u8 code : {0x30, 0xc5, 0xca}) {
        command(code);
        EXPECT_EQ(wait(), 0x51);
        EXPECT_EQ(reg(1), 0x04);
    }
}

TEST_F(AtaDiskTest, ParametersChangeTheTranslation) {
    set(6, 0xa0 | 7);
    set(2, 32);
    command(0x91);
    EXPECT_EQ(wait(), 0x50);
    const std::vector<u16> words = identify();
    EXPECT_EQ(words[54], kSectors / 256);
    EXPECT_EQ(words[55], 8);
    EXPECT_EQ(words[56], 32);
    EXPECT_EQ(words[1], 20);
    set(6, 0xa0 | 1);
    set(2, 1), set(3, 1), set(4, 1), set(5, 0);
    command(0x20);
    wait();
    EXPECT_EQ(read_data(512), sectors(8 * 32 + 32, 1));
}

TEST_F(AtaDiskTest, FeaturesChangeWhatIdentifyTells) {
    const auto feature = [this](u8 number, u8 count) {
        set(1, number);
        set(2, count);
        command(0xef);
        return wait();
    };
    EXPECT_EQ(feature(0x03, 0x42), 0x50);
    EXPECT_EQ(feature(0x82, 0), 0x50);
    EXPECT_EQ(feature(0x55, 0), 0x50);
    const std::vector<u16> words = identify();
    EXPECT_EQ(words[88], 0x043f);
    EXPECT_EQ(words[63], 0x0007);
    EXPECT_EQ(words[85] & 0x60, 0);
    EXPECT_EQ(words[82] & 0x60, 0x60);
    EXPECT_EQ(feature(0x03, 0x47), 0x51);
    EXPECT_EQ(feature(0x99, 0), 0x51);
}

TEST_F(AtaDiskTest, SetMaxHidesTheEndUntilReset) {
    set(6, 0xe0);
    command(0xf9);
    EXPECT_EQ(wait(), 0x51) << "only after READ NATIVE MAX ADDRESS";
    command(0xf8);
    EXPECT_EQ(wait(), 0x50);
    EXPECT_EQ(lba(), kSectors - 1);
    setup(999, 0);
    set(1, 0);
    command(0xf9);
    EXPECT_EQ(wait(), 0x50);
    EXPECT_EQ(identify()[60], 1000);
    setup(1000, 1);
    command(0x20);
    EXPECT_EQ(wait(), 0x51);
    ide->reset();
    enable();
    wait();
    EXPECT_EQ(identify()[60], kSectors);
}

TEST_F(AtaDiskTest, PowerModesAreReported) {
    const auto mode = [this] {
        command(0xe5);
        EXPECT_EQ(wait(), 0x50);
        return reg(2);
    };
    EXPECT_EQ(mode(), 0xff);
    command(0xe0);
    wait();
    EXPECT_EQ(mode(), 0x00);
    command(0x95);
    wait();
    EXPECT_EQ(mode(), 0x80);
    command(0xe6);
    wait();
    status();
    command(0xec);
    advance(1'000'000);
    EXPECT_EQ(alternate(), 0x50) << "asleep: only a reset wakes it";
    out8(0x3f6, 4);
    out8(0x3f6, 0);
    wait();
    EXPECT_EQ(identify()[0], 0x0040);
}

TEST_F(AtaDiskTest, SmartNeedsItsKeyAndItsSwitch) {
    const auto smart = [this](u8 feature, u8 mid = 0x4f, u8 high = 0xc2) {
        set(1, feature), set(4, mid), set(5, high);
        command(0xb0);
        return wait();
    };
    EXPECT_EQ(smart(0xda), 0x50);
    EXPECT_EQ(reg(4), 0x4f);
    EXPECT_EQ(smart(0xda, 0, 0), 0x51);
    EXPECT_EQ(smart(0xd0), 0x58);
    u8 sum = 0;
    for (const u8 byte : read_data(512)) sum = static_cast<u8>(sum + byte);
    EXPECT_EQ(sum, 0);
    EXPECT_EQ(smart(0xd9), 0x50);
    EXPECT_EQ(smart(0xd0), 0x51);
    EXPECT_EQ(smart(0xd8), 0x50);
    EXPECT_EQ(smart(0xd1), 0x58);
}

TEST_F(AtaDiskTest, BufferCommandsAndVerifyAndRefusals) {
    std::vector<u8> data(512);
    std::iota(data.begin(), data.end(), u8{3});
    command(0xe8);
    wait();
    write_data(data);
    EXPECT_EQ(wait(), 0x50);
    command(0xe4);
    wait();
    EXPECT_EQ(read_data(512), data);
    setup(10, 200);
    command(0x40);
    EXPECT_EQ(wait(), 0x50);
    EXPECT_EQ(lba(), 209u);
    for (const u8 code : {0x00, 0x08, 0xa0, 0xa1, 0xf1, 0xff}) {
        command(code);
        EXPECT_EQ(wait(), 0x51) << int{code};
        EXPECT_EQ(reg(1), 0x04);
    }
    for (const u8 code : {0x10, 0x1f, 0x70, 0xe7, 0xea}) {
        command(code);
        EXPECT_EQ(wait(), 0x50) << int{code};
    }
}

TEST_F(AtaDiskTest, SnapshotInTheMiddleOfATransferGoesOnAlike) {
    setup(7, 4);
    command(0x20);
    wait();
    status();
    read_data(100);
    StatePart* const parts[] = {disk, ide.get(), &ide->channel(0), &ide->channel(1)};
    expect_snapshot_round_trip(scheduler, parts, [this] {
        EXPECT_EQ(read_data(412), (std::vector<u8>(image->bytes().begin() + 7 * 512 + 100,
                                                   image->bytes().begin() + 8 * 512)));
        wait();
        EXPECT_EQ(read_data(512), sectors(8, 1));
    });
    wait();  // a new command ends the one that waits with DRQ
    put_table({{0x8000, 512}, {0x9000, 512}});
    setup(50, 2);
    command(0xc8);
    start_dma(true);
    expect_snapshot_round_trip(scheduler, parts, [this] {
        std::fill(memory.bytes.begin() + 0x8000, memory.bytes.end(), u8{0});
        advance(1'000'000);
        EXPECT_EQ(dma_status() & 7, 4);
        EXPECT_EQ(memory.bytes[0x9000], 51);
    });
}

TEST_F(AtaDiskTest, RandomAccessesNeverCrash) {
    add_disk(0, 1, pattern(64));
    const PortRange ranges[] = {{0x1f0, 8}, {0x3f6, 1}, {kBusMaster, 16}, {0x1f0, 8}};
    fuzz_ports(*this, ranges, {.seed = 3, .steps = 60'000, .longest_pause_ns = 500'000, .between = {}});
    fuzz_config(*this, *ide, {.seed = 4, .steps = 5000, .longest_pause_ns = 1000, .between = {}});
}

TEST_F(AtaDiskTest, DamagedSnapshotsAreRefusedOrHarmless) {
    const PortRange ranges[] = {{0x1f0, 8}, {0x1f0, 1}, {0x3f6, 1}, {kBusMaster, 8}};
    const auto run_on = [&](u64 seed) {
        fuzz_ports(*this, ranges, {.seed = seed, .steps = 40, .longest_pause_ns = 500'000, .between = {}});
        out8(0x3f6, 0);
        advance(1'000'000);
    };
    setup(7, 4);
    command(0x20);
    wait();
    EXPECT_GT(load_damaged_states(*disk, 1500, run_on), 100u);
    setup(7, 9);
    command(0xc8);
    advance(100'000);
    EXPECT_GT(load_damaged_states(*disk, 1500, run_on), 100u);
    EXPECT_GT(load_damaged_states(*ide, 500, run_on), 100u);
    load_damaged_states(ide->channel(0), 100, run_on);
}

}  // namespace
}  // namespace gnomon
