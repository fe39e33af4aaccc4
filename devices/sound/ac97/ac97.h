// The AC '97 audio controller of the Intel 82801AA: a PCI function with two I/O windows, the codec's
// registers and those of three bus masters (PCM in, PCM out, microphone in) that work through lists of 32
// buffers. Intel 82801AA (ICH) datasheet (290655), "AC '97 Audio Controller Registers".
#pragma once

#include <array>
#include <memory>

#include "devices/pci/pci_bus.h"
#include "devices/port_bus.h"
#include "devices/sound/ac97/ac97_codec.h"
#include "devices/sound/sound_mixer.h"
#include "memory/io_space.h"
#include "support/line.h"

namespace gnomon {

/// Samples move in guest time: an access to the registers sees everything up to its own moment, else they
/// move within a millisecond; a buffer's interrupt comes with its last sample. What is recorded is silence.
class Ac97 final : public PciFunction, public PortIo, public StatePart {
  public:
    static constexpr unsigned kDevice = 4;

    struct Wires {
        Line interrupt;
        DmaPort* memory = nullptr;
        SoundMixer* mixer = nullptr;
    };

    static Result<std::unique_ptr<Ac97>> create(PciBus& bus, PortBus& ports, Scheduler& scheduler, Log& log,
                                                Wires wires);

    void reset();

    u32 config_read(u8 offset, unsigned size) override { return config_.read(offset, size); }
    void config_write(u8 offset, unsigned size, u32 value) override { config_.write(offset, size, value); }
    u32 port_read(u16 port, unsigned size) override;
    void port_write(u16 port, unsigned size, u32 value) override;

    /// The registers of one bus master, named as in the datasheet.
    struct BusMaster {
        u32 BDBAR = 0;
        u8 CIV = 0;
        u8 LVI = 0;
        u8 PIV = 0;
        u8 CR = 0;
        u16 SR = 0x0001;
        u16 PICB = 0;
        u32 address = 0;     ///< of the next sample
        u16 control = 0;     ///< the upper half of the buffer's second word: IOC and BUP
        u64 started_ns = 0;  ///< the rate counts from here
        u64 frames = 0;      ///< since then
        template<class V>
        constexpr void fields(V& v) {
            v("BDBAR", BDBAR);
            v("CIV", CIV);
            v("LVI", LVI);
            v("PIV", PIV);
            v("CR", CR);
            v("SR", SR);
            v("PICB", PICB);
            v("address", address);
            v("control", control);
            v("started_ns", started_ns);
            v("frames", frames);
        }
    };
    struct State {
        PciConfig::State config;
        Ac97Codec::State codec;
        std::array<BusMaster, 3> masters;
        u32 global_control = 0;
        bool semaphore = false;
        template<class V>
        constexpr void fields(V& v) {
            v("config", config);
            v("codec", codec);
            v("masters", masters);
            v("global_control", global_control);
            v("semaphore", semaphore);
        }
    };
    [[nodiscard]] State state() const;

    [[nodiscard]] std::string_view state_name() const override { return "ac97"; }
    [[nodiscard]] StateNode save_state() const override { return save_value(state()); }
    Result<Install> load_state(const StateNode& node) override;

  private:
    Ac97(PortBus& ports, Scheduler& scheduler, Log& log, Wires wires);
    void move_window(PortClaim& claim, u16& place, u16 count, u64 base, bool enabled);

    [[nodiscard]] u8 read_master_byte(unsigned offset);
    void write_master_byte(unsigned offset, u8 value);
    void write_bus_master(unsigned index, unsigned offset, u8 value);
    void write_codec(unsigned offset, unsigned size, u32 value);
    [[nodiscard]] u32 global_status() const;
    void cold_reset();

    [[nodiscard]] u32 rate(unsigned index) const;
    [[nodiscard]] bool running(const BusMaster& master) const;
    void next_buffer(BusMaster& master);
    void end_buffer(BusMaster& master);
    void start(BusMaster& master);
    void run_to(u64 now_ns);
    void run_master(unsigned index, u64 now_ns);
    void move_frames(unsigned index, u32 frames);
    void put_frames(const BusMaster& master, u32 samples);
    void schedule();
    void update_interrupt();

    Scheduler& scheduler_;
    PortBus& ports_;
    Log& log_;
    Wires wires_;
    SoundChannel output_;
    PciConfig config_;
    Ac97Codec codec_;
    Ac97Codec::Gain gain_;
    std::array<BusMaster, 3> masters_;
    u32 global_control_ = 0;
    bool semaphore_ = false;
    Scheduler::EventId event_;
    std::vector<u8> bytes_;
    u16 codec_base_ = 0, master_base_ = 0;
    PortClaim codec_claim_, master_claim_;
    PciSlot slot_;
};

}  // namespace gnomon
