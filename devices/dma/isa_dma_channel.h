// A device's view of one channel of the 8237 pair: it asserts its request and moves bytes when it may.
#pragma once

#include <functional>
#include <span>

#include "support/types.h"

namespace gnomon {

class IsaDmaChannel {
  public:
    struct Moved {
        size_t bytes = 0;               ///< how many were taken or delivered; 0 while the channel is masked
        bool terminal_count = false;    ///< the count ran out with the last byte (TC pin)
    };

    /// The DREQ pin, as the status register shows it.
    virtual void set_request(bool asserted) = 0;
    /// Whether a transfer would move anything now: unmasked, controller enabled, direction and mode programmed.
    [[nodiscard]] virtual bool ready() const = 0;
    /// Device to memory ("write transfer"; a verify transfer counts without writing), at most data.size() bytes.
    virtual Moved to_memory(std::span<const u8> data) = 0;
    /// Memory to device ("read transfer").
    virtual Moved from_memory(std::span<u8> data) = 0;
    /// `unmasked` is called when the guest unmasks the channel: a stalled device goes on.
    virtual void on_unmask(std::function<void()> unmasked) = 0;

  protected:
    ~IsaDmaChannel() = default;
};

}  // namespace gnomon
