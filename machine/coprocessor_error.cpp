// FERR#, IRQ 13 and IGNNE#.
#include "machine/coprocessor_error.h"

namespace gnomon {

static_assert(every_field_listed<CoprocessorError::State>());

Result<std::unique_ptr<CoprocessorError>> CoprocessorError::create(PortBus& ports, Line irq13, Line ignne) {
    std::unique_ptr<CoprocessorError> error(new CoprocessorError(irq13, ignne));
    Result<PortClaim> claim = ports.claim("coprocessor_error", {0xf0, 1}, *error);
    if (!claim) return claim.error();
    error->claim_ = std::move(*claim);
    return error;
}

void CoprocessorError::set_line(unsigned, bool level) {
    if (level && !state_.ferr) state_.irq = true;
    if (!level) state_.ignne = false;
    state_.ferr = level;
    drive();
}

void CoprocessorError::reset() {
    state_ = {};
    drive();
}

u32 CoprocessorError::port_read(u16, unsigned) { return 0xff; }

void CoprocessorError::port_write(u16, unsigned, u32) {
    state_.irq = false;
    state_.ignne = state_.ferr;
    drive();
}

void CoprocessorError::drive() {
    irq13_.set(state_.irq);
    ignne_.set(state_.ignne);
}

Result<StatePart::Install> CoprocessorError::load_state(const StateNode& node) {
    return prepare_state<State>(node, [this](State state) {
        state_ = state;
        ignne_.set(state_.ignne);
    });
}

}  // namespace gnomon
