// Performance-monitoring counters of the P6 family and of AMD's processors. SDM Vol. 3, "Performance
// Monitoring (P6 Family Processor)"; AMD APM Vol. 2, "Performance Monitoring Counters".
#pragma once

#include <algorithm>

#include "cpu/state.h"
#include "support/types.h"

namespace gnomon {

class Cpu;
struct CpuModel;

/// Counts retired instructions and unhalted cycles, of which an instruction takes one; every other event
/// stays at zero. Nothing is counted while instructions run: what has retired is added when somebody reads a
/// counter, changes what it counts, or (for those that count only users or only the system) enters another
/// privilege level.
class PerformanceCounters {
  public:
    static constexpr u64 kNever = ~u64{0};

    /// The state is that of the processor.
    explicit PerformanceCounters(Cpu& cpu);

    /// How many RDPMC finds, without CPUID leaf 0Ah, which none of the models fills in.
    [[nodiscard]] static unsigned readable(const CpuModel& model);
    /// How many can be programmed: not those of the P5, which are at rest.
    [[nodiscard]] static unsigned programmable(const CpuModel& model);

    /// PerfEvtSel, PERF_CTL; false: a reserved bit is set.
    [[nodiscard]] u64 select(unsigned n) const;
    [[nodiscard]] bool set_select(unsigned n, u64 value);
    /// PerfCtr, PERF_CTR, without the instruction that asks.
    [[nodiscard]] u64 count(unsigned n);
    void set_count(unsigned n, u64 value);

    /// How many instructions may run until a counter overflows and interrupts.
    [[nodiscard]] u64 allowance() const {
        const u64 pending = state().pending;
        return overflow_at_ == kNever ? kNever : overflow_at_ - std::min(overflow_at_, pending);
    }
    /// The allowance was used up: carries the overflow out.
    void end_of_allowance() {
        if (allowance() == 0) settle();
    }
    /// Some counter depends on the privilege level, which has changed.
    [[nodiscard]] bool by_privilege() const { return by_privilege_; }
    void privilege_changed();
    /// After the processor's state was replaced.
    void state_replaced();

  private:
    [[nodiscard]] const PerformanceState& state() const;
    [[nodiscard]] bool counting(unsigned n) const;
    void settle();
    void plan();

    Cpu& cpu_;
    unsigned counters_;
    unsigned width_;            ///< bits of a counter
    u64 reserved_;              ///< bits of a selection
    u64 overflow_at_ = kNever;  ///< when so many instructions are pending, a counter overflows and interrupts
    bool by_privilege_ = false;
};

}  // namespace gnomon
