// MSI and MSI-X: the capability list, messages, masks and pending bits.
#include "devices/pci/msi.h"

#include <gtest/gtest.h>

namespace gnomon {
namespace {

struct Messages final : DmaPort {
    std::vector<std::pair<u64, u32>> sent;
    void dma_read(GuestPhys, std::span<u8>) override {}
    void dma_write(GuestPhys address, std::span<const u8> data) override {
        ASSERT_EQ(data.size(), 4u);
        sent.emplace_back(address.value, data[0] | data[1] << 8 | data[2] << 16 | u32{data[3]} << 24);
    }
};
using Sent = std::vector<std::pair<u64, u32>>;

PciConfig::Identity identity() {
    PciConfig::Identity identity;
    identity.vendor = 0x1af4;
    identity.device = 0x1000;
    return identity;
}

struct MsiTest : testing::Test {
    PciConfig config{identity()};
    Messages memory;
    MsiCapability msi{config, 0x50, 4, memory};

    void enable(u32 granted_code) {
        config.write(0x54, 4, 0xfee01004);
        config.write(0x5c, 2, 0x4143);
        config.write(0x52, 2, granted_code << 4 | 1);
        msi.config_written();
    }
};

TEST_F(MsiTest, IsInTheCapabilityList) {
    EXPECT_EQ(config.read(0x06, 2) & 0x10, 0x10u);
    EXPECT_EQ(config.read(0x34, 1), 0x50u);
    EXPECT_EQ(config.read(0x50, 4), 0x01840005u);  // four vectors, 64 bits, maskable, the last of the list
    config.write(0x52, 2, 0xffff);
    EXPECT_EQ(config.read(0x52, 2), 0x01f5u);
}

TEST_F(MsiTest, SendsNothingUntilEnabled) {
    msi.notify(0);
    EXPECT_FALSE(msi.enabled());
    EXPECT_TRUE(memory.sent.empty());
}

TEST_F(MsiTest, TheLowBitsOfTheDataAreTheVector) {
    enable(2);
    EXPECT_EQ(msi.granted(), 4u);
    msi.notify(0);
    msi.notify(3);
    EXPECT_EQ(memory.sent, (Sent{{0xfee01004, 0x4140}, {0xfee01004, 0x4143}}));
}

TEST_F(MsiTest, VectorsBeyondWhatIsGrantedShareTheLast) {
    enable(0);
    msi.notify(3);
    EXPECT_EQ(memory.sent, (Sent{{0xfee01004, 0x4143}}));
}

TEST_F(MsiTest, AMaskedMessageWaits) {
    enable(1);
    config.write(0x60, 4, 0xffffffff);
    EXPECT_EQ(config.read(0x60, 4), 0xfu);
    msi.notify(1);
    EXPECT_TRUE(memory.sent.empty());
    EXPECT_EQ(config.read(0x64, 4), 2u);
    config.write(0x64, 4, 0);  // read-only
    EXPECT_EQ(config.read(0x64, 4), 2u);
    config.write(0x60, 4, 1);
    msi.config_written();
    EXPECT_EQ(memory.sent, (Sent{{0xfee01004, 0x4143}}));
    EXPECT_EQ(config.read(0x64, 4), 0u);
}

struct MsixTest : testing::Test {
    PciConfig config{identity()};
    Messages memory;
    MsixCapability msix{config, 0x70, 40, 1, 0x2000, memory};

    void set_vector(unsigned vector, u64 address, u32 data, bool mask) {
        msix.mmio_write(vector * 16, 8, address);
        msix.mmio_write(vector * 16 + 8, 4, data);
        msix.mmio_write(vector * 16 + 12, 4, mask);
    }
};

TEST_F(MsixTest, DescribesItsTable) {
    EXPECT_EQ(config.read(0x70, 4), 0x00270011u);
    EXPECT_EQ(config.read(0x74, 4), 0x2001u);
    EXPECT_EQ(config.read(0x78, 4), 0x2801u);
    for (unsigned vector = 0; vector < 40; vector++) EXPECT_EQ(msix.mmio_read(vector * 16 + 12, 4), 1u);
    EXPECT_EQ(msix.mmio_read(40 * 16 + 12, 4), 0u);
}

TEST_F(MsixTest, SendsWhatTheEntrySays) {
    config.write(0x72, 2, 0x8000);
    set_vector(39, 0x1fee02000, 0x51, false);
    msix.notify(39);
    msix.notify(40);
    EXPECT_EQ(memory.sent, (Sent{{0x1fee02000, 0x51}}));
}

TEST_F(MsixTest, MaskedVectorsPendUntilUnmasked) {
    config.write(0x72, 2, 0x8000);
    set_vector(33, 0xfee00000, 0x61, true);
    msix.notify(33);
    EXPECT_TRUE(memory.sent.empty());
    EXPECT_EQ(msix.mmio_read(0x804, 4), 2u);
    EXPECT_EQ(msix.mmio_read(0x800, 8), u64{2} << 32);
    msix.mmio_write(33 * 16 + 12, 4, 0);
    EXPECT_EQ(memory.sent, (Sent{{0xfee00000, 0x61}}));
    EXPECT_EQ(msix.mmio_read(0x804, 4), 0u);
}

TEST_F(MsixTest, TheFunctionMaskHoldsAllBack) {
    set_vector(0, 0xfee00000, 0x61, false);
    config.write(0x72, 2, 0xc000);
    msix.notify(0);
    EXPECT_TRUE(memory.sent.empty());
    config.write(0x72, 2, 0x8000);
    msix.config_written();
    EXPECT_EQ(memory.sent, (Sent{{0xfee00000, 0x61}}));
}

TEST_F(MsixTest, StatesOfAnotherSizeAreRefused) {
    MsixCapability::State state = msix.state();
    EXPECT_TRUE(msix.set_state(state));
    state.table.pop_back();
    EXPECT_FALSE(msix.set_state(state));
}

TEST(MsiList, CapabilitiesAreLinked) {
    PciConfig config{identity()};
    Messages memory;
    const MsiCapability msi{config, 0x50, 1, memory};
    const MsixCapability msix{config, 0x70, 2, 0, 0, memory};
    EXPECT_EQ(config.read(0x34, 1), 0x70u);
    EXPECT_EQ(config.read(0x71, 1), 0x50u);
    EXPECT_EQ(config.read(0x51, 1), 0u);
}

}  // namespace
}  // namespace gnomon
