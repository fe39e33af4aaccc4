// Single elements of floating-point vectors, as bits, computed by the unit of an x86-64 host under the MXCSR in force; what
// that unit may lack is done with integers here and in element.cpp. SDM Vol. 1, "Programming with SSE".
#pragma once

#include <bit>
#include <type_traits>

#include "cpu/fpu/host_x86_64.h"
#include "support/types.h"

namespace gnomon::vec {

/// MXCSR flags.
inline constexpr u32 kInvalid = 1, kDenormal = 2, kDivideByZero = 4, kOverflow = 8, kUnderflow = 16, kInexact = 32;
inline constexpr u32 kDenormalsAreZero = 1u << 6;

inline void raise(u32 flags) { host::load_mxcsr(host::read_mxcsr() | flags); }
inline unsigned rounding_mode() { return host::read_mxcsr() >> 13 & 3; }

template<class T>
using HostReal = std::conditional_t<sizeof(T) == 4, float, double>;
template<class T>
using Bits = std::conditional_t<sizeof(T) == 4, u32, u64>;

/// The format of T: u32 is single, u64 double precision.
template<class T>
struct Format {
    static constexpr unsigned kFraction = sizeof(T) == 4 ? 23 : 52;
    static constexpr int kBias = sizeof(T) == 4 ? 127 : 1023;
    static constexpr T kSign = T{1} << (8 * sizeof(T) - 1);
    static constexpr T kExponent = T{sizeof(T) == 4 ? 0xff : 0x7ff} << kFraction;
    static constexpr T kFractionMask = (T{1} << kFraction) - 1;
    static constexpr T kQuiet = T{1} << (kFraction - 1);
    static constexpr T kOne = T{static_cast<T>(kBias)} << kFraction;
    static constexpr T kInfinity = kExponent;
    static constexpr T kIndefinite = kSign | kExponent | kQuiet;
};
template<class T>
constexpr bool is_nan(T x) { return (x & ~Format<T>::kSign) > Format<T>::kInfinity; }
template<class T>
constexpr bool is_signaling(T x) { return is_nan(x) && !(x & Format<T>::kQuiet); }
template<class T>
constexpr bool is_infinite(T x) { return (x & ~Format<T>::kSign) == Format<T>::kInfinity; }
template<class T>
constexpr bool is_zero(T x) { return (x & ~Format<T>::kSign) == 0; }
template<class T>
constexpr bool is_denormal(T x) { return !(x & Format<T>::kExponent) && !is_zero(x); }
template<class T>
constexpr bool is_negative(T x) { return x & Format<T>::kSign; }
/// ±0 for a denormal if MXCSR says so.
template<class T>
T flush_input(T x) {
    return is_denormal(x) && (host::read_mxcsr() & kDenormalsAreZero) ? static_cast<T>(x & Format<T>::kSign) : x;
}
/// The quiet form of a NaN; notes a signaling one.
template<class T>
T quiet(T x) {
    if (is_signaling(x)) raise(kInvalid);
    return static_cast<T>(x | Format<T>::kQuiet);
}

#define GNOMON_ELEMENT(name, op)                                                \
    template<class T>                                                           \
    inline T name(T a, T b) {                                                   \
        auto x = std::bit_cast<HostReal<T>>(a);                                   \
        const auto y = std::bit_cast<HostReal<T>>(b);                             \
        if constexpr (sizeof(T) == 4) asm volatile(op "ss %1, %0" : "+x"(x) : "x"(y)); \
        else asm volatile(op "sd %1, %0" : "+x"(x) : "x"(y));                   \
        return std::bit_cast<T>(x);                                             \
    }
GNOMON_ELEMENT(add, "add")
GNOMON_ELEMENT(subtract, "sub")
GNOMON_ELEMENT(multiply, "mul")
GNOMON_ELEMENT(minimum, "min")
GNOMON_ELEMENT(maximum, "max")
#undef GNOMON_ELEMENT

/// Relations of a to b, one bit each.
inline constexpr unsigned kLess = 1, kEqual = 2, kGreater = 4, kUnordered = 8;
/// `signaling`: quiet NaNs are invalid too.
template<class T>
unsigned relation(T a, T b, bool signaling) {
    const auto x = std::bit_cast<HostReal<T>>(a), y = std::bit_cast<HostReal<T>>(b);
    bool zero, parity, carry;
#define GNOMON_COMPARE(op) asm volatile(op " %4, %3" : "=@ccz"(zero), "=@ccp"(parity), "=@ccc"(carry) : "x"(x), "x"(y))
    if constexpr (sizeof(T) == 4) {
        if (signaling) GNOMON_COMPARE("comiss");
        else GNOMON_COMPARE("ucomiss");
    } else {
        if (signaling) GNOMON_COMPARE("comisd");
        else GNOMON_COMPARE("ucomisd");
    }
#undef GNOMON_COMPARE
    return parity ? kUnordered : zero ? kEqual : carry ? kLess : kGreater;
}

// ---- conversions -------------------------------------------------------------------------------------------------------

inline u64 to_double(u32 x) {
    double r = 0;
    asm volatile("cvtss2sd %1, %0" : "+x"(r) : "x"(std::bit_cast<float>(x)));
    return std::bit_cast<u64>(r);
}
inline u32 to_single(u64 x) {
    float r = 0;
    asm volatile("cvtsd2ss %1, %0" : "+x"(r) : "x"(std::bit_cast<double>(x)));
    return std::bit_cast<u32>(r);
}
/// Number ← integer of 32 or 64 bits, signed or not.
template<class Real, class Integer>
Real from_integer(Integer value) {
    HostReal<Real> r = 0;
    const auto convert = [&r](i64 wide) {
        if constexpr (sizeof(Real) == 4) asm volatile("cvtsi2ssq %1, %0" : "+x"(r) : "r"(wide));
        else asm volatile("cvtsi2sdq %1, %0" : "+x"(r) : "r"(wide));
        return std::bit_cast<Real>(r);
    };
    if constexpr (std::is_same_v<Integer, u64>) {
        // Half of it, with the lost bit kept for the rounding, and doubled.
        if (value >> 63) {
            const Real half = convert(static_cast<i64>(value >> 1 | (value & 1)));
            return add(half, half);
        }
    }
    return convert(static_cast<i64>(value));
}
/// Integer ← number, rounded as MXCSR says or truncated. What does not fit is invalid and gives the integer indefinite:
/// the sign alone, or all ones if unsigned.
template<class Integer, class Real>
Integer to_integer(Real value, bool truncated) {
    const auto x = std::bit_cast<HostReal<Real>>(value);
    const auto convert = [&]<class R>(R) {
        R r;
        if constexpr (sizeof(Real) == 4) {
            if (truncated) asm volatile("cvttss2si %1, %0" : "=r"(r) : "x"(x));
            else asm volatile("cvtss2si %1, %0" : "=r"(r) : "x"(x));
        } else {
            if (truncated) asm volatile("cvttsd2si %1, %0" : "=r"(r) : "x"(x));
            else asm volatile("cvtsd2si %1, %0" : "=r"(r) : "x"(x));
        }
        return r;
    };
    if constexpr (std::is_signed_v<Integer>) {
        return convert(Integer{});
    } else {
        const u32 before = host::read_mxcsr();
        using F = Format<Real>;
        constexpr Real kTwo63 = static_cast<Real>(F::kBias + 63) << F::kFraction, kTwo64 = static_cast<Real>(F::kBias + 64) << F::kFraction;
        if (sizeof(Integer) == 8 && value >= kTwo63 && value < kTwo64)    // an integer as it is
            return static_cast<Integer>(static_cast<u64>((value & F::kFractionMask) | (F::kFractionMask + 1)) << (63 - F::kFraction));
        const i64 wide = convert(i64{});
        if (wide >= 0 && (sizeof(Integer) == 8 || wide <= 0xffffffff)) return static_cast<Integer>(wide);
        host::load_mxcsr(before | kInvalid);
        return static_cast<Integer>(~u64{0});
    }
}

/// Half precision: never flushed, whatever MXCSR says. SDM Vol. 1, "Half-Precision Floating-Point Conversion".
[[nodiscard]] u32 from_half(u16 x);
[[nodiscard]] u16 to_half(u32 x, unsigned rounding);

// ---- element.cpp ---------------------------------------------------------------------------------------------------------

/// To a multiple of 2^-fraction_bits; `control` is the low half of an immediate: rounding, bit 2 MXCSR's rounding, bit 3 silent.
template<class T>
[[nodiscard]] T round_scaled(T x, unsigned fraction_bits, unsigned control);
template<class T>
[[nodiscard]] T exponent_of(T x);
template<class T>
[[nodiscard]] T mantissa_of(T x, u8 imm);
template<class T>
[[nodiscard]] T scale(T a, T b);
template<class T>
[[nodiscard]] T range(T a, T b, u8 imm);
template<class T>
[[nodiscard]] T reduce(T x, u8 imm);
template<class T>
[[nodiscard]] T fix_up(T d, T a, Bits<T> table, u8 imm);
template<class T>
[[nodiscard]] bool is_of_class(T x, u8 classes);
template<class T>
[[nodiscard]] T reciprocal14(T x);
template<class T>
[[nodiscard]] T reciprocal_root14(T x);
/// x · y + z rounded once; `order` has the operands in the order in which a NaN is chosen.
template<class T>
[[nodiscard]] T fused(T x, T y, T z, bool negate_product, bool negate_addend);

}  // namespace gnomon::vec
