// A PCI function: its configuration space, and the header registers that every function has.
// PCI Local Bus Specification 3.0, "Configuration Space".
#pragma once

#include <array>
#include <functional>

#include "support/state.h"
#include "support/types.h"

namespace gnomon {

/// What the PCI host calls for configuration cycles. `size` is 1, 2 or 4 and the access is aligned to it.
class PciFunction {
  public:
    virtual u32 config_read(u8 offset, unsigned size) = 0;
    virtual void config_write(u8 offset, unsigned size, u32 value) = 0;

  protected:
    ~PciFunction() = default;
};

/// The 256 bytes of configuration space with write masks and base address registers; functions hold one and forward to it.
class PciConfig {
  public:
    struct Identity {
        u16 vendor = 0;
        u16 device = 0;
        u32 class_code = 0;          ///< base class, sub-class, interface: 24 bits
        u8 revision = 0;
        u8 header_type = 0;          ///< bit 7: the device has several functions
        u16 subsystem_vendor = 0;
        u16 subsystem = 0;
        u8 interrupt_pin = 0;        ///< 0 none, 1 INTA# …
    };
    static constexpr unsigned kBars = 6;

    explicit PciConfig(const Identity& identity);

    /// Bytes that software may change, and bytes cleared by writing ones to them (status bits).
    void set_write_mask(u8 offset, unsigned size, u32 mask);
    void set_clear_mask(u8 offset, unsigned size, u32 mask);
    /// Initial value of a read-only or read-write register.
    void preset(u8 offset, unsigned size, u32 value);
    /// `bytes` is a power of two. The callback gets the new base, and enabled: decoding on in the command register and
    /// base not zero; it is called on every change and after a snapshot is loaded.
    using BarChanged = std::function<void(u64 base, bool enabled)>;
    void add_io_bar(unsigned index, u32 bytes, BarChanged changed);
    void add_memory_bar(unsigned index, u32 bytes, bool prefetchable, BarChanged changed);
    /// The expansion ROM base address register; its own enable bit counts too. At least 2 KiB. `alone`: only that bit counts, as in
    /// Bochs, whose BIOS reads ROMs before it switches memory space on.
    void add_rom_bar(u32 bytes, BarChanged changed, bool alone = false);

    /// A register that the function itself changes; reset() brings the preset back.
    void set_read_only(u8 offset, unsigned size, u32 value);

    [[nodiscard]] u32 read(u8 offset, unsigned size) const;
    void write(u8 offset, unsigned size, u32 value);

    [[nodiscard]] bool io_enabled() const { return read(4, 2) & 1; }
    [[nodiscard]] bool memory_enabled() const { return read(4, 2) & 2; }
    [[nodiscard]] bool bus_master() const { return read(4, 2) & 4; }

    /// RST#: registers back to their presets.
    void reset();

    struct State {
        std::array<u8, 256> bytes{};
        template <class V>
        constexpr void fields(V& v) {
            v("bytes", bytes);
        }
    };
    [[nodiscard]] const State& state() const { return state_; }
    void set_state(const State& state);

  private:
    static constexpr unsigned kRomBar = kBars;
    struct Bar {
        u32 bytes = 0;
        bool io = false;
        BarChanged changed;
        u64 base = 0;
        bool enabled = false;
        bool alone = false;
    };
    void update_bars(bool always);
    static u8 bar_offset(unsigned index);

    State state_;
    State presets_;
    std::array<u8, 256> write_mask_{};
    std::array<u8, 256> clear_mask_{};
    std::array<Bar, kBars + 1> bars_;  ///< the last is the ROM's
};

}  // namespace gnomon
