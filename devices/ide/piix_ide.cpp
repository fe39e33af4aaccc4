// Configuration space and bus master registers of the PIIX3 IDE function.
#include "devices/ide/piix_ide.h"

namespace gnomon {
namespace {

constexpr u8 kTiming = 0x40;       // IDETIM: primary, then secondary at 42h
constexpr u8 kSlaveTiming = 0x44;  // SIDETIM
constexpr u8 kCommand = 0x04;
constexpr u16 kDecodeEnable = 0x8000;  // bit 15 of IDETIM
constexpr unsigned kBusMasterBar = 4;
constexpr u32 kBusMasterPorts = 16;

constexpr PciConfig::Identity kIdentity{
    .vendor = PiixIde::kVendor,
    .device = PiixIde::kDevice,
    .class_code = 0x010180,  // IDE, bus master, both channels in compatibility mode
    .revision = 0,
    .header_type = 0x80,
    .subsystem_vendor = 0,
    .subsystem = 0,
    .interrupt_pin = 0,  // IRQ 14 and 15 are no PCI interrupts
};

}  // namespace

static_assert(every_field_listed<PiixIde::State>());

PiixIde::PiixIde(PortBus& ports, DmaPort& memory, Log& log)
    : ports_(ports), log_(log), config_(kIdentity), bus_masters_{BusMaster(memory), BusMaster(memory)} {
    config_.set_write_mask(kCommand, 2, 0x0005);  // I/O space, bus master
    config_.preset(0x06, 2, 0x0280);              // medium DEVSEL#, fast back-to-back
    config_.set_clear_mask(0x06, 2, 0x3800);
    config_.set_write_mask(0x0c, 2, 0xf000);  // latency timer, in steps of 16
    // The chip comes up with both channels off. Firmware made for virtual machines (OVMF) takes them as they are and
    // never sets the bits; Bochs and QEMU decode the ports from reset on as well.
    for (unsigned i = 0; i < 2; i++) config_.preset(static_cast<u8>(kTiming + 2 * i), 2, kDecodeEnable);
    config_.set_write_mask(kTiming, 4, 0xf3fff3ff);
    config_.set_write_mask(kSlaveTiming, 1, 0xff);
    config_.add_io_bar(kBusMasterBar, kBusMasterPorts,
                       [this](u64 base, bool enabled) { move_registers(base, enabled); });
}

PiixIde::~PiixIde() {
    for (const auto& channel : channels_)
        if (channel) channel->set_bus_master(nullptr);
}

Result<std::unique_ptr<PiixIde>> PiixIde::create(PortBus& ports, DmaPort& memory, Log& log, Line irq14,
                                                 Line irq15) {
    std::unique_ptr<PiixIde> ide(new PiixIde(ports, memory, log));
    const std::array<Line, 2> lines{irq14, irq15};
    for (unsigned i = 0; i < 2; i++) {
        Result<std::unique_ptr<IdeChannel>> channel =
            IdeChannel::create(ports, lines[i], i == 0 ? IdeChannel::primary() : IdeChannel::secondary());
        if (!channel) return channel.error();
        ide->channels_[i] = std::move(*channel);
        ide->channels_[i]->set_bus_master(&ide->bus_masters_[i]);
    }
    ide->apply_enables();
    return ide;
}

void PiixIde::reset() {
    config_.reset();
    for (BusMaster& bus_master : bus_masters_) bus_master.reset();
    for (const auto& channel : channels_) channel->reset();
    apply_enables();
}

void PiixIde::config_write(u8 offset, unsigned size, u32 value) {
    config_.write(offset, size, value);
    apply_enables();
}

/// The legacy ports answer only with I/O space and the channel's own decoding enabled.
void PiixIde::apply_enables() {
    for (unsigned i = 0; i < 2; i++) {
        const bool decode = config_.read(static_cast<u8>(kTiming + 2 * i), 2) & kDecodeEnable;
        channels_[i]->set_decode(decode && config_.io_enabled());
        bus_masters_[i].allow(config_.bus_master());
    }
}

void PiixIde::move_registers(u64 base, bool enabled) {
    claim_ = {};
    if (!enabled) return;
    base_ = static_cast<u16>(base);
    Result<PortClaim> claim = ports_.claim("ide bus master", {base_, kBusMasterPorts, 1}, *this);
    if (claim)
        claim_ = std::move(*claim);
    else
        log_.guest("ide", "bus master registers over other ports", "bus master registers: {}",
                   claim.error().message);
}

u32 PiixIde::port_read(u16 port, unsigned) {
    const unsigned offset = port - base_;
    return bus_masters_[offset / 8].read(offset % 8);
}

void PiixIde::port_write(u16 port, unsigned, u32 value) {
    const unsigned offset = port - base_;
    bus_masters_[offset / 8].write(offset % 8, static_cast<u8>(value));
}

StateNode PiixIde::save_state() const {
    return save_value(State{config_.state(), {bus_masters_[0].state(), bus_masters_[1].state()}});
}

Result<StatePart::Install> PiixIde::load_state(const StateNode& node) {
    return prepare_state<State>(node, [this](State state) {
        config_.set_state(state.config);
        for (size_t i = 0; i < 2; i++) bus_masters_[i].set_state(state.bus_masters[i]);
        apply_enables();
    });
}

}  // namespace gnomon
