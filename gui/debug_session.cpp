// See debug_session.h. The debugger is attached only when somebody asks for it.
#include "gui/debug_session.h"

#include <unistd.h>

#include <cstdio>

namespace gnomon {

DebugSession::DebugSession(Machine& machine, RunLoop& loop, const CommandLine& line, bool terminal_is_free)
    : machine_(machine),
      loop_(loop),
      line_(line),
      terminal_is_free_(terminal_is_free && isatty(STDIN_FILENO) && isatty(STDOUT_FILENO)) {}

void DebugSession::open() {
    if (console_) return;
    debugger_ = std::make_unique<Debugger>(machine_, loop_);
    console_ = std::make_unique<Console>(*debugger_, [](std::string_view text) {
        std::fwrite(text.data(), 1, text.size(), stdout);
        std::fflush(stdout);
    });
}

RunEnd DebugSession::run() {
    if (!line_.debug && line_.debug_script.empty()) {
        const RunEnd end = loop_.run();
        if (!end.paused) return end;
        open();
        return talk();
    }
    open();
    if (!line_.debug_script.empty()) {
        if (Result<void> done = console_->run_script(line_.debug_script); !done)
            return RunEnd{2, done.error().in("--debug-script").message};
        if (console_->finished()) return debugger_->stop().end.value_or(RunEnd{});
    }
    if (line_.debug) return talk();
    // Without --debug the script sets things up, and the run is the guest's.
    while (!debugger_->stop().end && !console_->finished()) {
        console_->execute("c");
        if (!debugger_->stop().end && terminal_is_free_) return talk();
        if (debugger_->stop().kind == StopKind::Interrupted) return RunEnd{0, "interrupted"};
    }
    return debugger_->stop().end.value_or(RunEnd{});
}

RunEnd DebugSession::talk() { return console_->prompt(); }

bool DebugSession::interrupt() {
    if (debugger_) {
        debugger_->interrupt();
        return true;
    }
    if (!terminal_is_free_) return false;
    machine_.pause();
    return true;
}

}  // namespace gnomon
