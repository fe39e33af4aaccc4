// Commands for people, a line each, as QEMU's monitor names them: what `human-monitor-command` of the control
// socket takes.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "gui/session.h"

namespace gnomon {

/// Who answers lines whose first word is no command here (a debugger's console).
using MonitorFallback = std::function<Result<std::string>(std::string_view line)>;

/// Carries the line out and returns what it prints.
[[nodiscard]] Result<std::string> run_monitor_line(Session& session, std::string_view line,
                                                   const MonitorFallback& fallback = {});

}  // namespace gnomon
