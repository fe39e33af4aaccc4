// The debugger's core: the list of breakpoints, running, and access to what the machine holds. Where processors
// report to is processor.cpp; what stops them stops.cpp.
#include "debugger/debugger.h"

#include <algorithm>

#include "cpu/system_registers.h"
#include "debugger/processor.h"

namespace gnomon {

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
        p->page_tables_ = kinds_ & bit(BreakOn::PageTableWrite);
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
        const bool data = p->all_data_ || p->page_tables_ || !p->data_pages_.empty() || !p->physical_data_pages_.empty();
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
        machine_.let_stand(motion.standing);
        const RunEnd end = loop_.run();
        machine_.let_stand({});
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
