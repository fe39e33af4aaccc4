// The i440FX host bridge at 00:00.0: configuration mechanism #1, shadow RAM (PAM) and SMRAM control.
// Intel 82441FX (PMC) datasheet (290549), "Register Description".
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "devices/pci/pci_bus.h"
#include "devices/port_bus.h"

namespace gnomon {

class HostBridge final : public PciFunction, public PortIo, public StatePart {
  public:
    /// Who answers at `address` … +`size`-1, within C0000–FFFFF: RAM, or the bus with its ROMs. Called for
    /// what changes, and for everything on reset and after a snapshot is loaded.
    using PamChanged = std::function<void(u32 address, u32 size, bool read_from_ram, bool write_to_ram)>;
    /// A0000–BFFFF: `enabled`, RAM in system management mode; `open`, RAM for everybody; `closed`, data
    /// accesses go to the bus even in system management mode.
    using SmramChanged = std::function<void(bool enabled, bool open, bool closed)>;

    static Result<std::unique_ptr<HostBridge>> create(PortBus& ports, PciBus& bus, u64 ram_bytes,
                                                      PamChanged pam, SmramChanged smram);

    /// Accesses to CF8h–CFBh other than of the whole register are ordinary I/O, which the ISA bridge gets
    /// (CF9h is its reset control). Null: nobody.
    void pass_on_to(PortIo* isa_bridge) { isa_bridge_ = isa_bridge; }

    void reset();

    u32 config_read(u8 offset, unsigned size) override { return config_.read(offset, size); }
    void config_write(u8 offset, unsigned size, u32 value) override;
    u32 port_read(u16 port, unsigned size) override;
    void port_write(u16 port, unsigned size, u32 value) override;

    struct State {
        PciConfig::State config;
        u32 address = 0;  ///< CONFADD, port CF8h
        template<class V>
        constexpr void fields(V& v) {
            v("config", config);
            v("address", address);
        }
    };
    [[nodiscard]] std::string_view state_name() const override { return "host_bridge"; }
    [[nodiscard]] StateNode save_state() const override {
        return save_value(State{config_.state(), address_});
    }
    Result<Install> load_state(const StateNode& node) override;

  private:
    HostBridge(PciBus& bus, u64 ram_bytes, PamChanged pam, SmramChanged smram);

    void update_memory(bool always);
    u8 read_byte(u16 port);
    void write_byte(u16 port, u8 value);

    PciBus& bus_;
    PamChanged pam_changed_;
    SmramChanged smram_changed_;
    PortIo* isa_bridge_ = nullptr;
    PciConfig config_;
    u32 address_ = 0;
    std::array<u8, 8> last_memory_{};  ///< PAM registers and SMRAM as last reported
    std::vector<PortClaim> claims_;
    PciSlot slot_;
};

}  // namespace gnomon
