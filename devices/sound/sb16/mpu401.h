// The MPU-401 of the Sound Blaster 16: UART mode and the answers to its commands; what is played goes
// nowhere, since nothing is plugged in. Roland, "MPU-401 Technical Reference", "Communication with the MPU".
#pragma once

#include <vector>

#include "support/line.h"
#include "support/state.h"

namespace gnomon {

/// Two registers: data at offset 0, status and command at 1.
class Mpu401 {
  public:
    void reset();
    u8 read(unsigned offset);
    void write(unsigned offset, u8 value);
    /// A byte waits to be read: the interrupt request.
    [[nodiscard]] bool pending() const { return !state_.input.empty(); }

    struct State {
        std::vector<u8> input;  ///< for the host to read
        bool uart = false;
        template<class V>
        constexpr void fields(V& v) {
            v("input", input);
            v("uart", uart);
        }
    };
    [[nodiscard]] const State& state() const { return state_; }
    void set_state(State state) { state_ = std::move(state); }

  private:
    State state_;
};

}  // namespace gnomon
