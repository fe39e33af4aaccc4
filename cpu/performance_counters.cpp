// What the counters count, and when they overflow.
#include "cpu/performance_counters.h"

#include <utility>

#include "cpu/apic/local_apic.h"
#include "cpu/cpu.h"
#include "cpu/model.h"

namespace gnomon {
namespace {

// PerfEvtSel and PERF_CTL have these fields in common.
constexpr u64 kUser = 1 << 16, kSystem = 1 << 17, kEdge = 1 << 18, kInterrupt = 1 << 20, kEnable = 1 << 22,
              kInvert = 1 << 23;
constexpr unsigned kThresholdShift = 24;
constexpr u64 kHighEvent = u64{0xf} << 32;  // AMD: bits 11 to 8 of the event
constexpr u64 kGuestOnly = u64{1} << 40, kHostOnly = u64{1} << 41;

constexpr u64 kInstructionsRetired = 0xc0;  // of both makers
constexpr u64 kP6Unhalted = 0x79, kAmdUnhalted = 0x76;

bool is_p6(const CpuModel& model) {
    return model.vendor == kVendorIntel && model.family == 6 && model.model < 14;
}
bool is_k7(const CpuModel& model) { return model.vendor == kVendorAmd && model.family >= 6; }
bool is_p5(const CpuModel& model) { return model.vendor == kVendorIntel && model.family == 5; }

/// One event a cycle: a threshold counts cycles with at least (inverted: with fewer than) so many events. An
/// edge is a cycle that differs from the one before, and none does.
bool counts_each_cycle(u64 select) {
    if (select & kEdge) return false;
    const u64 threshold = select >> kThresholdShift & 0xff;
    if (threshold == 0) return true;
    return select & kInvert ? threshold > 1 : threshold == 1;
}

}  // namespace

unsigned PerformanceCounters::programmable(const CpuModel& model) {
    if (!model.features.has(Feature::MSR)) return 0;
    return is_p6(model) ? 2 : is_k7(model) ? 4 : 0;
}

unsigned PerformanceCounters::readable(const CpuModel& model) {
    return is_p5(model) ? 2 : programmable(model);
}

PerformanceCounters::PerformanceCounters(Cpu& cpu)
    : cpu_(cpu),
      counters_(programmable(cpu.model())),
      width_(is_k7(cpu.model()) ? 48 : 40),
      reserved_(is_k7(cpu.model()) ? ~(u64{0xffffffff} | kHighEvent | kGuestOnly | kHostOnly)
                                   : ~u64{0xffffffff}) {}

const PerformanceState& PerformanceCounters::state() const { return cpu_.state.performance; }

u64 PerformanceCounters::select(unsigned n) const { return state().select[n]; }

bool PerformanceCounters::set_select(unsigned n, u64 value) {
    if (value & reserved_) return false;
    settle();
    cpu_.state.performance.select[n] = value;
    cpu_.state.performance.user = cpu_.cpl() != 0;
    plan();
    return true;
}

u64 PerformanceCounters::count(unsigned n) {
    settle();
    return state().count[n];
}

/// The P6 takes 32 bits and extends their sign.
void PerformanceCounters::set_count(unsigned n, u64 value) {
    settle();
    if (width_ == 40) value = static_cast<u64>(static_cast<i64>(static_cast<i32>(value)));
    cpu_.state.performance.count[n] = value & ((u64{1} << width_) - 1);
    plan();
}

bool PerformanceCounters::counting(unsigned n) const {
    const PerformanceState& s = state();
    const u64 select = s.select[n];
    const bool amd = width_ == 48;
    // Of the P6 there is one enable bit, in the first register, for both counters.
    if (!(s.select[amd ? n : 0] & kEnable)) return false;
    if (!(select & (s.user ? kUser : kSystem))) return false;
    // There are no guests of a hypervisor: only a counter of theirs alone stands still.
    if (amd && (select & (kGuestOnly | kHostOnly)) == kGuestOnly) return false;
    const u64 event = (select & 0xff) | (amd ? (select & kHighEvent) >> 24 : 0);
    return (event == kInstructionsRetired || event == (amd ? kAmdUnhalted : kP6Unhalted)) &&
           counts_each_cycle(select);
}

/// Adds what has retired since the last time.
void PerformanceCounters::settle() {
    cpu_.sync_clock();
    PerformanceState& s = cpu_.state.performance;
    const u64 retired = std::exchange(s.pending, 0);
    const u64 mask = (u64{1} << width_) - 1;
    bool interrupt = false;
    for (unsigned n = 0; n < counters_ && retired != 0; n++) {
        if (!counting(n)) continue;
        const u64 sum = s.count[n] + retired;
        s.count[n] = sum & mask;
        interrupt |= sum > mask && (s.select[n] & kInterrupt);
    }
    plan();
    if (interrupt && cpu_.apic) cpu_.apic->performance_overflow();
}

void PerformanceCounters::plan() {
    const PerformanceState& s = state();
    overflow_at_ = kNever;
    by_privilege_ = false;
    for (unsigned n = 0; n < counters_; n++) {
        const u64 levels = s.select[n] & (kUser | kSystem);
        by_privilege_ |= levels == kUser || levels == kSystem;
        if ((s.select[n] & kInterrupt) && counting(n))
            overflow_at_ = std::min(overflow_at_, (u64{1} << width_) - s.count[n]);
    }
    if (overflow_at_ != kNever) cpu_.shorten_budget(allowance());
}

void PerformanceCounters::privilege_changed() {
    const bool user = cpu_.cpl() != 0;
    if (user == state().user) return;
    settle();
    cpu_.state.performance.user = user;
    plan();
}

void PerformanceCounters::state_replaced() { plan(); }

}  // namespace gnomon
