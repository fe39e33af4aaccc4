// The table of key names and numbers. IBM PC/AT Technical Reference, "Keyboard", for scan code set 1.
#include "gui/key_names.h"

#include <algorithm>

namespace gnomon {
namespace {

struct KeyName {
    std::string_view name;
    Key key;
    u8 number;  ///< set 1 make code, +80h with the prefix E0h; 0: none of its own
};

constexpr KeyName kNames[] = {
    {"esc", Key::Escape, 0x01},
    {"1", Key::Digit1, 0x02},
    {"2", Key::Digit2, 0x03},
    {"3", Key::Digit3, 0x04},
    {"4", Key::Digit4, 0x05},
    {"5", Key::Digit5, 0x06},
    {"6", Key::Digit6, 0x07},
    {"7", Key::Digit7, 0x08},
    {"8", Key::Digit8, 0x09},
    {"9", Key::Digit9, 0x0a},
    {"0", Key::Digit0, 0x0b},
    {"minus", Key::Minus, 0x0c},
    {"equal", Key::Equal, 0x0d},
    {"backspace", Key::Backspace, 0x0e},
    {"tab", Key::Tab, 0x0f},
    {"q", Key::Q, 0x10},
    {"w", Key::W, 0x11},
    {"e", Key::E, 0x12},
    {"r", Key::R, 0x13},
    {"t", Key::T, 0x14},
    {"y", Key::Y, 0x15},
    {"u", Key::U, 0x16},
    {"i", Key::I, 0x17},
    {"o", Key::O, 0x18},
    {"p", Key::P, 0x19},
    {"bracket_left", Key::LeftBracket, 0x1a},
    {"bracket_right", Key::RightBracket, 0x1b},
    {"ret", Key::Enter, 0x1c},
    {"ctrl", Key::LeftControl, 0x1d},
    {"a", Key::A, 0x1e},
    {"s", Key::S, 0x1f},
    {"d", Key::D, 0x20},
    {"f", Key::F, 0x21},
    {"g", Key::G, 0x22},
    {"h", Key::H, 0x23},
    {"j", Key::J, 0x24},
    {"k", Key::K, 0x25},
    {"l", Key::L, 0x26},
    {"semicolon", Key::Semicolon, 0x27},
    {"apostrophe", Key::Quote, 0x28},
    {"grave_accent", Key::Grave, 0x29},
    {"shift", Key::LeftShift, 0x2a},
    {"backslash", Key::Backslash, 0x2b},
    {"z", Key::Z, 0x2c},
    {"x", Key::X, 0x2d},
    {"c", Key::C, 0x2e},
    {"v", Key::V, 0x2f},
    {"b", Key::B, 0x30},
    {"n", Key::N, 0x31},
    {"m", Key::M, 0x32},
    {"comma", Key::Comma, 0x33},
    {"dot", Key::Period, 0x34},
    {"slash", Key::Slash, 0x35},
    {"shift_r", Key::RightShift, 0x36},
    {"kp_multiply", Key::KpMultiply, 0x37},
    {"asterisk", Key::KpMultiply, 0},
    {"alt", Key::LeftAlt, 0x38},
    {"spc", Key::Space, 0x39},
    {"caps_lock", Key::CapsLock, 0x3a},
    {"f1", Key::F1, 0x3b},
    {"f2", Key::F2, 0x3c},
    {"f3", Key::F3, 0x3d},
    {"f4", Key::F4, 0x3e},
    {"f5", Key::F5, 0x3f},
    {"f6", Key::F6, 0x40},
    {"f7", Key::F7, 0x41},
    {"f8", Key::F8, 0x42},
    {"f9", Key::F9, 0x43},
    {"f10", Key::F10, 0x44},
    {"num_lock", Key::NumLock, 0x45},
    {"scroll_lock", Key::ScrollLock, 0x46},
    {"kp_7", Key::Kp7, 0x47},
    {"kp_8", Key::Kp8, 0x48},
    {"kp_9", Key::Kp9, 0x49},
    {"kp_subtract", Key::KpSubtract, 0x4a},
    {"kp_4", Key::Kp4, 0x4b},
    {"kp_5", Key::Kp5, 0x4c},
    {"kp_6", Key::Kp6, 0x4d},
    {"kp_add", Key::KpAdd, 0x4e},
    {"kp_1", Key::Kp1, 0x4f},
    {"kp_2", Key::Kp2, 0x50},
    {"kp_3", Key::Kp3, 0x51},
    {"kp_0", Key::Kp0, 0x52},
    {"kp_decimal", Key::KpDecimal, 0x53},
    {"sysrq", Key::PrintScreen, 0x54},
    {"less", Key::NonUsBackslash, 0x56},
    {"f11", Key::F11, 0x57},
    {"f12", Key::F12, 0x58},
    {"ro", Key::International1, 0x73},
    {"henkan", Key::International4, 0x79},
    {"muhenkan", Key::International5, 0x7b},
    {"hiragana", Key::International2, 0x70},
    {"yen", Key::International3, 0x7d},
    {"kp_comma", Key::KpComma, 0x7e},
    {"kp_equals", Key::KpEqual, 0x59},
    {"audioprev", Key::PreviousTrack, 0x90},
    {"audionext", Key::NextTrack, 0x99},
    {"kp_enter", Key::KpEnter, 0x9c},
    {"ctrl_r", Key::RightControl, 0x9d},
    {"audiomute", Key::Mute, 0xa0},
    {"calculator", Key::Calculator, 0xa1},
    {"audioplay", Key::PlayPause, 0xa2},
    {"audiostop", Key::StopTrack, 0xa4},
    {"volumedown", Key::VolumeDown, 0xae},
    {"volumeup", Key::VolumeUp, 0xb0},
    {"ac_home", Key::WebHome, 0xb2},
    {"kp_divide", Key::KpDivide, 0xb5},
    {"print", Key::PrintScreen, 0xb7},
    {"alt_r", Key::RightAlt, 0xb8},
    {"pause", Key::Pause, 0xc6},
    {"home", Key::Home, 0xc7},
    {"up", Key::Up, 0xc8},
    {"pgup", Key::PageUp, 0xc9},
    {"left", Key::Left, 0xcb},
    {"right", Key::Right, 0xcd},
    {"end", Key::End, 0xcf},
    {"down", Key::Down, 0xd0},
    {"pgdn", Key::PageDown, 0xd1},
    {"insert", Key::Insert, 0xd2},
    {"delete", Key::Delete, 0xd3},
    {"meta_l", Key::LeftGui, 0xdb},
    {"meta_r", Key::RightGui, 0xdc},
    {"menu", Key::Menu, 0xdd},
    {"compose", Key::Menu, 0},
    {"power", Key::Power, 0xde},
    {"sleep", Key::Sleep, 0xdf},
    {"wake", Key::Wake, 0xe3},
    {"mail", Key::Mail, 0xec},
    {"mediaselect", Key::MediaSelect, 0xed},
    {"computer", Key::MyComputer, 0xeb},
    {"ac_bookmarks", Key::WebFavorites, 0xe6},
    {"ac_refresh", Key::WebRefresh, 0xe7},
    {"ac_forward", Key::WebForward, 0xe9},
    {"ac_back", Key::WebBack, 0xea},
};

}  // namespace

std::optional<Key> key_by_name(std::string_view name) {
    const auto* found = std::ranges::find(kNames, name, &KeyName::name);
    if (found == std::end(kNames)) return std::nullopt;
    return found->key;
}

std::optional<Key> key_by_number(unsigned number) {
    if (number == 0 || number > 0xff) return std::nullopt;
    const auto* found = std::ranges::find(kNames, static_cast<u8>(number), &KeyName::number);
    if (found == std::end(kNames)) return std::nullopt;
    return found->key;
}

Result<std::vector<Key>> parse_chord(std::string_view chord) {
    std::vector<Key> keys;
    for (bool more = true; more;) {
        const size_t dash = std::min(chord.find('-'), chord.size());
        more = dash != chord.size();
        const std::string_view name = chord.substr(0, dash);
        const std::optional<Key> key = key_by_name(name);
        if (!key) return fail("there is no key '{}'; a chord is like ctrl-alt-delete", name);
        keys.push_back(*key);
        chord.remove_prefix(std::min(dash + 1, chord.size()));
    }
    return keys;
}

}  // namespace gnomon
