// One ATA channel: the legacy ports, up to two devices on a cable, the interrupt line.
// ATA/ATAPI-6, chapter 9.16 "Single device configurations"; PIIX3 datasheet, "ATA register block decode".
#pragma once

#include <array>
#include <memory>

#include "devices/ide/bus_master.h"
#include "devices/ide/ide_device.h"
#include "devices/port_bus.h"
#include "support/line.h"

namespace gnomon {

class IdeChannel final : public PortIo, public IdeHost, public StatePart {
  public:
    struct Config {
        std::string name = "ide.primary";
        u16 command_base = 0x1f0;
        u16 control_port = 0x3f6;
    };
    static Config primary() { return {}; }
    static Config secondary() { return {"ide.secondary", 0x170, 0x376}; }

    /// Answers on its ports at once, as an ISA adapter does; a PCI function switches the decoding.
    static Result<std::unique_ptr<IdeChannel>> create(PortBus& ports, Line irq, Config config);

    /// Puts a device on the cable; `number` 0 or 1. Before the guest runs.
    void attach(unsigned number, std::unique_ptr<IdeDevice> device);
    [[nodiscard]] IdeDevice* device(unsigned number) const { return devices_.at(number).get(); }
    /// The bus master that serves DMA commands, null for none. It must outlive the channel's use.
    void set_bus_master(BusMaster* bus_master);
    void set_decode(bool decode) { decode_ = decode; }

    /// RESET- on the cable.
    void reset();

    u32 port_read(u16 port, unsigned size) override;
    void port_write(u16 port, unsigned size, u32 value) override;

    void interrupt_changed() override;
    [[nodiscard]] bool dma_ready(bool to_memory) const override {
        return bus_master_ && bus_master_->ready(to_memory);
    }
    size_t dma_to_memory(std::span<const u8> data) override {
        return bus_master_ ? bus_master_->to_memory(data) : 0;
    }
    size_t dma_from_memory(std::span<u8> data) override {
        return bus_master_ ? bus_master_->from_memory(data) : 0;
    }

    struct State {
        u8 selected = 0;
        bool irq = false;
        template<class V>
        constexpr void fields(V& v) {
            v("selected", selected);
            v("irq", irq);
        }
    };
    [[nodiscard]] std::string_view state_name() const override { return config_.name; }
    [[nodiscard]] StateNode save_state() const override { return save_value(state_); }
    Result<Install> load_state(const StateNode& node) override;

  private:
    IdeChannel(Line irq, Config config) : irq_(irq), config_(std::move(config)) {}

    [[nodiscard]] IdeDevice* selected() const { return devices_[state_.selected].get(); }
    u8 read_register(IdeRegister which);
    u8 read_status(bool alternate);
    void write_register(IdeRegister which, u8 value);
    void write_control(u8 value);

    Line irq_;
    Config config_;
    std::array<std::unique_ptr<IdeDevice>, 2> devices_;
    BusMaster* bus_master_ = nullptr;
    bool decode_ = true;
    std::vector<PortClaim> claims_;
    State state_;
};

}  // namespace gnomon
