// The TLB that the execution engine probes inline: direct-mapped, one table per privilege.
#pragma once

#include <array>

#include "support/types.h"

namespace gnomon {

/// Who accesses memory: one TLB each. The third is the supervisor with EFLAGS.AC set under CR4.SMAP, who may reach user
/// pages: a table of its own, so that STAC and CLAC change a pointer and flush nothing.
enum class Privilege : u8 { Supervisor, User, SupervisorOverride };
inline constexpr unsigned kPrivileges = 3;
enum class AccessKind : u8 { Read, Write, Fetch };

/// A tag is the linear address of the page if this kind of access may use `addend`, else kNoPage. An access
/// of `size` bytes hits when ((linear + size - 1) & kPageMask) == tag in the entry of `linear`: page-crossing
/// accesses miss.
struct TlbEntry {
    static constexpr u64 kNoPage = ~u64{0};
    u64 read_tag = kNoPage;
    u64 write_tag = kNoPage;
    u64 fetch_tag = kNoPage;
    u64 addend = 0;  ///< host address = linear + addend (modulo 2^64)
};
static_assert(sizeof(TlbEntry) == 32);

/// Large enough for programs that wander through 128 MiB: a miss costs more than an entry that the host has to fetch
/// from its second-level cache. Flushes visit only the entries in use.
struct Tlb {
    static constexpr unsigned kBits = 15;
    static constexpr u64 kEntries = u64{1} << kBits;
    std::array<TlbEntry, kEntries> entries;

    [[nodiscard]] TlbEntry& entry(u64 linear) { return entries[linear >> 12 & (kEntries - 1)]; }
    [[nodiscard]] const TlbEntry& entry(u64 linear) const { return entries[linear >> 12 & (kEntries - 1)]; }
};

}  // namespace gnomon
