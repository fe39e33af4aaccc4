// Decoding of terminal input.
#include "gui/terminal_keys.h"

#include <algorithm>
#include <array>
#include <utility>

namespace gnomon {
namespace {

constexpr Key offset_key(Key first, int offset) { return static_cast<Key>(static_cast<int>(first) + offset); }

struct Punctuation {
    char plain;
    char shifted;
    Key key;
};
constexpr Punctuation kPunctuation[] = {
    {'1', '!', Key::Digit1},      {'2', '@', Key::Digit2},       {'3', '#', Key::Digit3},
    {'4', '$', Key::Digit4},      {'5', '%', Key::Digit5},       {'6', '^', Key::Digit6},
    {'7', '&', Key::Digit7},      {'8', '*', Key::Digit8},       {'9', '(', Key::Digit9},
    {'0', ')', Key::Digit0},      {'-', '_', Key::Minus},        {'=', '+', Key::Equal},
    {'[', '{', Key::LeftBracket}, {']', '}', Key::RightBracket}, {'\\', '|', Key::Backslash},
    {';', ':', Key::Semicolon},   {'\'', '"', Key::Quote},       {'`', '~', Key::Grave},
    {',', '<', Key::Comma},       {'.', '>', Key::Period},       {'/', '?', Key::Slash},
};

/// CSI n ~
constexpr std::pair<unsigned, Key> kTildeKeys[] = {
    {1, Key::Home},     {2, Key::Insert}, {3, Key::Delete}, {4, Key::End},  {5, Key::PageUp},
    {6, Key::PageDown}, {7, Key::Home},   {8, Key::End},    {11, Key::F1},  {12, Key::F2},
    {13, Key::F3},      {14, Key::F4},    {15, Key::F5},    {17, Key::F6},  {18, Key::F7},
    {19, Key::F8},      {20, Key::F9},    {21, Key::F10},   {23, Key::F11}, {24, Key::F12},
};

/// CSI x, CSI 1;m x and SS3 x
constexpr std::pair<char, Key> kLetterKeys[] = {
    {'A', Key::Up},   {'B', Key::Down}, {'C', Key::Right},   {'D', Key::Left},
    {'H', Key::Home}, {'F', Key::End},  {'P', Key::F1},      {'Q', Key::F2},
    {'R', Key::F3},   {'S', Key::F4},   {'M', Key::KpEnter},
};

template<class Table, class Value>
Key find_key(const Table& table, Value value) {
    const auto found =
        std::find_if(std::begin(table), std::end(table), [&](const auto& row) { return row.first == value; });
    return found == std::end(table) ? Key::None : found->second;
}

}  // namespace

KeyStroke stroke_of_character(char character) {
    if (character >= 'a' && character <= 'z') return {offset_key(Key::A, character - 'a')};
    if (character >= 'A' && character <= 'Z') return {offset_key(Key::A, character - 'A'), true};
    for (const Punctuation& p : kPunctuation) {
        if (character == p.plain) return {p.key};
        if (character == p.shifted) return {p.key, true};
    }
    switch (character) {
        case ' ': return {Key::Space};
        case '\r':
        case '\n': return {Key::Enter};
        case '\t': return {Key::Tab};
        case 0x7f:
        case '\b': return {Key::Backspace};
        case 0x1b: return {Key::Escape};
        case 0x00: return {Key::Space, false, false, true};
        case 0x1c: return {Key::Backslash, false, false, true};
        case 0x1d: return {Key::RightBracket, false, false, true};
        case 0x1e: return {Key::Digit6, true, false, true};
        case 0x1f: return {Key::Minus, true, false, true};
        default: break;
    }
    if (character >= 1 && character <= 26) return {offset_key(Key::A, character - 1), false, false, true};
    return {};
}

void TerminalKeys::add(KeyStroke stroke) {
    if (stroke.key != Key::None) strokes_.push_back(stroke);
}

void TerminalKeys::feed(std::string_view bytes) {
    pending_ += bytes;
    size_t done = 0;

    while (!pending_.empty() && (done = take_one()) != 0) pending_.erase(0, done);
}

void TerminalKeys::pause() {
    // Either the Escape key alone, or Alt with '[' or 'O', or a sequence that broke off.
    if (pending_ == "\x1b" || pending_ == "\x1b\x1b") {
        for (size_t i = 0; i < pending_.size(); i++) add({Key::Escape});
    } else if (pending_.size() == 2) {
        KeyStroke stroke = stroke_of_character(pending_[1]);
        stroke.alt = true;
        add(stroke);
    }
    pending_.clear();
}

size_t TerminalKeys::take_one() {
    const char first = pending_[0];
    if (first != 0x1b) {
        add(stroke_of_character(first));  // bytes beyond ASCII have no key on a US keyboard
        return 1;
    }
    if (pending_.size() == 1) return 0;
    // Some terminals send Alt as an ESC in front of the whole sequence.
    size_t start = 1;
    const bool alt = pending_[1] == 0x1b;
    if (alt) {
        if (pending_.size() == 2) return 0;
        if (pending_[2] != '[' && pending_[2] != 'O') {
            add({Key::Escape});
            return 1;
        }
        start = 2;
    }
    if (pending_[start] == '[' || pending_[start] == 'O') return take_sequence(start, alt);
    KeyStroke stroke = stroke_of_character(pending_[1]);
    stroke.alt = true;
    add(stroke);
    return 2;
}

/// `start` is at the '[' or 'O'.
size_t TerminalKeys::take_sequence(size_t start, bool alt) {
    size_t at = start + 1;
    const bool csi = pending_[start] == '[';
    // The Linux console's F1-F5: CSI [ A-E.
    if (csi && at < pending_.size() && pending_[at] == '[') {
        if (at + 1 == pending_.size()) return 0;
        const char letter = pending_[at + 1];
        if (letter >= 'A' && letter <= 'E') add({offset_key(Key::F1, letter - 'A'), false, alt});
        return at + 2;
    }
    std::array<unsigned, 2> parameters{};
    size_t parameter = 0;
    for (; at < pending_.size(); at++) {
        const char c = pending_[at];
        if (c >= '0' && c <= '9') {
            if (parameter < 2)
                parameters[parameter] = (parameters[parameter] * 10 + static_cast<unsigned>(c - '0')) % 1000;
        } else if (c == ';') {
            parameter++;
        } else if (c >= 0x40 && c <= 0x7e) {
            break;
        } else if (c < 0x20) {
            return at;  // broken off by something else
        }
    }
    if (at == pending_.size()) {
        if (at < 32) return 0;
        return at;  // no key has a sequence as long
    }
    const char final = pending_[at];
    KeyStroke stroke;
    if (csi && final == 'Z')
        stroke = {Key::Tab, true};
    else if (csi && final == '~')
        stroke.key = find_key(kTildeKeys, parameters[0]);
    else
        stroke.key = find_key(kLetterKeys, final);
    // Modifiers: 1 + shift 1 + alt 2 + control 4; SS3 carries them as its only number.
    const unsigned modifiers = csi ? parameters[1] : parameters[0];
    if (modifiers > 1) {
        stroke.shift |= (modifiers - 1) & 1;
        stroke.alt |= (modifiers - 1) >> 1 & 1;
        stroke.control |= (modifiers - 1) >> 2 & 1;
    }
    stroke.alt |= alt;
    add(stroke);
    return at + 1;
}

}  // namespace gnomon
