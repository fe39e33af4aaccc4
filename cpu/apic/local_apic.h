// The local APIC of one processor, xAPIC and x2APIC: registers, priorities, interprocessor interrupts, timer.
// SDM Vol. 3, "Advanced Programmable Interrupt Controller (APIC)".
#pragma once

#include <array>
#include <functional>
#include <optional>
#include <string>

#include "cpu/apic/apic_bus.h"
#include "support/line.h"
#include "support/log.h"
#include "support/scheduler.h"
#include "support/state.h"

namespace gnomon {

/// Between the interrupt controllers of the board and the processor's pins. While it is disabled globally LINT0
/// and LINT1 are INTR and NMI.
class LocalApic final : public LineSink, public InterruptController, public MmioIo, public StatePart {
  public:
    /// Sink pins.
    static constexpr unsigned kLint0 = 0, kLint1 = 1;
    /// The timer's input clock before its divider. A tick is a nanosecond of the machine's clock, so that no
    /// timer disagrees with it.
    static constexpr u64 kTimerHertz = VirtualClock::kSecond;

    struct Config {
        u32 id = 0;
        bool bootstrap = true;  ///< the bootstrap processor
        bool x2apic = true;
        bool tsc_deadline = true;
        u8 physical_bits = 36;
    };
    struct Wires {
        Line intr, nmi;                  ///< the processor's pins
        InterruptController* pic = nullptr;  ///< answers for ExtINT; null: nobody does
        /// INIT or a startup message waits to be taken: at the next instruction boundary.
        std::function<void()> attention;
        /// The page of the registers has moved, or went; called on every change.
        std::function<void(GuestPhys page, bool mapped)> page_changed;
    };

    LocalApic(ApicBus& bus, Scheduler& scheduler, Log& log, Wires wires, const Config& config);
    LocalApic(const LocalApic&) = delete;
    LocalApic& operator=(const LocalApic&) = delete;

    void reset();  ///< RESET
    void init();   ///< INIT keeps the ID and IA32_APIC_BASE

    // --- Pins and acknowledge cycle ---------------------------------------------------------------
    [[nodiscard]] Line lint(unsigned pin) { return {*this, pin}; }
    void set_line(unsigned pin, bool level) override;
    u8 acknowledge() override;

    // --- Bus --------------------------------------------------------------------------------------
    [[nodiscard]] bool accepts(const InterruptMessage& message) const;
    void receive(const InterruptMessage& message);
    /// What the run loop carries out.
    [[nodiscard]] bool take_init();
    [[nodiscard]] std::optional<u8> take_startup();
    [[nodiscard]] bool wants_attention() const { return state_.init_pending || state_.startup_pending; }

    // --- Registers --------------------------------------------------------------------------------
    u64 mmio_read(u64 offset, unsigned size) override;
    void mmio_write(u64 offset, unsigned size, u64 value) override;
    /// MSRs 800h–83Fh; false: #GP(0).
    [[nodiscard]] bool read_msr(u32 index, u64& value);
    [[nodiscard]] bool write_msr(u32 index, u64 value);
    /// IA32_APIC_BASE; false: #GP(0).
    [[nodiscard]] u64 base() const { return state_.base; }
    [[nodiscard]] bool set_base(u64 value);
    /// IA32_TSC_DEADLINE. The time-stamp counter is the machine's clock plus `tsc_offset`.
    [[nodiscard]] u64 tsc_deadline() const;
    void set_tsc_deadline(u64 value, i64 tsc_offset);
    /// Software changed the time-stamp counter.
    void tsc_offset_changed(i64 tsc_offset);
    /// A performance-monitoring counter has overflowed.
    void performance_overflow() { fire(Performance); }
    /// As CR8 sees it: the priority class, 0–15.
    [[nodiscard]] u8 task_priority() const { return static_cast<u8>(state_.tpr >> 4); }
    void set_task_priority(u8 priority_class);

    [[nodiscard]] bool bootstrap() const { return config_.bootstrap; }
    [[nodiscard]] u32 id() const { return config_.id; }
    [[nodiscard]] bool enabled() const { return state_.base & kGlobalEnable; }
    [[nodiscard]] bool x2apic_mode() const { return (state_.base & kModeBits) == kModeBits; }
    [[nodiscard]] bool software_enabled() const { return enabled() && state_.svr & kSoftwareEnable; }
    [[nodiscard]] u8 processor_priority() const;
    /// Text for `info lapic`.
    [[nodiscard]] std::string describe() const;

    enum Lvt : unsigned { Timer, Thermal, Performance, Lint0, Lint1, Error, kLvts };
    struct State {
        u64 base = 0;
        u8 xapic_id = 0;
        u8 tpr = 0;
        u32 ldr = 0;  ///< as the xAPIC register: bits 24–31
        u32 dfr = 0xffffffff;
        u32 svr = 0xff;
        std::array<u32, 8> isr{}, tmr{}, irr{};
        u32 esr = 0;          ///< as it reads
        u32 errors = 0;       ///< gathered since the last write of ESR
        u64 icr = 0;
        std::array<u32, kLvts> lvt{};
        u32 initial_count = 0;
        u32 divide = 0;
        u64 timer_start = 0;  ///< when the initial count was written, in ns
        u64 tsc_deadline = 0;
        i64 tsc_offset = 0;
        std::array<bool, 2> lint{};  ///< levels of the pins
        bool init_pending = false;
        bool startup_pending = false;
        u8 startup_vector = 0;
        template<class V>
        constexpr void fields(V& v) {
            v("base", base);
            v("xapic_id", xapic_id);
            v("tpr", tpr);
            v("ldr", ldr);
            v("dfr", dfr);
            v("svr", svr);
            v("isr", isr);
            v("tmr", tmr);
            v("irr", irr);
            v("esr", esr);
            v("errors", errors);
            v("icr", icr);
            v("lvt", lvt);
            v("initial_count", initial_count);
            v("divide", divide);
            v("timer_start", timer_start);
            v("tsc_deadline", tsc_deadline);
            v("tsc_offset", tsc_offset);
            v("lint", lint);
            v("init_pending", init_pending);
            v("startup_pending", startup_pending);
            v("startup_vector", startup_vector);
        }
    };
    [[nodiscard]] const State& state() const { return state_; }
    [[nodiscard]] std::string_view state_name() const override { return name_; }
    [[nodiscard]] StateNode save_state() const override { return save_value(state_); }
    Result<Install> load_state(const StateNode& node) override;

  private:
    static constexpr u64 kBootstrap = 1u << 8, kX2apicEnable = 1u << 10, kGlobalEnable = 1u << 11;
    static constexpr u64 kModeBits = kX2apicEnable | kGlobalEnable;
    static constexpr u32 kSoftwareEnable = 1u << 8, kSuppressEoi = 1u << 12;
    static constexpr u32 kMasked = 1u << 16;
    enum class TimerMode : u8 { OneShot, Periodic, TscDeadline };

    void clear_registers();
    // local_apic.cpp
    [[nodiscard]] u32 read_register(unsigned index);
    void write_register(unsigned index, u32 value);
    void write_lvt(Lvt which, u32 value);
    void write_svr(u32 value);
    void note_error(u32 bit);
    void end_of_interrupt();
    [[nodiscard]] u32 logical_id() const;
    [[nodiscard]] u32 current_id() const { return x2apic_mode() ? config_.id : state_.xapic_id; }
    void page_moved();
    // apic_interrupts.cpp
    void send_ipi(u64 icr);
    void accept(u8 vector, bool level);
    void fire(Lvt which);
    void update_lint(unsigned pin, bool before);
    [[nodiscard]] bool external_request() const;
    [[nodiscard]] int deliverable() const;
    void update_pins();
    // apic_timer.cpp
    [[nodiscard]] TimerMode timer_mode() const;
    [[nodiscard]] u64 tick_ns() const;
    [[nodiscard]] u32 current_count() const;
    void set_initial_count(u32 value);
    void set_divide(u32 value);
    void catch_up();
    void rearm();
    void timer_due();

    ApicBus& bus_;
    Scheduler& scheduler_;
    Log& log_;
    Wires wires_;
    Config config_;
    std::string name_;
    Scheduler::EventId timer_event_;
    State state_;
    bool intr_ = false;  ///< what the pin was last driven to
};

}  // namespace gnomon
