// What MONITOR and UMONITOR arm, and how MWAIT, UMWAIT and TPAUSE wait: for a store to one line of memory, by
// any processor or device, or for a time. SDM Vol. 3, "MONITOR/MWAIT"; SDM Vol. 2, "UMWAIT—User Level Monitor
// Wait", "TPAUSE—Timed PAUSE".
#pragma once

#include <functional>
#include <string_view>

#include "cpu/state.h"
#include "memory/physical_map.h"
#include "support/state.h"

namespace gnomon {

class Cpu;

/// Finds stores by a flag on the page of the line, which stays until somebody stores there while nothing is
/// armed: systems arm the same line again and again. A waiting processor does not run; the time at which it
/// has to is told to whoever owns the timers.
class MonitorUnit final : public PageWriteObserver {
  public:
    static constexpr u32 kLine = 64;  ///< bytes
    static constexpr u32 kNone = ~u32{0};
    static constexpr u64 kNever = ~u64{0};

    /// Who armed the line: UMWAIT does not wait for what MONITOR has armed, nor MWAIT for UMONITOR's.
    enum class Armed : u8 { ByMonitor, ByUmonitor, kCount };
    enum class Wait : u8 { Mwait, Umwait, Tpause, kCount };

    /// `state` is that of the processor.
    MonitorUnit(PhysicalMap& map, CpuState& state);
    ~MonitorUnit();
    MonitorUnit(const MonitorUnit&) = delete;
    MonitorUnit& operator=(const MonitorUnit&) = delete;

    /// The line that holds this byte. One that is not in RAM (or beyond 256 GiB of it) is not armed: MWAIT
    /// does not wait.
    void arm(GuestPhys address, Armed by = Armed::ByMonitor);
    /// After `state` was replaced.
    void rearm();
    [[nodiscard]] bool armed() const { return state_.monitored_line != kNone; }
    [[nodiscard]] bool armed(Armed by) const { return armed() && timing_.armed == by; }

    /// The processor waits from now on, until `deadline_ns` of the virtual clock at the latest; `limited`: it
    /// is the system's limit that sets this time, not the instruction.
    void wait(Wait kind, u64 deadline_ns = kNever, bool limited = false);
    /// Ends a wait whose time has come. True: it was the system's limit, which the carry flag tells the
    /// program.
    [[nodiscard]] bool end_at(u64 now_ns);
    [[nodiscard]] bool waits() const { return state_.activity == Activity::Waiting; }

    /// Called when a store ends the processor's wait, or its time.
    void on_wake(std::function<void()> woken) { woken_ = std::move(woken); }
    /// Called when a wait with a deadline begins: end_timed_wait() is due then.
    void on_deadline(std::function<void(u64 ns)> wake_at) { wake_at_ = std::move(wake_at); }

    void page_written(u32 page, u32 offset, u32 size, const u8* data) override;
    [[nodiscard]] bool watches(u32 page) const override { return page == page_; }

    /// The instruction that waits, or waited last.
    [[nodiscard]] std::string_view instruction() const {
        return timing_.kind == Wait::Mwait ? "MWAIT" : timing_.kind == Wait::Umwait ? "UMWAIT" : "TPAUSE";
    }

    /// The kind of wait and its time; the line and whether the processor waits at all are in CpuState.
    struct Timing {
        Armed armed = Armed::ByMonitor;
        Wait kind = Wait::Mwait;
        u64 deadline_ns = kNever;
        bool limited = false;
        template<class V>
        constexpr void fields(V& v) {
            v("armed", armed);
            v("kind", kind);
            v("deadline_ns", deadline_ns);
            v("limited", limited);
        }
    };
    [[nodiscard]] const Timing& timing() const { return timing_; }
    void set_timing(const Timing& timing) { timing_ = timing; }

  private:
    static constexpr u32 kNoPage = ~u32{0};
    void watch(u32 page);
    void wake();

    PhysicalMap& map_;
    CpuState& state_;
    Timing timing_;
    u32 page_ = kNoPage;  ///< flagged for us
    std::function<void()> woken_;
    std::function<void(u64 ns)> wake_at_;
};

/// The time has come that on_deadline() told of: UMWAIT and TPAUSE end, unless something else has ended them.
void end_timed_wait(Cpu& cpu);

}  // namespace gnomon
