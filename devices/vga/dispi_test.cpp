// The Bochs display interface: registers, pictures of every depth, windows, and the PCI function.
#include "devices/vga/dispi.h"

#include <numeric>
#include <random>

#include "devices/snapshot_check.h"
#include "devices/vga/vga_fixture.h"
#include "devices/vga/vga_pci.h"

namespace gnomon {
namespace {

struct DispiTest : VgaTest {
    std::mt19937 random{5};

    void SetUp() override { set_mode(kMode13); }
    /// Random bytes all over the memory.
    void fill() {
        for (u64 i = 0; i < vga->memory().size(); i += 4) {
            const u32 value = random();
            std::memcpy(vga->memory().bytes() + i, &value, 4);
        }
        vga->memory().wrote(0, vga->memory().size());
    }
    [[nodiscard]] u32 byte(u64 at) const { return vga->memory().bytes()[at]; }
};

TEST_F(DispiTest, RegistersKeepWhatIsPossible) {
    EXPECT_EQ(dispi(0), 0xb0c5);
    dispi(0, 0xb0c2);
    EXPECT_EQ(dispi(0), 0xb0c2);
    dispi(0, 0xb0c6);
    EXPECT_EQ(dispi(0), 0xb0c2);
    EXPECT_EQ(dispi(10), VgaBoard::kVideoBytes >> 16);
    dispi_mode(1027, 768, 24);
    EXPECT_EQ(dispi(1), 1024);  // whole characters
    EXPECT_EQ(dispi(2), 768);
    EXPECT_EQ(dispi(3), 24);
    EXPECT_EQ(dispi(4), 0x41);
    EXPECT_EQ(dispi(6), 1024);
    EXPECT_EQ(dispi(7), 4 * 1024 / 3);
    dispi(1, 800);  // not while a mode is on
    EXPECT_EQ(dispi(1), 1024);
    dispi(4, 0x03);
    EXPECT_EQ(dispi(1), 2560);
    EXPECT_EQ(dispi(2), 1600);
    EXPECT_EQ(dispi(3), 32);
    dispi(4, 0);
    dispi(3, 12);
    EXPECT_EQ(dispi(3), 24);
    // The data port that even addresses reach.
    bus.port_write(0x1ce, 2, 2);
    EXPECT_EQ(bus.port_read(0x1d0, 2), 768u);
}

TEST_F(DispiTest, ModesThatDoNotFitStayOff) {
    dispi_mode(1280, 1024, 32);  // 5 MiB of 4
    EXPECT_EQ(dispi(4), 0x40);
    EXPECT_EQ(picture().width, 640u);
}

TEST_F(DispiTest, OffsetsStayWithinTheVirtualScreen) {
    dispi_mode(640, 480, 8);
    dispi(6, 1024);
    EXPECT_EQ(dispi(6), 1024);
    EXPECT_EQ(dispi(7), 4096);
    dispi(8, 384);
    EXPECT_EQ(dispi(8), 384);
    dispi(8, 385);
    EXPECT_EQ(dispi(8), 384);
    dispi(9, 4096 - 480);
    EXPECT_EQ(dispi(9), 4096 - 480);
    dispi(9, 4096 - 479);
    EXPECT_EQ(dispi(9), 4096 - 480);
    dispi(6, 639);
    EXPECT_EQ(dispi(6), 1024);
}

TEST_F(DispiTest, EnablingClearsUnlessToldNotTo) {
    fill();
    const u32 first = byte(0);
    const u32 beyond = byte(320 * 200);
    ASSERT_NE(first, 0u);
    dispi_mode(320, 200, 8, 0xc1);
    EXPECT_EQ(byte(0), first);
    dispi_mode(320, 200, 8, 0x41);
    EXPECT_EQ(std::accumulate(vga->memory().bytes(), vga->memory().bytes() + 64000, 0), 0);
    EXPECT_EQ(byte(320 * 200), beyond);
}

TEST_F(DispiTest, EveryDepthShowsItsPixels) {
    load_test_palette();
    const auto five = [](u32 v) { return (v & 31) << 3 | (v & 31) >> 2; };
    const auto six = [](u32 v) { return (v & 63) << 2 | (v & 63) >> 4; };
    for (const u16 bpp : {8, 15, 16, 24, 32}) {
        dispi_mode(800, 600, bpp);
        fill();
        dispi(6, 856);
        dispi(8, 13);
        dispi(9, 21);
        const u32 bytes = (bpp + 7u) / 8;
        const Frame frame = picture();
        ASSERT_EQ(frame.width, 800u);
        ASSERT_EQ(frame.height, 600u);
        EXPECT_EQ(frame.pixel_aspect, 1000u);
        for (u32 y = 0; y < 600; y += 3)
            for (u32 x = 0; x < 800; x++) {
                const u64 at = (u64{21 + y} * 856 + 13 + x) * bytes;
                u32 value = 0;
                for (u32 i = 0; i < bytes; i++) value |= byte(at + i) << 8 * i;
                u32 expected = value & 0xffffff;
                if (bpp == 8) expected = test_colour(value);
                if (bpp == 15) expected = five(value >> 10) << 16 | five(value >> 5) << 8 | five(value);
                if (bpp == 16) expected = five(value >> 11) << 16 | six(value >> 5) << 8 | five(value);
                ASSERT_EQ(pixel(frame, x, y), expected) << bpp << " bits, " << x << ", " << y;
            }
    }
}

TEST_F(DispiTest, BigEndianPixelsAreTurnedRound) {
    dispi_mode(640, 480, 32);
    map.write(GuestPhys(0xa0000), 4, 0x44332211);
    EXPECT_EQ(pixel(picture(), 0, 0), 0x332211u);
    vga->set_big_endian(true);
    EXPECT_EQ(pixel(picture(), 0, 0), 0x223344u);
    dispi_mode(640, 480, 16);
    map.write(GuestPhys(0xa0000), 2, 0x00f8);
    EXPECT_EQ(pixel(picture(), 0, 0), 0xff0000u);
}

TEST_F(DispiTest, FourBitModesUsePlanesAndBanks) {
    set_mode(kMode12);
    load_test_palette();
    dispi_mode(1024, 768, 4);
    indexed(0x3c4, 2, 0x05);
    dispi(5, 1);
    map.write(GuestPhys(0xa0000 + 10), 1, 0x80);
    const u32 dot = (0x10000 + 10) * 8;
    const Frame frame = picture();
    EXPECT_EQ(frame.width, 1024u);
    EXPECT_EQ(pixel(frame, dot % 1024, dot / 1024), test_colour(kMode12.attribute[5]));
    EXPECT_EQ(pixel(frame, dot % 1024 + 1, dot / 1024), test_colour(0));
    EXPECT_EQ(dispi(7), 8192);
}

TEST_F(DispiTest, EightBitDacHasAllShades) {
    dispi_mode(640, 480, 8, 0x61);
    out(0x3c8, 7);
    for (const u32 component : {0x12, 0x34, 0xfe}) out(0x3c9, component);
    map.write(GuestPhys(0xa0000), 1, 7);
    EXPECT_EQ(pixel(picture(), 0, 0), 0x1234feu);
    out(0x3c7, 7);
    EXPECT_EQ(in(0x3c9), 0x12);
    dispi(4, 0x41);  // six bits again: the upper ones remain
    out(0x3c7, 7);
    EXPECT_EQ(in(0x3c9), 0x04);
    EXPECT_EQ(pixel(picture(), 0, 0), 0x1034ffu);
}

TEST_F(DispiTest, BankWindowMovesOverTheMemoryDirectOrNot) {
    dispi_mode(640, 480, 32, 0x01);
    for (const u16 bank : {0, 3, 18, 63}) {
        dispi(5, bank);
        for (u32 i = 0; i < 600; i++) {
            map.write(GuestPhys(0xa0000 + i * 8), 8, u64{bank} << 32 | i);
            ASSERT_EQ(map.read(GuestPhys(0xa0000 + i * 8), 8), u64{bank} << 32 | i);
            ASSERT_EQ(byte(u64{bank} * 0x10000 + i * 8), i & 0xff);
        }
        EXPECT_TRUE(map.page(GuestPhys(0xa0000)).ram);
        EXPECT_FALSE(map.page(GuestPhys(0xb0000)).ram);
    }
    dispi(5, 64);  // there is none
    EXPECT_EQ(dispi(5), 63);
    dispi(4, 0);
    EXPECT_FALSE(map.page(GuestPhys(0xa0000)).ram);
}

TEST_F(DispiTest, BlankWhileThePaletteIsTheProcessors) {
    dispi_mode(640, 480, 32);
    map.write(GuestPhys(0xa0000), 4, 0xffffff);
    in(0x3da);
    out(0x3c0, 0x00);
    EXPECT_EQ(pixel(picture(), 0, 0), 0u);
    out(0x3c0, 0x20);
    in(0x3da);
    out(0x3c0, 0x20);
    EXPECT_EQ(pixel(picture(), 0, 0), 0xffffffu);
}

struct VgaPciTest : DispiTest {
    PciBus pci;
    std::vector<u8> rom = [] {
        std::vector<u8> bytes(0x3000, 0x5a);
        bytes[0] = 0x55;
        return bytes;
    }();
    std::unique_ptr<VgaPci> function = std::move(*VgaPci::create(pci, *vga, rom, log));

    u32 config(u8 offset) { return pci.config_read(0, 2, 0, offset, 4); }
    void config(u8 offset, u32 value) { pci.config_write(0, 2, 0, offset, 4, value); }
    void place() {
        config(0x10, 0xe0000000);
        config(0x18, 0xe1000000);
        config(0x04, 2);
    }
    u64 reg(u32 offset, unsigned size) { return map.read(GuestPhys(0xe1000000 + offset), size); }
    void reg(u32 offset, unsigned size, u64 value) { map.write(GuestPhys(0xe1000000 + offset), size, value); }
};

TEST_F(VgaPciTest, SaysWhatItIsAndHowMuchItNeeds) {
    EXPECT_EQ(config(0x00), 0x11111234u);
    EXPECT_EQ(config(0x08), 0x03000002u);
    EXPECT_EQ(config(0x2c), 0x11001af4u);
    for (const u8 bar : {0x10, 0x14, 0x18, 0x30}) config(bar, 0xffffffff);
    EXPECT_EQ(config(0x10), 0xffc00008u);  // 4 MiB, prefetchable
    EXPECT_EQ(config(0x14), 0u);
    EXPECT_EQ(config(0x18), 0xfffff000u);
    EXPECT_EQ(config(0x30), 0xffffc001u);  // 16 KiB hold 12
}

TEST_F(VgaPciTest, FramebufferIsMemoryWhoseChangesAreSeen) {
    place();
    dispi_mode(800, 600, 32);
    const PhysicalMap::Page page = map.page(GuestPhys(0xe0000000 + 800 * 4 * 17));
    ASSERT_TRUE(page.ram);
    EXPECT_EQ(page.host, vga->memory().bytes() + (800 * 4 * 17 & kPageMask));
    Frame frame;
    vga->render(frame);
    const u64 idle = vga->generation();
    EXPECT_FALSE(vga->changed_since(idle));
    map.write(GuestPhys(0xe0000000 + (800 * 17 + 5) * 4), 4, 0xabcdef);
    EXPECT_TRUE(vga->changed_since(idle));
    EXPECT_TRUE(vga->render(frame));
    EXPECT_EQ(frame.first_changed, 17u);
    EXPECT_EQ(frame.end_changed, 18u);
    EXPECT_EQ(pixel(frame, 5, 17), 0xabcdefu);
    EXPECT_EQ(frame, picture());
    config(0x04, 0);
    EXPECT_EQ(map.page(GuestPhys(0xe0000000)).host, nullptr);
}

TEST_F(VgaPciTest, RegisterWindowReachesDispiPortsAndByteOrder) {
    place();
    EXPECT_EQ(reg(0x500, 2), 0xb0c5u);
    reg(0x502, 2, 720);
    EXPECT_EQ(dispi(1), 720);
    EXPECT_EQ(reg(0x502, 4), 720u | u32{dispi(2)} << 16);
    EXPECT_EQ(reg(0x503, 1), 720u >> 8);
    reg(0x402, 1, 0x67);  // 3C2, miscellaneous output
    EXPECT_EQ(reg(0x40c, 1), 0x67u);
    EXPECT_EQ(in(0x3cc), 0x67);
    reg(0x414, 2, 0x550f);  // 3D4: index 0F, data 55
    EXPECT_EQ(read_indexed(0x3d4, 0x0f), 0x55);
    EXPECT_EQ(reg(0x600, 4), 8u);
    EXPECT_EQ(reg(0x604, 4), 0x1e1e1e1eu);
    reg(0x604, 4, 0xbebebebe);
    EXPECT_EQ(reg(0x604, 4), 0xbebebebeu);
    EXPECT_TRUE(vga->state().dispi.big_endian);
    EXPECT_EQ(reg(0x608, 4), 0u);
}

TEST_F(VgaPciTest, EdidPrefers1024By768) {
    place();
    u32 sum = 0;
    for (u32 i = 0; i < 128; i++) sum += static_cast<u32>(reg(i, 1));
    EXPECT_EQ(sum & 0xff, 0u);
    EXPECT_EQ(reg(0, 8), 0x00ffffffffffff00u);
    EXPECT_EQ(reg(54, 2), 6500u);  // 65 MHz
    EXPECT_EQ(reg(56, 1) | (reg(58, 1) & 0xf0) << 4, 1024u);
    EXPECT_EQ(reg(59, 1) | (reg(61, 1) & 0xf0) << 4, 768u);
}

TEST_F(VgaPciTest, ExpansionRomShowsWhileEnabled) {
    config(0x04, 2);
    config(0x30, 0xe2000000);
    EXPECT_EQ(map.page(GuestPhys(0xe2000000)).host, nullptr);
    config(0x30, 0xe2000001);
    EXPECT_EQ(map.read(GuestPhys(0xe2000000), 2), 0x5a55u);
    EXPECT_EQ(map.read(GuestPhys(0xe2003000), 1), 0xffu);
    config(0x04, 0);
    EXPECT_EQ(map.page(GuestPhys(0xe2000000)).host, nullptr);
}

TEST_F(VgaPciTest, ExpansionRomCanShowWithoutMemorySpace) {
    function.reset();
    function = std::move(*VgaPci::create(pci, *vga, rom, log, true));
    config(0x30, 0xe2000000);
    EXPECT_EQ(map.page(GuestPhys(0xe2000000)).host, nullptr);
    config(0x30, 0xe2000001);
    EXPECT_EQ(map.read(GuestPhys(0xe2000000), 2), 0x5a55u);
    config(0x30, 0xfffff801);
    EXPECT_EQ(map.page(GuestPhys(0xe2000000)).host, nullptr) << "asked for its size";
}

TEST_F(VgaPciTest, SnapshotKeepsPlacesAndRegisters) {
    Scheduler scheduler(clock);
    place();
    dispi_mode(640, 480, 16);
    StatePart* const parts[] = {vga, function.get()};
    expect_snapshot_round_trip(scheduler, parts, [&] {
        config(0x10, 0xe8000000);
        reg(0x504, 2, 400);
        dispi(5, 4);
        for (u32 i = 0; i < 400; i++) map.write(GuestPhys(0xa0000 + i), 1, i & 0xff);
    });
    EXPECT_TRUE(map.page(GuestPhys(0xe8000000)).ram);
}

}  // namespace
}  // namespace gnomon
