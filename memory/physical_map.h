// The physical address space: RAM, ROM, MMIO and the movable windows of the chipset, page by page.
#pragma once

#include <array>
#include <cstdlib>
#include <memory>
#include <span>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "memory/io_space.h"
#include "support/free_memory.h"
#include "support/log.h"
#include "support/result.h"
#include "support/state.h"

namespace gnomon {

/// Why stores to a RAM page must take the slow path. Any flag keeps the page out of the TLB's write path.
enum class PageFlag : u8 {
    Code = 1,       ///< decoded blocks come from it
    PageTable = 2,  ///< it feeds shadow page tables
    Clean = 4,      ///< its dirty bit is clear and somebody wants to know when it is written
    Monitored = 8,  ///< a processor's MONITOR has armed a line of it
};

/// Told before a store changes a page that has the flag. `page` is the index of the RAM page; the bytes are
/// [offset, offset + size) within it, and will be those at `data` (null: whoever stores does not say).
class PageWriteObserver {
  public:
    virtual void page_written(u32 page, u32 offset, u32 size, const u8* data) = 0;
    /// Where several observers share a flag: this one still needs it on the page.
    [[nodiscard]] virtual bool watches(u32 /*page*/) const { return false; }

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

class PhysicalMap;

/// RAII registration of an MMIO range or ROM: the range disappears with it. Must not outlive the map.
class [[nodiscard]] PhysicalRegion {
  public:
    PhysicalRegion() = default;
    PhysicalRegion(PhysicalRegion&& other) noexcept { swap(other); }
    PhysicalRegion& operator=(PhysicalRegion&& other) noexcept {
        PhysicalRegion(std::move(other)).swap(*this);
        return *this;
    }
    ~PhysicalRegion() { reset(); }

    void reset();
    explicit operator bool() const { return map_ != nullptr; }

    /// [offset, offset + size) of an MMIO range is now memory, from RAM page `first_page` on (a device's own):
    /// accesses there no longer reach the device. One such part at a time; it replaces the one before.
    /// `stores_reach_device`: only reads and fetches are the memory's (a flash chip's array).
    void show_memory(u64 offset, u64 size, u32 first_page, bool stores_reach_device = false);
    /// The whole range reaches the device again.
    void hide_memory();

  private:
    friend class PhysicalMap;
    PhysicalRegion(PhysicalMap& map, u32 index) : map_(&map), index_(index) {}
    void swap(PhysicalRegion& other) noexcept {
        std::swap(map_, other.map_);
        std::swap(index_, other.index_);
    }

    PhysicalMap* map_ = nullptr;
    u32 index_ = 0;
};

/// After construction A20 is enabled, A0000–FFFFF shows the bus (SMRAM closed, windows closed) and all other
/// RAM is visible.
class PhysicalMap final : public DmaPort {
  public:
    /// Addresses have as many bits as the architecture has at most; which of them a processor can name is its own
    /// business (MAXPHYADDR).
    static constexpr unsigned kPhysicalBits = 52;
    /// What page numbers can count: 4 TiB of RAM and device memory.
    static constexpr u64 kMaxBytes = u64{1} << 42;

    /// `ram_bytes`: a multiple of 1 MiB from 1 MiB up; RAM above the PCI hole continues at 4 GiB. The RAM is
    /// one lazily populated host mapping. `device_bytes`, whole pages, follow in the same mapping: memory that
    /// devices bring (a display's), which has RAM page numbers and flags as RAM has, but shows only where a
    /// device maps it. So do `flash_bytes`: the arrays of flash chips.
    static Result<std::unique_ptr<PhysicalMap>> create(u64 ram_bytes, Log& log, u64 device_bytes = 0, u64 flash_bytes = 0);
    ~PhysicalMap();
    PhysicalMap(const PhysicalMap&) = delete;
    PhysicalMap& operator=(const PhysicalMap&) = delete;

    /// What a page is at the moment. `host` is null for MMIO and for nothing.
    struct Page {
        u8* host = nullptr;     ///< reads and fetches; for RAM also writes, unless flags or `writable` forbid
        bool writable = false;  ///< direct stores are allowed (RAM without flags)
        bool stores_to_ram = false;  ///< stores change this RAM page; with flags, after note_store()
        MmioIo* mmio = nullptr;
        u64 mmio_offset = 0;  ///< of the page's first byte in the MMIO range
        bool ram = false;
        u32 ram_page = 0;  ///< index of the RAM page, if ram
    };
    [[nodiscard]] Page page(GuestPhys address) const;  ///< applies A20 and the windows

    /// Device-sized access (1, 2, 4, 8 bytes, within one page), with all notifications.
    u64 read(GuestPhys address, unsigned size);
    void write(GuestPhys address, unsigned size, u64 value);
    void dma_read(GuestPhys address, std::span<u8> out) override;
    void dma_write(GuestPhys address, std::span<const u8> data) override;
    /// For debuggers: reads and writes RAM and ROM without side effects on devices; false where there is
    /// neither.
    bool peek(GuestPhys address, std::span<u8> out) const;
    bool poke(GuestPhys address, std::span<const u8> data);

    /// Sets bits of a paging-structure entry (accessed, dirty) of `size` bytes: notifies as a store does,
    /// except that the observer of PageFlag::PageTable is not told, for these bits only ever make a
    /// translation more permissive.
    void set_entry_bits(GuestPhys address, unsigned size, u64 bits);

    [[nodiscard]] u8* ram() const { return ram_; }
    [[nodiscard]] u64 ram_size() const { return ram_size_; }
    /// Pages with a number: RAM, then device memory, then flash.
    [[nodiscard]] u64 ram_pages() const { return (ram_size_ + device_size_ + flash_size_) >> 12; }
    [[nodiscard]] std::span<u8> device_memory() const { return {ram_ + ram_size_, device_size_}; }
    [[nodiscard]] u32 first_device_page() const { return static_cast<u32>(ram_size_ >> 12); }
    [[nodiscard]] std::span<u8> flash_memory() const { return {ram_ + ram_size_ + device_size_, flash_size_}; }
    [[nodiscard]] u32 first_flash_page() const { return static_cast<u32>((ram_size_ + device_size_) >> 12); }
    /// RAM below 4 GiB (at most 3 GiB) and above.
    [[nodiscard]] u64 low_ram() const { return ram_size_ < kPciHole ? ram_size_ : kPciHole; }
    [[nodiscard]] u64 high_ram() const { return ram_size_ - low_ram(); }
    /// Where a page of RAM (not of device memory) lies in the physical address space.
    [[nodiscard]] GuestPhys ram_address(u32 ram_page) const {
        const u64 offset = u64{ram_page} << 12;
        return GuestPhys(offset < low_ram() ? offset : offset - low_ram() + kHighRam);
    }
    /// RAM was changed through ram() (a snapshot was loaded): every flagged page counts as written.
    void ram_replaced();

    /// ROM or MMIO over [base, base + size), page-aligned; overlapping MMIO/ROM is an error naming both. MMIO
    /// lies over RAM.
    Result<PhysicalRegion> add_rom(std::string name, GuestPhys base, std::span<const u8> bytes);
    Result<PhysicalRegion> add_mmio(std::string name, GuestPhys base, u64 size, MmioIo& device);
    /// Device memory from RAM page `first_page` on, as such a range.
    Result<PhysicalRegion> add_memory(std::string name, GuestPhys base, u64 size, u32 first_page);

    /// The chipset's window (PAM) over 16 KiB-aligned memory in C0000–FFFFF: reads come from RAM or from what
    /// lies on the bus (ROM, MMIO), writes go to RAM or are dropped/given to the bus.
    void set_window(GuestPhys base, u64 size, bool read_ram, bool write_ram);
    /// SMRAM at A0000–BFFFF shown as RAM.
    void set_smram(bool open);
    void set_a20(bool enabled);
    [[nodiscard]] bool a20() const { return a20_mask_ == ~u64{0}; }

    // Page flags. A store to a page with PageFlag::Clean clears that flag: the flag is the inverted dirty
    // bit.
    void set_flag(u32 ram_page, PageFlag flag);
    /// The caller no longer needs the flag; it goes unless another observer watches the page.
    void clear_flag(u32 ram_page, PageFlag flag);
    /// Sets PageFlag::Code for stores to these granules of 64 bytes (bit n: from byte 64 n) and those asked for
    /// before, until the flag goes; stores of note_store() to others are told to nobody.
    void watch_code(u32 ram_page, u64 granules) {
        code_granules_[ram_page] |= granules;
        set_flag(ram_page, PageFlag::Code);
    }
    [[nodiscard]] u8 flags(u32 ram_page) const { return flags_[ram_page]; }
    /// Each processor has its own decoded code and shadow tables: all observers of a flag are told.
    void observe_writes(PageFlag flag, PageWriteObserver& observer);
    void stop_observing(PageFlag flag, PageWriteObserver& observer);
    void add_translation_observer(TranslationObserver& observer);
    void remove_translation_observer(TranslationObserver& observer);
    /// Stores by the processor's slow path: notifies for [offset, offset + size) of the RAM page if it is
    /// flagged. To be called before the store of `data` (null: unknown).
    void note_store(u32 ram_page, u32 offset, u32 size, const u8* data = nullptr) {
        const u8 flags = flags_[ram_page];
        if (flags == 0 || beside_code(ram_page, offset, size)) return;
        notify_store(ram_page, offset, size, flags, data);
    }
    /// The page is flagged for its code alone, and none of it is in these bytes: nobody need be told of a store.
    [[nodiscard]] bool beside_code(u32 ram_page, u32 offset, u32 size) const {
        return flags_[ram_page] == static_cast<u8>(PageFlag::Code) && !(code_granules_[ram_page] & granules(offset, size));
    }
    /// The granules of 64 bytes that `size` bytes from `offset` of a page touch.
    [[nodiscard]] static u64 granules(u32 offset, u32 size) {
        const u32 first = offset / 64;
        const u32 last = (offset + size - 1) / 64;
        return (~u64{0} >> (63 - (last - first))) << first;
    }

    [[nodiscard]] std::string describe() const;  ///< "00000000-0009ffff RAM" …

  private:
    friend class PhysicalRegion;

    static constexpr u64 kPciHole = u64{3} << 30;
    static constexpr u64 kHighRam = u64{1} << 32;
    static constexpr unsigned kChunkShift = 21;
    static constexpr unsigned kChunkPages = 1 << (kChunkShift - 12);

    /// What answers in a page: nothing, a RAM page or a region; two bits of kind and an index.
    class Target {
      public:
        enum Kind : u32 { Nothing, Ram, Region };
        constexpr Target() = default;
        constexpr Target(Kind kind, u32 index) : bits_(kind << 30 | index) {}
        [[nodiscard]] constexpr Kind kind() const { return static_cast<Kind>(bits_ >> 30); }
        [[nodiscard]] constexpr u32 index() const { return bits_ & 0x3fffffff; }
        constexpr bool operator==(const Target&) const = default;

      private:
        u32 bits_ = 0;
    };
    struct Descriptor {
        Target read;
        Target write;
    };
    /// 2 MiB of the address space. Without `pages` it is all RAM from `first_ram` on, or all nothing.
    struct Chunk {
        static constexpr u32 kNoRam = ~u32{0};
        std::unique_ptr<std::array<Descriptor, kChunkPages>> pages;
        u32 first_ram = kNoRam;
    };
    struct RegionInfo {
        std::string name;
        u64 base = 0;
        u64 size = 0;         ///< 0: the slot is free
        std::vector<u8> rom;  ///< empty for MMIO and memory
        MmioIo* mmio = nullptr;
        u64 shown_offset = 0;
        u64 shown_size = 0;  ///< of the part that is memory
        u32 shown_page = 0;
        bool shown_for_reads = false;  ///< stores there reach the device
    };

    /// One entry for each page of RAM.
    struct RamTables {
        std::unique_ptr<u8[], FreeMemory> flags;             ///< PageFlag bits
        std::unique_ptr<u64[], FreeMemory> code_granules;    ///< of 64 bytes, see watch_code()
    };
    PhysicalMap(u64 ram_bytes, u64 device_bytes, u64 flash_bytes, u8* ram, RamTables tables, Log& log);

    [[nodiscard]] Descriptor descriptor(u64 address) const {
        const u64 chunk = address >> kChunkShift;
        if (chunk >= chunks_.size()) [[unlikely]]
            return far_descriptor(address);
        return descriptor_in(chunks_[chunk], address);
    }
    [[nodiscard]] static Descriptor descriptor_in(const Chunk& found, u64 address) {
        const u32 page = static_cast<u32>(address >> 12) & (kChunkPages - 1);
        if (found.pages) return (*found.pages)[page];
        if (found.first_ram == Chunk::kNoRam) return {};
        const Target target(Target::Ram, found.first_ram + page);
        return {target, target};
    }
    [[nodiscard]] Descriptor far_descriptor(u64 address) const;
    [[nodiscard]] Descriptor compute(u64 address) const;
    [[nodiscard]] u32 plain_ram(u64 start, u64 size) const;
    void rebuild_chunk(Chunk& chunk, u64 start);
    [[nodiscard]] const RegionInfo* region_at(u64 address, u32& index) const;
    void rebuild(u64 base, u64 size);
    void notify_changed();
    void region_page(u32 index, u64 address, Page& page) const;
    void notify_store(u32 ram_page, u32 offset, u32 size, u8 flags, const u8* data);
    Result<PhysicalRegion> add_region(RegionInfo region);
    void remove_region(u32 index);
    void show_memory(u32 index, u64 offset, u64 size, u32 first_page, bool stores_reach_device);
    void describe_range(std::string& out, u64 begin, u64 end) const;
    [[nodiscard]] u8* ram_page_host(u32 page) const { return ram_ + (u64{page} << 12); }
    void read_piece(u64 address, u8* out, unsigned size);
    void write_piece(u64 address, const u8* data, unsigned size);

    Log& log_;
    u8* ram_ = nullptr;
    u64 ram_size_ = 0;
    u64 device_size_ = 0;
    u64 a20_mask_ = ~u64{0};
    std::vector<Chunk> chunks_;               ///< from address 0 to the end of the RAM, at least 4 GiB
    std::unique_ptr<u8[], FreeMemory> flags_;  ///< PageFlag bits of each RAM page
    std::unique_ptr<u64[], FreeMemory> code_granules_;
    std::vector<RegionInfo> regions_;
    u16 window_reads_ = 0;   ///< bit n: 16 KiB at C0000 + n * 4000 read from RAM
    u16 window_writes_ = 0;  ///< the same for writes
    bool smram_open_ = false;
    std::array<std::vector<PageWriteObserver*>, 4> write_observers_;
    std::vector<TranslationObserver*> translation_observers_;
    u64 flash_size_ = 0;
    std::unordered_map<u64, Chunk> far_chunks_;  ///< beyond chunks_, by number: what devices map there
};

inline PhysicalMap::Page PhysicalMap::page(GuestPhys address) const {
    const u64 masked = address.value & a20_mask_ & kPageMask;
    const Descriptor found = descriptor(masked);
    Page page;
    if (found.read.kind() == Target::Ram) [[likely]] {
        page.ram = true;
        page.ram_page = found.read.index();
        page.host = ram_page_host(page.ram_page);
        page.stores_to_ram = found.write == found.read;
        page.writable = page.stores_to_ram && flags_[page.ram_page] == 0;
    } else if (found.read.kind() == Target::Region) {
        region_page(found.read.index(), masked, page);
    }
    return page;
}

}  // namespace gnomon
