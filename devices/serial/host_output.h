// A queue in front of a host file descriptor: gathers lines, never waits for a slow reader, bounded. POSIX.
#pragma once

#include <chrono>
#include <span>
#include <string>
#include <vector>

#include "support/log.h"
#include "support/types.h"

namespace gnomon {

class HostOutput {
  public:
    /// How a write to the descriptor is kept from blocking.
    enum class Kind : u8 {
        Regular,      ///< a file: writes do not wait
        NonBlocking,  ///< O_NONBLOCK is set on an open file description of our own
        Shared,  ///< others use the description (standard output): asked with poll() before each small write
    };
    static constexpr size_t kMaxQueue = 1 << 20;

    HostOutput(Log& log, std::string part) : log_(log), part_(std::move(part)) {}
    HostOutput(const HostOutput&) = delete;
    HostOutput& operator=(const HostOutput&) = delete;
    /// Gives a slow reader a last half second.
    ~HostOutput();

    /// The descriptor stays the caller's. Without one bytes are dropped silently.
    void attach(int fd, Kind kind);
    /// Forgets the descriptor and what waits for it.
    void detach();
    [[nodiscard]] bool attached() const { return fd_ >= 0; }

    void write(std::span<const u8> bytes);
    void flush();
    /// flush() if something is older than a few milliseconds.
    void poll();

  private:
    using Clock = std::chrono::steady_clock;
    void drain(Clock::duration patience);

    Log& log_;
    std::string part_;
    int fd_ = -1;
    Kind kind_ = Kind::Regular;
    std::vector<u8> queue_;
    size_t sent_ = 0;  ///< bytes at the front of the queue that have been written
    Clock::time_point oldest_{};
    u64 dropped_ = 0;
};

/// Opens a second description of `fd` that may be made non-blocking without touching the users of the first;
/// -1 if the host cannot (then the descriptor is Shared).
[[nodiscard]] int reopen_non_blocking(int fd, int flags);

}  // namespace gnomon
