// Decimal adjustment, and the small instructions around the flags. Flags that the manual leaves undefined follow processors.
#include "cpu/integer.h"

namespace gnomon {
namespace {

u32 flags_of(const Cpu& c) { return lazy::all(c.lazy.result, c.lazy.source, c.lazy.kind); }

u32 sign_zero_parity(u8 value) {
    return (value & 0x80 ? flag::SF : 0) | (value == 0 ? flag::ZF : 0) | (lazy::parity_even(value) ? flag::PF : 0);
}

template <bool subtract>
Outcome decimal_adjust(Cpu& c) {
    const u32 before = flags_of(c);
    const u8 old = c.get<u8>(reg::AX);
    u8 al = old;
    u32 flags = 0;
    if ((old & 15) > 9 || (before & flag::AF)) {
        al = static_cast<u8>(subtract ? al - 6 : al + 6);
        flags |= flag::AF;
        if ((before & flag::CF) || (subtract ? old < 6 : old > 0xf9)) flags |= flag::CF;
    }
    if (old > 0x99 || (before & flag::CF)) {
        al = static_cast<u8>(subtract ? al - 0x60 : al + 0x60);
        flags |= flag::CF;
    }
    c.put<u8>(reg::AX, al);
    c.set_arithmetic_flags(flags | sign_zero_parity(al));
    return Outcome::Next;
}

template <bool subtract>
Outcome ascii_adjust(Cpu& c) {
    const u16 ax = c.get<u16>(reg::AX);
    u16 result = ax;
    u32 flags = 0;
    if ((ax & 15) > 9 || (flags_of(c) & flag::AF)) {
        // The 8086 adjusted AL and AH separately; later processors add to AX as a whole.
        result = static_cast<u16>(subtract ? ax - 0x106 : ax + 0x106);
        flags = flag::AF | flag::CF;
    }
    result &= 0xff0f;
    c.put<u16>(reg::AX, result);
    c.set_arithmetic_flags(flags | sign_zero_parity(static_cast<u8>(result)));
    return Outcome::Next;
}

}  // namespace

Outcome daa(Cpu& c, const Instruction&) { return decimal_adjust<false>(c); }
Outcome das(Cpu& c, const Instruction&) { return decimal_adjust<true>(c); }
Outcome aaa(Cpu& c, const Instruction&) { return ascii_adjust<false>(c); }
Outcome aas(Cpu& c, const Instruction&) { return ascii_adjust<true>(c); }

Outcome aam(Cpu& c, const Instruction& i) {
    const u8 divisor = static_cast<u8>(i.imm);
    if (divisor == 0) return c.raise(Vector::DE);
    const u8 al = c.get<u8>(reg::AX);
    const u8 low = al % divisor;
    c.put<u16>(reg::AX, static_cast<u16>(al / divisor << 8 | low));
    c.set_arithmetic_flags(sign_zero_parity(low));
    return Outcome::Next;
}

Outcome aad(Cpu& c, const Instruction& i) {
    const u16 ax = c.get<u16>(reg::AX);
    const u8 al = static_cast<u8>(ax);
    const u8 product = static_cast<u8>((ax >> 8) * i.imm);
    u64 r = 0;
    u64 s = 0;
    u64 k = 0;
    const u8 sum = alu::Add::run<u8>(al, product, r, s, k);
    c.put<u16>(reg::AX, sum);
    c.lazy = {r, s, k};
    return Outcome::Next;
}

Outcome salc(Cpu& c, const Instruction&) {
    c.put<u8>(reg::AX, c.carry() ? 0xff : 0);
    return Outcome::Next;
}

Outcome xlat(Cpu& c, const Instruction& i) {
    u8 value;
    if (!c.read(i.segment, i.cut_address(c.state.gpr[reg::BX] + c.get<u8>(reg::AX)), value)) return Outcome::Fault;
    c.put<u8>(reg::AX, value);
    return Outcome::Next;
}

Outcome bound(Cpu& c, const Instruction& i) {
    const u64 offset = c.effective_address(i);
    if (i.operand_bytes() == 2) {
        i16 low;
        i16 high;
        const auto index = static_cast<i16>(c.get_at<u16>(i.reg));
        // The upper bound is not looked at if the lower one is missed.
        if (!c.read(i.segment, offset, low)) return Outcome::Fault;
        if (index < low) return c.raise(Vector::BR);
        if (!c.read(i.segment, i.cut_address(offset + 2), high)) return Outcome::Fault;
        return index > high ? c.raise(Vector::BR) : Outcome::Next;
    }
    i32 low;
    i32 high;
    const auto index = static_cast<i32>(c.get_at<u32>(i.reg));
    if (!c.read(i.segment, offset, low)) return Outcome::Fault;
    if (index < low) return c.raise(Vector::BR);
    if (!c.read(i.segment, i.cut_address(offset + 4), high)) return Outcome::Fault;
    return index > high ? c.raise(Vector::BR) : Outcome::Next;
}

/// LAHF and SAHF left 64-bit mode with its first processors, and came back.
Outcome lahf(Cpu& c, const Instruction&) {
    if (c.in_64bit_mode() && !c.features().has(Feature::LahfLong)) return c.raise(Vector::UD);
    c.put<u8>(4, static_cast<u8>((flags_of(c) & ~flag::OF) | flag::kFixedOne));    // 4: AH
    return Outcome::Next;
}

Outcome sahf(Cpu& c, const Instruction&) {
    if (c.in_64bit_mode() && !c.features().has(Feature::LahfLong)) return c.raise(Vector::UD);
    c.set_arithmetic_flags((flags_of(c) & flag::OF) | (c.get<u8>(4) & flag::kArithmetic));
    return Outcome::Next;
}

Outcome clc(Cpu& c, const Instruction&) {
    c.set_arithmetic_flags(flags_of(c) & ~flag::CF);
    return Outcome::Next;
}

Outcome stc(Cpu& c, const Instruction&) {
    c.set_arithmetic_flags(flags_of(c) | flag::CF);
    return Outcome::Next;
}

Outcome cmc(Cpu& c, const Instruction&) {
    c.set_arithmetic_flags(flags_of(c) ^ flag::CF);
    return Outcome::Next;
}

Outcome cld(Cpu& c, const Instruction&) {
    c.state.eflags &= ~flag::DF;
    return Outcome::Next;
}

Outcome std_(Cpu& c, const Instruction&) {
    c.state.eflags |= flag::DF;
    return Outcome::Next;
}

}  // namespace gnomon
