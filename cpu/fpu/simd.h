// What MMX and SSE instructions share: registers, the two shapes that most of them have, MXCSR and SIMD
// floating-point exceptions. SDM Vol. 1, "Programming with Intel MMX Technology", "… Streaming SIMD
// Extensions". Semantics are small structs over the host's own instructions; the integer ones serve MMX too,
// on the low half of a register.
#pragma once

#include <emmintrin.h>

#include "cpu/fpu/host.h"
#include "cpu/fpu/x87.h"
#include "cpu/handler.h"

namespace gnomon::simd {

using Vector128 = __m128i;

GNOMON_INLINE Vector128 get(const Cpu& c, unsigned n) {
    return *reinterpret_cast<const Vector128*>(c.state.fpu.vectors[n].bytes.data());
}
GNOMON_INLINE void put(Cpu& c, unsigned n, Vector128 value) {
    *reinterpret_cast<Vector128*>(c.state.fpu.vectors[n].bytes.data()) = value;
}

/// A memory operand of 4, 8 or 16 bytes, zero-extended.
template<unsigned bytes>
GNOMON_INLINE Vector128 from_host(const u8* p) {
    if constexpr (bytes == 16)
        return _mm_loadu_si128(reinterpret_cast<const Vector128*>(p));
    else if constexpr (bytes == 8)
        return _mm_cvtsi64_si128(peek<i64>(p));
    else
        return _mm_cvtsi32_si128(peek<i32>(p));
}

// ---- what an operation says of itself --------------------------------------------------------------------
// static Vector128 run(Vector128 a, Vector128 b): a is the destination's old value, b the source. With a
// third parameter it takes the immediate. from_memory, if there is one, replaces it where the source is in
// memory. Operations that can overflow and underflow have kSourceBytes, kResultBytes (the widths of elements)
// and `wide`, the same on the x87 unit.

struct Integer {
    static constexpr unsigned kBytes = 16;  ///< of a memory operand
    static constexpr bool kAligned = true;  ///< #GP(0) unless it is aligned
    static constexpr bool kMxcsr = false;   ///< computes under MXCSR
    static constexpr bool kScalar = false;
};

/// Elements of the result come from other elements of the sources.
struct Rearranging : Integer {
    static constexpr bool kReadsAll = true;
};

template<class Op>
GNOMON_INLINE Vector128 apply(Vector128 a, Vector128 b, u64 imm) {
    if constexpr (requires { Op::run(a, b, u8{}); })
        return Op::run(a, b, static_cast<u8>(imm));
    else
        return Op::run(a, b);
}
template<class Op>
GNOMON_INLINE Vector128 apply_memory(Vector128 a, Vector128 b, u64 imm) {
    if constexpr (requires { Op::from_memory(a, b); })
        return Op::from_memory(a, b);
    else
        return apply<Op>(a, b, imm);
}

// ---- out of line
// --------------------------------------------------------------------------------------------

/// The linear address of the memory operand; false with a fault of the segment, or #GP(0) if it must be
/// aligned and is not.
[[nodiscard]] bool locate(Cpu& cpu, const Instruction& insn, unsigned bytes, bool aligned, bool for_write,
                          u64& linear);
template<unsigned bytes>
[[nodiscard]] bool load(Cpu& cpu, const Instruction& insn, bool aligned, Vector128& value) {
    if constexpr (bytes == 16) {
        u64 linear;
        return locate(cpu, insn, 16, aligned, false, linear) &&
               cpu.read_linear(linear, value, cpu.privilege());
    } else {
        std::conditional_t<bytes == 8, i64, i32> low;
        if (!cpu.load(insn, low)) return false;
        if constexpr (bytes == 8)
            value = _mm_cvtsi64_si128(low);
        else
            value = _mm_cvtsi32_si128(low);
        return true;
    }
}

/// Begins an operation of which something is not masked; and ends it: takes over the flags, true if no
/// unmasked one is among them.
void begin_unmasked(Cpu& cpu);
[[nodiscard]] u32 flags_of_operation();
[[nodiscard]] bool end_unmasked(Cpu& cpu, u32 flags);
/// An unmasked overflow or underflow is possible and nothing unmasked precedes it: flags_by_element has the
/// flags.
[[nodiscard]] bool needs_care(const Cpu& cpu, u32 flags);

/// Borrows the host's unit; false if something is not masked.
GNOMON_INLINE bool borrow_if_masked(Cpu& c) {
    constexpr u32 kMasks = 0x1f80;
    if (!c.host_fpu.simd && (c.state.fpu.mxcsr & kMasks) == kMasks) host::borrow_simd(c);
    return c.host_fpu.simd;
}

/// Runs `operation` under the guest's MXCSR; true if its result may be stored, else #XM (or #UD) is set.
template<class F>
[[nodiscard]] bool under_mxcsr(Cpu& c, F operation) {
    if (borrow_if_masked(c)) {
        operation();
        return true;
    }
    begin_unmasked(c);
    operation();
    return end_unmasked(c, flags_of_operation());
}

/// One element of an operation as the x87 unit computes it: rounded to the precision of the result but with a
/// wider exponent.
struct Element {
    bool finite = false;
    bool tiny = false;  ///< below the smallest normal number
    bool inexact = false;
};
using WideOperation = u16 (*)(Float80& value, u64 a, u64 b);
[[nodiscard]] Element examine(Cpu& cpu, WideOperation operation, u64 a, u64 b, unsigned source_bytes,
                              unsigned result_bytes);

/// The flags of an operation that may overflow or underflow with these exceptions not masked. Then inexact
/// means that even the result with a wider exponent is, and underflow does not need it: each element is
/// looked at alone, among others that do nothing.
template<class Op>
[[nodiscard]] u32 flags_by_element(Cpu& c, Vector128 a, Vector128 b) {
    constexpr unsigned kBytes = Op::kSourceBytes;
    constexpr u32 kOverflow = 8, kUnderflow = 16, kInexact = 32;
    const u32 open = ~c.state.fpu.mxcsr >> 7;
    const Vector128 ones = kBytes == 4 ? _mm_set1_epi32(0x3f800000) : _mm_set1_epi64x(0x3ff0000000000000);
    u32 all = 0;
    for (unsigned n = 0; n < (Op::kScalar ? 1 : 16 / kBytes); n++) {
        Vector128 alone_a = ones, alone_b = ones;
        u64 bits_a = 0, bits_b = 0;
        const auto isolate = [&](Vector128& to, const Vector128& from, u64& bits) {
            __builtin_memcpy(&bits, reinterpret_cast<const u8*>(&from) + n * kBytes, kBytes);
            __builtin_memcpy(reinterpret_cast<u8*>(&to) + n * kBytes, &bits, kBytes);
        };
        isolate(alone_a, a, bits_a);
        isolate(alone_b, b, bits_b);
        begin_unmasked(c);
        (void)Op::run(alone_a, alone_b);
        u32 flags = flags_of_operation();
        const Element element = examine(c, &Op::wide, bits_a, bits_b, kBytes, Op::kResultBytes);
        const bool underflows = element.finite && element.tiny && (open & kUnderflow);
        if (underflows) flags |= kUnderflow;
        if (underflows || (flags & open & kOverflow))
            flags = (flags & ~kInexact) | (element.inexact ? kInexact : 0);
        all |= flags;
    }
    return all;
}

/// V ← V op W, all cases.
template<class Op>
Outcome binary_any(Cpu& c, const Instruction& i) {
    Vector128 b;
    if (!i.in_memory())
        b = get(c, i.rm);
    else if (!load<Op::kBytes>(c, i, Op::kAligned, b))
        return Outcome::Fault;
    const Vector128 a = get(c, i.reg);
    const auto compute = [&] {
        return i.in_memory() ? apply_memory<Op>(a, b, i.imm) : apply<Op>(a, b, i.imm);
    };
    if constexpr (!Op::kMxcsr) {
        put(c, i.reg, compute());
    } else if (borrow_if_masked(c)) {
        put(c, i.reg, compute());
    } else {
        begin_unmasked(c);
        const Vector128 result = compute();
        u32 flags = flags_of_operation();
        if constexpr (requires { Op::kResultBytes; }) {
            if (needs_care(c, flags)) flags = flags_by_element<Op>(c, a, b);
        }
        if (!end_unmasked(c, flags)) return Outcome::Fault;
        put(c, i.reg, result);
    }
    return Outcome::Next;
}

// ---- handlers
// -----------------------------------------------------------------------------------------------

/// As operand_pointer; null also if the operand must be aligned and is not.
template<Mem form, AccessKind kind, unsigned bytes, bool aligned>
GNOMON_INLINE u8* operand(const Cpu* c, const Instruction* i, u64 ip) {
    u64 linear;
    if (!operand_linear<form, kind>(c, i, ip, bytes, linear)) [[unlikely]]
        return nullptr;
    if constexpr (aligned && bytes == 16) {
        if (linear & 15) [[unlikely]]
            return nullptr;
    }
    return probe<kind>(c, linear, bytes);
}

template<class Op>
GNOMON_HANDLER void binary_rr(Cpu* c, const Instruction* i, u64 ip, u64 r, u64 s, u64 k) {
    if constexpr (Op::kMxcsr) {
        if (!c->host_fpu.simd) [[unlikely]]
            GNOMON_TAIL call<&binary_any<Op>>(c, i, ip, r, s, k);
    }
    put(*c, i->reg, apply<Op>(get(*c, i->reg), get(*c, i->rm), i->imm));
    GNOMON_TAIL next(c, i, ip, r, s, k);
}

template<class Op, Mem form>
GNOMON_HANDLER void binary_rm(Cpu* c, const Instruction* i, u64 ip, u64 r, u64 s, u64 k) {
    const u8* p = operand<form, AccessKind::Read, Op::kBytes, Op::kAligned>(c, i, ip);
    if (!p) [[unlikely]]
        GNOMON_TAIL call<&binary_any<Op>>(c, i, ip, r, s, k);
    if constexpr (Op::kMxcsr) {
        if (!c->host_fpu.simd) [[unlikely]]
            GNOMON_TAIL call<&binary_any<Op>>(c, i, ip, r, s, k);
    }
    put(*c, i->reg, apply_memory<Op>(get(*c, i->reg), from_host<Op::kBytes>(p), i->imm));
    GNOMON_TAIL next(c, i, ip, r, s, k);
}

template<class Op>
void build_binary(const Decoded& d, Instruction& insn) {
    if (!d.memory)
        insn.handler = &binary_rr<Op>;
    else
        insn.handler = by_operand_form(d, [](auto form) -> Handler { return &binary_rm<Op, form()>; });
}

/// Stores of registers: `bytes` of the register from byte `first`.
template<unsigned bytes, bool aligned, unsigned first>
Outcome store_any(Cpu& c, const Instruction& i) {
    const u8* source = c.state.fpu.vectors[i.reg].bytes.data() + first;
    if constexpr (bytes == 16) {
        u64 linear;
        if (!locate(c, i, 16, aligned, true, linear)) return Outcome::Fault;
        return c.write_linear(linear, *reinterpret_cast<const Vector128*>(source), c.privilege())
                   ? Outcome::Next
                   : Outcome::Fault;
    } else {
        return c.store(i, peek<std::conditional_t<bytes == 8, u64, u32>>(source)) ? Outcome::Next
                                                                                  : Outcome::Fault;
    }
}

template<unsigned bytes, bool aligned, unsigned first, Mem form>
GNOMON_HANDLER void store_m(Cpu* c, const Instruction* i, u64 ip, u64 r, u64 s, u64 k) {
    u8* p = operand<form, AccessKind::Write, bytes, aligned>(c, i, ip);
    if (!p) [[unlikely]]
        GNOMON_TAIL call<&store_any<bytes, aligned, first>>(c, i, ip, r, s, k);
    const u8* source = c->state.fpu.vectors[i->reg].bytes.data() + first;
    if constexpr (bytes == 16)
        _mm_storeu_si128(reinterpret_cast<Vector128*>(p), get(*c, i->reg));
    else
        poke(p, peek<std::conditional_t<bytes == 8, u64, u32>>(source));
    GNOMON_TAIL next(c, i, ip, r, s, k);
}

/// MOVAPS, MOVUPS and others with the destination W; `Move` is what they do between registers.
template<class Move, unsigned bytes, bool aligned, unsigned first = 0>
void build_store(const Decoded& d, Instruction& insn) {
    if (d.memory) {
        insn.handler =
            by_operand_form(d, [](auto form) -> Handler { return &store_m<bytes, aligned, first, form()>; });
    } else {
        std::swap(insn.reg, insn.rm);
        insn.handler = &binary_rr<Move>;
    }
}

// ---- MMX
// --------------------------------------------------------------------------------------------------------

GNOMON_INLINE u64 get_mm(const Cpu& c, unsigned n) { return c.state.fpu.registers[n].significand; }
GNOMON_INLINE void put_mm(Cpu& c, unsigned n, u64 value) { c.state.fpu.registers[n] = {value, 0xffff}; }
GNOMON_INLINE bool x87_pending(const Cpu& c) { return c.state.fpu.status & x87::sw::ES; }
/// Every MMX instruction (EMMS takes it back) marks all registers as used, with the top at 0.
GNOMON_INLINE void enter_mmx(Cpu& c) {
    c.state.fpu.top = 0;
    c.state.fpu.valid = 0xff;
}
/// The start of an MMX instruction out of line: #MF comes first.
[[nodiscard]] bool begin_mmx(Cpu& cpu, Outcome& out);

/// Memory operands of 8 bytes; PUNPCKL reads 4.
template<class Op>
inline constexpr unsigned kMmxBytes = requires {
    Op::kMmxBytes;
}
? 4 : 8;

template<class Op>
Outcome mmx_any(Cpu& c, const Instruction& i) {
    Outcome out;
    if (!begin_mmx(c, out)) return out;
    Vector128 b;
    if (!i.in_memory())
        b = _mm_cvtsi64_si128(static_cast<i64>(get_mm(c, i.rm)));
    else if (!load<kMmxBytes<Op>>(c, i, false, b))
        return Outcome::Fault;
    enter_mmx(c);
    put_mm(c, i.reg,
           static_cast<u64>(_mm_cvtsi128_si64(
               apply<Op>(_mm_cvtsi64_si128(static_cast<i64>(get_mm(c, i.reg))), b, i.imm))));
    return Outcome::Next;
}

template<class Op>
GNOMON_HANDLER void mmx_rr(Cpu* c, const Instruction* i, u64 ip, u64 r, u64 s, u64 k) {
    if (x87_pending(*c)) [[unlikely]]
        GNOMON_TAIL call<&mmx_any<Op>>(c, i, ip, r, s, k);
    enter_mmx(*c);
    const Vector128 a = _mm_cvtsi64_si128(static_cast<i64>(get_mm(*c, i->reg)));
    const Vector128 b = _mm_cvtsi64_si128(static_cast<i64>(get_mm(*c, i->rm)));
    put_mm(*c, i->reg, static_cast<u64>(_mm_cvtsi128_si64(apply<Op>(a, b, i->imm))));
    GNOMON_TAIL next(c, i, ip, r, s, k);
}

template<class Op>
GNOMON_HANDLER void mmx_rm(Cpu* c, const Instruction* i, u64 ip, u64 r, u64 s, u64 k) {
    const u8* p = operand<Mem::General, AccessKind::Read, kMmxBytes<Op>, false>(c, i, ip);
    if (!p || x87_pending(*c)) [[unlikely]]
        GNOMON_TAIL call<&mmx_any<Op>>(c, i, ip, r, s, k);
    enter_mmx(*c);
    const Vector128 a = _mm_cvtsi64_si128(static_cast<i64>(get_mm(*c, i->reg)));
    put_mm(*c, i->reg,
           static_cast<u64>(_mm_cvtsi128_si64(apply<Op>(a, from_host<kMmxBytes<Op>>(p), i->imm))));
    GNOMON_TAIL next(c, i, ip, r, s, k);
}

template<class Op>
void build_mmx(const Decoded& d, Instruction& insn) {
    insn.handler = d.memory ? &mmx_rm<Op> : &mmx_rr<Op>;
}

}  // namespace gnomon::simd
