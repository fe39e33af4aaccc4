// Head movement, disk change and sector access of a floppy drive.
#include "devices/floppy/floppy_drive.h"

#include <algorithm>

namespace gnomon {
namespace {

constexpr u32 kLastStep40 = 41;
constexpr u32 kLastStep80 = 83;
constexpr u64 kRevolution300 = 200'000'000;
constexpr u64 kRevolution360 = 166'666'667;

constexpr bool is_double_density(FloppyDensity density) {
    return density == FloppyDensity::Double525 || density == FloppyDensity::Double35;
}

}  // namespace

static_assert(every_field_listed<FloppyDrive::State>());

Result<void> FloppyDrive::insert(std::unique_ptr<BlockImage> image) {
    if (!present()) return fail("{}: there is no such floppy drive", image->name());
    const std::optional<FloppyFormat> format = floppy_format_for(image->sectors());
    if (!format)
        return fail("{}: {} bytes are more than a floppy disk holds (2.88M)", image->name(),
                    image->sectors() * kSectorSize);
    eject();
    image_ = std::move(image);
    format_ = *format;
    return {};
}

void FloppyDrive::eject() {
    image_.reset();
    state_.changed = true;
    state_.deleted.clear();
}

/// A short image is protected: what lies behind its end could not be kept.
bool FloppyDrive::write_protected() const {
    return image_ && (image_->read_only() || image_->sectors() < format_.total_sectors());
}

void FloppyDrive::step(int pulses) {
    if (!present() || pulses == 0) return;
    const u32 last = type_ == FloppyDriveType::Drive360K ? kLastStep40 : kLastStep80;
    const i64 target = i64{state_.position} + pulses;
    state_.position = static_cast<u32>(std::clamp<i64>(target, 0, last));
    if (image_) state_.changed = false;
}

std::optional<u32> FloppyDrive::track() const {
    if (!image_) return std::nullopt;
    u32 track = state_.position;
    // A disk of 48 tpi in a drive of 96 tpi: its tracks are two steps apart.
    if (type_ == FloppyDriveType::Drive1200K && format_.cylinders <= kLastStep40) {
        if (track % 2 != 0) return std::nullopt;
        track /= 2;
    }
    if (track >= format_.cylinders) return std::nullopt;
    return track;
}

bool FloppyDrive::readable_at(FloppyRate rate, bool mfm) const {
    if (!image_ || !mfm) return false;  // no format here is FM
    const FloppyDensity density = format_.density;
    if (is_double_density(density))
        return rate == (type_ == FloppyDriveType::Drive1200K ? FloppyRate::Kbps300 : FloppyRate::Kbps250);
    if (type_ == FloppyDriveType::Drive360K || type_ == FloppyDriveType::Drive720K) return false;
    if (density == FloppyDensity::Extra35)
        return type_ == FloppyDriveType::Drive2880K && rate == FloppyRate::Mbps1;
    return rate == FloppyRate::Kbps500;
}

u64 FloppyDrive::revolution_ns() const {
    return type_ == FloppyDriveType::Drive1200K ? kRevolution360 : kRevolution300;
}

Result<void> FloppyDrive::read(u32 track, u32 head, u32 sector, std::span<u8> out) {
    const u32 number = index(track, head, sector);
    if (number >= image_->sectors()) {
        std::fill(out.begin(), out.end(), u8{0});
        return {};
    }
    return image_->read(number, out);
}

Result<void> FloppyDrive::write(u32 track, u32 head, u32 sector, std::span<const u8> data, bool deleted) {
    const u32 number = index(track, head, sector);
    if (Result<void> written = image_->write(number, data); !written) return written;
    const auto at = std::lower_bound(state_.deleted.begin(), state_.deleted.end(), number);
    const bool was_deleted = at != state_.deleted.end() && *at == number;
    if (deleted && !was_deleted) state_.deleted.insert(at, number);
    if (!deleted && was_deleted) state_.deleted.erase(at);
    return {};
}

bool FloppyDrive::is_deleted(u32 track, u32 head, u32 sector) const {
    return std::binary_search(state_.deleted.begin(), state_.deleted.end(), index(track, head, sector));
}

}  // namespace gnomon
