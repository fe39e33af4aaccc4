// The registers of the Bochs display interface.
#include "devices/vga/dispi.h"

#include <algorithm>
#include <cstring>

#include "devices/vga/vga.h"

namespace gnomon {

static_assert(every_field_listed<DispiState>());

/// Lines that fit into the memory.
u32 Vga::dispi_virtual_height() const {
    const u64 pitch = state_.dispi.pitch();
    return pitch == 0 ? 0 : static_cast<u32>(std::min<u64>(memory_.size() / pitch, 0xffff));
}

u16 Vga::dispi_read(unsigned index) const {
    const DispiState& dispi = state_.dispi;
    const bool capabilities = dispi.enable & DispiState::kCapabilities;
    switch (index) {
        case DispiState::Id: return dispi.id;
        case DispiState::Width: return capabilities ? DispiState::kMaxWidth : dispi.width;
        case DispiState::Height: return capabilities ? DispiState::kMaxHeight : dispi.height;
        case DispiState::Bpp: return capabilities ? DispiState::kMaxBpp : dispi.bpp;
        case DispiState::Enable: return dispi.enable;
        case DispiState::Bank: return dispi.bank;
        case DispiState::VirtualWidth: return dispi.virtual_width;
        case DispiState::VirtualHeight: return static_cast<u16>(dispi_virtual_height());
        case DispiState::X: return dispi.x;
        case DispiState::Y: return dispi.y;
        case DispiState::Memory64K: return static_cast<u16>(memory_.size() >> 16);
        default: return 0;
    }
}

void Vga::dispi_write(unsigned index, u16 value) {
    DispiState& dispi = state_.dispi;
    switch (index) {
        case DispiState::Id:
            // Drivers write the version that they know and look whether it stays.
            if (value >= DispiState::kOldestId && value <= DispiState::kNewestId) dispi.id = value;
            return;
        case DispiState::Width:
            if (!dispi.enabled() && value <= DispiState::kMaxWidth) dispi.width = value & ~7;
            return;
        case DispiState::Height:
            if (!dispi.enabled() && value <= DispiState::kMaxHeight) dispi.height = value;
            return;
        case DispiState::Bpp:
            if (value == 0) value = 8;
            if (!dispi.enabled() && DispiState::depth_exists(value)) dispi.bpp = value;
            return;
        case DispiState::Enable: dispi_enable(value); return;
        case DispiState::Bank:
            if (value == dispi.bank || value >= (memory_.size() >> (dispi.planar() ? 18 : 16))) return;
            dispi.bank = value;
            decode_memory_path();
            return;
        case DispiState::VirtualWidth: {
            const u16 before = dispi.virtual_width;
            dispi.virtual_width = dispi.planar() ? (value + 7) & ~7 : value;
            if (value < dispi.width || dispi_virtual_height() < dispi.height) dispi.virtual_width = before;
            if (dispi.virtual_width == before) return;
            break;
        }
        // A start that would show what is beyond the memory is not taken.
        case DispiState::X:
            if (value == dispi.x || u32{value} + dispi.width > dispi.virtual_width) return;
            dispi.x = value;
            break;
        case DispiState::Y:
            if (value == dispi.y || u32{value} + dispi.height > dispi_virtual_height()) return;
            dispi.y = value;
            break;
        default: return;
    }
    if (dispi.enabled()) touch();
}

void Vga::dispi_enable(u16 value) {
    DispiState& dispi = state_.dispi;
    constexpr u16 kBits = DispiState::kEnabled | DispiState::kCapabilities | DispiState::kDac8Bit |
                          DispiState::kLinear | DispiState::kKeepMemory;
    value &= kBits;
    set_dac_width(value & DispiState::kDac8Bit);
    const bool was_enabled = dispi.enabled();
    if ((value & DispiState::kEnabled) && !was_enabled) {
        dispi.virtual_width = dispi.width;
        dispi.x = 0;
        dispi.y = 0;
        dispi.bank = 0;
        if (dispi.width == 0 || dispi.height == 0 || dispi_virtual_height() < dispi.height) {
            log_.guest("vga", "DISPI mode", "a mode of {}x{} pixels of {} bits is not possible with {} KiB",
                       dispi.width, dispi.height, dispi.bpp, memory_.size() >> 10);
            value &= static_cast<u16>(~DispiState::kEnabled);
        } else if (!(value & DispiState::kKeepMemory)) {
            const u64 bytes = u64{dispi.pitch()} * dispi.height;
            leave_direct_window();
            std::memset(memory_.bytes(), 0, bytes);
            memory_.wrote(0, bytes);
        }
    }
    dispi.enable = value;
    if (dispi.enabled() == was_enabled) return;
    if (was_enabled) dispi.bank = 0;
    registers_changed();
}

void Vga::set_dac_width(bool eight_bits) {
    if (eight_bits == state_.dac_8_bit) return;
    state_.dac_8_bit = eight_bits;
    // Colours keep their brightness.
    for (u8& component : state_.dac)
        component = static_cast<u8>(eight_bits ? component << 2 | component >> 4 : component >> 2);
    touch();
}

void Vga::set_big_endian(bool big_endian) {
    if (state_.dispi.big_endian == big_endian) return;
    state_.dispi.big_endian = big_endian;
    touch();
}

}  // namespace gnomon
