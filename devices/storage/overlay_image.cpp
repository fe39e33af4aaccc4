// The copy-on-write overlay of --snapshot runs.
#include "devices/storage/overlay_image.h"

#include <bit>

namespace gnomon {

bool OverlayImage::Content::holds(u64 sector) const {
    const auto group = written.find(sector / kGroup);
    return group != written.end() && (group->second >> sector % kGroup & 1);
}

Result<void> OverlayImage::Content::write(u64 sector, std::span<const u8> data) {
    if (Result<void> done = file.write(sector * kSectorSize, data); !done) return done;
    for (u64 i = sector; i < sector + data.size() / kSectorSize; i++)
        written[i / kGroup] |= u64{1} << i % kGroup;
    return {};
}

Result<std::unique_ptr<OverlayImage>> OverlayImage::create(std::unique_ptr<BlockImage> base,
                                                           std::string state_name) {
    Result<HostFile> file = HostFile::temporary();
    if (!file) return file.error().in(base->name());
    return std::unique_ptr<OverlayImage>(
        new OverlayImage(std::move(base), std::move(state_name), std::move(*file)));
}

Result<void> OverlayImage::read(u64 sector, std::span<u8> out) {
    if (Result<void> range = check_range(sector, out.size()); !range) return range;
    while (!out.empty()) {
        // The longest run that comes from one place.
        const bool here = content_.holds(sector);
        u64 run = 1;
        while (run < out.size() / kSectorSize && content_.holds(sector + run) == here) run++;
        const std::span<u8> part = out.first(static_cast<size_t>(run * kSectorSize));
        Result<void> done = here ? content_.file.read(sector * kSectorSize, part) : base_->read(sector, part);
        if (!done) return done;
        out = out.subspan(part.size());
        sector += run;
    }
    return {};
}

Result<void> OverlayImage::write(u64 sector, std::span<const u8> data) {
    if (Result<void> range = check_range(sector, data.size()); !range) return range;
    return content_.write(sector, data);
}

u64 OverlayImage::written_sectors() const {
    u64 count = 0;
    for (const auto& [group, mask] : content_.written) count += static_cast<u64>(std::popcount(mask));
    return count;
}

StateNode OverlayImage::save_state() const {
    Saved saved;
    saved.base_sectors = base_->sectors();
    saved.data.resize(static_cast<size_t>(written_sectors() * kSectorSize));
    size_t at = 0;
    for (const auto& [group, mask] : content_.written) {
        saved.groups.push_back(group);
        saved.masks.push_back(mask);
        for (u64 bits = mask; bits; bits &= bits - 1, at += kSectorSize) {
            const u64 sector = group * kGroup + static_cast<u64>(std::countr_zero(bits));
            // What cannot be read back from our own temporary file is saved as zeros: the host has lost it.
            static_cast<void>(
                content_.file.read(sector * kSectorSize, std::span(saved.data).subspan(at, kSectorSize))
                    .ok());
        }
    }
    return save_value(saved);
}

Result<StatePart::Install> OverlayImage::load_state(const StateNode& node) {
    Saved saved;
    if (Result<void> loaded = load_value(node, saved); !loaded) return loaded.error();
    if (saved.base_sectors != base_->sectors())
        return fail("the snapshot belongs to an image of {} sectors, {} has {}", saved.base_sectors, name(),
                    base_->sectors());
    if (saved.groups.size() != saved.masks.size()) return fail("groups and masks do not match");
    Result<HostFile> file = HostFile::temporary();
    if (!file) return file.error();
    auto content = std::make_shared<Content>(Content{std::move(*file), {}});
    size_t at = 0;
    for (size_t i = 0; i < saved.groups.size(); i++) {
        for (u64 bits = saved.masks[i]; bits; bits &= bits - 1, at += kSectorSize) {
            const u64 offset = static_cast<u64>(std::countr_zero(bits));
            if (saved.groups[i] > sectors() / kGroup || saved.groups[i] * kGroup + offset >= sectors())
                return fail("a written sector lies outside the image");
            if (at + kSectorSize > saved.data.size()) return fail("the data of written sectors is too short");
            const std::span<const u8> data = std::span(saved.data).subspan(at, kSectorSize);
            if (Result<void> done = content->write(saved.groups[i] * kGroup + offset, data); !done)
                return done.error();
        }
    }
    if (at != saved.data.size()) return fail("the data of written sectors is too long");
    return Install([this, content] { content_ = std::move(*content); });
}

}  // namespace gnomon
