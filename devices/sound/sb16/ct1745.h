// The CT1745 mixer of the Sound Blaster 16: an index and a data register in front of volumes, switches, and
// the card's interrupt and DMA settings. Creative Labs, "Sound Blaster Series Hardware Programming Guide",
// "The CT1745 Mixer".
#pragma once

#include <array>

#include "support/state.h"
#include "support/types.h"

namespace gnomon {

class Ct1745 {
  public:
    /// Left and right, linear, in 1/65536.
    struct Gain {
        i32 left = 0, right = 0;
        [[nodiscard]] i32 left_of(i32 level) const { return static_cast<i32>(i64{level} * left / 65536); }
        [[nodiscard]] i32 right_of(i32 level) const { return static_cast<i32>(i64{level} * right / 65536); }
    };

    /// IRQ: 2, 5, 7 or 10; DMA: 0, 1 or 3; 16-bit DMA: 5, 6, 7, or that of the 8-bit samples.
    Ct1745(unsigned irq, unsigned dma, unsigned dma16);

    void power_on();
    /// Volumes and switches; the interrupt and DMA settings stay.
    void reset_volumes();
    void select(u8 index) { state_.index = index; }
    [[nodiscard]] u8 index() const { return state_.index; }
    [[nodiscard]] u8 read(u8 interrupt_status) const;
    void write(u8 value);

    /// Selected by register 80h and 81h; kNone if nothing is.
    static constexpr unsigned kNone = ~0u;
    [[nodiscard]] unsigned irq() const;
    [[nodiscard]] unsigned dma8() const;
    /// 16-bit samples use the 8-bit channel where no other is selected.
    [[nodiscard]] unsigned dma16() const;

    /// Of the digitised voice and of the FM synthesiser, with the master volume. The chip's volumes at
    /// power-on are -14 dB each; an amplifier behind it adds 14 dB, but nothing becomes louder than full
    /// scale.
    [[nodiscard]] Gain voice() const { return gain(kVoice); }
    [[nodiscard]] Gain synthesizer() const { return gain(kSynthesizer); }

    struct State {
        u8 index = 0;
        std::array<u8, 256> registers{};
        template<class V>
        constexpr void fields(V& v) {
            v("index", index);
            v("registers", registers);
        }
    };
    [[nodiscard]] const State& state() const { return state_; }
    void set_state(const State& state) { state_ = state; }

  private:
    static constexpr u8 kMaster = 0x30;
    static constexpr u8 kVoice = 0x32;
    static constexpr u8 kSynthesizer = 0x34;
    [[nodiscard]] Gain gain(u8 source) const;

    State state_;
    u8 irq_jumper_, dma_jumpers_;
};

}  // namespace gnomon
