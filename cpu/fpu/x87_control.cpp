// Control and environment: FLDCW, FNSTCW, FNSTSW, FNINIT, FNCLEX, FNSTENV, FLDENV, FNSAVE, FRSTOR, FFREE,
// FINCSTP, FDECSTP, FNOP, WAIT. SDM Vol. 2; formats: Vol. 1, "Saving the x87 FPU's State with FSTENV/FNSTENV
// and FSAVE/FNSAVE".
#include <cstring>

#include "cpu/fpu/memory_image.h"
#include "cpu/fpu/x87_instructions.h"

namespace gnomon::x87 {
namespace {

/// The control word was replaced.
void set_control(Cpu& c, u16 value) {
    c.state.fpu.control = static_cast<u16>((value & kControlBits) | kControlFixed);
    host::return_x87(c);
    update_pending(c);
}

// ---- control and status words ----------------------------------------------------------------------------

Outcome fldcw(Cpu& c, const Instruction& i) {
    Outcome out;
    if (!await(c, out)) return out;
    u16 value;
    if (!c.load(i, value)) return Outcome::Fault;
    set_control(c, value);
    // Ready for what follows, so that the next one is quick.
    const FpuState& f = c.state.fpu;
    if ((f.control & sw::kExceptions) == sw::kExceptions && !(f.status & sw::ES)) host::borrow_x87(c);
    return Outcome::Next;
}

template<Mem form>
GNOMON_HANDLER void fldcw_m(Cpu* c, const Instruction* i, u64 ip, u64 r, u64 s, u64 k) {
    const u8* p = operand_pointer<form, AccessKind::Read>(c, i, ip, 2);
    if (!p || !c->host_fpu.x87) [[unlikely]]
        GNOMON_TAIL call<&fldcw>(c, i, ip, r, s, k);
    const u16 value = peek<u16>(p);
    if ((value & sw::kExceptions) != sw::kExceptions) [[unlikely]]
        GNOMON_TAIL call<&fldcw>(c, i, ip, r, s, k);
    c->state.fpu.control = static_cast<u16>((value & kControlBits) | kControlFixed);
    host::load_control(*reinterpret_cast<const host::Int16*>(p));
    GNOMON_TAIL next(c, i, ip, r, s, k);
}

Outcome fnstcw(Cpu& c, const Instruction& i) {
    return c.store(i, c.state.fpu.control) ? Outcome::Next : Outcome::Fault;
}

template<Mem form>
GNOMON_HANDLER void fnstcw_m(Cpu* c, const Instruction* i, u64 ip, u64 r, u64 s, u64 k) {
    u8* p = operand_pointer<form, AccessKind::Write>(c, i, ip, 2);
    if (!p) [[unlikely]]
        GNOMON_TAIL call<&fnstcw>(c, i, ip, r, s, k);
    poke<u16>(p, c->state.fpu.control);
    GNOMON_TAIL next(c, i, ip, r, s, k);
}

GNOMON_HANDLER void fnstsw_ax(Cpu* c, const Instruction* i, u64 ip, u64 r, u64 s, u64 k) {
    c->put<u16>(reg::AX, c->state.fpu.status_word());
    GNOMON_TAIL next(c, i, ip, r, s, k);
}

Outcome wait(Cpu& c, const Instruction&) {
    Outcome out;
    return await(c, out) ? Outcome::Next : out;
}

GNOMON_HANDLER void wait_r(Cpu* c, const Instruction* i, u64 ip, u64 r, u64 s, u64 k) {
    if (c->state.fpu.status & sw::ES) [[unlikely]]
        GNOMON_TAIL call<&wait>(c, i, ip, r, s, k);
    GNOMON_TAIL next(c, i, ip, r, s, k);
}

void initialize(Cpu& c) {
    FpuState& f = c.state.fpu;
    if (f.status & sw::ES) c.ferr.lower();
    f.control = 0x37f;
    f.set_status_word(0);
    f.valid = 0;
    f.opcode = 0;
    f.instruction_pointer = f.data_pointer = 0;
    f.instruction_selector = f.data_selector = 0;
    host::return_x87(c);
}

// ---- the environment
// ---------------------------------------------------------------------------------------

/// Two bits a register: 0 valid, 1 zero, 2 special, 3 empty; worked out from the contents.
u16 full_tags(const FpuState& f) {
    unsigned tags = 0;
    for (unsigned n = 0; n < 8; n++) {
        const Float80& value = f.registers[n];
        const unsigned exponent = value.exponent & 0x7fff;
        unsigned tag = 0;
        if (!(f.valid >> n & 1))
            tag = 3;
        else if (exponent == 0 && value.significand == 0)
            tag = 1;
        else if (exponent == 0 || exponent == 0x7fff || !(value.significand >> 63))
            tag = 2;
        tags |= tag << 2 * n;
    }
    return static_cast<u16>(tags);
}

u8 abridged_tags(u16 tags) {
    unsigned valid = 0;
    for (unsigned n = 0; n < 8; n++) valid |= static_cast<unsigned>((tags >> 2 * n & 3) != 3) << n;
    return static_cast<u8>(valid);
}

constexpr unsigned kMaxEnvironment = 28;
constexpr unsigned kRegisterBytes = 80;

unsigned environment_bytes(const Instruction& i) { return i.operand_bytes() == 2 ? 14 : 28; }
unsigned environment_alignment(const Instruction& i) { return i.operand_bytes() == 2 ? 2 : 4; }

/// Real and virtual-8086 mode know linear addresses where protected mode has selector and offset.
void encode_environment(const Cpu& c, const Instruction& i, u8* image) {
    const FpuState& f = c.state.fpu;
    const bool wide = i.operand_bytes() != 2;
    const auto word = [&](unsigned n, u32 value) {
        if (wide)
            std::memcpy(image + 4 * n, &value, 4);
        else
            std::memcpy(image + 2 * n, &value, 2);
    };
    const u32 ones = wide ? 0xffff0000 : 0;
    word(0, ones | f.control);
    word(1, ones | f.status_word());
    word(2, ones | full_tags(f));
    if (c.protected_mode()) {
        word(3, static_cast<u32>(f.instruction_pointer));
        word(4, f.instruction_selector | (wide ? u32{f.opcode} << 16 : 0));
        word(5, static_cast<u32>(f.data_pointer));
        word(6, ones | f.data_selector);
    } else {
        const u32 code = static_cast<u32>(f.instruction_pointer) + (u32{f.instruction_selector} << 4);
        const u32 data = static_cast<u32>(f.data_pointer) + (u32{f.data_selector} << 4);
        word(3, ones | (code & 0xffff));
        word(4, (wide ? code >> 16 << 12 & 0x0ffff000 : code >> 4 & 0xf000) | f.opcode);
        word(5, ones | (data & 0xffff));
        word(6, wide ? data >> 16 << 12 & 0x0ffff000 : data >> 4 & 0xf000);
    }
}

void decode_environment(Cpu& c, const Instruction& i, const u8* image) {
    FpuState& f = c.state.fpu;
    const bool wide = i.operand_bytes() != 2;
    const auto word = [&](unsigned n) {
        u32 value = 0;
        if (wide)
            std::memcpy(&value, image + 4 * n, 4);
        else
            std::memcpy(&value, image + 2 * n, 2);
        return value;
    };
    f.set_status_word(static_cast<u16>((word(1) & 0x7f7f) | (f.status & sw::ES)));
    f.valid = abridged_tags(static_cast<u16>(word(2)));
    if (c.protected_mode()) {
        f.instruction_pointer = word(3);
        f.instruction_selector = static_cast<u16>(word(4));
        if (wide) f.opcode = word(4) >> 16 & 0x7ff;
        f.data_pointer = word(5);
        f.data_selector = static_cast<u16>(word(6));
    } else {
        const auto high = [&](u32 value) {
            return wide ? (value >> 12 & 0xffff) << 16 : (value & 0xf000) << 4;
        };
        f.opcode = word(4) & 0x7ff;
        f.instruction_pointer = (word(3) & 0xffff) | high(word(4));
        f.data_pointer = (word(5) & 0xffff) | high(word(6));
        f.instruction_selector = f.data_selector = 0;
    }
    set_control(c, static_cast<u16>(word(0)));
}

}  // namespace

void build_fldcw(const Decoded& d, Instruction& insn) {
    insn.handler = by_operand_form(d, [](auto form) -> Handler { return &fldcw_m<form()>; });
}
void build_fnstcw(const Decoded& d, Instruction& insn) {
    insn.handler = by_operand_form(d, [](auto form) -> Handler { return &fnstcw_m<form()>; });
}
void build_fnstsw_ax(const Decoded&, Instruction& insn) { insn.handler = &fnstsw_ax; }

void build_wait(const Decoded& d, Instruction& insn) {
    insn.handler = d.mode & mode::kWaitTrap ? &call<&not_available> : &wait_r;
}

Outcome fnstsw(Cpu& c, const Instruction& i) {
    return c.store(i, c.state.fpu.status_word()) ? Outcome::Next : Outcome::Fault;
}

Outcome fninit(Cpu& c, const Instruction&) {
    initialize(c);
    return Outcome::Next;
}

Outcome fnclex(Cpu& c, const Instruction&) {
    FpuState& f = c.state.fpu;
    if (f.status & sw::ES) c.ferr.lower();
    f.status &= sw::kConditions;
    host::return_x87(c);
    return Outcome::Next;
}

Outcome fldenv(Cpu& c, const Instruction& i) {
    Outcome out;
    if (!await(c, out)) return out;
    std::array<u8, kMaxEnvironment> image;
    const u64 offset = c.effective_address(i);
    if (!check_image_alignment(c, i.segment, offset, environment_alignment(i)) ||
        !read_image(c, i.segment, offset, std::span(image).first(environment_bytes(i))))
        return Outcome::Fault;
    decode_environment(c, i, image.data());
    return Outcome::Next;
}

/// Afterwards everything is masked.
Outcome fnstenv(Cpu& c, const Instruction& i) {
    std::array<u8, kMaxEnvironment> image;
    const unsigned bytes = environment_bytes(i);
    const u64 offset = c.effective_address(i);
    if (!check_image_alignment(c, i.segment, offset, environment_alignment(i)) || !check_image_write(c, i.segment, offset, bytes)) return Outcome::Fault;
    encode_environment(c, i, image.data());
    if (!write_image(c, i.segment, offset, std::span(image).first(bytes))) return Outcome::Fault;
    set_control(c, c.state.fpu.control | sw::kExceptions);
    return Outcome::Next;
}

Outcome frstor(Cpu& c, const Instruction& i) {
    Outcome out;
    if (!await(c, out)) return out;
    std::array<u8, kMaxEnvironment + kRegisterBytes> image;
    const unsigned bytes = environment_bytes(i);
    const u64 offset = c.effective_address(i);
    if (!check_image_alignment(c, i.segment, offset, environment_alignment(i)) ||
        !read_image(c, i.segment, offset, std::span(image).first(bytes + kRegisterBytes)))
        return Outcome::Fault;
    decode_environment(c, i, image.data());
    FpuState& f = c.state.fpu;
    for (unsigned n = 0; n < 8; n++) {
        std::memcpy(&st(f, n).significand, image.data() + bytes + 10 * n, 8);
        std::memcpy(&st(f, n).exponent, image.data() + bytes + 10 * n + 8, 2);
    }
    return Outcome::Next;
}

Outcome fnsave(Cpu& c, const Instruction& i) {
    std::array<u8, kMaxEnvironment + kRegisterBytes> image;
    const unsigned bytes = environment_bytes(i);
    const u64 offset = c.effective_address(i);
    if (!check_image_alignment(c, i.segment, offset, environment_alignment(i)) || !check_image_write(c, i.segment, offset, bytes + kRegisterBytes)) return Outcome::Fault;
    encode_environment(c, i, image.data());
    FpuState& f = c.state.fpu;
    for (unsigned n = 0; n < 8; n++) {
        std::memcpy(image.data() + bytes + 10 * n, &st(f, n).significand, 8);
        std::memcpy(image.data() + bytes + 10 * n + 8, &st(f, n).exponent, 2);
    }
    if (!write_image(c, i.segment, offset, std::span(image).first(bytes + kRegisterBytes)))
        return Outcome::Fault;
    initialize(c);
    return Outcome::Next;
}

// ---- the stack pointer and tags
// -------------------------------------------------------------------------------

template<bool pops>
Outcome ffree(Cpu& c, const Instruction& i) {
    Outcome out;
    if (!await(c, out)) return out;
    note(c, i);
    FpuState& f = c.state.fpu;
    f.status &= static_cast<u16>(~sw::C1);
    f.valid = static_cast<u8>(f.valid & ~(1u << physical(f, i.rm)));
    if constexpr (pops) pop(f);
    return Outcome::Next;
}
template Outcome ffree<false>(Cpu&, const Instruction&);
template Outcome ffree<true>(Cpu&, const Instruction&);

namespace {

template<int step>
Outcome rotate(Cpu& c, const Instruction& i) {
    Outcome out;
    if (!await(c, out)) return out;
    note(c, i);
    FpuState& f = c.state.fpu;
    f.status &= static_cast<u16>(~sw::C1);
    set_top(f, top(f) + static_cast<unsigned>(step));
    return Outcome::Next;
}

}  // namespace

Outcome fincstp(Cpu& c, const Instruction& i) { return rotate<1>(c, i); }
Outcome fdecstp(Cpu& c, const Instruction& i) { return rotate<-1>(c, i); }

Outcome fnop(Cpu& c, const Instruction& i) {
    Outcome out;
    if (!await(c, out)) return out;
    note(c, i);
    return Outcome::Next;
}

Outcome ignored_control(Cpu&, const Instruction&) { return Outcome::Next; }

}  // namespace gnomon::x87
