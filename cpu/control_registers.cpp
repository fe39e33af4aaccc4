// Control register writes with their checks. SDM Vol. 2, MOV—Move to/from Control Registers; Vol. 3, "Control
// Registers".
#include "cpu/control_registers.h"

#include "cpu/apic/local_apic.h"
#include "cpu/long_mode.h"
#include "cpu/model.h"
#include "cpu/observer.h"
#include "cpu/system_registers.h"

namespace gnomon {
namespace {

bool refuse(Cpu& cpu) {
    cpu.raise(Vector::GP, 0);
    return false;
}

u64 cr0_supported(const FeatureSet& features) {
    u64 mask = cr0::PE | cr0::MP | cr0::EM | cr0::TS | cr0::PG;
    if (features.has(Feature::I486)) mask |= cr0::NE | cr0::WP | cr0::AM | cr0::NW | cr0::CD;
    return mask;
}

}  // namespace

u64 cr4_supported(const FeatureSet& features) {
    u64 mask = 0;
    const auto add = [&](Feature feature, u64 bits) {
        if (features.has(feature)) mask |= bits;
    };
    add(Feature::VME, cr4::VME | cr4::PVI);
    add(Feature::TSC, cr4::TSD);
    add(Feature::DE, cr4::DE);
    add(Feature::PSE, cr4::PSE);
    add(Feature::PAE, cr4::PAE);
    add(Feature::MCE, cr4::MCE);
    add(Feature::PGE, cr4::PGE);
    add(Feature::MMX, cr4::PCE);  // RDPMC came with MMX, and with the P6
    add(Feature::P6, cr4::PCE);
    add(Feature::FXSR, cr4::OSFXSR);
    add(Feature::SSE, cr4::OSXMMEXCPT);
    add(Feature::UMIP, cr4::UMIP);
    add(Feature::LA57, cr4::LA57);
    add(Feature::FSGSBASE, cr4::FSGSBASE);
    add(Feature::PCID, cr4::PCIDE);
    add(Feature::XSAVE, cr4::OSXSAVE);
    add(Feature::SMEP, cr4::SMEP);
    add(Feature::SMAP, cr4::SMAP);
    add(Feature::PKU, cr4::PKE);
    add(Feature::PKS, cr4::PKS);
    return mask;
}

bool read_pdptes(Cpu& cpu, u64 cr3, std::array<u64, 4>& out) {
    PagingState paging;
    paging.cr3 = cr3;
    paging.physical_bits = cpu.model().physical_bits;
    std::array<u64, 4> entries;
    if (!load_pdptes(cpu.mmu().physical_map(), paging, entries)) return refuse(cpu);
    out = entries;
    return true;
}

namespace {

/// What EFER.LMA will be under this CR0: IA-32e mode is entered and left by CR0.PG.
u64 efer_under(u64 efer, u64 cr0) {
    const bool active = (efer & efer::LME) && (cr0 & cr0::PG);
    return active ? efer | efer::LMA : efer & ~efer::LMA;
}

/// SDM Vol. 3, "Initializing IA-32e Mode", "IA-32e Mode System Data Structures": what must hold when CR0.PG changes.
bool mode_switch_allowed(const Cpu& cpu, bool paging) {
    const CpuState& s = cpu.state;
    const bool code_is_long = cpu.segment(Seg::CS).attributes & attribute::kLong;
    if (!paging) return !cpu.in_64bit_mode() && !(s.cr4 & cr4::PCIDE);
    if (!(s.msr.efer & efer::LME)) return true;
    const bool tss_is_16bit = !(attribute::type(s.tr.attributes) & 8);
    return (s.cr4 & cr4::PAE) && !code_is_long && !tss_is_16bit;
}

/// The PDPTE registers are those of PAE paging only.
bool pae_paging(const CpuState& s, u64 cr0, u64 cr4) {
    return (cr0 & cr0::PG) && (cr4 & cr4::PAE) && !(efer_under(s.msr.efer, cr0) & efer::LMA);
}

}  // namespace

bool write_cr0(Cpu& cpu, u64 value) {
    CpuState& s = cpu.state;
    if (value >> 32) return refuse(cpu);
    value = (value & cr0_supported(cpu.features())) | cr0::ET;
    if ((value & cr0::PG) && !(value & cr0::PE)) return refuse(cpu);
    if ((value & cr0::NW) && !(value & cr0::CD)) return refuse(cpu);
    const u64 changed = value ^ s.cr0;
    if ((changed & cr0::PG) && !mode_switch_allowed(cpu, value & cr0::PG)) return refuse(cpu);
    // SDM Vol. 3, "PDPTE Registers": loaded when PAE paging begins, or when CD, NW change under it.
    if (pae_paging(s, value, s.cr4) && (changed & (cr0::PG | cr0::CD | cr0::NW)) &&
        !read_pdptes(cpu, s.cr3, s.pdpte))
        return false;
    const u64 before = std::exchange(s.cr0, value);
    if (CpuObserver* observer = cpu.observer()) observer->control_register(cpu, 0, before, value);
    s.msr.efer = efer_under(s.msr.efer, value);
    if (changed & (cr0::PG | cr0::WP | cr0::PE)) cpu.update_paging(false);
    cpu.update_mode();
    return true;
}

bool write_cr3(Cpu& cpu, u64 value) {
    CpuState& s = cpu.state;
    const u64 before = s.cr3;
    if (long_mode(cpu)) {
        // With PCIDs, bit 63 asks to keep the translations of the new one. They are always kept: the shadow tables
        // hold them, and stay coherent.
        if (s.cr4 & cr4::PCIDE) value &= ~(u64{1} << 63);
        if (value >> cpu.model().physical_bits) return refuse(cpu);
        s.cr3 = value;
    } else if (pae_paging(s, s.cr0, s.cr4)) {
        value &= 0xffffffff;
        if (!read_pdptes(cpu, value, s.pdpte)) return false;
        s.cr3 = value & ~u64{0x07};
    } else {
        s.cr3 = value & 0xfffff018;  // PWT and PCD are kept; the other low bits are reserved and ignored
    }
    if (CpuObserver* observer = cpu.observer()) observer->control_register(cpu, 3, before, s.cr3);
    cpu.update_paging(true);
    return true;
}

bool write_cr4(Cpu& cpu, u64 value) {
    CpuState& s = cpu.state;
    if (value & ~cr4_supported(cpu.features())) return refuse(cpu);
    const u64 changed = value ^ s.cr4;
    if (long_mode(cpu)) {
        if (!(value & cr4::PAE) || (changed & cr4::LA57)) return refuse(cpu);
        if ((changed & value & cr4::PCIDE) && (s.cr3 & 0xfff)) return refuse(cpu);
    } else if (changed & value & cr4::PCIDE) {
        return refuse(cpu);
    }
    if (pae_paging(s, s.cr0, value) && (changed & (cr4::PAE | cr4::PGE | cr4::PSE | cr4::SMEP)) &&
        !read_pdptes(cpu, s.cr3, s.pdpte))
        return false;
    const u64 before = std::exchange(s.cr4, value);
    if (CpuObserver* observer = cpu.observer()) observer->control_register(cpu, 4, before, value);
    constexpr u64 kPaging = cr4::PAE | cr4::PGE | cr4::PSE | cr4::LA57 | cr4::PCIDE | cr4::SMEP | cr4::SMAP | cr4::PKE | cr4::PKS;
    if (changed & kPaging) cpu.update_paging(false);
    cpu.update_mode();
    return true;
}

bool write_cr8(Cpu& cpu, u64 value) {
    if (value > 15) return refuse(cpu);
    if (cpu.apic) {
        cpu.sync_clock();
        cpu.apic->set_task_priority(static_cast<u8>(value));
        if (cpu.event_waiting()) cpu.break_chain();
    } else {
        cpu.state.task_priority = static_cast<u8>(value);
    }
    return true;
}

u64 read_cr8(const Cpu& cpu) { return cpu.apic ? cpu.apic->task_priority() : cpu.state.task_priority; }

bool write_efer(Cpu& cpu, u64 value) {
    CpuState& s = cpu.state;
    const FeatureSet& features = cpu.features();
    u64 writable = 0;
    if (features.has(Feature::SYSCALL)) writable |= efer::SCE;
    if (features.has(Feature::NX)) writable |= efer::NXE;
    if (features.has(Feature::LongMode)) writable |= efer::LME;
    if (features.has(Feature::LongMode) && cpu.model().vendor == kVendorAmd) writable |= efer::FFXSR;
    if (value & ~(writable | efer::LMA)) return false;
    if (((value ^ s.msr.efer) & efer::LME) && (s.cr0 & cr0::PG)) return false;
    // LMA only tells; what is written to it is ignored.
    s.msr.efer = (value & writable) | (s.msr.efer & efer::LMA);
    cpu.update_paging(false);
    return true;
}

}  // namespace gnomon
