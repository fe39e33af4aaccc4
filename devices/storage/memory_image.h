// A medium in host memory: for tests and for media that are built on the fly.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "devices/storage/block_image.h"

namespace gnomon {

class MemoryImage final : public BlockImage {
  public:
    MemoryImage(std::string name, std::vector<u8> bytes, bool read_only = false)
        : name_(std::move(name)), bytes_(std::move(bytes)), read_only_(read_only) {
        bytes_.resize((bytes_.size() + kSectorSize - 1) / kSectorSize * kSectorSize);
    }

    [[nodiscard]] std::string_view name() const override { return name_; }
    [[nodiscard]] u64 sectors() const override { return bytes_.size() / kSectorSize; }
    [[nodiscard]] bool read_only() const override { return read_only_; }
    Result<void> read(u64 sector, std::span<u8> out) override {
        if (Result<void> range = check_range(sector, out.size()); !range) return range;
        std::copy_n(bytes_.begin() + static_cast<std::ptrdiff_t>(sector * kSectorSize), out.size(),
                    out.begin());
        return {};
    }
    Result<void> write(u64 sector, std::span<const u8> data) override {
        if (Result<void> range = check_range(sector, data.size()); !range) return range;
        if (read_only_) return fail("{}: is read-only", name_);
        std::copy(data.begin(), data.end(),
                  bytes_.begin() + static_cast<std::ptrdiff_t>(sector * kSectorSize));
        return {};
    }
    Result<void> flush() override { return {}; }

    [[nodiscard]] std::span<u8> bytes() { return bytes_; }

  private:
    std::string name_;
    std::vector<u8> bytes_;
    bool read_only_;
};

}  // namespace gnomon
