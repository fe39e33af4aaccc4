// Supervisor-mode access and execution prevention, protection keys, UMIP, PCIDs, 5-level paging, and the small system
// instructions of later processors, run as programs. SDM Vol. 3, "Paging", "Determination of Access Rights".
#include "cpu/fpu/xsave.h"
#include "cpu/long_mode_machine.h"
#include "cpu/msr.h"

namespace gnomon {
namespace {

constexpr u32 kUserPage = 0x50000;
constexpr u64 kUserBits = 7, kSupervisorBits = 3;
constexpr u64 kNoExecute = u64{1} << 63;
constexpr u64 key(u64 n) { return n << 59; }

/// mov rax, [rbx] and mov [rbx], rax.
constexpr auto kLoad = {u8{0x48}, u8{0x8b}, u8{0x03}};
constexpr auto kStore = {u8{0x48}, u8{0x89}, u8{0x03}};

class PagingRights : public testing::Test {
  protected:
    LongMachine m;

    void start(unsigned cpl = 0) {
        m.enter_long(cpl);
        m.use_small_pages();
        if (cpl == 3) {
            for (const u32 page : {TestMachine::kCodeBase, TestMachine::kUserStack - 0x1000}) m.set_page(page, kUserBits);
        }
        m.cpu.state.gpr[reg::BX] = kUserPage;
    }
    /// Runs one instruction; "ok", or vector and error code.
    std::string step(std::initializer_list<u8> bytes) {
        m.cpu.state.rip = TestMachine::kCodeBase;
        m.code(bytes);
        m.run();
        const u64 rip = m.rip();
        if (rip < TestMachine::kHandler || rip >= TestMachine::kHandler + 32 * 16) return "ok";
        const unsigned vector = static_cast<unsigned>(rip - TestMachine::kHandler) / 16;
        std::string text = fmt::format("#{} {:x}", vector, m.stack64(0));
        if (vector == 6) text = "#UD";
        leave_handler(vector);
        return text;
    }

  private:
    void leave_handler(unsigned vector) {
        const unsigned skip = vector == 6 ? 0 : 1;
        const u64 frame = m.rsp() + 8 * skip;
        m.cpu.state.gpr[reg::SP] = frame;
        ASSERT_EQ(interrupt_return(m.cpu, 8), Outcome::Jump);
    }
};

TEST_F(PagingRights, SmapKeepsTheSupervisorFromUserDataUnlessAcIsSet) {
    start();
    m.set_page(kUserPage, kUserBits);
    EXPECT_EQ(step(kLoad), "ok");
    m.set_cr4(cr4::SMAP);
    EXPECT_EQ(step(kLoad), "#14 1");
    EXPECT_EQ(m.cpu.state.cr2, kUserPage);
    EXPECT_EQ(step(kStore), "#14 3");
    EXPECT_EQ(step({0x0f, 0x01, 0xcb}), "ok");  // stac
    EXPECT_EQ(step(kLoad), "ok");
    EXPECT_EQ(step(kStore), "ok");
    EXPECT_EQ(step({0x0f, 0x01, 0xca}), "ok");  // clac
    EXPECT_EQ(step(kLoad), "#14 1") << "although the override's table holds the page";
}

TEST_F(PagingRights, SmapJudgesTablesAsIfAcWereClear) {
    start();
    m.set_page(TestMachine::kGdt, kUserBits);
    m.set_cr4(cr4::SMAP);
    m.cpu.state.eflags |= flag::AC;
    m.cpu.update_mode();
    EXPECT_FALSE(load_segment(m.cpu, Seg::DS, sel::kData));
    EXPECT_TRUE(fault_is(m.cpu, Vector::PF, 1));
}

TEST_F(PagingRights, SmepKeepsTheSupervisorFromUserCode) {
    start();
    m.set_page(kUserPage, kUserBits);
    m.poke8(kUserPage, 0x90);
    m.set_cr4(cr4::SMEP);
    m.cpu.state.rip = kUserPage;
    m.run();
    EXPECT_EQ(m.rip(), TestMachine::kHandler + 14 * 16);
    EXPECT_EQ(m.stack64(0), 0x11u);
}

TEST_F(PagingRights, NoExecuteIsAFetchFault) {
    start();
    m.set_page(kUserPage, kSupervisorBits | kNoExecute);
    m.cpu.state.rip = kUserPage;
    m.run();
    EXPECT_EQ(m.rip(), TestMachine::kHandler + 14 * 16);
    EXPECT_EQ(m.stack64(0), 0x11u);
}

TEST_F(PagingRights, ProtectionKeysOfUserPages) {
    start(3);
    m.set_page(kUserPage, kUserBits | key(3));
    EXPECT_EQ(step({0x0f, 0x01, 0xef}), "#UD") << "WRPKRU without CR4.PKE";
    m.set_cr4(cr4::PKE);
    const auto set_rights = [&](u32 pkru) {
        m.cpu.state.gpr[reg::AX] = pkru;
        m.cpu.state.gpr[reg::CX] = m.cpu.state.gpr[reg::DX] = 0;
        EXPECT_EQ(step({0x0f, 0x01, 0xef}), "ok");
    };
    EXPECT_EQ(step(kStore), "ok");
    set_rights(2u << 6);  // WD of key 3
    EXPECT_EQ(step(kLoad), "ok");
    EXPECT_EQ(step(kStore), "#14 27");
    set_rights(1u << 6);  // AD
    EXPECT_EQ(step(kLoad), "#14 25");
    set_rights(~0u & ~(3u << 6));
    m.set_page(kUserPage, kUserBits | key(3));
    EXPECT_EQ(m.cpu.state.pkru, 0xffffff3fu);
    m.cpu.state.gpr[reg::CX] = 1;
    EXPECT_EQ(step({0x0f, 0x01, 0xef}), "#13 0");
}

TEST_F(PagingRights, WriteDisableStopsTheSupervisorUnderWriteProtectOnly) {
    start();
    m.set_page(kUserPage, kUserBits | key(5));
    m.set_cr4(cr4::PKE);
    m.cpu.state.pkru = 2u << 10;
    m.cpu.update_paging(false);
    EXPECT_EQ(step(kStore), "ok");
    ASSERT_TRUE(write_cr0(m.cpu, m.cpu.state.cr0 | cr0::WP));
    EXPECT_EQ(step(kStore), "#14 23");
}

TEST_F(PagingRights, ProtectionKeysOfSupervisorPages) {
    start();
    m.set_page(kUserPage, kSupervisorBits | key(15));
    m.set_cr4(cr4::PKS);
    ASSERT_TRUE(write_msr(m.cpu, 0x6e1, 1u << 30));
    EXPECT_EQ(step(kLoad), "#14 21");
    EXPECT_FALSE(write_msr(m.cpu, 0x6e1, u64{1} << 32));
    ASSERT_TRUE(write_msr(m.cpu, 0x6e1, 0));
    EXPECT_EQ(step(kLoad), "ok");
}

TEST_F(PagingRights, UmipHidesTheTablesFromLevel3) {
    start(3);
    m.set_page(kUserPage, kUserBits);
    const std::initializer_list<u8> hidden[] = {
        {0x0f, 0x01, 0x03},  // sgdt [rbx]
        {0x0f, 0x01, 0x0b},  // sidt [rbx]
        {0x0f, 0x00, 0x03},  // sldt [rbx]
        {0x0f, 0x00, 0xc8},  // str eax
        {0x0f, 0x01, 0xe0},  // smsw eax
    };
    for (const auto& bytes : hidden) EXPECT_EQ(step(bytes), "ok");
    m.set_cr4(cr4::UMIP);
    for (const auto& bytes : hidden) EXPECT_EQ(step(bytes), "#13 0");
}

TEST_F(PagingRights, TablesAreStoredAndLoadedWithTenBytes) {
    start();
    ASSERT_EQ(step({0x0f, 0x01, 0x03}), "ok");
    EXPECT_EQ(m.peek16(kUserPage), sel64::kLast - 1u);
    EXPECT_EQ(m.peek64(kUserPage + 2), TestMachine::kGdt);
    m.poke64(kUserPage + 2, LongMachine::kHigh + TestMachine::kGdt);
    ASSERT_EQ(step({0x0f, 0x01, 0x13}), "ok");  // lgdt [rbx]
    EXPECT_EQ(m.cpu.state.gdtr.base, LongMachine::kHigh + TestMachine::kGdt);
    m.poke64(kUserPage + 2, u64{1} << 60);
    EXPECT_EQ(step({0x0f, 0x01, 0x13}), "#13 0");
}

TEST_F(PagingRights, ControlRegistersAre64BitsWide) {
    start();
    m.cpu.state.gpr[reg::AX] = 0xffff'8000'1234'5678;
    ASSERT_EQ(step({0x0f, 0x22, 0xd0}), "ok");  // mov cr2, rax
    ASSERT_EQ(step({0x0f, 0x20, 0xd3}), "ok");  // mov rbx, cr2
    EXPECT_EQ(m.cpu.state.gpr[reg::BX], 0xffff'8000'1234'5678u);
    EXPECT_EQ(step({0x0f, 0x23, 0xf8}), "#13 0") << "DR7 has 32 bits";
    EXPECT_EQ(step({0x0f, 0x22, 0xc0}), "#13 0") << "CR0 too";
    m.cpu.state.gpr[reg::AX] = 9;
    ASSERT_EQ(step({0x44, 0x0f, 0x22, 0xc0}), "ok");  // mov cr8, rax
    ASSERT_EQ(step({0x44, 0x0f, 0x20, 0xc3}), "ok");
    EXPECT_EQ(m.cpu.state.gpr[reg::BX], 9u);
    m.cpu.state.gpr[reg::AX] = 16;
    EXPECT_EQ(step({0x44, 0x0f, 0x22, 0xc0}), "#13 0");
}

TEST_F(PagingRights, InvpcidChecksItsOperandAndDropsThePage) {
    start();
    m.set_cr4(cr4::PCIDE);
    ASSERT_EQ(step(kLoad), "ok");
    m.poke64(LongMachine::kTable + (kUserPage >> 12) * 8, 0x60000 | 3);
    m.poke64(0x60000, 0x77);
    m.poke64(0x61000, 0);
    m.poke64(0x61008, kUserPage);
    m.cpu.state.gpr[reg::CX] = 0x61000;
    m.cpu.state.gpr[reg::DX] = 0;
    ASSERT_EQ(step({0x66, 0x0f, 0x38, 0x82, 0x11}), "ok");  // invpcid rdx, [rcx]
    ASSERT_EQ(step(kLoad), "ok");
    EXPECT_EQ(m.cpu.state.gpr[reg::AX], 0x77u);
    m.cpu.state.gpr[reg::DX] = 4;
    EXPECT_EQ(step({0x66, 0x0f, 0x38, 0x82, 0x11}), "#13 0");
    m.cpu.state.gpr[reg::DX] = 0;
    m.poke64(0x61000, 0x1000);
    EXPECT_EQ(step({0x66, 0x0f, 0x38, 0x82, 0x11}), "#13 0") << "a PCID of 13 bits";
    m.poke64(0x61000, 0);
    m.poke64(0x61008, u64{1} << 50);
    EXPECT_EQ(step({0x66, 0x0f, 0x38, 0x82, 0x11}), "#13 0") << "not canonical";
}

TEST_F(PagingRights, AGigabytePageNeedsTheFeature) {
    start();
    m.poke64(LongMachine::kPdpt + 8, 0x83);
    m.cpu.state.gpr[reg::BX] = 0x4000'0000 + kUserPage;
    m.poke64(kUserPage, 0x1234);
    ASSERT_EQ(step(kLoad), "ok");
    EXPECT_EQ(m.cpu.state.gpr[reg::AX], 0x1234u);
    CpuModel small = long_model();
    small.features.set(Feature::PDPE1GB, false);
    LongMachine without(small);
    without.enter_long();
    without.poke64(LongMachine::kPdpt + 8, 0x83);
    u64 value;
    EXPECT_FALSE(without.cpu.read_linear(0x4000'0000, value, Privilege::Supervisor));
    EXPECT_TRUE(fault_is(without.cpu, Vector::PF, 9));
}

TEST(FiveLevelPaging, TranslatesAndMakes57BitsCanonical) {
    LongMachine m;
    m.enter_protected();
    constexpr u32 kPml5 = 0x184000;
    m.poke64(kPml5, LongMachine::kPml4 | 7);
    m.poke64(kPml5 + 0x100 * 8, LongMachine::kPml4 | 7);
    ASSERT_TRUE(write_cr4(m.cpu, cr4::PAE | cr4::LA57));
    ASSERT_TRUE(write_cr3(m.cpu, kPml5));
    ASSERT_TRUE(write_efer(m.cpu, efer::LME));
    ASSERT_TRUE(write_cr0(m.cpu, m.cpu.state.cr0 | cr0::PG));
    m.poke64(kUserPage, 0xabcd);
    u64 value = 0;
    const u64 high = 0xff00'0000'0000'0000 | kUserPage;
    EXPECT_TRUE(m.cpu.canonical(high));
    EXPECT_TRUE(m.cpu.canonical(u64{1} << 47));
    EXPECT_FALSE(m.cpu.canonical(u64{1} << 56));
    ASSERT_TRUE(m.cpu.read_linear(high, value, Privilege::Supervisor));
    EXPECT_EQ(value, 0xabcdu);
    EXPECT_FALSE(write_cr4(m.cpu, cr4::PAE));
}

TEST_F(PagingRights, ReadersOfTheProcessorNumber) {
    start();
    ASSERT_TRUE(write_msr(m.cpu, 0xc0000103, 0x5007));
    EXPECT_FALSE(write_msr(m.cpu, 0xc0000103, u64{1} << 32));
    ASSERT_EQ(step({0x0f, 0x01, 0xf9}), "ok");  // rdtscp
    EXPECT_EQ(m.cpu.state.gpr[reg::CX], 0x5007u);
}

/// x87, SSE and PKRU enabled, an area at kUserPage.
class ExtendedState : public PagingRights {
  protected:
    static constexpr u32 kArea = kUserPage;
    void SetUp() override {
        CpuState& s = m.cpu.state;
        start();
        m.set_cr4(cr4::OSXSAVE | cr4::OSFXSR);
        s.xcr0 = xcr0::X87 | xcr0::SSE | xcr0::PKRU;
        s.gpr[reg::BX] = kArea;
        request(~0u);
        for (unsigned i = 0; i < 16; i++) s.fpu.vectors[i].bytes.fill(static_cast<u8>(i + 1));
        s.pkru = 0x12345678;
    }
    void request(u32 mask) {
        m.cpu.state.gpr[reg::AX] = mask;
        m.cpu.state.gpr[reg::DX] = 0;
    }
};

TEST_F(ExtendedState, XsaveStoresTheStandardForm) {
    m.poke64(kArea + 512, u64{1} << 2);
    ASSERT_EQ(step({0x48, 0x0f, 0xae, 0x23}), "ok");  // xsave64 [rbx]
    EXPECT_EQ(m.peek64(kArea + 512), xcr0::SSE | xcr0::PKRU | 4u) << "x87 is in its initial configuration; bit 2 was not asked for";
    EXPECT_EQ(m.peek32(kArea + 24), 0x1f80u);
    EXPECT_EQ(m.peek8(kArea + 160 + 15 * 16), 16u);
    EXPECT_EQ(m.peek32(kArea + 2688), 0x12345678u);
}

TEST_F(ExtendedState, XsavecPacksAndXrstorUnpacks) {
    ASSERT_EQ(step({0x48, 0x0f, 0xc7, 0x23}), "ok");  // xsavec64 [rbx]
    EXPECT_EQ(m.peek64(kArea + 520), u64{1} << 63 | 0x203u);
    EXPECT_EQ(m.peek32(kArea + 576), 0x12345678u);
    m.cpu.state.pkru = 0;
    m.cpu.state.fpu.vectors[15].bytes.fill(0xee);
    m.cpu.state.fpu.control = 0x40;
    request(~0u);
    ASSERT_EQ(step({0x48, 0x0f, 0xae, 0x2b}), "ok");  // xrstor64 [rbx]
    EXPECT_EQ(m.cpu.state.pkru, 0x12345678u);
    EXPECT_EQ(m.cpu.state.fpu.vectors[15].bytes[0], 16u);
    EXPECT_EQ(m.cpu.state.fpu.vectors[15].bytes[16], 0xeeu) << "only the XMM part";
    EXPECT_EQ(m.cpu.state.fpu.control, 0x37fu) << "initialised";
}

TEST_F(ExtendedState, XrstorRefusesBadHeaders) {
    ASSERT_EQ(step({0x48, 0x0f, 0xae, 0x23}), "ok");
    m.poke64(kArea + 512, u64{1} << 2);  // AVX is not in XCR0
    EXPECT_EQ(step({0x48, 0x0f, 0xae, 0x2b}), "#13 0");
    m.poke64(kArea + 512, 0);
    m.poke64(kArea + 528, 1);
    EXPECT_EQ(step({0x48, 0x0f, 0xae, 0x2b}), "#13 0");
    m.poke64(kArea + 528, 0);
    m.poke32(kArea + 24, 0x10000);
    EXPECT_EQ(step({0x48, 0x0f, 0xae, 0x2b}), "#13 0") << "MXCSR";
    m.cpu.state.gpr[reg::BX] = kArea + 16;
    EXPECT_EQ(step({0x48, 0x0f, 0xae, 0x2b}), "#13 0") << "alignment";
}

TEST_F(ExtendedState, NeedsOsxsaveAndObeysTs) {
    m.cpu.state.cr0 |= cr0::TS;
    m.cpu.update_mode();
    m.cpu.state.rip = TestMachine::kCodeBase;
    m.code({0x48, 0x0f, 0xae, 0x23});
    m.run();
    EXPECT_EQ(m.rip(), TestMachine::kHandler + 7 * 16);
    m.cpu.state.cr0 &= ~cr0::TS;
    m.cpu.state.cr4 &= ~cr4::OSXSAVE;
    m.cpu.update_mode();
    EXPECT_EQ(step({0x48, 0x0f, 0xae, 0x23}), "#UD");
    EXPECT_EQ(step({0x0f, 0x01, 0xd0}), "#UD");
}

TEST_F(ExtendedState, XsetbvTakesOnlyCombinationsThatMakeSense) {
    m.cpu.state.gpr[reg::CX] = 0;
    const auto try_value = [&](u32 value) {
        request(value);
        return step({0x0f, 0x01, 0xd1});
    };
    EXPECT_EQ(try_value(0x203), "ok");
    EXPECT_EQ(m.cpu.state.xcr0, 0x203u);
    EXPECT_EQ(try_value(0x202), "#13 0") << "x87 is always there";
    EXPECT_EQ(try_value(0x401), "#13 0") << "a component that does not exist";
    m.cpu.state.gpr[reg::CX] = 2;
    EXPECT_EQ(try_value(3), "#13 0");
    m.cpu.state.gpr[reg::CX] = 0;
    ASSERT_EQ(step({0x0f, 0x01, 0xd0}), "ok");  // xgetbv
    EXPECT_EQ(m.gpr(reg::AX), 0x203u);
}

TEST(RandomNumbers, RepeatInDeterministicTime) {
    const auto three = [] {
        LongMachine m;
        m.enter_long();
        m.code({0x48, 0x0f, 0xc7, 0xf0, 0x48, 0x0f, 0xc7, 0xf3, 0x48, 0x0f, 0xc7, 0xf9});  // rdrand rax, rbx; rdseed rcx
        m.run(3);
        EXPECT_TRUE(m.cpu.eflags() & flag::CF);
        return std::array{m.cpu.state.gpr[reg::AX], m.cpu.state.gpr[reg::BX], m.cpu.state.gpr[reg::CX]};
    };
    const auto first = three();
    EXPECT_EQ(first, three());
    EXPECT_NE(first[0], first[1]);
    EXPECT_NE(first[1], first[2]);
}

TEST(FxsaveArea, HoldsSixteenRegistersAndWidePointersIn64BitMode) {
    LongMachine m;
    m.enter_long();
    m.cpu.state.cr4 |= cr4::OSFXSR;
    m.cpu.update_mode();
    for (unsigned i = 0; i < 16; i++) m.cpu.state.fpu.vectors[i].bytes.fill(static_cast<u8>(i + 1));
    m.cpu.state.fpu.instruction_pointer = 0x1234'5678'9abc;
    m.cpu.state.gpr[reg::BX] = kUserPage;
    m.code({0x48, 0x0f, 0xae, 0x03, 0x48, 0x0f, 0xae, 0x0b});  // fxsave64 [rbx]; fxrstor64 [rbx]
    m.run();
    EXPECT_EQ(m.peek64(kUserPage + 8), 0x1234'5678'9abcu);
    EXPECT_EQ(m.peek8(kUserPage + 160 + 15 * 16 + 15), 16u);
    m.cpu.state.fpu.vectors[9].bytes.fill(0);
    m.cpu.state.fpu.instruction_pointer = 0;
    m.run();
    EXPECT_EQ(m.cpu.state.fpu.vectors[9].bytes[3], 10u);
    EXPECT_EQ(m.cpu.state.fpu.instruction_pointer, 0x1234'5678'9abcu);
}

}  // namespace
}  // namespace gnomon
