// The Sound Blaster 16: DSP, CT1745 mixer, OPL3 and MPU-401 behind one interrupt line.
// Creative Labs, "Sound Blaster Series Hardware Programming Guide", "Sound Blaster 16".
#pragma once

#include <array>
#include <memory>

#include "devices/dma/isa_dma.h"
#include "devices/port_bus.h"
#include "devices/sound/opl3/opl3.h"
#include "devices/sound/sb16/ct1745.h"
#include "devices/sound/sb16/mpu401.h"
#include "devices/sound/sb16/sb16_dsp.h"
#include "devices/sound/sound_mixer.h"
#include "support/line.h"

namespace gnomon {

class Sb16 final : public PortIo, public StatePart {
  public:
    struct Config {
        u16 port = 0x220;  ///< 220h, 240h, 260h or 280h
        unsigned irq = 5;  ///< at power-on; 2 stands for 9
        unsigned dma = 1;
        unsigned dma16 = 5;  ///< may be the same as `dma`
    };
    struct Wires {
        std::array<Line, 4> irqs;  ///< IRQ 2 (9), 5, 7 and 10, of which software selects one
        IsaDma* dma = nullptr;
        SoundMixer* mixer = nullptr;
    };

    static Result<std::unique_ptr<Sb16>> create(PortBus& ports, Scheduler& scheduler, Log& log, Wires wires,
                                                const Config& config);

    void reset();

    u32 port_read(u16 port, unsigned size) override;
    void port_write(u16 port, unsigned size, u32 value) override;

    struct State {
        Ct1745::State mixer;
        Mpu401::State mpu;
        Sb16Dsp::State dsp;
        Opl3::State opl;
        u8 interrupts = 0;  ///< as register 82h of the mixer, without the MPU-401's
        template<class V>
        constexpr void fields(V& v) {
            v("mixer", mixer);
            v("mpu", mpu);
            v("dsp", dsp);
            v("opl", opl);
            v("interrupts", interrupts);
        }
    };
    [[nodiscard]] State state() const;

    [[nodiscard]] std::string_view state_name() const override { return "sb16"; }
    [[nodiscard]] StateNode save_state() const override { return save_value(state()); }
    Result<Install> load_state(const StateNode& node) override;

  private:
    Sb16(Scheduler& scheduler, Log& log, Wires wires, const Config& config);

    u8 read_card(unsigned offset);
    void write_card(unsigned offset, u8 value);
    void write_mixer(u8 value);
    [[nodiscard]] IsaDmaChannel* dma_channel(bool wide);
    [[nodiscard]] u8 interrupt_status() const;
    void update_interrupt();
    void acknowledge(u8 interrupts);
    void put_voice(u64 at_ns, i32 left, i32 right);
    void update_gains();

    Scheduler& scheduler_;
    Wires wires_;
    Config config_;
    Ct1745 mixer_;
    Mpu401 mpu_;
    SoundChannel voice_;
    Ct1745::Gain voice_gain_;
    i32 voice_left_ = 0, voice_right_ = 0;  ///< the DSP's levels, before the volume
    Opl3 opl_;
    Sb16Dsp dsp_;
    u8 interrupts_ = 0;
    std::vector<PortClaim> claims_;
};

}  // namespace gnomon
