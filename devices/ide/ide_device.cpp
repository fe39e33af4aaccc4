// The task file and the protocols of the data port.
#include "devices/ide/ide_device.h"

#include <cassert>
#include <cstring>

namespace gnomon {
namespace {

using namespace ide_status;

constexpr u64 kResetNs = 150'000;
constexpr u8 kDeviceReset = 0x08;
constexpr u8 kDiagnosticPassed = 0x01;

}  // namespace

static_assert(every_field_listed<TaskFile>());

IdeDevice::IdeDevice(Scheduler& scheduler, std::string name, TaskFile& task)
    : scheduler_(scheduler), task_(task), name_(std::move(name)) {
    event_ = scheduler_.add_event(name_, [this](const Scheduler::Due& due) { on_event(due.argument); });
}

void IdeDevice::attach(IdeHost& host, unsigned number) {
    host_ = &host;
    number_ = number;
    hardware_reset();
}

void IdeDevice::write_register(IdeRegister which, u8 value) {
    task_.control &= static_cast<u8>(~kHighOrder);
    if (which == IdeRegister::Device) {
        task_.device = value;
        return;
    }
    if (task_.status & kBusy) return;
    const auto push = [value](std::array<u8, 2>& pair) {
        pair[1] = pair[0];
        pair[0] = value;
    };
    switch (which) {
        case IdeRegister::Features: push(task_.features); break;
        case IdeRegister::Count: push(task_.count); break;
        case IdeRegister::LbaLow: push(task_.lba_low); break;
        case IdeRegister::LbaMid: push(task_.lba_mid); break;
        case IdeRegister::LbaHigh: push(task_.lba_high); break;
        default: break;
    }
}

void IdeDevice::write_command(u8 command) {
    task_.control &= static_cast<u8>(~kHighOrder);
    if (task_.control & kSoftReset) return;
    if (command == kDeviceReset && is_packet_device()) {
        stop();
        task_.command = command;
        reset_device(Reset::Command);
        busy(Next::ResetDone, kResetNs);
        return;
    }
    if ((task_.status & kBusy) || sleeping()) return;
    stop();  // a command while DRQ is set ends the one before
    task_.command = command;
    task_.error = 0;
    busy(Next::Execute, command_latency_ns(command));
}

void IdeDevice::write_control(u8 value) {
    const bool was_reset = task_.control & kSoftReset;
    task_.control = value & (kHighOrder | kSoftReset | kDisableInterrupt);
    if ((value & kSoftReset) && !was_reset) {
        stop();
        task_.status = kBusy;
        task_.phase = IdePhase::Busy;
    } else if (!(value & kSoftReset) && was_reset) {
        reset_device(Reset::Software);
        busy(Next::ResetDone, kResetNs);
    }
    host_->interrupt_changed();
}

u8 IdeDevice::read_register(IdeRegister which) const {
    if (task_.status & kBusy) return task_.status;
    const size_t byte = task_.control & kHighOrder ? 1 : 0;
    switch (which) {
        case IdeRegister::Features: return task_.error;
        case IdeRegister::Count: return task_.count[byte];
        case IdeRegister::LbaLow: return task_.lba_low[byte];
        case IdeRegister::LbaMid: return task_.lba_mid[byte];
        case IdeRegister::LbaHigh: return task_.lba_high[byte];
        case IdeRegister::Device: return task_.device;
        case IdeRegister::Data:
        case IdeRegister::Command: break;
    }
    return task_.status;
}

u8 IdeDevice::read_status() {
    const u8 status = task_.status;
    drop_interrupt();
    return status;
}

u32 IdeDevice::read_data(unsigned size) {
    if (task_.phase != IdePhase::DataIn) return ~u32{0};
    u32 value = 0;
    const size_t step = size == 1 ? 2 : size;
    const size_t left = task_.buffer.size() - task_.position;
    std::memcpy(&value, task_.buffer.data() + task_.position, std::min(step, left));
    task_.position += static_cast<u32>(std::min(step, left));
    if (task_.position == task_.buffer.size()) block_taken();
    return value;
}

void IdeDevice::write_data(unsigned size, u32 value) {
    if (task_.phase != IdePhase::DataOut) return;
    const size_t step = size == 1 ? 2 : size;
    const size_t left = task_.buffer.size() - task_.position;
    std::memcpy(task_.buffer.data() + task_.position, &value, std::min(step, left));
    task_.position += static_cast<u32>(std::min(step, left));
    if (task_.position == task_.buffer.size()) block_delivered();
}

void IdeDevice::start_diagnostic() {
    stop();
    task_.control &= static_cast<u8>(~kHighOrder);
    task_.command = 0x90;
    busy(Next::DiagnosticDone, kResetNs);
}

void IdeDevice::dma_started() {
    if (task_.phase == IdePhase::Dma && !scheduler_.pending(event_) && host_->dma_ready(task_.dma_in))
        scheduler_.schedule(event_, scheduler_.now() + command_latency_ns(task_.command),
                            static_cast<u64>(Next::Dma));
}

void IdeDevice::hardware_reset() {
    stop();
    task_ = {};
    reset_device(Reset::Hardware);
    busy(Next::ResetDone, kResetNs);
    host_->interrupt_changed();
}

void IdeDevice::on_event(u64 argument) {
    switch (static_cast<Next>(argument)) {
        case Next::Execute: execute(); break;
        case Next::Block: next_block(); break;
        case Next::Dma:
            // The host may have stopped its bus master in between; then it starts us again.
            if (task_.phase == IdePhase::Dma && host_->dma_ready(task_.dma_in)) move_dma();
            break;
        case Next::ResetDone:
        case Next::DiagnosticDone:
            task_.error = kDiagnosticPassed;
            task_.device = 0;
            task_.phase = IdePhase::Idle;
            task_.status = kIdleStatus;
            put_signature();
            if (static_cast<Next>(argument) == Next::DiagnosticDone && number_ == 0) raise_interrupt();
            break;
    }
}

void IdeDevice::busy(Next next, u64 delay_ns) {
    task_.status = kBusy;
    task_.phase = IdePhase::Busy;
    scheduler_.schedule(event_, scheduler_.now() + delay_ns, static_cast<u64>(next));
}

void IdeDevice::offer_block() {
    task_.position = 0;
    task_.phase = IdePhase::DataIn;
    task_.status = kIdleStatus | kDataRequest;
    raise_interrupt();
}

void IdeDevice::request_block(size_t bytes, bool interrupt) {
    task_.buffer.assign(bytes, 0);
    task_.position = 0;
    task_.phase = IdePhase::DataOut;
    task_.status = kIdleStatus | kDataRequest;
    if (interrupt) raise_interrupt();
}

void IdeDevice::request_dma(bool to_memory, u64 delay_ns) {
    task_.phase = IdePhase::Dma;
    task_.dma_in = to_memory;
    task_.status = kIdleStatus | kDataRequest;
    if (host_->dma_ready(to_memory))
        scheduler_.schedule(event_, scheduler_.now() + delay_ns, static_cast<u64>(Next::Dma));
}

bool IdeDevice::transfer_dma() {
    const std::span<u8> rest = std::span(task_.buffer).subspan(task_.position);
    const size_t moved = task_.dma_in ? host_->dma_to_memory(rest) : host_->dma_from_memory(rest);
    task_.position += static_cast<u32>(moved);
    return moved == rest.size();
}

void IdeDevice::complete() {
    task_.phase = IdePhase::Idle;
    task_.status = kIdleStatus;
    raise_interrupt();
}

void IdeDevice::complete_with_error(u8 error, u8 status) {
    task_.phase = IdePhase::Idle;
    task_.error = error;
    task_.status = kIdleStatus | kError | status;
    raise_interrupt();
}

void IdeDevice::raise_interrupt() {
    task_.interrupt = true;
    host_->interrupt_changed();
}

void IdeDevice::drop_interrupt() {
    if (!task_.interrupt) return;
    task_.interrupt = false;
    host_->interrupt_changed();
}

/// Ends whatever goes on; the interrupt of the last command is withdrawn.
void IdeDevice::stop() {
    scheduler_.cancel(event_);
    task_.phase = IdePhase::Idle;
    task_.buffer.clear();
    task_.position = 0;
    if (host_) drop_interrupt();
}

}  // namespace gnomon
