// The commands behind Ctrl-A.
#include "devices/serial/escape_keys.h"

#include <fmt/format.h>

#include <array>
#include <string_view>

namespace gnomon {
namespace {

constexpr u8 kPrefix = 0x01;

struct Row {
    char key;
    EscapeKeys::Command command;
    std::string_view help;
};

constexpr std::array kRows{
    Row{'h', EscapeKeys::Command::Help, "this list"},
    Row{'x', EscapeKeys::Command::Quit, "leave the emulator"},
    Row{'b', EscapeKeys::Command::Break, "send a break to the guest"},
    Row{'c', EscapeKeys::Command::Debugger, "stop in the debugger"},
    Row{'t', EscapeKeys::Command::Timestamps, "time stamps before the lines on or off"},
};

}  // namespace

EscapeKeys::Step EscapeKeys::feed(u8 byte) {
    if (!prefix_) {
        if (byte != kPrefix) return {byte, std::nullopt};
        prefix_ = true;
        return {};
    }
    prefix_ = false;
    if (byte == kPrefix || byte == 'a') return {kPrefix, std::nullopt};
    for (const Row& row : kRows)
        if (static_cast<u8>(row.key) == byte || (byte == '?' && row.key == 'h'))
            return {std::nullopt, row.command};
    return {};
}

std::string EscapeKeys::help() {
    std::string text;
    for (const Row& row : kRows) text += fmt::format("Ctrl-A {}       {}\n", row.key, row.help);
    return text + "Ctrl-A Ctrl-A  send Ctrl-A to the guest\n";
}

}  // namespace gnomon
