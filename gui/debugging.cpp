// Wires the debugger's parts together.
#include "gui/debugging.h"

#include "debugger/symbols/commands.h"

namespace gnomon {

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
    options.monitor = [raw = debugging.get()](std::string_view command) {
        return run_symbol_command(raw->debugger_, raw->symbols_, command);
    };
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
    return {};
}

}  // namespace gnomon
