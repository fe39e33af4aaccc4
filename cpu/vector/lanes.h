// Operations on lanes, element by element: the form that every host can run. The compiler makes vector code of most.
#pragma once

#include <bit>
#include <limits>
#include <type_traits>

#include "cpu/vector/frame.h"

namespace gnomon::vec {

template<class T>
using Elements = std::array<T, 16 / sizeof(T)>;

template<class T>
GNOMON_INLINE Elements<T> split(Vector128 v) {
    return std::bit_cast<Elements<T>>(v);
}
template<class T>
GNOMON_INLINE Vector128 join(const Elements<T>& e) {
    return std::bit_cast<Vector128>(e);
}

template<class T, class F>
GNOMON_INLINE Vector128 each(Vector128 va, Vector128 vb, F f) {
    const auto a = split<T>(va), b = split<T>(vb);
    Elements<T> r;
    for (unsigned n = 0; n < r.size(); n++) r[n] = static_cast<T>(f(a[n], b[n]));
    return join<T>(r);
}
template<class T, class F>
GNOMON_INLINE Vector128 each3(Vector128 vd, Vector128 va, Vector128 vb, F f) {
    const auto d = split<T>(vd), a = split<T>(va), b = split<T>(vb);
    Elements<T> r;
    for (unsigned n = 0; n < r.size(); n++) r[n] = static_cast<T>(f(d[n], a[n], b[n]));
    return join<T>(r);
}

template<class To, class From>
constexpr To saturate(From value) {
    using Limits = std::numeric_limits<To>;
    if constexpr (std::is_signed_v<From>)
        if (value < static_cast<From>(Limits::min())) return Limits::min();
    return value > static_cast<From>(Limits::max()) ? Limits::max() : static_cast<To>(value);
}

}  // namespace gnomon::vec

/// An operation over elements `a` (first source) and `b` of one type.
#define GNOMON_EACH(Name, T, ...)                                                                        \
    struct Name : Integer {                                                                              \
        static Vector128 run(Vector128 va, Vector128 vb) {                                               \
            return each<T>(va, vb, []([[maybe_unused]] T a, [[maybe_unused]] T b) { return __VA_ARGS__; }); \
        }                                                                                                \
    };                                                                                                   \
    template void build<Name>(const Decoded&, Instruction&)
/// The same with the immediate.
#define GNOMON_EACH_IMM(Name, T, ...)                                                                       \
    struct Name : Integer {                                                                                 \
        static Vector128 run(Vector128 va, Vector128 vb, u8 imm) {                                          \
            return each<T>(va, vb, [imm]([[maybe_unused]] T a, [[maybe_unused]] T b) { return __VA_ARGS__; }); \
        }                                                                                                   \
    };                                                                                                      \
    template void build<Name>(const Decoded&, Instruction&)
/// With the destination's old element `d`.
#define GNOMON_EACH3(Name, T, ...)                                                                                   \
    struct Name : Integer {                                                                                          \
        static Vector128 run3(Vector128 vd, Vector128 va, Vector128 vb) {                                            \
            return each3<T>(vd, va, vb, []([[maybe_unused]] T d, [[maybe_unused]] T a, [[maybe_unused]] T b) { return __VA_ARGS__; }); \
        }                                                                                                            \
    };                                                                                                               \
    template void build<Name>(const Decoded&, Instruction&)
/// Elements of the whole vector: `v` is the Arguments.
#define GNOMON_WHOLE(Name, Base, ...)                      \
    struct Name : Base {                                   \
        static void run(Arguments& v) { __VA_ARGS__ }      \
    };                                                     \
    template void build<Name>(const Decoded&, Instruction&)
