// Gnomon's processor in the situation of a 32-bit Linux program: flat segments, privilege 3, paging, and a
// kernel that does nothing but stop at every exception.
#pragma once

#include <cstring>

#include "cpu/cpu.h"
#include "cpu/model.h"
#include "tests/oracle/fx_image.h"

namespace gnomon::oracle {

class UserBench {
  public:
    explicit UserBench(bool low) {
        // Physical pages from 64 KiB up are the program's; the kernel lies in the first 64 KiB, seen at
        // kKernel.
        poke32(kDirectory + (kKernel >> 22) * 4, kKernelTable | 3);
        for (u32 page = 0; page < 16; page++) poke32(kKernelTable + page * 4, page << 12 | 3);
        user_map(place32::kCode, place32::kCodeBytes, 5);
        user_map(place32::kData, place32::kDataBytes, 7);
        user_map(place32::kStack, place32::kStackBytes, 7);
        if (low) user_map(place32::kLow, place32::kLowBytes, 7);
        poke64(kGdt + 0x08, 0x00cf9b000000ffff);
        poke64(kGdt + 0x10, 0x00cf93000000ffff);
        poke64(kGdt + 0x20, 0x00cffb000000ffff);
        poke64(kGdt + 0x28, 0x00cff3000000ffff);
        poke64(kGdt + 0x30, 0x67 | u64{kTss} << 16 | u64{0xc0008b} << 40 | u64{kKernel >> 24} << 56);
        poke32(kTss + 4, kKernel + kKernelStack);
        poke32(kTss + 8, 0x10);
        poke32(kTss + 0x64, 0x680000);
        for (u32 vector = 0; vector < 256; vector++) {
            const bool open = vector == 3 || vector == 4;
            const u32 handler = kKernel + kHandlers + vector;
            poke64(kIdt + vector * 8, (handler & 0xffff) | 0x80000u | u64{open ? 0xee00u : 0x8e00u} << 32 |
                                          u64{handler >> 16} << 48);
            map->write(GuestPhys(kHandlers + vector), 1, 0xf4);
        }
        CpuState s = cpu.architectural_state();
        s.cr0 = 0x80050033;  // PG, AM, WP, NE, ET, MP, PE
        s.cr3 = kDirectory;
        s.cr4 = 0x600;  // OSFXSR, OSXMMEXCPT
        s.gdtr = {kKernel + kGdt, 0x37};
        s.idtr = {kKernel + kIdt, 0x7ff};
        s.tr = {.base = kKernel + kTss, .limit = 0x67, .selector = 0x30, .attributes = 0x8b};
        s.ldtr = {.limit = 0, .selector = 0, .attributes = 0};
        const auto flat = [](u16 selector, u16 attributes) {
            Segment segment{.limit = 0xffffffff, .selector = selector, .attributes = attributes};
            Cpu::update_windows(segment);
            return segment;
        };
        for (Segment& segment : s.segments) segment = flat(0x2b, 0xc0f3);
        s.segments[1] = flat(0x23, 0xc0fb);
        for (unsigned n : {4u, 5u}) {
            s.segments[n] = {.limit = 0, .selector = 0, .attributes = 0};
            Cpu::update_windows(s.segments[n]);
        }
        s.cpl = 3;
        segments_ = s.segments;
        cpu.set_architectural_state(s);
    }

    [[nodiscard]] u8* memory(const Window& w) { return map->ram() + physical(static_cast<u32>(w.address)); }
    void put_code(u64 address, std::span<const u8> bytes) {
        for (size_t i = 0; i < bytes.size(); i++) map->write(GuestPhys(physical(static_cast<u32>(address)) + i), 1, bytes[i]);
    }
    Ending run(UserState& state, u64 end, bool& stuck) {
        CpuState& s = cpu.state;
        s.segments = segments_;
        s.cpl = 3;
        s.activity = Activity::Active;
        for (unsigned i = 0; i < 8; i++) s.gpr[i] = state.gpr[i];
        s.rip = state.rip;
        s.cr2 = 0;
        load_fx(state.fx, s.fpu, 8);
        cpu.set_eflags(static_cast<u32>(state.rflags) | flag::IF | 2);
        cpu.update_mode();
        stuck = cpu.run(1'000'000) != StopReason::Halted;
        const CpuState after = cpu.architectural_state();
        for (unsigned i = 0; i < 8; i++) state.gpr[i] = static_cast<u32>(after.gpr[i]);
        save_fx(after.fpu, state.fx, 8);
        if (stuck) return {};
        Ending ending;
        ending.vector = static_cast<u32>(after.rip - 1 - kKernel - kHandlers);
        ending.cr2 = static_cast<u32>(after.cr2);
        u32 frame = static_cast<u32>(after.gpr[4]) - kKernel;
        if (frame + 24 == kKernelStack) {
            ending.error = peek32(frame);
            frame += 4;
        }
        state.rip = peek32(frame);
        state.rflags = peek32(frame + 8);
        state.gpr[4] = peek32(frame + 12);
        ending.returned = ending.vector == 13 && state.rip == end;
        return ending.returned ? Ending{} : ending;
    }

    static constexpr bool in_kernel(u64 address) { return address - kKernel < 0x10000; }

    Log log{[](LogLevel, std::string_view, std::string_view) {}};
    struct Ports final : PortSpace {
        u32 port_read(u16, unsigned) override { return ~u32{0}; }
        void port_write(u16, unsigned, u32) override {}
    } ports;
    struct Pic final : InterruptController {
        u8 acknowledge() override { return 0; }
    } pic;
    VirtualClock clock{ClockMode::Deterministic, 1'000'000'000};
    std::unique_ptr<PhysicalMap> map = std::move(PhysicalMap::create(4 << 20, log)).value();
    Cpu cpu{default_model(), *map, ports, clock, pic, log, Mmu::Shadow::Off};

  private:
    static constexpr u32 kKernel = 0xc0000000, kGdt = 0x1000, kIdt = 0x2000, kTss = 0x3000,
                         kHandlers = 0x4000, kKernelStack = 0x8000, kDirectory = 0x9000,
                         kKernelTable = 0xa000;

    void poke32(u32 at, u32 value) { map->write(GuestPhys(at), 4, value); }
    void poke64(u32 at, u64 value) { map->write(GuestPhys(at), 8, value); }
    u32 peek32(u32 at) { return static_cast<u32>(map->read(GuestPhys(at), 4)); }
    u32 physical(u32 address) {
        const u32 table = peek32(kDirectory + (address >> 22) * 4) & ~0xfffu;
        return (peek32(table + (address >> 12 & 0x3ff) * 4) & ~0xfffu) + (address & 0xfff);
    }
    void user_map(u32 address, u32 bytes, u32 rights) {
        const u32 entry = kDirectory + (address >> 22) * 4;
        if (!peek32(entry)) {
            poke32(entry, next_page_ | 7);
            next_page_ += 0x1000;
        }
        for (u32 at = 0; at < bytes; at += 0x1000) {
            poke32((peek32(entry) & ~0xfffu) + ((address + at) >> 12 & 0x3ff) * 4, next_page_ | rights);
            next_page_ += 0x1000;
        }
    }
    std::array<Segment, 6> segments_;
    u32 next_page_ = 0x20000;
};

}  // namespace gnomon::oracle
