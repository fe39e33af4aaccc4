// Base address registers and the register window of the display adapter. QEMU, docs/specs/standard-vga.
#include "devices/vga/vga_pci.h"

#include <bit>

namespace gnomon {

static_assert(every_field_listed<VgaPci::State>());

namespace {

constexpr PciConfig::Identity kIdentity{.vendor = 0x1234,
                                        .device = 0x1111,
                                        .class_code = 0x030000,
                                        .revision = 2,  // has the byte order register
                                        .subsystem_vendor = 0x1af4,
                                        .subsystem = 0x1100};

constexpr u32 kRegisterBytes = 0x1000;
constexpr u64 kVgaPorts = 0x400;
constexpr u64 kVgaPortsEnd = 0x420;
constexpr u16 kFirstVgaPort = 0x3c0;
constexpr u64 kDispi = 0x500;
constexpr u64 kDispiEnd = kDispi + DispiState::kRegisters * 2;
constexpr u64 kExtension = 0x600;
constexpr u64 kByteOrder = 0x604;
constexpr u64 kExtensionEnd = 0x608;
constexpr u32 kBigEndian = 0xbebebebe;
constexpr u32 kLittleEndian = 0x1e1e1e1e;

}  // namespace

Result<std::unique_ptr<VgaPci>> VgaPci::create(PciBus& bus, Vga& vga, std::span<const u8> rom, Log& log, bool rom_alone) {
    std::unique_ptr<VgaPci> function(new VgaPci(vga, rom, log, rom_alone));
    Result<PciSlot> slot = bus.add("vga", kDevice, 0, *function);
    if (!slot) return slot.error();
    function->slot_ = std::move(*slot);
    return function;
}

VgaPci::VgaPci(Vga& vga, std::span<const u8> rom, Log& log, bool rom_alone)
    : vga_(vga), log_(log), config_(kIdentity), rom_(rom.begin(), rom.end()), edid_(make_edid()) {
    PhysicalMap& map = vga.memory().map();
    const u32 bytes = static_cast<u32>(vga.memory().size());
    config_.add_memory_bar(0, bytes, true, [this, &map, bytes](u64 base, bool enabled) {
        framebuffer_.reset();
        if (enabled)
            keep(framebuffer_,
                 map.add_memory("video memory", GuestPhys(base), bytes, vga_.memory().first_page()));
    });
    config_.add_memory_bar(2, kRegisterBytes, false, [this, &map](u64 base, bool enabled) {
        registers_.reset();
        if (enabled) keep(registers_, map.add_mmio("vga registers", GuestPhys(base), kRegisterBytes, *this));
    });
    if (rom_.empty()) return;
    rom_.resize(std::max<size_t>(std::bit_ceil(rom_.size()), kPageSize), 0xff);
    const auto place_rom = [this, &map](u64 base, bool enabled) {
        rom_region_.reset();
        if (enabled) keep(rom_region_, map.add_rom("vga rom", GuestPhys(base), rom_));
    };
    config_.add_rom_bar(static_cast<u32>(rom_.size()), place_rom, rom_alone);
}

/// Software may put a register over another device's: then nothing answers here.
void VgaPci::keep(PhysicalRegion& place, Result<PhysicalRegion> region) {
    if (region)
        place = std::move(*region);
    else
        log_.guest("vga", "PCI base address", "{}", region.error().message);
}

Result<StatePart::Install> VgaPci::load_state(const StateNode& node) {
    return prepare_state<State>(node, [this](const State& state) { config_.set_state(state.config); });
}

u16 VgaPci::read_word(u64 offset) {
    if (offset >= kDispi && offset < kDispiEnd)
        return vga_.dispi_read(static_cast<unsigned>(offset - kDispi) / 2);
    return static_cast<u16>(read_byte(offset) | read_byte(offset + 1) << 8);
}

u8 VgaPci::read_byte(u64 offset) {
    if (offset < edid_.size()) return edid_[offset];
    if (offset >= kVgaPorts && offset < kVgaPortsEnd)
        return static_cast<u8>(vga_.port_read(static_cast<u16>(kFirstVgaPort + offset - kVgaPorts), 1));
    if (offset >= kDispi && offset < kDispiEnd)
        return static_cast<u8>(vga_.dispi_read(static_cast<unsigned>(offset - kDispi) / 2) >>
                               8 * (offset & 1));
    if (offset >= kExtension && offset < kByteOrder)
        return static_cast<u8>((kExtensionEnd - kExtension) >> 8 * (offset - kExtension));
    if (offset >= kByteOrder && offset < kExtensionEnd)
        return static_cast<u8>(vga_.state().dispi.big_endian ? kBigEndian : kLittleEndian);
    return 0;
}

u64 VgaPci::mmio_read(u64 offset, unsigned size) {
    if (size == 1) return read_byte(offset);
    u64 value = 0;
    for (unsigned i = 0; i < size; i += 2) value |= u64{read_word(offset + i)} << 8 * i;
    return value;
}

void VgaPci::mmio_write(u64 offset, unsigned size, u64 value) {
    if (offset >= kVgaPorts && offset < kVgaPortsEnd) {
        for (unsigned i = 0; i < size && offset + i < kVgaPortsEnd; i++)
            vga_.port_write(static_cast<u16>(kFirstVgaPort + offset + i - kVgaPorts), 1,
                            static_cast<u8>(value >> 8 * i));
        return;
    }
    if (offset >= kDispi && offset < kDispiEnd) {
        // The registers are 16 bits wide.
        for (unsigned i = 0; i + 2 <= size && offset + i < kDispiEnd; i += 2)
            vga_.dispi_write(static_cast<unsigned>(offset + i - kDispi) / 2,
                             static_cast<u16>(value >> 8 * i));
        return;
    }
    if (offset == kByteOrder && size >= 4) {
        const u32 order = static_cast<u32>(value);
        if (order == kBigEndian || order == kLittleEndian) vga_.set_big_endian(order == kBigEndian);
    }
}

}  // namespace gnomon
