// Items, directory, port and DMA access of the firmware configuration device.
#include "devices/fw_cfg/fw_cfg.h"

#include <gtest/gtest.h>

#include "devices/device_fuzz.h"
#include "devices/snapshot_check.h"

namespace gnomon {
namespace {

struct FwCfgTest : testing::Test, DeviceBench {
    DmaMemory memory{0x10000};
    std::unique_ptr<FwCfg> device = std::move(*FwCfg::create(ports, memory, log));

    FwCfgTest() { std::fill(memory.bytes.begin(), memory.bytes.end(), u8{0xcc}); }

    void put_big(u64 at, u32 value) {
        for (int i = 0; i < 4; i++) memory.bytes[at + i] = static_cast<u8>(value >> (24 - 8 * i));
    }
    u32 big(u64 at) {
        const auto& bytes = memory.bytes;
        return u32{bytes[at]} << 24 | u32{bytes[at + 1]} << 16 | u32{bytes[at + 2]} << 8 | bytes[at + 3];
    }
    std::string text(u64 at, size_t length) {
        return {memory.bytes.begin() + static_cast<long>(at),
                memory.bytes.begin() + static_cast<long>(at + length)};
    }
    std::string read(u16 key, size_t count) {
        ports.port_write(0x510, 2, key);
        std::string out;
        for (size_t i = 0; i < count; i++) out += static_cast<char>(ports.port_read(0x511, 1));
        return out;
    }
    /// Runs a descriptor at 0x100 through the low half of the address register; returns the control word
    /// after it.
    u32 dma(u32 control, u32 length, u32 address) {
        put_big(0x100, control);
        put_big(0x104, length);
        put_big(0x108, 0);
        put_big(0x10c, address);
        ports.port_write(0x518, 4, 0x00010000);  // 0x100, big-endian
        return big(0x100);
    }
};

TEST_F(FwCfgTest, SignatureAndIdAreThere) {
    EXPECT_EQ(read(0, 5), std::string("QEMU\0", 5));
    EXPECT_EQ(read(1, 4), std::string("\3\0\0\0", 4));
    EXPECT_EQ(ports.port_read(0x514, 4), 0x554d4551u);
    EXPECT_EQ(ports.port_read(0x518, 4), 0x47464320u);
}

TEST_F(FwCfgTest, LegacyIntegersAreLittleEndianAndRestartOnSelect) {
    device->set_legacy(FwCfgKey::RamSize, u64{0x0102030405060708});
    device->set_legacy(FwCfgKey::NbCpus, u16{0x1234});
    EXPECT_EQ(read(3, 9), std::string("\x08\x07\x06\x05\x04\x03\x02\x01\0", 9));
    EXPECT_EQ(read(5, 2), "\x34\x12");
    EXPECT_EQ(read(5, 1), "\x34");
}

TEST_F(FwCfgTest, DirectoryIsBigEndianInOrderOfAddition) {
    ASSERT_TRUE(device->add_file("vgaroms/gnomon.bin", std::vector<u8>(0x1234, 0xaa)).ok());
    ASSERT_TRUE(device->add_file("bootorder", "x").ok());
    const std::string directory = read(0x19, 4 + 2 * 64);
    EXPECT_EQ(directory.substr(0, 4), std::string("\0\0\0\2", 4));
    EXPECT_EQ(directory.substr(4, 8), std::string("\0\0\x12\x34\0\x20\0\0", 8));
    EXPECT_STREQ(directory.c_str() + 12, "vgaroms/gnomon.bin");
    EXPECT_EQ(directory.substr(68, 8), std::string("\0\0\0\1\0\x21\0\0", 8));
    EXPECT_STREQ(directory.c_str() + 76, "bootorder");
    EXPECT_EQ(read(0x21, 2), std::string("x\0", 2));
}

TEST_F(FwCfgTest, BadFilesAreRefusedByName) {
    ASSERT_TRUE(device->add_file("a", "1").ok());
    EXPECT_EQ(device->add_file("a", "2").error().message, "fw_cfg: the file 'a' is given twice");
    const std::string name(56, 'n');
    EXPECT_EQ(device->add_file(name, "").error().message,
              "fw_cfg: the file name '" + name + "' has 56 characters; 1 to 55 are possible");
}

TEST_F(FwCfgTest, DmaSelectsReadsSkipsAndPadsWithZeros) {
    ASSERT_TRUE(device->add_file("f", "abcdefgh").ok());
    EXPECT_EQ(dma(0x20 << 16 | 8 | 2, 3, 0x1000), 0u);
    EXPECT_EQ(text(0x1000, 4), "abc\xcc");
    EXPECT_EQ(dma(4, 2, 0), 0u);
    EXPECT_EQ(dma(2, 5, 0x1000), 0u);
    EXPECT_EQ(text(0x1000, 6), std::string("fgh\0\0\xcc", 6));
    EXPECT_EQ(dma(0x7777 << 16 | 8 | 2, 2, 0x1000), 0u);
    EXPECT_EQ(text(0x1000, 3), std::string("\0\0h", 3));
}

TEST_F(FwCfgTest, DmaHighHalfIsUsedOnce) {
    put_big(0x100, 8 | 2);
    put_big(0x104, 4);
    put_big(0x108, 0);
    put_big(0x10c, 0x1000);
    ports.port_write(0x514, 4, 0x01000000);  // 4 GiB: nothing there reads as ones, all of which is refused
    ports.port_write(0x518, 4, 0x00010000);
    EXPECT_EQ(big(0x100), 10u);
    ports.port_write(0x518, 4, 0x00010000);
    EXPECT_EQ(big(0x100), 0u);
    EXPECT_EQ(text(0x1000, 4), "QEMU");
}

TEST_F(FwCfgTest, DmaWritesOnlyWritableFilesWithinTheirSize) {
    ASSERT_TRUE(device->add_file("ro", "1234").ok());
    ASSERT_TRUE(device->add_file("rw", std::vector<u8>{'5', '6', '7', '8'}, true).ok());
    memory.bytes[0x2000] = 'X';
    memory.bytes[0x2001] = 'Y';
    EXPECT_EQ(dma(0x20 << 16 | 8 | 16, 2, 0x2000), 1u);
    EXPECT_EQ(dma(0x21 << 16 | 8 | 16, 5, 0x2000), 1u);
    EXPECT_EQ(dma(0x21 << 16 | 8 | 4, 1, 0), 0u);
    EXPECT_EQ(dma(16, 2, 0x2000), 0u);
    EXPECT_EQ(read(0x20, 4), "1234");
    EXPECT_EQ(read(0x21, 4), "5XY8");
}

TEST_F(FwCfgTest, E820AndBootOrderHaveTheirPackedForm) {
    const std::array entries{E820Entry{0x100000, 0x3f00000, E820Entry::Type::Ram}};
    const std::vector<u8> table = e820_table(entries);
    EXPECT_EQ(table, (std::vector<u8>{0, 0, 0x10, 0, 0, 0, 0, 0, 0, 0, 0xf0, 3, 0, 0, 0, 0, 1, 0, 0, 0}));
    const std::array<std::string, 2> paths{"/a", "/b"};
    EXPECT_EQ(boot_order(paths), (std::vector<u8>{'/', 'a', '\n', '/', 'b', 0}));
}

TEST_F(FwCfgTest, SnapshotKeepsPositionAndWrittenFiles) {
    ASSERT_TRUE(device->add_file("rw", std::vector<u8>{1, 2, 3}, true).ok());
    memory.bytes[0x2000] = 9;
    dma(0x20 << 16 | 8 | 16, 1, 0x2000);
    out32(0x514, 0x12345678);
    expect_snapshot_round_trip(scheduler, *device, [this] {
        EXPECT_EQ(device->file("rw")[0], 9);
        EXPECT_EQ(in8(0x511), 2);
        memory.bytes[0x2000] = 7;
        out32(0x514, 0);
        dma(0x20 << 16 | 8 | 16, 1, 0x2000);
        EXPECT_EQ(device->file("rw")[0], 7);
        out16(0x510, 0);
    });
}

TEST_F(FwCfgTest, ARefreshedFileIsUpToDateWhenItIsSelected) {
    u8 now = 'a';
    ASSERT_TRUE(device->add_file("live", std::vector<u8>(2, 'x'), [&](std::span<u8> bytes) { bytes[0] = now++; }).ok());
    EXPECT_EQ(read(0x20, 2), "ax");
    EXPECT_EQ(read(0x20, 2), "bx");
    EXPECT_EQ(dma(2, 2, 0x1000), 0u) << "goes on, past the end";
    EXPECT_EQ(now, 'c');
    EXPECT_EQ(dma(0x20 << 16 | 8 | 2, 2, 0x1000), 0u);
    EXPECT_EQ(text(0x1000, 2), "cx");
}

TEST_F(FwCfgTest, ABufferBeyondTheAddressSpaceIsAnError) {
    put_big(0x100, 2);
    put_big(0x104, 0xffffffff);
    put_big(0x108, 0xffffffff);
    put_big(0x10c, 0xffffff00);
    out32(0x518, 0x00010000);
    EXPECT_EQ(big(0x100), 1u);
}

TEST_F(FwCfgTest, RandomAccesses) {
    ASSERT_TRUE(device->add_file("rw", std::vector<u8>(100, 1), true).ok());
    const PortRange ranges[] = {{0x510, 2}, {0x514, 8}};
    fuzz_ports(*this, ranges);
}

TEST_F(FwCfgTest, PortsCannotBeClaimedTwice) {
    EXPECT_EQ(FwCfg::create(ports, memory, log).error().message,
              "port 0x0510 is claimed by both fw_cfg and fw_cfg");
}

}  // namespace
}  // namespace gnomon
