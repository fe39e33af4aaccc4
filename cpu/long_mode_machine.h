// The test machine in IA-32e mode: 4-level tables that map its 2 MiB at 0 and at the top, a GDT with 64-bit
// descriptors, an IDT of 64-bit gates and a 64-bit TSS.
#pragma once

#include "cpu/control_registers.h"
#include "cpu/long_mode.h"
#include "cpu/test_machine.h"

namespace gnomon {

// Selectors of the GDT in IA-32e mode, RPL 0; below them are those of the 32-bit test machine.
namespace sel64 {
inline constexpr u16 kCode = 0xe0, kUserCode = 0xe8, kTss = 0xf0, kLdt = 0x100, kGate = 0x110,
                     kInnerGate = 0x120, kReservedCode = 0x130, kConforming = 0x138, kBadUpper = 0x140,
                     kGateToCompat = 0x150, kTss16 = 0x160, kHighTss = 0x170, kBrokenTss = 0x180,
                     kLast = 0x190;
}

/// The default model with what 64-bit systems use.
inline CpuModel long_model(std::string_view vendor = kVendorIntel) {
    CpuModel model = default_model();
    model.vendor = vendor;
    using enum Feature;
    for (const Feature f :
         {LongMode, SYSCALL, NX, FSGSBASE, PCID, INVPCID, SMEP, SMAP, UMIP, PKU, PKS, RDTSCP, LA57, PDPE1GB, RDPID, RDRAND, RDSEED, XSAVE, XSAVEOPT, XSAVEC, XGETBV1, XSAVES})
        model.features.set(f);
    model.physical_bits = 40;
    return model;
}

class LongMachine : public TestMachine {
  public:
    static constexpr u32 kPml4 = 0x180000, kPdpt = 0x181000, kDirectory = 0x182000, kTable = 0x183000,
                         kTss = 0x3800, kRsp0 = 0x44000, kRsp1 = 0x45000, kIst1 = 0x46008, kIst3 = 0x47000;
    static constexpr u64 kHigh = 0xffff'ffff'ffe0'0000;  ///< the same 2 MiB again
    static constexpr u8 kLongPages = 0xa;                // G, L

    explicit LongMachine(const CpuModel& model = intel()) : TestMachine(model) {
        for (const u32 at : {kPml4, kPml4 + 511 * 8}) poke64(at, kPdpt | 7);
        for (const u32 at : {kPdpt, kPdpt + 511 * 8}) poke64(at, kDirectory | 7);
        poke64(kDirectory, 0x87);
        poke64(kDirectory + 511 * 8, 0x87);
        const auto set = [&](u16 selector, u64 low, u64 high = 0) {
            poke64(kGdt + selector, low);
            if (high) poke64(kGdt + selector + 8u, high);
        };
        set(sel64::kCode, make_descriptor(0, 0xfffff, 0x9b, kLongPages));
        set(sel64::kUserCode, make_descriptor(0, 0xfffff, 0xfb, kLongPages));
        set(sel64::kTss, make_descriptor(kTss, 0x67, 0x89));
        set(sel64::kLdt, make_descriptor(kLdtBase, 0x1f, 0x82));
        set(sel64::kGate, make_gate(sel64::kCode, kHandler, 0xec));
        set(sel64::kInnerGate, make_gate(sel64::kCode, 0xffe0'1000, 0xec), 0xffff'ffff);
        set(sel64::kReservedCode, make_descriptor(0, 0xfffff, 0x9b, 0xe));
        set(sel64::kConforming, make_descriptor(0, 0xfffff, 0x9f, kLongPages));
        set(sel64::kBadUpper, make_gate(sel64::kCode, kHandler, 0xec), u64{1} << 40);
        set(sel64::kGateToCompat, make_gate(sel::kCode, kHandler, 0xec));
        set(sel64::kTss16, make_descriptor(kTss, 0x67, 0x81));
        set(sel64::kHighTss, make_descriptor(static_cast<u32>(kHigh) + kTss, 0x67, 0x89), 0xffff'ffff);
        set(sel64::kBrokenTss, make_descriptor(kTss, 0x67, 0x89), 0x8000'0000);
        for (unsigned vector = 0; vector < 64; vector++)
            set_gate64(vector, sel64::kCode, kHandler + vector * 16, 0x8e);
        poke64(kTss + 4, kRsp0);
        poke64(kTss + 0xc, kRsp1);
        poke64(kTss + 0x24, kIst1);
        poke64(kTss + 0x34, kIst3);
    }
    static const CpuModel& intel() {
        static const CpuModel model = long_model();
        return model;
    }
    static const CpuModel& amd() {
        static const CpuModel model = long_model(kVendorAmd);
        return model;
    }

    /// 64-bit mode, or compatibility mode, at level `cpl`.
    void enter_long(unsigned cpl = 0, bool compatibility = false) {
        enter_protected(0);
        CpuState& s = cpu.state;
        ASSERT_TRUE(write_cr4(cpu, s.cr4 | cr4::PAE));
        ASSERT_TRUE(write_cr3(cpu, kPml4));
        ASSERT_TRUE(write_efer(cpu, efer::LME | efer::SCE | efer::NXE));
        ASSERT_TRUE(write_cr0(cpu, s.cr0 | cr0::PG));
        ASSERT_TRUE(long_mode(cpu));
        s.gdtr = {kGdt, sel64::kLast - 1};
        s.idtr = {kIdt, 64 * 16 - 1};
        Descriptor d;
        const u16 code = compatibility ? (cpl ? sel::kUserCode : sel::kCode)
                         : cpl         ? sel64::kUserCode
                                       : sel64::kCode;
        ASSERT_TRUE(fetch_descriptor(cpu, code, Vector::GP, d));
        set_code_segment(cpu, code, d, cpl);
        const u16 data = cpl ? user(sel::kUserData) : sel::kData;
        for (const Seg seg : {Seg::SS, Seg::DS, Seg::ES, Seg::FS, Seg::GS})
            ASSERT_TRUE(load_segment(cpu, seg, data));
        ASSERT_TRUE(fetch_descriptor(cpu, sel64::kTss, Vector::GP, d));
        set_segment(s.tr, sel64::kTss, d);
        s.tr.attributes |= 2;
        s.rip = kCodeBase;
        s.gpr[reg::SP] = cpl ? kUserStack : kStack;
        cpu.update_mode();
    }
    /// Splits the 2 MiB into pages of 4 KiB for the supervisor alone; `set_page` gives one other rights.
    void use_small_pages() {
        for (u32 i = 0; i < 512; i++) poke64(kTable + i * 8, i << 12 | 3u);
        poke64(kDirectory, kTable | 7);
        cpu.mmu().flush_all();
    }
    void set_page(u32 linear, u64 bits) {
        poke64(kTable + (linear >> 12) * 8, (linear & ~0xfffu) | bits);
        cpu.mmu().invlpg(LinearAddr(linear));
    }
    void set_cr4(u64 bits) { ASSERT_TRUE(write_cr4(cpu, cpu.state.cr4 | bits)); }
    void set_gate64(unsigned vector, u16 selector, u64 offset, u8 access, u8 ist = 0) {
        poke64(kIdt + vector * 16, make_gate(selector, static_cast<u32>(offset), access, ist));
        poke64(kIdt + vector * 16 + 8, offset >> 32);
    }
    u64 peek64(u64 at) { return map->read(GuestPhys(at), 8); }
    /// The n-th 64-bit slot of the stack.
    u64 stack64(unsigned n) { return peek64(cpu.state.gpr[reg::SP] + 8 * n); }
    u64 rsp() const { return cpu.state.gpr[reg::SP]; }
    void push64(u64 value) {
        cpu.state.gpr[reg::SP] -= 8;
        map->write(GuestPhys(cpu.state.gpr[reg::SP]), 8, value);
    }
};

}  // namespace gnomon
