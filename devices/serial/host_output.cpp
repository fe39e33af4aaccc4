// Writing to host descriptors without waiting for them.
#include "devices/serial/host_output.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace gnomon {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kMaxAge{4};
constexpr milliseconds kPatienceAtTheEnd{500};
constexpr size_t kMaxGathered = 4096;
constexpr size_t kSharedChunk = 512;  ///< POSIX: a pipe that polls writable takes this much without waiting

}  // namespace

int reopen_non_blocking(int fd, int flags) {
    struct stat status {};
    if (fstat(fd, &status) != 0 || !(S_ISCHR(status.st_mode) || S_ISFIFO(status.st_mode))) return -1;
    return open(fmt::format("/proc/self/fd/{}", fd).c_str(), flags | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
}

HostOutput::~HostOutput() {
    drain(kPatienceAtTheEnd);
    if (dropped_) log_.warning(part_, "{} bytes of output were dropped: nobody took them", dropped_);
}

void HostOutput::attach(int fd, Kind kind) {
    fd_ = fd;
    kind_ = kind;
    queue_.clear();
    sent_ = 0;
}

void HostOutput::detach() {
    fd_ = -1;
    queue_.clear();
    sent_ = 0;
}

void HostOutput::write(std::span<const u8> bytes) {
    if (fd_ < 0) return;
    if (queue_.empty()) oldest_ = Clock::now();
    for (const u8 byte : bytes) {
        if (queue_.size() - sent_ >= kMaxQueue) {
            dropped_++;
            continue;
        }
        queue_.push_back(byte);
        if (byte == '\n' || queue_.size() - sent_ == kMaxGathered) flush();
    }
    poll();
}

void HostOutput::poll() {
    if (!queue_.empty() && Clock::now() - oldest_ >= kMaxAge) flush();
}

void HostOutput::flush() {
    while (fd_ >= 0 && sent_ < queue_.size()) {
        size_t part = queue_.size() - sent_;
        if (kind_ == Kind::Shared) {
            pollfd ready{fd_, POLLOUT, 0};
            if (::poll(&ready, 1, 0) <= 0 || !(ready.revents & POLLOUT)) break;
            part = std::min(part, kSharedChunk);
        }
        const ssize_t count = ::write(fd_, queue_.data() + sent_, part);
        if (count > 0) {
            sent_ += static_cast<size_t>(count);
        } else if (count < 0 && errno == EINTR) {
            continue;
        } else if (count < 0 && errno != EAGAIN) {
            log_.guest(part_, "output lost", "output is lost: {}", std::strerror(errno));
            sent_ = queue_.size();
        } else {
            break;
        }
    }
    if (sent_ == queue_.size()) {
        queue_.clear();
        sent_ = 0;
    } else if (sent_ >= kMaxGathered) {
        queue_.erase(queue_.begin(), queue_.begin() + static_cast<ptrdiff_t>(sent_));
        sent_ = 0;
    }
    oldest_ = Clock::now();
}

void HostOutput::drain(Clock::duration patience) {
    const Clock::time_point end = Clock::now() + patience;
    for (flush(); fd_ >= 0 && sent_ < queue_.size() && Clock::now() < end; flush()) {
        pollfd ready{fd_, POLLOUT, 0};
        ::poll(&ready, 1, 10);
    }
    dropped_ += queue_.size() - sent_;
}

}  // namespace gnomon
