// The execution phase of commands that read or write: finding sectors, DMA and programmed transfers, results.
// 82077AA, "Data transfer commands" and "Result phase table"; scan as in the 8272A.
#include <algorithm>

#include "devices/floppy/floppy_command_row.h"

namespace gnomon {
namespace {

constexpr u8 kSizeCode = 2;  // 512 bytes: all formats here
constexpr u64 kFastFindNs = 50'000;
constexpr u64 kFastSectorNs = 50'000;
constexpr u64 kFastChunkNs = 1'000;
constexpr u64 kSpinUpNs = 300'000'000;
constexpr u64 kOverrunNs = 400'000'000;  // the DMA controller has two revolutions, as a search has
constexpr u64 kRetryNs = 100'000;

}  // namespace

// The first phase: parameters, checks, an implied seek.

void FloppyController::begin(Kind kind) {
    const std::array<u8, 20>& b = state_.bytes;
    Execution& execution = state_.execution;
    execution = {};
    execution.kind = kind;
    execution.multi_track = b[0] & 0x80;
    execution.mfm = b[0] & 0x40;
    execution.skip = b[0] & 0x20;
    execution.drive = b[1] & 3;
    execution.head = b[1] >> 2 & 1;
    state_.phase = Phase::Execution;
    if (kind == Kind::ReadId)
        read_id();
    else if (kind == Kind::Format)
        format();
    else
        transfer();
}

void FloppyController::read_id() { after(config_.realistic_timing ? 0 : kFastFindNs, Step::Find); }

void FloppyController::format() {
    Execution& execution = state_.execution;
    execution.n = state_.bytes[2];
    execution.eot = state_.bytes[3];
    execution.dtl = state_.bytes[5];
    state_.last_eot = execution.eot;
    after(kFastFindNs, Step::Find);
}

void FloppyController::transfer() {
    Execution& execution = state_.execution;
    const std::array<u8, 20>& b = state_.bytes;
    execution.c = b[2];
    execution.h = b[3];
    execution.r = b[4];
    execution.n = b[5];
    execution.eot = b[6];
    execution.dtl = b[8];
    execution.to_host = !is_write(execution.kind) && !is_scan(execution.kind);
    state_.last_eot = execution.eot;
    const bool implied_seek = config_.as_in_bochs || state_.configuration & 0x40;
    const int steps = int{execution.c} - state_.pcn[execution.drive];
    if (!implied_seek || steps == 0) return after(kFastFindNs, Step::Find);
    if (FloppyDrive* drive = present_drive(execution.drive)) drive->step(steps);
    state_.pcn[execution.drive] = execution.c;
    execution.st0 |= st0::kSeekEnd;
    after(step_ns(static_cast<u32>(std::abs(steps))), Step::Find);
}

void FloppyController::after(u64 ns, Step step) {
    state_.execution.step = step;
    scheduler_.schedule(execute_event_, scheduler_.now() + ns);
}

void FloppyController::execute() {
    switch (state_.execution.step) {
        case Step::Idle: break;
        case Step::Find: return find();
        case Step::Transfer: return move();
        case Step::Store: return store();
    }
}

/// Without a turning disk there are no index pulses: the command waits, as on the real thing, until there is
/// one or the driver resets the controller.
bool FloppyController::spinning(unsigned drive) {
    FloppyDrive* there = present_drive(drive);
    if (!there || !there->has_disk() || !motor(drive)) {
        state_.execution.stalled = true;
        return false;
    }
    const u64 ready = state_.motor_since[drive] + kSpinUpNs;
    if (!config_.realistic_timing || scheduler_.now() >= ready) return true;
    scheduler_.schedule(execute_event_, ready);
    return false;
}

/// Something that a stalled command waits for has come: a disk, the motor, the DMA channel.
void FloppyController::resume() {
    if (state_.phase != Phase::Execution || !state_.execution.stalled || in_reset()) return;
    state_.execution.stalled = false;
    scheduler_.schedule(execute_event_, scheduler_.now() + kFastChunkNs);
}

/// Until the sector has come round and is read: a realistic disk turns with the clock. Who is ready within
/// the gap before the data catches the sector still.
u64 FloppyController::sector_ns(const FloppyDrive& drive, u32 sector) const {
    if (!config_.realistic_timing) return kFastSectorNs;
    const u64 revolution = drive.revolution_ns();
    const u64 each = revolution / drive.format().sectors;
    const u64 start = (sector - 1) % drive.format().sectors * each;
    const u64 late = (scheduler_.now() % revolution + revolution - start) % revolution;
    return late < each / 8 ? each - late : revolution - late + each;
}

// Finding

void FloppyController::find() {
    Execution& execution = state_.execution;
    if (const FloppyDrive* there = present_drive(execution.drive))
        if (is_write(execution.kind) && there->write_protected()) return end_with_error(st1::kNotWritable);
    if (!spinning(execution.drive)) return;
    FloppyDrive& drive = drives_[execution.drive];
    const std::optional<u32> track = drive.track();
    const bool formatted =
        track && execution.head < drive.format().heads && drive.readable_at(rate(), execution.mfm);
    if (!formatted) return end_with_error(st1::kMissingMark);
    if (execution.kind == Kind::Format) return find_format();
    if (execution.kind == Kind::ReadId) {
        const u64 revolution = drive.revolution_ns();
        execution.c = static_cast<u8>(*track);
        execution.h = execution.head;
        execution.r =
            static_cast<u8>(scheduler_.now() % revolution * drive.format().sectors / revolution + 1);
        execution.n = kSizeCode;
        return result_phase();
    }
    if (!sector_there(drive, *track)) return;
    const bool deleted = drive.is_deleted(*track, execution.head, execution.r);
    const bool wants_deleted = execution.kind == Kind::ReadDeleted;
    if (!is_write(execution.kind) && execution.kind != Kind::ReadTrack && deleted != wants_deleted) {
        // The other kind of data mark: skipped, or the last sector of this transfer.
        if (execution.skip) return next_sector();
        execution.st2 |= st2::kControlMark;
    }
    load_sector(drive, *track);
}

/// Compares the ID fields of the track with what is searched; ends the command if two revolutions would find
/// nothing.
bool FloppyController::sector_there(FloppyDrive& drive, u32 track) {
    Execution& execution = state_.execution;
    if (execution.kind == Kind::ReadTrack) {
        // Physical sectors from the index on; an ID that differs is only noted.
        if (execution.c != track || execution.h != execution.head || execution.n != kSizeCode)
            execution.st1 |= st1::kNoData;
        execution.r = static_cast<u8>(execution.count + 1);
        if (execution.r <= drive.format().sectors) return true;
        end_with_error(st1::kMissingMark);
        return false;
    }
    if (execution.c != track) {
        end_with_error(st1::kNoData,
                       execution.c == 0xff ? st2::kWrongCylinder | st2::kBadCylinder : st2::kWrongCylinder);
        return false;
    }
    if (execution.h == execution.head && execution.n == kSizeCode && execution.r >= 1 &&
        execution.r <= drive.format().sectors)
        return true;
    end_with_error(st1::kNoData);
    return false;
}

void FloppyController::load_sector(FloppyDrive& drive, u32 track) {
    Execution& execution = state_.execution;
    execution.buffer.assign(kSectorSize, 0);
    execution.position = execution.chunk_end = 0;
    if (!is_write(execution.kind)) {
        Result<void> read = drive.read(track, execution.head, execution.r, execution.buffer);
        if (!read) {
            log_.error("floppy", "{}", read.error().message);
            return end_with_error(st1::kDataError, st2::kDataError);
        }
    }
    const u64 delay = sector_ns(drive, execution.r);
    if (execution.kind == Kind::Verify) return after(delay, Step::Store);
    if (is_scan(execution.kind)) {
        // The disk's data stay behind those that the host sends.
        execution.buffer.resize(2 * kSectorSize);
        std::copy_n(execution.buffer.begin(), kSectorSize, execution.buffer.begin() + kSectorSize);
    }
    after(delay, Step::Transfer);
}

void FloppyController::find_format() {
    Execution& execution = state_.execution;
    if (execution.eot == 0) return result_phase();
    execution.buffer.assign(size_t{execution.eot} * 4, 0);
    execution.position = execution.chunk_end = 0;
    after(kFastSectorNs, Step::Transfer);
}

// Moving

void FloppyController::move() {
    if (dma_mode())
        move_dma();
    else
        offer_chunk();
}

void FloppyController::move_dma() {
    Execution& execution = state_.execution;
    const size_t end = is_scan(execution.kind) ? kSectorSize : execution.buffer.size();
    const std::span<u8> rest = std::span(execution.buffer).first(end).subspan(execution.position);
    if (!execution.terminal_count && !rest.empty()) {
        if (execution.stalled_since == 0) execution.stalled_since = scheduler_.now();
        if (gate()) {
            dma_.set_request(true);
            const IsaDmaChannel::Moved moved =
                execution.to_host ? dma_.to_memory(rest) : dma_.from_memory(rest);
            execution.position += static_cast<u32>(moved.bytes);
            execution.terminal_count = moved.terminal_count;
            if (moved.bytes) execution.stalled_since = scheduler_.now();
        }
        if (!execution.terminal_count && execution.position < end) {
            if (scheduler_.now() > execution.stalled_since + kOverrunNs) return end_with_error(st1::kOverrun);
            return after(kRetryNs, Step::Transfer);
        }
    }
    dma_.set_request(false);
    execution.chunk_end = execution.position;
    execution.stalled_since = 0;
    data_done();
}

/// Programmed transfer: an interrupt for as many bytes as the FIFO threshold says, one without the FIFO.
void FloppyController::offer_chunk() {
    Execution& execution = state_.execution;
    const u32 end = static_cast<u32>(is_scan(execution.kind) ? kSectorSize : execution.buffer.size());
    const bool no_fifo = state_.configuration & 0x20;
    const u32 chunk = no_fifo ? 1 : 16u - (state_.configuration & 0x0f);
    execution.chunk_end = std::min(end, execution.position + chunk);
    execution.chunk_ready = true;
    set_irq(true);
}

void FloppyController::chunk_done() {
    Execution& execution = state_.execution;
    execution.chunk_ready = false;
    set_irq(false);
    const u32 end = static_cast<u32>(is_scan(execution.kind) ? kSectorSize : execution.buffer.size());
    if (execution.position < end) return after(kFastChunkNs, Step::Transfer);
    after(kFastChunkNs, Step::Store);
}

/// The sector's bytes are over: what the host sends is stored after the time that writing takes.
void FloppyController::data_done() {
    if (state_.execution.to_host) return store();
    after(kFastChunkNs, Step::Store);
}

void FloppyController::store() {
    Execution& execution = state_.execution;
    if (!spinning(execution.drive)) return;
    switch (execution.kind) {
        case Kind::Format: return store_format();
        case Kind::Write:
        case Kind::WriteDeleted: return store_sector();
        case Kind::ScanEqual:
        case Kind::ScanLow:
        case Kind::ScanHigh: return compare();
        default: return next_sector();
    }
}

void FloppyController::store_sector() {
    Execution& execution = state_.execution;
    FloppyDrive& drive = drives_[execution.drive];
    const std::optional<u32> track = drive.track();
    // The disk may have been changed while the data came.
    if (!track || drive.write_protected() || execution.head >= drive.format().heads ||
        execution.r > drive.format().sectors)
        return end_with_error(st1::kNotWritable);
    Result<void> written = drive.write(*track, execution.head, execution.r, execution.buffer,
                                       execution.kind == Kind::WriteDeleted);
    if (!written) {
        log_.error("floppy", "{}", written.error().message);
        return end_with_error(st1::kDataError, st2::kDataError);
    }
    next_sector();
}

/// The IDs that the host sent, four bytes each. The image keeps its format: IDs that it has get the filler.
void FloppyController::store_format() {
    Execution& execution = state_.execution;
    FloppyDrive& drive = drives_[execution.drive];
    const std::optional<u32> track = drive.track();
    if (!track || drive.write_protected() || execution.head >= drive.format().heads)
        return end_with_error(st1::kNotWritable);
    const std::vector<u8> filler(kSectorSize, execution.dtl);
    for (u32 at = 0; at + 4 <= execution.position; at += 4) {
        execution.c = execution.buffer[at];
        execution.h = execution.buffer[at + 1];
        execution.r = execution.buffer[at + 2];
        const bool known = execution.n == kSizeCode && execution.buffer[at + 3] == kSizeCode &&
                           execution.c == *track && execution.h == execution.head && execution.r >= 1 &&
                           execution.r <= drive.format().sectors;
        if (!known) {
            log_.guest("floppy", "format of another layout",
                       "formatting sector {}/{}/{} of size {}, which {} does not have", execution.c,
                       execution.h, execution.r, execution.buffer[at + 3], drive.format().name);
            continue;
        }
        if (Result<void> written = drive.write(*track, execution.head, execution.r, filler, false);
            !written) {
            log_.error("floppy", "{}", written.error().message);
            return end_with_error(st1::kDataError, st2::kDataError);
        }
    }
    result_phase();
}

/// FFh on either side matches anything.
void FloppyController::compare() {
    Execution& execution = state_.execution;
    const u32 count = execution.terminal_count ? execution.position : kSectorSize;
    bool equal = true;
    bool satisfied = true;
    for (u32 i = 0; i < count; i++) {
        const u8 host = execution.buffer[i];
        const u8 disk = execution.buffer[kSectorSize + i];
        if (host == disk || host == 0xff || disk == 0xff) continue;
        equal = false;
        if (execution.kind == Kind::ScanEqual || (execution.kind == Kind::ScanLow) != (disk < host))
            satisfied = false;
    }
    if (satisfied) {
        execution.st2 &= static_cast<u8>(~st2::kScanNotSatisfied);
        if (equal) execution.st2 |= st2::kScanEqual;
        return result_phase();
    }
    execution.st2 |= st2::kScanNotSatisfied;
    next_sector();
}

// Going on and ending

void FloppyController::next_sector() {
    Execution& execution = state_.execution;
    execution.count++;
    if (execution.terminal_count) return end_normally();
    if ((execution.st2 & st2::kControlMark) && !execution.skip) return end_normally();
    const bool counted_verify = execution.kind == Kind::Verify && (state_.bytes[1] & 0x80);
    if (counted_verify && execution.count == execution.dtl) return end_normally();
    if (execution.kind == Kind::ReadTrack) {
        if (execution.count >= execution.eot) return end_with_error(st1::kEndOfCylinder);
        return after(kFastFindNs, Step::Find);
    }
    const u8 step = is_scan(execution.kind) && execution.dtl == 2 ? 2 : 1;
    if (execution.r + step <= execution.eot) {
        execution.r = static_cast<u8>(execution.r + step);
    } else if (execution.multi_track && execution.head == 0) {
        execution.head = 1;
        execution.h ^= 1;
        execution.r = 1;
    } else if (execution.kind == Kind::Verify || is_scan(execution.kind)) {
        return end_normally();
    } else {
        // No terminal count: the host's fault, and the normal end of a programmed transfer.
        return end_with_error(st1::kEndOfCylinder);
    }
    after(kFastFindNs, Step::Find);
}

/// The sector ID after the last one, as the result phase table has it.
void FloppyController::advance_id() {
    Execution& execution = state_.execution;
    if (execution.r < execution.eot) {
        execution.r++;
        return;
    }
    execution.r = 1;
    if (!execution.multi_track) {
        execution.c++;
    } else {
        if (execution.head == 1) execution.c++;
        execution.h ^= 1;
    }
}

void FloppyController::end_normally() {
    advance_id();
    result_phase();
}

void FloppyController::end_with_error(u8 st1, u8 st2) {
    Execution& execution = state_.execution;
    execution.st0 |= st0::kAbnormal;
    execution.st1 |= st1;
    execution.st2 |= st2;
    result_phase();
}

void FloppyController::result_phase() {
    const Execution execution = std::exchange(state_.execution, {});
    state_.execution.head = execution.head;
    scheduler_.cancel(execute_event_);
    dma_.set_request(false);
    finish({static_cast<u8>(execution.st0 | execution.head << 2 | execution.drive), execution.st1,
            execution.st2, execution.c, execution.h, execution.r, execution.n});
    set_irq(true);
}

}  // namespace gnomon
