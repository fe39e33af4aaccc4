// Tests of the physical address space.
#include "memory/physical_map.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace gnomon {
namespace {

constexpr u64 kMiB = u64{1} << 20;

struct Recorder final : MmioIo, PageWriteObserver, TranslationObserver {
    struct Access {
        char kind;
        u64 offset;
        unsigned size;
        u64 value;
        bool operator==(const Access&) const = default;
    };
    u64 mmio_read(u64 offset, unsigned size) override {
        accesses.push_back({'r', offset, size, 0});
        return 0x1122334455667788;
    }
    void mmio_write(u64 offset, unsigned size, u64 value) override {
        accesses.push_back({'w', offset, size, value});
    }
    void page_written(u32 page, u32 offset, u32 size, const u8*) override {
        accesses.push_back({'p', page, size, offset});
    }
    void physical_map_changed() override { changes++; }
    void page_write_protected(u32 page) override { protections.push_back(page); }

    std::vector<Access> accesses;
    std::vector<u32> protections;
    int changes = 0;
};

class PhysicalMapTest : public ::testing::Test {
  protected:
    static std::unique_ptr<PhysicalMap> make(u64 bytes, Log& log) {
        auto result = PhysicalMap::create(bytes, log);
        EXPECT_TRUE(result.ok());
        return std::move(result).value();
    }
    Log log{[](LogLevel, std::string_view, std::string_view) {}};
    std::unique_ptr<PhysicalMap> map = make(16 * kMiB, log);
    Recorder recorder;
};

TEST_F(PhysicalMapTest, RefusesSizesThatAreNotWholeMegabytes) {
    EXPECT_EQ(PhysicalMap::create(0, log).error().message,
              "memory size of 0 bytes: must be a whole number of MiB, at least 1");
    EXPECT_FALSE(PhysicalMap::create(kMiB + 4096, log).ok());
    EXPECT_TRUE(PhysicalMap::create(kMiB, log).ok());
    EXPECT_EQ(PhysicalMap::create(u64{1} << 42, log, 0x1000).error().message,
              "memory size of 4194304 MiB: at most 4194303 MiB are possible");
}

TEST_F(PhysicalMapTest, RamReadsBackInEverySize) {
    for (unsigned size : {1u, 2u, 4u, 8u}) {
        map->write(GuestPhys(0x200000), size, 0x8877665544332211);
        const u64 mask = size == 8 ? ~u64{0} : (u64{1} << size * 8) - 1;
        EXPECT_EQ(map->read(GuestPhys(0x200000), size), 0x8877665544332211 & mask);
    }
    EXPECT_EQ(map->ram()[0x200001], 0x22);
}

TEST_F(PhysicalMapTest, UnclaimedReadsAllOnesAndDropsWrites) {
    map->write(GuestPhys(16 * kMiB), 4, 0);
    EXPECT_EQ(map->read(GuestPhys(16 * kMiB), 4), 0xffffffffu);
    EXPECT_EQ(map->read(GuestPhys(0xa0000), 2), 0xffffu);
    EXPECT_EQ(map->read(GuestPhys(u64{1} << 50), 8), ~u64{0});
    u8 byte = 0;
    EXPECT_FALSE(map->peek(GuestPhys(0xc0000), {&byte, 1}));
    EXPECT_FALSE(map->poke(GuestPhys(0xc0000), {&byte, 1}));
    EXPECT_EQ(map->page(GuestPhys(16 * kMiB)).host, nullptr);
}

TEST_F(PhysicalMapTest, RamAboveThreeGigabytesContinuesAtFour) {
    auto large = make(5 * 1024 * kMiB, log);
    EXPECT_EQ(large->low_ram(), 3072 * kMiB);
    EXPECT_EQ(large->high_ram(), 2048 * kMiB);
    large->write(GuestPhys(u64{1} << 32), 4, 0x1234);
    u32 value = 0;
    std::memcpy(&value, large->ram() + 3072 * kMiB, 4);
    EXPECT_EQ(value, 0x1234u);
    EXPECT_EQ(large->page(GuestPhys(u64{1} << 32)).ram_page, 3072 * kMiB >> 12);
    EXPECT_EQ(large->ram_address((3072 * kMiB >> 12) + 1).value, (u64{1} << 32) + 0x1000);
    EXPECT_EQ(large->ram_address((3072 * kMiB >> 12) - 1).value, 3072 * kMiB - 0x1000);
    EXPECT_EQ(large->read(GuestPhys(3072 * kMiB), 4), 0xffffffffu);
    EXPECT_EQ(large->page(GuestPhys(6144 * kMiB - 1)).ram_page, (5120 * kMiB >> 12) - 1);
    EXPECT_FALSE(large->page(GuestPhys(6144 * kMiB)).ram);
}

TEST_F(PhysicalMapTest, A20MasksBit20OfProcessorAndDma) {
    map->set_a20(false);
    map->write(GuestPhys(0x100000), 1, 0x5a);
    EXPECT_EQ(map->ram()[0], 0x5a);
    EXPECT_EQ(map->page(GuestPhys(0x301000)).ram_page, 0x201u);
    const u8 data[2] = {1, 2};
    map->dma_write(GuestPhys(0x2fffff), data);
    EXPECT_EQ(map->ram()[0x2fffff], 1);
    EXPECT_EQ(map->ram()[0x300000], 0);
    EXPECT_EQ(map->ram()[0x200000], 2) << "300000 with bit 20 masked";
    map->set_a20(true);
    EXPECT_EQ(map->read(GuestPhys(0x100000), 1), 0u);
}

TEST_F(PhysicalMapTest, MmioLiesOverRamAndSplitsOddSizes) {
    auto region = map->add_mmio("card", GuestPhys(0x400000), 0x2000, recorder);
    ASSERT_TRUE(region.ok());
    EXPECT_EQ(map->read(GuestPhys(0x401004), 4), 0x55667788u);
    const u8 data[7] = {1, 2, 3, 4, 5, 6, 7};
    map->dma_write(GuestPhys(0x400ffe), data);
    using A = Recorder::Access;
    EXPECT_THAT(recorder.accesses,
                ::testing::ElementsAre(A{'r', 0x1004, 4, 0}, A{'w', 0xffe, 2, 0x0201},
                                       A{'w', 0x1000, 4, 0x06050403}, A{'w', 0x1004, 1, 7}));
    const auto page = map->page(GuestPhys(0x401abc));
    EXPECT_EQ(page.host, nullptr);
    EXPECT_EQ(page.mmio, &recorder);
    EXPECT_EQ(page.mmio_offset, 0x1000u);
    region.value().reset();
    EXPECT_TRUE(map->page(GuestPhys(0x401abc)).ram);
}

TEST_F(PhysicalMapTest, OverlapNamesBothOwners) {
    auto first = map->add_mmio("apic", GuestPhys(0xfee00000), 0x1000, recorder);
    ASSERT_TRUE(first.ok());
    const u8 bytes[16] = {};
    auto second = map->add_rom("bios", GuestPhys(0xfee00000), bytes);
    ASSERT_FALSE(second.ok());
    EXPECT_EQ(second.error().message, "bios at 0xfee00000-0xfee00fff overlaps apic at 0xfee00000-0xfee00fff");
    EXPECT_FALSE(map->add_mmio("odd", GuestPhys(0x800), 0x1000, recorder).ok());
    EXPECT_EQ(map->add_mmio("far", GuestPhys(u64{1} << 52), 0x1000, recorder).error().message,
              "far at 0x10000000000000, 0x1000 bytes: beyond the 52-bit physical address space");
}

TEST_F(PhysicalMapTest, RomIgnoresStoresButDebuggerMayPatchIt) {
    const u8 bytes[3] = {0xea, 0x5b, 0xe0};
    auto rom = map->add_rom("bios", GuestPhys(0xffff0000), bytes);
    ASSERT_TRUE(rom.ok());
    map->add_translation_observer(recorder);
    map->write(GuestPhys(0xffff0000), 4, 0);
    EXPECT_EQ(map->read(GuestPhys(0xffff0000), 4), 0xffe05beau);
    EXPECT_FALSE(map->page(GuestPhys(0xffff0000)).writable);
    EXPECT_EQ(recorder.changes, 0);
    const u8 patch = 0x90;
    EXPECT_TRUE(map->poke(GuestPhys(0xffff0000), {&patch, 1}));
    EXPECT_EQ(map->read(GuestPhys(0xffff0000), 1), 0x90u);
    EXPECT_EQ(recorder.changes, 1);
    map->remove_translation_observer(recorder);
}

TEST_F(PhysicalMapTest, WindowsSeparateReadsFromWrites) {
    const std::vector<u8> bytes(0x10000, 0xaa);
    auto rom = map->add_rom("bios", GuestPhys(0xf0000), bytes);
    ASSERT_TRUE(rom.ok());
    map->add_translation_observer(recorder);
    const GuestPhys at(0xf4000);
    map->set_window(GuestPhys(0xf0000), 0x10000, false, true);
    map->write(at, 1, 0x11);
    EXPECT_EQ(map->read(at, 1), 0xaau);
    EXPECT_EQ(map->ram()[0xf4000], 0x11);
    EXPECT_FALSE(map->page(at).writable);
    map->set_window(GuestPhys(0xf0000), 0x10000, true, true);
    EXPECT_EQ(map->read(at, 1), 0x11u);
    EXPECT_TRUE(map->page(at).writable);
    map->set_window(GuestPhys(0xf0000), 0x10000, true, false);
    map->write(at, 1, 0x22);
    EXPECT_EQ(map->read(at, 1), 0x11u);
    EXPECT_FALSE(map->page(at).writable);
    EXPECT_TRUE(map->page(at).ram);
    EXPECT_EQ(recorder.changes, 3);
    map->set_window(GuestPhys(0xf0000), 0x10000, true, false);
    EXPECT_EQ(recorder.changes, 3) << "nothing changed";
    map->set_window(GuestPhys(0xc4000), 0x4000, true, true);
    EXPECT_TRUE(map->page(GuestPhys(0xc4000)).ram);
    EXPECT_FALSE(map->page(GuestPhys(0xc8000)).ram);
    EXPECT_FALSE(map->page(GuestPhys(0xc3fff)).ram);
    map->remove_translation_observer(recorder);
}

TEST_F(PhysicalMapTest, SmramShowsRamBehindVideoMemory) {
    auto vga = map->add_mmio("vga", GuestPhys(0xa0000), 0x20000, recorder);
    ASSERT_TRUE(vga.ok());
    EXPECT_EQ(map->page(GuestPhys(0xb8000)).mmio_offset, 0x18000u);
    map->set_smram(true);
    EXPECT_TRUE(map->page(GuestPhys(0xb8000)).writable);
    map->set_smram(false);
    EXPECT_EQ(map->page(GuestPhys(0xb8000)).mmio, &recorder);
}

TEST_F(PhysicalMapTest, StoresToFlaggedPagesReachTheirObservers) {
    map->add_translation_observer(recorder);
    map->observe_writes(PageFlag::Code, recorder);
    map->watch_code(0x300, ~u64{0});
    map->set_flag(0x300, PageFlag::PageTable);
    EXPECT_THAT(recorder.protections, ::testing::ElementsAre(0x300u))
        << "told only when the first flag is set";
    EXPECT_FALSE(map->page(GuestPhys(0x300000)).writable);
    map->write(GuestPhys(0x300010), 4, 1);
    const std::vector<u8> dma(0x1800, 7);
    map->dma_write(GuestPhys(0x2ff800), dma);
    const u8 byte = 3;
    EXPECT_TRUE(map->poke(GuestPhys(0x300fff), {&byte, 1}));
    using A = Recorder::Access;
    EXPECT_THAT(recorder.accesses, ::testing::ElementsAre(A{'p', 0x300, 4, 0x10}, A{'p', 0x300, 0x1000, 0},
                                                          A{'p', 0x300, 1, 0xfff}));
    map->clear_flag(0x300, PageFlag::PageTable);
    EXPECT_EQ(map->flags(0x300), static_cast<u8>(PageFlag::Code));
    map->clear_flag(0x300, PageFlag::Code);
    EXPECT_TRUE(map->page(GuestPhys(0x300000)).writable);
    map->remove_translation_observer(recorder);
}

TEST_F(PhysicalMapTest, StoresBesideTheCodeOfAPageAreToldToNobody) {
    map->observe_writes(PageFlag::Code, recorder);
    map->watch_code(5, PhysicalMap::granules(0x40, 0x41));  // bytes 40 to 80: granules 1 and 2
    map->write(GuestPhys(0x503f), 1, 1);
    map->write(GuestPhys(0x50c0), 4, 1);
    EXPECT_TRUE(recorder.accesses.empty());
    map->write(GuestPhys(0x503e), 4, 1);
    map->write(GuestPhys(0x50bf), 1, 1);
    using A = Recorder::Access;
    EXPECT_THAT(recorder.accesses, ::testing::ElementsAre(A{'p', 5, 4, 0x3e}, A{'p', 5, 1, 0xbf}));
    map->clear_flag(5, PageFlag::Code);
    map->watch_code(5, PhysicalMap::granules(0xfff, 1));
    map->write(GuestPhys(0x5040), 1, 1);
    EXPECT_EQ(recorder.accesses.size(), 2u) << "the granules go with the flag";
    map->set_flag(5, PageFlag::Clean);
    map->write(GuestPhys(0x5040), 1, 1);
    EXPECT_EQ(recorder.accesses.size(), 2u);
    EXPECT_FALSE(map->flags(5) & static_cast<u8>(PageFlag::Clean)) << "another flag still hears of every store";
}

TEST_F(PhysicalMapTest, FirstStoreToACleanPageMarksItDirty) {
    map->observe_writes(PageFlag::Clean, recorder);
    map->set_flag(5, PageFlag::Clean);
    map->write(GuestPhys(0x5000), 1, 0);
    map->write(GuestPhys(0x5001), 1, 0);
    EXPECT_EQ(recorder.accesses.size(), 1u);
    EXPECT_EQ(map->flags(5), 0);
}

TEST_F(PhysicalMapTest, EntryBitsAreSetWithoutTellingThePageTableObserver) {
    map->observe_writes(PageFlag::PageTable, recorder);
    map->set_flag(5, PageFlag::PageTable);
    map->write(GuestPhys(0x5000), 4, 7);
    EXPECT_EQ(recorder.accesses.size(), 1u);
    map->set_entry_bits(GuestPhys(0x5000), 4, 0x20);
    EXPECT_EQ(recorder.accesses.size(), 1u);
    EXPECT_EQ(map->read(GuestPhys(0x5000), 4), 0x27u);
    Recorder clean;
    map->observe_writes(PageFlag::Clean, clean);
    map->set_flag(5, PageFlag::Clean);
    map->set_entry_bits(GuestPhys(0x5000), 4, 0x40);
    EXPECT_EQ(clean.accesses.size(), 1u);
    EXPECT_EQ(map->flags(5), static_cast<u8>(PageFlag::PageTable));
}

TEST_F(PhysicalMapTest, DescribesItsRanges) {
    auto vga = map->add_mmio("vga", GuestPhys(0xa0000), 0x20000, recorder);
    const std::vector<u8> bytes(0x20000, 0xaa);
    auto bios = map->add_rom("bios", GuestPhys(0xe0000), bytes);
    map->set_window(GuestPhys(0xf0000), 0x10000, true, false);
    EXPECT_EQ(map->describe(),
              "00000000-0009ffff RAM\n000a0000-000bffff vga (MMIO)\n000e0000-000effff bios (ROM)\n"
              "000f0000-000fffff reads RAM, writes bios (ROM)\n00100000-00ffffff RAM\n");
}

TEST_F(PhysicalMapTest, DeviceMemoryShowsWhereItIsMappedAndNowhereElse) {
    auto both = std::move(*PhysicalMap::create(kMiB, log, 0x20000));
    EXPECT_EQ(both->ram_size(), kMiB);
    EXPECT_EQ(both->ram_pages(), 256u + 32);
    EXPECT_EQ(both->device_memory().size(), 0x20000u);
    EXPECT_FALSE(both->page(GuestPhys(kMiB)).ram);
    const u32 first = both->first_device_page();
    PhysicalRegion region = std::move(*both->add_memory("frames", GuestPhys(0xe0000000), 0x20000, first));
    PhysicalRegion again = std::move(*both->add_memory("frames", GuestPhys(0xf0000000), 0x1000, first + 1));
    both->write(GuestPhys(0xe0001234), 4, 0xcafe);
    EXPECT_EQ(both->read(GuestPhys(0xf0000234), 4), 0xcafeu);
    EXPECT_EQ(both->device_memory()[0x1235], 0xca);
    EXPECT_EQ(both->page(GuestPhys(0xe001f000)).ram_page, first + 31);
    EXPECT_NE(both->describe().find("e0000000-e001ffff device memory"), std::string::npos) << both->describe();
}

TEST_F(PhysicalMapTest, DevicesAnswerUpToTheLastOf52AddressBits) {
    constexpr u64 kLast = (u64{1} << 52) - 0x2000;
    PhysicalRegion high = std::move(*map->add_mmio("high", GuestPhys(kLast), 0x2000, recorder));
    PhysicalRegion middle = std::move(*map->add_mmio("middle", GuestPhys(u64{1} << 47), 0x1000, recorder));
    EXPECT_EQ(map->read(GuestPhys(kLast + 0x1ff8), 8), 0x1122334455667788u);
    map->write(GuestPhys(u64{1} << 47 | 0xffc), 4, 7);
    using A = Recorder::Access;
    EXPECT_THAT(recorder.accesses, ::testing::ElementsAre(A{'r', 0x1ff8, 8, 0}, A{'w', 0xffc, 4, 7}));
    EXPECT_EQ(map->page(GuestPhys(kLast)).mmio, &recorder);
    EXPECT_EQ(map->page(GuestPhys(kLast - 0x1000)).mmio, nullptr);
    EXPECT_EQ(map->describe(),
              "00000000-0009ffff RAM\n00100000-00ffffff RAM\n800000000000-800000000fff middle (MMIO)\n"
              "fffffffffe000-fffffffffffff high (MMIO)\n");
    high = {};
    EXPECT_EQ(map->read(GuestPhys(kLast), 8), ~u64{0});
}

TEST_F(PhysicalMapTest, DeviceMemoryShowsFarAboveTheRam) {
    auto both = std::move(*PhysicalMap::create(kMiB, log, u64{2} << 20));
    PhysicalRegion region =
        std::move(*both->add_memory("frames", GuestPhys(u64{1} << 50), u64{2} << 20, both->first_device_page()));
    both->write(GuestPhys((u64{1} << 50) + 0x123456), 2, 0xbeef);
    EXPECT_EQ(both->device_memory()[0x123457], 0xbe);
    EXPECT_EQ(both->page(GuestPhys((u64{1} << 50) + 0x1ff000)).ram_page, both->first_device_page() + 511);
}

TEST_F(PhysicalMapTest, ATerabyteOfRamCostsTheHostNothing) {
    auto large = std::move(*PhysicalMap::create(u64{1} << 40, log));
    EXPECT_EQ(large->high_ram(), (u64{1} << 40) - 3072 * kMiB);
    large->write(GuestPhys((u64{1} << 40) + 1023 * kMiB), 4, 0x5eed);
    u32 value = 0;
    std::memcpy(&value, large->ram() + (u64{1} << 40) - kMiB, 4);
    EXPECT_EQ(value, 0x5eedu);
    EXPECT_FALSE(large->page(GuestPhys((u64{1} << 40) + 1024 * kMiB)).ram);
}

TEST_F(PhysicalMapTest, StoresReachTheDeviceWhereMemoryIsShownForReads) {
    auto both = std::move(*PhysicalMap::create(kMiB, log, 0x1000, 0x4000));
    EXPECT_EQ(both->first_flash_page(), 0x101u);
    EXPECT_EQ(both->ram_pages(), 0x105u);
    both->flash_memory()[0x1010] = 0x99;
    PhysicalRegion region = std::move(*both->add_mmio("chip", GuestPhys(0xfff00000), 0x4000, recorder));
    region.show_memory(0, 0x4000, both->first_flash_page(), true);
    EXPECT_EQ(both->read(GuestPhys(0xfff01010), 1), 0x99u);
    both->write(GuestPhys(0xfff01010), 1, 0x10);
    EXPECT_EQ(recorder.accesses, (std::vector<Recorder::Access>{{'w', 0x1010, 1, 0x10}}));
    EXPECT_EQ(both->read(GuestPhys(0xfff01010), 1), 0x99u);
    EXPECT_FALSE(both->page(GuestPhys(0xfff01000)).stores_to_ram);
    EXPECT_NE(both->describe().find("fff00000-fff03fff reads flash, writes chip (MMIO)"), std::string::npos)
        << both->describe();
}

TEST_F(PhysicalMapTest, PartOfAnMmioRangeCanBeMemoryForAWhile) {
    auto both = std::move(*PhysicalMap::create(kMiB, log, 0x10000));
    PhysicalRegion region = std::move(*both->add_mmio("window", GuestPhys(0xa0000), 0x20000, recorder));
    both->add_translation_observer(recorder);
    region.show_memory(0x8000, 0x4000, both->first_device_page() + 2);
    EXPECT_EQ(recorder.changes, 1);
    both->write(GuestPhys(0xa8010), 1, 0x77);
    EXPECT_TRUE(recorder.accesses.empty());
    EXPECT_EQ(both->device_memory()[0x2010], 0x77);
    both->write(GuestPhys(0xac000), 1, 0x11);
    EXPECT_EQ(recorder.accesses, (std::vector<Recorder::Access>{{'w', 0xc000, 1, 0x11}}));
    region.show_memory(0x8000, 0x4000, both->first_device_page() + 2);  // the same again
    EXPECT_EQ(recorder.changes, 1);
    region.hide_memory();
    EXPECT_EQ(recorder.changes, 2);
    both->write(GuestPhys(0xa8010), 1, 0x22);
    EXPECT_EQ(recorder.accesses.size(), 2u);
    EXPECT_EQ(both->device_memory()[0x2010], 0x77);
    both->remove_translation_observer(recorder);
}

}  // namespace
}  // namespace gnomon
