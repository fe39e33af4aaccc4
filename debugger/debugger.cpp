// Where the processors report to: matching of breakpoints, motions, and the bookkeeping of stops.
#include "debugger/debugger.h"

#include <algorithm>
#include <cstring>

#include "cpu/decode.h"
#include "cpu/model.h"
#include "cpu/observer.h"
#include "cpu/shutdown_report.h"
#include "cpu/system_registers.h"

namespace gnomon {
namespace {

constexpr u32 bit(BreakOn on) { return u32{1} << static_cast<unsigned>(on); }
constexpr u32 kExecution = bit(BreakOn::Linear) | bit(BreakOn::Physical) | bit(BreakOn::Virtual);
constexpr u32 kData = bit(BreakOn::Access) | bit(BreakOn::PhysicalAccess);
constexpr u32 kCounts = bit(BreakOn::Instructions) | bit(BreakOn::Time);
constexpr size_t kRememberedEvents = 16;

bool overlap(u64 a, u64 a_size, u64 b, u64 b_size) { return a < b + b_size && b < a + a_size; }

void add_page(std::vector<u64>& pages, u64 address) {
    const u64 page = address & kPageMask;
    const auto at = std::lower_bound(pages.begin(), pages.end(), page);
    if (at == pages.end() || *at != page) pages.insert(at, page);
}
bool has_page(const std::vector<u64>& pages, u64 address) {
    return !pages.empty() && std::binary_search(pages.begin(), pages.end(), address & kPageMask);
}

/// All but the registers of the floating-point and vector units, which no event is explained by.
void copy_integer_state(CpuState& to, const CpuState& from, u32 eflags) {
    to.gpr = from.gpr;
    to.rip = from.rip;
    to.eflags = eflags;
    to.segments = from.segments;
    to.ldtr = from.ldtr;
    to.tr = from.tr;
    to.gdtr = from.gdtr;
    to.idtr = from.idtr;
    to.cr0 = from.cr0;
    to.cr2 = from.cr2;
    to.cr3 = from.cr3;
    to.cr4 = from.cr4;
    to.cpl = from.cpl;
    to.msr = from.msr;
}

enum class Flow : u8 { Straight, Call, Return, Repeated };

struct Shape {
    Flow flow = Flow::Straight;
    unsigned length = 0;  ///< 0: cannot be read or decoded
};

/// What kind of instruction stands at the processor's IP.
Shape shape_at(Debugger& debugger, unsigned processor) {
    Cpu& cpu = debugger.cpu(processor);
    std::array<u8, 15> bytes{};
    const auto available =
        static_cast<unsigned>(debugger.read_linear(processor, code_address(cpu.state), bytes));
    Decoded decoded;
    if (available == 0 || decode(bytes.data(), available, cpu.mode_key, cpu.features(), decoded) != DecodeStatus::Ok)
        return {};
    Shape shape{Flow::Straight, decoded.length};
    const std::string_view name = decoded.row->mnemonic;
    if (name.starts_with("CALL") || name == "INT" || name == "INT3" || name == "INTO" || name == "SYSCALL" ||
        name == "SYSENTER")
        shape.flow = Flow::Call;
    else if (name.starts_with("RET") || name.starts_with("IRET") || name.starts_with("SYSRET") || name == "SYSEXIT")
        shape.flow = Flow::Return;
    else if (decoded.prefixes & (prefix::kRep | prefix::kRepne))
        shape.flow = Flow::Repeated;
    return shape;
}

u64 stack_pointer(const Cpu& cpu) {
    return linear_address(cpu.state, Seg::SS, cpu.state.gpr[reg::SP] & (code_bits(cpu.state) == 64 ? ~u64{0} : cpu.stack_mask()));
}

}  // namespace

// ---- one processor --------------------------------------------------------------------------------------

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
        return all_data_ || has_page(data_pages_, page.value) || has_page(physical_data_pages_, physical_page.value);
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

    struct Due {
        int id;
        Stop stop;
    };
    std::vector<Due> due_;
    std::vector<u64> code_pages_, physical_code_pages_, data_pages_, physical_data_pages_;
    bool all_data_ = false;
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

u64 Debugger::Processor::allowance(Cpu& cpu) {
    Debugger& d = debugger_;
    if (d.stopping_) return 0;
    if (selectors_changed_ && (d.kinds_ & bit(BreakOn::Virtual))) {
        selectors_changed_ = false;
        bool more = false;
        for (const Breakpoint& b : d.breakpoints_)
            if (b.on == BreakOn::Virtual && b.enabled && b.selector == cpu.segment(Seg::CS).selector) {
                const u64 linear = linear_address(cpu.state, Seg::CS, b.address);
                more |= !has_page(code_pages_, linear);
                add_page(code_pages_, linear);
            }
        if (more) cpu.forget_blocks();
    }
    for (Due& due : std::exchange(due_, {}))
        if (Breakpoint* b = d.find(due.id); b && !d.stopping_) d.hit(*b, *this, {}, std::move(due.stop));
    const u64 linear = code_address(cpu.state);
    const bool resumed = std::exchange(fresh_, false);
    const bool passes = resumed && linear == resume_ip_;
    if (!resumed) steps_++;
    const bool watched = watches_code(cpu, linear);
    if (!d.stopping_ && watched && !passes) d.check_execution(*this);
    if (!d.stopping_ && !resumed && (d.kinds_ & bit(BreakOn::Branch)) && last_.length != 0 &&
        linear != last_linear_ + last_.length) {
        match(BreakOn::Branch, StopKind::Event, [](const Breakpoint&) { return true; },
              [&] { return fmt::format("branch from {:#x} to {:#x}", last_linear_, linear); });
        for (Due& due : std::exchange(due_, {}))
            if (Breakpoint* b = d.find(due.id); b && !d.stopping_) d.hit(*b, *this, {}, std::move(due.stop));
    }
    if (!d.stopping_ && d.motion_done(*this)) {}
    u64 limit = kFree;
    if (!d.stopping_ && d.counts_) limit = d.next_count_stop(cpu);
    if (d.stopping_) return 0;
    const bool steps = d.motion_.processor == index_ && d.motion_.go != Go::Continue && d.motion_.go != Go::Until && !target_;
    if (d.every_instruction_ || steps) {
        last_linear_ = linear;
        const bool shaped = (d.kinds_ & bit(BreakOn::Branch)) || d.motion_.go == Go::Out || d.motion_.go == Go::NextBranch ||
                            d.motion_.go == Go::NextReturn;
        last_ = shaped ? shape_at(d, index_) : Shape{};
    }
    if (d.trace_instructions_) {
        cpu.sync_clock();
        d.trace_->instruction(cpu, {index_, linear, cpu.segment(Seg::CS).selector, cpu.state.rip, cpu.clock().instructions()});
    }
    return d.every_instruction_ || d.trace_instructions_ || steps || watched ? 1 : limit;
}

void Debugger::Processor::event(Cpu& cpu, EventKind kind, const Fault& fault) {
    const bool full = events_.size() == kRememberedEvents;
    Delivered& record = full ? events_[oldest_event_] : events_.emplace_back();
    if (full) oldest_event_ = (oldest_event_ + 1) % kRememberedEvents;
    record.kind = kind;
    record.fault = fault;
    record.number = cpu.clock().instructions();
    copy_integer_state(record.before, cpu.state, cpu.eflags());
    if (debugger_.trace_) debugger_.trace_->event(cpu, index_, kind, fault);
    const auto vector = static_cast<u32>(fault.vector);
    match(
        BreakOn::Event, StopKind::Event,
        [&](const Breakpoint& b) {
            return (!b.number || *b.number == vector) && (!b.error || (fault.has_error && *b.error == fault.error));
        },
        [&] {
            constexpr std::string_view kKinds[] = {"external interrupt", "NMI",         "exception",
                                                   "software interrupt", "exception",   "INT1"};
            std::string text = fmt::format("{} {} at {:04x}:{:08x}", kKinds[static_cast<unsigned>(kind)],
                                           vector_name(fault.vector), cpu.segment(Seg::CS).selector, cpu.state.rip);
            if (fault.has_error) text += fmt::format(", error code {:#x}", fault.error);
            if (kind == EventKind::Exception && fault.vector == Vector::PF) text += fmt::format(", address {:#x}", fault.address);
            return text;
        });
}

void Debugger::Processor::shut_down(Cpu&) {
    if (debugger_.stopping_) return;
    for (Breakpoint& b : debugger_.breakpoints_)
        if (b.on == BreakOn::TripleFault && b.enabled && !debugger_.stopping_) {
            Stop stop;
            stop.kind = StopKind::Event;
            stop.reason = "triple fault";
            debugger_.hit(b, *this, {}, std::move(stop));
        }
    if (debugger_.stopping_ || !debugger_.stop_at_triple_faults_) return;
    Stop stop;
    stop.kind = StopKind::Event;
    stop.processor = index_;
    stop.reason = "triple fault";
    debugger_.halt(std::move(stop));
}

void Debugger::Processor::data_access(Cpu& cpu, u64 linear, unsigned size, bool write, const void* value) {
    Debugger& d = debugger_;
    if (d.trace_ && all_data_) d.trace_->access(cpu, index_, linear, size, write, value);
    if (!(d.kinds_ & (kData | bit(BreakOn::PageTableWrite)))) return;
    Stop details;
    details.linear = linear;
    details.size = size;
    details.write = write;
    const auto what = [&] {
        u64 number = 0;
        std::memcpy(&number, value, std::min(size, 8u));
        return fmt::format("{} of {} byte{} at {:#x}, value {:#x}, by {:04x}:{:08x}", write ? "write" : "read", size,
                           size == 1 ? "" : "s", linear, number, cpu.segment(Seg::CS).selector, cpu.state.rip);
    };
    const auto kind_fits = [&](const Breakpoint& b) { return write ? b.on_write : b.on_read; };
    match(
        BreakOn::Access, StopKind::Watchpoint,
        [&](const Breakpoint& b) { return kind_fits(b) && overlap(b.address, b.length, linear, size); }, what, details);
    if (!(d.kinds_ & (bit(BreakOn::PhysicalAccess) | bit(BreakOn::PageTableWrite)))) return;
    for (unsigned done = 0; done < size;) {
        const LinearAddr at(linear + done);
        const auto piece = static_cast<unsigned>(std::min<u64>(size - done, kPageSize - at.page_offset()));
        done += piece;
        GuestPhys physical;
        if (!cpu.mmu().inspect(at, physical)) continue;
        match(
            BreakOn::PhysicalAccess, StopKind::Watchpoint,
            [&](const Breakpoint& b) { return kind_fits(b) && overlap(b.address, b.length, physical.value, piece); },
            [&] { return what() + fmt::format(" (physical {:#x})", physical.value); }, details);
        const PhysicalMap::Page page = cpu.mmu().physical_map().page(physical);
        if (!write || !page.ram ||
            !(cpu.mmu().physical_map().flags(page.ram_page) & static_cast<u8>(PageFlag::PageTable)))
            continue;
        match(
            BreakOn::PageTableWrite, StopKind::Event, [](const Breakpoint&) { return true; },
            [&] { return what() + fmt::format(" (physical {:#x}: a page table)", physical.value); }, details);
    }
}

void Debugger::Processor::port_access(Cpu& cpu, u16 port, unsigned size, bool write, u32 value) {
    if (debugger_.trace_) debugger_.trace_->port(cpu, index_, port, size, write, value);
    match(
        BreakOn::Port, StopKind::Event,
        [&](const Breakpoint& b) { return (write ? b.on_write : b.on_read) && overlap(b.address, b.length, port, size); },
        [&] { return fmt::format("{} of {:#x} {} port {:#x}", write ? "OUT" : "IN", value, write ? "to" : "from", port); });
}

void Debugger::Processor::control_register(Cpu&, unsigned number, u64 before, u64 after) {
    match(
        BreakOn::ControlRegister, StopKind::Event, [&](const Breakpoint& b) { return !b.number || *b.number == number; },
        [&] { return fmt::format("CR{} changed from {:#x} to {:#x}", number, before, after); });
}

void Debugger::Processor::msr_access(Cpu&, u32 index, bool write, u64 value) {
    match(
        BreakOn::Msr, StopKind::Event,
        [&](const Breakpoint& b) { return (!b.number || *b.number == index) && (write ? b.on_write : b.on_read); },
        [&] { return fmt::format("{} MSR {:#x}, value {:#x}", write ? "WRMSR to" : "RDMSR of", index, value); });
}

void Debugger::Processor::mode_updated(Cpu& cpu) {
    selectors_changed_ = true;
    if (debugger_.kinds_ & bit(BreakOn::Virtual)) cpu.break_chain();
    const std::string_view now = mode_name(cpu.state);
    if (now == mode_) return;
    const std::string_view before = std::exchange(mode_, now);
    match(BreakOn::ModeSwitch, StopKind::Event, [](const Breakpoint&) { return true; },
          [&] { return fmt::format("mode switch from {} to {}", before, now); });
}

void Debugger::Processor::task_switch(Cpu&, u16 from, u16 to) {
    match(BreakOn::TaskSwitch, StopKind::Event, [](const Breakpoint&) { return true; },
          [&] { return fmt::format("task switch from {:#06x} to {:#06x}", from, to); });
}

void Debugger::Processor::magic_exchange(Cpu&, unsigned number) {
    match(
        BreakOn::MagicExchange, StopKind::Event,
        [&](const Breakpoint& b) { return b.number.value_or(reg::BX) == number; },
        [] { return std::string("magic breakpoint (XCHG of a register with itself)"); });
}

// ---- the debugger ---------------------------------------------------------------------------------------

Debugger::Debugger(Machine& machine, RunLoop& loop) : machine_(machine), loop_(loop) {
    for (Cpu* cpu : machine.cpus())
        processors_.push_back(std::make_unique<Processor>(*this, *cpu, static_cast<unsigned>(processors_.size())));
}
Debugger::~Debugger() = default;

Machine& Debugger::machine() { return machine_; }
unsigned Debugger::processors() const { return static_cast<unsigned>(processors_.size()); }
Cpu& Debugger::cpu(unsigned processor) { return processors_.at(processor)->cpu(); }
const std::vector<Debugger::Delivered>& Debugger::events(unsigned processor) const {
    Processor& p = *processors_.at(processor);
    std::rotate(p.events_.begin(), p.events_.begin() + static_cast<std::ptrdiff_t>(p.oldest_event_), p.events_.end());
    p.oldest_event_ = 0;
    return p.events_;
}

int Debugger::add(Breakpoint breakpoint) {
    breakpoint.id = next_id_++;
    breakpoints_.push_back(std::move(breakpoint));
    stale_ = true;
    return breakpoints_.back().id;
}

bool Debugger::remove(int id) {
    stale_ = true;
    return std::erase_if(breakpoints_, [id](const Breakpoint& b) { return b.id == id; }) != 0;
}

Breakpoint* Debugger::find(int id) {
    const auto found = std::find_if(breakpoints_.begin(), breakpoints_.end(), [id](const Breakpoint& b) { return b.id == id; });
    return found == breakpoints_.end() ? nullptr : &*found;
}

/// Works out what must be looked at. Links between blocks do not know about pages that are watched from now
/// on, so the blocks are forgotten.
void Debugger::refresh() {
    stale_ = false;
    kinds_ = 0;
    for (const Breakpoint& b : breakpoints_)
        if (b.enabled) kinds_ |= bit(b.on);
    trace_instructions_ = trace_ && trace_->wants_instructions();
    every_instruction_ = kinds_ & bit(BreakOn::Branch);
    counts_ = kinds_ & kCounts;
    for (const auto& p : processors_) {
        p->code_pages_.clear();
        p->physical_code_pages_.clear();
        p->data_pages_.clear();
        p->physical_data_pages_.clear();
        p->selectors_changed_ = true;
        p->all_data_ = trace_ && trace_->wants_accesses();
        for (const Breakpoint& b : breakpoints_) {
            if (!b.enabled || (b.processor && *b.processor != p->index())) continue;
            const u64 last = b.address + std::max<u64>(b.length, 1) - 1;
            for (u64 at = b.address & kPageMask; (b.on_execution() || b.on_data()) && at <= last; at += kPageSize) {
                if (b.on == BreakOn::Linear) add_page(p->code_pages_, at);
                if (b.on == BreakOn::Physical) add_page(p->physical_code_pages_, at);
                if (b.on == BreakOn::Access) add_page(p->data_pages_, at);
                if (b.on == BreakOn::PhysicalAccess) add_page(p->physical_data_pages_, at);
                if (at > ~u64{0} - kPageSize) break;
            }
        }
        if (p->target_) add_page(p->code_pages_, *p->target_);
        p->cpu().forget_blocks();
        const bool data = p->all_data_ || !p->data_pages_.empty() || !p->physical_data_pages_.empty();
        p->cpu().mmu().watch_accesses(data ? p.get() : nullptr);
    }
}

const Stop& Debugger::go(const Motion& motion) {
    const bool counted = motion.go == Go::Over || motion.go == Go::Out || motion.go == Go::NextBranch || motion.go == Go::NextReturn;
    for (u64 round = counted ? std::max<u64>(motion.count, 1) : 1; round > 0; round--) {
        machine_.resume();
        stopping_ = false;
        motion_ = motion;
        for (const auto& p : processors_) {
            p->fresh_ = true;
            p->steps_ = 0;
            p->resume_ip_ = code_address(p->cpu().state);
            p->start_stack_ = stack_pointer(p->cpu());
            p->last_ = {};
            p->due_.clear();
            if (p->target_) stale_ = true;
            p->target_.reset();
        }
        if (motion.go == Go::Over || motion.go == Go::Until) plan_step_over(motion);
        if (stale_) refresh();
        stop_ = {};
        running_ = true;
        const RunEnd end = loop_.run();
        running_ = false;
        if (!stopping_) {
            stop_ = {};
            stop_.kind = StopKind::Ended;
            stop_.processor = current_;
            stop_.reason = end.reason.empty() ? fmt::format("the run has ended with status {}", end.status) : end.reason;
            stop_.end = end;
        }
        current_ = stop_.processor;
        if (stop_.kind != StopKind::Step) break;
    }
    if (Breakpoint* b = find(stop_.breakpoint); b && b->temporary) remove(b->id);
    return stop_;
}

void Debugger::plan_step_over(const Motion& motion) {
    Processor& p = *processors_.at(motion.processor);
    if (motion.go == Go::Until) {
        p.target_ = motion.address;
    } else {
        const Shape shape = shape_at(*this, motion.processor);
        if (shape.flow == Flow::Call || shape.flow == Flow::Repeated) p.target_ = p.resume_ip_ + shape.length;
    }
    if (p.target_) stale_ = true;
}

void Debugger::interrupt(std::string reason) {
    if (stopping_ || !running_) return;
    Stop stop;
    stop.kind = StopKind::Interrupted;
    stop.processor = current_;
    stop.reason = std::move(reason);
    halt(std::move(stop));
}

void Debugger::halt(Stop stop) {
    stop_ = std::move(stop);
    stopping_ = true;
    machine_.pause();
}

/// A breakpoint matches: counts it, and stops unless its condition, its counter or its kind says otherwise.
bool Debugger::hit(Breakpoint& breakpoint, Processor& where, std::string what, Stop stop) {
    if (breakpoint.holds && !breakpoint.holds(where.cpu())) return false;
    breakpoint.hits++;
    if (breakpoint.ignore != 0) {
        breakpoint.ignore--;
        return false;
    }
    if (stop.reason.empty()) stop.reason = std::move(what);
    if (breakpoint.reports_only) {
        if (reporter_) reporter_(stop.reason);
        return false;
    }
    stop.processor = where.index();
    stop.breakpoint = breakpoint.id;
    stop.owner = breakpoint.owner;
    stop.commands = breakpoint.commands;
    halt(std::move(stop));
    return true;
}

bool Debugger::check_execution(Processor& where) {
    if (!(kinds_ & kExecution)) return false;
    Cpu& cpu = where.cpu();
    const u64 linear = code_address(cpu.state);
    for (Breakpoint& b : breakpoints_) {
        if (!b.enabled || !b.on_execution() || (b.processor && *b.processor != where.index())) continue;
        GuestPhys physical;
        bool here = false;
        std::string place = fmt::format("{:#x}", b.address);
        switch (b.on) {
            case BreakOn::Linear: here = linear - b.address < b.length; break;
            case BreakOn::Physical:
                here = cpu.mmu().inspect(LinearAddr(linear), physical) && physical.value - b.address < b.length;
                place += " (physical)";
                break;
            default:
                here = cpu.segment(Seg::CS).selector == b.selector && cpu.state.rip == b.address;
                place = fmt::format("{:04x}:{:x}", b.selector, b.address);
        }
        if (!here) continue;
        Stop stop;
        stop.kind = StopKind::Breakpoint;
        const std::string name = symbol_text(linear);
        if (!name.empty()) place += " <" + name + ">";
        if (hit(b, where, fmt::format("breakpoint {} at {}", b.id, place), std::move(stop))) return true;
    }
    return false;
}

/// Stops if what go() was asked for is done.
bool Debugger::motion_done(Processor& where) {
    if (motion_.processor != where.index() || motion_.go == Go::Continue || where.fresh_ || where.steps_ == 0) return false;
    Cpu& cpu = where.cpu();
    const u64 linear = code_address(cpu.state);
    bool done = false;
    switch (motion_.go) {
        case Go::Step: done = where.steps_ >= motion_.count; break;
        case Go::Over:
            // A procedure that calls itself comes by here too, with more on the stack.
            done = !where.target_ || (linear == *where.target_ && stack_pointer(cpu) >= where.start_stack_);
            break;
        case Go::Until: done = linear == motion_.address; break;
        case Go::Out: done = where.last_.flow == Flow::Return && stack_pointer(cpu) > where.start_stack_; break;
        case Go::NextBranch: done = where.last_.length != 0 && linear != where.last_linear_ + where.last_.length; break;
        case Go::NextReturn: done = where.last_.flow == Flow::Return; break;
        case Go::Range: done = linear - motion_.address >= motion_.count; break;
        case Go::Continue: break;
    }
    if (!done) return false;
    Stop stop;
    stop.kind = StopKind::Step;
    stop.processor = where.index();
    stop.reason = "step";
    halt(std::move(stop));
    return true;
}

/// Stops at counts that are reached; how many instructions there are to the next.
u64 Debugger::next_count_stop(Cpu& cpu) {
    cpu.sync_clock();
    VirtualClock& clock = machine_.clock();
    u64 limit = CpuObserver::kFree;
    for (Breakpoint& b : breakpoints_) {
        if (!b.enabled || stopping_ || b.hits != 0) continue;
        u64 left = 0;
        if (b.on == BreakOn::Instructions)
            left = b.address > clock.instructions() ? b.address - clock.instructions() : 0;
        else if (b.on == BreakOn::Time)
            left = clock.mode() == ClockMode::Deterministic ? clock.instructions_until(b.address)
                   : b.address > clock.now()                ? CpuObserver::kFree
                                                            : 0;
        else
            continue;
        if (left != 0) {
            limit = std::min(limit, left);
            continue;
        }
        Stop stop;
        stop.kind = StopKind::Event;
        stop.reason = b.on == BreakOn::Instructions ? "the number of instructions is reached" : "the virtual time is reached";
        for (const auto& p : processors_)
            if (&p->cpu() == &cpu) hit(b, *p, {}, std::move(stop));
    }
    return limit;
}

std::string Debugger::symbol_text(u64 linear) const {
    if (!symbols_) return {};
    const std::optional<SymbolSource::Place> place = symbols_->symbol_at(linear);
    if (!place) return {};
    return place->offset == 0 ? place->name : fmt::format("{}+{:#x}", place->name, place->offset);
}

// ---- memory ---------------------------------------------------------------------------------------------

size_t Debugger::read_linear(unsigned processor, u64 linear, std::span<u8> out) {
    size_t done = 0;
    while (done < out.size()) {
        const LinearAddr at(linear + done);
        const size_t piece = std::min<size_t>(out.size() - done, kPageSize - at.page_offset());
        GuestPhys physical;
        if (!cpu(processor).mmu().inspect(at, physical) || !machine_.memory().peek(physical, out.subspan(done, piece))) break;
        done += piece;
    }
    return done;
}

bool Debugger::write_linear(unsigned processor, u64 linear, std::span<const u8> bytes) {
    std::vector<u8> probe(bytes.size());
    if (read_linear(processor, linear, probe) != bytes.size()) return false;
    for (size_t done = 0; done < bytes.size();) {
        const LinearAddr at(linear + done);
        const size_t piece = std::min<size_t>(bytes.size() - done, kPageSize - at.page_offset());
        GuestPhys physical;
        if (!cpu(processor).mmu().inspect(at, physical) || !machine_.memory().poke(physical, bytes.subspan(done, piece)))
            return false;
        done += piece;
    }
    return true;
}

bool Debugger::read_physical(u64 address, std::span<u8> out) { return machine_.memory().peek(GuestPhys(address), out); }
bool Debugger::write_physical(u64 address, std::span<const u8> bytes) { return machine_.memory().poke(GuestPhys(address), bytes); }

// ---- what a state means ---------------------------------------------------------------------------------

unsigned code_bits(const CpuState& state) {
    const u16 attributes = state.segments[static_cast<unsigned>(Seg::CS)].attributes;
    if ((state.msr.efer & efer::LMA) && (attributes & attribute::kLong)) return 64;
    return attributes & attribute::kBig ? 32 : 16;
}

std::string_view mode_name(const CpuState& state) {
    if (!(state.cr0 & cr0::PE)) return "real mode";
    if (state.msr.efer & efer::LMA) return code_bits(state) == 64 ? "64-bit mode" : "compatibility mode";
    if (state.eflags & flag::VM) return "virtual-8086 mode";
    return code_bits(state) == 32 ? "32-bit protected mode" : "16-bit protected mode";
}

u64 linear_address(const CpuState& state, Seg seg, u64 offset) {
    const u64 base = state.segments[static_cast<unsigned>(seg)].base;
    if (code_bits(state) != 64) return static_cast<u32>(base + offset);
    return seg == Seg::FS || seg == Seg::GS ? base + offset : offset;
}

}  // namespace gnomon
