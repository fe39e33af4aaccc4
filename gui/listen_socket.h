// Listening sockets of the host: "unix:PATH" and "tcp:HOST:PORT", never blocking.
#pragma once

#include <string>
#include <string_view>

#include "support/result.h"

namespace gnomon {

/// A file descriptor with an owner.
class Descriptor {
  public:
    Descriptor() = default;
    explicit Descriptor(int fd) : fd_(fd) {}
    Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    Descriptor& operator=(Descriptor&& other) noexcept;
    ~Descriptor();
    [[nodiscard]] int get() const { return fd_; }
    explicit operator bool() const { return fd_ >= 0; }

  private:
    int fd_ = -1;
};

class ListenSocket {
  public:
    /// A TCP address must be the host's own (loopback): what listens here asks for no password. A socket file
    /// that nobody listens on any more is replaced.
    [[nodiscard]] static Result<ListenSocket> open(std::string_view address);
    ListenSocket(ListenSocket&&) = default;
    ListenSocket& operator=(ListenSocket&&) = delete;
    ~ListenSocket();

    /// The next caller, or an empty descriptor if nobody waits.
    [[nodiscard]] Descriptor accept();
    /// The TCP port (that the host chose, if 0 was asked for); 0 for a socket file.
    [[nodiscard]] unsigned port() const;

  private:
    ListenSocket(Descriptor socket, std::string path) : socket_(std::move(socket)), path_(std::move(path)) {}

    Descriptor socket_;
    std::string path_;  ///< of the socket file, removed at the end
};

/// Whether only programs on this host reach the address; names other than "localhost" count as public.
[[nodiscard]] bool is_loopback(std::string_view host);

}  // namespace gnomon
