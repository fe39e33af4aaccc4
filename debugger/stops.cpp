// When the machine stands: breakpoints on execution and counts, motions that are done, hits and their bookkeeping.
#include "debugger/processor.h"

namespace gnomon {

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
        switch (b.on) {
            case BreakOn::Linear: here = linear - b.address < b.length; break;
            case BreakOn::Physical:
                here = cpu.mmu().inspect(LinearAddr(linear), physical) && physical.value - b.address < b.length;
                break;
            default: here = cpu.segment(Seg::CS).selector == b.selector && cpu.state.rip == b.address;
        }
        if (!here) continue;
        std::string place = b.on == BreakOn::Virtual ? fmt::format("{:04x}:{:x}", b.selector, b.address) : fmt::format("{:#x}", b.address);
        if (b.on == BreakOn::Physical) place += " (physical)";
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

}  // namespace gnomon
