// The US layout, backwards: from characters to keys.
#include "devices/keyboard/us_text.h"

#include <array>

namespace gnomon {
namespace {

struct Legend {
    char plain;
    char shifted;
    Key key;
};

constexpr std::array kLegends{
    Legend{'1', '!', Key::Digit1},       Legend{'2', '@', Key::Digit2},
    Legend{'3', '#', Key::Digit3},       Legend{'4', '$', Key::Digit4},
    Legend{'5', '%', Key::Digit5},       Legend{'6', '^', Key::Digit6},
    Legend{'7', '&', Key::Digit7},       Legend{'8', '*', Key::Digit8},
    Legend{'9', '(', Key::Digit9},       Legend{'0', ')', Key::Digit0},
    Legend{'-', '_', Key::Minus},        Legend{'=', '+', Key::Equal},
    Legend{'[', '{', Key::LeftBracket},  Legend{']', '}', Key::RightBracket},
    Legend{'\\', '|', Key::Backslash},   Legend{';', ':', Key::Semicolon},
    Legend{'\'', '"', Key::Quote},       Legend{'`', '~', Key::Grave},
    Legend{',', '<', Key::Comma},        Legend{'.', '>', Key::Period},
    Legend{'/', '?', Key::Slash},        Legend{' ', ' ', Key::Space},
    Legend{'\n', '\n', Key::Enter},      Legend{'\r', '\r', Key::Enter},
    Legend{'\t', '\t', Key::Tab},        Legend{'\b', '\b', Key::Backspace},
    Legend{'\x1b', '\x1b', Key::Escape}, Legend{'\x7f', '\x7f', Key::Delete},
};

}  // namespace

std::optional<TypedKey> us_key(char character) {
    const auto letter = [](int index) { return static_cast<Key>(static_cast<int>(Key::A) + index); };
    if (character >= 'a' && character <= 'z') return TypedKey{letter(character - 'a'), false};
    if (character >= 'A' && character <= 'Z') return TypedKey{letter(character - 'A'), true};
    for (const Legend& legend : kLegends) {
        if (legend.plain == character) return TypedKey{legend.key, false};
        if (legend.shifted == character) return TypedKey{legend.key, true};
    }
    return std::nullopt;
}

}  // namespace gnomon
