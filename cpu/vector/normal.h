// Numbers taken apart: exponent and significand.
#pragma once

#include "cpu/vector/element.h"

namespace gnomon::vec {

/// A number that is neither zero nor special: its exponent, and its significand as a number from 1 to 2.
template<class T>
struct Normal {
    int exponent;
    T significand;
};
template<class T>
Normal<T> normalise(T x) {
    using F = Format<T>;
    T magnitude = x & ~F::kSign;
    int exponent = static_cast<int>(magnitude >> F::kFraction) - F::kBias;
    if (!(magnitude & F::kExponent)) {
        const int shift = std::countl_zero(magnitude) - (8 * static_cast<int>(sizeof(T)) - 1 - static_cast<int>(F::kFraction));
        magnitude <<= shift;
        exponent = 1 - F::kBias - shift;
    }
    return {exponent, static_cast<T>((magnitude & F::kFractionMask) | F::kOne)};
}
template<class T>
T power_of_two(int n) {
    return static_cast<T>(n + Format<T>::kBias) << Format<T>::kFraction;
}

}  // namespace gnomon::vec
