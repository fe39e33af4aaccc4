// The names under which devices, processors and the machine itself log.
#include "machine/log_parts.h"

#include <algorithm>
#include <string>
#include <vector>

#include "machine/config_keys.h"
#include "support/log.h"

namespace gnomon {
namespace {

// A port logs under its own name ("serial.com1") what the guest does, under that of its key ("serial.1") what
// becomes of its output.
constexpr std::string_view kParts[] = {
    "ac97",          "apic",          "cpu",        "debug.console", "debug.firmware", "firmware",
    "flash",         "floppy",        "fw_cfg",     "ide",           "keyboard",       "machine",
    "memory",        "mouse",         "parallel.1", "parallel.2",    "parallel.3",     "parallel.lpt1",
    "parallel.lpt2", "parallel.lpt3", "ports",      "power",         "sb16",           "serial.1",
    "serial.2",      "serial.3",      "serial.4",   "serial.com1",   "serial.com2",    "serial.com3",
    "serial.com4",   "storage",       "vga"};
static_assert(std::ranges::is_sorted(kParts));

Result<void> check_item(std::string_view item) {
    const size_t equals = item.find('=');
    if (equals != item.npos) {
        const std::string_view part = item.substr(0, equals);
        if (!std::ranges::binary_search(kParts, part)) {
            const std::vector<std::string> names(std::begin(kParts), std::end(kParts));
            const std::string near = nearest(part, names);
            if (near.empty()) return fail("there is no part '{}'", part);
            return fail("there is no part '{}' (did you mean '{}'?)", part, near);
        }
    }
    if (item.empty()) return fail("log level '' is not one of error, warning, info, debug, trace");
    return Log({}).configure(item);
}

}  // namespace

std::span<const std::string_view> log_parts() { return kParts; }

Result<void> check_log_levels(std::string_view text) {
    for (;;) {
        const size_t comma = std::min(text.find(','), text.size());
        if (Result<void> possible = check_item(text.substr(0, comma)); !possible) return possible;
        if (comma == text.size()) return {};
        text.remove_prefix(comma + 1);
    }
}

}  // namespace gnomon
