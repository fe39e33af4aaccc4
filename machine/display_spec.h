// Which front ends a configuration asks for: the words of `display.kind` and `--display`.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "support/result.h"
#include "support/types.h"

namespace gnomon {

enum class DisplayKind : u8 { Automatic, Sdl, Terminal, Vnc, None };

struct DisplaySpec {
    DisplayKind kind = DisplayKind::Automatic;
    std::string host = "127.0.0.1";  ///< VNC: where it listens
    u16 port = 5900;
    bool operator==(const DisplaySpec&) const = default;
};

/// "sdl", "terminal", "vnc", "vnc:PORT", "vnc:HOST:PORT", "auto" or "none", separated by commas; the last two
/// stand alone.
[[nodiscard]] Result<std::vector<DisplaySpec>> parse_displays(std::string_view words);

}  // namespace gnomon
