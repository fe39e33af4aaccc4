// 8259A: requests, priorities, initialisation and operation command words.
#include "devices/pic/pic.h"

#include <cassert>

namespace gnomon {
namespace {

constexpr PortRange kPorts[] = {{0x20, 2}, {0xa0, 2}, {0x4d0, 2}};
constexpr unsigned kCascade = 2;               // the master's input that the slave's output is wired to
constexpr u8 kLevelCapable[2] = {0xf8, 0xde};  // PIIX: inputs 0, 1, 2, 8 and 13 are edge-triggered for ever
constexpr unsigned kSourceShift = 4;

constexpr u8 kIcw1NeedsIcw4 = 0x01;
constexpr u8 kIcw1Single = 0x02;
constexpr u8 kIcw1Interval4 = 0x04;
constexpr u8 kIcw1Level = 0x08;
constexpr u8 kIcw1 = 0x10;
constexpr u8 kOcw3 = 0x08;
constexpr u8 kIcw4Mode8086 = 0x01;
constexpr u8 kIcw4AutoEoi = 0x02;
constexpr u8 kIcw4FullyNestedSpecial = 0x10;

constexpr u8 kNotInitialised = 1;

constexpr u8 bit(unsigned input) { return static_cast<u8>(1u << input); }

}  // namespace

u8 Pic::Chip::irr() const {
    const u8 level = icw1 & kIcw1Level ? 0xff : elcr;
    return lines & (level | edges);
}

Result<std::unique_ptr<Pic>> Pic::create(PortBus& ports, Line intr) {
    std::unique_ptr<Pic> pic(new Pic(intr));
    auto claims = ports.claim_all("pic", kPorts, *pic);
    if (!claims) return claims.error();
    pic->claims_ = std::move(*claims);
    return pic;
}

Line Pic::add_source(unsigned input) {
    assert(input < kInputs && input != kCascade && source_counts_[input] < 31);
    return {*this, input | static_cast<unsigned>(++source_counts_[input]) << kSourceShift};
}

void Pic::reset() {
    // The chip has no reset pin; a machine starts with both waiting for ICW1. The wires keep their levels.
    for (Chip& chip : state_.chips) {
        const u8 lines = chip.lines;
        chip = {};
        chip.lines = lines;
        chip.next_icw = kNotInitialised;
    }
    state_.chips[0].lines = static_cast<u8>(state_.chips[0].lines & ~bit(kCascade));
    intr_.lower();
}

void Pic::set_line(unsigned pin, bool level) {
    const unsigned input = pin % kInputs;
    u32& sources = state_.sources[input];
    const u32 source = u32{1} << (pin >> kSourceShift);
    sources = level ? sources | source : sources & ~source;
    set_input(state_.chips[input / 8], input % 8, sources != 0);
}

void Pic::set_input(Chip& chip, unsigned input, bool level) {
    if (((chip.lines >> input) & 1) == level) return;
    if (level) {
        chip.lines |= bit(input);
        chip.edges |= bit(input);
    } else {
        chip.lines = static_cast<u8>(chip.lines & ~bit(input));
        chip.edges = static_cast<u8>(chip.edges & ~bit(input));
    }
    update(chip);
}

int Pic::highest_in_service(const Chip& chip) const {
    // In special mask mode a masked level in service holds nobody back.
    const u8 in_service = chip.special_mask ? chip.isr & ~chip.imr : chip.isr;
    for (unsigned i = 1; i <= 8; i++) {
        const unsigned input = (chip.lowest + i) % 8;
        if (in_service & bit(input)) return static_cast<int>(input);
    }
    return -1;
}

int Pic::deliverable(const Chip& chip) const {
    const u8 requests = chip.irr() & ~chip.imr;
    if (!requests || chip.next_icw) return -1;
    const int in_service = highest_in_service(chip);
    for (unsigned i = 1; i <= 8; i++) {
        const unsigned input = (chip.lowest + i) % 8;
        const bool same = static_cast<int>(input) == in_service;
        // Special fully nested: a slave in service is not locked out when it has something more urgent.
        const bool nested_slave = same && chip.icw4 & kIcw4FullyNestedSpecial && !(chip.icw1 & kIcw1Single) &&
                                  chip.icw3 & bit(input) && is_master(chip);
        if (same && !nested_slave) return -1;
        if (requests & bit(input)) return static_cast<int>(input);
        if (same) return -1;
    }
    return -1;
}

void Pic::update(Chip& chip) {
    chip.output = deliverable(chip) >= 0;
    if (is_master(chip))
        intr_.set(chip.output);
    else
        set_input(state_.chips[0], kCascade, chip.output);
}

/// The end of an acknowledge (or poll) for `input`.
void Pic::take(Chip& chip, unsigned input) {
    chip.edges = static_cast<u8>(chip.edges & ~bit(input));
    if (!(chip.icw4 & kIcw4AutoEoi))
        chip.isr |= bit(input);
    else if (chip.rotate_on_aeoi)
        chip.lowest = static_cast<u8>(input);
    // INT falls with every acknowledge, so that the next request is an edge for the master.
    if (!is_master(chip)) set_input(state_.chips[0], kCascade, false);
    update(chip);
}

/// What the chip drives in the second INTA cycle, the one that an x86 processor reads.
u8 Pic::interrupt_byte(Chip& chip, unsigned input) const {
    if (chip.icw4 & kIcw4Mode8086) return static_cast<u8>((chip.icw2 & 0xf8) | input);
    // MCS-80/85: the low byte of a CALL's address.
    if (chip.icw1 & kIcw1Interval4) return static_cast<u8>((chip.icw1 & 0xe0) | input << 2);
    return static_cast<u8>((chip.icw1 & 0xc0) | input << 3);
}

u8 Pic::acknowledge() {
    auto& [master, slave] = state_.chips;
    const int request = deliverable(master);
    if (request < 0) {
        update(master);
        return interrupt_byte(master, 7);
    }
    const unsigned input = static_cast<unsigned>(request);
    take(master, input);
    const bool cascaded = !(master.icw1 & kIcw1Single) && master.icw3 & bit(input);
    if (!cascaded) return interrupt_byte(master, input);
    // Only a slave whose identity is on the cascade lines answers; otherwise the data bus floats.
    if (slave.next_icw || (slave.icw3 & 7) != input) return 0xff;
    const int slave_request = deliverable(slave);
    if (slave_request < 0) return interrupt_byte(slave, 7);
    take(slave, static_cast<unsigned>(slave_request));
    return interrupt_byte(slave, static_cast<unsigned>(slave_request));
}

void Pic::end_of_interrupt(Chip& chip, int input, bool rotate) {
    if (input < 0) input = highest_in_service(chip);
    if (input < 0) return;
    chip.isr = static_cast<u8>(chip.isr & ~bit(static_cast<unsigned>(input)));
    if (rotate) chip.lowest = static_cast<u8>(input);
}

void Pic::write_ocw2(Chip& chip, u8 value) {
    const int level = value & 7;
    switch (value >> 5) {
        case 0: chip.rotate_on_aeoi = false; break;
        case 1: end_of_interrupt(chip, -1, false); break;
        case 2: break;
        case 3: end_of_interrupt(chip, level, false); break;
        case 4: chip.rotate_on_aeoi = true; break;
        case 5: end_of_interrupt(chip, -1, true); break;
        case 6: chip.lowest = static_cast<u8>(level); break;
        case 7: end_of_interrupt(chip, level, true); break;
    }
}

void Pic::write_command(Chip& chip, u8 value) {
    if (value & kIcw1) {
        const u8 lines = chip.lines;
        const u8 elcr = chip.elcr;
        chip = {};
        chip.lines = lines;
        chip.elcr = elcr;
        chip.icw1 = value;
        chip.icw3 = is_master(chip) ? 0 : 7;
        chip.next_icw = 2;
    } else if (value & kOcw3) {
        if (value & 0x40) chip.special_mask = value & 0x20;
        chip.poll = value & 0x04;
        if (!chip.poll && value & 0x02) chip.read_isr = value & 0x01;
    } else {
        write_ocw2(chip, value);
    }
    update(chip);
}

void Pic::write_data(Chip& chip, u8 value) {
    const bool needs_icw4 = chip.icw1 & kIcw1NeedsIcw4;
    switch (chip.next_icw) {
        case 2:
            chip.icw2 = value;
            chip.next_icw = !(chip.icw1 & kIcw1Single) ? 3 : needs_icw4 ? 4 : 0;
            break;
        case 3:
            chip.icw3 = value;
            chip.next_icw = needs_icw4 ? 4 : 0;
            break;
        case 4:
            chip.icw4 = value;
            chip.next_icw = 0;
            break;
        default: chip.imr = value; break;
    }
    update(chip);
}

u8 Pic::read(Chip& chip, bool data) {
    if (chip.poll) {
        // The read takes the place of the acknowledge cycle.
        chip.poll = false;
        const int input = deliverable(chip);
        if (input < 0) return 0;
        take(chip, static_cast<unsigned>(input));
        return static_cast<u8>(0x80 | input);
    }
    if (data) return chip.imr;
    return chip.read_isr ? chip.isr : chip.irr();
}

u32 Pic::port_read(u16 port, unsigned /*size*/) {
    if (port >= 0x4d0) return state_.chips[port & 1].elcr;
    return read(state_.chips[port >= 0xa0], port & 1);
}

void Pic::port_write(u16 port, unsigned /*size*/, u32 value) {
    const u8 byte = static_cast<u8>(value);
    if (port >= 0x4d0) {
        Chip& chip = state_.chips[port & 1];
        chip.elcr = byte & kLevelCapable[port & 1];
        update(chip);
    } else if (Chip& chip = state_.chips[port >= 0xa0]; port & 1) {
        write_data(chip, byte);
    } else {
        write_command(chip, byte);
    }
}

Result<StatePart::Install> Pic::load_state(const StateNode& node) {
    return prepare_state<State>(node, [this](const State& state) {
        state_ = state;
        for (Chip& chip : state_.chips) chip.lowest &= 7;
        intr_.set(state_.chips[0].output);
    });
}

static_assert(every_field_listed<Pic::Chip>() && every_field_listed<Pic::State>());

}  // namespace gnomon
