// i440FX registers.
#include "devices/pci/host_bridge.h"

#include <algorithm>
#include <array>

namespace gnomon {
namespace {

constexpr PortRange kPorts[] = {{0xcf8, 8, 1 | 2 | 4}};
constexpr u16 kAddressPort = 0xcf8;
constexpr u16 kDataPort = 0xcfc;
constexpr u32 kAddressEnable = 0x8000'0000;
constexpr u32 kAddressBits = 0x80ff'fffc;

constexpr u8 kPam0 = 0x59;
constexpr unsigned kPamRegisters = 7;
constexpr u8 kRowBoundary = 0x60;
constexpr unsigned kRows = 8;
constexpr u8 kSmram = 0x72;
constexpr u8 kSmramOpen = 0x40;
constexpr u8 kSmramClosed = 0x20;
constexpr u8 kSmramLocked = 0x10;
constexpr u8 kSmramEnable = 0x08;

struct PamField {
    u8 index;  ///< PAM register
    u8 shift;
    u32 address;
    u32 size;
};

constexpr PamField kPamFields[] = {
    {0, 4, 0xf0000, 0x10000}, {1, 0, 0xc0000, 0x4000}, {1, 4, 0xc4000, 0x4000}, {2, 0, 0xc8000, 0x4000},
    {2, 4, 0xcc000, 0x4000},  {3, 0, 0xd0000, 0x4000}, {3, 4, 0xd4000, 0x4000}, {4, 0, 0xd8000, 0x4000},
    {4, 4, 0xdc000, 0x4000},  {5, 0, 0xe0000, 0x4000}, {5, 4, 0xe4000, 0x4000}, {6, 0, 0xe8000, 0x4000},
    {6, 4, 0xec000, 0x4000},
};

struct Register {
    u8 offset;
    u8 size;
    u16 value;
    u16 writable;
};

constexpr Register kRegisters[] = {
    {0x04, 2, 0x0006, 0x0140},  // memory and bus master cannot be switched off
    {0x06, 2, 0x0280, 0x0000},  // fast back-to-back, medium DEVSEL#
    {0x0c, 1, 0x00, 0x00},      // no cache line size
    {0x0d, 1, 0x00, 0xf8},      // latency timer
    {0x50, 2, 0x0000, 0xf2fc},  // PMCCFG
    {0x52, 1, 0x00, 0x00},      // deturbo
    {0x53, 1, 0x80, 0xef},      // DBX buffer control
    {0x55, 2, 0x0000, 0xffff},  // DRAM row types
    {0x57, 1, 0x01, 0xe7},      // DRAM control
    {0x58, 1, 0x00, 0x7f},      // DRAM timing
    {0x68, 1, 0x00, 0xc0},      // fixed hole
    {0x70, 1, 0x00, 0xff},      // multi-transaction timer
    {0x71, 1, 0x10, 0xff},      // CPU latency timer
    {kSmram, 1, 0x02, 0x78},    // SMRAM
    {0x90, 1, 0x00, 0xff},      // error command
};

constexpr PciConfig::Identity kIdentity{.vendor = 0x8086,
                                        .device = 0x1237,
                                        .class_code = 0x060000,
                                        .revision = 2,
                                        .subsystem_vendor = 0x1af4,
                                        .subsystem = 0x1100};

}  // namespace

HostBridge::HostBridge(PciBus& bus, u64 ram_bytes, PamChanged pam, SmramChanged smram)
    : bus_(bus), pam_changed_(std::move(pam)), smram_changed_(std::move(smram)), config_(kIdentity) {
    for (const Register& r : kRegisters) {
        config_.preset(r.offset, r.size, r.value);
        config_.set_write_mask(r.offset, r.size, r.writable);
    }
    config_.set_clear_mask(0x91, 1, 0x11);  // error status
    for (unsigned i = 0; i < kPamRegisters; i++)
        config_.set_write_mask(static_cast<u8>(kPam0 + i), 1, i == 0 ? 0x30 : 0x33);
    // Each boundary is the sum of the rows so far, in units of 8 MB; more memory than eight rows hold stays
    // unlisted.
    constexpr u64 kUnit = 8 << 20;
    const u64 units = (ram_bytes + kUnit - 1) / kUnit;
    const u64 row_units = std::max<u64>(16, (units + kRows - 1) / kRows);
    for (unsigned row = 0; row < kRows; row++) {
        const u8 offset = static_cast<u8>(kRowBoundary + row);
        config_.preset(offset, 1, static_cast<u32>(std::min<u64>({units, row_units * (row + 1), 0xff})));
        config_.set_write_mask(offset, 1, 0xff);
    }
    update_memory(true);
}

Result<std::unique_ptr<HostBridge>> HostBridge::create(PortBus& ports, PciBus& bus, u64 ram_bytes,
                                                       PamChanged pam, SmramChanged smram) {
    std::unique_ptr<HostBridge> bridge(new HostBridge(bus, ram_bytes, std::move(pam), std::move(smram)));
    auto claims = ports.claim_all("host_bridge", kPorts, *bridge);
    if (!claims) return claims.error();
    bridge->claims_ = std::move(*claims);
    auto slot = bus.add("host_bridge", 0, 0, *bridge);
    if (!slot) return slot.error();
    bridge->slot_ = std::move(*slot);
    return bridge;
}

void HostBridge::reset() {
    config_.reset();
    address_ = 0;
    update_memory(true);
}

void HostBridge::config_write(u8 offset, unsigned size, u32 value) {
    const u32 before = config_.read(kSmram, 1);
    config_.write(offset, size, value);
    if (const u32 now = config_.read(kSmram, 1); now & kSmramLocked || before & kSmramLocked) {
        // D_LCK clears D_OPEN and freezes the register until reset.
        PciConfig::State state = config_.state();
        state.bytes[kSmram] = static_cast<u8>((before & kSmramLocked ? before : now) & ~u32{kSmramOpen});
        config_.set_state(state);
    }
    update_memory(false);
}

void HostBridge::update_memory(bool always) {
    std::array<u8, 8> now;
    for (unsigned i = 0; i < kPamRegisters; i++)
        now[i] = static_cast<u8>(config_.read(static_cast<u8>(kPam0 + i), 1));
    now[7] = static_cast<u8>(config_.read(kSmram, 1));
    const std::array<u8, 8> before = std::exchange(last_memory_, now);
    for (const PamField& field : kPamFields) {
        const unsigned bits = now[field.index] >> field.shift & 3u;
        if (!always && bits == (before[field.index] >> field.shift & 3u)) continue;
        if (pam_changed_) pam_changed_(field.address, field.size, bits & 1, bits & 2);
    }
    if ((always || now[7] != before[7]) && smram_changed_) {
        const bool enabled = now[7] & kSmramEnable;
        smram_changed_(enabled, enabled && now[7] & kSmramOpen, now[7] & kSmramClosed);
    }
}

u32 HostBridge::port_read(u16 port, unsigned size) {
    if (port == kAddressPort && size == 4) return address_;
    if (port >= kDataPort && (port & (size - 1)) == 0) {
        if (!(address_ & kAddressEnable)) return ~u32{0};
        return bus_.config_read(address_ >> 16 & 0xff, address_ >> 11 & 31, address_ >> 8 & 7,
                                static_cast<u8>((address_ & 0xfc) | (port & 3)), size);
    }
    u32 value = 0;
    for (unsigned i = 0; i < size; i++) value |= u32{read_byte(static_cast<u16>(port + i))} << 8 * i;
    return value;
}

void HostBridge::port_write(u16 port, unsigned size, u32 value) {
    if (port == kAddressPort && size == 4) {
        address_ = value & kAddressBits;
    } else if (port >= kDataPort && (port & (size - 1)) == 0) {
        if (address_ & kAddressEnable)
            bus_.config_write(address_ >> 16 & 0xff, address_ >> 11 & 31, address_ >> 8 & 7,
                              static_cast<u8>((address_ & 0xfc) | (port & 3)), size, value);
    } else {
        for (unsigned i = 0; i < size; i++)
            write_byte(static_cast<u16>(port + i), static_cast<u8>(value >> 8 * i));
    }
}

u8 HostBridge::read_byte(u16 port) {
    if (port >= kDataPort) return static_cast<u8>(port_read(port, 1));
    return isa_bridge_ ? static_cast<u8>(isa_bridge_->port_read(port, 1)) : 0xff;
}

void HostBridge::write_byte(u16 port, u8 value) {
    if (port >= kDataPort)
        port_write(port, 1, value);
    else if (isa_bridge_)
        isa_bridge_->port_write(port, 1, value);
}

Result<StatePart::Install> HostBridge::load_state(const StateNode& node) {
    return prepare_state<State>(node, [this](const State& state) {
        config_.set_state(state.config);
        address_ = state.address & kAddressBits;
        update_memory(true);
    });
}

static_assert(every_field_listed<HostBridge::State>());

}  // namespace gnomon
