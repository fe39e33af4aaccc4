// Configuration space of a PCI function: masks and base address registers.
#include "devices/pci/pci_function.h"

#include <bit>
#include <cassert>

namespace gnomon {
namespace {

constexpr u8 kCommand = 0x04;
constexpr u8 kFirstBar = 0x10;
constexpr u8 kRomBarOffset = 0x30;
constexpr u32 kRomEnable = 1;
constexpr u32 kIoBarType = 1;
constexpr u32 kPrefetchable = 8;

}  // namespace

PciConfig::PciConfig(const Identity& identity) {
    preset(0x00, 2, identity.vendor);
    preset(0x02, 2, identity.device);
    preset(0x08, 1, identity.revision);
    preset(0x09, 1, identity.class_code);
    preset(0x0a, 2, identity.class_code >> 8);
    preset(0x0e, 1, identity.header_type);
    preset(0x2c, 2, identity.subsystem_vendor);
    preset(0x2e, 2, identity.subsystem);
    preset(0x3d, 1, identity.interrupt_pin);
    // I/O, memory, bus master, parity response, SERR#, INTx disable; the errors of the status register are
    // cleared by writing ones.
    set_write_mask(kCommand, 2, 0x0547);
    set_clear_mask(0x06, 2, 0xf900);
    set_write_mask(0x0c, 2, 0xffff);  // cache line size, latency timer
    if (identity.interrupt_pin) set_write_mask(0x3c, 1, 0xff);
}

void PciConfig::set_write_mask(u8 offset, unsigned size, u32 mask) {
    for (unsigned i = 0; i < size; i++) write_mask_.at(offset + i) = static_cast<u8>(mask >> 8 * i);
}

void PciConfig::set_clear_mask(u8 offset, unsigned size, u32 mask) {
    for (unsigned i = 0; i < size; i++) clear_mask_.at(offset + i) = static_cast<u8>(mask >> 8 * i);
}

void PciConfig::preset(u8 offset, unsigned size, u32 value) {
    for (unsigned i = 0; i < size; i++)
        state_.bytes.at(offset + i) = presets_.bytes.at(offset + i) = static_cast<u8>(value >> 8 * i);
}

void PciConfig::set_read_only(u8 offset, unsigned size, u32 value) {
    for (unsigned i = 0; i < size; i++) state_.bytes.at(offset + i) = static_cast<u8>(value >> 8 * i);
}

void PciConfig::add_io_bar(unsigned index, u32 bytes, BarChanged changed) {
    assert(std::has_single_bit(bytes) && bytes >= 4);
    const u8 offset = static_cast<u8>(kFirstBar + 4 * index);
    bars_.at(index) = {bytes, true, std::move(changed), 0, false, false};
    preset(offset, 4, kIoBarType);
    set_write_mask(offset, 4, ~(bytes - 1));
}

void PciConfig::add_memory_bar(unsigned index, u32 bytes, bool prefetchable, BarChanged changed) {
    assert(std::has_single_bit(bytes) && bytes >= 16);
    const u8 offset = static_cast<u8>(kFirstBar + 4 * index);
    bars_.at(index) = {bytes, false, std::move(changed), 0, false, false};
    preset(offset, 4, prefetchable ? kPrefetchable : 0);
    set_write_mask(offset, 4, ~(bytes - 1));
}

void PciConfig::add_rom_bar(u32 bytes, BarChanged changed, bool alone) {
    assert(std::has_single_bit(bytes) && bytes >= 2048);
    bars_[kRomBar] = {bytes, false, std::move(changed), 0, false, alone};
    preset(kRomBarOffset, 4, 0);
    set_write_mask(kRomBarOffset, 4, ~(bytes - 1) | kRomEnable);
}

u8 PciConfig::bar_offset(unsigned index) {
    return index == kRomBar ? kRomBarOffset : static_cast<u8>(kFirstBar + 4 * index);
}

u32 PciConfig::read(u8 offset, unsigned size) const {
    u32 value = 0;
    for (unsigned i = 0; i < size && offset + i < state_.bytes.size(); i++)
        value |= u32{state_.bytes[offset + i]} << 8 * i;
    return value;
}

void PciConfig::write(u8 offset, unsigned size, u32 value) {
    for (unsigned i = 0; i < size && offset + i < state_.bytes.size(); i++) {
        const u8 byte = static_cast<u8>(value >> 8 * i);
        const u8 writable = write_mask_[offset + i];
        u8& target = state_.bytes[offset + i];
        target = static_cast<u8>((target & ~writable) | (byte & writable));
        target = static_cast<u8>(target & ~(byte & clear_mask_[offset + i]));
    }
    update_bars(false);
}

void PciConfig::reset() {
    state_ = presets_;
    update_bars(false);
}

void PciConfig::set_state(const State& state) {
    state_ = state;
    update_bars(true);
}

void PciConfig::update_bars(bool always) {
    for (unsigned i = 0; i < bars_.size(); i++) {
        Bar& bar = bars_[i];
        if (!bar.bytes) continue;
        const u32 value = read(bar_offset(i), 4);
        const u64 base = value & ~(bar.bytes - 1);
        // While software sizes a register it holds ones: that is no address (an I/O range above 64 K, or a
        // memory range that ends at 4 GiB, where the firmware is).
        const u64 end = base + bar.bytes;
        const bool possible = base != 0 && (bar.io ? end <= 0x10000 : end < u64{1} << 32);
        const bool wanted = i != kRomBar || (value & kRomEnable);
        const bool enabled = possible && wanted && (bar.io ? io_enabled() : memory_enabled() || bar.alone);
        if (!always && base == bar.base && enabled == bar.enabled) continue;
        bar.base = base;
        bar.enabled = enabled;
        if (bar.changed) bar.changed(base, enabled);
    }
}

static_assert(every_field_listed<PciConfig::State>());

}  // namespace gnomon
