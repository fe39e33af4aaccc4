// Performance-monitoring counters: what they count, for whom, their widths, and their interrupts.
#include "cpu/performance_counters.h"

#include "cpu/apic/local_apic.h"
#include "cpu/msr.h"
#include "cpu/test_machine.h"

namespace gnomon {
namespace {

constexpr u64 kUser = 1 << 16, kSystem = 1 << 17, kEdge = 1 << 18, kInterrupt = 1 << 20, kEnable = 1 << 22,
              kInvert = 1 << 23;
constexpr u64 kAll = kEnable | kSystem | kUser;
constexpr u64 kRetired = 0xc0, kP6Unhalted = 0x79, kAmdUnhalted = 0x76, kP6Branches = 0xc4;
constexpr u64 threshold(u64 n) { return n << 24; }

/// Ring 0, a page of NOPs.
struct CounterMachine : TestMachine {
    explicit CounterMachine(const char* model, unsigned cpl = 0)
        : TestMachine(*find_model(model)),
          first_select(amd() ? 0xc0010000 : 0x186),
          first_count(amd() ? 0xc0010004 : 0xc1) {
        enter_protected(cpl);
        for (u32 n = 0; n < 0x1000; n++) poke8(kCodeBase + n, 0x90);
    }
    [[nodiscard]] bool amd() const { return cpu.model().vendor == kVendorAmd; }
    u64 read(u32 msr) {
        u64 value = 0;
        EXPECT_TRUE(read_msr(cpu, msr, value)) << msr;
        return value;
    }
    bool write(u32 msr, u64 value) { return write_msr(cpu, msr, value); }
    void select(unsigned n, u64 value) { EXPECT_TRUE(write(first_select + n, value)); }
    void set_count(unsigned n, u64 value) { EXPECT_TRUE(write(first_count + n, value)); }
    u64 count(unsigned n) { return read(first_count + n); }

    u32 first_select, first_count;
};

struct PerformanceCountersOf : testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(Models, PerformanceCountersOf, testing::Values("ppro", "p2", "p3", "zen2"),
                         [](const auto& model) { return std::string(model.param); });

TEST_P(PerformanceCountersOf, CountRetiredInstructionsAndUnhaltedCycles) {
    CounterMachine m(GetParam());
    m.run(5);
    EXPECT_EQ(m.count(0), 0u);
    m.select(1, kAll | (m.amd() ? kAmdUnhalted : kP6Unhalted));
    m.select(0, kAll | kRetired);
    m.run(10);
    EXPECT_EQ(m.count(0), 10u);
    EXPECT_EQ(m.count(1), 10u);
    m.run(7);
    EXPECT_EQ(m.count(0), 17u);
    m.select(0, kAll | kP6Branches);
    m.run(7);
    EXPECT_EQ(m.count(0), 17u);
    EXPECT_EQ(m.count(1), 24u);
    m.select(0, 0);
    m.run(7);
    EXPECT_EQ(m.count(0), 17u);
    EXPECT_EQ(m.count(1), m.amd() ? 31u : 24u) << "the P6 has one enable bit for both";
}

TEST_P(PerformanceCountersOf, ThresholdsCompareWithOneEventACycle) {
    CounterMachine m(GetParam());
    const auto counted = [&](u64 more) {
        m.select(0, kAll | kRetired | more);
        m.set_count(0, 0);
        m.run(10);
        return m.count(0);
    };
    EXPECT_EQ(counted(threshold(1)), 10u);
    EXPECT_EQ(counted(threshold(2)), 0u);
    EXPECT_EQ(counted(threshold(1) | kInvert), 0u);
    EXPECT_EQ(counted(threshold(16) | kInvert), 10u);
    EXPECT_EQ(counted(kEdge), 0u);
}

TEST_P(PerformanceCountersOf, SelectionsReadBackAndReservedBitsAreRefused) {
    CounterMachine m(GetParam());
    m.select(1, 0xffdf'ffff);
    EXPECT_EQ(m.read(m.first_select + 1), 0xffdf'ffffu);
    EXPECT_FALSE(m.write(m.first_select + 1, u64{1} << 63));
    EXPECT_EQ(m.write(m.first_select + 1, u64{3} << 32), m.amd());
}

TEST_P(PerformanceCountersOf, RdpmcReadsWhatRetiredBeforeIt) {
    CounterMachine m(GetParam());
    m.poke8(TestMachine::kCodeBase + 6, 0x0f);
    m.poke8(TestMachine::kCodeBase + 7, 0x33);
    m.cpu.put<u32>(reg::CX, 1);
    m.select(0, kEnable);
    m.select(1, kAll | kRetired);
    m.set_count(1, 0x7fff'fff0);
    m.run(20);
    EXPECT_EQ(m.gpr(reg::AX), 0x7fff'fff6u);
    EXPECT_EQ(m.gpr(reg::DX), 0u);
    EXPECT_EQ(m.count(1), 0x8000'0004u);
}

TEST_P(PerformanceCountersOf, UserAndSystemAreCountedApart) {
    CounterMachine m(GetParam(), 3);
    m.poke8(TestMachine::kCodeBase + 4, 0xcd);  // INT 30h
    m.poke8(TestMachine::kCodeBase + 5, 0x30);
    m.set_gate(0x30, sel::kCode, TestMachine::kHandler, 0xee);
    for (u32 n = 0; n < 100; n++) m.poke8(TestMachine::kHandler + n, 0x90);
    m.poke8(TestMachine::kHandler + 6, 0xcf);  // IRET
    m.select(0, kEnable | kUser | kRetired);
    m.select(1, kEnable | kSystem | kRetired);
    m.run(4 + 1 + 6 + 1 + 9);
    EXPECT_EQ(m.rip(), TestMachine::kCodeBase + 6u + 9u);
    // An instruction that changes the level retires at the new one.
    EXPECT_EQ(m.count(0), 4u + 1u + 9u);
    EXPECT_EQ(m.count(1), 1u + 6u);
}

TEST_P(PerformanceCountersOf, OverflowInterruptsAfterTheVeryInstruction) {
    CounterMachine m(GetParam());
    Scheduler scheduler(m.clock);
    ApicBus bus;
    LocalApic::Wires wires;
    wires.intr = {m.cpu, 0};
    LocalApic apic(bus, scheduler, m.log, wires, {});
    m.cpu.apic = &apic;
    apic.mmio_write(0xf0, 4, 0x1ff);
    apic.mmio_write(0x340, 4, 0x51);
    const u64 top = m.amd() ? u64{1} << 48 : u64{1} << 40;
    m.select(0, kAll | kRetired | kInterrupt);
    m.set_count(0, top - 10);
    m.run(1000);
    EXPECT_EQ(m.rip(), TestMachine::kCodeBase + 10u) << "it returns, and the interrupt is pending";
    EXPECT_EQ(apic.mmio_read(0x340, 4), 0x10051u) << "the entry masks itself";
    EXPECT_EQ(apic.state().irr[2], 1u << 0x11);
    EXPECT_EQ(m.count(0), 0u);
    m.run(1000);
    EXPECT_EQ(m.count(0), 1000u);
    // Without the interrupt it wraps silently.
    apic.mmio_write(0x340, 4, 0x52);
    m.select(0, kAll | kRetired);
    m.set_count(0, top - 10);
    m.run(30);
    EXPECT_EQ(m.count(0), 20u);
    EXPECT_EQ(apic.mmio_read(0x340, 4), 0x52u);
}

TEST_P(PerformanceCountersOf, AnotherProcessorGoesOnFromTheStateOfTheFirst) {
    CounterMachine m(GetParam());
    m.select(0, kAll | kRetired);
    m.run(10);
    CounterMachine other(GetParam());
    other.cpu.set_architectural_state(m.cpu.architectural_state());
    other.run(5);
    EXPECT_EQ(other.count(0), 15u);
    EXPECT_EQ(other.read(other.first_select), kAll | kRetired);
}

TEST_P(PerformanceCountersOf, InitKeepsThemAndResetClearsThem) {
    CounterMachine m(GetParam());
    m.select(0, kAll | kRetired);
    m.run(10);
    m.cpu.init();
    EXPECT_EQ(m.count(0), 10u);
    m.cpu.reset();
    EXPECT_EQ(m.count(0), 0u);
    EXPECT_EQ(m.read(m.first_select), 0u);
}

TEST(PerformanceCounters, OfTheP6ExtendTheSignOf32Bits) {
    CounterMachine m("p3");
    m.set_count(0, 0xffff'8000'0000);
    EXPECT_EQ(m.count(0), 0xff'8000'0000u);
    m.set_count(0, 0xff'7fff'ffff);
    EXPECT_EQ(m.count(0), 0x7fff'ffffu);
}

TEST(PerformanceCounters, OfAmdHave48Bits) {
    CounterMachine m("zen2");
    for (unsigned n = 0; n < 4; n++) {
        m.set_count(n, 0xffff'8000'0000'0000 + n);
        EXPECT_EQ(m.count(n), 0x8000'0000'0000u + n);
    }
}

TEST(PerformanceCounters, OfAmdHaveEventsOf12BitsAndStandStillForGuestsOnly) {
    CounterMachine m("zen2");
    m.select(0, kAll | kRetired | u64{1} << 32);
    m.select(1, kAll | kRetired | u64{1} << 40);
    m.select(2, kAll | kRetired | u64{1} << 41);
    m.select(3, kAll | kRetired | u64{3} << 40);
    m.run(10);
    EXPECT_EQ(m.count(0), 0u);
    EXPECT_EQ(m.count(1), 0u);
    EXPECT_EQ(m.count(2), 10u);
    EXPECT_EQ(m.count(3), 10u);
}

TEST(PerformanceCounters, AreThereWhereTheManualsHaveThem) {
    for (const CpuModel& model : cpu_models()) {
        TestMachine m(model);
        u64 value;
        const bool p6 = model.name == "ppro" || model.name == "p2" || model.name == "p3";
        EXPECT_EQ(read_msr(m.cpu, 0x186, value), p6) << model.name;
        EXPECT_EQ(read_msr(m.cpu, 0xc2, value), p6) << model.name;
        EXPECT_EQ(read_msr(m.cpu, 0xc0010007, value), model.name == "zen2") << model.name;
    }
}

}  // namespace
}  // namespace gnomon
