// The walkers against a second, deliberately plain reading of SDM Vol. 3, "Paging": every combination of the
// rights and reserved bits, exact error codes, and exactly the accessed and dirty flags that the manual says.
#include "memory/page_walk.h"

#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <random>
#include <vector>

namespace gnomon {
namespace {

/// A few entries of physical memory; everything else may not be touched.
struct FakeMemory {
    std::map<u64, u64> entries;
    u64 load(u64 address, unsigned) const { return entries.at(address); }
    void set_bits(u64 address, unsigned, u64 bits) { entries.at(address) |= bits; }
};

struct Expected {
    bool ok = false;
    u32 code = 0;
    u64 physical = 0;
    unsigned used = 0;  ///< entries that get the accessed flag
};

struct Access {
    AccessKind kind;
    Privilege privilege;
};

constexpr Access kAccesses[] = {
    {AccessKind::Read, Privilege::Supervisor},  {AccessKind::Write, Privilege::Supervisor},
    {AccessKind::Fetch, Privilege::Supervisor}, {AccessKind::Read, Privilege::User},
    {AccessKind::Write, Privilege::User},       {AccessKind::Fetch, Privilege::User},
    {AccessKind::Read, Privilege::SupervisorOverride}, {AccessKind::Write, Privilege::SupervisorOverride},
};

/// The tables are given as the entries on the way down; PAE: the first is the PDPTE.
Expected model(const WalkControl& c, std::vector<u64> entries, u64 linear, Access access) {
    const bool write = access.kind == AccessKind::Write;
    const bool fetch = access.kind == AccessKind::Fetch;
    const bool user_access = access.privilege == Privilege::User;
    Expected result;
    u32 code = (write ? 2 : 0) | (user_access ? 4 : 0) | (fetch && (c.no_execute || c.smep) ? 16 : 0);
    bool w = true;
    bool u = true;
    bool nx = false;
    unsigned key = 0;
    std::vector<unsigned> shifts;
    switch (c.mode) {
        case PagingMode::TwoLevel: shifts = {22, 12}; break;
        case PagingMode::Pae: shifts = {30, 21, 12}; break;
        case PagingMode::FourLevel: shifts = {39, 30, 21, 12}; break;
        case PagingMode::FiveLevel: shifts = {48, 39, 30, 21, 12}; break;
        case PagingMode::None: break;
    }
    const bool is32 = c.mode == PagingMode::TwoLevel;
    for (size_t i = 0; i < shifts.size(); i++) {
        const u64 e = entries[i];
        const unsigned shift = shifts[i];
        if ((e & 1) == 0) {
            result.code = code;
            return result;
        }
        if (c.mode == PagingMode::Pae && shift == 30) continue;  // register: checked when it was loaded
        result.used++;
        bool reserved = false;
        bool leaf = shift == 12;
        u64 base = is32 ? e & 0xfffff000 : e & 0x000ffffffffff000;
        if (is32) {
            if (c.large_pages) {
                if (shift == 12 && !c.pat && e & 0x80) reserved = true;
                if (shift == 22 && e & 0x80) {
                    leaf = true;
                    unsigned first_reserved = 13;
                    if (c.pse36 && c.physical_bits >= 40) first_reserved = 21;
                    if (c.pse36 && c.physical_bits == 36) first_reserved = 17;
                    for (unsigned bit = first_reserved; bit <= 21; bit++) reserved |= (e >> bit & 1) != 0;
                    if (!c.pat && e & 0x1000) reserved = true;
                    base = e & 0xffc00000;
                    for (unsigned bit = 13; bit < first_reserved; bit++) base |= (e >> bit & 1) << (bit + 19);
                }
            }
        } else {
            const unsigned top = c.mode == PagingMode::Pae ? 62 : 51;
            for (unsigned bit = c.physical_bits; bit <= top; bit++) reserved |= (e >> bit & 1) != 0;
            if (e >> 63 && !c.no_execute) reserved = true;
            if (shift >= 39 && e & 0x80) reserved = true;
            if (shift == 12 && e & 0x80 && !c.pat) reserved = true;
            if ((shift == 21 || shift == 30) && e & 0x80) {
                leaf = true;
                for (unsigned bit = 13; bit < shift; bit++) reserved |= (e >> bit & 1) != 0;
                if (!c.pat && e & 0x1000) reserved = true;
                base = e & 0x000fffffffffffff & ~((u64{1} << shift) - 1);
            }
            nx |= e >> 63;
        }
        if (reserved) {
            result.code = code | 9;
            return result;
        }
        w &= (e & 2) != 0;
        u &= (e & 4) != 0;
        if (!leaf) continue;
        key = e >> 59 & 15;
        result.physical = base + (linear & ((u64{1} << shift) - 1));
        break;
    }
    bool denied = fetch && nx;
    const u32 keys = u ? c.user_keys : c.supervisor_keys;
    if (!fetch && (c.mode == PagingMode::FourLevel || c.mode == PagingMode::FiveLevel)) {
        const bool access_disable = keys >> (2 * key) & 1;
        const bool write_disable = keys >> (2 * key + 1) & 1;
        if (access_disable || (write_disable && write && (user_access || c.write_protect))) {
            denied = true;
            code |= 32;
        }
    }
    if (user_access) {
        if (!u) denied = true;
        if (write && !w) denied = true;
    } else {
        if (fetch && u && c.smep) denied = true;
        if (!fetch && u && c.smap && access.privilege != Privilege::SupervisorOverride) denied = true;
        if (write && !w && c.write_protect) denied = true;
    }
    if (denied) {
        result.code = code | 1;
        return result;
    }
    result.ok = true;
    return result;
}

/// Lays the entries out at their places and compares walk, rights, error code and flags with the model.
template<PagingMode M>
void check(WalkControl c, const std::vector<u64>& entries, u64 linear) {
    c.mode = M;
    constexpr bool is32 = M == PagingMode::TwoLevel;
    c.root = 0x1000;
    FakeMemory initial;
    std::vector<u64> addresses;
    size_t first = 0;
    u64 table = c.root;
    if constexpr (M == PagingMode::Pae) {
        c.pdpte[linear >> 30 & 3] = entries[0];
        table = entries[0] & 0x000ffffffffff000;
        first = 1;
    }
    const unsigned bits = is32 ? 10 : 9;
    for (size_t i = first; i < entries.size(); i++) {
        const unsigned shift = 12 + static_cast<unsigned>(entries.size() - 1 - i) * bits;
        const u64 address = table + (linear >> shift & ((1u << bits) - 1)) * (is32 ? 4 : 8);
        if (initial.entries.count(address)) return;  // entries on top of each other: not a case of this test
        initial.entries[address] = entries[i];
        addresses.push_back(address);
        table = is32 ? entries[i] & 0xfffff000 : entries[i] & 0x000ffffffffff000;
    }
    for (const Access access : kAccesses) {
        FakeMemory memory = initial;
        const Expected expected = model(c, entries, linear, access);
        Walk walk = walk_tables<M>(c, memory, linear);
        const bool ok = walk.mapped && access_allowed(c, walk.translation, access.kind, access.privilege);
        ASSERT_EQ(ok, expected.ok) << std::hex << "linear " << linear << " leaf " << entries.back();
        if (!ok) {
            const u32 cause = walk.mapped ? denial_cause(c, walk.translation, access.kind, access.privilege) : walk.error;
            ASSERT_EQ(fault_code(c, cause, access.kind, access.privilege), expected.code);
            ASSERT_EQ(memory.entries, initial.entries);
            continue;
        }
        ASSERT_EQ(walk.translation.page, expected.physical & ~u64{0xfff});
        set_accessed_dirty(walk, access.kind, memory);
        FakeMemory marked = initial;
        for (unsigned i = 0; i < expected.used; i++) marked.entries[addresses[i]] |= 0x20;
        if (access.kind == AccessKind::Write) marked.entries[addresses[expected.used - 1]] |= 0x40;
        ASSERT_EQ(memory.entries, marked.entries);
    }
}

/// Calls `body` with each subset of `bits` or-ed together.
template<class F>
void for_each_subset(const std::vector<u64>& bits, F body) {
    for (u64 subset = 0; subset < u64{1} << bits.size(); subset++) {
        u64 value = 0;
        for (size_t i = 0; i < bits.size(); i++)
            if (subset >> i & 1) value |= bits[i];
        body(value);
    }
}

TEST(PageWalk, TwoLevelAgreesWithTheManualInEveryCombination) {
    for_each_subset({1, 2, 4, 8, 16, 32}, [](u64 control) {
        WalkControl c;
        c.large_pages = control & 1;
        c.pse36 = control & 2;
        c.pat = control & 4;
        c.write_protect = control & 8;
        c.smep = control & 16;
        c.smap = control & 32;
        c.reports_fetch = c.smep;
        for_each_subset({1, 2, 4, 0x80, 0x1000, 0x2000, 0x200000}, [&](u64 pde) {
            for_each_subset({1, 2, 4, 0x80}, [&](u64 pte) {
                check<PagingMode::TwoLevel>(c, {0x00400000 | pde, 0x12345000 | pte}, 0x98765432);
            });
        });
    });
}

TEST(PageWalk, Pse36GivesFourMegabytePagesAsManyBitsAsTheProcessorHas) {
    for (u8 physical_bits : {32, 36, 40, 46}) {
        WalkControl c;
        c.large_pages = true;
        c.pse36 = true;
        c.physical_bits = physical_bits;
        c.mode = PagingMode::TwoLevel;
        c.root = 0x1000;
        for (unsigned bit = 13; bit <= 21; bit++) {
            FakeMemory memory{{{0x1000, 0x40000087 | u64{1} << bit}}};
            const Walk walk = walk_tables<PagingMode::TwoLevel>(c, memory, 0x3000);
            const unsigned usable = physical_bits > 40 ? 40 : physical_bits;
            if (bit + 19 < usable) {
                ASSERT_TRUE(walk.mapped);
                EXPECT_EQ(walk.translation.page, 0x40003000 | u64{1} << (bit + 19));
                EXPECT_EQ(walk.translation.page_shift, 22);
            } else {
                EXPECT_FALSE(walk.mapped);
                EXPECT_EQ(walk.error, 9u);
            }
        }
    }
}

TEST(PageWalk, PaeAgreesWithTheManualInEveryCombination) {
    constexpr u64 kNx = u64{1} << 63;
    constexpr u64 kHigh = u64{1} << 40;
    for_each_subset({1, 2, 4, 8}, [&](u64 control) {
        WalkControl c;
        c.no_execute = control & 1;
        c.pat = control & 2;
        c.write_protect = control & 4;
        c.smep = control & 8;
        c.reports_fetch = c.no_execute || c.smep;
        for (u64 pdpte : {u64{0x5000}, u64{0x5001}})
            for_each_subset({1, 2, 4, 0x80, 0x1000, 0x2000, kNx, kHigh}, [&](u64 pde) {
                for_each_subset({1, 2, 4, 0x80, kNx, kHigh}, [&](u64 pte) {
                    check<PagingMode::Pae>(c, {pdpte, 0x600000 | pde, 0x912345000 | pte}, 0xbfabc123);
                });
            });
    });
}

TEST(PageWalk, LongModesAgreeWithTheManualOnRandomTables) {
    std::mt19937_64 random(1);
    for (int round = 0; round < 200000; round++) {
        WalkControl c;
        c.no_execute = random() & 1;
        c.pat = random() & 1;
        c.write_protect = random() & 1;
        c.smep = random() & 1;
        c.smap = random() & 1;
        if (random() & 1) c.user_keys = static_cast<u32>(random() & random());
        if (random() & 1) c.supervisor_keys = static_cast<u32>(random() & random());
        c.reports_fetch = c.no_execute || c.smep;
        const bool five = random() & 1;
        std::vector<u64> entries;
        for (unsigned level = five ? 5 : 4; level >= 1; level--) {
            u64 entry = (random() & 0xfffffff) << 12 | 7;
            const u64 dice = random();
            if (dice % 7 == 0) entry &= ~u64{1};
            if (dice / 7 % 5 == 0) entry &= ~u64{2};
            if (dice / 35 % 5 == 0) entry &= ~u64{4};
            if (dice / 175 % 5 == 0) entry |= 0x80;
            if (dice / 875 % 2 == 0) entry &= ~u64{0x3fffe000};
            if (dice / 1750 % 11 == 0) entry |= u64{1} << 63;
            if (dice / 3 % 2 == 0) entry |= (random() & 15) << 59;
            if (dice / 19250 % 17 == 0) entry |= u64{1} << (36 + random() % 27);
            entries.push_back(entry);
        }
        const u64 linear = random();
        if (five)
            check<PagingMode::FiveLevel>(c, entries, linear);
        else
            check<PagingMode::FourLevel>(c, entries, linear);
        if (HasFatalFailure()) return;
    }
}

TEST(PageWalk, GlobalCountsOnlyInTheLeafAndWithPge) {
    WalkControl c;
    c.mode = PagingMode::TwoLevel;
    c.root = 0x1000;
    FakeMemory memory{{{0x1000, 0x2107}, {0x2000, 0x5007}}};
    c.global_pages = true;
    EXPECT_FALSE(walk_tables<PagingMode::TwoLevel>(c, memory, 0).translation.global);
    memory.entries[0x2000] |= 0x100;
    EXPECT_TRUE(walk_tables<PagingMode::TwoLevel>(c, memory, 0).translation.global);
    c.global_pages = false;
    EXPECT_FALSE(walk_tables<PagingMode::TwoLevel>(c, memory, 0).translation.global);
}

}  // namespace
}  // namespace gnomon
