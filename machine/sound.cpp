// The sound of a machine: the mixer and what it mixes.
#include "devices/sound/ac97/ac97.h"
#include "devices/sound/game_port/game_port.h"
#include "devices/sound/pc_speaker.h"
#include "devices/sound/sb16/sb16.h"
#include "machine/machine.h"

namespace gnomon {

Result<void> Machine::build_sound() {
    mixer_ = std::make_unique<SoundMixer>(scheduler_, host_.audio.get());
    if (config_.sound.speaker) speaker_ = std::make_unique<PcSpeaker>(*mixer_, *pit_, *port61_);
    if (config_.sound.sb16) {
        Sb16::Wires wires;
        constexpr std::array<unsigned, 4> kIrqs = {9, 5, 7, 10};  // an AT has 9 where a PC had 2
        for (unsigned i = 0; i < kIrqs.size(); i++) wires.irqs[i] = isa_interrupts_->add_source(kIrqs[i]);
        wires.dma = dma_.get();
        wires.mixer = mixer_.get();
        const Sb16::Config config{
            static_cast<u16>(config_.sound.sb16_port), static_cast<unsigned>(config_.sound.sb16_irq),
            static_cast<unsigned>(config_.sound.sb16_dma), static_cast<unsigned>(config_.sound.sb16_dma16)};
        Result<std::unique_ptr<Sb16>> card = Sb16::create(ports_, scheduler_, log_, wires, config);
        if (!card) return card.error().in("sound.sb16");
        sb16_ = std::move(*card);
        Result<std::unique_ptr<GamePort>> port = GamePort::create(ports_, clock_);
        if (!port) return port.error().in("sound.sb16");
        game_port_ = std::move(*port);
    }
    if (config_.sound.pci == PciSoundChoice::Ac97) {
        Result<std::unique_ptr<Ac97>> card =
            Ac97::create(pci_, ports_, scheduler_, log_,
                         {piix3_->interrupt(Ac97::kDevice, 1), memory_.get(), mixer_.get()});
        if (!card) return card.error().in("sound.pci");
        ac97_ = std::move(*card);
    }
    return {};
}

void Machine::list_sound_parts() {
    if (sb16_) parts_.push_back(sb16_.get());
    if (game_port_) parts_.push_back(game_port_.get());
    if (ac97_) parts_.push_back(ac97_.get());
}

void Machine::reset_sound() {
    if (sb16_) sb16_->reset();
    if (game_port_) game_port_->reset();
    if (ac97_) ac97_->reset();
}

}  // namespace gnomon
