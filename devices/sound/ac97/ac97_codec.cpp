// Codec registers.
#include "devices/sound/ac97/ac97_codec.h"

#include <algorithm>
#include <cmath>

namespace gnomon {
namespace {

constexpr unsigned kReset = 0x00;
constexpr unsigned kMaster = 0x02;
constexpr unsigned kPcmOut = 0x18;
constexpr unsigned kPower = 0x26;
constexpr unsigned kExtendedId = 0x28;
constexpr unsigned kExtendedControl = 0x2a;
constexpr unsigned kOutputRate = 0x2c;
constexpr unsigned kInputRate = 0x32;
constexpr unsigned kVendor1 = 0x7c;
constexpr unsigned kVendor2 = 0x7e;

constexpr u16 kMute = 0x8000;
constexpr u16 kVariableRate = 0x0001;
constexpr u16 kAllReady = 0x000f;  // ADC, DAC, analogue part, reference voltage
constexpr u16 kSlowest = 8'000;

struct Register {
    u8 offset;
    u16 initial, writable;
    bool five_bits;  ///< a sixth bit of a volume reads as the largest attenuation of five
};
constexpr Register kRegisters[] = {
    {0x02, 0x8000, 0x9f1f, true},   // master volume
    {0x04, 0x8000, 0x9f1f, true},   // headphones
    {0x06, 0x8000, 0x801f, true},   // mono output
    {0x0a, 0x0000, 0x801e, false},  // PC beep
    {0x0c, 0x8008, 0x801f, false},  // telephone
    {0x0e, 0x8008, 0x805f, false},  // microphone
    {0x10, 0x8808, 0x9f1f, false},  // line in
    {0x12, 0x8808, 0x9f1f, false},  // CD
    {0x14, 0x8808, 0x9f1f, false},  // video
    {0x16, 0x8808, 0x9f1f, false},  // auxiliary
    {0x18, 0x8808, 0x9f1f, false},  // PCM output
    {0x1a, 0x0000, 0x0707, false},  // record select
    {0x1c, 0x8000, 0x8f0f, false},  // record gain
    {0x20, 0x0000, 0x8380, false},  // general purpose
    {0x26, 0x000f, 0xff00, false},  // power-down
    {0x2a, 0x0000, 0x0001, false},  // extended audio control
    {0x28, 0x0001, 0x0000, false},  // extended audio: variable rates
    {0x2c, 48'000, 0xffff, false},  // sample rates of output
    {0x32, 48'000, 0xffff, false},  // and input
    {0x7c, 0x8384, 0x0000, false},  // SigmaTel
    {0x7e, 0x7600, 0x0000, false},  // STAC9700
};

const Register* find(unsigned offset) {
    for (const Register& r : kRegisters)
        if (r.offset == offset) return &r;
    return nullptr;
}

i32 linear(double decibels) { return static_cast<i32>(std::lround(std::pow(10.0, decibels / 20) * 65536)); }

}  // namespace

static_assert(kReset == 0 && kVendor2 == kVendor1 + 2 && kExtendedId + 2 == kExtendedControl);

void Ac97Codec::reset() {
    state_ = {};
    for (const Register& r : kRegisters) state_.registers[r.offset / 2] = r.initial;
}

u16 Ac97Codec::read(unsigned offset) const {
    if (offset >= 0x80) return 0;
    if (offset != kPower) return at(offset);
    // The parts that PR0 to PR3 switch off are not ready.
    const unsigned off = at(kPower) >> 8 & 0x0f;
    unsigned ready = kAllReady;
    if (off & 1) ready &= ~1u;
    if (off & 2) ready &= ~2u;
    if (off & 4) ready &= ~4u;
    if (off & 8) ready &= ~12u;
    return static_cast<u16>((at(kPower) & 0xff00) | ready);
}

void Ac97Codec::write(unsigned offset, u16 value) {
    if (offset == kReset) {
        reset();
        return;
    }
    const Register* const r = find(offset);
    if (!r) return;
    if (r->five_bits) {
        if (value & 0x2000) value |= 0x1f00;
        if (value & 0x0020) value |= 0x001f;
    }
    if (offset == kOutputRate || offset == kInputRate) {
        // Without variable rates the register cannot be changed.
        if (!variable_rate()) return;
        value = std::clamp(value, kSlowest, static_cast<u16>(kFixedRate));
    }
    u16& target = state_.registers[offset / 2];
    target = static_cast<u16>((target & ~r->writable) | (value & r->writable));
    if (offset == kExtendedControl && !variable_rate())
        state_.registers[kOutputRate / 2] = state_.registers[kInputRate / 2] = kFixedRate;
}

bool Ac97Codec::variable_rate() const { return at(kExtendedControl) & kVariableRate; }

u32 Ac97Codec::output_rate() const { return std::clamp<u32>(at(kOutputRate), kSlowest, kFixedRate); }
u32 Ac97Codec::input_rate() const { return std::clamp<u32>(at(kInputRate), kSlowest, kFixedRate); }

/// Steps of 1.5 dB: the master attenuates, the PCM volume begins at +12 dB.
Ac97Codec::Gain Ac97Codec::output_gain() const {
    const u16 master = at(kMaster);
    const u16 pcm = at(kPcmOut);
    if ((master | pcm) & kMute) return {};
    const auto side = [&](unsigned shift) {
        return linear(12 - 1.5 * (master >> shift & 0x1f) - 1.5 * (pcm >> shift & 0x1f));
    };
    return {side(8), side(0)};
}

}  // namespace gnomon
