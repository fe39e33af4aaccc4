// The memory management unit of one processor: TLB, shadow page tables, page walkers. SDM Vol. 3, "Paging".
#pragma once

#include <memory>

#include "memory/physical_map.h"
#include "memory/tlb.h"

namespace gnomon {

/// What the walkers look at. All other registers are the processor's business.
struct PagingState {
    u64 cr0 = 0;
    u64 cr3 = 0;
    u64 cr4 = 0;
    u64 efer = 0;
    std::array<u64, 4> pdpte{};     ///< PAE: loaded by the processor with CR3 (SDM, "PDPTE Registers")
    u8 physical_bits = 36;          ///< MAXPHYADDR: higher address bits in entries are reserved
    bool nx_supported = false;      ///< otherwise EFER.NXE cannot be set and bit 63 is reserved
    bool pse36 = false;
    bool access_override = false;   ///< EFLAGS.AC with SMAP (later)
};

struct PageFault {
    LinearAddr address;
    u32 error_code = 0;    ///< SDM Vol. 3, "Page-Fault Exceptions": P, W/R, U/S, RSVD, I/D
};

/// Slow paths return false with `fault` filled, or true. They fill the TLB.
class Mmu final : public TranslationObserver {
  public:
    enum class Shadow : u8 { Off, On, Verify };    ///< Verify: re-walks on every shadow hit and compares

    Mmu(PhysicalMap& map, Shadow shadow);
    ~Mmu();

    // --- Probed by the engine, inline -------------------------------------------------------------
    /// Tables by Privilege.
    [[nodiscard]] Tlb& tlb(Privilege privilege) { return tlbs_[static_cast<unsigned>(privilege)]; }

    // --- Slow paths ------------------------------------------------------------------------------
    /// Reads `size` bytes (1 to 64) at `linear`; may cross a page; little-endian bytes as in memory.
    bool read(LinearAddr linear, unsigned size, Privilege privilege, void* out, PageFault& fault);
    /// Writes; nothing is written if any byte faults.
    bool write(LinearAddr linear, unsigned size, Privilege privilege, const void* data, PageFault& fault);
    /// Checks (and sets A/D as a store would) without writing.
    bool probe(LinearAddr linear, unsigned size, AccessKind kind, Privilege privilege, PageFault& fault);
    /// Direct host pointer for an access within one page, or null where accesses need read()/write() (MMIO, flagged pages);
    /// false on a fault.
    bool host_pointer(LinearAddr linear, AccessKind kind, Privilege privilege, u8*& host, PageFault& fault);
    /// The page that instructions are fetched from.
    struct FetchPage {
        const u8* host = nullptr;    ///< of the page's first byte; null: fetch through fetch_bytes (MMIO)
        GuestPhys physical;          ///< of the page
        bool ram = false;
        u32 ram_page = 0;
    };
    bool fetch_page(LinearAddr linear, Privilege privilege, FetchPage& out, PageFault& fault);
    /// As read(), with fetch rights.
    bool fetch_bytes(LinearAddr linear, unsigned size, Privilege privilege, void* out, PageFault& fault);
    /// For debuggers and `page`: no A/D update, no TLB fill, no fault; false if not mapped.
    bool inspect(LinearAddr linear, GuestPhys& physical) const;

    // --- Control --------------------------------------------------------------------------------
    [[nodiscard]] const PagingState& paging() const { return paging_; }
    /// After MOV to CR0, CR3, CR4, EFER writes, task switches: compares with the old state and invalidates what the manual says
    /// (SDM Vol. 3, "Operations that Invalidate TLBs and Paging-Structure Caches"). `cr3_written` is true for any load of CR3,
    /// also of the same value.
    void set_paging(const PagingState& paging, bool cr3_written);
    void invlpg(LinearAddr linear);
    void flush_all();          ///< everything incl. global pages
    void physical_map_changed() override;
    void page_write_protected(u32 page) override;

    struct Counters {
        u64 tlb_misses = 0;
        u64 tlb_flushes = 0;
        u64 shadow_hits = 0;
        u64 shadow_misses = 0;
        u64 shadow_invalidations = 0;
        u64 page_walks = 0;
        u64 page_faults = 0;
    };
    [[nodiscard]] const Counters& counters() const { return counters_; }

  private:
    std::array<Tlb, 2> tlbs_;
    PagingState paging_;
    Counters counters_;
};

}  // namespace gnomon
