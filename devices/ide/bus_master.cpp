// Registers and descriptors of a bus master IDE channel.
#include "devices/ide/bus_master.h"

#include <algorithm>
#include <array>

namespace gnomon {
namespace {

constexpr u32 kEndOfTable = 0x80000000;

u32 le32(std::span<const u8> bytes) {
    return bytes[0] | u32{bytes[1]} << 8 | u32{bytes[2]} << 16 | u32{bytes[3]} << 24;
}

}  // namespace

static_assert(every_field_listed<BusMaster::State>());

void BusMaster::allow(bool allowed) {
    const bool resumed = allowed && !allowed_ && (state_.status & kActive);
    allowed_ = allowed;
    if (resumed && started_) started_();
}

u8 BusMaster::read(unsigned offset) const {
    if (offset == 0) return state_.command;
    if (offset == 2) return state_.status;
    if (offset >= 4) return static_cast<u8>(state_.table >> 8 * (offset - 4));
    return 0;
}

void BusMaster::write(unsigned offset, u8 value) {
    if (offset == 2) {
        // Interrupt and error are cleared by ones; active is the engine's.
        state_.status = static_cast<u8>((state_.status & ~kDriveCapable & ~(value & (kInterrupt | kError))) |
                                        (value & kDriveCapable));
    } else if (offset >= 4) {
        const unsigned shift = 8 * (offset - 4);
        state_.table = ((state_.table & ~(u32{0xff} << shift)) | u32{value} << shift) & ~u32{3};
    } else if (offset == 0) {
        const bool was_started = state_.command & kStart;
        // The direction must not change during a transfer.
        const u8 writable = state_.status & kActive ? kStart : kStart | kToMemory;
        state_.command = static_cast<u8>((state_.command & ~writable) | (value & writable));
        if (!(value & kStart)) {
            state_.status &= static_cast<u8>(~kActive);
        } else if (!was_started) {
            state_.status |= kActive;
            state_.next = state_.table;
            state_.left = 0;
            state_.last = false;
            if (started_) started_();
        }
    }
}

bool BusMaster::ready(bool to_memory) const {
    return allowed_ && (state_.status & kActive) && ((state_.command & kToMemory) != 0) == to_memory;
}

u32 BusMaster::region() {
    if (state_.left == 0 && !state_.last) {
        std::array<u8, 8> descriptor;
        memory_.dma_read(GuestPhys(state_.next), descriptor);
        const u32 count = le32(std::span(descriptor).subspan(4));
        state_.address = le32(descriptor) & ~u32{1};
        state_.left = count & 0xfffe ? count & 0xfffe : 0x10000;
        state_.last = count & kEndOfTable;
        state_.next += 8;
    }
    return state_.left;
}

void BusMaster::advance(u32 bytes) {
    state_.address += bytes;
    state_.left -= bytes;
    if (state_.left == 0 && state_.last) state_.status &= static_cast<u8>(~kActive);
}

size_t BusMaster::to_memory(std::span<const u8> data) {
    size_t done = 0;
    while (done < data.size() && (state_.status & kActive)) {
        const u32 bytes = static_cast<u32>(std::min<size_t>(region(), data.size() - done));
        memory_.dma_write(GuestPhys(state_.address), data.subspan(done, bytes));
        done += bytes;
        advance(bytes);
    }
    return done;
}

size_t BusMaster::from_memory(std::span<u8> data) {
    size_t done = 0;
    while (done < data.size() && (state_.status & kActive)) {
        const u32 bytes = static_cast<u32>(std::min<size_t>(region(), data.size() - done));
        memory_.dma_read(GuestPhys(state_.address), data.subspan(done, bytes));
        done += bytes;
        advance(bytes);
    }
    return done;
}

}  // namespace gnomon
