// The digital sound processor of the Sound Blaster 16, version 4.05: commands and their answers, DMA
// transfers in both directions, direct output, ADPCM. Creative Labs, "Sound Blaster Series Hardware
// Programming Guide", "DSP Commands".
#pragma once

#include <array>
#include <functional>
#include <vector>

#include "devices/dma/isa_dma_channel.h"
#include "devices/sound/sb16/adpcm.h"
#include "support/log.h"
#include "support/scheduler.h"

namespace gnomon {

/// Samples are moved one by one in guest time: an access sees everything up to its own moment, else they are
/// fetched within a millisecond, and a block's interrupt comes with its last sample.
class Sb16Dsp {
  public:
    enum class Interrupt : u8 { Dma8, Dma16 };
    /// What the DSP is wired to. `channel`: the DMA channel for samples of 8 or 16 bits as the mixer selects
    /// it, null if none. `output`: the levels from a time on, full scale ±32767.
    struct Wires {
        std::function<IsaDmaChannel*(bool wide)> channel;
        std::function<void(Interrupt)> interrupt;
        std::function<void(u64 at_ns, i32 left, i32 right)> output;
    };

    Sb16Dsp(Scheduler& scheduler, Log& log, Wires wires);

    void power_on();
    void write_reset(u8 value);
    void write_command(u8 value);
    u8 read_data();
    [[nodiscard]] bool data_available() const { return !state_.answers.empty(); }
    /// The DMA controller can run a channel again: a transfer that waited for it goes on.
    void channel_ready();
    /// Samples up to now are fetched and put out.
    void catch_up();

    enum class Mode : u8 { Idle, Pcm, Adpcm, Silence };
    struct Transfer {
        Mode mode = Mode::Idle;
        AdpcmFormat format = AdpcmFormat::Bits4;
        bool wide = false;  ///< samples of 16 bits
        bool is_signed = false;
        bool stereo = false;
        bool input = false;
        bool auto_init = false;
        bool paused = false;
        bool reference_next = false;  ///< the next byte is the reference of ADPCM
        u32 length = 0;               ///< samples of a block (ADPCM: bytes), all channels counted
        u32 left = 0;                 ///< of them in the current block
        u64 started_ns = 0;           ///< the rate counts from here
        u64 frames = 0;               ///< since then
        u8 packed = 0;                ///< ADPCM: the byte being decoded
        u8 codes_left = 0;            ///< in it
        template<class V>
        constexpr void fields(V& v) {
            v("mode", mode);
            v("format", format);
            v("wide", wide);
            v("is_signed", is_signed);
            v("stereo", stereo);
            v("input", input);
            v("auto_init", auto_init);
            v("paused", paused);
            v("reference_next", reference_next);
            v("length", length);
            v("left", left);
            v("started_ns", started_ns);
            v("frames", frames);
            v("packed", packed);
            v("codes_left", codes_left);
        }
    };
    struct State {
        Transfer transfer;
        Adpcm adpcm;
        std::vector<u8> answers;
        std::array<u8, 3> parameters{};
        u32 rate = 22'050;  ///< with rate_divisor, as the time constant gives fractions of a hertz
        u32 rate_divisor = 1;
        u16 block = 0x7ff;  ///< of commands without a length, minus 1
        u8 reset = 0;
        u8 command = 0;
        u8 parameters_read = 0;
        u8 last_answer = 0xaa;
        u8 test = 0;
        u8 identification = 0xaa;
        u8 identification_mask = 0x96;
        bool in_command = false;
        bool identifying = false;  ///< the answer of the identification waits for its DMA channel
        bool speaker = false;
        bool midi_uart = false;
        template<class V>
        constexpr void fields(V& v) {
            v("transfer", transfer);
            v("adpcm", adpcm);
            v("answers", answers);
            v("parameters", parameters);
            v("rate", rate);
            v("rate_divisor", rate_divisor);
            v("block", block);
            v("reset", reset);
            v("command", command);
            v("parameters_read", parameters_read);
            v("last_answer", last_answer);
            v("test", test);
            v("identification", identification);
            v("identification_mask", identification_mask);
            v("in_command", in_command);
            v("identifying", identifying);
            v("speaker", speaker);
            v("midi_uart", midi_uart);
        }
    };
    [[nodiscard]] const State& state() const { return state_; }
    /// What is wrong with a state from outside; empty if nothing is.
    [[nodiscard]] static std::string_view check(const State& state);
    void set_state(const State& state) { state_ = state; }

  private:
    struct Command;
    static const Command kCommands[];
    [[nodiscard]] static const Command* find(u8 code);

    void reset();
    void answer(u8 value);
    [[nodiscard]] u32 length_parameter(unsigned first) const;

    // Commands.
    void ignore() {}
    void no_signal_processor() { answer(0xff); }
    void direct_output();
    void direct_input() { answer(0x80); }
    void dma8_once();
    void dma8_auto();
    void dma_generic();
    void adpcm_once();
    void adpcm_auto();
    void silence();
    void midi_mode() { state_.midi_uart = true; }
    void set_time_constant();
    void set_rate();
    void set_block();
    void pause();
    void go_on();
    void exit_auto();
    void resume_auto();
    void set_speaker();
    void get_speaker() { answer(state_.speaker ? 0xff : 0x00); }
    void identify();
    void version();
    void identify_by_dma();
    void copyright();
    void set_test() { state_.test = state_.parameters[0]; }
    void get_test() { answer(state_.test); }
    void trigger_interrupt();
    void answer_zero() { answer(0); }
    void read_internal_memory();

    // Transfers.
    void start(Transfer transfer);
    [[nodiscard]] u64 frame_time(u64 frame) const;
    [[nodiscard]] u32 samples_to_frames(u32 samples) const;
    void run_to(u64 now_ns);
    void restart_count(u64 now_ns);
    bool move_frames(u32 frames);
    bool move_adpcm(u32 frames);
    bool fetch_adpcm_byte();
    void put_frames(u32 frames);
    bool finish_block();
    void schedule();
    void deliver_identification();
    [[nodiscard]] bool running() const {
        return state_.transfer.mode != Mode::Idle && !state_.transfer.paused;
    }

    Scheduler& scheduler_;
    Log& log_;
    Wires wires_;
    Scheduler::EventId event_;
    State state_;
    std::vector<u8> bytes_;
};

}  // namespace gnomon
