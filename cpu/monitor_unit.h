// What MONITOR arms and MWAIT waits for: a store to one line of memory, by any processor or device. SDM Vol.
// 3, "MONITOR/MWAIT".
#pragma once

#include <functional>

#include "cpu/state.h"
#include "memory/physical_map.h"

namespace gnomon {

/// Finds stores by a flag on the page of the line, which stays until somebody stores there while nothing is
/// armed: systems arm the same line again and again.
class MonitorUnit final : public PageWriteObserver {
  public:
    static constexpr u32 kLine = 64;  ///< bytes
    static constexpr u32 kNone = ~u32{0};

    /// `state` is that of the processor.
    MonitorUnit(PhysicalMap& map, CpuState& state);
    ~MonitorUnit();
    MonitorUnit(const MonitorUnit&) = delete;
    MonitorUnit& operator=(const MonitorUnit&) = delete;

    /// The line that holds this byte. One that is not in RAM (or beyond 256 GiB of it) is not armed: MWAIT
    /// does not wait.
    void arm(GuestPhys address);
    /// After `state` was replaced.
    void rearm();
    [[nodiscard]] bool armed() const { return state_.monitored_line != kNone; }
    /// Called when a store ends the processor's wait.
    void on_wake(std::function<void()> woken) { woken_ = std::move(woken); }

    void page_written(u32 page, u32 offset, u32 size, const u8* data) override;
    [[nodiscard]] bool watches(u32 page) const override { return page == page_; }

  private:
    static constexpr u32 kNoPage = ~u32{0};
    void watch(u32 page);

    PhysicalMap& map_;
    CpuState& state_;
    u32 page_ = kNoPage;  ///< flagged for us
    std::function<void()> woken_;
};

}  // namespace gnomon
