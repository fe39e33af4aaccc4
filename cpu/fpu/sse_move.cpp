// SSE and SSE2 moves, inserts, extracts and masks. SDM Vol. 2.
#include "cpu/fpu/memory_image.h"
#include "cpu/fpu/simd.h"
#include "cpu/fpu/simd_instructions.h"

namespace gnomon::simd {

struct Move : Integer {
    static Vector128 run(Vector128, Vector128 b) { return b; }
};
struct MoveUnaligned : Move {
    static constexpr bool kAligned = false;
};
/// Between registers the rest of the destination stays; a load clears it.
struct Movss : Integer {
    static constexpr unsigned kBytes = 4;
    static Vector128 run(Vector128 a, Vector128 b) {
        return _mm_castps_si128(_mm_move_ss(_mm_castsi128_ps(a), _mm_castsi128_ps(b)));
    }
    static Vector128 from_memory(Vector128, Vector128 b) { return b; }
};
struct Movsd : Integer {
    static constexpr unsigned kBytes = 8;
    static Vector128 run(Vector128 a, Vector128 b) {
        return _mm_castpd_si128(_mm_move_sd(_mm_castsi128_pd(a), _mm_castsi128_pd(b)));
    }
    static Vector128 from_memory(Vector128, Vector128 b) { return b; }
};
struct Movq : Integer {
    static constexpr unsigned kBytes = 8;
    static Vector128 run(Vector128, Vector128 b) { return _mm_move_epi64(b); }
};
/// Between registers MOVHLPS.
struct Movlps : Integer {
    static constexpr unsigned kBytes = 8;
    static Vector128 run(Vector128 a, Vector128 b) { return _mm_unpackhi_epi64(b, a); }
    static Vector128 from_memory(Vector128 a, Vector128 b) { return Movsd::run(a, b); }
};
/// Between registers MOVLHPS.
struct Movhps : Integer {
    static constexpr unsigned kBytes = 8;
    static Vector128 run(Vector128 a, Vector128 b) { return _mm_unpacklo_epi64(a, b); }
};

template void build_binary<Move>(const Decoded&, Instruction&);
template void build_binary<MoveUnaligned>(const Decoded&, Instruction&);
template void build_binary<Movss>(const Decoded&, Instruction&);
template void build_binary<Movsd>(const Decoded&, Instruction&);
template void build_binary<Movq>(const Decoded&, Instruction&);
template void build_binary<Movlps>(const Decoded&, Instruction&);
template void build_binary<Movhps>(const Decoded&, Instruction&);
template void build_store<Move, 16, true, 0>(const Decoded&, Instruction&);
template void build_store<Move, 16, false, 0>(const Decoded&, Instruction&);
template void build_store<Movss, 4, false, 0>(const Decoded&, Instruction&);
template void build_store<Movsd, 8, false, 0>(const Decoded&, Instruction&);
template void build_store<Movq, 8, false, 0>(const Decoded&, Instruction&);
template void build_store<Movq, 8, false, 8>(const Decoded&, Instruction&);

// ---- general registers
// -------------------------------------------------------------------------------------

namespace {

/// Of 32 or, with REX.W, 64 bits.
template<class T>
GNOMON_INLINE Vector128 widened(T value) {
    if constexpr (sizeof(T) == 8) return _mm_cvtsi64_si128(static_cast<i64>(value));
    else return _mm_cvtsi32_si128(static_cast<int>(value));
}

template<class T>
Outcome movd_load_any(Cpu& c, const Instruction& i) {
    T value;
    if (!c.load_rm(i, value)) return Outcome::Fault;
    put(c, i.reg, widened(value));
    return Outcome::Next;
}

template<class T>
GNOMON_HANDLER void movd_load_r(Cpu* c, const Instruction* i, u64 ip, u64 r, u64 s, u64 k) {
    put(*c, i->reg, widened(c->get_at<T>(i->rm)));
    GNOMON_TAIL next(c, i, ip, r, s, k);
}

template<class T, Mem form>
GNOMON_HANDLER void movd_load_m(Cpu* c, const Instruction* i, u64 ip, u64 r, u64 s, u64 k) {
    const u8* p = operand_pointer<form, AccessKind::Read>(c, i, ip, sizeof(T));
    if (!p) [[unlikely]]
        GNOMON_TAIL call<&movd_load_any<T>>(c, i, ip, r, s, k);
    put(*c, i->reg, from_host<sizeof(T)>(p));
    GNOMON_TAIL next(c, i, ip, r, s, k);
}

template<class T>
GNOMON_HANDLER void movd_store_r(Cpu* c, const Instruction* i, u64 ip, u64 r, u64 s, u64 k) {
    c->put_at<T>(i->rm, peek<T>(c->state.fpu.vectors[i->reg].bytes.data()));
    GNOMON_TAIL next(c, i, ip, r, s, k);
}

template<int (*mask)(Vector128)>
GNOMON_HANDLER void mask_r(Cpu* c, const Instruction* i, u64 ip, u64 r, u64 s, u64 k) {
    c->put_at<u32>(i->reg, static_cast<u32>(mask(get(*c, i->rm))));
    GNOMON_TAIL next(c, i, ip, r, s, k);
}

int mask_bytes(Vector128 value) { return _mm_movemask_epi8(value); }
int mask_singles(Vector128 value) { return _mm_movemask_ps(_mm_castsi128_ps(value)); }
int mask_doubles(Vector128 value) { return _mm_movemask_pd(_mm_castsi128_pd(value)); }

GNOMON_HANDLER void extract_r(Cpu* c, const Instruction* i, u64 ip, u64 r, u64 s, u64 k) {
    c->put_at<u32>(i->reg, peek<u16>(c->state.fpu.vectors[i->rm].bytes.data() + 2 * (i->imm & 7)));
    GNOMON_TAIL next(c, i, ip, r, s, k);
}

}  // namespace

void build_movd_load(const Decoded& d, Instruction& insn) {
    const auto choose = [&]<class T>(T) {
        if (!d.memory)
            insn.handler = &movd_load_r<T>;
        else
            insn.handler = by_operand_form(d, [](auto form) -> Handler { return &movd_load_m<T, form()>; });
    };
    if (d.operand_bytes == 8) choose(u64{});
    else choose(u32{});
}
void build_movd_store(const Decoded& d, Instruction& insn) {
    const auto choose = [&]<class T>(T) {
        if (!d.memory)
            insn.handler = &movd_store_r<T>;
        else
            insn.handler = by_operand_form(d, [](auto form) -> Handler { return &store_m<sizeof(T), false, 0, form()>; });
    };
    if (d.operand_bytes == 8) choose(u64{});
    else choose(u32{});
}
void build_pmovmskb(const Decoded&, Instruction& insn) { insn.handler = &mask_r<&mask_bytes>; }
void build_movmskps(const Decoded&, Instruction& insn) { insn.handler = &mask_r<&mask_singles>; }
void build_movmskpd(const Decoded&, Instruction& insn) { insn.handler = &mask_r<&mask_doubles>; }
void build_pextrw(const Decoded&, Instruction& insn) { insn.handler = &extract_r; }

Outcome pinsrw(Cpu& c, const Instruction& i) {
    u16 value;
    if (!c.load_rm(i, value)) return Outcome::Fault;
    poke(c.state.fpu.vectors[i.reg].bytes.data() + 2 * (i.imm & 7), value);
    return Outcome::Next;
}

// ---- between MMX and XMM
// --------------------------------------------------------------------------------------

Outcome movq2dq(Cpu& c, const Instruction& i) {
    Outcome out;
    if (!begin_mmx(c, out)) return out;
    enter_mmx(c);
    put(c, i.reg, _mm_cvtsi64_si128(static_cast<i64>(get_mm(c, i.rm))));
    return Outcome::Next;
}
Outcome movdq2q(Cpu& c, const Instruction& i) {
    Outcome out;
    if (!begin_mmx(c, out)) return out;
    enter_mmx(c);
    put_mm(c, i.reg, static_cast<u64>(_mm_cvtsi128_si64(get(c, i.rm))));
    return Outcome::Next;
}

// ---- stores under a byte mask
// ------------------------------------------------------------------------------------

namespace {

/// To DS:DI, EDI or RDI. Bytes whose mask is clear are not written, but the whole operand must be writable whatever the mask selects,
/// even nothing; under EFLAGS.AC its halves must be aligned. Which byte a page fault names is left open.
bool store_masked(Cpu& c, const Instruction& i, const u8* value, const u8* mask, unsigned bytes) {
    const u64 wrap = i.address_bytes() == 2 ? 0xffff : i.address_bytes() == 4 ? 0xffffffff : ~u64{0};
    const u64 offset = c.get<u64>(reg::DI) & wrap;
    u64 linear;
    if (!c.check_write_segment(i.segment, offset, 1, linear) || !check_image_alignment(c, i.segment, offset, 8)) return false;
    for (const bool selected : {true, false})
        for (unsigned n = 0; n < bytes; n++)
            if (((mask[n] & 0x80) != 0) == selected && !c.check_write(i.segment, (offset + n) & wrap, 1)) return false;
    for (unsigned n = 0; n < bytes; n++)
        if ((mask[n] & 0x80) && !c.write(i.segment, (offset + n) & wrap, value[n])) return false;
    return true;
}

}  // namespace

Outcome maskmovdqu(Cpu& c, const Instruction& i) {
    const FpuState& f = c.state.fpu;
    return store_masked(c, i, f.vectors[i.reg].bytes.data(), f.vectors[i.rm].bytes.data(), 16) ? Outcome::Next
                                                                                       : Outcome::Fault;
}
Outcome maskmovq(Cpu& c, const Instruction& i) {
    Outcome out;
    if (!begin_mmx(c, out)) return out;
    const u64 value = get_mm(c, i.reg);
    const u64 mask = get_mm(c, i.rm);
    if (!store_masked(c, i, reinterpret_cast<const u8*>(&value), reinterpret_cast<const u8*>(&mask), 8))
        return Outcome::Fault;
    enter_mmx(c);
    return Outcome::Next;
}

// ---- MOVNTI
// -----------------------------------------------------------------------------------------------------------

namespace {

template<class T>
Outcome movnti_any(Cpu& c, const Instruction& i) {
    return c.store(i, c.get_at<T>(i.reg)) ? Outcome::Next : Outcome::Fault;
}

template<class T, Mem form>
GNOMON_HANDLER void movnti_m(Cpu* c, const Instruction* i, u64 ip, u64 r, u64 s, u64 k) {
    u8* p = operand_pointer<form, AccessKind::Write>(c, i, ip, sizeof(T));
    if (!p) [[unlikely]]
        GNOMON_TAIL call<&movnti_any<T>>(c, i, ip, r, s, k);
    poke(p, c->get_at<T>(i->reg));
    GNOMON_TAIL next(c, i, ip, r, s, k);
}

}  // namespace

void build_movnti(const Decoded& d, Instruction& insn) {
    insn.handler = by_wide_width(d.operand_bytes == 8 ? 8 : 4, [&](auto zero) -> Handler {
        using T = decltype(zero);
        return by_operand_form<T>(d, [](auto form) -> Handler { return &movnti_m<T, form()>; });
    });
}

// ---- fences and cache hints: this processor is in order and its cache is coherent
// -------------------------------------

namespace {

GNOMON_HANDLER void nothing(Cpu* c, const Instruction* i, u64 ip, u64 r, u64 s, u64 k) {
    GNOMON_TAIL next(c, i, ip, r, s, k);
}

}  // namespace

void build_fence(const Decoded&, Instruction& insn) { insn.handler = &nothing; }

/// Faults as a load of a byte does.
Outcome clflush(Cpu& c, const Instruction& i) {
    u8 ignored;
    return c.load(i, ignored) ? Outcome::Next : Outcome::Fault;
}

}  // namespace gnomon::simd
