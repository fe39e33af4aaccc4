// DSP transfers: from DMA bytes to levels, in guest time.
#include "devices/sound/sb16/sb16_dsp.h"

#include <algorithm>

namespace gnomon {
namespace {

/// Samples are fetched at least this often while a transfer runs.
constexpr u64 kFetchNs = 1'000'000;
constexpr u64 kFastest = 50'000;

}  // namespace

static_assert(every_field_listed<Sb16Dsp::Transfer>() && every_field_listed<Sb16Dsp::State>());

Sb16Dsp::Sb16Dsp(Scheduler& scheduler, Log& log, Wires wires)
    : scheduler_(scheduler), log_(log), wires_(std::move(wires)) {
    event_ = scheduler_.add_event("sb16.samples", [this](const Scheduler::Due& due) {
        run_to(due.at_ns);
        schedule();
    });
}

void Sb16Dsp::start(Transfer transfer) {
    transfer.left = transfer.length;
    state_.transfer = transfer;
    restart_count(scheduler_.now());
    schedule();
}

/// The time of the frame after so many since the start of the count.
u64 Sb16Dsp::frame_time(u64 frame) const {
    return state_.transfer.started_ns + VirtualClock::ticks_to_ns(frame * state_.rate_divisor, state_.rate);
}

void Sb16Dsp::restart_count(u64 now_ns) {
    state_.transfer.started_ns = now_ns;
    state_.transfer.frames = 0;
}

/// A last frame may have one channel only.
u32 Sb16Dsp::samples_to_frames(u32 samples) const {
    const Transfer& t = state_.transfer;
    if (t.mode == Mode::Adpcm)
        return t.codes_left + (samples - (t.reference_next && samples > 0)) * adpcm_samples(t.format);
    return t.stereo ? samples / 2 + (samples & 1) : samples;
}

void Sb16Dsp::catch_up() {
    if (!running()) return;
    run_to(scheduler_.now());
    schedule();
}

void Sb16Dsp::run_to(u64 now_ns) {
    Transfer& t = state_.transfer;
    if (!running() || now_ns < t.started_ns) return;
    const u64 due = VirtualClock::ns_to_ticks(now_ns - t.started_ns, state_.rate) / state_.rate_divisor;
    if (due > t.frames + kFastest) {
        // A second is lost where the host was (or the snapshot is) far behind.
        restart_count(now_ns);
        return;
    }
    while (running() && t.frames < due) {
        const u32 frames = static_cast<u32>(std::min<u64>(due - t.frames, samples_to_frames(t.left)));
        const u64 before = t.frames;
        const bool moved = t.mode == Mode::Adpcm ? move_adpcm(frames) : move_frames(frames);
        if (!moved && t.frames == before) {
            // The channel is masked: the sample's time is lost.
            restart_count(now_ns);
            return;
        }
        if (samples_to_frames(t.left) == 0 && !finish_block()) return;
    }
}

/// Moves at most so many frames of PCM, or lets silence pass; false if none could be moved.
bool Sb16Dsp::move_frames(u32 frames) {
    Transfer& t = state_.transfer;
    const u32 samples = std::min(t.left, t.stereo ? 2 * frames : frames);
    if (t.mode == Mode::Silence) {
        t.left -= samples;
        t.frames += frames;
        return true;
    }
    IsaDmaChannel* const channel = wires_.channel(t.wide);
    if (!channel) return false;
    const unsigned sample_bytes = t.wide ? 2 : 1;
    bytes_.assign(size_t{samples} * sample_bytes, 0);
    IsaDmaChannel::Moved moved;
    if (t.input) {
        // Nothing is recorded: the level of silence.
        if (!t.is_signed)
            for (size_t i = sample_bytes - 1; i < bytes_.size(); i += sample_bytes) bytes_[i] = 0x80;
        moved = channel->to_memory(bytes_);
    } else {
        moved = channel->from_memory(bytes_);
    }
    const u32 moved_samples = static_cast<u32>(moved.bytes / sample_bytes);
    if (moved_samples == 0) return false;
    bytes_.resize(moved.bytes);
    const u32 moved_frames = t.stereo ? (moved_samples + 1) / 2 : moved_samples;
    if (!t.input) put_frames(moved_frames);
    t.left -= moved_samples;
    t.frames += moved_frames;
    return true;
}

/// Hands the frames in bytes_ to the output, each with its time.
void Sb16Dsp::put_frames(u32 frames) {
    const Transfer& t = state_.transfer;
    const auto level = [&](size_t sample) -> i32 {
        if (t.wide) {
            if (sample * 2 + 1 >= bytes_.size()) return 0;
            const u16 word = static_cast<u16>(bytes_[sample * 2] | bytes_[sample * 2 + 1] << 8);
            return t.is_signed ? static_cast<i16>(word) : static_cast<i16>(word ^ 0x8000);
        }
        if (sample >= bytes_.size()) return 0;
        const u8 byte = t.is_signed ? bytes_[sample] : bytes_[sample] ^ 0x80;
        return static_cast<i8>(byte) * 256;
    };
    for (u32 i = 0; i < frames; i++) {
        const u64 at = frame_time(t.frames + i);
        if (t.stereo)
            wires_.output(at, level(2 * size_t{i}), level(2 * size_t{i} + 1));
        else
            wires_.output(at, level(i), level(i));
    }
}

bool Sb16Dsp::fetch_adpcm_byte() {
    Transfer& t = state_.transfer;
    IsaDmaChannel* const channel = wires_.channel(false);
    if (!channel || t.left == 0 || channel->from_memory({&t.packed, 1}).bytes == 0) return false;
    t.left--;
    return true;
}

bool Sb16Dsp::move_adpcm(u32 frames) {
    Transfer& t = state_.transfer;
    if (t.reference_next) {
        if (!fetch_adpcm_byte()) return false;
        t.reference_next = false;
        state_.adpcm = {t.packed, 0};
        if (frames == 0) return true;
    }
    for (u32 i = 0; i < frames; i++) {
        if (t.codes_left == 0) {
            if (!fetch_adpcm_byte()) return i > 0;
            t.codes_left = static_cast<u8>(adpcm_samples(t.format));
        }
        const u8 sample = state_.adpcm.decode(t.format, t.packed, adpcm_samples(t.format) - t.codes_left--);
        const i32 level = static_cast<i8>(sample ^ 0x80) * 256;
        wires_.output(frame_time(t.frames), level, level);
        t.frames++;
    }
    return true;
}

/// The last sample of a block: the interrupt, and the next block. False if there is none.
bool Sb16Dsp::finish_block() {
    Transfer& t = state_.transfer;
    const bool more = t.auto_init;
    if (more)
        t.left = t.length;
    else
        t.mode = Mode::Idle;
    wires_.interrupt(t.wide ? Interrupt::Dma16 : Interrupt::Dma8);
    return more;
}

void Sb16Dsp::schedule() {
    const Transfer& t = state_.transfer;
    if (!running()) {
        scheduler_.cancel(event_);
        return;
    }
    const u64 frames_a_fetch =
        std::max<u64>(VirtualClock::ns_to_ticks(kFetchNs, state_.rate) / state_.rate_divisor, 1);
    const u64 next = std::min<u64>(frames_a_fetch, std::max<u32>(samples_to_frames(t.left), 1));
    const u64 at_ns = frame_time(t.frames + next);
    if (scheduler_.due_at(event_) != at_ns) scheduler_.schedule(event_, at_ns);
}

void Sb16Dsp::channel_ready() {
    deliver_identification();
    Transfer& t = state_.transfer;
    if (!running() || t.mode == Mode::Silence) return;
    // What waited is taken at once; a running transfer that is not behind sees nothing new.
    catch_up();
}

std::string_view Sb16Dsp::check(const State& state) {
    const Transfer& t = state.transfer;
    if (t.mode > Mode::Silence || t.format > AdpcmFormat::Bits2) return "there is no such kind of transfer";
    if (t.left > t.length || t.length > 0x10000 || (t.mode != Mode::Idle && t.length == 0))
        return "the transfer's length is impossible";
    if (t.mode != Mode::Idle && t.left == 0 && (t.mode != Mode::Adpcm || t.codes_left == 0))
        return "the transfer has ended";
    if (t.started_ns >> 62 != 0 || t.frames >> 40 != 0) return "the time of the transfer is impossible";
    if (t.codes_left > adpcm_samples(t.format) || state.parameters_read > state.parameters.size())
        return "the state of the DSP contradicts itself";
    if (state.rate == 0 || state.rate > 1'000'000 || state.rate_divisor == 0 || state.rate_divisor > 256 ||
        state.rate / state.rate_divisor > kFastest)
        return "the sample rate is impossible";
    return {};
}

}  // namespace gnomon
