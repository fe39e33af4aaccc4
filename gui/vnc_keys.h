// X11 keysyms, which RFB carries, to keys. RFC 6143, 7.5.4 "KeyEvent"; X11 <X11/keysymdef.h>.
#pragma once

#include <optional>

#include "devices/keyboard/keys.h"

namespace gnomon {

struct KeysymKey {
    Key key = Key::None;
    std::optional<bool> shift;  ///< what the US layout needs for the character; nothing: as it is
};

/// Key::None where no key has that symbol.
[[nodiscard]] KeysymKey key_of_keysym(unsigned keysym);

}  // namespace gnomon
