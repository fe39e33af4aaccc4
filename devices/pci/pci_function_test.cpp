// Masks, base address registers and state of a function's configuration space.
#include "devices/pci/pci_function.h"

#include <gtest/gtest.h>

#include <vector>

namespace gnomon {
namespace {

constexpr PciConfig::Identity kCard{.vendor = 0x1234,
                                    .device = 0x5678,
                                    .class_code = 0x020001,
                                    .revision = 9,
                                    .header_type = 0x80,
                                    .subsystem_vendor = 0x1af4,
                                    .subsystem = 0x1100,
                                    .interrupt_pin = 2};

struct Seen {
    u64 base;
    bool enabled;
    bool operator==(const Seen&) const = default;
};

struct PciConfigTest : testing::Test {
    PciConfig config{kCard};
    std::vector<Seen> io;
    std::vector<Seen> memory;

    void SetUp() override {
        config.add_io_bar(0, 0x20, [this](u64 base, bool enabled) { io.push_back({base, enabled}); });
        config.add_memory_bar(1, 0x1000, true, [this](u64 base, bool enabled) {
            memory.push_back({base, enabled});
        });
    }
};

TEST_F(PciConfigTest, IdentityStandsInTheHeaderAndCannotBeChanged) {
    for (unsigned offset = 0; offset < 4; offset += 4) config.write(static_cast<u8>(offset), 4, 0xffffffff);
    config.write(8, 4, 0);
    config.write(0x2c, 4, 0);
    EXPECT_EQ(config.read(0, 4), 0x56781234u);
    EXPECT_EQ(config.read(8, 4), 0x02000109u);
    EXPECT_EQ(config.read(0x0e, 1), 0x80u);
    EXPECT_EQ(config.read(0x2c, 4), 0x11001af4u);
    EXPECT_EQ(config.read(0x3d, 1), 2u);
}

TEST_F(PciConfigTest, SizingGivesTheMaskAndMapsNothing) {
    config.write(4, 2, 3);
    config.write(0x10, 4, 0xffffffff);
    config.write(0x14, 4, 0xffffffff);
    EXPECT_EQ(config.read(0x10, 4), 0xffffffe1u);
    EXPECT_EQ(config.read(0x14, 4), 0xfffff008u);
    for (const Seen& seen : io) EXPECT_FALSE(seen.enabled);
    for (const Seen& seen : memory) EXPECT_FALSE(seen.enabled);
    config.write(0x18, 4, 0xffffffff);
    EXPECT_EQ(config.read(0x18, 4), 0u);
}

TEST_F(PciConfigTest, BarsFollowTheirRegisterAndTheCommandRegister) {
    config.write(0x10, 4, 0xc040);
    config.write(0x14, 4, 0xfebf0000);
    config.write(4, 2, 1);
    config.write(4, 2, 2);
    config.write(0x14, 4, 0xfebe0000);
    EXPECT_EQ(io, (std::vector<Seen>{{0xc040, false}, {0xc040, true}, {0xc040, false}}));
    EXPECT_EQ(memory, (std::vector<Seen>{{0xfebf0000, false}, {0xfebf0000, true}, {0xfebe0000, true}}));
}

TEST_F(PciConfigTest, ExpansionRomNeedsItsOwnEnableBitAndTheCommandRegister) {
    std::vector<Seen> rom;
    config.add_rom_bar(0x8000, [&](u64 base, bool enabled) { rom.push_back({base, enabled}); });
    config.write(0x30, 4, 0xfffff800);
    EXPECT_EQ(config.read(0x30, 4), 0xffff8000u);
    config.write(4, 2, 2);
    config.write(0x30, 4, 0xfeb00000);
    config.write(0x30, 4, 0xfeb00001);
    config.write(4, 2, 0);
    EXPECT_EQ(rom, (std::vector<Seen>{
                       {0xffff8000, false}, {0xfeb00000, false}, {0xfeb00000, true}, {0xfeb00000, false}}));
}

TEST_F(PciConfigTest, CommandHasOnlyItsBitsAndStatusIsClearedByOnes) {
    config.preset(6, 2, 0x4280);
    config.write(4, 4, 0xffffffff);
    EXPECT_EQ(config.read(4, 2), 0x0547u);
    EXPECT_EQ(config.read(6, 2), 0x0280u);
    EXPECT_TRUE(config.io_enabled());
    EXPECT_TRUE(config.memory_enabled());
    EXPECT_TRUE(config.bus_master());
}

TEST_F(PciConfigTest, ByteWritesReachOnlyTheirByte) {
    config.set_write_mask(0x40, 4, 0xff00ffff);
    config.write(0x41, 1, 0xaa);
    config.write(0x42, 2, 0xbbcc);
    EXPECT_EQ(config.read(0x40, 4), 0xbb00aa00u);
}

TEST_F(PciConfigTest, ResetReturnsToThePresetsAndUnmaps) {
    config.preset(0x40, 1, 0x5a);
    config.set_write_mask(0x40, 1, 0xff);
    config.write(0x40, 1, 0x11);
    config.write(0x10, 4, 0xc040);
    config.write(4, 2, 1);
    config.reset();
    EXPECT_EQ(config.read(0x40, 1), 0x5au);
    EXPECT_EQ(config.read(0x10, 4), 1u);
    EXPECT_EQ(io.back(), (Seen{0, false}));
}

TEST_F(PciConfigTest, LoadingAStateCallsEveryBar) {
    config.write(0x10, 4, 0xc040);
    config.write(4, 2, 1);
    const PciConfig::State saved = config.state();
    io.clear();
    memory.clear();
    config.set_state(saved);
    EXPECT_EQ(io, (std::vector<Seen>{{0xc040, true}}));
    EXPECT_EQ(memory, (std::vector<Seen>{{0, false}}));
}

}  // namespace
}  // namespace gnomon
