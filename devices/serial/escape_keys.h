// The Ctrl-A prefix of a console on standard input: commands to the emulator between the guest's bytes.
#pragma once

#include <optional>
#include <string>

#include "support/types.h"

namespace gnomon {

class EscapeKeys {
  public:
    enum class Command : u8 { Help, Quit, Break, Debugger, Timestamps };

    /// One byte from the user: what the guest gets, or a command, or neither (the prefix itself).
    struct Step {
        std::optional<u8> byte;
        std::optional<Command> command;
    };
    Step feed(u8 byte);

    [[nodiscard]] static std::string help();

  private:
    bool prefix_ = false;
};

}  // namespace gnomon
