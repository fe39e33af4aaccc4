// The absolute pointer behind the backdoor's port, as its drivers talk to it.
#include "devices/keyboard/vmware_pointer.h"

#include <gtest/gtest.h>

#include "devices/device_bench.h"
#include "devices/device_fuzz.h"
#include "devices/keyboard/keyboard_fixture.h"
#include "devices/snapshot_check.h"

namespace gnomon {
namespace {

constexpr u32 kEnable = 0x45414552, kAbsolute = 0x53424152, kRelative = 0x4c455252, kDisable = 0xf5;

struct VmwarePointerTest : testing::Test, DeviceBench {
    BackdoorRegisters registers;
    int interrupts = 0;
    std::unique_ptr<VmwarePointer> device = std::move(*VmwarePointer::create(
        ports, {[this] { return registers; }, [this](const BackdoorRegisters& r) { registers = r; },
                [this] { interrupts++; }}));

    u32 call(u32 command, u32 argument = 0, u8 cpl = 0) {
        registers = {VmwarePointer::kMagic, argument, command, 0x5658, 0, 0, cpl};
        return registers.eax = in32(0x5658);
    }
    u32 status() { return call(40); }
    std::array<u32, 4> packet() {
        call(39, 4);
        return {registers.eax, registers.ebx, registers.ecx, registers.edx};
    }
    void enable() {
        call(41, kEnable);
        ASSERT_EQ(status(), 1u);
        ASSERT_EQ(call(39, 1), 0x3442554au);
        call(41, kAbsolute);
    }
};
using Words = std::array<u32, 4>;

TEST_F(VmwarePointerTest, AnswersOnlyWhoKnowsTheMagicNumber) {
    EXPECT_EQ(call(10), 6u);
    EXPECT_EQ(registers.ebx, VmwarePointer::kMagic);
    registers = {0x12345678, 0, 10, 0x5658, 0, 0, 0};
    EXPECT_EQ(in32(0x5658), 0xffffffffu);
    EXPECT_EQ(registers.ebx, 0u);
    registers.eax = VmwarePointer::kMagic;
    EXPECT_EQ(in16(0x5658), 0xffffu);
    EXPECT_EQ(in8(0x5659), 0xffu);
    EXPECT_EQ(call(0x1234), 0xffffffffu);
}

TEST_F(VmwarePointerTest, ReportsPlacesButtonsAndTheWheel) {
    EXPECT_EQ(status(), 0xffff0000u);
    device->place(1, 2);
    EXPECT_EQ(interrupts, 0);
    enable();
    EXPECT_TRUE(device->absolute());
    device->place(0x8000, 70'000);
    device->button(MouseButton::Left, true);
    device->button(MouseButton::Right, true);
    device->button(MouseButton::Left, false);
    device->button(MouseButton::Middle, true);
    device->move(100, 100, -1);
    EXPECT_EQ(interrupts, 6);
    EXPECT_EQ(status(),
              20u);  // the wheel's packet takes the place of the last one, whose buttons are the same
    EXPECT_EQ(packet(), (Words{0x00, 0x8000, 0xffff, 0}));
    EXPECT_EQ(packet(), (Words{0x20, 0x8000, 0xffff, 0}));
    EXPECT_EQ(packet(), (Words{0x30, 0x8000, 0xffff, 0}));
    EXPECT_EQ(packet(), (Words{0x10, 0x8000, 0xffff, 0}));
    EXPECT_EQ(packet(), (Words{0x18, 0x8000, 0xffff, 0xffffffff}));
    EXPECT_EQ(status(), 0u);
}

TEST_F(VmwarePointerTest, ReportsMovementsWhereThoseAreWanted) {
    enable();
    call(41, kRelative);
    EXPECT_FALSE(device->absolute());
    EXPECT_TRUE(device->enabled());
    device->place(5, 5);
    device->move(3, -4, 0);
    EXPECT_EQ(packet(), (Words{0x10000, 3, 4, 0}));
    EXPECT_EQ(status(), 0u);
}

TEST_F(VmwarePointerTest, AGuestThatIsBehindGetsTheNewestPlaceAndEveryClick) {
    enable();
    for (u32 i = 1; i <= 1000; i++) device->place(i, i);
    EXPECT_EQ(status(), 8u);
    EXPECT_EQ(packet(), (Words{0, 1, 1, 0}));
    device->button(MouseButton::Left, true);
    device->button(MouseButton::Left, false);
    EXPECT_EQ(packet(), (Words{0, 1000, 1000, 0}));
    EXPECT_EQ(packet(), (Words{0x20, 1000, 1000, 0}));
    EXPECT_EQ(packet(), (Words{0x00, 1000, 1000, 0}));
}

TEST_F(VmwarePointerTest, WhoReadsTooMuchHasToBeginAnew) {
    enable();
    device->place(1, 1);
    EXPECT_EQ(call(39, 5), 0xffffffffu);
    EXPECT_EQ(status(), 0xffff0000u);
    enable();
    call(41, kDisable);
    EXPECT_EQ(status(), 0xffff0000u);
    EXPECT_FALSE(device->enabled());
}

TEST_F(VmwarePointerTest, MayBeRestrictedToTheKernel) {
    enable();
    call(86, 1);
    EXPECT_EQ(call(40, 0, 3), 0xffffffffu);
    EXPECT_EQ(call(10, 0, 3), 6u);
    EXPECT_EQ(status(), 0u);
}

TEST_F(VmwarePointerTest, SnapshotKeepsTheQueue) {
    enable();
    device->place(7, 8);
    device->button(MouseButton::Left, true);
    expect_snapshot_round_trip(scheduler, *device, [this] {
        EXPECT_EQ(packet(), (Words{0, 7, 8, 0}));
        EXPECT_EQ(packet(), (Words{0x20, 7, 8, 0}));
    });
}

TEST_F(VmwarePointerTest, RandomAccesses) {
    const PortRange ranges[] = {VmwarePointer::kPort};
    fuzz_ports(*this, ranges,
               {.seed = 1, .steps = 20'000, .between = [this](u64 random) {
                    constexpr u32 kArguments[] = {kEnable, kAbsolute, kRelative, kDisable, 1, 4, 6, 7};
                    registers = {VmwarePointer::kMagic,
                                 kArguments[random >> 8 & 7],
                                 static_cast<u32>(38 + (random >> 16 & 3)),
                                 0x5658,
                                 0,
                                 0,
                                 0};
                    device->place(static_cast<u32>(random >> 20 & 0xffff), 5);
                    device->button(static_cast<MouseButton>(random >> 40 & 3), random >> 50 & 1);
                }});
}

struct NudgedMouseTest : KeyboardFixture {};

TEST_F(NudgedMouseTest, SendsAReportOfNothingWhenItIsAskedTo) {
    command_byte(0x02);
    device->nudge_mouse();
    EXPECT_EQ(bytes(), "");
    EXPECT_EQ(mouse(0xf4), "fa");
    device->nudge_mouse();
    EXPECT_EQ(bytes(), "08 00 00");
    device->nudge_mouse();
    device->nudge_mouse();
    EXPECT_EQ(bytes(), "08 00 00");
    EXPECT_EQ(edges[kIrq12], 7);
}

}  // namespace
}  // namespace gnomon
