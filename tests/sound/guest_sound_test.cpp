// Guest programs play, a WAV file is written, and the file is judged: frequency, gaps, and that a second run
// gives the same bytes. Firmware, processor, devices, mixer and file together.
#include <gtest/gtest.h>

#include <cstring>

#include "devices/sound/pc_speaker.h"
#include "devices/sound/sound_probe.h"
#include "devices/sound/wav_file.h"
#include "machine/run_loop.h"
#include "machine/scratch_file.h"

namespace gnomon {
namespace {

constexpr u32 kRate = 48'000;

std::vector<u8> read_bytes(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return {(std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>()};
}

struct Played {
    int status = -1;
    std::vector<u8> wav;

    /// The frames in the WAV file; also checks its header.
    [[nodiscard]] std::vector<StereoFrame> frames() const {
        EXPECT_GT(wav.size(), 44u);
        u32 data = 0;
        std::memcpy(&data, &wav[40], 4);
        EXPECT_EQ(std::string(wav.begin(), wav.begin() + 4), "RIFF");
        EXPECT_EQ(data + 44, wav.size());
        std::vector<StereoFrame> frames(data / 4);
        std::memcpy(frames.data(), &wav[44], frames.size() * 4);
        return frames;
    }
};

Played play(const std::string& program, Config config = {}, bool listen = true) {
    std::vector<u8> image = read_bytes(std::string(GNOMON_SOUND_PROGRAMS "/") + program + ".bin");
    EXPECT_GT(image.size(), 512u);
    image.resize(1474560);
    const ScratchFile disk(image);
    const ScratchFile wav({});
    config.floppy[0].file = disk.path();
    config.floppy[0].readonly = true;
    config.boot.order = "a";
    config.memory.size = u64{16} << 20;
    config.clock.ips = 20'000'000;
    config.debug.exit_port = 0xf4;
    Played played;
    {
        HostEnvironment host;
        host.log = [](LogLevel, std::string_view, std::string_view) {};
        Result<std::unique_ptr<WavFile>> file = WavFile::create(wav.path(), kRate);
        EXPECT_TRUE(file.ok());
        if (listen) host.audio = std::move(*file);
        Result<std::unique_ptr<Machine>> made = Machine::create(config, std::move(host));
        EXPECT_TRUE(made.ok()) << (made ? "" : made.error().message);
        if (!made) return played;
        RunOptions options;
        options.max_instructions = 2'000'000'000;
        played.status = RunLoop(**made, options).run().status;
        (*made)->sound().flush();
    }
    played.wav = read_bytes(wav.path());
    return played;
}

int play_silently(const std::string& program) { return play(program, {}, false).status; }

using Side = i16 StereoFrame::*;
constexpr Side kLeft = &StereoFrame::left;
constexpr Side kRight = &StereoFrame::right;

struct Span {
    size_t first = 0, last = 0;
};
/// From the first to the last loud frame of each part that has no pause of a tenth of a second.
std::vector<Span> sounding(const std::vector<StereoFrame>& frames, int loud, Side side = kLeft) {
    std::vector<Span> spans;
    for (size_t i = 0; i < frames.size(); i++) {
        if (std::abs(int{frames[i].*side}) <= loud) continue;
        if (spans.empty() || i - spans.back().last > kRate / 10) spans.push_back({i, i});
        spans.back().last = i;
    }
    return spans;
}

/// One tone without a gap, of `hertz` and `seconds`. The margins at both ends are where the coupling
/// capacitor and the envelope settle.
void expect_tone(const std::vector<StereoFrame>& frames, const Span& span, double hertz, double seconds,
                 double loud, Side side = kLeft) {
    EXPECT_NEAR((span.last - span.first) / double{kRate}, seconds, 0.06);
    const Tone tone = measure_tone(frames, kRate, span.first + kRate / 20, span.last - kRate / 20, side);
    EXPECT_NEAR(tone.hertz, hertz, hertz * 0.001);
    EXPECT_LT(tone.jitter, 0.03) << "a gap or a click";
    EXPECT_GT(tone.rms, loud / 2);
}

TEST(GuestSound, ThePcSpeakerPlaysItsFrequencyWithoutAGap) {
    const Played played = play("speaker");
    EXPECT_EQ(played.status, 1);
    const std::vector<StereoFrame> frames = played.frames();
    const std::vector<Span> spans = sounding(frames, PcSpeaker::kLevel / 4);
    ASSERT_EQ(spans.size(), 1u);
    expect_tone(frames, spans[0], 1193182.0 / 1356, 18 * 65536 / 1193182.0, PcSpeaker::kLevel / 2);
}

TEST(GuestSound, TheSoundBlasterPlaysAutoInitialisedSingleCycleAndSixteenBitStereoTones) {
    const Played played = play("sb16");
    ASSERT_EQ(played.status, 1);
    const std::vector<StereoFrame> frames = played.frames();
    const std::vector<Span> left = sounding(frames, 8'000, kLeft);
    const std::vector<Span> right = sounding(frames, 8'000, kRight);
    ASSERT_EQ(left.size(), 3u);
    ASSERT_EQ(right.size(), 3u);
    const double rate8 = 1e6 / 45;
    for (const unsigned tone : {0u, 1u})
        for (const Side side : {kLeft, kRight})
            expect_tone(frames, left[tone], rate8 / 25, 20'000 / rate8, 14'000, side);
    expect_tone(frames, left[2], 882, 40'000 / 44'100.0, 8'000, kLeft);
    expect_tone(frames, right[2], 441, 40'000 / 44'100.0, 8'000, kRight);
}

TEST(GuestSound, TheOpl3PlaysItsNotes) {
    const Played played = play("opl3");
    ASSERT_EQ(played.status, 1);
    const std::vector<StereoFrame> frames = played.frames();
    const std::vector<Span> left = sounding(frames, 1'500, kLeft);
    const std::vector<Span> right = sounding(frames, 1'500, kRight);
    ASSERT_EQ(left.size(), 1u);
    ASSERT_EQ(right.size(), 2u);
    const double seconds = 18 * 65536 / 1193182.0;
    const double sample_rate = 14'318'180 / 288.0;
    expect_tone(frames, left[0], 580 * sample_rate / 65536, seconds, 1'500, kLeft);
    expect_tone(frames, right[0], 580 * sample_rate / 65536, seconds, 1'500, kRight);
    expect_tone(frames, right[1], 580 * sample_rate / 32768, seconds, 1'500, kRight);
}

TEST(GuestSound, TheAc97ControllerPlaysThroughItsBufferList) {
    const Played played = play("ac97");
    ASSERT_EQ(played.status, 1);
    const std::vector<StereoFrame> frames = played.frames();
    const std::vector<Span> left = sounding(frames, 8'000, kLeft);
    const std::vector<Span> right = sounding(frames, 8'000, kRight);
    ASSERT_EQ(left.size(), 1u);
    ASSERT_EQ(right.size(), 1u);
    expect_tone(frames, left[0], 882, 40'000 / 44'100.0, 8'000, kLeft);
    expect_tone(frames, right[0], 441, 40'000 / 44'100.0, 8'000, kRight);
}

TEST(GuestSound, IsTheSameBytesOnEveryRun) {
    for (const char* program : {"speaker", "sb16", "opl3", "ac97"})
        EXPECT_EQ(play(program).wav, play(program).wav) << program;
}

TEST(GuestSound, ASpeakerThatIsSwitchedOffIsNotHeard) {
    Config config;
    config.sound.speaker = false;
    EXPECT_TRUE(sounding(play("speaker", config).frames(), 0).empty());
}

TEST(GuestSound, CardsWorkAlikeThoughNobodyListens) {
    for (const char* program : {"sb16", "opl3", "ac97"}) EXPECT_EQ(play_silently(program), 1) << program;
}

}  // namespace
}  // namespace gnomon
