// Seeded random accesses to a device's registers, of all widths, while guest time passes. For tests only: a
// device passes when nothing crashes, asserts, or is caught by a sanitizer. The same seed gives the same
// accesses.
#pragma once

#include <functional>
#include <random>
#include <span>

#include "devices/device_bench.h"
#include "devices/pci/pci_function.h"

namespace gnomon {

struct FuzzOptions {
    u64 seed = 1;
    unsigned steps = 20'000;
    u64 longest_pause_ns = 2'000'000;  ///< of the pauses, one in every eight steps
    std::function<void(u64)>
        between = {};    ///< called after each step with a random number: host events, other lines
};

/// Numbers that registers react to: mostly bytes and single bits, sometimes anything.
inline u32 fuzz_value(std::mt19937_64& random) {
    switch (random() % 4) {
        case 0: return u32{1} << random() % 32;
        case 1: return static_cast<u32>(random());
        case 2: return random() % 2 ? ~u32{0} : 0;
        default: return static_cast<u32>(random() & 0xff);
    }
}

/// One access in fifty goes up to three ports beyond a range's ends, to cross them.
inline void fuzz_ports(DeviceBench& bench, std::span<const PortRange> ranges,
                       const FuzzOptions& options = {}) {
    std::mt19937_64 random(options.seed);
    for (unsigned step = 0; step < options.steps; step++) {
        const PortRange& range = ranges[random() % ranges.size()];
        u32 port = range.first + static_cast<u32>(random() % range.count);
        if (random() % 50 == 0) port = range.first - 3 + static_cast<u32>(random() % (range.count + 6u));
        const unsigned size = 1u << random() % 3;
        const u32 value = fuzz_value(random);
        if (random() % 3 == 0)
            bench.ports.port_read(static_cast<u16>(port), size);
        else
            bench.ports.port_write(static_cast<u16>(port), size, value);
        if (random() % 8 == 0) bench.advance(random() % options.longest_pause_ns);
        if (options.between) options.between(random());
    }
}

inline void fuzz_mmio(DeviceBench& bench, MmioIo& device, u64 bytes, const FuzzOptions& options = {}) {
    std::mt19937_64 random(options.seed);
    for (unsigned step = 0; step < options.steps; step++) {
        const unsigned size = 1u << random() % 4;
        if (size > bytes) continue;
        const u64 offset = random() % (bytes - size + 1);
        if (random() % 3 == 0)
            device.mmio_read(offset, size);
        else
            device.mmio_write(offset, size, random() % 2 ? random() : fuzz_value(random));
        if (random() % 8 == 0) bench.advance(random() % options.longest_pause_ns);
        if (options.between) options.between(random());
    }
}

inline void fuzz_config(DeviceBench& bench, PciFunction& function, const FuzzOptions& options = {}) {
    std::mt19937_64 random(options.seed);
    for (unsigned step = 0; step < options.steps; step++) {
        const unsigned size = 1u << random() % 3;
        const u8 offset = static_cast<u8>(random() % 256 & ~(size - 1));
        if (random() % 3 == 0)
            function.config_read(offset, size);
        else
            function.config_write(offset, size, fuzz_value(random));
        if (random() % 8 == 0) bench.advance(random() % options.longest_pause_ns);
        if (options.between) options.between(random());
    }
}

}  // namespace gnomon
