// The Sound Blaster 16's signal processor: commands, transfers to the sample, interrupts, ADPCM.
#include "devices/sound/sb16/sb16_dsp.h"

#include "devices/sound/sb16/sb16_bench.h"

namespace gnomon {
namespace {

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

}  // namespace
}  // namespace gnomon
