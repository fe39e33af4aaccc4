// The keys of a PC keyboard by position, named as the USB HID usage tables name them (page 7, and page 12 for
// the multimedia keys). A host front end translates its own codes to these; layouts are the guest's business.
#pragma once

#include "support/types.h"

namespace gnomon {

// clang-format off: one line per group of keys
enum class Key : u8 {
    None,
    // Letters, digits and punctuation of the main block (US legends).
    A, B, C, D, E, F, G, H, I, J, K, L, M, N, O, P, Q, R, S, T, U, V, W, X, Y, Z,
    Digit1, Digit2, Digit3, Digit4, Digit5, Digit6, Digit7, Digit8, Digit9, Digit0,
    Enter, Escape, Backspace, Tab, Space,
    Minus, Equal, LeftBracket, RightBracket, Backslash, NonUsHash, Semicolon, Quote, Grave, Comma,
    Period, Slash,
    CapsLock,
    F1, F2, F3, F4, F5, F6, F7, F8, F9, F10, F11, F12,
    // Above the cursor block, and the cursor block.
    PrintScreen, ScrollLock, Pause,
    Insert, Home, PageUp, Delete, End, PageDown, Right, Left, Down, Up,
    // The numeric pad.
    NumLock, KpDivide, KpMultiply, KpSubtract, KpAdd, KpEnter,
    Kp1, Kp2, Kp3, Kp4, Kp5, Kp6, Kp7, Kp8, Kp9, Kp0, KpDecimal,
    // Keys that only some national keyboards have.
    NonUsBackslash, Menu, KpEqual, KpComma, International1, International2, International3,
    International4, International5,
    Lang1, Lang2,
    F13, F14, F15, F16, F17, F18, F19, F20, F21, F22, F23, F24,
    // Shift keys.
    LeftControl, LeftShift, LeftAlt, LeftGui, RightControl, RightShift, RightAlt, RightGui,
    // Multimedia and power keys.
    Power, Sleep, Wake,
    Mute, VolumeUp, VolumeDown, NextTrack, PreviousTrack, StopTrack, PlayPause, MediaSelect, Mail,
    Calculator, MyComputer, WebSearch, WebHome, WebBack, WebForward, WebStop, WebRefresh, WebFavorites,
    Count,
};
// clang-format on

inline constexpr unsigned kKeyCount = static_cast<unsigned>(Key::Count);

/// Buttons of the mouse, as mouse_button() numbers them.
enum class MouseButton : u8 { Left, Right, Middle, Back, Forward };

}  // namespace gnomon
