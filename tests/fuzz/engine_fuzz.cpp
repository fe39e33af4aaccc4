// Block engine: random code in a small machine. It neither crashes nor hangs, and executing it in blocks or
// one instruction at a time comes to the same state.
#include "cpu/cpu.h"
#include "cpu/model.h"
#include "tests/fuzz/fuzz_input.h"

using namespace gnomon;

std::vector<u8> fuzz_example(unsigned) { return {}; }

namespace {

constexpr u32 kRam = 1 << 20;

struct Ports final : PortSpace {
    u32 port_read(u16 port, unsigned) override { return port * 0x01010101u; }
    void port_write(u16, unsigned, u32) override {}
};
struct Pic final : InterruptController {
    u8 acknowledge() override { return 0x20; }
};

struct SmallMachine {
    Log log{[](LogLevel, std::string_view, std::string_view) {}};
    Ports ports;
    Pic pic;
    VirtualClock clock{ClockMode::Deterministic, 1'000'000'000};
    std::unique_ptr<PhysicalMap> map = std::move(PhysicalMap::create(kRam, log)).value();
    Cpu cpu{default_model(), *map, ports, clock, pic, log, Mmu::Shadow::Off};

    void start(bool protected_mode, std::span<const u8> code, const std::array<u32, 8>& registers) {
        for (u32 at = 0; at < kRam; at += 8)
            if (u64 old; std::memcpy(&old, map->ram() + at, 8), old != 0) map->write(GuestPhys(at), 8, 0);
        // Every vector leads back into the code: IVT to 1000:0000, IDT gates to offset 10000.
        for (u32 v = 0; v < 256; v++) {
            if (protected_mode)
                map->write(GuestPhys(0x2000 + v * 8), 8, 0x00018e0000080000);
            else
                map->write(GuestPhys(v * 4), 4, 0x10000000);
        }
        const u64 gdt[] = {0,
                           0x00cf9b000000ffff,
                           0x00cf93000000ffff,
                           0x00009b000000ffff,
                           0x000093000000ffff,
                           0x00cffb000000ffff,
                           0x00cff3000000ffff};
        for (u32 i = 0; i < std::size(gdt); i++) map->write(GuestPhys(0x1000 + 8 * i), 8, gdt[i]);
        for (u32 i = 0; i < code.size(); i++) map->write(GuestPhys(0x10000 + i), 1, code[i]);
        cpu.reset();
        clock.retire(0);
        CpuState s = cpu.architectural_state();
        for (unsigned i = 0; i < 8; i++) s.gpr[i] = registers[i];
        for (unsigned i = 0; i < 6; i++) {
            Segment& segment = s.segments[i];
            if (protected_mode)
                segment = {.limit = 0xffffffff,
                           .selector = static_cast<u16>(i == 1 ? 8 : 16),
                           .attributes = static_cast<u16>(i == 1 ? 0xc09b : 0xc093)};
            else
                segment = {.base = i == 1 ? 0x10000u : 0x20000u,
                           .limit = 0xffff,
                           .selector = static_cast<u16>(i == 1 ? 0x1000 : 0x2000),
                           .attributes = 0x93};
            Cpu::update_windows(segment);
        }
        s.rip = protected_mode ? 0x10000 : 0;
        if (protected_mode) {
            s.cr0 = 0x11;
            s.gdtr = {0x1000, 0x37};
            s.idtr = {0x2000, 0x7ff};
        }
        cpu.set_architectural_state(s);
    }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const u8* data, size_t size) {
    static SmallMachine blocks, steps;
    fuzz::Input input({data, size});
    const u8 options = input.take<u8>();
    std::array<u32, 8> registers;
    for (u32& r : registers) r = input.take<u32>() & (options & 2 ? 0xffff : 0xfffff);
    const auto code = input.rest();
    // RDTSC and timing differ by when the clock is read: both run from the same point.
    blocks.start(options & 1, code, registers);
    steps.start(options & 1, code, registers);
    constexpr u64 kInstructions = 300;
    const StopReason reason = blocks.cpu.run(kInstructions);
    StopReason last = StopReason::Budget;
    for (u64 n = 0; n < kInstructions && last == StopReason::Budget; n++) last = steps.cpu.run(1);
    const CpuState a = blocks.cpu.architectural_state();
    const CpuState b = steps.cpu.architectural_state();
    fuzz::require(a.gpr[16] == 0, "the register that reads as zero does not");
    // Repeats of string instructions count as one instruction in a long run, as several single ones.
    if (reason == StopReason::Budget && last == StopReason::Budget &&
        blocks.clock.now() == steps.clock.now()) {
        fuzz::require(a.rip == b.rip, "blocks and single steps end at different places");
        fuzz::require(a.gpr == b.gpr, "blocks and single steps leave different registers");
        fuzz::require(a.eflags == b.eflags, "blocks and single steps leave different flags");
        fuzz::require(std::memcmp(blocks.map->ram(), steps.map->ram(), kRam) == 0,
                      "blocks and single steps leave different memory");
    }
    return 0;
}
