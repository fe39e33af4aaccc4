// Floating-point arithmetic that SSE3, SSE4.1 and AVX-512 added, element by element. SDM Vol. 2, "Instruction Set Reference".
#include "cpu/vector/instructions.h"
#include "cpu/vector/element.h"
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

template<class T>
GNOMON_INLINE Vector128 alternate(Vector128 va, Vector128 vb) {
    const auto a = split<T>(va), b = split<T>(vb);
    Elements<T> r;
    for (unsigned n = 0; n < r.size(); n++) r[n] = n & 1 ? add(a[n], b[n]) : subtract(a[n], b[n]);
    return join<T>(r);
}
template<class T, class F>
GNOMON_INLINE Vector128 pairs(Vector128 va, Vector128 vb, F f) {
    const auto a = split<T>(va), b = split<T>(vb);
    Elements<T> r;
    constexpr unsigned kHalf = 8 / sizeof(T);
    for (unsigned n = 0; n < kHalf; n++) r[n] = f(a[2 * n], a[2 * n + 1]), r[kHalf + n] = f(b[2 * n], b[2 * n + 1]);
    return join<T>(r);
}

/// As the same sums element by element: for a second look at their flags.
template<class T>
struct Sums {
    static constexpr bool kScalar = false;
    static constexpr unsigned kSourceBytes = sizeof(T), kResultBytes = sizeof(T);
    static Vector128 run(Vector128 x, Vector128 y) {
        return each<T>(x, y, [](T a, T b) { return add(a, b); });
    }
    static u16 wide(Float80& value, u64 a, u64 b) {
        using Real = std::conditional_t<sizeof(T) == 4, host::Real32, host::Real64>;
        (void)host::load<false>(value, Real{static_cast<T>(a)});
        return host::Fadd::run<true>(value, Real{static_cast<T>(b)});
    }
};
/// What is added to what; differences are sums with a changed sign.
template<class T>
void alternate_addends(Vector128&, Vector128& y) {
    auto b = split<T>(y);
    for (unsigned n = 0; n < b.size(); n += 2) b[n] ^= Format<T>::kSign;
    y = join<T>(b);
}
template<class T, bool subtracts>
void pair_addends(Vector128& x, Vector128& y) {
    const Vector128 first = pairs<T>(x, y, [](T a, T) { return a; });
    y = pairs<T>(x, y, [](T, T b) { return subtracts ? static_cast<T>(b ^ Format<T>::kSign) : b; });
    x = first;
}
template<class T, class F>
u32 care_for_sums(Cpu& c, const Arguments& v, u32 flags, F rearrange) {
    if (!simd::needs_care(c, flags)) return flags;
    flags = 0;
    for (unsigned n = 0; n < v.lanes(); n++) {
        Vector128 x = v.a.lane(n), y = v.b.lane(n);
        rearrange(x, y);
        flags |= simd::flags_by_element<Sums<T>>(c, x, y);
    }
    return flags;
}
#define GNOMON_NEIGHBOURS(Name, T, addends, ...)                                          \
    struct Name : Floating {                                                              \
        static Vector128 run(Vector128 a, Vector128 b) { return __VA_ARGS__; }            \
    };                                                                                    \
    template<>                                                                            \
    u32 care<Name>(Cpu & c, const Arguments& v, u32 flags) {                              \
        return care_for_sums<T>(c, v, flags, addends);                                    \
    }                                                                                     \
    template void build<Name>(const Decoded&, Instruction&)
GNOMON_NEIGHBOURS(Addsubps, u32, alternate_addends<u32>, alternate<u32>(a, b));
GNOMON_NEIGHBOURS(Addsubpd, u64, alternate_addends<u64>, alternate<u64>(a, b));
GNOMON_NEIGHBOURS(Haddps, u32, (pair_addends<u32, false>), pairs<u32>(a, b, [](u32 x, u32 y) { return add(x, y); }));
GNOMON_NEIGHBOURS(Haddpd, u64, (pair_addends<u64, false>), pairs<u64>(a, b, [](u64 x, u64 y) { return add(x, y); }));
GNOMON_NEIGHBOURS(Hsubps, u32, (pair_addends<u32, true>), pairs<u32>(a, b, [](u32 x, u32 y) { return subtract(x, y); }));
GNOMON_NEIGHBOURS(Hsubpd, u64, (pair_addends<u64, true>), pairs<u64>(a, b, [](u64 x, u64 y) { return subtract(x, y); }));

/// Products that bits 7:4 choose, their sum where bits 3:0 say.
template<class T>
struct DotProduct : Floating {
    static Vector128 run(Vector128 va, Vector128 vb, u8 imm) {
        const auto a = split<T>(va), b = split<T>(vb);
        Elements<T> p{}, r{};
        for (unsigned n = 0; n < p.size(); n++)
            if (imm >> (4 + n) & 1) p[n] = multiply(a[n], b[n]);
        // With several NaNs the order of the sums shows.
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
