// What the user does, as front ends report it: keys by position, relative pointer motion, text, and commands to the
// machine.
#pragma once

#include <string>
#include <variant>

#include "devices/keyboard/keys.h"
#include "devices/sound/game_port/stick_position.h"
#include "support/types.h"

namespace gnomon {

/// A key of the keyboard goes down or up. Repetition is the guest's keyboard's business and never reported.
struct KeyInput {
    Key key;
    bool down = false;
    bool operator==(const KeyInput&) const = default;
};

/// Relative motion in pixels: right, down, and wheel steps away from the user are positive.
struct PointerMotion {
    int dx = 0;
    int dy = 0;
    int wheel = 0;
    bool operator==(const PointerMotion&) const = default;
};

/// Where the pointer is on the guest's screen, in 65535ths of its width and height: for a guest that takes
/// places; the others go by the motions.
struct PointerPlace {
    u32 x = 0;
    u32 y = 0;
    bool operator==(const PointerPlace&) const = default;
};
constexpr u32 kPointerEdge = 0xffff;

/// Buttons: 0 left, 1 right, 2 middle, 3 and 4 the side buttons.
struct PointerButton {
    u8 button = 0;
    bool down = false;
    bool operator==(const PointerButton&) const = default;
};

/// A joystick was plugged in, moved or unplugged: the first (0) or second (1) of the host's.
struct StickInput {
    u8 stick = 0;
    StickPosition position;
    bool operator==(const StickInput&) const = default;
};

/// The user closed the window or left the terminal: the machine is to be switched off.
struct PowerOffRequest {
    bool operator==(const PowerOffRequest&) const = default;
};

/// Text to be typed on the guest's keyboard, as a paste.
struct TextInput {
    std::string text;
    bool operator==(const TextInput&) const = default;
};

/// What a user may ask of the machine besides pressing keys.
enum class UserCommand : u8 {
    PauseOrContinue,
    Reset,
    PowerButton,
    CtrlAltDel,
    Insert,  ///< `file` into `drive`; no drive: the first that suits the file
    Eject,
    SaveState,   ///< to `file`; none: the configured one
    LoadState,   ///< likewise
    Screenshot,  ///< to `file`; none: the next free screenshot-N.png
    CopyText,    ///< what a text mode shows comes back as a Notice
    Mute,
};

struct CommandRequest {
    UserCommand command;
    std::string drive = {};
    std::string file = {};
    bool operator==(const CommandRequest&) const = default;
};

using InputEvent =
    std::variant<KeyInput, PointerMotion, PointerPlace, PointerButton, StickInput, PowerOffRequest, TextInput, CommandRequest>;

}  // namespace gnomon
