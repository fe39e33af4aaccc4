// Registers of the mixer.
#include "devices/sound/sb16/ct1745.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace gnomon {
namespace {

constexpr u8 kInterruptSetup = 0x80;
constexpr u8 kDmaSetup = 0x81;
constexpr u8 kInterruptStatus = 0x82;

constexpr std::array<u8, 4> kIrqs = {2, 5, 7, 10};

/// Registers of the CT1745: what can be written, and the value after a reset.
struct Register {
    u8 index, writable, initial;
};
constexpr Register kRegisters[] = {
    {0x30, 0xf8, 0xc0}, {0x31, 0xf8, 0xc0},                      // master
    {0x32, 0xf8, 0xc0}, {0x33, 0xf8, 0xc0},                      // voice
    {0x34, 0xf8, 0xc0}, {0x35, 0xf8, 0xc0},                      // FM
    {0x36, 0xf8, 0x00}, {0x37, 0xf8, 0x00},                      // CD
    {0x38, 0xf8, 0x00}, {0x39, 0xf8, 0x00},                      // line
    {0x3a, 0xf8, 0x00},                                          // microphone
    {0x3b, 0xc0, 0x00},                                          // PC speaker input
    {0x3c, 0x1f, 0x1f}, {0x3d, 0x7f, 0x15}, {0x3e, 0x7f, 0x0b},  // switches of outputs and inputs
    {0x3f, 0xc0, 0x00}, {0x40, 0xc0, 0x00},                      // input gain
    {0x41, 0xc0, 0x00}, {0x42, 0xc0, 0x00},                      // output gain
    {0x43, 0x01, 0x00},                                          // automatic gain control
    {0x44, 0xf0, 0x80}, {0x45, 0xf0, 0x80},                      // treble
    {0x46, 0xf0, 0x80}, {0x47, 0xf0, 0x80},                      // bass
};

/// Registers of the Sound Blaster Pro's CT1345: four bits for each side, of two registers here.
struct Alias {
    u8 index, left;
};
constexpr Alias kAliases[] = {{0x04, 0x32}, {0x22, 0x30}, {0x26, 0x34}, {0x28, 0x36}, {0x2e, 0x38}};
constexpr u8 kProMicrophone = 0x0a;  // three bits
constexpr u8 kMicrophone = 0x3a;

const Alias* find_alias(u8 index) {
    for (const Alias& alias : kAliases)
        if (alias.index == index) return &alias;
    return nullptr;
}

}  // namespace

Ct1745::Ct1745(unsigned irq, unsigned dma, unsigned dma16) {
    irq_jumper_ = static_cast<u8>(1u << (std::find(kIrqs.begin(), kIrqs.end(), irq) - kIrqs.begin()));
    dma_jumpers_ = static_cast<u8>(1u << dma | 1u << dma16);
    power_on();
}

void Ct1745::power_on() {
    state_ = {};
    state_.registers[kInterruptSetup] = irq_jumper_;
    state_.registers[kDmaSetup] = dma_jumpers_;
    reset_volumes();
}

void Ct1745::reset_volumes() {
    for (const Register& r : kRegisters) state_.registers[r.index] = r.initial;
}

u8 Ct1745::read(u8 interrupt_status) const {
    const auto& registers = state_.registers;
    if (const Alias* alias = find_alias(state_.index))
        return static_cast<u8>((registers[alias->left] & 0xf0) | registers[alias->left + 1] >> 4);
    switch (state_.index) {
        case kProMicrophone: return registers[kMicrophone] >> 5;
        case kInterruptSetup: return registers[kInterruptSetup] | 0xf0;
        case kInterruptStatus: return interrupt_status;
        default: return registers[state_.index];
    }
}

void Ct1745::write(u8 value) {
    auto& registers = state_.registers;
    if (const Alias* alias = find_alias(state_.index)) {
        // The bit that the older mixer has not is set, so that all ones are the full volume.
        registers[alias->left] = static_cast<u8>((value & 0xf0) | 0x08);
        registers[alias->left + 1] = static_cast<u8>(value << 4 | 0x08);
        return;
    }
    switch (state_.index) {
        case 0x00: reset_volumes(); return;
        case kProMicrophone: registers[kMicrophone] = static_cast<u8>(value << 5 | 0x18); return;
        case kInterruptSetup: registers[kInterruptSetup] = value & 0x0f; return;
        case kDmaSetup: registers[kDmaSetup] = value & 0xeb; return;
        default: break;
    }
    for (const Register& r : kRegisters)
        if (r.index == state_.index) registers[r.index] = value & r.writable;
}

unsigned Ct1745::irq() const {
    const unsigned selected = state_.registers[kInterruptSetup] & 0x0f;
    return selected == 0 ? kNone : kIrqs[static_cast<unsigned>(std::countr_zero(selected))];
}

unsigned Ct1745::dma8() const {
    const unsigned selected = state_.registers[kDmaSetup] & 0x0b;
    return selected == 0 ? kNone : static_cast<unsigned>(std::countr_zero(selected));
}

unsigned Ct1745::dma16() const {
    const unsigned selected = state_.registers[kDmaSetup] & 0xe0;
    return selected == 0 ? dma8() : static_cast<unsigned>(std::countr_zero(selected));
}

Ct1745::Gain Ct1745::gain(u8 source) const {
    constexpr double kAmplifier = 14;
    const auto side = [&](unsigned right) {
        const auto attenuation = [&](u8 index) {
            return 2.0 * (31 - (state_.registers[index + right] >> 3));
        };
        const double output_gain = 6.0 * (state_.registers[0x41 + right] >> 6);
        const double decibels =
            std::min(kAmplifier - attenuation(kMaster) - attenuation(source) + output_gain, 0.0);
        return static_cast<i32>(std::lround(std::pow(10.0, decibels / 20) * 65536));
    };
    return {side(0), side(1)};
}

}  // namespace gnomon
