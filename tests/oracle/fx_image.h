// Images of FXSAVE as the oracles use them: to and from our processor's state, random contents, differences.
#pragma once

#include <fmt/format.h>

#include <cstring>

#include "cpu/state.h"
#include "tests/oracle/encoder.h"
#include "tests/oracle/native_cpu.h"

namespace gnomon::oracle {

using FxBytes = std::array<u8, 512>;

/// Where things lie.
namespace fx {
inline constexpr unsigned kControl = 0, kStatus = 2, kValid = 4, kMxcsr = 24, kRegisters = 32, kVectors = 160;
}

template<class T>
[[nodiscard]] T peek_fx(const FxBytes& image, unsigned at) {
    T value;
    std::memcpy(&value, &image[at], sizeof value);
    return value;
}
template<class T>
void poke_fx(FxBytes& image, unsigned at, T value) {
    std::memcpy(&image[at], &value, sizeof value);
}

/// `vectors`: how many XMM registers there are.
inline void load_fx(const FxBytes& image, FpuState& f, unsigned vectors) {
    f.control = peek_fx<u16>(image, fx::kControl);
    f.set_status_word(peek_fx<u16>(image, fx::kStatus));
    f.valid = image[fx::kValid];
    f.mxcsr = peek_fx<u32>(image, fx::kMxcsr);
    for (unsigned i = 0; i < 8; i++)
        f.registers[(f.top + i) & 7u] = {peek_fx<u64>(image, fx::kRegisters + 16 * i),
                                         peek_fx<u16>(image, fx::kRegisters + 8 + 16 * i)};
    for (unsigned i = 0; i < vectors; i++)
        std::memcpy(f.vectors[i].bytes.data(), &image[fx::kVectors + 16 * i], 16);
}

inline void save_fx(const FpuState& f, FxBytes& image, unsigned vectors) {
    poke_fx(image, fx::kControl, f.control);
    poke_fx(image, fx::kStatus, f.status_word());
    image[fx::kValid] = f.valid;
    poke_fx(image, fx::kMxcsr, f.mxcsr);
    for (unsigned i = 0; i < 8; i++) {
        const Float80& r = f.registers[(f.top + i) & 7u];
        poke_fx(image, fx::kRegisters + 16 * i, r.significand);
        poke_fx(image, fx::kRegisters + 8 + 16 * i, r.exponent);
    }
    for (unsigned i = 0; i < vectors; i++)
        std::memcpy(&image[fx::kVectors + 16 * i], f.vectors[i].bytes.data(), 16);
}

inline std::string compare_fx(const FxBytes& ours, const FxBytes& theirs, unsigned vectors) {
    std::string text;
    const auto part = [&](const std::string& name, unsigned at, unsigned size) {
        if (std::memcmp(&ours[at], &theirs[at], size) != 0)
            text +=
                fmt::format("{} is {}, host {}; ", name, hex({&ours[at], size}), hex({&theirs[at], size}));
    };
    part("control", fx::kControl, 2);
    part("status", fx::kStatus, 2);
    part("valid", fx::kValid, 1);
    part("mxcsr", fx::kMxcsr, 4);
    for (unsigned i = 0; i < 8; i++) part(fmt::format("st{}", i), fx::kRegisters + 16 * i, 10);
    for (unsigned i = 0; i < vectors; i++) part(fmt::format("xmm{}", i), fx::kVectors + 16 * i, 16);
    return text;
}

inline std::string describe_fx(const FxBytes& image, unsigned vectors) {
    std::string text = fmt::format("\n  control {:04x} status {:04x} valid {:02x} mxcsr {:08x}",
                                   peek_fx<u16>(image, fx::kControl), peek_fx<u16>(image, fx::kStatus),
                                   image[fx::kValid], peek_fx<u32>(image, fx::kMxcsr));
    for (unsigned i = 0; i < 8; i++)
        text += fmt::format("{}st{} {:04x}:{:016x}", i % 4 ? " " : "\n  ", i,
                            peek_fx<u16>(image, fx::kRegisters + 8 + 16 * i),
                            peek_fx<u64>(image, fx::kRegisters + 16 * i));
    for (unsigned i = 0; i < vectors; i++)
        text += fmt::format("{}xmm{} {}", i % 2 ? " " : "\n  ", i, hex({&image[fx::kVectors + 16 * i], 16}));
    return text;
}

/// Control words with and without masks, registers of all kinds.
inline void random_fx(Random& random, FxBytes& image, unsigned vectors) {
    u16 control = 0x37f, status = static_cast<u16>(random.next() & 0x7f00);
    u32 mxcsr = 0x1f80;
    if (random.one_in(3))
        control = static_cast<u16>(0x37f ^ (random.next() & 0xc00) ^
                                   (random.one_in(2) ? 0x100 << random.below(2) : 0));
    if (random.one_in(8)) control &= static_cast<u16>(~(random.next() & 0x3f));
    if (random.one_in(3)) mxcsr ^= static_cast<u32>(random.next() & 0xe07f);
    if (random.one_in(12)) mxcsr &= static_cast<u32>(~(random.next() & 0x1f80));
    if (random.one_in(3)) status |= static_cast<u16>(random.next() & control & 0x3f);
    poke_fx(image, fx::kControl, control);
    poke_fx(image, fx::kStatus, status);
    image[fx::kValid] = static_cast<u8>(random.one_in(2) ? random.next() : 0xff);
    poke_fx(image, fx::kMxcsr, mxcsr);
    for (unsigned i = 0; i < 8; i++) {
        u64 significand = random.next();
        u16 exponent =
            static_cast<u16>(0x3fff + random.below(64) - 20) | static_cast<u16>(random.next() & 0x8000);
        switch (random.below(12)) {
            case 0: significand = 0, exponent &= 0x8000; break;
            case 1: significand = u64{1} << 63, exponent |= 0x7fff; break;
            case 2: exponent |= 0x7fff; [[fallthrough]];
            case 3: significand |= u64{1} << 63; break;
            case 4: exponent &= 0x8000; break;
            case 5: exponent = static_cast<u16>(random.next()); break;
            case 6: significand = u64{1} << 63; break;
            default: significand |= u64{1} << 63; break;
        }
        poke_fx(image, fx::kRegisters + 16 * i, significand);
        poke_fx(image, fx::kRegisters + 8 + 16 * i, exponent);
    }
    for (unsigned n = 0; n < vectors * 4; n++) {
        u32 lane = static_cast<u32>(random.next());
        if (random.one_in(2)) lane = (lane & 0x807fffff) | static_cast<u32>(0x70 + random.below(0x20)) << 23;
        if (random.one_in(8)) lane = random.number();
        poke_fx(image, fx::kVectors + 4 * n, lane);
    }
}

}  // namespace gnomon::oracle
