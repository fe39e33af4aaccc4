// Packets, modes and commands of the mouse.
#include "devices/keyboard/ps2_mouse.h"

#include "devices/keyboard/keyboard_fixture.h"

namespace gnomon {
namespace {

struct Ps2MouseTest : KeyboardFixture {
    Ps2MouseTest() { command_byte(0x00); }
    void rates(std::initializer_list<u8> list) {
        for (const u8 rate : list) {
            EXPECT_EQ(mouse(0xf3), "fa");
            EXPECT_EQ(mouse(rate), "fa");
        }
    }
};

TEST_F(Ps2MouseTest, ResetReportsItsTestAndId) {
    command(0xd4);
    write(0xff);
    EXPECT_EQ(bytes(4 * kMs), "fa");
    EXPECT_EQ(bytes(5 * kMs), "aa 00");
    EXPECT_EQ(mouse(0xe9), "fa 00 02 64");
}

TEST_F(Ps2MouseTest, MovementIsReportedInStreamMode) {
    device->mouse_move(5, 5, 0);
    EXPECT_EQ(bytes(), "");  // not enabled
    EXPECT_EQ(mouse(0xf4), "fa");
    device->mouse_move(5, -3, 1);
    EXPECT_EQ(bytes(), "08 05 03");
    device->mouse_move(-1, 2, 0);
    EXPECT_EQ(bytes(), "38 ff fe");
    device->mouse_move(600, 0, 0);  // more than one packet holds
    EXPECT_EQ(bytes(100 * kMs), "08 ff 00 08 ff 00 08 5a 00");
}

TEST_F(Ps2MouseTest, PacketsKeepTheSamplingRate) {
    mouse(0xf4);
    EXPECT_EQ(mouse(0xf3), "fa");
    EXPECT_EQ(mouse(10), "fa");
    advance(100 * kMs);
    device->mouse_move(1, 0, 0);
    EXPECT_EQ(bytes(), "08 01 00");
    device->mouse_move(1, 0, 0);
    EXPECT_EQ(bytes(70 * kMs), "");
    device->mouse_move(1, 0, 0);
    EXPECT_EQ(bytes(), "08 02 00");
}

TEST_F(Ps2MouseTest, ShortClicksAreNotLost) {
    mouse(0xf4);
    device->mouse_button(MouseButton::Left, true);
    device->mouse_button(MouseButton::Left, false);
    device->mouse_button(MouseButton::Right, true);
    device->mouse_button(MouseButton::Middle, true);
    EXPECT_EQ(bytes(100 * kMs), "09 00 00 08 00 00 0a 00 00 0e 00 00");
    EXPECT_EQ(mouse(0xe9), "fa 23 02 64");
}

TEST_F(Ps2MouseTest, TheWheelIsUnlockedByRates) {
    EXPECT_EQ(mouse(0xf2), "fa 00");
    rates({200, 100, 80});
    EXPECT_EQ(mouse(0xf2), "fa 03");
    mouse(0xf4);
    device->mouse_move(0, 0, -1);
    EXPECT_EQ(bytes(50 * kMs), "08 00 00 ff");
    device->mouse_move(0, 0, 10);
    EXPECT_EQ(bytes(50 * kMs), "08 00 00 07 08 00 00 03");
    rates({200, 200, 80});
    EXPECT_EQ(mouse(0xf2), "fa 04");
    device->mouse_button(MouseButton::Forward, true);
    device->mouse_move(1, 0, -1);
    EXPECT_EQ(bytes(50 * kMs), "08 01 00 2f");
    device->mouse_button(MouseButton::Back, true);
    EXPECT_EQ(bytes(50 * kMs), "08 00 00 30");
}

TEST_F(Ps2MouseTest, RemoteModeAnswersOnlyWhenAsked) {
    mouse(0xf4);
    EXPECT_EQ(mouse(0xf0), "fa");
    device->mouse_move(7, 0, 0);
    EXPECT_EQ(bytes(), "");
    EXPECT_EQ(mouse(0xeb), "fa 08 07 00");
    EXPECT_EQ(mouse(0xeb), "fa 08 00 00");
    EXPECT_EQ(mouse(0xe9), "fa 60 02 64");
    EXPECT_EQ(mouse(0xea), "fa");
    device->mouse_move(7, 0, 0);
    EXPECT_EQ(bytes(), "08 07 00");
}

TEST_F(Ps2MouseTest, WrapModeEchoesAllButItsEnd) {
    EXPECT_EQ(mouse(0xee), "fa");
    EXPECT_EQ(mouse(0xf2), "f2");
    EXPECT_EQ(mouse(0x12), "12");
    EXPECT_EQ(mouse(0xec), "fa");
    EXPECT_EQ(mouse(0xf2), "fa 00");
}

TEST_F(Ps2MouseTest, ResolutionAndScalingChangeTheCounts) {
    mouse(0xf4);
    EXPECT_EQ(mouse(0xe8), "fa");
    EXPECT_EQ(mouse(0x03), "fa");
    device->mouse_move(3, 0, 0);
    EXPECT_EQ(bytes(), "08 06 00");
    EXPECT_EQ(mouse(0xe8), "fa");
    EXPECT_EQ(mouse(0x00), "fa");
    device->mouse_move(3, 0, 0);
    EXPECT_EQ(bytes(), "");
    device->mouse_move(1, 0, 0);  // four quarters
    EXPECT_EQ(bytes(), "08 01 00");
    EXPECT_EQ(mouse(0xe8), "fa");
    EXPECT_EQ(mouse(0x02), "fa");
    EXPECT_EQ(mouse(0xe7), "fa");
    device->mouse_move(4, -2, 0);
    EXPECT_EQ(bytes(), "08 06 01");
    device->mouse_move(-10, 0, 0);
    EXPECT_EQ(bytes(), "18 ec 00");
    device->mouse_move(4, 0, 0);
    mouse(0xf0);
    device->mouse_move(4, 0, 0);
    EXPECT_EQ(mouse(0xeb), "fa 08 04 00");
    EXPECT_EQ(mouse(0xe6), "fa");
    EXPECT_EQ(mouse(0xe9), "fa 60 02 64");
}

TEST_F(Ps2MouseTest, InvalidBytesAreRefusedAndThenAnError) {
    EXPECT_EQ(mouse(0x55), "fe");
    EXPECT_EQ(mouse(0x55), "fc");
    EXPECT_EQ(mouse(0xf3), "fa");
    EXPECT_EQ(mouse(0x55), "fe");
    EXPECT_EQ(mouse(40), "fa");
    EXPECT_EQ(mouse(0xe9), "fa 00 02 28");
}

TEST_F(Ps2MouseTest, ResendRepeatsTheReport) {
    mouse(0xf4);
    device->mouse_move(5, -3, 0);
    EXPECT_EQ(bytes(), "08 05 03");
    EXPECT_EQ(mouse(0xfe), "08 05 03");
}

}  // namespace
}  // namespace gnomon
