// Floating-point arithmetic that SSE3, SSE4.1 and AVX-512 added, element by element. SDM Vol. 2, "Instruction Set Reference".
#include "cpu/vector/careful.h"
#include "cpu/vector/element.h"
#include "cpu/vector/instructions.h"
#include "cpu/vector/lanes.h"

namespace gnomon::vec {

/// An operation under MXCSR on elements T, packed and scalar.
#define GNOMON_FLOAT(Name, T, ...)                                                                                          \
    struct Name : Floating {                                                                                                \
        static Vector128 run(Vector128 va, Vector128 vb, [[maybe_unused]] u8 imm) {                                         \
            return each<T>(va, vb, [imm]([[maybe_unused]] T a, [[maybe_unused]] T b) { (void)imm; return __VA_ARGS__; });   \
        }                                                                                                                   \
    };                                                                                                                      \
    template void build<Name>(const Decoded&, Instruction&)
#define GNOMON_FLOAT_SCALAR(Name, T, ...)                                                     \
    struct Name : Scalar {                                                                    \
        static Vector128 run(Vector128 va, Vector128 vb, [[maybe_unused]] u8 imm) {           \
            auto r = split<T>(va);                                                            \
            [[maybe_unused]] const T a = r[0], b = split<T>(vb)[0];                           \
            r[0] = __VA_ARGS__;                                                               \
            return join<T>(r);                                                                \
        }                                                                                     \
    };                                                                                        \
    template void build<Name>(const Decoded&, Instruction&)
#define GNOMON_FLOAT_FOUR(Name, ...)                          \
    GNOMON_FLOAT(Name##ps, u32, __VA_ARGS__);                 \
    GNOMON_FLOAT(Name##pd, u64, __VA_ARGS__);                 \
    GNOMON_FLOAT_SCALAR(Name##ss, u32, __VA_ARGS__);          \
    GNOMON_FLOAT_SCALAR(Name##sd, u64, __VA_ARGS__)

GNOMON_FLOAT_FOUR(Round, round_scaled(b, 0, imm & 15));
GNOMON_FLOAT_FOUR(Rndscale, round_scaled(b, imm >> 4, imm & 15));
GNOMON_FLOAT_FOUR(Getexp, exponent_of(b));
GNOMON_FLOAT_FOUR(Getmant, mantissa_of(b, imm));
GNOMON_FLOAT_FOUR(Scalef, scale(a, b));
GNOMON_FLOAT_FOUR(Range, range(a, b, imm));
GNOMON_FLOAT_FOUR(Reduce, reduce(b, imm));
GNOMON_FLOAT_FOUR(Rcp14, reciprocal14(b));
GNOMON_FLOAT_FOUR(Rsqrt14, reciprocal_root14(b));

// ---- neighbours -----------------------------------------------------------------------------------------------------------

// These are templates over who computes: the host's unit as it is, or Careful, who collects the flags.

/// Elements as the host's unit computes them.
struct Plain {
    template<class T>
    T add(T a, T b) {
        return vec::add(a, b);
    }
    template<class T>
    T subtract(T a, T b) {
        return vec::subtract(a, b);
    }
    template<class T>
    T multiply(T a, T b) {
        return vec::multiply(a, b);
    }
};

template<class T>
struct Alternate {
    template<class By>
    static Vector128 run(By&& by, Vector128 va, Vector128 vb) {
        const auto a = split<T>(va), b = split<T>(vb);
        Elements<T> r;
        for (unsigned n = 0; n < r.size(); n++) r[n] = n & 1 ? by.add(a[n], b[n]) : by.subtract(a[n], b[n]);
        return join<T>(r);
    }
};
template<class T, bool difference>
struct Pairs {
    template<class By>
    static Vector128 run(By&& by, Vector128 va, Vector128 vb) {
        const auto a = split<T>(va), b = split<T>(vb);
        const auto pair = [&](T x, T y) { return difference ? by.subtract(x, y) : by.add(x, y); };
        Elements<T> r;
        constexpr unsigned kHalf = 8 / sizeof(T);
        for (unsigned n = 0; n < kHalf; n++) r[n] = pair(a[2 * n], a[2 * n + 1]), r[kHalf + n] = pair(b[2 * n], b[2 * n + 1]);
        return join<T>(r);
    }
};
#define GNOMON_FLOAT_LANE(Name, ...)                                                                                        \
    struct Name : Floating {                                                                                                \
        static Vector128 run(Vector128 a, Vector128 b) { return __VA_ARGS__::run(Plain{}, a, b); }           \
        static u32 flags(Cpu& c, Vector128, Vector128 a, Vector128 b, u8) {                                                 \
            Careful careful(c);                                                                                             \
            (void)__VA_ARGS__::run(careful, a, b);                                                                          \
            return careful.flags();                                                                                         \
        }                                                                                                                   \
    };                                                                                                                      \
    template void build<Name>(const Decoded&, Instruction&)
GNOMON_FLOAT_LANE(Addsubps, Alternate<u32>);
GNOMON_FLOAT_LANE(Addsubpd, Alternate<u64>);
GNOMON_FLOAT_LANE(Haddps, Pairs<u32, false>);
GNOMON_FLOAT_LANE(Haddpd, Pairs<u64, false>);
GNOMON_FLOAT_LANE(Hsubps, Pairs<u32, true>);
GNOMON_FLOAT_LANE(Hsubpd, Pairs<u64, true>);

/// Products that bits 7:4 choose, their sum where bits 3:0 say.
template<class T>
struct DotProduct : Floating {
    /// Products, sums of neighbours, sums of these: what happened in one stage stays, whatever stops the next one.
    static u32 staged_flags(Cpu& c, const Arguments& v) {
        std::array<T, 32 / sizeof(T)> p{};
        Careful products(c);
        const unsigned count = v.count<T>();
        for (unsigned n = 0; n < count; n++)
            if (v.imm >> (4 + n % (16 / sizeof(T))) & 1) p[n] = products.multiply(v.a.get<T>(n), v.b.get<T>(n));
        if (products.stops()) return products.flags();
        c.state.fpu.mxcsr |= products.flags();
        Careful pairs(c);
        for (unsigned n = 0; n < count; n += 2) p[n] = pairs.add(p[n], p[n + 1]);
        if (sizeof(T) == 8 || pairs.stops()) return pairs.flags();
        c.state.fpu.mxcsr |= pairs.flags();
        Careful whole(c);
        for (unsigned n = 0; n < count; n += 4) (void)whole.add(p[n], p[n + 2]);
        return whole.flags();
    }
    static Vector128 run(Vector128 va, Vector128 vb, u8 imm) {
        const auto a = split<T>(va), b = split<T>(vb);
        Elements<T> p{}, r{};
        for (unsigned n = 0; n < p.size(); n++)
            if (imm >> (4 + n) & 1) p[n] = multiply(a[n], b[n]);
        // With several NaNs the order of the sums shows: as processors have it.
        for (unsigned n = 0; n < r.size(); n++) {
            T sum;
            if constexpr (sizeof(T) == 4) sum = add(add(p[n ^ 1], p[n]), add(p[n ^ 3], p[n ^ 2]));
            else sum = add(p[n], p[n ^ 1]);
            r[n] = imm >> n & 1 ? sum : T{0};
        }
        return join<T>(r);
    }
};
struct Dpps : DotProduct<u32> {};
struct Dppd : DotProduct<u64> {};
template void build<Dpps>(const Decoded&, Instruction&);
template void build<Dppd>(const Decoded&, Instruction&);

// ---- special numbers ------------------------------------------------------------------------------------------------------

template<class T, class Base>
struct FixUp : Base {
    static void run(Arguments& v) {
        const Vector old = v.d;
        v.d = v.a;
        for (unsigned n = 0; n < (Base::kScalar ? 1 : v.count<T>()); n++)
            if (v.selected >> n & 1) v.d.set(n, fix_up<T>(old.get<T>(n), v.a.get<T>(n), v.b.get<T>(n), v.imm));
    }
};
struct Fixupimmps : FixUp<u32, Floating> {};
struct Fixupimmpd : FixUp<u64, Floating> {};
struct Fixupimmss : FixUp<u32, Scalar> {};
struct Fixupimmsd : FixUp<u64, Scalar> {};
template void build<Fixupimmps>(const Decoded&, Instruction&);
template void build<Fixupimmpd>(const Decoded&, Instruction&);
template void build<Fixupimmss>(const Decoded&, Instruction&);
template void build<Fixupimmsd>(const Decoded&, Instruction&);

}  // namespace gnomon::vec
