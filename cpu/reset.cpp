// RESET and INIT, and the time-stamp counter, which counts from RESET. SDM Vol. 3, "Processor State After
// Reset".
#include "cpu/control_registers.h"
#include "cpu/cpu.h"
#include "cpu/model.h"
#include "cpu/performance_counters.h"
#include "cpu/system_registers.h"

namespace gnomon {
namespace {

/// What RESET and INIT have in common; what INIT keeps is copied afterwards.
CpuState initial_state(const CpuModel& model) {
    CpuState s;
    s.gpr[reg::DX] = model.signature();
    s.cr0 = cr0::ET;
    if (model.features.has(Feature::I486)) s.cr0 |= cr0::CD | cr0::NW;
    s.dr[6] = dr6::kFixed;
    s.dr[7] = dr7::kFixedOne;
    for (Segment& segment : s.segments) {
        segment.attributes = 0x93;  // present, read/write, accessed
        Cpu::update_windows(segment);
    }
    Segment& cs = s.segments[static_cast<unsigned>(Seg::CS)];
    cs.selector = 0xf000;
    cs.base = 0xffff0000;
    s.ldtr.attributes = 0x82;
    s.tr.attributes = 0x8b;
    return s;
}

}  // namespace

void Cpu::reset() {
    release_fpu();
    const u64 random = state.random;
    state = initial_state(model_);
    state.random = random;
    performance_counters_->state_replaced();
    state.msr.tsc_offset = -static_cast<i64>(clock_.now());
    lazy = {};
    update_paging(true);
    mmu_->flush_all();
    update_mode();
}

void Cpu::init() {
    CpuState fresh = initial_state(model_);
    fresh.fpu = state.fpu;
    fresh.msr = state.msr;
    fresh.performance = state.performance;
    fresh.msr.efer = 0;
    fresh.xcr0 = state.xcr0;
    fresh.pkru = state.pkru;
    fresh.random = state.random;
    fresh.cr0 = (fresh.cr0 & ~(cr0::CD | cr0::NW)) | (state.cr0 & (cr0::CD | cr0::NW));
    state = fresh;
    lazy = {};
    update_paging(true);
    mmu_->flush_all();
    update_mode();
}

void Cpu::startup(u8 vector) {
    if (state.activity != Activity::WaitForSipi) return;
    Segment& cs = segment(Seg::CS);
    cs.selector = static_cast<u16>(vector << 8);
    cs.base = u64{vector} << 12;
    state.rip = 0;
    state.activity = Activity::Active;
    update_mode();
}

/// 1 GHz: a tick is a nanosecond of the machine's clock, so that no timer disagrees with it.
u64 Cpu::time_stamp_counter() { return clock_.now() + static_cast<u64>(state.msr.tsc_offset); }

}  // namespace gnomon
