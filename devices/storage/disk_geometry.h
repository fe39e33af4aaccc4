// The cylinders, heads and sectors of a hard disk image, worked out from what is on it.
// ATA/ATAPI-5, "Sector addressing"; Phoenix EDD 3.0, "Geometry translation"; partition table and BPB as DOS
// writes them.
#pragma once

#include <span>

#include "support/types.h"

namespace gnomon {

struct Chs {
    u32 cylinders = 0;
    u32 heads = 0;
    u32 sectors = 0;
    bool operator==(const Chs&) const = default;
};

struct DiskGeometry {
    enum class Source : u8 { Default, PartitionTable, BootSector };

    Chs drive;    ///< what IDENTIFY DEVICE reports: at most 16383/16/63
    Chs logical;  ///< what INT 13h should show: at most 1024/255/63
    Source source = Source::Default;
};

/// `first_sector` is sector 0 of the disk, `total` its size in sectors.
[[nodiscard]] DiskGeometry work_out_geometry(u64 total, std::span<const u8> first_sector);

/// The LBA-assisted translation: heads by size, 63 sectors.
[[nodiscard]] Chs lba_assisted(u64 total);

}  // namespace gnomon
