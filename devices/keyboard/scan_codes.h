// Scan codes of every key in the three sets. IBM Personal System/2 Hardware Interface Technical Reference,
// "Keyboards (101- and 102-Key)"; later keys from the keyboard scan code specification of the PC 98 era.
#pragma once

#include <span>
#include <string_view>

#include "devices/keyboard/keys.h"

namespace gnomon {

/// What a key of set 3 sends beyond its make code.
enum class Set3Mode : u8 { MakeOnly = 0, MakeBreak = 1, Typematic = 2, TypematicMakeBreak = 3 };

/// One key. The high byte of a code is its E0 prefix; 0 means that the set has no code for the key.
struct ScanCodeRow {
    Key key = Key::None;
    std::string_view name;
    u16 set1 = 0;
    u16 set2 = 0;
    u8 set3 = 0;
    Set3Mode set3_default = Set3Mode::MakeOnly;
};

/// One row a key, indexed by the key. Pause, Print Screen and their variants have sequences of their own in
/// the keyboard.
[[nodiscard]] std::span<const ScanCodeRow> scan_code_rows();
[[nodiscard]] const ScanCodeRow& scan_codes(Key key);
/// The key of a name of the table ("a", "f1", "kp_enter"); Key::None if there is none.
[[nodiscard]] Key key_of_name(std::string_view name);

/// What the controller's translation makes of a byte from the keyboard (set 2 to set 1; F0 is not in the
/// table's care).
[[nodiscard]] u8 translate_set2(u8 code);

}  // namespace gnomon
