// The game port with and without joysticks.
#include "devices/sound/game_port/game_port.h"

#include <gtest/gtest.h>

#include "devices/device_bench.h"
#include "devices/device_fuzz.h"
#include "devices/snapshot_check.h"

namespace gnomon {
namespace {

struct GamePortTest : testing::Test, DeviceBench {
    std::unique_ptr<GamePort> device = std::move(*GamePort::create(ports, clock));

    /// Nanoseconds until the bits of `mask` are all clear, looking each microsecond; at most 10 ms.
    u64 length_of(u8 mask) {
        const u64 start = clock.now();
        out8(0x201, 0);
        while (in8(0x201) & mask && clock.now() - start < 10'000'000) advance(1'000);
        return clock.now() - start;
    }
};

TEST_F(GamePortTest, WithoutAJoystickEveryAxisTimesOut) {
    EXPECT_EQ(in8(0x201), 0xf0);
    out8(0x201, 0xff);
    EXPECT_EQ(in8(0x201), 0xff);
    advance(VirtualClock::kSecond);
    EXPECT_EQ(in8(0x201), 0xff);
    device->reset();
    EXPECT_EQ(in8(0x201), 0xf0);
}

TEST_F(GamePortTest, TheLengthOfAPulseTellsWhereTheStickIs) {
    device->hold(0, {.plugged = true, .x = 0, .y = 0xffff});
    EXPECT_EQ(length_of(0x01), 25'000u);
    EXPECT_EQ(length_of(0x02), 1'125'000u);
    EXPECT_EQ(in8(0x201), 0xfc);  // the other stick is not there
    device->hold(0, {.plugged = true});
    EXPECT_EQ(length_of(0x03), 575'000u);
    device->hold(1, {.plugged = true, .x = 0x4000, .y = 0xc000});
    EXPECT_EQ(length_of(0x04), 300'000u);
    EXPECT_EQ(length_of(0x08), 850'000u);
    EXPECT_EQ(in8(0x201), 0xf0);
}

TEST_F(GamePortTest, PressedButtonsReadAsZero) {
    device->hold(0, {.plugged = true, .buttons = 1});
    device->hold(1, {.plugged = true, .buttons = 2});
    EXPECT_EQ(in8(0x201), 0x60);
    device->hold(1, {.plugged = false, .buttons = 2});
    EXPECT_EQ(in8(0x201), 0xe0);
}

TEST_F(GamePortTest, AllItsPortsAreTheOneRegister) {
    device->hold(0, {.plugged = true, .buttons = 3});
    out8(0x206, 0);
    for (u16 port = 0x200; port < 0x208; port++) EXPECT_EQ(in8(port), 0xcf) << port;
}

TEST_F(GamePortTest, ASnapshotInThePulseGoesOn) {
    device->hold(0, {.plugged = true});
    out8(0x201, 0);
    advance(400'000);
    expect_snapshot_round_trip(scheduler, *device, [this] {
        EXPECT_EQ(in8(0x201), 0xff);
        advance(200'000);
        EXPECT_EQ(in8(0x201), 0xfc);
    });
}

TEST_F(GamePortTest, RandomAccessesDoNoHarm) {
    const PortRange ranges[] = {GamePort::kPorts};
    fuzz_ports(*this, ranges, {.seed = 1, .steps = 20'000});
}

}  // namespace
}  // namespace gnomon
