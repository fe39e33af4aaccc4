// 8254: the control port, and counter 0's interrupt.
#include "devices/pit/pit.h"

namespace gnomon {
namespace {

constexpr PortRange kPorts[] = {{0x40, 4}};
constexpr u16 kControlPort = 0x43;

}  // namespace

Pit::Pit(Scheduler& scheduler, Line irq0) : scheduler_(scheduler), irq0_(irq0) {
    irq_event_ = scheduler_.add_event("pit.channel0", [this](const Scheduler::Due&) {
        channels_[0].run_to(tick());
        schedule_irq();
    });
    channels_[0].on_edge([this](u64, bool level) { irq0_.set(level); }, false);
    reset();
}

Result<std::unique_ptr<Pit>> Pit::create(PortBus& ports, Scheduler& scheduler, Line irq0) {
    std::unique_ptr<Pit> pit(new Pit(scheduler, irq0));
    auto claims = ports.claim_all("pit", kPorts, *pit);
    if (!claims) return claims.error();
    pit->claims_ = std::move(*claims);
    return pit;
}

void Pit::reset() {
    for (PitChannel& channel : channels_) {
        channel.run_to(tick());
        channel.reset(&channel != &channels_[2]);
    }
    irq0_.set(channels_[0].out());
    schedule_irq();
}

void Pit::schedule_irq() {
    const u64 next = channels_[0].next_rise_or_long_fall();
    if (next == PitChannel::kNever) {
        scheduler_.cancel(irq_event_);
        return;
    }
    const u64 at_ns = VirtualClock::ticks_to_ns(next, kHertz);
    if (scheduler_.due_at(irq_event_) != at_ns) scheduler_.schedule(irq_event_, at_ns);
}

void Pit::set_tone_gate(bool gate) { channels_[2].set_gate(gate, tick()); }

bool Pit::tone_output() {
    run_tone();
    return channels_[2].out();
}

void Pit::on_tone(std::function<void(u64 at_ns, bool level)> tone) {
    run_tone();
    const bool listening = static_cast<bool>(tone);
    channels_[2].on_edge(
        [tone = std::move(tone)](u64 tick, bool level) {
            if (tone) tone(VirtualClock::ticks_to_ns(tick, kHertz), level);
        },
        listening);
}

void Pit::run_tone() { channels_[2].run_to(tick()); }

void Pit::read_back(u8 command) {
    for (unsigned i = 0; i < channels_.size(); i++) {
        if (!(command >> (i + 1) & 1)) continue;
        if (!(command & 0x20)) channels_[i].latch_count(tick());
        if (!(command & 0x10)) channels_[i].latch_status(tick());
    }
}

u32 Pit::port_read(u16 port, unsigned /*size*/) {
    if (port == kControlPort) return 0xff;  // write-only
    const u8 value = channels_[port & 3].read(tick());
    if ((port & 3) == 0) schedule_irq();
    return value;
}

void Pit::port_write(u16 port, unsigned /*size*/, u32 value) {
    const u8 byte = static_cast<u8>(value);
    if (port != kControlPort) {
        channels_[port & 3].write(byte, tick());
    } else if (byte >> 6 == 3) {
        read_back(byte);
    } else if (byte & 0x30) {
        channels_[byte >> 6].write_control(byte, tick());
    } else {
        channels_[byte >> 6].latch_count(tick());
    }
    schedule_irq();
}

Pit::State Pit::state() const { return {{channels_[0].state(), channels_[1].state(), channels_[2].state()}}; }

Result<StatePart::Install> Pit::load_state(const StateNode& node) {
    return prepare_state<State>(node, [this](const State& state) {
        for (unsigned i = 0; i < channels_.size(); i++) channels_[i].set_state(state.channels[i]);
    });
}

static_assert(every_field_listed<Pit::State>());

}  // namespace gnomon
