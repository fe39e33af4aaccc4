// IN, OUT, INS, OUTS: I/O permission, breakpoints on ports, repetition. SDM Vol. 1, "Input/Output".
#include <cstring>

#include "cpu/debug_registers.h"
#include "cpu/decode.h"
#include "cpu/handler.h"
#include "cpu/long_mode.h"
#include "cpu/observer.h"
#include "cpu/system_instructions.h"
#include "cpu/system_registers.h"

namespace gnomon {

u32 Cpu::port_in(u16 port, unsigned size) {
    sync_clock();
    if (mode_key & mode::kChecked) note_port_access(*this, port, size);
    const u32 value = ports_.port_read(port, size);
    if (observer_) observer_->port_access(*this, port, size, false, value);
    return value;
}

void Cpu::port_out(u16 port, unsigned size, u32 value) {
    sync_clock();
    if (mode_key & mode::kChecked) note_port_access(*this, port, size);
    if (observer_) observer_->port_access(*this, port, size, true, value);
    ports_.port_write(port, size, value);
}

namespace {

/// Two bytes of the TSS or of a table. False: the TLB does not have them.
bool peek_word(Cpu& cpu, u64 address, u16& out) {
    const u64 linear = table_address(cpu, address);
    const TlbEntry& entry = cpu.mmu().tlb(Privilege::Supervisor).entry(linear);
    if (((linear + 1) & kPageMask) != entry.read_tag || cpu.accesses_checked()) return false;
    std::memcpy(&out, reinterpret_cast<const void*>(linear + entry.addend), 2);
    return true;
}

/// SDM Vol. 1, "I/O Permission Bit Map".
__attribute__((noinline)) bool allowed_by_bit_map(Cpu& cpu, u16 port, unsigned size) {
    const Segment& tr = cpu.state.tr;
    const auto refuse = [&] {
        cpu.raise(Vector::GP, 0);
        return false;
    };
    if (!(attribute::type(tr.attributes) & 8) || tr.limit < 0x67) return refuse();
    u16 map;
    if (!cpu.read_linear(table_address(cpu, tr.base + 0x66), map, Privilege::Supervisor)) return false;
    // Two bytes are always read: the bits of a port may cross a byte.
    const u32 at = map + port / 8u;
    if (at + 1 > tr.limit) return refuse();
    u16 bits;
    if (!cpu.read_linear(table_address(cpu, tr.base + at), bits, Privilege::Supervisor)) return false;
    const u32 wanted = ((1u << size) - 1) << (port & 7);
    return (bits & wanted) == 0 || refuse();
}

/// True only if the bit map allows the access, as far as the TLB knows it: a leaf, unlike allowed_by_bit_map().
GNOMON_INLINE bool surely_allowed_by_bit_map(Cpu& cpu, u16 port, unsigned size) {
    const Segment& tr = cpu.state.tr;
    u16 map;
    u16 bits;
    if (!(attribute::type(tr.attributes) & 8) || tr.limit < 0x67 || !peek_word(cpu, tr.base + 0x66, map)) return false;
    const u32 at = map + port / 8u;
    return at + 1 <= tr.limit && peek_word(cpu, tr.base + at, bits) && (bits >> (port & 7) & ((1u << size) - 1)) == 0;
}

/// IOPL and the I/O permission bit map.
GNOMON_INLINE bool port_allowed(Cpu& cpu, u16 port, unsigned size) {
    if (cpu.real_mode() || (!cpu.v86() && cpu.cpl() <= cpu.iopl())) return true;
    return surely_allowed_by_bit_map(cpu, port, size) || allowed_by_bit_map(cpu, port, size);
}

/// A device may have raised an interrupt or asked for a stop.
Outcome after_port_access(Cpu& cpu) {
    return cpu.event_waiting() || cpu.state.pending_debug ? stop_if_event_waits(cpu) : Outcome::Next;
}

template<class T>
Outcome input(Cpu& cpu, u16 port) {
    if (!port_allowed(cpu, port, sizeof(T))) return Outcome::Fault;
    cpu.put<T>(reg::AX, static_cast<T>(cpu.port_in(port, sizeof(T))));
    return after_port_access(cpu);
}

template<class T>
Outcome output(Cpu& cpu, u16 port) {
    if (!port_allowed(cpu, port, sizeof(T))) return Outcome::Fault;
    cpu.port_out(port, sizeof(T), cpu.get<T>(reg::AX));
    return after_port_access(cpu);
}

u64 masked(const Cpu& cpu, unsigned number, unsigned address_bytes) {
    return address_bytes == 8 ? cpu.get<u64>(number) : address_bytes == 4 ? cpu.get<u32>(number) : cpu.get<u16>(number);
}

void add_masked(Cpu& cpu, unsigned number, unsigned address_bytes, u32 amount) {
    if (address_bytes == 8)
        cpu.put<u64>(number, cpu.get<u64>(number) + static_cast<u64>(static_cast<i64>(static_cast<i32>(amount))));
    else if (address_bytes == 4)
        cpu.put<u32>(number, cpu.get<u32>(number) + amount);
    else
        cpu.put<u16>(number, static_cast<u16>(cpu.get<u16>(number) + amount));
}

/// One element from the port to ES:(E)DI. The destination is checked first: a fault must not eat the device's
/// data.
template<class T>
bool input_element(Cpu& cpu, const Instruction& insn, u16 port) {
    const u64 to = masked(cpu, reg::DI, insn.address_bytes());
    if (!cpu.check_write(Seg::ES, to, sizeof(T))) return false;
    return cpu.write(Seg::ES, to, static_cast<T>(cpu.port_in(port, sizeof(T))));
}

template<class T>
bool output_element(Cpu& cpu, const Instruction& insn, u16 port) {
    T value;
    if (!cpu.read(insn.segment, masked(cpu, reg::SI, insn.address_bytes()), value)) return false;
    cpu.port_out(port, sizeof(T), value);
    return true;
}

/// Interrupts get their chance where the count is a multiple of this; up to there it counts as one instruction.
constexpr unsigned kBurst = 1024;

template<class T>
Outcome string_io(Cpu& cpu, const Instruction& insn, bool (*element)(Cpu&, const Instruction&, u16),
                  unsigned index) {
    const u16 port = cpu.get<u16>(reg::DX);
    if (!port_allowed(cpu, port, sizeof(T))) return Outcome::Fault;
    const unsigned address_bytes = insn.address_bytes();
    constexpr u32 kSize = sizeof(T);
    const u32 step = cpu.state.eflags & flag::DF ? 0u - kSize : kSize;
    if (!(insn.prefix & (prefix::kRep | prefix::kRepne))) {
        if (!element(cpu, insn, port)) return Outcome::Fault;
        add_masked(cpu, index, address_bytes, step);
        return after_port_access(cpu);
    }
    const unsigned burst = cpu.mode_key & mode::kSingle ? 1 : kBurst;
    for (unsigned done = 0; masked(cpu, reg::CX, address_bytes) != 0; done++) {
        if (done != 0 && masked(cpu, reg::CX, address_bytes) % burst == 0) return Outcome::Repeat;
        if (done != 0 && cpu.event_waiting()) {
            cpu.budget++;  // the burst goes on later, and is counted then
            return Outcome::Repeat;
        }
        if (!element(cpu, insn, port)) return Outcome::Fault;
        add_masked(cpu, index, address_bytes, step);
        add_masked(cpu, reg::CX, address_bytes, ~u32{0});
    }
    return after_port_access(cpu);
}

template<class T>
Outcome ins(Cpu& cpu, const Instruction& insn) {
    return string_io<T>(cpu, insn, &input_element<T>, reg::DI);
}

template<class T>
Outcome outs(Cpu& cpu, const Instruction& insn) {
    return string_io<T>(cpu, insn, &output_element<T>, reg::SI);
}

}  // namespace

Outcome in_al_imm(Cpu& cpu, const Instruction& insn) { return input<u8>(cpu, static_cast<u8>(insn.imm)); }
Outcome in_al_dx(Cpu& cpu, const Instruction&) { return input<u8>(cpu, cpu.get<u16>(reg::DX)); }
Outcome out_imm_al(Cpu& cpu, const Instruction& insn) { return output<u8>(cpu, static_cast<u8>(insn.imm)); }
Outcome out_dx_al(Cpu& cpu, const Instruction&) { return output<u8>(cpu, cpu.get<u16>(reg::DX)); }

Outcome in_ax_imm(Cpu& cpu, const Instruction& insn) {
    const u16 port = static_cast<u8>(insn.imm);
    return insn.operand_bytes() != 2 ? input<u32>(cpu, port) : input<u16>(cpu, port);
}
Outcome in_ax_dx(Cpu& cpu, const Instruction& insn) {
    const u16 port = cpu.get<u16>(reg::DX);
    return insn.operand_bytes() != 2 ? input<u32>(cpu, port) : input<u16>(cpu, port);
}
Outcome out_imm_ax(Cpu& cpu, const Instruction& insn) {
    const u16 port = static_cast<u8>(insn.imm);
    return insn.operand_bytes() != 2 ? output<u32>(cpu, port) : output<u16>(cpu, port);
}
Outcome out_dx_ax(Cpu& cpu, const Instruction& insn) {
    const u16 port = cpu.get<u16>(reg::DX);
    return insn.operand_bytes() != 2 ? output<u32>(cpu, port) : output<u16>(cpu, port);
}
Outcome ins_byte(Cpu& cpu, const Instruction& insn) { return ins<u8>(cpu, insn); }
Outcome ins_word(Cpu& cpu, const Instruction& insn) {
    return insn.operand_bytes() != 2 ? ins<u32>(cpu, insn) : ins<u16>(cpu, insn);
}
Outcome outs_byte(Cpu& cpu, const Instruction& insn) { return outs<u8>(cpu, insn); }
Outcome outs_word(Cpu& cpu, const Instruction& insn) {
    return insn.operand_bytes() != 2 ? outs<u32>(cpu, insn) : outs<u16>(cpu, insn);
}

}  // namespace gnomon
