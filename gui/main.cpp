// The program: command line, machine, front end, exit status.
#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <fstream>

#include "gui/debugging.h"
#include "gui/display.h"
#include "gui/screenshot.h"
#include "machine/command_line.h"
#include "machine/run_loop.h"
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
        "gnomon {}\nprocessors: 16 and 32 bit\ndisplays: {}\nimages: raw\nnot built in: console debugger, "
        "SMP, VNC, network, sound\n",
        GNOMON_VERSION, fmt::join(built_in_displays(), ", "));
}

bool uses_stdio(const Config& config) {
    return std::any_of(config.serial.begin(), config.serial.end(),
                       [](const Config::Serial& port) { return port.to == "stdio"; });
}

struct FrontEndChoice {
    std::unique_ptr<Display> display;
    DisplayKind kind = DisplayKind::None;
};

/// The wanted front end, or the best that the host has.
Result<FrontEndChoice> choose_display(const Config& config) {
    DisplayOptions options;
    options.scale = static_cast<unsigned>(config.display.scale);
    const auto make = [&](DisplayKind kind) -> Result<FrontEndChoice> {
        Result<std::unique_ptr<Display>> display = make_display(kind, options);
        if (!display) return display.error();
        return FrontEndChoice{std::move(*display), kind};
    };
    switch (config.display.kind) {
        case DisplayChoice::Sdl: return make(DisplayKind::Sdl);
        case DisplayChoice::Terminal:
            if (uses_stdio(config))
                return fail(
                    "the terminal display and a serial port on stdio both want the terminal; use --display "
                    "none, or another place for the port");
            return make(DisplayKind::Terminal);
        case DisplayChoice::Vnc:
        case DisplayChoice::None: return make(DisplayKind::None);
        case DisplayChoice::Automatic: break;
    }
    if (std::getenv("DISPLAY") || std::getenv("WAYLAND_DISPLAY"))
        if (Result<FrontEndChoice> window = make(DisplayKind::Sdl)) return window;
    if (isatty(STDIN_FILENO) && isatty(STDOUT_FILENO) && !uses_stdio(config))
        if (Result<FrontEndChoice> terminal = make(DisplayKind::Terminal)) return terminal;
    return make(DisplayKind::None);
}

/// Carries screens to the display and the user's input to the machine.
class FrontEnd {
  public:
    FrontEnd(Machine& machine, Display& display) : machine_(machine), display_(display) {}

    void step() {
        events_.clear();
        display_.poll(events_);
        for (const InputEvent& event : events_) std::visit([this](const auto& what) { take(what); }, event);
        show();
        report_speed();
    }

  private:
    using HostClock = std::chrono::steady_clock;

    void take(const KeyInput& key) {
        if (key.down)
            machine_.keyboard().press(key.key);
        else
            machine_.keyboard().release(key.key);
    }
    void take(const PointerMotion& motion) {
        machine_.keyboard().mouse_move(motion.dx, motion.dy, -motion.wheel);
    }
    void take(const PointerButton& button) {
        machine_.keyboard().mouse_button(static_cast<MouseButton>(button.button), button.down);
    }
    void take(const PowerOffRequest&) { machine_.end(0, {}); }

    void show() {
        Vga& vga = machine_.vga();
        const u64 generation = vga.generation();
        if (generation == shown_) return;
        shown_ = generation;
        switch (display_.wants()) {
            case Display::Wants::Picture:
                vga.render(frame_);
                display_.update(frame_);
                break;
            case Display::Wants::Text:
                vga.read_text(text_);
                display_.update(text_);
                break;
            case Display::Wants::Nothing: break;
        }
    }
    void report_speed() {
        const HostClock::time_point now = HostClock::now();
        const double seconds = std::chrono::duration<double>(now - reported_at_).count();
        if (seconds < 0.5) return;
        const u64 instructions = machine_.clock().instructions();
        const u64 guest_ns = machine_.clock().now();
        display_.set_status({static_cast<double>(instructions - instructions_) / 1e6 / seconds,
                             static_cast<double>(guest_ns - guest_ns_) / 1e7 / seconds, false});
        reported_at_ = now;
        instructions_ = instructions;
        guest_ns_ = guest_ns;
    }

    Machine& machine_;
    Display& display_;
    std::vector<InputEvent> events_;
    Frame frame_;
    TextScreen text_;
    u64 shown_ = 0;
    HostClock::time_point reported_at_ = HostClock::now();
    u64 instructions_ = 0;
    u64 guest_ns_ = 0;
};

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

int run(const CommandLine& line) {
    Result<FrontEndChoice> front = choose_display(line.config);
    if (!front) {
        complain(front.error().message);
        return kUsage;
    }
    HostEnvironment host;
    host.attended = front->kind != DisplayKind::None;
    Result<std::unique_ptr<Machine>> made = Machine::create(line.config, std::move(host));
    if (!made) {
        front->display.reset();
        complain(made.error().message);
        return kUsage;
    }
    Machine& machine = **made;
    if (!line.load_state.empty())
        if (Result<void> loaded = load_machine_file(machine, line.load_state); !loaded) {
            front->display.reset();
            complain(loaded.error().in("--load-state").message);
            return kUsage;
        }
    catch_signals();
    FrontEnd front_end(machine, *front->display);
    std::string report;
    RunOptions options;
    options.timeout_ns = line.config.limit.timeout * 1'000'000'000;
    options.max_instructions = line.config.limit.instructions;
    options.reboot = line.config.boot.reboot;
    options.stay_when_halted = front->kind == DisplayKind::Sdl;
    std::unique_ptr<Debugging> debugging;
    const auto show = [&] {
        if (front->kind != DisplayKind::None) front_end.step();
    };
    if (front->kind != DisplayKind::None || line.gdb)
        options.front_end = [&] {
            show();
            if (debugging) debugging->poll();
        };
    options.signalled = [] { return static_cast<int>(caught_signal); };
    // A terminal display owns the terminal until it ends.
    const bool hold = front->kind == DisplayKind::Terminal;
    options.report = [&](std::string_view text) {
        if (hold)
            report += text;
        else
            fmt::print(stderr, "{}", text);
    };
    RunLoop loop(machine, options);
    Result<std::unique_ptr<Debugging>> wanted =
        Debugging::create(line, machine, loop, {show, options.signalled, [](std::string_view text) { complain(text); }});
    if (!wanted) {
        front->display.reset();
        complain(wanted.error().message);
        return kUsage;
    }
    debugging = std::move(*wanted);
    const RunEnd end = debugging ? debugging->run() : loop.run();
    if (front->kind != DisplayKind::None) front_end.step();
    front->display.reset();
    if (!report.empty()) fmt::print(stderr, "{}", report);
    machine.log().write_guest_counts();
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
