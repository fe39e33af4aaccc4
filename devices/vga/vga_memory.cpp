// The path between the processor and the planes: memory maps, address translation, latches, read and write
// modes. IBM PS/2 Hardware Interface Technical Reference, "Video Subsystem", "Graphics Controller".
#include <cstring>

#include "devices/vga/vga.h"

namespace gnomon {
namespace {

/// Bit n of `planes` as byte n all ones or zeros.
constexpr std::array<u32, 16> kPlaneBytes = [] {
    std::array<u32, 16> table{};
    for (u32 planes = 0; planes < 16; planes++)
        for (u32 plane = 0; plane < 4; plane++)
            if (planes >> plane & 1) table[planes] |= 0xffu << 8 * plane;
    return table;
}();

constexpr u32 in_all_planes(u8 value) { return value * 0x01010101u; }

constexpr u8 rotate_right(u8 value, unsigned count) {
    return static_cast<u8>((value >> count | value << (8 - count)) & 0xff);
}

}  // namespace

void Vga::decode_memory_path() {
    const auto& graphics = state_.graphics;
    const auto& sequencer = state_.sequencer;
    MemoryPath path;
    const unsigned map = graphics[6] >> 2 & 3;
    static constexpr u32 kFirst[4] = {0x00000, 0x00000, 0x10000, 0x18000};
    static constexpr u32 kSize[4] = {0x20000, 0x10000, 0x08000, 0x08000};
    path.window_first = kFirst[map];
    path.window_size = state_.subsystem_enabled && state_.memory_enabled() ? kSize[map] : 0;
    path.chain4 = sequencer[4] & 0x08;
    path.write_odd_even = !(sequencer[4] & 0x04) && !path.chain4;
    path.read_odd_even = (graphics[5] & 0x10) && !path.chain4;
    path.replace_a0 = (graphics[6] & 0x02) && !path.chain4;
    path.a0_from_a16 = map == 0;
    // The page bit of the miscellaneous output register is set in every mode of the IBM BIOS, where
    // characters lie at even addresses: set means the low page.
    path.a0_replacement = state_.misc_output & 0x20 ? 0 : 1;
    path.address_mask = sequencer[4] & 0x02 ? 0xffff : 0x3fff;
    path.plain_write = (graphics[5] & 3) == 0 && (graphics[1] & 0x0f) == 0 && (graphics[3] & 0x1f) == 0 &&
                       graphics[8] == 0xff;
    path.text_write =
        path.plain_write && path.write_odd_even && path.replace_a0 && map != 0 && (sequencer[2] & 0x0f) == 3;
    path.chain4_direct = path.chain4 && path.plain_write && map == 1 && path.window_size != 0 &&
                         (sequencer[2] & 0x0f) == 0x0f && path.address_mask == 0xffff &&
                         !(graphics[5] & 0x08) && !state_.dispi.enabled();
    if (const DispiState& dispi = state_.dispi; dispi.enabled()) {
        path.text_write = false;
        if (dispi.planar()) {
            path.first_cell = u32{dispi.bank} << 16;
        } else {
            path.packed = true;
            path.packed_base = u32{dispi.bank} << 16;
            path.window_first = 0;
            if (path.window_size != 0) path.window_size = kBankSize;
        }
    }
    const bool same_window =
        path.direct_kind() == path_.direct_kind() && path.packed_base == path_.packed_base;
    path_ = path;
    if (same_window) return;
    leave_direct_window();
    state_.window_accesses = 0;
}

void Vga::begin_window_access() {
    if (state_.direct == State::Direct::None) return;
    // Not by the processor, for which the window is memory.
    leave_direct_window();
    state_.window_accesses = 0;
}

/// A window that is used much is mapped for the processor as memory. Not at once: programs that move it or
/// change its meaning all the time would pay for a new map each time.
void Vga::end_window_access() {
    if (path_.direct_kind() == State::Direct::None || ++state_.window_accesses < kDirectAfter) return;
    state_.direct = path_.direct_kind();
    if (state_.direct == State::Direct::Chain4) {
        // The planes' bytes do not lie in a row in memory: address A is in cell A & FFFC. The processor gets
        // a copy in which they do.
        u8* window = memory_.window();
        for (u32 at = 0; at < kBankSize; at += 4) std::memcpy(window + at, memory_.bytes() + u64{at} * 4, 4);
    }
    map_direct_window();
}

void Vga::map_direct_window() {
    switch (state_.direct) {
        case State::Direct::None: window_.hide_memory(); break;
        case State::Direct::Chain4: window_.show_memory(0, kBankSize, memory_.window_page()); break;
        case State::Direct::Bank:
            window_.show_memory(0, kBankSize, memory_.first_page() + (path_.packed_base >> 12));
            break;
    }
}

void Vga::leave_direct_window() {
    if (state_.direct == State::Direct::None) return;
    if (state_.direct == State::Direct::Chain4) copy_back_window(0, kBankSize);
    state_.direct = State::Direct::None;
    map_direct_window();
}

void Vga::copy_back_window(u64 offset, u64 size) {
    for (u64 at = offset; at < offset + size; at += 4) {
        u8* cell = memory_.bytes() + at * 4;
        if (std::memcmp(cell, memory_.window() + at, 4) == 0) continue;
        std::memcpy(cell, memory_.window() + at, 4);
        memory_.wrote(at * 4);
    }
}

/// Which cell and plane an address within the window means.
Vga::Target Vga::target(u32 host) const {
    if (path_.chain4) {
        // A0 and A1 choose the plane; the cell keeps A2-A15, its low bits are A16 and A17.
        return {path_.first_cell + (((host & 0xfffc) | (host >> 16 & 3)) & path_.address_mask), host & 3};
    }
    u32 address = host & 0xffff;
    if (path_.replace_a0)
        address = (address & ~1u) | (path_.a0_from_a16 ? host >> 16 & 1 : path_.a0_replacement);
    return {path_.first_cell + (address & path_.address_mask), host & 1};
}

void Vga::store_cell(u32 address, u32 value, u32 planes) {
    const u32 before = memory_.cell(address);
    const u32 after = (before & ~planes) | (value & planes);
    if (after == before) return;
    u8* cell = memory_.bytes() + u64{address} * 4;
    for (unsigned plane = 0; plane < 4; plane++) cell[plane] = static_cast<u8>(after >> 8 * plane);
    memory_.wrote(u64{address} * 4);
}

u64 Vga::mmio_read(u64 offset, unsigned size) {
    begin_window_access();
    u64 value = 0;
    for (unsigned i = 0; i < size; i++) value |= u64{read_byte(static_cast<u32>(offset) + i)} << 8 * i;
    end_window_access();
    return value;
}

void Vga::mmio_write(u64 offset, unsigned size, u64 value) {
    begin_window_access();
    const u32 host = static_cast<u32>(offset) - path_.window_first;
    if (path_.text_write && host < path_.window_size && size <= path_.window_size - host) {
        for (u32 i = 0; i < size; i++) {
            const u32 at = host + i;
            const u32 address = ((at & 0xfffe) | path_.a0_replacement) & path_.address_mask;
            u8& byte = memory_.bytes()[u64{address} * 4 + (at & 1)];
            const u8 fresh = static_cast<u8>(value >> 8 * i);
            if (byte != fresh) memory_.wrote(u64{address} * 4);
            byte = fresh;
        }
        return;
    }
    for (unsigned i = 0; i < size; i++)
        write_byte(static_cast<u32>(offset) + i, static_cast<u8>(value >> 8 * i));
    end_window_access();
}

u8 Vga::read_byte(u32 offset) {
    const u32 host = offset - path_.window_first;
    if (host >= path_.window_size) return 0xff;
    if (path_.packed) return memory_.bytes()[path_.packed_base + host];
    const Target where = target(host);
    state_.latch = memory_.cell(where.address);
    const auto& graphics = state_.graphics;
    if (graphics[5] & 0x08) {
        // Read mode 1: a bit is set where every plane that cares agrees with the colour to compare.
        const u32 differing =
            (state_.latch ^ kPlaneBytes[graphics[2] & 0x0f]) & kPlaneBytes[graphics[7] & 0x0f];
        const u32 halves = differing | differing >> 16;
        return static_cast<u8>(~(halves | halves >> 8));
    }
    unsigned plane = graphics[4] & 3;
    if (path_.chain4)
        plane = where.plane;
    else if (path_.read_odd_even)
        plane = (plane & 2) | where.plane;
    return static_cast<u8>(state_.latch >> 8 * plane);
}

void Vga::write_byte(u32 offset, u8 value) {
    const u32 host = offset - path_.window_first;
    if (host >= path_.window_size) return;
    if (path_.packed) {
        u8& byte = memory_.bytes()[path_.packed_base + host];
        if (byte != value) memory_.wrote(path_.packed_base + host);
        byte = value;
        return;
    }
    const Target where = target(host);
    unsigned enabled = state_.sequencer[2] & 0x0f;
    if (path_.chain4)
        enabled &= 1u << where.plane;
    else if (path_.write_odd_even)
        enabled &= 0x5u << where.plane;
    const u32 planes = kPlaneBytes[enabled];
    if (path_.plain_write) return store_cell(where.address, in_all_planes(value), planes);

    const auto& graphics = state_.graphics;
    const u8 rotated = rotate_right(value, graphics[3] & 7);
    const u32 set_reset = kPlaneBytes[graphics[0] & 0x0f];
    u32 mask = in_all_planes(graphics[8]);
    u32 data = 0;
    switch (graphics[5] & 3) {
        case 0: {
            const u32 from_set_reset = kPlaneBytes[graphics[1] & 0x0f];
            data = (in_all_planes(rotated) & ~from_set_reset) | (set_reset & from_set_reset);
            break;
        }
        case 1: return store_cell(where.address, state_.latch, planes);
        case 2: data = kPlaneBytes[value & 0x0f]; break;
        case 3:
            data = set_reset;
            mask &= in_all_planes(rotated);
            break;
    }
    switch (graphics[3] >> 3 & 3) {
        case 1: data &= state_.latch; break;
        case 2: data |= state_.latch; break;
        case 3: data ^= state_.latch; break;
        default: break;
    }
    store_cell(where.address, (data & mask) | (state_.latch & ~mask), planes);
}

}  // namespace gnomon
