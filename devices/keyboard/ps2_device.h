// What the keyboard controller sees of a device at one of its two serial ports.
#pragma once

#include "support/types.h"

namespace gnomon {

class Ps2Device {
  public:
    /// A byte from the host has arrived completely.
    virtual void host_byte(u8 byte) = 0;
    /// Whether the device wants to send, and the byte that it sends next.
    [[nodiscard]] virtual bool has_byte() const = 0;
    virtual u8 take_byte() = 0;

  protected:
    ~Ps2Device() = default;
};

/// Durations on the serial link between devices and controller.
struct Ps2Timing {
    u64 byte_ns = 400'000;  ///< eleven bits in either direction; the fastest allowed clock needs 660 µs
    u64 self_test_ns =
        5'000'000;  ///< from the acknowledge of a reset to its result; real devices take 300 ms and more
};

}  // namespace gnomon
