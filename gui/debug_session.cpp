// See debug_session.h. The debugger is attached only when somebody asks for it.
#include "gui/debug_session.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <utility>

#include "debugger/symbols/commands.h"

namespace gnomon {

DebugSession::DebugSession(Machine& machine, RunLoop& loop, const CommandLine& line, bool terminal_is_free)
    : machine_(machine),
      loop_(loop),
      line_(line),
      terminal_is_free_(terminal_is_free && isatty(STDIN_FILENO) && isatty(STDOUT_FILENO)) {}

void DebugSession::open() {
    if (console_) return;
    debugger_ = std::make_unique<Debugger>(machine_, loop_);
    console_ = std::make_unique<Console>(*debugger_, [this](std::string_view text) {
        if (output_) {
            *output_ += text;
            return;
        }
        std::fwrite(text.data(), 1, text.size(), stdout);
        std::fflush(stdout);
    });
    debugger_->set_symbols(&symbols_);
    console_->add_commands(symbol_commands());
    std::string_view rest = line_.config.debug.magic_break;
    for (std::string said; !rest.empty();) {
        const std::string_view one = rest.substr(0, rest.find(','));
        rest.remove_prefix(std::min(one.size() + 1, rest.size()));
        output_ = &said;
        console_->execute(fmt::format("catch magic {}", one));
        output_ = nullptr;
    }
}

Result<void> DebugSession::prepare(Host host) {
    for (const std::string& folder : line_.config.debug.sources) symbols_.add_source_folder(folder);
    for (const std::string& spec : line_.config.debug.symbols) {
        Result<std::string> loaded = symbols_.load_spec(spec);
        if (!loaded) return loaded.error().in("debug.symbols");
        host.report(*loaded);
    }
    if (!line_.gdb) return {};
    open();
    gdb::ServerOptions options;
    options.address = *line_.gdb;
    options.paused = line_.paused;
    options.idle = std::move(host.idle);
    options.signalled = std::move(host.signalled);
    options.report = std::move(host.report);
    options.monitor = [this](std::string_view line) { return monitor(line); };
    Result<std::unique_ptr<gdb::Server>> stub = gdb::Server::create(*debugger_, std::move(options));
    if (!stub) return stub.error();
    stub_ = std::move(*stub);
    return {};
}

/// The machine moves only by GDB's own commands: GDB would not notice that it has moved.
std::string DebugSession::monitor(std::string_view line) {
    constexpr std::string_view kMoving[] = {"c", "s", "n", "finish", "until", "nextbranch", "nextret", "q"};
    for (std::string_view rest = line; !rest.empty();) {
        const std::string_view one = rest.substr(0, rest.find(';'));
        rest.remove_prefix(std::min(one.size() + 1, rest.size()));
        const Arguments words(one);
        const Command* command = words.empty() ? nullptr : console_->find(words.peek());
        const std::string_view name = command ? command->names.substr(0, command->names.find(' ')) : "";
        if (std::find(std::begin(kMoving), std::end(kMoving), name) != std::end(kMoving))
            return fmt::format("\"{}\" would move the machine behind GDB's back: use GDB's own continue, stepi, finish, "
                               "kill\n",
                               words.peek());
    }
    return execute(line);
}

std::string DebugSession::execute(std::string_view line) {
    std::string text;
    std::string* const outer = std::exchange(output_, &text);
    console_->execute(line);
    output_ = outer;
    return text;
}

Result<std::string> DebugSession::inspect(std::string_view line) {
    const bool attached = console_ != nullptr;
    open();
    const Arguments words(line);
    const Command* const command = console_->find(words.peek());
    const std::span<const Command> kinds[] = {register_commands(), memory_commands(), info_commands(), symbol_commands()};
    const bool looks = std::ranges::any_of(kinds, [command](std::span<const Command> kind) {
        return std::ranges::any_of(kind, [command](const Command& row) { return &row == command; });
    });
    Result<std::string> answer = fail("unknown command: '{}'; help lists the commands", words.peek());
    if (line.find(';') != std::string_view::npos)
        answer = fail("one command at a time");
    else if (looks)
        answer = execute(line);
    if (!attached) {
        console_.reset();
        debugger_.reset();
    }
    return answer;
}

RunEnd DebugSession::run() {
    if (stub_) return stub_->run();
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
    if (stub_) return false;  // GDB has its own Ctrl-C; that of the terminal ends the program
    if (debugger_) {
        debugger_->interrupt();
        return true;
    }
    if (!terminal_is_free_) return false;
    machine_.pause();
    return true;
}

}  // namespace gnomon
