// bochsrc directives: one row each. Bochs User Manual, "The configuration file bochsrc".
#include "machine/bochsrc_directives.h"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <ctime>
#include <filesystem>

#include "cpu/model.h"
#include "machine/config_keys.h"

namespace gnomon {
namespace {

using Apply = Result<void> (*)(BochsContext&, const BochsLine&);

bool is_enabled(const BochsLine& line) {
    const std::string* enabled = line.find("enabled");
    return !enabled || *enabled != "0";
}

Result<void> memory(BochsContext& c, const BochsLine& line) {
    const std::string* guest = line.find("guest");
    const std::string size = guest ? *guest : line.first_word();
    return c.set(line, "memory.size", size + "M");
}

Result<void> rom(BochsContext& c, const BochsLine& line, const char* key, std::string_view stock) {
    const std::string* file = line.find("file");
    const std::string path = file ? *file : line.first_word();
    // The stock images are what the built-in ones stand for.
    if (path.find(stock) != path.npos && !std::filesystem::exists(path)) {
        c.remark(line,
                 fmt::format("{}: {} is not there; the built-in firmware is used", line.directive, path));
        return {};
    }
    return c.set(line, key, path);
}
Result<void> system_rom(BochsContext& c, const BochsLine& line) {
    if (Result<void> set = rom(c, line, "firmware.bios", "BIOS-bochs"); !set) return set;
    if (!c.config.firmware.bios.empty()) c.config.firmware.power_on = PowerOnChoice::Bochs;
    return {};
}
Result<void> vga_rom(BochsContext& c, const BochsLine& line) {
    return rom(c, line, "firmware.vgabios", "VGABIOS");
}

/// Bochs names its models after chips; those that differ from ours by name or detail.
constexpr std::pair<std::string_view, const char*> kModels[] = {
    {"bx_generic", "max"},
    {"pentium_mmx", "pentium-mmx"},
    {"p2_klamath", "p2"},
    {"p3_katmai", "p3"},
    {"p4_willamette", "p4"},
    {"p4_northwood", "p4"},
    {"core_duo_t2400_yonah", "core2-32"},
    {"core2_penryn_t9600", "core2duo"},
    {"corei5_lynnfield_750", "nehalem"},
    {"corei5_arrandale_m520", "nehalem"},
    {"corei7_sandy_bridge_2600k", "sandy-bridge"},
    {"corei7_ivy_bridge_3770k", "sandy-bridge"},
    {"corei7_haswell_4770", "haswell"},
    {"broadwell_ult", "haswell"},
    {"corei7_skylake_x", "skylake-server"},
    {"corei7_icelake_u", "ice-lake-server"},
    {"tigerlake", "ice-lake-server"},
    {"ryzen", "zen2"},
};

Result<void> cpu_model(BochsContext& c, const BochsLine& line, const std::string& model) {
    if (find_model(model)) return c.set(line, "cpu.model", model);
    for (const auto& [bochs, ours] : kModels)
        if (model == bochs) {
            c.remark(line, fmt::format("cpu: model={}: the nearest model here is {}", bochs, ours));
            return c.set(line, "cpu.model", ours);
        }
    c.note(line, fmt::format("cpu: model={}", model));
    return {};
}

/// "2" or "PROCESSORS:CORES:THREADS".
Result<void> cpu_count(BochsContext& c, const BochsLine& line, std::string_view text) {
    u64 product = 1;
    for (std::string_view rest = text;;) {
        const size_t colon = std::min(rest.find(':'), rest.size());
        u64 factor = 0;
        const auto [end, error] = std::from_chars(rest.data(), rest.data() + colon, factor);
        if (error != std::errc{} || end != rest.data() + colon || factor == 0 || factor > 255)
            return fail("{}: cpu: count '{}' is not possible; accepted: a number or PROCESSORS:CORES:THREADS",
                        line.where, text);
        product *= factor;
        if (colon == rest.size()) break;
        rest.remove_prefix(colon + 1);
    }
    return c.set(line, "cpu.count", fmt::format("{}", product));
}

Result<void> cpu(BochsContext& c, const BochsLine& line) {
    for (const auto& [name, value] : line.options) {
        Result<void> done;
        if (name == "count")
            done = cpu_count(c, line, value);
        else if (name == "ips")
            done = c.set(line, "clock.ips", value);
        else if (name == "quantum")
            done = {};  // turns of processors are much longer here, and their length does not matter
        else if (name == "reset_on_triple_fault")
            done = c.set(line, "boot.reboot", value == "0" ? "false" : "true");
        else if (name == "model")
            done = cpu_model(c, line, value);
        else
            c.note(line, fmt::format("cpu: {}={}", name, value));
        if (!done) return done;
    }
    return {};
}

Result<void> ips(BochsContext& c, const BochsLine& line) {
    return c.set(line, "clock.ips", line.first_word());
}

Result<void> floppy(BochsContext& c, const BochsLine& line) {
    const std::string drive = line.directive == "floppya" ? "floppy.a" : "floppy.b";
    constexpr std::pair<std::string_view, const char*> kTypes[] = {
        {"360k", "360K"},  {"1_2", "1.2M"},  {"720k", "720K"}, {"1_44", "1.44M"},
        {"2_88", "2.88M"}, {"160k", "360K"}, {"180k", "360K"}, {"320k", "360K"}};  // the drive of the disk
    std::string file;
    for (const auto& [name, value] : line.options) {
        if (name == "image") file = value;
        if (name == "type" && value == "none") return c.set(line, drive + ".type", "none");
        if (name == "type")
            for (const auto& [bochs, ours] : kTypes)
                if (value == bochs)
                    if (Result<void> set = c.set(line, drive + ".type", ours); !set) return set;
        for (const auto& [bochs, ours] : kTypes)
            if (name == bochs) {
                file = value;
                if (Result<void> set = c.set(line, drive + ".type", ours); !set) return set;
            }
        if (name == "write_protected" && value == "1") c.config.floppy[drive.back() == 'b'].readonly = true;
    }
    const std::string* status = line.find("status");
    if ((status && *status == "ejected") || file.empty()) return {};
    return c.set(line, drive + ".file", file);
}

Result<void> ata(BochsContext& c, const BochsLine& line) {
    const unsigned channel = static_cast<unsigned>(line.directive[3] - '0');
    const bool slave = line.directive.ends_with("slave");
    if (channel > 1) {
        c.note(line, line.directive);
        return {};
    }
    const unsigned place = channel * 2 + slave;
    const std::string* type = line.find("type");
    const std::string* path = line.find("path");
    if (type && *type != "disk" && *type != "cdrom" && *type != "none")
        return fail("{}: {}: type '{}' is not possible; accepted: disk, cdrom and none", line.where,
                    line.directive, *type);
    if (type && *type == "none") return {};
    if (type && *type == "cdrom") {
        c.config.cdrom[place].present = true;
        const std::string* status = line.find("status");
        if (!path || path->empty() || (status && *status == "ejected")) return {};
        return c.set(line, fmt::format("cdrom.{}.file", place), *path);
    }
    if (!path || path->empty()) return fail("{}: {}: a disk needs path=", line.where, line.directive);
    if (const std::string* mode = line.find("mode"); mode && *mode != "flat") {
        if (*mode == "volatile")
            c.config.boot.snapshot = true;
        else
            return fail("{}: {}: mode '{}' is not possible; accepted: flat and volatile", line.where,
                        line.directive, *mode);
    }
    for (const auto& [bochs, ours] :
         {std::pair{"cylinders", "cylinders"}, {"heads", "heads"}, {"spt", "sectors"}})
        if (const std::string* value = line.find(bochs); value && *value != "0")
            if (Result<void> set = c.set(line, fmt::format("disk.{}.{}", place, ours), *value); !set)
                return set;
    const Config::Disk& disk = c.config.disk[place];
    if (disk.cylinders == 0 || disk.heads == 0 || disk.sectors == 0)
        c.config.disk[place].cylinders = c.config.disk[place].heads = c.config.disk[place].sectors = 0;
    if (const std::string* model = line.find("model")) c.config.disk[place].model = *model;
    return c.set(line, fmt::format("disk.{}.file", place), *path);
}

Result<void> boot(BochsContext& c, const BochsLine& line) {
    std::string order;
    for (const auto& [name, value] : line.options) {
        if (name == "floppy" || name == "a")
            order += 'a';
        else if (name == "disk" || name == "c")
            order += 'c';
        else if (name == "cdrom" || name == "d")
            order += 'd';
        else if (name == "network" || name == "n")
            order += 'n';
        else
            return fail("{}: boot: '{}' is not possible; accepted: floppy, disk, cdrom and network",
                        line.where, name);
    }
    return c.set(line, "boot.order", order);
}

Result<void> com(BochsContext& c, const BochsLine& line) {
    const std::string key = fmt::format("serial.{}", line.directive.substr(3));
    const std::string* enabled = line.find("enabled");
    if (enabled && *enabled == "0") return c.set(line, key + ".present", "false");
    if (Result<void> set = c.set(line, key + ".present", "true"); !set) return set;
    const std::string* mode = line.find("mode");
    const std::string* dev = line.find("dev");
    if (!mode || *mode == "null") return {};
    if (*mode == "file" && dev) return c.set(line, key + ".to", "file:" + *dev);
    if (*mode == "socket-server" && dev) return c.set(line, key + ".to", "tcp:" + *dev + ",server");
    if (*mode == "socket-client" && dev) return c.set(line, key + ".to", "tcp:" + *dev);
    if (*mode == "term") return c.set(line, key + ".to", "pty");
    c.note(line, fmt::format("{}: mode={}", line.directive, *mode));
    return {};
}

Result<void> parport(BochsContext& c, const BochsLine& line) {
    const std::string key = fmt::format("parallel.{}", line.directive.substr(7));
    const std::string* enabled = line.find("enabled");
    if (enabled && *enabled == "0") return c.set(line, key + ".present", "false");
    const std::string* file = line.find("file");
    if (file && !file->empty()) return c.set(line, key + ".to", "file:" + *file);
    return c.set(line, key + ".present", "true");
}

Result<void> clock(BochsContext& c, const BochsLine& line) {
    if (const std::string* sync = line.find("sync"))
        if (Result<void> set = c.set(line, "clock.mode", *sync == "none" ? "deterministic" : "realtime");
            !set)
            return set;
    if (const std::string* time0 = line.find("time0")) {
        if (*time0 == "local" || *time0 == "utc") {
            c.config.rtc.start = "now";
            return c.set(line, "rtc.base", *time0);
        }
        char* end = nullptr;
        const long long seconds = std::strtoll(time0->c_str(), &end, 10);
        if (end == time0->c_str() || *end != '\0')
            return fail("{}: clock: time0 '{}' is not possible; accepted: local, utc and seconds since 1970",
                        line.where, *time0);
        const std::time_t moment = seconds;
        std::tm tm{};
        gmtime_r(&moment, &tm);
        char text[32];
        std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &tm);
        c.config.rtc.start = text;
    }
    return {};
}

Result<void> mouse(BochsContext& c, const BochsLine& line) {
    if (const std::string* type = line.find("type")) {
        if (*type == "none") return c.set(line, "input.mouse", "none");
        if (*type == "ps2") return c.set(line, "input.mouse", "standard");
        if (*type == "imps2") return c.set(line, "input.mouse", "wheel");
        c.note(line, "mouse: type=" + *type);
    }
    return {};
}

Result<void> display(BochsContext& c, const BochsLine& line) {
    const std::string kind = line.first_word();
    if (kind == "sdl" || kind == "sdl2" || kind == "x" || kind == "wx")
        return c.set(line, "display.kind", "sdl");
    if (kind == "term") return c.set(line, "display.kind", "terminal");
    if (kind == "nogui") return c.set(line, "display.kind", "none");
    if (kind == "rfb" || kind == "vncsrv") return c.set(line, "display.kind", "vnc");
    c.note(line, "display_library: " + kind);
    return {};
}

Result<void> e9_hack(BochsContext& c, const BochsLine& line) {
    const std::string* enabled = line.find("enabled");
    if (enabled && *enabled != "0") return c.set(line, "debug.console", "stdio");
    return {};
}

/// The drivers of Bochs stand for the host's sound system, which is the default; "file" and "dummy" for what
/// they say.
Result<void> sound(BochsContext& c, const BochsLine& line) {
    for (const char* option : {"waveoutdrv", "driver"}) {
        const std::string* driver = line.find(option);
        if (!driver) continue;
        const std::string* file = line.find("waveout");
        if (*driver == "dummy") return c.set(line, "audio.output", "none");
        if (*driver == "file" && file && !file->empty()) return c.set(line, "audio.output", "wav:" + *file);
        return {};
    }
    return {};
}

Result<void> sb16(BochsContext& c, const BochsLine& line) {
    if (const std::string* midi = line.find("midimode"); midi && *midi != "0")
        c.note(line, "sb16: midimode=" + *midi);
    return c.set(line, "sound.sb16", is_enabled(line) ? "true" : "false");
}

Result<void> es1370(BochsContext& c, const BochsLine& line) {
    if (is_enabled(line)) c.remark(line, "es1370: the PCI sound card is an AC '97 controller");
    return c.set(line, "sound.pci", is_enabled(line) ? "ac97" : "none");
}

Result<void> speaker(BochsContext& c, const BochsLine& line) {
    return c.set(line, "sound.speaker", is_enabled(line) ? "true" : "false");
}

Result<void> option_rom(BochsContext& c, const BochsLine& line) {
    const std::string* file = line.find("file");
    if (!file || file->empty() || *file == "none") return {};
    c.config.firmware.roms.push_back((std::filesystem::path(c.folder) / *file).string());
    if (line.find("address"))
        c.remark(line, fmt::format("{}: the firmware decides about the address", line.directive));
    return {};
}

Result<void> debug_symbols(BochsContext& c, const BochsLine& line) {
    const std::string* file = line.find("file");
    if (!file || file->empty()) return fail("{}: debug_symbols: needs file=", line.where);
    std::string spec = (std::filesystem::path(c.folder) / *file).string();
    if (const std::string* offset = line.find("offset");
        offset && std::strtoull(offset->c_str(), nullptr, 0) != 0)
        spec += "@" + *offset;
    c.config.debug.symbols.push_back(std::move(spec));
    return {};
}

Result<void> gdb_stub(BochsContext& c, const BochsLine& line) {
    const std::string* enabled = line.find("enabled");
    if (!enabled || *enabled == "0") return {};
    const std::string* port = line.find("port");
    if (Result<void> set = c.set(line, "debug.gdb", port ? *port : "1234"); !set) return set;
    return c.set(line, "debug.paused", "true");
}

/// "enabled=1", or the registers whose exchange with themselves stops.
Result<void> magic_break(BochsContext& c, const BochsLine& line) {
    if (!is_enabled(line)) return {};
    std::string registers;
    for (const auto& [name, value] : line.options)
        for (const std::string_view one : {"ax", "cx", "dx", "bx", "sp", "bp", "si", "di"})
            if ((name != "enabled" && name.find(one) != name.npos) || value.find(one) != value.npos)
                registers += (registers.empty() ? "" : ",") + std::string(one);
    return c.set(line, "debug.magic_break", registers.empty() ? "bx" : registers);
}

/// The adapter has the extensions of "vbe"; refresh rates are the display's own matter.
Result<void> vga(BochsContext& c, const BochsLine& line) {
    if (const std::string* extension = line.find("extension"); extension && *extension != "vbe")
        c.note(line, "vga: extension=" + *extension);
    return {};
}

Result<void> pci(BochsContext& c, const BochsLine& line) {
    for (const auto& [name, value] : line.options) {
        if (name == "enabled" && value == "0") c.note(line, "pci: enabled=0");
        if (name == "chipset" && value != "i440fx") c.note(line, "pci: chipset=" + value);
        if (name.starts_with("slot") && !value.empty() && value != "none")
            c.note(line, fmt::format("pci: {}={}", name, value));
    }
    return {};
}

Result<void> no_counterpart(BochsContext& c, const BochsLine& line) {
    if (is_enabled(line)) c.note(line, line.directive);
    return {};
}
Result<void> nothing(BochsContext&, const BochsLine&) { return {}; }

struct Directive {
    std::string_view name;
    Apply apply;
    std::string_view options = {};  ///< all that there are, a space between them; empty: any
};

constexpr std::string_view kFloppyOptions =
    "360k 1_2 720k 1_44 2_88 160k 180k 320k image type status write_protected";
constexpr std::string_view kAtaOptions =
    "type path mode cylinders heads spt sect_size status biosdetect translation model journal";
constexpr std::string_view kComOptions = "enabled mode dev";
constexpr std::string_view kRomOptions = "file address options flash_data";

constexpr Directive kDirectives[] = {
    {"megs", memory},
    {"memory", memory, "guest host block_size"},
    {"romimage", system_rom},
    {"vgaromimage", vga_rom},
    {"cpu", cpu},
    {"ips", ips},
    {"floppya", floppy, kFloppyOptions},
    {"floppyb", floppy, kFloppyOptions},
    {"ata0", nothing},
    {"ata1", nothing},
    {"ata2", no_counterpart},
    {"ata3", no_counterpart},
    {"ata0-master", ata, kAtaOptions},
    {"ata0-slave", ata, kAtaOptions},
    {"ata1-master", ata, kAtaOptions},
    {"ata1-slave", ata, kAtaOptions},
    {"ata2-master", ata},
    {"ata2-slave", ata},
    {"ata3-master", ata},
    {"ata3-slave", ata},
    {"boot", boot},
    {"com1", com, kComOptions},
    {"com2", com, kComOptions},
    {"com3", com, kComOptions},
    {"com4", com, kComOptions},
    {"parport1", parport, "enabled file"},
    {"parport2", parport, "enabled file"},
    {"clock", clock, "sync time0 rtc_sync"},
    {"mouse", mouse, "enabled type toggle"},
    {"display_library", display},
    {"port_e9_hack", e9_hack, "enabled all_rings"},
    {"log", no_counterpart},
    {"logprefix", nothing},
    {"panic", nothing},
    {"error", nothing},
    {"info", nothing},
    {"debug", nothing},
    {"debugger_log", nothing},
    {"debug_symbols", debug_symbols, "file offset"},
    {"keyboard", no_counterpart},
    {"keyboard_mapping", no_counterpart},
    {"keyboard_serial_delay", nothing},
    {"keyboard_paste_delay", nothing},
    {"keyboard_type", nothing},
    {"magic_break", magic_break},
    {"config_interface", nothing},
    {"vga", vga},
    {"vga_update_interval", nothing},
    {"pci", pci},
    {"i440fxsupport", nothing},
    {"floppy_bootsig_check", nothing},
    {"floppy_command_delay", nothing},
    {"newharddrivesupport", nothing},
    {"sound", sound},
    {"sb16", sb16},
    {"es1370", es1370},
    {"speaker", speaker},
    {"ne2k", no_counterpart},
    {"e1000", no_counterpart},
    {"pcipnic", no_counterpart},
    {"pcidev", no_counterpart},
    {"usb_uhci", no_counterpart},
    {"usb_ohci", no_counterpart},
    {"usb_ehci", no_counterpart},
    {"usb_xhci", no_counterpart},
    {"usb_debug", no_counterpart},
    {"voodoo", no_counterpart},
    {"cpuid", no_counterpart},
    {"optromimage1", option_rom, kRomOptions},
    {"optromimage2", option_rom, kRomOptions},
    {"optromimage3", option_rom, kRomOptions},
    {"optromimage4", option_rom, kRomOptions},
    {"optramimage1", no_counterpart},
    {"optramimage2", no_counterpart},
    {"optramimage3", no_counterpart},
    {"optramimage4", no_counterpart},
    {"plugin_ctrl", nothing},
    {"private_colormap", nothing},
    {"fullscreen", nothing},
    {"screenmode", nothing},
    {"text_snapshot_check", nothing},
    {"gdbstub", gdb_stub, "enabled port text_base data_base bss_base"},
    {"user_shortcut", no_counterpart},
    {"print_timestamps", nothing},
    {"iodebug", no_counterpart},
    {"unmapped", no_counterpart},
    {"ioapic", no_counterpart},
    {"pit", nothing},
    {"cmosimage", no_counterpart},
    {"load32bitOSImage", no_counterpart},
};

const Directive* find_directive(std::string_view name) {
    for (const Directive& directive : kDirectives)
        if (directive.name == name) return &directive;
    return nullptr;
}

std::string suggest(std::string_view word, const std::vector<std::string>& words) {
    const std::string suggestion = nearest(word, words);
    return suggestion.empty() ? "" : fmt::format("; did you mean '{}'?", suggestion);
}

Result<void> check_options(const Directive& directive, const BochsLine& line) {
    if (directive.options.empty()) return {};
    std::vector<std::string> known;
    for (std::string_view rest = directive.options; !rest.empty();) {
        const size_t space = std::min(rest.find(' '), rest.size());
        known.emplace_back(rest.substr(0, space));
        rest.remove_prefix(std::min(space + 1, rest.size()));
    }
    for (const auto& [name, value] : line.options)
        if (std::find(known.begin(), known.end(), name) == known.end())
            return fail("{}: {}: there is no option '{}'{}; accepted: {}", line.where, line.directive, name,
                        suggest(name, known), fmt::join(known, ", "));
    return {};
}

}  // namespace

void BochsContext::note(const BochsLine& line, const std::string& what) {
    remark(line, what + " has no effect here");
}

void BochsContext::remark(const BochsLine& line, const std::string& text) {
    if (noted.insert(text).second) notes.push_back(fmt::format("{}: {}", line.where, text));
}

Result<void> BochsContext::set(const BochsLine& line, std::string key, std::string value) {
    Setting setting;
    setting.key = std::move(key);
    setting.text = std::move(value);
    setting.where = fmt::format("{}: {}", line.where, line.directive);
    setting.folder = folder;
    return apply_setting(config, setting);
}

bool is_bochs_directive(std::string_view name) { return find_directive(name) != nullptr; }

Result<void> apply_bochs_directive(BochsContext& context, const BochsLine& line) {
    const Directive* directive = find_directive(line.directive);
    if (!directive) {
        std::vector<std::string> names;
        for (const Directive& known : kDirectives) names.emplace_back(known.name);
        return fail("{}: there is no directive '{}'{}", line.where, line.directive,
                    suggest(line.directive, names));
    }
    if (Result<void> known = check_options(*directive, line); !known) return known;
    return directive->apply(context, line);
}

}  // namespace gnomon
