// Commands, status, query table and persistence of the flash chip.
#include "devices/flash/flash.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "devices/device_fuzz.h"
#include "devices/snapshot_check.h"

namespace gnomon {
namespace {

constexpr u64 kBytes = 0x10000;
constexpr u64 kOffset = 0x4000;  // in the map's flash memory, another chip's lies before it
constexpr u64 kBase = 0xfffe0000;

struct Stored {
    u64 offset;
    size_t bytes;
    u8 first;
    bool operator==(const Stored&) const = default;
};

struct FlashTest : testing::Test, DeviceBench {
    std::unique_ptr<PhysicalMap> map =
        std::move(*PhysicalMap::create(u64{1} << 20, log, 0x8000, kOffset + kBytes));
    std::vector<Stored> stored;
    Result<void> store_result;
    std::unique_ptr<Flash> chip = make(false);

    std::unique_ptr<Flash> make(bool write_protected) {
        return std::move(*Flash::create(*map, log, config(write_protected)));
    }
    Flash::Config config(bool write_protected) {
        return {.name = "flash.1",
                .base = GuestPhys(kBase),
                .offset = kOffset,
                .bytes = kBytes,
                .write_protected = write_protected,
                .store = [this](u64 offset, std::span<const u8> data) {
                    stored.push_back({offset, data.size(), data[0]});
                    return store_result;
                }};
    }
    u8 read(u64 offset) { return static_cast<u8>(map->read(GuestPhys(kBase + offset), 1)); }
    void write(u64 offset, u8 value) { map->write(GuestPhys(kBase + offset), 1, value); }
    void program(u64 offset, u8 value) {
        write(offset, 0x10);
        write(offset, value);
    }
    void erase(u64 offset) {
        write(offset, 0x20);
        write(offset, 0xd0);
    }
};

TEST_F(FlashTest, ShowsItsArrayAsMemoryThatStoresDoNotChange) {
    chip->array()[0x1234] = 0x5a;
    EXPECT_EQ(read(0x1234), 0x5a);
    const PhysicalMap::Page page = map->page(GuestPhys(kBase + 0x1000));
    EXPECT_EQ(page.host, chip->array().data() + 0x1000);
    EXPECT_FALSE(page.writable);
    EXPECT_FALSE(page.stores_to_ram);
    write(0x1234, 0x00);  // no command
    EXPECT_EQ(read(0x1234), 0x5a);
    EXPECT_EQ(chip->state().status, 0x80);
}

TEST_F(FlashTest, ProgrammingClearsBitsAndErasingSetsThemAll) {
    erase(0x2fff);
    EXPECT_EQ(read(0x5000), 0x80) << "the status";
    write(0, 0xff);
    EXPECT_EQ(read(0x1fff), 0x00);
    EXPECT_EQ(read(0x2000), 0xff);
    EXPECT_EQ(read(0x2fff), 0xff);
    EXPECT_EQ(read(0x3000), 0x00);
    program(0x2345, 0xf3);
    program(0x2345, 0x3f);
    EXPECT_EQ(read(0x2345), 0x80);
    write(0, 0xff);
    EXPECT_EQ(read(0x2345), 0x33);
}

TEST_F(FlashTest, ClearStatusClearsTheReadyBitTooAndShowsTheArray) {
    chip->array()[7] = 0xab;
    write(7, 0x70);
    EXPECT_EQ(read(7), 0x80);
    EXPECT_EQ(map->page(GuestPhys(kBase)).mmio, chip.get());
    write(7, 0x50);
    EXPECT_EQ(read(7), 0xab);
    write(7, 0x70);
    EXPECT_EQ(read(7), 0x00);
    program(9, 0xff);
    EXPECT_EQ(read(7), 0x80);
}

TEST_F(FlashTest, AWrongSecondCycleIsASequenceError) {
    write(0, 0x20);
    write(0, 0xff);
    EXPECT_EQ(read(0), 0xb0);
    write(0, 0x50);
    write(0, 0x60);
    write(0, 0x02);
    EXPECT_EQ(read(0), 0xb0);
}

TEST_F(FlashTest, WritesABufferWithinOneBlock) {
    erase(0x1000);
    write(0x1ff0, 0xe8);
    EXPECT_EQ(read(0), 0x80);
    write(0x1ff0, 3);  // four bytes
    for (u8 i = 0; i < 4; i++) write(0x1ff0 + i, static_cast<u8>(0x10 + i));
    write(0x1ff0, 0xd0);
    EXPECT_EQ(read(0), 0x80);
    write(0, 0xff);
    EXPECT_EQ(map->read(GuestPhys(kBase + 0x1ff0), 8), 0xffffffff13121110u);

    write(0x1ffe, 0xe8);
    write(0x1ffe, 1);
    write(0x1fff, 0);
    write(0x2000, 0);  // the next block
    write(0x1ffe, 0xd0);
    EXPECT_EQ(read(0), 0xb0);
    write(0, 0xff);
    EXPECT_EQ(read(0x1fff), 0xff);

    write(0x1000, 0xe8);
    write(0x1000, 32);  // one more than fits
    EXPECT_EQ(read(0), 0xb0);
}

TEST_F(FlashTest, TheQueryTableTellsCommandSetAndGeometry) {
    write(0x55, 0x98);
    EXPECT_EQ(map->read(GuestPhys(kBase + 0x10), 2), 0x5251u);
    EXPECT_EQ(read(0x12), 'Y');
    EXPECT_EQ(read(0x13), 1) << "Intel's";
    EXPECT_EQ(read(0x27), 16) << "64 KiB";
    EXPECT_EQ(read(0x2a), 5) << "32 bytes";
    EXPECT_EQ(read(0x2c), 1);
    EXPECT_EQ(map->read(GuestPhys(kBase + 0x2d), 2), 15u) << "16 blocks";
    EXPECT_EQ(map->read(GuestPhys(kBase + 0x2f), 2), 16u) << "of 16 * 256 bytes";
    EXPECT_EQ(read(read(0x15)), 'P');
    EXPECT_EQ(read(0x3f), 0);
    EXPECT_EQ(read(0x100), 0);
    write(0, 0x90);
    EXPECT_EQ(map->read(GuestPhys(kBase + 0x3000), 4), 0x1889u);
}

TEST_F(FlashTest, AWriteProtectedChipRefuses) {
    chip.reset();
    chip = make(true);
    program(0x10, 0x00);
    EXPECT_EQ(read(0), 0x92);
    write(0, 0x50);
    erase(0);
    EXPECT_EQ(read(0), 0xa2);
    write(0, 0x90);
    EXPECT_EQ(read(0x1002), 1);
    write(0, 0xff);
    EXPECT_EQ(stored.size(), 0u);
}

TEST_F(FlashTest, HandsOverWhatChangedWhenItReturnsToTheArray) {
    erase(0x3000);
    program(0x3010, 0x12);
    program(0x2fff, 0x00);
    EXPECT_TRUE(stored.empty());
    write(0, 0xff);
    EXPECT_THAT(stored, testing::ElementsAre(Stored{0x2fff, 0x1001, 0x00}));
    write(0, 0xff);
    EXPECT_EQ(stored.size(), 1u);
    program(0x8000, 0xfe);
    chip.reset();
    EXPECT_EQ(stored.back(), (Stored{0x8000, 1, 0x00}));
}

TEST_F(FlashTest, SaysWhenTheHostCannotKeepIt) {
    store_result = fail("disk full");
    program(0, 0);
    write(0, 0xff);
    EXPECT_THAT(messages,
                testing::ElementsAre("flash: flash.1: what the guest programmed is not kept: disk full"));
}

TEST_F(FlashTest, TellsWhoWatchesItsPagesBeforeTheyChange) {
    struct Observer final : PageWriteObserver {
        std::vector<u64> seen;
        void page_written(u32 page, u32 offset, u32 size, const u8*) override {
            seen.push_back(u64{page} << 32 | u64{offset} << 16 | size);
        }
    } observer;
    map->observe_writes(PageFlag::Code, observer);
    const u32 page = map->page(GuestPhys(kBase + 0x1000)).ram_page;
    EXPECT_EQ(page, map->first_flash_page() + (kOffset + 0x1000) / 0x1000);
    map->watch_code(page, ~u64{0});
    program(0x1020, 0);
    EXPECT_THAT(observer.seen, testing::ElementsAre(u64{page} << 32 | 0x20u << 16 | 1));
    map->stop_observing(PageFlag::Code, observer);
}

TEST_F(FlashTest, ResetLeavesTheContent) {
    erase(0);
    write(0, 0x20);
    chip->reset();
    EXPECT_EQ(read(0), 0xff);
    write(0, 0x70);
    EXPECT_EQ(read(0), 0x80);
}

TEST_F(FlashTest, RefusesImpossibleSizes) {
    chip.reset();
    Flash::Config odd = config(false);
    odd.bytes = 0x1800;
    EXPECT_EQ(Flash::create(*map, log, std::move(odd)).error().message,
              "flash.1: 6144 bytes; a flash chip has a multiple of 4 KiB, at most 256 MiB");
    Flash::Config large = config(false);
    large.bytes = kBytes + 0x1000;
    EXPECT_FALSE(Flash::create(*map, log, std::move(large)).ok());
}

TEST_F(FlashTest, SnapshotKeepsACommandInTheMiddle) {
    erase(0);
    write(0x10, 0xe8);
    write(0x10, 1);
    write(0x10, 0xa5);
    expect_snapshot_round_trip(scheduler, *chip, [this] {
        write(0x11, 0x5a);
        write(0x10, 0xd0);
        EXPECT_EQ(read(0), 0x80);
        write(0, 0xff);
        EXPECT_EQ(map->read(GuestPhys(kBase + 0x10), 2), 0x5aa5u);
        // Loading does not bring the array back, which is memory: the same bytes can be programmed again.
        write(0, 0x70);
    });
    EXPECT_THAT(stored, testing::Contains(Stored{0, kBytes, 0xff})) << "a loaded state is kept on the host";
}

TEST_F(FlashTest, RandomAccesses) { fuzz_mmio(*this, *chip, kBytes); }

}  // namespace
}  // namespace gnomon
