// The command line: options, the machine file, and what comes out of both.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "machine/config.h"
#include "support/result.h"

namespace gnomon {

struct CommandLine {
    /// Print this and end with status 0: --help, --version, --cpu help, --config-reference.
    std::optional<std::string> print;
    Config config;
    std::vector<std::string> notes;  ///< for the user; from the machine file
    std::string stats;
    std::string screenshot;
    std::string screen_text;
    std::string load_state;
    std::string save_state;
    std::optional<std::string> gdb;  ///< [HOST:]PORT of the GDB stub, empty: the default
    bool paused = false;             ///< wait for the debugger before the first instruction
    bool debug = false;        ///< the debugger's console before the first instruction
    std::string debug_script;  ///< its commands first
};

/// Arguments without the program's name. `features` are printed by --version.
[[nodiscard]] Result<CommandLine> parse_command_line(const std::vector<std::string>& arguments,
                                                     const std::string& features);

}  // namespace gnomon
