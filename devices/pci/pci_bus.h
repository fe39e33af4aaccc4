// PCI bus 0: which function answers configuration cycles. PCI Local Bus Specification 3.0, "Configuration
// Cycles".
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <utility>

#include "devices/pci/pci_function.h"
#include "support/result.h"

namespace gnomon {

class PciBus;

/// Keeps a function on the bus while it lives. Movable; the bus must outlive it.
class PciSlot {
  public:
    PciSlot() = default;
    PciSlot(PciBus& bus, u8 devfn) : bus_(&bus), devfn_(devfn) {}
    PciSlot(PciSlot&& other) noexcept : bus_(std::exchange(other.bus_, nullptr)), devfn_(other.devfn_) {}
    PciSlot& operator=(PciSlot&& other) noexcept;
    ~PciSlot() { release(); }
    void release();

  private:
    PciBus* bus_ = nullptr;
    u8 devfn_ = 0;
};

class PciBus final {
  public:
    static constexpr unsigned kDevices = 32;
    static constexpr unsigned kFunctions = 8;

    /// Fails, naming both owners, if the place is taken.
    Result<PciSlot> add(std::string_view owner, unsigned device, unsigned function, PciFunction& target);

    /// Nobody answers with ones (a master abort). `size` is 1, 2 or 4 and the access is aligned to it.
    u32 config_read(unsigned bus, unsigned device, unsigned function, u8 offset, unsigned size);
    void config_write(unsigned bus, unsigned device, unsigned function, u8 offset, unsigned size, u32 value);

    /// "00:01.0 8086:7000 piix3", a line for each function.
    [[nodiscard]] std::string describe();

  private:
    friend class PciSlot;
    struct Entry {
        std::string owner;
        PciFunction* target = nullptr;
    };
    [[nodiscard]] PciFunction* find(unsigned bus, unsigned device, unsigned function) const;

    std::array<Entry, size_t{kDevices} * kFunctions> entries_;
};

}  // namespace gnomon
