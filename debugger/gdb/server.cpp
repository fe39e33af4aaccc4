// Sockets, acknowledgements, and the alternation of standing and running.
#include "debugger/gdb/server.h"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace gnomon::gdb {
namespace {

constexpr int kLookMs = 8;
constexpr size_t kOutputPiece = 1024;

struct Endpoint {
    std::string host = "127.0.0.1";
    std::string port = "1234";
};

/// "1234", ":1234", "tcp::1234", "0.0.0.0:1234", "[::1]:1234".
Result<Endpoint> parse_endpoint(std::string_view text) {
    Endpoint endpoint;
    if (text.starts_with("tcp:")) text.remove_prefix(4);
    if (text.empty()) return endpoint;
    std::string_view port = text;
    if (const size_t colon = text.rfind(':'); colon != text.npos) {
        std::string_view host = text.substr(0, colon);
        port = text.substr(colon + 1);
        if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
        if (!host.empty()) endpoint.host = host;
    }
    if (port.empty() || port.size() > 5 || port.find_first_not_of("0123456789") != port.npos ||
        std::stoul(std::string(port)) > 65535)
        return fail("\"{}\" is no port; expected [HOST:]PORT, as 1234 or 0.0.0.0:1234", port);
    endpoint.port = port;
    return endpoint;
}

bool wait_readable(int descriptor, int timeout_ms) {
    pollfd poll_for{descriptor, POLLIN, 0};
    return poll(&poll_for, 1, timeout_ms) > 0;
}

}  // namespace

Result<std::unique_ptr<Server>> Server::create(Debugger& debugger, ServerOptions options) {
    std::unique_ptr<Server> server(new Server(debugger, std::move(options)));
    if (Result<void> listening = server->listen(); !listening) return listening.error().in("--gdb");
    return server;
}

Server::~Server() {
    session_.reset();
    if (connection_ >= 0) close(connection_);
    if (listener_ >= 0) close(listener_);
}

Result<void> Server::listen() {
    Result<Endpoint> endpoint = parse_endpoint(options_.address);
    if (!endpoint) return endpoint.error();
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_PASSIVE;
    addrinfo* found = nullptr;
    if (const int failed = getaddrinfo(endpoint->host.c_str(), endpoint->port.c_str(), &hints, &found);
        failed != 0)
        return fail("{}:{}: {}", endpoint->host, endpoint->port, gai_strerror(failed));
    const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owner(found, &freeaddrinfo);
    listener_ = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const int on = 1;
    if (listener_ >= 0) setsockopt(listener_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (listener_ < 0 || bind(listener_, found->ai_addr, found->ai_addrlen) != 0 ||
        ::listen(listener_, 1) != 0)
        return fail("{}:{}: {}", endpoint->host, endpoint->port, std::strerror(errno));
    sockaddr_storage bound{};
    socklen_t size = sizeof bound;
    if (getsockname(listener_, reinterpret_cast<sockaddr*>(&bound), &size) == 0)
        port_ = ntohs(bound.ss_family == AF_INET6 ? reinterpret_cast<sockaddr_in6*>(&bound)->sin6_port
                                                  : reinterpret_cast<sockaddr_in*>(&bound)->sin_port);
    report(fmt::format("GDB stub on {}:{}{}", endpoint->host, port_,
                       options_.paused ? "; the machine waits for a debugger" : ""));
    return {};
}

void Server::report(std::string_view line) {
    if (options_.report) options_.report(line);
}

void Server::accept_connection(int timeout_ms) {
    if (connection_ >= 0 || !wait_readable(listener_, timeout_ms)) return;
    connection_ = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (connection_ < 0) return;
    const int on = 1;
    setsockopt(connection_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    reader_.clear();
    acknowledges_ = true;
    waits_for_stop_ = false;
    report("a debugger is connected; the machine is stopped");
}

void Server::disconnect(std::string_view why) {
    session_.reset();
    close(connection_);
    connection_ = -1;
    waits_for_stop_ = false;
    report(why);
}

bool Server::receive(int timeout_ms) {
    if (!wait_readable(connection_, timeout_ms)) return false;
    std::array<char, 16384> bytes{};
    const ssize_t count = recv(connection_, bytes.data(), bytes.size(), 0);
    if (count < 0 && errno == EINTR) return false;
    if (count <= 0) {
        disconnect(debugger_.running() ? "the debugger is gone; the machine runs on"
                                       : "the debugger is gone; the machine stands until another connects");
        return false;
    }
    reader_.feed({bytes.data(), static_cast<size_t>(count)});
    return true;
}

void Server::send(std::string_view bytes) {
    while (connection_ >= 0 && !bytes.empty()) {
        const ssize_t count = ::send(connection_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) return;  // the next receive() finds the connection closed
        bytes.remove_prefix(static_cast<size_t>(count));
    }
}

void Server::send_packet(std::string_view content) {
    last_packet_ = frame(content);
    send(last_packet_);
}

/// GDB takes "O" packets with text while it waits for the reply to a command or for a stop.
void Server::send_output(std::string_view text) {
    while (!text.empty()) {
        const std::string_view piece = text.substr(0, kOutputPiece);
        text.remove_prefix(piece.size());
        send_packet("O" + to_hex(piece));
    }
}

std::optional<Motion> Server::serve(const std::string& packet) {
    if (acknowledges_) send("+");
    Reaction reaction = session_->handle(packet);
    if (reaction.no_acknowledgements) acknowledges_ = false;
    // Text may come only before replies that GDB awaits as a command's or the machine's end.
    if (!reaction.output.empty() && packet != "?") send_output(reaction.output);
    if (reaction.reply) send_packet(*reaction.reply);
    if (reaction.kill) {
        killed_ = true;
        disconnect("the debugger has ended the machine");
        return Motion{};
    }
    if (reaction.detach) {
        disconnect("the debugger is gone; the machine runs on");
        return Motion{};
    }
    waits_for_stop_ = reaction.resume.has_value();
    return reaction.resume;
}

std::optional<Motion> Server::wait_for_motion() {
    std::string packet;
    for (;;) {
        if (options_.signalled)
            if (const int signal = options_.signalled(); signal != 0) {
                debugger_.machine().end(128 + signal, fmt::format("ended by signal {}", signal));
                killed_ = true;
                return {};
            }
        if (options_.idle) options_.idle();
        if (debugger_.machine().ending()) return {};  // the window was closed
        if (connection_ < 0) {
            accept_connection(kLookMs);
            if (connection_ >= 0) session_ = std::make_unique<Session>(debugger_, options_.monitor);
            continue;
        }
        switch (reader_.next(packet)) {
            case PacketReader::Kind::Nothing: receive(kLookMs); break;
            case PacketReader::Kind::Packet:
                if (std::optional<Motion> motion = serve(packet)) return motion;
                break;
            case PacketReader::Kind::Corrupt: send("-"); break;
            case PacketReader::Kind::Refused: send(last_packet_); break;
            case PacketReader::Kind::Interrupt:  // the machine already stands
            case PacketReader::Kind::Acknowledged: break;
        }
    }
}

void Server::poll_while_running() {
    if (!debugger_.running()) return;
    if (connection_ < 0) {
        accept_connection(0);
        if (connection_ >= 0) debugger_.interrupt("a debugger connected");
        return;
    }
    while (receive(0)) {
    }
    if (connection_ < 0) return;
    std::string packet;
    for (;;) {
        switch (reader_.next(packet)) {
            case PacketReader::Kind::Nothing: return;
            case PacketReader::Kind::Interrupt: debugger_.interrupt("interrupted by the debugger"); break;
            case PacketReader::Kind::Packet:
                // lldb asks whether a stop was missed; anything else has to wait for one.
                if (acknowledges_) send("+");
                if (packet == "k" || packet.starts_with("vKill")) {
                    killed_ = true;
                    debugger_.interrupt("ended by the debugger");
                } else if (packet != "vCtrlC") {
                    send_packet("E16");
                } else {
                    send_packet("OK");
                    debugger_.interrupt("interrupted by the debugger");
                }
                break;
            default: break;
        }
    }
}

RunEnd Server::run() {
    bool stands = options_.paused;
    for (;;) {
        Motion motion;
        if (stands) {
            const std::optional<Motion> wanted = wait_for_motion();
            if (killed_ || !wanted) {
                if (!debugger_.machine().ending()) debugger_.machine().end(0, "ended by the debugger");
                return *debugger_.machine().ending();
            }
            motion = *wanted;
        }
        debugger_.stop_at_triple_faults(connection_ >= 0);
        const Stop& stop = debugger_.go(motion);
        // A stop ends the run loop's run like the end of the machine; from here on an end is one of the
        // user's.
        if (stop.kind != StopKind::Ended) debugger_.machine().resume();
        if (waits_for_stop_ && session_) {
            send_output(session_->stop_remark());
            send_packet(session_->stop_reply());
            waits_for_stop_ = false;
        }
        if (killed_) {
            debugger_.machine().end(0, "ended by the debugger");
            return *debugger_.machine().ending();
        }
        if (stop.kind == StopKind::Ended) {
            if (connection_ >= 0) disconnect("the machine has ended");
            return *stop.end;
        }
        if (connection_ >= 0 && !session_) session_ = std::make_unique<Session>(debugger_, options_.monitor);
        stands = connection_ >= 0;
    }
}

}  // namespace gnomon::gdb
