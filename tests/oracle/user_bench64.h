// Gnomon's processor in the situation of a 64-bit Linux program: privilege 3, four levels of paging, no-execute. There is no kernel:
// the first exception ends in a shutdown, whose report has what is to be compared.
#pragma once

#include <cstring>

#include "cpu/cpu.h"
#include "cpu/model.h"
#include "tests/oracle/fx_image.h"

namespace gnomon::oracle {

class UserBench64 {
  public:
    /// The integer features of 64-bit processors, whatever the default model has by now.
    static CpuModel model() {
        CpuModel m = default_model();
        for (const Feature f : {Feature::LongMode, Feature::LahfLong, Feature::CX16, Feature::MOVBE, Feature::POPCNT, Feature::LZCNT,
                                Feature::ADX, Feature::PREFETCHW})
            m.features.set(f);
        return m;
    }

    UserBench64() {
        map_user(place64::kCode, kPresent | kUser);
        for (const Window& w : {place64::kData, place64::kStack, place64::kLow})
            map_user(w, kPresent | kUser | kWritable | kNoExecute);
        CpuState s = cpu.architectural_state();
        s.cr0 = 0x80050033;  // PG, AM, WP, NE, ET, MP, PE
        s.cr3 = kRoot;
        s.cr4 = 0x620;         // OSFXSR, OSXMMEXCPT, PAE
        s.msr.efer = 0xd01;    // NXE, LMA, LME, SCE
        s.gdtr = s.idtr = {0, 0};
        s.tr = {.limit = 0, .selector = 0x30, .attributes = 0x8b};    // no I/O permission bit map
        const auto flat = [](u16 selector, u16 attributes) {
            Segment segment{.limit = 0xffffffff, .selector = selector, .attributes = attributes};
            Cpu::update_windows(segment);
            return segment;
        };
        for (Segment& segment : s.segments) segment = flat(0x2b, 0xc0f3);
        s.segments[1] = flat(0x33, 0xa0fb);
        for (unsigned n : {4u, 5u}) s.segments[n] = {.limit = 0, .selector = 0, .attributes = 0};
        s.segments[5].base = place64::kGsBase;
        s.cpl = 3;
        segments_ = s.segments;
        cpu.set_architectural_state(s);
    }

    [[nodiscard]] u8* memory(const Window& w) { return map->ram() + physical(w.address); }
    void put_code(u64 address, std::span<const u8> bytes) {
        for (size_t i = 0; i < bytes.size(); i++) map->write(GuestPhys(physical(address) + i), 1, bytes[i]);
    }
    /// Whole pages; writes only what changes, so that decoded code lives on where it can.
    void put(u64 address, std::span<const u8> bytes) {
        const u64 at = physical(address);    // windows are contiguous
        for (size_t i = 0; i < bytes.size(); i += 8) {
            u64 fresh, old;
            std::memcpy(&fresh, &bytes[i], 8);
            std::memcpy(&old, map->ram() + at + i, 8);
            if (fresh != old) map->write(GuestPhys(at + i), 8, fresh);
        }
    }
    void begin(const UserState& state) {
        CpuState& s = cpu.state;
        s.segments = segments_;
        s.cpl = 3;
        s.activity = Activity::Active;
        for (unsigned i = 0; i < 16; i++) s.gpr[i] = state.gpr[i];
        s.rip = state.rip;
        load_fx(state.fx, s.fpu, 16);
        cpu.set_eflags(static_cast<u32>(state.rflags) | flag::IF | 2);
        cpu.update_mode();
    }
    Ending run(UserState& state, u64 end, bool& stuck) {
        begin(state);
        stuck = cpu.run(1'000'000) != StopReason::Shutdown;
        if (stuck) return {};
        const CpuState& after = cpu.shutdown_report().before;
        const ShutdownReport::Entry& first = cpu.shutdown_report().chain[0];
        for (unsigned i = 0; i < 16; i++) state.gpr[i] = after.gpr[i];
        save_fx(cpu.state.fpu, state.fx, 16);    // the report is older than the flags that the host's unit has gathered
        state.rip = first.rip;
        state.rflags = after.eflags;
        const unsigned vector = static_cast<unsigned>(first.fault.vector);
        if (vector == 13 && first.rip == end) return {};
        return {false, vector, first.fault.error, first.fault.address};
    }

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
    CpuModel cpu_model = model();
    Cpu cpu{cpu_model, *map, ports, clock, pic, log, Mmu::Shadow::Off};

  private:
    static constexpr u64 kRoot = 0x10000;
    static constexpr u64 kPresent = 1, kWritable = 2, kUser = 4, kNoExecute = u64{1} << 63;
    static constexpr u64 kFrame = 0xffffffffff000;

    u64 peek64(u64 at) { return map->read(GuestPhys(at), 8); }
    /// Where the entry for this address at this level (1: page table) is; makes the tables above it.
    u64 entry_at(u64 address, unsigned level) {
        u64 table = kRoot;
        for (unsigned n = 4;; n--) {
            const u64 at = table + (address >> (3 + 9 * n) & 0x1ff) * 8;
            if (n == level) return at;
            if (!peek64(at)) {
                map->write(GuestPhys(at), 8, next_page_ | kPresent | kWritable | kUser);
                next_page_ += 0x1000;
            }
            table = peek64(at) & kFrame;
        }
    }
    u64 physical(u64 address) { return (peek64(entry_at(address, 1)) & kFrame) + (address & 0xfff); }
    void map_user(const Window& w, u64 rights) {
        const u64 pages = next_page_ + 0x10000;    // contiguous, behind the tables
        for (u64 at = 0; at < w.bytes; at += 0x1000) map->write(GuestPhys(entry_at(w.address + at, 1)), 8, (pages + at) | rights);
        next_page_ = pages + w.bytes;
    }
    std::array<Segment, 6> segments_;
    u64 next_page_ = 0x11000;
};

}  // namespace gnomon::oracle
