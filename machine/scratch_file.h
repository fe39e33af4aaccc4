// A temporary file of a test's, a disk image for example. For tests only.
#pragma once

#include <fmt/format.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <span>
#include <string>

#include "support/types.h"

namespace gnomon {

/// A temporary file, removed at the end.
class ScratchFile {
  public:
    explicit ScratchFile(std::span<const u8> content) {
        static unsigned number = 0;
        path_ = (std::filesystem::temp_directory_path() / fmt::format("gnomon-{}-{}", getpid(), number++))
                    .string();
        std::ofstream(path_, std::ios::binary)
            .write(reinterpret_cast<const char*>(content.data()),
                   static_cast<std::streamsize>(content.size()));
    }
    ~ScratchFile() { std::filesystem::remove(path_); }
    ScratchFile(const ScratchFile&) = delete;
    ScratchFile& operator=(const ScratchFile&) = delete;
    [[nodiscard]] const std::string& path() const { return path_; }

  private:
    std::string path_;
};

}  // namespace gnomon
