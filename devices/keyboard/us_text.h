// Keys for text on the US layout: what paste and tests type.
#pragma once

#include <optional>

#include "devices/keyboard/keys.h"

namespace gnomon {

struct TypedKey {
    Key key = Key::None;
    bool shift = false;
};

/// The key, and whether with Shift, that makes `character` on a US keyboard; nothing if no key does.
[[nodiscard]] std::optional<TypedKey> us_key(char character);

}  // namespace gnomon
