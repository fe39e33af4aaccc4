// The program: command line, machine, front end, exit status.
#include <fmt/format.h>
#include <signal.h>

#include "machine/run_loop.h"

namespace {
volatile sig_atomic_t caught_signal = 0;
}

int main(int argc, char** argv) {
    using namespace gnomon;
    Config config;
    RunOptions options;
    for (int i = 1; i + 1 < argc; i += 2) {
        const std::string_view option = argv[i];
        if (option == "--kernel") config.boot.kernel = argv[i + 1];
        if (option == "--initrd") config.boot.initrd = {argv[i + 1]};
        if (option == "--append") config.boot.append = argv[i + 1];
        if (option == "--serial") config.serial[0].to = argv[i + 1];
        if (option == "--debugcon") config.debug.console = argv[i + 1];
        if (option == "--fw") config.debug.firmware = argv[i + 1];
        if (option == "--fda") config.floppy[0].file = argv[i + 1];
        if (option == "--hda") config.disk[0].file = argv[i + 1];
        if (option == "--cdrom") config.cdrom[2].file = argv[i + 1];
        if (option == "--bios") config.firmware.bios = argv[i + 1];
        if (option == "--vgabios") config.firmware.vgabios = argv[i + 1];
        if (option == "--log") config.log.level = argv[i + 1];
        if (option == "--timeout") options.timeout_ns = std::stoull(argv[i + 1]) * 1'000'000'000;
        if (option == "--max") options.max_instructions = std::stoull(argv[i + 1]);
        if (option == "--boot") config.boot.order = argv[i + 1];
    }
    auto machine = Machine::create(config, {});
    if (!machine) {
        fmt::print(stderr, "gnomon: {}\n", machine.error().message);
        return 2;
    }
    signal(SIGINT, [](int number) { caught_signal = number; });
    signal(SIGTERM, [](int number) { caught_signal = number; });
    options.signalled = [] { return static_cast<int>(caught_signal); };
    options.report = [](std::string_view text) { fmt::print(stderr, "{}", text); };
    options.reboot = false;
    RunLoop loop(**machine, options);
    const RunEnd end = loop.run();
    for (const std::string& line : (*machine)->vga().text_screen()) fmt::print(stderr, "|{}\n", line);
    fmt::print(stderr, "gnomon: status {} {}; {} instructions, {:.2f} s\n", end.status, end.reason,
               (*machine)->clock().instructions(), static_cast<double>(loop.host_ns()) / 1e9);
    return end.status;
}
