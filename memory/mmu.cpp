// The paging state, translation, and the slow paths of the processor's memory accesses. SDM Vol. 3, "Paging".
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

}  // namespace gnomon
