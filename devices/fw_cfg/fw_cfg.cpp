// Selector, data port, DMA engine and file directory of the firmware configuration device.
#include "devices/fw_cfg/fw_cfg.h"

#include <bit>

namespace gnomon {
namespace {

constexpr u32 kIdTraditional = 1 << 0;
constexpr u32 kIdDma = 1 << 1;

// Bits of the control word of a DMA descriptor.
constexpr u32 kDmaError = 1 << 0;
constexpr u32 kDmaRead = 1 << 1;
constexpr u32 kDmaSkip = 1 << 2;
constexpr u32 kDmaSelect = 1 << 3;
constexpr u32 kDmaWrite = 1 << 4;

constexpr u32 kDirectoryEntryBytes = 64;
constexpr u64 kPhysicalLimit = u64{1} << 52;

template<class T>
void append_little(std::vector<u8>& out, T value) {
    for (size_t i = 0; i < sizeof value; i++) out.push_back(static_cast<u8>(value >> 8 * i));
}

template<class T>
void append_big(std::vector<u8>& out, T value) {
    for (size_t i = sizeof value; i-- > 0;) out.push_back(static_cast<u8>(value >> 8 * i));
}

constexpr u32 swap_bytes(u32 value) {
    return value >> 24 | (value >> 8 & 0xff00) | (value << 8 & 0xff0000) | value << 24;
}

u32 big_at(std::span<const u8> bytes, size_t at) {
    return u32{bytes[at]} << 24 | u32{bytes[at + 1]} << 16 | u32{bytes[at + 2]} << 8 | bytes[at + 3];
}

template<class T>
std::vector<u8> little_bytes(T value) {
    std::vector<u8> bytes;
    append_little(bytes, value);
    return bytes;
}

}  // namespace

static_assert(every_field_listed<FwCfg::State>());

std::vector<u8> e820_table(std::span<const E820Entry> entries) {
    std::vector<u8> bytes;
    for (const E820Entry& entry : entries) {
        append_little(bytes, entry.address);
        append_little(bytes, entry.length);
        append_little(bytes, static_cast<u32>(entry.type));
    }
    return bytes;
}

std::vector<u8> boot_order(std::span<const std::string> paths) {
    std::vector<u8> bytes;
    for (const std::string& path : paths) {
        if (!bytes.empty()) bytes.push_back('\n');
        bytes.insert(bytes.end(), path.begin(), path.end());
    }
    bytes.push_back(0);
    return bytes;
}

FwCfg::FwCfg(DmaPort& dma, Log& log) : dma_(dma), log_(log) {
    set_legacy(FwCfgKey::Signature, std::vector<u8>{'Q', 'E', 'M', 'U'});
    set_legacy(FwCfgKey::Id, kIdTraditional | kIdDma);
    rebuild_directory();
}

Result<std::unique_ptr<FwCfg>> FwCfg::create(PortBus& bus, DmaPort& dma, Log& log) {
    std::unique_ptr<FwCfg> device(new FwCfg(dma, log));
    constexpr std::array kPorts{kSelectorAndData, kDmaAddress};
    Result<std::vector<PortClaim>> claims = bus.claim_all("fw_cfg", kPorts, *device);
    if (!claims) return claims.error();
    device->claims_ = std::move(*claims);
    return device;
}

Result<void> FwCfg::add_file(std::string_view name, std::vector<u8> bytes, bool writable) {
    if (name.empty() || name.size() > kMaxFileName)
        return fail("fw_cfg: the file name '{}' has {} characters; 1 to {} are possible", name, name.size(),
                    kMaxFileName);
    if (name.find('\0') != name.npos) return fail("fw_cfg: the file name '{}' contains a zero byte", name);
    if (bytes.size() > 0xffffffff) return fail("fw_cfg: the file '{}' has 4 GiB or more", name);
    for (const auto& [key, item] : items_)
        if (item.name == name) return fail("fw_cfg: the file '{}' is given twice", name);
    if (files_ == kMaxFiles) return fail("fw_cfg: more than {} files, at '{}'", kMaxFiles, name);
    const u16 key = static_cast<u16>(static_cast<size_t>(FwCfgKey::FileFirst) + files_++);
    items_[key] = {std::string(name), std::move(bytes), writable};
    rebuild_directory();
    return {};
}

Result<void> FwCfg::add_file(std::string_view name, std::string_view text) {
    return add_file(name, std::vector<u8>(text.begin(), text.end()));
}

Result<void> FwCfg::add_file(std::string_view name, std::vector<u8> bytes, Refresh refresh) {
    if (Result<void> added = add_file(name, std::move(bytes)); !added) return added;
    for (auto& [key, item] : items_)
        if (item.name == name) item.refresh = std::move(refresh);
    return {};
}

std::span<const u8> FwCfg::file(std::string_view name) const {
    for (const auto& [key, item] : items_)
        if (item.name == name) return item.bytes;
    return {};
}

void FwCfg::set_legacy(FwCfgKey key, std::vector<u8> bytes) {
    items_[static_cast<u16>(key)] = {{}, std::move(bytes)};
    if (state_.selector == static_cast<u16>(key)) state_.offset = 0;
    find_selected();
}
void FwCfg::set_legacy(FwCfgKey key, u16 value) { set_legacy(key, little_bytes(value)); }
void FwCfg::set_legacy(FwCfgKey key, u32 value) { set_legacy(key, little_bytes(value)); }
void FwCfg::set_legacy(FwCfgKey key, u64 value) { set_legacy(key, little_bytes(value)); }

void FwCfg::rebuild_directory() {
    std::vector<u8> directory;
    append_big(directory, static_cast<u32>(files_));
    for (const auto& [key, item] : items_) {
        if (item.name.empty()) continue;
        const size_t end = directory.size() + kDirectoryEntryBytes;
        append_big(directory, static_cast<u32>(item.bytes.size()));
        append_big(directory, key);
        append_big(directory, u16{0});
        directory.insert(directory.end(), item.name.begin(), item.name.end());
        directory.resize(end);
    }
    set_legacy(FwCfgKey::FileDir, std::move(directory));
}

void FwCfg::reset() {
    select(static_cast<u16>(FwCfgKey::Signature));
    state_.dma_address_high = 0;
}

void FwCfg::select(u16 key) {
    state_.selector = key;
    state_.offset = 0;
    find_selected();
    if (!selected_)
        log_.guest("fw_cfg", "unknown item", "item {:#06x} does not exist: it reads as zeros", key);
    else if (selected_->refresh)
        selected_->refresh(selected_->bytes);
}

void FwCfg::find_selected() {
    const auto found = items_.find(state_.selector);
    selected_ = found == items_.end() ? nullptr : &found->second;
}

u8 FwCfg::next_byte() {
    const Item* item = selected_;
    if (!item || state_.offset >= item->bytes.size()) return 0;
    return item->bytes[state_.offset++];
}

u32 FwCfg::port_read(u16 port, unsigned size) {
    // The DMA address register reads as a second signature, in memory order.
    if (port == kDmaAddress.first) return swap_bytes(0x51454d55);      // "QEMU"
    if (port == kDmaAddress.first + 4) return swap_bytes(0x20434647);  // " CFG"
    if (port == 0x511) return next_byte();
    // The selector is write-only; a word read covers it and the data register.
    return size == 2 ? u32{next_byte()} << 8 : 0;
}

void FwCfg::port_write(u16 port, unsigned size, u32 value) {
    if (port == 0x510 && size == 2) {
        select(static_cast<u16>(value));
    } else if (port == kDmaAddress.first && size == 4) {
        state_.dma_address_high = swap_bytes(value);
    } else if (port == kDmaAddress.first + 4 && size == 4) {
        const GuestPhys descriptor(u64{state_.dma_address_high} << 32 | swap_bytes(value));
        state_.dma_address_high = 0;
        run_dma(descriptor);
    } else {
        // Writing items through the data register was withdrawn from the specification.
        log_.guest("fw_cfg", "write without effect",
                   "write of {:#x} ({} bytes) to port {:#06x} has no effect", value, size, port);
    }
}

void FwCfg::run_dma(GuestPhys descriptor) {
    std::array<u8, 16> raw{};
    dma_.dma_read(descriptor, raw);
    const u32 control = big_at(raw, 0);
    const u32 length = big_at(raw, 4);
    const GuestPhys buffer(u64{big_at(raw, 8)} << 32 | big_at(raw, 12));

    if (control & kDmaSelect) select(static_cast<u16>(control >> 16));
    // No processor has more physical address bits: a descriptor of ones must not keep the machine busy.
    bool error = buffer.value > kPhysicalLimit - length;
    if (error) {
        log_.guest("fw_cfg", "bad DMA address", "DMA of {} bytes at {:#x}", length, buffer.value);
    } else if (control & kDmaRead) {
        dma_read_item(buffer, length);
    } else if (control & kDmaWrite) {
        error = !dma_write_item(buffer, length);
    } else if (control & kDmaSkip) {
        if (const Item* item = selected_)
            state_.offset += std::min<u32>(length, static_cast<u32>(item->bytes.size()) - state_.offset);
    }
    const std::array<u8, 4> status{0, 0, 0, static_cast<u8>(error ? kDmaError : 0)};
    dma_.dma_write(descriptor, status);
}

void FwCfg::dma_read_item(GuestPhys to, u32 length) {
    if (const Item* item = selected_) {
        const u32 available = std::min<u32>(length, static_cast<u32>(item->bytes.size()) - state_.offset);
        dma_.dma_write(to, std::span(item->bytes).subspan(state_.offset, available));
        state_.offset += available;
        to = to + available;
        length -= available;
    }
    static constexpr std::array<u8, 4096> kZeros{};
    while (length) {
        const u32 part = std::min<u32>(length, kZeros.size());
        dma_.dma_write(to, std::span(kZeros).first(part));
        to = to + part;
        length -= part;
    }
}

bool FwCfg::dma_write_item(GuestPhys from, u32 length) {
    Item* item = selected_;
    if (!item || !item->writable || length > item->bytes.size() - state_.offset) {
        log_.guest("fw_cfg", "refused write", "write of {} bytes to item {:#06x} at {:#x} is refused", length,
                   state_.selector, state_.offset);
        return false;
    }
    dma_.dma_read(from, std::span(item->bytes).subspan(state_.offset, length));
    state_.offset += length;
    return true;
}

StateNode FwCfg::save_state() const {
    State state = state_;
    for (const auto& [key, item] : items_)
        if (item.writable) state.written_files.push_back(item.bytes);
    return save_value(state);
}

Result<StatePart::Install> FwCfg::load_state(const StateNode& node) {
    State fresh;
    if (Result<void> loaded = load_value(node, fresh); !loaded) return loaded.error();
    size_t index = 0;
    for (const auto& [key, item] : items_) {
        if (!item.writable) continue;
        if (index == fresh.written_files.size() || fresh.written_files[index].size() != item.bytes.size())
            return fail("written_files: the snapshot has no content for '{}' of {} bytes", item.name,
                        item.bytes.size());
        index++;
    }
    if (index != fresh.written_files.size())
        return fail("written_files: {} files instead of {}", fresh.written_files.size(), index);
    const auto found = items_.find(fresh.selector);
    if (fresh.offset > (found == items_.end() ? 0 : found->second.bytes.size()))
        return fail("offset {:#x} lies outside item {:#06x}", fresh.offset, fresh.selector);
    return Install([this, fresh = std::move(fresh)]() mutable {
        size_t file = 0;
        for (auto& [key, item] : items_)
            if (item.writable) item.bytes = std::move(fresh.written_files[file++]);
        fresh.written_files.clear();
        state_ = std::move(fresh);
        find_selected();
        if (selected_ && selected_->refresh) selected_->refresh(selected_->bytes);
    });
}

}  // namespace gnomon
