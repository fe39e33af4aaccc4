// Processors, memory, firmware and clock, as bochsrc gives them. Bochs User Manual, "The configuration file
// bochsrc".
#include <charconv>
#include <cstdlib>
#include <ctime>
#include <filesystem>

#include "cpu/model.h"
#include "machine/bochsrc_appliers.h"

namespace gnomon::bochsrc {
namespace {

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

}  // namespace

Result<void> memory(BochsContext& c, const BochsLine& line) {
    const std::string* guest = line.find("guest");
    const std::string size = guest ? *guest : line.first_word();
    return c.set(line, "memory.size", size + "M");
}

Result<void> system_rom(BochsContext& c, const BochsLine& line) {
    if (Result<void> set = rom(c, line, "firmware.bios", "BIOS-bochs"); !set) return set;
    if (!c.config.firmware.bios.empty()) c.config.firmware.power_on = PowerOnChoice::Bochs;
    return {};
}

Result<void> vga_rom(BochsContext& c, const BochsLine& line) {
    return rom(c, line, "firmware.vgabios", "VGABIOS");
}

Result<void> option_rom(BochsContext& c, const BochsLine& line) {
    const std::string* file = line.find("file");
    if (!file || file->empty() || *file == "none") return {};
    c.config.firmware.roms.push_back((std::filesystem::path(c.folder) / *file).string());
    if (line.find("address"))
        c.remark(line, fmt::format("{}: the firmware decides about the address", line.directive));
    return {};
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

}  // namespace gnomon::bochsrc
