// The Sound Blaster 16 with its DMA controller: commands, transfers to the sample, interrupts, mixer,
// MPU-401.
#include "devices/sound/sb16/sb16.h"

#include <gtest/gtest.h>

#include "devices/device_fuzz.h"
#include "devices/snapshot_check.h"
#include "devices/sound/sound_probe.h"
#include "devices/state_damage.h"

namespace gnomon {
namespace {

constexpr u16 kBase = 0x220;
constexpr u64 kSecond = 1'000'000'000;

struct Sb16Bench : DeviceBench {
    DmaMemory memory{0x40000};
    std::unique_ptr<IsaDma> dma = std::move(*IsaDma::create(ports, memory));
    SoundProbe probe{48'000};
    SoundMixer mixer;
    LineProbe irqs;  ///< pins 2, 5, 7, 10
    std::unique_ptr<Sb16> card;

    explicit Sb16Bench(Sb16::Config config = {}, bool listen = true)
        : mixer(scheduler, listen ? &probe : nullptr) {
        Sb16::Wires wires;
        wires.irqs = {irqs.line(2), irqs.line(5), irqs.line(7), irqs.line(10)};
        wires.dma = dma.get();
        wires.mixer = &mixer;
        card = std::move(*Sb16::create(ports, scheduler, log, wires, config));
        out8(0xd6, 0xc0);  // cascade
        out8(0xd4, 0x00);
    }
    void dsp(std::initializer_list<u8> bytes) {
        for (const u8 byte : bytes) out8(kBase + 0xc, byte);
    }
    u8 answer() {
        EXPECT_EQ(in8(kBase + 0xe) & 0x80, 0x80) << "no answer";
        return in8(kBase + 0xa);
    }
    void mix(u8 index, u8 value) {
        out8(kBase + 4, index);
        out8(kBase + 5, value);
    }
    u8 mix(u8 index) {
        out8(kBase + 4, index);
        return in8(kBase + 5);
    }
    void reset_dsp() {
        out8(kBase + 6, 1);
        out8(kBase + 6, 0);
        EXPECT_EQ(answer(), 0xaa);
    }
    /// Programs and unmasks a channel; `count` in its own units. Mode 48h reads, 44h writes, 10h
    /// auto-initialises.
    void program(unsigned channel, u32 address, u32 count, u8 mode) {
        constexpr std::array<u8, 8> kPages = {0x87, 0x83, 0x81, 0x82, 0x8f, 0x8b, 0x89, 0x8a};
        const bool second = channel >= 4;
        const u16 base = second ? 0xc0 : 0, step = second ? 2 : 1;
        const u8 number = channel & 3;
        out8(static_cast<u16>(base + 10 * step), 4 | number);
        out8(static_cast<u16>(base + 12 * step), 0);
        out8(static_cast<u16>(base + 11 * step), mode | number);
        const u32 start = second ? address >> 1 : address;
        out8(static_cast<u16>(base + 2 * number * step), static_cast<u8>(start));
        out8(static_cast<u16>(base + 2 * number * step), static_cast<u8>(start >> 8));
        out8(kPages[channel], static_cast<u8>(address >> 16));
        out8(static_cast<u16>(base + (2 * number + 1) * step), static_cast<u8>(count - 1));
        out8(static_cast<u16>(base + (2 * number + 1) * step), static_cast<u8>((count - 1) >> 8));
        out8(static_cast<u16>(base + 10 * step), number);
    }
    /// How many units channel 1 has still to move.
    u32 dma1_left() {
        out8(0x0c, 0);
        const u32 low = in8(0x03);
        return (low | u32{in8(0x03)} << 8) + 1;
    }
};

TEST(Sb16Dsp, AnswersAfterAResetWithItsReadyByte) {
    Sb16Bench bench;
    EXPECT_EQ(bench.in8(kBase + 0xe) & 0x80, 0);
    bench.reset_dsp();
    EXPECT_EQ(bench.in8(kBase + 0xe) & 0x80, 0);
    EXPECT_EQ(bench.in8(kBase + 0xa), 0xaa) << "the last byte stays";
}

TEST(Sb16Dsp, IdentifiesItselfAsVersion405) {
    Sb16Bench bench;
    bench.dsp({0xe1});
    EXPECT_EQ(bench.answer(), 4);
    EXPECT_EQ(bench.answer(), 5);
    bench.dsp({0xe0, 0xc6});
    EXPECT_EQ(bench.answer(), 0x39);
    bench.dsp({0xe4, 0x12, 0xe8});
    EXPECT_EQ(bench.answer(), 0x12);
    bench.dsp({0xe3});
    std::string text;
    while (bench.in8(kBase + 0xe) & 0x80) text += static_cast<char>(bench.in8(kBase + 0xa));
    EXPECT_EQ(text, std::string("COPYRIGHT (C) CREATIVE TECHNOLOGY LTD, 1992.\0", 45));
    bench.dsp({0xd8});
    EXPECT_EQ(bench.answer(), 0x00);
    bench.dsp({0xd1, 0xd8});
    EXPECT_EQ(bench.answer(), 0xff);
    bench.dsp({0xd3, 0xd8});
    EXPECT_EQ(bench.answer(), 0x00);
}

TEST(Sb16Dsp, IdentifiesItselfByDmaWithBytesThatDependOnAllBefore) {
    Sb16Bench bench;
    bench.program(1, 0x1000, 16, 0x44);
    for (const u8 parameter : {0x00, 0x00, 0xff, 0x5a}) bench.dsp({0xe2, parameter});
    // Worked out by hand: the mask turns right by two bits each time, 96h, A5h, 69h, 5Ah.
    EXPECT_EQ(bench.memory.bytes[0x1000], 0x40);
    EXPECT_EQ(bench.memory.bytes[0x1001], 0xe5);
    EXPECT_EQ(bench.memory.bytes[0x1002], 0x7b);
    EXPECT_EQ(bench.memory.bytes[0x1003], 0x7b);
}

TEST(Sb16Dsp, TheDmaIdentificationWaitsForItsChannel) {
    Sb16Bench bench;
    bench.dsp({0xe2, 0x00});
    bench.program(1, 0x1000, 1, 0x44);
    EXPECT_EQ(bench.memory.bytes[0x1000], 0x40);
}

TEST(Sb16Dsp, UnknownCommandsAreIgnoredAndMentionedOnce) {
    Sb16Bench bench;
    bench.dsp({0x02, 0x03, 0xe4, 0x55, 0xe8});
    EXPECT_EQ(bench.answer(), 0x55);
}

TEST(Sb16Dsp, ASingleCycleTransferEndsWithItsInterruptExactlyOnTime) {
    Sb16Bench bench;
    bench.program(1, 0x2000, 1000, 0x48);
    bench.dsp({0x40, 156, 0x14, 0xe7, 0x03});  // 10 kHz, 1000 samples
    bench.advance(kSecond / 10 - 1);
    EXPECT_FALSE(bench.irqs.level(5));
    bench.advance(1);
    EXPECT_TRUE(bench.irqs.level(5));
    EXPECT_EQ(bench.mix(0x82), 0x01);
    bench.advance(kSecond);
    EXPECT_EQ(bench.irqs.rises[5], 1u);
    bench.in8(kBase + 0xe);
    EXPECT_FALSE(bench.irqs.level(5));
    EXPECT_EQ(bench.mix(0x82), 0x00);
}

TEST(Sb16Dsp, AnAccessSeesTheTransferAtItsOwnSample) {
    Sb16Bench bench;
    bench.program(1, 0x2000, 1000, 0x58);
    bench.dsp({0x40, 156, 0x48, 0xe7, 0x03, 0x1c});
    bench.advance(12'345'678);  // 123.45 samples
    bench.in8(kBase + 0xe);
    EXPECT_EQ(bench.dma1_left(), 1000u - 123);
    bench.advance(54'322);
    bench.in8(kBase + 0xe);
    EXPECT_EQ(bench.dma1_left(), 1000u - 124);
}

TEST(Sb16Dsp, AutoInitialisedBlocksFollowEachOtherUntilToldToStop) {
    Sb16Bench bench;
    bench.program(1, 0x2000, 200, 0x58);
    bench.dsp({0x41, 10'000 >> 8, 10'000 & 0xff, 0xc6, 0x00, 99, 0});  // mono, unsigned, 100 samples
    for (unsigned block = 1; block <= 5; block++) {
        bench.advance(10'000'000);
        EXPECT_EQ(bench.irqs.rises[5], block);
        bench.in8(kBase + 0xe);
    }
    bench.dsp({0xda});
    bench.advance(10'000'000);
    EXPECT_EQ(bench.irqs.rises[5], 6u);
    bench.in8(kBase + 0xe);
    bench.advance(kSecond);
    EXPECT_EQ(bench.irqs.rises[5], 6u);
}

TEST(Sb16Dsp, ContinueTakesTheEndOfAutoInitialisationBack) {
    Sb16Bench bench;
    bench.program(1, 0x2000, 200, 0x58);
    bench.dsp({0x40, 156, 0x48, 99, 0, 0x1c, 0xda, 0x45});
    bench.advance(10'000'000);
    bench.in8(kBase + 0xe);
    bench.advance(10'000'000);
    EXPECT_EQ(bench.irqs.rises[5], 2u);
}

TEST(Sb16Dsp, PausesWhereItIsAndGoesOnThere) {
    Sb16Bench bench;
    bench.program(1, 0x2000, 1000, 0x48);
    bench.dsp({0x40, 156, 0x14, 0xe7, 0x03});
    bench.advance(20'000'000);
    bench.dsp({0xd5});  // pauses 16 bits: nothing to do with this
    bench.advance(10'000'000);
    bench.dsp({0xd0});
    EXPECT_EQ(bench.dma1_left(), 700u);
    bench.advance(kSecond);
    bench.in8(kBase + 0xe);
    EXPECT_EQ(bench.dma1_left(), 700u);
    bench.dsp({0xd4});
    bench.advance(70'000'000 - 1);
    EXPECT_EQ(bench.irqs.rises[5], 0u);
    bench.advance(1);
    EXPECT_EQ(bench.irqs.rises[5], 1u);
}

TEST(Sb16Dsp, AMaskedChannelHoldsTheTransferUp) {
    Sb16Bench bench;
    bench.program(1, 0x2000, 100, 0x48);
    bench.out8(0x0a, 5);
    bench.dsp({0x40, 156, 0x14, 99, 0});
    bench.advance(kSecond);
    EXPECT_EQ(bench.irqs.rises[5], 0u);
    bench.out8(0x0a, 1);
    bench.advance(10'200'000);
    EXPECT_EQ(bench.irqs.rises[5], 1u);
}

TEST(Sb16Dsp, SixteenBitTransfersHaveTheirOwnChannelAndInterrupt) {
    Sb16Bench bench;
    bench.program(5, 0x10000, 200, 0x48);
    bench.dsp({0x41, 10'000 >> 8, 10'000 & 0xff, 0xb0, 0x30, 199, 0});  // stereo: 100 frames
    bench.advance(10'000'000);
    EXPECT_EQ(bench.mix(0x82), 0x02);
    bench.in8(kBase + 0xe);
    EXPECT_TRUE(bench.irqs.level(5)) << "acknowledged for 8 bits only";
    bench.in8(kBase + 0xf);
    EXPECT_FALSE(bench.irqs.level(5));
}

TEST(Sb16Dsp, SixteenBitSamplesTakeTheByteChannelWhereNoOtherIsSelected) {
    Sb16Bench bench({.dma16 = 1});
    EXPECT_EQ(bench.mix(0x81), 0x02);
    bench.program(1, 0x2000, 400, 0x48);
    bench.dsp({0x41, 10'000 >> 8, 10'000 & 0xff, 0xb0, 0x10, 199, 0});
    bench.advance(10'000'000);
    bench.in8(kBase + 0xe);
    EXPECT_EQ(bench.dma1_left(), 200u);
    bench.advance(10'000'000);
    EXPECT_EQ(bench.mix(0x82), 0x02);
}

TEST(Sb16Dsp, RecordsSilence) {
    Sb16Bench bench;
    bench.memory.bytes.assign(bench.memory.bytes.size(), 0x11);
    bench.program(1, 0x2000, 10, 0x44);
    bench.dsp({0x40, 156, 0x24, 9, 0});
    bench.advance(1'000'000);
    EXPECT_EQ(bench.irqs.rises[5], 1u);
    for (unsigned i = 0; i < 10; i++) EXPECT_EQ(bench.memory.bytes[0x2000 + i], 0x80);
    EXPECT_EQ(bench.memory.bytes[0x200a], 0x11);
    bench.program(5, 0x10000, 4, 0x44);
    bench.dsp({0xb8, 0x10, 3, 0});
    bench.advance(1'000'000);
    for (unsigned i = 0; i < 8; i++) EXPECT_EQ(bench.memory.bytes[0x10000 + i], 0x00);
    bench.dsp({0x20});
    EXPECT_EQ(bench.answer(), 0x80);
}

TEST(Sb16Dsp, RecordsBlockAfterBlock) {
    Sb16Bench bench;
    bench.memory.bytes.assign(bench.memory.bytes.size(), 0x11);
    bench.program(1, 0x2000, 20, 0x54);
    bench.dsp({0x40, 156, 0x48, 9, 0, 0x2c});  // blocks of 10 at 10 kHz
    for (unsigned block = 1; block <= 4; block++) {
        bench.advance(1'000'000);
        EXPECT_EQ(bench.irqs.rises[5], block);
        (void)bench.in8(kBase + 0xe);
    }
    for (unsigned i = 0; i < 20; i++) EXPECT_EQ(bench.memory.bytes[0x2000 + i], 0x80);
    EXPECT_EQ(bench.memory.bytes[0x2014], 0x11);
    bench.dsp({0xda});
    bench.advance(5'000'000);
    EXPECT_EQ(bench.irqs.rises[5], 5u);
    bench.program(5, 0x10000, 8, 0x54);
    bench.dsp({0x42, 0x27, 0x10, 0xbe, 0x20, 7, 0});  // 16 bits, stereo, unsigned, at 10 kHz
    bench.advance(400'000);
    for (unsigned i = 0; i < 16; i++) EXPECT_EQ(bench.memory.bytes[0x10000 + i], i & 1 ? 0x80 : 0x00);
}

// The order in which Linux's driver looks for the chip.
TEST(Sb16Dsp, ASignalProcessorIsLookedForInVain) {
    Sb16Bench bench;
    bench.dsp({0x05, 0x00, 0x00, 0x04, 0xfc, 0x0f, 0x83});
    const u8 before = bench.answer();
    const u8 turned = static_cast<u8>(~before);
    bench.dsp({0x0e, 0x83, turned, 0x0f, 0x83});
    EXPECT_NE(bench.answer(), turned);
    // What follows is understood as a command again.
    bench.dsp({0xf9, 0x0e});
    EXPECT_EQ(bench.answer(), 0xff);
    bench.dsp({0xfa, 0x0e, 0x00, 0xe4, 0x66, 0xe8});
    EXPECT_EQ(bench.answer(), 0x66);
}

TEST(Sb16Dsp, ASilentBlockTakesItsTimeAndNoData) {
    Sb16Bench bench;
    bench.dsp({0x40, 156, 0x80, 0xe7, 0x03});
    bench.advance(kSecond / 10 - 1);
    EXPECT_EQ(bench.irqs.rises[5], 0u);
    bench.advance(1);
    EXPECT_EQ(bench.irqs.rises[5], 1u);
}

TEST(Sb16Dsp, RaisesEitherInterruptOnCommand) {
    Sb16Bench bench;
    bench.dsp({0xf2});
    EXPECT_EQ(bench.mix(0x82), 1);
    bench.dsp({0xf3});
    EXPECT_EQ(bench.mix(0x82), 3);
    bench.reset_dsp();
    EXPECT_EQ(bench.mix(0x82), 0);
}

TEST(Sb16Dsp, MidiModeSwallowsBytesUntilAReset) {
    Sb16Bench bench;
    bench.dsp({0x40, 156, 0x34, 0xe1, 0x90});
    EXPECT_EQ(bench.in8(kBase + 0xe) & 0x80, 0);
    bench.reset_dsp();
    bench.dsp({0xe1});
    EXPECT_EQ(bench.answer(), 4);
    EXPECT_EQ(bench.card->state().dsp.rate_divisor, 100u) << "the parameters stay";
}

TEST(Sb16Dsp, DirectOutputSounds) {
    Sb16Bench bench;
    bench.mix(0x30, 0xf8);
    bench.mix(0x31, 0xf8);
    for (unsigned i = 0; i < 400; i++) {
        bench.dsp({0x10, static_cast<u8>(i % 2 ? 0x80 + 64 : 0x80 - 64)});
        bench.advance(1'000'000);
    }
    bench.mixer.flush();
    const Tone tone = measure_tone(bench.probe.frames, 48'000, 4'800, 19'000);
    EXPECT_NEAR(tone.hertz, 500, 0.1);
    EXPECT_LT(tone.jitter, 0.01);
    EXPECT_NEAR(tone.rms, 64 * 256, 400);
}

TEST(Sb16Dsp, StereoSamplesGoLeftFirst) {
    Sb16Bench bench;
    bench.mix(0x30, 0xf8);
    bench.mix(0x31, 0xf8);
    for (unsigned i = 0; i < 2000; i++) {
        bench.memory.bytes[0x2000 + 2 * i] = i / 20 % 2 ? 0xc0 : 0x40;
        bench.memory.bytes[0x2001 + 2 * i] = 0x80;
    }
    bench.program(1, 0x2000, 4000, 0x48);
    bench.dsp({0x41, 20'000 >> 8, 20'000 & 0xff, 0xc0, 0x20, 0x9f, 0x0f});
    bench.advance(100'000'000);
    bench.mixer.flush();
    const Tone tone = measure_tone(bench.probe.frames, 48'000, 1'000, 4'500);
    EXPECT_NEAR(tone.hertz, 500, 0.1);
    for (const StereoFrame& frame : bench.probe.frames) EXPECT_EQ(frame.right, 0);
}

TEST(Adpcm, FourBitsFollowTheirSteps) {
    Adpcm adpcm{0x80, 0};
    // 7 (step 0): +7, step 1; 7: +15, step 2; 0: +2, step 1; 15: -15, step 2.
    EXPECT_EQ(adpcm.decode(AdpcmFormat::Bits4, 0x77, 0), 0x87);
    EXPECT_EQ(adpcm.decode(AdpcmFormat::Bits4, 0x77, 1), 0x96);
    EXPECT_EQ(adpcm.decode(AdpcmFormat::Bits4, 0x0f, 0), 0x98);
    EXPECT_EQ(adpcm.decode(AdpcmFormat::Bits4, 0x0f, 1), 0x89);
    EXPECT_EQ(adpcm.step, 2);
    for (unsigned i = 0; i < 8; i++) adpcm.decode(AdpcmFormat::Bits4, 0x77, 0);
    EXPECT_EQ(adpcm.reference, 0xff);
    EXPECT_EQ(adpcm.step, 3);
}

TEST(Adpcm, ThreeCodesShareAByteInTheFormatOf26Bits) {
    Adpcm adpcm{0x80, 0};
    // 011 101 1(0): +3, step 1; -(2·1+1), step 1; 110 = -(2·2+1), step 1.
    const u8 byte = 0b011'101'11;
    EXPECT_EQ(adpcm.decode(AdpcmFormat::Bits26, byte, 0), 0x83);
    EXPECT_EQ(adpcm.decode(AdpcmFormat::Bits26, byte, 1), 0x80);
    EXPECT_EQ(adpcm.decode(AdpcmFormat::Bits26, byte, 2), 0x7b);
    adpcm = {0x80, 4};
    EXPECT_EQ(adpcm.decode(AdpcmFormat::Bits26, 0b011'000'00, 0), 0x80 + 35) << "the last step is 5, not 8";
}

TEST(Adpcm, TwoBitsDoubleTheirStepAfterEachOne) {
    Adpcm adpcm{0x80, 0};
    const u8 byte = 0b01'01'00'11;
    EXPECT_EQ(adpcm.decode(AdpcmFormat::Bits2, byte, 0), 0x81);
    EXPECT_EQ(adpcm.decode(AdpcmFormat::Bits2, byte, 1), 0x84);
    EXPECT_EQ(adpcm.decode(AdpcmFormat::Bits2, byte, 2), 0x86);
    EXPECT_EQ(adpcm.decode(AdpcmFormat::Bits2, byte, 3), 0x83);
    EXPECT_EQ(adpcm.step, 2);
}

TEST(Adpcm, ABlockCountsBytesAndItsReferenceTakesNoTime) {
    Sb16Bench bench;
    bench.program(1, 0x2000, 11, 0x48);
    bench.dsp({0x40, 156, 0x75, 10, 0});  // the reference and ten bytes of two samples
    bench.advance(2'000'000 - 1);
    EXPECT_EQ(bench.irqs.rises[5], 0u);
    bench.advance(1);
    EXPECT_EQ(bench.irqs.rises[5], 1u);
    EXPECT_EQ(bench.dma1_left(), 0x10000u);
}

TEST(Ct1745, HasItsVolumesAfterAResetAndKeepsItsSettings) {
    Sb16Bench bench({.irq = 7, .dma = 3, .dma16 = 6});
    bench.mix(0x30, 0x08);
    bench.mix(0x3c, 0x00);
    bench.mix(0x00, 0xff);
    EXPECT_EQ(bench.mix(0x30), 0xc0);
    EXPECT_EQ(bench.mix(0x36), 0x00);
    EXPECT_EQ(bench.mix(0x3c), 0x1f);
    EXPECT_EQ(bench.mix(0x44), 0x80);
    EXPECT_EQ(bench.mix(0x80), 0xf4);
    EXPECT_EQ(bench.mix(0x81), 0x48);
}

TEST(Ct1745, TheOlderMixersRegistersAreTheHighBitsOfItsOwn) {
    Sb16Bench bench;
    bench.mix(0x22, 0xa5);
    EXPECT_EQ(bench.mix(0x30), 0xa8);
    EXPECT_EQ(bench.mix(0x31), 0x58);
    EXPECT_EQ(bench.mix(0x22), 0xa5);
    bench.mix(0x04, 0xff);
    EXPECT_EQ(bench.mix(0x32), 0xf8);
    bench.mix(0x0a, 0x07);
    EXPECT_EQ(bench.mix(0x3a), 0xf8);
    EXPECT_EQ(bench.mix(0x0a), 0x07);
}

TEST(Ct1745, SelectsInterruptAndChannels) {
    Sb16Bench bench;
    bench.dsp({0xf2});
    EXPECT_TRUE(bench.irqs.level(5));
    bench.mix(0x80, 0x08);
    EXPECT_FALSE(bench.irqs.level(5));
    EXPECT_TRUE(bench.irqs.level(10));
    bench.mix(0x81, 0x88);
    bench.program(3, 0x3000, 1, 0x44);
    bench.dsp({0xe2, 0x00});
    EXPECT_EQ(bench.memory.bytes[0x3000], 0x40);
}

TEST(Ct1745, VolumesAreInStepsOfTwoDecibelsFromTheAmplifiersLimitOn) {
    Ct1745 mixer(5, 1, 5);
    EXPECT_EQ(mixer.voice().left, 13'076) << "-14 dB after a reset";
    mixer.select(0x30);
    mixer.write(0xf8);
    EXPECT_EQ(mixer.voice().left, 65'536);
    EXPECT_EQ(mixer.voice().right, 13'076);
    mixer.select(0x32);
    mixer.write(0x50);  // 10: -42 dB and the amplifier's 14
    EXPECT_EQ(mixer.voice().left, 2'609);
}

TEST(Mpu401, AcknowledgesResetAndUartModeAndRaisesTheInterrupt) {
    Sb16Bench bench;
    EXPECT_EQ(bench.in8(0x331), 0xbf);
    bench.out8(0x331, 0xff);
    EXPECT_EQ(bench.in8(0x331), 0x3f);
    EXPECT_EQ(bench.mix(0x82), 0x04);
    EXPECT_TRUE(bench.irqs.level(5));
    EXPECT_EQ(bench.in8(0x330), 0xfe);
    EXPECT_FALSE(bench.irqs.level(5));
    bench.out8(0x331, 0x3f);
    EXPECT_EQ(bench.in8(0x330), 0xfe);
    bench.out8(0x330, 0x90);
    bench.out8(0x331, 0xff);
    EXPECT_EQ(bench.in8(0x331), 0xbf) << "no answer on leaving UART mode";
}

TEST(Sb16, ImpossibleSettingsAreErrors) {
    const auto error = [](Sb16::Config config) {
        DeviceBench bench;
        DmaMemory memory(16);
        const auto dma = std::move(*IsaDma::create(bench.ports, memory));
        SoundMixer mixer(bench.scheduler, nullptr);
        Sb16::Wires wires;
        wires.dma = dma.get();
        wires.mixer = &mixer;
        auto card = Sb16::create(bench.ports, bench.scheduler, bench.log, wires, config);
        return card ? std::string() : card.error().message;
    };
    EXPECT_EQ(error({.port = 0x230}),
              "port 0x230 is not possible; accepted are 0x220, 0x240, 0x260 and 0x280");
    EXPECT_EQ(error({.irq = 3}), "IRQ 3 is not possible; accepted are 2, 5, 7 and 10");
    EXPECT_EQ(error({.dma = 2}), "DMA channel 2 is not possible for 8-bit samples; accepted are 0, 1 and 3");
    EXPECT_EQ(error({.dma16 = 3}),
              "DMA channel 3 is not possible for 16-bit samples; accepted are 5, 6, 7 and 1");
    EXPECT_EQ(error({.port = 0x240, .irq = 10, .dma = 3, .dma16 = 7}), "");
}

TEST(Sb16, WithoutAListenerNothingIsScheduledUnlessATransferRuns) {
    Sb16Bench bench({}, false);
    EXPECT_EQ(bench.scheduler.next_deadline(), Scheduler::kNever);
    bench.program(1, 0x2000, 100, 0x48);
    bench.dsp({0x40, 156, 0x14, 99, 0});
    bench.advance(10'000'000);
    EXPECT_EQ(bench.irqs.rises[5], 1u);
    EXPECT_EQ(bench.scheduler.next_deadline(), Scheduler::kNever);
}

void play_something(Sb16Bench& bench) {
    bench.program(1, 0x2000, 3000, 0x58);
    bench.dsp({0x40, 156, 0x48, 0xe7, 0x03, 0x7d});
    for (const auto& [index, value] : {std::pair<u8, u8>{0x20, 0x61},
                                       {0x23, 0xe1},
                                       {0x43, 0x05},
                                       {0x60, 0x84},
                                       {0x63, 0x73},
                                       {0x80, 0x44},
                                       {0x83, 0x35},
                                       {0xa0, 0x44},
                                       {0xb0, 0x32}}) {
        bench.out8(0x388, index);
        bench.out8(0x389, value);
    }
    bench.out8(0x388, 2);
    bench.out8(0x389, 0x30);
    bench.out8(0x388, 4);
    bench.out8(0x389, 0x01);
}

TEST(Sb16, ASnapshotInTheMiddleOfATransferGoesOn) {
    Sb16Bench bench;
    for (size_t i = 0; i < 3000; i++) bench.memory.bytes[0x2000 + i] = static_cast<u8>(i * 7 ^ i >> 4);
    play_something(bench);
    bench.advance(33'333'333);
    StatePart* const parts[] = {bench.card.get(), bench.dma.get()};
    expect_snapshot_round_trip(bench.scheduler, parts, [&] {
        bench.advance(200'000'000);
        bench.in8(kBase + 0xe);
        bench.in8(0x388);
        bench.advance(200'000'000);
    });
}

TEST(Sb16, RandomAccessesDoNoHarm) {
    for (const u64 seed : {1, 2, 3}) {
        Sb16Bench bench;
        const PortRange ranges[] = {{kBase, 16}, {kBase + 0xc, 1}, {0x388, 4},
                                    {0x330, 2},  {0, 16},          {0xc0, 32}};
        fuzz_ports(bench, ranges, {.seed = seed});
    }
}

TEST(Sb16, DamagedSnapshotsDoNoHarm) {
    Sb16Bench bench;
    play_something(bench);
    bench.advance(20'000'000);
    const unsigned accepted = load_damaged_states(*bench.card, 400, [&](u64 seed) {
        const PortRange ranges[] = {{kBase, 16}, {0x388, 4}, {0x330, 2}};
        fuzz_ports(bench, ranges, {.seed = seed, .steps = 50});
    });
    EXPECT_GT(accepted, 50u);
}

}  // namespace
}  // namespace gnomon
