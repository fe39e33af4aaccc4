// Registers, handshake and interrupt of the printer port.
#include "devices/parallel/parallel_port.h"

#include <gtest/gtest.h>

#include "devices/device_fuzz.h"
#include "devices/snapshot_check.h"

namespace gnomon {
namespace {

struct Paper final : CharBackend {
    std::string out;
    bool present = true;
    void write(std::span<const u8> bytes) override { out.append(bytes.begin(), bytes.end()); }
    [[nodiscard]] bool connected() const override { return present; }
};

struct ParallelPortTest : testing::Test, DeviceBench, LineSink {
    Paper* paper = nullptr;
    int edges = 0;
    bool level = false;
    std::unique_ptr<ParallelPort> port;

    ParallelPortTest() { make({}); }
    void make(const ParallelPort::Config& config) {
        port.reset();
        auto backend = std::make_unique<Paper>();
        paper = backend.get();
        port = std::move(
            *ParallelPort::create(ports, scheduler, log, Line(*this, 7), std::move(backend), config));
    }
    void set_line(unsigned, bool value) override {
        edges += value && !level;
        level = value;
    }
};

TEST_F(ParallelPortTest, RegistersReadBack) {
    out8(0x378, 0xa5);
    EXPECT_EQ(in8(0x378), 0xa5);
    out8(0x37a, 0x0c);
    EXPECT_EQ(in8(0x37a), 0xcc);
    EXPECT_EQ(in8(0x379), 0xdf);
    out8(0x37a, 0x2c);  // input
    EXPECT_EQ(in8(0x37a), 0xec);
    EXPECT_EQ(in8(0x378), 0xff);
    out8(0x37a, 0x0c);
    EXPECT_EQ(in8(0x378), 0xa5);
}

TEST_F(ParallelPortTest, AStrobePrintsAndTheAcknowledgeInterrupts) {
    out8(0x37a, 0x1c);
    out8(0x378, 'A');
    out8(0x37a, 0x1d);
    EXPECT_EQ(paper->out, "A");
    EXPECT_EQ(in8(0x379), 0x5f);  // busy
    out8(0x37a, 0x1c);
    advance(10'000);
    EXPECT_EQ(in8(0x379), 0x1f);  // nAck low
    EXPECT_EQ(edges, 0);
    advance(5'000);
    EXPECT_EQ(edges, 1);
    EXPECT_TRUE(level);
    EXPECT_EQ(in8(0x379), 0xdb);  // idle, interrupt latched
    EXPECT_FALSE(level);
    EXPECT_EQ(in8(0x379), 0xdf);
}

TEST_F(ParallelPortTest, OnlyTheEdgeOfTheStrobeCountsAndABusyPrinterLosesBytes) {
    out8(0x37a, 0x0c);
    out8(0x378, 'A');
    out8(0x37a, 0x0d);
    out8(0x37a, 0x0d);
    out8(0x37a, 0x0c);
    out8(0x37a, 0x0d);
    EXPECT_EQ(paper->out, "A");
    out8(0x37a, 0x0c);
    advance(15'000);
    EXPECT_EQ(edges, 0);  // not enabled
    out8(0x37a, 0x0d);
    EXPECT_EQ(paper->out, "AA");
}

TEST_F(ParallelPortTest, InitialisingEndsTheHandshake) {
    out8(0x37a, 0x0c);
    out8(0x37a, 0x0d);
    out8(0x37a, 0x08);
    EXPECT_EQ(in8(0x379) & 0x80, 0);
    out8(0x37a, 0x0c);
    EXPECT_EQ(in8(0x379), 0xdf);
}

TEST_F(ParallelPortTest, WithoutAPrinterTheLinesFloat) {
    paper->present = false;
    out8(0x37a, 0x0c);
    out8(0x37a, 0x0d);
    EXPECT_EQ(in8(0x379), 0x7f);
    EXPECT_EQ(paper->out, "");
}

TEST_F(ParallelPortTest, SnapshotResumesTheHandshake) {
    out8(0x37a, 0x1c);
    out8(0x37a, 0x1d);
    advance(10'000);
    expect_snapshot_round_trip(scheduler, *port, [this] {
        EXPECT_FALSE(level);
        advance(5'000);
        EXPECT_TRUE(level);
    });
}

TEST_F(ParallelPortTest, RandomAccesses) {
    const PortRange ranges[] = {{0x378, 3}};
    fuzz_ports(*this, ranges, {.seed = 1, .steps = 20'000, .longest_pause_ns = 20'000, .between = {}});
    EXPECT_FALSE(paper->out.empty());
}

TEST_F(ParallelPortTest, AStandardPortHasNoDirectionBit) {
    ParallelPort::Config config;
    config.port = kLptPorts[1];
    config.bidirectional = false;
    make(config);
    out8(0x27a, 0x2c);
    EXPECT_EQ(in8(0x27a), 0xec);
    out8(0x278, 0x12);
    EXPECT_EQ(in8(0x278), 0x12);
}

}  // namespace
}  // namespace gnomon
