// The commands of the control socket: a table of names, parameters and functions.
#pragma once

#include <chrono>
#include <nlohmann/json.hpp>
#include <optional>
#include <regex>
#include <string>

#include "gui/monitor.h"
#include "gui/session.h"

namespace gnomon {

using Json = nlohmann::json;

/// A request that waits for something to appear on the screen.
struct TextWait {
    std::string text;
    std::optional<std::regex> pattern;  ///< instead of `text`
    std::chrono::steady_clock::time_point until;
    double seconds = 0;
    u64 seen = 0;  ///< generation of the screen looked at last

    /// Where it is: {"row", "column", "line"}; nothing if it is not there.
    [[nodiscard]] std::optional<Json> find(const TextScreen& screen) const;
};

/// What a command works on.
struct ControlCall {
    Session& session;
    const MonitorFallback& monitor;
    const Json& arguments;            ///< an object
    std::optional<TextWait>& wait;    ///< set by the command: the answer comes later
    std::array<double, 2>& absolute;  ///< where absolute pointer events have put the pointer, 0 to 1
};

/// An error of the protocol: its class and description.
struct ControlError {
    std::string error_class = "GenericError";
    std::string description;
};

/// Checks name and parameters, and carries the command out; returns what goes into "return".
[[nodiscard]] std::variant<Json, ControlError> run_control_command(const std::string& name, ControlCall call);
/// The answer to query-version, which the greeting holds too.
[[nodiscard]] Json version_json();

}  // namespace gnomon
