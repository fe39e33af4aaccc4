// DMA: the registers, transfers of every kind, the ends of counts and of pages, requests by software.
#include "devices/dma/isa_dma.h"

#include <gtest/gtest.h>

#include <numeric>

#include "devices/device_fuzz.h"
#include "devices/snapshot_check.h"

namespace gnomon {
namespace {

constexpr PortRange kPorts[] = {{0x00, 16}, {0x80, 16}, {0xc0, 32}};
constexpr u16 kPagePort[8] = {0x87, 0x83, 0x81, 0x82, 0x8f, 0x8b, 0x89, 0x8a};

struct IsaDmaTest : testing::Test {
    DeviceBench bench;
    DmaMemory memory{0x100000};
    std::unique_ptr<IsaDma> dma = *IsaDma::create(bench.ports, memory);
    std::vector<u8> data = std::vector<u8>(0x20000);

    void SetUp() override {
        for (size_t i = 0; i < data.size(); i++) data[i] = static_cast<u8>(i * 7 + (i >> 8) + 1);
        bench.out8(0xd6, 0xc0);  // channel 4 cascades
        bench.out8(0xd4, 0x00);
    }
    /// `address` and `count` in units of the channel.
    void program(unsigned channel, u8 mode, u8 page, u16 address, u16 count) {
        const bool second = channel >= 4;
        const u16 base = second ? 0xc0 : 0;
        const u16 step = second ? 2 : 1;
        const u8 number = channel & 3;
        const auto port = [&](unsigned index) { return static_cast<u16>(base + step * index); };
        bench.out8(port(10), 4 | number);
        bench.out8(port(12), 0);
        bench.out8(port(11), mode | number);
        bench.out8(port(number * 2), static_cast<u8>(address));
        bench.out8(port(number * 2), static_cast<u8>(address >> 8));
        bench.out8(port(number * 2 + 1), static_cast<u8>(count));
        bench.out8(port(number * 2 + 1), static_cast<u8>(count >> 8));
        bench.out8(kPagePort[channel], page);
        bench.out8(port(10), number);
    }
    u16 read_register(u16 port) {
        bench.out8(port < 0xc0 ? 0x0c : 0xd8, 0);
        const u8 low = bench.in8(port);
        return static_cast<u16>(low | bench.in8(port) << 8);
    }
    std::vector<u8> at(u32 address, size_t count) {
        return {memory.bytes.begin() + address,
                memory.bytes.begin() + address + static_cast<std::ptrdiff_t>(count)};
    }
    std::vector<u8> sent(size_t from, size_t count) {
        return {data.begin() + static_cast<std::ptrdiff_t>(from),
                data.begin() + static_cast<std::ptrdiff_t>(from + count)};
    }
};

TEST_F(IsaDmaTest, DeviceFillsMemoryUntilTerminalCount) {
    program(2, 0x44, 0x03, 0x1000, 511);
    IsaDmaChannel& channel = dma->channel(2);
    EXPECT_TRUE(channel.ready());
    auto moved = channel.to_memory(std::span(data).first(300));
    EXPECT_EQ(moved.bytes, 300u);
    EXPECT_FALSE(moved.terminal_count);
    EXPECT_EQ(read_register(0x04), 0x1000 + 300);
    EXPECT_EQ(read_register(0x05), 511 - 300);
    moved = channel.to_memory(std::span(data).subspan(300, 400));
    EXPECT_EQ(moved.bytes, 212u);
    EXPECT_TRUE(moved.terminal_count);
    EXPECT_EQ(at(0x31000, 512), sent(0, 512));
    EXPECT_EQ(memory.bytes[0x31200], 0);
    EXPECT_EQ(read_register(0x05), 0xffff);
    EXPECT_EQ(bench.in8(0x08), 0x04);
    EXPECT_EQ(bench.in8(0x08), 0x00);
    EXPECT_FALSE(channel.ready());
    EXPECT_EQ(bench.in8(0x0f) & 4, 4);
    EXPECT_EQ(channel.to_memory(std::span(data).first(1)).bytes, 0u);
}

TEST_F(IsaDmaTest, MemoryReachesTheDevice) {
    std::iota(memory.bytes.begin() + 0x20000, memory.bytes.begin() + 0x20010, u8{0x40});
    program(3, 0x48, 0x02, 0x0004, 3);
    std::array<u8, 8> out{};
    const auto moved = dma->channel(3).from_memory(out);
    EXPECT_EQ(moved.bytes, 4u);
    EXPECT_TRUE(moved.terminal_count);
    EXPECT_EQ(out, (std::array<u8, 8>{0x44, 0x45, 0x46, 0x47}));
}

TEST_F(IsaDmaTest, AddressWrapsWithinItsPage) {
    program(1, 0x44, 0x05, 0xfffe, 3);
    dma->channel(1).to_memory(std::span(data).first(4));
    EXPECT_EQ(at(0x5fffe, 2), sent(0, 2));
    EXPECT_EQ(at(0x50000, 2), sent(2, 2));
    EXPECT_EQ(memory.bytes[0x60000], 0);
}

TEST_F(IsaDmaTest, WordChannelsCountAndAddressWords) {
    program(5, 0x44, 0x05, 0xffff, 2);  // bit 0 of the page does not count
    const auto moved = dma->channel(5).to_memory(std::span(data).first(7));
    EXPECT_EQ(moved.bytes, 6u);
    EXPECT_TRUE(moved.terminal_count);
    EXPECT_EQ(at(0x5fffe, 2), sent(0, 2));
    EXPECT_EQ(at(0x40000, 4), sent(2, 4));
    EXPECT_EQ(bench.in8(0xd0), 0x02);
}

TEST_F(IsaDmaTest, DecrementStoresDownwards) {
    program(1, 0x64, 0x01, 0x0001, 3);
    dma->channel(1).to_memory(std::span(data).first(4));
    EXPECT_EQ(memory.bytes[0x10001], data[0]);
    EXPECT_EQ(memory.bytes[0x10000], data[1]);
    EXPECT_EQ(memory.bytes[0x1ffff], data[2]);
    EXPECT_EQ(memory.bytes[0x1fffe], data[3]);
}

TEST_F(IsaDmaTest, AutoInitialisationStartsOver) {
    program(1, 0x54, 0x01, 0x0100, 9);
    IsaDmaChannel& channel = dma->channel(1);
    const auto moved = channel.to_memory(std::span(data).first(25));
    EXPECT_EQ(moved.bytes, 10u);
    EXPECT_TRUE(moved.terminal_count);
    EXPECT_TRUE(channel.ready());
    EXPECT_EQ(read_register(0x02), 0x0100);
    EXPECT_EQ(read_register(0x03), 9);
    channel.to_memory(std::span(data).subspan(10, 3));
    EXPECT_EQ(at(0x10100, 3), sent(10, 3));
}

TEST_F(IsaDmaTest, VerifyCountsWithoutTouchingMemory) {
    program(2, 0x40, 0x01, 0x0000, 7);
    EXPECT_EQ(dma->channel(2).to_memory(std::span(data).first(8)).terminal_count, true);
    EXPECT_EQ(at(0x10000, 8), std::vector<u8>(8));
    EXPECT_EQ(bench.in8(0x08), 0x04);
}

TEST_F(IsaDmaTest, ChannelsOfTheFirstControllerNeedTheCascade) {
    program(2, 0x44, 0, 0, 7);
    bench.out8(0xd4, 0x04);
    EXPECT_FALSE(dma->channel(2).ready());
    bench.out8(0xd4, 0x00);
    EXPECT_TRUE(dma->channel(2).ready());
    bench.out8(0x08, 0x04);
    EXPECT_FALSE(dma->channel(2).ready());
    bench.out8(0x08, 0x00);
    bench.out8(0x0b, 0xc2);
    EXPECT_FALSE(dma->channel(2).ready());
}

TEST_F(IsaDmaTest, DeviceHearsWhenItsChannelBecomesReady) {
    unsigned calls = 0;
    dma->channel(2).on_unmask([&] { calls++; });
    program(2, 0x44, 0, 0, 7);
    EXPECT_EQ(calls, 1u);
    bench.out8(0x0a, 0x02);
    EXPECT_EQ(calls, 1u);
    dma->channel(2).to_memory(std::span(data).first(8));
    bench.out8(0x0e, 0);
    EXPECT_EQ(calls, 2u);
    bench.out8(0x0f, 0x0f);
    bench.out8(0x0f, 0x00);
    EXPECT_EQ(calls, 3u);
}

TEST_F(IsaDmaTest, StatusShowsRequests) {
    dma->channel(2).set_request(true);
    dma->channel(7).set_request(true);
    EXPECT_EQ(bench.in8(0x08), 0x40);
    EXPECT_EQ(bench.in8(0xd0), 0x80);
    dma->channel(2).set_request(false);
    EXPECT_EQ(bench.in8(0x08), 0x00);
}

TEST_F(IsaDmaTest, MemoryToMemoryCopiesByChannels0And1) {
    std::copy(data.begin(), data.begin() + 256, memory.bytes.begin() + 0x10000);
    program(0, 0x88, 0x01, 0x0000, 0);
    program(1, 0x84, 0x02, 0x0080, 255);
    bench.out8(0x08, 0x01);
    bench.out8(0x09, 0x04);
    EXPECT_EQ(at(0x20080, 256), sent(0, 256));
    EXPECT_EQ(bench.in8(0x08), 0x02);
    EXPECT_EQ(bench.in8(0x0d), data[255]);
    program(0, 0x88, 0x01, 0x0003, 0);
    program(1, 0x84, 0x02, 0x0000, 63);
    bench.out8(0x08, 0x03);  // channel 0 holds its address: a fill
    bench.out8(0x09, 0x04);
    EXPECT_EQ(at(0x20000, 64), std::vector<u8>(64, data[3]));
}

TEST_F(IsaDmaTest, SoftwareRequestRunsABlockWhenEnabled) {
    program(3, 0x84, 0x01, 0x0000, 15);
    bench.out8(0x08, 0x04);
    bench.out8(0x09, 0x07);
    EXPECT_EQ(bench.in8(0x08), 0x80);
    bench.out8(0x08, 0x00);
    EXPECT_EQ(bench.in8(0x08), 0x08);
    EXPECT_EQ(at(0x10000, 17), (std::vector<u8>{255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255,
                                                255, 255, 255, 255, 0}));
}

TEST_F(IsaDmaTest, MasterClearMasksAllAndResetsTheFlipFlop) {
    program(2, 0x44, 0, 0x1234, 7);
    bench.in8(0x04);
    bench.out8(0x0d, 0);
    EXPECT_EQ(bench.in8(0x0f), 0x0f);
    EXPECT_EQ(bench.in8(0x04), 0x34);
    EXPECT_EQ(bench.in8(0x04), 0x12);
}

TEST_F(IsaDmaTest, PageRegistersAndThePostPortAreReadable) {
    for (unsigned i = 0; i < 16; i++) bench.out8(static_cast<u16>(0x80 + i), static_cast<u8>(i * 3));
    for (unsigned i = 0; i < 16; i++) EXPECT_EQ(bench.in8(static_cast<u16>(0x80 + i)), i * 3);
    bench.out8(0x80, 0x55);
    EXPECT_EQ(dma->post_code(), 0x55);
}

TEST_F(IsaDmaTest, SnapshotRoundTrip) {
    program(2, 0x54, 0x03, 0x1000, 511);
    dma->channel(2).to_memory(std::span(data).first(100));
    bench.in8(0x04);
    expect_snapshot_round_trip(bench.scheduler, *dma, [this] {
        bench.in8(0x04);
        dma->channel(2).to_memory(std::span(data).first(450));
        bench.out8(0x0a, 6);
    });
}

TEST_F(IsaDmaTest, RandomAccesses) {
    for (unsigned channel : {0u, 1u, 2u, 3u, 5u, 6u, 7u})
        dma->channel(channel).on_unmask(
            [this, channel] { dma->channel(channel).to_memory(std::span(data).first(100)); });
    fuzz_ports(bench, kPorts, {.steps = 5000, .between = [this](u64 random) {
                                   const unsigned number = random % 8;
                                   if (number == 4) return;
                                   IsaDmaChannel& channel = dma->channel(number);
                                   channel.set_request(random >> 8 & 1);
                                   const std::span<u8> some = std::span(data).first(random >> 16 & 0xfff);
                                   if (random >> 9 & 1)
                                       channel.to_memory(some);
                                   else
                                       channel.from_memory(some);
                               }});
}

}  // namespace
}  // namespace gnomon
