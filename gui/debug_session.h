// The debugger's console around a run: from the first instruction (--debug, --debug-script), or when the user
// presses Ctrl-C in the terminal.
#pragma once

#include <memory>

#include "debugger/console/console.h"
#include "machine/command_line.h"

namespace gnomon {

class DebugSession {
  public:
    /// `terminal_is_free`: nothing else reads from it, so that Ctrl-C may open the console.
    DebugSession(Machine& machine, RunLoop& loop, const CommandLine& line, bool terminal_is_free);

    /// In place of RunLoop::run(): returns when the run has ended or the user quits.
    RunEnd run();
    /// Ctrl-C, on the machine's thread while it runs; false: it is to end the run.
    bool interrupt();

  private:
    void open();
    RunEnd talk();

    Machine& machine_;
    RunLoop& loop_;
    const CommandLine& line_;
    bool terminal_is_free_;
    std::unique_ptr<Debugger> debugger_;
    std::unique_ptr<Console> console_;
};

}  // namespace gnomon
