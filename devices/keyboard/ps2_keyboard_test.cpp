// Scan codes of the three sets, typematic, and the keyboard's commands.
#include "devices/keyboard/ps2_keyboard.h"

#include "devices/keyboard/keyboard_fixture.h"

namespace gnomon {
namespace {

struct Ps2KeyboardTest : KeyboardFixture {
    Ps2KeyboardTest() { command_byte(0x00); }  // no translation: the bytes as the keyboard sends them
    void use_set(u8 set) {
        keyboard(0xf0);
        keyboard(set);
    }
};

TEST_F(Ps2KeyboardTest, EveryKeySendsItsCodesInEverySet) {
    for (const u8 set : {1, 2, 3}) {
        use_set(set);
        keyboard(set == 3 ? 0xfa : 0xee);
        for (const ScanCodeRow& row : scan_code_rows()) {
            if (row.key == Key::None || row.key == Key::Pause || row.key == Key::PrintScreen) continue;
            const u16 code = set == 1 ? row.set1 : set == 2 ? row.set2 : row.set3;
            const u8 low = static_cast<u8>(code);
            const std::string prefix = code >> 8 ? "e0 " : "";
            std::string expected = fmt::format("{}{:02x} / ", prefix, low);
            if (code == 0)
                expected = " / ";
            else if (set == 3 || (row.key != Key::Lang1 && row.key != Key::Lang2))
                expected += set == 1 ? fmt::format("{}{:02x}", prefix, low | 0x80)
                                     : fmt::format("{}f0 {:02x}", prefix, low);
            EXPECT_EQ(tap(row.key), expected) << row.name << " in set " << int{set};
        }
    }
}

TEST_F(Ps2KeyboardTest, PauseAndPrintScreenHaveTheirSequences) {
    EXPECT_EQ(tap(Key::Pause), "e1 14 77 e1 f0 14 f0 77 / ");
    EXPECT_EQ(tap(Key::PrintScreen), "e0 12 e0 7c / e0 f0 7c e0 f0 12");
    device->press(Key::LeftControl);
    bytes();
    EXPECT_EQ(tap(Key::Pause), "e0 7e e0 f0 7e / ");
    EXPECT_EQ(tap(Key::PrintScreen), "e0 7c / e0 f0 7c");
    device->release(Key::LeftControl);
    device->press(Key::LeftAlt);
    bytes();
    EXPECT_EQ(tap(Key::PrintScreen), "84 / f0 84");
    device->release(Key::LeftAlt);
    bytes();
    use_set(1);
    EXPECT_EQ(tap(Key::Pause), "e1 1d 45 e1 9d c5 / ");
    EXPECT_EQ(tap(Key::PrintScreen), "e0 2a e0 37 / e0 b7 e0 aa");
    use_set(3);
    EXPECT_EQ(tap(Key::Pause), "62 / ");
    EXPECT_EQ(tap(Key::PrintScreen), "57 / ");
}

TEST_F(Ps2KeyboardTest, GrayKeysUndoShiftAndNumLock) {
    device->press(Key::LeftShift);
    bytes();
    EXPECT_EQ(tap(Key::Insert), "e0 f0 12 e0 70 / e0 f0 70 e0 12");
    EXPECT_EQ(tap(Key::KpDivide), "e0 f0 12 e0 4a / e0 f0 4a e0 12");
    device->release(Key::LeftShift);
    bytes();
    keyboard(0xed);
    keyboard(0x02);
    EXPECT_EQ(tap(Key::Insert), "e0 12 e0 70 / e0 f0 70 e0 f0 12");
    device->press(Key::RightShift);
    bytes();
    EXPECT_EQ(tap(Key::Insert), "e0 70 / e0 f0 70");
    EXPECT_EQ(tap(Key::KpDivide), "e0 f0 59 e0 4a / e0 f0 4a e0 59");
}

TEST_F(Ps2KeyboardTest, HeldKeysRepeatAfterTheDelayAtTheRate) {
    device->press(Key::A);
    EXPECT_EQ(bytes(499 * kMs), "1c");
    EXPECT_EQ(bytes(92 * kMs), "1c");  // default: 500 ms, then 22/240 s
    EXPECT_EQ(bytes(10 * kMs), "1c");
    device->press(Key::B);
    EXPECT_EQ(bytes(502 * kMs), "32 32");
    device->release(Key::A);  // does not stop the other
    EXPECT_EQ(bytes(92 * kMs), "f0 1c 32");
    device->release(Key::B);
    EXPECT_EQ(bytes(1000 * kMs), "f0 32");
    keyboard(0xf3);
    keyboard(0x00);  // 250 ms, 30/s
    device->press(Key::C);
    std::string expected = "21";
    for (int i = 0; i < 8; i++) expected += " 21";
    EXPECT_EQ(bytes(250 * kMs + 7 * 34 * kMs), expected);
}

TEST_F(Ps2KeyboardTest, IdentifyEchoLedsAndDefaults) {
    EXPECT_EQ(keyboard(0xf2), "fa ab 83");
    EXPECT_EQ(keyboard(0xee), "ee");
    EXPECT_EQ(keyboard(0xed), "fa");
    EXPECT_EQ(keyboard(0x05), "fa");
    EXPECT_EQ(leds, 5);
    EXPECT_EQ(keyboard(0xef), "fe");
    EXPECT_EQ(keyboard(0xf0), "fa");
    EXPECT_EQ(keyboard(0x00), "fa 02");
    EXPECT_EQ(keyboard(0xfe), "02");
    EXPECT_EQ(keyboard(0xed), "fa");
    EXPECT_EQ(keyboard(0xf4), "fa");  // a command in place of the parameter
    EXPECT_EQ(leds, 5);
    EXPECT_EQ(keyboard(0xf0), "fa");
    EXPECT_EQ(keyboard(0x04), "fe");
    EXPECT_EQ(keyboard(0x01), "fa");
    EXPECT_EQ(keyboard(0xf6), "fa");
    EXPECT_EQ(tap(Key::A), "1c / f0 1c");
}

TEST_F(Ps2KeyboardTest, ResetAcknowledgesAndReportsLater) {
    write(0xff);
    EXPECT_EQ(bytes(5 * kMs), "fa");
    EXPECT_EQ(bytes(5 * kMs), "aa");
    EXPECT_EQ(leds, 0);
}

TEST_F(Ps2KeyboardTest, DisabledKeyboardIsSilent) {
    EXPECT_EQ(keyboard(0xf5), "fa");
    EXPECT_EQ(tap(Key::A), " / ");
    EXPECT_EQ(keyboard(0xf4), "fa");
    EXPECT_EQ(tap(Key::A), "1c / f0 1c");
}

TEST_F(Ps2KeyboardTest, Set3KeysHaveTheirOwnTypes) {
    use_set(3);
    EXPECT_EQ(tap(Key::A), "1c / ");               // typematic by default
    EXPECT_EQ(tap(Key::LeftShift), "12 / f0 12");  // make/break by default
    EXPECT_EQ(keyboard(0xfc), "fa");
    EXPECT_EQ(keyboard(0x1c), "fa");
    EXPECT_EQ(keyboard(0x3c), "fa");
    EXPECT_EQ(keyboard(0xf4), "fa");
    EXPECT_EQ(tap(Key::A), "1c / f0 1c");
    EXPECT_EQ(tap(Key::U), "3c / f0 3c");
    device->press(Key::A);
    EXPECT_EQ(bytes(1000 * kMs), "1c");
    device->release(Key::A);
    bytes();
    EXPECT_EQ(keyboard(0xf7), "fa");
    device->press(Key::LeftShift);
    EXPECT_EQ(bytes(510 * kMs), "12 12");
    device->release(Key::LeftShift);
    EXPECT_EQ(bytes(), "");
    EXPECT_EQ(keyboard(0xf9), "fa");
    EXPECT_EQ(tap(Key::LeftShift), "12 / ");
}

TEST_F(Ps2KeyboardTest, KeysThatFindTheBufferFullWaitInOrder) {
    command(0xad);
    for (int i = 0; i < 10; i++)
        for (const Key key : {Key::A, Key::B}) {
            device->press(key);
            device->release(key);
        }
    device->press(Key::C);
    EXPECT_TRUE(device->held(Key::C));
    EXPECT_FALSE(device->held(Key::A));
    command(0xae);
    std::string expected = "1c f0 1c 32 f0 32";
    for (int i = 1; i < 10; i++) expected += " 1c f0 1c 32 f0 32";
    EXPECT_EQ(bytes(100 * kMs), expected + " 21");
    device->release(Key::C);
    EXPECT_EQ(bytes(), "f0 21");
    EXPECT_EQ(tap(Key::B), "32 / f0 32");
}

TEST_F(Ps2KeyboardTest, BeyondTheKeysThatWaitAnOverrunIsReportedInTheirPlace) {
    command(0xad);
    constexpr int kTaps = 500;
    for (int i = 0; i < kTaps; i++) {
        device->press(Key::A);
        device->release(Key::A);
    }
    device->press(Key::B);  // one of the lost ones: never down
    EXPECT_FALSE(device->held(Key::B));
    command(0xae);
    // Three taps fill the keyboard so far that a fourth might not fit, 64 wait.
    std::string expected = "1c f0 1c";
    for (int i = 1; i < 3 + 64; i++) expected += " 1c f0 1c";
    EXPECT_EQ(bytes(1000 * kMs), expected + " 00");
    EXPECT_EQ(tap(Key::B), "32 / f0 32");
}

TEST_F(Ps2KeyboardTest, AResetForgetsCodesButNotFingers) {
    command(0xad);
    for (int i = 0; i < 10; i++) {
        device->press(Key::A);
        device->release(Key::A);
    }
    device->press(Key::C);
    device->reset();
    EXPECT_TRUE(device->held(Key::C));
    EXPECT_FALSE(device->held(Key::A));
    command(0xae);
    EXPECT_EQ(bytes(), "");
    device->release(Key::C);
    EXPECT_EQ(bytes(), "f0 21");
}

TEST_F(Ps2KeyboardTest, TypingWaitsForAKeyboardThatIsSwitchedOff) {
    EXPECT_EQ(keyboard(0xf5), "fa");
    ASSERT_TRUE(device->type_text("ab").ok());
    EXPECT_EQ(bytes(500 * kMs), "");
    write(0xf4);
    EXPECT_EQ(bytes(500 * kMs), "fa 1c f0 1c 32 f0 32");
}

TEST(ScanCodes, NamesAreUniqueAndFound) {
    for (const ScanCodeRow& row : scan_code_rows())
        if (row.key != Key::None) {
            EXPECT_EQ(key_of_name(row.name), row.key) << row.name;
        }
    EXPECT_EQ(key_of_name(""), Key::None);
    EXPECT_EQ(key_of_name("any"), Key::None);
}

}  // namespace
}  // namespace gnomon
