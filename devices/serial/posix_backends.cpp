// The back ends on a POSIX host: standard input and output, files and FIFOs, pseudo terminals, TCP.
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <deque>

#include "devices/serial/char_backend.h"
#include "devices/serial/escape_keys.h"
#include "devices/serial/host_output.h"

namespace gnomon {
namespace {

constexpr size_t kMaxInput = 4096;  ///< bytes fetched ahead of the guest; the rest waits in the host
constexpr int kConnectMs = 5000;

/// Owns a descriptor.
class Descriptor {
  public:
    Descriptor() = default;
    explicit Descriptor(int fd) : fd_(fd) {}
    Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    Descriptor& operator=(Descriptor&& other) noexcept {
        if (this != &other) {
            reset();
            fd_ = std::exchange(other.fd_, -1);
        }
        return *this;
    }
    ~Descriptor() { reset(); }
    void reset() {
        if (fd_ >= 0) close(std::exchange(fd_, -1));
    }
    [[nodiscard]] int get() const { return fd_; }
    explicit operator bool() const { return fd_ >= 0; }

  private:
    int fd_ = -1;
};

bool is_readable(int fd) {
    pollfd ready{fd, POLLIN, 0};
    return ::poll(&ready, 1, 0) > 0 && ready.revents;
}

/// Bytes read ahead from a descriptor.
class HostInput {
  public:
    enum class Outcome : u8 { Open, Closed };

    /// Fetches what is there now, as far as there is room. `fd` may be blocking: it is asked first.
    template<class Sink>
    Outcome fetch(int fd, Sink sink) {
        while (bytes_.size() < kMaxInput && is_readable(fd)) {
            std::array<u8, 512> buffer;
            const ssize_t count =
                ::read(fd, buffer.data(), std::min(buffer.size(), kMaxInput - bytes_.size()));
            if (count < 0 && (errno == EAGAIN || errno == EINTR)) return Outcome::Open;
            if (count <= 0) return Outcome::Closed;
            for (ssize_t i = 0; i < count; i++) sink(buffer[static_cast<size_t>(i)]);
        }
        return Outcome::Open;
    }
    Outcome fetch(int fd) {
        return fetch(fd, [this](u8 byte) { add(byte); });
    }
    void add(u8 byte) { bytes_.push_back(byte); }
    [[nodiscard]] bool empty() const { return bytes_.empty(); }
    size_t take(std::span<u8> out) {
        const size_t count = std::min(out.size(), bytes_.size());
        std::copy_n(bytes_.begin(), count, out.begin());
        bytes_.erase(bytes_.begin(), bytes_.begin() + static_cast<ptrdiff_t>(count));
        return count;
    }
    void clear() { bytes_.clear(); }

  private:
    std::deque<u8> bytes_;
};

// ---- none
// --------------------------------------------------------------------------------------------------------

class NoBackend final : public CharBackend {
  public:
    void write(std::span<const u8>) override {}
    [[nodiscard]] bool connected() const override { return false; }
};

// ---- file
// --------------------------------------------------------------------------------------------------------

class FileBackend final : public CharBackend {
  public:
    FileBackend(Log& log, std::string part, Descriptor file, HostOutput::Kind kind)
        : file_(std::move(file)), output_(log, std::move(part)) {
        output_.attach(file_.get(), kind);
    }
    void write(std::span<const u8> bytes) override { output_.write(bytes); }
    void flush() override { output_.flush(); }
    void poll() override { output_.poll(); }

  private:
    Descriptor file_;
    HostOutput output_;
};

Result<std::unique_ptr<CharBackend>> open_file(std::string_view part, const std::string& path, Log& log) {
    if (path.empty()) return fail("file: needs a path");
    struct stat status {};
    const bool fifo = stat(path.c_str(), &status) == 0 && S_ISFIFO(status.st_mode);
    // A FIFO opened for both directions never waits for a reader and has no broken-pipe state.
    const int flags = fifo ? O_RDWR | O_NONBLOCK : O_WRONLY | O_CREAT | O_TRUNC | O_NOCTTY;
    Descriptor file(open(path.c_str(), flags | O_CLOEXEC, 0666));
    if (!file) return fail("{}", std::strerror(errno));
    if (fstat(file.get(), &status) != 0) return fail("{}", std::strerror(errno));
    auto kind = HostOutput::Kind::Regular;
    if (!S_ISREG(status.st_mode)) {
        kind = HostOutput::Kind::NonBlocking;
        if (fcntl(file.get(), F_SETFL, fcntl(file.get(), F_GETFL) | O_NONBLOCK) != 0)
            return fail("{}", std::strerror(errno));
    }
    return std::unique_ptr<CharBackend>(new FileBackend(log, std::string(part), std::move(file), kind));
}

// ---- stdio
// -------------------------------------------------------------------------------------------------------

/// A terminal in raw mode, as it was before when this goes.
class RawTerminal {
  public:
    explicit RawTerminal(int fd) {
        // A background job that changed the terminal would be stopped.
        if (!isatty(fd) || tcgetpgrp(fd) != getpgrp() || tcgetattr(fd, &before_) != 0) return;
        termios raw = before_;
        cfmakeraw(&raw);
        raw.c_oflag |= OPOST;  // the emulator's own messages still get their carriage returns
        raw.c_cc[VMIN] = 1;
        raw.c_cc[VTIME] = 0;
        if (tcsetattr(fd, TCSANOW, &raw) == 0) fd_ = fd;
    }
    RawTerminal(const RawTerminal&) = delete;
    RawTerminal& operator=(const RawTerminal&) = delete;
    ~RawTerminal() {
        if (fd_ >= 0) tcsetattr(fd_, TCSADRAIN, &before_);
    }

  private:
    int fd_ = -1;
    termios before_{};
};

class StdioBackend final : public CharBackend {
  public:
    StdioBackend(Log& log, std::string part, CharBackendOptions options)
        : options_(std::move(options)),
          reading_(options_.input),
          terminal_(options_.input ? STDIN_FILENO : -1),
          own_output_(reopen_non_blocking(STDOUT_FILENO, O_WRONLY)),
          output_(log, std::move(part)) {
        struct stat status {};
        const bool regular = fstat(STDOUT_FILENO, &status) == 0 && S_ISREG(status.st_mode);
        if (own_output_)
            output_.attach(own_output_.get(), HostOutput::Kind::NonBlocking);
        else
            output_.attach(STDOUT_FILENO, regular ? HostOutput::Kind::Regular : HostOutput::Kind::Shared);
    }
    void write(std::span<const u8> bytes) override {
        if (!timestamps_) return output_.write(bytes);
        for (const u8 byte : bytes) {
            if (std::exchange(line_start_, byte == '\n')) write_timestamp();
            output_.write({&byte, 1});
        }
    }
    void flush() override { output_.flush(); }
    [[nodiscard]] bool has_input() const override { return !input_.empty(); }
    size_t read(std::span<u8> out) override { return input_.take(out); }
    void poll() override {
        output_.poll();
        if (reading_ &&
            input_.fetch(STDIN_FILENO, [this](u8 byte) { typed(byte); }) == HostInput::Outcome::Closed)
            reading_ = false;
    }
    bool take_break() override { return std::exchange(break_, false); }

  private:
    void say(std::string_view text) {
        output_.write({reinterpret_cast<const u8*>(text.data()), text.size()});
    }
    void write_timestamp() {
        const auto ms =
            std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - start_)
                .count();
        say(fmt::format("[{:02}:{:02}:{:02}.{:03}] ", ms / 3'600'000, ms / 60'000 % 60, ms / 1000 % 60,
                        ms % 1000));
    }
    void typed(u8 byte) {
        const EscapeKeys::Step step = escape_.feed(byte);
        if (step.byte) input_.add(*step.byte);
        if (!step.command) return;
        switch (*step.command) {
            case EscapeKeys::Command::Help: say(fmt::format("\n{}", EscapeKeys::help())); break;
            case EscapeKeys::Command::Quit:
                if (options_.quit) options_.quit();
                break;
            case EscapeKeys::Command::Break: break_ = true; break;
            case EscapeKeys::Command::Debugger:
                if (options_.debugger)
                    options_.debugger();
                else
                    say("\nthere is no debugger in this run\n");
                break;
            case EscapeKeys::Command::Timestamps:
                timestamps_ = !timestamps_;
                line_start_ = timestamps_;
                break;
        }
    }

    CharBackendOptions options_;
    bool reading_;
    RawTerminal terminal_;
    Descriptor own_output_;
    HostOutput output_;  // before the terminal's mode goes back, what waits is written
    HostInput input_;
    EscapeKeys escape_;
    bool break_ = false;
    bool timestamps_ = false;
    bool line_start_ = false;
    std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

// ---- pty
// ---------------------------------------------------------------------------------------------------------

class PtyBackend final : public CharBackend {
  public:
    PtyBackend(Log& log, std::string part, Descriptor master)
        : master_(std::move(master)), output_(log, std::move(part)) {}

    void write(std::span<const u8> bytes) override { output_.write(bytes); }
    void flush() override { output_.flush(); }
    [[nodiscard]] bool has_input() const override { return !input_.empty(); }
    size_t read(std::span<u8> out) override { return input_.take(out); }
    void poll() override {
        // Hang-up is the state without a user at the other side.
        pollfd state{master_.get(), POLLIN, 0};
        ::poll(&state, 1, 0);
        if (state.revents & POLLIN) input_.fetch(master_.get());
        const bool present = !(state.revents & POLLHUP);
        if (present && !output_.attached()) output_.attach(master_.get(), HostOutput::Kind::NonBlocking);
        if (!present && output_.attached()) output_.detach();
        output_.poll();
    }
    [[nodiscard]] bool connected() const override { return output_.attached(); }

  private:
    Descriptor master_;
    HostOutput output_;
    HostInput input_;
};

Result<std::unique_ptr<CharBackend>> open_pty(std::string_view part, Log& log) {
    Descriptor master(posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC));
    if (!master || grantpt(master.get()) != 0 || unlockpt(master.get()) != 0)
        return fail("{}", std::strerror(errno));
    std::array<char, 128> name{};
    if (ptsname_r(master.get(), name.data(), name.size()) != 0) return fail("{}", std::strerror(errno));
    // Raw, no echo. Opening and closing the other side once makes its absence visible as a hang-up.
    Descriptor slave(open(name.data(), O_RDWR | O_NOCTTY | O_CLOEXEC));
    termios mode{};
    if (!slave || tcgetattr(slave.get(), &mode) != 0)
        return fail("{}: {}", name.data(), std::strerror(errno));
    cfmakeraw(&mode);
    tcsetattr(slave.get(), TCSANOW, &mode);
    fcntl(master.get(), F_SETFL, O_RDWR | O_NONBLOCK);
    fmt::print(stderr, "gnomon: {} is at {}\n", part, name.data());
    return std::unique_ptr<CharBackend>(new PtyBackend(log, std::string(part), std::move(master)));
}

// ---- tcp
// ---------------------------------------------------------------------------------------------------------

class TcpBackend final : public CharBackend {
  public:
    TcpBackend(Log& log, std::string part, Descriptor socket, bool server)
        : log_(log), part_(part), output_(log, std::move(part)) {
        if (server)
            listener_ = std::move(socket);
        else
            adopt(std::move(socket));
    }
    void write(std::span<const u8> bytes) override { output_.write(bytes); }
    void flush() override { output_.flush(); }
    [[nodiscard]] bool has_input() const override { return !input_.empty(); }
    size_t read(std::span<u8> out) override { return input_.take(out); }
    void poll() override {
        if (!peer_ && listener_) {
            Descriptor fresh(accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
            if (fresh) adopt(std::move(fresh));
        }
        if (!peer_) return;
        output_.poll();
        if (input_.fetch(peer_.get()) == HostInput::Outcome::Closed) {
            log_.info(part_, "the peer has closed the connection");
            output_.detach();
            peer_.reset();
        }
    }
    [[nodiscard]] bool connected() const override { return static_cast<bool>(peer_); }

  private:
    void adopt(Descriptor socket) {
        const int on = 1;
        setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        peer_ = std::move(socket);
        output_.attach(peer_.get(), HostOutput::Kind::NonBlocking);
    }

    Log& log_;
    std::string part_;
    Descriptor listener_;
    Descriptor peer_;
    HostOutput output_;
    HostInput input_;
};

/// A socket listening at, or connected to, `address`; otherwise none, and errno.
Descriptor open_socket(const addrinfo& address, bool server) {
    Descriptor socket(
        ::socket(address.ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, address.ai_protocol));
    if (!socket) return {};
    if (server) {
        const int on = 1;
        setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
        if (bind(socket.get(), address.ai_addr, address.ai_addrlen) != 0 || listen(socket.get(), 1) != 0)
            return {};
    } else if (connect(socket.get(), address.ai_addr, address.ai_addrlen) != 0) {
        if (errno != EINPROGRESS) return {};
        pollfd ready{socket.get(), POLLOUT, 0};
        int error = ETIMEDOUT;
        socklen_t size = sizeof error;
        if (::poll(&ready, 1, kConnectMs) > 0) getsockopt(socket.get(), SOL_SOCKET, SO_ERROR, &error, &size);
        if (error) {
            errno = error;
            return {};
        }
    }
    return socket;
}

Result<std::unique_ptr<CharBackend>> open_tcp(std::string_view part, std::string_view rest, Log& log) {
    bool server = false;
    const size_t comma = rest.find(',');
    std::string_view options = comma == rest.npos ? std::string_view{} : rest.substr(comma + 1);
    rest = rest.substr(0, comma);
    while (!options.empty()) {
        const std::string_view option = options.substr(0, options.find(','));
        options.remove_prefix(std::min(options.size(), option.size() + 1));
        if (option == "server" || option == "server=on")
            server = true;
        else if (option != "nowait" && option != "wait=off" && option != "nodelay" && option != "server=off")
            return fail("'{}' is not an option of tcp; there are server, nowait, nodelay", option);
    }
    const size_t colon = rest.rfind(':');
    if (colon == rest.npos) return fail("tcp needs a host and a port: tcp:HOST:PORT");
    std::string host(rest.substr(0, colon));
    const std::string port(rest.substr(colon + 1));
    if (host.size() > 1 && host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
    if (port.empty() || port.size() > 5 || port.find_first_not_of("0123456789") != port.npos ||
        std::stoul(port) > 65535)
        return fail("'{}' is not a TCP port", port);

    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    if (const int error =
            getaddrinfo(host.empty() ? "127.0.0.1" : host.c_str(), port.c_str(), &hints, &found))
        return fail("{}", gai_strerror(error));
    const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owner(found, freeaddrinfo);
    int error = 0;
    for (const addrinfo* address = found; address; address = address->ai_next) {
        if (Descriptor socket = open_socket(*address, server))
            return std::unique_ptr<CharBackend>(
                new TcpBackend(log, std::string(part), std::move(socket), server));
        error = errno;
    }
    return fail("{}", std::strerror(error));
}

/// A peer that goes away must be an error of write(), not the end of the process.
void ignore_broken_pipes() {
    struct sigaction action {};
    if (sigaction(SIGPIPE, nullptr, &action) == 0 && action.sa_handler == SIG_DFL) signal(SIGPIPE, SIG_IGN);
}

}  // namespace

Result<std::unique_ptr<CharBackend>> open_char_backend(std::string_view part, std::string_view spec, Log& log,
                                                       CharBackendOptions options) {
    ignore_broken_pipes();
    Result<std::unique_ptr<CharBackend>> opened = [&]() -> Result<std::unique_ptr<CharBackend>> {
        if (spec == "none") return std::unique_ptr<CharBackend>(new NoBackend);
        if (spec == "stdio")
            return std::unique_ptr<CharBackend>(new StdioBackend(log, std::string(part), std::move(options)));
        if (spec == "pty") return open_pty(part, log);
        if (spec.starts_with("file:")) return open_file(part, std::string(spec.substr(5)), log);
        if (spec.starts_with("tcp:")) return open_tcp(part, spec.substr(4), log);
        return fail("is not one of {}", kCharBackendForms);
    }();
    if (!opened) return opened.error().in(fmt::format("{}: '{}'", part, spec));
    return opened;
}

}  // namespace gnomon
