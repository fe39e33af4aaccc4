// Runs of consecutive codes and single ones.
#include "gui/sdl_keys.h"

namespace gnomon {
namespace {

struct Run {
    SDL_Scancode first;
    SDL_Scancode last;
    Key key;  ///< of the first; the others follow in both lists
};

// The main block, editing keys and numeric pad follow the HID order in both lists.
constexpr Run kRuns[] = {
    {SDL_SCANCODE_A, SDL_SCANCODE_Z, Key::A},
    {SDL_SCANCODE_1, SDL_SCANCODE_0, Key::Digit1},
    {SDL_SCANCODE_RETURN, SDL_SCANCODE_SPACE, Key::Enter},
    {SDL_SCANCODE_MINUS, SDL_SCANCODE_SLASH, Key::Minus},
    {SDL_SCANCODE_CAPSLOCK, SDL_SCANCODE_CAPSLOCK, Key::CapsLock},
    {SDL_SCANCODE_F1, SDL_SCANCODE_F12, Key::F1},
    {SDL_SCANCODE_PRINTSCREEN, SDL_SCANCODE_UP, Key::PrintScreen},
    {SDL_SCANCODE_NUMLOCKCLEAR, SDL_SCANCODE_KP_PERIOD, Key::NumLock},
    {SDL_SCANCODE_NONUSBACKSLASH, SDL_SCANCODE_NONUSBACKSLASH, Key::NonUsBackslash},
    {SDL_SCANCODE_APPLICATION, SDL_SCANCODE_APPLICATION, Key::Menu},
    {SDL_SCANCODE_MENU, SDL_SCANCODE_MENU, Key::Menu},
    {SDL_SCANCODE_POWER, SDL_SCANCODE_POWER, Key::Power},
    {SDL_SCANCODE_KP_EQUALS, SDL_SCANCODE_KP_EQUALS, Key::KpEqual},
    {SDL_SCANCODE_KP_COMMA, SDL_SCANCODE_KP_COMMA, Key::KpComma},
    {SDL_SCANCODE_F13, SDL_SCANCODE_F24, Key::F13},
    {SDL_SCANCODE_INTERNATIONAL1, SDL_SCANCODE_INTERNATIONAL5, Key::International1},
    {SDL_SCANCODE_LANG1, SDL_SCANCODE_LANG2, Key::Lang1},
    {SDL_SCANCODE_LCTRL, SDL_SCANCODE_RGUI, Key::LeftControl},
    {SDL_SCANCODE_SLEEP, SDL_SCANCODE_SLEEP, Key::Sleep},
    {SDL_SCANCODE_MUTE, SDL_SCANCODE_MUTE, Key::Mute},
    {SDL_SCANCODE_AUDIOMUTE, SDL_SCANCODE_AUDIOMUTE, Key::Mute},
    {SDL_SCANCODE_VOLUMEUP, SDL_SCANCODE_VOLUMEUP, Key::VolumeUp},
    {SDL_SCANCODE_VOLUMEDOWN, SDL_SCANCODE_VOLUMEDOWN, Key::VolumeDown},
    {SDL_SCANCODE_AUDIONEXT, SDL_SCANCODE_AUDIONEXT, Key::NextTrack},
    {SDL_SCANCODE_AUDIOPREV, SDL_SCANCODE_AUDIOPREV, Key::PreviousTrack},
    {SDL_SCANCODE_AUDIOSTOP, SDL_SCANCODE_AUDIOSTOP, Key::StopTrack},
    {SDL_SCANCODE_AUDIOPLAY, SDL_SCANCODE_AUDIOPLAY, Key::PlayPause},
    {SDL_SCANCODE_MEDIASELECT, SDL_SCANCODE_MEDIASELECT, Key::MediaSelect},
    {SDL_SCANCODE_MAIL, SDL_SCANCODE_MAIL, Key::Mail},
    {SDL_SCANCODE_CALCULATOR, SDL_SCANCODE_CALCULATOR, Key::Calculator},
    {SDL_SCANCODE_COMPUTER, SDL_SCANCODE_COMPUTER, Key::MyComputer},
    {SDL_SCANCODE_AC_SEARCH, SDL_SCANCODE_AC_SEARCH, Key::WebSearch},
    {SDL_SCANCODE_AC_HOME, SDL_SCANCODE_AC_HOME, Key::WebHome},
    {SDL_SCANCODE_AC_BACK, SDL_SCANCODE_AC_BACK, Key::WebBack},
    {SDL_SCANCODE_AC_FORWARD, SDL_SCANCODE_AC_FORWARD, Key::WebForward},
    {SDL_SCANCODE_AC_STOP, SDL_SCANCODE_AC_STOP, Key::WebStop},
    {SDL_SCANCODE_AC_REFRESH, SDL_SCANCODE_AC_REFRESH, Key::WebRefresh},
    {SDL_SCANCODE_AC_BOOKMARKS, SDL_SCANCODE_AC_BOOKMARKS, Key::WebFavorites},
};

constexpr bool run_ends_at(SDL_Scancode first, SDL_Scancode last, Key from, Key to) {
    return last - first == static_cast<int>(to) - static_cast<int>(from);
}
static_assert(run_ends_at(SDL_SCANCODE_A, SDL_SCANCODE_Z, Key::A, Key::Z));
static_assert(run_ends_at(SDL_SCANCODE_RETURN, SDL_SCANCODE_SPACE, Key::Enter, Key::Space));
static_assert(run_ends_at(SDL_SCANCODE_MINUS, SDL_SCANCODE_SLASH, Key::Minus, Key::Slash));
static_assert(run_ends_at(SDL_SCANCODE_PRINTSCREEN, SDL_SCANCODE_UP, Key::PrintScreen, Key::Up));
static_assert(run_ends_at(SDL_SCANCODE_NUMLOCKCLEAR, SDL_SCANCODE_KP_PERIOD, Key::NumLock, Key::KpDecimal));
static_assert(run_ends_at(SDL_SCANCODE_LCTRL, SDL_SCANCODE_RGUI, Key::LeftControl, Key::RightGui));

}  // namespace

Key key_of_scan_code(SDL_Scancode code) {
    for (const Run& run : kRuns)
        if (code >= run.first && code <= run.last)
            return static_cast<Key>(static_cast<int>(run.key) + (code - run.first));
    return Key::None;
}

}  // namespace gnomon
