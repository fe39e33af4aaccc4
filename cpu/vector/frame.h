// The frame of vector instructions, one for legacy SSE, VEX and EVEX encodings and for 16, 32 and 64 bytes: operands,
// opmask, MXCSR, write-back. An operation works on lanes of 128 bits, or on whole vectors.
// SDM Vol. 2, "Instruction Exception Specification", "Intel AVX-512 Encoding".
#pragma once

#include <array>

#include "cpu/fpu/simd.h"
#include "cpu/vector/instructions.h"
#include "cpu/vector/native.h"
#include "cpu/vector/operands.h"

namespace gnomon::vec {

using simd::Integer;
using simd::Vector128;

/// 64 bytes as elements of any kind.
struct alignas(64) Vector {
    std::array<u8, 64> bytes{};

    template<class T>
    [[nodiscard]] GNOMON_INLINE T get(unsigned n) const {
        return peek<T>(bytes.data() + n * sizeof(T));
    }
    template<class T>
    GNOMON_INLINE void set(unsigned n, T value) {
        poke(bytes.data() + n * sizeof(T), value);
    }
    [[nodiscard]] GNOMON_INLINE Vector128 lane(unsigned n) const { return get<Vector128>(n); }
};

/// What an operation on whole vectors is given. `d` holds the destination's old value and receives the result.
struct Arguments {
    Vector d, a, b;
    u64 active = ~u64{0};    ///< elements under the opmask
    u64 selected = ~u64{0};  ///< the same; `active` has the elements of a scalar that come from the first source too
    unsigned bytes = 16;
    u8 imm = 0;

    template<class T>
    [[nodiscard]] unsigned count() const {
        return bytes / static_cast<unsigned>(sizeof(T));
    }
    [[nodiscard]] unsigned lanes() const { return bytes / 16; }
};

// ---- what an operation says of itself ----------------------------------------------------------------------------
// As in cpu/fpu/simd.h: `Vector128 run(a, b)` or `run(a, b, imm)` on lanes; run3(d, a, b[, imm]) with the destination
// as a third source; or `void run(Arguments&)`.

/// An operation whose destination elements depend on other source elements: its memory operand is read whole.
struct Shuffle : Integer {
    static constexpr bool kReadsAll = true;
};
/// Computes under MXCSR.
struct Floating : Integer {
    static constexpr bool kMxcsr = true;
};
/// Element 0; the others come from the first source.
struct Scalar : Floating {
    static constexpr bool kScalar = true;
};

template<class Op>
inline constexpr bool kReadsAll = requires { Op::kReadsAll; };
template<class Op>
inline constexpr bool kWhole = requires(Arguments& v) { Op::run(v); };
template<class Op>
inline constexpr bool kThree = requires(Vector128 x) { Op::run3(x, x, x); } || requires(Vector128 x) { Op::run3(x, x, x, u8{}); };
/// Lane operations with an overriding form for memory operands (MOVSS and relatives) know no second source.
template<class Op>
GNOMON_INLINE Vector128 lane(Vector128 d, Vector128 a, Vector128 b, u8 imm) {
    if constexpr (requires { Op::run3(d, a, b, imm); }) return Op::run3(d, a, b, imm);
    else if constexpr (requires { Op::run3(d, a, b); }) return Op::run3(d, a, b);
    else return simd::apply<Op>(a, b, imm);
}

template<class Op, class... Ops>
inline constexpr bool kIsOneOf = (std::is_same_v<Op, Ops> || ...);
/// Approximations: they flush small results to zero even where underflow is not masked.
template<class Op>
inline constexpr bool kRaisesNothing = kIsOneOf<Op, Rcp14pd, Rcp14ps, Rcp14sd, Rcp14ss, Rsqrt14pd, Rsqrt14ps, Rsqrt14sd, Rsqrt14ss>;

/// Bits of the elements that exist.
[[nodiscard]] constexpr u64 low_bits(unsigned n) { return n >= 64 ? ~u64{0} : (u64{1} << n) - 1; }

// ---- out of line: frame.cpp ---------------------------------------------------------------------------------------

/// Elements that the opmask selects, among those that exist.
[[nodiscard]] u64 active_elements(const Cpu& cpu, const Operands& o);
/// The register or memory operand; elements that are not active are zero and cannot fault, unless the operation reads all.
[[nodiscard]] bool load_source(Cpu& cpu, const Instruction& insn, const Operands& o, u64 active, bool reads_all, Vector& out);
/// Reads `bytes` (1, 2, 4, 8, 16, 32, 64) at the memory operand plus `at`.
[[nodiscard]] bool read_memory(Cpu& cpu, const Instruction& insn, unsigned at, unsigned bytes, u8* out);
[[nodiscard]] bool write_memory(Cpu& cpu, const Instruction& insn, unsigned at, unsigned bytes, const u8* from);
/// Elements of memory under `active`, none of which is written if one of them faults.
[[nodiscard]] bool store_active(Cpu& cpu, const Instruction& insn, const Vector& value, unsigned element, unsigned count, u64 active);
/// Writes a result under the opmask and clears what lies beyond it.
void write_back(Cpu& cpu, unsigned number, const Operands& o, u64 active, const Vector& result);
/// For floating-point operations: puts 1 in elements that are not active, which no operation finds exceptional.
void neutralise(Arguments& v, unsigned element, unsigned source_element);
[[nodiscard]] GNOMON_INLINE const Vector& vector(const Cpu& c, unsigned n) {
    return *reinterpret_cast<const Vector*>(c.state.fpu.vectors[n].bytes.data());
}
[[nodiscard]] GNOMON_INLINE Vector& vector(Cpu& c, unsigned n) {
    return *reinterpret_cast<Vector*>(c.state.fpu.vectors[n].bytes.data());
}

/// Embedded rounding, SAE: runs under another MXCSR, of whose flags nothing remains.
class MxcsrOverride {
  public:
    MxcsrOverride(const Cpu& cpu, const Operands& o) : saved_(host::read_mxcsr()) {
        u32 value = (cpu.state.fpu.mxcsr & 0x8040) | 0x1f80;
        const u32 rounding = o.control & Operands::kRounding ? o.control >> Operands::kRoundingShift & 3u : cpu.state.fpu.mxcsr >> 13 & 3;
        host::load_mxcsr(value | rounding << 13);
    }
    ~MxcsrOverride() { host::load_mxcsr(saved_); }
    MxcsrOverride(const MxcsrOverride&) = delete;
    MxcsrOverride& operator=(const MxcsrOverride&) = delete;

  private:
    u32 saved_;
};

/// The flags of an operation with exceptions not masked, where overflow and underflow need a second look: element by element, or
/// as `flags(cpu, d, a, b, imm)` of the operation finds them in a lane; or as staged_flags(), where parts of the operation come only
/// after others had no exception.
template<class Op>
[[nodiscard]] u32 care(Cpu& c, const Arguments& v, u32 flags) {
    if constexpr (requires { Op::flags(c, v.d.lane(0), v.a.lane(0), v.b.lane(0), v.imm); }) {
        if (!simd::needs_care(c, flags)) return flags;
        flags = 0;
        for (unsigned n = 0; n < (Op::kScalar ? 1 : v.lanes()); n++) flags |= Op::flags(c, v.d.lane(n), v.a.lane(n), v.b.lane(n), v.imm);
    } else if constexpr (requires { Op::staged_flags(c, v); }) {
        return Op::staged_flags(c, v);
    } else if constexpr (requires { Op::kResultBytes; } && !kWhole<Op> && !kThree<Op>) {
        if (!simd::needs_care(c, flags)) return flags;
        flags = 0;
        for (unsigned n = 0; n < (Op::kScalar ? 1 : v.lanes()); n++) flags |= simd::flags_by_element<Op>(c, v.a.lane(n), v.b.lane(n));
    }
    return flags;
}

template<class Op>
GNOMON_INLINE void compute(Arguments& v) {
    if constexpr (kWhole<Op>) {
        Op::run(v);
    } else {
        for (unsigned n = 0; n < v.lanes(); n++) v.d.set(n, lane<Op>(v.d.lane(n), v.a.lane(n), v.b.lane(n), v.imm));
    }
}

/// Runs `operation` under the guest's MXCSR or what the instruction puts in its place; false: #XM or #UD.
template<class F, class Care>
[[nodiscard]] bool floating(Cpu& c, const Operands& o, F operation, Care look_again) {
    if (o.control & Operands::kOverride) {
        const MxcsrOverride override(c, o);
        operation();
        return true;
    }
    if (simd::borrow_if_masked(c)) {
        operation();
        return true;
    }
    simd::begin_unmasked(c);
    operation();
    return simd::end_unmasked(c, look_again(simd::flags_of_operation()));
}
template<class F>
[[nodiscard]] bool floating(Cpu& c, const Operands& o, F operation) {
    return floating(c, o, operation, [](u32 flags) { return flags; });
}

/// V ← op(V, H, W), all cases.
template<class Op>
Outcome execute(Cpu& c, const Instruction& i) {
    const Operands o = operands(i);
    Arguments v;
    v.bytes = o.bytes;
    v.imm = o.imm;
    u64 active = active_elements(c, o);
    v.selected = active;
    if constexpr (Op::kScalar) {
        const bool needed = !i.in_memory() || (active & 1);
        if (needed && !load_source(c, i, o, active, true, v.b)) return Outcome::Fault;
        if (o.opmask) active |= ~u64{1};
    } else {
        if (!load_source(c, i, o, active, kReadsAll<Op>, v.b)) return Outcome::Fault;
    }
    v.a = vector(c, o.source);
    v.d = vector(c, i.reg);
    v.active = active;
    if constexpr (Op::kMxcsr) {
        if (o.opmask) neutralise(v, o.element, std::max<unsigned>(1, Op::kScalar ? o.memory : o.memory * o.element / o.bytes));
        if constexpr (kRaisesNothing<Op>) {
            const MxcsrOverride silent(c, o);
            compute<Op>(v);
            write_back(c, i.reg, o, active, v.d);
            return Outcome::Next;
        }
        const Arguments before = v;
        if (!floating(c, o, [&] { compute<Op>(v); }, [&](u32 flags) { return care<Op>(c, before, flags); })) return Outcome::Fault;
    } else {
        compute<Op>(v);
    }
    write_back(c, i.reg, o, active, v.d);
    return Outcome::Next;
}

// ---- handlers of the common case: no opmask, operands of whole lanes or one scalar --------------------------------------

GNOMON_INLINE void clear_beyond(Vector& v, unsigned bytes) {
    const Vector128 zero = _mm_setzero_si128();
    for (unsigned n = bytes / 16; n < 4; n++) v.set(n, zero);
}

/// As by_operand_form, with fewer forms: an absent index reads as zero.
template<class F>
Handler by_index_form(const Decoded& d, F choose) {
    switch (memory_form(d)) {
        case Mem::FlatBase:
        case Mem::FlatIndex: return choose(MemConstant<Mem::FlatIndex>{});
        case Mem::FlatBase64:
        case Mem::FlatIndex64: return choose(MemConstant<Mem::FlatIndex64>{});
        case Mem::Rip64: return choose(MemConstant<Mem::Rip64>{});
        case Mem::General: break;
    }
    return choose(MemConstant<Mem::General>{});
}

template<class Op>
GNOMON_HANDLER void lanes_rr(Cpu* c, const Instruction* i, u64 ip, u64 r, u64 s, u64 k) {
    if constexpr (Op::kMxcsr) {
        if (!c->host_fpu.simd) [[unlikely]]
            GNOMON_TAIL call<&execute<Op>>(c, i, ip, r, s, k);
    }
    const Operands o = operands(*i);
    Vector& d = vector(*c, i->reg);
    const Vector& a = vector(*c, o.source);
    const Vector& b = vector(*c, i->rm);
    for (unsigned n = 0; n < o.bytes / 16u; n++) d.set(n, lane<Op>(d.lane(n), a.lane(n), b.lane(n), o.imm));
    if (!o.legacy()) clear_beyond(d, o.bytes);
    GNOMON_TAIL next(c, i, ip, r, s, k);
}

/// Where the host has the operand in memory; null: out of line, as it takes the slow path or the guest's MXCSR is not loaded.
template<class Op, Mem form>
[[gnu::always_inline]] inline const u8* quick_operand(Cpu* c, const Instruction* i, u64 ip, const Operands& o) {
    u64 linear;
    if (!operand_linear<form, AccessKind::Read>(c, i, ip, o.memory, linear) || (o.aligned() && (linear & (o.memory - 1u)))) [[unlikely]]
        return nullptr;
    if constexpr (Op::kMxcsr) {
        if (!c->host_fpu.simd) [[unlikely]]
            return nullptr;
    }
    return probe<AccessKind::Read>(c, linear, o.memory);
}

template<class Op, Mem form>
GNOMON_HANDLER void lanes_rm(Cpu* c, const Instruction* i, u64 ip, u64 r, u64 s, u64 k) {
    const Operands o = operands(*i);
    const u8* p = quick_operand<Op, form>(c, i, ip, o);
    if (!p) [[unlikely]]
        GNOMON_TAIL call<&execute<Op>>(c, i, ip, r, s, k);
    Vector& d = vector(*c, i->reg);
    const Vector& a = vector(*c, o.source);
    if constexpr (Op::kScalar) {
        const Vector128 b = o.memory == 8 ? simd::from_host<8>(p) : simd::from_host<4>(p);
        d.set(0, lane<Op>(d.lane(0), a.lane(0), b, o.imm));
    } else {
        for (unsigned n = 0; n < o.bytes / 16u; n++)
            d.set(n, lane<Op>(d.lane(n), a.lane(n), _mm_loadu_si128(reinterpret_cast<const Vector128*>(p) + n), o.imm));
    }
    if (!o.legacy()) clear_beyond(d, o.bytes);
    GNOMON_TAIL next(c, i, ip, r, s, k);
}

// ---- the same by an instruction of the host: native.h ------------------------------------------------------------------

template<class Op, unsigned width>
GNOMON_HANDLER void native_rr(Cpu* c, const Instruction* i, u64 ip, u64 r, u64 s, u64 k) {
    if constexpr (Op::kMxcsr) {
        if (!c->host_fpu.simd) [[unlikely]]
            GNOMON_TAIL call<&execute<Op>>(c, i, ip, r, s, k);
    }
    const Operands o = operands(*i);
    Native<Op>::template run<width>(vector(*c, i->reg).bytes.data(), vector(*c, o.source).bytes.data(), vector(*c, i->rm).bytes.data(), o.imm);
    GNOMON_TAIL next(c, i, ip, r, s, k);
}

template<class Op, unsigned width, Mem form>
GNOMON_HANDLER void native_rm(Cpu* c, const Instruction* i, u64 ip, u64 r, u64 s, u64 k) {
    const Operands o = operands(*i);
    const u8* p = quick_operand<Op, form>(c, i, ip, o);
    if (!p) [[unlikely]]
        GNOMON_TAIL call<&execute<Op>>(c, i, ip, r, s, k);
    Native<Op>::template run<width>(vector(*c, i->reg).bytes.data(), vector(*c, o.source).bytes.data(), p, o.imm);
    GNOMON_TAIL next(c, i, ip, r, s, k);
}

/// The native handler of this length, or null.
template<class Op, unsigned width>
Handler native_handler(const Decoded& d, unsigned wanted) {
    if constexpr ((Native<Op>::kWidths & width_bit(width)) != 0) {
        if (wanted != width || !host_has(Native<Op>::kSet, width)) return nullptr;
        if (!d.memory) return &native_rr<Op, width>;
        switch (memory_form(d)) {
            case Mem::FlatBase64:
            case Mem::FlatIndex64: return &native_rm<Op, width, Mem::FlatIndex64>;
            case Mem::Rip64: return &native_rm<Op, width, Mem::Rip64>;
            default: return &native_rm<Op, width, Mem::General>;
        }
    }
    return nullptr;
}
template<class Op>
Handler native_handler(const Decoded& d, const Operands& o) {
    const unsigned wanted = o.legacy() ? 0 : o.bytes;
    if (const Handler h = native_handler<Op, 0>(d, wanted)) return h;
    if (const Handler h = native_handler<Op, 16>(d, wanted)) return h;
    if (const Handler h = native_handler<Op, 32>(d, wanted)) return h;
    return native_handler<Op, 64>(d, wanted);
}

/// The Build of an operation.
template<class Op>
void build(const Decoded& d, Instruction& insn) {
    if (!prepare(d, insn)) return;
    const Operands o = operands(insn);
    insn.handler = &call<&execute<Op>>;
    if constexpr (kNative<Op>) {
        if (o.plain())
            if (const Handler h = native_handler<Op>(d, o)) {
                insn.handler = h;
                return;
            }
    }
    if constexpr (!kWhole<Op>) {
        if (!o.plain()) return;
        if (!d.memory) insn.handler = &lanes_rr<Op>;
        else if (Op::kScalar ? o.memory == 4 || o.memory == 8 : o.memory == o.bytes)
            insn.handler = by_index_form(d, [](auto form) -> Handler { return &lanes_rm<Op, form()>; });
    }
}

}  // namespace gnomon::vec
