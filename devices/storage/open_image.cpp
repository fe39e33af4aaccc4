// Opening of image files.
#include "devices/storage/open_image.h"

#include "devices/storage/image_format.h"
#include "devices/storage/raw_image.h"

namespace gnomon {

Result<OpenedImage> open_image(const std::string& path, const ImageOptions& options) {
    const bool wants_write = !options.read_only && !options.snapshot;
    Result<HostFile> opened =
        HostFile::open(path, wants_write ? HostFile::Access::ReadWrite : HostFile::Access::Read);
    if (!opened) return opened.error();
    HostFile& file = *opened;
    if (file.size() == 0) return fail("{}: is empty", path);

    std::vector<u8> head(static_cast<size_t>(std::min<u64>(file.size(), 64 * 1024)));
    std::vector<u8> tail(static_cast<size_t>(std::min<u64>(file.size(), kSectorSize)));
    if (Result<void> read = file.read(0, head); !read) return read.error();
    if (Result<void> read = file.read(file.size() - tail.size(), tail); !read) return read.error();
    if (const std::string_view format = foreign_format(head, tail); !format.empty() && !options.assume_raw)
        return fail(
            "{}: is a {} image, which is not supported yet; convert it to raw (qemu-img convert -O raw, "
            "gunzip, …)",
            path, format);

    OpenedImage result;
    result.iso = is_iso(head);
    if (wants_write && !file.writable())
        result.note = fmt::format("{}: opened read-only ({})", path, file.read_only_reason());
    else if (wants_write && !result.iso && file.size() % kSectorSize != 0)
        result.note = fmt::format(
            "{}: has {} bytes, not a multiple of 512; the incomplete last sector cannot be written", path,
            file.size());
    result.image = std::make_unique<RawImage>(std::move(file));
    if (options.snapshot) {
        Result<std::unique_ptr<OverlayImage>> overlay =
            OverlayImage::create(std::move(result.image), options.state_name);
        if (!overlay) return overlay.error();
        result.overlay = overlay->get();
        result.image = std::move(*overlay);
    }
    return result;
}

}  // namespace gnomon
