// Registers, timing, state and robustness of the VGA.
#include <random>

#include "devices/vga/vga_fixture.h"

namespace gnomon {
namespace {

TEST_F(VgaTest, PortConflictNamesBothOwners) {
    const std::unique_ptr<PhysicalMap> other_map = VgaBoard::make_map(log);
    EXPECT_EQ(Vga::create(bus, clock, *other_map, log).ok(), false);
    EXPECT_EQ(Vga::create(bus, clock, *other_map, log).error().message,
              "port 0x03b4 is claimed by both vga and vga");
}

TEST_F(VgaTest, MiscOutputMovesTheCrtcBetween3B4And3D4) {
    out(0x3c2, 0x67);
    EXPECT_EQ(in(0x3cc), 0x67);
    indexed(0x3d4, 0x0e, 0x12);
    EXPECT_EQ(read_indexed(0x3d4, 0x0e), 0x12);
    EXPECT_EQ(in(0x3b5), 0xff);
    EXPECT_EQ(in(0x3ba), 0xff);
    out(0x3c2, 0x66);
    EXPECT_EQ(in(0x3d5), 0xff);
    EXPECT_EQ(in(0x3b4), 0x0e);
    EXPECT_EQ(in(0x3b5), 0x12);
    indexed(0x3d4, 0x0e, 0x55);  // nobody there
    EXPECT_EQ(in(0x3b5), 0x12);
}

TEST_F(VgaTest, ProtectBitGuardsRegisters0To7ButNotLineCompare) {
    set_mode(kMode3);  // ends with register 11h = 8Eh
    for (unsigned i = 0; i < 7; i++) indexed(0x3d4, i, 0x00);
    for (unsigned i = 0; i < 7; i++) EXPECT_EQ(read_indexed(0x3d4, i), kMode3.crtc[i]) << i;
    indexed(0x3d4, 7, 0x00);
    EXPECT_EQ(read_indexed(0x3d4, 7), 0x0f);
    indexed(0x3d4, 7, 0xff);
    EXPECT_EQ(read_indexed(0x3d4, 7), 0x1f);
    indexed(0x3d4, 8, 0x05);
    EXPECT_EQ(read_indexed(0x3d4, 8), 0x05);
    indexed(0x3d4, 0x11, 0x0e);
    indexed(0x3d4, 7, 0xa5);
    EXPECT_EQ(read_indexed(0x3d4, 7), 0xa5);
}

TEST_F(VgaTest, BitsThatDoNotExistReadAsZero) {
    out(0x3c2, 0xff);
    EXPECT_EQ(in(0x3cc), 0xef);
    const u8 sequencer[] = {0x03, 0x3d, 0x0f, 0x3f, 0x0e, 0x00};
    for (unsigned i = 0; i < 6; i++) {
        indexed(0x3c4, i, 0xff);
        EXPECT_EQ(read_indexed(0x3c4, i), sequencer[i]) << i;
    }
    const u8 graphics[] = {0x0f, 0x0f, 0x0f, 0x1f, 0x03, 0x7b, 0x0f, 0x0f, 0xff, 0x00};
    for (unsigned i = 0; i < 10; i++) {
        indexed(0x3ce, i, 0xff);
        EXPECT_EQ(read_indexed(0x3ce, i), graphics[i]) << i;
    }
    out(0x3da, 0xff);
    EXPECT_EQ(in(0x3ca), 0x0b);
}

TEST_F(VgaTest, AttributeFlipFlopAlternatesAndStatusReadResetsIt) {
    out(0x3c2, 0x67);
    in(0x3da);
    out(0x3c0, 0x05);
    out(0x3c0, 0x2a);
    out(0x3c0, 0x06);
    out(0x3c0, 0xff);
    in(0x3da);
    out(0x3c0, 0x05);
    in(0x3da);  // index again expected, not data
    out(0x3c0, 0x06);
    EXPECT_EQ(in(0x3c0), 0x06);
    EXPECT_EQ(in(0x3c1), 0x3f);
    EXPECT_EQ(read_indexed(0x3d4, 0x24), 0x80);
    in(0x3da);
    EXPECT_EQ(read_indexed(0x3d4, 0x24), 0x00);
    out(0x3c0, 0x25);
    EXPECT_EQ(in(0x3c0), 0x25);
    EXPECT_EQ(in(0x3c1), 0x2a);
    EXPECT_EQ(read_indexed(0x3d4, 0x26), 0x25);
}

TEST_F(VgaTest, DacTakesTriplesAndReadsThemBack) {
    out(0x3c8, 0xff);
    EXPECT_EQ(in(0x3c7), 0);
    for (const u8 v : {0x01, 0xc2, 0x03, 0x11, 0x12, 0x13}) out(0x3c9, v);  // wraps to colour 0
    EXPECT_EQ(in(0x3c8), 0x01);
    out(0x3c7, 0xff);
    EXPECT_EQ(in(0x3c7), 3);
    EXPECT_EQ(in(0x3c8), 0x00);  // the address has moved on already
    for (const u8 v : {0x01, 0x02, 0x03, 0x11, 0x12, 0x13}) EXPECT_EQ(in(0x3c9), v);
}

TEST_F(VgaTest, DacTripleThatIsNotFinishedChangesNothing) {
    out(0x3c8, 7);
    for (const u8 v : {1, 2, 3}) out(0x3c9, v);
    out(0x3c8, 7);
    out(0x3c9, 9);
    out(0x3c9, 9);
    out(0x3c7, 7);
    EXPECT_EQ(in(0x3c9), 1);
    EXPECT_EQ(in(0x3c9), 2);
    EXPECT_EQ(in(0x3c9), 3);
    EXPECT_EQ(in(0x3c6), 0xff);
}

TEST_F(VgaTest, StatusBitsFollowTheBeamOfMode3) {
    set_mode(kMode3);
    const u64 origin = vga->state().frame_origin_ns;
    // 900 dots a line, 449 lines, 28.322 MHz; 80 columns and 400 lines are shown, retrace is in lines 412 and
    // 413.
    const auto status_at = [&](u64 frame, u64 line, u64 dot) {
        const u64 due = origin + VirtualClock::ticks_to_ns((frame * 449 + line) * 900 + dot, 28'322'000);
        clock.retire(due - clock.now());
        return in(0x3da) & 0x09;
    };
    EXPECT_EQ(status_at(0, 0, 0), 0x00);
    EXPECT_EQ(status_at(0, 0, 719), 0x00);
    EXPECT_EQ(status_at(0, 0, 720), 0x01);
    EXPECT_EQ(status_at(0, 0, 899), 0x01);
    EXPECT_EQ(status_at(0, 1, 0), 0x00);
    EXPECT_EQ(status_at(0, 399, 719), 0x00);
    EXPECT_EQ(status_at(0, 400, 0), 0x01);
    EXPECT_EQ(status_at(0, 411, 899), 0x01);
    EXPECT_EQ(status_at(0, 412, 0), 0x09);
    EXPECT_EQ(status_at(0, 413, 899), 0x09);
    EXPECT_EQ(status_at(0, 414, 0), 0x01);
    EXPECT_EQ(status_at(1, 0, 0), 0x00);
    EXPECT_EQ(status_at(70, 412, 5), 0x09);
}

TEST_F(VgaTest, FrameRateOfMode3Is70HertzAndOfMode12Is60) {
    set_mode(kMode3);
    EXPECT_EQ(VgaTiming(vga->state()).dots_per_frame(), 404100u);
    EXPECT_EQ(VgaTiming(vga->state()).dot_hz(), 28'322'000u);
    set_mode(kMode12);
    EXPECT_EQ(VgaTiming(vga->state()).dots_per_frame(), 420000u);
    EXPECT_EQ(VgaTiming(vga->state()).dot_hz(), 25'175'000u);
}

TEST_F(VgaTest, RetraceInterruptLatchIsSetByARetraceAndClearedByTheCrtc) {
    set_mode(kMode3);
    indexed(0x3d4, 0x11, 0x8e & ~0x10);
    indexed(0x3d4, 0x11, 0x9e);
    EXPECT_EQ(in(0x3c2) & 0x80, 0);
    clock.retire(13'000'000);  // short of line 412
    EXPECT_EQ(in(0x3c2) & 0x80, 0);
    clock.retire(1'000'000);
    EXPECT_EQ(in(0x3c2) & 0x80, 0x80);
    EXPECT_EQ(in(0x3c2) & 0x80, 0x80);
    indexed(0x3d4, 0x11, 0x8e);
    EXPECT_EQ(in(0x3c2) & 0x80, 0);
    clock.retire(100'000'000);
    EXPECT_EQ(in(0x3c2) & 0x80, 0);
}

TEST_F(VgaTest, SubsystemThatIsDisabledAnswersNothing) {
    set_mode(kMode3);
    text(0, "A");
    out(0x3c3, 0);
    EXPECT_EQ(in(0x3c3), 0);
    EXPECT_EQ(in(0x3cc), 0xff);
    EXPECT_EQ(vga->mmio_read(0x18000, 2), 0xffffu);
    out(0x3c3, 1);
    EXPECT_EQ(vga->mmio_read(0x18000, 2), 0x0741u);
}

TEST_F(VgaTest, GenerationMovesOnlyWhenThePictureMayChange) {
    set_mode(kMode3);
    const u64 before = vga->generation();
    EXPECT_FALSE(vga->changed_since(before));
    EXPECT_FALSE(vga->changed_since(before));
    text(0, "A");
    const u64 after = vga->generation();
    EXPECT_NE(after, before);
    text(0, "A");  // the same again
    EXPECT_FALSE(vga->changed_since(after));
    indexed(0x3d4, 0x0f, 3);
    EXPECT_TRUE(vga->changed_since(after));
    const u64 moved = vga->generation();
    clock.retire(VirtualClock::ticks_to_ns(8ull * 404100, 28'322'000));  // the cursor goes off
    EXPECT_TRUE(vga->changed_since(moved));
    indexed(0x3d4, 0x0a, 0x20);  // no cursor, no blinking: time alone changes nothing
    attribute(0x10, 0x04);
    const u64 still = vga->generation();
    clock.retire(VirtualClock::kSecond);
    EXPECT_FALSE(vga->changed_since(still));
}

TEST_F(VgaTest, SnapshotRoundTripContinuesIdentically) {
    set_mode(kMode3);
    load_test_palette();
    text(160, "snapshot", 0x1e);
    out(0x3c7, 5);
    in(0x3c9);
    const Result<StateNode> saved = decode_state(encode_state(vga->save_state()));
    ASSERT_TRUE(saved.ok());
    VgaBoard other_board(clock, log);
    PortBus& other_bus = other_board.bus;
    Vga* other = other_board.vga.get();
    std::copy(map.device_memory().begin(), map.device_memory().end(),
              other_board.map->device_memory().begin());
    Result<StatePart::Install> install = other->load_state(*saved);
    ASSERT_TRUE(install.ok());
    EXPECT_NE(other->text_screen(), vga->text_screen());  // nothing happens before the install
    (*install)();
    EXPECT_EQ(diff_state(vga->save_state(), other->save_state(), "vga"), "");
    EXPECT_EQ(other->text_screen(), vga->text_screen());
    EXPECT_EQ(other_bus.port_read(0x3c9, 1), bus.port_read(0x3c9, 1));
    Frame a;
    Frame b;
    vga->render(a);
    other->render(b);
    EXPECT_EQ(a, b);
    vga->mmio_write(0x18000, 2, 0x4e41);
    other->mmio_write(0x18000, 2, 0x4e41);
    EXPECT_EQ(diff_state(vga->save_state(), other->save_state(), "vga"), "");
}

TEST_F(VgaTest, MalformedSnapshotsAreRefusedAndChangeNothing) {
    set_mode(kMode3);
    VgaState state = vga->state();
    state.dac_component = 3;
    EXPECT_EQ(vga->load_state(save_value(state)).error().message, "dac_component: 3 is not 0, 1 or 2");
    state = vga->state();
    state.dispi.bpp = 12;
    EXPECT_EQ(vga->load_state(save_value(state)).error().message, "dispi.bpp: 12 is no depth");
    state = vga->state();
    state.dispi.bank = 64;  // the memory has 64 banks
    EXPECT_EQ(vga->load_state(save_value(state)).error().message, "dispi.bank: 64 is beyond the memory");
    state = vga->state();
    state.dispi.enable = DispiState::kEnabled;
    state.dispi.virtual_width = state.dispi.width = 2048;
    state.dispi.height = 1024;
    state.dispi.bpp = 32;
    EXPECT_EQ(vga->load_state(save_value(state)).error().message,
              "dispi: 2048x1024 pixels at 0, 0 do not fit into the memory");
    EXPECT_EQ(in(0x3cc), 0x67);
}

TEST_F(VgaTest, ResetDarkensTheScreenAndKeepsMemory) {
    set_mode(kMode3);
    text(0, "X");
    vga->reset();
    EXPECT_EQ(in(0x3cc), 0);
    TextScreen screen;
    vga->read_text(screen);
    EXPECT_TRUE(screen.graphics);
    Frame frame;
    vga->render(frame);
    EXPECT_EQ(frame.width, 720u);
    EXPECT_EQ(std::count(frame.pixels.begin(), frame.pixels.end(), 0u), 720 * 400);
    set_mode(kMode3);
    EXPECT_EQ(vga->text_screen()[0], "X");
}

// Random accesses, with pictures in between: whatever a guest does, nothing breaks, and a snapshot repeats
// it.
TEST_F(VgaTest, SurvivesRandomAccessesAndReplaysFromASnapshot) {
    std::mt19937 random(20240607);
    VgaBoard other_board(clock, log);
    PortBus& other_bus = other_board.bus;
    Vga* other = other_board.vga.get();
    Frame frame;
    Frame other_frame;
    for (int round = 0; round < 60; round++) {
        other_board.load(*vga);
        for (int i = 0; i < 2000; i++) {
            const u32 r = random();
            const u32 value = random();
            const unsigned size = 1u << (r >> 28 & 1);
            const u16 port = static_cast<u16>(0x3b0 + (r & 0x2f));
            clock.retire(r >> 16 & 0xfff);
            switch (r >> 8 & 7) {
                case 0: ASSERT_EQ(bus.port_read(port, size), other_bus.port_read(port, size)); break;
                case 1:
                case 2:
                case 3:
                    bus.port_write(port, size, value);
                    other_bus.port_write(port, size, value);
                    break;
                case 4:
                case 5: {
                    const unsigned wide = 1u << (r & 3);
                    const u64 offset = value % (0x20000 - wide);
                    ASSERT_EQ(vga->mmio_read(offset, wide), other->mmio_read(offset, wide));
                    break;
                }
                default: {
                    const unsigned wide = 1u << (r & 3);
                    const u64 offset = value % (0x20000 - wide);
                    vga->mmio_write(offset, wide, value * 0x0101010101ull);
                    other->mmio_write(offset, wide, value * 0x0101010101ull);
                    break;
                }
            }
        }
        if (round % 3 == 0) {
            vga->render(frame);
            other->render(other_frame);
            ASSERT_EQ(frame, other_frame);
            ASSERT_EQ(vga->text_screen(), other->text_screen());
        }
        ASSERT_EQ(diff_state(vga->save_state(), other->save_state()), "");
        out(0x3c3, 1);
    }
}

struct RasterTest : VgaTest {
    u64 line_ns = 0;

    RasterTest() {
        set_mode(kMode13);
        load_test_palette();
        for (u32 at = 0; at < 320 * 200; at++) vga->mmio_write(at, 1, 1);
        next_frame();
    }
    void wait(auto condition) {
        for (int i = 0; i < 1'000'000 && !condition(); i++) clock.skip_to(clock.now() + 500);
    }
    bool retrace() { return in(0x3da) & 8; }
    void next_frame() {
        wait([&] { return !retrace(); });
        wait([&] { return retrace(); });
    }
    /// To the horizontal blanking behind scan line `line`.
    void go_to_line_end(int line) {
        wait([&] { return !(in(0x3da) & 1); });
        for (int i = 0;; i++) {
            wait([&] { return in(0x3da) & 1; });
            if (i == line) return;
            wait([&] { return !(in(0x3da) & 1); });
        }
    }
    void set_colour(u8 index, u8 red) {
        out(0x3c8, index);
        for (const u32 component : {u32{red}, 0u, 0u}) out(0x3c9, component);
    }
    static u32 red(u32 six) { return (six << 2 | six >> 4) << 16; }
};

TEST_F(RasterTest, APaletteChangedAtALineShowsFromTheNextOneOn) {
    for (int frame = 0; frame < 3; frame++) {
        set_colour(1, 10);
        go_to_line_end(99);
        set_colour(1, 20);
        go_to_line_end(49);
        set_colour(1, 30);
        next_frame();
        const u64 before = vga->generation();
        set_colour(1, 63);  // in the retrace: for the next picture
        EXPECT_NE(vga->generation(), before);
        const Frame shown = picture();
        ASSERT_EQ(shown.height, 400u);
        EXPECT_EQ(pixel(shown, 0, 0), red(10)) << frame;
        EXPECT_EQ(pixel(shown, 639, 99), red(10));
        EXPECT_EQ(pixel(shown, 0, 100), red(20));
        EXPECT_EQ(pixel(shown, 0, 149), red(20));
        EXPECT_EQ(pixel(shown, 0, 150), red(30));
        EXPECT_EQ(pixel(shown, 0, 399), red(30));
    }
    // A frame in which nothing moves: all of it is the last colour, which viewers get to know.
    next_frame();
    const u64 before = vga->generation();
    next_frame();
    EXPECT_TRUE(vga->changed_since(before) || pixel(picture(), 0, 0) == red(63));
    const Frame still = picture();
    EXPECT_EQ(pixel(still, 0, 0), red(63));
    EXPECT_EQ(pixel(still, 0, 399), red(63));
    const u64 quiet = vga->generation();
    next_frame();
    next_frame();
    EXPECT_FALSE(vga->changed_since(quiet));
}

TEST_F(RasterTest, AStartAddressWrittenWithinAFrameCountsFromTheNextOneOn) {
    for (u32 at = 0; at < 320; at++) vga->mmio_write(at, 1, 2);
    next_frame();
    go_to_line_end(99);
    set_colour(3, 1);
    indexed(0x3d4, 0x0d, 80);  // one row down
    next_frame();
    EXPECT_EQ(pixel(picture(), 0, 0), test_colour(2));
    next_frame();
    EXPECT_EQ(pixel(picture(), 0, 0), test_colour(1));
}

TEST_F(RasterTest, PanningAndTheSplitMayChangeByLine) {
    vga->mmio_write(0, 1, 2);
    vga->mmio_write(320 * 150, 1, 5);
    next_frame();
    go_to_line_end(299);
    in(0x3da);
    out(0x3c0, 0x33);
    out(0x3c0, 2);  // a pixel of two dots
    next_frame();
    Frame shown = picture();
    EXPECT_EQ(pixel(shown, 0, 0), test_colour(2));
    EXPECT_EQ(pixel(shown, 0, 300), test_colour(1));  // has left the picture
    next_frame();
    shown = picture();
    EXPECT_EQ(pixel(shown, 0, 0), test_colour(1));
}

/// A colour for each half of a row of mode 13h.
struct RasterPitchTest : RasterTest {
    RasterPitchTest() {
        for (u32 at = 0; at < 0x10000; at++) vga->mmio_write(at, 1, half_row_colour(at / 160));
        next_frame();
    }
    static u8 half_row_colour(u32 half_row) { return static_cast<u8>(half_row % 251 + 1); }
    u32 first_of_half_row(u32 half_row) { return test_colour(half_row_colour(half_row)); }
};

TEST_F(RasterPitchTest, RowsAreAsFarApartAsThePitchSaysWhereTheyEnd) {
    go_to_line_end(99);
    indexed(0x3d4, 0x13, 0x14);
    next_frame();
    indexed(0x3d4, 0x13, 0x28);
    const Frame shown = picture();
    EXPECT_EQ(pixel(shown, 0, 98), first_of_half_row(98));
    // The row that began under the old pitch is where that put it.
    EXPECT_EQ(pixel(shown, 0, 100), first_of_half_row(100));
    EXPECT_EQ(pixel(shown, 320, 100), first_of_half_row(101));
    EXPECT_EQ(pixel(shown, 0, 101), first_of_half_row(100));
    EXPECT_EQ(pixel(shown, 0, 102), first_of_half_row(101));
    EXPECT_EQ(pixel(shown, 0, 399), first_of_half_row(249));
    next_frame();
    EXPECT_EQ(pixel(picture(), 0, 399), first_of_half_row(398));
}

TEST_F(RasterPitchTest, RowsBecomeHigherFromALineOn) {
    go_to_line_end(99);
    indexed(0x3d4, 0x09, 0x43);  // four lines a row
    go_to_line_end(99);
    indexed(0x3d4, 0x09, 0x41);
    next_frame();
    const Frame shown = picture();
    EXPECT_EQ(pixel(shown, 0, 99), first_of_half_row(2 * 49));
    for (u32 y = 100; y < 200; y++) ASSERT_EQ(pixel(shown, 0, y), first_of_half_row(2 * (50 + (y - 100) / 4))) << y;
    for (u32 y = 200; y < 400; y++) ASSERT_EQ(pixel(shown, 0, y), first_of_half_row(2 * (75 + (y - 200) / 2))) << y;
}

TEST_F(RasterPitchTest, ARowWhoseLastLineHasGoneByLastsUntilItsCounterWraps) {
    go_to_line_end(100);  // the first line of two
    indexed(0x3d4, 0x09, 0x40);
    next_frame();
    const Frame shown = picture();
    EXPECT_EQ(pixel(shown, 0, 100), first_of_half_row(100));
    // Lines 1 to 31 of the row, then line 0 once more, which now is the last.
    EXPECT_EQ(pixel(shown, 0, 132), first_of_half_row(100));
    EXPECT_EQ(pixel(shown, 0, 133), first_of_half_row(102));
    EXPECT_EQ(pixel(shown, 0, 134), first_of_half_row(104));
}

}  // namespace
}  // namespace gnomon
