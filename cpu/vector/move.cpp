// Moves, loads and stores of vectors, their parts and under masks. SDM Vol. 2, "Instruction Set Reference".
#include "cpu/vector/instructions.h"
#include "cpu/vector/lanes.h"

namespace gnomon::vec {

// ---- V ← W -----------------------------------------------------------------------------------------------------------------

struct VMove : Integer {
    static Vector128 run(Vector128, Vector128 b) { return b; }
};
template void build<VMove>(const Decoded&, Instruction&);
/// A scalar from memory clears the rest; between registers the rest comes from the first source.
struct VMovsLoad : Integer {
    static constexpr bool kScalar = true;
    static Vector128 run(Vector128, Vector128 b) { return b; }
};
struct VMovss : VMovsLoad {
    static Vector128 run(Vector128 a, Vector128 b) { return _mm_castps_si128(_mm_move_ss(_mm_castsi128_ps(a), _mm_castsi128_ps(b))); }
};
struct VMovsd : VMovsLoad {
    static Vector128 run(Vector128 a, Vector128 b) { return _mm_castpd_si128(_mm_move_sd(_mm_castsi128_pd(a), _mm_castsi128_pd(b))); }
};
template void build<VMovsLoad>(const Decoded&, Instruction&);
template void build<VMovss>(const Decoded&, Instruction&);
template void build<VMovsd>(const Decoded&, Instruction&);
/// The same with the destination in ModRM.rm.
template<class Op>
void build_swapped(const Decoded& d, Instruction& insn) {
    build<Op>(d, insn);
    std::swap(insn.reg, insn.rm);
}
template void build_swapped<VMovss>(const Decoded&, Instruction&);
template void build_swapped<VMovsd>(const Decoded&, Instruction&);

struct VMovq : Shuffle {
    static Vector128 run(Vector128, Vector128 b) { return _mm_move_epi64(b); }
};
/// The low (high) half from memory or, as VMOVHLPS (VMOVLHPS), from a register.
struct VMovlps : Shuffle {
    static Vector128 run(Vector128 a, Vector128 b) { return VMovsd::run(a, b); }
};
struct VMovhlps : Shuffle {
    static Vector128 run(Vector128 a, Vector128 b) { return _mm_unpackhi_epi64(b, a); }
};
struct VMovhps : Shuffle {
    static Vector128 run(Vector128 a, Vector128 b) { return _mm_unpacklo_epi64(a, b); }
};
template void build<VMovq>(const Decoded&, Instruction&);
template void build<VMovlps>(const Decoded&, Instruction&);
template void build<VMovhlps>(const Decoded&, Instruction&);
template void build<VMovhps>(const Decoded&, Instruction&);

Outcome vmovd_load(Cpu& c, const Instruction& i) {
    const Operands o = operands(i);
    Vector r;
    if (i.prefix & prefix::kOperand64) {
        u64 value;
        if (!c.load_rm(i, value)) return Outcome::Fault;
        r.set(0, value);
    } else {
        u32 value;
        if (!c.load_rm(i, value)) return Outcome::Fault;
        r.set(0, value);
    }
    write_back(c, i.reg, o, ~u64{0}, r);
    return Outcome::Next;
}
Outcome vmovd_store(Cpu& c, const Instruction& i) {
    const Vector& v = vector(c, i.reg);
    const bool done = i.prefix & prefix::kOperand64 ? c.store_rm(i, v.get<u64>(0)) : c.store_rm(i, v.get<u32>(0));
    return done ? Outcome::Next : Outcome::Fault;
}

// ---- W ← V -----------------------------------------------------------------------------------------------------------------

Outcome store(Cpu& c, const Instruction& i) {
    const Operands o = operands(i);
    const u64 active = active_elements(c, o);
    if (!i.in_memory()) {
        const Vector value = vector(c, i.reg);
        write_back(c, i.rm, o, active, value);
        return Outcome::Next;
    }
    if (o.aligned() && active) {
        u64 linear;
        if (!simd::locate(c, i, o.memory, true, true, linear)) return Outcome::Fault;
    }
    const unsigned element = o.opmask ? o.element : o.memory;
    return store_active(c, i, vector(c, i.reg), element, o.memory / element, active) ? Outcome::Next : Outcome::Fault;
}

namespace {

template<Mem form>
GNOMON_HANDLER void store_m(Cpu* c, const Instruction* i, u64 ip, u64 r, u64 s, u64 k) {
    const Operands o = operands(*i);
    u64 linear;
    u8* p = nullptr;
    if (operand_linear<form, AccessKind::Write>(c, i, ip, o.memory, linear) && !(o.aligned() && (linear & (o.memory - 1u)))) [[likely]]
        p = probe<AccessKind::Write>(c, linear, o.memory);
    if (!p) [[unlikely]]
        GNOMON_TAIL call<&store>(c, i, ip, r, s, k);
    const Vector& v = vector(*c, i->reg);
    if (o.memory == 4) {
        poke(p, v.get<u32>(0));
    } else if (o.memory == 8) {
        poke(p, v.get<u64>(0));
    } else {
        for (unsigned n = 0; n < o.memory / 16u; n++) _mm_storeu_si128(reinterpret_cast<Vector128*>(p) + n, v.lane(n));
    }
    GNOMON_TAIL next(c, i, ip, r, s, k);
}

}  // namespace

void build_vector_store(const Decoded& d, Instruction& insn) {
    if (!prepare(d, insn)) return;
    const Operands o = operands(insn);
    insn.handler = &call<&store>;
    if (d.memory && o.plain()) insn.handler = by_index_form(d, [](auto form) -> Handler { return &store_m<form()>; });
}

/// MOVHPS and MOVHPD.
Outcome store_high(Cpu& c, const Instruction& i) {
    return write_memory(c, i, 0, 8, vector(c, i.reg).bytes.data() + 8) ? Outcome::Next : Outcome::Fault;
}
/// VMOVQ between registers: 66 0F D6.
Outcome vmovq_store(Cpu& c, const Instruction& i) {
    if (i.in_memory()) return write_memory(c, i, 0, 8, vector(c, i.reg).bytes.data()) ? Outcome::Next : Outcome::Fault;
    Vector r;
    r.set(0, vector(c, i.reg).get<u64>(0));
    write_back(c, i.rm, operands(i), ~u64{0}, r);
    return Outcome::Next;
}

// ---- parts -----------------------------------------------------------------------------------------------------------------

/// VEXTRACTF128 and relatives: W ← some lanes of V.
template<unsigned bytes>
Outcome extract_lanes(Cpu& c, const Instruction& i) {
    const Operands o = operands(i);
    const unsigned at = (o.imm & (o.bytes / bytes - 1u)) * bytes;
    Vector value;
    __builtin_memcpy(value.bytes.data(), vector(c, i.reg).bytes.data() + at, bytes);
    Operands narrow = o;
    narrow.bytes = bytes;
    const u64 active = active_elements(c, narrow);
    if (!i.in_memory()) {
        write_back(c, i.rm, narrow, active, value);
        return Outcome::Next;
    }
    const unsigned element = o.opmask ? o.element : bytes;
    return store_active(c, i, value, element, bytes / element, active) ? Outcome::Next : Outcome::Fault;
}
template Outcome extract_lanes<16>(Cpu&, const Instruction&);
template Outcome extract_lanes<32>(Cpu&, const Instruction&);

/// PEXTRB and relatives: a general register is cleared beyond the element.
template<class T>
Outcome extract(Cpu& c, const Instruction& i) {
    const Operands o = operands(i);
    const T value = vector(c, i.reg).get<T>(o.imm & (16 / sizeof(T) - 1));
    if (i.in_memory()) return c.store(i, value) ? Outcome::Next : Outcome::Fault;
    if constexpr (sizeof(T) == 8) c.put_at<u64>(i.rm, value);
    else c.put_at<u32>(i.rm, value);
    return Outcome::Next;
}
template Outcome extract<u8>(Cpu&, const Instruction&);
template Outcome extract<u16>(Cpu&, const Instruction&);
template Outcome extract<u32>(Cpu&, const Instruction&);
template Outcome extract<u64>(Cpu&, const Instruction&);
/// PEXTRD and, with REX.W, PEXTRQ.
Outcome extract_sized(Cpu& c, const Instruction& i) {
    return i.prefix & prefix::kOperand64 ? extract<u64>(c, i) : extract<u32>(c, i);
}
/// The older PEXTRW has its general register in ModRM.reg.
Outcome extract_word(Cpu& c, const Instruction& i) {
    c.put_at<u32>(i.reg, vector(c, i.rm).get<u16>(operands(i).imm & 7));
    return Outcome::Next;
}
template<class T>
Outcome insert(Cpu& c, const Instruction& i) {
    const Operands o = operands(i);
    T value;
    if (i.in_memory()) {
        if (!c.load(i, value)) return Outcome::Fault;
    } else {
        value = static_cast<T>(c.get_at<u64>(i.rm));
    }
    Vector r = vector(c, o.source);
    r.set(o.imm & (16 / sizeof(T) - 1), value);
    write_back(c, i.reg, o, ~u64{0}, r);
    return Outcome::Next;
}
template Outcome insert<u8>(Cpu&, const Instruction&);
template Outcome insert<u16>(Cpu&, const Instruction&);
template Outcome insert<u32>(Cpu&, const Instruction&);
template Outcome insert<u64>(Cpu&, const Instruction&);

Outcome insert_sized(Cpu& c, const Instruction& i) {
    return i.prefix & prefix::kOperand64 ? insert<u64>(c, i) : insert<u32>(c, i);
}

/// VPMOVMSKB, VMOVMSKPS, VMOVMSKPD.
template<class T>
Outcome sign_mask(Cpu& c, const Instruction& i) {
    const Operands o = operands(i);
    const Vector& b = vector(c, i.rm);
    u32 mask = 0;
    for (unsigned n = 0; n < o.bytes / sizeof(T); n++) mask |= static_cast<u32>(b.get<T>(n) >> (8 * sizeof(T) - 1)) << n;
    c.put_at<u32>(i.reg, mask);
    return Outcome::Next;
}
template Outcome sign_mask<u8>(Cpu&, const Instruction&);
template Outcome sign_mask<u32>(Cpu&, const Instruction&);
template Outcome sign_mask<u64>(Cpu&, const Instruction&);

// ---- under masks -------------------------------------------------------------------------------------------------------------

namespace {

template<class T>
u64 signs(const Vector& v, unsigned bytes) {
    u64 mask = 0;
    for (unsigned n = 0; n < bytes / sizeof(T); n++) mask |= static_cast<u64>(v.get<T>(n) >> (8 * sizeof(T) - 1)) << n;
    return mask;
}

}  // namespace

/// VMASKMOVPS, VPMASKMOVD and relatives: the mask is the signs of the first source.
template<class T>
Outcome mask_load(Cpu& c, const Instruction& i) {
    const Operands o = operands(i);
    const u64 active = signs<T>(vector(c, o.source), o.bytes);
    Vector r;
    for (unsigned n = 0; n < o.bytes / sizeof(T); n++)
        if ((active >> n & 1) && !read_memory(c, i, n * sizeof(T), sizeof(T), r.bytes.data() + n * sizeof(T))) return Outcome::Fault;
    write_back(c, i.reg, o, ~u64{0}, r);
    return Outcome::Next;
}
template<class T>
Outcome mask_store(Cpu& c, const Instruction& i) {
    const Operands o = operands(i);
    const u64 active = signs<T>(vector(c, o.source), o.bytes);
    return store_active(c, i, vector(c, i.reg), sizeof(T), o.bytes / sizeof(T), active) ? Outcome::Next : Outcome::Fault;
}
template Outcome mask_load<u32>(Cpu&, const Instruction&);
template Outcome mask_load<u64>(Cpu&, const Instruction&);
template Outcome mask_store<u32>(Cpu&, const Instruction&);
template Outcome mask_store<u64>(Cpu&, const Instruction&);

/// VPCOMPRESSD and relatives: active elements of V, close together, to W.
template<class T>
Outcome compress(Cpu& c, const Instruction& i) {
    Operands o = operands(i);
    const u64 active = active_elements(c, o);
    const Vector& v = vector(c, i.reg);
    Vector r;
    unsigned count = 0;
    for (unsigned n = 0; n < o.bytes / sizeof(T); n++)
        if (active >> n & 1) r.set(count++, v.get<T>(n));
    if (i.in_memory()) {
        for (unsigned n = 0; n < count; n++)
            if (!c.check_write(i.segment, c.effective_address(i) + n * sizeof(T), sizeof(T))) return Outcome::Fault;
        for (unsigned n = 0; n < count; n++)
            if (!write_memory(c, i, n * sizeof(T), sizeof(T), r.bytes.data() + n * sizeof(T))) return Outcome::Fault;
        return Outcome::Next;
    }
    if (!o.opmask) o.opmask = 0;
    write_back(c, i.rm, o, low_bits(count), r);
    return Outcome::Next;
}
/// VPEXPANDD and relatives: consecutive elements of W to the active elements of V.
template<class T>
Outcome expand(Cpu& c, const Instruction& i) {
    const Operands o = operands(i);
    const u64 active = active_elements(c, o);
    Vector b, r;
    if (!i.in_memory()) b = vector(c, i.rm);
    unsigned count = 0;
    for (unsigned n = 0; n < o.bytes / sizeof(T); n++) {
        if (!(active >> n & 1)) continue;
        if (i.in_memory() && !read_memory(c, i, count * sizeof(T), sizeof(T), b.bytes.data() + count * sizeof(T))) return Outcome::Fault;
        r.set(n, b.get<T>(count++));
    }
    write_back(c, i.reg, o, active, r);
    return Outcome::Next;
}
#define GNOMON_COMPRESS(T)                                   \
    template Outcome compress<T>(Cpu&, const Instruction&);  \
    template Outcome expand<T>(Cpu&, const Instruction&)
GNOMON_COMPRESS(u8);
GNOMON_COMPRESS(u16);
GNOMON_COMPRESS(u32);
GNOMON_COMPRESS(u64);

// ---- gather and scatter --------------------------------------------------------------------------------------------------------

namespace {

template<class Index>
u64 element_offset(const Cpu& c, const Instruction& i, const Vector& index, unsigned n) {
    const u64 scaled = static_cast<u64>(static_cast<i64>(index.get<Index>(n))) << i.scale;
    const u64 sum = c.get_at<u64>(i.base) + scaled + static_cast<u64>(i64{i.disp});
    return i.prefix & prefix::kAddress64 ? sum : static_cast<u32>(sum);
}

}  // namespace

/// Elements that are done leave the mask, so that a fault in between resumes where it was. VEX: the mask is the signs of a register,
/// EVEX: an opmask. #UD if two of the registers are the same.
template<class T, class Index>
Outcome gather(Cpu& c, const Instruction& i) {
    const Operands o = operands(i);
    const bool evex = o.opmask != 0;
    if (i.reg == i.index || (!evex && (o.source == i.reg || o.source == i.index))) return c.raise(gnomon::Vector::UD);
    constexpr unsigned kWider = sizeof(T) > sizeof(Index) ? sizeof(T) : sizeof(Index);
    const unsigned count = o.bytes / kWider;
    u64& opmask = c.state.fpu.opmasks[o.opmask];
    vec::Vector& mask = vector(c, o.source);
    const vec::Vector index = vector(c, i.index);
    vec::Vector& to = vector(c, i.reg);
    u64 active = (evex ? opmask : signs<T>(mask, o.bytes)) & low_bits(count);
    if (!evex)
        for (unsigned n = 0; n < count; n++) mask.set<T>(n, active >> n & 1 ? static_cast<T>(~T{0}) : T{0});
    for (unsigned n = 0; n < count; n++) {
        if (!(active >> n & 1)) continue;
        T value;
        if (!c.read(i.segment, element_offset<Index>(c, i, index, n), value)) {
            if (evex) opmask = active;
            return Outcome::Fault;
        }
        to.set(n, value);
        active &= ~(u64{1} << n);
        if (!evex) mask.set<T>(n, 0);
    }
    const unsigned written = count * sizeof(T);
    __builtin_memset(to.bytes.data() + written, 0, 64 - written);
    if (evex) opmask = 0;
    else mask = {};
    return Outcome::Next;
}
template<class T, class Index>
Outcome scatter(Cpu& c, const Instruction& i) {
    const Operands o = operands(i);
    constexpr unsigned kWider = sizeof(T) > sizeof(Index) ? sizeof(T) : sizeof(Index);
    const unsigned count = o.bytes / kWider;
    u64& opmask = c.state.fpu.opmasks[o.opmask];
    u64 active = opmask & low_bits(count);
    for (unsigned n = 0; n < count; n++) {
        if (!(active >> n & 1)) continue;
        if (!c.write(i.segment, element_offset<Index>(c, i, vector(c, i.index), n), vector(c, i.reg).get<T>(n))) {
            opmask = active;
            return Outcome::Fault;
        }
        active &= ~(u64{1} << n);
    }
    opmask = 0;
    return Outcome::Next;
}
#define GNOMON_GATHER(T, Index)                                    \
    template Outcome gather<T, Index>(Cpu&, const Instruction&);   \
    template Outcome scatter<T, Index>(Cpu&, const Instruction&)
GNOMON_GATHER(u32, i32);
GNOMON_GATHER(u32, i64);
GNOMON_GATHER(u64, i32);
GNOMON_GATHER(u64, i64);

// ---- upper halves ------------------------------------------------------------------------------------------------------------

Outcome vzeroupper(Cpu& c, const Instruction&) {
    for (unsigned n = 0; n < (c.mode_key & mode::kCode64 ? 16u : 8u); n++) clear_beyond(vector(c, n), 16);
    return Outcome::Next;
}
Outcome vzeroall(Cpu& c, const Instruction&) {
    for (unsigned n = 0; n < (c.mode_key & mode::kCode64 ? 16u : 8u); n++) clear_beyond(vector(c, n), 0);
    return Outcome::Next;
}

}  // namespace gnomon::vec
