// Registers, handshake and interrupt of the printer port.
#include "devices/parallel/parallel_port.h"

#include <gtest/gtest.h>

namespace gnomon {
namespace {

struct Paper final : CharBackend {
    std::string out;
    bool present = true;
    void write(std::span<const u8> bytes) override { out.append(bytes.begin(), bytes.end()); }
    [[nodiscard]] bool connected() const override { return present; }
};

struct ParallelPortTest : testing::Test, LineSink {
    Log log{[](LogLevel, std::string_view, std::string_view) {}};
    VirtualClock clock{ClockMode::Deterministic, VirtualClock::kSecond};
    Scheduler scheduler{clock};
    PortBus bus{log};
    Paper* paper = nullptr;
    int edges = 0;
    bool level = false;
    std::unique_ptr<ParallelPort> port;

    ParallelPortTest() { make({}); }
    void make(const ParallelPort::Config& config) {
        port.reset();
        auto backend = std::make_unique<Paper>();
        paper = backend.get();
        port =
            std::move(*ParallelPort::create(bus, scheduler, log, Line(*this, 7), std::move(backend), config));
    }
    void set_line(unsigned, bool value) override {
        edges += value && !level;
        level = value;
    }
    void run_for(u64 ns) {
        const u64 end = clock.now() + ns;
        while (scheduler.next_deadline() <= end) {
            clock.skip_to(scheduler.next_deadline());
            scheduler.run_due();
        }
        clock.skip_to(end);
    }
    u8 in(u16 address) { return static_cast<u8>(bus.port_read(address, 1)); }
    void out(u16 address, u8 value) { bus.port_write(address, 1, value); }
};

TEST_F(ParallelPortTest, RegistersReadBack) {
    out(0x378, 0xa5);
    EXPECT_EQ(in(0x378), 0xa5);
    out(0x37a, 0x0c);
    EXPECT_EQ(in(0x37a), 0xcc);
    EXPECT_EQ(in(0x379), 0xdf);
    out(0x37a, 0x2c);  // input
    EXPECT_EQ(in(0x37a), 0xec);
    EXPECT_EQ(in(0x378), 0xff);
    out(0x37a, 0x0c);
    EXPECT_EQ(in(0x378), 0xa5);
}

TEST_F(ParallelPortTest, AStrobePrintsAndTheAcknowledgeInterrupts) {
    out(0x37a, 0x1c);
    out(0x378, 'A');
    out(0x37a, 0x1d);
    EXPECT_EQ(paper->out, "A");
    EXPECT_EQ(in(0x379), 0x5f);  // busy
    out(0x37a, 0x1c);
    run_for(10'000);
    EXPECT_EQ(in(0x379), 0x1f);  // nAck low
    EXPECT_EQ(edges, 0);
    run_for(5'000);
    EXPECT_EQ(edges, 1);
    EXPECT_TRUE(level);
    EXPECT_EQ(in(0x379), 0xdb);  // idle, interrupt latched
    EXPECT_FALSE(level);
    EXPECT_EQ(in(0x379), 0xdf);
}

TEST_F(ParallelPortTest, OnlyTheEdgeOfTheStrobeCountsAndABusyPrinterLosesBytes) {
    out(0x37a, 0x0c);
    out(0x378, 'A');
    out(0x37a, 0x0d);
    out(0x37a, 0x0d);
    out(0x37a, 0x0c);
    out(0x37a, 0x0d);
    EXPECT_EQ(paper->out, "A");
    out(0x37a, 0x0c);
    run_for(15'000);
    EXPECT_EQ(edges, 0);  // not enabled
    out(0x37a, 0x0d);
    EXPECT_EQ(paper->out, "AA");
}

TEST_F(ParallelPortTest, InitialisingEndsTheHandshake) {
    out(0x37a, 0x0c);
    out(0x37a, 0x0d);
    out(0x37a, 0x08);
    EXPECT_EQ(in(0x379) & 0x80, 0);
    out(0x37a, 0x0c);
    EXPECT_EQ(in(0x379), 0xdf);
}

TEST_F(ParallelPortTest, WithoutAPrinterTheLinesFloat) {
    paper->present = false;
    out(0x37a, 0x0c);
    out(0x37a, 0x0d);
    EXPECT_EQ(in(0x379), 0x7f);
    EXPECT_EQ(paper->out, "");
}

TEST_F(ParallelPortTest, SnapshotResumesTheHandshake) {
    out(0x37a, 0x1c);
    out(0x37a, 0x1d);
    run_for(10'000);
    const StateNode saved = port->save_state();
    const StateNode queue = scheduler.save_state();
    run_for(10'000);
    auto install = port->load_state(saved);
    auto install_queue = scheduler.load_state(queue);
    ASSERT_TRUE(install.ok());
    ASSERT_TRUE(install_queue.ok());
    (*install_queue)();
    (*install)();
    EXPECT_EQ(diff_state(port->save_state(), saved), "");
    EXPECT_FALSE(level);
    run_for(5'000);
    EXPECT_TRUE(level);
}

TEST_F(ParallelPortTest, AStandardPortHasNoDirectionBit) {
    ParallelPort::Config config;
    config.port = kLptPorts[1];
    config.bidirectional = false;
    make(config);
    out(0x27a, 0x2c);
    EXPECT_EQ(in(0x27a), 0xec);
    out(0x278, 0x12);
    EXPECT_EQ(in(0x278), 0x12);
}

}  // namespace
}  // namespace gnomon
