// What a processor reports: matching of breakpoints on data and events, and the record of the last events.
#include "debugger/processor.h"

#include <cstring>

#include "cpu/shutdown_report.h"
#include "cpu/system_registers.h"

namespace gnomon {
namespace {

constexpr size_t kRememberedEvents = 16;

bool overlap(u64 a, u64 a_size, u64 b, u64 b_size) { return a < b + b_size && b < a + a_size; }

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

}  // namespace

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
        if (Breakpoint* b = d.find(due.id); b && (!d.stopping_ || b->reports_only)) d.hit(*b, *this, {}, std::move(due.stop));
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
            if (Breakpoint* b = d.find(due.id); b && (!d.stopping_ || b->reports_only)) d.hit(*b, *this, {}, std::move(due.stop));
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
        if (!write || !is_page_table(physical)) continue;
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

}  // namespace gnomon
