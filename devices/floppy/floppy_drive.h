// A floppy disk drive with its medium: head position, disk change line, and where a sector of the disk lies.
// Drive timing and the disk change line as in the TEAC FD-235HF specification.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "devices/storage/block_image.h"
#include "devices/storage/floppy_format.h"
#include "support/state.h"

namespace gnomon {

/// The rate codes of the data rate registers.
enum class FloppyRate : u8 { Kbps500, Kbps300, Kbps250, Mbps1 };

class FloppyDrive {
  public:
    explicit FloppyDrive(FloppyDriveType type) : type_(type) {}

    [[nodiscard]] FloppyDriveType type() const { return type_; }
    [[nodiscard]] bool present() const { return type_ != FloppyDriveType::None; }
    [[nodiscard]] bool has_disk() const { return image_ != nullptr; }
    [[nodiscard]] const FloppyFormat& format() const { return format_; }
    [[nodiscard]] BlockImage* image() const { return image_.get(); }

    /// Puts in a disk in place of what is there; the disk change line becomes active.
    Result<void> insert(std::unique_ptr<BlockImage> image);
    void eject();

    [[nodiscard]] bool write_protected() const;
    [[nodiscard]] bool at_track_zero() const { return present() && state_.position == 0; }
    [[nodiscard]] bool disk_changed() const { return present() && state_.changed; }
    [[nodiscard]] u32 position() const { return state_.position; }
    /// Step pulses; the head stops at the mechanical ends. A pulse with a disk inside ends a disk change.
    void step(int pulses);

    /// Track of the disk under the head; nothing where none was ever written.
    [[nodiscard]] std::optional<u32> track() const;
    /// Whether the disk can be read at this rate in this drive.
    [[nodiscard]] bool readable_at(FloppyRate rate, bool mfm) const;
    [[nodiscard]] u64 revolution_ns() const;

    /// Sectors are numbered from 1. `track` and `head` lie inside the format.
    Result<void> read(u32 track, u32 head, u32 sector, std::span<u8> out);
    Result<void> write(u32 track, u32 head, u32 sector, std::span<const u8> data, bool deleted);
    [[nodiscard]] bool is_deleted(u32 track, u32 head, u32 sector) const;

    struct State {
        u32 position = 0;  ///< of the head, in physical steps
        bool changed = true;
        std::vector<u32>
            deleted;  ///< sectors written with a deleted data address mark, sorted; images cannot hold it
        template<class V>
        constexpr void fields(V& v) {
            v("position", position);
            v("changed", changed);
            v("deleted", deleted);
        }
    };
    [[nodiscard]] const State& state() const { return state_; }
    void set_state(State state) { state_ = std::move(state); }

  private:
    [[nodiscard]] u32 index(u32 track, u32 head, u32 sector) const {
        return (track * format_.heads + head) * format_.sectors + sector - 1;
    }

    FloppyDriveType type_;
    std::unique_ptr<BlockImage> image_;
    FloppyFormat format_{};
    State state_;
};

}  // namespace gnomon
