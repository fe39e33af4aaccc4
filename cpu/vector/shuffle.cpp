// Shuffles, packs, blends, alignments within lanes; permutes, broadcasts, insertions and extensions across them.
// SDM Vol. 2, "Instruction Set Reference".
#include "cpu/fpu/simd_instructions.h"
#include "cpu/vector/instructions.h"
#include "cpu/vector/lanes.h"

namespace gnomon::vec {

// ---- within lanes ------------------------------------------------------------------------------------------------

struct Pshufb : Shuffle {
    static Vector128 run(Vector128 va, Vector128 vb) {
        const auto a = split<u8>(va), b = split<u8>(vb);
        Elements<u8> r;
        for (unsigned n = 0; n < 16; n++) r[n] = b[n] & 0x80 ? u8{0} : a[b[n] & 15];
        return join<u8>(r);
    }
};
template void build<Pshufb>(const Decoded&, Instruction&);
struct PshufbMmx : Shuffle {
    static Vector128 run(Vector128 va, Vector128 vb) {
        const auto a = split<u8>(va), b = split<u8>(vb);
        Elements<u8> r{};
        for (unsigned n = 0; n < 8; n++) r[n] = b[n] & 0x80 ? u8{0} : a[b[n] & 7];
        return join<u8>(r);
    }
};

template<unsigned width>
GNOMON_INLINE Vector128 align_bytes(Vector128 va, Vector128 vb, unsigned by) {
    const auto a = split<u8>(va), b = split<u8>(vb);
    Elements<u8> r{};
    for (unsigned n = 0; n < width; n++) {
        const unsigned at = n + by;
        r[n] = at < width ? b[at] : at < 2 * width ? a[at - width] : u8{0};
    }
    return join<u8>(r);
}
struct Palignr : Shuffle {
    static Vector128 run(Vector128 a, Vector128 b, u8 imm) { return align_bytes<16>(a, b, imm); }
};
template void build<Palignr>(const Decoded&, Instruction&);
struct PalignrMmx : Shuffle {
    static Vector128 run(Vector128 a, Vector128 b, u8 imm) { return align_bytes<8>(a, b, imm); }
};

struct Packusdw : Shuffle {
    static Vector128 run(Vector128 va, Vector128 vb) {
        const auto a = split<i32>(va), b = split<i32>(vb);
        Elements<u16> r;
        for (unsigned n = 0; n < 4; n++) r[n] = static_cast<u16>(std::clamp(a[n], 0, 65535)), r[4 + n] = static_cast<u16>(std::clamp(b[n], 0, 65535));
        return join<u16>(r);
    }
};
template void build<Packusdw>(const Decoded&, Instruction&);

struct Movddup : Shuffle {
    static Vector128 run(Vector128, Vector128 b) { return _mm_unpacklo_epi64(b, b); }
};
struct Movshdup : Shuffle {
    static Vector128 run(Vector128, Vector128 b) { return _mm_shuffle_epi32(b, 0xf5); }
};
struct Movsldup : Shuffle {
    static Vector128 run(Vector128, Vector128 b) { return _mm_shuffle_epi32(b, 0xa0); }
};
template void build<Movddup>(const Decoded&, Instruction&);
template void build<Movshdup>(const Decoded&, Instruction&);
template void build<Movsldup>(const Decoded&, Instruction&);

/// SHUFPD and VPERMILPD have a bit of the immediate for every element of the vector.
GNOMON_WHOLE(VShufpd, Shuffle, {
    for (unsigned n = 0; n < v.count<u64>(); n += 2) {
        v.d.set(n, v.a.get<u64>(n + (v.imm >> n & 1)));
        v.d.set(n + 1, v.b.get<u64>(n + (v.imm >> (n + 1) & 1)));
    }
});
GNOMON_WHOLE(PermilpdImm, Shuffle, {
    for (unsigned n = 0; n < v.count<u64>(); n++) v.d.set(n, v.b.get<u64>((n & 6) + (v.imm >> n & 1)));
});
struct PermilpsImm : Shuffle {
    static Vector128 run(Vector128, Vector128 vb, u8 imm) {
        const auto b = split<u32>(vb);
        return join<u32>({b[imm & 3], b[imm >> 2 & 3], b[imm >> 4 & 3], b[imm >> 6 & 3]});
    }
};
template void build<PermilpsImm>(const Decoded&, Instruction&);
struct Permilps : Shuffle {
    static Vector128 run(Vector128 va, Vector128 vb) {
        const auto a = split<u32>(va), b = split<u32>(vb);
        return join<u32>({a[b[0] & 3], a[b[1] & 3], a[b[2] & 3], a[b[3] & 3]});
    }
};
template void build<Permilps>(const Decoded&, Instruction&);
struct Permilpd : Shuffle {
    static Vector128 run(Vector128 va, Vector128 vb) {
        const auto a = split<u64>(va), b = split<u64>(vb);
        return join<u64>({a[b[0] >> 1 & 1], a[b[1] >> 1 & 1]});
    }
};
template void build<Permilpd>(const Decoded&, Instruction&);

// ---- blends -----------------------------------------------------------------------------------------------------

/// By bits of the immediate, which repeat for words.
template<class T>
struct BlendImm : Integer {
    static void run(Arguments& v) {
        for (unsigned n = 0; n < v.count<T>(); n++) v.d.set(n, v.imm >> (sizeof(T) == 2 ? n & 7 : n) & 1 ? v.b.get<T>(n) : v.a.get<T>(n));
    }
};
struct Pblendw : BlendImm<u16> {};
struct Blendps : BlendImm<u32> {};
struct Blendpd : BlendImm<u64> {};
template void build<Pblendw>(const Decoded&, Instruction&);
template void build<Blendps>(const Decoded&, Instruction&);
template void build<Blendpd>(const Decoded&, Instruction&);

/// By the signs in XMM0 (legacy) or in the register that bits 7:4 of the immediate name.
template<class T>
Outcome blend_variable(Cpu& c, const Instruction& i) {
    const Operands o = operands(i);
    Vector b;
    if (!load_source(c, i, o, ~u64{0}, true, b)) return Outcome::Fault;
    const unsigned selector = o.legacy() ? 0 : o.imm >> 4 & (c.mode_key & mode::kCode64 ? 15 : 7);
    const Vector mask = vector(c, selector), a = vector(c, o.source);
    Vector r = a;
    for (unsigned n = 0; n < o.bytes / sizeof(T); n++)
        if (mask.get<T>(n) >> (8 * sizeof(T) - 1)) r.set(n, b.get<T>(n));
    write_back(c, i.reg, o, ~u64{0}, r);
    return Outcome::Next;
}
template Outcome blend_variable<u8>(Cpu&, const Instruction&);
template Outcome blend_variable<u32>(Cpu&, const Instruction&);
template Outcome blend_variable<u64>(Cpu&, const Instruction&);

/// VBLENDMPS and relatives: the opmask chooses, and elements that are not active come from the first source.
template<class T>
Outcome blend_opmask(Cpu& c, const Instruction& i) {
    Operands o = operands(i);
    const u64 active = active_elements(c, o);
    Vector b;
    if (!load_source(c, i, o, active, false, b)) return Outcome::Fault;
    const Vector a = vector(c, o.source);
    Vector r;
    for (unsigned n = 0; n < o.bytes / sizeof(T); n++) r.set(n, active >> n & 1 ? b.get<T>(n) : o.zeroing() ? T{0} : a.get<T>(n));
    o.opmask = 0;
    write_back(c, i.reg, o, active, r);
    return Outcome::Next;
}
template Outcome blend_opmask<u8>(Cpu&, const Instruction&);
template Outcome blend_opmask<u16>(Cpu&, const Instruction&);
template Outcome blend_opmask<u32>(Cpu&, const Instruction&);
template Outcome blend_opmask<u64>(Cpu&, const Instruction&);

// ---- permutes across lanes --------------------------------------------------------------------------------------------

/// Indices in `a`, table `b`.
template<class T>
struct Permute : Shuffle {
    static void run(Arguments& v) {
        for (unsigned n = 0; n < v.count<T>(); n++) v.d.set(n, v.b.get<T>(static_cast<unsigned>(v.a.get<T>(n) & (v.count<T>() - 1))));
    }
};
/// Indices in the destination, tables `a` and `b`.
template<class T>
struct PermuteI2 : Shuffle {
    static void run(Arguments& v) {
        Vector r;
        for (unsigned n = 0; n < v.count<T>(); n++) {
            const unsigned at = static_cast<unsigned>(v.d.get<T>(n) & (2 * v.count<T>() - 1));
            r.set(n, at < v.count<T>() ? v.a.get<T>(at) : v.b.get<T>(at - v.count<T>()));
        }
        v.d = r;
    }
};
/// Indices in `a`, tables the destination and `b`.
template<class T>
struct PermuteT2 : Shuffle {
    static void run(Arguments& v) {
        Vector r;
        for (unsigned n = 0; n < v.count<T>(); n++) {
            const unsigned at = static_cast<unsigned>(v.a.get<T>(n) & (2 * v.count<T>() - 1));
            r.set(n, at < v.count<T>() ? v.d.get<T>(at) : v.b.get<T>(at - v.count<T>()));
        }
        v.d = r;
    }
};
struct Permb : Permute<u8> {};
struct Permw : Permute<u16> {};
struct Permd : Permute<u32> {};
struct Permq : Permute<u64> {};
struct Permi2b : PermuteI2<u8> {};
struct Permi2w : PermuteI2<u16> {};
struct Permi2d : PermuteI2<u32> {};
struct Permi2q : PermuteI2<u64> {};
struct Permt2b : PermuteT2<u8> {};
struct Permt2w : PermuteT2<u16> {};
struct Permt2d : PermuteT2<u32> {};
struct Permt2q : PermuteT2<u64> {};
template void build<Permb>(const Decoded&, Instruction&);
template void build<Permw>(const Decoded&, Instruction&);
template void build<Permd>(const Decoded&, Instruction&);
template void build<Permq>(const Decoded&, Instruction&);
template void build<Permi2b>(const Decoded&, Instruction&);
template void build<Permi2w>(const Decoded&, Instruction&);
template void build<Permi2d>(const Decoded&, Instruction&);
template void build<Permi2q>(const Decoded&, Instruction&);
template void build<Permt2b>(const Decoded&, Instruction&);
template void build<Permt2w>(const Decoded&, Instruction&);
template void build<Permt2d>(const Decoded&, Instruction&);
template void build<Permt2q>(const Decoded&, Instruction&);

GNOMON_WHOLE(PermqImm, Shuffle, {
    for (unsigned n = 0; n < v.count<u64>(); n++) v.d.set(n, v.b.get<u64>((n & 4) + (v.imm >> 2 * (n & 3) & 3)));
});
GNOMON_WHOLE(Perm2x128, Shuffle, {
    for (unsigned n = 0; n < 2; n++) {
        const unsigned choice = v.imm >> 4 * n;
        v.d.set(n, choice & 8 ? _mm_setzero_si128() : (choice & 2 ? v.b : v.a).lane(choice & 1));
    }
});
/// VSHUFF32X4 and relatives: half of the lanes from each source.
GNOMON_WHOLE(ShuffleLanes, Shuffle, {
    const unsigned half = v.lanes() / 2, bits = v.lanes() == 2 ? 1 : 2;
    for (unsigned n = 0; n < v.lanes(); n++) v.d.set(n, (n < half ? v.a : v.b).lane(v.imm >> bits * n & ((1u << bits) - 1)));
});
template<class T>
struct AlignElements : Shuffle {
    static void run(Arguments& v) {
        const unsigned count = v.count<T>(), by = v.imm & (count - 1);
        for (unsigned n = 0; n < count; n++) v.d.set(n, n + by < count ? v.b.get<T>(n + by) : v.a.get<T>(n + by - count));
    }
};
struct Alignd : AlignElements<u32> {};
struct Alignq : AlignElements<u64> {};
template void build<Alignd>(const Decoded&, Instruction&);
template void build<Alignq>(const Decoded&, Instruction&);

/// Unaligned bytes of each quadword. SDM Vol. 2, "VPMULTISHIFTQB".
GNOMON_WHOLE(Multishiftqb, Shuffle, {
    for (unsigned n = 0; n < v.bytes; n++) v.d.set(n, static_cast<u8>(std::rotr(v.b.get<u64>(n / 8), v.a.get<u8>(n) & 63)));
});

// ---- broadcasts ------------------------------------------------------------------------------------------------------

/// The first T of the source, everywhere.
template<class T>
struct Broadcast : Shuffle {
    static void run(Arguments& v) {
        for (unsigned n = 0; n < v.count<T>(); n++) v.d.set(n, v.b.get<T>(0));
    }
};
struct Broadcastb : Broadcast<u8> {};
struct Broadcastw : Broadcast<u16> {};
struct Broadcastd : Broadcast<u32> {};
struct Broadcastq : Broadcast<u64> {};
struct Broadcast128 : Broadcast<Vector128> {};
struct Broadcast256 : Broadcast<std::array<u8, 32>> {};
template void build<Broadcastb>(const Decoded&, Instruction&);
template void build<Broadcastw>(const Decoded&, Instruction&);
template void build<Broadcastd>(const Decoded&, Instruction&);
template void build<Broadcastq>(const Decoded&, Instruction&);
template void build<Broadcast128>(const Decoded&, Instruction&);
template void build<Broadcast256>(const Decoded&, Instruction&);

/// VPBROADCASTB and relatives from a general register.
template<class T>
Outcome broadcast_general(Cpu& c, const Instruction& i) {
    const Operands o = operands(i);
    Vector r;
    for (unsigned n = 0; n < o.bytes / sizeof(T); n++) r.set(n, c.get_at<T>(i.rm));
    write_back(c, i.reg, o, active_elements(c, o), r);
    return Outcome::Next;
}
template Outcome broadcast_general<u8>(Cpu&, const Instruction&);
template Outcome broadcast_general<u16>(Cpu&, const Instruction&);
template Outcome broadcast_general<u32>(Cpu&, const Instruction&);
template Outcome broadcast_general<u64>(Cpu&, const Instruction&);

/// VPBROADCASTMB2Q, VPBROADCASTMW2D.
template<class T>
Outcome broadcast_opmask(Cpu& c, const Instruction& i) {
    const Operands o = operands(i);
    const u64 value = c.state.fpu.opmasks[i.rm & 7] & (sizeof(T) == 8 ? 0xff : 0xffff);
    Vector r;
    for (unsigned n = 0; n < o.bytes / sizeof(T); n++) r.set(n, static_cast<T>(value));
    write_back(c, i.reg, o, ~u64{0}, r);
    return Outcome::Next;
}
template Outcome broadcast_opmask<u32>(Cpu&, const Instruction&);
template Outcome broadcast_opmask<u64>(Cpu&, const Instruction&);

// ---- insertions -------------------------------------------------------------------------------------------------------

template<unsigned bytes>
struct InsertLanes : Shuffle {
    static void run(Arguments& v) {
        v.d = v.a;
        const unsigned at = (v.imm & (v.bytes / bytes - 1)) * bytes;
        __builtin_memcpy(v.d.bytes.data() + at, v.b.bytes.data(), bytes);
    }
};
struct Insert128 : InsertLanes<16> {};
struct Insert256 : InsertLanes<32> {};
template void build<Insert128>(const Decoded&, Instruction&);
template void build<Insert256>(const Decoded&, Instruction&);

/// INSERTPS: in a register operand the immediate chooses the element.
Outcome insertps(Cpu& c, const Instruction& i) {
    const Operands o = operands(i);
    Vector b;
    if (!load_source(c, i, o, ~u64{0}, true, b)) return Outcome::Fault;
    Vector r = vector(c, o.source);
    r.set(o.imm >> 4 & 3, b.get<u32>(i.in_memory() ? 0 : o.imm >> 6));
    for (unsigned n = 0; n < 4; n++)
        if (o.imm >> n & 1) r.set(n, u32{0});
    write_back(c, i.reg, o, ~u64{0}, r);
    return Outcome::Next;
}

// ---- extensions and truncations -------------------------------------------------------------------------------------------

template<class To, class From>
struct Extend : Integer {
    static void run(Arguments& v) {
        for (unsigned n = 0; n < v.count<To>(); n++) v.d.set(n, static_cast<To>(v.b.get<From>(n)));
    }
};
#define GNOMON_EXTEND(Name, To, From) \
    struct Name : Extend<To, From> {};  \
    template void build<Name>(const Decoded&, Instruction&)
GNOMON_EXTEND(Pmovsxbw, i16, i8);
GNOMON_EXTEND(Pmovsxbd, i32, i8);
GNOMON_EXTEND(Pmovsxbq, i64, i8);
GNOMON_EXTEND(Pmovsxwd, i32, i16);
GNOMON_EXTEND(Pmovsxwq, i64, i16);
GNOMON_EXTEND(Pmovsxdq, i64, i32);
GNOMON_EXTEND(Pmovzxbw, u16, u8);
GNOMON_EXTEND(Pmovzxbd, u32, u8);
GNOMON_EXTEND(Pmovzxbq, u64, u8);
GNOMON_EXTEND(Pmovzxwd, u32, u16);
GNOMON_EXTEND(Pmovzxwq, u64, u16);
GNOMON_EXTEND(Pmovzxdq, u64, u32);

/// VPMOVQB and relatives: W ← V, a register or memory; saturating as the types say.
template<class To, class From, bool saturating>
Outcome truncate(Cpu& c, const Instruction& i) {
    const Operands o = operands(i);
    const unsigned count = o.bytes / sizeof(From);
    const u64 active = o.opmask ? c.state.fpu.opmasks[o.opmask] & low_bits(count) : low_bits(count);
    const Vector& from = vector(c, i.reg);
    Vector r;
    for (unsigned n = 0; n < count; n++) {
        const From value = from.get<From>(n);
        r.set(n, saturating ? saturate<To>(value) : static_cast<To>(value));
    }
    if (i.in_memory()) return store_active(c, i, r, sizeof(To), count, active) ? Outcome::Next : Outcome::Fault;
    Vector& to = vector(c, i.rm);
    for (unsigned n = 0; n < count; n++)
        if (!(active >> n & 1)) r.set(n, o.zeroing() ? To{0} : to.get<To>(n));
    to = r;
    return Outcome::Next;
}
#define GNOMON_TRUNCATE(to, from)                                                 \
    template Outcome truncate<u##to, u##from, false>(Cpu&, const Instruction&);   \
    template Outcome truncate<u##to, u##from, true>(Cpu&, const Instruction&);    \
    template Outcome truncate<i##to, i##from, true>(Cpu&, const Instruction&)
GNOMON_TRUNCATE(8, 16);
GNOMON_TRUNCATE(8, 32);
GNOMON_TRUNCATE(8, 64);
GNOMON_TRUNCATE(16, 32);
GNOMON_TRUNCATE(16, 64);
GNOMON_TRUNCATE(32, 64);

}  // namespace gnomon::vec

namespace gnomon::simd {

template void build_mmx<vec::PshufbMmx>(const Decoded&, Instruction&);
template void build_mmx<vec::PalignrMmx>(const Decoded&, Instruction&);

}  // namespace gnomon::simd
