// EFLAGS bits, and the lazy arithmetic flags: an instruction leaves its result and one operand, and the six flags are
// worked out when somebody looks. SDM Vol. 1, "EFLAGS Register".
#pragma once

#include <bit>

#include "support/types.h"

namespace gnomon::flag {

inline constexpr u32 CF = 1u << 0;
inline constexpr u32 PF = 1u << 2;
inline constexpr u32 AF = 1u << 4;
inline constexpr u32 ZF = 1u << 6;
inline constexpr u32 SF = 1u << 7;
inline constexpr u32 TF = 1u << 8;
inline constexpr u32 IF = 1u << 9;
inline constexpr u32 DF = 1u << 10;
inline constexpr u32 OF = 1u << 11;
inline constexpr u32 IOPL = 3u << 12;
inline constexpr u32 NT = 1u << 14;
inline constexpr u32 RF = 1u << 16;
inline constexpr u32 VM = 1u << 17;
inline constexpr u32 AC = 1u << 18;
inline constexpr u32 VIF = 1u << 19;
inline constexpr u32 VIP = 1u << 20;
inline constexpr u32 ID = 1u << 21;
inline constexpr u32 kArithmetic = CF | PF | AF | ZF | SF | OF;
inline constexpr u32 kFixedOne = 1u << 1;

}  // namespace gnomon::flag

namespace gnomon {

/// How `LazyFlags` is to be read. Add and Sub come in the order of the widths 8, 16, 32, 64.
enum class FlagKind : u8 {
    Flags,      ///< `result` holds the six flags at their places in EFLAGS
    Result,     ///< ZF, SF, PF from `result`; CF, AF, OF at their places in `source`
    Add8, Add16, Add32, Add64,    ///< result = a + source
    Sub8, Sub16, Sub32, Sub64,    ///< result = a - source
};

/// `result` is sign-extended to 64 bits from the width of the operation, except for Flags.
struct LazyFlags {
    u64 result = 0;
    u64 source = 0;
    u64 kind = static_cast<u64>(FlagKind::Flags);
};

namespace lazy {

template <class T>
constexpr FlagKind add_kind() {
    return static_cast<FlagKind>(static_cast<u8>(FlagKind::Add8) + std::countr_zero(sizeof(T)));
}
template <class T>
constexpr FlagKind sub_kind() {
    return static_cast<FlagKind>(static_cast<u8>(FlagKind::Sub8) + std::countr_zero(sizeof(T)));
}

constexpr bool parity_even(u64 result) { return !(std::popcount(static_cast<u8>(result)) & 1); }

constexpr bool zf(u64 result, u64 kind) { return kind == 0 ? (result & flag::ZF) != 0 : result == 0; }
constexpr bool sf(u64 result, u64 kind) { return kind == 0 ? (result & flag::SF) != 0 : static_cast<i64>(result) < 0; }
constexpr bool pf(u64 result, u64 kind) { return kind == 0 ? (result & flag::PF) != 0 : parity_even(result); }

/// Without a switch: the width becomes a shift, so that the common callers stay free of unpredictable jumps.
constexpr bool cf(u64 result, u64 source, u64 kind) {
    if (kind <= static_cast<u64>(FlagKind::Result)) return (kind ? source : result) & flag::CF;
    const unsigned unused = 64 - (8u << ((kind - static_cast<u64>(FlagKind::Add8)) & 3));
    const u64 compared = kind >= static_cast<u64>(FlagKind::Sub8) ? result + source : result;
    return compared << unused < source << unused;
}

constexpr bool of(u64 result, u64 source, u64 kind) {
    if (kind <= static_cast<u64>(FlagKind::Result)) return ((kind ? source : result) & flag::OF) != 0;
    const unsigned sign = (8u << ((kind - static_cast<u64>(FlagKind::Add8)) & 3)) - 1;
    if (kind >= static_cast<u64>(FlagKind::Sub8)) {
        const u64 a = result + source;
        return ((a ^ source) & (a ^ result)) >> sign & 1;
    }
    const u64 a = result - source;
    return ((a ^ result) & (source ^ result)) >> sign & 1;
}

constexpr bool af(u64 result, u64 source, u64 kind) {
    if (kind == static_cast<u64>(FlagKind::Flags)) return result & flag::AF;
    if (kind == static_cast<u64>(FlagKind::Result)) return source & flag::AF;
    const u64 a = kind < static_cast<u64>(FlagKind::Sub8) ? result - source : result + source;
    return (a ^ source ^ result) >> 4 & 1;
}

/// The six arithmetic flags at their places in EFLAGS.
constexpr u32 all(u64 result, u64 source, u64 kind) {
    if (kind == static_cast<u64>(FlagKind::Flags)) return static_cast<u32>(result) & flag::kArithmetic;
    return (result == 0 ? flag::ZF : 0) | (static_cast<i64>(result) < 0 ? flag::SF : 0) |
           (parity_even(result) ? flag::PF : 0) | (cf(result, source, kind) ? flag::CF : 0) |
           (of(result, source, kind) ? flag::OF : 0) | (af(result, source, kind) ? flag::AF : 0);
}

/// The condition codes of Jcc, SETcc, CMOVcc: SDM Vol. 1, "EFLAGS Condition Codes".
constexpr bool condition(unsigned code, u64 result, u64 source, u64 kind) {
    bool holds = false;
    switch (code >> 1) {
    case 0: holds = of(result, source, kind); break;
    case 1: holds = cf(result, source, kind); break;
    case 2: holds = zf(result, kind); break;
    case 3: holds = zf(result, kind) || cf(result, source, kind); break;
    case 4: holds = sf(result, kind); break;
    case 5: holds = pf(result, kind); break;
    case 6: holds = sf(result, kind) != of(result, source, kind); break;
    case 7: holds = zf(result, kind) || sf(result, kind) != of(result, source, kind); break;
    default: break;
    }
    return holds != ((code & 1) != 0);
}

}  // namespace lazy
}  // namespace gnomon
