// Tests of TLB fills and flushes, the slow paths, and the effects of stores to page tables.
#include "memory/mmu.h"

#include <gtest/gtest.h>

#include <cstring>
#include <vector>

namespace gnomon {
namespace {

constexpr Privilege kSuper = Privilege::Supervisor;
constexpr Privilege kUser = Privilege::User;

struct Device final : MmioIo, PageWriteObserver {
    u64 mmio_read(u64 offset, unsigned size) override {
        reads.push_back({offset, size});
        return 0x8877665544332211;
    }
    void mmio_write(u64 offset, unsigned size, u64) override { writes.push_back({offset, size}); }
    void page_written(u32 page, u32 offset, u32, const u8*) override { stores.push_back({page, offset}); }
    std::vector<std::pair<u64, unsigned>> reads;
    std::vector<std::pair<u64, unsigned>> writes;
    std::vector<std::pair<u32, u32>> stores;
};

std::string shadow_name(const ::testing::TestParamInfo<Mmu::Shadow>& info) {
    constexpr std::array kNames = {"Off", "On", "Verify"};
    return kNames[static_cast<size_t>(info.param)];
}

/// 32-bit paging: directory at 1000, page table for 00000000–003fffff at 2000, for 00400000–007fffff at 3000.
class MmuTest : public ::testing::TestWithParam<Mmu::Shadow> {
  protected:
    static constexpr u64 kDirectory = 0x1000;
    static constexpr u64 kTable0 = 0x2000;
    static constexpr u64 kTable1 = 0x3000;

    void SetUp() override {
        put(kDirectory, kTable0 | 7);
        put(kDirectory + 4, kTable1 | 7);
        paging_.cr0 = u64{1} << 31 | u64{1} << 16 | 1;
        paging_.cr3 = kDirectory;
    }
    void put(u64 address, u32 value) { map->write(GuestPhys(address), 4, value); }
    u32 get(u64 address) { return static_cast<u32>(map->read(GuestPhys(address), 4)); }
    /// Maps a page of the first 8 MiB.
    void map_page(u64 linear, u64 physical, u32 bits) {
        put((linear < 0x400000 ? kTable0 : kTable1) + (linear >> 12 & 1023) * 4,
            static_cast<u32>(physical) | bits);
    }
    void load() { mmu->set_paging(paging_, true); }
    /// "ok VALUE" or "fault ADDRESS CODE" of a 4-byte access.
    std::string read(u64 linear, Privilege privilege) {
        u32 value = 0;
        if (!mmu->read(LinearAddr(linear), 4, privilege, &value, fault)) return fault_text();
        return fmt::format("ok {:x}", value);
    }
    std::string write(u64 linear, Privilege privilege, u32 value) {
        if (!mmu->write(LinearAddr(linear), 4, privilege, &value, fault)) return fault_text();
        return "ok";
    }
    std::string fault_text() const {
        return fmt::format("fault {:x} {:x}", fault.address.value, fault.error_code);
    }
    TlbEntry& tlb(u64 linear, Privilege privilege) { return mmu->tlb(privilege).entry(linear); }

    Log log{[](LogLevel, std::string_view, std::string_view) {}};
    std::unique_ptr<PhysicalMap> map = std::move(PhysicalMap::create(u64{16} << 20, log)).value();
    std::unique_ptr<Mmu> mmu = std::make_unique<Mmu>(*map, GetParam());
    PagingState paging_;
    PageFault fault;
    Device device;
};

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

// --- What only shadow page tables do
// -------------------------------------------------------------------------------

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
