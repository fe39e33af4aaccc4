// The card's ports, and what connects its chips.
#include "devices/sound/sb16/sb16.h"

namespace gnomon {
namespace {

constexpr u16 kAdlib = 0x388;
constexpr u16 kMpu = 0x330;

// Offsets from the base address.
constexpr unsigned kMixerIndex = 0x4;
constexpr unsigned kMixerData = 0x5;
constexpr unsigned kDspReset = 0x6;
constexpr unsigned kFm = 0x8;
constexpr unsigned kDspRead = 0xa;
constexpr unsigned kDspWrite = 0xc;
constexpr unsigned kDspStatus = 0xe;
constexpr unsigned kAcknowledge16 = 0xf;

constexpr u8 kInterrupt8 = 0x01;
constexpr u8 kInterrupt16 = 0x02;
constexpr u8 kInterruptMpu = 0x04;

constexpr u8 kReady = 0x80;
constexpr u8 kUndriven = 0x7f;

/// The FM synthesiser is louder than a voice of the same number.
constexpr i32 kFmGain = 2;

}  // namespace

static_assert(every_field_listed<Ct1745::State>() && every_field_listed<Mpu401::State>() &&
              every_field_listed<Sb16::State>());

Sb16::Sb16(Scheduler& scheduler, Log& log, Wires wires, const Config& config)
    : scheduler_(scheduler),
      wires_(wires),
      config_(config),
      mixer_(config.irq, config.dma, config.dma16),
      voice_(wires.mixer->add_channel()),
      opl_(scheduler.clock(), *wires.mixer),
      dsp_(scheduler, log,
           {[this](bool wide) { return dma_channel(wide); },
            [this](Sb16Dsp::Interrupt interrupt) {
                interrupts_ |= interrupt == Sb16Dsp::Interrupt::Dma8 ? kInterrupt8 : kInterrupt16;
                update_interrupt();
            },
            [this](u64 at_ns, i32 left, i32 right) { put_voice(at_ns, left, right); }}) {
    for (const unsigned channel : {0u, 1u, 3u, 5u, 6u, 7u})
        wires_.dma->channel(channel).on_unmask([this, channel] {
            if (channel == mixer_.dma8() || channel == mixer_.dma16()) dsp_.channel_ready();
        });
    update_gains();
}

Result<std::unique_ptr<Sb16>> Sb16::create(PortBus& ports, Scheduler& scheduler, Log& log, Wires wires,
                                           const Config& config) {
    if (config.port % 0x20 != 0 || config.port < 0x220 || config.port > 0x280)
        return fail("port {:#x} is not possible; accepted are 0x220, 0x240, 0x260 and 0x280", config.port);
    if (config.irq != 2 && config.irq != 5 && config.irq != 7 && config.irq != 10)
        return fail("IRQ {} is not possible; accepted are 2, 5, 7 and 10", config.irq);
    if (config.dma != 0 && config.dma != 1 && config.dma != 3)
        return fail("DMA channel {} is not possible for 8-bit samples; accepted are 0, 1 and 3", config.dma);
    if (config.dma16 != config.dma && (config.dma16 < 5 || config.dma16 > 7))
        return fail("DMA channel {} is not possible for 16-bit samples; accepted are 5, 6, 7 and {}",
                    config.dma16, config.dma);
    std::unique_ptr<Sb16> card(new Sb16(scheduler, log, wires, config));
    const PortRange ranges[] = {{config.port, 16}, {kAdlib, 4}, {kMpu, 2}};
    auto claims = ports.claim_all("sb16", ranges, *card);
    if (!claims) return claims.error();
    card->claims_ = std::move(*claims);
    return card;
}

void Sb16::reset() {
    mixer_.power_on();
    mpu_.reset();
    dsp_.power_on();
    opl_.reset();
    interrupts_ = 0;
    update_interrupt();
    update_gains();
}

IsaDmaChannel* Sb16::dma_channel(bool wide) {
    const unsigned channel = wide ? mixer_.dma16() : mixer_.dma8();
    return channel == Ct1745::kNone ? nullptr : &wires_.dma->channel(channel);
}

u8 Sb16::interrupt_status() const {
    return static_cast<u8>(interrupts_ | (mpu_.pending() ? kInterruptMpu : 0));
}

void Sb16::update_interrupt() {
    constexpr std::array<unsigned, 4> kIrqs = {2, 5, 7, 10};
    for (unsigned i = 0; i < kIrqs.size(); i++)
        wires_.irqs[i].set(interrupt_status() != 0 && mixer_.irq() == kIrqs[i]);
}

void Sb16::acknowledge(u8 interrupts) {
    interrupts_ &= static_cast<u8>(~interrupts);
    update_interrupt();
}

void Sb16::put_voice(u64 at_ns, i32 left, i32 right) {
    if (!voice_.active()) return;
    voice_left_ = left;
    voice_right_ = right;
    voice_.set(at_ns, voice_gain_.left_of(left), voice_gain_.right_of(right));
}

void Sb16::update_gains() {
    voice_gain_ = mixer_.voice();
    put_voice(scheduler_.now(), voice_left_, voice_right_);
    const Ct1745::Gain fm = mixer_.synthesizer();
    opl_.set_gain(fm.left * kFmGain, fm.right * kFmGain);
}

u8 Sb16::read_card(unsigned offset) {
    switch (offset) {
        case 0:
        case 2:
        case kFm: return opl_.read_status();
        case kMixerIndex: return mixer_.index();
        case kMixerData: dsp_.catch_up(); return mixer_.read(interrupt_status());
        case kDspRead: dsp_.catch_up(); return dsp_.read_data();
        case kDspWrite: return kUndriven;  // never busy
        case kDspStatus: {
            dsp_.catch_up();
            acknowledge(kInterrupt8);
            return static_cast<u8>(kUndriven | (dsp_.data_available() ? kReady : 0));
        }
        case kAcknowledge16:
            dsp_.catch_up();
            acknowledge(kInterrupt16);
            return 0xff;
        default: return 0xff;
    }
}

void Sb16::write_card(unsigned offset, u8 value) {
    switch (offset) {
        case 0:
        case kFm: opl_.select(0, value); break;
        case 2: opl_.select(1, value); break;
        case 1:
        case 3:
        case kFm + 1: opl_.write(value); break;
        case kMixerIndex: mixer_.select(value); break;
        case kMixerData: write_mixer(value); break;
        case kDspReset:
            dsp_.write_reset(value);
            if (!(value & 1)) acknowledge(kInterrupt8 | kInterrupt16);
            break;
        case kDspWrite: dsp_.write_command(value); break;
        default: break;
    }
}

void Sb16::write_mixer(u8 value) {
    dsp_.catch_up();
    opl_.catch_up();
    mixer_.write(value);
    update_interrupt();
    update_gains();
}

u32 Sb16::port_read(u16 port, unsigned /*size*/) {
    if (port >= kAdlib) return port & 1 ? 0xff : opl_.read_status();
    if (port >= kMpu) {
        const u8 value = mpu_.read(port - kMpu);
        update_interrupt();
        return value;
    }
    return read_card(port - config_.port);
}

void Sb16::port_write(u16 port, unsigned /*size*/, u32 value) {
    const u8 byte = static_cast<u8>(value);
    if (port >= kAdlib) {
        if (port & 1)
            opl_.write(byte);
        else
            opl_.select(port >> 1 & 1, byte);
    } else if (port >= kMpu) {
        mpu_.write(port - kMpu, byte);
        update_interrupt();
    } else {
        write_card(port - config_.port, byte);
    }
}

Sb16::State Sb16::state() const {
    return {mixer_.state(), mpu_.state(), dsp_.state(), opl_.state(), interrupts_};
}

Result<StatePart::Install> Sb16::load_state(const StateNode& node) {
    State fresh;
    if (Result<void> loaded = load_value(node, fresh); !loaded) return loaded.error();
    if (const std::string_view wrong = Sb16Dsp::check(fresh.dsp); !wrong.empty())
        return fail("dsp: {}", wrong);
    if (const std::string_view wrong = Opl3::check(fresh.opl); !wrong.empty()) return fail("opl: {}", wrong);
    return Install([this, fresh = std::move(fresh)]() mutable {
        mixer_.set_state(fresh.mixer);
        mpu_.set_state(std::move(fresh.mpu));
        dsp_.set_state(fresh.dsp);
        opl_.set_state(fresh.opl);
        interrupts_ = fresh.interrupts;
        update_gains();
    });
}

}  // namespace gnomon
