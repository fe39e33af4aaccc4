// Tests of TLB fills and flushes, rights, and the slow paths.
#include "memory/mmu.h"

#include "memory/mmu_fixture.h"

namespace gnomon {
namespace {

INSTANTIATE_TEST_SUITE_P(Shadow, MmuTest,
                         ::testing::Values(Mmu::Shadow::Off, Mmu::Shadow::On, Mmu::Shadow::Verify),
                         shadow_name);

TEST_P(MmuTest, WithoutPagingLinearIsPhysical) {
    EXPECT_EQ(write(0x200ffe, kSuper, 0x12345678), "ok");
    EXPECT_EQ(read(0x200ffe, kSuper), "ok 12345678");
    EXPECT_EQ(get(0x201000) & 0xffff, 0x1234u);
    EXPECT_EQ(tlb(0x201000, kSuper).write_tag, 0x201000u);
    const u64 host = 0x201000 + tlb(0x201000, kSuper).addend;
    EXPECT_EQ(host, reinterpret_cast<u64>(map->ram()) + 0x201000);
}

TEST_P(MmuTest, AccessWrapsAtFourGigabytes) {
    auto rom = map->add_rom("bios", GuestPhys(0xfffff000), std::vector<u8>(4096, 0xaa));
    put(0, 0x44332211);
    EXPECT_EQ(read(0xfffffffe, kSuper), "ok 2211aaaa");
}

TEST_P(MmuTest, FaultsCarryAddressAndCode) {
    map_page(0x5000, 0x105000, 5);  // read-only, user
    map_page(0x6000, 0x106000, 3);  // supervisor
    load();
    EXPECT_EQ(read(0x4123, kUser), "fault 4123 4");
    EXPECT_EQ(write(0x4123, kSuper, 0), "fault 4123 2");
    EXPECT_EQ(write(0x5000, kUser, 0), "fault 5000 7");
    EXPECT_EQ(write(0x5000, kSuper, 0), "fault 5000 3");
    EXPECT_EQ(read(0x6000, kUser), "fault 6000 5");
    EXPECT_EQ(write(0x6000, kUser, 0), "fault 6000 7");
    EXPECT_EQ(write(0x6000, kSuper, 1), "ok");
    EXPECT_EQ(write(0x5000, kUser, 0), "fault 5000 7") << "also when the translation is known";
    EXPECT_EQ(mmu->counters().page_faults, 7u);
    paging_.cr0 &= ~(u64{1} << 16);
    mmu->set_paging(paging_, false);
    EXPECT_EQ(write(0x5000, kSuper, 0), "ok") << "WP clear";
    paging_.cr0 |= u64{1} << 16;
    mmu->set_paging(paging_, false);
    EXPECT_EQ(tlb(0x5000, kSuper).write_tag, TlbEntry::kNoPage);
    EXPECT_EQ(write(0x5000, kSuper, 0), "fault 5000 3");
}

TEST_P(MmuTest, PageCrossingWriteCommitsNothingIfTheSecondPageFaults) {
    map_page(0x5000, 0x105000, 7);
    load();
    put(0x105ffc, 0x11111111);
    EXPECT_EQ(write(0x5ffe, kUser, 0x22222222), "fault 6000 6");
    EXPECT_EQ(get(0x105ffc), 0x11111111u);
    map_page(0x6000, 0x109000, 7);
    mmu->invlpg(LinearAddr(0x6000));
    EXPECT_EQ(write(0x5ffe, kUser, 0x44332211), "ok");
    EXPECT_EQ(get(0x105ffc), 0x22111111u);
    EXPECT_EQ(get(0x109000) & 0xffff, 0x4433u);
    EXPECT_EQ(read(0x5ffe, kUser), "ok 44332211");
}

TEST_P(MmuTest, AccessedAndDirtyAreSetAndTheWriteTagWaitsForDirty) {
    map_page(0x5000, 0x105000, 7);
    load();
    EXPECT_EQ(read(0x5000, kUser), "ok 0");
    EXPECT_EQ(get(kDirectory) & 0x60, 0x20u);
    EXPECT_EQ(get(kTable0 + 5 * 4) & 0x60, 0x20u);
    EXPECT_EQ(tlb(0x5000, kUser).read_tag, 0x5000u);
    EXPECT_EQ(tlb(0x5000, kUser).write_tag, TlbEntry::kNoPage);
    EXPECT_EQ(write(0x5000, kUser, 1), "ok");
    EXPECT_EQ(get(kTable0 + 5 * 4) & 0x60, 0x60u);
    EXPECT_EQ(get(kDirectory) & 0x60, 0x20u);
    EXPECT_EQ(tlb(0x5000, kUser).write_tag, 0x5000u);
}

TEST_P(MmuTest, ProbeSetsDirtyWithoutWriting) {
    map_page(0x5000, 0x105000, 7);
    load();
    EXPECT_TRUE(mmu->probe(LinearAddr(0x5000), 4, AccessKind::Write, kUser, fault));
    EXPECT_EQ(get(kTable0 + 5 * 4) & 0x60, 0x60u);
    EXPECT_FALSE(mmu->probe(LinearAddr(0x5ffd), 4, AccessKind::Write, kUser, fault));
    EXPECT_EQ(fault_text(), "fault 6000 6");
}

TEST_P(MmuTest, GlobalPagesSurviveCr3LoadsAndFallToInvlpg) {
    paging_.cr4 = u64{1} << 7;
    map_page(0x5000, 0x105000, 0x107);
    map_page(0x6000, 0x106000, 7);
    constexpr u64 kOther = 0x8000;
    put(kOther, kTable0 | 7);
    load();
    EXPECT_EQ(read(0x5000, kSuper), "ok 0");
    EXPECT_EQ(read(0x6000, kSuper), "ok 0");
    paging_.cr3 = kOther;
    load();
    EXPECT_EQ(tlb(0x5000, kSuper).read_tag, 0x5000u);
    EXPECT_EQ(tlb(0x6000, kSuper).read_tag, TlbEntry::kNoPage);
    mmu->invlpg(LinearAddr(0x5fff));
    EXPECT_EQ(tlb(0x5000, kSuper).read_tag, TlbEntry::kNoPage);
    EXPECT_EQ(read(0x5000, kSuper), "ok 0");
    paging_.cr4 = 0;
    mmu->set_paging(paging_, false);
    EXPECT_EQ(tlb(0x5000, kSuper).read_tag, TlbEntry::kNoPage) << "a change of CR4.PGE removes all";
}

TEST_P(MmuTest, InvlpgRemovesEveryFragmentOfALargePage) {
    paging_.cr4 = u64{1} << 4;
    put(kDirectory + 8, 0x00400087);
    load();
    EXPECT_EQ(read(0x800000, kSuper), "ok 0");
    EXPECT_EQ(read(0xbff000, kSuper), "ok 0");
    EXPECT_EQ(read(0x5000, kSuper), "fault 5000 0");
    mmu->invlpg(LinearAddr(0x900000));
    EXPECT_EQ(tlb(0x800000, kSuper).read_tag, TlbEntry::kNoPage);
    EXPECT_EQ(tlb(0xbff000, kSuper).read_tag, TlbEntry::kNoPage);
}

TEST_P(MmuTest, MmioNeverEntersTheTlb) {
    auto region = map->add_mmio("card", GuestPhys(0xa0000), 0x20000, device);
    map_page(0x5000, 0xa1000, 7);
    load();
    EXPECT_EQ(read(0x5004, kUser), "ok 44332211");
    EXPECT_EQ(write(0x5ff8, kUser, 1), "ok");
    EXPECT_EQ(device.reads, (std::vector<std::pair<u64, unsigned>>{{0x1004, 4}}));
    EXPECT_EQ(device.writes, (std::vector<std::pair<u64, unsigned>>{{0x1ff8, 4}}));
    EXPECT_EQ(tlb(0x5000, kUser).read_tag, TlbEntry::kNoPage);
    EXPECT_EQ(tlb(0x5000, kUser).write_tag, TlbEntry::kNoPage);
    u8* host = map->ram();
    EXPECT_TRUE(mmu->host_pointer(LinearAddr(0x5000), AccessKind::Read, kUser, host, fault));
    EXPECT_EQ(host, nullptr);
    Mmu::FetchPage page;
    EXPECT_TRUE(mmu->fetch_page(LinearAddr(0x5000), kUser, page, fault));
    EXPECT_EQ(page.host, nullptr);
    u8 bytes[3] = {};
    EXPECT_TRUE(mmu->fetch_bytes(LinearAddr(0x5000), 3, kUser, bytes, fault));
    EXPECT_EQ(bytes[1], 0x22);
}

TEST_P(MmuTest, FetchPageIsTheSameWithAndWithoutTheTlb) {
    const std::vector<u8> bytes(0x1000, 0x90);
    auto rom = map->add_rom("bios", GuestPhys(0xf0000), bytes);
    map_page(0x5000, 0x105000, 7);
    map_page(0x6000, 0xf0000, 7);
    load();
    for (int round = 0; round < 2; round++) {
        Mmu::FetchPage page;
        EXPECT_TRUE(mmu->fetch_page(LinearAddr(0x5123), kUser, page, fault));
        EXPECT_EQ(page.host, map->ram() + 0x105000);
        EXPECT_EQ(page.physical.value, 0x105000u);
        EXPECT_TRUE(page.ram);
        EXPECT_EQ(page.ram_page, 0x105u);
        EXPECT_TRUE(mmu->fetch_page(LinearAddr(0x6123), kUser, page, fault));
        EXPECT_EQ(page.host[0], 0x90);
        EXPECT_EQ(page.physical.value, 0xf0000u);
        EXPECT_FALSE(page.ram);
    }
    EXPECT_FALSE(mmu->fetch_page(LinearAddr(0x7123), kUser, *std::make_unique<Mmu::FetchPage>(), fault));
    EXPECT_EQ(fault_text(), "fault 7123 4");
}

TEST_P(MmuTest, FlaggedPagesLoseTheirWriteTagsAndAnnounceStores) {
    map_page(0x5000, 0x105000, 7);
    map_page(0x7000, 0x105000, 7);
    map_page(0x9000, 0x105000, 7);
    load();
    for (u64 linear : {0x5000, 0x7000, 0x9000}) {
        EXPECT_EQ(write(linear, kUser, 1), "ok");
        EXPECT_EQ(write(linear, kSuper, 1), "ok");
    }
    map->observe_writes(PageFlag::Code, device);
    map->watch_code(0x105, ~u64{0});
    for (u64 linear : {0x5000, 0x7000, 0x9000}) {
        EXPECT_EQ(tlb(linear, kUser).write_tag, TlbEntry::kNoPage);
        EXPECT_EQ(tlb(linear, kSuper).write_tag, TlbEntry::kNoPage);
        EXPECT_EQ(tlb(linear, kUser).read_tag, linear);
    }
    u8* host = map->ram();
    EXPECT_TRUE(mmu->host_pointer(LinearAddr(0x5000), AccessKind::Write, kUser, host, fault));
    EXPECT_EQ(host, nullptr);
    EXPECT_EQ(write(0x7010, kUser, 5), "ok");
    EXPECT_EQ(device.stores, (std::vector<std::pair<u32, u32>>{{0x105, 0x10}}));
    EXPECT_EQ(get(0x105010), 5u);
    EXPECT_EQ(tlb(0x7000, kUser).write_tag, TlbEntry::kNoPage);
    map->clear_flag(0x105, PageFlag::Code);
    EXPECT_EQ(write(0x7010, kUser, 6), "ok");
    EXPECT_EQ(tlb(0x7000, kUser).write_tag, 0x7000u);
    map->stop_observing(PageFlag::Code, device);
}

TEST_P(MmuTest, ChangesOfTheMapDropHostPointers) {
    load();
    map_page(0xc4000, 0xc4000, 7);
    map->set_window(GuestPhys(0xc4000), 0x4000, true, true);
    EXPECT_EQ(write(0xc4000, kSuper, 0x77), "ok");
    EXPECT_EQ(tlb(0xc4000, kSuper).write_tag, 0xc4000u);
    map->set_window(GuestPhys(0xc4000), 0x4000, false, false);
    EXPECT_EQ(tlb(0xc4000, kSuper).write_tag, TlbEntry::kNoPage);
    EXPECT_EQ(read(0xc4000, kSuper), "ok ffffffff");
    map->set_a20(false);
    map_page(0x5000, 0x105000, 7);
    put(0x5000, 0x1234);
    EXPECT_EQ(read(0x5000, kSuper), "ok 1234");
}

TEST_P(MmuTest, InspectSeesMappingsWithoutTouchingThem) {
    map_page(0x5000, 0x105000, 1);
    load();
    GuestPhys physical;
    EXPECT_TRUE(mmu->inspect(LinearAddr(0x5abc), physical));
    EXPECT_EQ(physical.value, 0x105abcu);
    EXPECT_EQ(get(kTable0 + 5 * 4), 0x105001u);
    EXPECT_FALSE(mmu->inspect(LinearAddr(0x6000), physical));
}

TEST_P(MmuTest, SmapHasATableOfItsOwnForTheOverride) {
    map_page(0x5000, 0x105000, 7);
    paging_.cr4 = u64{1} << 21;
    load();
    EXPECT_EQ(read(0x5000, kSuper), "fault 5000 1");
    EXPECT_EQ(read(0x5000, kUser), "ok 0");
    EXPECT_EQ(write(0x5000, Privilege::SupervisorOverride, 3), "ok");
    EXPECT_EQ(tlb(0x5000, Privilege::SupervisorOverride).write_tag, 0x5000u);
    EXPECT_EQ(tlb(0x5000, kSuper).read_tag, TlbEntry::kNoPage);
    EXPECT_EQ(write(0x5000, kSuper, 3), "fault 5000 3");
}

TEST_P(MmuTest, PdptesComeFromMemoryAndReservedBitsAreRefused) {
    paging_.cr3 = 0x1020;
    map->write(GuestPhys(0x1020), 8, 0x5001);
    map->write(GuestPhys(0x1028), 8, 0x2);
    map->write(GuestPhys(0x1030), 8, 0);
    map->write(GuestPhys(0x1038), 8, u64{0x8} << 32 | 0x6001);
    std::array<u64, 4> pdptes;
    EXPECT_TRUE(load_pdptes(*map, paging_, pdptes));
    EXPECT_EQ(pdptes[3], 0x800006001u);
    map->write(GuestPhys(0x1028), 8, 0x3);
    EXPECT_FALSE(load_pdptes(*map, paging_, pdptes));
    map->write(GuestPhys(0x1028), 8, u64{1} << 36 | 1);
    EXPECT_FALSE(load_pdptes(*map, paging_, pdptes));
}

TEST_P(MmuTest, PhysicalAddressesReachToTheWidthOfTheProcessor) {
    constexpr u64 kFar = (u64{1} << 51 | u64{1} << 46 | 0x5000);
    const PhysicalRegion region = std::move(*map->add_mmio("far", GuestPhys(kFar), 0x1000, device));
    const auto put64 = [&](u64 address, u64 value) { map->write(GuestPhys(address), 8, value); };
    put64(0x4000, 0x5000 | 7);
    put64(0x5000, 0x6000 | 7);
    put64(0x6000, 0x7000 | 7);
    put64(0x7000 + 8 * 3, kFar | 7);
    paging_.cr3 = 0x4000;
    paging_.cr4 = 1 << 5;
    paging_.efer = 1 << 8 | 1 << 10;
    paging_.physical_bits = 52;
    load();
    EXPECT_EQ(read(0x3010, kUser), "ok 44332211");
    EXPECT_EQ(write(0x3ffc, kUser, 1), "ok");
    EXPECT_EQ(device.reads, (std::vector<std::pair<u64, unsigned>>{{0x10, 4}}));
    EXPECT_EQ(device.writes, (std::vector<std::pair<u64, unsigned>>{{0xffc, 4}}));
    GuestPhys physical;
    ASSERT_TRUE(mmu->inspect(LinearAddr(0x3123), physical));
    EXPECT_EQ(physical.value, kFar + 0x123);

    paging_.physical_bits = 51;
    load();
    EXPECT_EQ(read(0x3010, kSuper), "fault 3010 9") << "bit 51 of the entry is reserved";
    EXPECT_EQ(read(0x3010, kUser), "fault 3010 d");
}

/// 4-level paging: INVLPG of a page whose address has the bits 22-31 of a large page in the other half.
TEST_P(MmuTest, InvlpgOfASmallPageLeavesLargePagesOfTheOtherHalfAlone) {
    const auto put64 = [&](u64 address, u64 value) { map->write(GuestPhys(address), 8, value); };
    constexpr u64 kLarge = 0xffffff80'00400000, kSmall = 0x400000;
    put64(0x4000, 0x5000 | 7);
    put64(0x4000 + 8 * 511, 0x5000 | 7);
    put64(0x5000, 0x6000 | 7);
    put64(0x6000 + 8 * 2, 0x7000 | 7);
    put64(0x7000, 0x105000 | 7);
    paging_.cr3 = 0x4000;
    paging_.cr4 = 1 << 5;
    paging_.efer = 1 << 8 | 1 << 10;
    load();
    EXPECT_EQ(read(kSmall, kSuper), "ok 0");
    put64(0x6000 + 8 * 2, 0x400000 | 0x87);
    mmu->invlpg(LinearAddr(kSmall));
    EXPECT_EQ(read(kLarge + 0x1000, kSuper), "ok 0");
    mmu->invlpg(LinearAddr(kSmall));
    EXPECT_EQ(tlb(kLarge + 0x1000, kSuper).read_tag, kLarge + 0x1000);
    mmu->invlpg(LinearAddr(kLarge));
    EXPECT_EQ(tlb(kLarge + 0x1000, kSuper).read_tag, TlbEntry::kNoPage);
}

}  // namespace
}  // namespace gnomon
