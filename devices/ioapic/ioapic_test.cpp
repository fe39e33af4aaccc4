// The I/O APIC: registers, edge and level inputs, remote IRR, the EOI register.
#include "devices/ioapic/ioapic.h"

#include <gtest/gtest.h>

#include "devices/device_bench.h"
#include "devices/snapshot_check.h"

namespace gnomon {
namespace {

struct RecordingBus final : InterruptBus {
    std::vector<InterruptMessage> sent;
    bool takes = true;
    bool send(const InterruptMessage& message) override {
        sent.push_back(message);
        return takes;
    }
};

struct IoApicTest : testing::Test {
    DeviceBench bench;
    RecordingBus bus;
    IoApic ioapic{bus};

    u32 read(u8 index) {
        ioapic.mmio_write(0, 4, index);
        return static_cast<u32>(ioapic.mmio_read(0x10, 4));
    }
    void write(u8 index, u32 value) {
        ioapic.mmio_write(0, 4, index);
        ioapic.mmio_write(0x10, 4, value);
    }
    void route(unsigned input, u32 low, u32 high = 0) {
        write(static_cast<u8>(0x11 + 2 * input), high);
        write(static_cast<u8>(0x10 + 2 * input), low);
    }
};

TEST_F(IoApicTest, HasTwentyFourMaskedInputsAfterReset) {
    EXPECT_EQ(read(1), 0x00170020u);
    for (u8 input = 0; input < 24; input++) EXPECT_EQ(read(static_cast<u8>(0x10 + 2 * input)), 0x10000u);
    EXPECT_EQ(read(0x40), 0u);
    write(0, 0xffffffff);
    EXPECT_EQ(read(0), 0x0f000000u);
}

TEST_F(IoApicTest, ReadOnlyBitsOfAnEntryStay) {
    route(3, 0xffffffff, 0xffffffff);
    EXPECT_EQ(read(0x16), 0x1afffu);
    EXPECT_EQ(read(0x17), 0xff000000u);
}

TEST_F(IoApicTest, AnEdgeIsSentOnce) {
    const Line line = ioapic.add_source(4);
    route(4, 0x31, 0x02000000);
    line.raise();
    ASSERT_EQ(bus.sent.size(), 1u);
    EXPECT_EQ(bus.sent[0], (InterruptMessage{2, false, DeliveryMode::Fixed, 0x31, false, true}));
    line.raise();
    EXPECT_EQ(bus.sent.size(), 1u);
    line.lower();
    line.raise();
    EXPECT_EQ(bus.sent.size(), 2u);
}

TEST_F(IoApicTest, AMaskedEdgeIsLost) {
    const Line line = ioapic.add_source(4);
    line.raise();
    route(4, 0x31);
    EXPECT_TRUE(bus.sent.empty());
}

TEST_F(IoApicTest, ALevelIsSentAgainAfterTheEndOfInterruptWhileItLasts) {
    const Line line = ioapic.add_source(16);
    route(16, 0x8951, 0x0f000000);  // level, logical, lowest priority
    line.raise();
    ASSERT_EQ(bus.sent.size(), 1u);
    EXPECT_EQ(bus.sent[0], (InterruptMessage{15, true, DeliveryMode::LowestPriority, 0x51, true, true}));
    EXPECT_EQ(read(0x30), 0xc951u);
    ioapic.end_of_interrupt(0x52);
    EXPECT_EQ(bus.sent.size(), 1u);
    ioapic.end_of_interrupt(0x51);
    EXPECT_EQ(bus.sent.size(), 2u);
    line.lower();
    ioapic.end_of_interrupt(0x51);
    EXPECT_EQ(bus.sent.size(), 2u);
    EXPECT_EQ(read(0x30), 0x8951u);
}

TEST_F(IoApicTest, TheEoiRegisterEndsAVector) {
    ioapic.add_source(16).raise();
    route(16, 0x8051);
    ASSERT_EQ(bus.sent.size(), 1u);
    ioapic.mmio_write(0x40, 4, 0x51);
    EXPECT_EQ(bus.sent.size(), 2u);
}

TEST_F(IoApicTest, UnmaskingALevelSendsIt) {
    ioapic.add_source(9).raise();
    route(9, 0x18051);
    EXPECT_TRUE(bus.sent.empty());
    write(0x10 + 18, 0x8051);
    EXPECT_EQ(bus.sent.size(), 1u);
}

TEST_F(IoApicTest, EdgeModeClearsTheRemoteIrr) {
    ioapic.add_source(9).raise();
    route(9, 0x8051);
    EXPECT_EQ(read(0x10 + 18), 0xc051u);
    write(0x10 + 18, 0x10051);
    EXPECT_EQ(read(0x10 + 18), 0x10051u);
}

TEST_F(IoApicTest, SourcesOfAnInputAreOred) {
    const Line a = ioapic.add_source(16);
    const Line b = ioapic.add_source(16);
    route(16, 0x8051);
    a.raise();
    b.raise();
    a.lower();
    ioapic.end_of_interrupt(0x51);
    EXPECT_EQ(bus.sent.size(), 2u);
    b.lower();
    ioapic.end_of_interrupt(0x51);
    EXPECT_EQ(bus.sent.size(), 2u);
}

TEST_F(IoApicTest, Destination255IsEverybody) {
    const Line line = ioapic.add_source(1);
    route(1, 0x31, 0xff000000);
    line.raise();
    EXPECT_EQ(bus.sent.at(0).destination, InterruptMessage::kEverybody);
}

TEST_F(IoApicTest, SnapshotRoundTrip) {
    const Line line = ioapic.add_source(16);
    route(16, 0x8051);
    line.raise();
    expect_snapshot_round_trip(bench.scheduler, ioapic, [&] {
        ioapic.end_of_interrupt(0x51);
        write(0x12, 0x31);
    });
}

}  // namespace
}  // namespace gnomon
