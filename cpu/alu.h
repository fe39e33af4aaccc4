// Integer arithmetic and logic as pure templates over the width: operands and lazy flags in, result and lazy flags out.
// SDM Vol. 2; flags as in SDM Vol. 1, "Status Flags".
#pragma once

#include "cpu/handler.h"

namespace gnomon::alu {

template <class T>
inline constexpr unsigned kBits = 8 * sizeof(T);

inline constexpr u64 kResultKind = static_cast<u64>(FlagKind::Result);

/// `run` computes the result and the flags; `quiet` the result alone, for when the flags are dead.
struct Add {
    static constexpr bool kWrites = true, kQuiet = true;
    template <class T>
    static GNOMON_INLINE T run(T a, T b, u64& r, u64& s, u64& k) {
        const T value = static_cast<T>(a + b);
        r = sign_extended(value);
        s = sign_extended(b);
        k = static_cast<u64>(lazy::add_kind<T>());
        return value;
    }
    template <class T>
    static GNOMON_INLINE T quiet(T a, T b) { return static_cast<T>(a + b); }
};

struct Sub {
    static constexpr bool kWrites = true, kQuiet = true;
    template <class T>
    static GNOMON_INLINE T run(T a, T b, u64& r, u64& s, u64& k) {
        const T value = static_cast<T>(a - b);
        r = sign_extended(value);
        s = sign_extended(b);
        k = static_cast<u64>(lazy::sub_kind<T>());
        return value;
    }
    template <class T>
    static GNOMON_INLINE T quiet(T a, T b) { return static_cast<T>(a - b); }
};

struct Cmp : Sub {
    static constexpr bool kWrites = false, kQuiet = false;
    /// The condition after comparing, from the operands themselves.
    template <class T, unsigned code>
    static GNOMON_INLINE bool holds(T a, T b) {
        using S = std::make_signed_t<T>;
        bool yes = false;
        if constexpr (code >> 1 == 1) yes = a < b;
        else if constexpr (code >> 1 == 2) yes = a == b;
        else if constexpr (code >> 1 == 3) yes = a <= b;
        else if constexpr (code >> 1 == 4) yes = static_cast<S>(static_cast<T>(a - b)) < 0;
        else if constexpr (code >> 1 == 6) yes = static_cast<S>(a) < static_cast<S>(b);
        else yes = static_cast<S>(a) <= static_cast<S>(b);
        return yes != ((code & 1) != 0);
    }
};

template <class T>
GNOMON_INLINE void logic_flags(T value, u64& r, u64& s, u64& k) {
    r = sign_extended(value);
    s = 0;
    k = kResultKind;
}

struct And {
    static constexpr bool kWrites = true, kQuiet = true;
    template <class T>
    static GNOMON_INLINE T quiet(T a, T b) { return a & b; }
    template <class T>
    static GNOMON_INLINE T run(T a, T b, u64& r, u64& s, u64& k) {
        logic_flags<T>(a & b, r, s, k);
        return a & b;
    }
};

struct Test : And {
    static constexpr bool kWrites = false, kQuiet = false;
    template <class T, unsigned code>
    static GNOMON_INLINE bool holds(T a, T b) {
        using S = std::make_signed_t<T>;
        const T value = a & b;
        bool yes = false;
        if constexpr (code >> 1 == 1) yes = false;
        else if constexpr (code >> 1 == 2 || code >> 1 == 3) yes = value == 0;
        else if constexpr (code >> 1 == 4 || code >> 1 == 6) yes = static_cast<S>(value) < 0;
        else yes = static_cast<S>(value) <= 0;
        return yes != ((code & 1) != 0);
    }
};

struct Or {
    static constexpr bool kWrites = true, kQuiet = true;
    template <class T>
    static GNOMON_INLINE T quiet(T a, T b) { return a | b; }
    template <class T>
    static GNOMON_INLINE T run(T a, T b, u64& r, u64& s, u64& k) {
        logic_flags<T>(a | b, r, s, k);
        return a | b;
    }
};

struct Xor {
    static constexpr bool kWrites = true, kQuiet = true;
    template <class T>
    static GNOMON_INLINE T quiet(T a, T b) { return a ^ b; }
    template <class T>
    static GNOMON_INLINE T run(T a, T b, u64& r, u64& s, u64& k) {
        logic_flags<T>(a ^ b, r, s, k);
        return a ^ b;
    }
};

struct Adc {
    static constexpr bool kWrites = true, kQuiet = false;
    template <class T>
    static GNOMON_INLINE T run(T a, T b, u64& r, u64& s, u64& k) {
        const bool carry = lazy::cf(r, s, k);
        const T partial = static_cast<T>(a + b);
        const T value = static_cast<T>(partial + carry);
        const bool out = partial < a || value < partial;
        r = sign_extended(value);
        s = out | ((a ^ b ^ value) & flag::AF) | u64{(((a ^ value) & (b ^ value)) >> (kBits<T> - 1) & 1) != 0} << 11;
        k = kResultKind;
        return value;
    }
};

struct Sbb {
    static constexpr bool kWrites = true, kQuiet = false;
    template <class T>
    static GNOMON_INLINE T run(T a, T b, u64& r, u64& s, u64& k) {
        const bool borrow = lazy::cf(r, s, k);
        const T partial = static_cast<T>(a - b);
        const T value = static_cast<T>(partial - borrow);
        const bool out = a < b || partial < static_cast<T>(borrow);
        r = sign_extended(value);
        s = out | ((a ^ b ^ value) & flag::AF) | u64{(((a ^ b) & (a ^ value)) >> (kBits<T> - 1) & 1) != 0} << 11;
        k = kResultKind;
        return value;
    }
};

// ---- one operand ----------------------------------------------------------------------------------

struct Inc {
    static constexpr bool kQuiet = true;
    template <class T>
    static GNOMON_INLINE T quiet(T a) { return static_cast<T>(a + 1); }
    template <class T>
    static GNOMON_INLINE T run(T a, u64& r, u64& s, u64& k) {
        const T value = static_cast<T>(a + 1);
        s = u64{lazy::cf(r, s, k)} | ((a ^ value) & flag::AF) | u64{value == static_cast<T>(T{1} << (kBits<T> - 1))} << 11;
        r = sign_extended(value);
        k = kResultKind;
        return value;
    }
};

struct Dec {
    static constexpr bool kQuiet = true;
    template <class T>
    static GNOMON_INLINE T quiet(T a) { return static_cast<T>(a - 1); }
    template <class T>
    static GNOMON_INLINE T run(T a, u64& r, u64& s, u64& k) {
        const T value = static_cast<T>(a - 1);
        s = u64{lazy::cf(r, s, k)} | ((a ^ value) & flag::AF) | u64{a == static_cast<T>(T{1} << (kBits<T> - 1))} << 11;
        r = sign_extended(value);
        k = kResultKind;
        return value;
    }
};

struct Neg {
    static constexpr bool kQuiet = true;
    template <class T>
    static GNOMON_INLINE T quiet(T a) { return static_cast<T>(0 - a); }
    template <class T>
    static GNOMON_INLINE T run(T a, u64& r, u64& s, u64& k) { return Sub::run<T>(0, a, r, s, k); }
};

struct Not {
    static constexpr bool kQuiet = false;
    template <class T>
    static GNOMON_INLINE T run(T a, u64&, u64&, u64&) { return static_cast<T>(~a); }
};

// ---- shifts and rotates: `count` is masked to 5 bits (6 for 64-bit operands) by the caller ------------

/// CF and OF at their places in EFLAGS; AF is undefined and left clear.
constexpr u64 carry_overflow(bool carry, bool overflow) { return u64{carry} | u64{overflow} << 11; }

struct Shl {
    template <class T>
    static GNOMON_INLINE T run(T a, unsigned count, u64& r, u64& s, u64& k) {
        if (count == 0) return a;
        const u64 wide = count > kBits<T> ? 0 : static_cast<u64>(a) << (count - 1);    // the last bit out is the top bit
        const bool carry = wide >> (kBits<T> - 1) & 1;
        const T value = static_cast<T>(wide << 1);
        s = carry_overflow(carry, (value >> (kBits<T> - 1) & 1) != carry);
        r = sign_extended(value);
        k = kResultKind;
        return value;
    }
    template <class T>
    static GNOMON_INLINE T quiet(T a, unsigned count) { return static_cast<T>(static_cast<u64>(a) << count); }
};

struct Shr {
    template <class T>
    static GNOMON_INLINE T run(T a, unsigned count, u64& r, u64& s, u64& k) {
        if (count == 0) return a;
        const u64 wide = static_cast<u64>(a) >> (count - 1);
        const T value = static_cast<T>(wide >> 1);
        s = carry_overflow(wide & 1, ((value << 1 ^ value) >> (kBits<T> - 1)) & 1);
        r = sign_extended(value);
        k = kResultKind;
        return value;
    }
    template <class T>
    static GNOMON_INLINE T quiet(T a, unsigned count) { return static_cast<T>(static_cast<u64>(a) >> count); }
};

struct Sar {
    template <class T>
    static GNOMON_INLINE T run(T a, unsigned count, u64& r, u64& s, u64& k) {
        if (count == 0) return a;
        const i64 wide = static_cast<i64>(sign_extended(a)) >> (count - 1);
        const T value = static_cast<T>(wide >> 1);
        s = carry_overflow(wide & 1, false);
        r = sign_extended(value);
        k = kResultKind;
        return value;
    }
    template <class T>
    static GNOMON_INLINE T quiet(T a, unsigned count) { return static_cast<T>(static_cast<i64>(sign_extended(a)) >> count); }
};

/// Rotates change only CF and OF.
GNOMON_INLINE void rotate_flags(bool carry, bool overflow, u64& r, u64& s, u64& k) {
    r = (lazy::all(r, s, k) & ~(flag::CF | flag::OF)) | carry_overflow(carry, overflow);
    s = 0;
    k = 0;
}

struct Rol {
    template <class T>
    static GNOMON_INLINE T run(T a, unsigned count, u64& r, u64& s, u64& k) {
        if (count == 0) return a;
        const T value = std::rotl(a, static_cast<int>(count % kBits<T>));
        rotate_flags(value & 1, (value >> (kBits<T> - 1) & 1) != (value & 1), r, s, k);
        return value;
    }
    template <class T>
    static GNOMON_INLINE T quiet(T a, unsigned count) { return std::rotl(a, static_cast<int>(count % kBits<T>)); }
};

struct Ror {
    template <class T>
    static GNOMON_INLINE T run(T a, unsigned count, u64& r, u64& s, u64& k) {
        if (count == 0) return a;
        const T value = std::rotr(a, static_cast<int>(count % kBits<T>));
        rotate_flags(value >> (kBits<T> - 1) & 1, (value >> (kBits<T> - 1) ^ value >> (kBits<T> - 2)) & 1, r, s, k);
        return value;
    }
    template <class T>
    static GNOMON_INLINE T quiet(T a, unsigned count) { return std::rotr(a, static_cast<int>(count % kBits<T>)); }
};

/// Through carry: a rotation of kBits+1 bits.
struct Rcl {
    template <class T>
    static GNOMON_INLINE T run(T a, unsigned count, u64& r, u64& s, u64& k) {
        count %= kBits<T> + 1;
        if (count == 0) return a;
        bool carry = lazy::cf(r, s, k);
        T value = a;
        if (count == 1) {
            value = static_cast<T>(a << 1 | carry);
        } else {
            value = static_cast<T>(static_cast<u64>(a) << count | u64{carry} << (count - 1) |
                                   static_cast<u64>(a) >> (kBits<T> + 1 - count));
        }
        carry = a >> (kBits<T> - count) & 1;
        rotate_flags(carry, (value >> (kBits<T> - 1) & 1) != carry, r, s, k);
        return value;
    }
};

struct Rcr {
    template <class T>
    static GNOMON_INLINE T run(T a, unsigned count, u64& r, u64& s, u64& k) {
        count %= kBits<T> + 1;
        if (count == 0) return a;
        bool carry = lazy::cf(r, s, k);
        T value = static_cast<T>(static_cast<u64>(a) >> count | u64{carry} << (kBits<T> - count));
        if (count > 1) value = static_cast<T>(value | static_cast<u64>(a) << (kBits<T> + 1 - count));
        carry = a >> (count - 1) & 1;
        rotate_flags(carry, (value >> (kBits<T> - 1) ^ value >> (kBits<T> - 2)) & 1, r, s, k);
        return value;
    }
};

}  // namespace gnomon::alu
