// The address-range monitor, and waits with a deadline. SDM Vol. 2, "MONITOR—Set Up Monitor Address",
// "MWAIT—Monitor Wait", "UMWAIT—User Level Monitor Wait", "TPAUSE—Timed PAUSE".
#include "cpu/monitor_unit.h"

#include <utility>

namespace gnomon {
namespace {

constexpr u64 kLinesOfAPage = kPageSize / MonitorUnit::kLine;

}  // namespace

static_assert(every_field_listed<MonitorUnit::Timing>());

MonitorUnit::MonitorUnit(PhysicalMap& map, CpuState& state) : map_(map), state_(state) {
    map_.observe_writes(PageFlag::Monitored, *this);
}

MonitorUnit::~MonitorUnit() { map_.stop_observing(PageFlag::Monitored, *this); }

void MonitorUnit::arm(GuestPhys address, Armed by) {
    const PhysicalMap::Page page = map_.page(address);
    const u64 line = page.ram_page * kLinesOfAPage + address.page_offset() / kLine;
    state_.monitored_line = page.ram && line < kNone ? static_cast<u32>(line) : kNone;
    timing_.armed = by;
    rearm();
}

void MonitorUnit::rearm() {
    if (armed()) watch(static_cast<u32>(state_.monitored_line / kLinesOfAPage));
}

void MonitorUnit::wait(Wait kind, u64 deadline_ns, bool limited) {
    state_.activity = Activity::Waiting;
    timing_.kind = kind;
    timing_.deadline_ns = deadline_ns;
    timing_.limited = limited;
    if (deadline_ns != kNever && wake_at_) wake_at_(deadline_ns);
}

void MonitorUnit::wake() {
    state_.activity = Activity::Active;
    if (woken_) woken_();
}

bool MonitorUnit::end_at(u64 now_ns) {
    if (!waits() || timing_.deadline_ns > now_ns) return false;
    state_.monitored_line = kNone;
    wake();
    return timing_.limited;
}

void MonitorUnit::watch(u32 page) {
    const u32 before = std::exchange(page_, page);
    if (before != page && before != kNoPage) map_.clear_flag(before, PageFlag::Monitored);
    if (page != kNoPage && !(map_.flags(page) & static_cast<u8>(PageFlag::Monitored)))
        map_.set_flag(page, PageFlag::Monitored);
}

void MonitorUnit::page_written(u32 page, u32 offset, u32 size, const u8*) {
    if (page != page_) return;
    if (!armed()) {
        watch(kNoPage);
        return;
    }
    const u64 start = state_.monitored_line % kLinesOfAPage * kLine;
    if (offset >= start + kLine || offset + size <= start) return;
    state_.monitored_line = kNone;
    if (waits() && timing_.kind != Wait::Tpause) wake();
}

}  // namespace gnomon
