// Claims, conflicts and splitting on the port bus.
#include "devices/port_bus.h"

#include <gtest/gtest.h>

namespace gnomon {
namespace {

struct Recorder final : PortIo {
    std::string calls;
    u32 port_read(u16 port, unsigned size) override {
        calls += fmt::format("r{:x}/{} ", port, size);
        return 0xa1b2c3d4u + port;
    }
    void port_write(u16 port, unsigned size, u32 value) override { calls += fmt::format("w{:x}/{}={:x} ", port, size, value); }
};

struct PortBusTest : testing::Test {
    Log log{[](LogLevel, std::string_view, std::string_view) {}};
    PortBus bus{log};
    Recorder a;
    Recorder b;
};

TEST_F(PortBusTest, OverlapNamesBothOwnersAndReleaseFreesThePorts) {
    {
        Result<PortClaim> first = bus.claim("keyboard", {0x60, 5}, a);
        ASSERT_TRUE(first.ok());
        EXPECT_EQ(bus.claim("speaker", {0x61, 1}, b).error().message, "port 0x0061 is claimed by both keyboard and speaker");
        EXPECT_EQ(bus.describe(), "0x0060-0x0064 keyboard\n");
    }
    EXPECT_TRUE(bus.claim("speaker", {0x61, 1}, b).ok());
}

TEST_F(PortBusTest, WideAccessesAreSplitLowPartFirst) {
    auto bytes = bus.claim("bytes", {0x100, 4, 1}, a);
    auto words = bus.claim("words", {0x104, 4, 2 | 4}, b);
    bus.port_write(0x100, 4, 0x44332211);
    EXPECT_EQ(a.calls, "w100/1=11 w101/1=22 w102/1=33 w103/1=44 ");
    bus.port_write(0x104, 4, 0x44332211);
    bus.port_write(0x106, 2, 0x6655);
    EXPECT_EQ(b.calls, "w104/4=44332211 w106/2=6655 ");
    a.calls.clear();
    b.calls.clear();
    EXPECT_EQ(bus.port_read(0x102, 4), (0xd6u | 0xd7u << 8 | (0xa1b2c3d4u + 0x104) << 16));
    EXPECT_EQ(a.calls, "r102/1 r103/1 ");
    EXPECT_EQ(b.calls, "r104/2 ");
}

TEST_F(PortBusTest, NobodyAnswersWithOnes) {
    EXPECT_EQ(bus.port_read(0x5000, 1), 0xffu);
    EXPECT_EQ(bus.port_read(0x5000, 2), 0xffffu);
    EXPECT_EQ(bus.port_read(0xffff, 4), 0xffffffffu);
}

}  // namespace
}  // namespace gnomon
