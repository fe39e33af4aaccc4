// Pictures of the VGA's graphics modes against pictures worked out pixel by pixel from what was written.
#include "devices/vga/graphics_renderer.h"

#include <random>

#include "devices/vga/vga_fixture.h"

namespace gnomon {
namespace {

struct GraphicsTest : VgaTest {
    std::mt19937 random{11};
    std::array<std::array<u8, 0x10000>, 4> planes{};

    void start(const VgaMode& mode) {
        set_mode(mode);
        load_test_palette();
    }
    /// Random bytes in the first `count` addresses of each plane, through the map mask.
    void fill_planes(u32 count) {
        for (unsigned plane = 0; plane < 4; plane++) {
            indexed(0x3c4, 2, 1u << plane);
            for (u32 at = 0; at < count; at++) {
                planes[plane][at] = static_cast<u8>(random());
                vga->mmio_write(at, 1, planes[plane][at]);
            }
        }
        indexed(0x3c4, 2, 0x0f);
    }
    /// The four bits of a dot of a planar mode; `dot` counts from the start of plane address `start`.
    [[nodiscard]] unsigned planar(u32 start, u32 dot) const {
        const u32 at = (start + dot / 8) & 0xffff;
        unsigned value = 0;
        for (unsigned plane = 0; plane < 4; plane++)
            value |= (planes[plane][at] >> (7 - dot % 8) & 1u) << plane;
        return value;
    }
    /// Mode 12h's DAC index of a colour.
    static u8 dac12(unsigned colour) { return kMode12.attribute[colour]; }
};

TEST_F(GraphicsTest, Mode12Shows640By480DotsOfFourPlanes) {
    start(kMode12);
    fill_planes(80 * 480);
    const Frame frame = picture();
    ASSERT_EQ(frame.width, 640u);
    ASSERT_EQ(frame.height, 480u);
    for (u32 y = 0; y < 480; y++)
        for (u32 x = 0; x < 640; x++)
            ASSERT_EQ(pixel(frame, x, y), test_colour(dac12(planar(y * 80, x)))) << x << ", " << y;
}

TEST_F(GraphicsTest, SplitScreenShowsAddress0BelowTheLineAndPansOnlyAbove) {
    start(kMode12);
    fill_planes(0x10000);
    indexed(0x3d4, 0x0c, 0x12);  // start address 1234h
    indexed(0x3d4, 0x0d, 0x34);
    indexed(0x3d4, 0x18, 99);  // line compare 99: bits 8 and 9 off
    indexed(0x3d4, 0x07, kMode12.crtc[7] & ~0x10);
    indexed(0x3d4, 0x09, kMode12.crtc[9] & ~0x40);
    indexed(0x3d4, 0x08, 0x20);  // byte panning by 1
    attribute(0x13, 5);
    attribute(0x10, 0x21);  // the lower part does not pan
    const Frame frame = picture();
    for (u32 y = 0; y < 480; y++)
        for (u32 x = 0; x < 640; x++) {
            const unsigned colour = y <= 99 ? planar(0x1234 + y * 80 + 1, x + 5) : planar((y - 100) * 80, x);
            ASSERT_EQ(pixel(frame, x, y), test_colour(dac12(colour))) << x << ", " << y;
        }
    attribute(0x10, 0x01);  // now it does
    EXPECT_EQ(pixel(picture(), 3, 300), test_colour(dac12(planar(200 * 80 + 1, 8))));
}

TEST_F(GraphicsTest, VirtualScreensAreWiderThanThePicture) {
    start(kMode12);
    fill_planes(0x10000);
    indexed(0x3d4, 0x13, 50);  // 100 bytes a row
    const Frame frame = picture();
    for (u32 y = 0; y < 480; y += 7)
        for (u32 x = 0; x < 640; x++)
            ASSERT_EQ(pixel(frame, x, y), test_colour(dac12(planar(y * 100, x)))) << x << ", " << y;
}

TEST_F(GraphicsTest, Mode13PixelsAreTwoDotsWideAndTwoLinesHigh) {
    start(kMode13);
    std::vector<u8> screen(64000);
    for (u32 i = 0; i < screen.size(); i++) {
        screen[i] = static_cast<u8>(random());
        map.write(GuestPhys(0xa0000 + i), 1, screen[i]);
    }
    EXPECT_TRUE(map.page(GuestPhys(0xa0000)).ram);  // mapped for the processor by now
    const Frame frame = picture();
    ASSERT_EQ(frame.width, 640u);
    ASSERT_EQ(frame.height, 400u);
    for (u32 y = 0; y < 400; y++)
        for (u32 x = 0; x < 640; x++)
            ASSERT_EQ(pixel(frame, x, y), test_colour(screen[y / 2 * 320 + x / 2])) << x << ", " << y;
}

TEST_F(GraphicsTest, Mode13PansByPixelsOfTwoDots) {
    start(kMode13);
    for (u32 i = 0; i < 330; i++) map.write(GuestPhys(0xa0000 + i), 1, i & 0xff);
    attribute(0x13, 6);
    const Frame frame = picture();
    for (u32 x = 0; x < 640; x++) ASSERT_EQ(pixel(frame, x, 0), test_colour((x / 2 + 3) & 0xff)) << x;
}

TEST_F(GraphicsTest, DirectMode13WindowGivesItsBytesBackToThePlanes) {
    start(kMode13);
    for (u32 i = 0; i < 1000; i++) map.write(GuestPhys(0xa0000 + i), 1, i * 7 & 0xff);
    ASSERT_TRUE(map.page(GuestPhys(0xa0000)).ram);
    EXPECT_EQ(map.read(GuestPhys(0xa0000 + 999), 1), 999u * 7 & 0xff);
    indexed(0x3c4, 4, 0x06);  // unchained
    EXPECT_FALSE(map.page(GuestPhys(0xa0000)).ram);
    for (u32 i = 0; i < 1000; i++) ASSERT_EQ(vga->memory().plane_byte(i & ~3u, i & 3), i * 7 & 0xff) << i;
    indexed(0x3c4, 4, 0x0e);
    EXPECT_EQ(map.read(GuestPhys(0xa0000 + 501), 1), 501u * 7 & 0xff);
}

TEST_F(GraphicsTest, DirectMode13WindowSurvivesASnapshot) {
    start(kMode13);
    for (u32 i = 0; i < 64000; i++) map.write(GuestPhys(0xa0000 + i), 1, i % 251);
    ASSERT_EQ(vga->state().direct, VgaState::Direct::Chain4);
    VgaBoard other(clock, log);
    other.load(*vga);
    EXPECT_TRUE(other.map->page(GuestPhys(0xa0000)).ram);
    Frame theirs;
    other.vga->render(theirs);
    EXPECT_EQ(theirs, picture());
    map.write(GuestPhys(0xa0000), 4, 0x04030201);
    other.map->write(GuestPhys(0xa0000), 4, 0x04030201);
    other.vga->render(theirs);
    EXPECT_EQ(theirs, picture());
    EXPECT_EQ(pixel(theirs, 2, 1), test_colour(2));
}

TEST_F(GraphicsTest, ModeXShowsFourPixelsOfEachAddressAndItsPages) {
    start(kMode13);
    // 320x240: unchained, 480 lines of the mode 12h timing, byte addresses.
    indexed(0x3c4, 4, 0x06);
    out(0x3c2, 0xe3);
    indexed(0x3d4, 0x11, 0x00);
    const std::pair<u8, u8> kTweaks[] = {{0x06, 0x0d}, {0x07, 0x3e}, {0x09, 0x41}, {0x10, 0xea},
                                         {0x12, 0xdf}, {0x14, 0x00}, {0x15, 0xe7}, {0x16, 0x06},
                                         {0x17, 0xe3}, {0x11, 0xac}};
    for (const auto& [index, value] : kTweaks) indexed(0x3d4, index, value);
    fill_planes(2 * 80 * 240);
    for (const u32 page : {0u, 80u * 240}) {
        indexed(0x3d4, 0x0c, page >> 8);
        indexed(0x3d4, 0x0d, page & 0xff);
        const Frame frame = picture();
        ASSERT_EQ(frame.width, 640u);
        ASSERT_EQ(frame.height, 480u);
        for (u32 y = 0; y < 480; y++)
            for (u32 x = 0; x < 640; x++)
                ASSERT_EQ(pixel(frame, x, y), test_colour(planes[x / 2 % 4][page + y / 2 * 80 + x / 8]))
                    << x << ", " << y;
    }
}

TEST_F(GraphicsTest, Mode4HasFourColoursAndEvenAndOddLinesApart) {
    start(kMode4);
    std::vector<u8> screen(0x4000);
    for (u32 i = 0; i < screen.size(); i++) {
        screen[i] = static_cast<u8>(random());
        map.write(GuestPhys(0xb8000 + i), 1, screen[i]);
    }
    const Frame frame = picture();
    ASSERT_EQ(frame.width, 640u);
    ASSERT_EQ(frame.height, 400u);
    for (u32 y = 0; y < 400; y++)
        for (u32 x = 0; x < 640; x++) {
            const u32 line = y / 2;
            const u32 column = x / 2;
            const u8 byte = screen[line % 2 * 0x2000 + line / 2 * 80 + column / 4];
            const unsigned colour = byte >> (6 - column % 4 * 2) & 3;
            ASSERT_EQ(pixel(frame, x, y), test_colour(kMode4.attribute[colour])) << x << ", " << y;
        }
}

TEST_F(GraphicsTest, Mode6HasTwoColoursOf640Dots) {
    start(kMode6);
    std::vector<u8> screen(0x4000);
    for (u32 i = 0; i < screen.size(); i++) {
        screen[i] = static_cast<u8>(random());
        map.write(GuestPhys(0xb8000 + i), 1, screen[i]);
    }
    const Frame frame = picture();
    for (u32 y = 0; y < 400; y++)
        for (u32 x = 0; x < 640; x++) {
            const u8 byte = screen[y / 2 % 2 * 0x2000 + y / 4 * 80 + x / 8];
            ASSERT_EQ(pixel(frame, x, y), test_colour(byte >> (7 - x % 8) & 1 ? 0x17 : 0)) << x << ", " << y;
        }
}

TEST_F(GraphicsTest, ModeFBlinksWhatHasOnlyPlane2) {
    start(kModeF);
    indexed(0x3c4, 2, 0x01);
    map.write(GuestPhys(0xa0000), 1, 0x50);  // dots 1 and 3 in plane 0
    indexed(0x3c4, 2, 0x04);
    map.write(GuestPhys(0xa0000), 1, 0x30);  // dots 2 and 3 in plane 2
    const auto dots = [this] {
        const Frame frame = picture();
        EXPECT_EQ(frame.height, 350u);
        return std::array{pixel(frame, 0, 0), pixel(frame, 1, 0), pixel(frame, 2, 0), pixel(frame, 3, 0)};
    };
    const u32 dark = test_colour(0);
    const u32 normal = test_colour(0x08);
    const u32 bright = test_colour(0x18);
    EXPECT_EQ(dots(), (std::array{dark, normal, bright, bright}));
    const u64 before = vga->generation();
    const u64 frame_ns = VirtualClock::ticks_to_ns(800 * 449, 25'175'000);
    clock.retire(17 * frame_ns);
    EXPECT_TRUE(vga->changed_since(before));
    EXPECT_EQ(dots(), (std::array{dark, normal, dark, bright}));
}

TEST_F(GraphicsTest, RenderingTellsWhichLinesChanged) {
    start(kMode12);
    Frame frame;
    EXPECT_TRUE(vga->render(frame));
    EXPECT_EQ(frame.first_changed, 0u);
    EXPECT_EQ(frame.end_changed, 480u);
    EXPECT_FALSE(vga->render(frame));
    EXPECT_EQ(frame.first_changed, frame.end_changed);
    map.write(GuestPhys(0xa0000 + 100 * 80 + 7), 1, 0xff);
    map.write(GuestPhys(0xa0000 + 102 * 80), 1, 0x01);
    EXPECT_TRUE(vga->render(frame));
    EXPECT_EQ(frame.first_changed, 100u);
    EXPECT_EQ(frame.end_changed, 103u);
    EXPECT_EQ(frame, picture());
    out(0x3c8, 200);  // a colour that is not shown
    for (int i = 0; i < 3; i++) out(0x3c9, 1);
    EXPECT_FALSE(vga->render(frame));
}

TEST_F(GraphicsTest, TwoFramesAreKeptUpToDateEachOnItsOwn) {
    start(kMode13);
    Frame often;
    Frame seldom;
    vga->render(seldom);
    for (unsigned i = 0; i < 500; i++) {
        map.write(GuestPhys(0xa0000 + random() % 64000), 1, random() & 0xff);
        if (i % 3 == 0) vga->render(often);
        if (i % 50 == 0) {
            vga->render(seldom);
            ASSERT_EQ(seldom, picture()) << i;
        }
    }
    vga->render(often);
    EXPECT_EQ(often, picture());
}

}  // namespace
}  // namespace gnomon
