// Registers of the printer port, and the handshake of the printer behind it.
#include "devices/parallel/parallel_port.h"

namespace gnomon {
namespace {

// Register offsets.
enum : unsigned { kData, kStatus, kControl };

// Status. Bits 0 and 1 are not driven.
constexpr u8 kNotDriven = 0x03;
constexpr u8 kNoIrq = 1 << 2;
constexpr u8 kNoError = 1 << 3;
constexpr u8 kSelected = 1 << 4;
constexpr u8 kPaperOut = 1 << 5;
constexpr u8 kNoAcknowledge = 1 << 6;
constexpr u8 kNotBusy = 1 << 7;

// Control.
constexpr u8 kStrobe = 1 << 0;
constexpr u8 kNoInit = 1 << 2;
constexpr u8 kIrqEnable = 1 << 4;
constexpr u8 kInput = 1 << 5;

}  // namespace

static_assert(every_field_listed<ParallelPort::State>());

ParallelPort::ParallelPort(Scheduler& scheduler, Log& log, Line irq, std::unique_ptr<CharBackend> printer,
                           const Config& config)
    : scheduler_(scheduler), log_(log), irq_(irq), printer_(std::move(printer)), config_(config) {
    printer_event_ = scheduler_.add_event(std::string(config_.port.name) + ".printer",
                                          [this](const Scheduler::Due&) { printer_step(); });
}

Result<std::unique_ptr<ParallelPort>> ParallelPort::create(PortBus& bus, Scheduler& scheduler, Log& log,
                                                           Line irq, std::unique_ptr<CharBackend> printer,
                                                           const Config& config) {
    std::unique_ptr<ParallelPort> device(new ParallelPort(scheduler, log, irq, std::move(printer), config));
    Result<std::vector<PortClaim>> claims =
        bus.claim_all(config.port.name, std::span(&config.port.ports, 1), *device);
    if (!claims) return claims.error();
    device->claims_ = std::move(*claims);
    device->reset();
    return device;
}

void ParallelPort::reset() {
    state_ = {};
    scheduler_.cancel(printer_event_);
    update_irq();
}

u32 ParallelPort::port_read(u16 port, unsigned) {
    switch (port - config_.port.ports.first) {
        // As an input nobody drives the data lines: a printer only listens.
        case kData: return config_.bidirectional && state_.control & kInput ? 0xff : state_.data;
        case kStatus: return read_status();
        default: return state_.control | (config_.bidirectional ? 0xc0u : 0xe0u);
    }
}

void ParallelPort::port_write(u16 port, unsigned, u32 value) {
    switch (port - config_.port.ports.first) {
        case kData: state_.data = static_cast<u8>(value); break;
        case kStatus:
            log_.guest(config_.port.name, "write to the status register", "write of {:#04x} to the status",
                       value);
            break;
        default: write_control(static_cast<u8>(value)); break;
    }
}

u8 ParallelPort::read_status() {
    u8 value = kNotDriven | kNoError | kSelected | kNoAcknowledge;
    if (!state_.irq_pending) value |= kNoIrq;
    if (!printer_->connected()) {
        value |= kPaperOut;  // the pull-ups; Busy, inverted, reads as 0
    } else {
        if (state_.phase == Phase::Idle && state_.control & kNoInit) value |= kNotBusy;
        if (state_.phase == Phase::Acknowledge) value &= static_cast<u8>(~kNoAcknowledge);
    }
    if (state_.irq_pending) {
        state_.irq_pending = false;
        update_irq();
    }
    return value;
}

void ParallelPort::write_control(u8 value) {
    const u8 risen = static_cast<u8>(value & ~state_.control);
    state_.control = value & (config_.bidirectional ? 0x3f : 0x1f);
    if (!(value & kIrqEnable)) state_.irq_pending = false;
    if (!(value & kNoInit)) {
        state_.phase = Phase::Idle;
        scheduler_.cancel(printer_event_);
    } else if (risen & kStrobe) {
        strobe();
    }
    update_irq();
}

void ParallelPort::strobe() {
    if (!printer_->connected()) return;
    if (state_.phase != Phase::Idle) {
        log_.guest(config_.port.name, "strobe while busy", "a byte was sent to the busy printer and is lost");
        return;
    }
    state_.irq_pending = false;
    printer_->write_byte(state_.control & kInput ? 0xff : state_.data);
    state_.phase = Phase::Busy;
    scheduler_.schedule(printer_event_, scheduler_.now() + config_.busy_ns);
}

void ParallelPort::printer_step() {
    if (state_.phase == Phase::Busy) {
        state_.phase = Phase::Acknowledge;
        scheduler_.schedule(printer_event_, scheduler_.now() + config_.acknowledge_ns);
    } else if (state_.phase == Phase::Acknowledge) {
        // The interrupt comes with the end of nAck. The latch of the PS/2 holds the line until the status is
        // read.
        state_.phase = Phase::Idle;
        if (state_.control & kIrqEnable) state_.irq_pending = true;
        update_irq();
    }
}

void ParallelPort::update_irq() { irq_.set(state_.irq_pending); }

Result<StatePart::Install> ParallelPort::load_state(const StateNode& node) {
    State fresh;
    if (Result<void> loaded = load_value(node, fresh); !loaded) return loaded.error();
    if (fresh.phase > Phase::Acknowledge)
        return fail("phase: {} is not a phase", static_cast<unsigned>(fresh.phase));
    return Install([this, fresh] {
        state_ = fresh;
        update_irq();
    });
}

}  // namespace gnomon
