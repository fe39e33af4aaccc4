// An AC '97 codec with variable sample rates: its mixer registers, of which the PCM output's volumes and rate
// matter here. Intel, "Audio Codec '97, Revision 2.1", "Mixer Interface" and "Extended Audio".
#pragma once

#include <array>

#include "support/state.h"
#include "support/types.h"

namespace gnomon {

class Ac97Codec {
  public:
    static constexpr u32 kFixedRate = 48'000;

    Ac97Codec() { reset(); }
    void reset();
    /// Registers are 16 bits wide, at even offsets below 80h.
    [[nodiscard]] u16 read(unsigned offset) const;
    void write(unsigned offset, u16 value);

    [[nodiscard]] u32 output_rate() const;
    [[nodiscard]] u32 input_rate() const;
    /// The PCM output through the master volume, linear, in 1/65536.
    struct Gain {
        i32 left = 0, right = 0;
    };
    [[nodiscard]] Gain output_gain() const;

    struct State {
        std::array<u16, 64> registers{};
        template<class V>
        constexpr void fields(V& v) {
            v("registers", registers);
        }
    };
    [[nodiscard]] const State& state() const { return state_; }
    void set_state(const State& state) { state_ = state; }

  private:
    [[nodiscard]] u16 at(unsigned offset) const { return state_.registers[offset / 2]; }
    [[nodiscard]] bool variable_rate() const;

    State state_;
};

}  // namespace gnomon
