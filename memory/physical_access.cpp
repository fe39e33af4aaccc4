// Accesses to the physical address space by devices, debuggers and the slow paths of the processor.
#include <algorithm>
#include <cstring>

#include "memory/physical_map.h"

namespace gnomon {

namespace {

/// The largest device-sized access that fits: 8, 4, 2 or 1 bytes.
unsigned device_size(size_t bytes) { return bytes >= 8 ? 8 : bytes >= 4 ? 4 : bytes >= 2 ? 2 : 1; }

/// Calls `piece(address, position, size)` for each part of a span that lies within one page.
template<class F>
void for_each_page(GuestPhys address, size_t size, F piece) {
    for (size_t done = 0; done < size;) {
        const GuestPhys at = address + done;
        const size_t part = std::min<size_t>(size - done, kPageSize - at.page_offset());
        piece(at, done, static_cast<unsigned>(part));
        done += part;
    }
}

}  // namespace

void PhysicalMap::read_piece(u64 address, u8* out, unsigned size) {
    address &= a20_mask_;
    const Target target = descriptor(address).read;
    switch (target.kind()) {
        case Target::Ram:
            std::memcpy(out, ram_page_host(target.index()) + (address & ~kPageMask), size);
            return;
        case Target::Region: {
            const RegionInfo& region = regions_[target.index()];
            u64 offset = address - region.base;
            if (!region.mmio) {
                std::memcpy(out, region.rom.data() + offset, size);
                return;
            }
            MmioIo& device = *region.mmio;  // the access may remove regions
            while (size != 0) {
                const unsigned part = device_size(size);
                const u64 value = device.mmio_read(offset, part);
                std::memcpy(out, &value, part);
                out += part;
                offset += part;
                size -= part;
            }
            return;
        }
        case Target::Nothing:
            log_.guest("memory", "read of nothing", "read of {:#x}, where nothing answers", address);
            std::memset(out, 0xff, size);
            return;
    }
}

void PhysicalMap::write_piece(u64 address, const u8* data, unsigned size) {
    address &= a20_mask_;
    const Target target = descriptor(address).write;
    switch (target.kind()) {
        case Target::Ram: {
            const u32 offset = static_cast<u32>(address & ~kPageMask);
            note_store(target.index(), offset, size, data);
            std::memcpy(ram_page_host(target.index()) + offset, data, size);
            return;
        }
        case Target::Region: {
            const RegionInfo& region = regions_[target.index()];
            if (!region.mmio) {
                log_.guest("memory", "write to ROM", "write to {:#x}, which is ROM ({})", address,
                           region.name);
                return;
            }
            u64 offset = address - region.base;
            MmioIo& device = *region.mmio;  // the access may remove regions
            while (size != 0) {
                const unsigned part = device_size(size);
                u64 value = 0;
                std::memcpy(&value, data, part);
                device.mmio_write(offset, part, value);
                data += part;
                offset += part;
                size -= part;
            }
            return;
        }
        case Target::Nothing:
            log_.guest("memory", "write to nothing", "write to {:#x}, where nothing answers", address);
            return;
    }
}

u64 PhysicalMap::read(GuestPhys address, unsigned size) {
    u64 value = 0;
    read_piece(address.value, reinterpret_cast<u8*>(&value), size);
    return value;
}

void PhysicalMap::write(GuestPhys address, unsigned size, u64 value) {
    write_piece(address.value, reinterpret_cast<const u8*>(&value), size);
}

void PhysicalMap::dma_read(GuestPhys address, std::span<u8> out) {
    for_each_page(address, out.size(), [&](GuestPhys at, size_t position, unsigned size) {
        read_piece(at.value, out.data() + position, size);
    });
}

void PhysicalMap::dma_write(GuestPhys address, std::span<const u8> data) {
    for_each_page(address, data.size(), [&](GuestPhys at, size_t position, unsigned size) {
        write_piece(at.value, data.data() + position, size);
    });
}

bool PhysicalMap::peek(GuestPhys address, std::span<u8> out) const {
    bool complete = true;
    for_each_page(address, out.size(), [&](GuestPhys at, size_t position, unsigned size) {
        const Page found = page(at);
        if (found.host)
            std::memcpy(out.data() + position, found.host + at.page_offset(), size);
        else
            complete = false;
    });
    return complete;
}

bool PhysicalMap::poke(GuestPhys address, std::span<const u8> data) {
    bool complete = true;
    bool rom = false;
    for_each_page(address, data.size(),
                  [&](GuestPhys at, size_t, unsigned) { complete &= page(at).host != nullptr; });
    if (!complete) return false;
    for_each_page(address, data.size(), [&](GuestPhys at, size_t position, unsigned size) {
        const Page found = page(at);
        if (found.ram)
            note_store(found.ram_page, static_cast<u32>(at.page_offset()), size, data.data() + position);
        else
            rom = true;
        std::memcpy(found.host + at.page_offset(), data.data() + position, size);
    });
    // Whoever decoded instructions from ROM learns of it as of any other change of the map.
    if (rom) notify_changed();
    return true;
}

void PhysicalMap::set_entry_bits(GuestPhys address, unsigned size, u64 bits) {
    const u64 masked = address.value & a20_mask_;
    const Descriptor found = descriptor(masked);
    const u64 value = read(address, size) | bits;
    if (found.write.kind() != Target::Ram) {
        write(address, size, value);
        return;
    }
    const u32 page = found.write.index();
    const u32 offset = static_cast<u32>(masked & ~kPageMask);
    const u8 others = static_cast<u8>(flags_[page] & ~static_cast<u8>(PageFlag::PageTable));
    if (others != 0) notify_store(page, offset, size, others, reinterpret_cast<const u8*>(&value));
    std::memcpy(ram_page_host(page) + offset, &value, size);
}

}  // namespace gnomon
