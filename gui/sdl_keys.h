// SDL scan codes, which follow the USB HID usage tables, as our keys.
#pragma once

#include <SDL.h>

#include "devices/keyboard/keys.h"

namespace gnomon {

/// Key::None for a code without a key on a PC keyboard.
[[nodiscard]] Key key_of_scan_code(SDL_Scancode code);

}  // namespace gnomon
