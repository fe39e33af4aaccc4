// The files that hold firmware: a BIOS in ROM, and flash that the guest may write (UEFI variables).
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "devices/storage/host_file.h"
#include "machine/config.h"

namespace gnomon {

/// A file of the host as it is.
[[nodiscard]] Result<std::vector<u8>> read_file(const std::string& path);

class FirmwareImages {
  public:
    /// `snapshot`: the files are only read; what the guest programs is gone at the end.
    static Result<FirmwareImages> open(const Config::Firmware& config, bool snapshot);

    /// What lies at the top of the first 4 GiB. In one chip with its variables: as the file was at the start.
    [[nodiscard]] std::span<const u8> bios() const { return bios_; }
    [[nodiscard]] bool in_one_chip() const { return in_one_chip_; }
    /// 0: there is no flash.
    [[nodiscard]] u64 flash_bytes() const { return flash_ ? flash_->size() : 0; }
    /// Of what does not change: the BIOS where it is a ROM.
    [[nodiscard]] u32 checksum() const;
    /// What the user should be told, empty if nothing.
    [[nodiscard]] const std::string& note() const { return note_; }

    Result<void> read_flash(std::span<u8> array) const { return flash_->read(0, array); }
    Result<void> store(u64 offset, std::span<const u8> data);

  private:
    Result<void> open_flash(const std::string& path, bool snapshot);

    std::vector<u8> bios_;
    std::optional<HostFile> flash_;
    bool in_one_chip_ = false;
    std::string note_;
};

}  // namespace gnomon
