// 8237A: registers, transfers, software requests, memory-to-memory.
#include "devices/dma/isa_dma.h"

#include <algorithm>
#include <array>
#include <cassert>

namespace gnomon {
namespace {

constexpr PortRange kPorts[] = {{0x00, 16}, {0x80, 16}, {0xc0, 32}};
constexpr u16 kPagePorts = 0x80;
constexpr u16 kSecondController = 0xc0;
constexpr unsigned kCascade = 4;

/// The page register of each channel, as an offset from port 80h. The others are mere storage.
constexpr std::array<u8, 8> kPageOf = {0x7, 0x3, 0x1, 0x2, 0xf, 0xb, 0x9, 0xa};

// Command register.
constexpr u8 kMemoryToMemory = 0x01;
constexpr u8 kHoldAddress0 = 0x02;
constexpr u8 kDisabled = 0x04;

// Mode register.
constexpr u8 kDecrement = 0x20;
constexpr u8 kAutoInitialise = 0x10;
constexpr u8 kTransfer = 0x0c;
constexpr u8 kWriteTransfer = 0x04;  // to memory
constexpr u8 kReadTransfer = 0x08;
constexpr u8 kIllegalTransfer = 0x0c;
constexpr u8 kService = 0xc0;
constexpr u8 kCascadeMode = 0xc0;
constexpr u8 kBlockMode = 0x80;

constexpr u8 bit(unsigned channel) { return static_cast<u8>(1u << channel % 4); }
constexpr unsigned unit_bytes(unsigned channel) { return channel < 4 ? 1 : 2; }

}  // namespace

IsaDma::IsaDma(DmaPort& memory) : memory_(memory) {
    for (unsigned i = 0; i < kChannels; i++) channels_.emplace_back(*this, i);
}

Result<std::unique_ptr<IsaDma>> IsaDma::create(PortBus& ports, DmaPort& memory) {
    std::unique_ptr<IsaDma> dma(new IsaDma(memory));
    auto claims = ports.claim_all("dma", kPorts, *dma);
    if (!claims) return claims.error();
    dma->claims_ = std::move(*claims);
    return dma;
}

IsaDmaChannel& IsaDma::channel(unsigned channel) {
    assert(channel < kChannels && channel != kCascade);
    return channels_[channel];
}

void IsaDma::reset() {
    for (Controller& controller : state_.controllers) {
        const u8 lines = controller.lines;
        controller = {};
        controller.lines = lines;
    }
    state_.pages = {};
    notify_ready();
}

void IsaDma::master_clear(Controller& controller) {
    controller.command = 0;
    controller.mask = 0x0f;
    controller.terminal_counts = 0;
    controller.software_requests = 0;
    controller.temporary = 0;
    controller.high_byte_next = false;
}

bool IsaDma::ready(unsigned channel) const {
    const Controller& own = controller(channel);
    const u8 mode = own.channels[channel % 4].mode;
    if (own.command & kDisabled || own.mask & bit(channel)) return false;
    if ((mode & kService) == kCascadeMode || (mode & kTransfer) == kIllegalTransfer) return false;
    if (channel >= 4) return true;
    const Controller& second = state_.controllers[1];
    return !(second.command & kDisabled) && !(second.mask & bit(kCascade)) &&
           (second.channels[0].mode & kService) == kCascadeMode;
}

GuestPhys IsaDma::address(unsigned channel) const {
    const u64 page = state_.pages[kPageOf[channel]];
    const u64 offset = controller(channel).channels[channel % 4].address;
    return GuestPhys(channel < 4 ? page << 16 | offset : (page & 0xfe) << 16 | offset << 1);
}

void IsaDma::advance(unsigned channel, u32 units) {
    ChannelState& r = registers(channel);
    r.address = static_cast<u16>(r.mode & kDecrement ? r.address - units : r.address + units);
    r.count = static_cast<u16>(r.count - units);
}

/// Called after the unit that made the count pass zero.
bool IsaDma::finish_if_done(unsigned channel) {
    ChannelState& r = registers(channel);
    if (r.count != 0xffff) return false;
    Controller& own = controller(channel);
    own.terminal_counts |= bit(channel);
    own.software_requests &= static_cast<u8>(~bit(channel));
    if (r.mode & kAutoInitialise) {
        r.address = r.base_address;
        r.count = r.base_count;
    } else {
        own.mask |= bit(channel);
        channels_[channel].was_ready_ = false;
    }
    return true;
}

template<class F>
IsaDmaChannel::Moved IsaDma::move(unsigned channel, size_t bytes, F piece) {
    const unsigned unit = unit_bytes(channel);
    const ChannelState& r = registers(channel);
    const size_t units = std::min<size_t>(bytes / unit, u32{r.count} + 1);
    for (size_t done = 0; done < units;) {
        // Up to where the address wraps; downwards one unit at a time.
        const size_t run = r.mode & kDecrement ? 1 : std::min<size_t>(units - done, 0x10000u - r.address);
        piece(address(channel), done * unit, run * unit);
        advance(channel, static_cast<u32>(run));
        done += run;
    }
    IsaDmaChannel::Moved moved{units * unit, false};
    if (units) moved.terminal_count = finish_if_done(channel);
    return moved;
}

void IsaDma::Channel::set_request(bool asserted) {
    Controller& own = dma_.controller(number_);
    own.lines = static_cast<u8>(asserted ? own.lines | bit(number_) : own.lines & ~bit(number_));
}

IsaDmaChannel::Moved IsaDma::Channel::to_memory(std::span<const u8> data) {
    if (!ready()) return {};
    // A verify transfer, or one programmed the other way, counts without writing.
    const bool write = (dma_.registers(number_).mode & kTransfer) == kWriteTransfer;
    return dma_.move(number_, data.size(), [&](GuestPhys at, size_t offset, size_t bytes) {
        if (write) dma_.memory_.dma_write(at, data.subspan(offset, bytes));
    });
}

IsaDmaChannel::Moved IsaDma::Channel::from_memory(std::span<u8> data) {
    if (!ready()) return {};
    const bool read = (dma_.registers(number_).mode & kTransfer) == kReadTransfer;
    return dma_.move(number_, data.size(), [&](GuestPhys at, size_t offset, size_t bytes) {
        const std::span<u8> out = data.subspan(offset, bytes);
        if (read)
            dma_.memory_.dma_read(at, out);
        else
            std::fill(out.begin(), out.end(), u8{0xff});  // nobody drives the bus
    });
}

void IsaDma::run_software_requests(unsigned index) {
    Controller& own = state_.controllers[index];
    if (own.command & kDisabled) return;
    for (unsigned i = 0; i < 4; i++) {
        if (!(own.software_requests & bit(i))) continue;
        const unsigned channel = index * 4 + i;
        if (index == 0 && own.command & kMemoryToMemory && i == 0) {
            copy_memory();
            continue;
        }
        // Only block mode serves a software request. No device answers it, so a write transfer stores the
        // idle bus.
        const ChannelState& r = registers(channel);
        if ((r.mode & kService) != kBlockMode) continue;
        const bool write = (r.mode & kTransfer) == kWriteTransfer;
        move(channel, (size_t{r.count} + 1) * unit_bytes(channel), [&](GuestPhys at, size_t, size_t bytes) {
            if (write) memory_.dma_write(at, std::vector<u8>(bytes, 0xff));
        });
    }
}

/// Channel 0 reads, channel 1 writes and counts.
void IsaDma::copy_memory() {
    Controller& own = state_.controllers[0];
    ChannelState& source = own.channels[0];
    do {
        memory_.dma_read(address(0), {&own.temporary, 1});
        memory_.dma_write(address(1), {&own.temporary, 1});
        if (!(own.command & kHoldAddress0))
            source.address =
                static_cast<u16>(source.mode & kDecrement ? source.address - 1 : source.address + 1);
        advance(1, 1);
    } while (!finish_if_done(1));
    if (source.mode & kAutoInitialise) {
        source.address = source.base_address;
        source.count = source.base_count;
    }
    own.software_requests &= static_cast<u8>(~bit(0));
}

/// Tells the devices whose channel has become able to run.
void IsaDma::notify_ready() {
    for (unsigned i = 0; i < kChannels; i++) {
        Channel& channel = channels_[i];
        const bool now = ready(i);
        if (!std::exchange(channel.was_ready_, now) && now && channel.unmasked_) channel.unmasked_();
    }
}

u8 IsaDma::read_register(Controller& controller, unsigned index) {
    switch (index) {
        case 8: {
            const u8 status = static_cast<u8>(controller.terminal_counts |
                                              (controller.lines | controller.software_requests) << 4);
            controller.terminal_counts = 0;
            return status;
        }
        case 13: return controller.temporary;
        case 15: return controller.mask;
        default: break;
    }
    if (index >= 8) return 0xff;  // write-only
    const ChannelState& r = controller.channels[index / 2];
    const u16 value = index & 1 ? r.count : r.address;
    const bool high = controller.high_byte_next;
    controller.high_byte_next = !high;
    return static_cast<u8>(high ? value >> 8 : value);
}

void IsaDma::write_half(u16& base, u16& current, bool high, u8 value) {
    base = static_cast<u16>(high ? (base & 0x00ff) | value << 8 : (base & 0xff00) | value);
    current = static_cast<u16>(high ? (current & 0x00ff) | value << 8 : (current & 0xff00) | value);
}

void IsaDma::write_register(unsigned controller_index, unsigned index, u8 value) {
    Controller& own = state_.controllers[controller_index];
    const u8 selected = bit(value & 3);
    switch (index) {
        case 8: own.command = value; break;
        case 9:
            own.software_requests = static_cast<u8>(value & 4 ? own.software_requests | selected
                                                              : own.software_requests & ~selected);
            break;
        case 10: own.mask = static_cast<u8>(value & 4 ? own.mask | selected : own.mask & ~selected); break;
        case 11: own.channels[value & 3].mode = value & 0xfc; break;
        case 12: own.high_byte_next = false; break;
        case 13: master_clear(own); break;
        case 14: own.mask = 0; break;
        case 15: own.mask = value & 0x0f; break;
        default: {
            ChannelState& r = own.channels[index / 2];
            const bool high = own.high_byte_next;
            own.high_byte_next = !high;
            if (index & 1)
                write_half(r.base_count, r.count, high, value);
            else
                write_half(r.base_address, r.address, high, value);
            return;
        }
    }
    run_software_requests(controller_index);
    notify_ready();
}

u32 IsaDma::port_read(u16 port, unsigned /*size*/) {
    if (port >= kSecondController)
        return read_register(state_.controllers[1], (port - kSecondController) / 2u);
    if (port >= kPagePorts) return state_.pages[port - kPagePorts];
    return read_register(state_.controllers[0], port);
}

void IsaDma::port_write(u16 port, unsigned /*size*/, u32 value) {
    const u8 byte = static_cast<u8>(value);
    if (port >= kSecondController)
        write_register(1, (port - kSecondController) / 2u, byte);
    else if (port >= kPagePorts)
        state_.pages[port - kPagePorts] = byte;
    else
        write_register(0, port, byte);
}

Result<StatePart::Install> IsaDma::load_state(const StateNode& node) {
    return prepare_state<State>(node, [this](const State& state) {
        state_ = state;
        for (unsigned i = 0; i < kChannels; i++) channels_[i].was_ready_ = ready(i);
    });
}

static_assert(every_field_listed<IsaDma::ChannelState>() && every_field_listed<IsaDma::Controller>() &&
              every_field_listed<IsaDma::State>());

}  // namespace gnomon
