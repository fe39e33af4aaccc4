// bochsrc directives: one row each.
#include "machine/bochsrc.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "cpu/model.h"
#include "machine/config_keys.h"

namespace gnomon {
namespace {

/// One directive: "floppya: 1_44=a.img, status=inserted".
struct Line {
    std::string directive;
    std::vector<std::pair<std::string, std::string>>
        options;  ///< name, value; without '=' the value is empty
    std::string where;

    [[nodiscard]] const std::string* find(std::string_view name) const {
        for (const auto& [key, value] : options)
            if (key == name) return &value;
        return nullptr;
    }
    [[nodiscard]] std::string first_word() const {
        return options.empty() ? std::string() : options[0].first;
    }
};

struct Context {
    Config& config;
    std::string folder;
    std::vector<std::string>& notes;
    std::set<std::string> noted;

    void note(const Line& line, const std::string& what) {
        if (noted.insert(what).second)
            notes.push_back(fmt::format("{}: {} has no effect here", line.where, what));
    }
    Result<void> set(const Line& line, std::string key, std::string value) {
        Setting setting;
        setting.key = std::move(key);
        setting.text = std::move(value);
        setting.where = fmt::format("{}: {}", line.where, line.directive);
        setting.folder = folder;
        return apply_setting(config, setting);
    }
};

using Apply = Result<void> (*)(Context&, const Line&);

std::string expand(std::string value) {
    const size_t start = value.find("$BXSHARE");
    if (start != value.npos) {
        const char* folder = std::getenv("BXSHARE");
        value.replace(start, 8, folder ? folder : "/usr/share/bochs");
    }
    return value;
}

Result<void> memory(Context& c, const Line& line) {
    const std::string* guest = line.find("guest");
    const std::string size = guest ? *guest : line.first_word();
    return c.set(line, "memory.size", size + "M");
}

Result<void> rom(Context& c, const Line& line, const char* key, std::string_view stock) {
    const std::string* file = line.find("file");
    const std::string path = expand(file ? *file : line.first_word());
    // The stock images are what the built-in ones stand for.
    if (path.find(stock) != path.npos && !std::filesystem::exists(path)) {
        c.note(line, fmt::format("{} {}: the built-in firmware is used;", line.directive, path));
        return {};
    }
    return c.set(line, key, path);
}
Result<void> system_rom(Context& c, const Line& line) { return rom(c, line, "firmware.bios", "BIOS-bochs"); }
Result<void> vga_rom(Context& c, const Line& line) { return rom(c, line, "firmware.vgabios", "VGABIOS"); }

Result<void> cpu(Context& c, const Line& line) {
    for (const auto& [name, value] : line.options) {
        if (name == "count") {
            if (Result<void> set = c.set(line, "cpu.count", value.substr(0, value.find(':'))); !set)
                return set;
        } else if (name == "ips") {
            if (Result<void> set = c.set(line, "clock.ips", value); !set) return set;
        } else if (name == "reset_on_triple_fault") {
            if (Result<void> set = c.set(line, "boot.reboot", value == "0" ? "false" : "true"); !set)
                return set;
        } else if (name == "model" && find_model(value)) {
            c.config.cpu.model = value;
        } else {
            c.note(line, fmt::format("cpu: {}={}", name, value));
        }
    }
    return {};
}

Result<void> floppy(Context& c, const Line& line) {
    const std::string drive = line.directive == "floppya" ? "floppy.a" : "floppy.b";
    constexpr std::pair<std::string_view, const char*> kTypes[] = {
        {"360k", "360K"}, {"1_2", "1.2M"}, {"720k", "720K"}, {"1_44", "1.44M"}, {"2_88", "2.88M"}};
    std::string file;
    for (const auto& [name, value] : line.options) {
        if (name == "image") file = value;
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

Result<void> ata(Context& c, const Line& line) {
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
        return c.set(line, fmt::format("cdrom.{}.file", place), expand(*path));
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
    return c.set(line, fmt::format("disk.{}.file", place), expand(*path));
}

Result<void> boot(Context& c, const Line& line) {
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

Result<void> com(Context& c, const Line& line) {
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

Result<void> parport(Context& c, const Line& line) {
    const std::string key = fmt::format("parallel.{}", line.directive.substr(7));
    const std::string* enabled = line.find("enabled");
    if (enabled && *enabled == "0") return c.set(line, key + ".present", "false");
    const std::string* file = line.find("file");
    if (file && !file->empty()) return c.set(line, key + ".to", "file:" + *file);
    return c.set(line, key + ".present", "true");
}

Result<void> clock(Context& c, const Line& line) {
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

Result<void> mouse(Context& c, const Line& line) {
    if (const std::string* type = line.find("type")) {
        if (*type == "none") return c.set(line, "input.mouse", "none");
        if (*type == "ps2") return c.set(line, "input.mouse", "standard");
        if (*type == "imps2") return c.set(line, "input.mouse", "wheel");
        c.note(line, "mouse: type=" + *type);
    }
    return {};
}

Result<void> display(Context& c, const Line& line) {
    const std::string kind = line.first_word();
    if (kind == "sdl" || kind == "sdl2" || kind == "x" || kind == "wx")
        return c.set(line, "display.kind", "sdl");
    if (kind == "term") return c.set(line, "display.kind", "terminal");
    if (kind == "nogui") return c.set(line, "display.kind", "none");
    c.note(line, "display_library: " + kind);
    return {};
}

Result<void> e9_hack(Context& c, const Line& line) {
    const std::string* enabled = line.find("enabled");
    if (enabled && *enabled != "0") return c.set(line, "debug.console", "stdio");
    return {};
}

bool is_enabled(const Line& line) {
    const std::string* enabled = line.find("enabled");
    return !enabled || *enabled != "0";
}

/// The drivers of Bochs stand for the host's sound system, which is the default; "file" and "dummy" for what they say.
Result<void> sound(Context& c, const Line& line) {
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

Result<void> sb16(Context& c, const Line& line) {
    if (const std::string* midi = line.find("midimode"); midi && *midi != "0")
        c.note(line, "sb16: midimode=" + *midi);
    return c.set(line, "sound.sb16", is_enabled(line) ? "true" : "false");
}

Result<void> es1370(Context& c, const Line& line) {
    if (is_enabled(line))
        c.note(line, "es1370: the PCI sound card is an AC '97 controller; the chip's name");
    return c.set(line, "sound.pci", is_enabled(line) ? "ac97" : "none");
}

Result<void> speaker(Context& c, const Line& line) {
    return c.set(line, "sound.speaker", is_enabled(line) ? "true" : "false");
}

Result<void> no_counterpart(Context& c, const Line& line) {
    c.note(line, line.directive);
    return {};
}
Result<void> nothing(Context&, const Line&) { return {}; }

struct Directive {
    std::string_view name;
    Apply apply;
};
constexpr Directive kDirectives[] = {
    {"megs", memory},
    {"memory", memory},
    {"romimage", system_rom},
    {"vgaromimage", vga_rom},
    {"cpu", cpu},
    {"floppya", floppy},
    {"floppyb", floppy},
    {"ata0", nothing},
    {"ata1", nothing},
    {"ata2", no_counterpart},
    {"ata3", no_counterpart},
    {"ata0-master", ata},
    {"ata0-slave", ata},
    {"ata1-master", ata},
    {"ata1-slave", ata},
    {"ata2-master", ata},
    {"ata2-slave", ata},
    {"ata3-master", ata},
    {"ata3-slave", ata},
    {"boot", boot},
    {"com1", com},
    {"com2", com},
    {"com3", com},
    {"com4", com},
    {"parport1", parport},
    {"parport2", parport},
    {"clock", clock},
    {"mouse", mouse},
    {"display_library", display},
    {"port_e9_hack", e9_hack},
    {"log", no_counterpart},
    {"logprefix", no_counterpart},
    {"panic", nothing},
    {"error", nothing},
    {"info", nothing},
    {"debug", nothing},
    {"debugger_log", nothing},
    {"keyboard", no_counterpart},
    {"keyboard_mapping", no_counterpart},
    {"magic_break", no_counterpart},
    {"config_interface", nothing},
    {"vga", no_counterpart},
    {"pci", nothing},
    {"i440fxsupport", nothing},
    {"floppy_bootsig_check", nothing},
    {"sound", sound},
    {"sb16", sb16},
    {"es1370", es1370},
    {"speaker", speaker},
    {"ne2k", no_counterpart},
    {"e1000", no_counterpart},
    {"pcipnic", no_counterpart},
    {"usb_uhci", no_counterpart},
    {"usb_ohci", no_counterpart},
    {"usb_ehci", no_counterpart},
    {"usb_xhci", no_counterpart},
    {"voodoo", no_counterpart},
    {"cpuid", no_counterpart},
    {"optromimage1", no_counterpart},
    {"optromimage2", no_counterpart},
    {"optramimage1", no_counterpart},
    {"plugin_ctrl", nothing},
    {"private_colormap", nothing},
    {"fullscreen", nothing},
    {"screenmode", nothing},
    {"gdbstub", no_counterpart},
    {"user_shortcut", no_counterpart},
    {"print_timestamps", nothing},
    {"unmapped", no_counterpart},
    {"ioapic", no_counterpart},
    {"cmosimage", no_counterpart},
    {"ips", no_counterpart},
};

const Directive* find_directive(std::string_view name) {
    for (const Directive& directive : kDirectives)
        if (directive.name == name) return &directive;
    return nullptr;
}

std::string trim(std::string_view text) {
    while (!text.empty() && std::isspace(static_cast<unsigned char>(text.front()))) text.remove_prefix(1);
    while (!text.empty() && std::isspace(static_cast<unsigned char>(text.back()))) text.remove_suffix(1);
    return std::string(text);
}

/// Cuts at commas outside quotes, and takes the quotes away.
std::vector<std::pair<std::string, std::string>> split_options(std::string_view text) {
    std::vector<std::string> parts(1);
    bool quoted = false;
    for (const char ch : text) {
        if (ch == '"')
            quoted = !quoted;
        else if (ch == ',' && !quoted)
            parts.emplace_back();
        else
            parts.back() += ch;
    }
    std::vector<std::pair<std::string, std::string>> options;
    for (const std::string& part : parts) {
        const size_t equals = part.find('=');
        const std::string name = trim(std::string_view(part).substr(0, equals));
        if (name.empty()) continue;
        options.emplace_back(name,
                             equals == part.npos ? "" : trim(std::string_view(part).substr(equals + 1)));
    }
    return options;
}

std::string_view strip_comment(std::string_view line) {
    const size_t start = line.find_first_not_of(" \t\r");
    if (start == line.npos || line[start] == '#') return {};
    return line.substr(start);
}

}  // namespace

bool is_bochsrc(std::string_view text) {
    while (!text.empty()) {
        const size_t end = std::min(text.find('\n'), text.size());
        const std::string_view line = strip_comment(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
        if (line.empty()) continue;
        const size_t colon = line.find(':');
        return colon != line.npos && find_directive(trim(line.substr(0, colon))) != nullptr;
    }
    return false;
}

Result<void> apply_bochsrc(Config& config, std::string_view text, const std::string& name,
                           const std::string& folder, std::vector<std::string>& notes) {
    Config fresh = config;
    Context context{fresh, folder, notes, {}};
    for (unsigned number = 1; !text.empty(); number++) {
        const size_t end = std::min(text.find('\n'), text.size());
        const std::string_view content = strip_comment(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
        if (content.empty()) continue;
        Line line;
        line.where = fmt::format("{}:{}", name, number);
        const size_t colon = content.find(':');
        if (colon == content.npos)
            return fail("{}: '{}' is no directive: there is no colon", line.where, trim(content));
        line.directive = trim(content.substr(0, colon));
        line.options = split_options(content.substr(colon + 1));
        const Directive* directive = find_directive(line.directive);
        if (!directive) {
            std::vector<std::string> names;
            for (const Directive& known : kDirectives) names.emplace_back(known.name);
            const std::string suggestion = nearest(line.directive, names);
            return fail("{}: there is no directive '{}'{}", line.where, line.directive,
                        suggestion.empty() ? "" : fmt::format("; did you mean '{}'?", suggestion));
        }
        if (Result<void> applied = directive->apply(context, line); !applied) return applied;
    }
    config = std::move(fresh);
    return {};
}

namespace {

Result<std::string> read_text(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    if (!file || std::filesystem::is_directory(path))
        return fail("{}: {}", path, file ? "is a folder" : std::strerror(errno));
    return std::string((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
}

}  // namespace

Result<bool> is_bochsrc_file(const std::string& path) {
    Result<std::string> text = read_text(path);
    if (!text) return text.error();
    return is_bochsrc(*text);
}

Result<void> apply_bochsrc_file(Config& config, const std::string& path, std::vector<std::string>& notes) {
    Result<std::string> text = read_text(path);
    if (!text) return text.error();
    return apply_bochsrc(config, *text, path, std::filesystem::path(path).parent_path().string(), notes);
}

}  // namespace gnomon
