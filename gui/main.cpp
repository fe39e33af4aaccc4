// The program: command line, machine, front end, exit status.
#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "debugger/explain.h"
#include "gui/audio.h"
#include "gui/control_server.h"
#include "gui/debug_session.h"
#include "gui/front_ends.h"
#include "gui/screenshot.h"
#include "gui/session.h"
#include "machine/command_line.h"
#include "machine/config_keys.h"
#include "machine/snapshot.h"
#include "machine/stats.h"

namespace gnomon {
namespace {

constexpr int kUsage = 2;
constexpr int kOurFault = 70;

volatile sig_atomic_t caught_signal = 0;

void complain(std::string_view message) { fmt::print(stderr, "gnomon: {}\n", message); }

std::string features() {
    return fmt::format(
        "gnomon {}\nprocessors: 16, 32 and 64 bit, up to 64\ndisplays: {}\ncontrol socket: {}\ndebugger: {}\nimages: raw\n"
        "sound: {}\nnot built in: network\n",
        GNOMON_VERSION, fmt::join(built_in_displays(), ", "), control_server_built_in() ? "yes" : "no", console_features(), built_in_audio());
}

Result<void> write_text(const std::string& path, const std::string& text) {
    std::ofstream file(path, std::ios::binary | std::ios::trunc);
    file << text;
    file.close();
    if (!file) return fail("{}: cannot be written", path);
    return {};
}

/// What the options want to have at the end of the run.
Result<void> write_results(const CommandLine& line, Machine& machine, u64 host_ns) {
    if (!line.stats.empty())
        if (Result<void> done = write_text(line.stats, stats_json(machine, host_ns)); !done)
            return done.error().in("--stats");
    if (!line.screenshot.empty()) {
        Frame frame;
        machine.vga().render(frame);
        if (Result<void> done = write_png(line.screenshot, frame); !done)
            return done.error().in("--screenshot");
    }
    if (!line.screen_text.empty()) {
        TextScreen screen;
        machine.vga().read_text(screen);
        if (Result<void> done = write_screen_text(line.screen_text, screen); !done)
            return done.error().in("--screen-text");
    }
    if (!line.save_state.empty())
        if (Result<void> done = save_machine_file(machine, line.save_state); !done)
            return done.error().in("--save-state");
    return {};
}

void catch_signals() {
    struct sigaction action {};
    action.sa_handler = [](int number) { caught_signal = number; };
    for (const int number : {SIGINT, SIGTERM, SIGHUP}) sigaction(number, &action, nullptr);
    signal(SIGPIPE, SIG_IGN);
}

/// A run of hours must not find out at its end that a result has no place.
Result<void> check_results(const CommandLine& line) {
    const std::pair<const char*, const std::string&> wanted[] = {{"--stats", line.stats},
                                                                 {"--screenshot", line.screenshot},
                                                                 {"--screen-text", line.screen_text},
                                                                 {"--save-state", line.save_state}};
    for (const auto& [option, path] : wanted) {
        if (path.empty()) continue;
        const std::filesystem::path file(path);
        std::error_code ignored;
        const bool is_there = std::filesystem::exists(file, ignored);
        const std::string place = is_there ? path : file.has_parent_path() ? file.parent_path().string() : ".";
        int error = ::access(place.c_str(), W_OK) == 0 ? 0 : errno;
        if (is_there && std::filesystem::is_directory(file, ignored)) error = EISDIR;
        if (error != 0) return fail("{}: {}: {}", option, path, std::strerror(error));
    }
    return {};
}

/// Files that we open must not become standard input, output or error where those were closed.
void hold_standard_descriptors() {
    for (const int descriptor : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
        if (::fcntl(descriptor, F_GETFD) == -1 && ::open("/dev/null", O_RDWR) == -1) return;
}

/// Opens what the user sees, builds the machine, runs it, and leaves what the options want to have.
int run(const CommandLine& line) {
    if (Result<void> possible = check_results(line); !possible) {
        complain(possible.error().message);
        return kUsage;
    }
    Result<FrontEnds> front = FrontEnds::open(line.config);
    if (!front) {
        complain(at_origin(line.config, front.error()).message);
        return kUsage;
    }
    const auto refuse = [&](const Error& error) {
        front->close();
        complain(at_origin(line.config, error).message);
        return kUsage;
    };
    HostEnvironment host;
    host.attended = !front->empty();
    Result<std::unique_ptr<AudioSink>> audio = open_audio(line.config, front->has(DisplayKind::Sdl), complain);
    if (!audio) return refuse(audio.error());
    host.audio = std::move(*audio);
    Result<std::unique_ptr<Machine>> made = Machine::create(line.config, std::move(host));
    if (!made) return refuse(made.error());
    Machine& machine = **made;
    if (!line.load_state.empty())
        if (Result<void> loaded = load_machine_file(machine, line.load_state); !loaded)
            return refuse(loaded.error().in("--load-state"));
    if (!line.stats.empty()) count_for_stats(machine);

    std::string report;
    Session* running = nullptr;
    RunOptions options;
    options.timeout_ns = line.config.limit.timeout * 1'000'000'000;
    options.max_instructions = line.config.limit.instructions;
    options.reboot = line.config.boot.reboot;
    options.front_end = [&] { running->step(); };
    DebugSession* debugging = nullptr;
    options.signalled = [&] {
        if (caught_signal == SIGINT && debugging->interrupt()) caught_signal = 0;
        return static_cast<int>(caught_signal);
    };
    options.shutdown_report = [&](Cpu& cpu) { return explain_shutdown(machine, cpu); };
    options.halt_report = [&](Cpu& cpu) { return explain_halt(machine, cpu); };
    // Somebody may still reset a machine that has halted for good.
    options.stay_when_halted = front->has(DisplayKind::Sdl) || front->has(DisplayKind::Vnc);
    // A terminal display owns the terminal until it ends.
    const bool hold = front->has(DisplayKind::Terminal);
    options.report = [&](std::string_view text) {
        if (hold)
            report += text;
        else
            fmt::print(stderr, "{}", text);
    };
    RunLoop loop(machine, options);
    Session session(machine, loop, {.state_file = line.config.display.state_file});
    for (DisplayLink* link : front->links()) session.add_display(*link);
    if (machine.sound().active())
        session.set_mute_handler([&](bool muted) { machine.sound().set_muted(muted); });
    running = &session;
    std::unique_ptr<ControlServer> control;
    if (line.config.control.listen != "none") {
        Result<std::unique_ptr<ControlServer>> opened = open_control_server(line.config.control.listen, session);
        if (!opened) return refuse(opened.error().in("control.listen"));
        control = std::move(*opened);
    }
    const bool serial_on_terminal = std::any_of(line.config.serial.begin(), line.config.serial.end(),
                                                [](const Config::Serial& port) { return port.to == "stdio"; });
    DebugSession debug_session(machine, loop, line, !hold && !serial_on_terminal);
    debugging = &debug_session;
    const Result<void> prepared = debug_session.prepare(
        {[&] { session.step(); }, options.signalled, [](std::string_view text) { complain(text); }});
    if (!prepared) return refuse(prepared.error());
    session.add_service([&] { debug_session.poll(); });
    if (control) control->set_monitor_fallback([&](std::string_view line) { return debug_session.inspect(line); });

    catch_signals();
    RunEnd end;
    front->run([&] {
        end = debug_session.run();
        machine.sound().flush();
        session.finish(end);
        if (control) control->finish();
    });
    front->close();
    if (!report.empty()) fmt::print(stderr, "{}", report);
    machine.log().write_guest_counts();
    if (end.status == 4) fmt::print(stderr, "{}", explain_halt(machine, machine.cpu()));
    if (!end.reason.empty()) complain(end.reason);
    if (Result<void> written = write_results(line, machine, loop.host_ns()); !written) {
        complain(written.error().message);
        return kUsage;
    }
    return end.status;
}

}  // namespace
}  // namespace gnomon

int main(int argc, char** argv) {
    using namespace gnomon;
    hold_standard_descriptors();
    try {
        const Result<CommandLine> line = parse_command_line({argv + 1, argv + argc}, features());
        if (!line) {
            complain(line.error().message);
            return kUsage;
        }
        if (line->print) {
            fmt::print("{}", *line->print);
            if (!line->print->ends_with('\n')) fmt::print("\n");
            return 0;
        }
        for (const std::string& note : line->notes) complain(note);
        return run(*line);
    } catch (const std::exception& error) {
        complain(fmt::format("internal error: {}", error.what()));
        return kOurFault;
    }
}
