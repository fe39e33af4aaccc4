// Element operations while overflow or underflow is not masked. Their exceptions are then those of the result rounded with an
// unbounded exponent: tiny is enough for underflow, and inexact is what that rounding loses.
// SDM Vol. 1, "Numeric Overflow Exception (#O)", "Numeric Underflow Exception (#U)".
#pragma once

#include "cpu/fpu/simd.h"
#include "cpu/vector/element.h"

namespace gnomon::vec {

struct Unbounded {
    bool tiny = false;
    bool inexact = false;
};
/// Of x * y + z in the rounding mode of MXCSR, which collects flags meanwhile.
template<class T>
[[nodiscard]] Unbounded unbounded_fused(T x, T y, T z);
/// Of the conversion of a double to single precision.
[[nodiscard]] Unbounded unbounded_single(u64 x);

/// Does the operations of an instruction one after the other, and collects their flags.
class Careful {
    template<class F, class G>
    auto note(F operation, G look) {
        simd::begin_unmasked(cpu_);
        const auto result = operation();
        u32 flags = host::read_mxcsr() & host::kMxcsrFlags;
        const Unbounded unbounded = look();
        (void)simd::flags_of_operation();
        const bool underflows = unbounded.tiny && (open_ & kUnderflow);
        if (underflows) flags |= kUnderflow;
        if (underflows || (flags & open_ & kOverflow)) flags = (flags & ~kInexact) | (unbounded.inexact ? kInexact : 0);
        flags_ |= flags;
        return result;
    }

  public:
    explicit Careful(Cpu& cpu) : cpu_(cpu), open_(~cpu.state.fpu.mxcsr >> 7 & host::kMxcsrFlags) {}

    template<class T>
    T add(T a, T b) {
        return note([&] { return vec::add(a, b); }, [&] { return unbounded_fused<T>(Format<T>::kOne, a, b); });
    }
    template<class T>
    T subtract(T a, T b) {
        return note([&] { return vec::subtract(a, b); },
                    [&] { return unbounded_fused<T>(Format<T>::kOne, a, static_cast<T>(b ^ Format<T>::kSign)); });
    }
    template<class T>
    T multiply(T a, T b) {
        return note([&] { return vec::multiply(a, b); }, [&] { return unbounded_fused<T>(a, b, 0); });
    }
    template<class T>
    T fused(T x, T y, T z, bool negate_product, bool negate_addend) {
        constexpr T kSign = Format<T>::kSign;
        return note([&] { return vec::fused(x, y, z, negate_product, negate_addend); }, [&] {
            return unbounded_fused<T>(negate_product ? x ^ kSign : x, y, negate_addend ? z ^ kSign : z);
        });
    }
    u32 to_single(u64 x) {
        return note([&] { return vec::to_single(x); }, [&] { return unbounded_single(x); });
    }

    [[nodiscard]] u32 flags() const { return flags_; }
    /// One of them is not masked.
    [[nodiscard]] bool stops() const { return flags_ & open_; }

  private:
    Cpu& cpu_;
    u32 open_;    ///< exceptions that are not masked
    u32 flags_ = 0;
};

}  // namespace gnomon::vec
