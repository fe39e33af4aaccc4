// Pictures of text modes against pictures computed cell by cell from what was written.
#include "devices/vga/text_renderer.h"

#include <random>

#include "devices/vga/vga_fixture.h"

namespace gnomon {
namespace {

using Font = std::array<std::array<u8, 32>, 256>;

Font random_font(u32 seed) {
    std::mt19937 random(seed);
    Font font;
    for (auto& glyph : font)
        for (u8& line : glyph) line = static_cast<u8>(random());
    return font;
}

/// One character cell as the attribute byte asks for it; colours are DAC indices.
struct CellPicture {
    const std::array<u8, 32>& glyph;
    u8 character;
    u8 attribute;
    bool blink_mode = true;
    bool line_graphics = true;
    int underline = -1;

    [[nodiscard]] bool dot(unsigned x, unsigned y) const {
        if (static_cast<int>(y) == underline &&
            (attribute == 0x01 || attribute == 0x09 || attribute == 0x81 || attribute == 0x89))
            return true;
        if (x < 8) return glyph[y] & (0x80 >> x);
        return line_graphics && character >= 192 && character < 224 && (glyph[y] & 1);
    }
    [[nodiscard]] u8 colour(unsigned x, unsigned y) const {
        return dot(x, y) ? attribute % 16 : static_cast<u8>(attribute / 16 % (blink_mode ? 8 : 16));
    }
};

struct TextRendererTest : VgaTest {
    Font font = random_font(1);
    std::array<u8, 4000> screen{};  // characters and attributes

    void SetUp() override { start(kMode3); }
    void start(const VgaMode& mode) {
        set_mode(mode);
        load_test_palette();
        load_font(0, font);
        std::mt19937 random(7);
        const u32 base = mode.misc & 1 ? 0x18000 : 0x10000;
        for (u32 i = 0; i < screen.size(); i++) {
            screen[i] = static_cast<u8>(random());
            vga->mmio_write(base + i, 1, screen[i]);
        }
        indexed(crtc(), 0x0a, 0x20);  // no cursor
    }
    [[nodiscard]] CellPicture cell(unsigned index) const {
        return {font[screen[2 * index]], screen[2 * index], screen[2 * index + 1]};
    }
    /// DAC index of a text colour under the palette of modes 1 and 3.
    static u8 dac(u8 colour) { return kMode3.attribute[colour]; }
};

TEST_F(TextRendererTest, Mode3Is80By25CellsOf9By16) {
    const Frame frame = picture();
    ASSERT_EQ(frame.width, 720u);
    ASSERT_EQ(frame.height, 400u);
    for (unsigned y = 0; y < 400; y++)
        for (unsigned x = 0; x < 720; x++)
            ASSERT_EQ(pixel(frame, x, y), test_colour(dac(cell(y / 16 * 80 + x / 9).colour(x % 9, y % 16))))
                << x << ',' << y;
}

TEST_F(TextRendererTest, EightDotCharactersHaveNoNinthColumn) {
    indexed(0x3c4, 1, 0x01);
    const Frame frame = picture();
    ASSERT_EQ(frame.width, 640u);
    for (unsigned y = 0; y < 400; y++)
        for (unsigned x = 0; x < 640; x++)
            ASSERT_EQ(pixel(frame, x, y), test_colour(dac(cell(y / 16 * 80 + x / 8).colour(x % 8, y % 16))));
}

TEST_F(TextRendererTest, Mode1HasDotsTwiceAsWide) {
    start(kMode1);
    const Frame frame = picture();
    ASSERT_EQ(frame.width, 720u);
    for (unsigned y = 0; y < 400; y++)
        for (unsigned x = 0; x < 720; x++)
            ASSERT_EQ(pixel(frame, x, y),
                      test_colour(dac(cell(y / 16 * 40 + x / 18).colour(x % 18 / 2, y % 16))));
}

TEST_F(TextRendererTest, Mode7UnderlinesOnLine13) {
    start(kMode7);
    for (const u8 a : {0x01, 0x09, 0x81, 0x89, 0x07}) text(a * 2, "x", a);
    for (const u8 a : {0x01, 0x09, 0x81, 0x89, 0x07}) screen[a * 2] = 'x', screen[a * 2 + 1] = a;
    const Frame frame = picture();
    for (unsigned y = 0; y < 400; y++)
        for (unsigned x = 0; x < 720; x++) {
            CellPicture c = cell(y / 16 * 80 + x / 9);
            c.underline = 13;
            ASSERT_EQ(pixel(frame, x, y), test_colour(kMode7.attribute[c.colour(x % 9, y % 16)]))
                << x << ',' << y;
        }
}

TEST_F(TextRendererTest, LineGraphicsOffLeavesTheNinthDotEmpty) {
    attribute(0x10, 0x08);
    const Frame frame = picture();
    for (unsigned y = 0; y < 400; y++)
        for (unsigned x = 8; x < 720; x += 9)
            ASSERT_EQ(pixel(frame, x, y), test_colour(dac(screen[(y / 16 * 80 + x / 9) * 2 + 1] >> 4 & 7)));
}

TEST_F(TextRendererTest, BlinkOffMakesSixteenBackgrounds) {
    attribute(0x10, 0x04);
    const Frame frame = picture();
    for (unsigned y = 0; y < 400; y++)
        for (unsigned x = 0; x < 720; x++) {
            CellPicture c = cell(y / 16 * 80 + x / 9);
            c.blink_mode = false;
            ASSERT_EQ(pixel(frame, x, y), test_colour(dac(c.colour(x % 9, y % 16))));
        }
}

TEST_F(TextRendererTest, BlinkingCharactersVanishFor16Of32Frames) {
    const u64 origin = vga->state().frame_origin_ns;
    const auto at_frame = [&](u64 frame) {
        clock.retire(origin + VirtualClock::ticks_to_ns(frame * 404100, 28'322'000) - clock.now());
        return picture();
    };
    const Frame visible = at_frame(15);
    const Frame hidden = at_frame(16);
    EXPECT_EQ(at_frame(31), hidden);
    EXPECT_EQ(at_frame(32), visible);
    for (unsigned y = 0; y < 400; y++)
        for (unsigned x = 0; x < 720; x++) {
            const u8 attribute = screen[(y / 16 * 80 + x / 9) * 2 + 1];
            const u32 expected =
                attribute & 0x80 ? test_colour(dac(attribute >> 4 & 7)) : pixel(visible, x, y);
            ASSERT_EQ(pixel(hidden, x, y), expected);
        }
}

TEST_F(TextRendererTest, CursorCoversItsLinesAndBlinksEvery8Frames) {
    const Frame plain = picture();
    indexed(0x3d4, 0x0e, (81 + 2) >> 8);
    indexed(0x3d4, 0x0f, 81 + 2);
    indexed(0x3d4, 0x0a, 0x0d);
    indexed(0x3d4, 0x0b, 0x0e);
    const Frame frame = picture();
    for (unsigned y = 0; y < 400; y++)
        for (unsigned x = 0; x < 720; x++) {
            const bool in_cursor = x / 9 == 3 && (y == 16 + 13 || y == 16 + 14);
            ASSERT_EQ(pixel(frame, x, y),
                      in_cursor ? test_colour(dac(screen[83 * 2 + 1] & 15)) : pixel(plain, x, y));
        }
    indexed(0x3d4, 0x0b, 0x2e);  // skewed one character to the right
    EXPECT_EQ(pixel(picture(), 4 * 9 + 3, 16 + 13), test_colour(dac(screen[84 * 2 + 1] & 15)));
    indexed(0x3d4, 0x0b, 0x0c);  // ends before it starts
    EXPECT_EQ(picture(), plain);
    indexed(0x3d4, 0x0b, 0x0e);
    const u64 origin = vga->state().frame_origin_ns;
    clock.retire(origin + VirtualClock::ticks_to_ns(8 * 404100, 28'322'000) - clock.now());
    EXPECT_EQ(picture(), plain);
}

TEST_F(TextRendererTest, AttributeBit3ChoosesTheSecondFontOf512Characters) {
    const Font second = random_font(2);
    load_font(3, second);     // block 3: select value 5, at 6000h
    indexed(0x3c4, 3, 0x24);  // map A (bit 3 set) = 5: bits 2, 3 = 1, bit 5 = 1
    attribute(0x12, 0x07);    // the bit is no longer a colour
    const Frame frame = picture();
    for (unsigned y = 0; y < 400; y++)
        for (unsigned x = 0; x < 720; x++) {
            const unsigned i = y / 16 * 80 + x / 9;
            const u8 a = screen[2 * i + 1];
            const CellPicture c{a & 8 ? second[screen[2 * i]] : font[screen[2 * i]], screen[2 * i], a};
            ASSERT_EQ(pixel(frame, x, y), test_colour(dac(c.colour(x % 9, y % 16) & 7)));
        }
    TextScreen read;
    vga->read_text(read);
    for (unsigned i = 0; i < 2000; i++)
        EXPECT_EQ(read.cells[i].character, screen[2 * i] + (screen[2 * i + 1] & 8 ? 256 : 0));
}

TEST_F(TextRendererTest, StartAddressScrollsByCharacters) {
    const Frame before = picture();
    indexed(0x3d4, 0x0d, 80);
    const Frame frame = picture();
    for (unsigned i = 0; i < 384 * 720; i++) ASSERT_EQ(frame.pixels[i], before.pixels[i + 16 * 720]);
}

TEST_F(TextRendererTest, StartAddressAbove8000ShowsTheOtherPageOfOddEvenMode) {
    const Frame before = picture();
    out(0x3c2, kMode3.misc & ~0x20);  // the odd cells
    for (u32 i = 0; i < screen.size(); i++) vga->mmio_write(0x18000 + i, 1, screen[i]);
    out(0x3c2, kMode3.misc);
    for (u32 i = 0; i < screen.size(); i++) vga->mmio_write(0x18000 + i, 1, 0);
    EXPECT_NE(picture(), before);
    indexed(0x3d4, 0x0c, 0x80);
    EXPECT_EQ(picture(), before);
}

TEST_F(TextRendererTest, PresetRowScanAndPanningMoveByDots) {
    const Frame before = picture();
    indexed(0x3d4, 8, 0x05);
    attribute(0x13, 0x02);  // with nine dots: three to the left
    const Frame frame = picture();
    for (unsigned y = 0; y < 395; y++)
        for (unsigned x = 0; x < 717; x++) ASSERT_EQ(pixel(frame, x, y), pixel(before, x + 3, y + 5));
    // What comes in from the right is the next character of the address counter.
    EXPECT_EQ(pixel(frame, 719, 0), test_colour(dac(cell(80).colour(2, 5))));
    indexed(0x3d4, 8, 0x20);  // byte panning: one character
    attribute(0x13, 0x08);
    const Frame byte_panned = picture();
    for (unsigned x = 0; x < 711; x++) ASSERT_EQ(pixel(byte_panned, x, 7), pixel(before, x + 9, 7));
}

TEST_F(TextRendererTest, LineCompareSplitsTheScreen) {
    const Frame before = picture();
    indexed(0x3d4, 0x0d, 160);
    indexed(0x3d4, 0x18, 99);
    indexed(0x3d4, 7, 0x0f);
    indexed(0x3d4, 9, 0x0f);
    attribute(0x13, 0x00);
    attribute(0x10, 0x2c);  // panning ends at the split
    const Frame frame = picture();
    for (unsigned y = 0; y < 400; y++)
        for (unsigned x = 0; x < 719; x++)
            ASSERT_EQ(pixel(frame, x, y), y < 100 ? pixel(before, x + 1, y + 32) : pixel(before, x, y - 100))
                << x << ',' << y;
    attribute(0x10, 0x0c);
    const Frame panned = picture();
    for (unsigned x = 0; x < 719; x++) ASSERT_EQ(pixel(panned, x, 200), pixel(before, x + 1, 100));
    const std::vector<std::string> lines = vga->text_screen();
    EXPECT_EQ(lines.size(), 7u + 19u);  // 100 lines are 6.25 rows, 300 are 18.75
}

TEST_F(TextRendererTest, FiftyLinesOf8AndDoubleScannedTwentyFive) {
    indexed(0x3d4, 9, 0x47);  // character height 8
    EXPECT_EQ(vga->text_screen().size(), 50u);
    const Frame fifty = picture();
    indexed(0x3d4, 9, 0xc7);  // each line twice
    const Frame doubled = picture();
    for (unsigned y = 0; y < 400; y++)
        for (unsigned x = 0; x < 720; x++) ASSERT_EQ(pixel(doubled, x, y), pixel(fifty, x, y / 2));
    EXPECT_EQ(vga->text_screen().size(), 25u);
}

TEST_F(TextRendererTest, PaletteBlocksPlaneEnableAndPelMaskChooseTheColour) {
    vga->mmio_write(0x18000, 2, 0x0e00 | screen[0]);
    font[screen[0]][0] = 0x80;
    load_font(0, font);
    const auto first = [&] { return pixel(picture(), 0, 0); };
    EXPECT_EQ(first(), test_colour(0x3e));
    attribute(0x14, 0x0c);
    EXPECT_EQ(first(), test_colour(0xfe));
    attribute(0x14, 0x0d);
    attribute(0x10, 0x8c);  // bits 5 and 4 from the colour select register
    EXPECT_EQ(first(), test_colour(0xde));
    attribute(0x12, 0x06);
    EXPECT_EQ(first(), test_colour(0xc0 | 0x10 | (kMode3.attribute[6] & 15)));
    out(0x3c6, 0x0f);
    EXPECT_EQ(first(), test_colour(kMode3.attribute[6] & 15));
}

TEST_F(TextRendererTest, BlankScreensShowBlackOrOverscan) {
    indexed(0x3c4, 1, 0x20);
    EXPECT_EQ(pixel(picture(), 5, 5), 0u);
    TextScreen read;
    vga->read_text(read);
    EXPECT_TRUE(read.graphics);
    indexed(0x3c4, 1, 0x00);
    attribute(0x11, 0x05);
    in(0x3da);
    out(0x3c0, 0x00);  // the processor owns the palette
    EXPECT_EQ(pixel(picture(), 5, 5), test_colour(5));
}

TEST_F(TextRendererTest, TextIsUtf8OfCodePage437) {
    for (unsigned i = 0; i < 2000; i++) text(i * 2, " ");
    text(0, "Hello \x01\xb0\xc9\xcd\xbb \xe1\xfe", 0x1f);
    text(160 * 24 + 158, "$");
    indexed(0x3d4, 0x0a, 0x0d);
    indexed(0x3d4, 0x0e, 0x00);
    indexed(0x3d4, 0x0f, 0x52);
    const std::vector<std::string> lines = vga->text_screen();
    ASSERT_EQ(lines.size(), 25u);
    EXPECT_EQ(lines[0], "Hello ☺░╔═╗ ß■");
    EXPECT_EQ(lines[1], "");
    EXPECT_EQ(lines[24], std::string(79, ' ') + "$");
    TextScreen read;
    vga->read_text(read);
    EXPECT_EQ(read.at(0, 4), (TextCell{'o', 15, 1, false, false}));
    EXPECT_TRUE(read.cursor_visible);
    EXPECT_EQ(read.cursor_row, 1u);
    EXPECT_EQ(read.cursor_column, 2u);
    EXPECT_EQ(read.palette[15], test_colour(0x3f));
    set_mode(kMode12);
    EXPECT_EQ(vga->text_screen(),
              std::vector<std::string>{"(no text: the display is in a graphics mode or blank)"});
    EXPECT_EQ(picture().width, 640u);
    EXPECT_EQ(picture().height, 480u);
}

}  // namespace
}  // namespace gnomon
