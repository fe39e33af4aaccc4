// The address-range monitor. SDM Vol. 2, "MONITOR—Set Up Monitor Address" and "MWAIT—Monitor Wait".
#include "cpu/monitor_unit.h"

#include <utility>

namespace gnomon {
namespace {

constexpr u64 kLinesOfAPage = kPageSize / MonitorUnit::kLine;

}  // namespace

MonitorUnit::MonitorUnit(PhysicalMap& map, CpuState& state) : map_(map), state_(state) {
    map_.observe_writes(PageFlag::Monitored, *this);
}

MonitorUnit::~MonitorUnit() { map_.stop_observing(PageFlag::Monitored, *this); }

void MonitorUnit::arm(GuestPhys address) {
    const PhysicalMap::Page page = map_.page(address);
    const u64 line = page.ram_page * kLinesOfAPage + address.page_offset() / kLine;
    state_.monitored_line = page.ram && line < kNone ? static_cast<u32>(line) : kNone;
    rearm();
}

void MonitorUnit::rearm() {
    if (armed()) watch(static_cast<u32>(state_.monitored_line / kLinesOfAPage));
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
    if (state_.activity != Activity::Waiting) return;
    state_.activity = Activity::Active;
    if (woken_) woken_();
}

}  // namespace gnomon
