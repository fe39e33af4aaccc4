// Port decoding and device selection of an ATA channel.
#include "devices/ide/ide_channel.h"

namespace gnomon {
namespace {

/// DD7 has a pull-down, so that nobody on the cable does not look busy.
constexpr u8 kFloating = 0x7f;
constexpr u8 kSecondDevice = 0x10;
constexpr u8 kDiagnostic = 0x90;

}  // namespace

static_assert(every_field_listed<IdeChannel::State>());

Result<std::unique_ptr<IdeChannel>> IdeChannel::create(PortBus& ports, Line irq, Config config) {
    std::unique_ptr<IdeChannel> channel(new IdeChannel(irq, std::move(config)));
    const u16 base = channel->config_.command_base;
    const PortRange ranges[] = {
        {base, 8, 1 | 2 | 4},
        {channel->config_.control_port, 1, 1},
    };
    Result<std::vector<PortClaim>> claims = ports.claim_all(channel->config_.name, ranges, *channel);
    if (!claims) return claims.error();
    channel->claims_ = std::move(*claims);
    return channel;
}

void IdeChannel::attach(unsigned number, std::unique_ptr<IdeDevice> device) {
    devices_.at(number) = std::move(device);
    devices_[number]->attach(*this, number);
}

void IdeChannel::set_bus_master(BusMaster* bus_master) {
    bus_master_ = bus_master;
    if (!bus_master_) return;
    bus_master_->on_start([this] {
        if (selected()) selected()->dma_started();
    });
}

void IdeChannel::reset() {
    state_.selected = 0;
    for (const auto& device : devices_)
        if (device) device->hardware_reset();
    interrupt_changed();
}

Result<StatePart::Install> IdeChannel::load_state(const StateNode& node) {
    State fresh;
    if (Result<void> loaded = load_value(node, fresh); !loaded) return loaded.error();
    if (fresh.selected > 1) return fail("device {} cannot be selected", fresh.selected);
    return Install([this, fresh] { state_ = fresh; });
}

void IdeChannel::interrupt_changed() {
    const bool irq = selected() && selected()->interrupt_request();
    if (irq == state_.irq) return;
    state_.irq = irq;
    if (irq && bus_master_) bus_master_->interrupt();
    irq_.set(irq);
}

u8 IdeChannel::read_status(bool alternate) {
    if (IdeDevice* device = selected()) return alternate ? device->alternate_status() : device->read_status();
    // Device 0 answers for an absent device 1, with a status of 0.
    return state_.selected == 1 && devices_[0] ? 0 : kFloating;
}

/// For an absent device 1 a disk shows its own registers, a PACKET device zeros: its signature must not be
/// seen twice.
u8 IdeChannel::read_register(IdeRegister which) {
    if (IdeDevice* device = selected()) return device->read_register(which);
    if (state_.selected == 0 || !devices_[0]) return kFloating;
    return devices_[0]->is_packet_device() ? 0 : devices_[0]->read_register(which);
}

u32 IdeChannel::port_read(u16 port, unsigned size) {
    if (!decode_) return ~u32{0};
    if (port == config_.control_port) return read_status(true);
    if (port == config_.command_base) return selected() ? selected()->read_data(size) : 0xff7fff7f;
    // Only the data port is wider than a byte; a wide access to another register is one to its neighbours
    // too.
    u32 value = 0;
    for (unsigned i = 0; i < size; i++) {
        const auto which = static_cast<IdeRegister>(port + i - config_.command_base);
        const u8 byte = which == IdeRegister::Command ? read_status(false) : read_register(which);
        value |= u32{byte} << 8 * i;
    }
    return value;
}

void IdeChannel::port_write(u16 port, unsigned size, u32 value) {
    if (!decode_) return;
    if (port == config_.control_port) return write_control(static_cast<u8>(value));
    if (port == config_.command_base) {
        if (selected()) selected()->write_data(size, value);
        return;
    }
    for (unsigned i = 0; i < size; i++)
        write_register(static_cast<IdeRegister>(port + i - config_.command_base),
                       static_cast<u8>(value >> 8 * i));
}

void IdeChannel::write_control(u8 value) {
    for (const auto& device : devices_)
        if (device) device->write_control(value);
    if (value & 0x04) state_.selected = 0;
    interrupt_changed();
}

void IdeChannel::write_register(IdeRegister which, u8 value) {
    if (which == IdeRegister::Command) {
        if (value == kDiagnostic) {
            for (const auto& device : devices_)
                if (device) device->start_diagnostic();
            state_.selected = 0;
        } else if (selected()) {
            selected()->write_command(value);
        }
        return interrupt_changed();
    }
    for (const auto& device : devices_)
        if (device) device->write_register(which, value);
    if (which != IdeRegister::Device) return;
    state_.selected = value & kSecondDevice ? 1 : 0;
    interrupt_changed();
}

}  // namespace gnomon
