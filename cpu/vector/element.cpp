// Element operations that AVX-512, FMA and F16C added, for every x86-64 host. SDM Vol. 2, "Instruction Set Reference".
#include "cpu/vector/element.h"

#include <cmath>

#include "cpu/vector/host_features.h"
#include "cpu/vector/normal.h"

namespace gnomon::vec {

template<class T>
T round_scaled(T x, unsigned fraction_bits, unsigned control) {
    using F = Format<T>;
    if (is_nan(x)) return quiet(x);
    x = flush_input(x);
    if (is_infinite(x) || is_zero(x)) return x;
    const unsigned mode = control & 4 ? rounding_mode() : control & 3;
    const int field = static_cast<int>((x & F::kExponent) >> F::kFraction);
    const u64 significand = (x & F::kFractionMask) | (field ? F::kFractionMask + 1 : 0);
    const int exponent = (field ? field : 1) - F::kBias;
    // Bits of the significand below the unit.
    const int drop = static_cast<int>(F::kFraction) - exponent - static_cast<int>(fraction_bits);
    if (drop <= 0) return x;
    u64 quotient = drop > 63 ? 0 : significand >> drop;
    const u64 rest = drop > 63 ? significand : significand & ((u64{1} << drop) - 1);
    if (!rest) return x;
    const u64 half = drop > 63 ? ~u64{0} : u64{1} << (drop - 1);
    const bool negative = is_negative(x);
    switch (mode) {
        case 0: quotient += rest > half || (rest == half && (quotient & 1)); break;
        case 1: quotient += negative; break;
        case 2: quotient += !negative; break;
        default: break;
    }
    if (!(control & 8)) raise(kInexact);
    const T sign = x & F::kSign;
    if (!quotient) return sign;
    const unsigned top = 63 - static_cast<unsigned>(std::countl_zero(quotient));
    const u64 fraction = top <= F::kFraction ? quotient << (F::kFraction - top) : quotient >> (top - F::kFraction);
    const T result_field = static_cast<T>(static_cast<int>(top) - static_cast<int>(fraction_bits) + F::kBias);
    return static_cast<T>(sign | result_field << F::kFraction | (static_cast<T>(fraction) & F::kFractionMask));
}

template<class T>
T exponent_of(T x) {
    using F = Format<T>;
    if (is_nan(x)) return quiet(x);
    x = flush_input(x);
    if (is_infinite(x)) return F::kInfinity;
    if (is_zero(x)) return F::kSign | F::kInfinity;
    if (is_denormal(x)) raise(kDenormal);
    return from_integer<T>(static_cast<i64>(normalise(x).exponent));
}

template<class T>
T mantissa_of(T x, u8 imm) {
    using F = Format<T>;
    if (is_nan(x)) return quiet(x);
    x = flush_input(x);
    const bool negative = is_negative(x);
    const T sign = negative && !(imm & 4) ? F::kSign : T{0};
    if (is_zero(x)) return sign | F::kOne;
    if (negative && (imm & 8)) {
        raise(kInvalid);
        return F::kIndefinite;
    }
    if (is_infinite(x)) return sign | F::kOne;
    if (is_denormal(x)) raise(kDenormal);
    const auto [exponent, significand] = normalise(x);
    bool halved = false;
    switch (imm & 3) {
        case 1: halved = exponent & 1; break;
        case 2: halved = true; break;
        case 3: halved = significand & F::kQuiet; break;
        default: break;
    }
    return static_cast<T>(sign | (significand - (halved ? F::kFractionMask + 1 : 0)));
}

template<class T>
T scale(T a, T b) {
    using F = Format<T>;
    if (is_nan(a) && is_nan(b)) {
        if (is_signaling(b)) raise(kInvalid);
        return quiet(a);
    }
    if (is_nan(b)) return quiet(b);
    b = flush_input(b);
    if (is_nan(a)) {
        // A quiet NaN gives way to an infinite scale.
        if (is_infinite(b) && !is_signaling(a)) return is_negative(b) ? T{0} : F::kInfinity;
        return quiet(a);
    }
    a = flush_input(a);
    const T sign = a & F::kSign;
    if (is_infinite(b)) {
        if (is_negative(b) ? is_infinite(a) : is_zero(a)) {
            raise(kInvalid);
            return F::kIndefinite;
        }
        if (is_denormal(a)) raise(kDenormal);
        return is_negative(b) ? sign : static_cast<T>(sign | F::kInfinity);
    }
    if (is_denormal(a)) raise(kDenormal);
    if (is_infinite(a) || is_zero(a)) return a;
    // floor(b), as far as it matters.
    constexpr int kLimit = 8 * F::kBias;
    int steps = 0;
    if (is_denormal(b) || is_zero(b)) {
        steps = is_negative(b) && !is_zero(b) ? -1 : 0;
    } else {
        const u32 before = host::read_mxcsr();
        const T floor = round_scaled(b, 0, 1 | 8);
        const i64 whole = to_integer<i64>(floor, true);
        host::load_mxcsr(before);
        const bool huge = (floor & ~F::kSign) >= power_of_two<T>(40);
        steps = huge ? (is_negative(b) ? -kLimit : kLimit) : static_cast<int>(whole < -kLimit ? -kLimit : whole > kLimit ? kLimit : whole);
    }
    const auto [exponent, significand] = normalise(a);
    int target = exponent + steps;
    if (target > -F::kBias && target <= F::kBias) return static_cast<T>(sign | ((significand & F::kFractionMask) | power_of_two<T>(target)));
    // One multiplication of exact factors rounds, overflows and underflows as it should.
    const int far = F::kBias - 2;
    target = target < 0 ? (target < -2 * far ? -2 * far : target) : 2 * far;
    const int first = target / 2;
    return multiply(static_cast<T>(sign | ((significand & F::kFractionMask) | power_of_two<T>(first))), power_of_two<T>(target - first));
}

template<class T>
T range(T a, T b, u8 imm) {
    using F = Format<T>;
    T result;
    if (is_signaling(a)) return quiet(a);
    if (is_signaling(b)) return quiet(b);
    const auto with_sign = [&](T value) -> T {
        switch (imm >> 2 & 3) {
            case 0: return static_cast<T>((value & ~F::kSign) | (a & F::kSign));
            case 1: return value;
            case 2: return static_cast<T>(value & ~F::kSign);
            default: return static_cast<T>(value | F::kSign);
        }
    };
    if (is_nan(b)) return with_sign(flush_input(a));
    if (is_nan(a)) return with_sign(flush_input(b));
    if ((is_denormal(a) || is_denormal(b)) && !(host::read_mxcsr() & kDenormalsAreZero)) raise(kDenormal);
    a = flush_input(a);
    b = flush_input(b);
    // Ordered as integers: sign and magnitude, so that -0 is below +0.
    const auto key = [](T x) { return is_negative(x) ? static_cast<T>(~x) : static_cast<T>(x | F::kSign); };
    const T magnitude_a = a & ~F::kSign, magnitude_b = b & ~F::kSign;
    switch (imm & 3) {
        case 0: result = key(a) <= key(b) ? a : b; break;
        case 1: result = key(a) >= key(b) ? a : b; break;
        case 2: result = magnitude_a == magnitude_b ? (key(a) <= key(b) ? a : b) : magnitude_a < magnitude_b ? a : b; break;
        default: result = magnitude_a == magnitude_b ? (key(a) >= key(b) ? a : b) : magnitude_a > magnitude_b ? a : b; break;
    }
    return with_sign(result);
}

template<class T>
T reduce(T x, u8 imm) {
    if (is_nan(x)) return quiet(x);
    x = flush_input(x);
    if (is_infinite(x)) return T{0};
    const T rounded = round_scaled(x, imm >> 4, (imm & 15) | 8u);
    const unsigned mode = imm & 4 ? rounding_mode() : imm & 3u;
    if (x == rounded) return mode == 1 ? Format<T>::kSign : T{0};
    // The difference is rounded in the same direction, and nothing but its inexactness is reported.
    constexpr u32 kRoundingAndFlags = 0x603f;
    const u32 before = host::read_mxcsr();
    host::load_mxcsr((before & ~kRoundingAndFlags) | mode << 13);
    const T result = subtract(x, rounded);
    const bool inexact = host::read_mxcsr() & kInexact;
    host::load_mxcsr(before | (inexact && !(imm & 8) ? kInexact : 0));
    return result;
}

template<class T>
T fix_up(T d, T a, Bits<T> table, u8 imm) {
    using F = Format<T>;
    const T x = flush_input(a);
    enum : unsigned { Quiet, Signaling, Zero, One, MinusInfinity, PlusInfinity, Negative, Positive };
    const unsigned kind = is_signaling(x) ? Signaling
                          : is_nan(x)     ? Quiet
                          : is_zero(x)    ? Zero
                          : x == F::kOne  ? One
                          : is_infinite(x) ? (is_negative(x) ? MinusInfinity : PlusInfinity)
                          : is_negative(x) ? Negative
                                           : Positive;
    const auto report = [&](unsigned bit, u32 flag) {
        if (imm >> bit & 1) raise(flag);
    };
    switch (kind) {
        case Zero: report(0, kDivideByZero); report(1, kInvalid); break;
        case One: report(2, kDivideByZero); report(3, kInvalid); break;
        case Signaling: report(4, kInvalid); break;
        case MinusInfinity: report(5, kInvalid); break;
        case Negative: report(6, kInvalid); break;
        case PlusInfinity: report(7, kInvalid); break;
        default: break;
    }
    constexpr bool kSingle = sizeof(T) == 4;
    switch (table >> 4 * kind & 15) {
        case 0: return d;
        case 1: return x;
        case 2: return static_cast<T>(x | F::kExponent | F::kQuiet);
        case 3: return F::kIndefinite;
        case 4: return F::kSign | F::kInfinity;
        case 5: return F::kInfinity;
        case 6: return static_cast<T>((x & F::kSign) | F::kInfinity);
        case 7: return F::kSign;
        case 8: return 0;
        case 9: return F::kSign | F::kOne;
        case 10: return F::kOne;
        case 11: return static_cast<T>(F::kOne - (F::kFractionMask + 1));             // 1/2
        case 12: return kSingle ? static_cast<T>(0x42b40000) : static_cast<T>(0x4056800000000000);    // 90
        case 13: return kSingle ? static_cast<T>(0x3fc90fdb) : static_cast<T>(0x3ff921fb54442d18);    // pi/2
        case 14: return F::kInfinity - 1;
        default: return static_cast<T>(F::kSign | (F::kInfinity - 1));
    }
}

template<class T>
bool is_of_class(T x, u8 classes) {
    x = flush_input(x);
    const bool negative = is_negative(x);
    unsigned found = 0;
    if (is_nan(x)) found = is_signaling(x) ? 0x80 : 1;
    else if (is_zero(x)) found = negative ? 4 : 2;
    else if (is_infinite(x)) found = negative ? 16 : 8;
    else if (is_denormal(x)) found = 32 | (negative ? 64 : 0);
    else found = negative ? 64 : 0;
    return found & classes;
}

template<class T>
T reciprocal14(T x) {
    if (host::features().avx512f) {
        auto r = std::bit_cast<HostReal<T>>(x);
        if constexpr (sizeof(T) == 4) asm volatile("vrcp14ss %0, %0, %0" : "+x"(r));
        else asm volatile("vrcp14sd %0, %0, %0" : "+x"(r));
        return std::bit_cast<T>(r);
    }
    const u32 before = host::read_mxcsr();
    auto r = std::bit_cast<HostReal<T>>(Format<T>::kOne);
    const auto y = std::bit_cast<HostReal<T>>(x);
    if constexpr (sizeof(T) == 4) asm volatile("divss %1, %0" : "+x"(r) : "x"(y));
    else asm volatile("divsd %1, %0" : "+x"(r) : "x"(y));
    host::load_mxcsr(before);
    return std::bit_cast<T>(r);
}

template<class T>
T reciprocal_root14(T x) {
    if (host::features().avx512f) {
        auto r = std::bit_cast<HostReal<T>>(x);
        if constexpr (sizeof(T) == 4) asm volatile("vrsqrt14ss %0, %0, %0" : "+x"(r));
        else asm volatile("vrsqrt14sd %0, %0, %0" : "+x"(r));
        return std::bit_cast<T>(r);
    }
    const u32 before = host::read_mxcsr();
    auto r = std::bit_cast<HostReal<T>>(Format<T>::kOne);
    auto y = std::bit_cast<HostReal<T>>(x);
    if constexpr (sizeof(T) == 4) asm volatile("sqrtss %1, %1\n\tdivss %1, %0" : "+x"(r), "+x"(y));
    else asm volatile("sqrtsd %1, %1\n\tdivsd %1, %0" : "+x"(r), "+x"(y));
    host::load_mxcsr(before);
    return std::bit_cast<T>(r);
}

template<class T>
T fused(T x, T y, T z, bool negate_product, bool negate_addend) {
    using F = Format<T>;
    if (is_nan(x) || is_nan(y) || is_nan(z)) {
        if (is_signaling(x) || is_signaling(y) || is_signaling(z)) raise(kInvalid);
        return static_cast<T>((is_nan(x) ? x : is_nan(y) ? y : z) | F::kQuiet);
    }
    if ((is_denormal(x) || is_denormal(y) || is_denormal(z)) && !(host::read_mxcsr() & kDenormalsAreZero)) raise(kDenormal);
    x = flush_input(x), y = flush_input(y), z = flush_input(z);
    if (negate_product) x ^= F::kSign;
    if (negate_addend) z ^= F::kSign;
    // By way of a volatile pointer, so that the call stays between the accesses to MXCSR.
    HostReal<T> (*volatile function)(HostReal<T>, HostReal<T>, HostReal<T>) = std::fma;
    const HostReal<T> r = function(std::bit_cast<HostReal<T>>(x), std::bit_cast<HostReal<T>>(y), std::bit_cast<HostReal<T>>(z));
    T bits = std::bit_cast<T>(r);
    return is_nan(bits) ? F::kIndefinite : bits;
}

#define GNOMON_BOTH(T)                                  \
    template T round_scaled<T>(T, unsigned, unsigned);  \
    template T exponent_of<T>(T);                       \
    template T mantissa_of<T>(T, u8);                   \
    template T scale<T>(T, T);                          \
    template T range<T>(T, T, u8);                      \
    template T reduce<T>(T, u8);                        \
    template T fix_up<T>(T, T, Bits<T>, u8);            \
    template bool is_of_class<T>(T, u8);                \
    template T reciprocal14<T>(T);                      \
    template T reciprocal_root14<T>(T);                 \
    template T fused<T>(T, T, T, bool, bool)
GNOMON_BOTH(u32);
GNOMON_BOTH(u64);
#undef GNOMON_BOTH

// ---- half precision --------------------------------------------------------------------------------------------------------

u32 from_half(u16 x) {
    const u32 sign = static_cast<u32>(x & 0x8000) << 16, field = x >> 10 & 31;
    u32 fraction = x & 0x3ff;
    if (field == 31) {
        const u32 wide = sign | 0x7f800000 | fraction << 13;
        return fraction ? quiet(wide) : wide;
    }
    if (field) return sign | (field + 112) << 23 | fraction << 13;
    if (!fraction) return sign;
    const int shift = std::countl_zero(fraction) - 21;
    fraction = fraction << shift & 0x3ff;
    return sign | static_cast<u32>(113 - shift) << 23 | fraction << 13;
}

u16 to_half(u32 x, unsigned rounding) {
    const u16 sign = static_cast<u16>(x >> 16 & 0x8000);
    if (is_nan(x)) return static_cast<u16>(sign | 0x7e00 | (quiet(x) >> 13 & 0x1ff));
    if (is_denormal(x) && !(host::read_mxcsr() & kDenormalsAreZero)) raise(kDenormal);
    x = flush_input(x);
    if (is_infinite(x)) return sign | 0x7c00;
    if (is_zero(x)) return sign;
    const int field = static_cast<int>(x >> 23 & 255);
    const u64 significand = (x & 0x7fffff) | (field ? 0x800000 : 0);
    const int exponent = (field ? field : 1) - 127;
    const bool negative = sign;
    const auto round = [&](int drop, bool& inexact) {
        if (drop > 40) drop = 40;
        const u64 rest = significand & ((u64{1} << drop) - 1), half = u64{1} << (drop - 1);
        u64 quotient = significand >> drop;
        inexact = rest;
        switch (rounding) {
            case 0: quotient += rest > half || (rest == half && (quotient & 1)); break;
            case 1: quotient += rest && negative; break;
            case 2: quotient += rest && !negative; break;
            default: break;
        }
        return quotient;
    };
    bool inexact;
    // With an unbounded exponent, to see whether it is tiny after rounding.
    const u64 unbounded = round(13, inexact);
    const bool tiny = exponent + (unbounded >> 11 ? 1 : 0) < -14;
    u64 result;
    if (exponent < -14) {
        result = round(13 + (-14 - exponent), inexact);
        if (tiny && inexact) raise(kUnderflow);
        else if (tiny && !(host::read_mxcsr() & 0x800)) raise(kUnderflow);
    } else {
        result = unbounded - 0x400 + (static_cast<u64>(exponent + 15) << 10);
    }
    if (result >= 0x7c00) {
        raise(kOverflow | kInexact);
        const bool to_infinity = rounding == 0 || (rounding == 1 && negative) || (rounding == 2 && !negative);
        return static_cast<u16>(sign | (to_infinity ? 0x7c00 : 0x7bff));
    }
    if (inexact) raise(kInexact);
    return static_cast<u16>(sign | result);
}

}  // namespace gnomon::vec
