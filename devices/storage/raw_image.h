// A raw image: the bytes of the medium, in order, in a host file.
#pragma once

#include <memory>

#include "devices/storage/block_image.h"
#include "devices/storage/host_file.h"

namespace gnomon {

/// A size that is not a multiple of 512 gets a last sector padded with zeros which can be read but not
/// written.
class RawImage final : public BlockImage {
  public:
    explicit RawImage(HostFile file) : file_(std::move(file)) {}

    [[nodiscard]] std::string_view name() const override { return file_.path(); }
    [[nodiscard]] u64 sectors() const override { return (file_.size() + kSectorSize - 1) / kSectorSize; }
    [[nodiscard]] bool read_only() const override { return !file_.writable(); }
    Result<void> read(u64 sector, std::span<u8> out) override;
    Result<void> write(u64 sector, std::span<const u8> data) override;
    Result<void> flush() override { return read_only() ? Result<void>() : file_.sync(); }

  private:
    HostFile file_;
};

}  // namespace gnomon
