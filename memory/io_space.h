// What the processor and devices see of the rest of the machine: port space, memory-mapped I/O, DMA.
#pragma once

#include <span>

#include "support/types.h"

namespace gnomon {

/// The processor's I/O port space. `size` is 1, 2 or 4; unclaimed reads give all ones.
class PortSpace {
  public:
    virtual u32 port_read(u16 port, unsigned size) = 0;
    virtual void port_write(u16 port, unsigned size, u32 value) = 0;

  protected:
    ~PortSpace() = default;
};

/// A memory-mapped device. `offset` counts from the start of its range; `size` is 1, 2, 4 or 8 and the access
/// never leaves the range.
class MmioIo {
  public:
    virtual u64 mmio_read(u64 offset, unsigned size) = 0;
    virtual void mmio_write(u64 offset, unsigned size, u64 value) = 0;

  protected:
    ~MmioIo() = default;
};

/// A bus master's view of memory. Reads of nothing give all ones, writes to nothing are dropped.
class DmaPort {
  public:
    virtual void dma_read(GuestPhys address, std::span<u8> out) = 0;
    virtual void dma_write(GuestPhys address, std::span<const u8> data) = 0;

  protected:
    ~DmaPort() = default;
};

}  // namespace gnomon
