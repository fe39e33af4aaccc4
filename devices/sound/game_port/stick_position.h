// What a game port knows of a joystick.
#pragma once

#include "support/types.h"

namespace gnomon {

/// A joystick as the user holds it.
struct StickPosition {
    bool plugged = false;
    u16 x = 0x8000;  ///< 0 is left
    u16 y = 0x8000;  ///< 0 is up
    u8 buttons = 0;  ///< bits 0 and 1: pressed
    bool operator==(const StickPosition&) const = default;
};

}  // namespace gnomon
