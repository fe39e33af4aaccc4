// Registers, timing, FIFOs, interrupts and loopback of the UART.
#include "devices/serial/uart16550.h"

#include <gtest/gtest.h>

#include "devices/device_fuzz.h"
#include "devices/snapshot_check.h"

namespace gnomon {
namespace {

struct FakeBackend final : CharBackend {
    std::string out;
    std::string in;
    bool present = true;
    bool break_asked = false;
    void write(std::span<const u8> bytes) override { out.append(bytes.begin(), bytes.end()); }
    [[nodiscard]] bool has_input() const override { return !in.empty(); }
    size_t read(std::span<u8> bytes) override {
        const size_t count = std::min(bytes.size(), in.size());
        std::copy_n(in.begin(), count, bytes.begin());
        in.erase(0, count);
        return count;
    }
    [[nodiscard]] bool connected() const override { return present; }
    bool take_break() override { return std::exchange(break_asked, false); }
};

struct UartTest : testing::Test, DeviceBench, LineSink {
    enum : u16 { kData = 0x3f8, kIer, kIir, kLcr, kMcr, kLsr, kMsr, kScr };
    static constexpr u16 kFcr = kIir;
    /// 115200 bit/s, 8N1: ten bits.
    static constexpr u64 kCharNs = 86'806;

    bool irq = false;
    int edges = 0;
    FakeBackend* host = nullptr;
    std::unique_ptr<Uart16550> uart;

    UartTest() { make({}); }
    void make(const Uart16550::Config& config) {
        auto backend = std::make_unique<FakeBackend>();
        host = backend.get();
        uart =
            std::move(*Uart16550::create(ports, scheduler, log, Line(*this, 0), std::move(backend), config));
    }
    void set_line(unsigned, bool value) override {
        edges += value && !irq;
        irq = value;
    }
    void set_divisor(u16 divisor) {
        out8(kLcr, 0x83);
        out8(kData, static_cast<u8>(divisor));
        out8(kIer, static_cast<u8>(divisor >> 8));
        out8(kLcr, 0x03);
    }
    void fast() {
        set_divisor(1);
        out8(kMcr, 0x0b);
    }
    void feed(std::string_view text) {
        host->in += text;
        uart->poll_input();
    }
};

TEST_F(UartTest, ResetValuesAndScratch) {
    EXPECT_EQ(in8(kIer), 0x00);
    EXPECT_EQ(in8(kIir), 0x01);
    EXPECT_EQ(in8(kLcr), 0x00);
    EXPECT_EQ(in8(kMcr), 0x00);
    EXPECT_EQ(in8(kLsr), 0x60);
    EXPECT_EQ(in8(kMsr), 0xb0);
    out8(kScr, 0x5a);
    EXPECT_EQ(in8(kScr), 0x5a);
    out8(kIer, 0xff);
    EXPECT_EQ(in8(kIer), 0x0f);
    out8(kMcr, 0xff);
    EXPECT_EQ(in8(kMcr), 0x1f);
}

TEST_F(UartTest, DivisorLatchReadsBack) {
    out8(kLcr, 0x80);
    out8(kData, 0x34);
    out8(kIer, 0x12);
    EXPECT_EQ(in8(kData), 0x34);
    EXPECT_EQ(in8(kIer), 0x12);
    out8(kLcr, 0x03);
    EXPECT_EQ(in8(kIer), 0x00);
}

TEST_F(UartTest, CharactersLeaveAfterTheirTime) {
    fast();
    out8(kData, 'a');
    EXPECT_EQ(in8(kLsr), 0x20);  // in the shift register; the holding register is free
    out8(kData, 'b');
    EXPECT_EQ(in8(kLsr), 0x00);
    advance(kCharNs - 1);
    EXPECT_EQ(host->out, "");
    advance(1);
    EXPECT_EQ(host->out, "a");
    EXPECT_EQ(in8(kLsr), 0x20);
    advance(kCharNs);
    EXPECT_EQ(host->out, "ab");
    EXPECT_EQ(in8(kLsr), 0x60);
}

TEST_F(UartTest, AThousandCharactersTakeTheExactTime) {
    fast();
    out8(kFcr, 0x01);
    u64 sent = 0;
    const u64 begin = clock.now();
    while (host->out.size() < 1000) {
        while (sent < 1000 && uart->save_state().find("transmit")->bytes.size() < 16) {
            out8(kData, 'x');
            sent++;
        }
        clock.skip_to(scheduler.next_deadline());
        scheduler.run_due();
    }
    EXPECT_EQ(clock.now() - begin, VirtualClock::ticks_to_ns(1000 * 160, 1'843'200));
}

TEST_F(UartTest, FrameFormatSetsTheTime) {
    fast();
    out8(kLcr, 0x1f);  // 8 bits, even parity, 2 stop bits: twelve bits
    out8(kData, 'x');
    advance(104'166);
    EXPECT_EQ(host->out, "");
    advance(1);
    EXPECT_EQ(host->out, "x");
    out8(kLcr, 0x04);  // 5 bits, 1.5 stop bits: seven and a half
    out8(kData, 0xff);
    advance(65'103);
    EXPECT_EQ(host->out, "x");
    advance(2);
    EXPECT_EQ(host->out, "x\x1f");
}

TEST_F(UartTest, TransmitterInterruptFollowsTheRules) {
    fast();
    out8(kIer, 0x02);
    EXPECT_TRUE(irq);  // enabled while empty
    EXPECT_EQ(in8(kIir), 0x02);
    EXPECT_FALSE(irq);  // reading it clears it
    EXPECT_EQ(in8(kIir), 0x01);
    out8(kData, 'a');
    EXPECT_TRUE(irq);  // moved on into the shift register
    out8(kData, 'b');
    EXPECT_FALSE(irq);
    advance(kCharNs);
    EXPECT_TRUE(irq);
    out8(kMcr, 0x03);
    EXPECT_FALSE(irq);  // OUT2 gates the line
    EXPECT_EQ(in8(kIir), 0x02);
}

TEST_F(UartTest, ReceivedDataInterruptsAtTheTriggerLevelAndAfterATimeout) {
    fast();
    out8(kFcr, 0x81);  // 8 bytes
    out8(kIer, 0x01);
    feed("0123456789");
    advance(8 * kCharNs - 10'000);
    EXPECT_FALSE(irq);
    advance(10'000);
    EXPECT_EQ(in8(kIir), 0xc4);
    EXPECT_EQ(in8(kLsr), 0x61);
    advance(2 * kCharNs);
    for (char c = '0'; c < '3'; c++) EXPECT_EQ(in8(kData), c);
    EXPECT_EQ(in8(kIir), 0xc1);  // seven left
    advance(4 * kCharNs - 10'000);
    EXPECT_FALSE(irq);
    advance(10'000);
    EXPECT_TRUE(irq);
    EXPECT_EQ(in8(kIir), 0xcc);
    EXPECT_EQ(in8(kData), '3');
    EXPECT_EQ(in8(kIir), 0xc1);
    advance(4 * kCharNs);
    EXPECT_EQ(in8(kIir), 0xcc);
    for (char c = '4'; c <= '9'; c++) EXPECT_EQ(in8(kData), c);
    EXPECT_EQ(in8(kIir), 0xc1);
    advance(10 * kCharNs);
    EXPECT_FALSE(irq);
    EXPECT_EQ(in8(kLsr), 0x60);
}

TEST_F(UartTest, TheHostWaitsForRoom) {
    fast();
    out8(kFcr, 0x01);
    feed("abcdefghijklmnopqrstuvwxyz");
    advance(40 * kCharNs);
    EXPECT_EQ(host->in, "qrstuvwxyz");
    EXPECT_EQ(in8(kLsr), 0x61);  // no overrun
    EXPECT_EQ(in8(kData), 'a');
    advance(kCharNs);
    EXPECT_EQ(host->in, "rstuvwxyz");
}

TEST_F(UartTest, LoopbackFoldsModemLinesAndData) {
    fast();
    out8(kMcr, 0x1a);  // loop, RTS, OUT2
    in8(kMsr);
    out8(kMcr, 0x15);                                 // loop, DTR, OUT1
    EXPECT_EQ(in8(kMsr), 0x60 | 0x08 | 0x02 | 0x01);  // the ring bit reports only its end
    out8(kMcr, 0x10);
    EXPECT_EQ(in8(kMsr), 0x00 | 0x04 | 0x02);
    out8(kData, 'L');
    advance(kCharNs);
    EXPECT_EQ(in8(kLsr), 0x61);
    EXPECT_EQ(in8(kData), 'L');
    EXPECT_EQ(host->out, "");
}

TEST_F(UartTest, OverrunOverwritesTheBufferButKeepsTheFifo) {
    fast();
    out8(kMcr, 0x18);
    for (const char c : {'a', 'b'}) {
        out8(kData, static_cast<u8>(c));
        advance(kCharNs);
    }
    EXPECT_EQ(in8(kLsr), 0x63);
    EXPECT_EQ(in8(kLsr), 0x61);
    EXPECT_EQ(in8(kData), 'b');
    out8(kFcr, 0x01);
    out8(kIer, 0x04);
    for (u8 i = 0; i < 17; i++) {
        out8(kData, i);
        advance(kCharNs);
    }
    EXPECT_EQ(in8(kIir), 0xc6);
    EXPECT_EQ(in8(kLsr), 0x63);
    EXPECT_EQ(in8(kIir), 0xc1);
    for (u8 i = 0; i < 16; i++) EXPECT_EQ(in8(kData), i);
    EXPECT_EQ(in8(kLsr), 0x60);
}

TEST_F(UartTest, ABreakIsSeenWithItsCharacter) {
    fast();
    out8(kFcr, 0x01);
    out8(kIer, 0x04);
    feed("a");
    advance(kCharNs);
    host->break_asked = true;
    uart->poll_input();
    EXPECT_EQ(in8(kIir), 0xc1);
    EXPECT_EQ(in8(kLsr), 0xe1);  // an error somewhere in the FIFO
    EXPECT_EQ(in8(kData), 'a');
    EXPECT_EQ(in8(kIir), 0xc6);
    EXPECT_EQ(in8(kLsr), 0xf9);
    EXPECT_EQ(in8(kLsr), 0x61);
    EXPECT_EQ(in8(kData), 0x00);
}

TEST_F(UartTest, CarrierFollowsTheBackend) {
    fast();
    out8(kIer, 0x08);
    in8(kMsr);
    host->present = false;
    uart->poll_input();
    EXPECT_TRUE(irq);
    EXPECT_EQ(in8(kIir), 0x00);
    EXPECT_EQ(in8(kMsr), 0x0b);
    EXPECT_FALSE(irq);
}

TEST_F(UartTest, InterruptsComeInOrderOfPriority) {
    fast();
    out8(kMcr, 0x18);
    out8(kIer, 0x0f);
    out8(kLcr, 0x43);  // break in loopback
    out8(kMcr, 0x19);  // DSR changes
    EXPECT_EQ(in8(kIir), 0x06);
    in8(kLsr);
    EXPECT_EQ(in8(kIir), 0x04);
    in8(kData);
    EXPECT_EQ(in8(kIir), 0x02);
    EXPECT_EQ(in8(kIir), 0x00);
    in8(kMsr);
    EXPECT_EQ(in8(kIir), 0x01);
}

TEST_F(UartTest, SwitchingTheFifoClearsIt) {
    fast();
    out8(kFcr, 0x01);
    feed("abc");
    advance(5 * kCharNs);
    EXPECT_EQ(in8(kLsr) & 1, 1);
    out8(kFcr, 0x00);
    EXPECT_EQ(in8(kLsr) & 1, 0);
    EXPECT_EQ(in8(kIir), 0x01);
    out8(kFcr, 0xc8);  // without the enable bit nothing is taken
    EXPECT_EQ(in8(kIir), 0x01);
}

TEST(Uart, A16450HasNoFifo) {
    DeviceBench bench;
    Uart16550::Config config;
    config.port = kComPorts[1];
    config.type = UartType::Uart16450;
    auto uart = Uart16550::create(bench.ports, bench.scheduler, bench.log, {},
                                  std::make_unique<FakeBackend>(), config);
    ASSERT_TRUE(uart.ok());
    bench.ports.port_write(0x2fa, 1, 0x01);
    EXPECT_EQ(bench.ports.port_read(0x2fa, 1), 0x01u);
    bench.ports.port_write(0x2ff, 1, 0x5a);
    EXPECT_EQ(bench.ports.port_read(0x2ff, 1), 0x5au);
}

TEST(Uart, TheOldestChipHasNoScratchRegister) {
    DeviceBench bench;
    Uart16550::Config config;
    config.type = UartType::Uart8250;
    auto uart = Uart16550::create(bench.ports, bench.scheduler, bench.log, {},
                                  std::make_unique<FakeBackend>(), config);
    ASSERT_TRUE(uart.ok());
    bench.ports.port_write(0x3ff, 1, 0x5a);
    EXPECT_EQ(bench.ports.port_read(0x3ff, 1), 0xffu);
    EXPECT_EQ(bench.ports.claim("other", {0x3ff, 1}, **uart).error().message,
              "port 0x03ff is claimed by both serial.com1 and other");
}

TEST(Uart, WithoutCharacterTimesBytesLeaveAtOnce) {
    DeviceBench bench;
    Uart16550::Config config;
    config.character_times = false;
    auto backend = std::make_unique<FakeBackend>();
    FakeBackend& host = *backend;
    auto uart = Uart16550::create(bench.ports, bench.scheduler, bench.log, {}, std::move(backend), config);
    ASSERT_TRUE(uart.ok());
    bench.ports.port_write(0x3fb, 1, 0x03);
    bench.ports.port_write(0x3fa, 1, 0x01);
    bench.ports.port_write(0x3f8, 1, 'q');
    EXPECT_EQ(bench.ports.port_read(0x3fd, 1), 0x60u);
    EXPECT_EQ(host.out, "q");
    host.in = "0123456789abcdefgh";
    (*uart)->poll_input();
    bench.scheduler.run_due();
    EXPECT_EQ(host.in, "gh");
}

TEST_F(UartTest, SnapshotKeepsFifosAndTheCharacterUnderWay) {
    fast();
    out8(kFcr, 0x01);
    for (const char c : {'a', 'b', 'c'}) out8(kData, static_cast<u8>(c));
    advance(kCharNs / 2);
    expect_snapshot_round_trip(scheduler, *uart, [this] {
        host->out.clear();
        advance(kCharNs / 2 + 1);
        EXPECT_EQ(host->out, "a");
        advance(2 * kCharNs);
        EXPECT_EQ(host->out, "abc");
    });
}

TEST_F(UartTest, RandomAccesses) {
    fast();
    const PortRange ranges[] = {{kData, 8}};
    fuzz_ports(*this, ranges,
               {.seed = 1, .steps = 50'000, .longest_pause_ns = 2'000'000, .between = [this](u64 random) {
                    if (random % 8 == 0) feed("x");
                    host->break_asked = random % 64 == 1;
                    host->present = random >> 8 & 1;
                }});
    uart->reset();
    EXPECT_EQ(in8(kLsr), 0x60);
}

}  // namespace
}  // namespace gnomon
