// One processor under the debugger: what it reports is matched with the breakpoints. Part of the debugger's core.
#pragma once

#include <algorithm>

#include "cpu/observer.h"
#include "debugger/debugger.h"
#include "debugger/stepping.h"

namespace gnomon {

[[nodiscard]] constexpr u32 bit(BreakOn on) { return u32{1} << static_cast<unsigned>(on); }
inline constexpr u32 kExecution = bit(BreakOn::Linear) | bit(BreakOn::Physical) | bit(BreakOn::Virtual);
inline constexpr u32 kData = bit(BreakOn::Access) | bit(BreakOn::PhysicalAccess);
inline constexpr u32 kCounts = bit(BreakOn::Instructions) | bit(BreakOn::Time);

/// Sorted page addresses.
inline void add_page(std::vector<u64>& pages, u64 address) {
    const u64 page = address & kPageMask;
    const auto at = std::lower_bound(pages.begin(), pages.end(), page);
    if (at == pages.end() || *at != page) pages.insert(at, page);
}
[[nodiscard]] inline bool has_page(const std::vector<u64>& pages, u64 address) {
    return !pages.empty() && std::binary_search(pages.begin(), pages.end(), address & kPageMask);
}


class Debugger::Processor final : public CpuObserver, public AccessWatch {
  public:
    Processor(Debugger& debugger, Cpu& cpu, unsigned index)
        : debugger_(debugger), cpu_(cpu), index_(index), mode_(mode_name(cpu.state)) {
        cpu.observe(this);
    }
    ~Processor() {
        cpu_.observe(nullptr);
        cpu_.mmu().watch_accesses(nullptr);
    }

    [[nodiscard]] Cpu& cpu() { return cpu_; }
    [[nodiscard]] unsigned index() const { return index_; }

    u64 allowance(Cpu& cpu) override;
    bool watches_code(Cpu& cpu, u64 linear) override {
        if (has_page(code_pages_, linear)) return true;
        GuestPhys physical;
        return !physical_code_pages_.empty() && cpu.mmu().inspect(LinearAddr(linear), physical) &&
               has_page(physical_code_pages_, physical.value);
    }
    [[nodiscard]] bool covers(LinearAddr page, GuestPhys physical_page) const override {
        return all_data_ || has_page(data_pages_, page.value) || has_page(physical_data_pages_, physical_page.value) ||
               (page_tables_ && is_page_table(physical_page));
    }

    void event(Cpu& cpu, EventKind kind, const Fault& fault) override;
    void shut_down(Cpu& cpu) override;
    void data_access(Cpu& cpu, u64 linear, unsigned size, bool write, const void* value) override;
    void port_access(Cpu& cpu, u16 port, unsigned size, bool write, u32 value) override;
    void control_register(Cpu& cpu, unsigned number, u64 before, u64 after) override;
    void msr_access(Cpu& cpu, u32 index, bool write, u64 value) override;
    void mode_updated(Cpu& cpu) override;
    void task_switch(Cpu& cpu, u16 from, u16 to) override;
    void magic_exchange(Cpu& cpu, unsigned number) override;

    /// Every enabled breakpoint of these kinds that `matches` is due at the next instruction boundary.
    template<class Matches>
    void match(BreakOn on, StopKind kind, const Matches& matches, const std::function<std::string()>& what,
               const Stop& details = {}) {
        if (!(debugger_.kinds_ & bit(on))) return;
        for (const Breakpoint& b : debugger_.breakpoints_) {
            if (b.on != on || !b.enabled || (b.processor && *b.processor != index_) || !matches(b)) continue;
            Stop stop = details;
            stop.kind = kind;
            stop.reason = what();
            due_.push_back({b.id, std::move(stop)});
            cpu_.break_chain();
        }
    }

    [[nodiscard]] bool is_page_table(GuestPhys physical) const {
        PhysicalMap& map = cpu_.mmu().physical_map();
        const PhysicalMap::Page page = map.page(physical);
        return page.ram && (map.flags(page.ram_page) & static_cast<u8>(PageFlag::PageTable));
    }

    struct Due {
        int id;
        Stop stop;
    };
    std::vector<Due> due_;
    std::vector<u64> code_pages_, physical_code_pages_, data_pages_, physical_data_pages_;
    bool all_data_ = false;
    bool page_tables_ = false;
    std::vector<Delivered> events_;   ///< a ring: the oldest is at oldest_event_
    size_t oldest_event_ = 0;
    // Of the run in progress.
    bool fresh_ = false;           ///< no instruction was executed yet: the one at resume_ip_ passes its breakpoint
    u64 resume_ip_ = 0;
    u64 steps_ = 0;
    u64 start_stack_ = 0;
    std::optional<u64> target_;    ///< step over: the linear address behind the instruction
    u64 last_linear_ = 0;
    Shape last_;
    bool selectors_changed_ = false;

  private:
    Debugger& debugger_;
    Cpu& cpu_;
    unsigned index_;
    std::string_view mode_;
};

}  // namespace gnomon
