// Parsing of the list of front ends.
#include "machine/display_spec.h"

#include <algorithm>
#include <charconv>

namespace gnomon {
namespace {

Result<DisplaySpec> parse_one(std::string_view word) {
    if (word == "auto") return DisplaySpec{DisplayKind::Automatic};
    if (word == "sdl") return DisplaySpec{DisplayKind::Sdl};
    if (word == "terminal") return DisplaySpec{DisplayKind::Terminal};
    if (word == "none") return DisplaySpec{DisplayKind::None};
    if (word == "vnc") return DisplaySpec{DisplayKind::Vnc};
    if (!word.starts_with("vnc:")) return fail("'{}' is not possible", word);
    DisplaySpec spec{DisplayKind::Vnc};
    std::string_view port = word.substr(4);
    if (const size_t colon = port.rfind(':'); colon != port.npos) {
        spec.host = port.substr(0, colon);
        port.remove_prefix(colon + 1);
    }
    const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), spec.port);
    if (error != std::errc{} || end != port.data() + port.size() || spec.port == 0 || spec.host.empty())
        return fail("'{}': the port is a number from 1 to 65535", word);
    return spec;
}

}  // namespace

Result<std::vector<DisplaySpec>> parse_displays(std::string_view words) {
    std::vector<DisplaySpec> specs;
    for (bool more = true; more;) {
        const size_t comma = std::min(words.find(','), words.size());
        more = comma != words.size();
        Result<DisplaySpec> spec = parse_one(words.substr(0, comma));
        if (!spec) return spec.error();
        words.remove_prefix(std::min(comma + 1, words.size()));
        for (const DisplaySpec& other : specs)
            if (other.kind == spec->kind && (spec->kind != DisplayKind::Vnc || other.port == spec->port))
                return fail("the same display is asked for twice");
        specs.push_back(std::move(*spec));
    }
    for (const DisplaySpec& spec : specs)
        if (specs.size() > 1 && (spec.kind == DisplayKind::Automatic || spec.kind == DisplayKind::None))
            return fail("auto and none stand alone");
    return specs;
}

}  // namespace gnomon
