// What follows from control registers and segments: access windows, the decode mode, the TLB in use, the
// MMU's view of paging. SDM Vol. 3, "Protected-Mode Memory Management", "Limit Checking".
#include "cpu/cpu.h"
#include "cpu/debug_registers.h"
#include "cpu/decode.h"
#include "cpu/eflags.h"
#include "cpu/model.h"
#include "cpu/observer.h"
#include "cpu/performance_counters.h"
#include "cpu/system_registers.h"

namespace gnomon {

void Cpu::update_windows(Segment& segment) {
    const u16 a = segment.attributes;
    const bool code = a & attribute::kCode;
    u32 low = 0;
    u32 high = segment.limit;
    if (!code && (a & attribute::kExpandDown)) {
        const u32 top = a & attribute::kBig ? 0xffffffff : 0xffff;
        low = segment.limit >= top ? 1 : segment.limit + 1;
        high = segment.limit >= top ? 0 : top;
    }
    constexpr u16 kUsable = attribute::kPresent | attribute::kCodeOrData;
    const bool usable = (a & kUsable) == kUsable;
    const bool readable = usable && (!code || (a & attribute::kReadable));
    const bool writable = usable && !code && (a & attribute::kWritable);
    segment.read_low = readable ? low : 1;
    segment.read_high = readable ? high : 0;
    segment.write_low = writable ? low : 1;
    segment.write_high = writable ? high : 0;
}

namespace {

bool flat(const Segment& s, bool code) {
    return s.base == 0 && s.read_low == 0 && s.read_high == 0xffffffff &&
           (code || (s.write_low == 0 && s.write_high == 0xffffffff));
}

}  // namespace

void Cpu::update_mode() {
    u32 key = 0;
    const Segment& cs = segment(Seg::CS);
    const Segment& ss = segment(Seg::SS);
    if ((state.msr.efer & efer::LMA) && (cs.attributes & attribute::kLong)) {
        // Segments have no limits; only FS and GS have a base.
        key |= mode::kCode64 | mode::kFlat | mode::kFlatEsDs;
    } else {
        if (cs.attributes & attribute::kBig) key |= mode::kCode32;
        if (ss.attributes & attribute::kBig) key |= mode::kStack32;
    }
    if (!(key & mode::kCode64) && flat(segment(Seg::DS), false) && flat(segment(Seg::ES), false)) {
        key |= mode::kFlatEsDs;
        if (flat(ss, false) && flat(cs, true)) key |= mode::kFlat;
    }
    const u64 dr7 = state.dr[7];
    if ((state.eflags & flag::TF) || state.pending_debug || (dr7 & dr7::kAnyEnable) || (state.msr.debug_control & debugctl::LBR) ||
        virtual_interrupt_due(*this))
        key |= mode::kSingle;
    if (alignment_checked() || (dr7 & dr7::kAnyEnable)) key |= mode::kChecked;
    const bool ts = state.cr0 & cr0::TS;
    const bool em = state.cr0 & cr0::EM;
    if (ts || em) key |= mode::kFpuTrap;
    if (!features_.has(Feature::FPU)) key |= mode::kNoFpu;
    if (ts) key |= mode::kSimdTrap;
    if (em) key |= mode::kMmxUndefined;
    if (em || !(state.cr4 & cr4::OSFXSR)) key |= mode::kSseUndefined;
    if (ts && (state.cr0 & cr0::MP)) key |= mode::kWaitTrap;
    if (!protected_mode()) key |= mode::kNoVex;
    constexpr u64 kYmmState = 6, kZmmState = 0xe6;    // of XCR0
    const u64 enabled = state.cr4 & cr4::OSXSAVE ? state.xcr0 : 0;
    if ((enabled & kYmmState) != kYmmState) key |= mode::kAvxUndefined;
    if ((enabled & kZmmState) != kZmmState) key |= mode::kAvx512Undefined;
    // Debug events are looked for in the run loop.
    const bool becomes_careful = key & ~mode_key & mode::kSingle;
    mode_key = key;
    // Nothing writes through Cpu::tlb; the MMU fills its own tables.
    if (key & mode::kChecked) {
        if (!empty_tlb_) empty_tlb_ = std::make_unique<Tlb>();
        tlb = empty_tlb_->entries.data();
    } else {
        tlb = mmu_->tlb(privilege()).entries.data();
    }
    if (becomes_careful || event_waiting()) break_chain();
    if (performance_counters_->by_privilege()) performance_counters_->privilege_changed();
    if (observer_) observer_->mode_updated(*this);
}

void Cpu::update_paging(bool cr3_written) {
    PagingState paging;
    paging.cr0 = state.cr0;
    paging.cr3 = state.cr3;
    paging.cr4 = state.cr4;
    paging.efer = state.msr.efer;
    paging.pdpte = state.pdpte;
    paging.physical_bits = model_.physical_bits;
    paging.nx_supported = features_.has(Feature::NX);
    paging.pse36 = features_.has(Feature::PSE36);
    paging.pat_supported = features_.has(Feature::PAT);
    paging.gigabyte_pages = features_.has(Feature::PDPE1GB);
    paging.pkru = state.pkru;
    paging.pkrs = state.msr.pkrs;
    mmu_->set_paging(paging, cr3_written);
}

}  // namespace gnomon
