// Wires the debugger's parts together.
#include "gui/debugging.h"

#include <algorithm>

#include "debugger/console/console.h"
#include "debugger/symbols/commands.h"

namespace gnomon {

Debugging::Debugging(Machine& machine, RunLoop& loop)
    : debugger_(machine, loop),
      console_(std::make_unique<Console>(debugger_, [this](std::string_view text) { output_ += text; })) {}

Debugging::~Debugging() = default;

Result<std::unique_ptr<Debugging>> Debugging::create(const CommandLine& line, Machine& machine, RunLoop& loop,
                                                     Host host) {
    if (!line.gdb) return std::unique_ptr<Debugging>();
    std::unique_ptr<Debugging> debugging(new Debugging(machine, loop));
    if (Result<void> loaded = debugging->load_symbols(line.config, host); !loaded) return loaded.error();
    gdb::ServerOptions options;
    options.address = *line.gdb;
    options.paused = line.paused;
    options.idle = host.idle;
    options.signalled = host.signalled;
    options.report = host.report;
    options.monitor = [raw = debugging.get()](std::string_view command) { return raw->monitor(command); };
    Result<std::unique_ptr<gdb::Server>> stub = gdb::Server::create(debugging->debugger_, std::move(options));
    if (!stub) return stub.error();
    debugging->stub_ = std::move(*stub);
    return debugging;
}

Result<void> Debugging::load_symbols(const Config& config, const Host& host) {
    for (const std::string& folder : config.debug.sources) symbols_.add_source_folder(folder);
    for (const std::string& spec : config.debug.symbols) {
        Result<std::string> loaded = symbols_.load_spec(spec);
        if (!loaded) return loaded.error().in("debug.symbols");
        host.report(*loaded);
    }
    debugger_.set_symbols(&symbols_);
    console_->add_commands(symbol_commands());
    return {};
}

/// The machine moves only by GDB's own commands: GDB would not notice that it has moved.
std::string Debugging::monitor(std::string_view line) {
    constexpr std::string_view kMoving[] = {"c", "s", "n", "finish", "until", "nextbranch", "nextret", "q"};
    for (std::string_view rest = line; !rest.empty();) {
        const std::string_view one = rest.substr(0, rest.find(';'));
        rest.remove_prefix(std::min(one.size() + 1, rest.size()));
        Arguments words(one);
        const Command* command = words.empty() ? nullptr : console_->find(words.peek());
        const std::string_view name = command ? command->names.substr(0, command->names.find(' ')) : "";
        if (std::find(std::begin(kMoving), std::end(kMoving), name) != std::end(kMoving))
            return fmt::format("\"{}\" would move the machine behind GDB's back: use GDB's own continue, stepi, finish, "
                               "kill\n",
                               words.peek());
    }
    output_.clear();
    console_->execute(line);
    return output_;
}

}  // namespace gnomon
