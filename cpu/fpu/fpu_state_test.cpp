// State save and restore, environments, traps and pending exceptions, alignment: what single instructions on
// random operands do not show.
#include "cpu/decode.h"
#include "cpu/fpu/native_oracle.h"

namespace gnomon {
namespace {

using namespace oracle;

constexpr u32 kImage = Ours::kMemory;

/// Flat 32-bit code at ring 0 with everything enabled; ECX points to memory.
class Fpu : public testing::Test {
  protected:
    Fpu() { m.cpu.put<u32>(reg::CX, kImage); }
    void execute(std::initializer_list<u8> bytes) {
        m.cpu.state.rip = TestMachine::kCodeBase;
        m.code(bytes);
        m.run();
    }
    u64 rip_after(std::initializer_list<u8> bytes) {
        execute(bytes);
        return m.rip();
    }
    static constexpr u32 handler(unsigned vector) { return TestMachine::kHandler + vector * 16; }
    void cr0(u64 set, u64 clear) {
        m.cpu.state.cr0 = (m.cpu.state.cr0 | set) & ~clear;
        m.cpu.update_mode();
    }

    Ours ours;
    TestMachine& m = ours.machine;
    FpuState& f = m.cpu.state.fpu;
};

TEST_F(Fpu, FxsaveAndFxrstorRoundTripRandomStates) {
    Operands make(7);
    for (unsigned round = 0; round < 200; round++) {
        std::array<u8, 288> image;
        for (auto& b : image) b = static_cast<u8>(make.bits());
        const auto put16 = [&](unsigned at, unsigned value) {
            image[at] = static_cast<u8>(value), image[at + 1] = static_cast<u8>(value >> 8);
        };
        put16(0, static_cast<unsigned>(make.bits() & 0x1f00) |
                     0x7f);  // everything masked: nothing becomes pending
        put16(2, static_cast<unsigned>(make.bits() & 0x7f7f));
        image[5] = 0;
        put16(6, static_cast<unsigned>(make.bits() & 0x7ff));
        put16(14, 0);
        put16(22, 0);
        put16(24, static_cast<unsigned>(make.bits() & 0xffff));
        put16(26, 0);
        put16(28, 0xffff);
        put16(30, 0);
        for (unsigned n = 0; n < 8; n++) std::fill_n(image.begin() + 32 + 16 * n + 10, 6, u8{0});
        for (u32 n = 0; n < 512; n++) m.poke8(kImage + n, n < 288 ? image[n] : 0xcc);
        execute({0x0f, 0xae, 0x09});  // FXRSTOR [ECX]
        for (u32 n = 0; n < 512; n++) m.poke8(kImage + n, 0xcc);
        execute({0x0f, 0xae, 0x01});  // FXSAVE [ECX]
        for (u32 n = 0; n < 288; n++) ASSERT_EQ(m.peek8(kImage + n), image[n]) << "byte " << n;
        for (u32 n = 288; n < 512; n++) ASSERT_EQ(m.peek8(kImage + n), 0xccu) << "byte " << n;
    }
}

TEST_F(Fpu, FxsaveNeedsAlignmentAndFxrstorACleanMxcsr) {
    m.cpu.put<u32>(reg::CX, kImage + 8);
    EXPECT_EQ(rip_after({0x0f, 0xae, 0x01}), handler(13));
    m.cpu.put<u32>(reg::CX, kImage);
    EXPECT_EQ(rip_after({0x0f, 0xae, 0x01}), TestMachine::kCodeBase + 3u);
    m.poke32(kImage + 24, 0x10000);
    EXPECT_EQ(rip_after({0x0f, 0xae, 0x09}), handler(13));
    m.poke32(kImage, 0x10000);
    EXPECT_EQ(rip_after({0x0f, 0xae, 0x11}), handler(13));  // LDMXCSR
}

TEST_F(Fpu, EnvironmentOf32BitProtectedMode) {
    execute({0xdb, 0xe3});  // FNINIT
    execute({0xd9, 0xe8});  // FLD1
    execute({0xd9, 0xee});  // FLDZ
    m.poke32(kImage + 64, 0x7f800000);
    execute({0xd9, 0x41, 0x40});  // FLD m32 [ECX+64]: infinity
    execute({0xd9, 0x31});        // FNSTENV [ECX]
    EXPECT_EQ(m.peek32(kImage), 0xffff037fu);
    EXPECT_EQ(m.peek32(kImage + 4), 0xffff2800u);  // TOP 5
    EXPECT_EQ(m.peek32(kImage + 8), 0xffff1bffu);  // R7 valid, R6 zero, R5 special, the others empty
    EXPECT_EQ(m.peek32(kImage + 12), TestMachine::kCodeBase);
    EXPECT_EQ(m.peek32(kImage + 16), 0x01410000u | sel::kCode);
    EXPECT_EQ(m.peek32(kImage + 20), kImage + 64);
    EXPECT_EQ(m.peek32(kImage + 24), 0xffff0000u | sel::kData);
}

TEST_F(Fpu, EnvironmentOf16BitRealMode) {
    TestMachine real;
    real.enter_real();
    real.code({0xdb, 0xe3, 0xd9, 0x06, 0x00, 0x01, 0xd9, 0x36, 0x00,
               0x02});  // FNINIT; FLD m32 [100]; FNSTENV [200]
    real.run(3);
    const u32 at = 0x50200;
    EXPECT_EQ(real.peek16(at), 0x37fu);
    EXPECT_EQ(real.peek16(at + 2), 0x3800u);
    EXPECT_EQ(real.peek16(at + 4), 0x7fffu);   // R7 is zero
    EXPECT_EQ(real.peek16(at + 6), 0x0002u);   // 10002, low part
    EXPECT_EQ(real.peek16(at + 8), 0x1106u);   // its high part, opcode 1 06
    EXPECT_EQ(real.peek16(at + 10), 0x0100u);  // 50100
    EXPECT_EQ(real.peek16(at + 12), 0x5000u);
}

TEST_F(Fpu, FnsaveInitializesAndFrstorBringsBack) {
    Operands make(11);
    for (unsigned n = 0; n < 8; n++) f.registers[n] = make.extended();
    f.set_status_word(0x2a41);
    f.control = 0x127f;
    f.valid = 0xb5;
    const FpuState before = f;
    execute({0xdd, 0x31});  // FNSAVE [ECX]
    EXPECT_EQ(f.control, 0x37f);
    EXPECT_EQ(f.status_word(), 0);
    EXPECT_EQ(f.valid, 0);
    for (auto& r : f.registers) r = {};
    execute({0xdd, 0x21});  // FRSTOR [ECX]
    EXPECT_EQ(f.control, before.control);
    EXPECT_EQ(f.status_word(), before.status_word());
    EXPECT_EQ(f.valid, before.valid);
    for (unsigned n = 0; n < 8; n++) {
        EXPECT_EQ(f.registers[n].significand, before.registers[n].significand);
        EXPECT_EQ(f.registers[n].exponent, before.registers[n].exponent);
    }
}

TEST_F(Fpu, ControlRegistersDecideWhatTraps) {
    cr0(cr0::TS, 0);
    EXPECT_EQ(rip_after({0xd9, 0xe8}), handler(7));        // x87
    EXPECT_EQ(rip_after({0x0f, 0x77}), handler(7));        // EMMS
    EXPECT_EQ(rip_after({0x0f, 0x28, 0xc1}), handler(7));  // MOVAPS
    EXPECT_EQ(rip_after({0x0f, 0xae, 0x01}), handler(7));  // FXSAVE
    EXPECT_EQ(rip_after({0x9b}), TestMachine::kCodeBase + 1u);
    cr0(cr0::MP, 0);
    EXPECT_EQ(rip_after({0x9b}), handler(7));
    cr0(cr0::EM, cr0::TS | cr0::MP);
    EXPECT_EQ(rip_after({0xd9, 0xe8}), handler(7));
    EXPECT_EQ(rip_after({0x0f, 0x77}), handler(6));
    EXPECT_EQ(rip_after({0x0f, 0x28, 0xc1}), handler(6));
    EXPECT_EQ(rip_after({0x0f, 0xae, 0x01}), handler(7));
    EXPECT_EQ(rip_after({0x9b}), TestMachine::kCodeBase + 1u);
    cr0(0, cr0::EM);
    m.cpu.state.cr4 &= ~u64{cr4::OSFXSR};
    m.cpu.update_mode();
    EXPECT_EQ(rip_after({0x0f, 0x28, 0xc1}), handler(6));
    EXPECT_EQ(rip_after({0x0f, 0xfc, 0xc1}), TestMachine::kCodeBase + 3u);  // PADDB mm
}

TEST_F(Fpu, WithoutAnFpuEscapesDoNothing) {
    TestMachine sx(*find_model("486sx"));
    sx.enter_protected();
    sx.cpu.put<u32>(reg::AX, 0x5a5a);
    sx.code({0xdb, 0xe3, 0xdf, 0xe0, 0x9b, 0xd9, 0xe8});
    sx.run(4);
    EXPECT_EQ(sx.rip(), TestMachine::kCodeBase + 7u);
    EXPECT_EQ(sx.gpr(reg::AX), 0x5a5au);
}

/// Divides 1 by 0 with that exception unmasked.
std::initializer_list<u8> divide_by_zero() {
    static const std::initializer_list<u8> code{0xdb, 0xe3, 0xd9, 0x29, 0xd9, 0xe8, 0xd9, 0xee, 0xde, 0xf9};
    return code;  // FNINIT; FLDCW [ECX]; FLD1; FLDZ; FDIVP
}

TEST_F(Fpu, APendingExceptionIsRaisedByTheNextWaitingInstruction) {
    m.poke16(kImage, 0x37b);
    m.code(divide_by_zero());
    m.run(5);
    EXPECT_EQ(m.rip(), TestMachine::kCodeBase + 10u);
    EXPECT_EQ(f.status_word(), 0x8000 | 0x3000 | 0x84);               // B, ES, ZE; nothing was popped
    EXPECT_EQ(rip_after({0xdf, 0xe0}), TestMachine::kCodeBase + 2u);  // FNSTSW does not wait
    EXPECT_EQ(rip_after({0xd9, 0xe8}), handler(16));
    EXPECT_EQ(rip_after({0x9b}), handler(16));
    EXPECT_EQ(rip_after({0x0f, 0xfc, 0xc1}), handler(16));  // MMX waits too
    execute({0xdb, 0xe2});                                  // FNCLEX
    EXPECT_EQ(rip_after({0xd9, 0xe8}), TestMachine::kCodeBase + 2u);
}

struct RecordingLine final : LineSink {
    void set_line(unsigned, bool level) override { levels.push_back(level); }
    std::vector<bool> levels;
};

TEST_F(Fpu, WithoutNeTheErrorGoesOutOnFerr) {
    RecordingLine line;
    m.cpu.ferr = Line(line, 0);
    cr0(0, cr0::NE);
    m.poke16(kImage, 0x37b);
    m.code(divide_by_zero());
    m.run(5);
    EXPECT_EQ(line.levels, std::vector<bool>{true});
    execute({0xdb, 0xe2});  // FNCLEX
    EXPECT_EQ(line.levels, (std::vector<bool>{true, false}));
}

TEST_F(Fpu, WithoutNeTheProcessorWaitsUntilIgnneIsAsserted) {
    cr0(0, cr0::NE);
    m.poke16(kImage, 0x37b);
    m.code(divide_by_zero());
    m.run(5);
    m.cpu.state.rip = TestMachine::kCodeBase;
    m.code({0xd9, 0xe8, 0x90});    // FLD1
    m.run(3);
    EXPECT_EQ(m.rip(), TestMachine::kCodeBase);
    m.cpu.set_line(static_cast<unsigned>(CpuPin::Ignne), true);
    m.run();
    EXPECT_EQ(m.rip(), TestMachine::kCodeBase + 2u);
    EXPECT_EQ(f.status_word() & 0x80, 0x80);    // still pending
    m.cpu.set_line(static_cast<unsigned>(CpuPin::Ignne), false);
    EXPECT_EQ(rip_after({0x9b}), TestMachine::kCodeBase);
}

TEST_F(Fpu, EnvironmentsAreAlignedToTheirOperandSize) {
    struct Case {
        std::initializer_list<u8> code;
        u32 misalignment;
        bool faults;
    };
    m.enter_protected(3);
    for (const Case& c : {Case{{0xd9, 0x21}, 2, true}, Case{{0xd9, 0x21}, 4, false}, Case{{0x66, 0xd9, 0x21}, 2, false},
                          Case{{0x66, 0xd9, 0x21}, 1, true}, Case{{0xdd, 0x21}, 2, true}, Case{{0xdd, 0x21}, 4, false},
                          Case{{0xd9, 0x31}, 1, true}, Case{{0xdd, 0x31}, 2, true}, Case{{0xdd, 0x31}, 12, false}}) {
        m.enter_protected(3);
        m.cpu.state.cr0 |= cr0::AM | cr0::NE;
        m.cpu.set_eflags(2 | flag::AC);
        m.cpu.update_mode();
        for (u32 n = 0; n < 128; n += 2) m.poke16(kImage + n, n == 0 || n == c.misalignment ? 0x37f : 0);
        m.cpu.put<u32>(reg::CX, kImage + c.misalignment);
        execute(c.code);
        EXPECT_EQ(m.rip(), c.faults ? handler(17) : TestMachine::kCodeBase + c.code.size())
            << int{*(c.code.end() - 1)} << " " << int{*(c.code.end() - 2)} << " at " << c.misalignment;
    }
}

TEST_F(Fpu, UnmaskingASetFlagMakesItPending) {
    execute({0xdb, 0xe3});
    f.status = 0x20;
    m.poke16(kImage, 0x35f);
    execute({0xd9, 0x29});  // FLDCW
    EXPECT_EQ(f.status_word(), 0x80a0);
    EXPECT_EQ(rip_after({0xd9, 0xe8}), handler(16));
}

TEST_F(Fpu, StackOverflowSetsC1AndStoresTheIndefinite) {
    execute({0xdb, 0xe3});
    for (unsigned n = 0; n < 9; n++) execute({0xd9, 0xe8});
    EXPECT_EQ(f.status_word() & 0x27f, 0x241);  // C1, SF, IE
    EXPECT_EQ(f.registers[7].significand, 0xc000000000000000u);
    EXPECT_EQ(f.registers[7].exponent, 0xffff);
}

TEST_F(Fpu, PackedOperandsMustBeAligned) {
    m.cpu.put<u32>(reg::CX, kImage + 8);
    EXPECT_EQ(rip_after({0x0f, 0x28, 0x01}), handler(13));                  // MOVAPS load
    EXPECT_EQ(rip_after({0x0f, 0x29, 0x01}), handler(13));                  // … store
    EXPECT_EQ(rip_after({0x0f, 0x58, 0x01}), handler(13));                  // ADDPS
    EXPECT_EQ(rip_after({0x66, 0x0f, 0xef, 0x01}), handler(13));            // PXOR
    EXPECT_EQ(rip_after({0x0f, 0x10, 0x01}), TestMachine::kCodeBase + 3u);  // MOVUPS
    EXPECT_EQ(rip_after({0xf3, 0x0f, 0x6f, 0x01}), TestMachine::kCodeBase + 4u);
    EXPECT_EQ(rip_after({0xf3, 0x0f, 0x58, 0x01}), TestMachine::kCodeBase + 4u);  // ADDSS
}

TEST_F(Fpu, AccessesAcrossPagesAreWhole) {
    for (u32 n = 0; n < 16; n++) m.poke8(0x5ff8 + n, 0xa0 + n);
    m.cpu.put<u32>(reg::CX, 0x5ff8);
    execute({0x0f, 0x10, 0x11});  // MOVUPS xmm2
    for (unsigned n = 0; n < 16; n++) EXPECT_EQ(f.vectors[2].bytes[n], 0xa0 + n);
    m.cpu.put<u32>(reg::CX, 0x6ff3);
    execute({0x0f, 0x11, 0x11});
    for (u32 n = 0; n < 16; n++) EXPECT_EQ(m.peek8(0x6ff3 + n), 0xa0 + n);
}

TEST_F(Fpu, MaskmovdquStoresOnlyTheMaskedBytes) {
    for (unsigned n = 0; n < 16; n++) {
        f.vectors[0].bytes[n] = static_cast<u8>(0x10 + n);
        f.vectors[1].bytes[n] = n % 3 == 0 ? 0x80 : 0x7f;
        m.poke8(kImage + n, 0xee);
    }
    m.cpu.put<u32>(reg::DI, kImage);
    execute({0x66, 0x0f, 0xf7, 0xc1});
    for (u32 n = 0; n < 16; n++) EXPECT_EQ(m.peek8(kImage + n), n % 3 == 0 ? 0x10 + n : 0xeeu);
}

TEST_F(Fpu, MxcsrFlagsGatherAndAreSeenByStmxcsr) {
    f.mxcsr = 0x1f80;
    const u32 third[] = {0x3f800000, 0x40400000};
    std::memcpy(f.vectors[0].bytes.data(), &third[0], 4);
    std::memcpy(f.vectors[1].bytes.data(), &third[1], 4);
    m.code({0xf3, 0x0f, 0x5e, 0xc1, 0x0f, 0xae, 0x19});  // DIVSS; STMXCSR [ECX]
    m.run(2);
    EXPECT_EQ(m.peek32(kImage), 0x1fa0u);
    EXPECT_EQ(f.mxcsr, 0x1fa0u);
}

TEST_F(Fpu, TwoProcessorsTakeTurnsOnTheHostsUnits) {
    Ours other;
    FpuState& g = other.machine.cpu.state.fpu;
    other.machine.cpu.put<u32>(reg::CX, kImage);
    execute({0xdb, 0xe3});
    g.control = 0xf7f;  // rounds towards zero
    g.mxcsr = 0x7f80;
    other.machine.poke32(kImage, 3);
    m.poke32(kImage, 3);
    for (TestMachine* each : {&m, &other.machine}) {
        each->code({0xd9, 0xe8, 0xda, 0x31});  // FLD1; FIDIV m32
        each->run(2);
    }
    EXPECT_EQ(f.registers[7].significand, 0xaaaaaaaaaaaaaaabu);
    EXPECT_EQ(g.registers[7].significand, 0xaaaaaaaaaaaaaaaau);
    EXPECT_EQ(f.status_word() & 0x23f, 0x220);  // inexact, rounded up
    EXPECT_EQ(g.status_word() & 0x23f, 0x020);
    u16 control;
    asm("fnstcw %0" : "=m"(control));
    EXPECT_EQ(control, 0x37f);
    u32 mxcsr;
    asm("stmxcsr %0" : "=m"(mxcsr));
    EXPECT_EQ(mxcsr & ~0x3fu, 0x1f80u);
}

TEST_F(Fpu, AFaultingStoreChangesNothing) {
    execute({0xdb, 0xe3});
    execute({0xd9, 0xeb});  // FLDPI
    const u16 status = f.status_word();
    // Beyond the limit of a segment that ends below the operand.
    Segment& ds = m.cpu.segment(Seg::DS);
    ds.limit = 0xfff;
    Cpu::update_windows(ds);
    m.cpu.update_mode();
    EXPECT_EQ(rip_after({0xd9, 0x19}), handler(13));  // FSTP m32
    EXPECT_EQ(f.status_word(), status);
    EXPECT_EQ(f.valid, 0x80);
    EXPECT_EQ(rip_after({0xdd, 0x31}), handler(13));  // FNSAVE
    EXPECT_EQ(f.valid, 0x80);
}

}  // namespace
}  // namespace gnomon
