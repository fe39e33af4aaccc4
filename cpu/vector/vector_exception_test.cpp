// Where vector instructions raise #UD, #NM, #GP and #XM, and where they must not. SDM Vol. 2, "Instruction Exception
// Specification".
#include "cpu/decode.h"
#include "cpu/test_machine.h"

namespace gnomon {
namespace {

CpuModel everything() {
    CpuModel m = default_model();
    m.features.set(Feature::SSE3);
    m.features.set(Feature::BMI1);
    m.features.set(Feature::BMI2);
    for (unsigned n = static_cast<unsigned>(Feature::SSSE3); n <= static_cast<unsigned>(Feature::AVX512_VPOPCNTDQ); n++)
        m.features.set(static_cast<Feature>(n));
    return m;
}

constexpr unsigned kNone = ~0u, kNM = 7, kUD = 6, kGP = 13, kXM = 19;

class VectorExceptions : public testing::Test {
  protected:
    VectorExceptions() : model(everything()), m(model) {
        m.enter_protected();
        set(cr4::OSFXSR | cr4::OSXMMEXCPT | cr4::OSXSAVE, 0xe7, 0);
    }
    void set(u64 cr4, u64 xcr0, u64 ts) {
        CpuState& s = m.cpu.state;
        s.cr0 = (s.cr0 & ~(cr0::EM | cr0::TS)) | cr0::NE | ts;
        s.cr4 = cr4;
        s.xcr0 = xcr0;
        m.cpu.update_mode();
    }
    /// Vector of the exception that the instruction raises, or kNone.
    unsigned raised(std::initializer_list<u8> bytes) {
        m.cpu.state.rip = TestMachine::kCodeBase;
        m.code(bytes);
        m.run();
        const u64 rip = m.cpu.state.rip;
        m.cpu.put<u32>(reg::SP, TestMachine::kStack);
        if (rip == TestMachine::kCodeBase + bytes.size()) return kNone;
        return static_cast<unsigned>(rip - TestMachine::kHandler) / 16;
    }

    CpuModel model;
    TestMachine m;
};

#define GNOMON_VADDPS 0xc5, 0xf8, 0x58, 0xc1                     // vaddps xmm0, xmm0, xmm1
#define GNOMON_EVEX_VADDPS 0x62, 0xf1, 0x7c, 0x48, 0x58, 0xc1    // vaddps zmm0, zmm0, zmm1
#define GNOMON_KMOVW 0xc5, 0xf8, 0x90, 0xc1                      // kmovw k0, k1
#define GNOMON_ANDN 0xc4, 0xe2, 0x78, 0xf2, 0xc1                 // andn eax, eax, ecx

TEST_F(VectorExceptions, VexNeedsTheOperatingSystemToEnableYmmState) {
    EXPECT_EQ(raised({GNOMON_VADDPS}), kNone);
    set(cr4::OSFXSR | cr4::OSXMMEXCPT, 0xe7, 0);
    EXPECT_EQ(raised({GNOMON_VADDPS}), kUD);
    set(cr4::OSXSAVE, 3, 0);
    EXPECT_EQ(raised({GNOMON_VADDPS}), kUD);
    set(cr4::OSXSAVE, 7, 0);
    EXPECT_EQ(raised({GNOMON_VADDPS}), kNone);
}

TEST_F(VectorExceptions, EvexAndOpmasksNeedZmmState) {
    EXPECT_EQ(raised({GNOMON_EVEX_VADDPS}), kNone);
    EXPECT_EQ(raised({GNOMON_KMOVW}), kNone);
    set(cr4::OSXSAVE, 7, 0);
    EXPECT_EQ(raised({GNOMON_EVEX_VADDPS}), kUD);
    EXPECT_EQ(raised({GNOMON_KMOVW}), kUD);
    EXPECT_EQ(raised({GNOMON_VADDPS}), kNone);
}

TEST_F(VectorExceptions, BitManipulationNeedsNothing) {
    set(0, 1, cr0::TS);
    EXPECT_EQ(raised({GNOMON_ANDN}), kNone);
}

TEST_F(VectorExceptions, TaskSwitchedMakesThemUnavailable) {
    set(cr4::OSXSAVE, 0xe7, cr0::TS);
    EXPECT_EQ(raised({GNOMON_VADDPS}), kNM);
    EXPECT_EQ(raised({GNOMON_EVEX_VADDPS}), kNM);
    EXPECT_EQ(raised({0x66, 0x0f, 0x38, 0x00, 0xc1}), kUD) << "PSHUFB without OSFXSR";
    set(cr4::OSXSAVE | cr4::OSFXSR, 0xe7, cr0::TS);
    EXPECT_EQ(raised({0x66, 0x0f, 0x38, 0x00, 0xc1}), kNM) << "PSHUFB";
}

TEST_F(VectorExceptions, OtherPrefixesBeforeVexAreUndefined) {
    EXPECT_EQ(raised({0x66, GNOMON_VADDPS}), kUD);
    EXPECT_EQ(raised({0xf2, GNOMON_VADDPS}), kUD);
    EXPECT_EQ(raised({0xf3, GNOMON_EVEX_VADDPS}), kUD);
    EXPECT_EQ(raised({0xf0, GNOMON_ANDN}), kUD);
    EXPECT_EQ(raised({0x3e, GNOMON_VADDPS}), kNone);
}

TEST_F(VectorExceptions, UnusedFieldsMustBeAllOnes) {
    EXPECT_EQ(raised({0xc5, 0xf8, 0x28, 0xc1}), kNone) << "vmovaps xmm0, xmm1";
    EXPECT_EQ(raised({0xc5, 0xf0, 0x28, 0xc1}), kUD) << "with vvvv";
    EXPECT_EQ(raised({0xc4, 0xe2, 0x7c, 0xf2, 0xc1}), kUD) << "ANDN with L";
    EXPECT_EQ(raised({0x62, 0xf1, 0x7c, 0xc8, 0x58, 0xc1}), kUD) << "zeroing without an opmask";
    EXPECT_EQ(raised({0x62, 0xf1, 0x7c, 0x68, 0x58, 0xc1}), kUD) << "vector length 3";
    EXPECT_EQ(raised({0x62, 0xf1, 0x7c, 0x78, 0x58, 0xc1}), kNone) << "the same bits as embedded rounding";
}

TEST_F(VectorExceptions, RealModeHasNoVex) {
    TestMachine real(model);
    real.enter_real();
    real.cpu.state.cr4 |= cr4::OSXSAVE;
    real.cpu.state.xcr0 = 0xe7;
    real.cpu.update_mode();
    real.poke16(6 * 4, 0x1234);
    real.poke16(6 * 4 + 2, 0x2000);
    real.cpu.state.idtr = {0, 0x3ff};
    real.code({GNOMON_ANDN});
    real.run();
    EXPECT_EQ(real.rip(), 0x1234u);
}

TEST_F(VectorExceptions, LoadsOfFarPointersKeepTheirOpcodes) {
    m.poke32(0x5000, 0x1234);
    m.poke16(0x5004, sel::kData);
    EXPECT_EQ(raised({0xc5, 0x05, 0x00, 0x50, 0x00, 0x00}), kNone) << "lds eax, [5000h]";
    EXPECT_EQ(m.gpr(reg::AX), 0x1234u);
}

TEST_F(VectorExceptions, OnlySomeOperandsMustBeAligned) {
    m.cpu.put<u32>(reg::CX, 0x5008);
    EXPECT_EQ(raised({0x66, 0x0f, 0x38, 0x00, 0x01}), kGP) << "pshufb xmm0, [ecx]";
    EXPECT_EQ(raised({0xf2, 0x0f, 0xf0, 0x01}), kNone) << "lddqu xmm0, [ecx]";
    EXPECT_EQ(raised({0x66, 0x0f, 0x3a, 0x63, 0x01, 0x00}), kNone) << "pcmpistri xmm0, [ecx], 0";
    m.cpu.put<u32>(reg::CX, 0x5008);
    EXPECT_EQ(raised({0xc5, 0xf8, 0x58, 0x01}), kNone) << "vaddps xmm0, xmm0, [ecx]";
    EXPECT_EQ(raised({0xc5, 0xf8, 0x28, 0x01}), kGP) << "vmovaps xmm0, [ecx]";
    EXPECT_EQ(raised({0xc5, 0xf8, 0x29, 0x01}), kGP) << "vmovaps [ecx], xmm0";
    m.cpu.put<u32>(reg::CX, 0x5010);
    EXPECT_EQ(raised({0xc5, 0xf8, 0x28, 0x01}), kNone) << "16 bytes aligned";
    EXPECT_EQ(raised({0xc5, 0xfc, 0x28, 0x01}), kGP) << "32 bytes not";
    EXPECT_EQ(raised({0xc5, 0xfd, 0xe7, 0x01}), kGP) << "vmovntdq [ecx], ymm0";
    EXPECT_EQ(raised({0x62, 0xf1, 0x7c, 0x48, 0x10, 0x01}), kNone) << "vmovups zmm0, [ecx]";
}

TEST_F(VectorExceptions, ElementsThatAreNotActiveCannotFault) {
    Segment& ds = m.cpu.segment(Seg::DS);
    ds.limit = 0x501f;
    Cpu::update_windows(ds);
    m.cpu.update_mode();
    m.cpu.put<u32>(reg::CX, 0x5000);
    for (u32 n = 0; n < 32; n += 4) m.poke32(0x5000 + n, 0x3f800000 + n);
    FpuState& f = m.cpu.state.fpu;
    f.opmasks[1] = 0x00ff;
    EXPECT_EQ(raised({0x62, 0xf1, 0x7c, 0xc9, 0x10, 0x01}), kNone) << "vmovups zmm0{k1}{z}, [ecx]";
    EXPECT_EQ(f.vectors[0].bytes[28], 28);
    EXPECT_EQ(f.vectors[0].bytes[32], 0);
    f.opmasks[1] = 0x01ff;
    EXPECT_EQ(raised({0x62, 0xf1, 0x7c, 0xc9, 0x10, 0x01}), kGP);
    EXPECT_EQ(raised({0x62, 0xf1, 0x7c, 0x49, 0x11, 0x01}), kGP) << "the store";
    f.opmasks[1] = 0;
    EXPECT_EQ(raised({0x62, 0xf1, 0x7c, 0x59, 0x58, 0x41, 0x7f}), kNone) << "a broadcast for nobody";
}

TEST_F(VectorExceptions, UnmaskedExceptionsLeaveTheDestination) {
    FpuState& f = m.cpu.state.fpu;
    f.mxcsr = 0x1f80 & ~0x200u;    // division by zero
    for (unsigned n = 0; n < 2; n++) f.vectors[n].bytes = {};
    f.vectors[0].bytes[3] = 0x3f;
    EXPECT_EQ(raised({0xc5, 0xf8, 0x5e, 0xc1}), kXM) << "vdivps xmm0, xmm0, xmm1";
    EXPECT_EQ(f.mxcsr & 0x3f, 4u | 1u) << "0 / 0 in the other elements";
    EXPECT_EQ(f.vectors[0].bytes[3], 0x3f);
    f.mxcsr &= ~0x3fu;
    EXPECT_EQ(raised({0x62, 0xf1, 0x7c, 0x78, 0x5e, 0xc1}), kNone) << "suppressed by embedded rounding";
    EXPECT_EQ(f.mxcsr & 0x3f, 0u);
    set(cr4::OSFXSR | cr4::OSXSAVE, 0xe7, 0);
    f.vectors[0].bytes = {};
    f.vectors[0].bytes[3] = 0x3f;
    EXPECT_EQ(raised({0xc5, 0xf8, 0x5e, 0xc1}), kUD) << "without OSXMMEXCPT";
}

TEST_F(VectorExceptions, WritesClearWhatLiesBeyondTheVector) {
    FpuState& f = m.cpu.state.fpu;
    f.vectors[0].bytes.fill(0xff);
    EXPECT_EQ(raised({0x66, 0x0f, 0x38, 0x1c, 0xc1}), kNone) << "pabsb xmm0, xmm1";
    EXPECT_EQ(f.vectors[0].bytes[16], 0xff);
    EXPECT_EQ(raised({0xc5, 0xf8, 0x28, 0xc0}), kNone) << "vmovaps xmm0, xmm0";
    EXPECT_EQ(f.vectors[0].bytes[16], 0);
}

TEST_F(VectorExceptions, PrefixesExtendRegisterNumbersIn64BitMode) {
    Decoded d;
    constexpr u8 kEvex[] = {0x62, 0xa1, 0x6c, 0x40, 0x58, 0xcb};    // vaddps zmm17, zmm18, zmm19
    ASSERT_EQ(decode(kEvex, sizeof kEvex, mode::kCode64, model.features, d), DecodeStatus::Ok);
    EXPECT_EQ(d.reg, 17);
    EXPECT_EQ(d.vex.source, 18);
    EXPECT_EQ(d.rm, 19);
    constexpr u8 kVex[] = {0xc4, 0x02, 0x2d, 0x00, 0x0c, 0x63};    // vpshufb ymm9, ymm10, [r11 + r12 * 2]
    ASSERT_EQ(decode(kVex, sizeof kVex, mode::kCode64, model.features, d), DecodeStatus::Ok);
    EXPECT_EQ(d.reg, 9);
    EXPECT_EQ(d.vex.source, 10);
    EXPECT_EQ(d.base, 11 * 8);
    EXPECT_EQ(d.index, 12 * 8);
    EXPECT_EQ(d.scale, 1);
}

}  // namespace
}  // namespace gnomon
