// Control commands: seeks, sense commands, configuration. 82077AA, "Command descriptions"; 82078 where
// marked.
#include <algorithm>
#include <cstdlib>

#include "devices/floppy/floppy_command_row.h"

namespace gnomon {
namespace {

constexpr u64 kFastSeekNs = 100'000;
constexpr u64 kFastStepNs = 2'000;
constexpr u64 kSettleNs = 15'000'000;
constexpr int kRecalibrateSteps = 79;

}  // namespace

const FloppyController::CommandRow* FloppyController::find_command(u8 opcode, Chip chip) {
    static constexpr CommandRow kCommands[] = {
        {0x9f, 0x02, 8, &FloppyController::transfer, Kind::ReadTrack},
        {0xff, 0x03, 2, &FloppyController::specify},
        {0xff, 0x04, 1, &FloppyController::sense_drive},
        {0x3f, 0x05, 8, &FloppyController::transfer, Kind::Write},
        {0x1f, 0x06, 8, &FloppyController::transfer, Kind::Read},
        {0xff, 0x07, 1, &FloppyController::recalibrate},
        {0xff, 0x08, 0, &FloppyController::sense_interrupt},
        {0x3f, 0x09, 8, &FloppyController::transfer, Kind::WriteDeleted},
        {0xbf, 0x0a, 1, &FloppyController::read_id, Kind::ReadId},
        {0x1f, 0x0c, 8, &FloppyController::transfer, Kind::ReadDeleted},
        {0xbf, 0x0d, 5, &FloppyController::format, Kind::Format},
        {0xff, 0x0e, 0, &FloppyController::dump_registers},
        {0xff, 0x0f, 2, &FloppyController::seek},
        {0xbf, 0x8f, 2, &FloppyController::relative_seek},
        {0xff, 0x10, 0, &FloppyController::version},
        {0x1f, 0x11, 8, &FloppyController::transfer, Kind::ScanEqual},
        {0xff, 0x12, 1, &FloppyController::perpendicular},
        {0xff, 0x13, 3, &FloppyController::configure},
        {0x7f, 0x14, 0, &FloppyController::lock},
        {0x1f, 0x16, 8, &FloppyController::transfer, Kind::Verify},
        {0xff, 0x17, 1, &FloppyController::power_down_mode, Kind::None, true},
        {0xff, 0x18, 0, &FloppyController::part_id, Kind::None, true},
        {0x1f, 0x19, 8, &FloppyController::transfer, Kind::ScanLow},
        {0x1f, 0x1d, 8, &FloppyController::transfer, Kind::ScanHigh},
        {0xff, 0x2e, 0, &FloppyController::save, Kind::None, true},
        {0xff, 0x33, 1, &FloppyController::option, Kind::None, true},
        {0xff, 0x4e, 16, &FloppyController::restore, Kind::None, true},
    };
    for (const CommandRow& row : kCommands)
        if ((opcode & row.mask) == row.value && (!row.only_82078 || chip == Chip::I82078)) return &row;
    return nullptr;
}

void FloppyController::run_command() {
    const u8 opcode = state_.bytes[0];
    const CommandRow* row = find_command(opcode, config_.chip);
    if (!row) {
        log_.guest("floppy", "unknown command", "unknown command {:#04x}", opcode);
        return invalid();
    }
    // A driver that goes to work has no interest left in the drives' states after the reset.
    if (row->kind != Kind::None || opcode == 0x07 || (opcode & 0x0f) == 0x0f) state_.reset_status = 0;
    if (row->kind != Kind::None) return begin(row->kind);
    (this->*row->run)();
}

/// The end of a command: the result phase if it has results. Control commands do not interrupt here.
void FloppyController::finish(std::initializer_list<u8> results) {
    std::copy(results.begin(), results.end(), state_.bytes.begin());
    state_.filled = static_cast<u8>(results.size());
    state_.taken = 0;
    state_.phase = results.size() ? Phase::Result : Phase::Command;
}

void FloppyController::specify() {
    state_.srt_hut = state_.bytes[1];
    state_.hlt_nd = state_.bytes[2];
    finish({});
}

void FloppyController::sense_drive() {
    const u8 select = state_.bytes[1] & 7;
    u8 value = static_cast<u8>(0x28 | select);  // ready and two-sided are not wired
    if (const FloppyDrive* drive = present_drive(select & 3)) {
        if (drive->at_track_zero()) value |= 0x10;
        if (drive->write_protected()) value |= 0x40;
    }
    finish({value});
}

void FloppyController::sense_interrupt() {
    set_irq(false);
    for (u8 i = 0; i < 4; i++) {
        if (!(state_.reset_status & 1 << i)) continue;
        state_.reset_status &= static_cast<u8>(~(1 << i));
        return finish({static_cast<u8>(st0::kPollChange | i), state_.pcn[i]});
    }
    for (u8 i = 0; i < 4; i++) {
        if (!(state_.seek_done & 1 << i)) continue;
        state_.seek_done &= static_cast<u8>(~(1 << i));
        if (state_.seek_done) set_irq(true);
        return finish({state_.seek_st0[i], state_.pcn[i]});
    }
    invalid();
}

// Seeks: they run beside other commands, drive by drive.

u64 FloppyController::step_ns(u32 steps) const {
    if (!config_.realistic_timing) return kFastSeekNs + steps * kFastStepNs;
    // The step rate is counted in units of the data rate: 1 ms at 500 kbit/s.
    constexpr u64 kUnit[] = {1'000'000, 1'666'667, 2'000'000, 500'000};
    return steps * (16u - (state_.srt_hut >> 4)) * kUnit[state_.dsr & 3] + kSettleNs;
}

void FloppyController::start_seek(unsigned drive, int steps, u8 target) {
    state_.seeking |= static_cast<u8>(1 << drive);
    state_.seek_done &= static_cast<u8>(~(1 << drive));
    state_.seek_target[drive] = target;
    if (FloppyDrive* there = present_drive(drive)) there->step(steps);
    scheduler_.schedule(seek_events_[drive], scheduler_.now() + step_ns(static_cast<u32>(std::abs(steps))));
    finish({});
}

void FloppyController::seek_finished(unsigned drive) {
    state_.seeking &= static_cast<u8>(~(1 << drive));
    state_.seek_done |= static_cast<u8>(1 << drive);
    state_.pcn[drive] = state_.seek_target[drive];
    set_irq(true);
}

void FloppyController::recalibrate() {
    const u8 number = state_.bytes[1] & 3;
    const FloppyDrive* drive = present_drive(number);
    const u32 away = drive ? drive->position() : ~u32{0};
    const int steps = static_cast<int>(std::min<u32>(away, kRecalibrateSteps));
    state_.seek_st0[number] = static_cast<u8>(st0::kSeekEnd | number);
    if (away > static_cast<u32>(kRecalibrateSteps))
        state_.seek_st0[number] |= st0::kAbnormal | st0::kEquipmentCheck;
    start_seek(number, -steps, 0);
}

void FloppyController::seek() {
    const u8 number = state_.bytes[1] & 3;
    const u8 target = state_.bytes[2];
    state_.seek_st0[number] = static_cast<u8>(st0::kSeekEnd | (state_.bytes[1] & 7));
    start_seek(number, int{target} - state_.pcn[number], target);
}

void FloppyController::relative_seek() {
    const u8 number = state_.bytes[1] & 3;
    const int steps = state_.bytes[0] & 0x40 ? state_.bytes[2] : -int{state_.bytes[2]};
    state_.seek_st0[number] = static_cast<u8>(st0::kSeekEnd | (state_.bytes[1] & 7));
    start_seek(number, steps, static_cast<u8>(state_.pcn[number] + steps));
}

// Configuration

void FloppyController::configure() {
    state_.configuration = state_.bytes[2] & 0x7f;
    state_.precompensation_track = state_.bytes[3];
    finish({});
}

void FloppyController::dump_registers() {
    finish({state_.pcn[0], state_.pcn[1], state_.pcn[2], state_.pcn[3], state_.srt_hut, state_.hlt_nd,
            state_.last_eot, static_cast<u8>((state_.lock ? 0x80 : 0) | state_.perpendicular),
            state_.configuration, state_.precompensation_track});
}

void FloppyController::lock() {
    state_.lock = state_.bytes[0] & 0x80;
    finish({static_cast<u8>(state_.lock ? 0x10 : 0x00)});
}

/// Without OW (bit 7) the drive bits stay as they are.
void FloppyController::perpendicular() {
    const u8 value = state_.bytes[1];
    state_.perpendicular =
        static_cast<u8>(value & 0x80 ? value & 0x3f : (state_.perpendicular & 0x3c) | (value & 0x03));
    finish({});
}

// 82078

void FloppyController::power_down_mode() {
    state_.power_down = state_.bytes[1] & 0x27;
    finish({state_.power_down});
}

void FloppyController::option() {
    state_.option = state_.bytes[1] & 0x01;
    finish({});
}

void FloppyController::save() {
    finish({static_cast<u8>(state_.dsr & 0x1f), state_.option, state_.pcn[0], state_.pcn[1], state_.pcn[2],
            state_.pcn[3], state_.srt_hut, state_.hlt_nd, state_.last_eot,
            static_cast<u8>((state_.lock ? 0x80 : 0) | state_.perpendicular), state_.configuration,
            state_.precompensation_track, state_.power_down, 0, 0, 0});
}

void FloppyController::restore() {
    const std::array<u8, 20> saved = state_.bytes;
    state_.dsr = saved[1] & 0x1f;
    state_.option = saved[2] & 0x01;
    std::copy_n(saved.begin() + 3, 4, state_.pcn.begin());
    state_.srt_hut = saved[7];
    state_.hlt_nd = saved[8];
    state_.last_eot = saved[9];
    state_.lock = saved[10] & 0x80;
    state_.perpendicular = saved[10] & 0x3f;
    state_.configuration = saved[11] & 0x7f;
    state_.precompensation_track = saved[12];
    state_.power_down = saved[13] & 0x27;
    finish({});
}

}  // namespace gnomon
