// Registers, FIFOs, timing and interrupts of the UART.
#include "devices/serial/uart16550.h"

#include <algorithm>

namespace gnomon {
namespace {

// Register offsets.
enum : unsigned { kRbrThr, kIer, kIirFcr, kLcr, kMcr, kLsr, kMsr, kScr };

// IER.
constexpr u8 kEnableReceived = 1 << 0;
constexpr u8 kEnableTransmitter = 1 << 1;
constexpr u8 kEnableLineStatus = 1 << 2;
constexpr u8 kEnableModemStatus = 1 << 3;

// Interrupt identification, highest priority first; 1 is none.
constexpr u8 kIidNone = 0x01;
constexpr u8 kIidLineStatus = 0x06;
constexpr u8 kIidReceived = 0x04;
constexpr u8 kIidTimeout = 0x0c;
constexpr u8 kIidTransmitter = 0x02;
constexpr u8 kIidModemStatus = 0x00;

// FCR.
constexpr u8 kFcrEnable = 1 << 0;
constexpr u8 kFcrClearReceive = 1 << 1;
constexpr u8 kFcrClearTransmit = 1 << 2;

// LCR.
constexpr u8 kLcrStop = 1 << 2;
constexpr u8 kLcrParity = 1 << 3;
constexpr u8 kLcrBreak = 1 << 6;
constexpr u8 kLcrDivisor = 1 << 7;

// MCR.
constexpr u8 kMcrDtr = 1 << 0;
constexpr u8 kMcrRts = 1 << 1;
constexpr u8 kMcrOut1 = 1 << 2;
constexpr u8 kMcrOut2 = 1 << 3;
constexpr u8 kMcrLoop = 1 << 4;

// LSR.
constexpr u8 kLsrDataReady = 1 << 0;
constexpr u8 kLsrOverrun = 1 << 1;
constexpr u8 kLsrParity = 1 << 2;
constexpr u8 kLsrFraming = 1 << 3;
constexpr u8 kLsrBreak = 1 << 4;
constexpr u8 kLsrHoldingEmpty = 1 << 5;
constexpr u8 kLsrTransmitterEmpty = 1 << 6;
constexpr u8 kLsrFifoError = 1 << 7;
constexpr u8 kLsrCharacterErrors = kLsrParity | kLsrFraming | kLsrBreak;

// MSR: the lines; the changes are these shifted right by four.
constexpr u8 kMsrCts = 1 << 4;
constexpr u8 kMsrDsr = 1 << 5;
constexpr u8 kMsrRing = 1 << 6;
constexpr u8 kMsrDcd = 1 << 7;
constexpr u8 kMsrChanges = 0x0f;

}  // namespace

static_assert(every_field_listed<Uart16550::State>());

Uart16550::Uart16550(Scheduler& scheduler, Log& log, Line irq, std::unique_ptr<CharBackend> backend,
                     const Config& config)
    : scheduler_(scheduler), log_(log), irq_(irq), backend_(std::move(backend)), config_(config) {
    const std::string name(config_.port.name);
    transmit_event_ =
        scheduler_.add_event(name + ".transmit", [this](const Scheduler::Due&) { shifted_out(); });
    receive_event_ =
        scheduler_.add_event(name + ".receive", [this](const Scheduler::Due&) { reception_due(); });
    timeout_event_ = scheduler_.add_event(name + ".timeout", [this](const Scheduler::Due&) {
        state_.timeout_pending = fifo_on() && !state_.receive.empty();
        update_irq();
    });
}

Result<std::unique_ptr<Uart16550>> Uart16550::create(PortBus& bus, Scheduler& scheduler, Log& log, Line irq,
                                                     std::unique_ptr<CharBackend> backend,
                                                     const Config& config) {
    std::unique_ptr<Uart16550> device(new Uart16550(scheduler, log, irq, std::move(backend), config));
    Result<std::vector<PortClaim>> claims =
        bus.claim_all(config.port.name, std::span(&config.port.ports, 1), *device);
    if (!claims) return claims.error();
    device->claims_ = std::move(*claims);
    device->reset();
    return device;
}

void Uart16550::reset() {
    // Master reset leaves divisor and scratch register alone.
    const u16 divisor = state_.divisor;
    const u8 scratch = state_.scr;
    state_ = {};
    state_.divisor = divisor;
    state_.scr = scratch;
    scheduler_.cancel(transmit_event_);
    scheduler_.cancel(receive_event_);
    scheduler_.cancel(timeout_event_);
    update_modem_lines();
    state_.msr &= static_cast<u8>(~kMsrChanges);
    update_irq();
}

bool Uart16550::loop() const { return state_.mcr & kMcrLoop; }

/// One character in periods of the crystal: 16 * divisor a bit; half bits because of 1.5 stop bits.
u64 Uart16550::character_ticks() const {
    if (!config_.character_times) return 0;
    const unsigned data = 5 + (state_.lcr & 3);
    const unsigned parity = state_.lcr & kLcrParity ? 1 : 0;
    const unsigned stop_halves = !(state_.lcr & kLcrStop) ? 2 : data == 5 ? 3 : 4;
    const u64 divisor = state_.divisor ? state_.divisor : 0x10000;
    return (2 * (1 + data + parity) + stop_halves) * 8 * divisor;
}

u8 Uart16550::data_mask() const { return static_cast<u8>(0xff >> (3 - (state_.lcr & 3))); }

size_t Uart16550::trigger_level() const {
    static constexpr std::array<size_t, 4> kLevels{1, 4, 8, 14};
    return fifo_on() ? kLevels[state_.fcr >> 6] : 1;
}

// ---- Registers
// ---------------------------------------------------------------------------------------------------

u32 Uart16550::port_read(u16 port, unsigned) {
    const bool divisor = state_.lcr & kLcrDivisor;
    switch (port - config_.port.ports.first) {
        case kRbrThr: return divisor ? state_.divisor & 0xffu : read_buffer();
        case kIer: return divisor ? state_.divisor >> 8 : state_.ier;
        case kIirFcr: return read_iir();
        case kLcr: return state_.lcr;
        case kMcr: return state_.mcr;
        case kLsr: return read_lsr();
        case kMsr: {
            update_modem_lines();
            const u8 value = state_.msr;
            state_.msr &= static_cast<u8>(~kMsrChanges);
            update_irq();
            return value;
        }
        default: return config_.type == UartType::Uart8250 ? 0xff : state_.scr;
    }
}

void Uart16550::port_write(u16 port, unsigned, u32 value) {
    const u8 byte = static_cast<u8>(value);
    const bool divisor = state_.lcr & kLcrDivisor;
    switch (port - config_.port.ports.first) {
        case kRbrThr:
            if (divisor)
                state_.divisor = static_cast<u16>((state_.divisor & 0xff00) | byte);
            else
                write_holding(byte);
            break;
        case kIer:
            if (divisor)
                state_.divisor = static_cast<u16>((state_.divisor & 0x00ff) | byte << 8);
            else
                write_ier(byte);
            break;
        case kIirFcr:
            if (config_.type == UartType::Uart16550A) write_fcr(byte);
            break;
        case kLcr: write_lcr(byte); break;
        case kMcr: write_mcr(byte); break;
        case kScr: state_.scr = byte; break;
        default:
            log_.guest(config_.port.name, "write to a status register", "write of {:#04x} to port {:#06x}",
                       byte, port);
            break;
    }
}

u8 Uart16550::read_buffer() {
    if (state_.receive.empty()) return 0;
    const u8 byte = static_cast<u8>(state_.receive.front());
    state_.receive.erase(state_.receive.begin());
    reveal_errors();
    state_.timeout_pending = false;
    restart_timeout();
    update_irq();
    start_reception();
    return byte;
}

void Uart16550::write_holding(u8 byte) {
    state_.thre_pending = false;
    if (state_.transmit.size() < capacity())
        state_.transmit.push_back(byte);
    else if (!fifo_on())
        state_.transmit.back() = byte;
    else
        log_.guest(config_.port.name, "transmit overrun",
                   "a character was written into the full transmit FIFO");
    update_irq();
    if (!state_.shifting) load_shift_register(scheduler_.clock().ticks(kCrystalHz));
}

void Uart16550::write_ier(u8 value) {
    const u8 risen = static_cast<u8>(value & ~state_.ier);
    state_.ier = value & 0x0f;
    // Enabling the transmitter interrupt while the register is empty raises it at once: drivers start with
    // that.
    if (risen & kEnableTransmitter && state_.transmit.empty()) state_.thre_pending = true;
    update_irq();
}

void Uart16550::write_fcr(u8 value) {
    const bool toggled = (value ^ state_.fcr) & kFcrEnable;
    // The other bits are taken only together with the enable bit.
    state_.fcr = value & kFcrEnable ? value & 0xc9 : 0;
    if (toggled || (value & kFcrEnable && value & kFcrClearReceive)) {
        state_.receive.clear();
        state_.timeout_pending = false;
        scheduler_.cancel(timeout_event_);
    }
    if ((toggled || (value & kFcrEnable && value & kFcrClearTransmit)) && !state_.transmit.empty()) {
        state_.transmit.clear();
        state_.thre_pending = true;
    }
    update_irq();
    start_reception();
}

void Uart16550::write_lcr(u8 value) {
    const bool break_begins = value & ~state_.lcr & kLcrBreak;
    state_.lcr = value;
    if (break_begins && loop()) receive(0, kLsrBreak | kLsrFraming);
}

void Uart16550::write_mcr(u8 value) {
    state_.mcr = value & 0x1f;
    update_modem_lines();
    update_irq();
    start_reception();
}

u8 Uart16550::read_iir() {
    const u8 id = pending_interrupt();
    if (id == kIidTransmitter) {
        state_.thre_pending = false;
        update_irq();
    }
    return static_cast<u8>(id | (fifo_on() ? 0xc0 : 0));
}

u8 Uart16550::read_lsr() {
    u8 value = state_.line_errors;
    if (!state_.receive.empty()) value |= kLsrDataReady;
    if (state_.transmit.empty()) value |= kLsrHoldingEmpty;
    if (state_.transmit.empty() && !state_.shifting) value |= kLsrTransmitterEmpty;
    const bool later_errors = std::any_of(state_.receive.begin(), state_.receive.end(),
                                          [](u16 entry) { return entry >> 8 & kLsrCharacterErrors; });
    if (fifo_on() && (later_errors || state_.line_errors & kLsrCharacterErrors)) value |= kLsrFifoError;
    if (state_.line_errors) {
        state_.line_errors = 0;
        update_irq();
    }
    return value;
}

u8 Uart16550::pending_interrupt() const {
    if (state_.ier & kEnableLineStatus && state_.line_errors) return kIidLineStatus;
    if (state_.ier & kEnableReceived && state_.receive.size() >= trigger_level()) return kIidReceived;
    if (state_.ier & kEnableReceived && state_.timeout_pending) return kIidTimeout;
    if (state_.ier & kEnableTransmitter && state_.thre_pending) return kIidTransmitter;
    if (state_.ier & kEnableModemStatus && state_.msr & kMsrChanges) return kIidModemStatus;
    return kIidNone;
}

void Uart16550::update_irq() { irq_.set(state_.mcr & kMcrOut2 && pending_interrupt() != kIidNone); }

void Uart16550::update_modem_lines() {
    u8 lines = 0;
    if (loop()) {
        // The outputs are folded back onto the inputs.
        lines =
            static_cast<u8>((state_.mcr & kMcrRts ? kMsrCts : 0) | (state_.mcr & kMcrDtr ? kMsrDsr : 0) |
                            (state_.mcr & kMcrOut1 ? kMsrRing : 0) | (state_.mcr & kMcrOut2 ? kMsrDcd : 0));
    } else if (backend_->connected()) {
        lines = kMsrCts | kMsrDsr | kMsrDcd;
    }
    const u8 before = state_.msr & 0xf0;
    u8 changes = static_cast<u8>((before ^ lines) >> 4);
    // The ring indicator reports only its trailing edge.
    if (lines & kMsrRing) changes &= static_cast<u8>(~(kMsrRing >> 4));
    state_.msr = static_cast<u8>(lines | (state_.msr & kMsrChanges) | changes);
}

// ---- Transmitter
// -------------------------------------------------------------------------------------------------

void Uart16550::load_shift_register(u64 start_tick) {
    while (!state_.transmit.empty() && !state_.shifting) {
        state_.shift_register = state_.transmit.front();
        state_.transmit.erase(state_.transmit.begin());
        if (state_.transmit.empty()) state_.thre_pending = true;
        const u64 ticks = character_ticks();
        if (ticks == 0) {
            emit(state_.shift_register);
            continue;
        }
        state_.shifting = true;
        state_.shift_end = start_tick + ticks;
        scheduler_.schedule(transmit_event_, VirtualClock::ticks_to_ns(state_.shift_end, kCrystalHz));
    }
    update_irq();
}

void Uart16550::shifted_out() {
    if (!state_.shifting) return;
    state_.shifting = false;
    emit(state_.shift_register);
    load_shift_register(state_.shift_end);
}

void Uart16550::emit(u8 byte) {
    byte &= data_mask();
    if (loop())
        receive(byte, 0);
    else if (!(state_.lcr & kLcrBreak))
        backend_->write_byte(byte);
}

// ---- Receiver
// ----------------------------------------------------------------------------------------------------

void Uart16550::poll_input() {
    backend_->poll();
    update_modem_lines();
    if (!loop() && backend_->take_break()) receive(0, kLsrBreak | kLsrFraming);
    update_irq();
    start_reception();
}

/// The next character of the host begins when there is room: nothing that the user pastes is lost to an
/// overrun.
void Uart16550::start_reception() {
    if (loop() || !backend_->has_input() || state_.receive.size() >= capacity() ||
        scheduler_.pending(receive_event_))
        return;
    const u64 now = scheduler_.clock().ticks(kCrystalHz);
    scheduler_.schedule(receive_event_, VirtualClock::ticks_to_ns(now + character_ticks(), kCrystalHz));
}

void Uart16550::reception_due() {
    if (loop() || state_.receive.size() >= capacity()) return;
    u8 byte = 0;
    if (backend_->read({&byte, 1}) == 1) receive(byte & data_mask(), 0);
    start_reception();
}

void Uart16550::receive(u8 byte, u8 errors) {
    if (state_.receive.size() >= capacity()) {
        state_.line_errors |= kLsrOverrun;
        // A FIFO keeps what it has; the single buffer is overwritten.
        if (!fifo_on()) state_.receive.back() = static_cast<u16>(byte | errors << 8);
    } else {
        state_.receive.push_back(static_cast<u16>(byte | errors << 8));
    }
    reveal_errors();
    restart_timeout();
    update_irq();
}

/// Errors belong to their character: the LSR shows them when it is the next to be read.
void Uart16550::reveal_errors() {
    if (state_.receive.empty()) return;
    state_.line_errors |= static_cast<u8>(state_.receive.front() >> 8);
    state_.receive.front() &= 0xff;
}

/// Four character times without a character coming or going.
void Uart16550::restart_timeout() {
    if (!fifo_on() || state_.receive.empty()) return scheduler_.cancel(timeout_event_);
    const u64 now = scheduler_.clock().ticks(kCrystalHz);
    scheduler_.schedule(timeout_event_, VirtualClock::ticks_to_ns(now + 4 * character_ticks(), kCrystalHz));
}

Result<StatePart::Install> Uart16550::load_state(const StateNode& node) {
    State fresh;
    if (Result<void> loaded = load_value(node, fresh); !loaded) return loaded.error();
    const size_t room = fresh.fcr & kFcrEnable ? kFifoBytes : 1;
    if (fresh.transmit.size() > room)
        return fail("transmit: {} characters are too many", fresh.transmit.size());
    if (fresh.receive.size() > room) return fail("receive: {} characters are too many", fresh.receive.size());
    return Install([this, fresh = std::move(fresh)]() mutable {
        state_ = std::move(fresh);
        update_irq();
    });
}

}  // namespace gnomon
