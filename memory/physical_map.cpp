// The layout of the physical address space: which page is RAM, ROM, MMIO or nothing. Windows and SMRAM follow
// the 82441FX datasheet, "System Address Map".
#include "memory/physical_map.h"

#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>

namespace gnomon {

namespace {

constexpr u64 kSmramBase = 0xa0000;
constexpr u64 kWindowBase = 0xc0000;
constexpr u64 kWindowEnd = 0x100000;
constexpr u64 kWindowSize = 0x4000;

constexpr unsigned flag_index(PageFlag flag) {
    switch (flag) {
        case PageFlag::Code: return 0;
        case PageFlag::PageTable: return 1;
        case PageFlag::Clean: return 2;
        case PageFlag::Monitored: return 3;
    }
    return 0;
}

}  // namespace

void PhysicalRegion::reset() {
    if (map_) map_->remove_region(index_);
    map_ = nullptr;
}

void PhysicalRegion::show_memory(u64 offset, u64 size, u32 first_page, bool stores_reach_device) {
    map_->show_memory(index_, offset, size, first_page, stores_reach_device);
}

void PhysicalRegion::hide_memory() { map_->show_memory(index_, 0, 0, 0, false); }

Result<std::unique_ptr<PhysicalMap>> PhysicalMap::create(u64 ram_bytes, Log& log, u64 device_bytes, u64 flash_bytes) {
    constexpr u64 kMiB = u64{1} << 20;
    if (ram_bytes < kMiB || ram_bytes % kMiB != 0)
        return fail("memory size of {} bytes: must be a whole number of MiB, at least 1", ram_bytes);
    if (device_bytes % kPageSize != 0) return fail("{} bytes of device memory: no whole pages", device_bytes);
    if (flash_bytes % kPageSize != 0) return fail("{} bytes of flash: no whole pages", flash_bytes);
    const u64 most = kMaxBytes - device_bytes - flash_bytes;
    if (ram_bytes > most)
        return fail("memory size of {} MiB: at most {} MiB are possible", ram_bytes / kMiB, most / kMiB);
    const u64 bytes = ram_bytes + device_bytes + flash_bytes;
    void* host = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (host == MAP_FAILED)
        return fail("cannot reserve {} MiB of host memory for the guest: {}", ram_bytes / kMiB,
                    std::strerror(errno));
    // A host without transparent huge pages works as well, only slower.
    (void)madvise(host, ram_bytes, MADV_HUGEPAGE);
    // Zeros that the host makes as they are needed: the flags of unused RAM cost nothing.
    RamTables tables;
    tables.flags.reset(static_cast<u8*>(std::calloc(bytes >> 12, sizeof(u8))));
    tables.code_granules.reset(static_cast<u64*>(std::calloc(bytes >> 12, sizeof(u64))));
    if (!tables.flags || !tables.code_granules) {
        munmap(host, bytes);
        return fail("cannot reserve host memory for the flags of {} pages", bytes >> 12);
    }
    return std::unique_ptr<PhysicalMap>(
        new PhysicalMap(ram_bytes, device_bytes, flash_bytes, static_cast<u8*>(host), std::move(tables), log));
}

PhysicalMap::PhysicalMap(u64 ram_bytes, u64 device_bytes, u64 flash_bytes, u8* ram, RamTables tables, Log& log)
    : log_(log),
      ram_(ram),
      ram_size_(ram_bytes),
      device_size_(device_bytes),
      flags_(std::move(tables.flags)),
      code_granules_(std::move(tables.code_granules)),
      flash_size_(flash_bytes) {
    const u64 end = high_ram() != 0 ? kHighRam + high_ram() : kHighRam;
    chunks_.resize((end + (u64{1} << kChunkShift) - 1) >> kChunkShift);
    rebuild(0, low_ram());
    rebuild(kHighRam, high_ram());
}

PhysicalMap::~PhysicalMap() { munmap(ram_, ram_pages() << 12); }

const PhysicalMap::RegionInfo* PhysicalMap::region_at(u64 address, u32& index) const {
    for (index = 0; index < regions_.size(); index++) {
        const RegionInfo& region = regions_[index];
        if (address >= region.base && address - region.base < region.size) return &region;
    }
    return nullptr;
}

PhysicalMap::Descriptor PhysicalMap::compute(u64 address) const {
    Target ram;
    if (address < low_ram())
        ram = Target(Target::Ram, static_cast<u32>(address >> 12));
    else if (address >= kHighRam && address - kHighRam < high_ram())
        ram = Target(Target::Ram, static_cast<u32>((kPciHole + address - kHighRam) >> 12));
    Descriptor bus;
    u32 index = 0;
    if (const RegionInfo* region = region_at(address, index)) {
        bus.read = bus.write = Target(Target::Region, index);
        const u64 shown = address - region->base - region->shown_offset;
        if (shown < region->shown_size) {
            bus.read = Target(Target::Ram, region->shown_page + static_cast<u32>(shown >> 12));
            if (!region->shown_for_reads) bus.write = bus.read;
        }
    }

    if (address >= kSmramBase && address < kWindowBase) return smram_open_ ? Descriptor{ram, ram} : bus;
    if (address >= kWindowBase && address < kWindowEnd) {
        const unsigned window = static_cast<unsigned>((address - kWindowBase) / kWindowSize);
        return {window_reads_ >> window & 1 ? ram : bus.read, window_writes_ >> window & 1 ? ram : bus.write};
    }
    if (bus.read.kind() != Target::Nothing) return bus;
    return {ram, ram};
}

PhysicalMap::Descriptor PhysicalMap::far_descriptor(u64 address) const {
    const auto found = far_chunks_.find(address >> kChunkShift);
    return found == far_chunks_.end() ? Descriptor{} : descriptor_in(found->second, address);
}

void PhysicalMap::rebuild(u64 base, u64 size) {
    constexpr u64 kChunkBytes = u64{1} << kChunkShift;
    for (u64 start = base & ~(kChunkBytes - 1); start < base + size; start += kChunkBytes) {
        const u64 number = start >> kChunkShift;
        if (number < chunks_.size()) {
            rebuild_chunk(chunks_[number], start);
            continue;
        }
        Chunk& chunk = far_chunks_[number];
        rebuild_chunk(chunk, start);
        if (!chunk.pages) far_chunks_.erase(number);  // nothing is left there
    }
}

/// All RAM from the page that is returned on, with nothing over it; else kNoRam.
u32 PhysicalMap::plain_ram(u64 start, u64 size) const {
    u64 offset = start;
    if (start < kWindowEnd) return Chunk::kNoRam;
    if (start >= kHighRam) offset = start - kHighRam + kPciHole;
    const u64 end = start < kHighRam ? low_ram() : ram_size_;
    if (offset + size > end) return Chunk::kNoRam;
    for (const RegionInfo& region : regions_)
        if (region.base < start + size && start < region.base + region.size) return Chunk::kNoRam;
    return static_cast<u32>(offset >> 12);
}

void PhysicalMap::rebuild_chunk(Chunk& chunk, u64 start) {
    if (const u32 first = plain_ram(start, u64{1} << kChunkShift); first != Chunk::kNoRam) {
        chunk.pages.reset();
        chunk.first_ram = first;
        return;
    }
    std::array<Descriptor, kChunkPages> pages;
    for (unsigned i = 0; i < kChunkPages; i++) pages[i] = compute(start + u64{i} * kPageSize);
    bool uniform = true;
    for (u32 i = 0; i < kChunkPages && uniform; i++) {
        const bool ram = pages[0].read.kind() == Target::Ram;
        const Target expected = ram ? Target(Target::Ram, pages[0].read.index() + i) : Target();
        uniform = pages[i].read == expected && pages[i].write == expected;
    }
    // Device memory beyond the RAM keeps its pages: a chunk without any is nothing.
    if (uniform && !(start >> kChunkShift >= chunks_.size() && pages[0].read.kind() == Target::Ram)) {
        chunk.pages.reset();
        chunk.first_ram = pages[0].read.kind() == Target::Ram ? pages[0].read.index() : Chunk::kNoRam;
    } else {
        if (!chunk.pages) chunk.pages = std::make_unique<std::array<Descriptor, kChunkPages>>();
        *chunk.pages = pages;
    }
}

void PhysicalMap::notify_changed() {
    for (TranslationObserver* observer : translation_observers_) observer->physical_map_changed();
}

void PhysicalMap::region_page(u32 index, u64 address, Page& page) const {
    const RegionInfo& region = regions_[index];
    const u64 offset = address - region.base;
    if (region.mmio) {
        page.mmio = region.mmio;
        page.mmio_offset = offset;
    } else {
        page.host = const_cast<u8*>(region.rom.data()) + offset;
    }
}

Result<PhysicalRegion> PhysicalMap::add_region(RegionInfo region) {
    if (region.base % kPageSize != 0 || region.size == 0 || region.size % kPageSize != 0)
        return fail("{} at {:#x}, {:#x} bytes: base and size must be whole pages", region.name, region.base,
                    region.size);
    constexpr u64 kEnd = u64{1} << kPhysicalBits;
    if (region.base >= kEnd || region.size > kEnd - region.base)
        return fail("{} at {:#x}, {:#x} bytes: beyond the {}-bit physical address space", region.name,
                    region.base, region.size, kPhysicalBits);
    for (const RegionInfo& other : regions_)
        if (other.size != 0 && region.base < other.base + other.size &&
            other.base < region.base + region.size)
            return fail("{} at {:#x}-{:#x} overlaps {} at {:#x}-{:#x}", region.name, region.base,
                        region.base + region.size - 1, other.name, other.base, other.base + other.size - 1);
    auto slot =
        std::find_if(regions_.begin(), regions_.end(), [](const RegionInfo& r) { return r.size == 0; });
    if (slot == regions_.end()) slot = regions_.emplace(slot);
    *slot = std::move(region);
    rebuild(slot->base, slot->size);
    notify_changed();
    return PhysicalRegion(*this, static_cast<u32>(slot - regions_.begin()));
}

Result<PhysicalRegion> PhysicalMap::add_rom(std::string name, GuestPhys base, std::span<const u8> bytes) {
    RegionInfo region{std::move(name), base.value, (bytes.size() + kPageSize - 1) & kPageMask, {}};
    region.rom.assign(bytes.begin(), bytes.end());
    region.rom.resize(region.size, 0xff);
    return add_region(std::move(region));
}

Result<PhysicalRegion> PhysicalMap::add_mmio(std::string name, GuestPhys base, u64 size, MmioIo& device) {
    return add_region({std::move(name), base.value, size, {}, &device});
}

Result<PhysicalRegion> PhysicalMap::add_memory(std::string name, GuestPhys base, u64 size, u32 first_page) {
    return add_region({std::move(name), base.value, size, {}, nullptr, 0, size, first_page});
}

void PhysicalMap::show_memory(u32 index, u64 offset, u64 size, u32 first_page, bool stores_reach_device) {
    RegionInfo& region = regions_[index];
    if (size == region.shown_size && (size == 0 || (offset == region.shown_offset && first_page == region.shown_page &&
                                                    stores_reach_device == region.shown_for_reads)))
        return;
    region.shown_for_reads = stores_reach_device;
    region.shown_offset = offset;
    region.shown_size = size;
    region.shown_page = first_page;
    rebuild(region.base, region.size);
    notify_changed();
}

void PhysicalMap::remove_region(u32 index) {
    const u64 base = regions_[index].base;
    const u64 size = regions_[index].size;
    RegionInfo removed;  // keeps ROM bytes alive until nobody holds pointers to them
    std::swap(removed, regions_[index]);
    rebuild(base, size);
    notify_changed();
}

void PhysicalMap::set_window(GuestPhys base, u64 size, bool read_ram, bool write_ram) {
    u16 mask = 0;
    for (unsigned window = 0; window < 16; window++) {
        const u64 start = kWindowBase + window * kWindowSize;
        if (start >= base.value && start - base.value < size) mask |= static_cast<u16>(1u << window);
    }
    const u16 reads = static_cast<u16>(read_ram ? window_reads_ | mask : window_reads_ & ~mask);
    const u16 writes = static_cast<u16>(write_ram ? window_writes_ | mask : window_writes_ & ~mask);
    if (reads == window_reads_ && writes == window_writes_) return;
    window_reads_ = reads;
    window_writes_ = writes;
    rebuild(base.value, size);
    notify_changed();
}

void PhysicalMap::set_smram(bool open) {
    if (open == smram_open_) return;
    smram_open_ = open;
    rebuild(kSmramBase, kWindowBase - kSmramBase);
    notify_changed();
}

void PhysicalMap::set_a20(bool enabled) {
    const u64 mask = enabled ? ~u64{0} : ~(u64{1} << 20);
    if (mask == a20_mask_) return;
    a20_mask_ = mask;
    notify_changed();
}

void PhysicalMap::set_flag(u32 ram_page, PageFlag flag) {
    const u8 old = flags_[ram_page];
    flags_[ram_page] = static_cast<u8>(old | static_cast<u8>(flag));
    if (old != 0) return;
    for (TranslationObserver* observer : translation_observers_) observer->page_write_protected(ram_page);
}

void PhysicalMap::clear_flag(u32 ram_page, PageFlag flag) {
    const auto& observers = write_observers_[flag_index(flag)];
    if (observers.size() > 1 && std::any_of(observers.begin(), observers.end(),
                                            [&](const PageWriteObserver* o) { return o->watches(ram_page); }))
        return;
    flags_[ram_page] = static_cast<u8>(flags_[ram_page] & ~static_cast<u8>(flag));
    if (flag == PageFlag::Code) code_granules_[ram_page] = 0;
}

void PhysicalMap::observe_writes(PageFlag flag, PageWriteObserver& observer) {
    write_observers_[flag_index(flag)].push_back(&observer);
}

void PhysicalMap::stop_observing(PageFlag flag, PageWriteObserver& observer) {
    std::erase(write_observers_[flag_index(flag)], &observer);
}

void PhysicalMap::add_translation_observer(TranslationObserver& observer) {
    translation_observers_.push_back(&observer);
}

void PhysicalMap::remove_translation_observer(TranslationObserver& observer) {
    std::erase(translation_observers_, &observer);
}

void PhysicalMap::notify_store(u32 ram_page, u32 offset, u32 size, u8 flags, const u8* data) {
    if (flags & static_cast<u8>(PageFlag::Clean)) clear_flag(ram_page, PageFlag::Clean);
    for (PageFlag flag : {PageFlag::Code, PageFlag::PageTable, PageFlag::Clean, PageFlag::Monitored}) {
        if (!(flags & static_cast<u8>(flag))) continue;
        if (flag == PageFlag::Code && !(code_granules_[ram_page] & granules(offset, size))) continue;
        for (PageWriteObserver* observer : write_observers_[flag_index(flag)])
            observer->page_written(ram_page, offset, size, data);
    }
}

void PhysicalMap::ram_replaced() {
    for (u64 page = 0; page < ram_pages(); page++) note_store(static_cast<u32>(page), 0, kPageSize);
    notify_changed();
}

std::string PhysicalMap::describe() const {
    constexpr u64 kChunkBytes = u64{1} << kChunkShift;
    std::string out;
    describe_range(out, 0, chunks_.size() * kChunkBytes);
    std::vector<u64> far;
    for (const auto& [number, chunk] : far_chunks_) far.push_back(number);
    std::sort(far.begin(), far.end());
    for (size_t first = 0; first < far.size();) {
        size_t last = first;
        while (last + 1 < far.size() && far[last + 1] == far[last] + 1) last++;
        describe_range(out, far[first] * kChunkBytes, (far[last] + 1) * kChunkBytes);
        first = last + 1;
    }
    return out;
}

void PhysicalMap::describe_range(std::string& out, u64 begin, u64 end) const {
    const auto name = [&](Target target) -> std::string {
        if (target.kind() == Target::Nothing) return "nothing";
        if (target.kind() == Target::Ram)
            return target.index() < first_device_page()  ? "RAM"
                   : target.index() < first_flash_page() ? "device memory"
                                                         : "flash";
        const RegionInfo& region = regions_[target.index()];
        return fmt::format("{} ({})", region.name, region.mmio ? "MMIO" : "ROM");
    };
    const auto text = [&](const Descriptor& d) {
        if (d.read.kind() == Target::Nothing && d.write.kind() == Target::Nothing) return std::string();
        if (d.read.kind() == d.write.kind()) return name(d.read);
        return fmt::format("reads {}, writes {}", name(d.read), name(d.write));
    };
    std::string current;
    u64 start = begin;
    const auto finish = [&](u64 at) {
        if (!current.empty()) out += fmt::format("{:08x}-{:08x} {}\n", start, at - 1, current);
    };
    for (u64 address = begin; address < end;) {
        std::string here = text(descriptor(address));
        if (here != current) {
            finish(address);
            current = std::move(here);
            start = address;
        }
        const u64 number = address >> kChunkShift;
        const bool uniform = number < chunks_.size() && !chunks_[number].pages;
        address += uniform ? u64{1} << kChunkShift : kPageSize;
    }
    finish(end);
}

}  // namespace gnomon
