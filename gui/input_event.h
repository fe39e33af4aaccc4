// What the user does, as front ends report it: keys by position, relative pointer motion, the wish to leave.
#pragma once

#include <variant>

#include "devices/keyboard/keys.h"
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

/// Buttons: 0 left, 1 right, 2 middle, 3 and 4 the side buttons.
struct PointerButton {
    u8 button = 0;
    bool down = false;
    bool operator==(const PointerButton&) const = default;
};

/// The user closed the window or left the terminal: the machine is to be switched off.
struct PowerOffRequest {
    bool operator==(const PowerOffRequest&) const = default;
};

using InputEvent = std::variant<KeyInput, PointerMotion, PointerButton, PowerOffRequest>;

}  // namespace gnomon
