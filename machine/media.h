// Removable media as a user knows them: drives by name, what is in them, and what has been moved.
#pragma once

#include <memory>
#include <string>

#include "devices/storage/block_image.h"

namespace gnomon {

/// What has gone through a drive since the start; front ends make lamps of it.
struct MediumTraffic {
    u64 reads = 0;  ///< transfers, of whatever size
    u64 writes = 0;
};

enum class DriveKind : u8 { Floppy, Disk, Cdrom };

/// One drive of the machine, at this moment.
struct DriveStatus {
    std::string name;   ///< "floppy.a", "disk.0", "cdrom.2": as the configuration keys begin
    std::string alias;  ///< what QEMU calls it: "floppy0", "ide0-hd0", "ide1-cd0"
    DriveKind kind = DriveKind::Floppy;
    std::string file = {};  ///< empty: no medium
    bool read_only = false;
    bool locked = false;     ///< the guest prevents removal
    bool tray_open = false;  ///< the guest has opened it; the disc still lies there
    u64 sectors = 0;
    MediumTraffic traffic = {};
    bool operator==(const DriveStatus& other) const {
        return name == other.name && file == other.file && locked == other.locked &&
               tray_open == other.tray_open;
    }
    [[nodiscard]] bool removable() const { return kind != DriveKind::Disk; }
};

/// Counts what passes on the way to another image.
class MeteredImage final : public BlockImage {
  public:
    /// `traffic` outlives the image.
    MeteredImage(std::unique_ptr<BlockImage> image, MediumTraffic& traffic)
        : image_(std::move(image)), traffic_(traffic) {}

    [[nodiscard]] std::string_view name() const override { return image_->name(); }
    [[nodiscard]] u64 sectors() const override { return image_->sectors(); }
    [[nodiscard]] bool read_only() const override { return image_->read_only(); }
    Result<void> read(u64 sector, std::span<u8> out) override {
        traffic_.reads++;
        return image_->read(sector, out);
    }
    Result<void> write(u64 sector, std::span<const u8> data) override {
        traffic_.writes++;
        return image_->write(sector, data);
    }
    Result<void> flush() override { return image_->flush(); }

  private:
    std::unique_ptr<BlockImage> image_;
    MediumTraffic& traffic_;
};

}  // namespace gnomon
