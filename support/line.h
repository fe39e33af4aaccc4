// Signal lines between parts: a device owns a Line, never an interrupt number.
#pragma once

#include "support/types.h"

namespace gnomon {

/// What a line ends at: an interrupt controller's input, a processor's pin.
class LineSink {
  public:
    virtual void set_line(unsigned pin, bool level) = 0;

  protected:
    ~LineSink() = default;
};

/// One wire. Copyable handle; the sink must outlive it. A default-constructed line is not connected.
class Line {
  public:
    Line() = default;
    Line(LineSink& sink, unsigned pin) : sink_(&sink), pin_(pin) {}

    void set(bool level) const {
        if (sink_) sink_->set_line(pin_, level);
    }
    void raise() const { set(true); }
    void lower() const { set(false); }
    /// A rising edge, then low again.
    void pulse() const {
        set(true);
        set(false);
    }

  private:
    LineSink* sink_ = nullptr;
    unsigned pin_ = 0;
};

/// The processor's side of the interrupt acknowledge cycle.
class InterruptController {
  public:
    /// Answers INTA: the vector of the highest-priority request, which becomes in service.
    virtual u8 acknowledge() = 0;

  protected:
    ~InterruptController() = default;
};

/// The input pins of a processor, as sink pins.
enum class CpuPin : unsigned { Intr, Nmi, Reset, A20Mask, Ignne };

}  // namespace gnomon
