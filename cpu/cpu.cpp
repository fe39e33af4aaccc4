// Memory slow paths, stack, ports, pins and reset of a processor.
#include "cpu/cpu.h"

#include "cpu/block.h"
#include "cpu/debug_registers.h"
#include "cpu/decode.h"
#include "cpu/model.h"
#include "cpu/monitor_unit.h"
#include "cpu/observer.h"
#include "cpu/performance_counters.h"

namespace gnomon {

Cpu::Cpu(const CpuModel& model, PhysicalMap& map, PortSpace& ports, VirtualClock& clock, InterruptController& pic, Log& log,
         Mmu::Shadow shadow)
    : model_(model),
      features_(model.features),
      ports_(ports),
      clock_(clock),
      pic_(pic),
      log_(log),
      mmu_(std::make_unique<Mmu>(map, shadow)),
      blocks_(std::make_unique<BlockCache>(map, features_, current, leave_after)),
      monitor_unit_(std::make_unique<MonitorUnit>(map, state)),
      performance_counters_(std::make_unique<PerformanceCounters>(*this)) {
    reset();
}

Cpu::~Cpu() = default;

// ---- memory ---------------------------------------------------------------------------------------------

bool Cpu::read_slow(u64 linear, unsigned size, void* out, Privilege who) {
    sync_clock();
    if (mode_key & mode::kChecked) note_data_access(*this, linear, size, false);
    PageFault page_fault;
    if (mmu_->read(LinearAddr(linear), size, who, out, page_fault)) {
        if (observer_) observer_->data_access(*this, linear, size, false, out);
        return true;
    }
    fault = {Vector::PF, true, page_fault.error_code, page_fault.address.value};
    return false;
}

bool Cpu::write_slow(u64 linear, unsigned size, const void* value, Privilege who) {
    if (!(mode_key & mode::kChecked) && mmu_->store_flagged(linear, size, who, value)) return true;
    sync_clock();
    if (mode_key & mode::kChecked) note_data_access(*this, linear, size, true);
    PageFault page_fault;
    if (mmu_->write(LinearAddr(linear), size, who, value, page_fault)) {
        if (observer_) observer_->data_access(*this, linear, size, true, value);
        return true;
    }
    fault = {Vector::PF, true, page_fault.error_code, page_fault.address.value};
    return false;
}

u8* Cpu::unnoticed_store(Seg seg, u64 offset, unsigned size) {
    if (accesses_checked()) return nullptr;
    if (in_64bit_mode()) return mmu_->unnoticed_store(linear_address64(seg, offset), size, privilege());
    const Segment& s = segment(seg);
    if (offset < s.write_low || offset + size - 1 > s.write_high) return nullptr;
    return mmu_->unnoticed_store(linear_address(s, offset), size, privilege());
}

bool Cpu::check_write_linear(u64 linear, unsigned bytes, Privilege who) {
    const TlbEntry& entry = mmu_->tlb(who).entry(linear);
    if (((linear + bytes - 1) & kPageMask) == entry.write_tag) return true;
    if (mmu_->may_store_flagged(linear, bytes, who)) return true;
    PageFault page_fault;
    if (mmu_->probe(LinearAddr(linear), bytes, AccessKind::Write, who, page_fault)) return true;
    fault = {Vector::PF, true, page_fault.error_code, page_fault.address.value};
    return false;
}

bool Cpu::check_write(Seg seg, u64 offset, unsigned bytes) {
    u64 linear;
    if (!check_write_segment(seg, offset, bytes, linear)) return false;
    if (alignment_checked() && misaligned(linear, bytes)) {
        raise(Vector::AC, 0);
        return false;
    }
    return check_write_linear(linear, bytes, privilege());
}

bool Cpu::segment_fault(Seg seg) {
    raise(seg == Seg::SS ? Vector::SS : Vector::GP, 0);
    return false;
}

// ---- stack ----------------------------------------------------------------------------------------------

bool Cpu::push(unsigned bytes, u64 value) {
    const u64 mask = stack_mask();
    const u64 sp = (state.gpr[reg::SP] - bytes) & mask;
    const bool ok = bytes == 2   ? write(Seg::SS, sp, static_cast<u16>(value))
                    : bytes == 4 ? write(Seg::SS, sp, static_cast<u32>(value))
                                 : write(Seg::SS, sp, value);
    if (!ok) return false;
    state.gpr[reg::SP] = (state.gpr[reg::SP] & ~mask) | sp;
    return true;
}

bool Cpu::pop(unsigned bytes, u64& value) {
    const u64 mask = stack_mask();
    const u64 sp = state.gpr[reg::SP] & mask;
    if (bytes == 2) {
        u16 word;
        if (!read(Seg::SS, sp, word)) return false;
        value = word;
    } else if (bytes == 4) {
        u32 word;
        if (!read(Seg::SS, sp, word)) return false;
        value = word;
    } else if (!read(Seg::SS, sp, value)) {
        return false;
    }
    state.gpr[reg::SP] = (state.gpr[reg::SP] & ~mask) | ((sp + bytes) & mask);
    return true;
}

Outcome Cpu::jump_near(u64 target, unsigned operand_bytes) {
    if (in_64bit_mode()) {
        if (!canonical(target)) return raise(Vector::GP, 0);
        state.rip = target;
        return Outcome::Jump;
    }
    if (operand_bytes == 2) target &= 0xffff;
    if (target > segment(Seg::CS).limit) return raise(Vector::GP, 0);
    state.rip = target;
    return Outcome::Jump;
}

// ---- ports and time -------------------------------------------------------------------------------------

// ---- pins -----------------------------------------------------------------------------------------------

void Cpu::set_line(unsigned pin, bool level) {
    switch (static_cast<CpuPin>(pin)) {
    case CpuPin::Intr:
        intr_ = level;
        if (level && (state.eflags & flag::IF)) break_chain();
        break;
    case CpuPin::Nmi:
        if (level && !nmi_level_) {
            state.nmi_pending = true;
            break_chain();
        }
        nmi_level_ = level;
        break;
    case CpuPin::Reset:
        if (level) reset_requested_ = true;
        break;
    case CpuPin::Ignne: ignne = level; break;
    case CpuPin::A20Mask: break;
    }
}

void Cpu::forget_blocks() {
    blocks_->flush();
    jump_cache.fill({});
}

bool Cpu::halted_for_good() const {
    return state.activity == Activity::Shutdown || state.activity == Activity::WaitForSipi ||
           (state.activity == Activity::Halted && !(state.eflags & flag::IF) && !state.nmi_pending);
}

bool Cpu::wake_up_pending() const {
    const bool unmasked = (state.eflags & flag::IF) || (state.activity == Activity::Waiting && state.wakes_masked);
    return (intr_ && unmasked) || (state.nmi_pending && !state.nmi_blocked);
}

bool Cpu::can_run() const {
    if (state.activity == Activity::WaitForSipi) return false;
    if (state.activity != Activity::Halted && state.activity != Activity::Waiting) return true;
    return wake_up_pending();
}

CpuState Cpu::architectural_state() const {
    CpuState copy = state;
    copy.eflags = eflags();
    return copy;
}

void Cpu::set_architectural_state(const CpuState& fresh) {
    state = fresh;
    state.gpr[16] = 0;
    set_eflags(fresh.eflags);
    update_paging(true);
    mmu_->flush_all();
    update_mode();
    monitor_unit_->rearm();
    performance_counters_->state_replaced();
}

}  // namespace gnomon
