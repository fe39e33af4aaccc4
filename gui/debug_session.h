// The debuggers around a run: the console, from the first instruction (--debug, --debug-script) or when the user
// presses Ctrl-C in the terminal; and the GDB stub (--gdb).
#pragma once

#include <functional>
#include <memory>

#include "debugger/console/console.h"
#include "debugger/gdb/server.h"
#include "debugger/symbols/symbols.h"
#include "machine/command_line.h"

namespace gnomon {

class DebugSession {
  public:
    /// `terminal_is_free`: nothing else reads from it, so that Ctrl-C may open the console.
    DebugSession(Machine& machine, RunLoop& loop, const CommandLine& line, bool terminal_is_free);

    /// What the GDB stub needs while the machine stands.
    struct Host {
        std::function<void()> idle;                    ///< display and input
        std::function<int()> signalled;                ///< a signal arrived
        std::function<void(std::string_view)> report;  ///< a line for the user
    };
    /// Loads symbols and opens the GDB stub as the options ask.
    Result<void> prepare(Host host);
    /// The run loop's front-end callback.
    void poll() {
        if (stub_) stub_->poll_while_running();
    }
    /// A line of the console that looks at the machine, or changes its registers or memory, but neither moves nor stops
    /// it: between two slices of the run, on the machine's thread.
    Result<std::string> inspect(std::string_view line);
    /// In place of RunLoop::run(): returns when the run has ended or the user quits.
    RunEnd run();
    /// Ctrl-C, on the machine's thread while it runs; false: it is to end the run.
    bool interrupt();

  private:
    void open();
    RunEnd talk();
    std::string monitor(std::string_view line);
    std::string execute(std::string_view line);

    Machine& machine_;
    RunLoop& loop_;
    const CommandLine& line_;
    bool terminal_is_free_;
    std::unique_ptr<Debugger> debugger_;
    std::unique_ptr<Console> console_;
    Symbols symbols_;
    std::string* output_ = nullptr;  ///< of the console while GDB's "monitor" uses it; else it goes to the terminal
    std::unique_ptr<gdb::Server> stub_;
};

}  // namespace gnomon
