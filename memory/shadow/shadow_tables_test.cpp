// Tests of the shadow page tables: what they keep, and which stores to the guest's tables drop it.
#include "memory/shadow/shadow_tables.h"

#include <cstring>

#include "memory/mmu_fixture.h"

namespace gnomon {
namespace {

class ShadowTest : public MmuTest {};
INSTANTIATE_TEST_SUITE_P(Shadow, ShadowTest, ::testing::Values(Mmu::Shadow::On, Mmu::Shadow::Verify),
                         shadow_name);

TEST_P(ShadowTest, TranslationsSurviveCr3Loads) {
    map_page(0x5000, 0x105000, 7);
    put(0x8000, kTable0 | 7);
    load();
    EXPECT_EQ(read(0x5000, kUser), "ok 0");
    for (u64 root : {0x8000, 0x1000, 0x8000, 0x1000}) {
        paging_.cr3 = root;
        load();
        EXPECT_EQ(tlb(0x5000, kUser).read_tag, TlbEntry::kNoPage);
        EXPECT_EQ(read(0x5000, kUser), "ok 0");
    }
    EXPECT_EQ(mmu->counters().page_walks, 2u);
    EXPECT_EQ(mmu->counters().shadow_hits, (std::array<u64, 3>{3, 0, 0}));
    EXPECT_EQ(mmu->counters().shadow_misses, (std::array<u64, 3>{2, 0, 0}));
}

TEST_P(ShadowTest, ReloadingTheSameCr3KeepsTheTlb) {
    map_page(0x5000, 0x105000, 7);
    load();
    EXPECT_EQ(read(0x5000, kUser), "ok 0");
    load();
    EXPECT_EQ(tlb(0x5000, kUser).read_tag, 0x5000u);
}

TEST_P(ShadowTest, StoreToALeafEntryDropsThatPageOnly) {
    map_page(0x5000, 0x105000, 7);
    map_page(0x6000, 0x106000, 7);
    map_page(0x9000, kTable0, 7);
    load();
    put(0x107000, 0x77);
    EXPECT_EQ(read(0x5000, kUser), "ok 0");
    EXPECT_EQ(read(0x6000, kUser), "ok 0");
    EXPECT_EQ(write(0x9000 + 5 * 4, kSuper, 0x107007), "ok")
        << "through the guest's own mapping of the table";
    EXPECT_EQ(tlb(0x5000, kUser).read_tag, TlbEntry::kNoPage);
    EXPECT_EQ(tlb(0x6000, kUser).read_tag, 0x6000u);
    EXPECT_EQ(mmu->counters().shadow_invalidations, 1u);
    EXPECT_EQ(read(0x5000, kUser), "ok 77");
    const u8 zero[4] = {};
    map->dma_write(GuestPhys(kTable0 + 5 * 4), zero);
    EXPECT_EQ(read(0x5000, kUser), "fault 5000 4") << "DMA counts as well";
}

TEST_P(ShadowTest, StoreToADirectoryEntryDropsItsRange) {
    map_page(0x5000, 0x105000, 7);
    map_page(0x405000, 0x107000, 7);
    put(0x107000, 0x77);
    load();
    EXPECT_EQ(read(0x5000, kUser), "ok 0");
    EXPECT_EQ(read(0x405000, kUser), "ok 77");
    EXPECT_NE(map->flags(kTable1 >> 12), 0);
    put(kDirectory + 4, 0);
    EXPECT_EQ(tlb(0x5000, kUser).read_tag, 0x5000u);
    EXPECT_EQ(read(0x405000, kUser), "fault 405000 4");
    EXPECT_EQ(map->flags(kTable1 >> 12), 0) << "nothing uses the table any more";
    put(kDirectory + 4, kTable0 | 7);
    EXPECT_EQ(read(0x405000, kUser), "ok 0");
}

TEST_P(ShadowTest, StoreToALargePageEntryDropsAllOfIt) {
    paging_.cr4 = u64{1} << 4;
    put(kDirectory + 8, 0x00400087);
    load();
    put(0x400000, 0x44);
    put(0x800000, 0x88);
    EXPECT_EQ(read(0x800000, kUser), "ok 44");
    EXPECT_EQ(read(0xbff000, kUser), "ok 0");
    put(kDirectory + 8, 0x00800087);
    EXPECT_EQ(read(0x800000, kUser), "ok 88");
    EXPECT_EQ(mmu->counters().shadow_invalidations, 2u);
}

TEST_P(ShadowTest, ClearingAccessedOrDirtyIsNoticed) {
    map_page(0x5000, 0x105000, 7);
    load();
    EXPECT_EQ(write(0x5000, kUser, 1), "ok");
    map_page(0x5000, 0x105000, 0x27);
    EXPECT_EQ(tlb(0x5000, kUser).write_tag, TlbEntry::kNoPage);
    EXPECT_EQ(read(0x5000, kUser), "ok 1");
    EXPECT_EQ(get(kTable0 + 5 * 4), 0x105027u);
    EXPECT_EQ(write(0x5000, kUser, 1), "ok");
    EXPECT_EQ(get(kTable0 + 5 * 4), 0x105067u);
}

TEST_P(ShadowTest, DirectoryThatMapsItselfStaysCoherent) {
    put(kDirectory + 1023 * 4, kDirectory | 3);
    map_page(0x5000, 0x105000, 7);
    put(0x107000, 0x77);
    load();
    EXPECT_EQ(read(0xfffff000, kSuper), fmt::format("ok {:x}", get(kDirectory)));
    EXPECT_EQ(read(0x5000, kUser), "ok 0");
    EXPECT_EQ(write(0xffc00000 + 5 * 4, kSuper, 0x107007), "ok");
    EXPECT_EQ(read(0x5000, kUser), "ok 77");
    EXPECT_EQ(write(0xfffff000, kSuper, 0), "ok") << "the directory entry of the table that was just used";
    EXPECT_EQ(read(0x5000, kUser), "fault 5000 4");
    EXPECT_EQ(write(0xfffffffc, kSuper, 0), "ok");
    EXPECT_EQ(read(0xfffff000, kSuper), "fault fffff000 0");
}

TEST_P(ShadowTest, TablesThatBecomeDataLoseTheirFlag) {
    map_page(0x5000, 0x105000, 7);
    map_page(0x9000, kTable1, 7);
    map_page(0x405000, 0x107000, 7);
    load();
    EXPECT_EQ(read(0x405000, kUser), "ok 0");
    unsigned slow = 0;
    for (u32 i = 0; i < 1024; i++) {
        if (tlb(0x9000, kUser).write_tag == 0x9000) break;
        EXPECT_EQ(write(0x9000 + i * 4, kUser, i), "ok");
        slow++;
    }
    EXPECT_LE(slow, ShadowTables::kIdleWrites + 2);
    EXPECT_EQ(map->flags(kTable1 >> 12), 0);
}

TEST_P(ShadowTest, TableSharedByManySpacesDropsInAllOfThem) {
    map_page(0x5000, 0x105000, 7);
    put(0x107000, 0x77);
    const auto root = [](u64 i) { return 0x200000 + i * 0x1000; };
    for (u64 i = 0; i < 20; i++) put(root(i), kTable0 | 7);
    for (u64 i = 0; i < 20; i++) {
        paging_.cr3 = root(i);
        load();
        EXPECT_EQ(read(0x5000, kUser), "ok 0");
    }
    map_page(0x5000, 0x107000, 7);
    for (u64 i = 0; i < 20; i++) {
        paging_.cr3 = root(i);
        load();
        EXPECT_EQ(read(0x5000, kUser), "ok 77");
    }
    EXPECT_GE(mmu->counters().shadow_invalidations, 20u);
}

TEST_P(ShadowTest, TablesInRomAreWalkedButNotRemembered) {
    std::vector<u8> rom(0x2000, 0);
    const u32 directory_entry = 0xffff1027;
    const u32 table_entry = 0x105027;
    std::memcpy(rom.data(), &directory_entry, 4);
    std::memcpy(rom.data() + 0x1000 + 5 * 4, &table_entry, 4);
    auto region = map->add_rom("firmware", GuestPhys(0xffff0000), rom);
    paging_.cr3 = 0xffff0000;
    load();
    put(0x105000, 0x55);
    EXPECT_EQ(read(0x5000, kUser), "ok 55");
    EXPECT_EQ(tlb(0x5000, kUser).read_tag, 0x5000u);
    EXPECT_EQ(mmu->shadow()->tracked_frames(), 0u);
    load();
    EXPECT_EQ(tlb(0x5000, kUser).read_tag, TlbEntry::kNoPage) << "nothing else keeps it coherent";
}

TEST_P(ShadowTest, ReplacedRamForgetsEverything) {
    map_page(0x5000, 0x105000, 7);
    load();
    EXPECT_EQ(read(0x5000, kUser), "ok 0");
    const u32 entry = 0x107007;
    std::memcpy(map->ram() + kTable0 + 5 * 4, &entry, 4);
    std::memcpy(map->ram() + kDirectory + 4, &entry, 4);
    map->ram()[0x107000] = 0x77;
    map->ram_replaced();
    EXPECT_EQ(mmu->shadow()->tracked_frames(), 0u);
    EXPECT_EQ(read(0x5000, kUser), "ok 77");
}

TEST_P(ShadowTest, RootsOfForgottenSpacesLoseTheirFlag) {
    map_page(0x5000, 0x105000, 7);
    const auto root = [](u64 i) { return 0x200000 + i * 0x1000; };
    for (u64 i = 0; i < ShadowTables::kSpaces + 1; i++) {
        put(root(i), kTable0 | 7);
        paging_.cr3 = root(i);
        load();
        EXPECT_EQ(read(0x5000, kUser), "ok 0");
    }
    EXPECT_EQ(map->flags(root(0) >> 12), 0);
    EXPECT_NE(map->flags(root(1) >> 12), 0);
    EXPECT_EQ(mmu->shadow()->live_spaces(), ShadowTables::kSpaces);
}

TEST_P(ShadowTest, RootThatBecomesDataEndsItsSpace) {
    constexpr u64 kOther = 0x8000;
    map_page(0x5000, 0x105000, 7);
    map_page(0x9000, 0x109000, 7);
    put(0x107000, 0x77);
    put(kOther, kTable0 | 7);
    paging_.cr3 = kOther;
    load();
    EXPECT_EQ(read(0x5000, kUser), "ok 0");
    paging_.cr3 = kDirectory;
    load();
    EXPECT_EQ(read(0x5000, kUser), "ok 0");
    EXPECT_EQ(mmu->shadow()->live_spaces(), 2u);
    for (u64 i = 0; i <= ShadowTables::kIdleWrites; i++) put(kOther + 0x800 + i * 4, 0);
    EXPECT_EQ(mmu->shadow()->live_spaces(), 1u);
    EXPECT_EQ(map->flags(kOther >> 12), 0);
    EXPECT_EQ(tlb(0x5000, kUser).read_tag, 0x5000u) << "of the space in force";
    put(kOther, kTable1 | 7);
    put(kTable1 + 5 * 4, 0x107007);
    paging_.cr3 = kOther;
    load();
    EXPECT_EQ(read(0x5000, kUser), "ok 77");
}

TEST_P(ShadowTest, StoreToTheTablesOfAnotherSpaceLeavesTheTlbAlone) {
    constexpr u64 kOther = 0x8000;
    map_page(0x5000, 0x105000, 7);
    put(0x107000, 0x77);
    put(kOther, kTable1 | 7);
    put(kTable1 + 5 * 4, 0x107007);
    paging_.cr3 = kOther;
    load();
    EXPECT_EQ(read(0x5000, kUser), "ok 77");
    paging_.cr3 = kDirectory;
    load();
    EXPECT_EQ(read(0x5000, kUser), "ok 0");
    put(kTable1 + 5 * 4, 0x105007);
    EXPECT_EQ(tlb(0x5000, kUser).read_tag, 0x5000u);
    paging_.cr3 = kOther;
    load();
    EXPECT_EQ(read(0x5000, kUser), "ok 0");
    EXPECT_EQ(mmu->counters().page_walks, 3u);
}

TEST_P(ShadowTest, DescribesSpacesAndFrames) {
    map_page(0x5000, 0x105000, 7);
    load();
    EXPECT_EQ(read(0x5000, kUser), "ok 0");
    const std::string text = mmu->describe();
    EXPECT_NE(text.find("shadow hits 0, misses 1, invalidations 0\n1 spaces, 2 tracked frames\n"),
              std::string::npos);
    EXPECT_NE(text.find("(current): CR3 0x1000 32-bit, 1 entries\n"), std::string::npos) << text;
    EXPECT_NE(text.find("frame RAM page 0x2: 1 entries used; 0x0 in space 64 (2^12 bytes an entry)"),
              std::string::npos)
        << text;
}

TEST(ShadowDeathTest, VerifyModeAbortsOnAStaleTranslation) {
    Log log{[](LogLevel, std::string_view, std::string_view) {}};
    auto map = std::move(PhysicalMap::create(u64{16} << 20, log)).value();
    Mmu* mmu = new Mmu(*map, Mmu::Shadow::Verify);
    map->write(GuestPhys(0x1000), 4, 0x2007);
    map->write(GuestPhys(0x2000), 4, 0x5007);
    PagingState paging;
    paging.cr0 = u64{1} << 31 | 1;
    paging.cr3 = 0x1000;
    mmu->set_paging(paging, true);
    u32 value = 0;
    PageFault fault;
    EXPECT_TRUE(mmu->read(LinearAddr(0), 4, kSuper, &value, fault));
    map->ram()[0x2001] = 0x60;  // behind everybody's back
    EXPECT_DEATH((void)mmu->read(LinearAddr(0), 4, kSuper, &value, fault),
                 "our bug: stale shadow entry for linear 0");
    delete mmu;
}

}  // namespace
}  // namespace gnomon
