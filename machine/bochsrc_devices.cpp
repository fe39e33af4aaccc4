// Ports, display, sound and debugging, as bochsrc gives them. Bochs User Manual, "The configuration file
// bochsrc".
#include <cstdlib>
#include <filesystem>

#include "machine/bochsrc_appliers.h"

namespace gnomon::bochsrc {

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
    return c.set(line, "sound.sb16", line.is_enabled() ? "true" : "false");
}

Result<void> es1370(BochsContext& c, const BochsLine& line) {
    if (line.is_enabled()) c.remark(line, "es1370: the PCI sound card is an AC '97 controller");
    return c.set(line, "sound.pci", line.is_enabled() ? "ac97" : "none");
}

Result<void> speaker(BochsContext& c, const BochsLine& line) {
    return c.set(line, "sound.speaker", line.is_enabled() ? "true" : "false");
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
    if (!line.is_enabled()) return {};
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

}  // namespace gnomon::bochsrc
