// The PC's way to report x87 errors: FERR# raises IRQ 13, a write to port F0h takes it back and asserts
// IGNNE#. 82371SB (PIIX3) datasheet, "Coprocessor Error"; SDM Vol. 1, "MS-DOS Compatibility Sub-mode".
#pragma once

#include <memory>

#include "devices/port_bus.h"
#include "support/line.h"
#include "support/state.h"

namespace gnomon {

class CoprocessorError final : public PortIo, public LineSink, public StatePart {
  public:
    static Result<std::unique_ptr<CoprocessorError>> create(PortBus& ports, Line irq13, Line ignne);

    /// FERR#, asserted = true.
    [[nodiscard]] Line ferr() { return {*this, 0}; }
    void set_line(unsigned pin, bool level) override;
    void reset();

    u32 port_read(u16 port, unsigned size) override;
    void port_write(u16 port, unsigned size, u32 value) override;

    struct State {
        bool ferr = false;
        bool irq = false;
        bool ignne = false;
        template<class V>
        constexpr void fields(V& v) {
            v("ferr", ferr);
            v("irq", irq);
            v("ignne", ignne);
        }
    };
    [[nodiscard]] std::string_view state_name() const override { return "coprocessor_error"; }
    [[nodiscard]] StateNode save_state() const override { return save_value(state_); }
    Result<Install> load_state(const StateNode& node) override;

  private:
    CoprocessorError(Line irq13, Line ignne) : irq13_(irq13), ignne_(ignne) {}
    void drive();

    Line irq13_;
    Line ignne_;
    State state_;
    PortClaim claim_;
};

}  // namespace gnomon
