// The backdoor's port and the queue of the absolute pointer.
#include "devices/keyboard/vmware_pointer.h"

#include <algorithm>

namespace gnomon {

static_assert(every_field_listed<VmwarePointer::State>());

namespace {

// Calls: the low half of ECX.
constexpr u16 kGetVersion = 10;
constexpr u16 kPointerData = 39;
constexpr u16 kPointerStatus = 40;
constexpr u16 kPointerCommand = 41;
constexpr u16 kPointerRestrict = 86;

constexpr u32 kInterfaceVersion = 6;
constexpr u32 kFailed = 0xffffffff;

// Commands of the pointer.
constexpr u32 kDisable = 0x000000f5;
constexpr u32 kEnable = 0x45414552;
constexpr u32 kWantPlaces = 0x53424152;
constexpr u32 kWantMovements = 0x4c455252;
constexpr u32 kPointerVersion = 0x3442554a;  // first in the queue after kEnable
constexpr u32 kNotEnabled = 0xffff0000;      // status

constexpr u32 kIsMovement = 0x00010000;  // in a packet's first word
constexpr u8 kLeft = 0x20;
constexpr u8 kRight = 0x10;
constexpr u8 kMiddle = 0x08;

constexpr size_t kPacket = 4;
constexpr size_t kMostQueued = 64 * kPacket;

}  // namespace

Result<std::unique_ptr<VmwarePointer>> VmwarePointer::create(PortBus& bus, Wiring wiring) {
    std::unique_ptr<VmwarePointer> device(new VmwarePointer(std::move(wiring)));
    Result<std::vector<PortClaim>> claims = bus.claim_all("vmware-pointer", std::span(&kPort, 1), *device);
    if (!claims) return claims.error();
    device->claims_ = std::move(*claims);
    return device;
}

void VmwarePointer::place(u32 x, u32 y) {
    if (!absolute()) return;
    x = std::min(x, kEdge);
    y = std::min(y, kEdge);
    if (x == state_.x && y == state_.y) return;
    state_.x = x;
    state_.y = y;
    queue_packet(0, x, y, 0);
}

void VmwarePointer::move(int right, int down, int wheel) {
    if (!enabled()) return;
    if (state_.absolute) {
        if (wheel != 0) queue_packet(0, state_.x, state_.y, wheel);
    } else if (right != 0 || down != 0 || wheel != 0) {
        queue_packet(kIsMovement, static_cast<u32>(right), static_cast<u32>(-down), wheel);
    }
}

void VmwarePointer::button(MouseButton which, bool down) {
    if (!enabled()) return;
    u8 bit = 0;
    switch (which) {
        case MouseButton::Left: bit = kLeft; break;
        case MouseButton::Right: bit = kRight; break;
        case MouseButton::Middle: bit = kMiddle; break;
        default: return;  // the packet has no place for more
    }
    const u8 buttons = static_cast<u8>(down ? state_.buttons | bit : state_.buttons & ~bit);
    if (buttons == state_.buttons) return;
    state_.buttons = buttons;
    if (state_.absolute)
        queue_packet(0, state_.x, state_.y, 0);
    else
        queue_packet(kIsMovement, 0, 0, 0);
}

/// What only moves takes the place of the last packet if the guest is behind; packets are read from the
/// front, so that the last of several is whole.
void VmwarePointer::queue_packet(u32 flags, u32 x, u32 y, int wheel) {
    std::vector<u32>& queue = state_.queue;
    const u32 first = flags | state_.buttons;
    if (queue.size() >= 2 * kPacket && queue[queue.size() - kPacket] == first) {
        u32* last = &queue[queue.size() - kPacket];
        const bool adds = flags & kIsMovement;
        last[1] = adds ? last[1] + x : x;
        last[2] = adds ? last[2] + y : y;
        last[3] += static_cast<u32>(wheel);
    } else if (queue.size() + kPacket <= kMostQueued) {
        for (const u32 word : {first, x, y, static_cast<u32>(wheel)}) queue.push_back(word);
    }
    wiring_.data_waits();
}

u32 VmwarePointer::port_read(u16 port, unsigned size) {
    BackdoorRegisters registers = wiring_.registers();
    if (port != kPort.first || size != 4 || registers.eax != kMagic) return ~u32{0};
    call(registers);
    wiring_.set_registers(registers);
    return registers.eax;
}

/// OUT calls as IN does.
void VmwarePointer::port_write(u16 port, unsigned size, u32) { (void)port_read(port, size); }

void VmwarePointer::call(BackdoorRegisters& r) {
    const u16 number = static_cast<u16>(r.ecx);
    if (number == kGetVersion) {
        r.eax = kInterfaceVersion;
        r.ebx = kMagic;
        r.ecx = 2;  // the product: a server
        return;
    }
    if (state_.only_cpl_0 && r.cpl != 0) {
        r.eax = kFailed;
        return;
    }
    switch (number) {
        case kPointerData: take_data(r); break;
        case kPointerStatus:
            r.eax = state_.enabled ? static_cast<u32>(state_.queue.size()) : kNotEnabled;
            break;
        case kPointerCommand:
            command(r.ebx);
            r.eax = 0;
            break;
        case kPointerRestrict:
            state_.only_cpl_0 = r.ebx == 1;
            r.eax = 0;
            break;
        default: r.eax = kFailed; break;
    }
}

void VmwarePointer::command(u32 what) {
    switch (what) {
        case kEnable:
            state_.enabled = true;
            state_.absolute = false;
            state_.buttons = 0;
            state_.queue = {kPointerVersion};
            break;
        case kDisable: {
            const bool only_cpl_0 = state_.only_cpl_0;
            state_ = {};
            state_.only_cpl_0 = only_cpl_0;
            break;
        }
        case kWantPlaces: state_.absolute = true; break;
        case kWantMovements: state_.absolute = false; break;
        default: break;
    }
}

/// EBX words, at most six. Who wants more than there is has lost count: the pointer goes off, and its driver
/// begins anew.
void VmwarePointer::take_data(BackdoorRegisters& r) {
    u32* const out[] = {&r.eax, &r.ebx, &r.ecx, &r.edx, &r.esi, &r.edi};
    const size_t count = r.ebx;
    if (count == 0 || count > std::size(out) || count > state_.queue.size()) {
        state_.enabled = false;
        state_.queue.clear();
        r.eax = kFailed;
        return;
    }
    for (size_t i = 0; i < count; i++) *out[i] = state_.queue[i];
    state_.queue.erase(state_.queue.begin(), state_.queue.begin() + static_cast<std::ptrdiff_t>(count));
}

Result<StatePart::Install> VmwarePointer::load_state(const StateNode& node) {
    State fresh;
    if (Result<void> loaded = load_value(node, fresh); !loaded) return loaded.error();
    if (fresh.queue.size() > kMostQueued) return fail("queue: {} words are too many", fresh.queue.size());
    if (fresh.x > kEdge || fresh.y > kEdge) return fail("x, y: {}, {} is off the screen", fresh.x, fresh.y);
    return Install([this, fresh = std::move(fresh)]() mutable { state_ = std::move(fresh); });
}

}  // namespace gnomon
