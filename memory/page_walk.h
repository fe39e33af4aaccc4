// The page walkers: pure functions from (roots, control bits, entries, linear address) to a translation or a
// fault. SDM Vol. 3, "Paging": hierarchical paging structures, access rights, page-fault exceptions, accessed
// and dirty flags.
#pragma once

#include <array>

#include "memory/tlb.h"
#include "support/types.h"

namespace gnomon {

struct PagingState;

enum class PagingMode : u8 { None, TwoLevel, Pae, FourLevel, FiveLevel };

/// Page-fault error code.
namespace page_fault_bit {
inline constexpr u32 kPresent = 1;  ///< a right was missing (else: an entry was not present)
inline constexpr u32 kWrite = 2;
inline constexpr u32 kUser = 4;
inline constexpr u32 kReserved = 8;  ///< a reserved bit was set in an entry
inline constexpr u32 kFetch = 16;
inline constexpr u32 kKey = 32;  ///< a protection key forbids it
}  // namespace page_fault_bit

/// Bits of paging-structure entries that are the same in all modes.
namespace page_entry {
inline constexpr u64 kPresent = u64{1} << 0;
inline constexpr u64 kWritable = u64{1} << 1;
inline constexpr u64 kUser = u64{1} << 2;
inline constexpr u64 kAccessed = u64{1} << 5;
inline constexpr u64 kDirty = u64{1} << 6;
inline constexpr u64 kLarge = u64{1} << 7;
inline constexpr u64 kGlobal = u64{1} << 8;
inline constexpr u64 kNoExecute = u64{1} << 63;
}  // namespace page_entry

/// The control bits that a walk depends on, taken apart once per change of a control register.
struct WalkControl {
    PagingMode mode = PagingMode::None;
    u64 root = 0;                ///< physical address of the top structure (PAE: unused)
    std::array<u64, 4> pdpte{};  ///< PAE
    u8 physical_bits = 36;
    bool large_pages = false;  ///< 32-bit paging: CR4.PSE
    bool pse36 = false;
    bool pat = true;             ///< else the PAT bits are reserved (where any bits are)
    bool gigabyte_pages = true;
    bool no_execute = false;     ///< EFER.NXE, and the paging mode has the bit
    bool global_pages = false;   ///< CR4.PGE
    bool write_protect = false;  ///< CR0.WP
    bool smep = false;
    bool smap = false;
    u32 user_keys = 0;           ///< PKRU: AD and WD of each protection key; 0 without CR4.PKE
    u32 supervisor_keys = 0;     ///< IA32_PKRS; 0 without CR4.PKS
    bool reports_fetch = false;  ///< the I/D bit of error codes exists

    /// Whether the same tables mean the same translations under `other`. Rights that depend on WP, SMEP,
    /// SMAP and protection keys are checked on each use and do not count.
    [[nodiscard]] bool same_space(const WalkControl& other) const {
        return mode == other.mode && root == other.root &&
               (mode != PagingMode::Pae || pdpte == other.pdpte) && same_format(other);
    }
    [[nodiscard]] bool same_format(const WalkControl& other) const {
        return mode == other.mode && physical_bits == other.physical_bits &&
               large_pages == other.large_pages && pse36 == other.pse36 && pat == other.pat && gigabyte_pages == other.gigabyte_pages &&
               no_execute == other.no_execute && global_pages == other.global_pages;
    }
};

[[nodiscard]] WalkControl walk_control(const PagingState& state);

struct Translation {
    u64 page = 0;          ///< physical address of the 4 KiB page
    u8 page_shift = 12;    ///< of the guest's page: 12, 21, 22 or 30
    bool writable = true;  ///< combined over all levels
    bool user = true;
    bool executable = true;
    bool global = false;
    bool dirty = true;
    u8 key = 0;  ///< protection key: bits 62–59 of the leaf in the long modes

    bool operator==(const Translation&) const = default;
};

/// One entry that a walk used.
struct WalkStep {
    u64 address = 0;  ///< physical address of the entry
    u64 value = 0;
    u8 shift = 0;  ///< the entry covers 2^shift bytes of linear addresses
};

struct Walk {
    bool mapped = false;
    u32 error = 0;  ///< not mapped: 0, or kPresent | kReserved
    u8 count = 0;   ///< of steps; the last is the leaf
    u8 entry_size = 8;
    std::array<WalkStep, 5> steps{};  ///< from the root down
    Translation translation;
};

/// Whether the protection key of a page forbids an access. SDM Vol. 3, "Protection Keys".
[[nodiscard]] inline bool key_forbids(const WalkControl& control, const Translation& page, AccessKind kind,
                                      Privilege privilege) {
    const u32 keys = page.user ? control.user_keys : control.supervisor_keys;
    if (keys == 0 || kind == AccessKind::Fetch) return false;
    const u32 rights = keys >> 2 * page.key & 3;
    if (rights & 1) return true;
    return (rights & 2) && kind == AccessKind::Write && (privilege == Privilege::User || control.write_protect);
}

/// Whether an access has the right to a page that is mapped.
[[nodiscard]] inline bool access_allowed(const WalkControl& control, const Translation& page, AccessKind kind,
                                         Privilege privilege) {
    if (kind == AccessKind::Fetch && !page.executable) return false;
    if (key_forbids(control, page, kind, privilege)) return false;
    if (privilege == Privilege::User) return page.user && (kind != AccessKind::Write || page.writable);
    if (page.user && (kind == AccessKind::Fetch ? control.smep : control.smap && privilege == Privilege::Supervisor))
        return false;
    return kind != AccessKind::Write || page.writable || !control.write_protect;
}

/// The cause of the fault of an access that is not allowed, for fault_code.
[[nodiscard]] inline u32 denial_cause(const WalkControl& control, const Translation& page, AccessKind kind,
                                      Privilege privilege) {
    const bool by_key = key_forbids(control, page, kind, privilege);
    return page_fault_bit::kPresent | (by_key ? page_fault_bit::kKey : 0);
}

/// The error code of a fault: `cause` is 0, kPresent | kReserved, or a denial_cause.
[[nodiscard]] inline u32 fault_code(const WalkControl& control, u32 cause, AccessKind kind,
                                    Privilege privilege) {
    u32 code = cause;
    if (kind == AccessKind::Write) code |= page_fault_bit::kWrite;
    if (privilege == Privilege::User) code |= page_fault_bit::kUser;
    if (kind == AccessKind::Fetch && control.reports_fetch) code |= page_fault_bit::kFetch;
    return code;
}

namespace walker {

/// Bits [low, high] of an entry.
constexpr u64 bits(unsigned low, unsigned high) {
    return low > high ? 0 : (~u64{0} >> (63 - (high - low))) << low;
}

template<PagingMode M>
struct Format {
    using Entry = u64;
    static constexpr unsigned kIndexBits = 9;
    static constexpr unsigned kLevels = M == PagingMode::Pae ? 2 : M == PagingMode::FourLevel ? 4 : 5;
    /// Without the address bits above MAXPHYADDR: bits of the entry at `level` (1: leaf table) that must be
    /// zero.
    static u64 reserved(const WalkControl& control, unsigned level, bool large) {
        // PAE has no ignored high bits; the long modes ignore 52 to 62.
        u64 mask = bits(control.physical_bits, M == PagingMode::Pae ? 62 : 51);
        if (!control.no_execute) mask |= page_entry::kNoExecute;
        if (large) {
            if (level == 3 && !control.gigabyte_pages) mask |= page_entry::kLarge;
            mask |= bits(13, 12 + (level - 1) * 9 - 1);
            if (!control.pat) mask |= u64{1} << 12;
        } else if (level > 3) {
            mask |= page_entry::kLarge;
        } else if (level == 1 && !control.pat) {
            mask |= page_entry::kLarge;  // bit 7 of a PTE is its PAT bit
        }
        return mask;
    }
    static bool is_large(const WalkControl&, unsigned level, u64 entry) {
        return (level == 2 || level == 3) && (entry & page_entry::kLarge) != 0;
    }
    static u64 large_base(const WalkControl&, unsigned level, u64 entry) {
        return entry & bits(12 + (level - 1) * 9, 51);
    }
};

template<>
struct Format<PagingMode::TwoLevel> {
    using Entry = u32;
    static constexpr unsigned kIndexBits = 10;
    static constexpr unsigned kLevels = 2;
    // SDM Vol. 3, "32-Bit Paging": no bits are reserved if CR4.PSE = 0.
    static u64 reserved(const WalkControl& control, unsigned level, bool large) {
        if (!control.large_pages) return 0;
        if (!large) return level == 1 && !control.pat ? page_entry::kLarge : 0;
        u64 mask = control.pat ? 0 : u64{1} << 12;
        return mask | bits(13 + high_bits(control), 21);
    }
    static bool is_large(const WalkControl& control, unsigned level, u64 entry) {
        return level == 2 && control.large_pages && (entry & page_entry::kLarge) != 0;
    }
    static u64 large_base(const WalkControl& control, unsigned, u64 entry) {
        return (entry & 0xffc00000) | (entry & bits(13, 12 + high_bits(control))) << 19;
    }

  private:
    /// How many physical address bits above 31 a 4 MiB page has (PSE-36): they start at bit 13 of its entry.
    static unsigned high_bits(const WalkControl& control) {
        if (!control.pse36 || control.physical_bits <= 32) return 0;
        return (control.physical_bits < 40 ? control.physical_bits : 40) - 32u;
    }
};

}  // namespace walker

/// Walks the tables without judging rights and without side effects. `Memory` gives `u64 load(u64 address,
/// unsigned size)` of physical memory.
template<PagingMode M, class Memory>
[[nodiscard]] Walk walk_tables(const WalkControl& control, Memory&& memory, u64 linear) {
    using Format = walker::Format<M>;
    constexpr unsigned kEntrySize = sizeof(typename Format::Entry);
    Walk walk;
    walk.entry_size = kEntrySize;
    Translation& page = walk.translation;

    u64 table = control.root;
    if constexpr (M == PagingMode::Pae) {
        const u64 pdpte = control.pdpte[linear >> 30 & 3];
        if (!(pdpte & page_entry::kPresent)) return walk;
        table = pdpte & walker::bits(12, 51);
    }
    for (unsigned level = Format::kLevels;; level--) {
        const unsigned shift = 12 + (level - 1) * Format::kIndexBits;
        const u64 index = linear >> shift & ((u64{1} << Format::kIndexBits) - 1);
        WalkStep& step = walk.steps[walk.count++];
        step.address = table + index * kEntrySize;
        step.shift = static_cast<u8>(shift);
        const u64 entry = step.value = memory.load(step.address, kEntrySize);
        if (!(entry & page_entry::kPresent)) return walk;
        const bool large = Format::is_large(control, level, entry);
        if (entry & Format::reserved(control, level, large)) {
            walk.error = page_fault_bit::kPresent | page_fault_bit::kReserved;
            return walk;
        }
        page.writable &= (entry & page_entry::kWritable) != 0;
        page.user &= (entry & page_entry::kUser) != 0;
        if constexpr (kEntrySize == 8) page.executable &= !(entry & page_entry::kNoExecute);
        if (level == 1 || large) {
            const u64 base =
                level == 1 ? entry & walker::bits(12, 51) : Format::large_base(control, level, entry);
            page.page = base | (linear & walker::bits(12, shift - 1));
            page.page_shift = static_cast<u8>(shift);
            page.global = control.global_pages && (entry & page_entry::kGlobal);
            page.dirty = (entry & page_entry::kDirty) != 0;
            if constexpr (M >= PagingMode::FourLevel) page.key = entry >> 59 & 15;
            walk.mapped = true;
            return walk;
        }
        table = entry & walker::bits(12, 51);
    }
}

/// Sets the accessed flags of all entries used and, for a write, the dirty flag of the leaf. Only for an
/// access that does not fault. `Memory` gives `void set_bits(u64 address, unsigned size, u64 bits)`.
template<class Memory>
void set_accessed_dirty(Walk& walk, AccessKind kind, Memory&& memory) {
    for (unsigned i = 0; i < walk.count; i++) {
        u64 wanted = page_entry::kAccessed;
        if (kind == AccessKind::Write && i + 1 == walk.count) wanted |= page_entry::kDirty;
        WalkStep& step = walk.steps[i];
        if ((step.value & wanted) == wanted) continue;
        step.value |= wanted;
        memory.set_bits(step.address, walk.entry_size, wanted);
    }
    if (kind == AccessKind::Write) walk.translation.dirty = true;
}

}  // namespace gnomon
