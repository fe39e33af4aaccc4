#include "cpu/decode.h"
#include "cpu/test_machine.h"

namespace gnomon {
namespace {

void poke(TestMachine& m, u32 at, std::initializer_list<u8> bytes) {
    for (const u8 b : bytes) m.poke8(at++, b);
}

/// Real mode to protected mode with paging and back, as boot loaders do it, with the code that they use.
TEST(Mode, GuestGoesToProtectedModeAndBack) {
    TestMachine m;
    m.enter_real();
    m.poke16(0x50000, 0xdf);
    m.poke32(0x50002, TestMachine::kGdt);
    poke(m, 0x10000, {0x0f, 0x01, 0x16, 0x00, 0x00,                      // lgdt [0]
                      0x0f, 0x20, 0xc0,                                  // mov eax, cr0
                      0x0c, 0x01,                                        // or al, 1
                      0x0f, 0x22, 0xc0,                                  // mov cr0, eax
                      0x66, 0xea, 0x00, 0x00, 0x02, 0x00, 0x08, 0x00});  // jmp dword 8:20000
    poke(m, 0x20000,
         {0x66, 0xb8, 0x10, 0x00,                                      // mov ax, 10
          0x8e, 0xd8,                                                  // mov ds, ax
          0xc7, 0x05, 0x00, 0x00, 0x09, 0x00, 0x78, 0x56, 0x34, 0x12,  // mov dword [90000], 12345678
          0xb8, 0x00, 0x00, 0x10, 0x00,                                // mov eax, 100000
          0x0f, 0x22, 0xd8,                                            // mov cr3, eax
          0x0f, 0x20, 0xc0,                                            // mov eax, cr0
          0x0d, 0x00, 0x00, 0x00, 0x80,                                // or eax, 80000000
          0x0f, 0x22, 0xc0,                                            // mov cr0, eax
          0x8b, 0x1d, 0x00, 0x00, 0x0a, 0x00,                          // mov ebx, [a0000]
          0x25, 0xff, 0xff, 0xff, 0x7f,                                // and eax, 7fffffff
          0x0f, 0x22, 0xc0,                                            // mov cr0, eax
          0xea, 0x00, 0x80, 0x00, 0x00, 0x60, 0x00});                  // jmp 60:8000
    poke(m, 0x18000,
         {0x0f, 0x20, 0xc0, 0x24, 0xfe, 0x0f, 0x22, 0xc0,  // mov eax, cr0; and al, fe; mov cr0, eax
          0xea, 0x00, 0x90, 0x00, 0x10});                  // jmp 1000:9000
    poke(m, 0x19000,
         {0x67, 0x66, 0xa1, 0x00, 0x00, 0x09, 0x00,  // mov eax, [dword 90000]: DS still has 4 GiB
          0xfa, 0xf4});                              // cli; hlt
    // Paging maps a0000 to 90000.
    m.poke32(0x100000, 0x101003);
    for (u32 i = 0; i < 512; i++) m.poke32(0x101000 + 4 * i, (i == 0xa0 ? 0x90 : i) << 12 | 3);

    EXPECT_EQ(m.cpu.run(100), StopReason::Halted);
    EXPECT_EQ(m.gpr(reg::BX), 0x12345678u);
    EXPECT_EQ(m.gpr(reg::AX), 0x12345678u);
    EXPECT_EQ(m.cs(), 0x1000);
    EXPECT_EQ(m.rip(), 0x9009u);
    EXPECT_TRUE(m.cpu.real_mode());
    EXPECT_EQ(m.cpu.mode_key & (mode::kCode32 | mode::kStack32), 0u);
    EXPECT_TRUE(m.cpu.halted_for_good());
}

TEST(Mode, FpuAndSimdTrapsFollowTheControlRegisters) {
    TestMachine m;
    m.enter_protected();
    constexpr u32 kTraps =
        mode::kFpuTrap | mode::kSimdTrap | mode::kMmxUndefined | mode::kSseUndefined | mode::kWaitTrap;
    const auto traps = [&](u64 cr0_bits, u64 cr4_bits) {
        m.cpu.state.cr0 = cr0::PE | cr0::ET | cr0_bits;
        m.cpu.state.cr4 = cr4_bits;
        m.cpu.update_mode();
        return m.cpu.mode_key & kTraps;
    };
    EXPECT_EQ(traps(0, 0), mode::kSseUndefined);
    EXPECT_EQ(traps(0, cr4::OSFXSR), 0u);
    EXPECT_EQ(traps(cr0::TS, cr4::OSFXSR), mode::kFpuTrap | mode::kSimdTrap);
    EXPECT_EQ(traps(cr0::TS | cr0::MP, cr4::OSFXSR), mode::kFpuTrap | mode::kSimdTrap | mode::kWaitTrap);
    EXPECT_EQ(traps(cr0::EM, cr4::OSFXSR), mode::kFpuTrap | mode::kMmxUndefined | mode::kSseUndefined);
}

TEST(Mode, ChangeOfLevelChangesTheTlb) {
    TestMachine m;
    m.enter_protected(3);
    EXPECT_EQ(m.cpu.tlb, m.cpu.mmu().tlb(Privilege::User).entries.data());
    m.code({0xcd, 0x30});
    m.set_gate(0x30, sel::kCode, TestMachine::kHandler, 0xee);
    m.run();
    EXPECT_EQ(m.cpu.tlb, m.cpu.mmu().tlb(Privilege::Supervisor).entries.data());
}

}  // namespace
}  // namespace gnomon
