// The bus masters: buffer lists, and samples in guest time. 82801AA datasheet, "AC '97 Controller: DMA".
#include <algorithm>

#include "devices/sound/ac97/ac97.h"

namespace gnomon {
namespace {

constexpr unsigned kPcmOut = 1;

constexpr u64 kFetchNs = 1'000'000;
/// After a longer time that the host was away for, a transfer starts counting anew.
constexpr u64 kMostFramesBehind = 50'000;

constexpr u8 kRun = 0x01;
constexpr u16 kHalted = 0x01;
constexpr u16 kAtLastBuffer = 0x02;
constexpr u16 kLastBufferDone = 0x04;
constexpr u16 kBufferDone = 0x08;

constexpr u16 kInterruptOnCompletion = 0x8000;
constexpr u16 kRepeatLastSample = 0x4000;

constexpr unsigned kSampleBytes = 2;

/// A microphone is mono.
constexpr unsigned samples_a_frame(unsigned index) { return index == 2 ? 1 : 2; }

}  // namespace

u32 Ac97::rate(unsigned index) const { return index == kPcmOut ? codec_.output_rate() : codec_.input_rate(); }

bool Ac97::running(const BusMaster& master) const { return master.CR & kRun && !(master.SR & kHalted); }

/// Takes the buffer that the prefetched index names.
void Ac97::next_buffer(BusMaster& master) {
    master.CIV = master.PIV;
    master.PIV = (master.PIV + 1) & 31;
    std::array<u8, 8> descriptor;
    wires_.memory->dma_read(GuestPhys(u64{master.BDBAR} + 8 * master.CIV), descriptor);
    const auto word = [&](unsigned at) { return static_cast<u16>(descriptor[at] | descriptor[at + 1] << 8); };
    master.address = (word(0) | u32{word(2)} << 16) & ~1u;
    master.PICB = word(4);
    master.control = word(6);
    if (master.CIV == master.LVI)
        master.SR |= kAtLastBuffer;
    else
        master.SR &= static_cast<u16>(~kAtLastBuffer);
}

void Ac97::start(BusMaster& master) {
    master.SR &= static_cast<u16>(~(kHalted | kAtLastBuffer));
    // A buffer that was stopped half-way goes on where it was.
    if (master.PICB == 0) next_buffer(master);
    master.started_ns = scheduler_.now();
    master.frames = 0;
}

/// The last sample of a buffer has been moved.
void Ac97::end_buffer(BusMaster& master) {
    if (master.control & kInterruptOnCompletion) master.SR |= kBufferDone;
    if (master.CIV == master.LVI) {
        master.SR |= kLastBufferDone | kAtLastBuffer | kHalted;
        if (&master == &masters_[kPcmOut] && !(master.control & kRepeatLastSample))
            output_.set(master.started_ns + VirtualClock::ticks_to_ns(master.frames, rate(kPcmOut)), 0, 0);
    } else {
        next_buffer(master);
    }
    update_interrupt();
}

void Ac97::run_to(u64 now_ns) {
    for (unsigned index = 0; index < masters_.size(); index++) run_master(index, now_ns);
}

void Ac97::run_master(unsigned index, u64 now_ns) {
    BusMaster& master = masters_[index];
    if (!running(master) || now_ns < master.started_ns) return;
    const u64 due = VirtualClock::ns_to_ticks(now_ns - master.started_ns, rate(index));
    if (due > master.frames + kMostFramesBehind || !config_.bus_master()) {
        master.started_ns = now_ns;
        master.frames = 0;
        return;
    }
    while (running(master) && master.frames < due) {
        if (master.PICB == 0) {
            // An empty buffer takes the time of a frame, lest a list of such buffers never ends.
            master.frames++;
        } else {
            const u32 per_frame = samples_a_frame(index);
            const u32 in_buffer = (master.PICB + per_frame - 1) / per_frame;
            move_frames(index, static_cast<u32>(std::min<u64>(due - master.frames, in_buffer)));
        }
        if (master.PICB == 0) end_buffer(master);
    }
}

/// Within the current buffer.
void Ac97::move_frames(unsigned index, u32 frames) {
    BusMaster& master = masters_[index];
    const u32 samples = std::min<u32>(master.PICB, frames * samples_a_frame(index));
    bytes_.assign(size_t{samples} * kSampleBytes, 0);
    if (index == kPcmOut) {
        wires_.memory->dma_read(GuestPhys(master.address), bytes_);
        put_frames(master, samples);
    } else {
        wires_.memory->dma_write(GuestPhys(master.address), bytes_);
    }
    master.address += samples * kSampleBytes;
    master.PICB = static_cast<u16>(master.PICB - samples);
    master.frames += frames;
}

void Ac97::put_frames(const BusMaster& master, u32 samples) {
    if (!output_.active()) return;
    const auto level = [&](size_t sample, i32 gain) {
        if (sample >= samples) return i32{0};
        const i16 value = static_cast<i16>(bytes_[2 * sample] | bytes_[2 * sample + 1] << 8);
        return static_cast<i32>(i64{value} * gain / 65536);
    };
    for (u32 i = 0; 2 * i < samples; i++) {
        const u64 at = master.started_ns + VirtualClock::ticks_to_ns(master.frames + i, rate(kPcmOut));
        output_.set(at, level(2 * size_t{i}, gain_.left), level(2 * size_t{i} + 1, gain_.right));
    }
}

void Ac97::schedule() {
    u64 earliest = Scheduler::kNever;
    for (unsigned index = 0; index < masters_.size(); index++) {
        const BusMaster& master = masters_[index];
        if (!running(master)) continue;
        const u32 per_frame = samples_a_frame(index);
        const u64 in_buffer = std::max<u64>((master.PICB + per_frame - 1) / per_frame, 1);
        const u64 frames =
            std::min<u64>(in_buffer, std::max<u64>(VirtualClock::ns_to_ticks(kFetchNs, rate(index)), 1));
        earliest = std::min(
            earliest, master.started_ns + VirtualClock::ticks_to_ns(master.frames + frames, rate(index)));
    }
    if (earliest == scheduler_.due_at(event_)) return;
    if (earliest == Scheduler::kNever)
        scheduler_.cancel(event_);
    else
        scheduler_.schedule(event_, earliest);
}

}  // namespace gnomon
