// PNG files decoded again with nothing but zlib, and text files.
#include "gui/screenshot.h"

#include <gtest/gtest.h>
#include <zlib.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace gnomon {
namespace {

u32 u32_at(const std::vector<u8>& bytes, size_t at) {
    return u32{bytes[at]} << 24 | u32{bytes[at + 1]} << 16 | u32{bytes[at + 2]} << 8 | bytes[at + 3];
}

struct Chunk {
    std::string type;
    std::vector<u8> data;
};

std::vector<Chunk> chunks_of(const std::vector<u8>& png) {
    const std::vector<u8> signature = {0x89, 'P', 'N', 'G', 0x0d, 0x0a, 0x1a, 0x0a};
    EXPECT_TRUE(std::equal(signature.begin(), signature.end(), png.begin()));
    std::vector<Chunk> chunks;
    size_t at = 8;
    while (at + 12 <= png.size()) {
        const u32 length = u32_at(png, at);
        const u8* type = &png[at + 4];
        EXPECT_EQ(crc32(0, type, length + 4), u32_at(png, at + 8 + length));
        chunks.push_back({std::string(type, type + 4), std::vector<u8>(type + 4, type + 4 + length)});
        at += 12 + length;
    }
    EXPECT_EQ(at, png.size());
    return chunks;
}

TEST(Screenshot, PngDecodesToTheSamePixels) {
    Frame frame;
    frame.resize(37, 19);
    for (u32 i = 0; i < frame.pixels.size(); i++) frame.pixels[i] = i * 2654435761u & 0xffffff;
    const std::vector<Chunk> chunks = chunks_of(encode_png(frame));
    ASSERT_EQ(chunks.size(), 4u);
    EXPECT_EQ(chunks[0].type, "IHDR");
    EXPECT_EQ(chunks[0].data, (std::vector<u8>{0, 0, 0, 37, 0, 0, 0, 19, 8, 2, 0, 0, 0}));
    EXPECT_EQ(chunks[2].type, "IDAT");
    EXPECT_EQ(chunks[3].type, "IEND");
    std::vector<u8> raw(19 * (37 * 3 + 1));
    uLongf size = raw.size();
    ASSERT_EQ(uncompress(raw.data(), &size, chunks[2].data.data(), chunks[2].data.size()), Z_OK);
    ASSERT_EQ(size, raw.size());
    for (u32 y = 0; y < 19; y++) {
        EXPECT_EQ(raw[y * 112], 0);
        for (u32 x = 0; x < 37; x++) {
            const u8* rgb = &raw[y * 112 + 1 + x * 3];
            ASSERT_EQ(u32{rgb[0]} << 16 | u32{rgb[1]} << 8 | rgb[2], frame.pixels[y * 37 + x]);
        }
    }
}

TEST(Screenshot, PixelShapeIsDeclared) {
    Frame frame;
    frame.resize(720, 400);
    const std::vector<u8> text_mode = encode_png(frame);
    const Chunk phys = chunks_of(text_mode)[1];
    EXPECT_EQ(phys.type, "pHYs");
    EXPECT_EQ(u32_at(phys.data, 0), 2160u);  // 2160 : 1600 pixels to the unit: 720 to 400 fill 4:3
    EXPECT_EQ(u32_at(phys.data, 4), 1600u);
    frame.pixel_aspect = 1000;
    const Chunk square = chunks_of(encode_png(frame))[1];
    EXPECT_EQ(u32_at(square.data, 0), u32_at(square.data, 4));
}

TEST(Screenshot, FilesAreWrittenAndFailuresNamed) {
    const std::string folder =
        std::filesystem::temp_directory_path() / fmt::format("gnomon_screenshot_{}", ::getpid());
    std::filesystem::create_directory(folder);
    TextScreen screen;
    screen.columns = 4;
    screen.rows = 2;
    screen.cells.resize(8);
    screen.cells[0].character = 0xc9;
    screen.cells[5].character = 'x';
    ASSERT_TRUE(write_screen_text(folder + "/text", screen).ok());
    std::stringstream text;
    text << std::ifstream(folder + "/text").rdbuf();
    EXPECT_EQ(text.str(), "╔\n x\n");
    Frame frame;
    frame.resize(2, 2);
    ASSERT_TRUE(write_png(folder + "/png", frame).ok());
    EXPECT_EQ(std::filesystem::file_size(folder + "/png"), encode_png(frame).size());
    EXPECT_EQ(write_png(folder + "/no/png", frame).error().message,
              folder + "/no/png: No such file or directory");
    if (std::filesystem::exists("/dev/full")) {
        EXPECT_EQ(write_png("/dev/full", frame).error().message, "/dev/full: No space left on device");
    }
    std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace gnomon
