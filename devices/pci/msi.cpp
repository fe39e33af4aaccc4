// MSI and MSI-X: registers, masks, pending messages.
#include "devices/pci/msi.h"

#include <algorithm>
#include <bit>
#include <cassert>

namespace gnomon {
namespace {

constexpr u8 kStatus = 0x06, kCapabilities = 0x34;
constexpr u32 kHasCapabilities = 0x10;

/// Links a capability in at the head of the list.
void add_capability(PciConfig& config, u8 offset, u8 id) {
    config.preset(offset, 1, id);
    config.preset(static_cast<u8>(offset + 1), 1, config.read(kCapabilities, 1));
    config.preset(kCapabilities, 1, offset);
    config.preset(kStatus, 2, config.read(kStatus, 2) | kHasCapabilities);
}

void send_message(DmaPort& memory, u64 address, u32 data) {
    const u8 bytes[4] = {static_cast<u8>(data), static_cast<u8>(data >> 8), static_cast<u8>(data >> 16),
                         static_cast<u8>(data >> 24)};
    memory.dma_write(GuestPhys(address), bytes);
}

namespace msi {
constexpr u8 kId = 0x05;
constexpr u8 kControl = 2, kAddress = 4, kUpper = 8, kData = 12, kMask = 16, kPending = 20;
constexpr u32 kEnable = 1, k64Bit = 1u << 7, kMaskable = 1u << 8;
}  // namespace msi

namespace msix {
constexpr u8 kId = 0x11;
constexpr u8 kControl = 2, kTable = 4, kPending = 8;
constexpr u32 kEnable = 1u << 15, kFunctionMask = 1u << 14;
constexpr u32 kVectorMask = 1;
}  // namespace msix

}  // namespace

// ---- MSI ------------------------------------------------------------------------------------------------

MsiCapability::MsiCapability(PciConfig& config, u8 offset, unsigned vectors, DmaPort& memory)
    : config_(config), offset_(offset), memory_(memory) {
    assert(std::has_single_bit(vectors) && vectors <= 32 && offset >= 0x40 && offset % 4 == 0);
    const auto at = [&](u8 place) { return static_cast<u8>(offset + place); };
    add_capability(config, offset, msi::kId);
    config.preset(at(msi::kControl), 2,
                  msi::k64Bit | msi::kMaskable | static_cast<u32>(std::countr_zero(vectors)) << 1);
    config.set_write_mask(at(msi::kControl), 2, msi::kEnable | 7u << 4);
    config.set_write_mask(at(msi::kAddress), 4, 0xfffffffc);
    config.set_write_mask(at(msi::kUpper), 4, 0xffffffff);
    config.set_write_mask(at(msi::kData), 2, 0xffff);
    config.set_write_mask(at(msi::kMask), 4, vectors == 32 ? ~0u : (1u << vectors) - 1);
}

bool MsiCapability::enabled() const { return config_.read(static_cast<u8>(offset_ + msi::kControl), 2) & msi::kEnable; }

unsigned MsiCapability::granted() const {
    const u32 control = config_.read(static_cast<u8>(offset_ + msi::kControl), 2);
    return 1u << std::min(control >> 4 & 7, control >> 1 & 7);
}

void MsiCapability::send(unsigned vector) {
    const auto word = [&](u8 place, unsigned size) { return config_.read(static_cast<u8>(offset_ + place), size); };
    // Software leaves the low bits of the data to the function: the number of the message.
    const u32 data = (word(msi::kData, 2) & ~(granted() - 1)) | vector;
    send_message(memory_, word(msi::kAddress, 4) | u64{word(msi::kUpper, 4)} << 32, data);
}

void MsiCapability::notify(unsigned vector) {
    if (!enabled()) return;
    vector = std::min(vector, granted() - 1);
    const u8 pending = static_cast<u8>(offset_ + msi::kPending);
    if (config_.read(static_cast<u8>(offset_ + msi::kMask), 4) >> vector & 1)
        config_.set_read_only(pending, 4, config_.read(pending, 4) | 1u << vector);
    else
        send(vector);
}

void MsiCapability::config_written() {
    if (!enabled()) return;
    const u8 place = static_cast<u8>(offset_ + msi::kPending);
    const u32 pending = config_.read(place, 4);
    const u32 ready = pending & ~config_.read(static_cast<u8>(offset_ + msi::kMask), 4);
    if (ready == 0) return;
    config_.set_read_only(place, 4, pending & ~ready);
    for (u32 bits = ready; bits != 0; bits &= bits - 1) send(static_cast<unsigned>(std::countr_zero(bits)));
}

// ---- MSI-X ----------------------------------------------------------------------------------------------

MsixCapability::MsixCapability(PciConfig& config, u8 offset, unsigned vectors, unsigned bar, u32 bar_offset,
                               DmaPort& memory)
    : config_(config), offset_(offset), vectors_(vectors), memory_(memory) {
    assert(vectors >= 1 && vectors <= kMaxVectors && bar < 6 && bar_offset % 8 == 0 && offset >= 0x40);
    const auto at = [&](u8 place) { return static_cast<u8>(offset + place); };
    add_capability(config, offset, msix::kId);
    config.preset(at(msix::kControl), 2, vectors - 1);
    config.set_write_mask(at(msix::kControl), 2, msix::kEnable | msix::kFunctionMask);
    config.preset(at(msix::kTable), 4, bar_offset | bar);
    config.preset(at(msix::kPending), 4, (bar_offset + static_cast<u32>(kPendingOffset)) | bar);
    reset();
}

void MsixCapability::reset() {
    state_.table.assign(size_t{vectors_} * 4, 0);
    for (unsigned i = 0; i < vectors_; i++) state_.table[i * 4 + 3] = msix::kVectorMask;
    state_.pending.assign((vectors_ + 31) / 32, 0);
}

bool MsixCapability::set_state(State state) {
    if (state.table.size() != state_.table.size() || state.pending.size() != state_.pending.size()) return false;
    state_ = std::move(state);
    return true;
}

bool MsixCapability::enabled() const {
    return config_.read(static_cast<u8>(offset_ + msix::kControl), 2) & msix::kEnable;
}

bool MsixCapability::masked(unsigned vector) const {
    return config_.read(static_cast<u8>(offset_ + msix::kControl), 2) & msix::kFunctionMask ||
           state_.table[vector * 4 + 3] & msix::kVectorMask;
}

void MsixCapability::send(unsigned vector) {
    const u32* entry = &state_.table[size_t{vector} * 4];
    send_message(memory_, (entry[0] & ~u32{3}) | u64{entry[1]} << 32, entry[2]);
}

void MsixCapability::notify(unsigned vector) {
    if (!enabled() || vector >= vectors_) return;
    if (masked(vector))
        state_.pending[vector / 32] |= 1u << vector % 32;
    else
        send(vector);
}

void MsixCapability::config_written() {
    if (!enabled()) return;
    for (unsigned vector = 0; vector < vectors_; vector++) {
        u32& word = state_.pending[vector / 32];
        const u32 bit = 1u << vector % 32;
        if (!(word & bit) || masked(vector)) continue;
        word &= ~bit;
        send(vector);
    }
}

u32 MsixCapability::read_word(u64 offset) const {
    if (offset / 4 < state_.table.size()) return state_.table[offset / 4];
    if (offset >= kPendingOffset && (offset - kPendingOffset) / 4 < state_.pending.size())
        return state_.pending[(offset - kPendingOffset) / 4];
    return 0;
}

u64 MsixCapability::mmio_read(u64 offset, unsigned size) {
    const u64 low = read_word(offset & ~u64{3});
    if (size == 8) return low | u64{read_word((offset & ~u64{3}) + 4)} << 32;
    const u64 value = low >> 8 * (offset & 3);
    return size == 4 ? value : value & ((u64{1} << 8 * size) - 1);
}

void MsixCapability::mmio_write(u64 offset, unsigned size, u64 value) {
    if (size == 8) {
        mmio_write(offset, 4, value & 0xffffffff);
        mmio_write(offset + 4, 4, value >> 32);
        return;
    }
    // Only whole words are written (6.8.2); the pending bits cannot be.
    if (size != 4 || offset % 4 != 0 || offset / 4 >= state_.table.size()) return;
    u32& word = state_.table[offset / 4];
    word = offset % 16 == 12 ? static_cast<u32>(value) & msix::kVectorMask : static_cast<u32>(value);
    if (offset % 16 == 12) config_written();
}

static_assert(every_field_listed<MsixCapability::State>());

}  // namespace gnomon
