// Slow paths of the processor's memory accesses, TLB fills and flushes. SDM Vol. 3, "Paging" and "Caching
// Translation Information".
#include "memory/mmu.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>

namespace gnomon {

namespace {

constexpr u64 kCr0Paging = u64{1} << 31;
constexpr u64 kCr0WriteProtect = u64{1} << 16;
constexpr u64 kCr4Pse = u64{1} << 4;
constexpr u64 kCr4Pae = u64{1} << 5;
constexpr u64 kCr4Pge = u64{1} << 7;
constexpr u64 kCr4La57 = u64{1} << 12;
constexpr u64 kCr4Smep = u64{1} << 20;
constexpr u64 kCr4Smap = u64{1} << 21;
constexpr u64 kCr4Pke = u64{1} << 22;
constexpr u64 kCr4Pks = u64{1} << 24;
constexpr u64 kEferLma = u64{1} << 10;
constexpr u64 kEferNxe = u64{1} << 11;

constexpr Privilege kAllPrivileges[] = {Privilege::Supervisor, Privilege::User, Privilege::SupervisorOverride};

constexpr u32 kManyWriters = ~u32{0};

/// The walkers' view of memory.
struct TableMemory {
    PhysicalMap& map;
    [[nodiscard]] u64 load(u64 address, unsigned size) const {
        const GuestPhys at(address);
        const PhysicalMap::Page page = map.page(at);
        if (!page.host) return map.read(at, size);
        u64 value = 0;
        if (size == 4)
            std::memcpy(&value, page.host + at.page_offset(), 4);
        else
            std::memcpy(&value, page.host + at.page_offset(), 8);
        return value;
    }
    void set_bits(u64 address, unsigned size, u64 bits) const {
        map.set_entry_bits(GuestPhys(address), size, bits);
    }
};

}  // namespace

WalkControl walk_control(const PagingState& state) {
    WalkControl control;
    const bool pae = state.cr4 & kCr4Pae;
    if (state.cr0 & kCr0Paging) {
        if (state.efer & kEferLma)
            control.mode = state.cr4 & kCr4La57 ? PagingMode::FiveLevel : PagingMode::FourLevel;
        else
            control.mode = pae ? PagingMode::Pae : PagingMode::TwoLevel;
    }
    control.physical_bits = state.physical_bits;
    control.root =
        state.cr3 & (control.mode >= PagingMode::FourLevel ? walker::bits(12, state.physical_bits - 1u)
                                                           : u64{0xfffff000});
    control.pdpte = state.pdpte;
    control.large_pages = state.cr4 & kCr4Pse;
    control.pse36 = state.pse36;
    control.pat = state.pat_supported;
    control.gigabyte_pages = state.gigabyte_pages;
    control.no_execute = pae && state.nx_supported && state.efer & kEferNxe;
    control.global_pages = state.cr4 & kCr4Pge;
    control.write_protect = state.cr0 & kCr0WriteProtect;
    control.smep = state.cr4 & kCr4Smep;
    control.smap = state.cr4 & kCr4Smap;
    const bool has_keys = control.mode >= PagingMode::FourLevel;
    control.user_keys = has_keys && state.cr4 & kCr4Pke ? state.pkru : 0;
    control.supervisor_keys = has_keys && state.cr4 & kCr4Pks ? state.pkrs : 0;
    control.reports_fetch = control.no_execute || control.smep;
    return control;
}

bool load_pdptes(PhysicalMap& map, const PagingState& state, std::array<u64, 4>& out) {
    const u64 reserved = walker::bits(1, 2) | walker::bits(5, 8) | walker::bits(state.physical_bits, 63);
    for (unsigned i = 0; i < 4; i++) {
        out[i] = map.read(GuestPhys((state.cr3 & 0xffffffe0) + i * 8), 8);
        if (out[i] & page_entry::kPresent && out[i] & reserved) return false;
    }
    return true;
}

Mmu::Mmu(PhysicalMap& map, Shadow shadow, unsigned tracked_frames)
    : map_(map), verify_(shadow == Shadow::Verify), writers_(static_cast<u32*>(std::calloc(map.ram_pages(), sizeof(u32)))) {
    map_.add_translation_observer(*this);
    ShadowTables::Listener& listener = *this;
    if (shadow != Shadow::Off) shadow_ = std::make_unique<ShadowTables>(map, listener, tracked_frames);
}

Mmu::~Mmu() { map_.remove_translation_observer(*this); }

// --- Translation
// ---------------------------------------------------------------------------------------------------

Walk Mmu::walk(u64 linear) const {
    const TableMemory memory{map_};
    switch (control_.mode) {
        case PagingMode::TwoLevel: return walk_tables<PagingMode::TwoLevel>(control_, memory, linear);
        case PagingMode::Pae: return walk_tables<PagingMode::Pae>(control_, memory, linear);
        case PagingMode::FourLevel: return walk_tables<PagingMode::FourLevel>(control_, memory, linear);
        case PagingMode::FiveLevel: return walk_tables<PagingMode::FiveLevel>(control_, memory, linear);
        case PagingMode::None: break;
    }
    Walk identity;
    identity.mapped = true;
    identity.translation.page = linear & kPageMask;
    return identity;
}

bool Mmu::fail_with(u64 linear, u32 cause, AccessKind kind, Privilege privilege, PageFault& fault) {
    counters_.page_faults++;
    fault.address = LinearAddr(linear);
    fault.error_code = fault_code(control_, cause, kind, privilege);
    return false;
}

bool Mmu::translate(u64 linear, AccessKind kind, Privilege privilege, Translation& out, PageFault& fault) {
    if (control_.mode == PagingMode::None) {
        out = Translation{};
        out.page = linear & kPageMask;
        return true;
    }
    if (shadow_) {
        if (shadow_->find(linear, out)) {
            counters_.shadow_hits[static_cast<unsigned>(kind)]++;
            if (verify_) verify_shadow(linear, out);
            if (!access_allowed(control_, out, kind, privilege))
                return fail_with(linear, denial_cause(control_, out, kind, privilege), kind, privilege, fault);
            // The first write through an entry must set its dirty flag.
            if (kind != AccessKind::Write || out.dirty) return true;
        } else {
            counters_.shadow_misses[static_cast<unsigned>(kind)]++;
        }
    }
    counters_.page_walks++;
    Walk found = walk(linear);
    if (!found.mapped) return fail_with(linear, found.error, kind, privilege, fault);
    if (!access_allowed(control_, found.translation, kind, privilege))
        return fail_with(linear, denial_cause(control_, found.translation, kind, privilege), kind, privilege,
                         fault);
    set_accessed_dirty(found, kind, TableMemory{map_});
    out = found.translation;
    // An insertion that had to make room fails; the next one finds the room.
    if (shadow_ && !shadow_->insert(linear, found) && !shadow_->insert(linear, found)) untracked_ = true;
    return true;
}

bool Mmu::resolve(u64 linear, AccessKind kind, Privilege privilege, Place& out, PageFault& fault) {
    counters_.tlb_misses[static_cast<unsigned>(kind)]++;
    Translation translation;
    if (!translate(linear, kind, privilege, translation, fault)) return false;
    out.physical = GuestPhys(translation.page + (linear & ~kPageMask));
    out.page = is_private(out.physical) ? PhysicalMap::Page{} : map_.page(out.physical);
    fill(linear, privilege, translation, out.page);
    const bool direct = kind == AccessKind::Write ? out.page.writable : out.page.host != nullptr;
    out.host = direct ? out.page.host + out.physical.page_offset() : nullptr;
    if (watch_ && kind != AccessKind::Fetch && watch_->covers(LinearAddr(linear).page(), out.physical.page()))
        out.host = nullptr;
    return true;
}

// --- Accesses
// ------------------------------------------------------------------------------------------------------

bool Mmu::read_as(AccessKind kind, u64 linear, unsigned size, Privilege privilege, void* out,
                  PageFault& fault) {
    const unsigned first = std::min<unsigned>(size, static_cast<unsigned>(kPageSize - (linear & ~kPageMask)));
    const auto fetch_piece = [&](const Place& place, u8* to, unsigned bytes) {
        if (place.host)
            std::memcpy(to, place.host, bytes);
        else
            bus_read(place.physical, {to, bytes});
    };
    Place low;
    if (!resolve(linear, kind, privilege, low, fault)) return false;
    if (first == size) {
        fetch_piece(low, static_cast<u8*>(out), size);
        return true;
    }
    Place high;
    if (!resolve(advance(linear, first), kind, privilege, high, fault)) return false;
    fetch_piece(low, static_cast<u8*>(out), first);
    fetch_piece(high, static_cast<u8*>(out) + first, size - first);
    return true;
}

void Mmu::bus_read(GuestPhys address, std::span<u8> out) {
    if (!is_private(address)) {
        map_.dma_read(address, out);
        return;
    }
    const unsigned size = static_cast<unsigned>(std::min<size_t>(out.size(), 8));
    const u64 value = private_device_->mmio_read(address.page_offset(), size);
    std::fill(out.begin(), out.end(), u8{0});
    std::memcpy(out.data(), &value, size);
}

void Mmu::bus_write(GuestPhys address, std::span<const u8> data) {
    if (!is_private(address)) {
        map_.dma_write(address, data);
        return;
    }
    u64 value = 0;
    const unsigned size = static_cast<unsigned>(std::min<size_t>(data.size(), 8));
    std::memcpy(&value, data.data(), size);
    private_device_->mmio_write(address.page_offset(), size, value);
}

void Mmu::set_private_page(GuestPhys page, MmioIo* device) {
    if (page == private_page_ && device == private_device_) return;
    private_page_ = page;
    private_device_ = device;
    flush_tlb();
}

bool Mmu::read(LinearAddr linear, unsigned size, Privilege privilege, void* out, PageFault& fault) {
    return read_as(AccessKind::Read, linear.value, size, privilege, out, fault);
}

bool Mmu::fetch_bytes(LinearAddr linear, unsigned size, Privilege privilege, void* out, PageFault& fault) {
    return read_as(AccessKind::Fetch, linear.value, size, privilege, out, fault);
}

bool Mmu::write(LinearAddr linear, unsigned size, Privilege privilege, const void* data, PageFault& fault) {
    const unsigned first = std::min<unsigned>(size, static_cast<unsigned>(kPageSize - linear.page_offset()));
    const auto store_piece = [&](const Place& place, const u8* from, unsigned bytes) {
        // A page that an observer flagged since it was resolved must be noticed too: the map looks again.
        if (place.host && map_.flags(place.page.ram_page) == 0)
            std::memcpy(place.host, from, bytes);
        else
            bus_write(place.physical, {from, bytes});
    };
    Place low;
    if (!resolve(linear.value, AccessKind::Write, privilege, low, fault)) return false;
    if (first == size) {
        store_piece(low, static_cast<const u8*>(data), size);
        return true;
    }
    Place high;
    if (!resolve(advance(linear.value, first), AccessKind::Write, privilege, high, fault)) return false;
    store_piece(low, static_cast<const u8*>(data), first);
    store_piece(high, static_cast<const u8*>(data) + first, size - first);
    return true;
}

bool Mmu::probe(LinearAddr linear, unsigned size, AccessKind kind, Privilege privilege, PageFault& fault) {
    Place place;
    if (!resolve(linear.value, kind, privilege, place, fault)) return false;
    const u64 first = kPageSize - linear.page_offset();
    return size <= first || resolve(advance(linear.value, first), kind, privilege, place, fault);
}

bool Mmu::host_pointer(LinearAddr linear, AccessKind kind, Privilege privilege, u8*& host, PageFault& fault) {
    Place place;
    if (!resolve(linear.value, kind, privilege, place, fault)) return false;
    host = place.host;
    return true;
}

bool Mmu::fetch_page(LinearAddr linear, Privilege privilege, FetchPage& out, PageFault& fault) {
    // Engines ask at every block that they do not know yet, mostly on pages that they are executing from.
    const TlbEntry& entry = tlb(privilege).entry(linear.value);
    if (entry.fetch_tag == linear.page().value) {
        const u64 host = linear.page().value + entry.addend;
        const u64 offset = host - reinterpret_cast<u64>(map_.ram());
        if (offset < map_.ram_size()) {
            out.host = reinterpret_cast<const u8*>(host);
            out.ram = true;
            out.ram_page = static_cast<u32>(offset >> 12);
            out.physical = map_.ram_address(out.ram_page);
            return true;
        }
    }
    Place place;
    if (!resolve(linear.value, AccessKind::Fetch, privilege, place, fault)) return false;
    out.host = place.page.host;
    out.physical = place.physical.page();
    out.ram = place.page.ram;
    out.ram_page = place.page.ram_page;
    return true;
}

bool Mmu::inspect(LinearAddr linear, GuestPhys& physical) const {
    const Walk found = walk(linear.value);
    if (found.mapped) physical = GuestPhys(found.translation.page + linear.page_offset());
    return found.mapped;
}

// --- TLB
// -----------------------------------------------------------------------------------------------------------

void Mmu::fill(u64 linear, Privilege privilege, const Translation& translation,
               const PhysicalMap::Page& page) {
    if (!page.host) return;
    const unsigned index = linear >> 12 & (Tlb::kEntries - 1);
    const u64 tag = linear & kPageMask;
    const auto may = [&](AccessKind kind) { return access_allowed(control_, translation, kind, privilege); };
    TlbEntry& entry = tlb(privilege).entries[index];
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

    FillLog& log = logs_[static_cast<unsigned>(privilege)];
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
            std::fill_n(large_regions_.begin() + region / 256 * 4, 4, ~u64{0});  // all of the page's regions
        else
            large_regions_[region / 64] |= u64{1} << region % 64;
    }
    if (stores && entry.read_tag == tag) mark |= FillLog::kStore;
    log.marks[index] = mark;
}

void Mmu::note_writer(u32 ram_page, unsigned index) {
    u32& writers = writers_[ram_page];
    if (writers == kManyWriters) return;
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
    for (unsigned table = 0; table < kPrivileges; table++) {
        auto& entries = tlbs_[table].entries;
        if (writers != kManyWriters) {
            if (writers & 0xffff) protect(entries[(writers & 0xffff) - 1]);
            if (writers >> 16) protect(entries[(writers >> 16) - 1]);
            continue;
        }
        const FillLog& log = logs_[table];
        for (unsigned i = 0; i < log.local_count; i++) protect(entries[log.local[i]]);
        for (unsigned i = 0; i < log.globals_count; i++) protect(entries[log.globals[i]]);
    }
}

void Mmu::flush_local(Privilege privilege) {
    FillLog& log = logs_[static_cast<unsigned>(privilege)];
    auto& entries = tlb(privilege).entries;
    for (unsigned i = 0; i < log.local_count; i++) {
        const unsigned index = log.local[i];
        log.marks[index] &= static_cast<u8>(~FillLog::kInLocal);
        if (!(log.marks[index] & FillLog::kGlobal)) entries[index] = TlbEntry{};
    }
    log.local_count = 0;
}

void Mmu::flush_table(Privilege privilege) {
    FillLog& log = logs_[static_cast<unsigned>(privilege)];
    auto& entries = tlb(privilege).entries;
    const auto reset = [&](unsigned index) {
        log.marks[index] = 0;
        entries[index] = TlbEntry{};
    };
    for (unsigned i = 0; i < log.local_count; i++) reset(log.local[i]);
    for (unsigned i = 0; i < log.globals_count; i++) reset(log.globals[i]);
    log.local_count = log.globals_count = 0;
}

void Mmu::drop_page(u64 linear) {
    const u64 tag = linear & kPageMask;
    for (Tlb& table : tlbs_) {
        TlbEntry& entry = table.entry(linear);
        if (entry.read_tag == tag || entry.write_tag == tag || entry.fetch_tag == tag) entry = TlbEntry{};
    }
}

void Mmu::drop_range(u64 linear, unsigned shift, u8 marks) {
    for (unsigned table = 0; table < kPrivileges; table++) {
        const FillLog& log = logs_[table];
        const auto drop = [&](unsigned index) {
            TlbEntry& entry = tlbs_[table].entries[index];
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
            for (const Privilege privilege : kAllPrivileges) flush_local(privilege);
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
        for (const Privilege privilege : kAllPrivileges) flush_table(privilege);
    } else if (paging && stricter) {
        flush_table(Privilege::Supervisor);
        flush_table(Privilege::SupervisorOverride);
    }
    if (shadow_ && paging && !same_space) shadow_->select(control_);
}

void Mmu::invlpg(LinearAddr linear) {
    drop_page(linear.value);
    const unsigned region = linear.value >> 22 & 1023;
    if (!(large_regions_[region / 64] >> region % 64 & 1)) return;
    // No page below the long modes is larger than 4 MiB; in these, more than the page may go.
    drop_range(linear.value, control_.mode >= PagingMode::FourLevel ? 30 : 22, FillLog::kLarge);
}

void Mmu::flush_tlb() {
    counters_.tlb_flushes++;
    for (const Privilege privilege : kAllPrivileges) flush_table(privilege);
    large_regions_ = {};
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

// --- Checks of ourselves
// -------------------------------------------------------------------------------------------

void Mmu::report_incoherence(const char* what, u64 linear, const Translation& known, const Walk& now) const {
    const auto text = [](const Translation& t) {
        return fmt::format("page {:#x} size 2^{} {}{}{}{}{}", t.page, t.page_shift, t.writable ? 'w' : '-',
                           t.user ? 'u' : '-', t.executable ? 'x' : '-', t.global ? 'g' : '-',
                           t.dirty ? 'd' : '-');
    };
    fmt::print(stderr, "gnomon: our bug: stale {} for linear {:#x}\n  it says:    {}\n  tables say: {}\n",
               what, linear, text(known), now.mapped ? text(now.translation) : "not mapped");
    for (unsigned i = 0; i < now.count; i++)
        fmt::print(stderr, "  entry at {:#x}: {:#x}\n", now.steps[i].address, now.steps[i].value);
    fmt::print(stderr, "  CR0={:#x} CR3={:#x} CR4={:#x} EFER={:#x}\n{}", paging_.cr0, paging_.cr3,
               paging_.cr4, paging_.efer, describe());
    std::abort();
}

void Mmu::verify_shadow(u64 linear, const Translation& known) const {
    const Walk now = walk(linear);
    bool good = now.mapped;
    for (unsigned i = 0; i < now.count; i++) good &= (now.steps[i].value & page_entry::kAccessed) != 0;
    // Another space may have made the page dirty; the reverse would let a write pass unseen.
    Translation expected = now.translation;
    if (!known.dirty) expected.dirty = false;
    if (!good || known != expected) report_incoherence("shadow entry", linear, known, now);
}

void Mmu::verify_tlb() const {
    for (const Privilege privilege : kAllPrivileges) {
        const FillLog& log = logs_[static_cast<unsigned>(privilege)];
        for (unsigned i = 0; i < log.local_count; i++) {
            const unsigned index = log.local[i];
            if (log.marks[index] & FillLog::kGlobal) continue;
            const TlbEntry& entry = tlbs_[static_cast<unsigned>(privilege)].entries[index];
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

std::string Mmu::describe() const {
    const Counters c = counters();
    const auto sum = [](const std::array<u64, 3>& kinds) { return kinds[0] + kinds[1] + kinds[2]; };
    std::string out = fmt::format(
        "TLB misses {}, flushes {}; page walks {}, page faults {}\nshadow hits {}, misses {}, invalidations "
        "{}\n",
        sum(c.tlb_misses), c.tlb_flushes, c.page_walks, c.page_faults, sum(c.shadow_hits), sum(c.shadow_misses),
        c.shadow_invalidations);
    return out + (shadow_ ? shadow_->describe() : "shadow page tables are off\n");
}

}  // namespace gnomon
