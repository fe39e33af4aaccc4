// The log's configuration and its guest-event counters.
#include "support/log.h"

#include <cstdio>
#include <optional>

namespace gnomon {
namespace {

std::optional<LogLevel> level_by_name(std::string_view name) {
    constexpr std::pair<std::string_view, LogLevel> kNames[] = {{"error", LogLevel::Error},
                                                                {"warning", LogLevel::Warning},
                                                                {"info", LogLevel::Info},
                                                                {"debug", LogLevel::Debug},
                                                                {"trace", LogLevel::Trace}};
    for (const auto& [text, level] : kNames)
        if (text == name) return level;
    return std::nullopt;
}

}  // namespace

Result<void> Log::configure(std::string_view spec) {
    while (!spec.empty()) {
        const size_t comma = spec.find(',');
        const std::string_view item = spec.substr(0, comma);
        spec = comma == std::string_view::npos ? std::string_view{} : spec.substr(comma + 1);
        const size_t equals = item.find('=');
        const std::string_view name = equals == std::string_view::npos ? item : item.substr(equals + 1);
        const std::optional<LogLevel> level = level_by_name(name);
        if (!level) return fail("log level '{}' is not one of error, warning, info, debug, trace", name);
        if (equals == std::string_view::npos)
            level_ = *level;
        else
            part_levels_.insert_or_assign(std::string(item.substr(0, equals)), *level);
    }
    return {};
}

bool Log::enabled(std::string_view part, LogLevel level) const {
    if (!part_levels_.empty()) {
        const auto found = part_levels_.find(part);
        if (found != part_levels_.end()) return level <= found->second;
    }
    return level <= level_;
}

u64 Log::count_guest(std::string_view part, std::string_view kind) {
    return ++guest_counts_[{std::string(part), std::string(kind)}];
}

void Log::write_guest_counts() {
    for (const auto& [key, count] : guest_counts_)
        if (count > 1) write(LogLevel::Info, key.first, "{}: {} times", key.second, count);
}

Log::Sink stderr_log_sink() {
    return [](LogLevel, std::string_view part, std::string_view message) {
        fmt::print(stderr, "gnomon: {}: {}\n", part, message);
    };
}

}  // namespace gnomon
