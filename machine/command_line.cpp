// Options by CLI11; each that sets something does so through its configuration key.
#include "machine/command_line.h"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>

#include "cpu/model.h"
#include "machine/bochsrc.h"
#include "machine/config_keys.h"

namespace gnomon {
namespace {

/// Options that only set a key.
struct ShortCut {
    const char* option;
    const char* key;
    const char* documentation;
};
constexpr ShortCut kShortCuts[] = {
    {"-m,--memory", "memory.size", "RAM, as 256M or 1G; a number alone is MiB"},
    {"--smp", "cpu.count", "number of processors"},
    {"--cpu", "cpu.model", "processor model, as pentium or pentium3,-pae; \"help\" lists them"},
    {"--kernel", "boot.kernel", "Linux, Multiboot or ELF kernel to start directly"},
    {"--append", "boot.append", "its command line"},
    {"--fda", "floppy.a.file", "image of the floppy disk in drive A"},
    {"--fdb", "floppy.b.file", "image of the floppy disk in drive B"},
    {"--hda", "disk.0.file", "hard disk image: primary master"},
    {"--hdb", "disk.1.file", "hard disk image: primary slave"},
    {"--hdc", "disk.2.file", "hard disk image: secondary master"},
    {"--hdd", "disk.3.file", "hard disk image: secondary slave"},
    {"--boot", "boot.order", "what to boot: letters of a, c, d, n"},
    {"--bios", "firmware.bios", "system BIOS image"},
    {"--vgabios", "firmware.vgabios", "VGA BIOS image"},
    {"--control", "control.listen", "control socket: unix:PATH or tcp:127.0.0.1:PORT"},
    {"--serial", "serial.1.to", "stdio, file:PATH, pty, tcp:HOST:PORT[,server] or none"},
    {"--audio", "audio.output", "sound: sdl, wav:FILE or none"},
    {"--debugcon", "debug.console", "where bytes written to port E9h go: stdio or file:PATH"},
    {"--timeout", "limit.timeout", "end after so many seconds of host time, with status 4"},
    {"--max-instructions", "limit.instructions", "end after so many instructions, with status 4"},
    {"--clock", "clock.mode", "deterministic or realtime"},
    {"--log", "log.level", "LEVEL or part=LEVEL,...: error, warning, info, debug, trace"},
};

constexpr const char* kFooter =
    "FILE is a machine in TOML (docs/config.md has the keys) or a bochsrc.\n"
    "Exit status: 0 powered off; 2 v + 1 the guest wrote v to the exit port; 2 usage or configuration;\n"
    "4 a limit was reached; 6 triple fault under --no-reboot; 8 halted for good; 70 a fault of Gnomon.";

std::string first_long_name(std::string_view names) {
    const size_t comma = names.find(',');
    return std::string(comma == names.npos ? names : names.substr(comma + 1));
}

/// Files that are not text: somebody gave an image where a machine file belongs.
bool holds_binary(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    std::array<char, 4096> head{};
    if (std::filesystem::is_directory(path) || !file) return false;
    file.read(head.data(), head.size());
    return std::find(head.begin(), head.begin() + file.gcount(), '\0') != head.begin() + file.gcount();
}

Result<void> read_machine_file(const std::string& path, CommandLine& line) {
    if (holds_binary(path))
        return fail("{}: is no machine file (TOML or bochsrc); images are given by --fda, --hda or --cdrom, kernels by "
                    "--kernel",
                    path);
    Result<bool> bochs = is_bochsrc_file(path);
    if (!bochs) return bochs.error();
    if (*bochs) return apply_bochsrc_file(line.config, path, line.notes);
    return apply_toml_file(line.config, path);
}

/// Whether a word can be the [HOST:]PORT of --gdb, and not the machine file behind a bare -s.
bool is_endpoint(std::string_view word) {
    const std::string_view port = word.substr(word.rfind(':') + 1);
    return !port.empty() && port.find_first_not_of("0123456789") == port.npos;
}

/// --cdrom is the secondary master, or the next place that no disk has.
unsigned cdrom_place(const Config& config) {
    for (const unsigned place : {2u, 3u, 1u, 0u})
        if (config.disk[place].file.empty()) return place;
    return 2;
}

/// An empty word is what a script's variable leaves that was never set: nobody means it. Only a kernel's command line may be empty.
Result<void> refuse_empty(const CLI::App& app) {
    for (const CLI::Option* option : app.get_options())
        for (const std::string& value : option->results())
            if (value.empty() && option->get_items_expected_min() > 0 && option->get_name() != "--append")
                return fail("{}: its value is empty", option->get_name());
    return {};
}

/// What one key alone cannot tell.
Result<void> check_together(const Config& config) {
    const auto first = std::find_if(config.serial.begin(), config.serial.end(),
                                    [](const Config::Serial& port) { return port.to == "stdio"; });
    for (auto port = first; port != config.serial.end(); ++port)
        if (port != first && port->to == "stdio")
            return fail("serial.{}.to: stdio is what serial.{} reads from; one port can have it",
                        port - config.serial.begin() + 1, first - config.serial.begin() + 1);
    for (std::string_view rest = config.debug.magic_break; !rest.empty();) {
        const std::string_view one = rest.substr(0, rest.find(','));
        rest.remove_prefix(std::min(one.size() + 1, rest.size()));
        constexpr std::string_view kRegisters = " ax cx dx bx sp bp si di ";
        if (kRegisters.find(fmt::format(" {} ", one)) == kRegisters.npos)
            return fail("debug.magic_break: '{}' is not possible; accepted: ax, cx, dx, bx, sp, bp, si, di", one);
    }
    return {};
}

}  // namespace

Result<CommandLine> parse_command_line(const std::vector<std::string>& arguments,
                                       const std::string& features) {
    CLI::App app{"Gnomon, a PC made of software.", "gnomon"};
    app.footer(kFooter);
    app.set_version_flag("--version", features);
    CommandLine line;
    std::string file;
    app.add_option("FILE", file, "machine file");
    std::vector<std::string> assignments;
    app.add_option("--set", assignments, "KEY=VALUE: any configuration key; may be repeated")
        ->allow_extra_args(false);
    std::vector<std::string> values(std::size(kShortCuts));
    std::vector<CLI::Option*> given;
    for (size_t i = 0; i < std::size(kShortCuts); i++)
        given.push_back(app.add_option(kShortCuts[i].option, values[i], kShortCuts[i].documentation));
    std::vector<std::string> initrds;
    CLI::Option* initrd =
        app.add_option("--initrd", initrds, "initial RAM disk or Multiboot module; may be repeated")
            ->allow_extra_args(false);
    std::vector<std::string> displays;
    app.add_option("--display", displays, "sdl, terminal, vnc[:[HOST:]PORT] or none; may be repeated")
        ->allow_extra_args(false);
    std::string cdrom;
    CLI::Option* cd = app.add_option("--cdrom", cdrom, "disc image of the CD-ROM drive");
    bool snapshot = false;
    bool no_reboot = false;
    bool reference = false;
    app.add_flag("--snapshot", snapshot, "throw away at the end what the guest writes to disks")->disable_flag_override();
    app.add_flag("--no-reboot", no_reboot, "end at a triple fault, with status 6")->disable_flag_override();
    app.add_option("--stats", line.stats, "write counters to this JSON file at the end");
    app.add_option("--screenshot", line.screenshot, "write the screen to this PNG file at the end");
    app.add_option("--screen-text", line.screen_text, "write the text on the screen to this file at the end");
    app.add_option("--load-state", line.load_state, "continue from a saved machine");
    app.add_option("--save-state", line.save_state, "save the machine at the end");
    std::string gdb;
    CLI::Option* gdb_option =
        app.add_option("-s,--gdb", gdb, "GDB stub on [HOST:]PORT, 127.0.0.1:1234 by default")->expected(0, 1);
    app.add_flag("-S,--paused", line.paused, "wait for the debugger of --gdb before the first instruction")->disable_flag_override();
    app.add_flag("--debug", line.debug, "start in the debugger's console")->disable_flag_override();
    app.add_option("--debug-script", line.debug_script, "debugger commands to execute first; without --debug the run goes on afterwards");
    app.add_flag("--config-reference", reference, "print the reference of the configuration keys")->disable_flag_override();

    std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());
    try {
        app.parse(std::move(reversed));
    } catch (const CLI::CallForHelp&) {
        line.print = app.help();
        return line;
    } catch (const CLI::CallForVersion&) {
        line.print = features;
        return line;
    } catch (const CLI::ParseError& error) {
        const std::string_view what = error.what();
        if (what.find("At Most 1 required") != what.npos)
            return fail("{} is given more than once", what.substr(0, what.find(':')));
        if (const size_t end = what.find(" was given a disallowed flag"); end != what.npos)
            return fail("--{} takes no value", what.substr(0, end));
        return fail("{}; gnomon --help lists the options", error.what());
    }
    if (Result<void> filled = refuse_empty(app); !filled) return filled.error();
    if (reference) {
        line.print = config_reference();
        return line;
    }
    // A bare -s does not take the machine's file for its address.
    if (gdb_option->count() != 0 && file.empty() && !gdb.empty() && !is_endpoint(gdb)) {
        if (std::error_code ignored; !std::filesystem::exists(gdb, ignored))
            return fail("--gdb: '{}' is neither [HOST:]PORT nor a machine file that is there", gdb);
        file = std::exchange(gdb, {});
    }
    if (!file.empty())
        if (Result<void> read = read_machine_file(file, line); !read) return read.error();

    for (size_t i = 0; i < given.size(); i++) {
        if (given[i]->count() == 0) continue;
        const std::string option = first_long_name(kShortCuts[i].option);
        if (option == "--cpu" && values[i] == "help") {
            line.print = describe_models();
            return line;
        }
        Setting setting;
        setting.key = kShortCuts[i].key;
        setting.text = values[i];
        setting.where = option;
        if (Result<void> applied = apply_setting(line.config, setting); !applied) return applied.error();
    }
    if (!displays.empty()) {
        Setting setting;
        setting.key = "display.kind";
        setting.text = fmt::format("{}", fmt::join(displays, ","));
        setting.where = "--display";
        if (Result<void> applied = apply_setting(line.config, setting); !applied) return applied.error();
    }
    if (initrd->count() != 0) {
        line.config.boot.initrd = initrds;
        line.config.origins["boot.initrd"] = "--initrd";
    }
    if (cd->count() != 0) {
        Setting setting;
        setting.key = fmt::format("cdrom.{}.file", cdrom_place(line.config));
        setting.text = cdrom;
        setting.where = "--cdrom";
        if (Result<void> applied = apply_setting(line.config, setting); !applied) return applied.error();
    }
    if (snapshot) line.config.boot.snapshot = true;
    if (no_reboot) line.config.boot.reboot = false;
    for (const std::string& assignment : assignments) {
        Result<Setting> setting = parse_assignment(assignment, "--set");
        if (!setting) return setting.error();
        if (Result<void> applied = apply_setting(line.config, *setting); !applied) return applied.error();
    }
    if (gdb_option->count() != 0)
        line.gdb = gdb;
    else if (!line.config.debug.gdb.empty())
        line.gdb = line.config.debug.gdb;
    line.paused |= line.config.debug.paused;
    if (line.gdb && (line.debug || !line.debug_script.empty()))
        return fail("--gdb and --debug exclude each other; GDB passes console commands on by \"monitor\"");
    if (line.paused && !line.gdb) return fail("--paused waits for a debugger: it needs --gdb");
    if (Result<void> possible = check_together(line.config); !possible) return at_origin(line.config, possible.error());
    return line;
}

}  // namespace gnomon
