// Sockets by POSIX.1-2017, "Networking Services".
#include "gui/listen_socket.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>

#include "support/types.h"

namespace gnomon {
namespace {

Result<Descriptor> listen_on(int family, const sockaddr* address, socklen_t length, std::string_view name) {
    Descriptor socket(::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!socket) return fail("{}: {}", name, std::strerror(errno));
    const int on = 1;
    setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(socket.get(), address, length) != 0 || listen(socket.get(), 4) != 0)
        return fail("{}: {}", name, std::strerror(errno));
    return socket;
}

/// A socket file without a listener is what a killed process leaves.
void remove_stale_socket(const std::string& path, const sockaddr_un& address) {
    struct stat status {};
    if (lstat(path.c_str(), &status) != 0 || !S_ISSOCK(status.st_mode)) return;
    const Descriptor probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!probe) return;
    if (connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 &&
        errno == ECONNREFUSED)
        unlink(path.c_str());
}

}  // namespace

Descriptor& Descriptor::operator=(Descriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
}

Descriptor::~Descriptor() {
    if (fd_ >= 0) close(fd_);
}

bool is_loopback(std::string_view host) {
    const std::string text(host);
    in_addr v4{};
    in6_addr v6{};
    if (inet_pton(AF_INET, text.c_str(), &v4) == 1) return ntohl(v4.s_addr) >> 24 == 127;
    if (inet_pton(AF_INET6, text.c_str(), &v6) == 1) return IN6_IS_ADDR_LOOPBACK(&v6);
    return host == "localhost";
}

Result<ListenSocket> ListenSocket::open(std::string_view address) {
    if (address.starts_with("unix:")) {
        const std::string path(address.substr(5));
        sockaddr_un file{};
        file.sun_family = AF_UNIX;
        if (path.empty() || path.size() >= sizeof file.sun_path)
            return fail("{}: the path is empty or longer than {} characters", address,
                        sizeof file.sun_path - 1);
        std::memcpy(file.sun_path, path.data(), path.size());
        remove_stale_socket(path, file);
        const mode_t mask = umask(0077);  // the user's own
        Result<Descriptor> socket =
            listen_on(AF_UNIX, reinterpret_cast<const sockaddr*>(&file), sizeof file, address);
        umask(mask);
        if (!socket) return socket.error();
        return ListenSocket(std::move(*socket), path);
    }
    const size_t colon = address.rfind(':');
    if (!address.starts_with("tcp:") || colon <= 4)
        return fail("'{}' is not possible; accepted: unix:PATH, tcp:HOST:PORT and none", address);
    std::string_view host = address.substr(4, colon - 4);
    if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
    const std::string_view digits = address.substr(colon + 1);
    u16 port = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
    if (error != std::errc{} || end != digits.data() + digits.size())
        return fail("{}: '{}' is no port", address, digits);
    if (!is_loopback(host))
        return fail(
            "{}: whoever reaches this socket controls the machine, so it must be on a loopback address "
            "(127.0.0.1 or ::1); reach it from elsewhere through ssh -L",
            address);
    if (host.find(':') != host.npos) {
        sockaddr_in6 v6{};
        v6.sin6_family = AF_INET6;
        v6.sin6_addr = in6addr_loopback;
        v6.sin6_port = htons(port);
        Result<Descriptor> socket = listen_on(AF_INET6, reinterpret_cast<sockaddr*>(&v6), sizeof v6, address);
        if (!socket) return socket.error();
        return ListenSocket(std::move(*socket), {});
    }
    sockaddr_in v4{};
    v4.sin_family = AF_INET;
    v4.sin_port = htons(port);
    if (inet_pton(AF_INET, std::string(host).c_str(), &v4.sin_addr) != 1)
        v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    Result<Descriptor> socket = listen_on(AF_INET, reinterpret_cast<sockaddr*>(&v4), sizeof v4, address);
    if (!socket) return socket.error();
    return ListenSocket(std::move(*socket), {});
}

ListenSocket::~ListenSocket() {
    if (socket_ && !path_.empty()) unlink(path_.c_str());
}

Descriptor ListenSocket::accept() {
    return Descriptor(::accept4(socket_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
}

unsigned ListenSocket::port() const {
    sockaddr_storage address{};
    socklen_t length = sizeof address;
    if (getsockname(socket_.get(), reinterpret_cast<sockaddr*>(&address), &length) != 0) return 0;
    if (address.ss_family == AF_INET) return ntohs(reinterpret_cast<const sockaddr_in&>(address).sin_port);
    if (address.ss_family == AF_INET6) return ntohs(reinterpret_cast<const sockaddr_in6&>(address).sin6_port);
    return 0;
}

}  // namespace gnomon
