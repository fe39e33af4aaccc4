// Control register writes with their checks. SDM Vol. 2, MOV—Move to/from Control Registers; Vol. 3, "Control
// Registers".
#include "cpu/control_registers.h"

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

bool write_cr0(Cpu& cpu, u64 value) {
    CpuState& s = cpu.state;
    value = (value & cr0_supported(cpu.features())) | cr0::ET;
    if ((value & cr0::PG) && !(value & cr0::PE)) return refuse(cpu);
    if ((value & cr0::NW) && !(value & cr0::CD)) return refuse(cpu);
    const u64 changed = value ^ s.cr0;
    // SDM Vol. 3, "PDPTE Registers": loaded when PAE paging begins, or when CD, NW change under it.
    if ((s.cr4 & cr4::PAE) && (value & cr0::PG) && (changed & (cr0::PG | cr0::CD | cr0::NW)) &&
        !read_pdptes(cpu, s.cr3, s.pdpte))
        return false;
    const u64 before = std::exchange(s.cr0, value);
    if (CpuObserver* observer = cpu.observer()) observer->control_register(cpu, 0, before, value);
    if (changed & (cr0::PG | cr0::WP | cr0::PE)) cpu.update_paging(false);
    cpu.update_mode();
    return true;
}

bool write_cr3(Cpu& cpu, u64 value) {
    CpuState& s = cpu.state;
    value &= 0xffffffff;
    const u64 before = s.cr3;
    if ((s.cr0 & cr0::PG) && (s.cr4 & cr4::PAE)) {
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
    if ((value & cr4::PAE) && (s.cr0 & cr0::PG) && (changed & (cr4::PAE | cr4::PGE | cr4::PSE)) &&
        !read_pdptes(cpu, s.cr3, s.pdpte))
        return false;
    const u64 before = std::exchange(s.cr4, value);
    if (CpuObserver* observer = cpu.observer()) observer->control_register(cpu, 4, before, value);
    if (changed & (cr4::PAE | cr4::PGE | cr4::PSE)) cpu.update_paging(false);
    cpu.update_mode();
    return true;
}

}  // namespace gnomon
