// The IDE function of the PIIX3 south bridge: two legacy channels, bus mastering, timing registers.
// 82371FB/82371SB (PIIX/PIIX3) datasheet 290550, "PCI Configuration Registers, IDE Interface (Function 1)".
#pragma once

#include <array>
#include <memory>
#include <optional>

#include "devices/ide/ide_channel.h"
#include "devices/pci/pci_function.h"

namespace gnomon {

class PiixIde final : public PciFunction, public PortIo, public StatePart {
  public:
    static constexpr u16 kVendor = 0x8086, kDevice = 0x7010;

    /// The interrupt lines are those of ISA: IRQ 14 and 15.
    static Result<std::unique_ptr<PiixIde>> create(PortBus& ports, DmaPort& memory, Log& log, Line irq14,
                                                   Line irq15);
    ~PiixIde();

    [[nodiscard]] IdeChannel& channel(unsigned number) { return *channels_.at(number); }
    /// RST#, which also resets the drives.
    void reset();

    u32 config_read(u8 offset, unsigned size) override { return config_.read(offset, size); }
    void config_write(u8 offset, unsigned size, u32 value) override;

    u32 port_read(u16 port, unsigned size) override;
    void port_write(u16 port, unsigned size, u32 value) override;

    struct State {
        PciConfig::State config;
        std::array<BusMaster::State, 2> bus_masters{};
        template<class V>
        constexpr void fields(V& v) {
            v("config", config);
            v("bus_masters", bus_masters);
        }
    };
    [[nodiscard]] std::string_view state_name() const override { return "pci.ide"; }
    [[nodiscard]] StateNode save_state() const override;
    Result<Install> load_state(const StateNode& node) override;

  private:
    PiixIde(PortBus& ports, DmaPort& memory, Log& log);
    void move_registers(u64 base, bool enabled);
    void apply_enables();

    PortBus& ports_;
    Log& log_;
    PciConfig config_;
    std::array<BusMaster, 2> bus_masters_;
    std::array<std::unique_ptr<IdeChannel>, 2> channels_;
    PortClaim claim_;
    u16 base_ = 0;
};

}  // namespace gnomon
