// The control socket: programs drive the machine in JSON, framed and named as QEMU's QMP ("QEMU Machine
// Protocol Specification"), so that QMP clients work. docs/control.md lists the commands.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "gui/monitor.h"
#include "gui/session.h"

namespace gnomon {

class ControlServer {
  public:
    virtual ~ControlServer() = default;
    /// Takes new callers, carries out requests, answers. Never blocks; to be called on the machine's thread.
    virtual void poll() = 0;
    /// The run has ended: what is not yet sent gets a moment to leave.
    virtual void finish() = 0;
    /// The port of a TCP socket.
    [[nodiscard]] virtual unsigned port() const = 0;
    /// Who answers monitor lines that are none of monitor.h's.
    virtual void set_monitor_fallback(MonitorFallback fallback) = 0;
};

/// Listens on "unix:PATH" or "tcp:HOST:PORT" and hears of the session's events; the session outlives it.
[[nodiscard]] Result<std::unique_ptr<ControlServer>> open_control_server(std::string_view address,
                                                                         Session& session);
/// Whether this build has it.
[[nodiscard]] bool control_server_built_in();

}  // namespace gnomon
