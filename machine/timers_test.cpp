// The timers of a machine, read by a guest: all count the same second, at the rates that datasheets and CPUID
// give.
#include <sstream>

#include "machine/machine_fixture.h"

namespace gnomon {
namespace {

struct Counted {
    double tsc = 0, hpet = 0, pm = 0, apic = 0, pit = 0;
    u64 tsc_per_crystal = 0, crystal_hertz = 0, base_megahertz = 0;
};

Counted count_a_second(Config config) {
    std::ifstream file(GNOMON_TIMERS_SECTOR, std::ios::binary);
    std::vector<u8> image((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
    EXPECT_EQ(image.size(), 512u);
    image.resize(1474560);
    TestMachine m(image, std::move(config));
    EXPECT_EQ(m.run(~u64{0} >> 1).status, 3);
    std::istringstream lines(m.serial);
    const auto next = [&] {
        u64 value = 0;
        lines >> std::hex >> value;
        EXPECT_TRUE(lines) << m.serial;
        return value;
    };
    const auto number = [&] { return static_cast<double>(next()); };
    Counted counted;
    for (double* const timer : {&counted.tsc, &counted.hpet, &counted.pm, &counted.apic, &counted.pit})
        *timer = number();
    for (u64* const value : {&counted.tsc_per_crystal, &counted.crystal_hertz, &counted.base_megahertz})
        *value = next();
    return counted;
}

Config with_clock(ClockChoice mode) {
    Config config;
    config.clock.mode = mode;
    return config;
}

/// Relative to the time-stamp counter, whose frequency CPUID gives.
void expect_agreement(const Counted& c, double tolerance) {
    const double seconds = c.tsc / static_cast<double>(c.tsc_per_crystal * c.crystal_hertz);
    EXPECT_NEAR(c.hpet / 100e6, seconds, tolerance);
    EXPECT_NEAR(c.pm / 3'579'545, seconds, tolerance);
    EXPECT_NEAR(c.apic / 1e9, seconds, tolerance);
    EXPECT_NEAR(c.pit / 1'193'182, seconds, tolerance);
    EXPECT_EQ(c.tsc_per_crystal * c.crystal_hertz, c.base_megahertz * 1'000'000);
}

TEST(Timers, CountTheSameSecondInDeterministicTime) {
    Config config = with_clock(ClockChoice::Deterministic);
    config.clock.ips = 50'000'000;
    const Counted c = count_a_second(config);
    expect_agreement(c, 1e-5);
    EXPECT_NEAR(c.tsc, 1e9, 1e4);  // the second of the real-time clock, found by polling it
}

TEST(Timers, CountTheSameSecondInRealTimeOnABusyHost) {
    const Counted c = count_a_second(with_clock(ClockChoice::Realtime));
    expect_agreement(c, 0.002);
    EXPECT_NEAR(c.tsc, 1e9, 2e7);
}

}  // namespace
}  // namespace gnomon
