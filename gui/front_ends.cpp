// Opening of displays, and the threads that serve them.
#include "gui/front_ends.h"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <exception>
#include <fstream>
#include <thread>

namespace gnomon {
namespace {

/// Displays are served so often: input arrives within that time.
constexpr auto kServeTime = std::chrono::milliseconds(4);

bool uses_stdio(const Config& config) {
    return std::any_of(config.serial.begin(), config.serial.end(),
                       [](const Config::Serial& port) { return port.to == "stdio"; });
}

Result<std::string> vnc_password(const Config& config) {
    if (config.vnc.password_file.empty()) return config.vnc.password;
    std::ifstream file(config.vnc.password_file);
    std::string line;
    if (!std::getline(file, line) || line.empty())
        return fail("vnc.password_file: {}: has no password in its first line", config.vnc.password_file);
    return line;
}

}  // namespace

Result<void> FrontEnds::add(const DisplaySpec& spec, const DisplayOptions& options) {
    Result<std::unique_ptr<Display>> display = make_display(spec, options);
    if (!display) return display.error();
    auto link = std::make_unique<DisplayLink>((*display)->wants());
    displays_.push_back({spec.kind, std::move(*display), std::move(link)});
    return {};
}

Result<FrontEnds> FrontEnds::open(const Config& config) {
    FrontEnds ends;
    DisplayOptions options;
    options.scale = static_cast<unsigned>(config.display.scale);
    options.scaling = config.display.scaling;
    options.full_screen = config.display.full_screen;
    Result<std::string> password = vnc_password(config);
    if (!password) return password.error();
    options.password = std::move(*password);
    const Result<std::vector<DisplaySpec>> specs = parse_displays(config.display.kind);
    if (!specs) return specs.error().in("display.kind");
    for (const DisplaySpec& spec : *specs) {
        if (spec.kind == DisplayKind::None) continue;
        if (spec.kind == DisplayKind::Automatic) {
            if (std::getenv("DISPLAY") || std::getenv("WAYLAND_DISPLAY"))
                if (ends.add({DisplayKind::Sdl}, options)) break;
            if (isatty(STDIN_FILENO) && isatty(STDOUT_FILENO) && !uses_stdio(config))
                (void)ends.add({DisplayKind::Terminal}, options).ok();
            break;
        }
        if (spec.kind == DisplayKind::Terminal && uses_stdio(config))
            return fail(
                "the terminal display and a serial port on stdio both want the terminal; use --display "
                "none, or another place for the port");
        if (Result<void> added = ends.add(spec, options); !added) return added.error();
    }
    return ends;
}

bool FrontEnds::has(DisplayKind kind) const {
    return std::any_of(displays_.begin(), displays_.end(), [&](const Served& s) { return s.kind == kind; });
}

std::vector<DisplayLink*> FrontEnds::links() const {
    std::vector<DisplayLink*> links;
    for (const Served& served : displays_) links.push_back(served.link.get());
    return links;
}

void FrontEnds::serve(bool vnc, const std::atomic<bool>& done) {
    for (bool last = false; !last;) {
        last = done;  // once more afterwards: the last picture
        for (const Served& served : displays_)
            if ((served.kind == DisplayKind::Vnc) == vnc) served.link->serve(*served.display);
        if (!last) std::this_thread::sleep_for(kServeTime);
    }
}

void FrontEnds::run(const std::function<void()>& run) {
    if (displays_.empty()) {
        run();
        return;
    }
    std::atomic<bool> done = false;
    std::exception_ptr thrown;
    std::thread machine([&] {
        try {
            run();
        } catch (...) {
            thrown = std::current_exception();
        }
        done = true;
    });
    std::thread network;
    if (has(DisplayKind::Vnc)) network = std::thread([&] { serve(true, done); });
    serve(false, done);
    machine.join();
    if (network.joinable()) network.join();
    if (thrown) std::rethrow_exception(thrown);
}

}  // namespace gnomon
