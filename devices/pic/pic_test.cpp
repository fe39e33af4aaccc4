// The 8259A pair: priorities, all forms of EOI, modes, spurious interrupts, cascading, edge and level.
#include "devices/pic/pic.h"

#include <gtest/gtest.h>

#include "devices/device_fuzz.h"
#include "devices/snapshot_check.h"

namespace gnomon {
namespace {

constexpr PortRange kPorts[] = {{0x20, 2}, {0xa0, 2}, {0x4d0, 2}};

struct PicTest : testing::Test {
    DeviceBench bench;
    LineProbe cpu;
    std::unique_ptr<Pic> pic = *Pic::create(bench.ports, cpu.line());

    void SetUp() override { initialise(); }

    /// As the firmware of a PC/AT does: vectors 08 and 70.
    void initialise(u8 icw4_master = 1, u8 icw4_slave = 1, u8 icw1 = 0x11) {
        bench.out8(0x20, icw1);
        bench.out8(0x21, 0x08);
        bench.out8(0x21, 0x04);
        bench.out8(0x21, icw4_master);
        bench.out8(0xa0, icw1);
        bench.out8(0xa1, 0x70);
        bench.out8(0xa1, 0x02);
        bench.out8(0xa1, icw4_slave);
    }
    void raise(unsigned input) { pic->set_line(input, true); }
    void lower(unsigned input) { pic->set_line(input, false); }
    bool intr() { return cpu.level(); }
    u8 irr(u16 port = 0x20) {
        bench.out8(port, 0x0a);
        return bench.in8(port);
    }
    u8 isr(u16 port = 0x20) {
        bench.out8(port, 0x0b);
        return bench.in8(port);
    }
};

TEST_F(PicTest, RequestIsAcknowledgedOnceAndBlocksLowerPriorities) {
    raise(3);
    EXPECT_TRUE(intr());
    EXPECT_EQ(irr(), 0x08);
    EXPECT_EQ(pic->acknowledge(), 0x0b);
    EXPECT_FALSE(intr());
    EXPECT_EQ(irr(), 0);
    EXPECT_EQ(isr(), 0x08);
    raise(4);
    EXPECT_FALSE(intr());
    raise(1);
    EXPECT_TRUE(intr());
    EXPECT_EQ(pic->acknowledge(), 0x09);
    EXPECT_EQ(isr(), 0x0a);
    bench.out8(0x20, 0x20);
    EXPECT_EQ(isr(), 0x08);
    EXPECT_FALSE(intr());
    bench.out8(0x20, 0x20);
    EXPECT_TRUE(intr());
    EXPECT_EQ(pic->acknowledge(), 0x0c);
}

TEST_F(PicTest, MaskedRequestWaitsInTheRequestRegister) {
    bench.out8(0x21, 0xff);
    raise(5);
    EXPECT_FALSE(intr());
    EXPECT_EQ(irr(), 0x20);
    EXPECT_EQ(bench.in8(0x21), 0xff);
    bench.out8(0x21, 0xdf);
    EXPECT_TRUE(intr());
}

TEST_F(PicTest, EdgeInputNeedsANewEdge) {
    raise(4);
    pic->acknowledge();
    bench.out8(0x20, 0x20);
    EXPECT_FALSE(intr());
    lower(4);
    raise(4);
    EXPECT_TRUE(intr());
}

TEST_F(PicTest, LevelInputAsksAgainAfterEoi) {
    bench.out8(0x4d0, 0xff);
    bench.out8(0x4d1, 0xff);
    EXPECT_EQ(bench.in8(0x4d0), 0xf8);
    EXPECT_EQ(bench.in8(0x4d1), 0xde);
    raise(11);
    EXPECT_EQ(pic->acknowledge(), 0x73);
    EXPECT_EQ(irr(0xa0), 0x08);
    bench.out8(0xa0, 0x20);
    bench.out8(0x20, 0x20);
    EXPECT_TRUE(intr());
    lower(11);
    EXPECT_FALSE(intr());
    EXPECT_EQ(irr(0xa0), 0);
}

TEST_F(PicTest, LevelModeOfIcw1CoversEveryInput) {
    initialise(1, 1, 0x19);
    raise(0);
    EXPECT_EQ(pic->acknowledge(), 0x08);
    bench.out8(0x20, 0x20);
    EXPECT_TRUE(intr());
}

TEST_F(PicTest, RequestThatVanishesIsSpurious) {
    raise(3);
    lower(3);
    EXPECT_FALSE(intr());
    EXPECT_EQ(pic->acknowledge(), 0x0f);
    EXPECT_EQ(isr(), 0);
}

TEST_F(PicTest, SpuriousInterruptOfTheSlaveLeavesTheCascadeInService) {
    // The slave's request disappears between the processor's decision and the second INTA cycle: model it by
    // a master that holds an edge of its own on input 2 while the slave has none.
    pic->set_line(2, true);
    EXPECT_EQ(pic->acknowledge(), 0x77);
    EXPECT_EQ(isr(0xa0), 0);
    EXPECT_EQ(isr(0x20), 0x04);
}

TEST_F(PicTest, SlaveRequestsPassThroughInputTwo) {
    raise(14);
    EXPECT_EQ(irr(0x20), 0x04);
    EXPECT_EQ(pic->acknowledge(), 0x76);
    EXPECT_EQ(isr(0x20), 0x04);
    EXPECT_EQ(isr(0xa0), 0x40);
    raise(8);  // more urgent in the slave, but the master has its input 2 in service
    EXPECT_FALSE(intr());
    bench.out8(0x20, 0x20);
    EXPECT_TRUE(intr());
    EXPECT_EQ(pic->acknowledge(), 0x70);
}

TEST_F(PicTest, SpecialFullyNestedModeLetsAMoreUrgentSlaveInputIn) {
    initialise(0x11);
    raise(14);
    EXPECT_EQ(pic->acknowledge(), 0x76);
    raise(15);
    EXPECT_FALSE(intr());
    raise(3);
    EXPECT_FALSE(intr());
    raise(8);
    EXPECT_TRUE(intr());
    EXPECT_EQ(pic->acknowledge(), 0x70);
    EXPECT_EQ(isr(0xa0), 0x41);
}

TEST_F(PicTest, AutomaticEoiLeavesNothingInService) {
    initialise(3, 3);
    raise(9);
    raise(10);
    EXPECT_EQ(pic->acknowledge(), 0x71);
    EXPECT_TRUE(intr());
    EXPECT_EQ(pic->acknowledge(), 0x72);
    EXPECT_FALSE(intr());
    EXPECT_EQ(isr(0x20) | isr(0xa0), 0);
}

TEST_F(PicTest, RotationOnAutomaticEoiIsSetAndCleared) {
    initialise(3);
    bench.out8(0x20, 0x80);
    raise(0);
    raise(1);
    EXPECT_EQ(pic->acknowledge(), 0x08);
    lower(0);
    raise(0);
    EXPECT_EQ(pic->acknowledge(), 0x09);
    EXPECT_EQ(pic->acknowledge(), 0x08);
    bench.out8(0x20, 0x00);
    lower(1);
    raise(1);
    EXPECT_EQ(pic->acknowledge(), 0x09);
    EXPECT_EQ(pic->state().chips[0].lowest, 0);
}

TEST_F(PicTest, SpecificEoiEndsTheNamedLevel) {
    raise(5);
    pic->acknowledge();
    raise(3);
    pic->acknowledge();
    bench.out8(0x20, 0x65);
    EXPECT_EQ(isr(), 0x08);
}

TEST_F(PicTest, RotationOnEoiMakesTheLevelLowest) {
    raise(4);
    pic->acknowledge();
    bench.out8(0x20, 0xa0);
    EXPECT_EQ(pic->state().chips[0].lowest, 4);
    raise(3);
    raise(6);
    EXPECT_EQ(pic->acknowledge(), 0x0e);
    bench.out8(0x20, 0xe6);  // rotate on specific EOI
    EXPECT_EQ(pic->state().chips[0].lowest, 6);
    bench.out8(0x20, 0xc2);  // set priority: 3 is now the most urgent
    EXPECT_EQ(pic->acknowledge(), 0x0b);
}

TEST_F(PicTest, SpecialMaskModeFreesTheOtherLevels) {
    raise(1);
    pic->acknowledge();
    raise(6);
    EXPECT_FALSE(intr());
    bench.out8(0x21, 0x02);
    bench.out8(0x20, 0x68);
    EXPECT_TRUE(intr());
    EXPECT_EQ(pic->acknowledge(), 0x0e);
    bench.out8(0x20, 0x20);  // not the masked level 1
    EXPECT_EQ(isr(), 0x02);
    bench.out8(0x20, 0x48);
    lower(6);
    raise(6);
    EXPECT_FALSE(intr());
}

TEST_F(PicTest, PollTakesThePlaceOfTheAcknowledge) {
    bench.out8(0x20, 0x0c);
    EXPECT_EQ(bench.in8(0x20), 0x00);
    raise(6);
    bench.out8(0x20, 0x0c);
    EXPECT_EQ(bench.in8(0x20), 0x86);
    EXPECT_FALSE(intr());
    EXPECT_EQ(isr(), 0x40);
}

TEST_F(PicTest, Icw1ClearsMaskServiceAndEdges) {
    raise(4);
    raise(3);
    pic->acknowledge();
    bench.out8(0x21, 0xff);
    bench.out8(0x20, 0x11);
    EXPECT_EQ(bench.in8(0x20), 0);
    EXPECT_EQ(bench.in8(0x21), 0);
    bench.out8(0x21, 0x20);
    bench.out8(0x21, 0x04);
    EXPECT_FALSE(intr());
    bench.out8(0x21, 0x01);
    EXPECT_FALSE(intr());
    EXPECT_EQ(isr(), 0);
    lower(4);
    raise(4);
    EXPECT_EQ(pic->acknowledge(), 0x24);
}

TEST_F(PicTest, SingleModeSkipsIcw3AndIgnoresTheSlave) {
    bench.out8(0x20, 0x13);
    bench.out8(0x21, 0x40);
    bench.out8(0x21, 0x01);
    raise(9);
    EXPECT_EQ(pic->acknowledge(), 0x42);
}

TEST_F(PicTest, Mode8085GivesTheLowByteOfTheCall) {
    bench.out8(0x20, 0xf6);  // interval 4, single, no ICW4, A7–A5 ones
    bench.out8(0x21, 0x12);
    raise(3);
    EXPECT_EQ(pic->acknowledge(), 0xec);
}

TEST_F(PicTest, SourcesOfOneInputAreOred) {
    const Line a = pic->add_source(11);
    const Line b = pic->add_source(11);
    bench.out8(0x4d1, 0x08);
    a.raise();
    b.raise();
    a.lower();
    EXPECT_TRUE(intr());
    b.lower();
    EXPECT_FALSE(intr());
}

TEST_F(PicTest, NoInterruptBeforeInitialisation) {
    pic->reset();
    raise(1);
    EXPECT_FALSE(intr());
    initialise();
    EXPECT_FALSE(intr());
    lower(1);
    raise(1);
    EXPECT_TRUE(intr());
}

TEST_F(PicTest, PortConflictNamesBothOwners) {
    Result<std::unique_ptr<Pic>> second = Pic::create(bench.ports, cpu.line(1));
    ASSERT_FALSE(second.ok());
    EXPECT_EQ(second.error().message, "port 0x0020 is claimed by both pic and pic");
}

TEST_F(PicTest, SnapshotRoundTrip) {
    raise(3);
    pic->acknowledge();
    raise(14);
    raise(5);
    bench.out8(0x20, 0x0c);
    expect_snapshot_round_trip(bench.scheduler, *pic, [this] {
        bench.in8(0x20);
        bench.out8(0x20, 0xa0);
        lower(14);
        raise(14);
        lower(5);
    });
}

TEST_F(PicTest, RandomAccesses) {
    fuzz_ports(bench, kPorts, {.between = [this](u64 random) {
                   pic->set_line(random % 16, random >> 8 & 1);
                   if (cpu.level() && random >> 16 & 1) pic->acknowledge();
               }});
}

}  // namespace
}  // namespace gnomon
