// The bus behind ports CF8h and CFCh, the host bridge's memory control, the ISA bridge's routing and resets.
#include "devices/pci/pci_bus.h"

#include <gtest/gtest.h>

#include "devices/device_fuzz.h"
#include "devices/pci/host_bridge.h"
#include "devices/pci/piix3.h"
#include "devices/snapshot_check.h"

namespace gnomon {
namespace {

constexpr PortRange kPorts[] = {{0xcf8, 8, 7}, {0x92, 1}};

struct PciBusTest : testing::Test {
    DeviceBench bench;
    PciBus bus;
    LineProbe irqs;
    std::vector<bool> a20;
    std::vector<ResetKind> resets;
    std::string pam;
    std::string smram;
    std::unique_ptr<HostBridge> host = *HostBridge::create(
        bench.ports, bus, u64{64} << 20,
        [this](u32 address, u32 size, bool read, bool write) {
            pam += fmt::format("{:x}+{:x}:{}{} ", address, size, read ? "r" : "-", write ? "w" : "-");
        },
        [this](bool enabled, bool open, bool closed) {
            smram += fmt::format("{:d}{:d}{:d} ", enabled, open, closed);
        });
    std::unique_ptr<Piix3> piix = *Piix3::create(bench.ports, bus, wires());

    Piix3::Wires wires() {
        Piix3::Wires wires;
        for (unsigned irq = 0; irq < 16; irq++) wires.irqs[irq] = irqs.line(irq);
        wires.a20 = [this](bool enabled) { a20.push_back(enabled); };
        wires.reset = [this](ResetKind kind) { resets.push_back(kind); };
        return wires;
    }
    void SetUp() override {
        host->pass_on_to(piix.get());
        pam.clear();
        smram.clear();
    }
    void select(unsigned device, unsigned function, unsigned offset, unsigned bus_number = 0) {
        bench.out32(0xcf8, 0x80000000 | bus_number << 16 | device << 11 | function << 8 | offset);
    }
    u8 config8(unsigned device, unsigned offset) {
        select(device, 0, offset & ~3u);
        return bench.in8(static_cast<u16>(0xcfc + (offset & 3)));
    }
    void set_config8(unsigned device, unsigned offset, u8 value) {
        select(device, 0, offset & ~3u);
        bench.out8(static_cast<u16>(0xcfc + (offset & 3)), value);
    }
};

TEST_F(PciBusTest, ProbingForMechanismOneSucceedsAndForTwoFails) {
    bench.out8(0xcfb, 0x01);
    bench.out32(0xcf8, 0x80000000);
    EXPECT_EQ(bench.in32(0xcf8), 0x80000000u);
    bench.out8(0xcf8, 0);
    bench.out8(0xcfb, 0);
    EXPECT_EQ(bench.in32(0xcf8), 0x80000000u);
    EXPECT_NE(bench.in8(0xcf8), 0);
    EXPECT_NE(bench.in8(0xcfa), 0);
}

TEST_F(PciBusTest, AddressKeepsOnlyItsBits) {
    bench.out32(0xcf8, 0xffffffff);
    EXPECT_EQ(bench.in32(0xcf8), 0x80fffffcu);
}

TEST_F(PciBusTest, DataPortTakesEveryWidthAndPosition) {
    select(0, 0, 0);
    EXPECT_EQ(bench.in32(0xcfc), 0x12378086u);
    EXPECT_EQ(bench.in16(0xcfc), 0x8086u);
    EXPECT_EQ(bench.in16(0xcfe), 0x1237u);
    EXPECT_EQ(bench.in16(0xcfd), 0x3780u);
    EXPECT_EQ(bench.in8(0xcff), 0x12u);
    select(0, 0, 0x2c);
    EXPECT_EQ(bench.in32(0xcfc), 0x11001af4u);
    select(1, 0, 0);
    EXPECT_EQ(bench.in32(0xcfc), 0x70008086u);
    EXPECT_EQ(config8(1, 0x0e), 0x80u);
}

TEST_F(PciBusTest, NobodyAnswersWithOnes) {
    select(5, 0, 0);
    EXPECT_EQ(bench.in32(0xcfc), 0xffffffffu);
    select(0, 0, 0, 1);
    EXPECT_EQ(bench.in32(0xcfc), 0xffffffffu);
    bench.out32(0xcf8, 0);
    EXPECT_EQ(bench.in32(0xcfc), 0xffffffffu);
}

TEST_F(PciBusTest, OneFunctionPerPlace) {
    const Result<PciSlot> taken = bus.add("other", 1, 0, *host);
    ASSERT_FALSE(taken.ok());
    EXPECT_EQ(taken.error().message, "PCI function 00:01.0 is claimed by both piix3 and other");
    EXPECT_FALSE(bus.add("other", 32, 0, *host).ok());
    {
        Result<PciSlot> free = bus.add("other", 2, 1, *host);
        EXPECT_TRUE(free.ok());
        EXPECT_EQ(bus.describe(),
                  "00:00.0 8086:1237 host_bridge\n00:01.0 8086:7000 piix3\n00:02.1 8086:1237 other\n");
    }
    EXPECT_TRUE(bus.add("other", 2, 1, *host).ok());
}

TEST_F(PciBusTest, PamReportsWhatChanges) {
    set_config8(0, 0x59, 0x30);
    EXPECT_EQ(pam, "f0000+10000:rw ");
    pam.clear();
    set_config8(0, 0x59, 0x10);
    set_config8(0, 0x5a, 0xff);
    EXPECT_EQ(config8(0, 0x5a), 0x33);
    set_config8(0, 0x5f, 0x20);
    EXPECT_EQ(pam, "f0000+10000:r- c0000+4000:rw c4000+4000:rw ec000+4000:-w ");
    pam.clear();
    host->reset();
    EXPECT_EQ(pam.find("rw"), std::string::npos);
    EXPECT_EQ(std::count(pam.begin(), pam.end(), ' '), 13);
}

TEST_F(PciBusTest, SmramOpensUntilItIsLocked) {
    EXPECT_EQ(config8(0, 0x72), 0x02);
    set_config8(0, 0x72, 0x4a);
    set_config8(0, 0x72, 0x0a);
    set_config8(0, 0x72, 0x5a);
    EXPECT_EQ(config8(0, 0x72), 0x1a);
    set_config8(0, 0x72, 0x4a);
    EXPECT_EQ(config8(0, 0x72), 0x1a);
    EXPECT_EQ(smram, "110 100 100 ");
    host->reset();
    EXPECT_EQ(config8(0, 0x72), 0x02);
}

TEST_F(PciBusTest, RowBoundariesAddUpToTheMemory) {
    EXPECT_EQ(config8(0, 0x60), 8);
    EXPECT_EQ(config8(0, 0x67), 8);
}

TEST_F(PciBusTest, PciInterruptsAreRotatedSharedAndRouted) {
    const Line first = piix->interrupt(3, 1);   // PIRQC
    const Line second = piix->interrupt(2, 2);  // PIRQC too
    const Line other = piix->interrupt(4, 1);   // PIRQD
    first.raise();
    EXPECT_EQ(irqs.rises, std::vector<unsigned>(64));
    set_config8(1, 0x62, 11);
    EXPECT_TRUE(irqs.level(11));
    second.raise();
    first.lower();
    EXPECT_TRUE(irqs.level(11));
    set_config8(1, 0x62, 10);
    EXPECT_FALSE(irqs.level(11));
    EXPECT_TRUE(irqs.level(10));
    set_config8(1, 0x63, 10);
    other.raise();
    second.lower();
    EXPECT_TRUE(irqs.level(10));
    other.lower();
    EXPECT_FALSE(irqs.level(10));
    set_config8(1, 0x63, 8);  // not an input that PCI can have
    other.raise();
    EXPECT_FALSE(irqs.level(8));
    set_config8(1, 0x63, 0x8b);
    EXPECT_FALSE(irqs.level(11));
}

TEST_F(PciBusTest, Port92GatesA20TogetherWithTheKeyboardController) {
    piix->a20_gate().lower();
    bench.out8(0x92, 2);
    piix->a20_gate().raise();
    bench.out8(0x92, 0);
    EXPECT_EQ(a20, (std::vector<bool>{false, true}));
    EXPECT_EQ(bench.in8(0x92), 0);
    EXPECT_TRUE(resets.empty());
}

TEST_F(PciBusTest, ResetsAreTriggeredByRisingBits) {
    bench.out8(0x92, 1);
    bench.out8(0x92, 1);
    bench.out8(0xcf9, 0x02);
    bench.out8(0xcf9, 0x06);
    EXPECT_EQ(bench.in8(0xcf9), 6);
    bench.out8(0xcf9, 0x00);
    bench.out8(0xcf9, 0x04);
    EXPECT_EQ(resets, (std::vector<ResetKind>{ResetKind::Cpu, ResetKind::System, ResetKind::Cpu}));
}

TEST_F(PciBusTest, SnapshotRoundTrip) {
    set_config8(0, 0x59, 0x30);
    set_config8(1, 0x60, 11);
    const Line line = piix->interrupt(1, 1);
    line.raise();
    StatePart* const parts[] = {host.get(), piix.get()};
    expect_snapshot_round_trip(bench.scheduler, parts, [&] {
        bench.out8(0xcfc, 10);
        set_config8(0, 0x5a, 0x33);
        bench.out8(0x92, 2);
        line.lower();
    });
}

TEST_F(PciBusTest, RandomAccesses) {
    const Line line = piix->interrupt(1, 1);
    fuzz_ports(bench, kPorts, {.between = [&](u64 random) { line.set(random & 1); }});
    fuzz_config(bench, *host);
    fuzz_config(bench, *piix);
}

}  // namespace
}  // namespace gnomon
