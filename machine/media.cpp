// Changing media while the machine runs.
#include "machine/media.h"

#include <algorithm>
#include <utility>

#include "machine/machine.h"

namespace gnomon {
namespace {

std::string_view strip_colon(std::string_view name) {
    if (name.size() == 2 && name.ends_with(':')) name.remove_suffix(1);
    return name;
}

}  // namespace

std::vector<DriveStatus> Machine::drives() const {
    std::vector<DriveStatus> list;
    for (unsigned i = 0; i < FloppyController::kDrives; i++) {
        const FloppyDrive& drive = floppy_->drive(i);
        if (!drive.present()) continue;
        DriveStatus status{i == 0 ? "floppy.a" : "floppy.b", fmt::format("floppy{}", i), DriveKind::Floppy};
        if (const BlockImage* image = drive.image()) {
            status.file = image->name();
            status.sectors = image->sectors();
            status.read_only = drive.write_protected();
        }
        status.traffic = traffic_[i];
        list.push_back(std::move(status));
    }
    for (unsigned place = 0; place < 4; place++) {
        const unsigned channel = place / 2;
        const unsigned unit = place % 2;
        if (AtaDisk* disk = disks_[place]) {
            DriveStatus status{fmt::format("disk.{}", place), fmt::format("ide{}-hd{}", channel, unit),
                               DriveKind::Disk, std::string(disk->image().name())};
            status.read_only = disk->image().read_only();
            status.sectors = disk->image().sectors();
            status.traffic = traffic_[2 + place];
            list.push_back(std::move(status));
        }
        if (AtapiDrive* drive = cdroms_[place]) {
            DriveStatus status{fmt::format("cdrom.{}", place), fmt::format("ide{}-cd{}", channel, unit),
                               DriveKind::Cdrom};
            if (const BlockImage* disc = drive->disc()) {
                status.file = disc->name();
                status.sectors = disc->sectors();
            }
            status.read_only = true;
            status.locked = drive->locked();
            status.tray_open = drive->tray_open();
            status.traffic = traffic_[2 + place];
            list.push_back(std::move(status));
        }
    }
    return list;
}

Result<DriveStatus> Machine::find_removable(std::string_view name) const {
    const std::vector<DriveStatus> all = drives();
    const std::string_view wanted = strip_colon(name);
    std::string names;
    for (const DriveStatus& drive : all) {
        const bool first_of_kind = std::find_if(all.begin(), all.end(), [&](const DriveStatus& d) {
                                       return d.kind == drive.kind;
                                   })->name == drive.name;
        const std::string_view generic = drive.kind == DriveKind::Cdrom ? "cdrom" : "floppy";
        const std::string_view letter = std::string_view(drive.name).substr(drive.name.size() - 1);
        const bool matches = wanted == drive.name || wanted == drive.alias ||
                             (drive.removable() && first_of_kind && wanted == generic) ||
                             (drive.kind == DriveKind::Floppy && wanted == letter);
        if (matches && !drive.removable()) return fail("{}: a hard disk cannot be changed", name);
        if (matches) return drive;
        if (drive.removable()) names += (names.empty() ? "" : ", ") + drive.name;
    }
    if (names.empty()) return fail("'{}': this machine has no drive with removable media", name);
    return fail("there is no drive '{}'; accepted are {}", name, names);
}

void Machine::forget_overlay(const OverlayImage* overlay) {
    if (!overlay) return;
    std::erase(overlays_, overlay);
    list_parts();
}

OverlayImage* Machine::overlay_of(std::string_view drive) const {
    for (OverlayImage* overlay : overlays_)
        if (overlay->state_name().substr(std::string_view("medium.").size()) == drive) return overlay;
    return nullptr;
}

Result<void> Machine::change_floppy(const DriveStatus& drive, const std::string& path, bool read_only) {
    const unsigned number = static_cast<unsigned>(drive.name.back() - 'a');
    const OverlayImage* old = overlay_of(drive.name);
    // A disk that goes in again would meet its own lock.
    if (drive.file == path) {
        floppy_->eject(number);
        forget_overlay(std::exchange(old, nullptr));
    }
    Result<std::unique_ptr<BlockImage>> image =
        open_medium(drive.name, path, {.read_only = read_only, .assume_raw = true}, traffic_[number]);
    if (!image) return image.error();
    if (!floppy_format_for((*image)->sectors())) {
        if (config_.boot.snapshot && !read_only) overlays_.pop_back();
        return fail("{}: {} bytes are more than the biggest floppy disk holds (2880 KiB)", path,
                    (*image)->sectors() * kSectorSize);
    }
    Result<void> inserted = floppy_->insert(number, std::move(*image));
    forget_overlay(old);
    list_parts();
    return inserted;
}

Result<void> Machine::change_medium(std::string_view name, const std::string& path, MediumOptions options) {
    Result<DriveStatus> drive = find_removable(name);
    if (!drive) return drive.error();
    if (drive->kind == DriveKind::Floppy) return change_floppy(*drive, path, options.read_only);
    const unsigned place = static_cast<unsigned>(drive->name.back() - '0');
    AtapiDrive& cdrom = *cdroms_[place];
    Result<std::unique_ptr<BlockImage>> image =
        open_medium(drive->name, path, {.read_only = true, .assume_raw = true}, traffic_[2 + place]);
    if (!image) return image.error();
    if (cdrom.has_disc())
        if (Result<void> out = cdrom.eject(options.force); !out) return out;
    cdrom.insert(std::move(*image));
    return {};
}

Result<void> Machine::eject_medium(std::string_view name, bool force) {
    Result<DriveStatus> drive = find_removable(name);
    if (!drive) return drive.error();
    if (drive->kind == DriveKind::Floppy) {
        const OverlayImage* old = overlay_of(drive->name);
        floppy_->eject(static_cast<unsigned>(drive->name.back() - 'a'));
        forget_overlay(old);
        return {};
    }
    AtapiDrive& cdrom = *cdroms_[static_cast<unsigned>(drive->name.back() - '0')];
    if (!cdrom.disc()) return {};
    return cdrom.eject(force);
}

}  // namespace gnomon
