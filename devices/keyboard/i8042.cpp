// The controller's ports, commands and serial links.
#include "devices/keyboard/i8042.h"

#include "devices/keyboard/us_text.h"

namespace gnomon {
namespace {

// Command byte.
constexpr u8 kKeyboardIrq = 1 << 0;
constexpr u8 kMouseIrq = 1 << 1;
constexpr u8 kSystemFlag = 1 << 2;
constexpr u8 kKeyboardOff = 1 << 4;
constexpr u8 kMouseOff = 1 << 5;
constexpr u8 kTranslate = 1 << 6;

// Output port.
constexpr u8 kNoReset = 1 << 0;
constexpr u8 kA20 = 1 << 1;

constexpr size_t kMaxPassword = 16;

// Controller memory that the password commands use.
constexpr unsigned kRamSecurityOn = 0x13;
constexpr unsigned kRamSecurityOff = 0x14;
constexpr unsigned kRamIgnoredCode1 = 0x16;
constexpr unsigned kRamIgnoredCode2 = 0x17;

}  // namespace

static_assert(every_field_listed<I8042::Controller>());
static_assert(every_field_listed<I8042::State>());

I8042::I8042(Scheduler& scheduler, Log& log, Wiring wiring, Config config)
    : scheduler_(scheduler),
      log_(log),
      wiring_(std::move(wiring)),
      config_(config),
      keyboard_(scheduler, log, config.timing, {[this] { link_changed(); }, wiring_.leds_changed}),
      mouse_(scheduler, log, config.timing, config.mouse_kind, [this] { link_changed(); }) {
    receive_event_ = scheduler_.add_event("keyboard.receive", [this](const Scheduler::Due&) { received(); });
    transmit_event_ =
        scheduler_.add_event("keyboard.transmit", [this](const Scheduler::Due&) { transmitted(); });
    typing_event_ = scheduler_.add_event("keyboard.typing", [this](const Scheduler::Due&) { type_step(); });
}

Result<std::unique_ptr<I8042>> I8042::create(PortBus& bus, Scheduler& scheduler, Log& log, Wiring wiring,
                                             Config config) {
    std::unique_ptr<I8042> device(new I8042(scheduler, log, std::move(wiring), config));
    constexpr std::array kPorts{kDataPort, kCommandPort};
    Result<std::vector<PortClaim>> claims = bus.claim_all("keyboard", kPorts, *device);
    if (!claims) return claims.error();
    device->claims_ = std::move(*claims);
    device->reset();
    return device;
}

void I8042::reset() {
    controller_ = {};
    controller_.ram[0] = kKeyboardOff | kMouseOff;
    scheduler_.cancel(receive_event_);
    scheduler_.cancel(transmit_event_);
    keyboard_.reset();
    // Fingers stay where they are, codes from before the reset are gone.
    for (const u16 movement : std::exchange(held_back_, {})) {
        pass_on(movement);
        keyboard_.reset();
    }
    mouse_.reset();
    update_irqs();
    wiring_.a20.set(true);
}

void I8042::mouse_move(int right, int down, int wheel) {
    if (config_.mouse) mouse_.move(right, down, wheel);
}

void I8042::mouse_button(MouseButton which, bool down) {
    if (config_.mouse) mouse_.button(which, down);
}

void I8042::nudge_mouse() {
    if (config_.mouse) mouse_.nudge();
}

// ---- Ports
// -------------------------------------------------------------------------------------------------------

u32 I8042::port_read(u16 port, unsigned) { return port == kDataPort.first ? read_data() : status(); }

void I8042::port_write(u16 port, unsigned, u32 value) {
    controller_.last_write_was_command = port == kCommandPort.first;
    if (controller_.last_write_was_command)
        command(static_cast<u8>(value));
    else
        write_data(static_cast<u8>(value));
}

u8 I8042::status() const {
    const Controller& c = controller_;
    return static_cast<u8>((c.output_full ? 0x01 : 0) | (c.input_full ? 0x02 : 0) | (c.ram[0] & kSystemFlag) |
                           (c.last_write_was_command ? 0x08 : 0) | 0x10 |  // bit 4: the lock is open
                           (c.output_full && c.output_from_mouse ? 0x20 : 0) | (c.timeout_error ? 0x40 : 0) |
                           (c.parity_error ? 0x80 : 0));
}

u8 I8042::read_data() {
    Controller& c = controller_;
    const u8 byte = c.output;
    if (!c.output_full) return byte;  // the latch keeps its last value
    c.output_full = c.timeout_error = c.parity_error = false;
    update_irqs();
    if (c.response_waits) {
        c.response_waits = false;
        fill_output(c.response, c.response_from_mouse);
    }
    link_changed();
    return byte;
}

void I8042::write_data(u8 byte) {
    const u8 pending = std::exchange(controller_.pending_command, u8{0});
    if (pending)
        command_parameter(pending, byte);
    else
        send(Channel::Keyboard, byte);
}

void I8042::command(u8 byte) {
    Controller& c = controller_;
    c.pending_command = 0;
    if (byte >= 0x20 && byte <= 0x3f) return respond(c.ram[byte & 0x1f]);
    if (byte >= 0x60 && byte <= 0x7f) {
        c.pending_command = byte;
        return;
    }
    if (byte >= 0xf0) return pulse_output_port(byte & 0x0f);
    switch (byte) {
        case 0xa4:
        case 0xa6: password_command(byte); break;
        case 0xa5:
            c.password.clear();
            c.password_complete = false;
            c.pending_command = byte;
            break;
        case 0xa7: set_clock(Channel::Mouse, false); break;
        case 0xa8: set_clock(Channel::Mouse, true); break;
        case 0xa9: respond(config_.mouse ? 0x00 : 0x02); break;  // 02: clock line stuck high
        case 0xaa:
            c.ram[0] |= kSystemFlag;
            c.response_waits = c.input_full = c.break_prefix = false;
            c.output_full = false;
            update_irqs();
            respond(0x55);
            break;
        case 0xab: respond(0x00); break;
        case 0xad: set_clock(Channel::Keyboard, false); break;
        case 0xae: set_clock(Channel::Keyboard, true); break;
        case 0xc0:
            respond(0xb3);
            break;  // not locked, colour display, no manufacturing jumper, data lines high
        case 0xd0: respond(output_port_pins()); break;
        case 0xd1:
        case 0xd2:
        case 0xd3:
        case 0xd4: c.pending_command = byte; break;
        case 0xdd:
        case 0xdf:
            write_output_port(static_cast<u8>(byte == 0xdf ? c.output_port | kA20 : c.output_port & ~kA20));
            break;
        case 0xe0:  // test inputs: the two clock lines
            respond(
                static_cast<u8>((enabled(Channel::Keyboard) ? 1 : 0) | (enabled(Channel::Mouse) ? 2 : 0)));
            break;
        default:
            log_.guest("keyboard", "unknown controller command", "unknown controller command {:#04x}", byte);
            break;
    }
}

void I8042::command_parameter(u8 command, u8 byte) {
    if (command >= 0x60 && command <= 0x7f) return write_ram(command & 0x1f, byte);
    switch (command) {
        case 0xa5:
            if (byte == 0 || controller_.password.size() == kMaxPassword) {
                controller_.password_complete = true;
            } else {
                controller_.password.push_back(byte);
                controller_.pending_command = command;
            }
            break;
        case 0xd1: write_output_port(byte); break;
        case 0xd2: respond(byte); break;
        case 0xd3: respond(byte, true); break;
        case 0xd4: send(Channel::Mouse, byte); break;
        default: break;
    }
}

void I8042::write_ram(unsigned index, u8 byte) {
    controller_.ram[index] = byte;
    if (index != 0) return;
    if (!(byte & kTranslate)) controller_.break_prefix = false;
    update_irqs();
    link_changed();
}

void I8042::password_command(u8 byte) {
    Controller& c = controller_;
    const bool installed = c.password_complete && !c.password.empty();
    if (byte == 0xa4) return respond(installed ? 0xfa : 0xf1);
    if (!installed) return;
    c.locked = true;
    c.password_matched = 0;
    if (c.ram[kRamSecurityOn]) respond(c.ram[kRamSecurityOn]);
}

/// While the password is on, make codes are compared with it and nothing from the keyboard passes.
bool I8042::password_absorbs(u8 byte) {
    Controller& c = controller_;
    if (!c.locked) return false;
    if (byte & 0x80 || byte == c.ram[kRamIgnoredCode1] || byte == c.ram[kRamIgnoredCode2]) return true;
    c.password_matched = static_cast<u8>(byte == c.password[c.password_matched] ? c.password_matched + 1 : 0);
    if (c.password_matched == c.password.size()) {
        c.locked = false;
        if (c.ram[kRamSecurityOff]) respond(c.ram[kRamSecurityOff]);
    }
    return true;
}

u8 I8042::output_port_pins() const {
    const Controller& c = controller_;
    return static_cast<u8>(c.output_port | 0x04 | (enabled(Channel::Mouse) ? 0x08 : 0) |
                           (c.output_full && !c.output_from_mouse ? 0x10 : 0) |
                           (c.output_full && c.output_from_mouse ? 0x20 : 0) |
                           (enabled(Channel::Keyboard) ? 0x40 : 0) | 0x80);
}

void I8042::write_output_port(u8 byte) {
    controller_.output_port = byte & (kNoReset | kA20);
    wiring_.a20.set(byte & kA20);
    if (byte & kNoReset) return;
    // The pin would hold the processor in reset for ever; chip sets answer the falling edge with a pulse.
    controller_.output_port |= kNoReset;
    if (wiring_.reset_cpu) wiring_.reset_cpu();
}

/// Bits that are 0 in the command go low for 6 µs.
void I8042::pulse_output_port(u8 high_bits) {
    if (!(high_bits & kA20) && controller_.output_port & kA20) {
        wiring_.a20.set(false);
        wiring_.a20.set(true);
    }
    if (!(high_bits & kNoReset) && wiring_.reset_cpu) wiring_.reset_cpu();
}

// ---- Output buffer
// -----------------------------------------------------------------------------------------------

void I8042::respond(u8 byte, bool from_mouse) {
    if (controller_.output_full) {
        controller_.response_waits = true;
        controller_.response = byte;
        controller_.response_from_mouse = from_mouse;
    } else {
        fill_output(byte, from_mouse);
    }
    link_changed();
}

void I8042::fill_output(u8 byte, bool from_mouse) {
    controller_.output = byte;
    controller_.output_full = true;
    controller_.output_from_mouse = from_mouse;
    update_irqs();
}

void I8042::update_irqs() {
    const Controller& c = controller_;
    wiring_.keyboard_irq.set(c.output_full && !c.output_from_mouse && c.ram[0] & kKeyboardIrq);
    wiring_.mouse_irq.set(c.output_full && c.output_from_mouse && c.ram[0] & kMouseIrq);
}

// ---- Serial links
// ------------------------------------------------------------------------------------------------

bool I8042::enabled(Channel channel) const {
    return !(controller_.ram[0] & (channel == Channel::Keyboard ? kKeyboardOff : kMouseOff));
}

Ps2Device* I8042::device(Channel channel) {
    if (channel == Channel::Keyboard) return &keyboard_;
    return config_.mouse ? &mouse_ : nullptr;
}

void I8042::set_clock(Channel channel, bool run) {
    const u8 off = channel == Channel::Keyboard ? kKeyboardOff : kMouseOff;
    controller_.ram[0] = static_cast<u8>(run ? controller_.ram[0] & ~off : controller_.ram[0] | off);
    link_changed();
}

void I8042::send(Channel channel, u8 byte) {
    if (controller_.transmitting == Channel::None) return start_transmission(channel, byte);
    if (controller_.input_full)
        log_.guest("keyboard", "input buffer overwritten",
                   "a byte was written while the input buffer was full");
    controller_.input_full = true;
    controller_.input = byte;
    controller_.input_target = channel;
}

void I8042::start_transmission(Channel channel, u8 byte) {
    // Sending to a device lets its clock run again.
    controller_.ram[0] &= static_cast<u8>(~(channel == Channel::Keyboard ? kKeyboardOff : kMouseOff));
    controller_.transmitting = channel;
    controller_.transmit_byte = byte;
    scheduler_.schedule(transmit_event_, scheduler_.now() + config_.timing.byte_ns);
    link_changed();
}

void I8042::transmitted() {
    Controller& c = controller_;
    const Channel channel = std::exchange(c.transmitting, Channel::None);
    if (channel == Channel::None) return;
    if (Ps2Device* target = device(channel)) {
        target->host_byte(c.transmit_byte);
        pass_on_keys();  // a command may have emptied the buffer
    } else {
        respond(0xfe, true);
        c.timeout_error = true;
    }
    if (std::exchange(c.input_full, false)) start_transmission(c.input_target, c.input);
    link_changed();
}

/// The controller holds both clocks low while its output buffer is full or it sends, and the clock of a
/// device that is switched off; an interrupted device sends its byte again later.
void I8042::link_changed() {
    Controller& c = controller_;
    const bool may_receive = !c.output_full && !c.response_waits && c.transmitting == Channel::None;
    if (c.receiving != Channel::None &&
        (!may_receive || !enabled(c.receiving) || !device(c.receiving)->has_byte())) {
        c.receiving = Channel::None;
        scheduler_.cancel(receive_event_);
    }
    if (!may_receive || c.receiving != Channel::None) return;
    for (const Channel channel : {Channel::Keyboard, Channel::Mouse}) {
        Ps2Device* source = device(channel);
        if (!source || !enabled(channel) || !source->has_byte()) continue;
        c.receiving = channel;
        scheduler_.schedule(receive_event_, scheduler_.now() + config_.timing.byte_ns);
        return;
    }
}

void I8042::received() {
    const Channel channel = std::exchange(controller_.receiving, Channel::None);
    if (channel == Channel::None) return;
    const u8 byte = device(channel)->take_byte();
    if (channel == Channel::Keyboard)
        keyboard_byte(byte);
    else
        fill_output(byte, true);
    pass_on_keys();
    link_changed();
}

void I8042::keyboard_byte(u8 byte) {
    if (controller_.ram[0] & kTranslate) {
        if (byte == 0xf0) {
            controller_.break_prefix = true;
            return;
        }
        byte = translate_set2(byte);
        if (std::exchange(controller_.break_prefix, false)) byte |= 0x80;
    }
    if (!password_absorbs(byte)) fill_output(byte, false);
}

// ---- State
// -------------------------------------------------------------------------------------------------------

StateNode I8042::save_state() const {
    return save_value(State{controller_, keyboard_.state(), mouse_.state(), text_, typing_step_, held_back_});
}

Result<StatePart::Install> I8042::load_state(const StateNode& node) {
    State fresh;
    if (Result<void> loaded = load_value(node, fresh); !loaded) return loaded.error();
    const Controller& c = fresh.controller;
    for (const Channel channel : {c.receiving, c.transmitting, c.input_target})
        if (channel > Channel::Mouse)
            return fail("controller: {} is not a channel", static_cast<unsigned>(channel));
    if (c.receiving == Channel::Mouse && !config_.mouse)
        return fail("controller: receives from a mouse that does not exist");
    if (c.password.size() > kMaxPassword)
        return fail("controller: password: {} bytes are too many", c.password.size());
    if (c.locked && c.password_matched >= c.password.size())
        return fail("controller: password_matched is out of range");
    if (Result<void> good = Ps2Keyboard::check(fresh.keyboard); !good) return good.error().in("keyboard");
    if (Result<void> good = Ps2Mouse::check(fresh.mouse); !good) return good.error().in("mouse");
    for (const u8 character : fresh.text)
        if (!us_key(static_cast<char>(character))) return fail("text: {:#04x} is on no key", character);
    if (fresh.held_back.size() > kMostHeldBack + kKeyCount)
        return fail("held_back: {} movements are too many", fresh.held_back.size());
    for (const u16 movement : fresh.held_back)
        if ((movement & ~kDown) >= kKeyCount) return fail("held_back: {} is no key", movement & ~kDown);
    return Install([this, fresh = std::move(fresh)]() mutable {
        controller_ = std::move(fresh.controller);
        keyboard_.set_state(std::move(fresh.keyboard));
        mouse_.set_state(std::move(fresh.mouse));
        text_ = std::move(fresh.text);
        typing_step_ = fresh.typing_step;
        held_back_ = std::move(fresh.held_back);
        update_irqs();
        wiring_.a20.set(controller_.output_port & kA20);
    });
}

}  // namespace gnomon
