// Geometry of hard disk images.
#include "devices/storage/disk_geometry.h"

#include <algorithm>
#include <optional>

namespace gnomon {
namespace {

u32 le16(std::span<const u8> bytes, size_t at) { return bytes[at] | bytes[at + 1] << 8; }
u32 le32(std::span<const u8> bytes, size_t at) { return le16(bytes, at) | le16(bytes, at + 2) << 16; }

struct Shape {
    u32 heads = 0;
    u32 sectors = 0;
    bool operator==(const Shape&) const = default;
};

/// A CHS triple as partition entries hold it, and the LBA beside it, agree under `shape`. Addresses past the
/// last cylinder of CHS are written clamped and prove nothing.
bool agrees(std::span<const u8> chs, u64 lba, Shape shape) {
    const u32 head = chs[0];
    const u32 sector = chs[1] & 0x3f;
    const u32 cylinder = chs[2] | (chs[1] & 0xc0) << 2;
    if (sector == 0 || head >= shape.heads || sector > shape.sectors) return false;
    if (lba >= u64{1023} * shape.heads * shape.sectors) return cylinder >= 1022;
    return (u64{cylinder} * shape.heads + head) * shape.sectors + sector - 1 == lba;
}

/// Partitions end at the end of a cylinder, so the end head and sector of an entry are the shape; it counts
/// only if every entry agrees with it.
std::optional<Shape> from_partitions(std::span<const u8> sector) {
    std::optional<Shape> shape;
    for (size_t at = 0x1be; at < 0x1fe; at += 16) {
        if (sector[at] & 0x7f) return std::nullopt;  // not a partition table: the flag is 00 or 80
        if (sector[at + 4] == 0 || le32(sector, at + 12) == 0) continue;
        if (sector[at + 4] == 0xee) return std::nullopt;  // GPT's protective entry
        const Shape candidate{u32{sector[at + 5]} + 1, u32{sector[at + 6]} & 0x3f};
        if (candidate.sectors == 0 || candidate.heads > 255) return std::nullopt;
        if (shape && *shape != candidate) return std::nullopt;
        shape = candidate;
    }
    if (!shape) return std::nullopt;
    for (size_t at = 0x1be; at < 0x1fe; at += 16) {
        const u32 start = le32(sector, at + 8);
        const u32 length = le32(sector, at + 12);
        if (sector[at + 4] == 0 || length == 0) continue;
        if (!agrees(sector.subspan(at + 1, 3), start, *shape) ||
            !agrees(sector.subspan(at + 5, 3), u64{start} + length - 1, *shape))
            return std::nullopt;
    }
    return shape;
}

/// A disk without partitions that begins with a FAT boot sector.
std::optional<Shape> from_bpb(std::span<const u8> sector, u64 total) {
    const bool jump = (sector[0] == 0xeb && sector[2] == 0x90) || sector[0] == 0xe9;
    const u32 per_cluster = sector[13];
    if (!jump || le16(sector, 11) != 512 || per_cluster == 0 || (per_cluster & (per_cluster - 1)) != 0)
        return std::nullopt;
    if (sector[16] == 0 || sector[16] > 2 || sector[21] < 0xf0) return std::nullopt;
    const u64 counted = le16(sector, 19) ? le16(sector, 19) : le32(sector, 32);
    const Shape shape{le16(sector, 26), le16(sector, 24)};
    if (counted == 0 || counted > total) return std::nullopt;
    if (shape.heads == 0 || shape.heads > 255 || shape.sectors == 0 || shape.sectors > 63)
        return std::nullopt;
    return shape;
}

/// `most` cylinders at the most, at least one.
u32 cylinders_of(u64 total, u32 heads, u32 sectors, u32 most) {
    return static_cast<u32>(std::clamp<u64>(total / (u64{heads} * sectors), 1, most));
}

}  // namespace

Chs lba_assisted(u64 total) {
    u32 heads = 16;
    while (heads < 128 && total > u64{1024} * heads * 63) heads *= 2;
    if (total > u64{1024} * heads * 63) heads = 255;
    return {cylinders_of(total, heads, 63, 1024), heads, 63};
}

DiskGeometry work_out_geometry(u64 total, std::span<const u8> first_sector) {
    DiskGeometry geometry;
    geometry.drive = {cylinders_of(total, 16, 63, 16383), 16, 63};
    geometry.logical = lba_assisted(total);
    if (first_sector.size() < 512 || first_sector[510] != 0x55 || first_sector[511] != 0xaa) return geometry;

    std::optional<Shape> shape = from_partitions(first_sector);
    if (shape) {
        geometry.source = DiskGeometry::Source::PartitionTable;
    } else {
        shape = from_bpb(first_sector, total);
        if (!shape) return geometry;
        geometry.source = DiskGeometry::Source::BootSector;
    }
    geometry.logical = {cylinders_of(total, shape->heads, shape->sectors, 1024), shape->heads,
                        shape->sectors};
    // A firmware that takes the drive's own shape then shows what the disk was made with, where the drive can
    // have it.
    if (shape->heads <= 16)
        geometry.drive = {cylinders_of(total, shape->heads, shape->sectors, 16383), shape->heads,
                          shape->sectors};
    return geometry;
}

}  // namespace gnomon
