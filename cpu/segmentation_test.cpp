#include "cpu/segmentation.h"

#include "cpu/decode.h"
#include "cpu/test_machine.h"

namespace gnomon {
namespace {

struct LoadCase {
    unsigned cpl;
    Seg seg;
    u16 selector;
    bool loads;
    Vector vector = Vector::GP;
    u32 error = 0;
};

class SegmentLoad : public testing::TestWithParam<LoadCase> {};

TEST_P(SegmentLoad, FollowsTheManual) {
    const LoadCase c = GetParam();
    TestMachine m;
    m.enter_protected(c.cpl);
    const Segment before = m.cpu.segment(c.seg);
    EXPECT_EQ(load_segment(m.cpu, c.seg, c.selector), c.loads);
    if (c.loads) {
        EXPECT_EQ(m.cpu.segment(c.seg).selector, c.selector);
    } else {
        EXPECT_TRUE(fault_is(m.cpu, c.vector, c.error));
        EXPECT_EQ(m.cpu.segment(c.seg).selector, before.selector);
        EXPECT_EQ(m.cpu.segment(c.seg).attributes, before.attributes);
    }
}

INSTANTIATE_TEST_SUITE_P(
    Cases, SegmentLoad,
    testing::Values(
        // SS
        LoadCase{0, Seg::SS, sel::kData, true}, LoadCase{0, Seg::SS, 0, false, Vector::GP, 0},
        LoadCase{0, Seg::SS, 3, false, Vector::GP, 0},
        LoadCase{0, Seg::SS, sel::kBeyond, false, Vector::GP, sel::kBeyond},
        LoadCase{0, Seg::SS, sel::kData | 3, false, Vector::GP, sel::kData},  // RPL
        LoadCase{0, Seg::SS, user(sel::kUserData), false, Vector::GP, sel::kUserData},
        LoadCase{0, Seg::SS, sel::kUserData, false, Vector::GP, sel::kUserData},  // DPL
        LoadCase{0, Seg::SS, sel::kReadOnly, false, Vector::GP, sel::kReadOnly},
        LoadCase{0, Seg::SS, sel::kCode, false, Vector::GP, sel::kCode},
        LoadCase{0, Seg::SS, sel::kTssA, false, Vector::GP, sel::kTssA},
        LoadCase{0, Seg::SS, sel::kAbsentData, false, Vector::SS, sel::kAbsentData},
        LoadCase{3, Seg::SS, user(sel::kUserData), true},
        LoadCase{3, Seg::SS, sel::kData, false, Vector::GP, sel::kData},
        // Data segments
        LoadCase{0, Seg::DS, 0, true}, LoadCase{0, Seg::DS, 3, true},
        LoadCase{0, Seg::DS, sel::kReadOnly, true}, LoadCase{0, Seg::DS, sel::kCode, true},
        LoadCase{0, Seg::ES, sel::kExecuteOnly, false, Vector::GP, sel::kExecuteOnly},
        LoadCase{0, Seg::DS, sel::kData | 3, false, Vector::GP, sel::kData},  // RPL > DPL
        LoadCase{0, Seg::FS, sel::kAbsentData, false, Vector::NP, sel::kAbsentData},
        LoadCase{0, Seg::GS, sel::kTssA, false, Vector::GP, sel::kTssA},
        LoadCase{0, Seg::DS, 4, false, Vector::GP, 4},                    // no LDT
        LoadCase{3, Seg::DS, sel::kData, false, Vector::GP, sel::kData},  // CPL > DPL
        LoadCase{3, Seg::DS, user(sel::kConforming), true},               // conforming code from any level
        LoadCase{3, Seg::DS, sel::kUserData, true}));

TEST(Segmentation, SetsTheAccessedBitInMemory) {
    TestMachine m;
    m.enter_protected();
    m.poke64(TestMachine::kGdt + sel::kReadOnly, make_descriptor(0, 0xfffff, 0x90, TestMachine::kBigPages));
    ASSERT_TRUE(load_segment(m.cpu, Seg::DS, sel::kReadOnly));
    EXPECT_EQ(m.peek8(TestMachine::kGdt + sel::kReadOnly + 5), 0x91u);
    EXPECT_EQ(m.cpu.segment(Seg::DS).attributes & 0xff, 0x91);
}

TEST(Segmentation, ExpandDownAllowsWhatLiesAboveTheLimit) {
    TestMachine m;
    m.enter_protected();
    ASSERT_TRUE(load_segment(m.cpu, Seg::DS, sel::kExpandDown));
    u8 byte;
    EXPECT_FALSE(m.cpu.read(Seg::DS, 0xfff, byte));
    EXPECT_TRUE(fault_is(m.cpu, Vector::GP, 0));
    EXPECT_TRUE(m.cpu.read(Seg::DS, 0x1000, byte));
    u32 word;
    EXPECT_FALSE(m.cpu.read(Seg::DS, 0xffe, word));
}

TEST(Segmentation, ReadOnlyAndNullSegmentsRefuseStores) {
    TestMachine m;
    m.enter_protected();
    ASSERT_TRUE(load_segment(m.cpu, Seg::DS, sel::kReadOnly));
    u8 byte = 0;
    EXPECT_TRUE(m.cpu.read(Seg::DS, 0x5000, byte));
    EXPECT_FALSE(m.cpu.write(Seg::DS, 0x5000, byte));
    EXPECT_TRUE(fault_is(m.cpu, Vector::GP, 0));
    ASSERT_TRUE(load_segment(m.cpu, Seg::DS, 0));
    EXPECT_FALSE(m.cpu.read(Seg::DS, 0, byte));
    EXPECT_TRUE(fault_is(m.cpu, Vector::GP, 0));
}

TEST(Segmentation, RealModeKeepsTheLimitOfProtectedMode) {
    TestMachine m;
    m.enter_protected();
    m.cpu.state.cr0 &= ~cr0::PE;
    ASSERT_TRUE(load_segment(m.cpu, Seg::DS, 0x1234));
    EXPECT_EQ(m.cpu.segment(Seg::DS).base, 0x12340u);
    EXPECT_EQ(m.cpu.segment(Seg::DS).limit, 0xffffffffu);
    u8 byte;
    EXPECT_TRUE(m.cpu.read(Seg::DS, 0x100000, byte));
}

TEST(Segmentation, RealModeChecksTheLimit) {
    TestMachine m;
    m.enter_real();
    u16 word;
    EXPECT_TRUE(m.cpu.read(Seg::DS, 0xfffe, word));
    EXPECT_FALSE(m.cpu.read(Seg::DS, 0xffff, word));
    EXPECT_TRUE(fault_is(m.cpu, Vector::GP, 0));
    EXPECT_FALSE(m.cpu.read(Seg::SS, 0xffff, word));
    EXPECT_TRUE(fault_is(m.cpu, Vector::SS, 0));
}

TEST(Segmentation, ModeKeyKnowsFlatSegments) {
    TestMachine m;
    m.enter_protected();
    EXPECT_EQ(m.cpu.mode_key & (mode::kCode32 | mode::kStack32 | mode::kFlat | mode::kFlatEsDs),
              mode::kCode32 | mode::kStack32 | mode::kFlat | mode::kFlatEsDs);
    ASSERT_TRUE(load_segment(m.cpu, Seg::DS, sel::kReadOnly));
    EXPECT_EQ(m.cpu.mode_key & (mode::kFlat | mode::kFlatEsDs), 0u);
}

TEST(Segmentation, PageFaultInTheTableIsReportedWithItsAddress) {
    TestMachine m;
    m.enter_protected();
    // One page table that maps the first 2 MiB but not the page of the GDT.
    constexpr u32 kDirectory = 0x100000;
    constexpr u32 kTable = 0x101000;
    m.poke32(kDirectory, kTable | 3);
    for (u32 i = 0; i < 512; i++) m.poke32(kTable + 4 * i, i << 12 | (i == 1 ? 0 : 3));
    m.cpu.state.cr3 = kDirectory;
    m.cpu.state.cr0 |= cr0::PG;
    m.cpu.update_paging(true);
    EXPECT_FALSE(load_segment(m.cpu, Seg::ES, sel::kData));
    EXPECT_TRUE(fault_is(m.cpu, Vector::PF, 0));
    EXPECT_EQ(m.cpu.fault.address, TestMachine::kGdt + sel::kData);
}

}  // namespace
}  // namespace gnomon
