// PIIX3 function 0.
#include "devices/pci/piix3.h"

#include <cassert>

namespace gnomon {
namespace {

constexpr PortRange kPorts[] = {{0x92, 1}};
constexpr u16 kPort92 = 0x92;
constexpr u16 kResetControlPort = 0xcf9;  // reached through the host bridge, which owns CF8h–CFFh

constexpr u8 kFastReset = 0x01;
constexpr u8 kFastA20 = 0x02;
constexpr u8 kSystemReset = 0x02;
constexpr u8 kResetCpu = 0x04;

constexpr u8 kPirqRoute = 0x60;
constexpr u8 kNotRouted = 0x80;
constexpr u16 kRoutable = 0xdef8;  // not 0, 1, 2, 8, 13

struct Register {
    u8 offset;
    u8 size;
    u16 value;
    u16 writable;
};

constexpr Register kRegisters[] = {
    {0x04, 2, 0x0007, 0x0100},  // always decodes and masters
    {0x06, 2, 0x0200, 0x0000},  // medium DEVSEL#
    {0x0c, 2, 0x0000, 0x0000},  // no cache line size, no latency timer
    {0x4c, 1, 0x4d, 0x7f},      // ISA I/O recovery
    {0x4e, 2, 0x0003, 0x01ff},  // XBCS: X-bus chip selects
    {0x60, 1, 0x80, 0x8f},      // PIRQ routes
    {0x61, 1, 0x80, 0x8f},     {0x62, 1, 0x80, 0x8f},
    {0x63, 1, 0x80, 0x8f},     {0x69, 1, 0x02, 0xfe},      // top of memory for ISA masters
    {0x6a, 2, 0x0000, 0x8010},                             // miscellaneous status
    {0x70, 1, 0x80, 0xcf},                                 // motherboard device IRQ route
    {0x76, 1, 0x0c, 0x8f},                                 // motherboard DMA
    {0x77, 1, 0x0c, 0x8f},     {0x78, 2, 0x0002, 0xffff},  // programmable chip select
    {0x80, 1, 0x00, 0x7f},                                 // APIC base relocation
    {0x82, 1, 0x00, 0x0f},                                 // deterministic latency control
    {0xa0, 1, 0x08, 0x1f},                                 // SMI control
    {0xa2, 2, 0x0000, 0x00ff},                             // SMI enable
    {0xa4, 2, 0x0000, 0xffff},                             // system event enable
    {0xa6, 2, 0x0000, 0xe0ff}, {0xa8, 1, 0x0f, 0xff},      // fast-off timer
    {0xac, 1, 0x00, 0xff},                                 // clock scale
    {0xae, 1, 0x00, 0xff},
};

constexpr PciConfig::Identity kIdentity{.vendor = 0x8086,
                                        .device = 0x7000,
                                        .class_code = 0x060100,
                                        .header_type = 0x80,
                                        .subsystem_vendor = 0x1af4,
                                        .subsystem = 0x1100};

}  // namespace

Piix3::Piix3(Wires wires) : wires_(std::move(wires)), config_(kIdentity) {
    for (const Register& r : kRegisters) {
        config_.preset(r.offset, r.size, r.value);
        config_.set_write_mask(r.offset, r.size, r.writable);
    }
}

Result<std::unique_ptr<Piix3>> Piix3::create(PortBus& ports, PciBus& bus, Wires wires) {
    std::unique_ptr<Piix3> piix(new Piix3(std::move(wires)));
    auto claims = ports.claim_all("piix3", kPorts, *piix);
    if (!claims) return claims.error();
    piix->claims_ = std::move(*claims);
    auto slot = bus.add("piix3", kDevice, 0, *piix);
    if (!slot) return slot.error();
    piix->slot_ = std::move(*slot);
    return piix;
}

void Piix3::reset() {
    config_.reset();
    state_.port92 = 0;
    state_.reset_control = 0;
    update_a20();
    route();
}

Line Piix3::interrupt(unsigned device, unsigned pin) {
    assert(device < PciBus::kDevices && pin >= 1 && pin <= 4);
    const unsigned pirq = (device + PciBus::kDevices - kDevice + pin - 1) % 4;
    assert(source_counts_[pirq] < 32);
    return {*this, pirq + 4 * source_counts_[pirq]++};
}

void Piix3::set_line(unsigned pin, bool level) {
    if (pin == kA20Gate) {
        state_.keyboard_a20 = level;
        update_a20();
    } else {
        u32& sources = state_.sources[pin % 4];
        const u32 source = u32{1} << pin / 4;
        const u32 before = sources;
        sources = level ? sources | source : sources & ~source;
        if (!sources != !before) route();
    }
}

/// Drives the inputs of the interrupt controller from PIRQA–D.
void Piix3::route() {
    u16 levels = 0;
    u8 pirqs = 0;
    for (unsigned pirq = 0; pirq < 4; pirq++) {
        if (state_.sources[pirq]) pirqs |= static_cast<u8>(1u << pirq);
        const u32 target = config_.read(static_cast<u8>(kPirqRoute + pirq), 1);
        const u16 irq = static_cast<u16>(1u << (target & 15));
        if (!(target & kNotRouted) && irq & kRoutable && state_.sources[pirq]) levels |= irq;
    }
    const u8 turned = static_cast<u8>(pirqs ^ std::exchange(driven_pirqs_, pirqs));
    for (unsigned pirq = 0; pirq < 4; pirq++)
        if (turned >> pirq & 1) wires_.pirqs[pirq].set(pirqs >> pirq & 1);
    const u16 changed = static_cast<u16>(levels ^ std::exchange(driven_irqs_, levels));
    for (unsigned irq = 0; irq < 16; irq++)
        if (changed >> irq & 1) wires_.irqs[irq].set(levels >> irq & 1);
}

void Piix3::update_a20(bool always) {
    const bool enabled = state_.keyboard_a20 || state_.port92 & kFastA20;
    if (std::exchange(a20_enabled_, enabled) == enabled && !always) return;
    if (wires_.a20) wires_.a20(enabled);
}

void Piix3::config_write(u8 offset, unsigned size, u32 value) {
    config_.write(offset, size, value);
    route();
}

u32 Piix3::port_read(u16 port, unsigned /*size*/) {
    if (port == kPort92) return state_.port92;
    if (port == kResetControlPort) return state_.reset_control;
    return 0xff;
}

void Piix3::port_write(u16 port, unsigned /*size*/, u32 value) {
    if (port == kPort92) {
        const bool start = value & kFastReset && !(state_.port92 & kFastReset);
        state_.port92 = value & (kFastReset | kFastA20);
        update_a20();
        if (start && wires_.reset) wires_.reset(ResetKind::Cpu);
    } else if (port == kResetControlPort) {
        const bool start = value & kResetCpu && !(state_.reset_control & kResetCpu);
        state_.reset_control = value & (kSystemReset | kResetCpu);
        if (start && wires_.reset) wires_.reset(value & kSystemReset ? ResetKind::System : ResetKind::Cpu);
    }
}

StateNode Piix3::save_state() const {
    State state = state_;
    state.config = config_.state();
    return save_value(state);
}

Result<StatePart::Install> Piix3::load_state(const StateNode& node) {
    return prepare_state<State>(node, [this](const State& state) {
        state_ = state;
        config_.set_state(state.config);
        update_a20(true);
        route();
    });
}

static_assert(every_field_listed<Piix3::State>());

}  // namespace gnomon
