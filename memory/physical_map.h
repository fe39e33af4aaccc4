// The physical address space: RAM, ROM, MMIO and the movable windows of the chipset, page by page.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "memory/io_space.h"
#include "support/log.h"
#include "support/result.h"
#include "support/state.h"

namespace gnomon {

/// Why stores to a RAM page must take the slow path. Any flag keeps the page out of the TLB's write path.
enum class PageFlag : u8 {
    Code = 1,         ///< decoded blocks come from it
    PageTable = 2,    ///< it feeds shadow page tables
    Clean = 4,        ///< its dirty bit is clear and somebody wants to know when it is written
};

/// Told before a store changes a page that has the flag. `page` is the index of the RAM page; the bytes are
/// [offset, offset + size) within it.
class PageWriteObserver {
  public:
    virtual void page_written(u32 page, u32 offset, u32 size) = 0;

  protected:
    ~PageWriteObserver() = default;
};

/// Told when host pointers or write permissions that were handed out are no longer valid.
class TranslationObserver {
  public:
    /// All translations: windows, A20 or regions changed.
    virtual void physical_map_changed() = 0;
    /// Stores to this RAM page must be seen from now on: drop its write translations.
    virtual void page_write_protected(u32 page) = 0;

  protected:
    ~TranslationObserver() = default;
};

/// RAII registration of an MMIO range or ROM.
class PhysicalRegion;

class PhysicalMap final : public DmaPort {
  public:
    /// `ram_bytes`: a multiple of 1 MiB from 1 MiB up; RAM above the PCI hole continues at 4 GiB. The RAM is one lazily
    /// populated host mapping.
    static Result<std::unique_ptr<PhysicalMap>> create(u64 ram_bytes, Log& log);
    ~PhysicalMap();

    /// What a page is at the moment. `host` is null for MMIO and for nothing.
    struct Page {
        u8* host = nullptr;           ///< reads and fetches; for RAM also writes, unless flags or `writable` forbid
        bool writable = false;        ///< direct stores are allowed (RAM without flags)
        MmioIo* mmio = nullptr;
        u64 mmio_offset = 0;          ///< of the page's first byte in the MMIO range
        bool ram = false;
        u32 ram_page = 0;             ///< index of the RAM page, if ram
    };
    [[nodiscard]] Page page(GuestPhys address) const;    ///< applies A20 and the windows

    /// Device-sized access (1, 2, 4, 8 bytes, within one page), with all notifications.
    u64 read(GuestPhys address, unsigned size);
    void write(GuestPhys address, unsigned size, u64 value);
    void dma_read(GuestPhys address, std::span<u8> out) override;
    void dma_write(GuestPhys address, std::span<const u8> data) override;
    /// For debuggers: reads and writes RAM and ROM without side effects on devices; false where there is neither.
    bool peek(GuestPhys address, std::span<u8> out) const;
    bool poke(GuestPhys address, std::span<const u8> data);

    [[nodiscard]] u8* ram() const;
    [[nodiscard]] u64 ram_size() const;
    /// RAM below 4 GiB (at most 3 GiB) and above.
    [[nodiscard]] u64 low_ram() const;
    [[nodiscard]] u64 high_ram() const;

    /// ROM or MMIO over [base, base + size), page-aligned; overlapping MMIO/ROM is an error naming both. MMIO lies over RAM.
    Result<PhysicalRegion> add_rom(std::string name, GuestPhys base, std::span<const u8> bytes);
    Result<PhysicalRegion> add_mmio(std::string name, GuestPhys base, u64 size, MmioIo& device);

    /// The chipset's window (PAM) over 16 KiB-aligned memory in C0000–FFFFF: reads come from RAM or from what lies on the bus
    /// (ROM, MMIO), writes go to RAM or are dropped/given to the bus.
    void set_window(GuestPhys base, u64 size, bool read_ram, bool write_ram);
    /// SMRAM at A0000–BFFFF shown as RAM.
    void set_smram(bool open);
    void set_a20(bool enabled);
    [[nodiscard]] bool a20() const;

    // Page flags and the dirty bitmap.
    void set_flag(u32 ram_page, PageFlag flag);
    void clear_flag(u32 ram_page, PageFlag flag);
    [[nodiscard]] u8 flags(u32 ram_page) const;
    void observe_writes(PageFlag flag, PageWriteObserver* observer);
    void add_translation_observer(TranslationObserver& observer);
    void remove_translation_observer(TranslationObserver& observer);
    /// Stores by the processor's slow path: applies notifications for [host, host+size) if it is flagged RAM.
    void note_store(u32 ram_page, u32 offset, u32 size);

    [[nodiscard]] std::string describe() const;    ///< "00000000-0009ffff RAM" …

  private:
    friend class PhysicalRegion;
    PhysicalMap() = default;
};

}  // namespace gnomon
