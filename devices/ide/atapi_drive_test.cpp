// The PACKET protocol and the packet commands, driven through the ports.
#include "devices/ide/atapi_drive.h"

#include "devices/device_fuzz.h"
#include "devices/ide/cd_sector.h"
#include "devices/ide/ide_bench.h"
#include "devices/snapshot_check.h"
#include "devices/state_damage.h"

namespace gnomon {
namespace {

constexpr u32 kBlocks = 400;

struct AtapiDriveTest : testing::Test, IdeBench {
    using Packet = std::array<u8, 12>;
    AtapiDrive* drive = nullptr;

    void SetUp() override {
        use_secondary();
        drive = &add_cd(1, 0, pattern(kBlocks * 4, true));
        set(6, 0xa0);
        clear_attention();
    }
    void clear_attention() {
        send({0x03, 0, 0, 0, 18});
        wait();
        read_data(18);
        wait();
        status();
    }
    /// Sends a packet; the drive is then busy with it.
    void send(Packet packet, u16 limit = 0xfffe, u8 features = 0) {
        set(1, features);
        set(4, static_cast<u8>(limit));
        set(5, static_cast<u8>(limit >> 8));
        command(0xa0);
        EXPECT_EQ(wait(), 0x58);
        EXPECT_EQ(reg(2), 0x01) << "command packet";
        write_data(packet);
        EXPECT_EQ(alternate(), 0x80);
    }
    /// A whole command with PIO data in; checks the interrupt reasons.
    std::vector<u8> run(Packet packet, u16 limit = 0xfffe) {
        std::vector<u8> all;
        send(packet, limit);
        while (wait() & 0x08) {
            EXPECT_TRUE(irq.level(15));
            EXPECT_EQ(status(), 0x58);
            EXPECT_EQ(reg(2), 0x02) << "data to the host";
            const u32 bytes = reg(4) | reg(5) << 8;
            const std::vector<u8> part = read_data(bytes);
            all.insert(all.end(), part.begin(), part.end());
        }
        EXPECT_TRUE(irq.level(15));
        status();
        EXPECT_EQ(reg(2), 0x03) << "end of the command";
        return all;
    }
    /// Sense key, code and qualifier after a command that failed.
    u32 sense() {
        const std::vector<u8> data = run({0x03, 0, 0, 0, 18});
        return static_cast<u32>(data[2] << 16 | data[12] << 8 | data[13]);
    }
    static std::vector<u8> blocks(u32 first, u32 count) {
        auto image = pattern(kBlocks * 4);
        return {image->bytes().begin() + first * 2048, image->bytes().begin() + (first + count) * 2048};
    }
};

TEST_F(AtapiDriveTest, ResetAndIdentifyDeviceShowTheSignature) {
    for (int round = 0; round < 2; round++) {
        if (round == 0) {
            out8(0x376, 4), out8(0x376, 0);
            EXPECT_EQ(wait(), 0x00) << "DRDY stays clear";
        } else {
            command(0xec);
            EXPECT_EQ(wait(), 0x51);
            EXPECT_EQ(reg(1), 0x04);
        }
        EXPECT_EQ(reg(2), 1);
        EXPECT_EQ(reg(3), 1);
        EXPECT_EQ(reg(4), 0x14);
        EXPECT_EQ(reg(5), 0xeb);
    }
    command(0xa1);
    wait();
    const std::vector<u8> data = read_data(512);
    EXPECT_EQ(data[0] | data[1] << 8, 0x85c0);
    EXPECT_EQ(std::string(data.begin() + 54, data.begin() + 68), "nGmonoC -DOR M");
    u8 sum = 0;
    for (const u8 byte : data) sum = static_cast<u8>(sum + byte);
    EXPECT_EQ(sum, 0);
    command(0x08);
    EXPECT_EQ(alternate(), 0x80);
    EXPECT_EQ(wait(), 0x00);
    EXPECT_EQ(reg(5), 0xeb);
}

TEST_F(AtapiDriveTest, InquiryIsCutToTheAllocation) {
    const std::vector<u8> data = run({0x12, 0, 0, 0, 96});
    ASSERT_EQ(data.size(), 36u);
    EXPECT_EQ(data[0], 0x05);
    EXPECT_EQ(data[1], 0x80);
    EXPECT_EQ(std::string(data.begin() + 8, data.end()), "Gnomon  CD-ROM          1.0 ");
    EXPECT_EQ(run({0x12, 0, 0, 0, 5}).size(), 5u);
    EXPECT_EQ(run({0x12, 0, 0, 0, 0}).size(), 0u);
}

TEST_F(AtapiDriveTest, ReadInPartsOfTheByteCountLimit) {
    for (const u16 limit : {0xfffe, 2048, 4096, 1000, 1001, 3000}) {
        EXPECT_EQ(run({0x28, 0, 0, 0, 0, 17, 0, 0, 5}, limit), blocks(17, 5)) << limit;
        EXPECT_EQ(reg(1), 0);
    }
    EXPECT_EQ(run({0xa8, 0, 0, 0, 1, 0x8f, 0, 0, 0, 1}), blocks(0x18f, 1));
    EXPECT_TRUE(run({0x28, 0, 0, 0, 0, 17}).empty()) << "no blocks is no error";
    EXPECT_EQ(alternate(), 0x50);
}

TEST_F(AtapiDriveTest, EndOfDiscIsChecked) {
    run({0x28, 0, 0, 0, 1, 0x90, 0, 0, 1});
    EXPECT_EQ(alternate(), 0x51);
    EXPECT_EQ(reg(1), 0x54);
    EXPECT_EQ(sense(), 0x052100u);
    EXPECT_EQ(sense(), 0u) << "sense data is told once";
    EXPECT_EQ(run({0x25}), (std::vector<u8>{0, 0, 1, 0x8f, 0, 0, 8, 0}));
}

TEST_F(AtapiDriveTest, ReadByDma) {
    put_table({{0x10000, 0x8000}, {0x18000, 0x8000}, {0x20000, 0x4000}});
    send({0x28, 0, 0, 0, 0, 3, 0, 0, 40}, 0xfffe, 1);
    start_dma(true);
    advance(5'000'000);
    EXPECT_EQ(dma_status() & 7, 4);
    EXPECT_EQ(status(), 0x50);
    EXPECT_EQ(reg(2), 0x03);
    EXPECT_EQ((std::vector<u8>(memory.bytes.begin() + 0x10000, memory.bytes.begin() + 0x10000 + 40 * 2048)),
              blocks(3, 40));
}

TEST_F(AtapiDriveTest, TocInAllFormats) {
    EXPECT_EQ(run({0x43, 0, 0, 0, 0, 0, 0, 0, 100}),
              (std::vector<u8>{0, 18, 1, 1, 0, 0x14, 1, 0, 0, 0, 0, 0, 0, 0x14, 0xaa, 0, 0, 0, 1, 0x90}));
    // Block 400 is 550 frames: 7 seconds and 25 frames.
    EXPECT_EQ(run({0x43, 2, 0, 0, 0, 0, 0xaa, 0, 100}),
              (std::vector<u8>{0, 10, 1, 1, 0, 0x14, 0xaa, 0, 0, 0, 7, 25}));
    EXPECT_EQ(run({0x43, 0, 1, 0, 0, 0, 0, 0, 100}),
              (std::vector<u8>{0, 10, 1, 1, 0, 0x14, 1, 0, 0, 0, 0, 0}));
    EXPECT_EQ(run({0x43, 0, 0, 0, 0, 0, 0, 0, 100, 0x40}).size(), 12u) << "the format where SFF-8020i has it";
    const std::vector<u8> full = run({0x43, 2, 2, 0, 0, 0, 0, 0, 100});
    ASSERT_EQ(full.size(), 48u);
    EXPECT_EQ(full[4 + 22 + 3], 0xa2);
    EXPECT_EQ((std::vector<u8>(full.begin() + 34, full.begin() + 37)), (std::vector<u8>{0, 7, 25}));
    run({0x43, 0, 0, 0, 0, 0, 2, 0, 100});
    EXPECT_EQ(sense(), 0x052400u);
}

TEST_F(AtapiDriveTest, UnitAttentionComesOnceAfterResetAndMediumChange) {
    ide->reset();
    enable();
    wait();
    EXPECT_EQ(run({0x12, 0, 0, 0, 36}).size(), 36u) << "INQUIRY runs in spite of it";
    run({0x00});
    EXPECT_EQ(reg(1), 0x64);
    EXPECT_EQ(sense(), 0x062900u);
    run({0x00});
    EXPECT_EQ(alternate(), 0x50);
    drive->insert(pattern(40));
    run({0x25});
    EXPECT_EQ(sense(), 0x062800u);
    EXPECT_EQ(run({0x25})[3], 9);
}

TEST_F(AtapiDriveTest, EjectAndInsertAtRunTime) {
    EXPECT_EQ(run({0x4a, 1, 0, 0, 0x10, 0, 0, 0, 8}), (std::vector<u8>{0, 6, 4, 0x10, 0, 2, 0, 0}));
    run({0x1e, 0, 0, 0, 1});
    EXPECT_FALSE(drive->eject().ok());
    EXPECT_TRUE(drive->has_disc());
    EXPECT_EQ(run({0x4a, 1, 0, 0, 0x10, 0, 0, 0, 8})[4], 1) << "the guest is asked";
    run({0x1b, 0, 0, 0, 2});
    EXPECT_EQ(sense(), 0x055302u) << "locked";
    run({0x1e, 0, 0, 0, 0});
    EXPECT_TRUE(drive->eject().ok());
    run({0x00});
    EXPECT_EQ(reg(1), 0x24);
    EXPECT_EQ(sense(), 0x023a01u);
    EXPECT_EQ(run({0x4a, 1, 0, 0, 0x10, 0, 0, 0, 8}), (std::vector<u8>{0, 6, 4, 0x10, 3, 0, 0, 0}));
    drive->insert(pattern(40));
    EXPECT_EQ(run({0x4a, 1, 0, 0, 0x10, 0, 0, 0, 8})[4], 2);
}

TEST_F(AtapiDriveTest, GuestOpensAndClosesTheTray) {
    std::vector<bool> moves;
    drive->on_tray([&](bool open) { moves.push_back(open); });
    run({0x1b, 0, 0, 0, 2});
    EXPECT_EQ(alternate(), 0x50);
    run({0x00});
    EXPECT_EQ(sense(), 0x023a02u) << "tray open";
    EXPECT_EQ(run({0xbd, 0, 0, 0, 0, 0, 0, 0, 0, 8})[1], 0x10);
    run({0x1b, 0, 0, 0, 3});
    run({0x00});
    EXPECT_EQ(sense(), 0x062800u);
    EXPECT_EQ(moves, (std::vector<bool>{true, false}));
}

TEST_F(AtapiDriveTest, ModePagesAreSensedAndSelected) {
    const std::vector<u8> capabilities = run({0x5a, 0, 0x2a, 0, 0, 0, 0, 0, 255});
    ASSERT_EQ(capabilities.size(), 8u + 20u);
    EXPECT_EQ(capabilities[1], 26);
    EXPECT_EQ(capabilities[2], 0x01);
    EXPECT_EQ(capabilities[8], 0x2a);
    EXPECT_EQ(capabilities[9], 18);
    EXPECT_EQ(run({0x1a, 0, 0x2a, 0, 255}).size(), 24u);
    const std::vector<u8> all = run({0x5a, 0, 0x3f, 0, 0, 0, 0, 1, 0});
    EXPECT_EQ(all.size(), 8u + 12 + 8 + 16 + 12 + 20);
    run({0x5a, 0, 0x05, 0, 0, 0, 0, 0, 255});
    EXPECT_EQ(sense(), 0x052400u);
    // MODE SELECT of page 01.
    send({0x55, 0x10, 0, 0, 0, 0, 0, 0, 20});
    EXPECT_EQ(wait(), 0x58);
    EXPECT_EQ(reg(2), 0x00) << "data from the host";
    EXPECT_EQ(reg(4), 20);
    std::vector<u8> page(20);
    page[8] = 0x01, page[9] = 10, page[10] = 0x20, page[11] = 9;
    write_data(page);
    EXPECT_EQ(wait(), 0x50);
    const std::vector<u8> recovery = run({0x5a, 0, 0x01, 0, 0, 0, 0, 0, 255});
    EXPECT_EQ(recovery[10], 0x20);
    EXPECT_EQ(recovery[11], 9);
}

TEST_F(AtapiDriveTest, ReadCdGivesTheFieldsThatWereAskedFor) {
    EXPECT_EQ(run({0xbe, 0, 0, 0, 0, 16, 0, 0, 2, 0x10}), blocks(16, 2));
    const std::vector<u8> raw = run({0xbe, 0x08, 0, 0, 0, 16, 0, 0, 1, 0xf8});
    ASSERT_EQ(raw.size(), 2352u);
    EXPECT_EQ((std::vector<u8>(raw.begin(), raw.begin() + 16)),
              (std::vector<u8>{0, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 0, 0x00, 0x02, 0x16, 1}));
    EXPECT_TRUE(std::equal(raw.begin() + 16, raw.begin() + 2064, blocks(16, 1).begin()));
    EXPECT_EQ(run({0xb9, 0, 0, 0, 2, 16, 0, 2, 17, 0x10}), blocks(16, 1));
    const std::vector<u8> q = run({0xbe, 0, 0, 0, 0, 16, 0, 0, 1, 0x00, 2});
    ASSERT_EQ(q.size(), 16u);
    EXPECT_EQ(q[9], 0x16);
    run({0xbe, 0x04, 0, 0, 0, 16, 0, 0, 1, 0xf8});
    EXPECT_EQ(sense(), 0x056400u) << "no audio here";
}

TEST(CdSector, ParityOfARawSectorIsConsistent) {
    std::vector<u8> data(2048);
    for (size_t i = 0; i < data.size(); i++) data[i] = static_cast<u8>(i * 31 + 5);
    const auto raw = raw_mode1_sector(0x1234, data);
    // Every P column has 26 symbols whose plain sum is zero; so has every Q diagonal with its 45.
    for (size_t column = 0; column < 86; column++) {
        u8 sum = 0;
        for (size_t row = 0; row < 26; row++) sum ^= raw[12 + column + 86 * row];
        EXPECT_EQ(sum, 0);
    }
    for (size_t diagonal = 0; diagonal < 52; diagonal++) {
        u8 sum = raw[2248 + diagonal] ^ raw[2300 + diagonal];
        for (size_t i = 0; i < 43; i++)
            sum ^= raw[12 + ((diagonal >> 1) * 86 + (diagonal & 1) + i * 88) % 2236];
        EXPECT_EQ(sum, 0);
    }
    EXPECT_EQ(block_of(msf_of(12345)), 12345);
}

TEST_F(AtapiDriveTest, InformationCommandsHaveTheirLengths) {
    const std::vector<u8> configuration = run({0x46, 0, 0, 0, 0, 0, 0, 2, 0});
    EXPECT_EQ(configuration[3] + 4u, configuration.size());
    EXPECT_EQ(configuration[7], 0x08) << "the current profile is CD-ROM";
    EXPECT_EQ(run({0x46, 2, 0, 0x1e, 0, 0, 0, 2, 0}).size(), 16u);
    EXPECT_EQ(run({0x51, 0, 0, 0, 0, 0, 0, 0, 255}).size(), 34u);
    const std::vector<u8> track = run({0x52, 1, 0, 0, 0, 1, 0, 0, 255});
    ASSERT_EQ(track.size(), 36u);
    EXPECT_EQ(track[26] << 8 | track[27], 400);
    EXPECT_EQ(run({0x42, 2, 0x40, 1, 0, 0, 0, 0, 255}).size(), 16u);
    EXPECT_EQ(run({0x44, 0, 0, 0, 0, 16, 0, 0, 8}), (std::vector<u8>{1, 0, 0, 0, 0, 0, 0, 16}));
    run({0x2b, 0, 0, 0, 0, 77});
    EXPECT_EQ(run({0xbd, 0, 0, 0, 0, 0, 0, 0, 0, 8})[4], 77);
    run({0xbb, 0, 0xff, 0xff, 0xff, 0xff});
    EXPECT_EQ(alternate(), 0x50);
    run({0xf7});
    EXPECT_EQ(sense(), 0x052000u);
}

TEST_F(AtapiDriveTest, ImageThatEndsInsideABlockIsPadded) {
    drive->insert(pattern(6));
    run({0x00});
    EXPECT_EQ(run({0x25})[3], 1);
    const std::vector<u8> last = run({0x28, 0, 0, 0, 0, 1, 0, 0, 1});
    ASSERT_EQ(last.size(), 2048u);
    EXPECT_EQ(last[512], 5);
    EXPECT_EQ(std::count(last.begin() + 1024, last.end(), 0), 1024);
}

TEST_F(AtapiDriveTest, SnapshotBetweenTwoPartsGoesOnAlike) {
    send({0x28, 0, 0, 0, 0, 17, 0, 0, 5}, 3000);
    wait();
    read_data(1500);
    StatePart* const parts[] = {drive, ide.get(), &ide->channel(0), &ide->channel(1)};
    expect_snapshot_round_trip(scheduler, parts, [this] {
        std::vector<u8> data = read_data(1500);
        wait();
        const std::vector<u8> next = read_data(3000);
        data.insert(data.end(), next.begin(), next.end());
        const std::vector<u8> expected = blocks(17, 5);
        EXPECT_TRUE(std::equal(data.begin(), data.end(), expected.begin() + 1500));
    });
}

TEST_F(AtapiDriveTest, RandomAccessesNeverCrash) {
    std::mt19937_64 random(11);
    const PortRange ranges[] = {{0x170, 8}, {0x376, 1}, {kBusMaster + 8, 8}};
    for (u64 round = 0; round < 400; round++) {
        set(6, 0xa0);
        out8(0x376, 0);
        advance(1'000'000);
        set(1, random() % 2);
        set(4, static_cast<u8>(random()));
        set(5, static_cast<u8>(random()));
        command(0xa0);
        advance(100'000);
        static constexpr u8 kOpcodes[] = {0x03, 0x12, 0x15, 0x1a, 0x1b, 0x25, 0x28, 0x42, 0x43, 0x46,
                                          0x4a, 0x51, 0x52, 0x55, 0x5a, 0xa8, 0xad, 0xb9, 0xbe};
        Packet packet{};
        for (u8& byte : packet)
            byte = random() % 2 ? static_cast<u8>(random()) : static_cast<u8>(random() % 4);
        packet[0] = kOpcodes[random() % std::size(kOpcodes)];
        write_data(packet);
        if (random() % 8 == 0) drive->insert(random() % 2 ? pattern(20) : nullptr);
        fuzz_ports(*this, ranges, {.seed = round, .steps = 60, .longest_pause_ns = 500'000, .between = {}});
    }
}

TEST_F(AtapiDriveTest, DamagedSnapshotsAreRefusedOrHarmless) {
    const PortRange ranges[] = {{0x170, 8}, {0x170, 1}, {0x376, 1}, {kBusMaster + 8, 8}};
    const auto run_on = [&](u64 seed) {
        while (alternate() & 0x08) in16(0x170), advance(1000);
        fuzz_ports(*this, ranges, {.seed = seed, .steps = 40, .longest_pause_ns = 500'000, .between = {}});
        out8(0x376, 0);
        advance(1'000'000);
        set(6, 0xa0);
    };
    for (const u8 features : {0, 1}) {
        send({0xbe, 0, 0, 0, 0, 17, 0, 0, 5, 0xf8}, 3000, features);
        advance(100'000);
        EXPECT_GT(load_damaged_states(*drive, 1500, run_on), 100u);
    }
}

}  // namespace
}  // namespace gnomon
