// TLB fills and flushes, and what they do when paging changes. SDM Vol. 3, "Caching Translation Information".
#include <algorithm>

#include "memory/mmu.h"

namespace gnomon {

namespace {

constexpr u32 kManyWriters = ~u32{0};

}  // namespace

void Mmu::fill(u64 linear, Privilege privilege, const Translation& translation,
               const PhysicalMap::Page& page) {
    if (!page.host) return;
    const unsigned index = linear >> 12 & (Tlb::kEntries - 1);
    const u64 tag = linear & kPageMask;
    const auto may = [&](AccessKind kind) { return access_allowed(control_, translation, kind, privilege); };
    auto& [tlb, log] = table(privilege);
    TlbEntry& entry = tlb.entries[index];
    entry.read_tag = may(AccessKind::Read) ? tag : TlbEntry::kNoPage;
    entry.fetch_tag = may(AccessKind::Fetch) ? tag : TlbEntry::kNoPage;
    entry.write_tag = TlbEntry::kNoPage;
    entry.addend = reinterpret_cast<u64>(page.host) - tag;
    const bool stores = page.stores_to_ram && translation.dirty && may(AccessKind::Write);
    if (stores && page.writable) {
        entry.write_tag = tag;
        note_writer(page.ram_page, index);
    }

    if (watch_ && watch_->covers(LinearAddr(tag), GuestPhys(translation.page)))
        entry.read_tag = entry.write_tag = TlbEntry::kNoPage;

    u8 mark = log.marks[index] & (FillLog::kInLocal | FillLog::kInGlobals);
    if (translation.global) {
        mark |= FillLog::kGlobal;
        if (!(mark & FillLog::kInGlobals)) log.globals[log.globals_count++] = static_cast<u16>(index);
        mark |= FillLog::kInGlobals;
    } else {
        if (!(mark & FillLog::kInLocal)) log.local[log.local_count++] = static_cast<u16>(index);
        mark |= FillLog::kInLocal;
    }
    if (translation.page_shift > 12) {
        mark |= FillLog::kLarge;
        const unsigned region = linear >> 22 & 1023;
        if (translation.page_shift == 30)
            std::fill_n(large_regions(linear).begin() + region / 256 * 4, 4, ~u64{0});  // all of the page's regions
        else
            large_regions(linear)[region / 64] |= u64{1} << region % 64;
    }
    if (stores && entry.read_tag == tag) mark |= FillLog::kStore;
    log.marks[index] = mark;
}

void Mmu::note_writer(u32 ram_page, unsigned index) {
    u32& writers = writers_[ram_page];
    if (writers == kManyWriters) return;
    static_assert(Tlb::kEntries <= 0xffff, "two indices plus one share a word");
    const u32 one = index + 1;
    const u32 low = writers & 0xffff;
    const u32 high = writers >> 16;
    if (low == one || high == one) return;
    if (low == 0)
        writers |= one;
    else if (high == 0)
        writers |= one << 16;
    else
        writers = kManyWriters;
}

void Mmu::page_write_protected(u32 page) {
    const u32 writers = writers_[page];
    if (writers == 0) return;
    writers_[page] = 0;
    const u64 host = reinterpret_cast<u64>(map_.ram()) + (u64{page} << 12);
    const auto protect = [&](TlbEntry& entry) {
        if (entry.write_tag != TlbEntry::kNoPage && entry.write_tag + entry.addend == host)
            entry.write_tag = TlbEntry::kNoPage;
    };
    for (const auto& table : tables_) {
        if (!table) continue;
        auto& entries = table->tlb.entries;
        if (writers != kManyWriters) {
            if (writers & 0xffff) protect(entries[(writers & 0xffff) - 1]);
            if (writers >> 16) protect(entries[(writers >> 16) - 1]);
            continue;
        }
        const FillLog& log = table->log;
        for (unsigned i = 0; i < log.local_count; i++) protect(entries[log.local[i]]);
        for (unsigned i = 0; i < log.globals_count; i++) protect(entries[log.globals[i]]);
    }
}

void Mmu::flush_local(Table& table) {
    auto& [tlb, log] = table;
    for (unsigned i = 0; i < log.local_count; i++) {
        const unsigned index = log.local[i];
        log.marks[index] &= static_cast<u8>(~FillLog::kInLocal);
        if (!(log.marks[index] & FillLog::kGlobal)) tlb.entries[index] = TlbEntry{};
    }
    log.local_count = 0;
}

void Mmu::flush_whole(Table& table) {
    auto& [tlb, log] = table;
    const auto reset = [&](unsigned index) {
        log.marks[index] = 0;
        tlb.entries[index] = TlbEntry{};
    };
    for (unsigned i = 0; i < log.local_count; i++) reset(log.local[i]);
    for (unsigned i = 0; i < log.globals_count; i++) reset(log.globals[i]);
    log.local_count = log.globals_count = 0;
}

void Mmu::flush_tables() {
    for (const auto& table : tables_)
        if (table) flush_whole(*table);
}

void Mmu::drop_page(u64 linear) {
    const u64 tag = linear & kPageMask;
    for (const auto& table : tables_) {
        if (!table) continue;
        TlbEntry& entry = table->tlb.entry(linear);
        if (entry.read_tag == tag || entry.write_tag == tag || entry.fetch_tag == tag) entry = TlbEntry{};
    }
}

void Mmu::drop_range(u64 linear, unsigned shift, u8 marks) {
    for (const auto& table : tables_) {
        if (!table) continue;
        const FillLog& log = table->log;
        const auto drop = [&](unsigned index) {
            TlbEntry& entry = table->tlb.entries[index];
            if ((log.marks[index] & marks) != marks) return;
            const auto inside = [&](u64 tag) {
                return tag != TlbEntry::kNoPage && tag >> shift == linear >> shift;
            };
            if (inside(entry.read_tag) || inside(entry.write_tag) || inside(entry.fetch_tag))
                entry = TlbEntry{};
        };
        for (unsigned i = 0; i < log.local_count; i++) drop(log.local[i]);
        for (unsigned i = 0; i < log.globals_count; i++) drop(log.globals[i]);
    }
}

// --- Control
// -------------------------------------------------------------------------------------------------------

void Mmu::set_paging(const PagingState& next, bool cr3_written) {
    const WalkControl before = control_;
    paging_ = next;
    control_ = walk_control(next);
    const bool paging = control_.mode != PagingMode::None;
    const bool same_space = control_.same_space(before);

    const bool smep_set = control_.smep && !before.smep;
    if (!control_.same_format(before) || smep_set) {
        flush_tlb();
    } else if (paging && (cr3_written || !same_space)) {
        // A TLB that is coherent with the tables has nothing to lose when the same tables are loaded again.
        if (shadow_ && same_space && !untracked_) {
            if (verify_) verify_tlb();
        } else {
            counters_.tlb_flushes++;
            for (const auto& table : tables_)
                if (table) flush_local(*table);
            // Global pages were not judged; but only INVLPG and full flushes need to remove them.
            untracked_ = false;
        }
    }
    // These make supervisor rights smaller; entries that were filled with the larger ones must go. Larger
    // rights are found by the slow path.
    const bool stricter =
        (control_.write_protect && !before.write_protect) || (control_.smap && !before.smap);
    const bool keys_changed = control_.user_keys != before.user_keys || control_.supervisor_keys != before.supervisor_keys;
    if (paging && keys_changed) {
        flush_tables();
    } else if (paging && stricter) {
        for (const Privilege privilege : {Privilege::Supervisor, Privilege::SupervisorOverride})
            if (const auto& table = tables_[static_cast<unsigned>(privilege)]) flush_whole(*table);
    }
    if (shadow_ && paging && !same_space) shadow_->select(control_);
}

void Mmu::invlpg(LinearAddr linear) {
    drop_page(linear.value);
    const unsigned region = linear.value >> 22 & 1023;
    if (!(large_regions(linear.value)[region / 64] >> region % 64 & 1)) return;
    // No page below the long modes is larger than 4 MiB; in these, more than the page may go.
    drop_range(linear.value, control_.mode >= PagingMode::FourLevel ? 30 : 22, FillLog::kLarge);
}

void Mmu::flush_tlb() {
    counters_.tlb_flushes++;
    flush_tables();
    large_regions_ = upper_large_regions_ = {};
    untracked_ = false;
}

void Mmu::flush_all() {
    flush_tlb();
    if (shadow_) shadow_->clear();
}

void Mmu::watch_accesses(const AccessWatch* watch) {
    watch_ = watch;
    flush_tlb();
}

void Mmu::physical_map_changed() { flush_all(); }

void Mmu::verify_tlb() const {
    for (unsigned which = 0; which < kPrivileges; which++) {
        if (!tables_[which]) continue;
        const Privilege privilege = static_cast<Privilege>(which);
        const auto& [tlb, log] = *tables_[which];
        for (unsigned i = 0; i < log.local_count; i++) {
            const unsigned index = log.local[i];
            if (log.marks[index] & FillLog::kGlobal) continue;
            const TlbEntry& entry = tlb.entries[index];
            for (AccessKind kind : {AccessKind::Read, AccessKind::Write, AccessKind::Fetch}) {
                const u64 tag = kind == AccessKind::Read    ? entry.read_tag
                                : kind == AccessKind::Write ? entry.write_tag
                                                            : entry.fetch_tag;
                if (tag == TlbEntry::kNoPage) continue;
                const Walk now = walk(tag);
                const PhysicalMap::Page page = map_.page(GuestPhys(now.translation.page));
                bool good = now.mapped && access_allowed(control_, now.translation, kind, privilege) &&
                            reinterpret_cast<u64>(page.host) == tag + entry.addend;
                if (kind == AccessKind::Write) good = good && page.writable && now.translation.dirty;
                if (!good) report_incoherence("TLB entry", tag, Translation{}, now);
            }
        }
    }
}

}  // namespace gnomon
