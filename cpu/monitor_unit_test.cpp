// MONITOR and MWAIT, UMONITOR, UMWAIT and TPAUSE: what ends a wait, and what keeps it from beginning. SDM
// Vol. 2, "MWAIT—Monitor Wait", "UMWAIT—User Level Monitor Wait", "TPAUSE—Timed PAUSE".
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

constexpr u32 kLimitMsr = 0xe1;  // IA32_UMWAIT_CONTROL

/// EAX addresses the line, ECX is the operand of UMWAIT and TPAUSE, EDX:EAX their deadline: the code loads
/// EAX between.
class TimedWait : public Mwait {
  protected:
    TimedWait() {
        m.cpu.monitor_unit().on_deadline([this](u64 ns) { deadlines.push_back(ns); });
        m.cpu.put<u32>(reg::DX, 0);
        m.cpu.set_eflags(m.cpu.eflags() | flag::kArithmetic);
    }
    static std::vector<u8> code_of(u8 prefix, u32 deadline) {
        std::vector<u8> code{0xb8};  // MOV EAX, deadline
        for (unsigned i = 0; i < 4; i++) code.push_back(static_cast<u8>(deadline >> 8 * i));
        code.insert(code.end(), {prefix, 0x0f, 0xae, 0xf1, 0x43});  // UMWAIT or TPAUSE ECX; INC EBX
        return code;
    }
    void place(const std::vector<u8>& code) {
        for (size_t i = 0; i < code.size(); i++) m.poke8(static_cast<u32>(m.rip() + i), code[i]);
    }
    /// TPAUSE until `deadline`.
    StopReason pause(u32 deadline) {
        place(code_of(0x66, deadline));
        return m.cpu.run(2);
    }
    /// UMONITOR; UMWAIT until `deadline`.
    StopReason wait_for_store(u32 deadline) {
        std::vector<u8> code{0xf3, 0x0f, 0xae, 0xf0};  // UMONITOR EAX
        const std::vector<u8> rest = code_of(0xf2, deadline);
        code.insert(code.end(), rest.begin(), rest.end());
        place(code);
        return m.cpu.run(3);
    }
    /// The clock is at `ns`, and the timer that the unit asked for rings if it is due.
    void pass_until(u64 ns) {
        m.clock.skip_to(ns);
        end_timed_wait(m.cpu);
    }
    [[nodiscard]] u32 arithmetic_flags() { return m.cpu.eflags() & flag::kArithmetic; }
    void expect_awake() {
        EXPECT_TRUE(m.cpu.can_run());
        EXPECT_EQ(m.cpu.run(1), StopReason::Budget);
        EXPECT_EQ(m.gpr(reg::BX), 1u);
    }

    std::vector<u64> deadlines;
};

TEST_F(TimedWait, TpauseEndsAtItsDeadlineWithFlagsCleared) {
    EXPECT_EQ(pause(5000), StopReason::Halted);
    EXPECT_TRUE(sleeps());
    EXPECT_EQ(deadlines, std::vector<u64>{5000});
    pass_until(4999);
    EXPECT_TRUE(sleeps());
    pass_until(5000);
    EXPECT_EQ(arithmetic_flags(), 0u);
    expect_awake();
}

TEST_F(TimedWait, TheDeadlineHas64BitsAndCountsTheTimeStampCounter) {
    m.cpu.state.msr.tsc_offset = 0x3'0000'0000;
    m.cpu.put<u32>(reg::DX, 3);
    EXPECT_EQ(pause(7000), StopReason::Halted);
    EXPECT_EQ(deadlines, std::vector<u64>{7000});
}

TEST_F(TimedWait, DeadlineThatHasPassedDoesNotWait) {
    m.clock.skip_to(6000);
    place(code_of(0x66, 6000));
    EXPECT_EQ(m.cpu.run(3), StopReason::Budget);
    EXPECT_EQ(m.gpr(reg::BX), 1u);
    EXPECT_TRUE(deadlines.empty());
}

TEST_F(TimedWait, TheLimitOfTheSystemSetsTheCarryFlagWhenItEndsTheWait) {
    m.cpu.state.msr.umwait_control = 1000 | 1;
    EXPECT_EQ(pause(5000), StopReason::Halted);
    ASSERT_EQ(deadlines.size(), 1u);
    EXPECT_GE(deadlines[0], 1000u);
    EXPECT_LT(deadlines[0], 1100u) << "from the instruction on";
    pass_until(deadlines[0]);
    EXPECT_EQ(arithmetic_flags(), u32{flag::CF});
    expect_awake();
}

TEST_F(TimedWait, ALimitBehindTheDeadlineDoesNotMatter) {
    m.cpu.state.msr.umwait_control = 6000;
    EXPECT_EQ(pause(5000), StopReason::Halted);
    pass_until(5000);
    EXPECT_EQ(arithmetic_flags(), 0u);
    expect_awake();
}

TEST_F(TimedWait, WithALimitAnythingElseThatEndsTheWaitLeavesCarryClear) {
    m.cpu.state.msr.umwait_control = 1000;
    EXPECT_EQ(wait_for_store(5000), StopReason::Halted);
    m.poke8(kWatched, 1);
    EXPECT_EQ(arithmetic_flags(), 0u);
    expect_awake();
}

TEST_F(TimedWait, UmwaitEndsWithAStoreToTheLineAndTheLateTimerDoesNothing) {
    unsigned woken = 0;
    m.cpu.monitor_unit().on_wake([&] { woken++; });
    EXPECT_EQ(wait_for_store(5000), StopReason::Halted);
    m.poke8(kWatched + 64, 1);
    EXPECT_TRUE(sleeps());
    m.poke8(kWatched + 63, 1);
    EXPECT_EQ(woken, 1u);
    expect_awake();
    pass_until(9000);
    EXPECT_EQ(woken, 1u);
}

TEST_F(TimedWait, UmwaitEndsAtItsDeadlineToo) {
    EXPECT_EQ(wait_for_store(5000), StopReason::Halted);
    pass_until(5000);
    expect_awake();
    EXPECT_FALSE(m.cpu.monitor_unit().armed());
}

TEST_F(TimedWait, AStoreDoesNotEndTpause) {
    m.cpu.monitor_unit().arm(GuestPhys(kWatched), MonitorUnit::Armed::ByUmonitor);
    EXPECT_EQ(pause(5000), StopReason::Halted);
    m.poke8(kWatched, 1);
    EXPECT_TRUE(sleeps());
    EXPECT_FALSE(m.cpu.monitor_unit().armed());
}

TEST_F(TimedWait, UmwaitDoesNotWaitForMonitorsLineNorMwaitForUmonitors) {
    m.cpu.monitor_unit().arm(GuestPhys(kWatched), MonitorUnit::Armed::ByMonitor);
    place(code_of(0xf2, 5000));
    EXPECT_EQ(m.cpu.run(3), StopReason::Budget);
    EXPECT_EQ(m.gpr(reg::BX), 1u);
    EXPECT_EQ(arithmetic_flags() & flag::CF, 0u);
    m.cpu.monitor_unit().arm(GuestPhys(kWatched), MonitorUnit::Armed::ByUmonitor);
    m.cpu.put<u32>(reg::CX, 0);
    m.code({0x0f, 0x01, 0xc9, 0x43});
    EXPECT_EQ(m.cpu.run(2), StopReason::Budget);
    EXPECT_EQ(m.gpr(reg::BX), 2u);
}

TEST_F(TimedWait, AMaskedInterruptEndsItAndStaysPending) {
    EXPECT_EQ(pause(5000), StopReason::Halted);
    interrupt(true);
    expect_awake();
    EXPECT_EQ(arithmetic_flags() & flag::CF, 0u);
}

TEST_F(TimedWait, AnInterruptIsDeliveredBehindTheInstruction) {
    m.cpu.set_eflags(m.cpu.eflags() | flag::IF);
    EXPECT_EQ(pause(5000), StopReason::Halted);
    interrupt(true);
    m.run(0);
    EXPECT_EQ(m.rip(), TestMachine::kHandler + 0x30 * 16);
    EXPECT_EQ(m.stack32(0), TestMachine::kCodeBase + 9);
}

TEST_F(TimedWait, AnOldTimerDoesNotEndMwait) {
    EXPECT_EQ(pause(5000), StopReason::Halted);
    interrupt(true);
    expect_awake();
    interrupt(false);
    m.cpu.put<u32>(reg::AX, kWatched);
    wait();
    pass_until(5000);
    EXPECT_TRUE(sleeps());
}

TEST_F(TimedWait, ReservedBitsOfTheOperandAreRefused) {
    for (const u32 operand : {2u, 0x8000'0000u}) {
        m.enter_protected();
        m.cpu.put<u32>(reg::CX, operand);
        m.code({0x66, 0x0f, 0xae, 0xf1});
        m.run(1);
        EXPECT_EQ(m.rip(), TestMachine::kHandler + 13 * 16);
    }
}

TEST_F(TimedWait, UserProgramsMayWaitUnlessTheCounterIsTheSystems) {
    m.enter_protected(3);
    EXPECT_EQ(pause(5000), StopReason::Halted);
    pass_until(5000);
    m.cpu.state.cr4 |= cr4::TSD;
    m.code({0x66, 0x0f, 0xae, 0xf1});
    m.run(1);
    EXPECT_EQ(m.rip(), TestMachine::kHandler + 13 * 16);
}

TEST_F(TimedWait, TheSystemsLimitHasReservedBits) {
    const auto write = [this](u32 high, u32 low) {
        m.enter_protected();
        m.cpu.put<u32>(reg::CX, kLimitMsr);
        m.cpu.put<u32>(reg::DX, high);
        m.cpu.put<u32>(reg::AX, low);
        m.code({0x0f, 0x30});
        m.run(1);
        return m.rip() == TestMachine::kCodeBase + 2;
    };
    EXPECT_TRUE(write(0, 100'000 | 1));
    EXPECT_EQ(m.cpu.state.msr.umwait_control, 100'001u);
    EXPECT_FALSE(write(0, 2));
    EXPECT_FALSE(write(1, 0));
}

}  // namespace
}  // namespace gnomon
