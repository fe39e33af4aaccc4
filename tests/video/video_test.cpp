// The pictures that video_modes.asm draws, each compared dot by dot with one worked out here. Firmware, video
// BIOS, adapter and processor together.
#include <gtest/gtest.h>

#include "machine/run_loop.h"
#include "machine/scratch_file.h"

namespace gnomon {
namespace {

std::vector<u8> read_program() {
    std::ifstream file(GNOMON_VIDEO_MODES, std::ios::binary);
    std::vector<u8> image((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
    image.resize(1474560);
    return image;
}

/// The colours of the CGA, which the BIOS loads for modes of up to 16 colours.
constexpr std::array<u32, 16> kColours = {0x000000, 0x0000aa, 0x00aa00, 0x00aaaa, 0xaa0000, 0xaa00aa,
                                          0xaa5500, 0xaaaaaa, 0x555555, 0x5555ff, 0x55ff55, 0x55ffff,
                                          0xff5555, 0xff55ff, 0xffff55, 0xffffff};

u32 wide6(u32 six) { return (six & 63) << 2 | (six & 63) >> 4; }
u32 wide5(u32 five) { return (five & 31) << 3 | (five & 31) >> 2; }
u32 test_colour(u32 index) { return wide6(index) << 16 | wide6(2 * index) << 8 | wide6(63 - (index & 63)); }
/// What window_byte of the program puts at an offset of the video memory.
u32 window_byte(u32 offset) { return ((offset & 0xff) ^ (offset >> 8 & 0xff)) + 29 * (offset >> 16) & 0xff; }

struct VideoMachine {
    ScratchFile disk{read_program()};
    std::unique_ptr<Machine> machine;

    VideoMachine() {
        Config config;
        config.floppy[0].file = disk.path();
        config.floppy[0].readonly = true;
        config.boot.order = "a";
        config.memory.size = u64{16} << 20;
        config.debug.exit_port = 0xf4;
        HostEnvironment host;
        host.log = [](LogLevel, std::string_view, std::string_view) {};
        Result<std::unique_ptr<Machine>> made = Machine::create(config, std::move(host));
        EXPECT_TRUE(made.ok()) << (made ? "" : made.error().message);
        if (made) machine = std::move(*made);
    }
    /// Until the program has written to the exit port.
    int run() {
        machine->resume();
        RunOptions options;
        options.max_instructions = 2'000'000'000;
        return RunLoop(*machine, options).run().status;
    }
};

/// One picture after the other, in the order of the program.
class Pictures {
  public:
    explicit Pictures(VideoMachine& video) : video_(video) {}

    /// Goes on to a picture and has it drawn, in a frame of its own and over the one before: both must agree.
    [[nodiscard]] bool next(unsigned number, u32 width, u32 height) {
        const int status = video_.run();
        Vga& vga = video_.machine->vga();
        EXPECT_EQ(status, static_cast<int>(number << 1 | 1)) << "picture " << number;
        vga.render(kept_);
        frame_ = Frame{};
        vga.render(frame_);
        EXPECT_EQ(kept_, frame_) << "picture " << number << " drawn over the one before";
        EXPECT_EQ(frame_.width, width) << "picture " << number;
        EXPECT_EQ(frame_.height, height) << "picture " << number;
        return status == static_cast<int>(number << 1 | 1) && frame_.width == width &&
               frame_.height == height;
    }
    /// Every dot is what `expected(x, y)` says; the first that is not is reported.
    template<class F>
    void expect(unsigned number, F expected) const {
        for (u32 y = 0; y < frame_.height; y++)
            for (u32 x = 0; x < frame_.width; x++) {
                const u32 is = frame_.pixels[size_t{y} * frame_.width + x];
                const u32 should = expected(x, y);
                if (is == should) continue;
                ADD_FAILURE() << fmt::format("picture {:#x}: {:06x} instead of {:06x} at {}, {}", number, is,
                                             should, x, y);
                return;
            }
    }

  private:
    VideoMachine& video_;
    Frame frame_;
    Frame kept_;
};

void check_text(Pictures& pictures, Machine& machine, unsigned mode, bool two_fonts = false) {
    static constexpr u8 kAttributes[8] = {0x07, 0x1e, 0x2f, 0x34, 0x4b, 0x50, 0x69, 0x78};
    static constexpr u8 kMono[8] = {0x07, 0x0f, 0x70, 0x07, 0x0f, 0x70, 0x07, 0x0f};
    const unsigned number = two_fonts ? 0x66 : mode;
    if (!pictures.next(number, 720, 400)) return;
    const VideoMemory& memory = machine.vga().memory();
    // A capital A of the ROM's font in the block that the BIOS loads.
    u32 lines_of_a = 0;
    for (u32 y = 0; y < 16; y++) lines_of_a += memory.plane_byte('A' * 32 + y, 2) != 0;
    EXPECT_GE(lines_of_a, 9u);
    const u32 columns = mode < 2 ? 40 : 80;
    const u32 dot_width = mode < 2 ? 2 : 1;
    pictures.expect(number, [&](u32 x, u32 y) {
        const u32 dot = x / dot_width;
        const u32 cell = y / 16 * columns + dot / 9;
        const u32 character = cell & 0xff;
        u8 attribute = mode == 7 ? kMono[cell % 8] : kAttributes[cell % 8];
        u32 line = y % 16;
        if (two_fonts) {
            attribute = cell & 1 ? 0x0a : 0x07;
            if (cell & 1) line = 15 - line;
        }
        const u8 bits = memory.plane_byte(character * 32 + line, 2);
        const u32 column = dot % 9;
        const bool set =
            column < 8 ? bits >> (7 - column) & 1 : character >= 0xc0 && character < 0xe0 && (bits & 1);
        if (mode == 7) {
            if (attribute == 0x70) return set ? 0x000000u : 0xaaaaaau;
            return set ? (attribute == 0x0f ? 0xffffffu : 0xaaaaaau) : 0x000000u;
        }
        return kColours[set ? attribute & 15 : attribute >> 4];
    });
}

void check_graphics(Pictures& pictures, unsigned mode, u32 width, u32 height, std::vector<u32> colours) {
    const u32 frame_height = height == 200 ? 400 : height;
    if (!pictures.next(mode, 640, frame_height)) return;
    const u32 columns = (width + 6) / 7;
    pictures.expect(mode, [&](u32 x, u32 y) {
        const u32 column = x * width / 640;
        const u32 row = y * height / frame_height;
        if (column % 7 != 0 || row % 5 != 0) return 0u;
        return colours[(row / 5 * columns + column / 7 + 1) & (colours.size() - 1)];
    });
}

void check_window(Pictures& pictures, unsigned number, u32 width, u32 height, u32 bpp) {
    if (!pictures.next(number, width, height)) return;
    pictures.expect(number, [&](u32 x, u32 y) {
        const u32 bytes = (bpp + 7) / 8;
        const u32 at = (y * width + x) * bytes;
        u32 value = 0;
        for (u32 i = 0; i < bytes; i++) value |= window_byte(at + i) << 8 * i;
        switch (bpp) {
            case 8: return test_colour(value);
            case 15: return wide5(value >> 10) << 16 | wide5(value >> 5) << 8 | wide5(value);
            case 16: return wide5(value >> 11) << 16 | wide6(value >> 5) << 8 | wide5(value);
            default: return value & 0xffffff;
        }
    });
}

TEST(Video, EveryModeShowsWhatAProgramDraws) {
    VideoMachine video;
    ASSERT_TRUE(video.machine);
    Machine& machine = *video.machine;
    Pictures pictures(video);
    for (const unsigned mode : {0u, 1u, 2u, 3u, 7u}) check_text(pictures, machine, mode);

    const std::vector<u32> sixteen(kColours.begin(), kColours.end());
    const std::vector<u32> cga = {0x000000, 0x55ffff, 0xff55ff, 0xffffff};
    check_graphics(pictures, 0x04, 320, 200, cga);
    check_graphics(pictures, 0x05, 320, 200, cga);
    check_graphics(pictures, 0x06, 640, 200, {0x000000, 0xffffff});
    check_graphics(pictures, 0x0d, 320, 200, sixteen);
    check_graphics(pictures, 0x0e, 640, 200, sixteen);
    check_graphics(pictures, 0x0f, 640, 350, {0x000000, 0xaaaaaa});
    check_graphics(pictures, 0x10, 640, 350, sixteen);
    check_graphics(pictures, 0x11, 640, 480, {0x000000, 0xffffff});
    check_graphics(pictures, 0x12, 640, 480, sixteen);
    check_graphics(pictures, 0x13, 320, 200, sixteen);

    check_window(pictures, 0x40, 640, 400, 8);
    check_window(pictures, 0x41, 800, 600, 8);
    check_window(pictures, 0x42, 640, 480, 15);
    check_window(pictures, 0x43, 640, 480, 16);
    check_window(pictures, 0x44, 640, 480, 24);
    check_window(pictures, 0x45, 640, 480, 32);
    if (pictures.next(0x60, 640, 480))
        pictures.expect(0x60, [](u32 x, u32 y) { return test_colour(window_byte((y + 10) * 800 + x + 32)); });
    if (pictures.next(0x61, 1024, 768))
        pictures.expect(0x61, [](u32 x, u32 y) {
            const u32 at = y * 128 + x / 8;
            u32 colour = 0;
            for (u32 plane = 0; plane < 4; plane++)
                colour |= ((window_byte(at) + (1 << plane)) >> (7 - x % 8) & 1) << plane;
            return kColours[colour];
        });
    if (pictures.next(0x62, 1024, 768))
        pictures.expect(0x62, [](u32 x, u32 y) { return (y * 1024 + x) * 0x010305 & 0xffffff; });
    if (pictures.next(0x63, 1024, 768))
        pictures.expect(0x63, [](u32 x, u32 y) {
            const u32 value = (y * 1024 + x) * 7 & 0xffff;
            return wide5(value >> 11) << 16 | wide6(value >> 5) << 8 | wide5(value);
        });

    const auto mode_x = [](u32 address, u32 plane) {
        return test_colour((address + (address >> 8) + plane * 64) & 0xff);
    };
    if (pictures.next(0x64, 640, 480))
        pictures.expect(0x64, [&](u32 x, u32 y) {
            const u32 column = x / 2;
            return mode_x(80 * 240 + y / 2 * 80 + column / 4, column % 4);
        });
    if (pictures.next(0x65, 640, 480))
        pictures.expect(0x65, [&](u32 x, u32 y) {
            const u32 column = x / 2 + (y <= 300 ? 3 : 0);
            const u32 row = y <= 300 ? y / 2 : (y - 301) / 2;
            return mode_x((y <= 300 ? 80 * 240 : 0) + row * 80 + column / 4, column % 4);
        });
    check_text(pictures, machine, 3, true);
}

}  // namespace
}  // namespace gnomon
