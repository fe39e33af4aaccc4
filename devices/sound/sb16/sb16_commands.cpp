// DSP commands.
#include <algorithm>

#include "devices/sound/sb16/sb16_dsp.h"

namespace gnomon {
namespace {

constexpr u8 kReady = 0xaa;
constexpr size_t kMostAnswers = 64;

constexpr u32 kTimeConstantHertz = 1'000'000;
constexpr u32 kSlowest = 3'906;  // time constant 0
constexpr u32 kFastest = 45'454;

constexpr char kCopyright[] = "COPYRIGHT (C) CREATIVE TECHNOLOGY LTD, 1992.";

}  // namespace

/// Commands first to last are carried out by one function once their parameters are there.
struct Sb16Dsp::Command {
    u8 first, last, parameters;
    void (Sb16Dsp::*carry_out)();
};

constexpr Sb16Dsp::Command Sb16Dsp::kCommands[] = {
    {0x04, 0x04, 1, &Sb16Dsp::ignore},               // signal processor (CSP), which this card lacks: mode,
    {0x05, 0x05, 2, &Sb16Dsp::ignore},               // parameter,
    {0x08, 0x08, 1, &Sb16Dsp::no_signal_processor},  // version,
    {0x0e, 0x0e, 2, &Sb16Dsp::ignore},               // write and
    {0x0f, 0x0f, 1, &Sb16Dsp::no_signal_processor},  // read a register
    {0x10, 0x10, 1, &Sb16Dsp::direct_output},
    {0x14, 0x14, 2, &Sb16Dsp::dma8_once},
    {0x16, 0x17, 2, &Sb16Dsp::adpcm_once},
    {0x1c, 0x1c, 0, &Sb16Dsp::dma8_auto},
    {0x1f, 0x1f, 0, &Sb16Dsp::adpcm_auto},
    {0x20, 0x20, 0, &Sb16Dsp::direct_input},
    {0x24, 0x24, 2, &Sb16Dsp::dma8_once},
    {0x2c, 0x2c, 0, &Sb16Dsp::dma8_auto},
    {0x30, 0x31, 0, &Sb16Dsp::ignore},  // MIDI input: none arrives
    {0x34, 0x37, 0, &Sb16Dsp::midi_mode},
    {0x38, 0x38, 1, &Sb16Dsp::ignore},  // MIDI output
    {0x40, 0x40, 1, &Sb16Dsp::set_time_constant},
    {0x41, 0x42, 2, &Sb16Dsp::set_rate},
    {0x45, 0x45, 0, &Sb16Dsp::resume_auto},
    {0x47, 0x47, 0, &Sb16Dsp::resume_auto},
    {0x48, 0x48, 2, &Sb16Dsp::set_block},
    {0x74, 0x77, 2, &Sb16Dsp::adpcm_once},
    {0x7d, 0x7d, 0, &Sb16Dsp::adpcm_auto},
    {0x7f, 0x7f, 0, &Sb16Dsp::adpcm_auto},
    {0x80, 0x80, 2, &Sb16Dsp::silence},
    {0x90, 0x90, 0, &Sb16Dsp::dma8_auto},  // "high speed": 4.xx is always that fast
    {0x91, 0x91, 0, &Sb16Dsp::dma8_once},
    {0x98, 0x98, 0, &Sb16Dsp::dma8_auto},
    {0x99, 0x99, 0, &Sb16Dsp::dma8_once},
    {0xa0, 0xa0, 0, &Sb16Dsp::ignore},  // mono and stereo input of the Sound Blaster Pro
    {0xa8, 0xa8, 0, &Sb16Dsp::ignore},
    {0xb0, 0xcf, 3, &Sb16Dsp::dma_generic},
    {0xd0, 0xd0, 0, &Sb16Dsp::pause},
    {0xd1, 0xd1, 0, &Sb16Dsp::set_speaker},
    {0xd3, 0xd3, 0, &Sb16Dsp::set_speaker},
    {0xd4, 0xd4, 0, &Sb16Dsp::go_on},
    {0xd5, 0xd5, 0, &Sb16Dsp::pause},
    {0xd6, 0xd6, 0, &Sb16Dsp::go_on},
    {0xd8, 0xd8, 0, &Sb16Dsp::get_speaker},
    {0xd9, 0xda, 0, &Sb16Dsp::exit_auto},
    {0xe0, 0xe0, 1, &Sb16Dsp::identify},
    {0xe1, 0xe1, 0, &Sb16Dsp::version},
    {0xe2, 0xe2, 1, &Sb16Dsp::identify_by_dma},
    {0xe3, 0xe3, 0, &Sb16Dsp::copyright},
    {0xe4, 0xe4, 1, &Sb16Dsp::set_test},
    {0xe8, 0xe8, 0, &Sb16Dsp::get_test},
    {0xf2, 0xf3, 0, &Sb16Dsp::trigger_interrupt},
    {0xf8, 0xf8, 0, &Sb16Dsp::answer_zero},
    {0xf9, 0xf9, 1, &Sb16Dsp::read_internal_memory},
    {0xfa, 0xfa, 2, &Sb16Dsp::ignore},
};

const Sb16Dsp::Command* Sb16Dsp::find(u8 code) {
    for (const Command& command : kCommands)
        if (code >= command.first && code <= command.last) return &command;
    return nullptr;
}

void Sb16Dsp::power_on() {
    state_ = {};
    scheduler_.cancel(event_);
    wires_.output(scheduler_.now(), 0, 0);
}

/// Leaves MIDI mode, or starts over. The identification sequence goes on where it was.
void Sb16Dsp::reset() {
    if (state_.midi_uart) {
        state_.midi_uart = false;
        state_.in_command = false;
    } else {
        State fresh;
        fresh.identification = state_.identification;
        fresh.identification_mask = state_.identification_mask;
        fresh.test = state_.test;
        fresh.reset = state_.reset;
        state_ = fresh;
        scheduler_.cancel(event_);
        wires_.output(scheduler_.now(), 0, 0);
    }
    state_.answers.clear();
    answer(kReady);
}

void Sb16Dsp::write_reset(u8 value) {
    catch_up();
    const bool ends = state_.reset & 1 && !(value & 1);
    state_.reset = value;
    if (ends) reset();
}

void Sb16Dsp::answer(u8 value) {
    if (state_.answers.size() < kMostAnswers) state_.answers.push_back(value);
}

u8 Sb16Dsp::read_data() {
    if (!state_.answers.empty()) {
        state_.last_answer = state_.answers.front();
        state_.answers.erase(state_.answers.begin());
    }
    return state_.last_answer;
}

void Sb16Dsp::write_command(u8 value) {
    if (state_.reset & 1 || state_.midi_uart) return;
    catch_up();
    if (!state_.in_command) {
        state_.command = value;
        state_.parameters_read = 0;
        state_.in_command = true;
    } else if (state_.parameters_read < state_.parameters.size()) {
        state_.parameters[state_.parameters_read++] = value;
    }
    const Command* const command = find(state_.command);
    if (!command) {
        log_.guest("sb16", "DSP command", "the DSP has no command {:02x}", state_.command);
        state_.in_command = false;
        return;
    }
    if (state_.parameters_read < command->parameters) return;
    state_.in_command = false;
    (this->*command->carry_out)();
}

/// Lengths are given minus 1.
u32 Sb16Dsp::length_parameter(unsigned first) const {
    return (u32{state_.parameters[first]} | u32{state_.parameters[first + 1]} << 8) + 1;
}

void Sb16Dsp::direct_output() {
    const i32 level = static_cast<i8>(state_.parameters[0] ^ 0x80) * 256;
    wires_.output(scheduler_.now(), level, level);
}

/// 14h, 24h with a length; 91h and 99h take the block's.
void Sb16Dsp::dma8_once() {
    Transfer transfer{.mode = Mode::Pcm};
    transfer.input = state_.command == 0x24 || state_.command == 0x99;
    transfer.length = state_.command >= 0x90 ? u32{state_.block} + 1 : length_parameter(0);
    start(transfer);
}

void Sb16Dsp::dma8_auto() {
    Transfer transfer{.mode = Mode::Pcm};
    transfer.input = state_.command == 0x2c || state_.command == 0x98;
    transfer.auto_init = true;
    transfer.length = u32{state_.block} + 1;
    start(transfer);
}

/// Bxh and Cxh: bit 3 input, bit 2 auto-initialise; the mode's bit 5 stereo, bit 4 signed.
void Sb16Dsp::dma_generic() {
    Transfer transfer{.mode = Mode::Pcm};
    transfer.wide = state_.command < 0xc0;
    transfer.input = state_.command & 0x08;
    transfer.auto_init = state_.command & 0x04;
    transfer.stereo = state_.parameters[0] & 0x20;
    transfer.is_signed = state_.parameters[0] & 0x10;
    transfer.length = length_parameter(1);
    start(transfer);
}

void Sb16Dsp::adpcm_once() {
    Transfer transfer{.mode = Mode::Adpcm};
    transfer.format = state_.command < 0x20   ? AdpcmFormat::Bits2
                      : state_.command < 0x76 ? AdpcmFormat::Bits4
                                              : AdpcmFormat::Bits26;
    transfer.reference_next = state_.command & 1;
    transfer.length = length_parameter(0);
    start(transfer);
}

void Sb16Dsp::adpcm_auto() {
    Transfer transfer{.mode = Mode::Adpcm};
    transfer.format = state_.command == 0x1f   ? AdpcmFormat::Bits2
                      : state_.command == 0x7d ? AdpcmFormat::Bits4
                                               : AdpcmFormat::Bits26;
    transfer.reference_next = true;
    transfer.auto_init = true;
    transfer.length = u32{state_.block} + 1;
    start(transfer);
}

void Sb16Dsp::silence() {
    wires_.output(scheduler_.now(), 0, 0);
    start({.mode = Mode::Silence, .length = length_parameter(0)});
}

void Sb16Dsp::set_time_constant() {
    state_.rate = kTimeConstantHertz;
    state_.rate_divisor = 256u - state_.parameters[0];
    if (state_.rate / state_.rate_divisor > kFastest) {
        state_.rate = kFastest;
        state_.rate_divisor = 1;
    }
    restart_count(scheduler_.now());
    schedule();
}

/// 41h for output and 42h for input set the same rate. The high byte comes first.
void Sb16Dsp::set_rate() {
    const u32 rate = u32{state_.parameters[0]} << 8 | state_.parameters[1];
    state_.rate = std::clamp(rate, kSlowest, kFastest);
    state_.rate_divisor = 1;
    restart_count(scheduler_.now());
    schedule();
}

void Sb16Dsp::set_block() { state_.block = static_cast<u16>(length_parameter(0) - 1); }

/// D0h and D5h stop transfers of 8 and of 16 bits, D4h and D6h let them go on.
void Sb16Dsp::pause() {
    if (state_.transfer.wide != (state_.command == 0xd5)) return;
    state_.transfer.paused = true;
    schedule();
}

void Sb16Dsp::go_on() {
    if (state_.transfer.wide != (state_.command == 0xd6) || !state_.transfer.paused) return;
    state_.transfer.paused = false;
    restart_count(scheduler_.now());
    schedule();
}

/// D9h (16 bits) and DAh (8 bits): the transfer ends with the current block; 47h and 45h take that back.
void Sb16Dsp::exit_auto() {
    if (state_.transfer.wide == (state_.command == 0xd9)) state_.transfer.auto_init = false;
}

void Sb16Dsp::resume_auto() {
    if (state_.transfer.wide == (state_.command == 0x47)) state_.transfer.auto_init = true;
}

/// Version 4.xx answers for it alone: its output is always connected.
void Sb16Dsp::set_speaker() { state_.speaker = state_.command == 0xd1; }

void Sb16Dsp::identify() { answer(static_cast<u8>(~state_.parameters[0])); }

void Sb16Dsp::version() {
    answer(4);
    answer(5);
}

/// A byte that depends on the parameter and on all parameters before goes to memory by DMA.
void Sb16Dsp::identify_by_dma() {
    state_.identification =
        static_cast<u8>(state_.identification + (state_.parameters[0] ^ state_.identification_mask));
    state_.identification_mask =
        static_cast<u8>(state_.identification_mask >> 2 | state_.identification_mask << 6);
    state_.identifying = true;
    deliver_identification();
}

void Sb16Dsp::deliver_identification() {
    if (!state_.identifying) return;
    IsaDmaChannel* const channel = wires_.channel(false);
    if (channel && channel->to_memory({&state_.identification, 1}).bytes != 0) state_.identifying = false;
}

void Sb16Dsp::copyright() {
    for (const char letter : kCopyright) answer(static_cast<u8>(letter));
}

/// The DSP is an 8051 whose memory drivers look at. These bytes are what cards of version 4.05 without a signal
/// processor hold there; nobody looks at others.
void Sb16Dsp::read_internal_memory() {
    switch (state_.parameters[0]) {
        case 0x0e: return answer(0xff);
        case 0x0f: return answer(0x07);
        case 0x37: return answer(0x38);
        default: return answer(0x00);
    }
}

void Sb16Dsp::trigger_interrupt() {
    wires_.interrupt(state_.command == 0xf2 ? Interrupt::Dma8 : Interrupt::Dma16);
}

}  // namespace gnomon
