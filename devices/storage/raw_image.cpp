// Reading and writing of raw images.
#include "devices/storage/raw_image.h"

#include <algorithm>

namespace gnomon {

Result<void> RawImage::read(u64 sector, std::span<u8> out) {
    if (Result<void> range = check_range(sector, out.size()); !range) return range;
    const u64 offset = sector * kSectorSize;
    const size_t present = static_cast<size_t>(std::min<u64>(out.size(), file_.size() - offset));
    std::fill(out.begin() + static_cast<std::ptrdiff_t>(present), out.end(), u8{0});
    return file_.read(offset, out.first(present));
}

Result<void> RawImage::write(u64 sector, std::span<const u8> data) {
    if (Result<void> range = check_range(sector, data.size()); !range) return range;
    if (read_only()) return fail("{}: is read-only", name());
    if (sector * kSectorSize + data.size() > file_.size())
        return fail("{}: the last sector is incomplete (the file has {} bytes) and cannot be written", name(),
                    file_.size());
    return file_.write(sector * kSectorSize, data);
}

}  // namespace gnomon
