// The log: messages have a part ("ide", "cpu") and a level; what a guest does wrong is reported once per
// kind with a count at the end, never as a flood.
#pragma once

#include <fmt/format.h>

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "support/result.h"
#include "support/types.h"

namespace gnomon {

enum class LogLevel : u8 { Error, Warning, Info, Debug, Trace };

/// One per machine; parts keep a reference. Not thread-safe: only the thread that owns the guest logs.
class Log {
  public:
    using Sink = std::function<void(LogLevel, std::string_view part, std::string_view message)>;

    explicit Log(Sink sink, LogLevel level = LogLevel::Warning) : sink_(std::move(sink)), level_(level) {}

    /// "LEVEL" or "part=LEVEL,part=LEVEL,LEVEL"; levels are error, warning, info, debug, trace.
    Result<void> configure(std::string_view spec);
    [[nodiscard]] bool enabled(std::string_view part, LogLevel level) const;

    template <class... Args>
    void write(LogLevel level, std::string_view part, fmt::format_string<Args...> format, Args&&... args) {
        if (enabled(part, level)) sink_(level, part, fmt::format(format, std::forward<Args>(args)...));
    }
    template <class... Args>
    void error(std::string_view part, fmt::format_string<Args...> f, Args&&... args) {
        write(LogLevel::Error, part, f, std::forward<Args>(args)...);
    }
    template <class... Args>
    void warning(std::string_view part, fmt::format_string<Args...> f, Args&&... args) {
        write(LogLevel::Warning, part, f, std::forward<Args>(args)...);
    }
    template <class... Args>
    void info(std::string_view part, fmt::format_string<Args...> f, Args&&... args) {
        write(LogLevel::Info, part, f, std::forward<Args>(args)...);
    }
    template <class... Args>
    void debug(std::string_view part, fmt::format_string<Args...> f, Args&&... args) {
        write(LogLevel::Debug, part, f, std::forward<Args>(args)...);
    }

    /// Guest behaviour worth a word (unusual, unimplemented): `kind` is a short constant that names the kind; only
    /// the first of each kind is written (level Info), the others are counted.
    template <class... Args>
    void guest(std::string_view part, std::string_view kind, fmt::format_string<Args...> f, Args&&... args) {
        if (count_guest(part, kind) == 1) write(LogLevel::Info, part, f, std::forward<Args>(args)...);
    }
    /// Writes "kind: N times" for every kind seen more than once.
    void write_guest_counts();

  private:
    u64 count_guest(std::string_view part, std::string_view kind);

    Sink sink_;
    LogLevel level_;
    std::map<std::string, LogLevel, std::less<>> part_levels_;
    std::map<std::pair<std::string, std::string>, u64> guest_counts_;
};

/// Prints "gnomon: part: message" to standard error.
[[nodiscard]] Log::Sink stderr_log_sink();

}  // namespace gnomon
