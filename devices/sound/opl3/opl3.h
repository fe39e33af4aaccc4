// The YMF262 (OPL3) FM synthesiser: 36 operators, two banks of registers, two timers. Until its "NEW" bit is
// set it is a YM3812 (OPL2). Yamaha, "YMF262 Application Manual".
#pragma once

#include <array>
#include <memory>
#include <string_view>

#include "devices/sound/opl3/opl3_operator.h"
#include "devices/sound/sound_mixer.h"
#include "support/clock.h"
#include "support/state.h"

namespace gnomon {

/// Makes samples only while the mixer is active and something sounds. Registers and timers work always.
class Opl3 {
  public:
    static constexpr u64 kMasterHertz = 14'318'180;
    static constexpr u64 kClocksPerSample = 288;  ///< 49716 samples a second
    static constexpr unsigned kOperators = 36;
    static constexpr unsigned kChannels = 18;

    Opl3(VirtualClock& clock, SoundMixer& mixer);

    void reset();
    void select(unsigned bank, u8 index);
    void write(u8 value);
    [[nodiscard]] u8 read_status();
    /// Volumes from the next sample on, in 1/65536.
    void set_gain(i32 left, i32 right);
    /// Samples up to now are made.
    void catch_up();

    struct State {
        std::array<u8, 512> registers{};
        std::array<OplOperatorState, kOperators> operators{};
        u64 next_sample = 0;               ///< since power-on
        u64 cycles = 0;                    ///< samples made: envelopes, tremolo and vibrato count them
        std::array<u64, 2> timer_start{};  ///< of the running period, in master clocks since power-on
        u32 noise = 1;                     ///< 23-bit shift register
        u16 index = 0;
        u8 status = 0;
        template<class V>
        constexpr void fields(V& v) {
            v("registers", registers);
            v("operators", operators);
            v("next_sample", next_sample);
            v("cycles", cycles);
            v("timer_start", timer_start);
            v("noise", noise);
            v("index", index);
            v("status", status);
        }
    };
    [[nodiscard]] const State& state() const { return state_; }
    /// What is wrong with a state from outside; empty if nothing is.
    [[nodiscard]] static std::string_view check(const State& state);
    void set_state(const State& state);

  private:
    struct Channel {
        u16 frequency = 0;  ///< F-number
        u8 block = 0;
        u8 feedback = 0;
        bool additive = false;
        bool left = true, right = true;
        /// A four-operator voice is the lower channel of its pair; the upper one is silent by itself.
        bool four_first = false, four_second = false;
    };
    struct Sum {
        i32 left = 0, right = 0;
    };

    void run_to(u64 now_ns);
    void make_sample();
    [[nodiscard]] bool silent() const;
    void advance_phase(unsigned index);
    i32 run_operator(unsigned index, i32 modulation);
    i32 run_operator_at(unsigned index, u32 phase);
    i32 feedback(unsigned index, const Channel& channel) const;
    void voice(unsigned channel, Sum& sum);
    void four_operator_voice(unsigned channel, Sum& sum);
    void drums(Sum& sum);
    static void add(Sum& sum, const Channel& channel, i32 value);

    [[nodiscard]] bool new_mode() const { return state_.registers[0x105] & 1; }
    [[nodiscard]] bool rhythm() const { return state_.registers[0xbd] & 0x20; }
    void write_timer_control(u8 value);
    void run_timers();
    void set_channel_key(unsigned channel, bool down);
    void set_drum_keys(u8 value);
    void prepare_channel(unsigned channel);
    void prepare_operator(unsigned index);
    void prepare_all();

    VirtualClock& clock_;
    SoundChannel output_;
    State state_;
    // Made from the registers.
    std::array<OplOperatorSetup, kOperators> setups_;
    std::array<Channel, kChannels> channels_;
    OplTables tables_;
    i32 gain_left_ = 65'536, gain_right_ = 65'536;
    Sum last_;
};

}  // namespace gnomon
