#include "cpu/decode.h"
#include "cpu/test_machine.h"

namespace gnomon {
namespace {

constexpr u32 handler(unsigned vector) { return TestMachine::kHandler + vector * 16; }

TEST(TestRegisters, TheModelDecidesWhichThereAre) {
    struct Case {
        const char* model;
        u8 number;
        bool exists;
    };
    for (const Case& c :
         {Case{"386", 6, true}, Case{"386", 7, true}, Case{"386", 3, false}, Case{"486", 3, true},
          Case{"486", 7, true}, Case{"486", 2, false}, Case{"pentium", 6, false}}) {
        TestMachine m(*find_model(c.model));
        m.enter_protected();
        m.code({0x0f, 0x26, static_cast<u8>(0xc1 | c.number << 3), 0x0f, 0x24,
                static_cast<u8>(0xc2 | c.number << 3)});
        m.cpu.put<u32>(reg::CX, 0x1234'5600);
        m.run(2);
        EXPECT_EQ(m.rip() == TestMachine::kCodeBase + 6, c.exists) << c.model << " TR" << int{c.number};
        if (c.exists) EXPECT_EQ(m.gpr(reg::DX), 0x1234'5600u);
    }
}

TEST(TestRegisters, ALookupInTheTlbMisses) {
    TestMachine m(*find_model("386"));
    m.enter_protected();
    m.cpu.state.test_registers[4] = 0x10;  // TR7.PL
    m.code({0x0f, 0x26, 0xf1, 0x0f, 0x24, 0xfa});
    m.cpu.put<u32>(reg::CX, 0x5001);  // TR6.C: look up
    m.run(2);
    EXPECT_EQ(m.gpr(reg::DX), 0u);
}

TEST(TestRegisters, AreThereForTheSupervisorOnly) {
    TestMachine m(*find_model("486"));
    m.enter_protected(3);
    m.code({0x0f, 0x24, 0xf2});
    m.run();
    EXPECT_EQ(m.rip(), handler(13));
}

class Loadall : public testing::Test {
  protected:
    static constexpr u32 kTable = 0x50000;

    void word(u32 at, u32 value) { m.poke32(kTable + at, value); }
    void descriptor(u32 at, u32 access, u32 base, u32 limit) {
        word(at, access << 8);
        word(at + 4, base);
        word(at + 8, limit);
    }

    TestMachine m{*find_model("386")};
};

TEST_F(Loadall, LoadsDescriptorCachesThatNoDescriptorBacks) {
    m.enter_real();
    m.cpu.segment(Seg::ES).base = kTable;
    m.cpu.put<u32>(reg::DI, 0);
    word(0x00, 0);  // CR0: stays in real mode
    word(0x04, 0x246);
    word(0x08, 0x123);
    for (u32 n = 0; n < 8; n++) word(0x0c + 4 * n, 0xa0 + n);
    word(0x2c, 0xffff0ff0);
    word(0x30, 0x400);
    for (u32 n = 0; n < 8; n++) word(0x34 + 4 * n, 0x1000 + n);  // TR, LDTR, GS, FS, DS, SS, CS, ES
    descriptor(0x54, 0x8b, 0x3000, 0x67);
    descriptor(0x60, 0, 0x7000, 0x3ff);
    descriptor(0x6c, 0, 0x8000, 0xff);
    descriptor(0x78, 0x82, 0x9000, 0xf);
    for (u32 n = 0; n < 4; n++) descriptor(0x84 + 12 * n, 0x93, 0x11000 + n, 0xffffffff);  // GS, FS, DS, SS
    descriptor(0xb4, 0x93, 0x20000, 0xffff);
    descriptor(0xc0, 0x93, 0x100000, 0xffffffff);
    m.code({0x0f, 0x07});
    m.run();
    EXPECT_EQ(m.rip(), 0x123u);
    EXPECT_EQ(m.cpu.eflags(), 0x246u);
    for (unsigned n = 0; n < 8; n++) EXPECT_EQ(m.gpr(7 - n), 0xa0 + n);
    EXPECT_EQ(m.cs(), 0x1006);
    EXPECT_EQ(m.cpu.segment(Seg::CS).base, 0x20000u);
    EXPECT_EQ(m.cpu.segment(Seg::ES).selector, 0x1007);
    EXPECT_EQ(m.cpu.segment(Seg::ES).base, 0x100000u);
    EXPECT_EQ(m.cpu.segment(Seg::GS).base, 0x11000u);
    EXPECT_EQ(m.cpu.state.idtr.base, 0x7000u);
    EXPECT_EQ(m.cpu.state.gdtr.limit, 0xff);
    // Real mode, and 4 GiB: what memory managers used it for.
    m.poke8(0x180000, 0x5a);
    m.poke8(0x20123, 0x26);  // mov al, es:[0x80000], address size 32
    m.poke8(0x20124, 0x67);
    m.poke8(0x20125, 0xa0);
    m.poke32(0x20126, 0x80000);
    m.run();
    EXPECT_EQ(m.gpr(reg::AX) & 0xff, 0x5au);
}

TEST_F(Loadall, IsUndefinedOnOtherModels) {
    TestMachine other(*find_model("486"));
    other.enter_protected();
    other.code({0x0f, 0x07});
    other.run();
    EXPECT_EQ(other.rip(), handler(6));
}

}  // namespace
}  // namespace gnomon
