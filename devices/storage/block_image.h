// What a disk, floppy or CD drive sees of its medium: an array of 512-byte sectors that never changes its
// size.
#pragma once

#include <span>
#include <string_view>

#include "support/result.h"
#include "support/types.h"

namespace gnomon {

inline constexpr u32 kSectorSize = 512;

/// Used by the thread that owns the guest only. Buffers are whole sectors; a range outside the image is an
/// error.
class BlockImage {
  public:
    virtual ~BlockImage() = default;

    /// How the user knows it (a file name); for messages.
    [[nodiscard]] virtual std::string_view name() const = 0;
    [[nodiscard]] virtual u64 sectors() const = 0;
    [[nodiscard]] virtual bool read_only() const = 0;
    virtual Result<void> read(u64 sector, std::span<u8> out) = 0;
    virtual Result<void> write(u64 sector, std::span<const u8> data) = 0;
    /// Returns when everything written so far would survive a power failure of the host.
    virtual Result<void> flush() = 0;

  protected:
    /// The check that every implementation starts with.
    [[nodiscard]] Result<void> check_range(u64 sector, size_t bytes) const {
        if (bytes % kSectorSize != 0) return fail("{}: {} bytes are not whole sectors", name(), bytes);
        if (sector > sectors() || bytes / kSectorSize > sectors() - sector)
            return fail("{}: sectors {} to {} lie outside the image of {} sectors", name(), sector,
                        sector + bytes / kSectorSize - 1, sectors());
        return {};
    }
};

}  // namespace gnomon
