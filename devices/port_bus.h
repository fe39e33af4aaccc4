// The port bus: 64 K of I/O ports. Devices claim ranges; the bus reports overlaps naming both owners, splits
// accesses wider than a device takes, and owns tracing and unclaimed accesses.
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "memory/io_space.h"
#include "support/log.h"
#include "support/result.h"

namespace gnomon {

/// What a device implements to be reached by ports. `port` is the absolute number, `size` 1, 2 or 4 and one of the
/// widths that the claim allows.
class PortIo {
  public:
    virtual u32 port_read(u16 port, unsigned size) = 0;
    virtual void port_write(u16 port, unsigned size, u32 value) = 0;

  protected:
    ~PortIo() = default;
};

/// Ports first … first+count-1. `widths` is the sum of the sizes that the device takes at once (1, 2, 4); wider
/// accesses are split by the bus, low part first.
struct PortRange {
    u16 first = 0;
    u16 count = 0;
    u8 widths = 1;
};

class PortBus;

/// Keeps a range claimed while it lives. Movable; the bus must outlive it.
class PortClaim {
  public:
    PortClaim() = default;
    PortClaim(PortBus& bus, u16 slot) : bus_(&bus), slot_(slot) {}
    PortClaim(PortClaim&& other) noexcept : bus_(std::exchange(other.bus_, nullptr)), slot_(other.slot_) {}
    PortClaim& operator=(PortClaim&& other) noexcept;
    ~PortClaim() { release(); }
    void release();

  private:
    PortBus* bus_ = nullptr;
    u16 slot_ = 0;
};

class PortBus final : public PortSpace {
  public:
    explicit PortBus(Log& log);

    /// Fails, naming both owners, if a port of the range is taken.
    Result<PortClaim> claim(std::string_view owner, PortRange range, PortIo& device);
    /// As claim, for fixed ports: all of them, or a failure that names the first conflict.
    Result<std::vector<PortClaim>> claim_all(std::string_view owner, std::span<const PortRange> ranges, PortIo& device);

    u32 port_read(u16 port, unsigned size) override;
    void port_write(u16 port, unsigned size, u32 value) override;

    /// Called for every access when set (tracing, breakpoints): port, size, value, is a write.
    using Observer = std::function<void(u16 port, unsigned size, u32 value, bool write)>;
    void observe(Observer observer) { observer_ = std::move(observer); }

    /// "0x0060-0x0060 keyboard", in order of ports.
    [[nodiscard]] std::string describe() const;

  private:
    friend class PortClaim;
    struct Owner {
        std::string name;
        PortIo* device = nullptr;
        PortRange range{0, 0, 0};
    };
    void release(u16 slot);
    u32 read_part(u16 port, unsigned size);
    void write_part(u16 port, unsigned size, u32 value);
    /// The device that gets the access as it is, unless it is observed; else null.
    [[nodiscard]] PortIo* takes_whole(u16 port, unsigned size) const;
    [[nodiscard]] unsigned part_size(u16 port, unsigned size) const;

    Log& log_;
    std::vector<Owner> owners_;                 ///< index 0 is "nobody"
    std::array<u16, 65536> owner_of_port_{};
    Observer observer_;
};

}  // namespace gnomon
