// The GDB stub: listens on a TCP port, and drives the machine for whoever connects. All on the machine's
// thread: while the machine runs, the run loop polls.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "debugger/debugger.h"
#include "debugger/gdb/packet.h"
#include "debugger/gdb/session.h"
#include "support/result.h"

namespace gnomon::gdb {

struct ServerOptions {
    std::string address;     ///< "[HOST:]PORT", "" is 127.0.0.1:1234; port 0: any that is free
    bool paused = false;     ///< wait for a debugger before the first instruction
    MonitorCommand monitor;  ///< GDB's "monitor"; may be empty
    /// Called every few milliseconds while the machine stands: display and input.
    std::function<void()> idle;
    /// A signal arrived (its number, else 0): the run is to end.
    std::function<int()> signalled;
    /// Lines for the user: who connects, where the stub listens.
    std::function<void(std::string_view)> report;
};

class Server {
  public:
    /// Errors name the address.
    [[nodiscard]] static Result<std::unique_ptr<Server>> create(Debugger& debugger, ServerOptions options);
    ~Server();
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;

    [[nodiscard]] u16 port() const { return port_; }
    /// Runs the machine, under a debugger's control while one is connected, to its end.
    RunEnd run();
    /// To be called by the run loop every few milliseconds: new connections and Ctrl-C stop the machine.
    void poll_while_running();

  private:
    Server(Debugger& debugger, ServerOptions options) : debugger_(debugger), options_(std::move(options)) {}

    Result<void> listen();
    void accept_connection(int timeout_ms);
    void disconnect(std::string_view why);
    /// Bytes from the connection into reader_; false if there was nothing within the time.
    bool receive(int timeout_ms);
    void send(std::string_view bytes);
    void send_packet(std::string_view content);
    void send_output(std::string_view text);
    /// One packet; returns how the machine is to move, if it is to.
    std::optional<Motion> serve(const std::string& packet);
    std::optional<Motion> wait_for_motion();
    void report(std::string_view line);

    Debugger& debugger_;
    ServerOptions options_;
    int listener_ = -1;
    int connection_ = -1;
    u16 port_ = 0;
    std::unique_ptr<Session> session_;  ///< while connected
    PacketReader reader_;
    std::string last_packet_;  ///< to be sent again if it is refused
    bool acknowledges_ = true;
    bool waits_for_stop_ = false;  ///< the debugger resumed the machine and expects a stop reply
    bool killed_ = false;
};

}  // namespace gnomon::gdb
