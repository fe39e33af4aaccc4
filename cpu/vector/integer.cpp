// Packed integers that SSSE3, SSE4.1, SSE4.2, AVX2 and AVX-512 added: sums, products, extremes, shifts, counts.
// SDM Vol. 2, "Instruction Set Reference".
#include "cpu/fpu/simd_instructions.h"
#include "cpu/vector/instructions.h"
#include "cpu/vector/lanes.h"

namespace gnomon::vec {

GNOMON_EACH(Pabsb, i8, b < 0 ? -b : b);
GNOMON_EACH(Pabsw, i16, b < 0 ? -b : b);
GNOMON_EACH(Pabsd, u32, b >> 31 ? 0u - b : b);
GNOMON_EACH(Pabsq, u64, b >> 63 ? 0u - b : b);
GNOMON_EACH(Psignb, i8, b < 0 ? -a : b == 0 ? 0 : a);
GNOMON_EACH(Psignw, i16, b < 0 ? -a : b == 0 ? 0 : a);
GNOMON_EACH(Psignd, u32, b >> 31 ? 0u - a : b == 0 ? 0 : a);
GNOMON_EACH(Pmulhrsw, i16, (((a * b) >> 14) + 1) >> 1);
GNOMON_EACH(Pcmpeqq, u64, a == b ? ~u64{0} : 0);
GNOMON_EACH(Pcmpgtq, i64, a > b ? -1 : 0);
GNOMON_EACH(Pminsb, i8, a < b ? a : b);
GNOMON_EACH(Pmaxsb, i8, a > b ? a : b);
GNOMON_EACH(Pminuw, u16, a < b ? a : b);
GNOMON_EACH(Pmaxuw, u16, a > b ? a : b);
GNOMON_EACH(Pminsd, i32, a < b ? a : b);
GNOMON_EACH(Pmaxsd, i32, a > b ? a : b);
GNOMON_EACH(Pminud, u32, a < b ? a : b);
GNOMON_EACH(Pmaxud, u32, a > b ? a : b);
GNOMON_EACH(Pminsq, i64, a < b ? a : b);
GNOMON_EACH(Pmaxsq, i64, a > b ? a : b);
GNOMON_EACH(Pminuq, u64, a < b ? a : b);
GNOMON_EACH(Pmaxuq, u64, a > b ? a : b);
GNOMON_EACH(Pmulld, u32, a* b);
GNOMON_EACH(Pmullq, u64, a* b);
GNOMON_EACH(Pmuldq, i64, i64{static_cast<i32>(a)} * static_cast<i32>(b));
GNOMON_EACH3(Pmadd52luq, u64, d + ((static_cast<unsigned __int128>(a & 0xfffffffffffff) * (b & 0xfffffffffffff)) & 0xfffffffffffff));
GNOMON_EACH3(Pmadd52huq, u64, d + static_cast<u64>((static_cast<unsigned __int128>(a & 0xfffffffffffff) * (b & 0xfffffffffffff)) >> 52));
GNOMON_EACH(Popcntb, u8, std::popcount(b));
GNOMON_EACH(Popcntw, u16, std::popcount(b));
GNOMON_EACH(Popcntd, u32, std::popcount(b));
GNOMON_EACH(Popcntq, u64, std::popcount(b));
GNOMON_EACH(Plzcntd, u32, std::countl_zero(b));
GNOMON_EACH(Plzcntq, u64, std::countl_zero(b));

// ---- shifts and rotates --------------------------------------------------------------------------------------

GNOMON_EACH(Psllvw, u16, b > 15 ? 0 : a << b);
GNOMON_EACH(Psllvd, u32, b > 31 ? 0 : a << b);
GNOMON_EACH(Psllvq, u64, b > 63 ? 0 : a << b);
GNOMON_EACH(Psrlvw, u16, b > 15 ? 0 : a >> b);
GNOMON_EACH(Psrlvd, u32, b > 31 ? 0 : a >> b);
GNOMON_EACH(Psrlvq, u64, b > 63 ? 0 : a >> b);
GNOMON_EACH(Psravw, i16, a >> (static_cast<u16>(b) > 15 ? 15 : b));
GNOMON_EACH(Psravd, i32, a >> (static_cast<u32>(b) > 31 ? 31 : b));
GNOMON_EACH(Psravq, i64, a >> (static_cast<u64>(b) > 63 ? 63 : b));
GNOMON_EACH(Prolvd, u32, std::rotl(a, static_cast<int>(b & 31)));
GNOMON_EACH(Prolvq, u64, std::rotl(a, static_cast<int>(b & 63)));
GNOMON_EACH(Prorvd, u32, std::rotr(a, static_cast<int>(b & 31)));
GNOMON_EACH(Prorvq, u64, std::rotr(a, static_cast<int>(b & 63)));
// By an immediate: the source is the r/m operand.
GNOMON_EACH_IMM(PsllwImm, u16, imm > 15 ? 0 : b << imm);
GNOMON_EACH_IMM(PslldImm, u32, imm > 31 ? 0 : b << imm);
GNOMON_EACH_IMM(PsllqImm, u64, imm > 63 ? 0 : b << imm);
GNOMON_EACH_IMM(PsrlwImm, u16, imm > 15 ? 0 : b >> imm);
GNOMON_EACH_IMM(PsrldImm, u32, imm > 31 ? 0 : b >> imm);
GNOMON_EACH_IMM(PsrlqImm, u64, imm > 63 ? 0 : b >> imm);
GNOMON_EACH_IMM(PsrawImm, i16, b >> (imm > 15 ? 15 : imm));
GNOMON_EACH_IMM(PsradImm, i32, b >> (imm > 31 ? 31 : imm));
GNOMON_EACH_IMM(PsraqImm, i64, b >> (imm > 63 ? 63 : imm));
GNOMON_EACH_IMM(ProldImm, u32, std::rotl(b, imm & 31));
GNOMON_EACH_IMM(ProlqImm, u64, std::rotl(b, imm & 63));
GNOMON_EACH_IMM(PrordImm, u32, std::rotr(b, imm & 31));
GNOMON_EACH_IMM(ProrqImm, u64, std::rotr(b, imm & 63));
GNOMON_EACH_IMM(ShldwImm, u16, (imm & 15) ? (u32{a} << (imm & 15)) | (u32{b} >> (16 - (imm & 15))) : a);
GNOMON_EACH_IMM(ShlddImm, u32, (imm & 31) ? a << (imm & 31) | b >> (32 - (imm & 31)) : a);
GNOMON_EACH_IMM(ShldqImm, u64, (imm & 63) ? a << (imm & 63) | b >> (64 - (imm & 63)) : a);
GNOMON_EACH_IMM(ShrdwImm, u16, (imm & 15) ? (u32{a} >> (imm & 15)) | (u32{b} << (16 - (imm & 15))) : a);
GNOMON_EACH_IMM(ShrddImm, u32, (imm & 31) ? a >> (imm & 31) | b << (32 - (imm & 31)) : a);
GNOMON_EACH_IMM(ShrdqImm, u64, (imm & 63) ? a >> (imm & 63) | b << (64 - (imm & 63)) : a);
GNOMON_EACH3(Shldvw, u16, (b & 15) ? (u32{d} << (b & 15)) | (u32{a} >> (16 - (b & 15))) : d);
GNOMON_EACH3(Shldvd, u32, (b & 31) ? d << (b & 31) | a >> (32 - (b & 31)) : d);
GNOMON_EACH3(Shldvq, u64, (b & 63) ? d << (b & 63) | a >> (64 - (b & 63)) : d);
GNOMON_EACH3(Shrdvw, u16, (b & 15) ? (u32{d} >> (b & 15)) | (u32{a} << (16 - (b & 15))) : d);
GNOMON_EACH3(Shrdvd, u32, (b & 31) ? d >> (b & 31) | a << (32 - (b & 31)) : d);
GNOMON_EACH3(Shrdvq, u64, (b & 63) ? d >> (b & 63) | a << (64 - (b & 63)) : d);

/// By the low quadword of a source of 128 bits, the same for all elements.
#define GNOMON_SHIFT_ALL(Name, T, ...)                                          \
    GNOMON_WHOLE(Name, Shuffle, {                                               \
        const u64 by = v.b.get<u64>(0);                                         \
        for (unsigned n = 0; n < v.count<T>(); n++) {                           \
            const T a = v.a.get<T>(n);                                          \
            v.d.set<T>(n, static_cast<T>(__VA_ARGS__));                         \
        }                                                                       \
    })
GNOMON_SHIFT_ALL(VPsllw, u16, by > 15 ? 0 : a << by);
GNOMON_SHIFT_ALL(VPslld, u32, by > 31 ? 0 : a << by);
GNOMON_SHIFT_ALL(VPsllq, u64, by > 63 ? 0 : a << by);
GNOMON_SHIFT_ALL(VPsrlw, u16, by > 15 ? 0 : a >> by);
GNOMON_SHIFT_ALL(VPsrld, u32, by > 31 ? 0 : a >> by);
GNOMON_SHIFT_ALL(VPsrlq, u64, by > 63 ? 0 : a >> by);
GNOMON_SHIFT_ALL(VPsraw, i16, a >> (by > 15 ? 15 : by));
GNOMON_SHIFT_ALL(VPsrad, i32, a >> (by > 31 ? 31 : by));
GNOMON_SHIFT_ALL(VPsraq, i64, a >> (by > 63 ? 63 : by));

/// Bytes of a lane.
struct PslldqImm : Shuffle {
    static Vector128 run(Vector128, Vector128 vb, u8 imm) {
        const auto b = split<u8>(vb);
        Elements<u8> r{};
        for (unsigned n = imm; n < 16; n++) r[n] = b[n - imm];
        return join<u8>(r);
    }
};
template void build<PslldqImm>(const Decoded&, Instruction&);
struct PsrldqImm : Shuffle {
    static Vector128 run(Vector128, Vector128 vb, u8 imm) {
        const auto b = split<u8>(vb);
        Elements<u8> r{};
        for (unsigned n = 0; n + imm < 16; n++) r[n] = b[n + imm];
        return join<u8>(r);
    }
};
template void build<PsrldqImm>(const Decoded&, Instruction&);

// ---- logic -----------------------------------------------------------------------------------------------------

struct Pternlog : Integer {
    static Vector128 run3(Vector128 vd, Vector128 va, Vector128 vb, u8 imm) {
        const auto d = split<u64>(vd), a = split<u64>(va), b = split<u64>(vb);
        Elements<u64> r{};
        for (unsigned row = 0; row < 8; row++) {
            if (!(imm >> row & 1)) continue;
            for (unsigned n = 0; n < 2; n++)
                r[n] |= (row & 4 ? d[n] : ~d[n]) & (row & 2 ? a[n] : ~a[n]) & (row & 1 ? b[n] : ~b[n]);
        }
        return join<u64>(r);
    }
};
template void build<Pternlog>(const Decoded&, Instruction&);

/// For every element the elements before it that are equal. SDM Vol. 2, "VPCONFLICTD/Q".
template<class T>
struct Conflict : Shuffle {
    static void run(Arguments& v) {
        for (unsigned n = 0; n < v.count<T>(); n++) {
            T equal = 0;
            for (unsigned m = 0; m < n; m++) equal |= static_cast<T>(T{v.b.get<T>(m) == v.b.get<T>(n)} << m);
            v.d.set<T>(n, equal);
        }
    }
};
struct Pconflictd : Conflict<u32> {};
struct Pconflictq : Conflict<u64> {};
template void build<Pconflictd>(const Decoded&, Instruction&);
template void build<Pconflictq>(const Decoded&, Instruction&);

// ---- across elements ------------------------------------------------------------------------------------------------

/// Neighbours of `a`, then neighbours of `b`.
template<class T, class F>
GNOMON_INLINE Vector128 horizontal(Vector128 va, Vector128 vb, F f) {
    const auto a = split<T>(va), b = split<T>(vb);
    Elements<T> r;
    constexpr unsigned kHalf = 8 / sizeof(T);
    for (unsigned n = 0; n < kHalf; n++) {
        r[n] = static_cast<T>(f(a[2 * n], a[2 * n + 1]));
        r[kHalf + n] = static_cast<T>(f(b[2 * n], b[2 * n + 1]));
    }
    return join<T>(r);
}
#define GNOMON_HORIZONTAL(Name, T, ...)                                                                     \
    struct Name : Integer {                                                                                 \
        static Vector128 run(Vector128 a, Vector128 b) {                                                    \
            return horizontal<T>(a, b, [](T x, T y) { return __VA_ARGS__; });                               \
        }                                                                                                   \
    };                                                                                                      \
    template void build<Name>(const Decoded&, Instruction&);                                                \
    struct Name##Mmx : Integer {                                                                            \
        static Vector128 run(Vector128 a, Vector128 b) { return Name::run(_mm_unpacklo_epi64(a, b), a); }   \
    }
GNOMON_HORIZONTAL(Phaddw, i16, x + y);
GNOMON_HORIZONTAL(Phaddd, u32, x + y);
GNOMON_HORIZONTAL(Phaddsw, i16, saturate<i16>(x + y));
GNOMON_HORIZONTAL(Phsubw, i16, x - y);
GNOMON_HORIZONTAL(Phsubd, u32, x - y);
GNOMON_HORIZONTAL(Phsubsw, i16, saturate<i16>(x - y));

struct Pmaddubsw : Integer {
    static Vector128 run(Vector128 va, Vector128 vb) {
        const auto a = split<u8>(va);
        const auto b = split<i8>(vb);
        Elements<i16> r;
        for (unsigned n = 0; n < 8; n++) r[n] = saturate<i16>(a[2 * n] * b[2 * n] + a[2 * n + 1] * b[2 * n + 1]);
        return join<i16>(r);
    }
};
template void build<Pmaddubsw>(const Decoded&, Instruction&);

struct Phminposuw : Integer {
    static Vector128 run(Vector128, Vector128 vb) {
        const auto b = split<u16>(vb);
        Elements<u16> r{b[0], 0};
        for (u16 n = 1; n < 8; n++)
            if (b[n] < r[0]) r[0] = b[n], r[1] = n;
        return join<u16>(r);
    }
};
template void build<Phminposuw>(const Decoded&, Instruction&);

GNOMON_INLINE unsigned distance(u8 a, u8 b) { return a < b ? static_cast<unsigned>(b - a) : static_cast<unsigned>(a - b); }

/// Eight sums of four differences; three bits of the immediate choose where in the sources they begin.
GNOMON_INLINE Vector128 mpsadbw(Vector128 va, Vector128 vb, unsigned choice) {
    const auto a = split<u8>(va), b = split<u8>(vb);
    const unsigned in_a = choice >> 2 & 1 ? 4 : 0, in_b = (choice & 3) * 4;
    Elements<u16> r{};
    for (unsigned n = 0; n < 8; n++)
        for (unsigned m = 0; m < 4; m++) r[n] = static_cast<u16>(r[n] + distance(a[in_a + n + m], b[in_b + m]));
    return join<u16>(r);
}
/// The upper lane of 256 bits has its own three bits.
GNOMON_WHOLE(Mpsadbw, Shuffle, {
    for (unsigned n = 0; n < v.lanes(); n++) v.d.set(n, mpsadbw(v.a.lane(n), v.b.lane(n), v.imm >> 3 * (n & 1)));
});

struct Dbpsadbw : Shuffle {
    static Vector128 run(Vector128 va, Vector128 vb, u8 imm) {
        const auto a = split<u8>(va), b = split<u8>(vb);
        Elements<u8> chosen;
        for (unsigned n = 0; n < 16; n++) chosen[n] = b[(imm >> 2 * (n / 4) & 3) * 4 + n % 4];
        Elements<u16> r{};
        for (unsigned n = 0; n < 8; n++) {
            const unsigned in_a = n / 4 * 8 + (n % 4 / 2) * 4, in_b = n / 4 * 8 + n % 4;
            for (unsigned m = 0; m < 4; m++) r[n] = static_cast<u16>(r[n] + distance(a[in_a + m], chosen[in_b + m]));
        }
        return join<u16>(r);
    }
};
template void build<Dbpsadbw>(const Decoded&, Instruction&);

// ---- VNNI -------------------------------------------------------------------------------------------------------------

template<class A, class B, bool saturating>
GNOMON_INLINE Vector128 dot(Vector128 vd, Vector128 va, Vector128 vb) {
    constexpr unsigned kTerms = 4 / sizeof(A);
    const auto d = split<i32>(vd);
    const auto a = split<A>(va);
    const auto b = split<B>(vb);
    Elements<i32> r;
    for (unsigned n = 0; n < 4; n++) {
        i64 sum = d[n];
        for (unsigned m = 0; m < kTerms; m++) sum += i64{a[n * kTerms + m]} * b[n * kTerms + m];
        r[n] = saturating ? saturate<i32>(sum) : static_cast<i32>(sum);
    }
    return join<i32>(r);
}
#define GNOMON_DOT(Name, A, B, saturating)                                                                       \
    struct Name : Integer {                                                                                      \
        static Vector128 run3(Vector128 d, Vector128 a, Vector128 b) { return dot<A, B, saturating>(d, a, b); }  \
    };                                                                                                           \
    template void build<Name>(const Decoded&, Instruction&)
GNOMON_DOT(Pdpbusd, u8, i8, false);
GNOMON_DOT(Pdpbusds, u8, i8, true);
GNOMON_DOT(Pdpwssd, i16, i16, false);
GNOMON_DOT(Pdpwssds, i16, i16, true);

}  // namespace gnomon::vec

namespace gnomon::simd {

// On MMX registers.
template void build_mmx<vec::Pabsb>(const Decoded&, Instruction&);
template void build_mmx<vec::Pabsw>(const Decoded&, Instruction&);
template void build_mmx<vec::Pabsd>(const Decoded&, Instruction&);
template void build_mmx<vec::Psignb>(const Decoded&, Instruction&);
template void build_mmx<vec::Psignw>(const Decoded&, Instruction&);
template void build_mmx<vec::Psignd>(const Decoded&, Instruction&);
template void build_mmx<vec::Pmulhrsw>(const Decoded&, Instruction&);
template void build_mmx<vec::Pmaddubsw>(const Decoded&, Instruction&);
template void build_mmx<vec::PhaddwMmx>(const Decoded&, Instruction&);
template void build_mmx<vec::PhadddMmx>(const Decoded&, Instruction&);
template void build_mmx<vec::PhaddswMmx>(const Decoded&, Instruction&);
template void build_mmx<vec::PhsubwMmx>(const Decoded&, Instruction&);
template void build_mmx<vec::PhsubdMmx>(const Decoded&, Instruction&);
template void build_mmx<vec::PhsubswMmx>(const Decoded&, Instruction&);

}  // namespace gnomon::simd
