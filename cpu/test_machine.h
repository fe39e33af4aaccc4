// A processor with 2 MiB of memory, a GDT full of good and bad descriptors, an IDT and two tasks: what the
// tests of the system instructions run on.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "cpu/cpu.h"
#include "cpu/far_transfer.h"
#include "cpu/model.h"
#include "cpu/segmentation.h"
#include "cpu/system_registers.h"

namespace gnomon {

struct RecordingPorts final : PortSpace {
    u32 port_read(u16 port, unsigned size) override {
        log.push_back({port, size, 0, false});
        return input++;
    }
    void port_write(u16 port, unsigned size, u32 value) override { log.push_back({port, size, value, true}); }
    struct Access {
        u16 port;
        unsigned size;
        u32 value;
        bool write;
        bool operator==(const Access&) const = default;
    };
    std::vector<Access> log;
    u32 input = 0x11223344;
};

struct FixedPic final : InterruptController {
    u8 acknowledge() override { return vector; }
    u8 vector = 0x40;
};

// Selectors of the test GDT, RPL 0.
namespace sel {
inline constexpr u16 kCode = 0x08, kData = 0x10, kUserCode = 0x18, kUserData = 0x20, kTssA = 0x28,
                     kLdt = 0x30, kAbsentCode = 0x38, kAbsentData = 0x40, kConforming = 0x48,
                     kReadOnly = 0x50, kExecuteOnly = 0x58, kCode16 = 0x60, kData16 = 0x68, kTssB = 0x70,
                     kTss16 = 0x78, kGate32 = 0x80, kGate16 = 0x88, kTaskGate = 0x90, kExpandDown = 0x98,
                     kSmallCode = 0xa0, kAbsentTss = 0xa8, kShortTss = 0xb0, kAbsentGate = 0xb8,
                     kUserConforming = 0xc0, kGateToNothing = 0xc8, kGateToData = 0xd0, kBeyond = 0x7f8;
}
constexpr u16 user(u16 selector) { return selector | 3; }

constexpr u64 make_descriptor(u32 base, u32 limit, u8 access, u8 flags = 0) {
    return (limit & 0xffff) | u64{base & 0xffffff} << 16 | u64{access} << 40 | u64{limit >> 16 & 15} << 48 |
           u64{flags & 15u} << 52 | u64{base >> 24} << 56;
}
constexpr u64 make_gate(u16 selector, u32 offset, u8 access, u8 parameters = 0) {
    return (offset & 0xffff) | u64{selector} << 16 | u64{parameters} << 32 | u64{access} << 40 |
           u64{offset >> 16} << 48;
}

class TestMachine {
  public:
    static constexpr u32 kGdt = 0x1000, kIdt = 0x2000, kTssABase = 0x3000, kTssBBase = 0x3200,
                         kTss16Base = 0x3400, kLdtBase = 0x3600, kCodeBase = 0x10000, kHandler = 0x20000,
                         kStack = 0x30000, kInnerStack = 0x40000, kUserStack = 0x50000, kTaskCode = 0x60000,
                         kTaskStack = 0x70000;
    static constexpr u8 kBigPages = 0xc;  // G, D/B

    explicit TestMachine(const CpuModel& model = default_model())
        : map(std::move(PhysicalMap::create(2 << 20, log)).value()),
          cpu(model, *map, ports, clock, pic, log, Mmu::Shadow::Off) {
        const auto set = [&](u16 selector, u64 value) { poke64(kGdt + selector, value); };
        set(sel::kCode, make_descriptor(0, 0xfffff, 0x9b, kBigPages));
        set(sel::kData, make_descriptor(0, 0xfffff, 0x93, kBigPages));
        set(sel::kUserCode, make_descriptor(0, 0xfffff, 0xfb, kBigPages));
        set(sel::kUserData, make_descriptor(0, 0xfffff, 0xf3, kBigPages));
        set(sel::kTssA, make_descriptor(kTssABase, 0x1ff, 0x89));
        set(sel::kLdt, make_descriptor(kLdtBase, 0x1f, 0x82));
        set(sel::kAbsentCode, make_descriptor(0, 0xfffff, 0x1b, kBigPages));
        set(sel::kAbsentData, make_descriptor(0, 0xfffff, 0x13, kBigPages));
        set(sel::kConforming, make_descriptor(0, 0xfffff, 0x9f, kBigPages));
        set(sel::kReadOnly, make_descriptor(0, 0xfffff, 0x91, kBigPages));
        set(sel::kExecuteOnly, make_descriptor(0, 0xfffff, 0x99, kBigPages));
        set(sel::kCode16, make_descriptor(0x10000, 0xffff, 0x9b));
        set(sel::kData16, make_descriptor(0x30000, 0xffff, 0x93));
        set(sel::kTssB, make_descriptor(kTssBBase, 0x67, 0x89));
        set(sel::kTss16, make_descriptor(kTss16Base, 0x2b, 0x81));
        set(sel::kGate32, make_gate(sel::kCode, kHandler, 0xec, 2));
        set(sel::kGate16, make_gate(sel::kCode, 0x7777'1234, 0xe4, 1));
        set(sel::kTaskGate, make_gate(sel::kTssB, 0, 0xe5));
        set(sel::kExpandDown, make_descriptor(0, 0xfff, 0x97, 4));
        set(sel::kSmallCode, make_descriptor(0x10000, 0xff, 0x9b, 4));
        set(sel::kAbsentTss, make_descriptor(kTssBBase, 0x67, 0x09));
        set(sel::kShortTss, make_descriptor(kTssBBase, 0x66, 0x89));
        set(sel::kAbsentGate, make_gate(sel::kCode, kHandler, 0x6c));
        set(sel::kUserConforming, make_descriptor(0, 0xfffff, 0xff, kBigPages));
        set(sel::kGateToNothing, make_gate(0, kHandler, 0xec));
        set(sel::kGateToData, make_gate(sel::kData, kHandler, 0xec));
        for (unsigned vector = 0; vector < 64; vector++)
            set_gate(vector, sel::kCode, kHandler + vector * 16, 0x8e);
        // Task A runs; its inner stacks.
        poke32(kTssABase + 4, kInnerStack);
        poke16(kTssABase + 8, sel::kData);
        poke16(kTssABase + 0x66, 0x68);
        for (u32 at = kTssABase + 0x68; at <= kTssABase + 0x1ff; at += 4) poke32(at, ~0u);
        prepare_task_b();
    }

    /// Ring `cpl`, flat 32-bit code at kCodeBase.
    void enter_protected(unsigned cpl = 0) {
        CpuState& s = cpu.state;
        s.cr0 |= cr0::PE;
        s.gdtr = {kGdt, 0xdf};
        s.idtr = {kIdt, 64 * 8 - 1};
        Descriptor d;
        ASSERT_TRUE(fetch_descriptor(cpu, cpl ? sel::kUserCode : sel::kCode, Vector::GP, d));
        set_code_segment(cpu, cpl ? sel::kUserCode : sel::kCode, d, cpl);
        const u16 data = cpl ? user(sel::kUserData) : sel::kData;
        for (const Seg seg : {Seg::SS, Seg::DS, Seg::ES, Seg::FS, Seg::GS})
            ASSERT_TRUE(load_segment(cpu, seg, data));
        ASSERT_TRUE(fetch_descriptor(cpu, sel::kTssA, Vector::GP, d));
        ASSERT_TRUE(mark_busy(cpu, d, true));
        set_segment(s.tr, sel::kTssA, d);
        s.tr.attributes |= 2;
        s.rip = kCodeBase;
        cpu.put<u32>(reg::SP, cpl ? kUserStack : kStack);
        cpu.update_paging(true);
        cpu.update_mode();
    }
    /// Virtual-8086 mode at 1000:0000.
    void enter_v86(unsigned iopl) {
        enter_protected(3);
        cpu.set_eflags(cpu.eflags() | flag::VM | iopl << 12);
        set_v86_segment(cpu.segment(Seg::CS), 0x1000);
        for (const Seg seg : {Seg::SS, Seg::DS, Seg::ES, Seg::FS, Seg::GS})
            set_v86_segment(cpu.segment(seg), 0x5000);
        cpu.put<u32>(reg::SP, 0x1000);
        cpu.state.rip = 0;
        cpu.update_mode();
    }
    /// Real mode at 1000:0000, stack at 3000:1000.
    void enter_real() {
        set_real_segment(cpu, Seg::CS, 0x1000);
        set_real_segment(cpu, Seg::SS, 0x3000);
        for (const Seg seg : {Seg::DS, Seg::ES, Seg::FS, Seg::GS}) set_real_segment(cpu, seg, 0x5000);
        cpu.put<u32>(reg::SP, 0x1000);
        cpu.state.rip = 0;
        cpu.update_mode();
    }

    /// Code at CS:EIP.
    void code(std::initializer_list<u8> bytes) {
        u32 at = static_cast<u32>(cpu.segment(Seg::CS).base + cpu.state.rip);
        for (const u8 b : bytes) poke8(at++, b);
    }
    void run(u64 instructions = 1) { cpu.run(instructions); }

    void set_gate(unsigned vector, u16 selector, u32 offset, u8 access) {
        poke64(kIdt + vector * 8, make_gate(selector, offset, access));
    }

    void poke8(u32 at, u8 v) { map->write(GuestPhys(at), 1, v); }
    void poke16(u32 at, u16 v) { map->write(GuestPhys(at), 2, v); }
    void poke32(u32 at, u32 v) { map->write(GuestPhys(at), 4, v); }
    void poke64(u32 at, u64 v) { map->write(GuestPhys(at), 8, v); }
    u32 peek8(u32 at) { return static_cast<u32>(map->read(GuestPhys(at), 1)); }
    u32 peek16(u32 at) { return static_cast<u32>(map->read(GuestPhys(at), 2)); }
    u32 peek32(u32 at) { return static_cast<u32>(map->read(GuestPhys(at), 4)); }
    /// The n-th 32-bit (16-bit) slot of the current stack.
    u32 stack32(unsigned n) {
        return peek32(static_cast<u32>(cpu.segment(Seg::SS).base + cpu.get<u32>(reg::SP) + 4 * n));
    }
    u32 stack16(unsigned n) {
        return peek16(static_cast<u32>(cpu.segment(Seg::SS).base + cpu.get<u16>(reg::SP) + 2 * n));
    }
    u16 cs() const { return cpu.segment(Seg::CS).selector; }
    u64 rip() const { return cpu.state.rip; }
    u32 gpr(unsigned n) const { return cpu.get<u32>(n); }

    void prepare_task_b() {
        poke32(kTssBBase + 0x1c, 0);
        poke32(kTssBBase + 0x20, kTaskCode);
        poke32(kTssBBase + 0x24, 0x202);
        for (u32 i = 0; i < 8; i++) poke32(kTssBBase + 0x28 + 4 * i, 0xb0000000 + i);
        poke32(kTssBBase + 0x38, kTaskStack);
        const u16 selectors[] = {sel::kData, sel::kCode, sel::kData, sel::kReadOnly, 0, 0};
        for (u32 i = 0; i < 6; i++) poke32(kTssBBase + 0x48 + 4 * i, selectors[i]);
        poke32(kTssBBase + 0x60, 0);
        poke32(kTssBBase + 0x64, 0);
    }

    Log log{[](LogLevel, std::string_view, std::string_view) {}};
    RecordingPorts ports;
    FixedPic pic;
    VirtualClock clock{ClockMode::Deterministic, 100'000'000};
    std::unique_ptr<PhysicalMap> map;
    Cpu cpu;
};

/// A fault with this vector and error code is set.
inline testing::AssertionResult fault_is(const Cpu& cpu, Vector vector, u32 error) {
    if (cpu.fault.vector == vector && cpu.fault.has_error && cpu.fault.error == error)
        return testing::AssertionSuccess();
    return testing::AssertionFailure()
           << "fault " << static_cast<int>(cpu.fault.vector) << " error " << std::hex << cpu.fault.error
           << (cpu.fault.has_error ? "" : " (none)");
}

}  // namespace gnomon
