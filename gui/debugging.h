// A machine under a debugger: the core, symbols, and the GDB stub as the command line asks for it.
#pragma once

#include <functional>
#include <memory>

#include "debugger/debugger.h"
#include "debugger/gdb/server.h"
#include "debugger/symbols/symbols.h"
#include "machine/command_line.h"

namespace gnomon {

class Console;

class Debugging {
  public:
    struct Host {
        std::function<void()> idle;                    ///< display and input while the machine stands
        std::function<int()> signalled;                ///< a signal arrived
        std::function<void(std::string_view)> report;  ///< a line for the user
    };

    /// Null if the command line asks for no debugger.
    [[nodiscard]] static Result<std::unique_ptr<Debugging>> create(const CommandLine& line, Machine& machine,
                                                                   RunLoop& loop, Host host);

    ~Debugging();

    /// Runs the machine to its end.
    RunEnd run() { return stub_->run(); }
    /// From the run loop's front-end callback.
    void poll() { stub_->poll_while_running(); }

  private:
    Debugging(Machine& machine, RunLoop& loop);
    std::string monitor(std::string_view line);
    Result<void> load_symbols(const Config& config, const Host& host);

    Debugger debugger_;
    Symbols symbols_;
    std::string output_;  ///< of the console
    std::unique_ptr<Console> console_;  ///< for GDB's "monitor"
    std::unique_ptr<gdb::Server> stub_;
};

}  // namespace gnomon
