// Two devices on a cable, empty channels, and the PCI side.
#include "devices/ide/ide_channel.h"

#include "devices/ide/ide_bench.h"

namespace gnomon {
namespace {

struct IdeChannelTest : testing::Test, IdeBench {};

TEST_F(IdeChannelTest, EmptyChannelFloats) {
    set(2, 0x55), set(3, 0xaa);
    EXPECT_EQ(status(), 0x7f) << "DD7 is pulled down: not busy";
    EXPECT_EQ(reg(2), 0x7f);
    EXPECT_EQ(reg(3), 0x7f);
    EXPECT_EQ(in16(0x1f0), 0xff7f);
}

TEST_F(IdeChannelTest, AbsentSecondDeviceHasStatusZero) {
    add_disk(0, 0, pattern(100));
    set(6, 0xb0);
    EXPECT_EQ(status(), 0x00);
    EXPECT_EQ(alternate(), 0x00);
    set(2, 0x55);
    EXPECT_EQ(reg(2), 0x55) << "device 0 answers for the other registers";
    command(0xec);
    advance(1'000'000);
    EXPECT_EQ(status(), 0x00);
    EXPECT_FALSE(irq.level(14));
    set(6, 0xa0);
    EXPECT_EQ(status(), 0x50);
}

TEST_F(IdeChannelTest, PacketDeviceAloneShowsNoGhostOfItself) {
    add_cd(0, 0, pattern(100, true));
    EXPECT_EQ(reg(5), 0xeb);
    set(6, 0xb0);
    set(2, 0x55), set(3, 0xaa);
    EXPECT_EQ(reg(2), 0x00);
    EXPECT_EQ(reg(3), 0x00);
    EXPECT_EQ(reg(5), 0x00);
    EXPECT_EQ(status(), 0x00);
}

TEST_F(IdeChannelTest, DevicesAreSelectedWithTheirOwnInterrupt) {
    add_disk(0, 0, pattern(100));
    add_disk(0, 1, pattern(200));
    const auto capacity = [this](u8 device) {
        set(6, device);
        command(0xec);
        wait();
        return read_data(512)[120] | 0;
    };
    EXPECT_EQ(capacity(0xe0), 100);
    EXPECT_TRUE(irq.level(14));
    set(6, 0xf0);
    EXPECT_FALSE(irq.level(14)) << "the request of a device that is not selected is off the cable";
    set(6, 0xe0);
    EXPECT_TRUE(irq.level(14));
    EXPECT_EQ(capacity(0xf0), 200);
}

TEST_F(IdeChannelTest, DiagnosticRunsOnBothAndSelectsTheFirst) {
    add_disk(0, 0, pattern(100));
    add_cd(0, 1, pattern(100, true));
    set(6, 0xb0);
    command(0x90);
    advance(1'000'000);
    EXPECT_TRUE(irq.level(14));
    EXPECT_EQ(status(), 0x50);
    EXPECT_EQ(reg(1), 0x01);
    EXPECT_EQ(reg(5), 0x00);
    set(6, 0xb0);
    EXPECT_EQ(status(), 0x00);
    EXPECT_EQ(reg(4), 0x14);
    EXPECT_EQ(reg(5), 0xeb);
}

TEST_F(IdeChannelTest, ConfigurationSpaceIsThePiix3Function) {
    EXPECT_EQ(ide->config_read(0, 4), 0x70108086u);
    EXPECT_EQ(ide->config_read(8, 4), 0x01018000u);
    EXPECT_EQ(ide->config_read(0x20, 4), 0xc001u);
    ide->config_write(0x20, 4, 0xffffffff);
    EXPECT_EQ(ide->config_read(0x20, 4), 0xfffffff1u);
    ide->config_write(0x20, 4, 0xd000);
    EXPECT_EQ(in8(0xd002), 0x00);
    EXPECT_EQ(in8(0xc002), 0xff);
    out32(0xd004, 0x12345678);
    EXPECT_EQ(in32(0xd004), 0x12345678u);
    EXPECT_EQ(ide->config_read(0x3d, 1), 0u);
    ide->config_write(0x44, 1, 0xa5);
    EXPECT_EQ(ide->config_read(0x44, 1), 0xa5u);
}

TEST_F(IdeChannelTest, DecodingFollowsTheTimingRegisters) {
    add_disk(0, 0, pattern(100));
    ide->config_write(0x41, 1, 0x00);
    EXPECT_EQ(status(), 0xff);
    ide->config_write(0x41, 1, 0x80);
    EXPECT_EQ(status(), 0x50);
    ide->config_write(0x41, 1, 0x00);
    ide->reset();
    ide->config_write(0x04, 2, 0x0001);
    EXPECT_EQ(status(), 0x80) << "decoded from reset on, busy with it";
}

TEST_F(IdeChannelTest, PortConflictsNameBothOwners) {
    Result<std::unique_ptr<IdeChannel>> second = IdeChannel::create(ports, {}, IdeChannel::primary());
    ASSERT_FALSE(second.ok());
    EXPECT_EQ(second.error().message, "port 0x01f0 is claimed by both ide.primary and ide.primary");
}

}  // namespace
}  // namespace gnomon
