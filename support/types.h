// Integer names and the strong address types: a linear address is never mistaken for a physical one.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>

namespace gnomon {

using u8 = std::uint8_t;
using u16 = std::uint16_t;
using u32 = std::uint32_t;
using u64 = std::uint64_t;
using i8 = std::int8_t;
using i16 = std::int16_t;
using i32 = std::int32_t;
using i64 = std::int64_t;

/// An address of one address space. Arithmetic keeps the type; there is no implicit conversion.
template <class Space>
struct Address {
    u64 value = 0;

    constexpr Address() = default;
    explicit constexpr Address(u64 v) : value(v) {}
    constexpr auto operator<=>(const Address&) const = default;
    constexpr Address operator+(u64 bytes) const { return Address(value + bytes); }
    constexpr Address operator-(u64 bytes) const { return Address(value - bytes); }
    constexpr u64 operator-(Address other) const { return value - other.value; }
    /// Offset within, and first byte of, the 4 KiB page.
    constexpr u64 page_offset() const { return value & 0xfff; }
    constexpr Address page() const { return Address(value & ~u64{0xfff}); }
    constexpr u64 page_number() const { return value >> 12; }
};

struct LinearSpace;
struct GuestPhysSpace;
struct NestedPhysSpace;

using LinearAddr = Address<LinearSpace>;          ///< after segmentation, before paging
using GuestPhys = Address<GuestPhysSpace>;        ///< what this level believes is physical
using NestedPhys = Address<NestedPhysSpace>;      ///< a nested guest's physical address, under EPT or NPT

inline constexpr u64 kPageSize = 4096;
inline constexpr u64 kPageMask = ~(kPageSize - 1);

}  // namespace gnomon
