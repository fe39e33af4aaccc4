// Dispatch of port accesses.
#include "devices/port_bus.h"

#include <bit>

namespace gnomon {
namespace {

/// The bits of an access of `size` bytes: 1, 2 or 4.
u32 width_mask(unsigned size) { return ~u32{0} >> (32 - 8 * size); }

}  // namespace

PortClaim& PortClaim::operator=(PortClaim&& other) noexcept {
    if (this != &other) {
        release();
        bus_ = std::exchange(other.bus_, nullptr);
        slot_ = other.slot_;
    }
    return *this;
}

void PortClaim::release() {
    if (bus_) std::exchange(bus_, nullptr)->release(slot_);
}

PortBus::PortBus(Log& log) : log_(log), owners_(1) {}

Result<PortClaim> PortBus::claim(std::string_view owner, PortRange range, PortIo& device) {
    if (range.count == 0 || u32{range.first} + range.count > 0x10000)
        return fail("{}: {} ports from {:#06x} are not a range of ports", owner, range.count, range.first);
    for (u32 port = range.first; port < u32{range.first} + range.count; port++)
        if (const u16 taken = owner_of_port_[port])
            return fail("port {:#06x} is claimed by both {} and {}", port, owners_[taken].name, owner);
    u16 slot = 1;
    while (slot < owners_.size() && owners_[slot].device) slot++;
    if (slot == owners_.size()) owners_.emplace_back();
    owners_[slot] = {std::string(owner), &device, range};
    for (u32 port = range.first; port < u32{range.first} + range.count; port++) owner_of_port_[port] = slot;
    return PortClaim(*this, slot);
}

Result<std::vector<PortClaim>> PortBus::claim_all(std::string_view owner, std::span<const PortRange> ranges,
                                                  PortIo& device) {
    std::vector<PortClaim> claims;
    for (const PortRange& range : ranges) {
        Result<PortClaim> one = claim(owner, range, device);
        if (!one) return one.error();
        claims.push_back(std::move(*one));
    }
    return claims;
}

void PortBus::release(u16 slot) {
    Owner& owner = owners_[slot];
    for (u32 port = owner.range.first; port < u32{owner.range.first} + owner.range.count; port++) owner_of_port_[port] = 0;
    owner = {};
}

unsigned PortBus::part_size(u16 port, unsigned size) const {
    const Owner& owner = owners_[owner_of_port_[port]];
    if (!owner.device) return 1;
    while (size > 1 && (!(owner.range.widths & size) || u32{port} + size > u32{owner.range.first} + owner.range.count))
        size /= 2;
    return size;
}

u32 PortBus::read_part(u16 port, unsigned size) {
    const Owner& owner = owners_[owner_of_port_[port]];
    if (owner.device) return owner.device->port_read(port, size);
    log_.guest("ports", "read of an unclaimed port", "read of unclaimed port {:#06x}", port);
    return ~u32{0};
}

void PortBus::write_part(u16 port, unsigned size, u32 value) {
    const Owner& owner = owners_[owner_of_port_[port]];
    if (owner.device) return owner.device->port_write(port, size, value);
    if (port != 0x80) log_.guest("ports", "write to an unclaimed port", "write of {:#x} to unclaimed port {:#06x}", value, port);
}

PortIo* PortBus::takes_whole(u16 port, unsigned size) const {
    const Owner& owner = owners_[owner_of_port_[port]];
    const bool whole = (owner.range.widths & size) && u32{port} + size <= u32{owner.range.first} + owner.range.count;
    return whole && !observer_ ? owner.device : nullptr;
}

u32 PortBus::port_read(u16 port, unsigned size) {
    if (PortIo* device = takes_whole(port, size)) [[likely]] return device->port_read(port, size) & width_mask(size);
    u32 value = 0;
    for (unsigned done = 0; done < size;) {
        const u16 at = static_cast<u16>(port + done);
        const unsigned part = part_size(at, std::bit_floor(size - done));
        value |= (read_part(at, part) & width_mask(part)) << 8 * done;
        done += part;
    }
    if (observer_) observer_(port, size, value, false);
    return value;
}

void PortBus::port_write(u16 port, unsigned size, u32 value) {
    if (PortIo* device = takes_whole(port, size)) [[likely]] return device->port_write(port, size, value & width_mask(size));
    if (observer_) observer_(port, size, value, true);
    for (unsigned done = 0; done < size;) {
        const u16 at = static_cast<u16>(port + done);
        const unsigned part = part_size(at, std::bit_floor(size - done));
        write_part(at, part, value >> 8 * done & width_mask(part));
        done += part;
    }
}

std::string PortBus::describe() const {
    std::string text;
    for (u32 port = 0; port < 0x10000;) {
        const u16 slot = owner_of_port_[port];
        u32 end = port + 1;
        while (end < 0x10000 && owner_of_port_[end] == slot) end++;
        if (slot) text += fmt::format("{:#06x}-{:#06x} {}\n", port, end - 1, owners_[slot].name);
        port = end;
    }
    return text;
}

}  // namespace gnomon
