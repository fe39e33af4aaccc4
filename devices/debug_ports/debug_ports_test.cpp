// Consoles, exit status and the power-off word.
#include "devices/debug_ports/debug_ports.h"

#include <gtest/gtest.h>

#include "devices/device_fuzz.h"
#include "devices/snapshot_check.h"

namespace gnomon {
namespace {

struct TextBackend final : CharBackend {
    std::string out;
    void write(std::span<const u8> bytes) override { out.append(bytes.begin(), bytes.end()); }
};

struct DebugPortsTest : testing::Test, DeviceBench {};

TEST_F(DebugPortsTest, ConsolesPrintAndShowThatTheyAreThere) {
    TextBackend text;
    auto console = DebugConsole::create(ports, DebugConsole::kPort, text);
    auto firmware = DebugConsole::create(ports, DebugConsole::kFirmwarePort, text);
    ASSERT_TRUE(console.ok());
    ASSERT_TRUE(firmware.ok());
    EXPECT_EQ(ports.port_read(0xe9, 1), 0xe9u);
    EXPECT_EQ(ports.port_read(0x402, 1), 0xe9u);
    ports.port_write(0xe9, 1, 'a');
    ports.port_write(0x402, 1, 'b');
    EXPECT_EQ(text.out, "ab");
    EXPECT_EQ(DebugConsole::create(ports, 0x402, text).error().message,
              "port 0x0402 is claimed by both debug console and debug console");
}

TEST_F(DebugPortsTest, TheExitStatusIsAlwaysOdd) {
    u32 status = 0;
    auto exit = DebugExit::create(ports, {0xf4, 4}, [&](u32 value) { status = value; });
    ASSERT_TRUE(exit.ok());
    ports.port_write(0xf4, 1, 0x10);
    EXPECT_EQ(status, 0x21u);
    ports.port_write(0xf4, 4, 0);
    EXPECT_EQ(status, 1u);
    ports.port_write(0xf5, 1, 3);
    EXPECT_EQ(status, 7u);
    EXPECT_EQ(ports.port_read(0xf4, 4), 0u);
    EXPECT_EQ(DebugExit::create(ports, {0x501, 3}, nullptr).error().message,
              "debug exit: 3 ports are not 1, 2 or 4");
}

TEST_F(DebugPortsTest, OnlyTheWholeWordPowersOff) {
    int offs = 0;
    auto port = ShutdownPort::create(ports, [&] { offs++; });
    ASSERT_TRUE(port.ok());
    const auto write = [&](std::string_view text) {
        for (const char c : text) ports.port_write(0x8900, 1, static_cast<u8>(c));
    };
    write("ShutdowShutxown");
    EXPECT_EQ(offs, 0);
    write("SShutd");
    expect_snapshot_round_trip(scheduler, **port, [&] { write("own"); });
    EXPECT_EQ(offs, 2);
    write("own");
    EXPECT_EQ(offs, 2);
}

TEST_F(DebugPortsTest, RandomAccesses) {
    TextBackend text;
    auto console = DebugConsole::create(ports, DebugConsole::kPort, text);
    auto exit = DebugExit::create(ports, {0xf4, 4}, [](u32 status) { EXPECT_EQ(status & 1, 1u); });
    auto shutdown = ShutdownPort::create(ports, [] {});
    const PortRange ranges[] = {{0xe9, 1}, {0xf4, 4}, {0x8900, 1}};
    fuzz_ports(*this, ranges);
    EXPECT_FALSE(text.out.empty());
}

}  // namespace
}  // namespace gnomon
