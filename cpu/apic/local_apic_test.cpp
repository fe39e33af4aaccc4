// The local APIC: registers, priorities, destinations, local sources, timer, x2APIC.
#include "cpu/apic/local_apic.h"

#include <gtest/gtest.h>

#include <memory>

namespace gnomon {
namespace {

struct Probe final : LineSink {
    std::array<bool, 2> level{};
    std::array<unsigned, 2> rises{};
    void set_line(unsigned pin, bool value) override {
        if (value && !level[pin]) rises[pin]++;
        level[pin] = value;
    }
};

struct FixedPic final : InterruptController {
    u8 acknowledge() override { return 0x48; }
};

struct Listener final : EndOfInterruptListener {
    std::vector<u8> ended;
    void end_of_interrupt(u8 vector) override { ended.push_back(vector); }
};

struct ApicTest : testing::Test {
    Log log{[](LogLevel, std::string_view, std::string_view) {}};
    VirtualClock clock{ClockMode::Deterministic, VirtualClock::kSecond};
    Scheduler scheduler{clock};
    ApicBus bus;
    FixedPic pic;
    Listener listener;
    std::vector<std::unique_ptr<Probe>> probes;
    std::vector<std::unique_ptr<LocalApic>> apics;
    unsigned attentions = 0;

    void SetUp() override {
        bus.add_listener(listener);
        for (u32 i = 0; i < 4; i++) {
            probes.push_back(std::make_unique<Probe>());
            LocalApic::Wires wires;
            wires.intr = {*probes[i], 0};
            wires.nmi = {*probes[i], 1};
            wires.pic = &pic;
            wires.attention = [this] { attentions++; };
            LocalApic::Config config;
            config.id = i;
            config.bootstrap = i == 0;
            apics.push_back(std::make_unique<LocalApic>(bus, scheduler, log, wires, config));
            write(i, 0xf0, 0x1ff);
        }
    }
    void write(unsigned apic, u32 offset, u32 value) { apics[apic]->mmio_write(offset, 4, value); }
    u32 read(unsigned apic, u32 offset) { return static_cast<u32>(apics[apic]->mmio_read(offset, 4)); }
    bool intr(unsigned apic) { return probes[apic]->level[0]; }
    void advance(u64 ns) {
        const u64 end = clock.now() + ns;
        while (scheduler.next_deadline() <= end) {
            clock.skip_to(scheduler.next_deadline());
            scheduler.run_due();
        }
        clock.skip_to(end);
    }
    void send(unsigned from, u32 destination, u32 low) {
        write(from, 0x310, destination << 24);
        write(from, 0x300, low);
    }
};

// ---- registers ------------------------------------------------------------------------------------------

TEST_F(ApicTest, RegistersAfterResetAreTheManuals) {
    apics[1]->reset();
    EXPECT_EQ(read(1, 0x20), 0x01000000u);
    EXPECT_EQ(read(1, 0x30), 0x01050014u);
    EXPECT_EQ(read(1, 0x80), 0u);
    EXPECT_EQ(read(1, 0xd0), 0u);
    EXPECT_EQ(read(1, 0xe0), 0xffffffffu);
    EXPECT_EQ(read(1, 0xf0), 0xffu);
    for (u32 lvt = 0x320; lvt <= 0x370; lvt += 0x10) EXPECT_EQ(read(1, lvt), 0x10000u) << lvt;
    EXPECT_EQ(apics[0]->base(), 0xfee00900u);
    EXPECT_EQ(apics[1]->base(), 0xfee00800u);
}

TEST_F(ApicTest, WritableBitsOfEveryRegister) {
    struct Row {
        u32 offset, expected;
    };
    for (const Row& row : {Row{0x20, 0xff000000}, {0x30, 0x01050014}, {0x80, 0xff}, {0xd0, 0xff000000},
                           {0xe0, 0xffffffff}, {0xf0, 0x11ff}, {0x310, 0xff000000}, {0x320, 0x700ff},
                           {0x330, 0x107ff}, {0x340, 0x107ff}, {0x350, 0x1a7ff}, {0x360, 0x1a7ff},
                           {0x370, 0x100ff}, {0x3e0, 0xb}}) {
        write(2, row.offset, 0xffffffff);
        EXPECT_EQ(read(2, row.offset), row.expected) << fmt::format("{:#x}", row.offset);
    }
    write(2, 0xe0, 0);
    EXPECT_EQ(read(2, 0xe0), 0x0fffffffu);
}

TEST_F(ApicTest, SoftwareDisablingMasksTheLvt) {
    write(0, 0x350, 0x700);
    write(0, 0xf0, 0xff);
    EXPECT_EQ(read(0, 0x350), 0x10700u);
    write(0, 0x350, 0x700);
    EXPECT_EQ(read(0, 0x350), 0x10700u);
}

TEST_F(ApicTest, AnUnknownRegisterSetsTheErrorStatusAndItsInterrupt) {
    write(0, 0x370, 0x33);
    read(0, 0x400);
    EXPECT_EQ(read(0, 0x280), 0u);  // not before a write updates it
    write(0, 0x280, 0);
    EXPECT_EQ(read(0, 0x280), 0x80u);
    EXPECT_TRUE(intr(0));
    EXPECT_EQ(apics[0]->acknowledge(), 0x33);
    write(0, 0x280, 0);
    EXPECT_EQ(read(0, 0x280), 0u);
}

TEST_F(ApicTest, IllegalVectorsAreErrorsOfTheSender) {
    send(0, 1, 0x4005);
    write(0, 0x280, 0);
    EXPECT_EQ(read(0, 0x280), 0x20u);
    EXPECT_FALSE(intr(1));
}

// ---- priorities -----------------------------------------------------------------------------------------

TEST_F(ApicTest, TheHighestVectorIsTakenFirstAndHoldsBackItsClass) {
    bus.send({0, false, DeliveryMode::Fixed, 0x41, false, true});
    bus.send({0, false, DeliveryMode::Fixed, 0x45, false, true});
    bus.send({0, false, DeliveryMode::Fixed, 0x32, false, true});
    EXPECT_EQ(apics[0]->acknowledge(), 0x45);
    EXPECT_FALSE(intr(0));
    EXPECT_EQ(read(0, 0xa0), 0x40u);
    bus.send({0, false, DeliveryMode::Fixed, 0x50, false, true});
    EXPECT_TRUE(intr(0));
    EXPECT_EQ(apics[0]->acknowledge(), 0x50);
    write(0, 0xb0, 0);
    EXPECT_FALSE(intr(0));
    write(0, 0xb0, 0);
    EXPECT_EQ(apics[0]->acknowledge(), 0x41);
    write(0, 0xb0, 0);
    EXPECT_EQ(apics[0]->acknowledge(), 0x32);
}

TEST_F(ApicTest, TaskPriorityHoldsBackItsClassAndBelow) {
    write(0, 0x80, 0x45);
    bus.send({0, false, DeliveryMode::Fixed, 0x4f, false, true});
    EXPECT_FALSE(intr(0));
    EXPECT_EQ(apics[0]->task_priority(), 4);
    EXPECT_EQ(read(0, 0xa0), 0x45u);
    apics[0]->set_task_priority(3);
    EXPECT_TRUE(intr(0));
    EXPECT_EQ(read(0, 0x80), 0x30u);
}

TEST_F(ApicTest, AnAcknowledgeWithoutRequestGivesTheSpuriousVector) {
    bus.send({0, false, DeliveryMode::Fixed, 0x41, false, true});
    write(0, 0x80, 0xf0);
    EXPECT_EQ(apics[0]->acknowledge(), 0xff);
    EXPECT_EQ(read(0, 0x120), 0u);
}

// ---- destinations ---------------------------------------------------------------------------------------

TEST_F(ApicTest, PhysicalDestinationIsOneApicOrAll) {
    send(0, 2, 0x4050);
    EXPECT_FALSE(intr(0) || intr(1) || intr(3));
    EXPECT_TRUE(intr(2));
    send(0, 0xff, 0x4060);
    for (unsigned i = 0; i < 4; i++) EXPECT_EQ(read(i, 0x230), 1u) << i;
}

TEST_F(ApicTest, LogicalFlatDestinationIsAMask) {
    for (unsigned i = 0; i < 4; i++) write(i, 0xd0, 1u << (24 + i));
    send(0, 0x0a, 0x4850);
    EXPECT_FALSE(intr(0) || intr(2));
    EXPECT_TRUE(intr(1) && intr(3));
}

TEST_F(ApicTest, LogicalClusterDestinationIsAClusterAndAMask) {
    for (unsigned i = 0; i < 4; i++) {
        write(i, 0xe0, 0x0fffffff);
        write(i, 0xd0, (i / 2 << 4 | 1u << i % 2) << 24);
    }
    send(0, 0x12, 0x4850);
    EXPECT_TRUE(intr(3));
    EXPECT_FALSE(intr(0) || intr(1) || intr(2));
    send(0, 0xf1, 0x4860);
    EXPECT_EQ(read(0, 0x230), 1u);
    EXPECT_EQ(read(2, 0x230), 1u);
    EXPECT_EQ(read(1, 0x230), 0u);
}

TEST_F(ApicTest, ShorthandsAreSelfAllAndAllButSelf) {
    write(1, 0x300, 0x44051);
    EXPECT_TRUE(intr(1) && !intr(0));
    write(1, 0x300, 0xc4052);
    EXPECT_TRUE(intr(0) && intr(2) && intr(3));
    EXPECT_EQ(read(1, 0x220), 0x20000u);
    write(1, 0x300, 0x84053);
    for (unsigned i = 0; i < 4; i++) EXPECT_NE(read(i, 0x220) & 1u << 0x13, 0u) << i;
}

TEST_F(ApicTest, LowestPriorityGoesToTheLeastBusyProcessor) {
    for (unsigned i = 0; i < 4; i++) write(i, 0xd0, 0xff000000);
    write(0, 0x80, 0x30);
    write(1, 0x80, 0x20);
    write(2, 0x80, 0x10);
    write(3, 0x80, 0x20);
    bus.send({0x0f, true, DeliveryMode::LowestPriority, 0x61, false, true});
    EXPECT_TRUE(intr(2));
    EXPECT_FALSE(intr(0) || intr(1) || intr(3));
}

TEST_F(ApicTest, AMessageSignalledInterruptIsAWriteToTheMessageRange) {
    bus.mmio_write(0x3000, 4, 0x0071);  // FEE03000: processor 3
    EXPECT_TRUE(intr(3));
    EXPECT_EQ(apics[3]->acknowledge(), 0x71);
}

TEST_F(ApicTest, InitAndStartupWaitToBeTaken) {
    send(0, 1, 0x4500);
    EXPECT_TRUE(apics[1]->wants_attention());
    EXPECT_EQ(attentions, 1u);
    EXPECT_TRUE(apics[1]->take_init());
    EXPECT_FALSE(apics[1]->take_startup().has_value());
    send(0, 1, 0x8500);  // level de-assert does nothing
    EXPECT_FALSE(apics[1]->wants_attention());
    send(0, 1, 0x4699);
    EXPECT_EQ(*apics[1]->take_startup(), 0x99);
    EXPECT_FALSE(apics[1]->wants_attention());
}

TEST_F(ApicTest, NmiMessagesReachTheNmiPin) {
    send(0, 1, 0x4400);
    EXPECT_EQ(probes[1]->rises[1], 1u);
    EXPECT_EQ(probes[0]->rises[1], 0u);
}

// ---- level-triggered interrupts -------------------------------------------------------------------------

TEST_F(ApicTest, EoiOfALevelInterruptIsBroadcast) {
    bus.send({0, false, DeliveryMode::Fixed, 0x41, true, true});
    EXPECT_EQ(apics[0]->acknowledge(), 0x41);
    EXPECT_EQ(read(0, 0x1a0), 2u);
    write(0, 0xb0, 0);
    EXPECT_EQ(listener.ended, std::vector<u8>{0x41});
    bus.send({0, false, DeliveryMode::Fixed, 0x42, false, true});
    apics[0]->acknowledge();
    write(0, 0xb0, 0);
    EXPECT_EQ(listener.ended.size(), 1u);
}

TEST_F(ApicTest, BroadcastsCanBeSuppressed) {
    write(0, 0xf0, 0x11ff);
    bus.send({0, false, DeliveryMode::Fixed, 0x41, true, true});
    apics[0]->acknowledge();
    write(0, 0xb0, 0);
    EXPECT_TRUE(listener.ended.empty());
}

// ---- local sources --------------------------------------------------------------------------------------

TEST_F(ApicTest, Lint0AsExtIntLetsThe8259Answer) {
    apics[0]->set_line(LocalApic::kLint0, true);
    EXPECT_FALSE(intr(0));
    write(0, 0x350, 0x700);
    EXPECT_TRUE(intr(0));
    EXPECT_EQ(apics[0]->acknowledge(), 0x48);
    apics[0]->set_line(LocalApic::kLint0, false);
    EXPECT_FALSE(intr(0));
}

TEST_F(ApicTest, ADisabledApicPassesItsPinsStraight) {
    ASSERT_TRUE(apics[0]->set_base(0xfee00100));
    apics[0]->set_line(LocalApic::kLint0, true);
    EXPECT_TRUE(intr(0));
    EXPECT_EQ(apics[0]->acknowledge(), 0x48);
    apics[0]->set_line(LocalApic::kLint1, true);
    EXPECT_EQ(probes[0]->rises[1], 1u);
    ASSERT_TRUE(apics[0]->set_base(0xfee00900));
    EXPECT_FALSE(intr(0));
    EXPECT_EQ(read(0, 0xf0), 0xffu);
}

TEST_F(ApicTest, LevelTriggeredLint0WaitsForItsEoi) {
    write(0, 0x350, 0x8041);
    apics[0]->set_line(LocalApic::kLint0, true);
    EXPECT_EQ(read(0, 0x350), 0xc041u);
    EXPECT_EQ(apics[0]->acknowledge(), 0x41);
    write(0, 0xb0, 0);
    EXPECT_TRUE(intr(0));  // still asserted
    EXPECT_EQ(apics[0]->acknowledge(), 0x41);
    apics[0]->set_line(LocalApic::kLint0, false);
    write(0, 0xb0, 0);
    EXPECT_EQ(read(0, 0x350), 0x8041u);
    EXPECT_FALSE(intr(0));
}

TEST_F(ApicTest, Lint1AsNmi) {
    write(1, 0x360, 0x400);
    apics[1]->set_line(LocalApic::kLint1, true);
    EXPECT_EQ(probes[1]->rises[1], 1u);
}

// ---- timer ----------------------------------------------------------------------------------------------

TEST_F(ApicTest, OneShotTimerFiresOnceAfterCountTimesDivider) {
    write(0, 0x3e0, 0x3);  // 16
    write(0, 0x320, 0x55);
    write(0, 0x380, 100);
    advance(1599);
    EXPECT_FALSE(intr(0));
    EXPECT_EQ(read(0, 0x390), 1u);
    advance(1);
    EXPECT_TRUE(intr(0));
    EXPECT_EQ(apics[0]->acknowledge(), 0x55);
    EXPECT_EQ(read(0, 0x390), 0u);
    write(0, 0xb0, 0);
    advance(1'000'000);
    EXPECT_FALSE(intr(0));
}

TEST_F(ApicTest, EveryDividerDivides) {
    constexpr u32 kCodes[] = {0xb, 0, 1, 2, 3, 8, 9, 0xa};
    for (unsigned i = 0; i < 8; i++) {
        write(0, 0x3e0, kCodes[i]);
        write(0, 0x320, 0x10055);
        write(0, 0x380, 1000);
        advance(128 * 10);
        EXPECT_EQ(read(0, 0x390), i == 0 ? 0u : 1000 - (1280u >> i)) << i;
    }
}

TEST_F(ApicTest, PeriodicTimerDoesNotDrift) {
    write(0, 0x3e0, 0xb);
    write(0, 0x320, 0x20055);
    write(0, 0x380, 777);
    unsigned fired = 0;
    for (unsigned i = 0; i < 77'700; i++) {
        advance(1);
        if (!intr(0)) continue;
        fired++;
        EXPECT_EQ(clock.now() % 777, 0u);
        apics[0]->acknowledge();
        write(0, 0xb0, 0);
    }
    EXPECT_EQ(fired, 100u);
}

TEST_F(ApicTest, AMaskedTimerCountsWithoutInterrupt) {
    write(0, 0x3e0, 0xb);
    write(0, 0x320, 0x30055 & ~0x20000u);
    write(0, 0x380, 1000);
    EXPECT_EQ(scheduler.next_deadline(), Scheduler::kNever);
    advance(400);
    EXPECT_EQ(read(0, 0x390), 600u);
    write(0, 0x320, 0x55);
    advance(600);
    EXPECT_TRUE(intr(0));
}

TEST_F(ApicTest, TscDeadlineFiresAtThatTimeStamp) {
    write(0, 0x320, 0x40055);
    apics[0]->set_tsc_deadline(5000, 1000);
    EXPECT_EQ(apics[0]->tsc_deadline(), 5000u);
    write(0, 0x380, 10);  // ignored in this mode
    advance(3999);
    EXPECT_FALSE(intr(0));
    advance(1);
    EXPECT_TRUE(intr(0));
    EXPECT_EQ(apics[0]->tsc_deadline(), 0u);
    apics[0]->acknowledge();
    write(0, 0xb0, 0);
    apics[0]->set_tsc_deadline(1, 1000);  // in the past: at once
    scheduler.run_due();
    EXPECT_TRUE(intr(0));
}

// ---- x2APIC ---------------------------------------------------------------------------------------------

TEST_F(ApicTest, ModesChangeOnlyAsTheManualDraws) {
    LocalApic& apic = *apics[0];
    EXPECT_FALSE(apic.set_base(0xfee00500));  // x2APIC without the global enable
    EXPECT_TRUE(apic.set_base(0xfee00d00));
    EXPECT_TRUE(apic.x2apic_mode());
    EXPECT_FALSE(apic.set_base(0xfee00900));  // back to xAPIC only through disabled
    EXPECT_TRUE(apic.set_base(0xfee00100));
    EXPECT_FALSE(apic.set_base(0xfee00d00));
    EXPECT_TRUE(apic.set_base(0xfee00900));
    EXPECT_FALSE(apic.set_base(0xfee00901));  // reserved bits
    EXPECT_FALSE(apic.set_base(u64{1} << 36 | 0xfee00900));
}

TEST_F(ApicTest, X2apicRegistersAreMsrs) {
    LocalApic& apic = *apics[2];
    u64 value = 0;
    EXPECT_FALSE(apic.read_msr(0x802, value));
    ASSERT_TRUE(apic.set_base(0xfee00c00));
    EXPECT_TRUE(apic.read_msr(0x802, value));
    EXPECT_EQ(value, 2u);
    EXPECT_TRUE(apic.read_msr(0x80d, value));
    EXPECT_EQ(value, 4u);
    EXPECT_FALSE(apic.write_msr(0x80d, 1));
    EXPECT_FALSE(apic.read_msr(0x80b, value));
    EXPECT_FALSE(apic.write_msr(0x80b, 1));
    EXPECT_TRUE(apic.write_msr(0x80b, 0));
    EXPECT_FALSE(apic.read_msr(0x80e, value));
    EXPECT_FALSE(apic.read_msr(0x831, value));
    EXPECT_FALSE(apic.write_msr(0x808, 0x100));
    EXPECT_TRUE(apic.write_msr(0x808, 0xff));
    EXPECT_TRUE(apic.write_msr(0x808, 0));
    EXPECT_TRUE(apic.write_msr(0x83f, 0x61));  // self IPI
    EXPECT_EQ(apic.acknowledge(), 0x61);
}

TEST_F(ApicTest, X2apicDestinationsHave32Bits) {
    for (auto& apic : apics) ASSERT_TRUE(apic->set_base(apic->base() | 0x400));
    ASSERT_TRUE(apics[0]->write_msr(0x830, u64{3} << 32 | 0x4051));
    EXPECT_TRUE(intr(3) && !intr(1));
    ASSERT_TRUE(apics[0]->write_msr(0x830, u64{0x6} << 32 | 0x4852));  // cluster 0, places 1 and 2
    EXPECT_TRUE(intr(1) && intr(2) && !intr(0));
    ASSERT_TRUE(apics[0]->write_msr(0x830, u64{0x00010001} << 32 | 0x4852));
    EXPECT_FALSE(intr(0));
    ASSERT_TRUE(apics[1]->write_msr(0x830, u64{0xffffffff} << 32 | 0x4053));
    EXPECT_TRUE(intr(0));
}

// ---- state ----------------------------------------------------------------------------------------------

TEST_F(ApicTest, StateRoundTripKeepsRequestsAndPins) {
    write(0, 0x320, 0x20055);
    write(0, 0x380, 1000);
    bus.send({0, false, DeliveryMode::Fixed, 0x41, true, true});
    const StateNode saved = apics[0]->save_state();
    apics[0]->reset();
    EXPECT_FALSE(intr(0));
    Result<StatePart::Install> install = apics[0]->load_state(saved);
    ASSERT_TRUE(install.ok());
    (*install)();
    EXPECT_TRUE(intr(0));
    EXPECT_TRUE(apics[0]->save_state() == saved);
}

}  // namespace
}  // namespace gnomon
