// Characters by the US layout, all else by this table.
#include "gui/vnc_keys.h"

#include <algorithm>
#include <iterator>

#include "devices/keyboard/us_text.h"

namespace gnomon {
namespace {

/// Runs of consecutive keysyms: the keys follow each other too.
struct Run {
    unsigned first, last;
    Key key;
};

constexpr Run kRuns[] = {
    {0xff08, 0xff08, Key::Backspace},    {0xff09, 0xff09, Key::Tab},
    {0xfe20, 0xfe20, Key::Tab},  // ISO_Left_Tab: Tab with Shift
    {0xff0d, 0xff0d, Key::Enter},        {0xff13, 0xff13, Key::Pause},
    {0xff14, 0xff14, Key::ScrollLock},   {0xff15, 0xff15, Key::PrintScreen},  // Sys_Req
    {0xff1b, 0xff1b, Key::Escape},       {0xff50, 0xff50, Key::Home},
    {0xff51, 0xff51, Key::Left},         {0xff52, 0xff52, Key::Up},
    {0xff53, 0xff53, Key::Right},        {0xff54, 0xff54, Key::Down},
    {0xff55, 0xff55, Key::PageUp},       {0xff56, 0xff56, Key::PageDown},
    {0xff57, 0xff57, Key::End},          {0xff61, 0xff61, Key::PrintScreen},
    {0xff63, 0xff63, Key::Insert},       {0xff67, 0xff67, Key::Menu},
    {0xff6b, 0xff6b, Key::Pause},  // Break: Pause with Ctrl
    {0xff7f, 0xff7f, Key::NumLock},      {0xff8d, 0xff8d, Key::KpEnter},
    {0xff95, 0xff95, Key::Kp7},  // the pad without Num Lock, from KP_Home on
    {0xff96, 0xff96, Key::Kp4},          {0xff97, 0xff97, Key::Kp8},
    {0xff98, 0xff98, Key::Kp6},          {0xff99, 0xff99, Key::Kp2},
    {0xff9a, 0xff9a, Key::Kp9},          {0xff9b, 0xff9b, Key::Kp3},
    {0xff9c, 0xff9c, Key::Kp1},          {0xff9d, 0xff9d, Key::Kp5},
    {0xff9e, 0xff9e, Key::Kp0},          {0xff9f, 0xff9f, Key::KpDecimal},
    {0xffaa, 0xffaa, Key::KpMultiply},   {0xffab, 0xffab, Key::KpAdd},
    {0xffac, 0xffac, Key::KpComma},      {0xffad, 0xffad, Key::KpSubtract},
    {0xffae, 0xffae, Key::KpDecimal},    {0xffaf, 0xffaf, Key::KpDivide},
    {0xffb0, 0xffb0, Key::Kp0},          {0xffb1, 0xffb9, Key::Kp1},
    {0xffbd, 0xffbd, Key::KpEqual},      {0xffbe, 0xffc9, Key::F1},
    {0xffca, 0xffd5, Key::F13},          {0xffe1, 0xffe1, Key::LeftShift},
    {0xffe2, 0xffe2, Key::RightShift},   {0xffe3, 0xffe3, Key::LeftControl},
    {0xffe4, 0xffe4, Key::RightControl}, {0xffe7, 0xffe7, Key::LeftGui},  // Meta
    {0xffe8, 0xffe8, Key::RightGui},     {0xffe9, 0xffe9, Key::LeftAlt},
    {0xffea, 0xffea, Key::RightAlt},     {0xffeb, 0xffeb, Key::LeftGui},   // Super
    {0xffec, 0xffec, Key::RightGui},     {0xfe03, 0xfe03, Key::RightAlt},  // ISO_Level3_Shift: AltGr
    {0xffff, 0xffff, Key::Delete},
};

}  // namespace

KeysymKey key_of_keysym(unsigned keysym) {
    if (keysym >= 0x20 && keysym < 0x7f) {
        const std::optional<TypedKey> typed = us_key(static_cast<char>(keysym));
        if (!typed) return {};
        // A blank is the same with and without Shift.
        return {typed->key, keysym == ' ' ? std::nullopt : std::optional(typed->shift)};
    }
    const auto* found = std::ranges::find_if(
        kRuns, [keysym](const Run& run) { return keysym >= run.first && keysym <= run.last; });
    if (found == std::end(kRuns)) return {};
    return {static_cast<Key>(static_cast<unsigned>(found->key) + keysym - found->first), std::nullopt};
}

}  // namespace gnomon
