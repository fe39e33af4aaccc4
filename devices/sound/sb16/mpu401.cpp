// MPU-401 registers.
#include "devices/sound/sb16/mpu401.h"

namespace gnomon {
namespace {

constexpr u8 kNoData =
    0x80;  // DSR#: nothing to read; bit 6, DRR#, is always low: it takes everything at once
constexpr u8 kReset = 0xff;
constexpr u8 kEnterUart = 0x3f;
constexpr u8 kAcknowledge = 0xfe;

}  // namespace

void Mpu401::reset() { state_ = {}; }

u8 Mpu401::read(unsigned offset) {
    if (offset == 1) return static_cast<u8>((state_.input.empty() ? kNoData : 0) | 0x3f);
    if (state_.input.empty()) return 0xff;
    const u8 value = state_.input.front();
    state_.input.erase(state_.input.begin());
    return value;
}

void Mpu401::write(unsigned offset, u8 value) {
    if (offset == 0) return;  // to the MIDI connector
    // In UART mode it knows the reset alone, and leaves the mode without an answer.
    if (state_.uart) {
        if (value == kReset) reset();
        return;
    }
    if (value == kReset) reset();
    state_.uart = value == kEnterUart;
    state_.input = {kAcknowledge};
}

}  // namespace gnomon
