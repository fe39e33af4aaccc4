// What only the first 32-bit processors have: test registers and LOADALL. Intel386 DX Programmer's Reference
// Manual and i486 Microprocessor Programmer's Reference Manual, "Test Registers"; LOADALL was documented to
// system vendors only.
#include "cpu/control_registers.h"
#include "cpu/segmentation.h"
#include "cpu/system_instructions.h"
#include "cpu/system_registers.h"

namespace gnomon {
namespace {

/// The 386 has TR6 and TR7, for its TLB; the 486 also TR3 to TR5, for its cache.
bool exists(const Cpu& cpu, unsigned number) {
    return number >= (cpu.features().has(Feature::I486) ? 3u : 6u);
}

constexpr u32 kLookup = 1u << 0;               // of TR6: the command
constexpr u32 kHit = 1u << 4;                  // of TR7: PL
constexpr u32 kCommand = 3, kWriteBuffer = 0;  // of TR5

}  // namespace

Outcome mov_to_tr(Cpu& cpu, const Instruction& insn) {
    const unsigned number = insn.reg;
    if (!exists(cpu, number)) return cpu.raise(Vector::UD);
    auto& registers = cpu.state.test_registers;
    registers[number - 3] = cpu.get_at<u32>(insn.rm);
    // Neither the 32 entries of that TLB nor that cache exist here: what is written to them is not found
    // again.
    if (number == 6 && (registers[3] & kLookup)) registers[4] &= ~kHit;
    if (number == 5 && (registers[2] & kCommand) != kWriteBuffer) registers[0] = 0;
    return Outcome::Next;
}

Outcome mov_from_tr(Cpu& cpu, const Instruction& insn) {
    const unsigned number = insn.reg;
    if (!exists(cpu, number)) return cpu.raise(Vector::UD);
    cpu.put_at<u32>(insn.rm, cpu.state.test_registers[number - 3]);
    return Outcome::Next;
}

namespace {

/// The table at ES:EDI, in doublewords.
constexpr unsigned kTableWords = 51;
struct LoadallTable {
    std::array<u32, kTableWords> words{};

    /// Base, limit and access rights as the descriptor caches have them: no checks.
    void descriptor(unsigned at, u16 selector, Segment& out) const {
        out.selector = selector;
        out.attributes = static_cast<u16>(words[at] >> 8 & 0xf0ff);
        out.base = words[at + 1];
        out.limit = words[at + 2];
        Cpu::update_windows(out);
    }
    void table(unsigned at, TableRegister& out) const {
        out.base = words[at + 1];
        out.limit = static_cast<u16>(words[at + 2]);
    }
};

}  // namespace

/// Loads the whole state, also what no other instruction can: descriptor caches that no descriptor backs.
Outcome loadall(Cpu& cpu, const Instruction&) {
    LoadallTable table;
    const u64 base = cpu.get<u32>(reg::DI);
    for (unsigned n = 0; n < kTableWords; n++)
        if (!cpu.read(Seg::ES, static_cast<u32>(base + 4 * n), table.words[n])) return Outcome::Fault;
    const auto& w = table.words;
    CpuState& s = cpu.state;
    constexpr u64 kCr0 = cr0::PE | cr0::MP | cr0::EM | cr0::TS | cr0::PG;
    s.cr0 = (w[0] & kCr0) | cr0::ET;
    cpu.set_eflags(w[1] & (flag::kArithmetic | flag::TF | flag::IF | flag::DF | flag::IOPL | flag::NT |
                           flag::RF | flag::VM));
    s.rip = w[2];
    for (unsigned n = 0; n < 8; n++) s.gpr[7 - n] = w[3 + n];  // EDI … EAX
    s.dr[6] = (w[11] & dr6::kStatus) | dr6::kFixed;
    s.dr[7] = (w[12] & ~u64{0xd800}) | dr7::kFixedOne;
    table.descriptor(21, static_cast<u16>(w[13]), s.tr);
    table.descriptor(30, static_cast<u16>(w[14]), s.ldtr);
    table.table(24, s.idtr);
    table.table(27, s.gdtr);
    constexpr Seg kOrder[] = {Seg::GS, Seg::FS, Seg::DS, Seg::SS, Seg::CS, Seg::ES};
    for (unsigned n = 0; n < 6; n++)
        table.descriptor(33 + 3 * n, static_cast<u16>(w[15 + n]), cpu.segment(kOrder[n]));
    s.cpl = s.cr0 & cr0::PE
                ? static_cast<u8>(s.eflags & flag::VM ? 3 : attribute::dpl(cpu.segment(Seg::SS).attributes))
                : 0;
    cpu.update_paging(true);
    cpu.update_mode();
    return Outcome::Jump;
}

}  // namespace gnomon
