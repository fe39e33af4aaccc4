// A file of the host that holds a disk image: opened once, locked against other users of the same file.
// Linux: fcntl(2) "Open file description locks", which end with the descriptor and so are never stale.
#pragma once

#include <span>
#include <string>

#include "support/result.h"
#include "support/types.h"

namespace gnomon {

class HostFile {
  public:
    enum class Access : u8 { Read, ReadWrite };

    HostFile(HostFile&& other) noexcept;
    HostFile& operator=(HostFile&& other) noexcept;
    HostFile(const HostFile&) = delete;
    HostFile& operator=(const HostFile&) = delete;
    ~HostFile();

    /// Opens a regular file or a block device. ReadWrite falls back to reading where the host allows no
    /// writing; then `read_only_reason` says why. A writer excludes everybody else, readers share; a conflict
    /// is an error that names the file and the process that holds it.
    static Result<HostFile> open(const std::string& path, Access access);
    /// A file without a name that vanishes with the descriptor.
    static Result<HostFile> temporary();

    [[nodiscard]] const std::string& path() const { return path_; }
    [[nodiscard]] u64 size() const { return size_; }
    [[nodiscard]] bool writable() const { return writable_; }
    [[nodiscard]] const std::string& read_only_reason() const { return read_only_reason_; }

    /// All bytes or an error; reading past the end is an error.
    Result<void> read(u64 offset, std::span<u8> out) const;
    Result<void> write(u64 offset, std::span<const u8> data);
    Result<void> sync();

  private:
    HostFile(std::string path, int descriptor) : path_(std::move(path)), descriptor_(descriptor) {}
    Result<void> lock();

    std::string path_;
    int descriptor_ = -1;
    u64 size_ = 0;
    bool writable_ = false;
    std::string read_only_reason_;
};

}  // namespace gnomon
