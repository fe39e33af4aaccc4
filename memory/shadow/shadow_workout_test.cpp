// Seeded random workouts: an engine-like client of the MMU on page tables that point anywhere (also at
// themselves), compared access by access with a plain walk of the tables as they are in memory.
#include <gtest/gtest.h>

#include <random>
#include <vector>

#include "memory/mmu.h"

namespace gnomon {
namespace {

constexpr u64 kTables = 0x400000;
constexpr u64 kData = 0x800000;

struct RawMemory {
    PhysicalMap& map;
    u64 load(u64 address, unsigned size) const { return map.read(GuestPhys(address), size); }
};

struct Plan {
    const char* name;
    PagingMode mode;
    Mmu::Shadow shadow;
    unsigned tables;  ///< page-table pages in play
    unsigned roots;
    unsigned slots;  ///< entries of each table in play
    unsigned operations;
    u32 seed;
    unsigned frames = ShadowTables::kDefaultFrames;  ///< that can be tracked
};

class Workout : public ::testing::TestWithParam<Plan> {
  protected:
    void SetUp() override {
        paging_.cr0 = u64{1} << 31 | u64{1} << 16 | 1;
        paging_.nx_supported = true;
        if (plan.mode != PagingMode::TwoLevel) paging_.cr4 = u64{1} << 5;
        if (plan.mode != PagingMode::TwoLevel) paging_.efer = u64{1} << 11;
        if (plan.mode == PagingMode::FourLevel) paging_.efer |= u64{1} << 10;
        entry_size_ = plan.mode == PagingMode::TwoLevel ? 4 : 8;
        for (unsigned i = 0; i < plan.tables * plan.slots * 2; i++) store_entry();
        load_cr3();
    }

    u64 pick(u64 n) { return random_() % n; }
    u64 table(u64 i) const { return kTables + i * 0x1000; }
    /// Slots at both ends of a table, so that neighbours and far entries are among them.
    u64 slot(u64 i) const { return i % 2 ? (entry_size_ == 4 ? 1023 : 511) - i / 2 : i / 2; }

    u64 random_entry() {
        u64 entry = 0x27;
        if (pick(8) == 0) entry &= ~u64{1};
        if (pick(6) == 0) entry &= ~u64{2};
        if (pick(6) == 0) entry &= ~u64{4};
        if (pick(2) == 0) entry &= ~u64{0x20};
        if (pick(3) == 0) entry |= 0x40;
        if (use_global_ && pick(4) == 0) entry |= 0x100;
        if (entry_size_ == 8 && pick(8) == 0) entry |= u64{1} << 63;
        const u64 dice = pick(16);
        if (dice == 0)
            return entry | 0x80 | (entry_size_ == 4 ? kData & ~u64{0x3fffff} : kData & ~u64{0x1fffff});
        if (dice == 1) return entry | 0x80 | table(pick(plan.tables));  // PAT in a leaf, reserved bits above
        if (dice < 10) return entry | table(pick(plan.tables));
        return entry | (kData + pick(64) * 0x1000);
    }

    void store_entry() {
        const u64 at = table(pick(plan.tables)) + slot(pick(plan.slots)) * entry_size_;
        const u64 value = random_entry();
        if (pick(10) == 0) {
            // A DMA of several entries.
            const std::array<u64, 4> values = {value, random_entry(), 0, random_entry()};
            map->dma_write(GuestPhys(at & ~u64{31}), {reinterpret_cast<const u8*>(values.data()), 32});
        } else if (entry_size_ == 8 && pick(4) == 0) {
            map->write(GuestPhys(at + 4), 4, value >> 32);  // as 32-bit code edits PAE entries
        } else {
            map->write(GuestPhys(at), entry_size_, value);
        }
    }

    void load_cr3() {
        paging_.cr3 = table(pick(plan.roots));
        if (plan.mode == PagingMode::Pae)
            for (u64 i = 0; i < 4; i++)
                paging_.pdpte[i] = i == 2 ? 0 : table((paging_.cr3 / 0x1000 + i) % plan.roots) | 1;
        mmu->set_paging(paging_, true);
    }

    u64 random_linear() {
        u64 linear = pick(0x400) * 4;
        const unsigned levels = plan.mode == PagingMode::FourLevel ? 4 : 2;
        const unsigned bits = entry_size_ == 4 ? 10 : 9;
        for (unsigned level = 0; level < levels; level++)
            linear |= slot(pick(plan.slots)) << (12 + level * bits);
        if (plan.mode == PagingMode::Pae) linear |= pick(4) << 30;
        return linear;
    }

    Walk plain_walk(u64 linear) const {
        const WalkControl control = walk_control(paging_);
        const RawMemory memory{*map};
        if (plan.mode == PagingMode::TwoLevel)
            return walk_tables<PagingMode::TwoLevel>(control, memory, linear);
        if (plan.mode == PagingMode::Pae) return walk_tables<PagingMode::Pae>(control, memory, linear);
        return walk_tables<PagingMode::FourLevel>(control, memory, linear);
    }

    /// One access as the engine makes it: TLB first, then the slow path; result and side effects against the
    /// plain walk.
    void access() {
        const u64 linear = random_linear();
        const auto kind = static_cast<AccessKind>(pick(3));
        const auto privilege = static_cast<Privilege>(pick(2));
        const WalkControl control = walk_control(paging_);
        const Walk plain = plain_walk(linear);
        const bool allowed = plain.mapped && access_allowed(control, plain.translation, kind, privilege);
        const u64 physical = plain.translation.page | (linear & 0xfff);

        const TlbEntry& entry = mmu->tlb(privilege).entry(linear);
        const u64 tag = kind == AccessKind::Read    ? entry.read_tag
                        : kind == AccessKind::Write ? entry.write_tag
                                                    : entry.fetch_tag;
        if (tag == (linear & kPageMask)) {
            tlb_hits++;
            const u64 host = linear + entry.addend;
            if (kind == AccessKind::Write) {
                const u64 page = (host - reinterpret_cast<u64>(map->ram())) >> 12;
                ASSERT_EQ(map->flags(static_cast<u32>(page)), 0) << "write tag of a flagged page";
            }
            if (coherent_tlb_) {
                ASSERT_TRUE(allowed) << std::hex << linear;
                ASSERT_EQ(host,
                          reinterpret_cast<u64>(map->page(GuestPhys(physical)).host) + (physical & 0xfff));
                ASSERT_TRUE(kind != AccessKind::Write || plain.translation.dirty);
            }
            if (kind == AccessKind::Write) {
                const u32 value = static_cast<u32>(random_entry());
                std::memcpy(reinterpret_cast<void*>(host), &value, 4);
            }
            return;
        }
        // Stores to a flagged page go through what the TLB remembers too, though not by the write tag.
        const bool remembered = kind == AccessKind::Write && entry.read_tag == (linear & kPageMask);
        PageFault fault;
        u32 value = static_cast<u32>(random_entry());
        bool ok = false;
        const u32 before = static_cast<u32>(map->read(GuestPhys(physical), 4));
        switch (kind) {
            case AccessKind::Read: ok = mmu->read(LinearAddr(linear), 4, privilege, &value, fault); break;
            case AccessKind::Write:
                ok = mmu->store_flagged(linear, 4, privilege, &value) ||
                     mmu->write(LinearAddr(linear), 4, privilege, &value, fault);
                break;
            case AccessKind::Fetch:
                ok = mmu->fetch_bytes(LinearAddr(linear), 4, privilege, &value, fault);
                break;
        }
        if (remembered && !coherent_tlb_) return;
        ASSERT_EQ(ok, allowed) << std::hex << linear;
        if (!ok) {
            faults++;
            const u32 cause = plain.mapped ? page_fault_bit::kPresent : plain.error;
            ASSERT_EQ(fault.error_code, fault_code(control, cause, kind, privilege));
            ASSERT_EQ(fault.address.value, linear);
            return;
        }
        // The word may itself be an entry whose accessed or dirty flag the access has set.
        if (kind == AccessKind::Write)
            ASSERT_EQ(map->read(GuestPhys(physical), 4), value);
        else
            ASSERT_EQ(value | 0x60, before | 0x60);
        if (kind == AccessKind::Write && !in_tables(physical)) {
            const Walk after = plain_walk(linear);
            ASSERT_TRUE(after.translation.dirty);
        }
    }
    bool in_tables(u64 physical) const { return physical >= kTables && physical < table(plan.tables); }

    /// Exactly the tracked frames have the flag.
    void check_flags() {
        if (!mmu->shadow()) return;
        unsigned flagged = 0;
        for (u32 page = 0; page < map->ram_pages(); page++) flagged += map->flags(page) != 0;
        ASSERT_EQ(flagged, mmu->shadow()->tracked_frames());
    }

    void run() {
        for (unsigned i = 0; i < plan.operations && !HasFatalFailure(); i++) {
            const u64 dice = pick(1000);
            if (dice < 150)
                store_entry();
            else if (dice < 170)
                load_cr3();
            else if (dice < 180)
                mmu->set_paging(paging_, true);
            else if (dice < 200)
                mmu->invlpg(LinearAddr(random_linear()));
            else if (dice < 203)
                paging_.cr4 ^= u64{1} << 4, mmu->set_paging(paging_, false);
            else if (dice < 206)
                paging_.cr0 ^= u64{1} << 16, mmu->set_paging(paging_, false);
            else if (dice < 207)
                map->set_a20(!map->a20());
            else if (dice < 208 && use_global_)
                paging_.cr4 ^= u64{1} << 7, mmu->set_paging(paging_, false);
            else
                access();
            if (i % 1024 == 0) check_flags();
        }
        check_flags();
        const Mmu::Counters counters = mmu->counters();
        EXPECT_GT(tlb_hits, 0u);
        EXPECT_GT(faults, 0u);
        if (plan.shadow != Mmu::Shadow::Off) {
            EXPECT_GT(counters.shadow_hits[0], 0u);
            EXPECT_GT(counters.shadow_invalidations, 0u);
        }
    }

    const Plan plan = GetParam();
    Log log{[](LogLevel, std::string_view, std::string_view) {}};
    std::unique_ptr<PhysicalMap> map = std::move(PhysicalMap::create(u64{32} << 20, log)).value();
    std::unique_ptr<Mmu> mmu = std::make_unique<Mmu>(*map, plan.shadow, plan.frames);
    std::mt19937_64 random_{plan.seed};
    PagingState paging_;
    unsigned entry_size_ = 4;
    bool use_global_ = false;
    bool coherent_tlb_ = plan.shadow != Mmu::Shadow::Off;
    u64 tlb_hits = 0;
    u64 faults = 0;
};

TEST_P(Workout, EveryAccessAgreesWithAPlainWalk) { run(); }

/// Global pages may stay in the TLB after the tables of another space lost them; the shadow tables still must
/// agree.
TEST_P(Workout, ShadowAgreesWithAPlainWalkBesideGlobalPages) {
    use_global_ = true;
    coherent_tlb_ = false;
    run();
}

std::vector<Plan> plans() {
    std::vector<Plan> all;
    constexpr auto kOn = Mmu::Shadow::On;
    constexpr auto kVerify = Mmu::Shadow::Verify;
    constexpr auto k32 = PagingMode::TwoLevel;
    constexpr auto kPae = PagingMode::Pae;
    constexpr auto k64 = PagingMode::FourLevel;
    all.push_back({"Dense32", k32, kVerify, 6, 3, 6, 200000, 1});
    all.push_back({"Dense32On", k32, kOn, 6, 3, 6, 200000, 2});
    all.push_back({"Wide32", k32, kVerify, 40, 12, 20, 200000, 3});
    all.push_back({"ManySpaces32", k32, kVerify, 300, 150, 8, 200000, 4});
    all.push_back({"DensePae", kPae, kVerify, 6, 4, 6, 200000, 5});
    all.push_back({"WidePae", kPae, kVerify, 40, 12, 20, 200000, 6});
    all.push_back({"DenseLong", k64, kVerify, 8, 3, 4, 200000, 7});
    all.push_back({"Recycling32", k32, kVerify, 60, 12, 4, 200000, 9, 16});
    all.push_back({"RecyclingPae", kPae, kVerify, 60, 12, 4, 200000, 10, 16});
    all.push_back({"RecyclingLong", k64, kVerify, 60, 12, 3, 200000, 11, 16});
    all.push_back({"Off32", k32, Mmu::Shadow::Off, 6, 3, 6, 200000, 12});
    all.push_back({"WideLong", k64, kOn, 40, 12, 6, 200000, 8});
    return all;
}

INSTANTIATE_TEST_SUITE_P(Plans, Workout, ::testing::ValuesIn(plans()),
                         [](const ::testing::TestParamInfo<Plan>& info) {
                             return std::string(info.param.name);
                         });

/// More page tables and spaces than can be tracked: frames and spaces are recycled all the time.
TEST(ShadowRecycling, ManyProcessesStayCoherent) {
    Log log{[](LogLevel, std::string_view, std::string_view) {}};
    auto map = std::move(PhysicalMap::create(u64{64} << 20, log)).value();
    auto mmu = std::make_unique<Mmu>(*map, Mmu::Shadow::Verify);
    constexpr u64 kProcesses = 100;
    constexpr u64 kTablesEach = 40;
    const auto root = [&](u64 process) { return 0x100000 + process * (kTablesEach + 1) * 0x1000; };
    for (u64 process = 0; process < kProcesses; process++)
        for (u64 t = 0; t < kTablesEach; t++) {
            const u64 table = root(process) + (t + 1) * 0x1000;
            map->write(GuestPhys(root(process) + t * 4), 4, table | 7);
            for (u64 i = 0; i < 4; i++) map->write(GuestPhys(table + i * 4), 4, table | 7);
        }
    std::mt19937 random(1);
    PagingState paging;
    paging.cr0 = u64{1} << 31;
    for (int round = 0; round < 3000; round++) {
        const u64 process = random() % kProcesses;
        paging.cr3 = root(process);
        mmu->set_paging(paging, true);
        for (int i = 0; i < 40; i++) {
            const u64 t = random() % kTablesEach;
            const u64 linear = t << 22 | (random() % 4) << 12;
            u32 value = 0;
            PageFault fault;
            ASSERT_TRUE(mmu->read(LinearAddr(linear + 4), 4, Privilege::User, &value, fault));
            ASSERT_EQ(value >> 12, (root(process) >> 12) + t + 1);
        }
    }
    EXPECT_GT(mmu->counters().shadow_hits[0], 0u);
    EXPECT_NE(mmu->describe().find("64 spaces, "), std::string::npos);
}

}  // namespace
}  // namespace gnomon
