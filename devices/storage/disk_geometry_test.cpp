// Geometry of hard disks and floppies.
#include "devices/storage/disk_geometry.h"

#include <gtest/gtest.h>

#include <array>

#include "devices/storage/floppy_format.h"

namespace gnomon {
namespace {

using Sector = std::array<u8, 512>;

void put32(Sector& sector, size_t at, u32 value) {
    for (unsigned i = 0; i < 4; i++) sector[at + i] = static_cast<u8>(value >> 8 * i);
}

void put_chs(Sector& sector, size_t at, u64 lba, u32 heads, u32 sectors) {
    u32 cylinder = static_cast<u32>(lba / (heads * sectors));
    u32 head = static_cast<u32>(lba / sectors % heads);
    u32 number = static_cast<u32>(lba % sectors + 1);
    if (cylinder > 1023) cylinder = 1023, head = heads - 1, number = sectors;
    sector[at] = static_cast<u8>(head);
    sector[at + 1] = static_cast<u8>(number | (cylinder >> 2 & 0xc0));
    sector[at + 2] = static_cast<u8>(cylinder);
}

Sector partitioned(u32 start, u32 length, u32 heads, u32 sectors) {
    Sector sector{};
    sector[0x1be] = 0x80;
    sector[0x1be + 4] = 6;
    put_chs(sector, 0x1be + 1, start, heads, sectors);
    put_chs(sector, 0x1be + 5, u64{start} + length - 1, heads, sectors);
    put32(sector, 0x1be + 8, start);
    put32(sector, 0x1be + 12, length);
    sector[510] = 0x55;
    sector[511] = 0xaa;
    return sector;
}

TEST(DiskGeometry, BlankDiskGetsSixteenHeadsAndLbaAssistedTranslation) {
    const Sector blank{};
    const DiskGeometry small = work_out_geometry(20480, blank);
    EXPECT_EQ(small.drive, (Chs{20, 16, 63}));
    EXPECT_EQ(small.logical, (Chs{20, 16, 63}));
    EXPECT_EQ(small.source, DiskGeometry::Source::Default);
    const DiskGeometry two_gigabytes = work_out_geometry(4194304, blank);
    EXPECT_EQ(two_gigabytes.drive, (Chs{4161, 16, 63}));
    EXPECT_EQ(two_gigabytes.logical, (Chs{520, 128, 63}));
    const DiskGeometry huge = work_out_geometry(u64{1} << 32, blank);
    EXPECT_EQ(huge.drive, (Chs{16383, 16, 63}));
    EXPECT_EQ(huge.logical, (Chs{1024, 255, 63}));
    EXPECT_EQ(work_out_geometry(1, blank).drive, (Chs{1, 16, 63}));
}

TEST(DiskGeometry, LbaAssistedHeadsChangeExactlyAtTheLimits) {
    EXPECT_EQ(lba_assisted(1032192).heads, 16u);
    EXPECT_EQ(lba_assisted(1032193).heads, 32u);
    EXPECT_EQ(lba_assisted(2064385).heads, 64u);
    EXPECT_EQ(lba_assisted(4128769).heads, 128u);
    EXPECT_EQ(lba_assisted(8257536).heads, 128u);
    EXPECT_EQ(lba_assisted(8257537), (Chs{514, 255, 63}));
}

TEST(DiskGeometry, PartitionTableOfAnOldDiskIsTaken) {
    const DiskGeometry old = work_out_geometry(41820, partitioned(17, 41820 - 17, 4, 17));
    EXPECT_EQ(old.source, DiskGeometry::Source::PartitionTable);
    EXPECT_EQ(old.drive, (Chs{615, 4, 17}));
    EXPECT_EQ(old.logical, (Chs{615, 4, 17}));
}

TEST(DiskGeometry, TranslatedPartitionTableChangesOnlyTheLogicalShape) {
    const u32 length = 500 * 64 * 63;
    const DiskGeometry geometry = work_out_geometry(3000000, partitioned(63, length - 63, 64, 63));
    EXPECT_EQ(geometry.logical, (Chs{744, 64, 63}));
    EXPECT_EQ(geometry.drive, (Chs{2976, 16, 63}));
}

TEST(DiskGeometry, PartitionPastTheLastCylinderStillProvesItsStart) {
    const DiskGeometry geometry = work_out_geometry(100'000'000, partitioned(63, 90'000'000, 255, 63));
    EXPECT_EQ(geometry.source, DiskGeometry::Source::PartitionTable);
    EXPECT_EQ(geometry.logical, (Chs{1024, 255, 63}));
}

TEST(DiskGeometry, EntriesThatContradictThemselvesAreIgnored) {
    Sector sector = partitioned(2048, 40960, 16, 63);  // aligned to a megabyte: the end is no cylinder's end
    EXPECT_EQ(work_out_geometry(65536, sector).source, DiskGeometry::Source::Default);
    sector = partitioned(63, 1008 * 20 - 63, 16, 63);
    sector[0x1be] = 0x33;
    EXPECT_EQ(work_out_geometry(65536, sector).source, DiskGeometry::Source::Default);
}

TEST(DiskGeometry, BootSectorOfAnUnpartitionedDiskIsTaken) {
    Sector sector{};
    sector[0] = 0xeb, sector[1] = 0x3c, sector[2] = 0x90;
    sector[12] = 2;
    sector[13] = 4;
    sector[16] = 2;
    sector[19] = 0x00, sector[20] = 0x50;
    sector[21] = 0xf8;
    sector[24] = 32;
    sector[26] = 8;
    sector[510] = 0x55, sector[511] = 0xaa;
    sector[0x1be] = 0x12;
    const DiskGeometry geometry = work_out_geometry(20480, sector);
    EXPECT_EQ(geometry.source, DiskGeometry::Source::BootSector);
    EXPECT_EQ(geometry.drive, (Chs{80, 8, 32}));
}

TEST(FloppyFormat, EverySizeFindsItsFormat) {
    const std::pair<u32, std::string_view> sizes[] = {{160, "160K"},   {180, "180K"},   {320, "320K"},
                                                      {360, "360K"},   {720, "720K"},   {1200, "1.2M"},
                                                      {1440, "1.44M"}, {1680, "1.68M"}, {2880, "2.88M"}};
    for (const auto& [kilobytes, name] : sizes) EXPECT_EQ(floppy_format_for(kilobytes * 2)->name, name);
    EXPECT_EQ(floppy_format_for(100)->name, "1.44M");
    EXPECT_EQ(floppy_format_for(3000)->name, "2.88M");
    EXPECT_FALSE(floppy_format_for(5761).has_value());
    EXPECT_EQ(floppy_drive_for(*floppy_format_for(720)), FloppyDriveType::Drive360K);
    EXPECT_EQ(cmos_type(FloppyDriveType::Drive1440K), 4);
    EXPECT_EQ(floppy_drive_name(FloppyDriveType::Drive1200K), "1.2M");
}

}  // namespace
}  // namespace gnomon
