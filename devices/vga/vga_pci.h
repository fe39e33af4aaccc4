// The display adapter's PCI function, 1234:1111 as QEMU's "std" VGA: BAR 0 the video memory, BAR 2 registers
// in memory (EDID at 0, VGA ports at 400h, DISPI at 500h, byte order at 600h), and the VGA BIOS as expansion
// ROM.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "devices/pci/pci_bus.h"
#include "devices/vga/edid.h"
#include "devices/vga/vga.h"

namespace gnomon {

class VgaPci final : public PciFunction, public MmioIo, public StatePart {
  public:
    static constexpr unsigned kDevice = 2;

    /// `rom` may be empty. `rom_alone`: see PciConfig::add_rom_bar.
    static Result<std::unique_ptr<VgaPci>> create(PciBus& bus, Vga& vga, std::span<const u8> rom, Log& log, bool rom_alone = false);

    void reset() { config_.reset(); }

    u32 config_read(u8 offset, unsigned size) override { return config_.read(offset, size); }
    void config_write(u8 offset, unsigned size, u32 value) override { config_.write(offset, size, value); }
    u64 mmio_read(u64 offset, unsigned size) override;
    void mmio_write(u64 offset, unsigned size, u64 value) override;

    struct State {
        PciConfig::State config;
        template<class V>
        constexpr void fields(V& v) {
            v("config", config);
        }
    };
    [[nodiscard]] std::string_view state_name() const override { return "vga_pci"; }
    [[nodiscard]] StateNode save_state() const override { return save_value(State{config_.state()}); }
    Result<Install> load_state(const StateNode& node) override;

  private:
    VgaPci(Vga& vga, std::span<const u8> rom, Log& log, bool rom_alone);
    void keep(PhysicalRegion& place, Result<PhysicalRegion> region);
    [[nodiscard]] u8 read_byte(u64 offset);
    [[nodiscard]] u16 read_word(u64 offset);

    Vga& vga_;
    Log& log_;
    PciConfig config_;
    std::vector<u8> rom_;
    Edid edid_;
    PhysicalRegion framebuffer_;
    PhysicalRegion registers_;
    PhysicalRegion rom_region_;
    PciSlot slot_;
};

}  // namespace gnomon
