// The memory management unit of one processor: TLB, shadow page tables, page walkers. SDM Vol. 3, "Paging".
#pragma once

#include <array>
#include <cstring>
#include <memory>
#include <string>

#include "memory/access_watch.h"
#include "memory/page_walk.h"
#include "memory/physical_map.h"
#include "memory/shadow/shadow_tables.h"
#include "memory/tlb.h"

namespace gnomon {

/// What the walkers look at. All other registers are the processor's business.
struct PagingState {
    u64 cr0 = 0;
    u64 cr3 = 0;
    u64 cr4 = 0;
    u64 efer = 0;
    std::array<u64, 4> pdpte{};  ///< PAE: loaded by the processor with CR3 (SDM, "PDPTE Registers")
    u8 physical_bits = 36;       ///< MAXPHYADDR: higher address bits in entries are reserved
    bool nx_supported = false;   ///< otherwise EFER.NXE cannot be set and bit 63 is reserved
    bool pse36 = false;
    bool pat_supported = true;     ///< otherwise the PAT bits of entries are reserved where any bits are
    bool gigabyte_pages = true;    ///< otherwise bit 7 of a PDPTE is reserved
    u32 pkru = 0;                  ///< protection-key rights for user pages (CR4.PKE)
    u32 pkrs = 0;                  ///< … and for supervisor pages (CR4.PKS)

    bool operator==(const PagingState&) const = default;
};

/// Reads the four PDPTEs that `state.cr3` points to, as a load of CR3 with PAE does (SDM Vol. 3, "PDPTE
/// Registers"); false if a present one has a reserved bit set: #GP(0), and `out` must not be used.
[[nodiscard]] bool load_pdptes(PhysicalMap& map, const PagingState& state, std::array<u64, 4>& out);

struct PageFault {
    LinearAddr address;
    u32 error_code = 0;  ///< SDM Vol. 3, "Page-Fault Exceptions": P, W/R, U/S, RSVD, I/D, PK
};

/// Slow paths return false with `fault` filled, or true. They fill the TLB.
class Mmu final : public TranslationObserver, private ShadowTables::Listener {
  public:
    enum class Shadow : u8 { Off, On, Verify };  ///< Verify: re-walks on every shadow hit and compares

    Mmu(PhysicalMap& map, Shadow shadow, unsigned tracked_frames = ShadowTables::kDefaultFrames);
    ~Mmu();
    Mmu(const Mmu&) = delete;
    Mmu& operator=(const Mmu&) = delete;

    // --- Probed by the engine, inline -------------------------------------------------------------
    /// Tables by Privilege.
    [[nodiscard]] Tlb& tlb(Privilege privilege) { return table(privilege).tlb; }

    // --- Stores beside what somebody watches, inline -------------------------------------------------
    /// A store of `size` bytes is known to be allowed, though the page's flags keep it out of the write tags.
    [[nodiscard]] bool may_store_flagged(u64 linear, unsigned size, Privilege privilege) {
        return flagged_store(linear, size, privilege) != nullptr;
    }
    /// Where such a store, of which nobody needs to be told, may be made at once; else null.
    [[nodiscard]] u8* unnoticed_store(u64 linear, unsigned size, Privilege privilege) {
        u8* const host = flagged_store(linear, size, privilege);
        if (!host) return nullptr;
        const u32 page = static_cast<u32>((host - map_.ram()) >> 12);
        return map_.beside_code(page, static_cast<u32>(linear & ~kPageMask), size) ? host : nullptr;
    }
    /// Makes such a store with its notifications; false: write() must. A page that lost its flags goes there
    /// too, to get its write tag back.
    bool store_flagged(u64 linear, unsigned size, Privilege privilege, const void* data) {
        u8* const host = flagged_store(linear, size, privilege);
        if (!host) return false;
        const u32 page = static_cast<u32>((host - map_.ram()) >> 12);
        if (map_.flags(page) == 0) return false;
        map_.note_store(page, static_cast<u32>(linear & ~kPageMask), size, static_cast<const u8*>(data));
        switch (size) {
        case 1: *host = *static_cast<const u8*>(data); break;
        case 2: std::memcpy(host, data, 2); break;
        case 4: std::memcpy(host, data, 4); break;
        case 8: std::memcpy(host, data, 8); break;
        default: std::memcpy(host, data, size);
        }
        return true;
    }

    // --- Slow paths ------------------------------------------------------------------------------
    /// Reads `size` bytes (1 to 64) at `linear`; may cross a page; little-endian bytes as in memory.
    bool read(LinearAddr linear, unsigned size, Privilege privilege, void* out, PageFault& fault);
    /// Writes; nothing is written if any byte faults.
    bool write(LinearAddr linear, unsigned size, Privilege privilege, const void* data, PageFault& fault);
    /// Checks (and sets A/D as a store would) without writing.
    bool probe(LinearAddr linear, unsigned size, AccessKind kind, Privilege privilege, PageFault& fault);
    /// Direct host pointer for an access within one page, or null where accesses need read()/write() (MMIO,
    /// flagged pages); false on a fault. Valid until the next call of the Mmu or the map: of several
    /// pointers, take those for writing last (the walk for another one may flag the page).
    bool host_pointer(LinearAddr linear, AccessKind kind, Privilege privilege, u8*& host, PageFault& fault);
    /// The page that instructions are fetched from.
    struct FetchPage {
        const u8* host = nullptr;  ///< of the page's first byte; null: fetch through fetch_bytes (MMIO)
        GuestPhys physical;        ///< of the page
        bool ram = false;
        u32 ram_page = 0;
    };
    bool fetch_page(LinearAddr linear, Privilege privilege, FetchPage& out, PageFault& fault);
    /// As read(), with fetch rights.
    bool fetch_bytes(LinearAddr linear, unsigned size, Privilege privilege, void* out, PageFault& fault);
    /// For debuggers and `page`: no A/D update, no TLB fill, no fault; false if not mapped.
    bool inspect(LinearAddr linear, GuestPhys& physical) const;
    /// The walk itself, and the control bits that it and the rights depend on.
    [[nodiscard]] Walk inspect_walk(LinearAddr linear) const { return walk(linear.value); }
    [[nodiscard]] const WalkControl& control() const { return control_; }

    // --- Control --------------------------------------------------------------------------------
    [[nodiscard]] const PagingState& paging() const { return paging_; }
    [[nodiscard]] PhysicalMap& physical_map() { return map_; }
    /// After MOV to CR0, CR3, CR4, EFER writes, task switches: compares with the old state and invalidates
    /// what the manual says (SDM Vol. 3, "Operations that Invalidate TLBs and Paging-Structure Caches").
    /// `cr3_written` is true for any load of CR3, also of the same value.
    void set_paging(const PagingState& paging, bool cr3_written);
    /// A page of this processor alone that answers before the bus does: its local APIC's registers. Null: none.
    void set_private_page(GuestPhys page, MmioIo* device);
    void invlpg(LinearAddr linear);
    void flush_all();  ///< everything incl. global pages
    /// The TLB incl. global pages; the shadow tables, which are coherent, stay (INVPCID).
    void flush_tlb();
    /// Data accesses to pages that it covers take the slow paths from now on; null: none do. To be called
    /// again when its answers change.
    void watch_accesses(const AccessWatch* watch);
    void physical_map_changed() override;
    void page_write_protected(u32 page) override;

    struct Counters {
        std::array<u64, 3> tlb_misses{};      ///< by AccessKind
        u64 tlb_flushes = 0;
        std::array<u64, 3> shadow_hits{};     ///< by AccessKind
        std::array<u64, 3> shadow_misses{};
        u64 shadow_invalidations = 0;
        u64 page_walks = 0;
        u64 page_faults = 0;
    };
    [[nodiscard]] Counters counters() const {
        Counters counters = counters_;
        if (shadow_) counters.shadow_invalidations = shadow_->invalidations();
        return counters;
    }
    /// Null if they are off.
    [[nodiscard]] const ShadowTables* shadow() const { return shadow_.get(); }
    /// Text for `info shadow`: counters, and what the shadow tables hold.
    [[nodiscard]] std::string describe() const;

  private:
    /// What the TLB remembers about each of its entries besides the entry, and which entries are in use, so
    /// that a flush visits only these. An entry index is in a log at most once, so that the logs cannot
    /// overflow.
    struct FillLog {
        static constexpr u8 kGlobal = 1;     ///< the entry holds a global page
        static constexpr u8 kLarge = 2;      ///< … a fragment of a large page
        static constexpr u8 kInLocal = 4;    ///< the index is in `local`
        static constexpr u8 kInGlobals = 8;  ///< the index is in `globals`
        static constexpr u8 kStore = 16;     ///< the read tag's page may be stored to, after note_store()
        std::array<u8, Tlb::kEntries> marks{};
        std::array<u16, Tlb::kEntries> local;
        std::array<u16, Tlb::kEntries> globals;
        unsigned local_count = 0;
        unsigned globals_count = 0;
    };
    struct Table {
        Tlb tlb;
        FillLog log;
    };
    /// Where one piece (within a page) of an access goes.
    struct Place {
        GuestPhys physical;
        u8* host = nullptr;  ///< of the byte, where the access can be done directly; else through the map
        PhysicalMap::Page page;
    };

    /// Made when it is first needed: a processor that never leaves the firmware's privilege needs one.
    [[nodiscard]] Table& table(Privilege privilege) {
        std::unique_ptr<Table>& table = tables_[static_cast<unsigned>(privilege)];
        if (!table) [[unlikely]] table = std::make_unique_for_overwrite<Table>();
        return *table;
    }

    [[nodiscard]] Walk walk(u64 linear) const;
    void linear_page_changed(u64 linear) override { drop_page(linear); }
    void linear_range_changed(u64 linear, unsigned shift) override { drop_range(linear, shift, 0); }
    void verify_shadow(u64 linear, const Translation& known) const;
    void verify_tlb() const;
    [[noreturn]] void report_incoherence(const char* what, u64 linear, const Translation& known,
                                         const Walk& now) const;
    bool translate(u64 linear, AccessKind kind, Privilege privilege, Translation& out, PageFault& fault);
    bool fail_with(u64 linear, u32 cause, AccessKind kind, Privilege privilege, PageFault& fault);
    /// Where a store within one page of RAM goes that the TLB knows to be allowed though the page is flagged;
    /// else null.
    [[nodiscard]] u8* flagged_store(u64 linear, unsigned size, Privilege privilege) {
        const u64 index = linear >> 12 & (Tlb::kEntries - 1);
        const Table& known = table(privilege);
        const TlbEntry& entry = known.tlb.entries[index];
        if (((linear + size - 1) & kPageMask) != entry.read_tag) return nullptr;
        if (!(known.log.marks[index] & FillLog::kStore)) return nullptr;
        return reinterpret_cast<u8*>(linear + entry.addend);
    }
    bool resolve(u64 linear, AccessKind kind, Privilege privilege, Place& out, PageFault& fault);
    void fill(u64 linear, Privilege privilege, const Translation& translation, const PhysicalMap::Page& page);
    bool read_as(AccessKind kind, u64 linear, unsigned size, Privilege privilege, void* out,
                 PageFault& fault);
    /// The linear address after `linear` by `bytes`; wraps at 4 GiB outside 64-bit mode.
    [[nodiscard]] u64 advance(u64 linear, u64 bytes) const {
        return control_.mode >= PagingMode::FourLevel ? linear + bytes : (linear + bytes) & 0xffffffff;
    }

    /// Accesses that no host pointer serves.
    void bus_read(GuestPhys address, std::span<u8> out);
    void bus_write(GuestPhys address, std::span<const u8> data);
    [[nodiscard]] bool is_private(GuestPhys address) const {
        return private_device_ && address.page() == private_page_;
    }
    static void flush_local(Table& table);
    static void flush_whole(Table& table);
    void flush_tables();
    void drop_page(u64 linear);
    /// Drops the entries for the 2^shift bytes around `linear` that have all of these marks.
    void drop_range(u64 linear, unsigned shift, u8 marks);
    void note_writer(u32 ram_page, unsigned index);
    [[nodiscard]] std::array<u64, 16>& large_regions(u64 linear) { return linear >> 63 ? upper_large_regions_ : large_regions_; }

    PhysicalMap& map_;
    const AccessWatch* watch_ = nullptr;
    std::unique_ptr<ShadowTables> shadow_;  ///< null: Shadow::Off
    bool verify_ = false;
    /// The TLB may hold translations that the shadow tables do not keep coherent; only a flush removes them.
    bool untracked_ = false;
    std::array<std::unique_ptr<Table>, kPrivileges> tables_;  ///< null: nothing was looked up yet
    /// For each RAM page up to two TLB indices (plus one) whose entries may have its write tag; kManyWriters:
    /// any may.
    std::unique_ptr<u32[], FreeMemory> writers_;
    /// Bit n: the TLB may hold fragments of large pages at linear addresses of the lower half with bits 22–31 equal to n.
    std::array<u64, 16> large_regions_{};
    MmioIo* private_device_ = nullptr;
    GuestPhys private_page_;
    PagingState paging_;
    WalkControl control_;
    Counters counters_;
    /// As large_regions_: of the upper half, which in the long modes is the kernel's, whose large pages must not slow INVLPG of
    /// the user's small ones down.
    std::array<u64, 16> upper_large_regions_{};
};

}  // namespace gnomon
