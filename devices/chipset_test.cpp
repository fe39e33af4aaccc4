// The chips of the board together: timers interrupt through both controllers, PCI and ISA share an input, one
// clock for all.
#include <gtest/gtest.h>

#include <map>

#include "devices/device_bench.h"
#include "devices/dma/isa_dma.h"
#include "devices/pci/host_bridge.h"
#include "devices/pci/piix3.h"
#include "devices/pic/pic.h"
#include "devices/pit/pit.h"
#include "devices/pit/port61.h"
#include "devices/power/piix4_pm.h"
#include "devices/rtc/rtc.h"
#include "devices/snapshot_check.h"

namespace gnomon {
namespace {

struct ChipsetTest : testing::Test {
    DeviceBench bench;
    LineProbe cpu;
    PciBus bus;
    DmaMemory memory{0x10000};
    std::vector<ResetKind> resets;
    std::unique_ptr<Pic> pic = *Pic::create(bench.ports, cpu.line(static_cast<unsigned>(CpuPin::Intr)));
    std::unique_ptr<Pit> pit = *Pit::create(bench.ports, bench.scheduler, pic->input(0));
    std::unique_ptr<Port61> port61 =
        *Port61::create(bench.ports, *pit, cpu.line(static_cast<unsigned>(CpuPin::Nmi)));
    std::unique_ptr<IsaDma> dma = *IsaDma::create(bench.ports, memory);
    std::unique_ptr<HostBridge> host = *HostBridge::create(bench.ports, bus, u64{16} << 20, nullptr, nullptr);
    std::unique_ptr<Piix3> piix = *Piix3::create(bench.ports, bus, piix_wires());
    std::unique_ptr<Piix4Pm> power =
        *Piix4Pm::create(bench.ports, bus, bench.scheduler, bench.log, {pic->add_source(9), nullptr});
    std::unique_ptr<Rtc> rtc =
        *Rtc::create(bench.ports, bench.scheduler,
                     {pic->input(8), port61->input(Port61::Pin::NmiMask), [this] { power->rtc_alarm(); }});

    Piix3::Wires piix_wires() {
        Piix3::Wires wires;
        for (unsigned irq : {3u, 4u, 5u, 6u, 7u, 9u, 10u, 11u, 12u, 14u, 15u})
            wires.irqs[irq] = pic->add_source(irq);
        wires.reset = [this](ResetKind kind) { resets.push_back(kind); };
        return wires;
    }
    void SetUp() override {
        host->pass_on_to(piix.get());
        for (const auto& [port, value] : std::initializer_list<std::pair<u16, u8>>{{0x20, 0x11},
                                                                                   {0x21, 0x20},
                                                                                   {0x21, 0x04},
                                                                                   {0x21, 0x01},
                                                                                   {0xa0, 0x11},
                                                                                   {0xa1, 0x28},
                                                                                   {0xa1, 0x02},
                                                                                   {0xa1, 0x01},
                                                                                   {0x4d1, 0x02}})
            bench.out8(port, value);
        power->config_write(0x40, 4, 0x601);
        power->config_write(0x80, 1, 1);
    }
    bool intr() { return cpu.level(static_cast<unsigned>(CpuPin::Intr)); }
    /// Takes the pending interrupts like a kernel does, for `ns`: how often each vector came.
    std::map<u8, unsigned> run(u64 ns) {
        std::map<u8, unsigned> counts;
        const u64 end = bench.clock.now() + ns;
        while (bench.clock.now() < end) {
            advance_to(bench.scheduler, std::min(end, bench.scheduler.next_deadline()));
            while (intr()) {
                const u8 vector = pic->acknowledge();
                counts[vector]++;
                if (vector == 0x28) {
                    bench.out8(0x70, 0x0c);
                    bench.in8(0x71);
                }
                if (vector == 0x29) bench.out16(0x600, bench.in16(0x600));
                if (vector >= 0x28) bench.out8(0xa0, 0x20);
                bench.out8(0x20, 0x20);
            }
        }
        return counts;
    }
};

TEST_F(ChipsetTest, TimersTickTogetherOnOneClock) {
    bench.out8(0x43, 0x34);
    bench.out8(0x40, 0x9c);  // 1193182 / 11932 = 100 Hz and a little less
    bench.out8(0x40, 0x2e);
    bench.out8(0x70, 0x0a);
    bench.out8(0x71, 0x2a);  // 64 Hz
    bench.out8(0x70, 0x0b);
    bench.out8(0x71, 0x42);
    bench.out16(0x602, 1);  // PM timer overflow
    bench.out8(0xb2, 0xf1);
    const std::map<u8, unsigned> counts = run(100 * VirtualClock::kSecond);
    EXPECT_EQ(counts.at(0x20), 9999u);
    EXPECT_EQ(counts.at(0x28), 6400u);
    EXPECT_EQ(counts.at(0x29), 42u);  // 357954500 / 2^23
    EXPECT_EQ(counts.size(), 3u);
    EXPECT_EQ(bench.in32(0x608), 357'954'500u & 0xffffff);
    bench.out8(0x70, 0x02);
    EXPECT_EQ(bench.in8(0x71), 0x01);
}

TEST_F(ChipsetTest, PciAndAcpiShareAnInput) {
    piix->config_write(0x60, 1, 9);
    const Line card = piix->interrupt(1, 1);
    bench.out8(0xb2, 0xf1);
    bench.out16(0x602, 0x0100);
    card.raise();
    power->press_power_button();
    EXPECT_EQ(pic->acknowledge(), 0x29);
    bench.out16(0x600, 0x0100);
    bench.out8(0xa0, 0x20);
    bench.out8(0x20, 0x20);
    EXPECT_TRUE(intr());
    card.lower();
    EXPECT_FALSE(intr());
}

TEST_F(ChipsetTest, RtcIndexMasksNmi) {
    bench.out8(0x70, 0x80);
    port61->input(Port61::Pin::IoCheck).raise();
    EXPECT_FALSE(cpu.level(static_cast<unsigned>(CpuPin::Nmi)));
    bench.out8(0x70, 0x00);
    EXPECT_TRUE(cpu.level(static_cast<unsigned>(CpuPin::Nmi)));
}

TEST_F(ChipsetTest, AlarmReachesPowerManagement) {
    bench.out8(0xb2, 0xf1);
    bench.out16(0x602, 0x0400);
    for (const auto& [index, value] :
         std::initializer_list<std::pair<u8, u8>>{{1, 3}, {3, 0xff}, {5, 0xff}, {0xb, 0x22}}) {
        bench.out8(0x70, index);
        bench.out8(0x71, value);
    }
    const std::map<u8, unsigned> counts = run(10 * VirtualClock::kSecond);
    EXPECT_EQ(counts.at(0x28), 1u);
    EXPECT_EQ(counts.at(0x29), 1u);
}

TEST_F(ChipsetTest, PortsAreWhereAPcHasThem) {
    EXPECT_EQ(
        bench.ports.describe(),
        "0x0000-0x000f dma\n0x0020-0x0021 pic\n0x0040-0x0043 pit\n0x0061-0x0061 port61\n0x0070-0x0073 rtc\n"
        "0x0080-0x008f dma\n0x0092-0x0092 piix3\n0x00a0-0x00a1 pic\n0x00b2-0x00b3 power\n0x00c0-0x00df dma\n"
        "0x04d0-0x04d1 pic\n0x0600-0x063f power\n0x0cf8-0x0cff host_bridge\n0xafe0-0xafe3 power\n");
    EXPECT_EQ(bus.describe(),
              "00:00.0 8086:1237 host_bridge\n00:01.0 8086:7000 piix3\n00:01.3 8086:7113 power\n");
    bench.out8(0xcf9, 0x06);
    EXPECT_EQ(resets, std::vector<ResetKind>{ResetKind::System});
}

TEST_F(ChipsetTest, SnapshotOfEverythingGoesOnAlike) {
    bench.out8(0x43, 0x34);
    bench.out8(0x40, 0x00);
    bench.out8(0x40, 0x10);
    bench.out8(0x70, 0x0b);
    bench.out8(0x71, 0x52);
    run(VirtualClock::kSecond / 3);
    StatePart* const parts[] = {pic.get(),  pit.get(),  port61.get(), dma.get(),
                                host.get(), piix.get(), power.get(),  rtc.get()};
    expect_snapshot_round_trip(bench.scheduler, parts, [this] { run(2 * VirtualClock::kSecond); });
}

}  // namespace
}  // namespace gnomon
