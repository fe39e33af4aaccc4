// MONITOR and MWAIT: what ends a wait, and what keeps it from beginning. SDM Vol. 2, "MWAIT—Monitor Wait".
#include "cpu/monitor_unit.h"

#include "cpu/test_machine.h"

namespace gnomon {
namespace {

constexpr u32 kWatched = 0x50000;

class Mwait : public testing::Test {
  protected:
    Mwait() {
        m.enter_protected();
        m.pic.vector = 0x30;
        m.cpu.put<u32>(reg::AX, kWatched + 8);
        m.cpu.put<u32>(reg::CX, 0);
    }
    /// MONITOR; MWAIT; INC EBX.
    void wait() {
        m.code({0x0f, 0x01, 0xc8, 0x0f, 0x01, 0xc9, 0x43});
        EXPECT_EQ(m.cpu.run(10), StopReason::Halted);
    }
    /// MONITOR; INC ECX; MWAIT; INC EBX.
    void wait_for_masked_interrupts_too() {
        m.code({0x0f, 0x01, 0xc8, 0x41, 0x0f, 0x01, 0xc9, 0x43});
        EXPECT_EQ(m.cpu.run(10), StopReason::Halted);
    }
    void interrupt(bool level) { m.cpu.set_line(static_cast<unsigned>(CpuPin::Intr), level); }
    [[nodiscard]] bool sleeps() { return m.cpu.state.activity == Activity::Waiting && !m.cpu.can_run(); }
    [[nodiscard]] u8 flags() { return m.map->flags(kWatched >> 12) & static_cast<u8>(PageFlag::Monitored); }

    TestMachine m;
};

TEST_F(Mwait, EndsWithAStoreToAnyByteOfTheLine) {
    for (const u32 at : {kWatched, kWatched + 63}) {
        m.cpu.state.rip = TestMachine::kCodeBase;
        m.cpu.put<u32>(reg::BX, 0);
        wait();
        EXPECT_TRUE(sleeps());
        EXPECT_EQ(m.rip(), TestMachine::kCodeBase + 6);
        m.poke8(kWatched - 1, 1);
        m.poke8(kWatched + 64, 1);
        EXPECT_TRUE(sleeps());
        m.poke8(at, 0);  // the value it had
        EXPECT_TRUE(m.cpu.can_run());
        EXPECT_EQ(m.cpu.run(1), StopReason::Budget);
        EXPECT_EQ(m.gpr(reg::BX), 1u);
    }
}

TEST_F(Mwait, EndsWithDmaThatTouchesTheLine) {
    unsigned woken = 0;
    m.cpu.monitor_unit().on_wake([&] { woken++; });
    wait();
    const std::array<u8, 32> data{};
    m.map->dma_write(GuestPhys(kWatched - 32), data);
    EXPECT_TRUE(sleeps());
    m.map->dma_write(GuestPhys(kWatched - 31), data);
    EXPECT_TRUE(m.cpu.can_run());
    m.map->dma_write(GuestPhys(kWatched), data);
    EXPECT_EQ(woken, 1u);
}

TEST_F(Mwait, DoesNotWaitAfterAStoreSinceMonitor) {
    m.code({0x0f, 0x01, 0xc8, 0xc6, 0x00, 0x01, 0x0f, 0x01, 0xc9, 0x43});  // MOV BYTE [EAX], 1 between
    EXPECT_EQ(m.cpu.run(4), StopReason::Budget);
    EXPECT_EQ(m.gpr(reg::BX), 1u);
    EXPECT_EQ(m.peek8(kWatched + 8), 1u);
}

TEST_F(Mwait, DoesNotWaitWithoutMonitor) {
    m.code({0x0f, 0x01, 0xc9, 0x43});
    EXPECT_EQ(m.cpu.run(2), StopReason::Budget);
    EXPECT_EQ(m.gpr(reg::BX), 1u);
}

TEST_F(Mwait, DoesNotWaitAfterAnInterruptSinceMonitor) {
    m.code({0x0f, 0x01, 0xc8, 0x0f, 0x01, 0xc9, 0x43});
    m.poke8(TestMachine::kHandler + 0x30 * 16, 0xcf);
    m.cpu.set_eflags(m.cpu.eflags() | flag::IF);
    m.run(1);
    interrupt(true);
    m.run(0);
    EXPECT_EQ(m.rip(), TestMachine::kHandler + 0x30 * 16);
    interrupt(false);
    EXPECT_EQ(m.cpu.run(3), StopReason::Budget);  // IRET; MWAIT; INC EBX
    EXPECT_EQ(m.gpr(reg::BX), 1u);
}

TEST_F(Mwait, EndsWithAnInterruptThatIsDelivered) {
    m.cpu.set_eflags(m.cpu.eflags() | flag::IF);
    wait();
    interrupt(true);
    EXPECT_TRUE(m.cpu.can_run());
    m.run(0);
    EXPECT_EQ(m.rip(), TestMachine::kHandler + 0x30 * 16);
    EXPECT_EQ(m.stack32(0), TestMachine::kCodeBase + 6);
    EXPECT_EQ(m.cpu.state.activity, Activity::Active);
}

TEST_F(Mwait, SleepsOnWhileInterruptsAreMasked) {
    wait();
    interrupt(true);
    EXPECT_TRUE(sleeps());
    EXPECT_EQ(m.cpu.run(10), StopReason::Halted);
    EXPECT_EQ(m.gpr(reg::BX), 0u);
}

TEST_F(Mwait, WithBit0OfEcxEndsWithAMaskedInterruptThatStaysPending) {
    wait_for_masked_interrupts_too();
    EXPECT_TRUE(sleeps());
    interrupt(true);
    EXPECT_TRUE(m.cpu.can_run());
    EXPECT_EQ(m.cpu.run(1), StopReason::Budget);
    EXPECT_EQ(m.gpr(reg::BX), 1u);
    EXPECT_EQ(m.rip(), TestMachine::kCodeBase + 8);
    // The monitor is spent: another MWAIT does not wait.
    EXPECT_FALSE(m.cpu.monitor_unit().armed());
}

TEST_F(Mwait, EndsWithAnNmi) {
    wait();
    m.cpu.set_line(static_cast<unsigned>(CpuPin::Nmi), true);
    EXPECT_TRUE(m.cpu.can_run());
    m.run(0);
    EXPECT_EQ(m.rip(), TestMachine::kHandler + 2 * 16);
}

TEST_F(Mwait, IsNotHaltedForGoodWithInterruptsOff) {
    wait();
    EXPECT_FALSE(m.cpu.halted_for_good());
}

TEST_F(Mwait, UndefinedExtensionsAreRefused) {
    m.cpu.put<u32>(reg::CX, 2);
    m.code({0x0f, 0x01, 0xc9});
    m.run(1);
    EXPECT_EQ(m.rip(), TestMachine::kHandler + 13 * 16);
    m.enter_protected();
    m.code({0x0f, 0x01, 0xc8});
    m.run(1);
    EXPECT_EQ(m.rip(), TestMachine::kHandler + 13 * 16);
}

TEST_F(Mwait, GoesOnInAnotherProcessorFromASnapshot) {
    wait();
    TestMachine other;
    other.cpu.set_architectural_state(m.cpu.architectural_state());
    EXPECT_FALSE(other.cpu.can_run());
    other.poke32(kWatched + 20, 0);
    EXPECT_TRUE(other.cpu.can_run());
    EXPECT_TRUE(sleeps());
}

TEST_F(Mwait, ThePageIsNoLongerWatchedOnceNobodyWaits) {
    wait();
    EXPECT_NE(flags(), 0);
    m.poke8(kWatched, 1);  // ends the wait
    EXPECT_NE(flags(), 0);
    m.poke8(kWatched, 1);
    EXPECT_EQ(flags(), 0);
}

TEST_F(Mwait, AnotherLineTakesTheWatchAway) {
    wait();
    m.cpu.monitor_unit().arm(GuestPhys(kWatched + 0x1000));
    EXPECT_EQ(flags(), 0);
    m.poke8(kWatched, 1);
    EXPECT_TRUE(sleeps());
    m.poke8(kWatched + 0x1000, 1);
    EXPECT_FALSE(sleeps());
}

TEST_F(Mwait, CpuidLeaf5SaysWhatItCan) {
    m.cpu.put<u32>(reg::AX, 5);
    m.code({0x0f, 0xa2});
    m.run(1);
    EXPECT_EQ(m.gpr(reg::AX), MonitorUnit::kLine);
    EXPECT_EQ(m.gpr(reg::BX), MonitorUnit::kLine);
    EXPECT_EQ(m.gpr(reg::CX), 3u);     // extensions, masked interrupts
    EXPECT_EQ(m.gpr(reg::DX), 0x20u);  // two sub-states of C1
}

}  // namespace
}  // namespace gnomon
