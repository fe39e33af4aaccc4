// bochsrc directives: one row each. Bochs User Manual, "The configuration file bochsrc".
#include "machine/bochsrc_directives.h"

#include <algorithm>

#include "machine/bochsrc_appliers.h"
#include "machine/config_keys.h"

namespace gnomon {
namespace {

using namespace bochsrc;

using Apply = Result<void> (*)(BochsContext&, const BochsLine&);

Result<void> no_counterpart(BochsContext& c, const BochsLine& line) {
    if (line.is_enabled()) c.note(line, line.directive);
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
