// Image files on a Linux host: pread/pwrite and open file description locks.
#include "devices/storage/host_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <optional>

namespace gnomon {
namespace {

constexpr bool means_read_only(int error) {
    return error == EACCES || error == EROFS || error == EPERM || error == ETXTBSY;
}

/// The kernel does not say who holds an open file description lock; the process is found by the files it has
/// open.
std::optional<int> process_using(const struct stat& file, int own_descriptor) {
    namespace fs = std::filesystem;
    std::error_code error;
    for (const fs::directory_entry& process : fs::directory_iterator("/proc", error)) {
        const std::string name = process.path().filename().string();
        int pid = 0;
        if (std::from_chars(name.data(), name.data() + name.size(), pid).ec != std::errc()) continue;
        std::error_code denied;
        for (fs::directory_iterator entry(process.path() / "fd", denied), end; !denied && entry != end;
             entry.increment(denied)) {
            const std::string descriptor = entry->path().filename().string();
            if (pid == getpid() && descriptor == std::to_string(own_descriptor)) continue;
            struct stat other {};
            if (::stat(entry->path().c_str(), &other) != 0) continue;
            if (other.st_dev == file.st_dev && other.st_ino == file.st_ino) return pid;
        }
    }
    return std::nullopt;
}

}  // namespace

HostFile::HostFile(HostFile&& other) noexcept
    : path_(std::move(other.path_)),
      descriptor_(std::exchange(other.descriptor_, -1)),
      size_(other.size_),
      writable_(other.writable_),
      read_only_reason_(std::move(other.read_only_reason_)) {}

HostFile& HostFile::operator=(HostFile&& other) noexcept {
    std::swap(path_, other.path_);
    std::swap(descriptor_, other.descriptor_);
    std::swap(size_, other.size_);
    std::swap(writable_, other.writable_);
    std::swap(read_only_reason_, other.read_only_reason_);
    return *this;
}

HostFile::~HostFile() {
    if (descriptor_ >= 0) ::close(descriptor_);
}

Result<HostFile> HostFile::open(const std::string& path, Access access) {
    int descriptor = -1;
    std::string reason;
    bool writable = false;
    if (access == Access::ReadWrite) {
        descriptor = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
        writable = descriptor >= 0;
        if (!writable && !means_read_only(errno)) return fail("{}: {}", path, std::strerror(errno));
        if (!writable) reason = std::strerror(errno);
    }
    if (descriptor < 0) descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) return fail("{}: {}", path, std::strerror(errno));
    HostFile file(path, descriptor);
    file.writable_ = writable;
    file.read_only_reason_ = std::move(reason);

    struct stat status {};
    if (::fstat(descriptor, &status) != 0) return fail("{}: {}", path, std::strerror(errno));
    if (S_ISDIR(status.st_mode)) return fail("{}: is a directory, not a disk image", path);
    if (!S_ISREG(status.st_mode) && !S_ISBLK(status.st_mode))
        return fail("{}: is neither a regular file nor a block device", path);
    const off_t end = ::lseek(descriptor, 0, SEEK_END);
    if (end < 0) return fail("{}: {}", path, std::strerror(errno));
    file.size_ = static_cast<u64>(end);
    if (Result<void> locked = file.lock(); !locked) return locked.error();
    return file;
}

Result<HostFile> HostFile::temporary() {
    std::error_code error;
    const std::filesystem::path folder = std::filesystem::temp_directory_path(error);
    int descriptor = error ? -1 : ::open(folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (descriptor < 0) descriptor = ::memfd_create("gnomon-overlay", MFD_CLOEXEC);
    if (descriptor < 0) return fail("cannot make a temporary file: {}", std::strerror(errno));
    HostFile file("temporary file", descriptor);
    file.writable_ = true;
    return file;
}

Result<void> HostFile::lock() {
    struct flock request {};
    request.l_type = writable_ ? F_WRLCK : F_RDLCK;
    request.l_whence = SEEK_SET;
    if (::fcntl(descriptor_, F_OFD_SETLK, &request) == 0) return {};
    // A file system without locks: nothing to hold, and no other user could be noticed.
    if (errno != EAGAIN && errno != EACCES) return {};
    struct stat status {};
    std::optional<int> holder;
    if (::fstat(descriptor_, &status) == 0) holder = process_using(status, descriptor_);
    if (!holder) return fail("{}: is in use by another process", path_);
    if (*holder == getpid()) return fail("{}: is in use by process {} (this one)", path_, *holder);
    return fail("{}: is in use by process {}", path_, *holder);
}

Result<void> HostFile::read(u64 offset, std::span<u8> out) const {
    while (!out.empty()) {
        const ssize_t count = ::pread(descriptor_, out.data(), out.size(), static_cast<off_t>(offset));
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return fail("{}: reading at offset {}: {}", path_, offset, std::strerror(errno));
        if (count == 0) return fail("{}: reading at offset {}: the file ends there", path_, offset);
        out = out.subspan(static_cast<size_t>(count));
        offset += static_cast<u64>(count);
    }
    return {};
}

Result<void> HostFile::write(u64 offset, std::span<const u8> data) {
    while (!data.empty()) {
        const ssize_t count = ::pwrite(descriptor_, data.data(), data.size(), static_cast<off_t>(offset));
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return fail("{}: writing at offset {}: {}", path_, offset, std::strerror(errno));
        data = data.subspan(static_cast<size_t>(count));
        offset += static_cast<u64>(count);
    }
    return {};
}

Result<void> HostFile::sync() {
    if (::fdatasync(descriptor_) != 0) return fail("{}: flushing: {}", path_, std::strerror(errno));
    return {};
}

}  // namespace gnomon
