// WAV files byte by byte.
#include "devices/sound/wav_file.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <vector>

namespace gnomon {
namespace {

struct TemporaryPath {
    std::string path =
        (std::filesystem::temp_directory_path() / fmt::format("gnomon-wav-{}", getpid())).string();
    ~TemporaryPath() { std::filesystem::remove(path); }
    [[nodiscard]] std::vector<u8> bytes() const {
        std::ifstream file(path, std::ios::binary);
        return {(std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>()};
    }
};

TEST(WavFile, HasTheHeaderOfSixteenBitStereoAndItsFramesInLittleEndian) {
    const TemporaryPath temporary;
    {
        Result<std::unique_ptr<WavFile>> wav = WavFile::create(temporary.path, 48'000);
        ASSERT_TRUE(wav.ok());
        const StereoFrame frames[] = {{1, -2}, {0x1234, -32768}};
        (*wav)->play(frames);
    }
    const std::vector<u8> expected{'R', 'I', 'F', 'F',  44,   0, 0, 0,    'W',  'A',  'V',  'E',  'f',
                                   'm', 't', ' ', 16,   0,    0, 0, 1,    0,    2,    0,    0x80, 0xbb,
                                   0,   0,   0,   0xee, 0x02, 0, 4, 0,    16,   0,    'd',  'a',  't',
                                   'a', 8,   0,   0,    0,    1, 0, 0xfe, 0xff, 0x34, 0x12, 0,    0x80};
    EXPECT_EQ(temporary.bytes(), expected);
}

TEST(WavFile, IsWholeAfterEachSecondThoughItIsStillOpen) {
    const TemporaryPath temporary;
    Result<std::unique_ptr<WavFile>> wav = WavFile::create(temporary.path, 8'000);
    ASSERT_TRUE(wav.ok());
    (*wav)->play(std::vector<StereoFrame>(8'000));
    const std::vector<u8> bytes = temporary.bytes();
    ASSERT_EQ(bytes.size(), 44u + 32'000);
    EXPECT_EQ(bytes[40] | bytes[41] << 8 | bytes[42] << 16, 32'000);
}

TEST(WavFile, ThatCannotBeMadeIsAnErrorWithItsName) {
    Result<std::unique_ptr<WavFile>> wav = WavFile::create("/no/such/folder/a.wav", 48'000);
    ASSERT_FALSE(wav.ok());
    EXPECT_EQ(wav.error().message, "/no/such/folder/a.wav: No such file or directory");
}

}  // namespace
}  // namespace gnomon
