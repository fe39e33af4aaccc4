// Callers of the control socket: framing, capabilities negotiation, answers and events.
#include "gui/control_server.h"

#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <deque>
#include <list>

#include "gui/control_commands.h"
#include "gui/listen_socket.h"

namespace gnomon {
namespace {

constexpr size_t kLongestRequest = 1 << 20;
constexpr size_t kMostUnsent = 16 << 20;
constexpr int kFarewellMs = 500;

/// Nothing is wrong with the connection; a host short of memory has no room for the data now.
bool passes(int error) { return error == EAGAIN || error == EINTR || error == ENOBUFS || error == ENOMEM; }

/// Cuts a stream into JSON values: an object or array ends where its last bracket closes, also without a line
/// end.
class JsonFramer {
  public:
    void feed(std::string_view bytes, std::deque<std::string>& out) {
        for (const char c : bytes) take(c, out);
    }
    [[nodiscard]] size_t pending() const { return value_.size(); }

  private:
    void take(char c, std::deque<std::string>& out) {
        const bool blank = c == ' ' || c == '\t' || c == '\r' || c == '\n';
        if (depth_ == 0 && blank) {
            if (!value_.empty()) out.push_back(std::exchange(value_, {}));  // some other value, or garbage
            return;
        }
        value_ += c;
        if (in_string_) {
            if (escaped_)
                escaped_ = false;
            else if (c == '\\')
                escaped_ = true;
            else if (c == '"')
                in_string_ = false;
            return;
        }
        if (c == '"' && depth_ > 0) in_string_ = true;
        if (c == '{' || c == '[') depth_++;
        if ((c == '}' || c == ']') && depth_ > 0 && --depth_ == 0) out.push_back(std::exchange(value_, {}));
    }

    std::string value_;
    unsigned depth_ = 0;
    bool in_string_ = false;
    bool escaped_ = false;
};

Json timestamp() {
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    const auto us = std::chrono::duration_cast<std::chrono::microseconds>(now).count();
    return {{"seconds", us / 1'000'000}, {"microseconds", us % 1'000'000}};
}

/// QMP's form of an event.
Json event_json(const SessionEvent& event) {
    Json json;
    switch (event.kind) {
        case SessionEvent::Kind::Stop: json["event"] = "STOP"; break;
        case SessionEvent::Kind::Resume: json["event"] = "RESUME"; break;
        case SessionEvent::Kind::PowerDown: json["event"] = "POWERDOWN"; break;
        case SessionEvent::Kind::Reset:
            json["event"] = "RESET";
            json["data"] = {{"guest", event.guest},
                            {"reason", event.guest ? "guest-reset" : "host-qmp-system-reset"}};
            break;
        case SessionEvent::Kind::Shutdown:
            json["event"] = "SHUTDOWN";
            json["data"] = {{"guest", event.guest},
                            {"reason", event.guest ? "guest-shutdown" : "host-qmp-quit"},
                            {"exit-status", event.status}};
            if (!event.detail.empty()) json["data"]["detail"] = event.detail;
            break;
        case SessionEvent::Kind::TrayMoved:
            json["event"] = "DEVICE_TRAY_MOVED";
            json["data"] = {{"device", event.detail}, {"id", event.detail}, {"tray-open", event.tray_open}};
            break;
    }
    json["timestamp"] = timestamp();
    return json;
}

class Caller {
  public:
    Caller(Descriptor socket, Session& session, const MonitorFallback& monitor)
        : socket_(std::move(socket)), session_(session), monitor_(monitor) {
        send({{"QMP", {{"version", version_json()}, {"capabilities", Json::array()}}}});
    }

    /// False when the caller has gone.
    bool serve() {
        receive();
        if (wait_) look_at_screen();
        while (!requests_.empty() && !wait_ && !gone_) {
            const std::string request = std::move(requests_.front());
            requests_.pop_front();
            answer(request);
        }
        flush();
        return !gone_;
    }
    void tell(const Json& event) {
        if (negotiated_) send(event);
    }
    void say_farewell() {
        for (int round = 0; round < 2 && !unsent_.empty() && !gone_; round++) {
            pollfd ready{socket_.get(), POLLOUT, 0};
            if (::poll(&ready, 1, kFarewellMs) > 0) flush();
        }
    }

  private:
    void receive() {
        // A caller whose request is being waited for is read later: its socket holds what it sends.
        while (!gone_ && requests_.size() < 64) {
            std::array<char, 4096> bytes;
            const ssize_t count = recv(socket_.get(), bytes.data(), bytes.size(), MSG_DONTWAIT);
            if (count > 0) {
                framer_.feed({bytes.data(), static_cast<size_t>(count)}, requests_);
                if (framer_.pending() > kLongestRequest) gone_ = true;
                continue;
            }
            if (count == 0 || !passes(errno)) gone_ = true;
            break;
        }
    }
    void send(const Json& value) {
        // Characters of the guest's screen are valid UTF-8; whatever else is not gets replaced.
        unsent_ += value.dump(-1, ' ', false, Json::error_handler_t::replace) + "\r\n";
        if (unsent_.size() > kMostUnsent) gone_ = true;
    }
    void flush() {
        while (!unsent_.empty() && !gone_) {
            const ssize_t count =
                ::send(socket_.get(), unsent_.data(), unsent_.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
            if (count > 0)
                unsent_.erase(0, static_cast<size_t>(count));
            else if (count < 0 && !passes(errno))
                gone_ = true;
            else
                break;
        }
    }
    void reply(Json value) {
        if (!id_.is_null()) value["id"] = id_;
        send(value);
    }
    void refuse(const ControlError& error) {
        reply({{"error", {{"class", error.error_class}, {"desc", error.description}}}});
    }
    void answer(const std::string& text) {
        id_ = nullptr;
        const Json request = Json::parse(text, nullptr, false);
        if (request.is_discarded()) return refuse({.description = "Invalid JSON syntax"});
        if (!request.is_object()) return refuse({.description = "QMP input must be a JSON object"});
        if (request.contains("id")) id_ = request["id"];
        for (const auto& [name, value] : request.items())
            if (name != "execute" && name != "arguments" && name != "id")
                return refuse({.description = fmt::format("QMP input member '{}' is unexpected", name)});
        if (!request.contains("execute")) return refuse({.description = "QMP input lacks member 'execute'"});
        if (!request["execute"].is_string())
            return refuse({.description = "QMP input member 'execute' must be a string"});
        const Json arguments = request.value("arguments", Json::object());
        if (!arguments.is_object())
            return refuse({.description = "QMP input member 'arguments' must be an object"});
        execute(request["execute"].get<std::string>(), arguments);
    }
    void execute(const std::string& name, const Json& arguments) {
        if (name == "qmp_capabilities") {
            if (negotiated_)
                return refuse(
                    {"CommandNotFound", "Capabilities negotiation is already complete, command ignored"});
            negotiated_ = true;
            return reply({{"return", Json::object()}});
        }
        if (!negotiated_)
            return refuse({"CommandNotFound", "Expecting capabilities negotiation with 'qmp_capabilities'"});
        const std::variant<Json, ControlError> done =
            run_control_command(name, {session_, monitor_, arguments, wait_, absolute_});
        if (const auto* error = std::get_if<ControlError>(&done)) return refuse(*error);
        if (wait_)
            look_at_screen();
        else
            reply({{"return", std::get<Json>(done)}});
    }
    void look_at_screen() {
        const u64 generation = session_.screen_generation();
        const bool late = std::chrono::steady_clock::now() >= wait_->until;
        if (generation == wait_->seen && !late) return;
        wait_->seen = generation;
        const TextScreen screen = session_.screen_text();
        const std::optional<Json> found = wait_->find(screen);
        if (!found && !late) return;
        const TextWait wait = std::move(*wait_);
        wait_.reset();
        if (found) return reply({{"return", *found}});
        refuse({.description = fmt::format("'{}' did not appear within {} s; the screen shows:\n{}",
                                           wait.text, wait.seconds, fmt::join(screen.lines(), "\n"))});
    }

    Descriptor socket_;
    Session& session_;
    const MonitorFallback& monitor_;
    JsonFramer framer_;
    std::deque<std::string> requests_;
    std::string unsent_;
    Json id_;
    std::optional<TextWait> wait_;
    std::array<double, 2> absolute_{};
    bool negotiated_ = false;
    bool gone_ = false;
};

class SocketControlServer final : public ControlServer {
  public:
    SocketControlServer(ListenSocket socket, Session& session)
        : socket_(std::move(socket)), session_(session) {
        session.add_listener([this](const SessionEvent& event) {
            const Json json = event_json(event);
            for (Caller& caller : callers_) caller.tell(json);
        });
        session.add_service([this] { poll(); });
    }

    void poll() override {
        while (Descriptor descriptor = socket_.accept())
            callers_.emplace_back(std::move(descriptor), session_, monitor_);
        callers_.remove_if([](Caller& caller) { return !caller.serve(); });
    }
    void finish() override {
        poll();
        for (Caller& caller : callers_) caller.say_farewell();
        callers_.clear();
    }
    [[nodiscard]] unsigned port() const override { return socket_.port(); }
    void set_monitor_fallback(MonitorFallback fallback) override { monitor_ = std::move(fallback); }

  private:
    ListenSocket socket_;
    Session& session_;
    MonitorFallback monitor_;
    std::list<Caller> callers_;
};

}  // namespace

Result<std::unique_ptr<ControlServer>> open_control_server(std::string_view address, Session& session) {
    Result<ListenSocket> socket = ListenSocket::open(address);
    if (!socket) return socket.error();
    return std::unique_ptr<ControlServer>(std::make_unique<SocketControlServer>(std::move(*socket), session));
}

bool control_server_built_in() { return true; }

}  // namespace gnomon
