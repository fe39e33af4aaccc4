// Decoding and integer instructions of 64-bit mode, where they differ from those of 32-bit code. SDM Vol. 1, "64-Bit Mode Execution
// Environment"; Vol. 2, "REX Prefixes", "RIP-Relative Addressing".
#include "cpu/long_mode_machine.h"

namespace gnomon {
namespace {

constexpr u64 kAllOnes = ~u64{0};
constexpr u64 kNotCanonical = u64{1} << 47;
constexpr unsigned kGp = 13, kSs = 12, kUd = 6;

class Code64 : public testing::Test {
  protected:
    Code64() { fresh(); }
    void fresh() {
        m = std::make_unique<LongMachine>();
        m->enter_long();
    }
    u64& gpr(unsigned n) { return m->cpu.state.gpr[n]; }
    void execute(std::initializer_list<u8> bytes, u64 instructions = 1) {
        auto at = static_cast<u32>(m->rip() & 0x1fffff);    // also for the alias at the top
        for (const u8 b : bytes) m->poke8(at++, b);
        m->run(instructions);
    }
    /// The exception `vector` was taken at `rip` with this stack pointer.
    testing::AssertionResult faulted(unsigned vector, u64 rip, u64 rsp) {
        if (m->rip() != LongMachine::kHandler + vector * 16) return testing::AssertionFailure() << "rip " << std::hex << m->rip();
        const unsigned error = vector == kUd ? 0 : 1;
        if (m->stack64(error) != rip) return testing::AssertionFailure() << "at " << std::hex << m->stack64(error);
        if (m->stack64(error + 3) != rsp) return testing::AssertionFailure() << "rsp " << std::hex << m->stack64(error + 3);
        return testing::AssertionSuccess();
    }
    static constexpr u64 kCode = LongMachine::kCodeBase;
    static constexpr u64 kStack = LongMachine::kStack;
    std::unique_ptr<LongMachine> m;
};

TEST_F(Code64, ResultsOf32BitsClearTheUpperHalfAndSmallerOnesDoNot) {
    gpr(0) = gpr(1) = gpr(3) = kAllOnes;
    execute({0x83, 0xc0, 0x02, 0x66, 0x83, 0xc1, 0x02, 0x80, 0xc3, 0x02}, 3);    // add eax, 2; add cx, 2; add bl, 2
    EXPECT_EQ(gpr(0), 1u);
    EXPECT_EQ(gpr(1), 0xffffffffffff0001);
    EXPECT_EQ(gpr(3), 0xffffffffffffff01);
}

TEST_F(Code64, NopIsNotAnExchangeOfEax) {
    gpr(0) = kAllOnes;
    gpr(8) = 5;
    execute({0x90});
    EXPECT_EQ(gpr(0), kAllOnes);
    execute({0x41, 0x90});    // xchg eax, r8d
    EXPECT_EQ(gpr(0), 5u);
    EXPECT_EQ(gpr(8), 0xffffffffu);
}

TEST_F(Code64, AnyRexMakesByteRegistersFourToSevenLowBytes) {
    gpr(0) = gpr(4) = 0;
    execute({0xb4, 0x12, 0x40, 0xb4, 0x34}, 2);    // mov ah, 12; mov spl, 34
    EXPECT_EQ(gpr(0), 0x1200u);
    EXPECT_EQ(gpr(4), 0x34u);
}

TEST_F(Code64, CountsOfByteShiftsHaveFiveBitsWithRexWToo) {
    // add eax, ecx; shr spl, 20; both in one block: the shift by 0 leaves the sum's flags, which must have been computed
    gpr(0) = 0xffffffff;
    gpr(1) = 1;
    execute({0x01, 0xc8, 0x48, 0xc0, 0xec, 0x20}, 2);
    EXPECT_EQ(m->cpu.eflags() & (flag::CF | flag::ZF | flag::SF), u32{flag::CF | flag::ZF});
    EXPECT_EQ(gpr(4), kStack);
}

TEST_F(Code64, RexCountsOnlyDirectlyBeforeTheOpcode) {
    gpr(0) = kAllOnes;
    execute({0x48, 0x66, 0x83, 0xc0, 0x01});    // REX.W is lost: add ax, 1
    EXPECT_EQ(gpr(0), 0xffffffffffff0000);
    execute({0x66, 0x48, 0x83, 0xc0, 0x01});    // and wins over 66: add rax, 1
    EXPECT_EQ(gpr(0), 0xffffffffffff0001);
}

TEST_F(Code64, RipRelativeOperandsCountFromTheEndOfTheInstruction) {
    m->poke32(LongMachine::kCodeBase + 0x100, 0x11223344);
    execute({0x81, 0x3d, 0xf6, 0, 0, 0, 0x44, 0x33, 0x22, 0x11, 0x74, 0x10}, 2);    // cmp [rip+f6], 11223344; je +10
    EXPECT_EQ(m->rip(), kCode + 0x1c);
    execute({0x67, 0x8b, 0x05, 0xdd, 0, 0, 0});    // mov eax, [eip+dd]
    EXPECT_EQ(gpr(0), 0x11223344u);
    m->cpu.state.rip = LongMachine::kHigh + kCode;
    execute({0x48, 0x8d, 0x05, 0xfe, 0xff, 0xff, 0x7f, 0x67, 0x48, 0x8d, 0x1d, 0, 0, 0, 0}, 2);    // lea rax, [rip+7ffffffe]; lea rbx, [eip]
    EXPECT_EQ(gpr(0), LongMachine::kHigh + kCode + 7 + 0x7ffffffe);
    EXPECT_EQ(gpr(3), (LongMachine::kHigh + kCode + 15) & 0xffffffff);
}

TEST_F(Code64, OffsetsAndImmediatesOf64Bits) {
    m->poke32(0x12340, 0xcafe0001);
    execute({0xa1, 0x40, 0x23, 0xe1, 0xff, 0xff, 0xff, 0xff, 0xff});    // mov eax, [kHigh + 12340]
    EXPECT_EQ(gpr(0), 0xcafe0001);
    execute({0x48, 0xb9, 8, 7, 6, 5, 4, 3, 2, 1});
    EXPECT_EQ(gpr(1), 0x0102030405060708u);
    execute({0x48, 0xc7, 0xc1, 0xff, 0xff, 0xff, 0xff});
    EXPECT_EQ(gpr(1), kAllOnes);
}

TEST_F(Code64, OnlyFsAndGsHaveABase) {
    m->cpu.segment(Seg::DS).base = m->cpu.segment(Seg::ES).base = 0x1000;
    m->cpu.segment(Seg::GS).base = LongMachine::kHigh;
    m->cpu.update_mode();
    m->poke32(0x12340, 77);
    gpr(3) = 0x12340;
    execute({0x3e, 0x8b, 0x03});
    EXPECT_EQ(gpr(0), 77u);
    execute({0x65, 0x67, 0x03, 0x03});    // add eax, gs:[ebx]
    EXPECT_EQ(gpr(0), 154u);
    execute({0x65, 0x2e, 0x2b, 0x03});    // the CS prefix does not undo the GS prefix
    EXPECT_EQ(gpr(0), 77u);
}

TEST_F(Code64, StackOperandsAre64BitsWideOr16) {
    gpr(3) = 0x1122334455667788;
    execute({0x53, 0x66, 0x53, 0x6a, 0xfe}, 3);
    EXPECT_EQ(m->rsp(), kStack - 18);
    EXPECT_EQ(m->peek64(kStack - 8), 0x1122334455667788u);
    EXPECT_EQ(m->peek16(kStack - 10), 0x7788u);
    EXPECT_EQ(m->peek64(kStack - 18), kAllOnes - 1);
    execute({0x41, 0x5f});
    EXPECT_EQ(gpr(15), kAllOnes - 1);
}

TEST_F(Code64, NearBranchesIgnoreTheOperandSizePrefix) {
    execute({0x66, 0xe8, 0x10, 0, 0, 0});
    EXPECT_EQ(m->rip(), kCode + 0x16);
    EXPECT_EQ(m->rsp(), kStack - 8);
    EXPECT_EQ(m->stack64(0), kCode + 6);
    execute({0x66, 0xc3});
    EXPECT_EQ(m->rip(), kCode + 6);
}

TEST_F(Code64, BranchToAnotherPageGoesWhereThatPageIs) {
    constexpr u32 kFirst = 0x90000, kSecond = 0x92000, kOther = 0x94000, kIterations = 50;
    m->use_small_pages();
    const auto put = [&](u32 at, std::initializer_list<u8> bytes) {
        for (const u8 b : bytes) m->poke8(at++, b);
    };
    const auto map_second = [&](u32 page) {
        m->poke64(LongMachine::kTable + (kSecond >> 12) * 8, page | 3u);
        m->cpu.mmu().invlpg(LinearAddr(kSecond));
    };
    const auto loop_at = [&](u64 rip) {
        gpr(0) = gpr(3) = 0;
        m->cpu.state.rip = rip;
        m->run(3 * kIterations);
        EXPECT_EQ(m->rip(), rip);
    };
    put(kFirst, {0xe9, 0xfb, 0x1f, 0, 0});                    // jmp +2000
    put(kSecond, {0xff, 0xc0, 0xe9, 0xf9, 0xdf, 0xff, 0xff});    // inc eax; jmp -2000
    put(kOther, {0xff, 0xc3, 0xe9, 0xf9, 0xdf, 0xff, 0xff});     // inc ebx; jmp -2000
    for (unsigned round = 0; round < 2; round++) {
        map_second(kSecond);
        loop_at(kFirst);
        EXPECT_EQ(gpr(0), kIterations);
        map_second(kOther);
        loop_at(kFirst);
        EXPECT_EQ(gpr(0), 0u);
        EXPECT_EQ(gpr(3), kIterations);
        // The same code at the top, where the second page is still in its place.
        loop_at(LongMachine::kHigh + kFirst);
        EXPECT_EQ(gpr(0), kIterations);
    }
    // The block that the link leads to is overwritten.
    put(kOther, {0xff, 0xc8});    // dec eax
    loop_at(kFirst);
    EXPECT_EQ(gpr(0), static_cast<u32>(-static_cast<i32>(kIterations)));
    // It is there no more: the fetch faults, not the branch.
    m->poke64(LongMachine::kTable + (kSecond >> 12) * 8, 0);
    m->cpu.mmu().invlpg(LinearAddr(kSecond));
    m->cpu.state.rip = kFirst;
    m->run(2);
    EXPECT_EQ(m->cpu.state.cr2, kSecond);
    EXPECT_EQ(m->stack64(1), kSecond);
}

TEST_F(Code64, BranchesToAddressesThatAreNotCanonicalFaultWhereTheyAre) {
    gpr(0) = kNotCanonical;
    execute({0xff, 0xd0});    // call rax
    EXPECT_TRUE(faulted(kGp, kCode, kStack));
    fresh();
    gpr(0) = kNotCanonical;
    execute({0xff, 0xe0});    // jmp rax
    EXPECT_TRUE(faulted(kGp, kCode, kStack));
    fresh();
    m->push64(kNotCanonical);
    execute({0xc2, 0x20, 0x00});    // ret 32
    EXPECT_TRUE(faulted(kGp, kCode, kStack - 8));
}

TEST_F(Code64, OperandsThatAreNotCanonicalFaultBySegment) {
    gpr(0) = kNotCanonical;
    execute({0x8b, 0x00});
    EXPECT_TRUE(faulted(kGp, kCode, kStack));
    fresh();
    gpr(5) = kNotCanonical - 2;    // the last two bytes are beyond
    execute({0x8b, 0x45, 0x00});
    EXPECT_TRUE(faulted(kSs, kCode, kStack));
    fresh();
    gpr(7) = kNotCanonical;
    gpr(1) = 4;
    execute({0xf3, 0xaa});
    EXPECT_TRUE(faulted(kGp, kCode, kStack));
}

TEST_F(Code64, OpcodesThatAreGoneAreUndefined) {
    for (const u8 opcode : {0x06, 0x07, 0x0e, 0x16, 0x17, 0x1e, 0x1f, 0x27, 0x2f, 0x37, 0x3f, 0x60, 0x61, 0x82, 0x9a, 0xce, 0xd4, 0xd5,
                            0xd6, 0xea}) {
        fresh();
        execute({static_cast<u8>(opcode), 0xc0, 0, 0, 0, 0, 0, 0});
        EXPECT_TRUE(faulted(kUd, kCode, kStack)) << std::hex << int{opcode};
    }
}

TEST_F(Code64, Cmpxchg16bDemandsAnAlignedOperand) {
    gpr(6) = 0x12340;
    gpr(0) = 1, gpr(2) = 2, gpr(3) = 3, gpr(1) = 4;
    m->poke64(0x12340, 1);
    m->poke64(0x12348, 2);
    execute({0xf0, 0x48, 0x0f, 0xc7, 0x0e});
    EXPECT_EQ(m->peek64(0x12340), 3u);
    EXPECT_EQ(m->peek64(0x12348), 4u);
    EXPECT_TRUE(m->cpu.eflags() & flag::ZF);
    execute({0x48, 0x0f, 0xc7, 0x0e});
    EXPECT_EQ(gpr(0), 3u);
    EXPECT_EQ(gpr(2), 4u);
    EXPECT_FALSE(m->cpu.eflags() & flag::ZF);
    gpr(6) += 8;
    const u64 rip = m->rip();
    execute({0x48, 0x0f, 0xc7, 0x0e});
    EXPECT_TRUE(faulted(kGp, rip, kStack));
}

TEST_F(Code64, StringInstructionsUseWholeRegistersAndHalvesWithAnAddressSize) {
    gpr(6) = LongMachine::kHigh + 0x12000;
    gpr(7) = 0x13000;
    gpr(1) = 3;
    for (u32 i = 0; i < 3; i++) m->poke64(0x12000 + 8 * i, 0x100000001 * (i + 1));
    execute({0xf3, 0x48, 0xa5});
    EXPECT_EQ(m->peek64(0x13010), 0x300000003u);
    EXPECT_EQ(gpr(6), LongMachine::kHigh + 0x12018);
    EXPECT_EQ(gpr(1), 0u);
    gpr(7) = 0xffffffff00013000;
    gpr(1) = 0xffffffff00000002;
    gpr(0) = 0x5a;
    execute({0xf3, 0x67, 0xaa});    // by EDI and ECX
    EXPECT_EQ(m->peek16(0x13000), 0x5a5au);
    EXPECT_EQ(gpr(7), 0x13002u);
    EXPECT_EQ(gpr(1), 0u);
}

TEST_F(Code64, LoopsCountInRcxOrEcx) {
    gpr(1) = u64{1} << 32;
    execute({0xe2, 0x10});
    EXPECT_EQ(m->rip(), kCode + 0x12);
    EXPECT_EQ(gpr(1), 0xffffffffu);
    gpr(1) = u64{1} << 32;
    execute({0x67, 0xe3, 0x10});    // jecxz
    EXPECT_EQ(m->rip(), kCode + 0x25);
}

TEST(CompatibilityMode, IsDecodedAs32BitCode) {
    LongMachine m;
    m.enter_long(0, true);
    m.cpu.put<u32>(0, 7);
    m.code({0x48, 0x90});    // dec eax; nop
    m.run(2);
    EXPECT_EQ(m.gpr(0), 6u);
    EXPECT_EQ(m.rip(), LongMachine::kCodeBase + 2);
}

TEST(VectorsIn64BitMode, MaskmovNeedsItsWholeOperandWhateverItSelects) {
    LongMachine m;
    m.enter_long();
    m.set_cr4(cr4::OSFXSR);
    m.use_small_pages();
    m.set_page(0x60000, 0);    // not present
    m.code({0x66, 0x0f, 0xf7, 0xc1, 0x66, 0x0f, 0xf7, 0xc1});    // maskmovdqu xmm0, xmm1
    m.cpu.state.fpu.vectors[1] = {};
    m.cpu.state.gpr[reg::DI] = 0x5fff0;
    m.run();
    EXPECT_EQ(m.rip(), LongMachine::kCodeBase + 4u);
    m.cpu.state.gpr[reg::DI] = 0x5fff8;
    m.run();
    EXPECT_EQ(m.rip(), LongMachine::kHandler + 14u * 16);
    EXPECT_EQ(m.cpu.state.cr2, 0x60000u);
}

TEST(VectorsIn64BitMode, AlignmentComesBeforeTheAddress) {
    for (const u64 low : {0, 1}) {
        LongMachine m;
        m.enter_long();
        m.set_cr4(cr4::OSFXSR);
        m.code({0x66, 0x0f, 0x6f, 0x04, 0x24});    // movdqa xmm0, [rsp]
        m.set_gate64(kSs, sel64::kCode, LongMachine::kHandler + kSs * 16, 0x8e, 1);
        m.set_gate64(kGp, sel64::kCode, LongMachine::kHandler + kGp * 16, 0x8e, 1);
        m.cpu.state.gpr[reg::SP] = kNotCanonical + low;
        m.run();
        EXPECT_EQ(m.rip(), LongMachine::kHandler + (low ? kGp : kSs) * 16);
    }
}

TEST(LahfIn64BitMode, NeedsItsFeature) {
    CpuModel model = long_model();
    model.features.set(Feature::LahfLong, false);
    LongMachine m(model);
    m.enter_long();
    m.code({0x9f});
    m.run();
    EXPECT_EQ(m.rip(), LongMachine::kHandler + kUd * 16);
}

}  // namespace
}  // namespace gnomon
