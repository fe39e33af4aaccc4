// Terminal input to keys, in whole and cut into bytes.
#include "gui/terminal_keys.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

namespace gnomon {

static void PrintTo(const KeyStroke& stroke, std::ostream* out) {
    *out << static_cast<int>(stroke.key) << (stroke.shift ? "+shift" : "") << (stroke.alt ? "+alt" : "")
         << (stroke.control ? "+control" : "");
}

namespace {

std::vector<KeyStroke> decode(std::string_view bytes, bool bytewise) {
    TerminalKeys keys;
    if (bytewise)
        for (const char byte : bytes) keys.feed(std::string_view(&byte, 1));
    else
        keys.feed(bytes);
    keys.pause();
    return {keys.strokes().begin(), keys.strokes().end()};
}

constexpr KeyStroke shift(Key key) { return {key, true, false, false}; }
constexpr KeyStroke alt(Key key) { return {key, false, true, false}; }
constexpr KeyStroke control(Key key) { return {key, false, false, true}; }

struct Case {
    std::string_view bytes;
    std::vector<KeyStroke> strokes;
};

TEST(TerminalKeys, SequencesOfManyTerminalsAreUnderstood) {
    const std::vector<Case> cases = {
        {"aZ0", {{Key::A}, shift(Key::Z), {Key::Digit0}}},
        {"!_|~?",
         {shift(Key::Digit1), shift(Key::Minus), shift(Key::Backslash), shift(Key::Grave),
          shift(Key::Slash)}},
        {"\r\n\t\x7f\b ",
         {{Key::Enter}, {Key::Enter}, {Key::Tab}, {Key::Backspace}, {Key::Backspace}, {Key::Space}}},
        {"\x03\x1a\x1c", {control(Key::C), control(Key::Z), control(Key::Backslash)}},
        {"\x1b", {{Key::Escape}}},
        {"\x1b\x1b", {{Key::Escape}, {Key::Escape}}},
        {"\x1bx\x1bX", {alt(Key::X), {Key::X, true, true, false}}},
        {"\x1b[", {alt(Key::LeftBracket)}},
        {"\x1b[A\x1b[B\x1b[C\x1b[D\x1b[H\x1b[F",
         {{Key::Up}, {Key::Down}, {Key::Right}, {Key::Left}, {Key::Home}, {Key::End}}},
        {"\x1bOA\x1bOP\x1bOQ\x1bOR\x1bOS", {{Key::Up}, {Key::F1}, {Key::F2}, {Key::F3}, {Key::F4}}},
        {"\x1b[1~\x1b[2~\x1b[3~\x1b[4~\x1b[5~\x1b[6~",
         {{Key::Home}, {Key::Insert}, {Key::Delete}, {Key::End}, {Key::PageUp}, {Key::PageDown}}},
        {"\x1b[15~\x1b[17~\x1b[21~\x1b[23~\x1b[24~",
         {{Key::F5}, {Key::F6}, {Key::F10}, {Key::F11}, {Key::F12}}},
        {"\x1b[[A\x1b[[E", {{Key::F1}, {Key::F5}}},
        {"\x1b[1;5C\x1b[1;2A\x1b[3;3~\x1b[15;6~",
         {control(Key::Right), shift(Key::Up), alt(Key::Delete), {Key::F5, true, false, true}}},
        {"\x1b[Z\x1b\x1b[A\x1b[1;3P", {shift(Key::Tab), alt(Key::Up), alt(Key::F1)}},
        {"\xc3\xa9q\x1b[99~w", {{Key::Q}, {Key::W}}},  // no such key: passed over
    };
    for (const Case& c : cases) {
        EXPECT_EQ(decode(c.bytes, false), c.strokes) << testing::PrintToString(c.bytes);
        EXPECT_EQ(decode(c.bytes, true), c.strokes) << testing::PrintToString(c.bytes);
    }
}

TEST(TerminalKeys, EveryPrintableCharacterHasAStroke) {
    for (int c = 0x20; c < 0x7f; c++)
        EXPECT_NE(stroke_of_character(static_cast<char>(c)).key, Key::None) << c;
    EXPECT_EQ(stroke_of_character(static_cast<char>(0x80)).key, Key::None);
}

TEST(TerminalKeys, RandomBytesDoNotGetStuck) {
    std::mt19937 random(5);
    TerminalKeys keys;
    for (int i = 0; i < 200000; i++) {
        static constexpr char kLikely[] = "\x1b\x1b[O;1259~AZ";
        const char byte =
            random() % 4 ? kLikely[random() % (sizeof kLikely - 1)] : static_cast<char>(random());
        keys.feed(std::string_view(&byte, 1));
        ASSERT_LE(keys.strokes().size(), 64u);
        if (keys.strokes().size() > 32) keys.strokes().clear();
    }
    keys.pause();
    EXPECT_FALSE(keys.incomplete());
    keys.strokes().clear();
    keys.feed("k");
    EXPECT_EQ(keys.strokes().front(), (KeyStroke{Key::K}));
}

}  // namespace
}  // namespace gnomon
