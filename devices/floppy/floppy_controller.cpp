// Registers and phases of the floppy disk controller.
#include "devices/floppy/floppy_controller.h"

#include "devices/floppy/floppy_command_row.h"

namespace gnomon {
namespace {

constexpr u16 kBase = 0x3f0;
enum Register : u16 { kStatusA, kStatusB, kDigitalOutput, kTapeDrive, kMainStatus, kFifo, kDigitalInput = 7 };
// 3F6h belongs to the hard disk channel.
constexpr PortRange kPorts[] = {{kBase, 6, 1}, {kBase + kDigitalInput, 1, 1}};

constexpr u64 kResetNs = 20'000;

}  // namespace

static_assert(every_field_listed<FloppyController::State>());
static_assert(every_field_listed<FloppyController::Execution>());

Result<std::unique_ptr<FloppyController>> FloppyController::create(PortBus& ports, Scheduler& scheduler,
                                                                   Log& log, IsaDmaChannel& dma, Line irq,
                                                                   const Config& config) {
    std::unique_ptr<FloppyController> controller(new FloppyController(scheduler, log, dma, irq, config));
    Result<std::vector<PortClaim>> claims = ports.claim_all("floppy", kPorts, *controller);
    if (!claims) return claims.error();
    controller->claims_ = std::move(*claims);
    return controller;
}

FloppyController::FloppyController(Scheduler& scheduler, Log& log, IsaDmaChannel& dma, Line irq,
                                   const Config& config)
    : scheduler_(scheduler),
      log_(log),
      dma_(dma),
      irq_(irq),
      config_(config),
      drives_{FloppyDrive(config.drives[0]), FloppyDrive(config.drives[1])} {
    if (config_.as_in_bochs) state_.dsr = static_cast<u8>(FloppyRate::Kbps500);
    execute_event_ = scheduler_.add_event("floppy.execute", [this](const Scheduler::Due&) { execute(); });
    reset_event_ = scheduler_.add_event("floppy.reset", [this](const Scheduler::Due&) { leave_reset(); });
    for (unsigned i = 0; i < seek_events_.size(); i++)
        seek_events_[i] = scheduler_.add_event(fmt::format("floppy.seek{}", i),
                                               [this, i](const Scheduler::Due&) { seek_finished(i); });
    dma_.on_unmask([this] { resume(); });
}

Result<void> FloppyController::insert(unsigned drive, std::unique_ptr<BlockImage> image) {
    Result<void> inserted = drives_.at(drive).insert(std::move(image));
    if (inserted) resume();
    return inserted;
}

void FloppyController::eject(unsigned drive) { drives_.at(drive).eject(); }

FloppyDrive* FloppyController::present_drive(unsigned number) {
    return number < kDrives && drives_[number].present() ? &drives_[number] : nullptr;
}

StateNode FloppyController::save_state() const {
    State state = state_;
    for (unsigned i = 0; i < kDrives; i++) state.drives[i] = drives_[i].state();
    return save_value(state);
}

Result<StatePart::Install> FloppyController::load_state(const StateNode& node) {
    State fresh;
    if (Result<void> loaded = load_value(node, fresh); !loaded) return loaded.error();
    const Execution& execution = fresh.execution;
    if (fresh.filled > fresh.bytes.size() || fresh.expected > fresh.bytes.size() ||
        fresh.taken > fresh.filled || fresh.phase > Phase::Result ||
        execution.position > execution.chunk_end || execution.chunk_end > execution.buffer.size() ||
        execution.kind > Kind::ReadId || execution.step > Step::Store ||
        (execution.kind != Kind::None && execution.drive >= 4) ||
        (fresh.phase == Phase::Command && fresh.filled > 0 && fresh.filled >= fresh.expected))
        return fail("the state of the controller contradicts itself");
    return Install([this, state = std::move(fresh)] {
        state_ = state;
        for (unsigned i = 0; i < kDrives; i++) drives_[i].set_state(state.drives[i]);
    });
}

// Reset

void FloppyController::reset() {
    state_ = {};
    if (config_.as_in_bochs) state_.dsr = static_cast<u8>(FloppyRate::Kbps500);
    scheduler_.cancel(execute_event_);
    scheduler_.cancel(reset_event_);
    for (const Scheduler::EventId event : seek_events_) scheduler_.cancel(event);
    dma_.set_request(false);
    irq_.lower();
}

/// A software reset by DOR or DSR. What SPECIFY set stays; LOCK keeps the FIFO's settings.
void FloppyController::enter_reset() {
    scheduler_.cancel(execute_event_);
    scheduler_.cancel(reset_event_);
    for (const Scheduler::EventId event : seek_events_) scheduler_.cancel(event);
    state_.phase = Phase::Command;
    state_.filled = state_.expected = state_.taken = 0;
    state_.execution = {};
    state_.seeking = state_.seek_done = state_.reset_status = 0;
    state_.pcn = {};
    state_.perpendicular &= 0x3c;  // the drive bits stay
    state_.configuration = state_.lock ? state_.configuration & 0x2f : 0x20;
    if (!state_.lock) state_.precompensation_track = 0;
    state_.power_down = 0;
    state_.resetting = true;
    dma_.set_request(false);
    set_irq(false);
}

void FloppyController::leave_reset() {
    state_.resetting = false;
    // With polling every drive's ready line seems to have changed: one interrupt, four states to be sensed.
    if (state_.configuration & 0x10) return;
    state_.reset_status = 0x0f;
    set_irq(true);
}

void FloppyController::set_irq(bool level) {
    state_.irq = level;
    irq_.set(level && gate());
}

// Registers

u32 FloppyController::port_read(u16 port, unsigned) {
    switch (port - kBase) {
        case kStatusA: return status_a();
        case kStatusB: return status_b();
        case kDigitalOutput: return state_.dor;
        case kTapeDrive: return state_.tdr;
        case kMainStatus: return main_status();
        case kFifo: return read_fifo();
        default: return digital_input();
    }
}

void FloppyController::port_write(u16 port, unsigned, u32 value) {
    const u8 byte = static_cast<u8>(value);
    switch (port - kBase) {
        case kDigitalOutput: return write_digital_output(byte);
        case kTapeDrive: state_.tdr = byte & 0x03; return;
        case kMainStatus: return write_data_rate_select(byte);
        case kFifo: return write_fifo(byte);
        case kDigitalInput: state_.dsr = static_cast<u8>((state_.dsr & ~3) | (byte & 3)); return;  // CCR
        default: return;                                                                           // SRA, SRB
    }
}

/// Status registers A and B exist with the PS/2 interface only. All signals are shown as the pins have them.
u8 FloppyController::status_a() const {
    if (config_.interface == Interface::PcAt) return 0xff;
    const unsigned number = state_.dor & 3;
    const FloppyDrive* drive = number < kDrives && motor(number) ? &drives_[number] : nullptr;
    u8 value = 0;
    if (state_.irq) value |= 0x80;
    if (!drives_[1].present()) value |= 0x40;                // DRV2-
    if (!drive || !drive->at_track_zero()) value |= 0x10;    // TRK0-
    if (state_.execution.head) value |= 0x08;                // HDSEL
    value |= 0x04;                                           // INDX-: the hole is not there
    if (!drive || !drive->write_protected()) value |= 0x02;  // WP-
    return value;
}

u8 FloppyController::status_b() const {
    if (config_.interface == Interface::PcAt) return 0xff;
    return static_cast<u8>(0xc0 | (state_.dor & 1) << 5 | (state_.dor >> 4 & 3));
}

void FloppyController::write_digital_output(u8 value) {
    const u8 before = std::exchange(state_.dor, value);
    for (unsigned i = 0; i < kDrives; i++)
        if (motor(i) && !(before & 0x10 << i)) state_.motor_since[i] = scheduler_.now();
    if (!(value & 0x04)) {
        if (before & 0x04) enter_reset();
    } else if (!(before & 0x04)) {
        scheduler_.schedule(reset_event_, scheduler_.now() + kResetNs);
    }
    irq_.set(state_.irq && gate());
    if (value & 0xf0) resume();
}

void FloppyController::write_data_rate_select(u8 value) {
    state_.dsr = value & 0x7f;
    if (!(value & 0x80)) return;
    enter_reset();  // this bit clears itself
    if (!in_reset()) scheduler_.schedule(reset_event_, scheduler_.now() + kResetNs);
}

u8 FloppyController::main_status() const {
    constexpr u8 kRequest = 0x80, kToHost = 0x40, kNonDma = 0x20, kBusy = 0x10;
    if (state_.resetting) return 0;
    u8 value = state_.seeking;
    switch (state_.phase) {
        case Phase::Command: value |= kRequest | (state_.filled ? kBusy : 0); break;
        case Phase::Execution:
            value |= kBusy;
            if (!dma_mode() && is_data_command(state_.execution.kind)) {
                value |= kNonDma;
                if (state_.execution.chunk_ready)
                    value |= kRequest | (state_.execution.to_host ? kToHost : 0);
            }
            break;
        case Phase::Result: value |= kRequest | kToHost | kBusy; break;
    }
    return value;
}

u8 FloppyController::digital_input() const {
    const unsigned number = state_.dor & 3;
    const bool changed = number < kDrives && motor(number) && drives_[number].disk_changed();
    // The PC/AT drives bit 7 only; what is on the rest of the bus reads as 0 here.
    if (config_.interface == Interface::PcAt) return changed ? 0x80 : 0x00;
    const u8 high_density = (state_.dsr & 3) == 0 || (state_.dsr & 3) == 3 ? 0 : 1;  // HIGH DENS-
    return static_cast<u8>((changed ? 0x80 : 0) | 0x78 | (state_.dsr & 3) << 1 | high_density);
}

u8 FloppyController::read_fifo() {
    Execution& execution = state_.execution;
    if (state_.phase == Phase::Execution && execution.chunk_ready && execution.to_host) {
        const u8 byte = execution.buffer[execution.position++];
        if (execution.position == execution.chunk_end) chunk_done();
        return byte;
    }
    if (state_.phase != Phase::Result || state_.resetting) return 0;
    set_irq(false);
    const u8 byte = state_.bytes[state_.taken++];
    if (state_.taken == state_.filled) {
        state_.phase = Phase::Command;
        state_.filled = state_.taken = 0;
    }
    return byte;
}

void FloppyController::write_fifo(u8 value) {
    if (state_.resetting) return;
    Execution& execution = state_.execution;
    if (state_.phase == Phase::Execution && execution.chunk_ready && !execution.to_host) {
        execution.buffer[execution.position++] = value;
        if (execution.position == execution.chunk_end) chunk_done();
        return;
    }
    if (state_.phase != Phase::Command) return;
    if (state_.filled == 0) {
        const CommandRow* row = find_command(value, config_.chip);
        state_.expected = row ? static_cast<u8>(1 + row->parameters) : 1;
    }
    state_.bytes[state_.filled++] = value;
    if (state_.filled == state_.expected) run_command();
}

}  // namespace gnomon
