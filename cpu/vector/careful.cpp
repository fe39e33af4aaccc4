#include "cpu/vector/careful.h"

#include <algorithm>

#include "cpu/vector/normal.h"

namespace gnomon::vec {
namespace {

void clear_flags() { host::load_mxcsr(host::read_mxcsr() & ~host::kMxcsrFlags); }
bool was_inexact() { return host::read_mxcsr() & kInexact; }

/// x as a number from 1 to 2, or minus that; and its exponent.
template<class T>
T significand(T x, int& exponent) {
    const Normal<T> n = normalise(x);
    exponent = n.exponent;
    return static_cast<T>(n.significand | (x & Format<T>::kSign));
}

template<class T>
constexpr int kSmallest = 1 - Format<T>::kBias;

}  // namespace

template<class T>
Unbounded unbounded_fused(T x, T y, T z) {
    using F = Format<T>;
    const auto special = [](T v) { return (v & F::kExponent) == F::kExponent; };
    if (special(x) || special(y) || special(z)) return {};
    x = flush_input(x), y = flush_input(y), z = flush_input(z);
    if (is_zero(x) || is_zero(y)) return {is_denormal(z), false};
    int ex = 0, ey = 0, ez = 0;
    x = significand(x, ex);
    y = significand(y, ey);
    int base = ex + ey;
    if (!is_zero(z)) {
        // Of numbers further apart than this the smaller one only says that the sum is not exact.
        constexpr int kFar = 4 * static_cast<int>(F::kFraction);
        z = significand(z, ez);
        const int apart = std::clamp(ez - base, -kFar, kFar);
        if (ez - base > kFar) base = ez - apart;
        z = static_cast<T>(z + (static_cast<T>(apart) << F::kFraction));
    }
    clear_flags();
    const T sum = fused(x, y, z, false, false);
    const bool inexact = was_inexact();
    if (is_zero(sum)) return {};
    return {base + normalise(sum).exponent < kSmallest<T>, inexact};
}
template Unbounded unbounded_fused<u32>(u32, u32, u32);
template Unbounded unbounded_fused<u64>(u64, u64, u64);

Unbounded unbounded_single(u64 x) {
    if ((x & Format<u64>::kExponent) == Format<u64>::kExponent) return {};
    x = flush_input(x);
    if (is_zero(x)) return {};
    int exponent = 0;
    x = significand(x, exponent);
    clear_flags();
    const u32 rounded = to_single(x);
    const bool inexact = was_inexact();
    return {exponent + normalise(rounded).exponent < kSmallest<u32>, inexact};
}

}  // namespace gnomon::vec
