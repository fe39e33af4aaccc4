// The controller: commands, status, interrupts, serial links, typing, snapshots.
#include "devices/keyboard/i8042.h"

#include "devices/device_fuzz.h"
#include "devices/keyboard/keyboard_fixture.h"
#include "devices/keyboard/us_text.h"
#include "devices/snapshot_check.h"

namespace gnomon {
namespace {

using I8042Test = KeyboardFixture;
struct MouselessTest : KeyboardFixture {
    static I8042::Config no_mouse() {
        I8042::Config config;
        config.mouse = false;
        return config;
    }
    MouselessTest() : KeyboardFixture(no_mouse()) {}
};

TEST_F(I8042Test, SelfTestAnswersAndSetsTheSystemFlag) {
    EXPECT_EQ(status(), 0x10);
    command(0xaa);
    EXPECT_EQ(status(), 0x10 | 0x08 | 0x04 | 0x01);
    EXPECT_EQ(data(), 0x55);
    EXPECT_EQ(status(), 0x1c);
    command(0xab);
    EXPECT_EQ(data(), 0x00);
    command(0xa9);
    EXPECT_EQ(data(), 0x00);
}

TEST_F(I8042Test, MemoryIsReadAndWritten) {
    command_byte(0x47);
    EXPECT_EQ(status() & 0x0c, 0x04);
    command(0x20);
    EXPECT_EQ(data(), 0x47);
    for (u8 i = 1; i < 32; i++) {
        command(static_cast<u8>(0x60 + i));
        write(static_cast<u8>(i * 3));
    }
    for (u8 i = 1; i < 32; i++) {
        command(static_cast<u8>(0x20 + i));
        EXPECT_EQ(data(), i * 3);
    }
}

TEST_F(I8042Test, CommandsSwitchTheClocks) {
    command_byte(0x00);
    command(0xad);
    command(0xa7);
    command(0x20);
    EXPECT_EQ(data(), 0x30);
    command(0xe0);
    EXPECT_EQ(data(), 0x00);
    command(0xae);
    command(0xa8);
    command(0x20);
    EXPECT_EQ(data(), 0x00);
    command(0xe0);
    EXPECT_EQ(data(), 0x03);
}

TEST_F(I8042Test, AnInhibitedKeyboardKeepsItsBytes) {
    command_byte(0x10);
    device->press(Key::A);
    EXPECT_EQ(bytes(), "");
    command(0xae);
    advance(200'000);
    command(0xad);  // in the middle of the byte
    EXPECT_EQ(bytes(), "");
    command(0xae);
    EXPECT_EQ(bytes(), "1c");
}

TEST_F(I8042Test, BytesTakeTheirTimeAndOneWaitsForTheOther) {
    command_byte(0x01);
    device->press(Key::A);
    advance(399'999);
    EXPECT_EQ(status() & 1, 0);
    EXPECT_FALSE(level[kIrq1]);
    advance(1);
    EXPECT_EQ(status() & 0x21, 1);
    EXPECT_TRUE(level[kIrq1]);
    device->release(Key::A);
    advance(5 * kMs);
    EXPECT_EQ(data(), 0x1c);
    EXPECT_FALSE(level[kIrq1]);
    EXPECT_EQ(data(), 0x1c);  // the latch
    advance(400'000);
    EXPECT_EQ(data(), 0xf0);
    EXPECT_EQ(edges[kIrq1], 2);
}

TEST_F(I8042Test, TranslationFoldsTheBreakPrefix) {
    command_byte(0x41);
    EXPECT_EQ(tap(Key::A), "1e / 9e");
    EXPECT_EQ(tap(Key::Up), "e0 48 / e0 c8");
    EXPECT_EQ(tap(Key::F7), "41 / c1");
    EXPECT_EQ(tap(Key::Pause), "e1 1d 45 e1 9d c5 / ");
    EXPECT_EQ(keyboard(0xf2), "fa ab 41");
}

TEST_F(I8042Test, MouseBytesRaiseTheirOwnInterrupt) {
    command_byte(0x03);
    command(0xd4);
    write(0xf2);
    advance(2 * kMs);
    EXPECT_EQ(status() & 0x21, 0x21);
    EXPECT_TRUE(level[kIrq12]);
    EXPECT_FALSE(level[kIrq1]);
    EXPECT_EQ(data(), 0xfa);
    EXPECT_FALSE(level[kIrq12]);
    EXPECT_EQ(bytes(), "00");
}

TEST_F(MouselessTest, WithoutAMouseTheControllerReportsATimeout) {
    command(0xa9);
    EXPECT_EQ(data(), 0x02);
    command_byte(0x00);
    command(0xd4);
    write(0xff);
    advance(kMs);
    EXPECT_EQ(status() & 0x61, 0x61);
    EXPECT_EQ(data(), 0xfe);
    EXPECT_EQ(status() & 0x61, 0x00);
}

TEST_F(I8042Test, OutputBufferCanBeWrittenFromBothSides) {
    command_byte(0x03);
    command(0xd2);
    write(0x5a);
    EXPECT_EQ(status() & 0x21, 0x01);
    EXPECT_TRUE(level[kIrq1]);
    command(0xd3);
    write(0xa5);  // waits until the buffer is free
    EXPECT_EQ(data(), 0x5a);
    EXPECT_EQ(status() & 0x21, 0x21);
    EXPECT_TRUE(level[kIrq12]);
    EXPECT_EQ(data(), 0xa5);
}

TEST_F(I8042Test, A20AndResetFollowTheOutputPort) {
    EXPECT_TRUE(level[kA20Pin]);
    command(0xd1);
    write(0xdd);
    EXPECT_FALSE(level[kA20Pin]);
    command(0xd0);
    EXPECT_EQ(data() & 0x03, 0x01);
    command(0xdf);
    EXPECT_TRUE(level[kA20Pin]);
    command(0xdd);
    EXPECT_FALSE(level[kA20Pin]);
    EXPECT_EQ(resets, 0);
    command(0xfe);
    EXPECT_EQ(resets, 1);
    command(0xff);
    EXPECT_EQ(resets, 1);
    command(0xd1);
    write(0xde);
    EXPECT_EQ(resets, 2);
}

TEST_F(I8042Test, TheInputBufferIsFullOnlyBehindATransmission) {
    command_byte(0x00);
    write(0xed);
    EXPECT_EQ(status() & 2, 0);
    write(0x02);
    EXPECT_EQ(status() & 2, 2);
    EXPECT_EQ(bytes(), "fa fa");
    EXPECT_EQ(status() & 2, 0);
    EXPECT_EQ(leds, 2);
}

TEST_F(I8042Test, SendingEnablesTheKeyboard) {
    command_byte(0x30);
    EXPECT_EQ(keyboard(0xee), "ee");
    command(0x20);
    EXPECT_EQ(data(), 0x20);
}

TEST_F(I8042Test, ThePasswordSwallowsKeysUntilItIsTyped) {
    command_byte(0x40);
    command(0xa4);
    EXPECT_EQ(data(), 0xf1);
    command(0xa5);
    for (const u8 code : {0x1e, 0x30, 0x00}) write(code);
    command(0xa4);
    EXPECT_EQ(data(), 0xfa);
    command(0x74);
    write(0x77);  // announced when it matches
    command(0xa6);
    EXPECT_EQ(tap(Key::Z), " / ");
    EXPECT_EQ(tap(Key::A), " / ");
    EXPECT_EQ(tap(Key::B), "77 / b0");
    EXPECT_EQ(tap(Key::Z), "2c / ac");
}

TEST_F(I8042Test, TextIsTypedOnTheUsLayout) {
    command_byte(0x40);
    ASSERT_TRUE(device->type_text("aB\n").ok());
    EXPECT_EQ(bytes(300 * kMs), "1e 9e 2a 30 b0 aa 1c 9c");
    EXPECT_FALSE(device->typing());
    EXPECT_EQ(device->type_text("a\x01").error().message,
              "character 0x01 at offset 1 is on no key of the US keyboard");
    EXPECT_EQ(bytes(100 * kMs), "");
}

TEST_F(I8042Test, TypingWaitsForAGuestThatDoesNotRead) {
    command_byte(0x50);
    ASSERT_TRUE(device->type_text(std::string(100, 'x')).ok());
    advance(5000 * kMs);
    EXPECT_TRUE(device->typing());
    command(0xae);
    std::string expected = "2d ad";
    for (int i = 1; i < 100; i++) expected += " 2d ad";
    EXPECT_EQ(bytes(5000 * kMs), expected);
}

TEST_F(I8042Test, TypingPausesWhileTheUserHoldsAModifier) {
    command_byte(0x40);
    ASSERT_TRUE(device->type_text("ab").ok());
    EXPECT_EQ(bytes(30 * kMs), "1e 9e");
    device->press(Key::LeftControl);
    EXPECT_EQ(bytes(200 * kMs), "1d");
    device->press(Key::M);  // Ctrl+M is the user's, not the text's
    device->release(Key::M);
    EXPECT_EQ(bytes(200 * kMs), "32 b2");
    device->press(Key::RightShift);
    device->release(Key::LeftControl);
    EXPECT_EQ(bytes(200 * kMs), "36 9d");
    device->release(Key::RightShift);
    EXPECT_EQ(bytes(200 * kMs), "b6 30 b0");
    EXPECT_FALSE(device->typing());
    ASSERT_TRUE(device->type_text("C").ok());
    EXPECT_EQ(bytes(18 * kMs), "2a");  // between Shift and its letter
    device->press(Key::RightAlt);
    EXPECT_EQ(bytes(200 * kMs), "e0 38");
    device->release(Key::RightAlt);
    EXPECT_EQ(bytes(200 * kMs), "e0 b8 2e ae aa");
    EXPECT_FALSE(device->typing());
}

TEST(UsText, EveryPrintableCharacterHasAKey) {
    for (char c = 0x20; c < 0x7f; c++) EXPECT_TRUE(us_key(c)) << c;
    EXPECT_EQ(us_key('|')->key, Key::Backslash);
    EXPECT_TRUE(us_key('|')->shift);
}

TEST_F(I8042Test, SnapshotResumesInTheMiddleOfAByte) {
    command_byte(0x43);
    ASSERT_TRUE(mouse(0xf4) == "fa");
    device->press(Key::Right);
    device->mouse_move(3, 4, 0);
    ASSERT_TRUE(device->type_text("Hello").ok());
    advance(200'000);
    expect_snapshot_round_trip(scheduler, *device, [this] {
        EXPECT_EQ(bytes(12 * kMs), "e0 4d 28 03 fc");
        EXPECT_EQ(bytes(30 * kMs), "2a 23 a3");
    });
}

TEST_F(I8042Test, RandomAccesses) {
    const PortRange ranges[] = {{0x60, 1}, {0x64, 1}};
    fuzz_ports(*this, ranges,
               {.seed = 1, .steps = 100'000, .longest_pause_ns = 2'000'000, .between = [this](u64 random) {
                    const Key key = static_cast<Key>(random >> 8 & 0xff);
                    switch (random % 16) {
                        case 0: device->press(key); break;
                        case 1: device->release(key); break;
                        case 2: device->mouse_move(static_cast<int>(random >> 8 & 0xfff) - 2048, 1, 1); break;
                        case 3:
                            device->mouse_button(static_cast<MouseButton>((random >> 8) % 5),
                                                 random >> 16 & 1);
                            break;
                        default: break;
                    }
                }});
    // Whatever was done to it, it can be set up again.
    device->release_all();
    device->reset();
    command_byte(0x40);
    EXPECT_EQ(tap(Key::A), "1e / 9e");
}

TEST_F(I8042Test, BadSnapshotsAreRefused) {
    StateNode saved = device->save_state();
    for (auto& [name, value] : saved.map[0].second.map)
        if (name == "receiving") value.integer = 9;
    EXPECT_EQ(device->load_state(saved).error().message, "controller: 9 is not a channel");
}

// The order in which operating systems look for the auxiliary port.
TEST_F(I8042Test, AnAuxiliaryPortIsFoundByLoopbackAndItsInterrupt) {
    command(0x20);
    const u8 before = data();
    command_byte(static_cast<u8>((before | 0x70) & ~0x03));
    command(0xd3);
    write(0x5a);
    EXPECT_EQ(status() & 0x21, 0x21);
    EXPECT_EQ(data(), 0x5a);
    command(0xa9);
    EXPECT_EQ(data(), 0x00);
    for (const auto& [toggle, bit] : {std::pair<u8, u8>{0xa7, 0x20}, {0xa8, 0x00}}) {
        command(toggle);
        command(0x20);
        EXPECT_EQ(data() & 0x20, bit);
    }
    EXPECT_EQ(edges[kIrq12], 0);
    command_byte(0x52);
    command(0xd3);
    write(0xa5);
    EXPECT_EQ(edges[kIrq12], 1);
    EXPECT_EQ(data(), 0xa5);
    EXPECT_FALSE(level[kIrq12]);
}

TEST_F(I8042Test, PortConflictsAreErrors) { EXPECT_FALSE(ports.claim("other", {0x64, 1}, *device).ok()); }

}  // namespace
}  // namespace gnomon
